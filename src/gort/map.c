/* Headers, shapes, and sizes. The walk over groups is in map_groups.c. */
#include "gort/map.h"

#include <string.h>

#include "gort/map_private.h"
#include "gort/size_class.h"

enum {
    GROUP_BYTES_MAX = 1 << 16,
    BUCKET_BITS_MAX = 40,
    SAME_SIZE_GROW = 8, /* hmap.flags */
    LOAD_NUMERATOR = 7, /* of 8: maxAvgGroupLoad */
    HEADER_BYTES_MAX = 128,
    WALKS_MAX = 8, /* over each map's groups with one reader */
};

static uint64_t load(const uint8_t *bytes, uint64_t width)
{
    uint64_t v = 0;
    memcpy(&v, bytes, width > 8 ? 8 : width);
    return v;
}

uint64_t map_field(const struct go_runtime *rt, const uint8_t *bytes, enum layout_field field)
{
    return layout_has(rt->layout, field) ? load(bytes + layout_offset(rt->layout, field),
                                                (uint64_t)layout_width(rt->layout, field))
                                         : 0;
}
#define FIELD(name) map_field(rt, bytes, LAYOUT_##name)

/* -- shapes ----------------------------------------------------------------------------------- */

/* Slots of a Swiss group lie behind its eight control bytes: key and element side by side up to
 * 1.26, where the descriptor says from 1.27 on. */
static void swiss_shape(const struct go_runtime *rt, const uint8_t *bytes, struct map_shape *out)
{
    out->is_swiss = true;
    out->group_bytes = FIELD(abi_MapType_GroupSize);
    if (GO_HAS(rt, abi_MapType_KeysOff)) {
        out->keys = FIELD(abi_MapType_KeysOff);
        out->key_stride = FIELD(abi_MapType_KeyStride);
        out->elements = FIELD(abi_MapType_ElemsOff);
        out->element_stride = FIELD(abi_MapType_ElemStride);
        return;
    }
    out->keys = RUNTIME_MAP_SLOTS;
    out->key_stride = out->element_stride = FIELD(abi_MapType_SlotSize);
    out->elements = out->keys + FIELD(abi_MapType_ElemOff);
}

/* bmap: eight bytes, eight keys, eight elements, the overflow pointer last. */
static void bucket_shape(const struct go_runtime *rt, const uint8_t *bytes, struct map_shape *out)
{
    out->group_bytes = FIELD(abi_MapType_BucketSize);
    out->keys = RUNTIME_MAP_SLOTS;
    out->key_stride = FIELD(abi_MapType_KeySize);
    out->elements = out->keys + RUNTIME_MAP_SLOTS * out->key_stride;
    out->element_stride = FIELD(abi_MapType_ValueSize);
}

static bool fits(const struct map_shape *shape, uint64_t first, uint64_t stride)
{
    return first <= shape->group_bytes && stride <= shape->group_bytes / RUNTIME_MAP_SLOTS &&
           (RUNTIME_MAP_SLOTS - 1) * stride <= shape->group_bytes - first;
}

void map_shape_read(struct type_table *table, uint32_t type, struct map_shape *out)
{
    const struct go_runtime *rt = table->runtime;
    const struct go_type t = table->types.data[type];
    const struct go_module *m = &rt->module;
    *out = (struct map_shape){0};
    uint64_t size = GO_SIZE(rt, abi_MapType);
    if (t.kind != KIND_MAP || t.pseudo || t.address < m->types || m->types_end - t.address < size)
        return;
    const uint8_t *bytes = rt->types + (t.address - m->types);
    uint32_t group = type_at(table, t.group), flags = (uint32_t)FIELD(abi_MapType_Flags);
    if (group == TYPE_NONE)
        return;
    struct map_shape shape = {.has_pointers = table->types.data[group].pointer_bytes != 0};
    if (GO_HAS(rt, maps_Map_dirPtr))
        swiss_shape(rt, bytes, &shape);
    else
        bucket_shape(rt, bytes, &shape);
    shape.key_is_indirect = runtime_map_key_is_indirect(rt->minor, flags);
    shape.element_is_indirect = runtime_map_element_is_indirect(rt->minor, flags);
    shape.is_known = shape.group_bytes >= 16 && shape.group_bytes % 8 == 0 &&
                     shape.group_bytes <= GROUP_BYTES_MAX &&
                     shape.group_bytes == table->types.data[group].size &&
                     fits(&shape, shape.keys, shape.key_stride) &&
                     fits(&shape, shape.elements, shape.element_stride);
    *out = shape;
}

/* -- headers ---------------------------------------------------------------------------------- */

