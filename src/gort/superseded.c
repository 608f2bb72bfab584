#include "gort/superseded.h"

#include <stdlib.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/map.h"
#include "gort/window.h"

enum {
    FIELDS_MAX = 16, /* that may be the key */
    KEY_TEXT_MAX = 256,
    SAMPLES = 64,           /* entries by which the member is found */
    VALUES_MAX = 1 << 20,   /* of a type, with their keys to be read one by one */
    COUNTER_LIMIT = 1 << 16 /* smaller whole numbers may be no more than indices */
};

/* One type of map. */
struct keyed_type {
    uint32_t map_type, value_type;
    struct map_shape shape;
    bool is_text;
    uint64_t key_bytes;
    uint64_t fields[FIELDS_MAX]; /* offsets of the members that may be the key */
    unsigned field_count;
};

struct search {
    struct go_runtime *runtime;
    const struct heap *heap;
    struct typing *typing;
    struct map_reader reader;
    struct window values;
    struct keyed_type type;
    unsigned agreeing;       /* bit i: fields[i] was the key of all entries so far */
    uint64_t samples, large; /* large: keys beyond COUNTER_LIMIT */
    uint64_t offset;         /* of the member that is the key */
    struct hash_map keys;    /* hashes */
    struct hash_map current; /* ids of values + 1 */
    uint64_t entries;
};

void superseded_table_deinit(struct superseded_table *table)
{
    vector_deinit(&table->items);
    vector_deinit(&table->ids);
}

/* The hash of a key whose bytes are at hand; false when there is none (a long or empty text). */
static bool hash_key(struct search *s, const uint8_t *bytes, uint64_t *out)
{
    uint64_t words[2] = {0};
    uint8_t text[KEY_TEXT_MAX];
    memcpy(words, bytes, s->type.key_bytes);
    if (!s->type.is_text) {
        *out = hash_mix(words[0]) | 1;
        s->large += words[0] >= COUNTER_LIMIT;
        return true;
    }
    if (!words[1] || words[1] > sizeof(text))
        return false;
    struct error *error = target_read(s->runtime->target, words[0], text, words[1]);
    if (error) {
        error_destroy(error);
        return false;
    }
    *out = hash_bytes(text, words[1]) | 1;
    return true;
}

/* -- the member that is the key --------------------------------------------------------------- */

struct entry_walk {
    struct search *search;
    bool samples_only;
};

static uint64_t value_of(const struct map_shape *shape, const struct map_group *group, unsigned i)
{
    uint64_t value;
    memcpy(&value, group->bytes + shape->elements + i * shape->element_stride, 8);
    return value;
}

/* Which members of the value equal the key? */
static struct error *compare(struct search *s, const uint8_t *key, uint64_t value)
{
    uint8_t member[16];
    uint64_t wanted, found;
    if (!hash_key(s, key, &wanted))
        return NULL;
    for (unsigned f = 0; f < s->type.field_count; f++) {
        if (!(s->agreeing >> f & 1))
            continue;
        TRY(target_read_sparse(s->runtime->target, value + s->type.fields[f], member,
                               s->type.key_bytes));
        uint64_t large = s->large;
        if (!hash_key(s, member, &found) || found != wanted)
            s->agreeing &= ~(1u << f);
        s->large = large;
    }
    s->samples++;
    return NULL;
}

static struct error *look_at_group(void *context, const struct map_group *group)
{
    struct entry_walk *walk = context;
    struct search *s = walk->search;
    const struct map_shape *shape = &s->type.shape;
    for (unsigned i = 0; i < RUNTIME_MAP_SLOTS; i++) {
        uint64_t value = value_of(shape, group, i), hash, *nothing;
        const uint8_t *key = group->bytes + shape->keys + i * shape->key_stride;
        uint32_t id = heap_find(s->heap, value);
        if (!(group->full >> i & 1) || id == HEAP_NONE || heap_address(s->heap, id) != value)
            continue;
        if (walk->samples_only) {
            if (s->samples < SAMPLES && s->agreeing)
                TRY(compare(s, key, value));
            continue;
        }
        TRY(hash_map_insert(&s->current, (uint64_t)id + 1, &nothing, NULL));
        s->entries++;
        if (hash_key(s, key, &hash))
            TRY(hash_map_insert(&s->keys, hash, &nothing, NULL));
    }
    return NULL;
}

