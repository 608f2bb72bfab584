#include "gort/roots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bitset.h"
#include "base/hash.h"
#include "gort/root_builder.h"
#include "gort/stack.h"

enum { SECTION_WORDS = 65536 };

/* Finds or makes a holder of that name; names are few. */
struct error *root_holder(struct root_builder *b, enum root_kind kind, uint8_t class,
                          const char *name, uint32_t *out)
{
    uint64_t *value, key = (hash_bytes(name, strlen(name)) ^ hash_mix(kind + 1u)) | 1;
    bool added;
    TRY(hash_map_insert(&b->holders, key, &value, &added));
    if (added) {
        uint32_t root;
        TRY(root_new(
            b, GRAPH_NONE, class,
            (struct root_info){.kind = (uint8_t)kind,
                               .name = arena_copy_string(&b->table->arena, name, strlen(name)),
                               .variable = GRAPH_NONE,
                               .goroutine = GRAPH_NONE,
                               .group = GRAPH_NONE},
            &root));
        TRY(hash_map_insert(&b->holders, key, &value, NULL));
        *value = root + 1u;
    }
    *out = (uint32_t)*value - 1;
    b->table->infos.data[*out].count++;
    return NULL;
}

struct error *root_new(struct root_builder *b, uint32_t parent, uint8_t class,
                       struct root_info info, uint32_t *out)
{
    TRY(graph_add_root(b->graph, parent, class, out));
    return vector_push(&b->table->infos, info);
}

struct error *root_edge(struct root_builder *b, uint32_t root, uint64_t address)
{
    if (address - b->heap->low >= b->heap->high - b->heap->low)
        return NULL;
    uint32_t id = heap_find(b->heap, address);
    if (id == HEAP_NONE)
        return NULL;
    if (heap_page_has_no_pointers(b->heap, address))
        id |= GRAPH_LEAF;
    return graph_add_root_edge(b->graph, root, id);
}

static struct error *variable_root(struct root_builder *b, uint32_t variable, uint32_t *out)
{
    const struct variable *v = &b->variables->items.data[b->variables->items.data[variable].owner];
    uint32_t owner = (uint32_t)(v - b->variables->items.data);
    if (b->variable_roots[owner] == GRAPH_NONE)
        TRY(root_new(b, GRAPH_NONE, v->is_runtime ? ROOT_CLASS_RUNTIME : ROOT_CLASS_PROGRAM,
                     (struct root_info){.kind = v->is_runtime ? ROOT_RUNTIME : ROOT_GLOBAL,
                                        .name = v->name,
                                        .variable = owner,
                                        .goroutine = GRAPH_NONE,
                                        .group = GRAPH_NONE,
                                        .count = 1},
                     &b->variable_roots[owner]));
    *out = b->variable_roots[owner];
    return NULL;
}

static struct error *add_section(struct root_builder *b, uint64_t start, uint64_t end,
                                 const struct go_pointer_mask *mask)
{
    CLEANUP_FREE uint64_t *words = NULL;
    TRY(memory_array(SECTION_WORDS, 8, &words));
    for (uint64_t at = start; at < end; at += SECTION_WORDS * 8) {
        uint64_t n = MIN_OF((end - at) / 8, (uint64_t)SECTION_WORDS);
        TRY(target_read_sparse(b->runtime->target, at, words, n * 8));
        for (uint64_t i = 0; i < n; i++) {
            uint64_t bit = (at - start) / 8 + i;
            if (bit >= mask->bits || !(mask->bytes[bit / 8] >> (bit % 8) & 1) ||
                words[i] - b->heap->low >= b->heap->high - b->heap->low ||
                heap_find(b->heap, words[i]) == HEAP_NONE)
                continue;
            uint32_t variable = variable_at(b->variables, at + i * 8), root;
            if (variable == UINT32_MAX)
                return error_fault(at + i * 8, "no variable at 0x%" PRIx64, at + i * 8);
            TRY(variable_root(b, variable, &root));
            TRY(root_edge(b, root, words[i]));
        }
    }
    return NULL;
}