struct error *map_reader_init(struct map_reader *reader, struct go_runtime *runtime,
                              const struct heap *heap)
{
    *reader = (struct map_reader){
        .runtime = runtime,
        .heap = heap,
        .bytes_left = heap->page_count * HEAP_PAGE_SIZE * WALKS_MAX,
    };
    struct error *error = window_init(&reader->tables, runtime->target);
    if (!error)
        error = window_init(&reader->chains, runtime->target);
    if (error)
        map_reader_deinit(reader);
    return error;
}

void map_reader_deinit(struct map_reader *reader)
{
    window_deinit(&reader->tables);
    window_deinit(&reader->chains);
}

bool map_charge(struct map_reader *reader, struct go_map *map, uint64_t bytes)
{
    map->is_broken = map->is_broken || bytes > reader->bytes_left;
    if (map->is_broken)
        return false;
    reader->bytes_left -= bytes;
    return true;
}

uint32_t map_object_at(const struct map_reader *reader, uint64_t address, uint64_t bytes)
{
    uint32_t id = heap_find(reader->heap, address);
    if (id == HEAP_NONE)
        return HEAP_NONE;
    const struct heap_span *span = heap_span_of(reader->heap, id);
    uint64_t end = heap_slot_address(span, id) + span->element_size;
    return address <= end && bytes <= end - address ? id : HEAP_NONE;
}

/* Do so many groups stand at address? */
static bool has_groups(const struct map_reader *reader, const struct map_shape *shape,
                       uint64_t address, uint64_t groups)
{
    uint64_t bytes;
    return !__builtin_mul_overflow(groups, shape->group_bytes, &bytes) &&
           map_object_at(reader, address, bytes) != HEAP_NONE;
}

static void bucket_header(const struct map_reader *reader, const uint8_t *bytes, struct go_map *map)
{
    const struct go_runtime *rt = reader->runtime;
    uint64_t bits = FIELD(hmap_B), old = FIELD(hmap_oldbuckets);
    map->count = FIELD(hmap_count);
    map->buckets = FIELD(hmap_buckets);
    map->evacuated = FIELD(hmap_nevacuate);
    map->extra = FIELD(hmap_extra);
    bool same_size = FIELD(hmap_flags) & SAME_SIZE_GROW;
    if (bits > BUCKET_BITS_MAX || (old && !bits && !same_size)) {
        map->is_broken = true;
        return;
    }
    map->bucket_count = (uint64_t)1 << bits;
    map->old_buckets = old;
    map->old_bucket_count = old ? map->bucket_count >> !same_size : 0;
    if (!map->buckets) /* made with the first entry */
        map->is_broken = bits || map->count || old;
    else
        map->is_broken = !has_groups(reader, map->shape, map->buckets, map->bucket_count) ||
                         (old && !has_groups(reader, map->shape, old, map->old_bucket_count));
}

static void swiss_header(const struct map_reader *reader, const uint8_t *bytes, struct go_map *map)
{
    const struct go_runtime *rt = reader->runtime;
    uint64_t body = FIELD(maps_Map_dirPtr);
    map->count = FIELD(maps_Map_used);
    map->clears = FIELD(maps_Map_clearSeq);
    map->global_depth = (uint8_t)FIELD(maps_Map_globalDepth);
    map->directory_length = FIELD(maps_Map_dirLen);
    if (!map->directory_length) {
        map->buckets = body;
        map->bucket_count = body != 0;
        map->is_broken =
            body ? !has_groups(reader, map->shape, body, 1) || map->count > RUNTIME_MAP_SLOTS
                 : map->count != 0;
        return;
    }
    map->directory = body;
    map->is_broken = map->global_depth > BUCKET_BITS_MAX ||
                     map->directory_length != (uint64_t)1 << map->global_depth ||
                     map_object_at(reader, body, map->directory_length * 8) == HEAP_NONE;
}

struct error *map_read(struct map_reader *reader, const struct map_shape *shape, uint64_t address,
                       const uint8_t *bytes, struct go_map *out)
{
    const struct go_runtime *rt = reader->runtime;
    uint64_t size = shape->is_swiss ? GO_SIZE(rt, maps_Map) : GO_SIZE(rt, hmap);
    uint8_t own[HEADER_BYTES_MAX];
    struct go_map map = {.shape = shape, .address = address};
    if (!shape->is_known || size > sizeof(own)) {
        map.is_broken = true;
        *out = map;
        return NULL;
    }
    if (!bytes) {
        TRY(target_read_sparse(rt->target, address, own, size));
        bytes = own;
    }
    if (shape->is_swiss)
        swiss_header(reader, bytes, &map);
    else
        bucket_header(reader, bytes, &map);
    *out = map;
    return NULL;
}

