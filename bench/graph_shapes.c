/*
 * The object graph on heaps of known shape, without a target: graph_analyse beside plain Semi-NCA
 * over the whole graph (which finds the dominators only) on one thread, one after the other;
 * seconds and peak bytes per object (the graph itself included).
 *
 *   bench-graph_shapes SHAPE IDS [THREADS] [alone]
 *
 * Shapes: see the table below. In those that are shuffled the objects stand in memory in random
 * order. alone: without the plain way, but with the questions that can be asked afterwards.
 */
#include "base/bitset.h"
#include "base/parallel.h"
#include "graph/graph.h"
#include "measure.h"
#include "plain.h"

enum {
    REGION = 1024, /* ids of one kind, as in a span */
    CLIQUE = 16,
    RING = 1000,
};

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t random_below(uint64_t limit)
{
    return (uint64_t)((unsigned __int128)random_next() * limit >> 64);
}

struct shape {
    const char *name;
    uint32_t leaf_regions_of_5;
    bool shuffled;
    uint32_t edges_per_id; /* room */
    void (*edges_of)(struct shape *shape, struct graph *graph, uint64_t index);
    uint32_t *inner, *leaves; /* ids in the order in which the shape uses them */
    uint64_t inner_count, leaf_count, edge;
    uint64_t next_child, next_leaf; /* heap: the next that nobody holds */
};

static bool is_leaf(const struct shape *shape, uint64_t id)
{
    return id / REGION % 5 >= 5 - shape->leaf_regions_of_5;
}

static uint32_t target(const struct shape *shape, uint64_t id)
{
    return (uint32_t)id | (is_leaf(shape, id) ? GRAPH_LEAF : 0);
}

static void add(struct shape *shape, struct graph *graph, uint64_t id)
{
    graph->edges[shape->edge++] = target(shape, id);
}

static uint64_t random_leaf(const struct shape *shape)
{
    return shape->leaves[random_below(shape->leaf_count)];
}

static void random_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    (void)index;
    for (uint64_t n = random_below(6) + 1; n-- > 0;)
        add(shape, graph, random_below(graph->object_ids));
}

/* Nothing but nodes with pointers, all of which can be reached. */
static void tangle_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    add(shape, graph, random_below(graph->object_ids));
    add(shape, graph, index + 1 < shape->inner_count ? index + 1 : 0);
    add(shape, graph, random_below(graph->object_ids));
}

static void double_list_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    if (index + 1 < shape->inner_count)
        add(shape, graph, shape->inner[index + 1]);
    if (index)
        add(shape, graph, shape->inner[index - 1]);
    add(shape, graph, random_leaf(shape));
    add(shape, graph, random_leaf(shape));
}

static void single_list_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    if (index + 1 < shape->inner_count)
        add(shape, graph, shape->inner[index + 1]);
    add(shape, graph, random_leaf(shape));
    add(shape, graph, random_leaf(shape));
}

static void binary_tree_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    for (uint64_t child = 2 * index + 1; child <= 2 * index + 2; child++) {
        if (child < shape->inner_count)
            add(shape, graph, shape->inner[child]);
    }
    if (index)
        add(shape, graph, shape->inner[(index - 1) / 2]);
}

/* 1.2 edges per object: mostly the next object that nobody holds yet, in address order with jumps,
 * as allocation leaves them; one edge in seven to something that is held already. */
static void heap_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    uint64_t children = random_below(3);
    if (index % 8 == 0)
        children += 8 - random_below(3);
    for (; children && shape->next_child < shape->inner_count; children--)
        add(shape, graph, shape->inner[shape->next_child++]);
    for (uint64_t n = random_below(4); n && shape->next_leaf < shape->leaf_count; n--)
        add(shape, graph, shape->leaves[shape->next_leaf++]);
    if (random_below(9) == 0)
        add(shape, graph, shape->inner[index - random_below(index < 4096 ? index + 1 : 4096)]);
    if (random_below(9) < 2 && shape->next_leaf) {
        uint64_t near = shape->next_leaf < 65536 ? shape->next_leaf : 65536;
        add(shape, graph, shape->leaves[shape->next_leaf - 1 - random_below(near)]);
    }
}

/* One slice with a pointer to every other object, each of which has a leaf. */
static void slice_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    if (!index) {
        for (uint64_t i = 1; i < shape->inner_count; i++)
            add(shape, graph, shape->inner[i]);
    }
    if (shape->next_leaf < shape->leaf_count)
        add(shape, graph, shape->leaves[shape->next_leaf++]);
}

