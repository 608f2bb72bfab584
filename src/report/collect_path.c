#include "report/collect_path.h"

#include <inttypes.h>
#include <string.h>

#include "gort/root_names.h"

/* The edge from one object to another as the program writes it: ".next", "[17]", "[value]". */
static const char *object_edge(struct analysis *a, uint32_t from, uint32_t to, struct arena *arena)
{
    const struct heap_span *span = heap_span_of(&a->heap, from);
    uint64_t header = span->has_header ? 8 : 0, offset;
    if (!edge_words_find(&a->words, &a->heap, a->graph, from, to, &offset))
        return ""; /* dominated, but not pointed to directly */
    return typing_member(&a->typing, typing_type(&a->typing, from), offset - header,
                         span->element_size - header, arena);
}

/* The word at offset in a variable as the program writes it. */
static const char *variable_word(struct analysis *a, const struct variable *v, uint64_t offset,
                                 struct arena *arena)
{
    uint32_t type = v->type_descriptor ? type_at(&a->typing.table, v->type_descriptor) : TYPE_NONE;
    const char *member = type == TYPE_NONE
                             ? variable_member(v, offset, arena)
                             : typing_member(&a->typing, type, offset, v->size, arena);
    return member && (*member || v->slot_count || !offset)
               ? member
               : arena_printf(arena, "+0x%" PRIx64, offset);
}

/* The edge from a variable or a static value of it to an object, NULL when there is none. */
static const char *edge_of_part(struct analysis *a, const struct variable *v, uint32_t to,
                                struct arena *arena)
{
    uint64_t offset;
    if (!edge_words_find_variable(&a->words, v->address, v->size, to, &offset))
        return NULL;
    const char *member = variable_word(a, v, offset, arena);
    return v->path ? arena_printf(arena, "%s%s", v->path, member) : member;
}

/* The edge from a variable to an object, perhaps through its static values. */
static const char *variable_edge(struct analysis *a, uint32_t variable, uint32_t to,
                                 struct arena *arena)
{
    const struct variable_table *table = &a->variables;
    const char *edge = edge_of_part(a, &table->items.data[variable], to, arena);
    for (uint32_t i = 0; i < table->items.count && !edge; i++) {
        const struct variable *v = &table->items.data[i];
        if (v->owner == variable && v->path)
            edge = edge_of_part(a, v, to, arena);
    }
    return edge ? edge : "";
}

/* Parts of maps are not steps that the program knows: what they lead to is a key or a value. */
bool collect_is_map_part(const struct analysis *a, uint32_t id)
{
    uint32_t type = typing_type(&a->typing, id);
    if (type == TYPE_NONE)
        return false;
    const struct go_type *t = &a->typing.table.types.data[type];
    return t->pseudo == PSEUDO_MAP_PART || strstr(t->name, "maps.table") ||
           !strncmp(t->name, "map.group[", 10) || !strncmp(t->name, "map.bucket[", 11) ||
           !strncmp(t->name, "group[", 6) || !strncmp(t->name, "bucket[", 7);
}

static const char *map_edge(const char *edge)
{
    return strstr(edge, ".key") ? "[key]" : "[value]";
}

static const char *type_of_object(struct analysis *a, uint32_t id, struct arena *arena,
                                  bool *out_guessed)
{
    const char *name = typing_name(&a->typing, id, arena);
    *out_guessed = typing_strength(&a->typing, id) == TYPE_GUESSED;
    return arena_copy_string(arena, name, strlen(name));
}

/* A variable's type, told by what it points to when nothing else is known. */
static const char *pointing_type(struct analysis *a, uint32_t id, struct arena *arena)
{
    uint32_t type = typing_type(&a->typing, id);
    if (type == TYPE_NONE)
        return "";
    const struct go_type *t = &a->typing.table.types.data[type];
    if (t->pseudo == PSEUDO_CLOSURE)
        return "func";
    if (t->pseudo == PSEUDO_STRING_DATA)
        return "string";
    if (t->pseudo || collect_is_map_part(a, id))
        return "";
    if (t->kind == KIND_MAP || t->kind == KIND_CHAN)
        return arena_copy_string(arena, t->name, strlen(t->name));
    return arena_printf(arena, "%s%s", typing_count(&a->typing, id) > 1 ? "[]" : "*", t->name);
}

static const char *edge_between(struct analysis *a, uint32_t node, uint32_t child,
                                struct arena *arena)
{
    const struct graph *graph = a->graph;
    if (child >= graph->object_ids)
        return "";
    if (node < graph->object_ids)
        return object_edge(a, node, child, arena);
    uint32_t variable = a->roots.infos.data[node - graph->object_ids].variable;
    return variable == GRAPH_NONE ? "" : variable_edge(a, variable, child, arena);
}

const char *collect_edge(struct analysis *a, uint32_t from, uint32_t to, struct arena *arena)
{
    const char *edge = edge_between(a, from, to, arena);
    return from < a->graph->object_ids && collect_is_map_part(a, from) ? map_edge(edge) : edge;
}

struct error *collect_path(struct analysis *a, uint32_t root, const uint32_t *way,
                           uint32_t steps_max, struct arena *arena, struct report_holder *holder)
{
    struct graph *graph = a->graph;
    struct report_step *steps = arena_alloc(arena, steps_max * sizeof(*steps));
    uint32_t node = graph_root_node(graph, root), count = 0;
    steps[count++] = (struct report_step){
        .name = holder->name,
        .type = holder->type,
        .retained_bytes = holder->retained_bytes,
        .edge = "",
    };
    for (unsigned hop = 0; hop < COLLECT_PATH_HOPS && count < steps_max; hop++) {
        uint32_t child = way[hop];
        if (child == GRAPH_NONE)
            break;
        const char *edge = collect_edge(a, node, child, arena);
        bool is_object = child < graph->object_ids;
        node = child;
        if (is_object && collect_is_map_part(a, node))
            continue;
        struct report_step step = {
            .retained_bytes = graph_retained_bytes(graph, child), .edge = "", .type = ""};
        if (is_object) {
            step.name = edge;
            step.type = type_of_object(a, node, arena, &step.type_guessed);
            step.address = heap_address(&a->heap, node);
            if (count == 1 && !holder->type[0] && !strcmp(holder->kind, "global")) {
                holder->type = pointing_type(a, node, arena);
                holder->type_guessed = step.type_guessed;
                steps[0].type = holder->type;
            }
        } else {
            const char *name = root_name(a, node - graph->object_ids, arena);
            step.name = arena_copy_string(arena, name, strlen(name));
        }
        steps[count - 1].edge = is_object ? edge : "";
        steps[count++] = step;
    }
    holder->path = steps;
    holder->path_count = count;
    return NULL;
}
