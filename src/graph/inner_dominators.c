#include "graph/inner_dominators.h"

#include <string.h>

#include "graph/arrivals.h"

/* A climb by jumps costs no more than some 60 steps: past as many per climb they pay. */
enum { STEPS_PER_CLIMB = 64, STEPS_FREE = 4096, CLIMBERS = 16 };

/* By position, in the memory of retained_bytes. */
struct tree_node {
    uint32_t ancestor; /* linked and compressed: where the path leads */
    uint32_t label;    /* the least semidominator on the compressed path. Before the node is linked:
                        * 1 + the least that an edge from a child of it to it gave, or 0 */
};

/* The same memory once more, when climbs are long. */
struct jump_node {
    uint32_t jump;  /* an ancestor in the dominator tree, further off the deeper the node */
    uint32_t depth; /* in the dominator tree */
};

/* A node whose semidominator is not its parent. */
struct detour {
    uint32_t node, parent;
};

struct semi_nca {
    struct graph_result *result;
    struct arrivals arrivals;
    uint32_t *link; /* = result->dominator: parent, then semidominator, then dominator */
    struct tree_node *forest;
    uint32_t *path;                /* stack of one compression, in the memory of retained_objects */
    uint64_t path_longest;         /* that much of it was written */
    uint32_t *first;               /* within a block: position → the first of its arrivals, + 1 */
    VECTOR(struct detour) detours; /* descending */
};

/* The least semidominator on the path from v up to, and without, the last node that is not linked
 * yet (positions above w are linked). Compresses the path. */
static inline uint32_t evaluate(struct semi_nca *s, uint32_t v, uint32_t w)
{
    struct tree_node *forest = s->forest;
    uint64_t depth = 0;
    uint32_t x = v;
    while (forest[x].ancestor > w) {
        s->path[depth++] = x;
        x = forest[x].ancestor;
    }
    if (depth > s->path_longest)
        s->path_longest = depth;
    uint32_t least = forest[x].label, top = forest[x].ancestor;
    while (depth) {
        struct tree_node *y = &forest[s->path[--depth]];
        if (y->label > least)
            y->label = least;
        else
            least = y->label;
        y->ancestor = top;
    }
    return least;
}

/* On the way from v to the end of its path. */
struct climber {
    uint32_t v, at, next; /* next: the ancestor of `at`, whose node is being fetched */
    uint32_t least;       /* of the labels up to `at` */
};

static inline bool begin_climb(const struct semi_nca *s, const struct pair *pairs, uint64_t count,
                               uint64_t i, uint32_t end, struct climber *out)
{
    if (i + CLIMBERS < count)
        __builtin_prefetch(&s->forest[pairs[i + CLIMBERS].a]);
    uint32_t v = pairs[i].a;
    if (v < end || s->forest[v].ancestor < end)
        return false;
    *out = (struct climber){v, v, s->forest[v].ancestor, s->forest[v].label};
    __builtin_prefetch(&s->forest[out->next], 1);
    return true;
}

/* Each node on the way gets its grandparent as ancestor, v the end of the path. False there. */
static inline bool climb_on(struct semi_nca *s, uint32_t end, struct climber *c)
{
    struct tree_node *at = &s->forest[c->at], *next = &s->forest[c->next];
    if (next->label < c->least)
        c->least = next->label;
    if (at->ancestor == c->next) {
        at->ancestor = next->ancestor;
        if (next->label < at->label)
            at->label = next->label;
    }
    c->at = c->next;
    c->next = next->ancestor;
    if (c->next >= end) {
        __builtin_prefetch(&s->forest[c->next], 1);
        return true;
    }
    s->forest[c->v] = (struct tree_node){c->next, c->least};
    return false;
}

/* Compresses the paths from the sources of all edges into a block, as far as they are linked before
 * the block begins (from `end` on). Paths of a tangled graph are long and every step is a wait for
 * memory: here many go at once and wait together, and to `evaluate` little is left. */
static void compress_paths(struct semi_nca *s, const struct pair *pairs, uint64_t count,
                           uint32_t end)
{
    struct climber climbers[CLIMBERS];
    uint64_t next = 0;
    uint32_t busy = 0;
    for (uint64_t i = 0; i < count && i < CLIMBERS; i++)
        __builtin_prefetch(&s->forest[pairs[i].a]);
    for (;;) {
        for (; busy < CLIMBERS && next < count; next++)
            busy += begin_climb(s, pairs, count, next, end, &climbers[busy]);
        if (!busy)
            return;
        for (uint32_t i = 0; i < busy; i++) {
            while (i < busy && !climb_on(s, end, &climbers[i]))
                climbers[i] = climbers[--busy];
        }
    }
}

/* Makes lists of a block's edges by target, in place: b becomes the index + 1 of the next edge to
 * the same target. */
static struct pair *list_arrivals(struct semi_nca *s, uint64_t block, uint32_t end)
{
    const struct arrivals *a = &s->arrivals;
    struct pair *pairs = a->pairs + a->begin[block];
    uint32_t low = (uint32_t)(block << a->shift);
    uint64_t count = a->begin[block + 1] - a->begin[block];
    compress_paths(s, pairs, count, end);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t *first = &s->first[pairs[i].b - low];
        pairs[i].b = *first;
        *first = (uint32_t)i + 1;
    }
    return pairs;
}