static struct error *add_globals(struct root_builder *b)
{
    const struct go_module *m = &b->runtime->module;
    uint64_t count = b->variables->items.count;
    TRY(memory_array(count, sizeof(uint32_t), &b->variable_roots));
    memset(b->variable_roots, 0xff, count * sizeof(uint32_t));
    TRY(add_section(b, m->data, m->data_end, &m->data_mask));
    return add_section(b, m->bss, m->bss_end, &m->bss_mask);
}

/* -- goroutines ------------------------------------------------------------------------------ */

struct stack_reading {
    struct root_builder *b;
    struct code_stand stand;
};

static struct error *note_frame(void *context, const struct stack_frame *frame)
{
    struct stack_reading *reading = context;
    return code_stand_note(&reading->b->places, frame, &reading->stand);
}

static struct error *note_pointer(void *context, const struct stack_frame *frame, uint64_t slot,
                                  uint64_t value)
{
    struct root_builder *b = ((struct stack_reading *)context)->b;
    (void)slot;
    if (value - b->heap->low >= b->heap->high - b->heap->low ||
        heap_find(b->heap, value) == HEAP_NONE)
        return NULL;
    return vector_push(&b->stack_words, (struct stack_word){.frame = frame->index,
                                                            .function = frame->function,
                                                            .lookup_pc = frame->lookup_pc,
                                                            .value = value});
}

/* A root for each frame with words, below the goroutine's. */
static struct error *add_frames(struct root_builder *b, uint32_t goroutine, uint32_t root)
{
    const struct root_info of = b->table->infos.data[root];
    uint8_t class = b->graph->roots.data[root].class;
    uint32_t frame = GRAPH_NONE, frame_root = GRAPH_NONE;
    for (uint64_t i = 0; i < b->stack_words.count; i++) {
        const struct stack_word *word = &b->stack_words.data[i];
        if (frame_root == GRAPH_NONE || frame != word->frame) {
            const struct code_place *place = NULL;
            if (word->function != PCLNTAB_NONE)
                TRY(code_place_at(&b->places, word->lookup_pc, &place));
            frame = word->frame;
            TRY(root_new(b, root, class,
                         (struct root_info){.kind = ROOT_FRAME,
                                            .name = place ? place->name : "unknown frames",
                                            .variable = GRAPH_NONE,
                                            .goroutine = goroutine,
                                            .group = of.group,
                                            .count = 1},
                         &frame_root));
        }
        TRY(root_edge(b, frame_root, word->value));
    }
    return NULL;
}

static struct error *place_of(struct root_builder *b, uint64_t pc, const char **out)
{
    const struct code_place *place = NULL;
    if (pc)
        TRY(code_place_at(&b->places, pc, &place));
    *out = place ? place->at : "";
    return NULL;
}

static struct error *find_group(struct root_builder *b, const struct goroutine *g,
                                const struct code_stand *stand, uint32_t *out)
{
    struct root_table *table = b->table;
    uint64_t *value, key = hash_mix(g->created_by_pc ^ hash_mix(g->start_pc)) ^
                           hash_bytes(g->state, strlen(g->state)) ^ hash_mix(stand->top_pc + 7) ^
                           hash_mix(hash_mix(stand->stuck_pc));
    bool added;
    TRY(hash_map_insert(&b->group_index, key | 1, &value, &added));
    if (added) {
        const char *created_at, *top_at;
        *value = table->groups.count + 1;
        TRY(place_of(b, g->created_by_pc ? g->created_by_pc - 1 : 0, &created_at));
        TRY(place_of(b, stand->top_pc, &top_at));
        TRY(vector_push(
            &table->groups,
            (struct goroutine_group){
                .state = arena_copy_string(&table->arena, g->state, strlen(g->state)),
                .created_by = goroutine_creator(b->runtime, g),
                .function = stand->function ? stand->function : goroutine_function(b->runtime, g),
                .top = stand->top ? stand->top : "",
                .stuck = stand->stuck ? stand->stuck : "",
                .stuck_at = stand->stuck ? stand->stuck_at : "",
                .created_by_pc = g->created_by_pc,
                .top_pc = stand->top_pc,
                .created_at = created_at,
                .top_at = top_at,
                .root = GRAPH_NONE,
                .is_system = g->is_system,
            }));
    }
    *out = (uint32_t)*value - 1;
    struct goroutine_group *group = &table->groups.data[*out];
    group->count++;
    group->stack_bytes += goroutine_stack_bytes(g);
    if (g->wait_since_ns && (!group->oldest_wait_ns || g->wait_since_ns < group->oldest_wait_ns))
        group->oldest_wait_ns = g->wait_since_ns;
    return NULL;
}

