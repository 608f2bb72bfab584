/* Plain Semi-NCA over a whole graph: what the analysis is measured against. */
#ifndef LEAKHOUND_BENCH_PLAIN_H
#define LEAKHOUND_BENCH_PLAIN_H

#include <sys/wait.h>

#include "../tests/unit/graph/plain_semi_nca.h"
#include "base/bitset.h"
#include "graph/graph.h"
#include "measure.h"

/* Object v is node v + 1; node 0 stands for all roots. */
static inline void plain(const struct graph *graph)
{
    struct flow_graph flow;
    uint64_t ids = graph->object_ids, edges = 0;
    must(flow_graph_create((uint32_t)ids + 1,
                           (uint32_t)(graph->totals.edges + graph->root_edges.count), &flow));
    for (uint64_t i = 0; i < graph->root_edges.count; i++)
        flow.targets[edges++] = ((uint32_t)graph->root_edges.data[i] & GRAPH_ID) + 1;
    for (uint64_t id = 0; id < ids; id++) {
        flow.begin[id + 1] = (uint32_t)edges;
        uint32_t end = bitset_get(graph->allocated, id) ? graph->edge_begin[id + 1] : 0;
        for (uint32_t e = graph->edge_begin[id]; e < end; e++)
            flow.targets[edges++] = (graph->edges[e] & GRAPH_ID) + 1;
    }
    flow.begin[ids + 1] = (uint32_t)edges;
    struct peak_watch peak;
    start_peak_watch(&peak);
    struct stopwatch watch = start_watch();
    uint32_t *dominator = NULL;
    must(flow_graph_dominators(&flow, &dominator));
    print_watch("plain Semi-NCA", watch);
    printf("  plain: peak %.1f bytes per object\n", end_peak_watch(&peak) / (double)ids);
    big_array_free(dominator, (ids + 1) * sizeof(uint32_t));
}

/* In a process of its own, which gives back all memory. */
static inline void plain_beside(const struct graph *graph)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(1);
    }
    if (!child) {
        plain(graph);
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status)
        printf("  plain: did not come to an end (status %#x)\n", (unsigned)status);
}

#endif
