#include "graph/components.h"

#include <assert.h>

enum { NODES_AHEAD = 16, EDGES_AHEAD = 8 };

#define CLOSED UINT32_MAX

struct step { /* a node that is being looked into */
    uint32_t node;
    uint32_t cursor; /* index of the next of its targets */
    uint32_t low;    /* the least number that it leads to within its component */
};

struct search {
    const uint32_t *begin, *targets;
    uint32_t nodes;
    uint32_t *number; /* order of discovery, from 1; 0: not seen; CLOSED: its component is known */
    struct step *path;
    uint32_t *open; /* nodes whose component is not complete */
    uint32_t far;   /* from here on there are no EDGES_AHEAD edges more */
    uint32_t path_length, open_count, numbered;
};

static void open_node(struct search *s, uint32_t node)
{
    s->number[node] = ++s->numbered;
    s->path[s->path_length++] =
        (struct step){.node = node, .cursor = s->begin[node], .low = s->numbered};
    s->open[s->open_count++] = node;
}

/* Everything from node on that is still open. */
static struct error *close_component(struct search *s, uint32_t node, components_close close,
                                     void *context)
{
    uint32_t first = s->open_count;
    do
        s->number[s->open[--first]] = CLOSED;
    while (s->open[first] != node);
    uint32_t count = s->open_count - first;
    s->open_count = first;
    return close(context, s->open + first, count);
}

static struct error *search_from(struct search *s, uint32_t start, components_close close,
                                 void *context)
{
    open_node(s, start);
    while (s->path_length) {
        struct step *step = &s->path[s->path_length - 1];
        if (step->cursor < s->begin[step->node + 1]) {
            uint32_t target = s->targets[step->cursor++];
            if (step->cursor < s->far)
                __builtin_prefetch(&s->number[s->targets[step->cursor + EDGES_AHEAD]]);
            if (target >= s->nodes || s->number[target] == CLOSED)
                continue;
            if (s->number[target])
                step->low = MIN_OF(step->low, s->number[target]);
            else
                open_node(s, target);
            continue;
        }
        struct step done = *step;
        s->path_length--;
        if (done.low == s->number[done.node])
            TRY(close_component(s, done.node, close, context));
        else /* a component's first node has no other below it on the path */
            s->path[s->path_length - 1].low = MIN_OF(s->path[s->path_length - 1].low, done.low);
    }
    return NULL;
}

static struct error *search_all(struct search *s, components_close close, void *context)
{
    TRY(big_array((uint64_t)s->nodes * sizeof(*s->number), &s->number));
    TRY(big_array((uint64_t)s->nodes * sizeof(*s->path), &s->path));
    TRY(big_array((uint64_t)s->nodes * sizeof(*s->open), &s->open));
    for (uint32_t node = s->nodes; node-- > 0;) {
        if (node >= NODES_AHEAD) {
            uint32_t soon = s->begin[node - NODES_AHEAD];
            if (soon < s->begin[node] && s->targets[soon] < s->nodes)
                __builtin_prefetch(&s->number[s->targets[soon]]);
        }
        if (!s->number[node])
            TRY(search_from(s, node, close, context));
    }
    return NULL;
}

struct error *components_find(uint32_t nodes, const uint32_t *begin, const uint32_t *targets,
                              components_close close, void *context)
{
    assert(nodes < CLOSED);
    struct search s = {.begin = begin, .targets = targets, .nodes = nodes};
    s.far = MAX_OF(begin[nodes], (uint32_t)EDGES_AHEAD) - EDGES_AHEAD;
    struct error *error = search_all(&s, close, context);
    big_array_free(s.number, (uint64_t)nodes * sizeof(*s.number));
    big_array_free(s.path, (uint64_t)nodes * sizeof(*s.path));
    big_array_free(s.open, (uint64_t)nodes * sizeof(*s.open));
    return error;
}
