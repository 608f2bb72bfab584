/*
 * The walk from the roots: what is reachable, and its numbering by position (see result.h). One
 * random access per edge; everything after it works on positions, which are close together where
 * the objects are.
 *
 * Every edge that finds its target already discovered is kept in a list: those are the only ones,
 * beside the walk's own tree, that dominators depend on.
 */
#ifndef LEAKHOUND_GRAPH_MARK_H
#define LEAKHOUND_GRAPH_MARK_H

#include "graph/pair_list.h"
#include "graph/result.h"

struct extra_edges {
    struct pair_list inner;  /* a: position of the source, b: id of an object with pointers */
    struct pair_list leaves; /* a: position of the source, b: id of a leaf */
};

/* Fills result's position, order, parent, root_position, classes and count; retained_bytes and
 * retained_objects of a position become the node's own and those of the leaves that it reached
 * first. Class by class; with one thread it is exactly breadth first. out: added to, caller's to
 * free, also on failure. */
struct error *graph_mark(const struct graph *graph, struct graph_result *result, unsigned threads,
                         struct extra_edges *out) ERROR_CHECK;
void extra_edges_deinit(struct extra_edges *edges);

#endif
