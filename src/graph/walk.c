#include "graph/walk.h"

#include "base/parallel.h"
#include "graph/walk_leaves.h"

enum {
    PUBLISH_NODES = 256,
    FOLLOW_NODES = 4096, /* a thread alone marks leaves while their edges are in the cache */
    EDGES_AHEAD = 12,
    SIBLING_EDGES_AHEAD = 4,
    STACK_AHEAD = 12,
    LANDMARK_IDS = 64,
    NEAR = 1024, /* positions */
};

struct visit {
    uint32_t node, parent; /* parent: position */
};

/* Extra edges into one of the last positions, of which few are needed for dominators. From nodes
 * above it the one from the highest does. From nodes behind it those do that no other lies below:
 * what the path up from a node tells, the path from further down it tells, too. In a thicket, where
 * all know each other, that leaves two edges of many. */
struct near_edges {
    uint32_t from_above;  /* 1 + the least position, or 0 */
    uint32_t from_behind; /* the last position, or 0 */
};

/* The depth-first walk. Every successor that is not visited yet is pushed, and the first pop of a
 * node is its visit: a true preorder without an iterator per node. Later pops are edges to a
 * descendant. */
struct walk {
    const struct graph *graph;
    struct graph_result *result;
    struct leaf_walk leaves;
    unsigned threads;
    struct extra_edges *extra; /* one per thread */
    struct visit *stack;
    uint64_t depth, stack_size;
    uint32_t count; /* positions given */
    uint32_t class_first;
    unsigned class;
    /* The tree of roots: lists from the last part to the first; GRAPH_NONE ends them. */
    uint32_t *first_part, *next_part; /* by root */
    uint32_t *root_stack;
    uint32_t *landmarks;          /* edge_begin of every LANDMARK_IDS-th id */
    struct near_edges near[NEAR]; /* by position % NEAR */
};

/* About where an object's edges begin. edge_begin would tell exactly, but only after a wait for
 * memory, and then the edges are waited for; the landmarks are in the processor's cache. */
static inline const uint32_t *guess_edges(const struct walk *w, uint32_t id)
{
    const uint32_t *landmark = &w->landmarks[id / LANDMARK_IDS];
    uint32_t edges = landmark[1] - landmark[0];
    return &w->graph->edges[landmark[0] + (uint64_t)edges * (id % LANDMARK_IDS) / LANDMARK_IDS];
}

static struct error *push_near(struct walk *w, uint32_t position)
{
    struct near_edges *near = &w->near[position % NEAR];
    if (near->from_above)
        TRY(pair_list_push(&w->extra->inner, near->from_above - 1, position));
    if (near->from_behind)
        TRY(pair_list_push(&w->extra->inner, near->from_behind, position));
    *near = (struct near_edges){0, 0};
    return NULL;
}

static ERROR_CHECK struct error *push_all_near(struct walk *w)
{
    for (uint32_t i = w->count > NEAR ? w->count - NEAR : 0; i < w->count; i++)
        TRY(push_near(w, i));
    return NULL;
}

static inline ERROR_CHECK struct error *edge_from_above(struct walk *w, uint32_t from, uint32_t to)
{
    if (w->count - to > NEAR)
        return pair_list_push(&w->extra->inner, from, to);
    struct near_edges *near = &w->near[to % NEAR];
    if (!near->from_above || near->from_above > from + 1)
        near->from_above = from + 1;
    return NULL;
}

/* from: the last position, below its parent. */
static inline ERROR_CHECK struct error *edge_from_behind(struct walk *w, uint32_t from,
                                                         uint32_t parent, uint32_t to)
{
    if (w->count - to > NEAR)
        return pair_list_push(&w->extra->inner, from, to);
    struct near_edges *near = &w->near[to % NEAR];
    uint32_t before = near->from_behind;
    near->from_behind = from;
    if (!before || before == from || before == parent ||
        before == (w->result->dominator[parent] & ~WALK_TO_PARENT))
        return NULL;
    return pair_list_push(&w->extra->inner, before, to);
}

static inline ERROR_CHECK struct error *number(struct walk *w, uint32_t node, uint32_t parent,
                                               uint32_t *out)
{
    uint32_t me = w->count;
    struct near_edges *near = &w->near[me % NEAR];
    if (near->from_above || near->from_behind)
        TRY(push_near(w, me - NEAR));
    w->count++;
    w->result->order[me] = node;
    w->result->dominator[me] = parent;
    if (w->count % PUBLISH_NODES == 0)
        leaf_walk_publish(&w->leaves, w->count);
    *out = me;
    return NULL;
}

