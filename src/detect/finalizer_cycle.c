/*
 * finalizer-cycle: objects with a finalizer that can reach themselves, and objects that their own
 * cleanup refers to. The collector keeps what a finalizer's object points to, and what a cleanup's
 * function captures, for as long as the object has not died; so these never do.
 *
 * Of the objects that nothing but finalizers and cleanups holds, a call (a finalizer or cleanup of
 * one object) is a node of its own: the object leads to the call, the call to what it keeps. A call
 * in a cycle of that graph waits for itself. A call that is not, but that a cycle leads to, waits
 * for that cycle, and goes with it; a chain of finalizers without a cycle ends one cycle of the
 * collector later per link, and is no leak.
 */
#include "detect/detectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/bitset.h"

enum { TARGETS = ARRAY_COUNT(((struct deferred_call *)0)->targets) };

enum variant { VARIANT_FINALIZER, VARIANT_CLEANUP };

struct frame { /* of the depth-first walk */
    uint32_t node;
    uint32_t next; /* of its successors */
};

struct search {
    struct detect *detect;
    const struct graph *graph;
    struct deferred_call *calls; /* by object */
    uint32_t call_count;
    /* Node i is object i, or call i − object_ids. By node; lazily committed. */
    uint64_t nodes;
    uint64_t *has_calls;    /* bitset by object */
    uint64_t *held;         /* bitset: timers or finalizers about to run reach it */
    uint32_t *number, *low; /* Tarjan: from 1 in order of discovery; number is UINT32_MAX when the
                               component is complete */
    uint64_t *in_cycle;     /* bitset by call */
    uint64_t *gone;         /* bitset by node: goes with a cycle */
    VECTOR(struct frame) frames;
    VECTOR(uint32_t) stack;
    uint32_t next_number;
};

static int by_object(const void *x, const void *y)
{
    const struct deferred_call *a = x, *b = y;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    return memcmp(a->targets, b->targets, sizeof(a->targets));
}

/* Index of the first call of that object. */
static uint32_t first_call(const struct search *s, uint32_t object)
{
    uint32_t low = 0, high = s->call_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->calls[middle].object < object)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The i-th of what an object points to; GRAPH_NONE behind the last. */
static uint32_t pointed_to(const struct graph *graph, uint32_t object, uint32_t i)
{
    uint32_t begin = graph->edge_begin[object], end = graph->edge_begin[object + 1];
    return i < end - begin ? graph->edges[begin + i] & GRAPH_ID : GRAPH_NONE;
}

/* The i-th node that a node leads to, GRAPH_NONE behind the last; `node` itself stands for nothing.
 */
static uint32_t successor(const struct search *s, uint32_t node, uint32_t i)
{
    const struct graph *graph = s->graph;
    if (node >= graph->object_ids) {
        const struct deferred_call *call = &s->calls[node - graph->object_ids];
        if (i < TARGETS)
            return call->targets[i] == GRAPH_NONE ? node : call->targets[i];
        return call->is_cleanup ? GRAPH_NONE : pointed_to(graph, call->object, i - TARGETS);
    }
    uint32_t edges = graph->edge_begin[node + 1] - graph->edge_begin[node];
    if (i < edges)
        return pointed_to(graph, node, i);
    if (!bitset_get(s->has_calls, node))
        return GRAPH_NONE;
    uint32_t call = first_call(s, node) + i - edges;
    return call < s->call_count && s->calls[call].object == node ? graph->object_ids + call
                                                                 : GRAPH_NONE;
}

static bool is_deferred(const struct search *s, uint32_t object)
{
    return graph_class_of(s->graph, object) == ROOT_CLASS_DEFERRED;
}

/* -- what others hold -------------------------------------------------------------------------- */

static struct error *hold(struct search *s, uint32_t object)
{
    if (!is_deferred(s, object) || bitset_get(s->held, object))
        return NULL;
    bitset_set(s->held, object);
    return vector_push(&s->stack, object);
}

/* Marks all that timers, and calls that are about to be made, keep alive. */
static struct error *mark_held(struct search *s)
{
    const struct graph *graph = s->graph;
    CLEANUP_FREE uint64_t *of_calls = NULL; /* by root */
    TRY(memory_array(bitset_words(graph->roots.count), 8, &of_calls));
    for (uint32_t i = 0; i < s->call_count; i++)
        bitset_set(of_calls, s->calls[i].root);
    for (uint64_t i = 0; i < graph->root_edges.count; i++) {
        uint64_t edge = graph->root_edges.data[i], root = edge >> 32;
        if (graph->roots.data[root].class == ROOT_CLASS_DEFERRED && !bitset_get(of_calls, root))
            TRY(hold(s, (uint32_t)edge & GRAPH_ID));
    }
    while (s->stack.count) {
        uint32_t object = s->stack.data[--s->stack.count], to;
        for (uint32_t i = 0; (to = pointed_to(graph, object, i)) != GRAPH_NONE; i++)
            TRY(hold(s, to));
    }
    return NULL;
}

