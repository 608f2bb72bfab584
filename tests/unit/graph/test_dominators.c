/* Reachability, classes, dominators, retained sizes and paths: against removing each node and
 * walking again, and on larger graphs against plain Semi-NCA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plain_semi_nca.h"
#include "reference.h"

enum { SMALL_GRAPHS = 6000, LARGE_GRAPHS = 60 };

/* gone[x * nodes + v]: v is unreachable without x. */
static bool *remove_each(struct reference *ref)
{
    bool *gone;
    must(memory_array((uint64_t)ref->nodes * ref->nodes, sizeof(bool), &gone));
    for (uint32_t x = 0; x < ref->nodes; x++) {
        reference_walk(ref, ref->super, x, NULL, 0);
        for (uint32_t v = 0; v < ref->nodes; v++)
            gone[x * ref->nodes + v] = ref->class[v] != 255 && !ref->seen[v];
    }
    return gone;
}

static void check_sizes(const struct graph *graph, const struct reference *ref, const bool *gone)
{
    for (uint32_t x = 0; x < ref->nodes; x++) {
        uint64_t bytes = 0, objects = 0;
        for (uint32_t v = 0; v < ref->nodes; v++) {
            if (gone[x * ref->nodes + v]) {
                bytes += reference_bytes(ref, v);
                objects += v < graph->object_ids;
            }
        }
        assert_int_equal(graph_is_reachable(graph, x), ref->class[x] != 255);
        assert_int_equal(graph_class_of(graph, x), ref->class[x]);
        assert_int_equal(graph_retained_bytes(graph, x), bytes);
        assert_int_equal(graph_retained_objects(graph, x), objects);
    }
    assert_int_equal(graph->totals.reachable_bytes, graph_retained_bytes(graph, ref->super));
    assert_int_equal(graph->totals.reachable_objects, graph_retained_objects(graph, ref->super));
}

/* The immediate dominator is the one among the strict dominators that has all others as its own. */
static void check_dominators(const struct graph *graph, const struct reference *ref,
                             const bool *gone)
{
    for (uint32_t v = 0; v < ref->nodes; v++) {
        uint32_t best = GRAPH_NONE, best_depth = 0;
        for (uint32_t x = 0; x < ref->nodes; x++) {
            if (x == v || !gone[x * ref->nodes + v])
                continue;
            uint32_t depth = 0;
            for (uint32_t y = 0; y < ref->nodes; y++)
                depth += gone[y * ref->nodes + x];
            if (depth > best_depth) {
                best = x;
                best_depth = depth;
            }
        }
        assert_int_equal(graph_dominator(graph, v), best);
    }
}

static uint32_t *distances(const struct reference *ref)
{
    uint32_t *distance, *queue, head = 0, tail = 0;
    must(memory_array(ref->nodes, sizeof(uint32_t), &distance));
    must(memory_array(ref->nodes, sizeof(uint32_t), &queue));
    memset(distance, 0xff, ref->nodes * sizeof(uint32_t));
    for (uint32_t v = ref->graph->object_ids; v < ref->super; v++) {
        distance[v] = 0;
        queue[tail++] = v;
    }
    while (head < tail) {
        uint32_t v = queue[head++];
        for (uint32_t e = ref->begin[v]; e < ref->begin[v + 1]; e++) {
            if (distance[ref->targets[e]] == GRAPH_NONE) {
                distance[ref->targets[e]] = distance[v] + 1;
                queue[tail++] = ref->targets[e];
            }
        }
    }
    free(queue);
    return distance;
}

static void check_paths(struct graph *graph, const struct reference *ref)
{
    must(graph_find_paths(graph));
    must(graph_find_paths(graph));
    uint32_t *distance = distances(ref);
    for (uint32_t v = 0; v < ref->nodes; v++) {
        if (v == ref->super || ref->class[v] == 255) {
            assert_int_equal(graph_parent_on_path(graph, v), GRAPH_NONE);
            continue;
        }
        uint32_t steps = 0;
        for (uint32_t at = v; at != ref->super; steps++) {
            uint32_t parent = graph_parent_on_path(graph, at);
            assert_true(parent < ref->nodes && reference_has_edge(ref, parent, at));
            assert_true(steps < ref->nodes);
            if (at < graph->object_ids)
                assert_int_equal(distance[at], distance[parent] + 1);
            at = parent;
        }
    }
    free(distance);
    graph_forget_paths(graph);
}

