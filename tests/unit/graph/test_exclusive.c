/* Exclusive sizes of sets of edges, against a walk without them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

enum { GRAPHS = 3000, CUTS_MAX = 12, QUESTIONS_MAX = 150 };

/* Mostly edges that exist, some that do not. */
static uint64_t random_cuts(const struct reference *ref, uint64_t *cuts)
{
    uint32_t ids = ref->graph->object_ids, count = random_below(CUTS_MAX + 1), made = 0;
    for (uint32_t i = 0; i < count && ids; i++) {
        uint32_t source = random_below(ref->super), target = random_below(ids);
        uint32_t edges = ref->begin[source + 1] - ref->begin[source];
        if (edges && random_below(8))
            target = ref->targets[ref->begin[source] + random_below(edges)];
        if (target < ids)
            cuts[made++] = (uint64_t)source << 32 | target;
    }
    return made;
}

static void small_graphs_equal_a_walk_without_the_edges(void **state)
{
    (void)state;
    for (int i = 0; i < GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        struct reference ref;
        reference_init(&ref, graph);
        uint64_t cuts[CUTS_MAX], count = random_cuts(&ref, cuts), bytes, objects;
        must(graph_exclusive(graph, cuts, count, &bytes, &objects));
        reference_walk(&ref, ref.super, GRAPH_NONE, cuts, count);
        assert_int_equal(bytes, graph->totals.reachable_bytes - reference_seen_bytes(&ref));
        assert_int_equal(objects, graph->totals.reachable_objects - reference_seen_objects(&ref));
        reference_deinit(&ref);
        graph_destroy(graph);
    }
}

/* Edges from below one node, so that not all questions are large. */
static uint64_t cuts_below(const struct reference *ref, uint32_t node, uint64_t *cuts)
{
    uint64_t count = 0;
    for (int i = 0; i < 60 && count < CUTS_MAX; i++) {
        uint32_t source = random_below(ref->super), up = source;
        while (up != GRAPH_NONE && up != node)
            up = graph_dominator(ref->graph, up);
        uint32_t edges = ref->begin[source + 1] - ref->begin[source];
        if (up == GRAPH_NONE || !edges)
            continue;
        uint32_t target = ref->targets[ref->begin[source] + random_below(edges)];
        if (target < ref->graph->object_ids)
            cuts[count++] = (uint64_t)source << 32 | target;
    }
    return count;
}

static void check_questions(struct graph *graph, uint32_t questions, unsigned threads)
{
    static uint64_t edges[QUESTIONS_MAX][CUTS_MAX];
    struct graph_cut cuts[QUESTIONS_MAX];
    struct reference ref;
    reference_init(&ref, graph);
    for (uint32_t q = 0; q < questions; q++) {
        uint64_t count = random_below(2) ? random_cuts(&ref, edges[q])
                                         : cuts_below(&ref, random_below(ref.super + 1), edges[q]);
        cuts[q] = (struct graph_cut){.edges = edges[q], .count = count, .bytes = 1, .objects = 1};
    }
    must(graph_exclusive_of_each(graph, cuts, questions, threads));
    for (uint32_t q = 0; q < questions; q++) {
        reference_walk(&ref, ref.super, GRAPH_NONE, cuts[q].edges, cuts[q].count);
        assert_int_equal(cuts[q].bytes, graph->totals.reachable_bytes - reference_seen_bytes(&ref));
        assert_int_equal(cuts[q].objects,
                         graph->totals.reachable_objects - reference_seen_objects(&ref));
    }
    reference_deinit(&ref);
}

static void many_questions_are_independent(void **state)
{
    (void)state;
    for (int i = 0; i < GRAPHS / 2; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        uint32_t most = i % 50 ? 12 : QUESTIONS_MAX;
        check_questions(graph, random_below(most + 1), 1 + (unsigned)i % 4);
        graph_destroy(graph);
    }
}

/* Many small lists under one root, so that a question about one of them is small. */
static void small_parts_of_a_wide_graph(void **state)
{
    (void)state;
    enum { LISTS = 40, LENGTH = 32 };
    for (int i = 0; i < 100; i++) {
        struct graph *graph;
        uint32_t e = 0, root, nodes = LISTS * LENGTH;
        must(graph_create(nodes + LENGTH, nodes * 3, &graph));
        for (uint32_t id = 0; id < nodes + LENGTH; id++) {
            bool in_list = id < nodes && (id + 1) % LENGTH;
            graph->size_words[id / 8] = 1 + id / 8 % 5;
            bitset_set(graph->allocated, id);
            graph->edge_begin[id] = e;
            if (in_list)
                graph->edges[e++] = id + 1;
            if (in_list && random_below(2))
                graph->edges[e++] = id + 1 + random_below(LENGTH - (id + 1) % LENGTH);
            if (id < nodes && !random_below(4)) /* what all share */
                graph->edges[e++] = (nodes + random_below(LENGTH)) | GRAPH_LEAF;
        }
        graph->edge_begin[nodes + LENGTH] = e;
        for (uint32_t list = 0; list < LISTS; list++) {
            must(graph_add_root(graph, GRAPH_NONE, 0, &root));
            must(graph_add_root_edge(graph, root, list * LENGTH));
        }
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        check_questions(graph, 12, 1 + (unsigned)i % 4);
        graph_destroy(graph);
    }
}

/* Long lists that lead back: what is reached late comes against the order of the positions. */
static void long_lists(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct random_shape shape = {
            .regions = 20 + random_below(30),
            .leaf_share = random_below(2),
            .edges_most = 1 + random_below(2),
            .reach = 2 + random_below(3),
            .chain = true,
            .roots = 1 + random_below(8),
            .root_edges_most = 1 + random_below(3),
            .classes = 1 + random_below(2),
        };
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        check_questions(graph, 40, 1 + (unsigned)i % 4);
        graph_destroy(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_graphs_equal_a_walk_without_the_edges),
        cmocka_unit_test(many_questions_are_independent),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(small_parts_of_a_wide_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