/* Has the type of map a member of its values for a key? Sets s->offset. */
static struct error *find_member(struct search *s, const uint32_t *ids, uint64_t count, bool *out)
{
    s->agreeing = (1u << s->type.field_count) - 1;
    s->samples = s->large = 0;
    for (uint64_t i = 0; i < count && s->agreeing && s->samples < SAMPLES; i++) {
        struct go_map map;
        struct entry_walk walk = {.search = s, .samples_only = true};
        TRY(map_read(&s->reader, &s->type.shape, heap_address(s->heap, ids[i]), NULL, &map));
        TRY(map_each_group(&s->reader, &map, look_at_group, &walk));
    }
    *out =
        s->agreeing && s->samples >= SAMPLES / 2 && (s->type.is_text || s->large > s->samples / 2);
    if (*out)
        s->offset = s->type.fields[__builtin_ctz(s->agreeing)];
    return NULL;
}

/* -- the values ------------------------------------------------------------------------------- */

static struct error *look_at_value(struct search *s, const struct heap_span *span, uint32_t id,
                                   struct superseded_table *out)
{
    uint64_t at = heap_address(s->heap, id), hash;
    uint64_t end = span->start + span->pages * HEAP_PAGE_SIZE;
    const uint8_t *bytes;
    uint8_t key[16];
    if (hash_map_find(&s->current, (uint64_t)id + 1) || typing_count(s->typing, id) != 1)
        return NULL;
    TRY(window_get(&s->values, at + s->offset, s->type.key_bytes,
                   MIN_OF(end - at - s->offset, (uint64_t)WINDOW_BYTES / 16), &bytes));
    memcpy(key, bytes, s->type.key_bytes);
    if (hash_key(s, key, &hash) && hash_map_find(&s->keys, hash))
        return vector_push(&out->ids, id);
    return NULL;
}

static struct error *find_values(struct search *s, struct superseded_table *out)
{
    const struct heap *heap = s->heap;
    uint64_t size = s->typing->table.types.data[s->type.value_type].size;
    for (uint64_t i = 0; i < heap->spans.count; i++) {
        const struct heap_span *span = &heap->spans.data[i];
        if (span->element_size < size || span->element_size / 2 > size + 16)
            continue;
        for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
            if (typing_type(s->typing, id) == s->type.value_type &&
                typing_strength(s->typing, id) >= TYPE_FITS && bitset_get(heap->allocated, id))
                TRY(look_at_value(s, span, id, out));
        }
    }
    return NULL;
}

/* -- types ------------------------------------------------------------------------------------ */

static bool is_key_kind(const struct go_type *type)
{
    return type->kind == KIND_STRING ||
           (type->kind >= KIND_INT && type->kind <= KIND_UINTPTR && type->size == 8);
}

/* What is to be known of a map's type; false when its values have no member like the key. */
static bool describe_type(struct search *s, uint32_t map_type)
{
    struct type_table *types = &s->typing->table;
    struct keyed_type *t = &s->type;
    struct go_type_field field;
    *t = (struct keyed_type){.map_type = map_type};
    map_shape_read(types, map_type, &t->shape);
    uint32_t key = type_at(types, types->types.data[map_type].key);
    uint32_t element = type_at(types, types->types.data[map_type].element);
    if (!t->shape.is_known || t->shape.key_is_indirect || t->shape.element_is_indirect ||
        key == TYPE_NONE || element == TYPE_NONE || t->shape.element_stride < 8 ||
        !is_key_kind(&types->types.data[key]) || types->types.data[element].kind != KIND_POINTER)
        return false;
    t->value_type = type_at(types, types->types.data[element].element);
    if (t->value_type == TYPE_NONE || types->types.data[t->value_type].kind != KIND_STRUCT)
        return false;
    t->is_text = types->types.data[key].kind == KIND_STRING;
    t->key_bytes = t->is_text ? 16 : 8;
    for (uint32_t i = 0; t->field_count < FIELDS_MAX && type_field(types, t->value_type, i, &field);
         i++) {
        uint32_t type = type_at(types, field.type);
        if (type != TYPE_NONE && types->types.data[type].kind == types->types.data[key].kind &&
            field.offset + t->key_bytes <= types->types.data[t->value_type].size)
            t->fields[t->field_count++] = field.offset;
    }
    return t->field_count && t->shape.key_stride >= t->key_bytes;
}

/* Finds the largest of the maps; false when there are too few values for all of them. */
static struct error *has_spare_values(struct search *s, const uint32_t *ids, uint64_t count,
                                      uint64_t values, struct superseded_values *found, bool *out)
{
    uint64_t entries = 0, largest = 0;
    for (uint64_t i = 0; i < count && entries <= values; i++) {
        struct go_map map;
        TRY(map_read(&s->reader, &s->type.shape, heap_address(s->heap, ids[i]), NULL, &map));
        if (map.is_broken)
            continue;
        entries += map.count;
        if (map.count > largest) {
            largest = map.count;
            found->map = ids[i];
        }
    }
    *out = entries && entries <= values / 2;
    return NULL;
}

