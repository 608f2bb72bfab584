/*
 * request-pinned: what belongs to one HTTP request is kept by a global variable after the request.
 *
 * A request that a goroutine serves is held by that goroutine's stack; one that only a variable
 * holds has been forgotten there, by itself, in a context or in a response. And a context that
 * grows: each use wraps it once more by WithValue, so that nothing of what went before is freed.
 *
 * Types are known by the standard library's package and name.
 */
#include "detect/detectors.h"

#include <string.h>

#include "base/hash.h"
#include "detect/edges_into.h"

enum {
    LEAST_REQUESTS = 16, /* of one holder: a few are a sample, a template, the last one */
    DEEP = 32,           /* contexts by WithValue on top of each other */
    CLIMB = 8,           /* from a request to what goes with it */
    STEPS_MAX = 256,     /* from a request's context to that of its server */
};

enum variant { VARIANT_SERVED, VARIANT_REQUEST, VARIANT_CHAIN };
enum number { NUMBER_CONTEXTS };
enum role { ROLE_NONE, ROLE_REQUEST, ROLE_VALUE_CONTEXT, ROLE_CONTEXT, ROLE_SERVER_MARK };

static const struct {
    const char *package, *name;
    enum role role;
} known_types[] = {
    {"net/http", "http.Request", ROLE_REQUEST},
    {"context", "context.valueCtx", ROLE_VALUE_CONTEXT},
    {"context", "context.cancelCtx", ROLE_CONTEXT},
    {"context", "context.timerCtx", ROLE_CONTEXT},
    {"context", "context.withoutCancelCtx", ROLE_CONTEXT},
    /* what a server puts into the context of each connection (net/http/server.go: LocalAddr,
     * ServerContextKey) */
    {"net", "net.TCPAddr", ROLE_SERVER_MARK},
    {"net", "net.UnixAddr", ROLE_SERVER_MARK},
    {"net/http", "http.Server", ROLE_SERVER_MARK},
};

struct search {
    struct detect *detect;
    const struct graph *graph;
    uint8_t *roles;            /* by type */
    VECTOR(uint32_t) requests; /* held by variables only */
    VECTOR(uint32_t) contexts; /* by WithValue, likewise; ascending */
    struct hash_map below;     /* node + 1 → requests not far below it */
    struct hash_map of_holder; /* root + 1 → requests */
    VECTOR(uint32_t) targets;  /* what would have to go, by request */
    struct edges_into edges;
};

static enum role role_of(const struct search *s, uint32_t object)
{
    const struct typing *typing = &s->detect->analysis->typing;
    uint32_t type = typing_type(typing, object);
    return type == TYPE_NONE || typing_strength(typing, object) < TYPE_FITS
               ? ROLE_NONE
               : (enum role)s->roles[type];
}

/* false: the program has neither requests nor contexts */
static bool find_types(struct search *s)
{
    struct type_table *table = &s->detect->analysis->typing.table;
    bool any = false;
    for (uint32_t t = 0; t < table->types.count; t++) {
        const char *name = table->types.data[t].name;
        for (unsigned k = 0; k < ARRAY_COUNT(known_types); k++) {
            if (strcmp(name, known_types[k].name) ||
                strcmp(type_package(table, t), known_types[k].package))
                continue;
            s->roles[t] = (uint8_t)known_types[k].role;
            any |= known_types[k].role <= ROLE_VALUE_CONTEXT;
        }
    }
    return any;
}

/* The variable that alone holds the object, GRAPH_NONE when there is none. */
static uint32_t variable_of(const struct search *s, uint32_t object)
{
    uint32_t top = graph_top(s->graph, object);
    if (top == GRAPH_NONE || top < s->graph->object_ids)
        return GRAPH_NONE;
    uint32_t root = top - s->graph->object_ids;
    return s->detect->analysis->roots.infos.data[root].kind == ROOT_GLOBAL ? root : GRAPH_NONE;
}

static struct error *find_objects(struct search *s)
{
    const struct graph *graph = s->graph;
    uint64_t words = (graph->object_ids + 63) / 64;
    for (uint64_t word = 0; word < words; word++) {
        for (uint64_t left = graph->allocated[word]; left; left &= left - 1) {
            uint32_t id = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(left);
            enum role role = role_of(s, id);
            if ((role != ROLE_REQUEST && role != ROLE_VALUE_CONTEXT) ||
                graph_class_of(graph, id) != ROOT_CLASS_PROGRAM || variable_of(s, id) == GRAPH_NONE)
                continue;
            if (role == ROLE_REQUEST)
                TRY(vector_push(&s->requests, id));
            else
                TRY(vector_push(&s->contexts, id));
        }
    }
    return NULL;
}