/* Whether a target was visited is known only after a wait for memory; what a visit of it will read
 * is fetched in the same time. */
static inline void look_ahead_to(const struct walk *w, const uint32_t *edge)
{
    uint32_t target = *edge;
    if (target & GRAPH_LEAF)
        return;
    assert(target < w->graph->object_ids);
    __builtin_prefetch(&w->result->position[target], 1);
    __builtin_prefetch(&w->graph->edge_begin[target]);
    __builtin_prefetch(guess_edges(w, target));
}

/* The last edge is pushed first and so visited last. */
static inline ERROR_CHECK struct error *scan(struct walk *w, uint32_t me, uint32_t parent,
                                             struct edge_range range)
{
    const uint32_t *position = w->result->position;
    struct visit *top = w->stack + w->depth;
    assert((uint64_t)(range.end - range.begin) <= w->stack_size - w->depth);
    const uint32_t *ahead = range.end;
    for (unsigned i = 0; i < EDGES_AHEAD && ahead > range.begin; i++)
        look_ahead_to(w, --ahead);
    for (const uint32_t *e = range.end; e-- > range.begin;) {
        uint32_t target = *e;
        if (ahead > range.begin)
            look_ahead_to(w, --ahead);
        if (target & GRAPH_LEAF)
            continue;
        uint32_t seen = position[target];
        if (!seen) {
            *top++ = (struct visit){target, me};
        } else if (seen == parent) {
            w->result->dominator[me] |= WALK_TO_PARENT;
        } else if (seen >= w->class_first && seen != me) {
            TRY(edge_from_behind(w, me, parent, seen));
        }
    }
    w->depth = (uint64_t)(top - w->stack);
    return NULL;
}

/* Two waits at once: while the edges of this node come from memory, those of the next in the stack
 * do too, and then what a visit to each of their targets will read. Further down the stack may be
 * what was fetched when it was pushed, too long ago: the rest of a large slice. */
static inline void look_ahead(const struct walk *w)
{
    const struct graph *graph = w->graph;
    if (!w->depth)
        return;
    if (w->depth > STACK_AHEAD)
        look_ahead_to(w, &w->stack[w->depth - STACK_AHEAD].node);
    uint32_t next = w->stack[w->depth - 1].node;
    const uint32_t *e = graph->edges + graph->edge_begin[next];
    const uint32_t *end = graph->edges + graph->edge_begin[next + 1];
    if (end - e > SIBLING_EDGES_AHEAD)
        end = e + SIBLING_EDGES_AHEAD;
    for (; e < end; e++)
        look_ahead_to(w, e);
}

static ERROR_CHECK struct error *visit_stacked(struct walk *w)
{
    const struct graph *graph = w->graph;
    const struct graph_result *result = w->result;
    while (w->depth) {
        struct visit top = w->stack[--w->depth];
        uint32_t *position = &result->position[top.node];
        if (*position) {
            if ((result->dominator[*position] & ~WALK_TO_PARENT) != top.parent)
                TRY(edge_from_above(w, top.parent, *position));
            continue;
        }
        look_ahead(w);
        uint32_t me;
        TRY(number(w, top.node, top.parent, &me));
        *position = me;
        TRY(scan(w, me, top.parent, node_edges(graph, result, top.node)));
        if (w->threads == 1 && w->count - w->leaves.claimed >= FOLLOW_NODES)
            TRY(leaf_walk_follow(&w->leaves, false, &w->extra->leaves));
    }
    return NULL;
}

static struct error *visit_root(struct walk *w, uint32_t root)
{
    uint32_t above = w->graph->roots.data[root].parent;
    uint32_t parent = above == GRAPH_NONE ? 0 : w->result->root_position[above];
    uint32_t node = graph_root_node(w->graph, root), me;
    TRY(number(w, node, parent, &me));
    w->result->root_position[root] = me;
    TRY(scan(w, me, parent, node_edges(w->graph, w->result, node)));
    return visit_stacked(w);
}

/* A holder, then its parts, each with all that it is the first to reach: a depth-first walk also
 * where the roots are a tree. */
