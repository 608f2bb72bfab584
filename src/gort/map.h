/*
 * One Go map, read from outside: Go ≤ 1.23 the buckets of runtime/map.go (hmap, bmap), Go ≥ 1.24
 * the Swiss tables of internal/runtime/maps. A group is what both have in common: eight slots with
 * a byte each that tells whether the slot is in use; for buckets also those of overflow chains.
 *
 * Nothing here is trusted: sizes are held against the heap's books, chains may not loop, and a map
 * that makes no sense is `broken`, which is no error.
 */
#ifndef LEAKHOUND_GORT_MAP_H
#define LEAKHOUND_GORT_MAP_H

#include "gort/heap.h"
#include "gort/runtime_constants.h"
#include "gort/types.h"
#include "gort/window.h"

/* How maps of one type lie in memory (abi.MapType). All in bytes. */
struct map_shape {
    bool is_known; /* else this is no map type that can be read */
    bool is_swiss;
    bool has_pointers;                         /* the group has */
    bool key_is_indirect, element_is_indirect; /* the slot has a pointer to it */
    uint64_t group_bytes;
    uint64_t keys, key_stride;         /* key i of a group stands at keys + i · key_stride */
    uint64_t elements, element_stride; /* elements of no size may stand at the group's end */
};

struct map_reader {
    struct go_runtime *runtime;
    const struct heap *heap;
    struct window tables, chains; /* in address order; one by one */
    uint64_t bytes_left; /* of groups that may still be walked over: of damaged memory many maps may
                            lead to the same ones, and are broken when nothing is left */
};

/* The header of a map. */
struct go_map {
    const struct map_shape *shape;
    uint64_t address;
    uint64_t count;   /* what len() gives */
    bool is_broken;   /* nothing of what follows holds */
    uint64_t buckets; /* address of the array of buckets, or of the single group of a small Swiss
                         map; 0 when there is none yet */
    /* buckets */
    uint64_t bucket_count, old_buckets, old_bucket_count; /* old_…: while it grows, else 0 */
    uint64_t evacuated; /* buckets of the last growth that have been moved; after it, all */
    uint64_t extra;     /* address of mapextra, or 0 */
    /* Swiss tables */
    uint64_t directory, directory_length; /* 0: no directory */
    uint8_t global_depth;
    uint64_t clears; /* calls of clear() */
};

struct map_group {
    uint64_t address;
    const uint8_t *bytes; /* group_bytes of the shape, until the next group */
    uint32_t object;      /* id of the object that it is part of */
    /* Bit i, of slot i: it holds an entry; it held one, which is known; its entry stands elsewhere
     * by now, though key and element may still be here. */
    uint8_t full, deleted, moved;
    bool is_overflow; /* of buckets only */
};

struct map_summary {
    uint64_t slots;      /* that it has, without overflow buckets */
    uint64_t bytes;      /* of all objects that it consists of but the header, as allocated */
    uint64_t tombstones; /* slots that cannot be used again before the table is remade; ≥ 1.24 */
    uint64_t tables, objects; /* tables: of Swiss maps; objects: that make up the bytes */
    /* It has come to its size by growing, so that about 13 of 32 slots were in use once (of Swiss
     * maps tombstones count as such). False when it may as well have been made so large at once, or
     * was cleared since (≤ 1.23). */
    bool has_grown;
    bool is_growing;
    /* Only of map_summarize_groups: */
    uint64_t entries;         /* found in groups; = count, but while a goroutine writes the map */
    uint64_t deleted;         /* slots that show that their entry was deleted */
    uint64_t overflow_groups; /* in use or not, linked to a bucket */
};

/* Reads the type section. is_known = false when type is no map or its numbers make no sense. */
void map_shape_read(struct type_table *table, uint32_t type, struct map_shape *out);

struct error *map_reader_init(struct map_reader *reader, struct go_runtime *runtime,
                              const struct heap *heap) ERROR_CHECK;
void map_reader_deinit(struct map_reader *reader);

/* The map whose header stands at address. bytes: the header where the caller has it at hand (a
 * hmap or maps.Map), else NULL. O(1). */
struct error *map_read(struct map_reader *reader, const struct map_shape *shape, uint64_t address,
                       const uint8_t *bytes, struct go_map *out) ERROR_CHECK;

/* Sizes by the header and the Swiss tables' own counters, without a look at groups: of overflow
 * buckets only those that mapextra lists. May find the map broken. O(directory). */
struct error *map_summarize(struct map_reader *reader, struct go_map *map,
                            struct map_summary *out) ERROR_CHECK;
/* The same and what the groups tell, overflow buckets with it. O(bytes). */
struct error *map_summarize_groups(struct map_reader *reader, struct go_map *map,
                                   struct map_summary *out) ERROR_CHECK;

/* Calls visit for every group, each once, also for what is left of those that a growing map has
 * moved. May find the map broken on the way. */
struct error *map_each_group(struct map_reader *reader, struct go_map *map,
                             struct error *(*visit)(void *context, const struct map_group *group),
                             void *context) ERROR_CHECK;

/* Bytes that the tables of a map made anew for `entries` would take: `make(map[K]V, entries)` of
 * that version, without the header. */
uint64_t map_bytes_for(unsigned go_minor, const struct map_shape *shape, uint64_t entries);

#endif