/* The context that an object's first pointer to one leads to: of a context its parent. */
static uint32_t context_of(const struct search *s, uint32_t object)
{
    const struct graph *graph = s->graph;
    for (uint32_t e = graph->edge_begin[object]; e < graph->edge_begin[object + 1]; e++) {
        uint32_t to = graph->edges[e] & GRAPH_ID;
        enum role role = role_of(s, to);
        if (role == ROLE_VALUE_CONTEXT || role == ROLE_CONTEXT)
            return to;
    }
    return GRAPH_NONE;
}

/* -- requests ---------------------------------------------------------------------------------- */

static bool leads_to_server(const struct search *s, uint32_t context)
{
    const struct graph *graph = s->graph;
    for (uint32_t e = graph->edge_begin[context]; e < graph->edge_begin[context + 1]; e++)
        if (role_of(s, graph->edges[e] & GRAPH_ID) == ROLE_SERVER_MARK)
            return true;
    return false;
}

/* Has a server of this process received it? Its context descends from the connection's. */
static bool was_served(const struct search *s, uint32_t request)
{
    uint32_t context = context_of(s, request);
    for (unsigned i = 0; i < STEPS_MAX && context != GRAPH_NONE; i++) {
        if (role_of(s, context) == ROLE_VALUE_CONTEXT && leads_to_server(s, context))
            return true;
        context = context_of(s, context);
    }
    return false;
}

static struct error *count_one(struct hash_map *map, uint32_t key)
{
    uint64_t *value;
    TRY(hash_map_insert(map, (uint64_t)key + 1, &value, NULL));
    ++*value;
    return NULL;
}

static struct error *count_requests(struct search *s)
{
    for (uint64_t i = 0; i < s->requests.count; i++) {
        uint32_t node = s->requests.data[i];
        TRY(count_one(&s->of_holder, variable_of(s, node)));
        for (unsigned step = 0; step < CLIMB && node < s->graph->object_ids; step++) {
            TRY(count_one(&s->below, node));
            node = graph_dominator(s->graph, node);
        }
    }
    return NULL;
}

/* The farthest object above the request that holds no other one: its context, an entry of a list.
 */
static uint32_t whole_of(const struct search *s, uint32_t request)
{
    uint32_t whole = request, node = request;
    for (unsigned step = 0; step < CLIMB && node < s->graph->object_ids; step++) {
        const uint64_t *count = hash_map_find(&s->below, (uint64_t)node + 1);
        if (!count || *count != 1)
            break;
        whole = node;
        node = graph_dominator(s->graph, node);
    }
    return whole;
}

static bool has_many(const struct search *s, uint32_t request)
{
    const uint64_t *count = hash_map_find(&s->of_holder, (uint64_t)variable_of(s, request) + 1);
    return count && *count >= LEAST_REQUESTS;
}

static struct error *add_requests(struct search *s)
{
    TRY(count_requests(s));
    uint64_t kept = 0;
    for (uint64_t i = 0; i < s->requests.count; i++) {
        if (!has_many(s, s->requests.data[i]))
            continue;
        s->requests.data[kept++] = s->requests.data[i];
        TRY(vector_push(&s->targets, whole_of(s, s->requests.data[i])));
    }
    s->requests.count = kept;
    if (!kept)
        return NULL;
    TRY(edges_into_find(s->graph, s->targets.data, s->targets.count, &s->edges));
    for (uint64_t i = 0; i < kept; i++) {
        bool served = was_served(s, s->requests.data[i]);
        struct detect_case one = {
            .node = s->requests.data[i],
            .variant = served ? VARIANT_SERVED : VARIANT_REQUEST,
            .confidence = served ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
            .count = 1,
        };
        one.cut = edges_into_of(&s->edges, s->targets.data[i], &one.cut_count);
        TRY(detect_add(s->detect, &one));
    }
    return NULL;
}

/* -- chains of contexts ------------------------------------------------------------------------ */

static uint32_t place_of(const struct search *s, uint32_t context)
{
    uint64_t low = 0, high = s->contexts.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (s->contexts.data[middle] < context)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->contexts.count && s->contexts.data[low] == context ? (uint32_t)low : GRAPH_NONE;
}

/* Place of the next context by WithValue below a context; those by WithCancel and the like between
 * them do not count. */
static uint32_t next_below(const struct search *s, uint32_t context)
{
    uint32_t parent = context_of(s, context);
    for (unsigned i = 0; i < STEPS_MAX && parent != GRAPH_NONE; i++) {
        if (role_of(s, parent) == ROLE_VALUE_CONTEXT)
            return place_of(s, parent);
        parent = context_of(s, parent);
    }
    return GRAPH_NONE;
}

