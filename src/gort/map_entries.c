/*
 * Entries that stay too long: deleted keys of sync.Map, and contexts nobody has cancelled.
 *
 * sync.Map up to Go 1.23 (sync/map.go): an entry whose p is nil or expunged has been deleted, while
 * the key and the entry stay in the map `read`, and in `dirty` when that was made before. A live
 * entry's p leads to an interface on the heap, so a deleted one has no edge in the graph, or one to
 * sync.expunged, should that be an object of the heap: a nil interface that a package variable
 * points to, which no stored value ever is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/map_table_private.h"

enum {
    INTERFACE_BYTES = 16,
    CHILDREN_LEAST = 16, /* of a context, to be looked at */
};

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int by_edge(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t load(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, 8);
    return v;
}

static bool has_edges(const struct graph *graph, uint32_t id)
{
    return graph->edge_begin[id + 1] > graph->edge_begin[id];
}

struct error *map_find_expunged(struct map_sweep *sweep, const struct edge_words *words)
{
    for (uint64_t i = 0; i < words->variables.count; i++) {
        uint32_t id = words->variables.data[i].id;
        const struct heap_span *span = heap_span_of(sweep->heap, id);
        uint64_t value[2];
        if (span->element_size != INTERFACE_BYTES || span->no_pointers ||
            has_edges(sweep->graph, id))
            continue;
        TRY(target_read_sparse(sweep->runtime->target, heap_slot_address(span, id), value,
                               sizeof(value)));
        if (!value[0] && !value[1])
            TRY(vector_push(&sweep->expunged, id));
    }
    if (sweep->expunged.count)
        qsort(sweep->expunged.data, sweep->expunged.count, sizeof(uint32_t), by_id);
    return NULL;
}

static bool is_deleted(const struct map_sweep *sweep, uint32_t entry)
{
    const struct graph *graph = sweep->graph;
    if (!has_edges(graph, entry))
        return true;
    uint32_t target = graph->edges[graph->edge_begin[entry]] & GRAPH_ID;
    return sweep->expunged.count &&
           bsearch(&target, sweep->expunged.data, sweep->expunged.count, sizeof(uint32_t), by_id);
}

/* Adds the map with its edges from `first` on, or takes them back when it is broken. */
static struct error *note(struct map_worker *worker, struct go_map *map, struct map_entries *found,
                          struct map_table *part, bool is_stale)
{
    struct map_summary sum;
    TRY(map_summarize(&worker->reader, map, &sum));
    if (map->is_broken) {
        part->edges.count = found->first;
        part->broken++;
        return NULL;
    }
    uint64_t left = map->count - MIN_OF(map->count, found->found);
    found->count = map->count;
    found->end = part->edges.count;
    found->counted = is_stale ? 0 : found->found;
    found->bytes = sum.bytes;
    found->bytes_for = map_bytes_for(worker->sweep->runtime->minor, map->shape, left);
    return is_stale ? vector_push(&part->stale, *found) : vector_push(&part->children, *found);
}

static struct error *push(struct map_worker *worker, bool dead, uint32_t from, uint32_t to)
{
    uint64_t edge = (uint64_t)from << 32 | to;
    return dead ? vector_push(&worker->dead, edge) : vector_push(&worker->kept, edge);
}

struct stale_walk {
    struct map_worker *worker;
    const struct map_shape *shape;
    struct map_table *part;
    uint64_t found;
};

static struct error *look_at_sync_group(void *context, const struct map_group *group)
{
    struct stale_walk *walk = context;
    struct map_worker *worker = walk->worker;
    const struct heap *heap = worker->sweep->heap;
    const struct map_shape *shape = walk->shape;
    for (unsigned i = 0; i < RUNTIME_MAP_SLOTS; i++) {
        bool is_moved = group->moved >> i & 1;
        if (!is_moved && !(group->full >> i & 1))
            continue;
        uint32_t entry =
            heap_find(heap, load(group->bytes + shape->elements + i * shape->element_stride));
        uint32_t key =
            heap_find(heap, load(group->bytes + shape->keys + i * shape->key_stride + 8));
        if (entry == HEAP_NONE || heap_span_of(heap, entry)->element_size != 8)
            continue; /* the map is being written */
        bool dead = is_deleted(worker->sweep, entry);
        if (dead && is_moved) {
            TRY(push(worker, true, group->object, entry));
        } else if (dead) {
            TRY(vector_push(&walk->part->edges, (uint64_t)group->object << 32 | entry));
            walk->found++;
        }
        if (key != HEAP_NONE && key != group->object)
            TRY(push(worker, dead, group->object, key));
    }
    return NULL;
}