static void check_small(unsigned threads)
{
    struct random_shape shape = random_shape_small();
    struct graph *graph = random_graph(&shape);
    must(graph_analyse(graph, threads, NULL, NULL));
    struct reference ref;
    reference_init(&ref, graph);
    bool *gone = remove_each(&ref);
    check_sizes(graph, &ref, gone);
    check_dominators(graph, &ref, gone);
    check_paths(graph, &ref);
    free(gone);
    reference_deinit(&ref);
    graph_destroy(graph);
}

static void small_graphs_equal_removal_of_each_node(void **state)
{
    (void)state;
    for (int i = 0; i < SMALL_GRAPHS; i++)
        check_small(1 + (unsigned)i % 3);
}

static void check_large(const struct random_shape *shape, unsigned threads)
{
    struct graph *graph = random_graph(shape);
    must(graph_analyse(graph, threads, NULL, NULL));
    struct reference ref;
    reference_init(&ref, graph);
    /* node 0 is the start there: the super root and node 0 change places */
    struct flow_graph flow;
    must(flow_graph_create(ref.nodes, ref.begin[ref.nodes], &flow));
    uint32_t edges = 0;
    for (uint32_t v = 0; v < ref.nodes; v++) {
        uint32_t node = v == 0 ? ref.super : v == ref.super ? 0 : v;
        flow.begin[v] = edges;
        for (uint32_t e = ref.begin[node]; e < ref.begin[node + 1]; e++) {
            uint32_t target = ref.targets[e];
            flow.targets[edges++] = target == 0 ? ref.super : target == ref.super ? 0 : target;
        }
    }
    flow.begin[ref.nodes] = edges;
    uint32_t *plain = NULL;
    must(flow_graph_dominators(&flow, &plain));
    uint64_t *bytes;
    must(memory_array(ref.nodes, sizeof(uint64_t), &bytes));
    for (uint32_t v = 0; v < ref.nodes; v++) {
        if (ref.class[v] == 255) {
            assert_int_equal(graph_dominator(graph, v), GRAPH_NONE);
            continue;
        }
        for (uint32_t at = v, steps = 0; at != GRAPH_NONE; at = graph_dominator(graph, at)) {
            bytes[at] += reference_bytes(&ref, v);
            assert_true(steps++ < ref.nodes);
        }
        if (v != ref.super) {
            uint32_t p = plain[v == 0 ? ref.super : v];
            p = p == 0 ? ref.super : p == ref.super ? 0 : p;
            assert_int_equal(graph_dominator(graph, v), p);
        }
    }
    for (uint32_t v = 0; v < ref.nodes; v++)
        assert_int_equal(graph_retained_bytes(graph, v), bytes[v]);
    free(bytes);
    big_array_free(plain, (uint64_t)ref.nodes * sizeof(uint32_t));
    reference_deinit(&ref);
    graph_destroy(graph);
}

static void large_graphs_equal_plain_semi_nca(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LARGE_GRAPHS; i++) {
        struct random_shape shape = {.regions = 100 + random_below(500),
                                     .leaf_share = i % 6,
                                     .hole_share = i % 3,
                                     .edges_most = 1 + i % 5,
                                     .reach = i % 4 ? 2 + i : 0,
                                     .chain = i % 3 == 0,
                                     .roots = 1 + random_below(20),
                                     .root_edges_most = 1 + random_below(10),
                                     .classes = 1 + i % 3};
        check_large(&shape, 1 + i % 5);
    }
}

