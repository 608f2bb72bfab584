/*
 * The plain way to immediate dominators: Semi-NCA (Georgiadis, Tarjan, Werneck: "Finding dominators
 * in practice", 2006) over a whole flow graph on one thread, with lists of successors and of
 * predecessors. The yardstick of the tests and of bench/graph_shapes.c; it shares no code with
 * src/graph.
 */
#ifndef LEAKHOUND_TESTS_PLAIN_SEMI_NCA_H
#define LEAKHOUND_TESTS_PLAIN_SEMI_NCA_H

#include "base/memory.h"

/* Nodes 0 … nodes - 1, node 0 the start; targets[begin[v] .. begin[v + 1]) are v's successors.
 * Both arrays are big arrays, of nodes + 1 and edges entries. */
struct flow_graph {
    uint32_t nodes;
    uint32_t edges;
    uint32_t *begin, *targets;
};

/* The graph seen from its depth-first tree: nodes renamed to their preorder numbers. */
struct preorder {
    uint32_t nodes;    /* of the flow graph */
    uint32_t count;    /* reached */
    uint32_t edges;    /* out of reached nodes */
    uint32_t *number;  /* node → preorder number + 1, 0 when not reached */
    uint32_t *node;    /* preorder number → node */
    uint32_t *parent;  /* in the tree, preorder numbers */
    uint32_t *begin;   /* predecessors: sources[begin[w] .. begin[w + 1]) */
    uint32_t *sources; /* preorder numbers */
};

static inline uint64_t flow_graph_words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

static inline void flow_graph_deinit(struct flow_graph *graph)
{
    big_array_free(graph->begin, flow_graph_words((uint64_t)graph->nodes + 2));
    big_array_free(graph->targets, flow_graph_words(graph->edges));
    *graph = (struct flow_graph){0};
}

static inline struct error *flow_graph_create(uint32_t nodes, uint32_t edges,
                                              struct flow_graph *out)
{
    struct flow_graph made = {.nodes = nodes, .edges = edges};
    /* one entry more than is used: the two-step filling of the arrays shifts by one */
    struct error *error = big_array(flow_graph_words((uint64_t)nodes + 2), &made.begin);
    if (!error)
        error = big_array(flow_graph_words(edges), &made.targets);
    if (error) {
        flow_graph_deinit(&made);
        return error;
    }
    *out = made;
    return NULL;
}

static void preorder_deinit(struct preorder *tree)
{
    big_array_free(tree->number, flow_graph_words(tree->nodes));
    big_array_free(tree->node, flow_graph_words(tree->nodes));
    big_array_free(tree->parent, flow_graph_words(tree->nodes));
    big_array_free(tree->begin, flow_graph_words((uint64_t)tree->nodes + 2));
    big_array_free(tree->sources, flow_graph_words(tree->edges));
    *tree = (struct preorder){0};
}

struct visit {
    uint32_t node, parent;
};

/* Every unvisited successor is pushed, and the first pop of a node is its visit: a true preorder
 * without an iterator per node. */
static struct error *walk_depth_first(const struct flow_graph *graph, struct preorder *tree)
{
    TRY(big_array(flow_graph_words(graph->nodes), &tree->number));
    TRY(big_array(flow_graph_words(graph->nodes), &tree->node));
    TRY(big_array(flow_graph_words(graph->nodes), &tree->parent));
    uint64_t stack_bytes = ((uint64_t)graph->edges + 1) * sizeof(struct visit);
    struct visit *stack;
    TRY(big_array(stack_bytes, &stack));
    uint64_t depth = 0;
    uint32_t count = 0, edges = 0;
    if (graph->nodes)
        stack[depth++] = (struct visit){0, 0};
    while (depth) {
        struct visit top = stack[--depth];
        if (tree->number[top.node])
            continue;
        uint32_t me = count++;
        tree->number[top.node] = me + 1;
        tree->node[me] = top.node;
        tree->parent[me] = top.parent;
        uint32_t end = graph->begin[top.node + 1];
        edges += end - graph->begin[top.node];
        for (uint32_t e = graph->begin[top.node]; e < end; e++) {
            uint32_t target = graph->targets[e];
            if (end - e > 16)
                __builtin_prefetch(&tree->number[graph->targets[e + 16]]);
            if (!tree->number[target]) {
                stack[depth++] = (struct visit){target, me};
                __builtin_prefetch(&graph->begin[target]);
            }
        }
        if (depth > 2) {
            uint32_t soon = stack[depth - 2].node;
            __builtin_prefetch(&graph->targets[graph->begin[soon]]);
            __builtin_prefetch(&tree->number[soon]);
        }
    }
    big_array_free(stack, stack_bytes);
    tree->count = count;
    tree->edges = edges;
    return NULL;
}

