/*
 * Immediate dominators of any flow graph by Semi-NCA (Georgiadis, Tarjan, Werneck: "Finding
 * dominators in practice", 2006). Used on the reduced graph; over the whole graph it is the plain
 * way, kept as the yardstick of tests and bench.
 */
#ifndef LEAKHOUND_GRAPH_FLOW_GRAPH_H
#define LEAKHOUND_GRAPH_FLOW_GRAPH_H

#include "base/memory.h"

/* Nodes 0 … nodes - 1, node 0 the start; targets[begin[v] .. begin[v + 1]) are v's successors.
 * Both arrays are big arrays, of nodes + 1 and edges entries. */
struct flow_graph {
    uint32_t nodes;
    uint32_t edges;
    uint32_t *begin, *targets;
};
struct error *flow_graph_create(uint32_t nodes, uint32_t edges, struct flow_graph *out) ERROR_CHECK;
void flow_graph_deinit(struct flow_graph *graph);

/* Gives the immediate dominator of every node (0 for node 0 and for those that it does not reach)
 * as a big array of `nodes` entries. Empties graph, also on failure, as soon as it can. Almost
 * linear. Peak: 28 B per node and 4 B per edge, or 16 B per node and 12 B per edge, whichever is
 * more. */
struct error *flow_graph_dominators(struct flow_graph *graph, uint32_t **out) ERROR_CHECK;

#endif
