#include "base/hash.h"

#include <assert.h>
#include <string.h>

uint64_t hash_bytes(const void *bytes, uint64_t length)
{
    const unsigned char *p = bytes;
    uint64_t h = 0x9e3779b97f4a7c15u ^ length;
    for (; length >= 8; p += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = hash_mix(h ^ word) * 0x9e3779b97f4a7c15u;
    }
    uint64_t tail = 0;
    memcpy(&tail, p, length);
    return hash_mix(h ^ tail);
}

void hash_map_deinit(struct hash_map *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct hash_map){0};
}

static uint64_t slot_of(const struct hash_map *map, uint64_t key)
{
    uint64_t i = hash_mix(key) & (map->capacity - 1);
    while (map->keys[i] && map->keys[i] != key)
        i = (i + 1) & (map->capacity - 1);
    return i;
}

uint64_t *hash_map_find(const struct hash_map *map, uint64_t key)
{
    if (!map->capacity || !key)
        return NULL;
    uint64_t i = slot_of(map, key);
    return map->keys[i] ? &map->values[i] : NULL;
}

static struct error *rehash(struct hash_map *map)
{
    struct hash_map bigger = {.capacity = map->capacity ? map->capacity * 2 : 64};
    TRY(memory_array(bigger.capacity, sizeof(uint64_t), &bigger.keys));
    struct error *error = memory_array(bigger.capacity, sizeof(uint64_t), &bigger.values);
    if (error) {
        free(bigger.keys);
        return error;
    }
    for (uint64_t i = 0; i < map->capacity; i++) {
        if (!map->keys[i])
            continue;
        uint64_t slot = slot_of(&bigger, map->keys[i]);
        bigger.keys[slot] = map->keys[i];
        bigger.values[slot] = map->values[i];
    }
    bigger.count = map->count;
    hash_map_deinit(map);
    *map = bigger;
    return NULL;
}

struct error *hash_map_insert(struct hash_map *map, uint64_t key, uint64_t **out_value,
                              bool *out_added)
{
    assert(key); /* 0 marks an empty slot */
    if (map->count * 2 >= map->capacity)
        TRY(rehash(map));
    uint64_t i = slot_of(map, key);
    bool added = !map->keys[i];
    if (added) {
        map->keys[i] = key;
        map->values[i] = 0;
        map->count++;
    }
    *out_value = &map->values[i];
    if (out_added)
        *out_added = added;
    return NULL;
}

void string_table_init(struct string_table *table)
{
    *table = (struct string_table){0};
    arena_init(&table->arena);
}

void string_table_deinit(struct string_table *table)
{
    arena_deinit(&table->arena);
    vector_deinit(&table->strings);
    vector_deinit(&table->next_same_hash);
    hash_map_deinit(&table->ids);
}

struct error *string_table_intern(struct string_table *table, const char *text, uint32_t *out_id)
{
    uint64_t length = strlen(text), *first;
    uint64_t key = hash_bytes(text, length) | 1;
    TRY(hash_map_insert(&table->ids, key, &first, NULL));
    for (uint32_t id = (uint32_t)*first; id; id = table->next_same_hash.data[id - 1]) {
        if (!strcmp(table->strings.data[id - 1], text)) {
            *out_id = id - 1;
            return NULL;
        }
    }
    if (table->strings.count >= UINT32_MAX - 1)
        return error_create(ERROR_LIMIT, "more than 4 billion different names");
    /* Room for both first, so that the two arrays stay of one length. */
    TRY(vector_reserve(&table->strings, table->strings.count + 1));
    TRY(vector_push(&table->next_same_hash, (uint32_t)*first));
    TRY(vector_push(&table->strings, arena_copy_string(&table->arena, text, length)));
    *first = table->strings.count;
    *out_id = (uint32_t)(table->strings.count - 1);
    return NULL;
}