/* -- sizes ------------------------------------------------------------------------------------ */

static void add_object(const struct map_reader *reader, uint64_t address, struct map_summary *out)
{
    uint32_t id = heap_find(reader->heap, address);
    if (id == HEAP_NONE)
        return;
    out->bytes += heap_span_of(reader->heap, id)->element_size;
    out->objects++;
}

/* The slice of overflow buckets that mapextra keeps (only of maps without pointers), and, where
 * `buckets` is set, those themselves unless they are part of the arrays. */
static struct error *add_overflow_list(struct map_reader *reader, const struct go_map *map,
                                       uint64_t list, bool buckets, struct map_summary *out)
{
    uint64_t slice[2], at, id = heap_find(reader->heap, map->buckets);
    uint64_t old = map->old_buckets ? heap_find(reader->heap, map->old_buckets) : id;
    if (!list || heap_find(reader->heap, list) == HEAP_NONE)
        return NULL;
    TRY(target_read_sparse(reader->runtime->target, list, slice, sizeof(slice)));
    add_object(reader, list, out);
    add_object(reader, slice[0], out);
    if (!buckets || map_object_at(reader, slice[0], 8) == HEAP_NONE)
        return NULL;
    uint64_t most = heap_span_of(reader->heap, heap_find(reader->heap, slice[0]))->element_size / 8;
    for (uint64_t i = 0; i < MIN_OF(slice[1], most); i++) {
        const uint8_t *bytes;
        TRY(window_get(&reader->chains, slice[0] + i * 8, 8,
                       MIN_OF((most - i) * 8, (uint64_t)WINDOW_BYTES), &bytes));
        memcpy(&at, bytes, 8);
        uint64_t object = heap_find(reader->heap, at);
        if (object != id && object != old)
            add_object(reader, at, out);
    }
    return NULL;
}

static struct error *summarize_buckets(struct map_reader *reader, const struct go_map *map,
                                       bool with_overflow, struct map_summary *out)
{
    uint64_t lists[2] = {0};
    out->slots = map->buckets ? map->bucket_count * RUNTIME_MAP_SLOTS : 0;
    out->is_growing = map->old_buckets != 0;
    /* How many buckets the last growth has moved stays written after its end (evacuate), and a map
     * takes twice as many buckets only beyond 6½ entries a bucket (hashGrow). clear() forgets it.
     */
    out->has_grown = map->old_buckets ? map->old_bucket_count < map->bucket_count
                                      : map->evacuated && map->evacuated == map->bucket_count / 2;
    if (!map->buckets)
        return NULL;
    add_object(reader, map->buckets, out);
    if (map->old_buckets)
        add_object(reader, map->old_buckets, out);
    if (!map->extra || map_object_at(reader, map->extra, 24) == HEAP_NONE)
        return NULL;
    add_object(reader, map->extra, out);
    TRY(target_read_sparse(reader->runtime->target, map->extra, lists, sizeof(lists)));
    for (unsigned i = 0; i < 2; i++)
        TRY(add_overflow_list(reader, map, lists[i], with_overflow, out));
    return NULL;
}

static uint64_t most_of_table(uint64_t slots)
{
    return slots <= RUNTIME_MAP_SLOTS ? slots - 1 : slots / RUNTIME_MAP_SLOTS * LOAD_NUMERATOR;
}

static struct error *summarize_table(void *context, const struct map_table_view *table)
{
    struct map_summary *out = context;
    uint64_t most = most_of_table(table->slots);
    out->tables++;
    out->slots += table->slots;
    if (table->used + table->growth_left <= most)
        out->tombstones += most - table->used - table->growth_left;
    return NULL;
}

/* Tables that `make` made have all the same depth, and so may those of a map that has grown to just
 * that: then the depths tell nothing. Different ones come from splits, and only a full table is
 * split. */
struct shape_of_tables {
    struct map_summary *out;
    uint64_t shallowest, deepest;
    struct map_reader *reader;
};

static struct error *look_at_table(void *context, const struct map_table_view *table)
{
    struct shape_of_tables *shape = context;
    shape->shallowest = MIN_OF(shape->shallowest, (uint64_t)table->local_depth);
    shape->deepest = MAX_OF(shape->deepest, (uint64_t)table->local_depth);
    add_object(shape->reader, table->address, shape->out);
    add_object(shape->reader, table->groups, shape->out);
    return summarize_table(shape->out, table);
}

