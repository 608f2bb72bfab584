/* An analysis whose graph is made by hand, for the tests of single detectors. */
#ifndef LEAKHOUND_TEST_SMALL_GRAPH_H
#define LEAKHOUND_TEST_SMALL_GRAPH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bitset.h"
#include "detect/detectors.h"

/* Objects of 1 MiB each. */
enum { IDS = 64, OBJECT_BYTES = 1 << 20, GRAPH_EDGES_MAX = 256 };

struct small_root {
    const char *name;
    uint8_t kind, class;
};

struct small_graph {
    struct analysis analysis;
    uint16_t types[IDS];
    uint8_t strengths[IDS / 4];
};

static inline void must(struct error *error)
{
    char text[200] = "";
    if (error)
        error_text(error, text, sizeof(text));
    assert_string_equal(text, "");
}

/* edges: pairs (from, to), ended by from = GRAPH_NONE; from ≥ IDS is root from − IDS. */
static inline void begin(struct small_graph *g, const struct small_root *roots, uint32_t root_count,
                         const uint32_t (*edges)[2])
{
    struct graph *graph;
    uint32_t e = 0, root;
    memset(g, 0, sizeof(*g));
    must(graph_create(IDS, GRAPH_EDGES_MAX, &graph));
    for (uint32_t id = 0; id < IDS; id++) {
        bitset_set(graph->allocated, id);
        graph->size_words[id / 8] = OBJECT_BYTES / 8;
        graph->edge_begin[id] = e;
        for (unsigned i = 0; edges[i][0] != GRAPH_NONE; i++)
            if (edges[i][0] == id)
                graph->edges[e++] = edges[i][1];
    }
    graph->edge_begin[IDS] = e;
    graph->totals.allocated_objects = IDS;
    graph->totals.allocated_bytes = (uint64_t)IDS * OBJECT_BYTES;
    for (uint32_t r = 0; r < root_count; r++) {
        must(graph_add_root(graph, GRAPH_NONE, roots[r].class, &root));
        must(vector_push(&g->analysis.roots.infos, (struct root_info){.kind = roots[r].kind,
                                                                      .name = roots[r].name,
                                                                      .variable = GRAPH_NONE,
                                                                      .goroutine = GRAPH_NONE,
                                                                      .group = GRAPH_NONE}));
    }
    for (unsigned i = 0; edges[i][0] != GRAPH_NONE; i++)
        if (edges[i][0] >= IDS)
            must(graph_add_root_edge(graph, edges[i][0] - IDS, edges[i][1]));
    must(graph_analyse(graph, 1, NULL, NULL));
    g->analysis.graph = graph;
    g->analysis.heap.statistics.allocated_objects = IDS;
    g->analysis.heap.statistics.allocated_bytes = graph->totals.allocated_bytes;
    g->analysis.typing.packed = g->types;
    g->analysis.typing.strengths = g->strengths;
}

static inline void run(struct small_graph *g, const struct detector *detector,
                       struct finding_list *out)
{
    const struct detector *const table[] = {detector, NULL};
    must(detect_run_these(&g->analysis, 1, table, out));
}

static inline void end(struct small_graph *g, struct finding_list *list)
{
    finding_list_deinit(list);
    vector_deinit(&g->analysis.roots.infos);
    vector_deinit(&g->analysis.roots.deferred_calls);
    pool_table_deinit(&g->analysis.facts.pools);
    graph_destroy(g->analysis.graph);
}

#define END                                                                                        \
    {                                                                                              \
        GRAPH_NONE, 0                                                                              \
    }

#endif
