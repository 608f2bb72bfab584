#include "gort/map_table.h"

#include <string.h>

#include "base/bitset.h"
#include "base/parallel.h"
#include "gort/map_table_private.h"
#include "gort/size_class.h"

enum {
    LEAST_BYTES = 1 << 10,  /* of tables that are mostly empty */
    LARGE_BYTES = 64 << 10, /* of any */
    SPARSE = 4,             /* slots to an entry */
};

void map_table_deinit(struct map_table *table)
{
    vector_deinit(&table->items);
    vector_deinit(&table->stale);
    vector_deinit(&table->children);
    vector_deinit(&table->edges);
    vector_deinit(&table->keyed);
}

/* -- one map ---------------------------------------------------------------------------------- */

/* At least so many bytes, without a look at the tables. */
static bool may_matter(const struct go_map *map)
{
    uint64_t groups = map->shape->is_swiss ? map->directory_length * 2 : map->bucket_count;
    return MAX_OF(groups, (uint64_t)1) * map->shape->group_bytes + map->old_bucket_count >=
           LEAST_BYTES / 2;
}

static struct error *note_size(struct map_worker *worker, struct go_map *map, uint32_t id,
                               uint32_t type, struct map_table *part)
{
    struct map_summary sum;
    if (map->is_broken || !may_matter(map))
        return NULL;
    TRY(map_summarize(&worker->reader, map, &sum));
    bool sparse = map->count <= sum.slots / SPARSE && sum.bytes >= LEAST_BYTES;
    if (sparse && !map->shape->is_swiss) /* Swiss tables count their tombstones */
        TRY(map_summarize_groups(&worker->reader, map, &sum));
    if (map->is_broken) {
        part->broken++;
        return NULL;
    }
    if (!sparse && sum.bytes < LARGE_BYTES)
        return NULL;
    return vector_push(&part->items, (struct map_fact){
                                         .id = id,
                                         .type = type,
                                         .count = map->count,
                                         .slots = sum.slots,
                                         .bytes = sum.bytes,
                                         .objects = sum.objects,
                                         .bytes_for = map_bytes_for(worker->sweep->runtime->minor,
                                                                    map->shape, map->count),
                                         .tombstones = sum.tombstones,
                                         .overflow_groups = sum.overflow_groups,
                                         .has_grown = sum.has_grown,
                                         .is_growing = sum.is_growing,
                                         .was_cleared = map->clears != 0,
                                         .shows_deletions = sum.tombstones || sum.deleted,
                                     });
}

static struct error *look_at(struct map_worker *worker, uint32_t id, uint32_t type,
                             const uint8_t *header, struct map_table *part)
{
    const struct map_sweep *sweep = worker->sweep;
    const struct map_type *t = &sweep->types[type];
    struct go_map map;
    TRY(map_read(&worker->reader, &t->shape, heap_address(sweep->heap, id), header, &map));
    part->maps++;
    if (map.is_broken) {
        part->broken++;
        return NULL;
    }
    if (!map.buckets && !map.directory)
        return NULL;
    if (!sweep->runtime->is_racy) {
        if (t->kind == MAP_OF_SYNC)
            return map_note_stale(worker, &map, id, type, part);
        if (t->kind == MAP_OF_CONTEXT)
            TRY(map_note_children(worker, &map, id, type, part));
        if (t->is_keyed && map.count >= MAP_KEYED_LEAST)
            TRY(vector_push(&part->keyed, id));
    }
    return t->kind == MAP_OF_SYNC ? NULL : note_size(worker, &map, id, type, part);
}

/* -- all of them ------------------------------------------------------------------------------ */

static struct error *sweep_span(struct map_worker *worker, const struct heap_span *span,
                                struct map_table *part)
{
    const struct map_sweep *sweep = worker->sweep;
    const struct typing *typing = sweep->typing;
    for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
        uint32_t type = typing_type(typing, id);
        const uint8_t *header;
        if (type >= sweep->type_count || !sweep->types[type].shape.is_known ||
            typing_strength(typing, id) < TYPE_FITS || !bitset_get(sweep->heap->allocated, id))
            continue;
        uint64_t at = heap_slot_address(span, id), end = span->start + span->pages * HEAP_PAGE_SIZE;
        TRY(window_get(&worker->headers, at, span->element_size,
                       MIN_OF(end - at, (uint64_t)WINDOW_BYTES), &header));
        TRY(look_at(worker, id, type, header, part));
    }
    return NULL;
}