/* ids: the maps of the type. values: how many objects of the value's type there are. */
static struct error *search_type(struct search *s, const uint32_t *ids, uint64_t count,
                                 const uint32_t *values, struct superseded_table *out)
{
    bool go_on;
    struct superseded_values found = {.map_type = s->type.map_type,
                                      .value_type = s->type.value_type,
                                      .maps = count,
                                      .first = out->ids.count};
    if (values[s->type.value_type] > VALUES_MAX)
        return NULL;
    TRY(has_spare_values(s, ids, count, values[s->type.value_type], &found, &go_on));
    if (go_on)
        TRY(find_member(s, ids, count, &go_on));
    if (!go_on)
        return NULL;
    for (uint64_t i = 0; i < count; i++) {
        struct go_map map;
        struct entry_walk walk = {.search = s};
        TRY(map_read(&s->reader, &s->type.shape, heap_address(s->heap, ids[i]), NULL, &map));
        TRY(map_each_group(&s->reader, &map, look_at_group, &walk));
    }
    found.entries = s->entries;
    TRY(find_values(s, out));
    found.end = out->ids.count;
    if (!s->entries || found.end - found.first < s->entries) {
        out->ids.count = found.first;
        return NULL;
    }
    return vector_push(&out->items, found);
}

static int by_type(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Types of maps one by one, in the order of their numbers. */
static struct error *search_types(struct search *s, const struct map_table *maps,
                                  const uint32_t *values, uint64_t types,
                                  struct superseded_table *out)
{
    CLEANUP_FREE uint64_t *sorted = NULL; /* type << 32 | id */
    CLEANUP_FREE uint32_t *ids = NULL;
    TRY(memory_array(maps->keyed.count, sizeof(*sorted), &sorted));
    TRY(memory_array(maps->keyed.count, sizeof(*ids), &ids));
    for (uint64_t i = 0; i < maps->keyed.count; i++)
        sorted[i] =
            (uint64_t)typing_type(s->typing, maps->keyed.data[i]) << 32 | maps->keyed.data[i];
    qsort(sorted, maps->keyed.count, sizeof(*sorted), by_type);
    for (uint64_t i = 0, count; i < maps->keyed.count; i += count) {
        for (count = 0; i + count < maps->keyed.count && sorted[i + count] >> 32 == sorted[i] >> 32;
             count++)
            ids[count] = (uint32_t)sorted[i + count];
        if (!describe_type(s, (uint32_t)(sorted[i] >> 32)) || s->type.value_type >= types ||
            values[s->type.value_type] < 2 * MAP_KEYED_LEAST)
            continue;
        s->entries = 0;
        struct error *error = search_type(s, ids, count, values, out);
        hash_map_deinit(&s->keys);
        hash_map_deinit(&s->current);
        s->keys = s->current = (struct hash_map){0};
        if (error)
            return error;
    }
    return NULL;
}

/* How many objects there are of each type. */
static struct error *count_values(const struct typing *typing, uint64_t types, uint32_t **out)
{
    TRY(memory_array(types, sizeof(**out), out));
    for (uint32_t id = 0; id < typing->heap->object_ids; id++) {
        uint32_t type = typing_type(typing, id);
        if (type < types)
            (*out)[type]++;
    }
    return NULL;
}

static struct error *run(struct search *s, const struct map_table *maps,
                         struct superseded_table *out)
{
    CLEANUP_FREE uint32_t *values = NULL;
    uint64_t types = s->typing->table.types.count;
    TRY(map_reader_init(&s->reader, s->runtime, s->heap));
    TRY(window_init(&s->values, s->runtime->target));
    TRY(count_values(s->typing, types, &values));
    return search_types(s, maps, values, types, out);
}

struct error *superseded_read(struct go_runtime *runtime, const struct heap *heap,
                              struct typing *typing, const struct map_table *maps,
                              struct superseded_table *out)
{
    struct search search = {.runtime = runtime, .heap = heap, .typing = typing};
    struct superseded_table table = {0};
    if (!maps->keyed.count)
        return NULL;
    struct error *error = run(&search, maps, &table);
    map_reader_deinit(&search.reader);
    window_deinit(&search.values);
    if (error) {
        superseded_table_deinit(&table);
        return error_wrap(error, "the values of maps cannot be read");
    }
    *out = table;
    return NULL;
}