static ERROR_CHECK struct error *find_semidominator(struct semi_nca *s, uint32_t w,
                                                    uint32_t arrival, const struct pair *pairs)
{
    uint32_t parent = s->link[w] & ~WALK_TO_PARENT, least = parent;
    uint32_t from_child = s->forest[w].label;
    if (from_child && from_child - 1 < least)
        least = from_child - 1;
    for (; arrival; arrival = pairs[arrival - 1].b) {
        uint32_t v = pairs[arrival - 1].a;
        uint32_t candidate = v <= w ? v : evaluate(s, v, w);
        if (candidate < least)
            least = candidate;
    }
    s->forest[w] = (struct tree_node){parent, least};
    if (least != parent) {
        TRY(vector_push(&s->detours, (struct detour){w, parent}));
        /* for its parent, that edge is one from a node whose label is known now */
        uint32_t *label = &s->forest[parent].label;
        if ((s->link[w] & WALK_TO_PARENT) && (!*label || *label > least + 1))
            *label = least + 1;
    }
    s->link[w] = least;
    return NULL;
}

static struct error *find_semidominators(struct semi_nca *s)
{
    const struct arrivals *a = &s->arrivals;
    uint64_t n = s->result->count;
    TRY(memory_array((uint64_t)1 << a->shift, sizeof(uint32_t), &s->first));
    for (uint64_t block = a->block_count; block-- > 0;) {
        uint64_t low = block << a->shift, end = MIN_OF(n, (block + 1) << a->shift);
        bool some = a->begin[block] < a->begin[block + 1];
        const struct pair *pairs = list_arrivals(s, block, (uint32_t)end);
        for (uint64_t w = end; w-- > MAX_OF(low, (uint64_t)1);)
            TRY(find_semidominator(s, (uint32_t)w, s->first[w - low], pairs));
        if (some)
            memset(s->first, 0, sizeof(uint32_t) << a->shift);
    }
    return NULL;
}

static inline uint32_t climb(const uint32_t *dominator, uint32_t from, uint32_t semidominator,
                             uint64_t *steps)
{
    while (from > semidominator) {
        from = dominator[from];
        ++*steps;
    }
    return from;
}

static inline void add_jump(struct jump_node *jumps, uint32_t node, uint32_t dominator)
{
    uint32_t jump = jumps[dominator].jump, depth = jumps[dominator].depth;
    bool twice = depth - jumps[jump].depth == jumps[jump].depth - jumps[jumps[jump].jump].depth;
    jumps[node] = (struct jump_node){twice ? jumps[jump].jump : dominator, depth + 1};
}

/* Of the nodes from `from` on; below it all are done. A node's ancestor at least as high as its
 * semidominator is found in logarithmic time, whatever the tree. */
static void find_dominators_by_jumps(struct semi_nca *s, uint32_t from, uint64_t detour)
{
    struct jump_node *jumps = (struct jump_node *)s->forest;
    uint32_t *dominator = s->link;
    jumps[0] = (struct jump_node){0, 0};
    for (uint32_t w = 1; w < from; w++)
        add_jump(jumps, w, dominator[w]);
    for (uint32_t w = from; w < s->result->count; w++) {
        if (detour && s->detours.data[detour - 1].node == w) {
            uint32_t d = s->detours.data[--detour].parent, semidominator = dominator[w];
            while (d > semidominator)
                d = jumps[d].jump >= semidominator ? jumps[d].jump : dominator[d];
            dominator[w] = d;
        }
        add_jump(jumps, w, dominator[w]);
    }
}

/* Where the semidominator is the parent, it is the dominator. */
static void find_dominators(struct semi_nca *s)
{
    uint64_t steps = 0, allowed = STEPS_FREE;
    uint32_t *dominator = s->link;
    dominator[0] = 0;
    for (uint64_t i = s->detours.count; i-- > 0;) {
        struct detour detour = s->detours.data[i];
        if (i >= 16) {
            uint32_t soon = s->detours.data[i - 16].node;
            __builtin_prefetch(&dominator[soon], 1);
            __builtin_prefetch(&dominator[s->detours.data[i - 16].parent]);
        }
        dominator[detour.node] = climb(dominator, detour.parent, dominator[detour.node], &steps);
        allowed += STEPS_PER_CLIMB;
        if (steps > allowed) {
            find_dominators_by_jumps(s, detour.node + 1, i);
            return;
        }
    }
}

struct error *graph_inner_dominators(struct graph_result *result, unsigned threads,
                                     struct pair_list *inner)
{
    struct semi_nca s = {.result = result,
                         .link = result->dominator,
                         .forest = (struct tree_node *)result->retained_bytes,
                         .path = result->retained_objects};
    _Static_assert(sizeof(*s.forest) == sizeof(*result->retained_bytes), "shared memory");
    TRY(arrivals_sort(inner, result->count, threads, &s.arrivals));
    struct error *error = find_semidominators(&s);
    arrivals_deinit(&s.arrivals);
    if (!error)
        find_dominators(&s);
    memset(result->retained_bytes, 0, (uint64_t)result->count * sizeof(uint64_t));
    memset(result->retained_objects, 0, s.path_longest * sizeof(uint32_t));
    free(s.first);
    vector_deinit(&s.detours);
    return error;
}
