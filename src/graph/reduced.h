/*
 * Exact immediate dominators of all inner nodes by way of a reduced graph H.
 *
 * A node with one distinct predecessor is dominated by it. What remains are the nodes with several
 * (entries; 4 % of a real heap). H holds those, the sources of the extra edges into them, the
 * walk's parents of them, and every node where two branches of the walk's tree part on the way to
 * such nodes; its edges are the extra edges and, for the walk's tree, the path to the nearest kept
 * ancestor. The nodes left out lie inside such paths and have one predecessor, so that they change
 * no dominator: a chain collapses to an edge, and where chains part the fork is kept. (Merging
 * whole regions by first predecessor alone is not exact.)
 */
#ifndef LEAKHOUND_GRAPH_REDUCED_H
#define LEAKHOUND_GRAPH_REDUCED_H

#include "graph/mark.h"

/* Makes result->dominator (position → position). inner: extra edges as graph_mark left them; they
 * are used up. Peak: 5 B per position, 16 B per extra edge, 40 B per node of H. */
struct error *graph_inner_dominators(const struct graph *graph, struct graph_result *result,
                                     unsigned threads, struct pair_list *inner) ERROR_CHECK;

#endif
