/*
 * Exact immediate dominators of all nodes with pointers by Semi-NCA (Georgiadis, Tarjan, Werneck:
 * "Finding dominators in practice", 2006), on the walk's own depth-first tree and numbers.
 *
 * Nine tenths of a heap's objects have one predecessor, their parent in the tree: for them the
 * algorithm is two sequential writes. It needs no list of predecessors but the extra edges, sorted
 * into blocks, and no array but 8 B per position beside the one that begins as the parents, turns
 * into semidominators from the last position to the first, and then into dominators from the first
 * to the last.
 */
#ifndef LEAKHOUND_GRAPH_INNER_DOMINATORS_H
#define LEAKHOUND_GRAPH_INNER_DOMINATORS_H

#include "graph/walk.h"

/* Turns result->dominator from what graph_walk left into immediate dominators (position →
 * position). inner: extra edges as graph_walk left them; they are used up. Uses the memory of
 * retained_bytes and retained_objects and leaves both zero. O(edges · log(objects)), in practice
 * linear. Beside that memory 16 B per extra edge and 8 B per node with several predecessors. */
struct error *graph_inner_dominators(struct graph_result *result, unsigned threads,
                                     struct pair_list *inner) ERROR_CHECK;

#endif
