/* The tables of a snapshot from an analysis. Nothing here may come from the heap's contents: names
 * are those of the program (symbols, type section, function table). */
#include <string.h>
#include <time.h>

#include "gort/code_places.h"
#include "gort/root_names.h"
#include "gort/stack.h"
#include "report/collect_path.h"
#include "report/snapshot_tables.h"

enum {
    TYPES_MAX = 1 << 20,
    FRAMES_KEPT = 100, /* half of them from each end, as the runtime's own dump does */
};

/* -- types ----------------------------------------------------------------------------------- */

/* Index + 1 of the type whose descriptor is at address. New ones come at the end of the table, so
 * that the loop over it meets them, too. */
static uint32_t type_number(struct type_table *table, uint64_t address)
{
    if (!address || table->types.count >= TYPES_MAX)
        return 0;
    uint32_t type = type_at(table, address);
    return type == TYPE_NONE ? 0 : type + 1;
}

static void add_fields(struct type_table *table, uint32_t type, struct arena *arena,
                       struct snapshot_type *out)
{
    uint32_t count = table->types.data[type].field_count;
    struct type_table *t = table;
    out->fields = arena_alloc(arena, count * sizeof(*out->fields));
    for (uint32_t i = 0; i < count; i++) {
        struct go_type_field field;
        if (!type_field(t, type, i, &field))
            break;
        out->fields[out->field_count++] = (struct snapshot_field){
            .name = field.name,
            .offset = field.offset,
            .type = type_number(t, field.type),
            .embedded = field.embedded,
        };
    }
}

struct error *snapshot_collect_types(struct analysis *analysis, struct snapshot_types *out)
{
    struct type_table *table = &analysis->typing.table;
    for (uint32_t i = 0; i < table->types.count; i++) {
        struct go_type type = table->types.data[i]; /* a copy: the table may move */
        struct snapshot_type made = {
            .name = arena_copy_string(&out->arena, type.name, strlen(type.name)),
            .size = type.size,
            .length = type.length,
            .kind = type.kind,
            .pseudo = type.pseudo,
            .is_map_header = type.is_map_header,
            .element = type_number(table, type.element),
            .key = type_number(table, type.key),
            .group = type_number(table, type.group),
        };
        if (type.kind == KIND_STRUCT && !type.pseudo)
            add_fields(table, i, &out->arena, &made);
        TRY(vector_push(&out->items, made));
    }
    return NULL;
}

/* -- roots ----------------------------------------------------------------------------------- */

struct error *snapshot_collect_roots(struct analysis *analysis, struct snapshot_roots *out)
{
    const struct root_table *roots = &analysis->roots;
    TRY(vector_reserve(&out->items, roots->infos.count));
    for (uint32_t r = 0; r < roots->infos.count; r++) {
        const struct root_info *info = &roots->infos.data[r];
        struct snapshot_root root = {
            .kind = info->kind,
            .name = root_name(analysis, r, &out->arena),
            .type = "",
            .count = info->count,
            .goroutine = info->goroutine == GRAPH_NONE ? 0 : info->goroutine + 1,
        };
        if (info->variable != GRAPH_NONE) {
            const struct variable *v = &analysis->variables.items.data[info->variable];
            root.type = v->type_name;
            root.address = v->address;
            root.size = v->size;
        }
        TRY(vector_push(&out->items, root));
    }
    return NULL;
}

/* -- goroutines ------------------------------------------------------------------------------ */

struct frame_collector {
    struct analysis *analysis;
    struct snapshot_goroutines *out;
    uint8_t wrapper_id;
    struct hash_map places; /* pc to look up → index of its first place << 8 | how many */
    /* the innermost frames, and behind them a ring of the last */
    uint32_t first[FRAMES_KEPT / 2], last[FRAMES_KEPT / 2];
    uint64_t count; /* places met */
};

static bool is_upper(const char *name)
{
    return *name >= 'A' && *name <= 'Z';
}

/* As runtime/traceback.go has it (showfuncinfo): the runtime's functions, but not its API:
 * runtime.GC, runtime.(*Func).Name. */
static bool is_hidden(const char *name)
{
    uint64_t prefix = strlen("runtime.");
    if (!strchr(name, '.'))
        return true;
    if (strncmp(name, "runtime.", prefix))
        return false;
    name += prefix;
    if (!strncmp(name, "(*", 2))
        name += 2;
    const char *last = strrchr(name, '.');
    return !is_upper(name) || (last && !is_upper(last + 1));
}

