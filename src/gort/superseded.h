/*
 * Values that a map has others for by now: structs that have their key in a member, whose key
 * stands in a map with another value. The map was emptied and filled again, or the entry
 * overwritten, and somebody still has the old value.
 *
 * Which member it is the map itself tells: the one that equals the key in all of its entries. Keys
 * are strings, or whole numbers too large to be counters.
 *
 * Memory: 4 B per value found, 24 B per entry and 8 B per value of the types that are looked at
 * meanwhile.
 */
#ifndef LEAKHOUND_GORT_SUPERSEDED_H
#define LEAKHOUND_GORT_SUPERSEDED_H

#include "gort/map_table.h"

struct superseded_values { /* of one type of map */
    uint32_t map;          /* header of the largest of these maps */
    uint32_t map_type, value_type;
    uint64_t maps, entries; /* all maps of the type that have the key in that member */
    uint64_t first, end;    /* in superseded_table.ids */
};

struct superseded_table {
    VECTOR(struct superseded_values) items;
    VECTOR(uint32_t) ids; /* of the values; ascending for each item */
};

/* Looks at maps.keyed. Reads the target. Nothing where there are fewer values outside of the maps
 * than in them, or more than a million. One thread; O(their entries + values). */
struct error *superseded_read(struct go_runtime *runtime, const struct heap *heap,
                              struct typing *typing, const struct map_table *maps,
                              struct superseded_table *out) ERROR_CHECK;
void superseded_table_deinit(struct superseded_table *table);

#endif