static struct error *summarize_swiss(struct map_reader *reader, struct go_map *map,
                                     struct map_summary *out)
{
    if (!map->directory_length) {
        out->slots = map->buckets ? RUNTIME_MAP_SLOTS : 0;
        if (map->buckets)
            add_object(reader, map->buckets, out);
        return NULL;
    }
    struct shape_of_tables shape = {.out = out, .shallowest = UINT64_MAX, .reader = reader};
    add_object(reader, map->directory, out);
    TRY(map_each_table(reader, map, look_at_table, &shape));
    out->has_grown = shape.shallowest < shape.deepest;
    return NULL;
}

struct error *map_summarize(struct map_reader *reader, struct go_map *map, struct map_summary *out)
{
    struct map_summary summary = {0};
    if (!map->is_broken)
        TRY(map->shape->is_swiss ? summarize_swiss(reader, map, &summary)
                                 : summarize_buckets(reader, map, true, &summary));
    *out = summary;
    return NULL;
}

struct group_sum {
    struct map_reader *reader;
    struct map_summary *out;
    uint32_t arrays[2];
    bool listed; /* overflow buckets have been counted from mapextra's list */
};

static struct error *sum_group(void *context, const struct map_group *group)
{
    struct group_sum *sum = context;
    sum->out->entries += (unsigned)__builtin_popcount(group->full);
    sum->out->deleted += (unsigned)__builtin_popcount(group->deleted);
    sum->out->overflow_groups += group->is_overflow;
    if (group->is_overflow && !sum->listed && group->object != sum->arrays[0] &&
        group->object != sum->arrays[1])
        add_object(sum->reader, group->address, sum->out);
    return NULL;
}

struct error *map_summarize_groups(struct map_reader *reader, struct go_map *map,
                                   struct map_summary *out)
{
    struct map_summary summary;
    TRY(map_summarize(reader, map, &summary));
    struct group_sum sum = {.reader = reader, .out = &summary, .listed = !map->shape->has_pointers};
    sum.arrays[0] = heap_find(reader->heap, map->buckets);
    sum.arrays[1] = map->old_buckets ? heap_find(reader->heap, map->old_buckets) : sum.arrays[0];
    TRY(map_each_group(reader, map, sum_group, &sum));
    *out = summary;
    return NULL;
}

/* -- made anew -------------------------------------------------------------------------------- */

static uint64_t group_array(unsigned go_minor, const struct map_shape *shape, uint64_t groups)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(groups, shape->group_bytes, &bytes))
        return UINT64_MAX;
    return size_class_of_object(go_minor, bytes, shape->has_pointers);
}

/* runtime/map.go, makemap and makeBucketArray; the load factor of 1.21 is 6 by mistake. */
static uint64_t buckets_for(unsigned go_minor, const struct map_shape *shape, uint64_t entries)
{
    unsigned bits = 0, of_two = go_minor == 21 ? 12 : 13; /* entries that two buckets may have */
    while (entries > RUNTIME_MAP_SLOTS && entries > of_two * (((uint64_t)1 << bits) / 2))
        bits++;
    uint64_t buckets = (uint64_t)1 << bits;
    if (bits < 4)
        return entries ? group_array(go_minor, shape, buckets) : 0;
    /* and a sixteenth to overflow into, which mapextra knows */
    return group_array(go_minor, shape, buckets + buckets / 16) +
           size_class_of_object(go_minor, 24, true);
}

static uint64_t power_of_two_from(uint64_t n)
{
    uint64_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

/* internal/runtime/maps/map.go, NewMap. */
static uint64_t tables_for(unsigned go_minor, const struct map_shape *shape, uint64_t entries)
{
    if (entries <= RUNTIME_MAP_SLOTS)
        return entries ? group_array(go_minor, shape, 1) : 0;
    uint64_t slots = entries * RUNTIME_MAP_SLOTS / LOAD_NUMERATOR;
    uint64_t tables = power_of_two_from((slots + MAP_TABLE_SLOTS_MAX - 1) / MAP_TABLE_SLOTS_MAX);
    uint64_t groups =
        power_of_two_from(MAX_OF(slots / tables, (uint64_t)RUNTIME_MAP_SLOTS)) / RUNTIME_MAP_SLOTS;
    return tables *
               (group_array(go_minor, shape, groups) + size_class_of_object(go_minor, 32, true)) +
           size_class_of_object(go_minor, tables * 8, true);
}

uint64_t map_bytes_for(unsigned go_minor, const struct map_shape *shape, uint64_t entries)
{
    if (entries > (uint64_t)1 << BUCKET_BITS_MAX)
        return UINT64_MAX;
    return shape->is_swiss ? tables_for(go_minor, shape, entries)
                           : buckets_for(go_minor, shape, entries);
}