static bool is_wrapper(const struct frame_collector *c, uint64_t pc)
{
    struct pclntab *table = c->analysis->runtime->pclntab;
    struct pclntab_function function = {0};
    uint32_t index = pclntab_find(table, pc);
    struct error *error = index == PCLNTAB_NONE ? NULL : pclntab_function(table, index, &function);
    bool known = !error && index != PCLNTAB_NONE;
    error_destroy(error);
    return known && function.func_id == c->wrapper_id;
}

/* The places of a pc: the function there, and those that it is inlined into. */
static struct error *places_of(struct frame_collector *c, uint64_t pc, uint32_t *out_first,
                               uint32_t *out_count)
{
    struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
    struct analysis *a = c->analysis;
    uint64_t *value;
    bool added;
    TRY(hash_map_insert(&c->places, pc + 1, &value, &added));
    if (added) {
        uint64_t first = c->out->places.count;
        uint32_t n = pclntab_frames(a->runtime->pclntab, a->target, pc, frames);
        bool wrapper = is_wrapper(c, pc);
        for (uint32_t i = 0; i < n; i++) {
            struct snapshot_place place = {
                .function = frames[i].function,
                .file = frames[i].file,
                .line = frames[i].line,
                .inlined = frames[i].inlined,
                .wrapper = wrapper && i == n - 1,
                /* 1.15 shows what is inlined where it shows the function around it */
                .hidden = is_hidden(frames[a->runtime->minor <= 15 ? n - 1 : i].function),
            };
            TRY(vector_push(&c->out->places, place));
        }
        *value = first << 8 | n;
    }
    *out_first = (uint32_t)(*value >> 8);
    *out_count = *value & 0xff;
    return NULL;
}
_Static_assert(PCLNTAB_FRAMES_MAX < 256, "a count of frames fits a byte");

static struct error *add_frame(void *context, const struct stack_frame *frame)
{
    struct frame_collector *c = context;
    uint32_t first, count;
    if (frame->function == PCLNTAB_NONE)
        return NULL;
    TRY(places_of(c, frame->lookup_pc, &first, &count));
    for (uint32_t i = 0; i < count; i++, c->count++) {
        if (c->count < ARRAY_COUNT(c->first))
            c->first[c->count] = first + i;
        else
            c->last[c->count % ARRAY_COUNT(c->last)] = first + i;
    }
    return NULL;
}

static void keep_frames(const struct frame_collector *c, struct snapshot_goroutine *out)
{
    uint64_t kept = MIN_OF(c->count, (uint64_t)FRAMES_KEPT), head = ARRAY_COUNT(c->first);
    out->frames = arena_alloc(&c->out->arena, kept * sizeof(uint32_t));
    out->frame_count = (uint32_t)kept;
    out->frames_left_out = c->count - kept;
    for (uint64_t i = 0; i < kept; i++)
        out->frames[i] =
            i < head ? c->first[i] : c->last[(c->count - kept + i) % ARRAY_COUNT(c->last)];
}

/* The types' names are the program's own. */
static void add_waits(struct frame_collector *c, uint64_t index, struct snapshot_goroutine *out)
{
    const struct analysis *a = c->analysis;
    const struct blocked_table *blocked = &a->facts.blocked;
    enum blocked_operation operation = blocked_operation_of(blocked, index);
    out->operation = blocked_operation_text(operation);
    out->waits_for = blocked_object_kind(operation);
    if (operation == BLOCKED_NOT)
        return;
    uint32_t first = blocked->begin[index], end = blocked->begin[index + 1];
    out->waits = arena_alloc(&c->out->arena, (end - first) * sizeof(*out->waits));
    out->wait_count = end - first;
    for (uint32_t i = first; i < end; i++) {
        const struct blocked_object *object = &blocked->objects.data[i];
        uint32_t type =
            object->object == HEAP_NONE ? TYPE_NONE : typing_type(&a->typing, object->object);
        out->waits[i - first] = (struct snapshot_wait){
            .address = object->address,
            .type = type == TYPE_NONE ? "" : a->typing.table.types.data[type].name,
        };
    }
}

