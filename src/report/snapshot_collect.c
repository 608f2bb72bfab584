/* The tables of a snapshot from an analysis. Nothing here may come from the heap's contents: names
 * are those of the program (symbols, type section, function table). */
#include <string.h>
#include <time.h>

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
    struct hash_map places; /* pc to look up → index of its first place << 8 | how many */
    /* the innermost frames, and behind them a ring of the last */
    uint32_t first[FRAMES_KEPT / 2], last[FRAMES_KEPT / 2];
    uint64_t count; /* places met */
};

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
        for (uint32_t i = 0; i < n; i++) {
            struct snapshot_place place = {
                .function = frames[i].function,
                .file = frames[i].file,
                .line = frames[i].line,
                .inlined = frames[i].inlined,
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

static struct error *add_goroutine(struct frame_collector *c, const struct goroutine *g,
                                   uint64_t now)
{
    struct analysis *a = c->analysis;
    struct stack_visitor visitor = {.frame = add_frame, .context = c};
    struct snapshot_goroutine made = {
        .id = g->id,
        .parent_id = g->parent_id,
        .status = (uint8_t)g->status,
        .system = g->is_system,
        .state = arena_copy_string(&c->out->arena, g->state, strlen(g->state)),
        .waiting_ns = g->wait_since_ns && g->wait_since_ns < now ? now - g->wait_since_ns : 0,
        .stack_bytes = goroutine_stack_bytes(g),
        .function = goroutine_function(a->runtime, g),
    };
    uint32_t first, count = 0;
    c->count = 0;
    TRY(stack_walk(a->runtime, g, &visitor, NULL));
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
    struct frame_collector collector = {.analysis = analysis, .out = out};
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    /* the runtime's clock is the system's; a core's is over */
    uint64_t now = analysis->target->kind == TARGET_LIVE
                       ? (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec
                       : 0;
    struct error *error = NULL;
    for (uint64_t i = 0; i < analysis->goroutines.items.count && !error; i++)
        error = add_goroutine(&collector, &analysis->goroutines.items.data[i], now);
    for (uint32_t r = 0; r < analysis->roots.infos.count && !error; r++) {
        const struct root_info *info = &analysis->roots.infos.data[r];
        if (info->kind == ROOT_GOROUTINE && info->goroutine < out->items.count)
            out->items.data[info->goroutine].root = r + 1;
    }
    hash_map_deinit(&collector.places);
    return error;
}
