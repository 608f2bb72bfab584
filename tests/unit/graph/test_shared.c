/* What several holders reach together, against a walk from each holder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

enum { GRAPHS = 6000 };

struct expected {
    uint32_t holders; /* bit by root */
    uint64_t bytes, objects, largest;
};

/* A random graph has at most 8 roots. */
static uint32_t *holders_of_each(struct reference *ref)
{
    const struct graph *graph = ref->graph;
    uint32_t *holders;
    must(memory_array(ref->nodes, sizeof(uint32_t), &holders));
    for (uint32_t r = 0; r < graph->roots.count; r++) {
        if (graph->roots.data[r].parent != GRAPH_NONE)
            continue;
        assert_int_equal(graph->roots.data[r].holder, r);
        reference_walk(ref, graph->object_ids + r, GRAPH_NONE, NULL, 0);
        for (uint32_t v = 0; v < ref->nodes; v++)
            holders[v] |= (uint32_t)ref->seen[v] << r;
    }
    return holders;
}

static uint64_t expect(struct reference *ref, const uint32_t *holders, struct expected *list)
{
    uint64_t count = 0;
    for (uint32_t v = 0; v < ref->graph->object_ids; v++) {
        if (graph_dominator(ref->graph, v) != ref->super)
            continue;
        uint64_t i = 0, bytes = graph_retained_bytes(ref->graph, v);
        while (i < count && list[i].holders != holders[v])
            i++;
        if (i == count)
            list[count++] = (struct expected){.holders = holders[v]};
        list[i].bytes += bytes;
        list[i].objects += graph_retained_objects(ref->graph, v);
        list[i].largest = MAX_OF(list[i].largest, bytes);
    }
    return count;
}

static void check_set(const struct graph *graph, const struct graph_shared *shared,
                      const uint32_t *holders, const struct expected *list, uint64_t count)
{
    uint32_t mask = 0;
    for (uint32_t h = 0; h < shared->holder_count; h++) {
        assert_true(!h || shared->holders[h - 1] < shared->holders[h]);
        mask |= 1u << shared->holders[h];
    }
    assert_true(shared->holder_count >= 2);
    assert_false(shared->more);
    uint64_t i = 0;
    while (i < count && list[i].holders != mask)
        i++;
    assert_true(i < count);
    assert_int_equal(shared->bytes, list[i].bytes);
    assert_int_equal(shared->objects, list[i].objects);
    assert_int_equal(holders[shared->example], mask);
    assert_int_equal(graph_retained_bytes(graph, shared->example), list[i].largest);
}

static void check_graph(unsigned threads)
{
    struct random_shape shape = random_shape_small();
    struct graph *graph = random_graph(&shape);
    must(graph_analyse(graph, threads, NULL, NULL));
    struct reference ref;
    reference_init(&ref, graph);
    uint32_t *holders = holders_of_each(&ref);
    struct expected list[256];
    uint64_t count = expect(&ref, holders, list), bytes = 0, alone = 0;
    struct graph_shared_list shared;
    must(graph_shared_sets(graph, threads, &shared));
    assert_int_equal(shared.sets.count, count);
    for (uint64_t i = 0; i < count; i++) {
        check_set(graph, &shared.sets.data[i], holders, list, count);
        assert_true(!i || shared.sets.data[i - 1].bytes >= shared.sets.data[i].bytes);
        bytes += shared.sets.data[i].bytes;
    }
    for (uint32_t r = 0; r < graph->roots.count; r++) {
        if (graph->roots.data[r].parent == GRAPH_NONE)
            alone += graph_retained_bytes(graph, graph_root_node(graph, r));
    }
    assert_int_equal(bytes + alone, graph->totals.reachable_bytes);
    graph_shared_list_deinit(&shared);
    free(holders);
    reference_deinit(&ref);
    graph_destroy(graph);
}

static void small_graphs_equal_a_walk_from_each_holder(void **state)
{
    (void)state;
    for (int i = 0; i < GRAPHS; i++)
        check_graph(1 + (unsigned)i % 3);
}

static struct graph *leaves_and_holders(uint32_t leaves, uint32_t holders)
{
    struct graph *graph;
    must(graph_create(leaves, 0, &graph));
    for (uint32_t id = 0; id < leaves; id++) {
        graph->size_words[id / 8] = 1;
        bitset_set(graph->allocated, id);
    }
    for (uint32_t h = 0; h < holders; h++) {
        uint32_t root;
        must(graph_add_root(graph, GRAPH_NONE, 0, &root));
    }
    return graph;
}

