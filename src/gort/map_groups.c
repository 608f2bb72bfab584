/* The walk over the groups of a map. */
#include <string.h>

#include "gort/map_private.h"

enum {
    TABLE_BYTES_MAX = 128,
    DIRECTORY_AHEAD = 4096,
    CONTROL_DELETED = 0xfe, /* internal/runtime/maps/group.go */
    TOPHASH_EMPTY_ONE = 1,  /* runtime/map.go: an entry was deleted before others of the chain */
    TOPHASH_MOVED_LOW = 2,  /* evacuatedX */
    TOPHASH_MOVED_HIGH = 3, /* evacuatedY */
};

/* -- buckets ---------------------------------------------------------------------------------- */

/* Of a bucket: which slots are in use, which were. A bucket that has been moved has none in use;
 * only those of the array before the growth may have been (is_old). */
static bool look_at_bucket(const uint8_t *bytes, bool is_old, struct map_group *group)
{
    bool moved = bytes[0] > TOPHASH_EMPTY_ONE && bytes[0] < RUNTIME_MAP_TOPHASH_MIN;
    for (unsigned i = 0; i < RUNTIME_MAP_SLOTS; i++) {
        group->full |= (uint8_t)((bytes[i] >= RUNTIME_MAP_TOPHASH_MIN) << i);
        group->deleted |= (uint8_t)((bytes[i] == TOPHASH_EMPTY_ONE) << i);
        group->moved |=
            (uint8_t)((bytes[i] == TOPHASH_MOVED_LOW || bytes[i] == TOPHASH_MOVED_HIGH) << i);
    }
    return !moved || is_old;
}

struct bucket_walk {
    struct map_reader *reader;
    struct go_map *map;
    struct error *(*visit)(void *context, const struct map_group *group);
    void *context;
};

static uint64_t overflow_of(const struct go_map *map, const uint8_t *bytes)
{
    uint64_t next;
    memcpy(&next, bytes + map->shape->group_bytes - 8, 8);
    return next;
}

/* The overflow buckets from `at` on. A chain of damaged memory may lead back into itself: it is
 * held against the place where it was at the last power of two. */
static struct error *walk_chain(const struct bucket_walk *walk, uint64_t at, bool is_old)
{
    struct map_reader *reader = walk->reader;
    uint64_t size = walk->map->shape->group_bytes, before = 0;
    for (uint64_t n = 1; at; n++) {
        struct map_group group = {.address = at, .is_overflow = true};
        group.object = map_object_at(reader, at, size);
        if (group.object == HEAP_NONE || at == before) {
            walk->map->is_broken = true;
            return NULL;
        }
        if (!(n & (n - 1)))
            before = at;
        if (!map_charge(reader, walk->map, size))
            return NULL;
        TRY(window_get(&reader->chains, at, size, size, &group.bytes));
        if (!look_at_bucket(group.bytes, is_old, &group)) {
            walk->map->is_broken = true;
            return NULL;
        }
        at = overflow_of(walk->map, group.bytes);
        TRY(walk->visit(walk->context, &group));
    }
    return NULL;
}

static struct error *walk_array(const struct bucket_walk *walk, uint64_t array, uint64_t count,
                                bool is_old)
{
    struct map_reader *reader = walk->reader;
    uint64_t size = walk->map->shape->group_bytes;
    uint32_t object = map_object_at(reader, array, count * size);
    map_charge(reader, walk->map, count * size);
    for (uint64_t i = 0; i < count && !walk->map->is_broken; i++) {
        struct map_group group = {.address = array + i * size, .object = object};
        TRY(window_get(&reader->tables, group.address, size,
                       MIN_OF((count - i) * size, (uint64_t)WINDOW_BYTES), &group.bytes));
        if (!look_at_bucket(group.bytes, is_old, &group)) {
            walk->map->is_broken = true;
            return NULL;
        }
        uint64_t chain = overflow_of(walk->map, group.bytes);
        TRY(walk->visit(walk->context, &group));
        TRY(walk_chain(walk, chain, is_old));
    }
    return NULL;
}

/* Overflow buckets made with an array stand behind it. What has been moved out of them is still
 * there when the bucket that led to them is wiped (runtime/map.go, evacuate). */
static struct error *walk_unlinked(const struct bucket_walk *walk, uint64_t array, uint64_t count)
{
    struct map_reader *reader = walk->reader;
    uint64_t size = walk->map->shape->group_bytes;
    uint32_t object = map_object_at(reader, array, count * size);
    if (object == HEAP_NONE)
        return NULL;
    const struct heap_span *span = heap_span_of(reader->heap, object);
    uint64_t end = heap_slot_address(span, object) + span->element_size;
    if (!map_charge(reader, walk->map, end - array - count * size))
        return NULL;
    for (uint64_t at = array + count * size; end - at >= size; at += size) {
        struct map_group group = {.address = at, .object = object, .is_overflow = true};
        TRY(window_get(&reader->tables, at, size, MIN_OF(end - at, (uint64_t)WINDOW_BYTES),
                       &group.bytes));
        look_at_bucket(group.bytes, true, &group);
        if (group.moved && !group.full)
            TRY(walk->visit(walk->context, &group));
    }
    return NULL;
}