/* Neighbours that all know each other: most of their edges are left out on the way. */
static void thickets_equal_plain_semi_nca(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LARGE_GRAPHS; i++) {
        struct random_shape shape = {.regions = 100 + random_below(300),
                                     .leaf_share = i % 3,
                                     .edges_most = 6 + i % 20,
                                     .reach = 1 + i % 12,
                                     .chain = i % 2 == 0,
                                     .roots = 1 + random_below(5),
                                     .root_edges_most = 1 + random_below(4),
                                     .classes = 1 + i % 2};
        check_large(&shape, 1 + i % 3);
    }
}

/* One list of thousands of nodes; leaves held by two far ones: climbing alone would be quadratic.
 */
static void a_long_list_with_shared_leaves(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct graph *graph;
        uint32_t nodes = 8192, leaves = 4096, root;
        must(graph_create(nodes + leaves, nodes * 2, &graph));
        uint32_t e = 0;
        for (uint32_t id = 0; id < nodes + leaves; id++) {
            graph->size_words[id / 8] = 2;
            bitset_set(graph->allocated, id);
            graph->edge_begin[id] = e;
            if (id + 1 < nodes)
                graph->edges[e++] = id + 1;
            if (id < nodes)
                graph->edges[e++] = (nodes + id % leaves) | GRAPH_LEAF;
        }
        graph->edge_begin[nodes + leaves] = e;
        must(graph_add_root(graph, GRAPH_NONE, 0, &root));
        must(graph_add_root_edge(graph, root, 0));
        must(graph_analyse(graph, threads, NULL, NULL));
        /* the first half holds one node and one leaf each, the second half its node alone */
        for (uint32_t id = 0; id < nodes; id++) {
            uint32_t objects = nodes - id + (id < leaves ? leaves - id : 0);
            assert_int_equal(graph_retained_objects(graph, id), objects);
            assert_int_equal(graph_retained_bytes(graph, id), objects * 16);
        }
        for (uint32_t id = 0; id < leaves; id++)
            assert_int_equal(graph_dominator(graph, nodes + id), id);
        graph_destroy(graph);
    }
}

enum { DEEP_NODES = 8192, DEEP_LEAVES = 4096, DEEP_HOLDERS = 3 };

static uint32_t plain_common(const uint32_t *above, uint32_t a, uint32_t b)
{
    while (a != b) {
        if (a > b)
            a = above[a];
        else
            b = above[b];
    }
    return a;
}

/* A tree of long branches (each node stands below one of the three before it), and leaves that hang
 * from several nodes anywhere in it. */
static void a_deep_tree_with_shared_leaves(void **state)
{
    (void)state;
    static uint32_t above[DEEP_NODES], from[DEEP_LEAVES][DEEP_HOLDERS];
    for (uint32_t v = 1; v < DEEP_NODES; v++)
        above[v] = v - 1 - random_below(MIN_OF(v, 3u));
    for (uint32_t l = 0; l < DEEP_LEAVES; l++) {
        for (uint32_t h = 0; h < DEEP_HOLDERS; h++)
            from[l][h] = random_below(DEEP_NODES);
    }
    struct graph *graph;
    must(graph_create(DEEP_NODES + DEEP_LEAVES, DEEP_NODES + DEEP_LEAVES * DEEP_HOLDERS, &graph));
    for (uint32_t id = 0; id < DEEP_NODES + DEEP_LEAVES; id++) {
        graph->size_words[id / 8] = 1;
        bitset_set(graph->allocated, id);
    }
    uint32_t e = 0;
    for (uint32_t v = 0; v < DEEP_NODES; v++) {
        graph->edge_begin[v] = e;
        for (uint32_t child = v + 1; child < DEEP_NODES && child <= v + 3; child++) {
            if (above[child] == v)
                graph->edges[e++] = child;
        }
        for (uint32_t l = 0; l < DEEP_LEAVES; l++) {
            for (uint32_t h = 0; h < DEEP_HOLDERS; h++) {
                if (from[l][h] == v)
                    graph->edges[e++] = (DEEP_NODES + l) | GRAPH_LEAF;
            }
        }
    }
    for (uint32_t id = DEEP_NODES; id <= DEEP_NODES + DEEP_LEAVES; id++)
        graph->edge_begin[id] = e;
    uint32_t root;
    must(graph_add_root(graph, GRAPH_NONE, 0, &root));
    must(graph_add_root_edge(graph, root, 0));
    must(graph_analyse(graph, 2, NULL, NULL));
    for (uint32_t v = 1; v < DEEP_NODES; v++)
        assert_int_equal(graph_dominator(graph, v), above[v]);
    for (uint32_t l = 0; l < DEEP_LEAVES; l++) {
        uint32_t common = from[l][0];
        for (uint32_t h = 1; h < DEEP_HOLDERS; h++)
            common = plain_common(above, common, from[l][h]);
        assert_int_equal(graph_dominator(graph, DEEP_NODES + l), common);
    }
    graph_destroy(graph);
}