static struct error *reverse_edges(const struct flow_graph *graph, struct preorder *tree)
{
    TRY(big_array(flow_graph_words((uint64_t)tree->nodes + 2), &tree->begin));
    TRY(big_array(flow_graph_words(tree->edges), &tree->sources));
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    uint32_t *begin = tree->begin;
    for (uint32_t v = 0; v < graph->nodes; v++) {
        if (!tree->number[v])
            continue;
        for (uint32_t e = graph->begin[v]; e < graph->begin[v + 1]; e++)
            begin[tree->number[graph->targets[e]] + 1]++;
    }
    for (uint32_t w = 0; w < tree->count; w++)
        begin[w + 1] += begin[w];
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t v = tree->node[i];
        if (i + 8 < tree->count)
            __builtin_prefetch(&graph->begin[tree->node[i + 8]]);
        for (uint32_t e = graph->begin[v]; e < graph->begin[v + 1]; e++)
            tree->sources[begin[tree->number[graph->targets[e]]]++] = i;
    }
    big_array_free(tree->number, flow_graph_words(tree->nodes));
    tree->number = NULL;
    return NULL;
}

struct forest {
    uint32_t *label;    /* the node of the least semidominator on the compressed path */
    uint32_t *ancestor; /* linked and compressed: where the path leads */
    uint32_t *path;     /* stack of one compression */
};

/* The least semidominator on the path from v up to, and without, the last node that is not linked
 * yet (numbers above w are linked). Compresses the path. */
static uint32_t evaluate(const struct forest *forest, uint32_t v, uint32_t w)
{
    uint32_t depth = 0, x = v;
    while (forest->ancestor[x] > w) {
        forest->path[depth++] = x;
        x = forest->ancestor[x];
    }
    uint32_t least = forest->label[x], top = forest->ancestor[x];
    while (depth) {
        uint32_t y = forest->path[--depth];
        if (forest->label[y] > least)
            forest->label[y] = least;
        else
            least = forest->label[y];
        forest->ancestor[y] = top;
    }
    return least;
}

/* out_dominator: by preorder number, room for tree->count. */
static struct error *semi_nca(const struct preorder *tree, uint32_t **out_dominator)
{
    struct forest forest = {0};
    uint32_t n = tree->count, *semi = NULL;
    uint64_t bytes = flow_graph_words(n);
    struct error *error = big_array(bytes, &forest.label);
    if (!error)
        error = big_array(bytes, &forest.ancestor);
    if (!error)
        error = big_array(bytes, &forest.path);
    if (!error)
        error = big_array(bytes, &semi);
    if (error) {
        big_array_free(forest.label, bytes);
        big_array_free(forest.ancestor, bytes);
        big_array_free(forest.path, bytes);
        return error;
    }
    for (uint32_t i = 0; i < n; i++) {
        forest.label[i] = i;
        forest.ancestor[i] = tree->parent[i];
    }
    for (uint32_t w = n; w-- > 1;) {
        uint32_t least = tree->parent[w], begin = tree->begin[w], end = tree->begin[w + 1];
        for (uint32_t e = begin; e < end; e++) {
            if (e >= 16)
                __builtin_prefetch(&forest.ancestor[tree->sources[e - 16]]);
            uint32_t v = tree->sources[e];
            uint32_t candidate = v <= w ? v : evaluate(&forest, v, w);
            if (candidate < least)
                least = candidate;
        }
        semi[w] = least;
        forest.label[w] = least;
    }
    big_array_free(forest.label, bytes);
    big_array_free(forest.path, bytes);
    uint32_t *dominator = forest.ancestor;
    if (n)
        dominator[0] = 0;
    for (uint32_t w = 1; w < n; w++) {
        uint32_t d = tree->parent[w];
        while (d > semi[w])
            d = dominator[d];
        dominator[w] = d;
    }
    big_array_free(semi, bytes);
    *out_dominator = dominator;
    return NULL;
}

/* Gives the immediate dominator of every node (0 for node 0 and for those that it does not reach)
 * as a big array of `nodes` entries. Empties graph, also on failure, as soon as it can. Peak: 28 B
 * per node and 4 B per edge, or 16 B per node and 12 B per edge, whichever is more. */
static inline struct error *flow_graph_dominators(struct flow_graph *graph, uint32_t **out)
{
    struct preorder tree = {.nodes = graph->nodes};
    uint32_t *by_number = NULL, *by_node = NULL;
    struct error *error = walk_depth_first(graph, &tree);
    if (!error)
        error = reverse_edges(graph, &tree);
    flow_graph_deinit(graph);
    if (!error)
        error = semi_nca(&tree, &by_number);
    if (!error)
        error = big_array(flow_graph_words(tree.nodes), &by_node);
    if (!error) {
        for (uint32_t i = 0; i < tree.count; i++)
            by_node[tree.node[i]] = tree.node[by_number[i]];
        *out = by_node;
    }
    big_array_free(by_number, flow_graph_words(tree.count));
    preorder_deinit(&tree);
    return error;
}

#endif
