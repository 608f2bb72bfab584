/*
 * The walk from the roots, depth first: what is reachable, and its numbering by position (see
 * result.h).
 *
 * Why depth first: a program mostly makes an object beside those that it puts it into, so that the
 * walk goes through memory nearly in the order of addresses, and all passes that follow go through
 * positions in the order of memory. (Breadth first each level sweeps the whole heap: on the same
 * 60 million objects that walk took five times as long.) And the walk's tree is one that dominators
 * can be found on, without a second walk over a graph of its own.
 *
 * A walk like that is one thread's. But three fifths of a heap's objects have no pointers: marking
 * those, and adding up nothing but what they are, is left to the other threads, which follow a few
 * hundred nodes behind.
 */
#ifndef LEAKHOUND_GRAPH_WALK_H
#define LEAKHOUND_GRAPH_WALK_H

#include "graph/pair_list.h"
#include "graph/result.h"

/* Edges beside the walk's tree: with it, all that dominators depend on. */
struct extra_edges {
    struct pair_list inner;  /* a: position of the source, b: position of the target */
    struct pair_list leaves; /* a: position of the source, b: id of a leaf found already */
};

/* Set in a node's entry of result->dominator when it has an edge to its parent: such edges (lists
 * and trees that lead back) need no entry among the extra edges. */
#define WALK_TO_PARENT 0x80000000u

/* Fills result's position, order, root_position, classes and count; dominator becomes the parent in
 * the walk's tree (with WALK_TO_PARENT). Class by class; the numbers are a preorder of a
 * depth-first tree, whatever the number of threads. A leaf's position is that of any of its
 * predecessors of its class. Edges of a node to itself, to its child in the tree and between
 * classes are left out. out: added to, caller's to free, also on failure. O(objects + edges).
 * Meanwhile 8 B per node that is known and not yet visited. */
struct error *graph_walk(const struct graph *graph, struct graph_result *result, unsigned threads,
                         struct extra_edges *out) ERROR_CHECK;
void extra_edges_deinit(struct extra_edges *edges);

#endif