/* Sixteen at a time know each other; the first of them know the first of the next sixteen. */
static void clique_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    uint64_t first = index / CLIQUE * CLIQUE;
    for (uint64_t i = first; i < first + CLIQUE && i < shape->inner_count; i++) {
        if (i != index)
            add(shape, graph, shape->inner[i]);
    }
    if (index == first && index + CLIQUE < shape->inner_count)
        add(shape, graph, shape->inner[index + CLIQUE]);
    add(shape, graph, random_leaf(shape));
}

/* A tree of groups of eight slots: keys of their own, and values that others hold too. */
static void maps_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    for (uint64_t child = 8 * index + 1; child <= 8 * index + 8; child++) {
        if (child < shape->inner_count)
            add(shape, graph, shape->inner[child]);
    }
    if (shape->next_leaf < shape->leaf_count)
        add(shape, graph, shape->leaves[shape->next_leaf++]);
    add(shape, graph, random_leaf(shape));
}

/* Rings, of which the first node of each is in a list. */
static void ring_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    uint64_t first = index / RING * RING, end = first + RING;
    if (end > shape->inner_count)
        end = shape->inner_count;
    add(shape, graph, shape->inner[index + 1 < end ? index + 1 : first]);
    if (index == first && end < shape->inner_count)
        add(shape, graph, shape->inner[end]);
    if (shape->next_leaf < shape->leaf_count)
        add(shape, graph, shape->leaves[shape->next_leaf++]);
}

/* A list, all of whose nodes are also in a slice that is found at its end. */
static void list_and_slice_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    uint64_t half = shape->inner_count / 2;
    if (index + 1 < half)
        add(shape, graph, shape->inner[index + 1]);
    if (index + 1 == half || index == 0) {
        for (uint64_t i = half; i < shape->inner_count; i++)
            add(shape, graph, shape->inner[i]);
    }
    if (shape->next_leaf < shape->leaf_count)
        add(shape, graph, shape->leaves[shape->next_leaf++]);
}

/* A tree as the program made it, so in memory in its own order, whose objects with pointers also
 * point to one that was made later: the walk goes through memory in long leaps. */
static void forward_edges(struct shape *shape, struct graph *graph, uint64_t index)
{
    uint64_t later = index + 1 + random_below(100000);
    if (later < shape->inner_count)
        add(shape, graph, shape->inner[later]);
    add(shape, graph, shape->inner[index + 1 < shape->inner_count ? index + 1 : 0]);
    if (shape->next_leaf < shape->leaf_count)
        add(shape, graph, shape->leaves[shape->next_leaf++]);
}

#define SHAPE(called, leaf_regions, in_disorder, edges, function)                                  \
    {                                                                                              \
        .name = called, .leaf_regions_of_5 = leaf_regions, .shuffled = in_disorder,                \
        .edges_per_id = edges, .edges_of = function                                                \
    }
static struct shape shapes[] = {
    SHAPE("heap", 3, false, 2, heap_edges),
    SHAPE("forward", 3, false, 2, forward_edges),
    SHAPE("random", 3, false, 3, random_edges),
    SHAPE("tangle", 0, false, 3, tangle_edges),
    SHAPE("double-list", 3, true, 2, double_list_edges),
    SHAPE("single-list", 3, true, 2, single_list_edges),
    SHAPE("binary-tree", 0, true, 3, binary_tree_edges),
    SHAPE("slice", 3, true, 1, slice_edges),
    SHAPE("cliques", 4, true, 4, clique_edges),
    SHAPE("maps", 3, true, 2, maps_edges),
    SHAPE("rings", 3, true, 2, ring_edges),
    SHAPE("list-and-slice", 3, true, 2, list_and_slice_edges),
};

static void shuffle(uint32_t *ids, uint64_t count)
{
    for (uint64_t i = count; i > 1; i--) {
        uint64_t other = random_below(i);
        uint32_t id = ids[i - 1];
        ids[i - 1] = ids[other];
        ids[other] = id;
    }
}

static void add_roots(const struct shape *shape, struct graph *graph)
{
    uint32_t root;
    if (!strcmp(shape->name, "random") || !strcmp(shape->name, "heap")) {
        /* heap: what is left without a holder would be garbage otherwise */
        uint64_t held = strcmp(shape->name, "heap") ? 1000 : 20000;
        for (uint64_t r = 0; r < held; r++) {
            must(graph_add_root(graph, GRAPH_NONE, 0, &root));
            must(graph_add_root_edge(graph, root, target(shape, random_below(graph->object_ids))));
        }
    }
    must(graph_add_root(graph, GRAPH_NONE, 0, &root));
    must(graph_add_root_edge(graph, root, shape->inner[0]));
    if (!strcmp(shape->name, "double-list"))
        must(graph_add_root_edge(graph, root, shape->inner[shape->inner_count - 1]));
}