static struct error *sweep_parts(void *context, unsigned number)
{
    struct map_sweep *sweep = context;
    const struct heap *heap = sweep->heap;
    struct map_worker worker = {.sweep = sweep};
    (void)number;
    struct error *error = map_reader_init(&worker.reader, sweep->runtime, heap);
    if (!error)
        error = window_init(&worker.headers, sweep->runtime->target);
    while (!error) {
        uint32_t part = __atomic_fetch_add(&sweep->next_part, 1, __ATOMIC_RELAXED);
        if (part >= heap->part_count)
            break;
        for (uint64_t s = heap->part_begin[part]; s < heap->part_begin[part + 1] && !error; s++) {
            const struct heap_span *span = &heap->spans.data[s];
            if (span->element_size == sweep->header_class && !span->no_pointers &&
                !span->has_header)
                error = sweep_span(&worker, span, &sweep->parts[part]);
        }
    }
    map_reader_deinit(&worker.reader);
    window_deinit(&worker.headers);
    vector_deinit(&worker.dead);
    vector_deinit(&worker.kept);
    return error;
}

/* Appends the entries of a part, whose edges begin at `base` now. */
#define APPEND_ENTRIES(to, from, base)                                                             \
    for (uint64_t i_ = 0; i_ < (from)->count; i_++) {                                              \
        struct map_entries entries_ = (from)->data[i_];                                            \
        entries_.first += (base);                                                                  \
        entries_.end += (base);                                                                    \
        TRY(vector_push((to), entries_));                                                          \
    }

static struct error *join(const struct map_sweep *sweep, struct map_table *out)
{
    for (uint32_t p = 0; p < sweep->heap->part_count; p++) {
        const struct map_table *part = &sweep->parts[p];
        uint64_t base = out->edges.count;
        out->maps += part->maps;
        out->broken += part->broken;
        for (uint64_t i = 0; i < part->items.count; i++)
            TRY(vector_push(&out->items, part->items.data[i]));
        APPEND_ENTRIES(&out->stale, &part->stale, base);
        APPEND_ENTRIES(&out->children, &part->children, base);
        for (uint64_t i = 0; i < part->edges.count; i++)
            TRY(vector_push(&out->edges, part->edges.data[i]));
        for (uint64_t i = 0; i < part->keyed.count; i++)
            TRY(vector_push(&out->keyed, part->keyed.data[i]));
    }
    return map_count_stale_once(out);
}

static bool is_keyed(struct type_table *types, uint32_t map)
{
    uint32_t key = type_at(types, types->types.data[map].key);
    uint32_t element = type_at(types, types->types.data[map].element);
    if (key == TYPE_NONE || element == TYPE_NONE)
        return false;
    const struct go_type *k = &types->types.data[key];
    return types->types.data[element].kind == KIND_POINTER &&
           (k->kind == KIND_STRING ||
            (k->kind >= KIND_INT && k->kind <= KIND_UINTPTR && k->size == 8));
}

static struct error *find_map_types(struct map_sweep *sweep, struct typing *typing)
{
    sweep->type_count = typing->table.types.count; /* reading shapes may add others */
    TRY(memory_array(sweep->type_count, sizeof(*sweep->types), &sweep->types));
    for (uint32_t t = 0; t < sweep->type_count; t++) {
        if (typing->table.types.data[t].kind != KIND_MAP)
            continue;
        map_shape_read(&typing->table, t, &sweep->types[t].shape);
        sweep->types[t].is_keyed = is_keyed(&typing->table, t);
        const char *name = typing->table.types.data[t].name;
        sweep->types[t].kind = !strcmp(name, "map[interface {}]*sync.entry")     ? MAP_OF_SYNC
                               : !strcmp(name, "map[context.canceler]struct {}") ? MAP_OF_CONTEXT
                                                                                 : MAP_PLAIN;
    }
    return NULL;
}

static struct error *run(struct map_sweep *sweep, const struct edge_words *words,
                         struct typing *typing, struct map_table *out)
{
    const struct go_runtime *rt = sweep->runtime;
    bool swiss = GO_HAS(rt, maps_Map_dirPtr);
    sweep->header_class =
        size_class_of_object(rt->minor, swiss ? GO_SIZE(rt, maps_Map) : GO_SIZE(rt, hmap), true);
    TRY(find_map_types(sweep, typing));
    TRY(map_find_expunged(sweep, words));
    TRY(parallel_run(sweep->heap->threads, sweep_parts, sweep));
    return join(sweep, out);
}

struct error *map_table_read(struct go_runtime *runtime, const struct heap *heap,
                             const struct graph *graph, const struct edge_words *words,
                             struct typing *typing, struct map_table *out)
{
    struct map_sweep *sweep;
    struct map_table table = {0};
    TRY(memory_array(1, sizeof(*sweep), &sweep));
    sweep->runtime = runtime;
    sweep->heap = heap;
    sweep->graph = graph;
    sweep->typing = typing;
    struct error *error = run(sweep, words, typing, &table);
    for (uint32_t p = 0; p < HEAP_PARTS_MAX; p++)
        map_table_deinit(&sweep->parts[p]);
    vector_deinit(&sweep->expunged);
    free(sweep->types);
    free(sweep);
    if (error) {
        map_table_deinit(&table);
        return error_wrap(error, "the maps cannot be read");
    }
    *out = table;
    return NULL;
}
