/* Hash tables with open addressing: 64-bit key (not 0) to 64-bit value, and interned strings. */
#ifndef LEAKHOUND_BASE_HASH_H
#define LEAKHOUND_BASE_HASH_H

#include "base/memory.h"

static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}
uint64_t hash_bytes(const void *bytes, uint64_t length);

/* Zero-initialised it is empty. 16 bytes per slot, at most half full. Not thread safe. */
struct hash_map {
    uint64_t *keys, *values;
    uint64_t count, capacity;
};
void hash_map_deinit(struct hash_map *map);
/* Pointer to the value of key, or NULL; valid until the next insertion. */
uint64_t *hash_map_find(const struct hash_map *map, uint64_t key);
/* Finds or adds (with value 0) key; *out_added (may be NULL) tells which. key must not be 0. */
struct error *hash_map_insert(struct hash_map *map, uint64_t key, uint64_t **out_value,
                              bool *out_added) ERROR_CHECK;

/* Strings numbered in order of first appearance. */
struct string_table {
    struct arena arena;
    VECTOR(const char *) strings;
    struct hash_map ids; /* hash → first id + 1 */
    VECTOR(uint32_t) next_same_hash;
};
void string_table_init(struct string_table *table);
void string_table_deinit(struct string_table *table);
struct error *string_table_intern(struct string_table *table, const char *text,
                                  uint32_t *out_id) ERROR_CHECK;

#endif