/* -- cycles (Tarjan, without recursion) -------------------------------------------------------- */

static struct error *enter(struct search *s, uint32_t node)
{
    s->number[node] = s->low[node] = ++s->next_number;
    TRY(vector_push(&s->stack, node));
    return vector_push(&s->frames, (struct frame){.node = node});
}

/* The component whose root is node lies on the stack from it on. */
static void complete(struct search *s, uint32_t node)
{
    bool alone = s->stack.data[s->stack.count - 1] == node;
    uint32_t member;
    do {
        member = s->stack.data[--s->stack.count];
        s->number[member] = UINT32_MAX;
        if (!alone && member >= s->graph->object_ids)
            bitset_set(s->in_cycle, member - s->graph->object_ids);
    } while (member != node);
}

static bool is_of_interest(const struct search *s, uint32_t node)
{
    return node >= s->graph->object_ids || (is_deferred(s, node) && !bitset_get(s->held, node));
}

static struct error *walk_from(struct search *s, uint32_t start)
{
    TRY(enter(s, start));
    while (s->frames.count) {
        struct frame *frame = &s->frames.data[s->frames.count - 1];
        uint32_t node = frame->node, to = successor(s, node, frame->next++);
        if (to == GRAPH_NONE) {
            if (s->low[node] == s->number[node])
                complete(s, node);
            if (--s->frames.count) {
                uint32_t above = s->frames.data[s->frames.count - 1].node;
                s->low[above] = MIN_OF(s->low[above], s->low[node]);
            }
        } else if (!s->number[to]) {
            if (is_of_interest(s, to))
                TRY(enter(s, to));
        } else if (s->number[to] != UINT32_MAX) {
            s->low[node] = MIN_OF(s->low[node], s->number[to]);
        }
    }
    return NULL;
}

static struct error *find_cycles(struct search *s)
{
    for (uint32_t i = 0; i < s->call_count; i++) {
        uint32_t node = s->graph->object_ids + i;
        if (!s->number[node] && is_of_interest(s, s->calls[i].object))
            TRY(walk_from(s, node));
    }
    return NULL;
}

/* -- cases ------------------------------------------------------------------------------------- */

typedef VECTOR(uint64_t) edge_list;

/* All that the call keeps alive. */
static struct error *cut_call(const struct search *s, const struct deferred_call *call,
                              edge_list *cut)
{
    uint64_t source = (uint64_t)graph_root_node(s->graph, call->root) << 32;
    uint32_t to;
    for (unsigned i = 0; i < TARGETS; i++)
        if (call->targets[i] != GRAPH_NONE)
            TRY(vector_push(cut, source | call->targets[i]));
    for (uint32_t i = 0;
         !call->is_cleanup && (to = pointed_to(s->graph, call->object, i)) != GRAPH_NONE; i++)
        TRY(vector_push(cut, source | to));
    return NULL;
}

/* The edges of a call and of those that go with it, unless another cycle led to them before. */
static struct error *cut_with(struct search *s, uint32_t call, edge_list *cut)
{
    uint32_t object_ids = s->graph->object_ids;
    bitset_set(s->gone, object_ids + call);
    TRY(vector_push(&s->stack, object_ids + call));
    while (s->stack.count) {
        uint32_t node = s->stack.data[--s->stack.count], to;
        for (uint32_t i = 0; (to = successor(s, node, i)) != GRAPH_NONE; i++) {
            bool is_call = to >= object_ids;
            if (bitset_get(s->gone, to) || !is_of_interest(s, to) ||
                (is_call && bitset_get(s->in_cycle, to - object_ids))) /* has its own case */
                continue;
            bitset_set(s->gone, to);
            TRY(vector_push(&s->stack, to));
            if (is_call)
                TRY(cut_call(s, &s->calls[to - object_ids], cut));
        }
    }
    return cut_call(s, &s->calls[call], cut);
}

