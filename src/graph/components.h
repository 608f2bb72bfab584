/*
 * Strongly connected components (Tarjan), without recursion.
 *
 * Memory: 4 B per node, and 16 B per node of the longest way that is looked into at once.
 */
#ifndef LEAKHOUND_GRAPH_COMPONENTS_H
#define LEAKHOUND_GRAPH_COMPONENTS_H

#include "base/memory.h"

/* members: the nodes of one component, in no order; valid during the call. */
typedef struct error *(*components_close)(void *context, const uint32_t *members, uint32_t count);

/* The edges of node v are targets[begin[v] .. begin[v + 1]); a target of at least `nodes` is
 * skipped. close is called once for each component, after those that its edges lead to; an error
 * of it ends the search. Nodes are begun with from the last, which is quick where edges lead to
 * larger numbers. O(nodes + edges). */
struct error *components_find(uint32_t nodes, const uint32_t *begin, const uint32_t *targets,
                              components_close close, void *context) ERROR_CHECK;

#endif