static struct error *add_goroutine(struct frame_collector *c, uint64_t index, uint64_t now)
{
    struct analysis *a = c->analysis;
    const struct goroutine *g = &a->goroutines.items.data[index];
    struct stack_visitor visitor = {.frame = add_frame, .context = c};
    bool complete;
    struct snapshot_goroutine made = {
        .id = g->id,
        .parent_id = g->parent_id,
        .status = (uint8_t)g->status,
        .system = g->is_system,
        .state = g->state,
        .waiting_ns = g->wait_since_ns && g->wait_since_ns < now ? now - g->wait_since_ns : 0,
        .stack_bytes = goroutine_stack_bytes(g),
        .function = goroutine_function(a->runtime, g),
        .locked = g->locked_m != 0,
        .root = a->roots.goroutine_roots[index] + 1, /* GRAPH_NONE becomes 0 */
    };
    uint32_t first, count = 0;
    add_waits(c, index, &made);
    c->count = 0;
    TRY(stack_walk(a->runtime, g, &visitor, &complete));
    made.stack_damaged = !complete;
    keep_frames(c, &made);
    if (g->created_by_pc)
        TRY(places_of(c, g->created_by_pc - 1, &first, &count));
    if (count)
        made.created_at = first + count; /* the last: the function that was not inlined */
    return vector_push(&c->out->items, made);
}

struct error *snapshot_collect_goroutines(struct analysis *analysis,
                                          struct snapshot_goroutines *out)
{
    struct frame_collector collector = {
        .analysis = analysis, .out = out, .wrapper_id = code_wrapper_id(analysis->runtime)};
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    /* the runtime's clock is the system's; a core's is over */
    uint64_t now = analysis->target->kind == TARGET_LIVE
                       ? (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec
                       : 0;
    struct error *error = NULL;
    for (uint64_t i = 0; i < analysis->goroutines.items.count && !error; i++)
        error = add_goroutine(&collector, i, now);
    hash_map_deinit(&collector.places);
    return error;
}

struct error *snapshot_finish_goroutines(const struct analysis *analysis,
                                         struct snapshot_goroutines *out)
{
    static const uint8_t leaks[] = {
        [LEAK_NO] = SNAPSHOT_LEAK_NO,
        [LEAK_SUSPECTED] = SNAPSHOT_LEAK_SUSPECTED,
        [LEAK_PROVEN] = SNAPSHOT_LEAK_PROVEN,
    };
    const struct graph *graph = analysis->graph;
    for (uint64_t i = 0; i < analysis->roots.groups.count; i++) {
        const struct goroutine_group *group = &analysis->roots.groups.data[i];
        TRY(vector_push(&out->groups, (struct snapshot_goroutine_group){
                                          .count = group->count,
                                          .held_bytes = graph_retained_bytes(
                                              graph, graph_root_node(graph, group->root)),
                                      }));
    }
    for (uint64_t i = 0; i < out->items.count; i++) {
        struct snapshot_goroutine *g = &out->items.data[i];
        g->leak = leaks[goroutine_leak_of(&analysis->leaks, i)];
        if (!g->root)
            continue;
        g->held_bytes = graph_retained_bytes(graph, graph_root_node(graph, g->root - 1));
        g->group = analysis->roots.infos.data[g->root - 1].group + 1;
    }
    return NULL;
}

/* The same text stays one: there are few, at many goroutines. */
static struct error *own(struct hash_map *copies, struct arena *arena, const char **text)
{
    uint64_t *value;
    bool added;
    if (!*text)
        return NULL;
    TRY(hash_map_insert(copies, (uintptr_t)*text, &value, &added));
    if (added)
        *value = (uintptr_t)arena_copy_string(arena, *text, strlen(*text));
    *text = (const char *)(uintptr_t)*value;
    return NULL;
}

static struct error *own_all(struct hash_map *copies, struct snapshot_goroutines *goroutines)
{
    struct arena *arena = &goroutines->arena;
    for (uint64_t i = 0; i < goroutines->places.count; i++) {
        TRY(own(copies, arena, &goroutines->places.data[i].function));
        TRY(own(copies, arena, &goroutines->places.data[i].file));
    }
    for (uint64_t i = 0; i < goroutines->items.count; i++) {
        struct snapshot_goroutine *g = &goroutines->items.data[i];
        TRY(own(copies, arena, &g->state));
        TRY(own(copies, arena, &g->function));
        for (uint32_t w = 0; w < g->wait_count; w++)
            TRY(own(copies, arena, &g->waits[w].type));
    }
    return NULL;
}

struct error *snapshot_own_goroutines(struct snapshot_goroutines *goroutines)
{
    struct hash_map copies = {0};
    struct error *error = own_all(&copies, goroutines);
    hash_map_deinit(&copies);
    return error;
}