enum { LIST_NODES = 20000, LIST_ITEMS = 20000 };

/* The end of a list leads to items that its head holds too, each with a node and a leaf of its own:
 * every climb from the end to the head passes the whole list. */
static void a_list_whose_end_leads_to_what_its_head_holds(void **state)
{
    (void)state;
    enum { ITEM = LIST_NODES, NODE = ITEM + LIST_ITEMS, LEAF = NODE + LIST_ITEMS };
    enum { IDS = LEAF + LIST_ITEMS };
    struct graph *graph;
    uint32_t e = 0, root;
    must(graph_create(IDS, LIST_NODES + 5 * LIST_ITEMS, &graph));
    for (uint32_t id = 0; id < IDS; id++) {
        graph->size_words[id / 8] = 1;
        bitset_set(graph->allocated, id);
        graph->edge_begin[id] = e;
        if (id + 1 < LIST_NODES)
            graph->edges[e++] = id + 1;
        if (id == 0 || id == LIST_NODES - 1) {
            for (uint32_t i = 0; i < LIST_ITEMS; i++)
                graph->edges[e++] = ITEM + i;
        }
        if (id >= ITEM && id < NODE)
            graph->edges[e++] = NODE + (id - ITEM);
        if (id >= NODE && id < LEAF)
            graph->edges[e++] = (LEAF + (id - NODE)) | GRAPH_LEAF;
    }
    graph->edge_begin[IDS] = e;
    must(graph_add_root(graph, GRAPH_NONE, 0, &root));
    must(graph_add_root_edge(graph, root, 0));
    must(graph_analyse(graph, 2, NULL, NULL));
    for (uint32_t i = 0; i < LIST_ITEMS; i++) {
        assert_int_equal(graph_dominator(graph, ITEM + i), 0);
        assert_int_equal(graph_dominator(graph, NODE + i), ITEM + i);
        assert_int_equal(graph_dominator(graph, LEAF + i), NODE + i);
        assert_int_equal(graph_retained_objects(graph, ITEM + i), 3);
    }
    for (uint32_t id = 1; id < LIST_NODES; id++) {
        assert_int_equal(graph_dominator(graph, id), id - 1);
        assert_int_equal(graph_retained_objects(graph, id), LIST_NODES - id);
    }
    assert_int_equal(graph_retained_bytes(graph, 0), 8 * IDS);
    graph_destroy(graph);
}

static void count_phase(void *context, const char *phase, double seconds)
{
    assert_non_null(phase);
    assert_true(seconds >= 0);
    ++*(int *)context;
}

static void progress_is_told(void **state)
{
    (void)state;
    struct random_shape shape = {.regions = 5, .edges_most = 2, .roots = 3, .classes = 1};
    struct graph *graph = random_graph(&shape);
    int phases = 0;
    must(graph_analyse(graph, 2, count_phase, &phases));
    assert_int_equal(phases, 4);
    graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_graphs_equal_removal_of_each_node),
        cmocka_unit_test(large_graphs_equal_plain_semi_nca),
        cmocka_unit_test(thickets_equal_plain_semi_nca),
        cmocka_unit_test(a_long_list_with_shared_leaves),
        cmocka_unit_test(a_deep_tree_with_shared_leaves),
        cmocka_unit_test(a_list_whose_end_leads_to_what_its_head_holds),
        cmocka_unit_test(progress_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
