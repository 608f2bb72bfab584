/* Sizes by type, against each object's dominators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

enum { GRAPHS = 4000, DEEP_GRAPHS = 300, TYPES = 6 };

static void types_of(void *context, uint32_t first, uint32_t count, uint32_t *out)
{
    const uint32_t *type_of = context;
    assert_true(count && count <= GRAPH_TYPES_AT_ONCE);
    memcpy(out, type_of + first, count * sizeof(*out));
}

/* Up to TYPES types; some only of leaves or only of others, some of both, as `mixed` says. */
static uint32_t *random_types(const struct graph *graph, const uint32_t *share, bool mixed)
{
    uint32_t *type_of;
    must(memory_array(graph->object_ids, sizeof(*type_of), &type_of));
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        uint32_t type = random_below(TYPES);
        while (random_below(100) >= share[type])
            type = random_below(TYPES);
        if (!mixed && graph->edge_begin[id] == graph->edge_begin[id + 1])
            type = TYPES / 2 + type / 2;
        else if (!mixed)
            type /= 2;
        type_of[id] = random_below(8) ? type : GRAPH_NONE;
        if (type_of[id] != GRAPH_NONE && !random_below(3))
            type_of[id] |= GRAPH_TYPE_MARK;
        if (!bitset_get(graph->allocated, id))
            type_of[id] = random_below(UINT32_MAX); /* not to be looked at */
    }
    return type_of;
}

static void expect(const struct graph *graph, const uint32_t *type_of, struct graph_type_sum *sums)
{
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        if (!graph_is_reachable(graph, id) || type_of[id] == GRAPH_NONE)
            continue;
        uint32_t type = type_of[id] & ~GRAPH_TYPE_MARK, up = graph_dominator(graph, id);
        struct graph_type_sum *sum = &sums[type];
        sum->objects++;
        sum->bytes += graph_object_bytes(graph, id);
        if (type_of[id] & GRAPH_TYPE_MARK)
            sum->marked_bytes += graph_object_bytes(graph, id);
        while (up < graph->object_ids &&
               (type_of[up] == GRAPH_NONE || (type_of[up] & ~GRAPH_TYPE_MARK) != type))
            up = graph_dominator(graph, up);
        if (up >= graph->object_ids)
            sum->retained_bytes += graph_retained_bytes(graph, id);
    }
}

static void check_graph(struct graph *graph, const uint32_t *share, bool mixed, unsigned threads)
{
    must(graph_analyse(graph, threads, NULL, NULL));
    uint32_t *type_of = random_types(graph, share, mixed);
    struct graph_type_sum expected[TYPES] = {0}, sums[TYPES];
    memset(sums, 0xff, sizeof(sums)); /* overwritten */
    expect(graph, type_of, expected);
    struct graph_types types = {.of = types_of, .context = type_of, .count = TYPES};
    must(graph_sums_by_type(graph, &types, threads, sums));
    assert_memory_equal(sums, expected, sizeof(sums));
    free(type_of);
    graph_destroy(graph);
}

static void types_count_their_uppermost_objects(void **state)
{
    (void)state;
    static const uint32_t even[TYPES] = {100, 100, 100, 100, 100, 100};
    for (int i = 0; i < GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        check_graph(random_graph(&shape), even, i & 1, 1 + (unsigned)i % 3);
    }
}

/* A list that now and then parts, of inner objects that hold a leaf each or share one. */
static struct graph *long_list(uint32_t length)
{
    struct graph *graph;
    uint32_t e = 0, root;
    must(graph_create(length * 2, (uint64_t)length * 3, &graph));
    for (uint32_t id = 0; id < length * 2; id++) {
        graph->size_words[id / 8] = 1 + id / 8 % 5;
        bitset_set(graph->allocated, id);
        graph->edge_begin[id] = e;
        if (id + 1 < length)
            graph->edges[e++] = id + 1;
        if (id < length && random_below(4))
            graph->edges[e++] = (length + random_below(length)) | GRAPH_LEAF;
        uint32_t ahead = id + random_below(20);
        if (ahead < length && !random_below(10))
            graph->edges[e++] = ahead;
    }
    graph->edge_begin[length * 2] = e;
    must(graph_add_root(graph, GRAPH_NONE, 0, &root));
    must(graph_add_root_edge(graph, root, 0));
    return graph;
}

/* A rare type hangs so far below itself, or below none of its own, that no climb finds it. */
static void types_far_below_themselves(void **state)
{
    (void)state;
    for (int i = 0; i < DEEP_GRAPHS; i++) {
        uint32_t share[TYPES] = {100, 100, 1, 1, 100, 1};
        share[random_below(TYPES)] = random_below(2) ? 1 : 100;
        check_graph(long_list(8 * (1 + random_below(100))), share, i & 1, 1 + (unsigned)i % 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_count_their_uppermost_objects),
        cmocka_unit_test(types_far_below_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