static struct error *visit_holder(struct walk *w, uint32_t holder)
{
    uint64_t depth = 0;
    w->root_stack[depth++] = holder;
    while (depth) {
        uint32_t root = w->root_stack[--depth];
        TRY(visit_root(w, root));
        for (uint32_t part = w->first_part[root]; part != GRAPH_NONE; part = w->next_part[part])
            w->root_stack[depth++] = part;
    }
    return NULL;
}

static struct error *visit_class(struct walk *w)
{
    const struct graph *graph = w->graph;
    for (uint32_t r = 0; r < graph->roots.count; r++) {
        const struct graph_root *root = &graph->roots.data[r];
        if (root->parent == GRAPH_NONE && root->class == w->class)
            TRY(visit_holder(w, r));
    }
    return NULL;
}

static struct error *walk_worker(void *context, unsigned part)
{
    struct walk *w = context;
    if (part == 0) {
        struct error *error = visit_class(w);
        leaf_walk_complete(&w->leaves, w->count, error != NULL);
        if (error)
            return error;
    }
    return leaf_walk_follow(&w->leaves, true, &w->extra[part].leaves);
}

static void list_parts(struct walk *w)
{
    uint64_t roots = w->graph->roots.count;
    for (uint64_t r = 0; r < roots; r++)
        w->first_part[r] = GRAPH_NONE;
    for (uint32_t r = 0; r < roots; r++) {
        uint32_t parent = w->graph->roots.data[r].parent;
        if (parent == GRAPH_NONE)
            continue;
        w->next_part[r] = w->first_part[parent];
        w->first_part[parent] = r;
    }
}

static struct error *walk_classes(struct walk *w)
{
    const struct graph *graph = w->graph;
    struct graph_result *result = w->result;
    bool used[CLASSES_MAX] = {false};
    for (uint64_t r = 0; r < graph->roots.count; r++)
        used[graph->roots.data[r].class] = true;
    list_parts(w);
    result->order[0] = super_root(graph);
    w->count = 1;
    for (w->class = 0; w->class < CLASSES_MAX; w->class ++) {
        if (!used[w->class])
            continue;
        w->class_first = w->count;
        result->classes[result->class_count++] = (struct class_range){w->count, (uint8_t)w->class};
        leaf_walk_begin(&w->leaves, w->count);
        TRY(parallel_run(w->threads, walk_worker, w));
    }
    result->count = w->count;
    return push_all_near(w);
}

static struct error *set_landmarks(struct walk *w)
{
    const struct graph *graph = w->graph;
    uint64_t count = graph->object_ids / LANDMARK_IDS + 1;
    TRY(memory_array(count + 1, sizeof(uint32_t), &w->landmarks));
    for (uint64_t i = 0; i < count; i++)
        w->landmarks[i] = graph->edge_begin[i * LANDMARK_IDS];
    w->landmarks[count] = graph->edge_begin[graph->object_ids];
    return NULL;
}

static struct error *walk(struct walk *w)
{
    uint64_t roots = w->graph->roots.count;
    TRY(set_landmarks(w));
    TRY(memory_array(w->threads, sizeof(*w->extra), &w->extra));
    TRY(memory_array(roots, sizeof(uint32_t), &w->first_part));
    TRY(memory_array(roots, sizeof(uint32_t), &w->next_part));
    TRY(memory_array(roots + 1, sizeof(uint32_t), &w->root_stack));
    /* each edge is pushed once at most */
    w->stack_size = w->graph->edge_capacity + w->graph->root_edges.count;
    TRY(big_array(w->stack_size * sizeof(struct visit), &w->stack));
    return walk_classes(w);
}

struct error *graph_walk(const struct graph *graph, struct graph_result *result, unsigned threads,
                         struct extra_edges *out)
{
    struct walk w = {.graph = graph, .result = result, .threads = threads};
    w.leaves = (struct leaf_walk){.graph = graph, .result = result};
    struct error *error = walk(&w);
    for (unsigned t = 0; w.extra && t < threads; t++) {
        if (!error)
            error = pair_list_append(&out->inner, &w.extra[t].inner);
        if (!error)
            error = pair_list_append(&out->leaves, &w.extra[t].leaves);
        extra_edges_deinit(&w.extra[t]);
    }
    free(w.extra);
    free(w.landmarks);
    free(w.first_part);
    free(w.next_part);
    free(w.root_stack);
    big_array_free(w.stack, w.stack_size * sizeof(struct visit));
    return error;
}

void extra_edges_deinit(struct extra_edges *edges)
{
    pair_list_deinit(&edges->inner);
    pair_list_deinit(&edges->leaves);
}
