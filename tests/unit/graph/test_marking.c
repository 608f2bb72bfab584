/* What a growing part of the roots reaches, against repeated walks over all edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/marking.h"
#include "graph/result.h"
#include "random_graph.h"

enum { GRAPHS = 4000, MOST_IDS = 80, MOST_ROOTS = 16 };

struct plain {
    const struct graph *graph;
    bool root_counts[MOST_ROOTS];
    bool left_out[MOST_IDS][MOST_IDS];
    bool reached[MOST_IDS];
};

/* Until nothing changes. */
static void spread(struct plain *p)
{
    const struct graph *graph = p->graph;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint64_t i = 0; i < graph->root_edges.count; i++) {
            uint64_t edge = graph->root_edges.data[i];
            uint32_t target = (uint32_t)edge & GRAPH_ID;
            changed = changed || (p->root_counts[edge >> 32] && !p->reached[target]);
            p->reached[target] = p->reached[target] || p->root_counts[edge >> 32];
        }
        for (uint32_t id = 0; id < graph->object_ids; id++) {
            if (!p->reached[id] || !bitset_get(graph->allocated, id))
                continue;
            for (uint32_t e = graph->edge_begin[id]; e < graph->edge_begin[id + 1]; e++) {
                uint32_t target = graph->edges[e] & GRAPH_ID;
                if (p->left_out[id][target] || p->reached[target])
                    continue;
                p->reached[target] = changed = true;
            }
        }
    }
}

static bool is_leaf(const struct graph *graph, uint32_t id)
{
    return graph->edge_begin[id] == graph->edge_begin[id + 1];
}

/* Leaves are known to be reached only when they are watched. */
static void compare(const struct graph_marking *m, const struct plain *p, const bool *watched)
{
    for (uint32_t id = 0; id < p->graph->object_ids; id++)
        if (bitset_get(p->graph->allocated, id) &&
            (watched[id] || (!is_leaf(p->graph, id) && graph_is_reachable(p->graph, id))))
            assert_int_equal(graph_marking_has(m, id), p->reached[id]);
}

static void roots_come_alive_one_by_one(void **state)
{
    (void)state;
    uint64_t told = 0, stopped_early = 0;
    for (int g = 0; g < GRAPHS; g++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        if (graph->object_ids > MOST_IDS || graph->roots.count > MOST_ROOTS) {
            graph_destroy(graph);
            continue;
        }
        must(graph_analyse(graph, 1, NULL, NULL));
        struct plain plain = {.graph = graph};
        struct graph_marking marking;
        bool watched[MOST_IDS] = {0};
        uint32_t wakes[MOST_IDS]; /* the root that comes alive with a watched object */
        must(graph_marking_init(&marking, graph));
        for (uint32_t id = 0; id < graph->object_ids; id++) {
            wakes[id] = graph->roots.count ? random_below((uint32_t)graph->roots.count) : 0;
            if (!bitset_get(graph->allocated, id) || random_below(4))
                continue;
            watched[id] = true;
            graph_marking_watch(&marking, id);
            if (!is_leaf(graph, id) && random_below(2)) {
                uint32_t target = graph->edges[graph->edge_begin[id]] & GRAPH_ID;
                must(graph_marking_leave_out(&marking, id, target));
                plain.left_out[id][target] = true;
            }
        }
        uint32_t alive = graph->roots.count ? 1 + random_below((uint32_t)graph->roots.count) : 0;
        for (uint32_t r = 0; r < alive; r++) {
            must(graph_marking_add_root(&marking, r));
            plain.root_counts[r] = true;
        }
        for (;;) {
            must(graph_marking_run(&marking));
            if (!marking.found.count)
                break;
            stopped_early += marking.next < graph->result->count;
            for (uint64_t i = 0; i < marking.found.count; i++) {
                uint32_t id = marking.found.data[i];
                assert_true(watched[id]);
                told++;
                watched[id] = false; /* told once */
                must(graph_marking_add_root(&marking, wakes[id]));
                plain.root_counts[wakes[id]] = true;
            }
            marking.found.count = 0;
        }
        spread(&plain);
        for (uint32_t id = 0; id < graph->object_ids; id++)
            assert_false(watched[id] && plain.reached[id]);
        compare(&marking, &plain, watched);
        graph_marking_deinit(&marking);
        graph_destroy(graph);
    }
    assert_true(told > 5000 && stopped_early > 1000);
}

/* More of them than there are objects that roots reach. */
static void objects_that_no_root_reaches_are_followed(void **state)
{
    enum { IDS = 64 };
    struct graph *graph;
    struct graph_marking marking;
    uint32_t root;
    (void)state;
    must(graph_create(IDS, IDS, &graph));
    for (uint32_t id = 0; id < IDS; id++) {
        bitset_set(graph->allocated, id);
        graph->size_words[id / 8] = 2;
        graph->edge_begin[id] = id;
        graph->edges[id] = id && id + 1 < IDS ? id + 1 : id;
    }
    graph->edge_begin[IDS] = IDS;
    must(graph_add_root(graph, GRAPH_NONE, 0, &root));
    must(graph_add_root_edge(graph, root, 0));
    must(graph_analyse(graph, 1, NULL, NULL));
    must(graph_marking_init(&marking, graph));
    graph_marking_watch(&marking, IDS - 1);
    must(graph_marking_add_root(&marking, root));
    must(graph_marking_run(&marking));
    assert_int_equal(marking.found.count, 0);
    must(graph_marking_add_object(&marking, 1));
    must(graph_marking_run(&marking));
    assert_int_equal(marking.found.count, 1);
    assert_int_equal(marking.found.data[0], IDS - 1);
    graph_marking_deinit(&marking);
    graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_come_alive_one_by_one),
        cmocka_unit_test(objects_that_no_root_reaches_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
