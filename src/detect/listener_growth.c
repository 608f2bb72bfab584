/*
 * listener-growth: a slice, map or list that holds very many functions made by one function
 * literal, or one method bound to very many values: callbacks that are registered again and again
 * and never removed. One moment does not show growth, so this is never more than possible; two
 * reports do (`leakhound diff`).
 */
#include "detect/detectors.h"

#include <string.h>

#include "base/hash.h"

enum {
    LEAST_ELEMENTS = 64,    /* pointers of an array that is looked at */
    SAMPLES = 32,           /* of them, evenly spread; half must be of one literal */
    LEAST_FUNCTIONS = 1000, /* of one holder and literal */
    PREFIX = 5,             /* "func " of the name of a closure's type */
};

struct collection {
    uint32_t object, type; /* array or list element; type of the functions */
    uint32_t function;     /* one of them */
    uint64_t count;
};

struct search {
    struct detect *detect;
    const struct graph *graph;
    uint8_t *is_closure;    /* by type */
    uint8_t *is_collection; /* by type: parts of lists and maps, however small */
    VECTOR(struct collection) collections;
    struct hash_map counts; /* holder and type → functions */
};

static uint32_t closure_type(const struct search *s, uint32_t object)
{
    uint32_t type = typing_type(&s->detect->analysis->typing, object);
    return type != TYPE_NONE && s->is_closure[type] ? type : TYPE_NONE;
}

/* The type of closure that half of a sample of the object's pointers lead to. */
static uint32_t usual_closure(const struct search *s, uint32_t object, uint32_t edges)
{
    const uint32_t *targets = s->graph->edges + s->graph->edge_begin[object];
    uint32_t best = TYPE_NONE, votes = 0, count = 0;
    for (uint32_t i = 0; i < SAMPLES; i++) { /* a majority outlives all others (Boyer, Moore) */
        uint32_t at = (uint32_t)((uint64_t)i * edges / SAMPLES);
        uint32_t type = closure_type(s, targets[at] & GRAPH_ID);
        if (!votes)
            best = type;
        if (type == best)
            votes++;
        else
            votes--;
    }
    for (uint32_t i = 0; i < SAMPLES && best != TYPE_NONE; i++) {
        uint32_t at = (uint32_t)((uint64_t)i * edges / SAMPLES);
        count += closure_type(s, targets[at] & GRAPH_ID) == best;
    }
    return 2 * count >= SAMPLES ? best : TYPE_NONE;
}

static uint64_t count_key(const struct search *s, const struct collection *c)
{
    return (hash_mix((uint64_t)graph_top(s->graph, c->function) << 32 | c->type)) | 1;
}

static struct error *add_collection(struct search *s, uint32_t object, uint32_t type)
{
    struct collection c = {.object = object, .type = type};
    for (uint32_t e = s->graph->edge_begin[object]; e < s->graph->edge_begin[object + 1]; e++) {
        uint32_t target = s->graph->edges[e] & GRAPH_ID;
        if (closure_type(s, target) != type)
            continue;
        c.function = target;
        c.count++;
    }
    uint64_t *total;
    TRY(hash_map_insert(&s->counts, count_key(s, &c), &total, NULL));
    *total += c.count;
    return vector_push(&s->collections, c);
}

static struct error *look_at(struct search *s, uint32_t object)
{
    uint32_t edges = s->graph->edge_begin[object + 1] - s->graph->edge_begin[object];
    uint32_t type = TYPE_NONE;
    if (edges >= LEAST_ELEMENTS) {
        type = usual_closure(s, object, edges);
    } else if (edges) {
        uint32_t own = typing_type(&s->detect->analysis->typing, object);
        const uint32_t *targets = s->graph->edges + s->graph->edge_begin[object];
        bool is_part = own != TYPE_NONE && s->is_collection[own];
        for (uint32_t i = 0; is_part && i < edges && type == TYPE_NONE; i++)
            type = closure_type(s, targets[i] & GRAPH_ID);
    }
    return type == TYPE_NONE || graph_class_of(s->graph, object) != ROOT_CLASS_PROGRAM
               ? NULL
               : add_collection(s, object, type);
}

/* false: no functions that capture anything */
static bool find_types(struct search *s)
{
    struct type_table *table = &s->detect->analysis->typing.table;
    bool any = false;
    for (uint32_t t = 0; t < table->types.count; t++) {
        const struct go_type *type = &table->types.data[t];
        /* with what it captures, where that is known, else without */
        s->is_closure[t] = type->pseudo == PSEUDO_CLOSURE ||
                           (type->kind == KIND_STRUCT && !strncmp(type->name, "func ", PREFIX));
        any |= s->is_closure[t] != 0;
        s->is_collection[t] = !strncmp(type->name, "map.bucket[", 11) ||
                              !strncmp(type->name, "map.group[", 10) ||
                              (!strcmp(type->name, "list.Element") &&
                               !strcmp(type_package(table, t), "container/list"));
    }
    return any;
}

static struct error *find_collections(struct search *s)
{
    uint64_t words = (s->graph->object_ids + 63) / 64;
    for (uint64_t word = 0; word < words; word++)
        for (uint64_t left = s->graph->allocated[word]; left; left &= left - 1)
            TRY(look_at(s, (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(left)));
    return NULL;
}

static struct error *add_case(struct search *s, const struct collection *c)
{
    VECTOR(uint64_t) cut = {0};
    struct error *error = NULL;
    for (uint32_t e = s->graph->edge_begin[c->object];
         e < s->graph->edge_begin[c->object + 1] && !error; e++) {
        uint32_t target = s->graph->edges[e] & GRAPH_ID;
        if (closure_type(s, target) == c->type)
            error = vector_push(&cut, (uint64_t)c->object << 32 | target);
    }
    const struct detect_case one = {
        .node = c->function,
        .confidence = CONFIDENCE_POSSIBLE,
        .cut = cut.data,
        .cut_count = cut.count,
        .count = c->count,
    };
    if (!error)
        error = detect_add(s->detect, &one);
    vector_deinit(&cut);
    return error;
}

static struct error *judge(struct detect *detect)
{
    CLEANUP_FREE uint8_t *is_closure = NULL, *is_collection = NULL;
    struct search s = {.detect = detect, .graph = detect->analysis->graph};
    TRY(memory_array(detect->analysis->typing.table.types.count, 1, &is_closure));
    TRY(memory_array(detect->analysis->typing.table.types.count, 1, &is_collection));
    s.is_closure = is_closure;
    s.is_collection = is_collection;
    if (!find_types(&s))
        return NULL;
    struct error *error = find_collections(&s);
    for (uint64_t i = 0; i < s.collections.count && !error; i++) {
        const struct collection *c = &s.collections.data[i];
        const uint64_t *total = hash_map_find(&s.counts, count_key(&s, c));
        if (total && *total >= LEAST_FUNCTIONS)
            error = add_case(&s, c);
    }
    vector_deinit(&s.collections);
    hash_map_deinit(&s.counts);
    return error;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const char *name = detect_type_name(detect, group);
    finding->message = arena_printf(
        &detect->arena,
        "%s keeps %s functions that are all %s, and %s hang on them: listeners that are registered "
        "again and again and never removed look like this",
        detect_holder_name(detect, group), detect_count(detect, group->count),
        strlen(name) > PREFIX ? name + PREFIX : "the same one",
        detect_size(detect, finding->bytes));
    finding->fix = "remove the listener when what it serves ends; compare two reports "
                   "(leakhound diff) to see whether they grow";
    finding_note(finding, "functions", group->count, UNIT_COUNT);
}

const struct detector detector_listener_growth = {
    .id = "listener-growth",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