/* parents: by place. A head has no context above it; its chain is counted as far as no head before
 * has counted it. */
static struct error *add_chains_from(struct search *s, const uint32_t *parents, uint8_t *seen)
{
    enum { ABOVE = 1, COUNTED = 2 };
    VECTOR(uint32_t) heads = {0};
    VECTOR(uint64_t) lengths = {0};
    struct error *error = NULL;
    for (uint64_t i = 0; i < s->contexts.count; i++)
        if (parents[i] != GRAPH_NONE)
            seen[parents[i]] |= ABOVE;
    for (uint32_t i = 0; i < s->contexts.count && !error; i++) {
        uint64_t depth = 0;
        if (seen[i] & ABOVE)
            continue;
        for (uint32_t at = i; at != GRAPH_NONE && !(seen[at] & COUNTED); at = parents[at]) {
            seen[at] |= COUNTED;
            depth++;
        }
        if (depth <= DEEP)
            continue;
        error = vector_push(&heads, s->contexts.data[i]);
        if (!error)
            error = vector_push(&lengths, depth);
    }
    if (!error && heads.count) {
        edges_into_deinit(&s->edges);
        error = edges_into_find(s->graph, heads.data, heads.count, &s->edges);
    }
    for (uint64_t i = 0; i < heads.count && !error; i++) {
        struct detect_case one = {
            .node = heads.data[i],
            .variant = VARIANT_CHAIN,
            .confidence = CONFIDENCE_LIKELY,
            .count = lengths.data[i],
            .numbers = {[NUMBER_CONTEXTS] = 1},
        };
        one.cut = edges_into_of(&s->edges, heads.data[i], &one.cut_count);
        error = detect_add(s->detect, &one);
    }
    vector_deinit(&heads);
    vector_deinit(&lengths);
    return error;
}

static struct error *add_chains(struct search *s)
{
    CLEANUP_FREE uint32_t *parents = NULL;
    CLEANUP_FREE uint8_t *seen = NULL;
    if (s->contexts.count <= DEEP)
        return NULL;
    TRY(memory_array(s->contexts.count, sizeof(*parents), &parents));
    TRY(memory_array(s->contexts.count, sizeof(*seen), &seen));
    for (uint64_t i = 0; i < s->contexts.count; i++)
        parents[i] = next_below(s, s->contexts.data[i]);
    return add_chains_from(s, parents, seen);
}

static struct error *judge(struct detect *detect)
{
    CLEANUP_FREE uint8_t *roles = NULL;
    struct search s = {.detect = detect, .graph = detect->analysis->graph};
    TRY(memory_array(detect->analysis->typing.table.types.count, 1, &roles));
    s.roles = roles;
    if (!find_types(&s))
        return NULL;
    struct error *error = find_objects(&s);
    if (!error)
        error = add_requests(&s);
    if (!error)
        error = add_chains(&s);
    vector_deinit(&s.requests);
    vector_deinit(&s.contexts);
    vector_deinit(&s.targets);
    hash_map_deinit(&s.below);
    hash_map_deinit(&s.of_holder);
    edges_into_deinit(&s.edges);
    return error;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const char *holder = detect_holder_name(detect, group);
    if (group->variant == VARIANT_CHAIN) {
        uint64_t chains = MAX_OF(group->numbers[NUMBER_CONTEXTS], (uint64_t)1);
        finding->message = arena_printf(
            &detect->arena,
            "%s keeps %s of contexts, %s on top of each other: each use has wrapped the context by "
            "WithValue once more, and keeps %s of values",
            holder, detect_plural(detect, chains, "chain", "chains"),
            detect_count(detect, group->count / chains), detect_size(detect, finding->bytes));
        finding->fix = "begin from the same parent each time, and let a context end with its "
                       "request instead of storing it";
        finding_note(finding, "chains", chains, UNIT_COUNT);
        finding_note(finding, "contexts", group->count, UNIT_COUNT);
        return;
    }
    finding->message = arena_printf(
        &detect->arena,
        "%s keeps %s that no goroutine works on any more%s: %s with all that hangs on "
        "them",
        holder, detect_plural(detect, group->count, "HTTP request", "HTTP requests"),
        group->variant == VARIANT_SERVED ? ", received by a server of this process" : "",
        detect_size(detect, finding->bytes));
    finding->fix = "copy what is needed out of the request, and store neither the request nor its "
                   "context nor the response: they end with the handler";
    finding_note(finding, "requests", group->count, UNIT_COUNT);
}

const struct detector detector_request_pinned = {
    .id = "request-pinned",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
