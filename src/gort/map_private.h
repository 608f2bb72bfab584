/* What map.c and map_groups.c share. */
#ifndef LEAKHOUND_GORT_MAP_PRIVATE_H
#define LEAKHOUND_GORT_MAP_PRIVATE_H

#include "gort/map.h"

enum { MAP_TABLE_SLOTS_MAX = 1024 }; /* internal/runtime/maps/table.go, maxTableCapacity */

struct map_table_view { /* internal/runtime/maps/table.go, table */
    uint64_t address;
    uint64_t groups; /* address of the first */
    uint64_t slots, used, growth_left;
    uint8_t local_depth;
};

/* Calls visit for each table of a map with a directory, once though several places of the directory
 * may lead to it. May find the map broken. */
struct error *map_each_table(struct map_reader *reader, struct go_map *map,
                             struct error *(*visit)(void *context,
                                                    const struct map_table_view *table),
                             void *context) ERROR_CHECK;

/* Takes the bytes off what may still be walked over; false, and the map is broken, when that is too
 * little. */
bool map_charge(struct map_reader *reader, struct go_map *map, uint64_t bytes);

/* Object that has `bytes` from address on, HEAP_NONE when none has. */
uint32_t map_object_at(const struct map_reader *reader, uint64_t address, uint64_t bytes);

/* A member in a copy of its struct; 0 in versions without it. */
uint64_t map_field(const struct go_runtime *rt, const uint8_t *bytes, enum layout_field field);

#endif