/* -- Swiss tables ----------------------------------------------------------------------------- */

static bool view_table(const struct map_reader *reader, const struct go_map *map,
                       const uint8_t *bytes, struct map_table_view *out)
{
    const struct go_runtime *rt = reader->runtime;
    const uint8_t *groups = bytes + GO_OFFSET(rt, maps_table_groups);
    uint64_t mask = map_field(rt, groups, LAYOUT_maps_groupsReference_lengthMask);
    out->used = map_field(rt, bytes, LAYOUT_maps_table_used);
    out->slots = map_field(rt, bytes, LAYOUT_maps_table_capacity);
    out->growth_left = map_field(rt, bytes, LAYOUT_maps_table_growthLeft);
    out->local_depth = (uint8_t)map_field(rt, bytes, LAYOUT_maps_table_localDepth);
    out->groups = map_field(rt, groups, LAYOUT_maps_groupsReference_data);
    return out->slots && !(out->slots & (out->slots - 1)) && out->slots <= MAP_TABLE_SLOTS_MAX &&
           out->used <= out->slots && out->local_depth <= map->global_depth && mask < UINT32_MAX &&
           (mask + 1) * RUNTIME_MAP_SLOTS == out->slots &&
           map_object_at(reader, out->groups, (mask + 1) * map->shape->group_bytes) != HEAP_NONE;
}

struct error *map_each_table(struct map_reader *reader, struct go_map *map,
                             struct error *(*visit)(void *context,
                                                    const struct map_table_view *table),
                             void *context)
{
    const struct go_runtime *rt = reader->runtime;
    uint64_t size = GO_SIZE(rt, maps_table), words[DIRECTORY_AHEAD / 8], last = 0;
    uint8_t bytes[TABLE_BYTES_MAX];
    map_charge(reader, map, map->directory_length * 8);
    for (uint64_t i = 0; i < map->directory_length && !map->is_broken; i++) {
        uint64_t in_part = i % ARRAY_COUNT(words);
        if (!in_part)
            TRY(target_read_sparse(rt->target, map->directory + i * 8, words,
                                   MIN_OF((map->directory_length - i) * 8, sizeof(words))));
        if (words[in_part] == last)
            continue;
        struct map_table_view view = {.address = last = words[in_part]};
        if (size > sizeof(bytes) || map_object_at(reader, last, size) == HEAP_NONE) {
            map->is_broken = true;
            return NULL;
        }
        if (!map_charge(reader, map, size))
            return NULL;
        TRY(target_read_sparse(rt->target, last, bytes, size));
        if (!view_table(reader, map, bytes, &view)) {
            map->is_broken = true;
            return NULL;
        }
        TRY(visit(context, &view));
    }
    return NULL;
}

static struct error *walk_groups(const struct bucket_walk *walk, uint64_t first, uint64_t count)
{
    struct map_reader *reader = walk->reader;
    uint64_t size = walk->map->shape->group_bytes;
    uint32_t object = map_object_at(reader, first, count * size);
    if (!map_charge(reader, walk->map, count * size))
        return NULL;
    for (uint64_t i = 0; i < count; i++) {
        struct map_group group = {.address = first + i * size, .object = object};
        TRY(window_get(&reader->tables, group.address, size,
                       MIN_OF((count - i) * size, (uint64_t)WINDOW_BYTES), &group.bytes));
        for (unsigned slot = 0; slot < RUNTIME_MAP_SLOTS; slot++) {
            uint8_t control = group.bytes[slot];
            group.full |= (uint8_t)(!(control & RUNTIME_MAP_CONTROL_FREE) << slot);
            group.deleted |= (uint8_t)((control == CONTROL_DELETED) << slot);
        }
        TRY(walk->visit(walk->context, &group));
    }
    return NULL;
}

static struct error *walk_table(void *context, const struct map_table_view *table)
{
    return walk_groups(context, table->groups, table->slots / RUNTIME_MAP_SLOTS);
}

struct error *map_each_group(struct map_reader *reader, struct go_map *map,
                             struct error *(*visit)(void *context, const struct map_group *group),
                             void *context)
{
    struct bucket_walk walk = {.reader = reader, .map = map, .visit = visit, .context = context};
    if (map->is_broken)
        return NULL;
    if (map->directory_length)
        return map_each_table(reader, map, walk_table, &walk);
    if (!map->buckets)
        return NULL;
    if (map->shape->is_swiss)
        return walk_groups(&walk, map->buckets, 1);
    if (map->old_buckets) {
        TRY(walk_array(&walk, map->old_buckets, map->old_bucket_count, true));
        TRY(walk_unlinked(&walk, map->old_buckets, map->old_bucket_count));
    }
    return walk_array(&walk, map->buckets, map->bucket_count, false);
}