/* Object 0 has 64 holders, 1 and 2 have 100 from the same first, 3 has 65 others. */
static void a_set_of_many_holders_is_cut(void **state)
{
    (void)state;
    struct graph *graph = leaves_and_holders(4, 200);
    for (uint32_t h = 0; h < 64; h++)
        must(graph_add_root_edge(graph, h, 0 | GRAPH_LEAF));
    for (uint32_t h = 0; h < 100; h++) {
        must(graph_add_root_edge(graph, h, 1 | GRAPH_LEAF));
        must(graph_add_root_edge(graph, 99 - h, 2 | GRAPH_LEAF));
    }
    for (uint32_t h = 199; h >= 135; h--)
        must(graph_add_root_edge(graph, h, 3 | GRAPH_LEAF));
    must(graph_analyse(graph, 1, NULL, NULL));
    struct graph_shared_list list;
    must(graph_shared_sets(graph, 2, &list));
    assert_int_equal(list.sets.count, 3);
    assert_int_equal(list.sets.data[0].objects, 2);
    int cut = 0;
    for (uint64_t i = 0; i < 3; i++) {
        const struct graph_shared *set = &list.sets.data[i];
        assert_int_equal(set->holder_count, GRAPH_SHARED_HOLDERS_MAX);
        uint32_t first = set->example == 3 ? 135 : 0;
        for (uint32_t h = 0; h < set->holder_count; h++)
            assert_int_equal(set->holders[h], first + h);
        assert_int_equal(set->more, set->example != 0);
        cut += set->more;
    }
    assert_int_equal(cut, 2);
    graph_shared_list_deinit(&list);
    graph_destroy(graph);
}

/* Each pair of 400 holders has one object of its own: more sets than are listed. */
static void too_many_sets_end_in_one_rest(void **state)
{
    (void)state;
    uint32_t holders = 400, leaf = 0, pairs = holders * (holders - 1) / 2;
    assert_true(pairs > GRAPH_SHARED_SETS_MAX);
    struct graph *graph = leaves_and_holders(pairs, holders);
    for (uint32_t a = 0; a < holders; a++) {
        for (uint32_t b = a + 1; b < holders; b++, leaf++) {
            must(graph_add_root_edge(graph, a, leaf | GRAPH_LEAF));
            must(graph_add_root_edge(graph, b, leaf | GRAPH_LEAF));
        }
    }
    must(graph_analyse(graph, 2, NULL, NULL));
    struct graph_shared_list list;
    must(graph_shared_sets(graph, 2, &list));
    assert_int_equal(list.sets.count, GRAPH_SHARED_SETS_MAX);
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < list.sets.count; i++)
        bytes += list.sets.data[i].bytes;
    const struct graph_shared *rest = &list.sets.data[list.sets.count - 1];
    assert_true(rest->more);
    assert_int_equal(rest->holder_count, 0);
    assert_int_equal(rest->objects, pairs - (GRAPH_SHARED_SETS_MAX - 1));
    assert_int_equal(bytes, graph->totals.reachable_bytes);
    graph_shared_list_deinit(&list);
    graph_destroy(graph);
}

/* A million tops in one cycle, and as many in a chain, each entered by two holders: linear. */
static void a_million_tops(void **state)
{
    (void)state;
    uint32_t nodes = 1 << 20, root;
    struct graph *graph;
    must(graph_create(nodes, nodes * 2, &graph));
    uint32_t e = 0;
    for (uint32_t id = 0; id < nodes; id++) {
        graph->size_words[id / 8] = 1;
        bitset_set(graph->allocated, id);
        graph->edge_begin[id] = e;
        if (id != nodes / 2 - 1 && id != nodes - 1)
            graph->edges[e++] = id + 1;
        if (id == nodes / 2 - 1)
            graph->edges[e++] = 0;
    }
    graph->edge_begin[nodes] = e;
    for (uint32_t h = 0; h < 80; h++)
        must(graph_add_root(graph, GRAPH_NONE, 0, &root));
    for (uint32_t id = 0; id < nodes; id++) {
        must(graph_add_root_edge(graph, id % 80, id));
        must(graph_add_root_edge(graph, (id + 1) % 80, id));
    }
    must(graph_analyse(graph, 2, NULL, NULL));
    struct graph_shared_list list;
    must(graph_shared_sets(graph, 2, &list));
    /* The cycle and all but the beginning of the chain have 80 holders; at the chain's beginning
     * each node adds one, until they are cut at 64. */
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < list.sets.count; i++)
        bytes += list.sets.data[i].bytes;
    assert_int_equal(bytes, (uint64_t)nodes * 8);
    assert_true(list.sets.data[0].more);
    assert_true(list.sets.count <= 160);
    graph_shared_list_deinit(&list);
    graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_graphs_equal_a_walk_from_each_holder),
        cmocka_unit_test(a_set_of_many_holders_is_cut),
        cmocka_unit_test(too_many_sets_end_in_one_rest),
        cmocka_unit_test(a_million_tops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