/* The edges to keys of deleted entries that no other key of the same table makes as well (two keys
 * may point into one object). */
static struct error *add_key_edges(struct map_worker *worker, struct map_table *part)
{
    uint64_t k = 0;
    if (worker->dead.count)
        qsort(worker->dead.data, worker->dead.count, sizeof(uint64_t), by_edge);
    if (worker->kept.count && worker->dead.count)
        qsort(worker->kept.data, worker->kept.count, sizeof(uint64_t), by_edge);
    for (uint64_t i = 0; i < worker->dead.count; i++) {
        uint64_t edge = worker->dead.data[i];
        while (k < worker->kept.count && worker->kept.data[k] < edge)
            k++;
        bool is_kept = k < worker->kept.count && worker->kept.data[k] == edge;
        if (!is_kept && (!i || worker->dead.data[i - 1] != edge))
            TRY(vector_push(&part->edges, edge));
    }
    return NULL;
}

struct error *map_note_stale(struct map_worker *worker, struct go_map *map, uint32_t id,
                             uint32_t type, struct map_table *part)
{
    struct stale_walk walk = {.worker = worker, .shape = map->shape, .part = part};
    struct map_entries found = {.id = id, .type = type, .first = part->edges.count};
    worker->dead.count = worker->kept.count = 0;
    if (map->shape->key_is_indirect || map->shape->element_is_indirect ||
        map->shape->key_stride < INTERFACE_BYTES || map->shape->element_stride < 8)
        return NULL;
    TRY(map_each_group(&worker->reader, map, look_at_sync_group, &walk));
    if (!map->is_broken && !walk.found)
        return NULL;
    TRY(add_key_edges(worker, part));
    found.found = walk.found;
    return note(worker, map, &found, part, true);
}

static struct error *look_at_children(void *context, const struct map_group *group)
{
    struct stale_walk *walk = context;
    const struct map_shape *shape = walk->shape;
    for (unsigned i = 0; i < RUNTIME_MAP_SLOTS; i++) {
        bool is_moved = group->moved >> i & 1;
        if (!is_moved && !(group->full >> i & 1))
            continue;
        uint32_t child = heap_find(walk->worker->sweep->heap,
                                   load(group->bytes + shape->keys + i * shape->key_stride + 8));
        if (child == HEAP_NONE || child == group->object)
            continue;
        walk->found += !is_moved;
        TRY(vector_push(&walk->part->edges, (uint64_t)group->object << 32 | child));
    }
    return NULL;
}

struct error *map_note_children(struct map_worker *worker, struct go_map *map, uint32_t id,
                                uint32_t type, struct map_table *part)
{
    struct stale_walk walk = {.worker = worker, .shape = map->shape, .part = part};
    struct map_entries found = {.id = id, .type = type, .first = part->edges.count};
    if (map->count < CHILDREN_LEAST || map->shape->key_is_indirect ||
        map->shape->key_stride < INTERFACE_BYTES)
        return NULL;
    TRY(map_each_group(&worker->reader, map, look_at_children, &walk));
    found.found = walk.found;
    return note(worker, map, &found, part, false);
}

/* The first `found` edges of a map lead to its entries. */
struct error *map_count_stale_once(struct map_table *table)
{
    VECTOR(uint64_t) all = {0}; /* entry << 32 | index of its map */
    struct error *error = NULL;
    for (uint64_t i = 0; i < table->stale.count && !error; i++) {
        struct map_entries *map = &table->stale.data[i];
        for (uint64_t k = 0; k < map->found && !error; k++)
            error = vector_push(&all, table->edges.data[map->first + k] << 32 | i);
    }
    if (!error && all.count)
        qsort(all.data, all.count, sizeof(uint64_t), by_edge);
    for (uint64_t k = 0; k < all.count && !error; k++)
        if (!k || all.data[k - 1] >> 32 != all.data[k] >> 32)
            table->stale.data[(uint32_t)all.data[k]].counted++;
    vector_deinit(&all);
    return error;
}