static struct error *add_goroutine(struct root_builder *b, uint32_t index)
{
    const struct goroutine *g = &b->goroutines->items.data[index];
    struct stack_reading reading = {.b = b};
    struct stack_visitor visitor = {
        .frame = note_frame, .pointer = note_pointer, .context = &reading};
    bool complete = true;
    uint32_t group, root;
    b->stack_words.count = 0;
    TRY(stack_walk(b->runtime, g, &visitor, &complete));
    b->table->damaged_stacks += !complete;
    TRY(find_group(b, g, &reading.stand, &group));
    uint8_t class = g->is_system ? ROOT_CLASS_RUNTIME : ROOT_CLASS_PROGRAM;
    uint32_t holder = b->table->groups.data[group].root;
    if (holder == GRAPH_NONE) {
        TRY(root_new(b, GRAPH_NONE, class,
                     (struct root_info){.kind = g->is_system ? ROOT_RUNTIME : ROOT_GOROUTINES,
                                        .name = b->table->groups.data[group].function,
                                        .variable = GRAPH_NONE,
                                        .goroutine = index,
                                        .group = group},
                     &holder));
        b->table->groups.data[group].root = holder;
    }
    b->table->infos.data[holder].count++;
    TRY(root_new(
        b, holder, class,
        (struct root_info){.kind = ROOT_GOROUTINE,
                           .name = arena_printf(&b->table->arena, "goroutine %" PRIu64, g->id),
                           .variable = GRAPH_NONE,
                           .goroutine = index,
                           .group = group,
                           .count = 1},
        &root));
    b->table->goroutine_roots[index] = root;
    return add_frames(b, index, root);
}

struct error *roots_add(struct go_runtime *runtime, const struct heap *heap,
                        const struct goroutine_list *goroutines,
                        const struct variable_table *variables, struct graph *graph,
                        struct root_table *out)
{
    struct root_table table = {0};
    arena_init(&table.arena);
    struct root_builder builder = {
        .runtime = runtime,
        .heap = heap,
        .goroutines = goroutines,
        .variables = variables,
        .graph = graph,
        .table = &table,
    };
    code_places_init(&builder.places, runtime, &table.arena);
    struct error *error =
        memory_array(goroutines->items.count, sizeof(uint32_t), &table.goroutine_roots);
    if (!error) {
        memset(table.goroutine_roots, 0xff, goroutines->items.count * sizeof(uint32_t));
        error = add_globals(&builder);
    }
    for (uint32_t i = 0; i < goroutines->items.count && !error; i++)
        error = add_goroutine(&builder, i);
    if (!error)
        error = roots_add_timers(&builder);
    if (!error)
        error = roots_add_specials(&builder);
    if (!error)
        error = roots_add_queued(&builder);
    if (!error)
        error = roots_add_tiny_blocks(&builder);
    hash_map_deinit(&builder.holders);
    hash_map_deinit(&builder.group_index);
    code_places_deinit(&builder.places);
    vector_deinit(&builder.stack_words);
    free(builder.variable_roots);
    if (error) {
        root_table_deinit(&table);
        return error_wrap(error, "the roots cannot be read");
    }
    *out = table;
    return NULL;
}

void root_table_deinit(struct root_table *table)
{
    vector_deinit(&table->infos);
    vector_deinit(&table->groups);
    vector_deinit(&table->pending_timers);
    vector_deinit(&table->deferred_calls);
    free(table->goroutine_roots);
    arena_deinit(&table->arena);
}