static struct error *add_cases(struct search *s)
{
    edge_list cut = {0};
    struct error *error = NULL;
    for (uint32_t i = 0; i < s->call_count && !error; i++) {
        if (!bitset_get(s->in_cycle, i))
            continue;
        cut.count = 0;
        error = cut_with(s, i, &cut);
        const struct detect_case one = {
            .node = s->calls[i].object,
            .variant = s->calls[i].is_cleanup ? VARIANT_CLEANUP : VARIANT_FINALIZER,
            .confidence = CONFIDENCE_PROVEN,
            .cut = cut.data,
            .cut_count = cut.count,
            .count = 1,
        };
        if (!error)
            error = detect_add(s->detect, &one);
    }
    vector_deinit(&cut);
    return error;
}

static struct error *run(struct search *s)
{
    uint64_t bits = bitset_words(s->nodes) * 8;
    TRY(big_array(bits, &s->has_calls));
    TRY(big_array(bits, &s->held));
    TRY(big_array(bits, &s->in_cycle));
    TRY(big_array(bits, &s->gone));
    TRY(big_array(s->nodes * sizeof(uint32_t), &s->number));
    TRY(big_array(s->nodes * sizeof(uint32_t), &s->low));
    qsort(s->calls, s->call_count, sizeof(*s->calls), by_object);
    for (uint32_t i = 0; i < s->call_count; i++)
        bitset_set(s->has_calls, s->calls[i].object);
    TRY(mark_held(s));
    TRY(find_cycles(s));
    return add_cases(s);
}

static struct error *judge(struct detect *detect)
{
    const struct graph *graph = detect->analysis->graph;
    const struct root_table *roots = &detect->analysis->roots;
    CLEANUP_FREE struct deferred_call *calls = NULL;
    struct search s = {.detect = detect, .graph = graph};
    TRY(memory_array(roots->deferred_calls.count, sizeof(*calls), &calls));
    for (uint64_t i = 0; i < roots->deferred_calls.count; i++) {
        const struct deferred_call *call = &roots->deferred_calls.data[i];
        /* An object that is dead or that the program holds is in no cycle of this kind. */
        if (graph_class_of(graph, call->object) == ROOT_CLASS_DEFERRED)
            calls[s.call_count++] = *call;
    }
    if (!s.call_count || graph->object_ids + (uint64_t)s.call_count >= UINT32_MAX)
        return NULL;
    s.calls = calls;
    s.nodes = graph->object_ids + (uint64_t)s.call_count;
    struct error *error = run(&s);
    uint64_t bits = bitset_words(s.nodes) * 8;
    big_array_free(s.has_calls, bits);
    big_array_free(s.held, bits);
    big_array_free(s.in_cycle, bits);
    big_array_free(s.gone, bits);
    big_array_free(s.number, s.nodes * sizeof(uint32_t));
    big_array_free(s.low, s.nodes * sizeof(uint32_t));
    vector_deinit(&s.frames);
    vector_deinit(&s.stack);
    return error;
}

static const char *thing(struct detect *detect, const struct detect_group *group)
{
    const char *type = detect_type_name(detect, group);
    if (!*type)
        return detect_plural(detect, group->count, "object", "objects");
    return arena_printf(&detect->arena, "%s of type %s",
                        detect_plural(detect, group->count, "object", "objects"), type);
}

/* "main.close" of "finalizers calling main.close" */
static const char *called(struct detect *detect, const struct detect_group *group)
{
    const char *holder = detect_holder_name(detect, group);
    const char *function = strstr(holder, " calling ");
    return function ? function + strlen(" calling ") : holder;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    bool one = group->count == 1;
    const char *own = one ? "its" : "their", *they = one ? "it is" : "they are";
    if (group->variant == VARIANT_FINALIZER) {
        finding->message = arena_printf(
            &detect->arena,
            "%s can reach %s, so that %s finalizer (%s) never runs and %s never freed, nor is what "
            "%s",
            thing(detect, group), one ? "itself" : "themselves", own, called(detect, group), they,
            one ? "it holds" : "they hold");
        finding->fix = "break the cycle: set the finalizer on a small object that leads to nothing "
                       "which leads back, or close explicitly instead of by a finalizer";
    } else {
        finding->message = arena_printf(
            &detect->arena,
            "%s can be reached from %s own cleanup's function or argument (%s), so that it never "
            "runs and %s never freed",
            thing(detect, group), own, called(detect, group), they);
        finding->fix = "give the cleanup what it needs (a handle, a name) as its argument, and let "
                       "its function capture nothing that leads to the object";
    }
    finding_note(finding, "objects_in_cycles", group->count, UNIT_COUNT);
}

const struct detector detector_finalizer_cycle = {
    .id = "finalizer-cycle",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