static struct graph *build(struct shape *shape, uint64_t ids)
{
    struct graph *graph;
    uint64_t id_bytes = ids * sizeof(uint32_t);
    uint32_t *index_of;
    must(graph_create(ids, ids * shape->edges_per_id, &graph));
    must(big_array(id_bytes, &shape->inner));
    must(big_array(id_bytes, &shape->leaves));
    must(big_array(id_bytes, &index_of));
    for (uint64_t id = 0; id < ids; id++) {
        bitset_set(graph->allocated, id);
        graph->size_words[id / 8] = 4;
        if (is_leaf(shape, id))
            shape->leaves[shape->leaf_count++] = (uint32_t)id;
        else
            shape->inner[shape->inner_count++] = (uint32_t)id;
    }
    if (shape->shuffled)
        shuffle(shape->inner, shape->inner_count);
    for (uint64_t i = 0; i < shape->inner_count; i++)
        index_of[shape->inner[i]] = (uint32_t)i;
    shape->next_child = 1;
    for (uint64_t id = 0; id < ids; id++) {
        graph->edge_begin[id] = (uint32_t)shape->edge;
        if (!is_leaf(shape, id))
            shape->edges_of(shape, graph, index_of[id]);
    }
    graph->edge_begin[graph->object_ids] = (uint32_t)shape->edge;
    graph->totals.edges = shape->edge;
    graph->totals.allocated_objects = ids;
    add_roots(shape, graph);
    big_array_free(shape->inner, id_bytes);
    big_array_free(shape->leaves, id_bytes);
    big_array_free(index_of, id_bytes);
    return graph;
}

static void print_phase(void *context, const char *phase, double seconds)
{
    (void)context;
    printf("  %-22s %8.3f s\n", phase, seconds);
}

enum { TYPES = 1000 };

static void types_of(void *context, uint32_t first, uint32_t count, uint32_t *out)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        out[i] = (first + i) / REGION * 7 % TYPES;
}

static void count_types(struct graph *graph, unsigned threads)
{
    const struct graph_types types = {.of = types_of, .count = TYPES};
    struct graph_type_sum sums[TYPES];
    struct stopwatch watch = start_watch();
    must(graph_sums_by_type(graph, &types, threads, sums));
    print_watch("sums by type", watch);
}

static void ignore_child(void *context, uint32_t child)
{
    (void)context;
    (void)child;
}

static void queries(struct graph *graph, unsigned threads)
{
    struct stopwatch watch = start_watch();
    struct graph_shared_list list;
    must(graph_shared_sets(graph, threads, &list));
    print_watch("shared sets", watch);
    printf("  %llu sets\n", (unsigned long long)list.sets.count);
    graph_shared_list_deinit(&list);
    watch = start_watch();
    must(graph_dominated(graph, graph_root_node(graph, 0), 1, ignore_child, NULL));
    print_watch("index of children", watch);
    count_types(graph, threads);
    watch = start_watch();
    uint64_t bytes, objects;
    must(graph_exclusive(graph, NULL, 0, &bytes, &objects));
    print_watch("exclusive", watch);
}

static void analyse(struct graph *graph, unsigned threads)
{
    struct peak_watch peak;
    start_peak_watch(&peak);
    struct stopwatch watch = start_watch();
    must(graph_analyse(graph, threads, print_phase, NULL));
    print_watch("graph_analyse", watch);
    printf("  graph_analyse: peak %.1f bytes per object, %.1f %% reachable\n",
           end_peak_watch(&peak) / (double)graph->object_ids,
           100 * (double)graph->totals.reachable_objects / (double)graph->object_ids);
}

static int usage(void)
{
    fprintf(stderr, "usage: bench-graph_shapes SHAPE IDS [THREADS] [alone]\nSHAPE:");
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++)
        fprintf(stderr, " %s", shapes[i].name);
    fputc('\n', stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct shape *shape = NULL;
    for (size_t i = 0; argc > 2 && i < ARRAY_COUNT(shapes); i++) {
        if (!strcmp(argv[1], shapes[i].name))
            shape = &shapes[i];
    }
    uint64_t ids = argc > 2 ? strtoull(argv[2], NULL, 10) / REGION * REGION : 0;
    if (!shape || !ids)
        return usage();
    unsigned threads = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    bool alone = argc > 4 && !strcmp(argv[4], "alone");
    struct graph *graph = build(shape, ids);
    if (!threads)
        threads = parallel_processor_count();
    printf("%s: %llu objects, %.2f edges per object, %u threads\n", shape->name,
           (unsigned long long)ids, (double)graph->totals.edges / (double)ids, threads);
    analyse(graph, threads);
    if (alone)
        queries(graph, threads);
    else
        plain_beside(graph);
    graph_destroy(graph);
    return 0;
}
