/*
 * Dominators of leaves. A leaf's only predecessor dominates it; with several it is their nearest
 * common ancestor in the dominator tree (a leaf dominates nothing, so that its own edges cannot
 * matter). Climbing by position finds it in a few steps in a tree as shallow as those of real
 * heaps; a deep one (a linked list) is first cut into heavy paths, of which no climb meets more
 * than log2(objects).
 */
#ifndef LEAKHOUND_GRAPH_LEAVES_H
#define LEAKHOUND_GRAPH_LEAVES_H

#include "graph/walk.h"

/* Makes result->shared_leaves and leaf_dominator. leaves: extra edges as graph_walk left them; they
 * are used up. Needs result->dominator. Uses the memory of retained_bytes and retained_objects and
 * leaves both zero. O(edges · log). */
struct error *graph_leaf_dominators(const struct graph *graph, struct graph_result *result,
                                    unsigned threads, struct pair_list *leaves) ERROR_CHECK;

#endif
