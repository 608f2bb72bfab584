/* The slow way of by_type.c, for the few types that need it. */
#ifndef LEAKHOUND_GRAPH_BY_TYPE_H
#define LEAKHOUND_GRAPH_BY_TYPE_H

#include "graph/result.h"

/* Retained bytes of the wanted types into out (by type, zeroed). type_at: by position, 1 + type;
 * what is not below types->count + 1 has none. Leaves are looked at only where their type is wanted
 * and mixed: inner objects have it, too. O(objects); 12 B per position, and 12 B per object that
 * counts of a type that is wanted and mixed. */
struct error *retained_in_preorder(const struct graph *graph, const struct graph_types *types,
                                   const uint32_t *type_at, const bool *wanted, const bool *mixed,
                                   uint64_t *out) ERROR_CHECK;

#endif
