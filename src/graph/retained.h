/* Retained sizes: each object's own to its dominator tree's node, then up the tree. */
#ifndef LEAKHOUND_GRAPH_RETAINED_H
#define LEAKHOUND_GRAPH_RETAINED_H

#include "graph/result.h"

/* Fills retained_bytes and retained_objects, which must be zero. Needs everything else of the
 * result. Asserts that all that was reached is allocated: a builder's edge to a free slot would
 * make everything wrong. O(objects). */
struct error *graph_sum_retained(const struct graph *graph, struct graph_result *result,
                                 unsigned threads) ERROR_CHECK;

#endif
