/*
 * Sizes by type. An object counts for the retained bytes of its type unless one of its dominators
 * is of that type, for then its bytes are in that one's already.
 *
 * Most types cannot lie below themselves, and the heap itself says which: T leads to U when an
 * object of T immediately dominates one of U somewhere; a type can lie below itself only in a cycle
 * of that small graph of types, and on the way from one object to the other lie only types of its
 * component. So most objects are done with one look at the type of their dominator, and those of a
 * component of several types climb until they meet their own type or leave the component. Who
 * would have to climb far is left to retained_in_preorder.
 *
 * Leaves dominate nothing; that few of them have a type that other objects have as well is checked,
 * not assumed.
 *
 * Every pass is split over the threads. Memory: 4 B per position, 56 B per thread and type.
 */
#include "graph/by_type.h"

#include "base/hash.h"
#include "base/parallel.h"
#include "graph/components.h"

enum {
    IDS_AT_ONCE = 64 * GRAPH_TYPES_AT_ONCE,
    POSITIONS_AT_ONCE = 1 << 14,
    PAIRS_SEEN = 4096,
    CLIMB_MAX = 64,
};

struct type_part { /* what one thread finds, by type */
    struct graph_type_sum *sums;
    uint64_t *leaf_bytes, *leaf_objects;
    uint64_t *retained;
    bool *inner; /* inner objects have the type */
    bool *deep;  /* some object's climb would be too long */
    uint64_t seen[PAIRS_SEEN];
    struct hash_map pairs; /* type_at of a dominator << 32 | type_at of the object */
};

struct type_walk {
    const struct graph *graph;
    const struct graph_result *result;
    const struct graph_types *types;
    unsigned threads;
    uint64_t next;          /* of the pass that runs: what no thread has claimed yet */
    uint32_t *type_at;      /* by position: 1 + type, none, or 0 for a root */
    uint32_t none;          /* of an object without a type */
    struct type_part *part; /* by thread */
    uint32_t *component;    /* by type_at */
    uint32_t components;
    bool *deep, *mixed; /* by type */
    uint64_t *retained; /* by type */
};

static bool claim(struct type_walk *w, uint64_t count, uint64_t step, uint32_t *begin,
                  uint32_t *end)
{
    uint64_t first = __atomic_fetch_add(&w->next, step, __ATOMIC_RELAXED);
    if (first >= count)
        return false;
    *begin = (uint32_t)first;
    *end = (uint32_t)MIN_OF(first + step, count);
    return true;
}

static struct error *pass(struct type_walk *w, struct error *(*work)(void *context, unsigned part))
{
    w->next = 0;
    return parallel_run(w->threads, work, w);
}

static void count_ids(struct type_walk *w, struct type_part *part, uint32_t first, uint32_t count)
{
    const struct graph *graph = w->graph;
    const uint32_t *position = w->result->position + first, *begin = graph->edge_begin + first;
    uint32_t types[GRAPH_TYPES_AT_ONCE];
    w->types->of(w->types->context, first, count, types);
    for (uint32_t i = 0; i < count; i++) {
        if (!position[i])
            continue;
        bool leaf = begin[i] == begin[i + 1]; /* or an object that dominates as little */
        if (types[i] == GRAPH_NONE) {
            if (!leaf)
                w->type_at[position[i]] = w->none;
            continue;
        }
        uint32_t type = types[i] & ~GRAPH_TYPE_MARK;
        uint64_t bytes = graph_object_bytes(graph, first + i);
        assert(type < w->types->count);
        struct graph_type_sum *sum = &part->sums[type];
        sum->objects++;
        sum->bytes += bytes;
        if (types[i] & GRAPH_TYPE_MARK)
            sum->marked_bytes += bytes;
        if (leaf) {
            part->leaf_objects[type]++;
            part->leaf_bytes[type] += bytes;
        } else {
            w->type_at[position[i]] = type + 1;
        }
    }
}

static struct error *count_ids_part(void *context, unsigned part)
{
    struct type_walk *w = context;
    uint32_t begin, end;
    while (claim(w, w->graph->object_ids, IDS_AT_ONCE, &begin, &end)) {
        for (uint32_t id = begin; id < end; id += GRAPH_TYPES_AT_ONCE)
            count_ids(w, &w->part[part], id, MIN_OF(end - id, (uint32_t)GRAPH_TYPES_AT_ONCE));
    }
    return NULL;
}

static uint32_t type_of(const struct type_walk *w, uint32_t id)
{
    uint32_t type;
    w->types->of(w->types->context, id, 1, &type);
    return type == GRAPH_NONE ? w->none : (type & ~GRAPH_TYPE_MARK) + 1;
}

static struct error *note_pair(struct type_part *part, uint32_t above, uint32_t type)
{
    uint64_t pair = (uint64_t)above << 32 | type, *value;
    uint64_t *seen = &part->seen[hash_mix(pair) % PAIRS_SEEN];
    if (*seen == pair)
        return NULL;
    *seen = pair;
    return hash_map_insert(&part->pairs, pair, &value, NULL);
}

static struct error *note_pairs_part(void *context, unsigned number)
{
    struct type_walk *w = context;
    struct type_part *part = &w->part[number];
    const struct graph_result *result = w->result;
    uint32_t begin, end;
    while (claim(w, result->count, POSITIONS_AT_ONCE, &begin, &end)) {
        for (uint32_t i = begin; i < end; i++) {
            uint32_t type = w->type_at[i];
            if (!type && result->order[i] < w->graph->object_ids) { /* an inner one without edges */
                w->type_at[i] = type = type_of(w, result->order[i]);
                if (type != w->none) {
                    part->leaf_objects[type - 1]--;
                    part->leaf_bytes[type - 1] -= result->retained_bytes[i];
                }
            }
            uint32_t above = type ? w->type_at[result->dominator[i]] : 0;
            if (above && above != type)
                TRY(note_pair(part, above, type));
        }
    }
    return NULL;
}

static struct error *number_component(void *context, const uint32_t *members, uint32_t count)
{
    struct type_walk *w = context;
    for (uint32_t i = 0; i < count; i++)
        w->component[members[i]] = w->components;
    w->components++;
    return NULL;
}

/* Pairs that several threads have seen only make the lists longer. */
static struct error *find_components(struct type_walk *w)
{
    uint32_t nodes = w->none + 1;
    uint64_t pairs = 0;
    for (unsigned t = 0; t < w->threads; t++)
        pairs += w->part[t].pairs.count;
    if (pairs >= UINT32_MAX)
        return error_create(ERROR_LIMIT, "more than 4294967294 pairs of types");
    CLEANUP_FREE uint32_t *begin = NULL;
    CLEANUP_FREE uint32_t *targets = NULL;
    TRY(memory_array((uint64_t)nodes + 2, sizeof(*begin), &begin));
    TRY(memory_array(pairs, sizeof(*targets), &targets));
    TRY(memory_array(nodes, sizeof(uint32_t), &w->component));
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    for (int fill = 0; fill < 2; fill++) {
        for (unsigned t = 0; t < w->threads; t++) {
            const struct hash_map *map = &w->part[t].pairs;
            for (uint64_t slot = 0; slot < map->capacity; slot++) {
                uint64_t above = map->keys[slot] >> 32;
                if (map->keys[slot] && fill)
                    targets[begin[above + 1]++] = (uint32_t)map->keys[slot];
                else if (map->keys[slot])
                    begin[above + 2]++;
            }
        }
        for (uint32_t v = 0; v < nodes && !fill; v++)
            begin[v + 1] += begin[v];
    }
    return components_find(nodes, begin, targets, number_component, w);
}

enum covered { NOT_COVERED, COVERED, TOO_FAR };

/* Is one of the objects of a component from `position` up of that type? */
static enum covered climb(const struct type_walk *w, uint32_t position, uint32_t type)
{
    for (unsigned steps = 0; steps < CLIMB_MAX; steps++) {
        uint32_t above = w->type_at[position];
        if (above == type)
            return COVERED;
        if (!above || w->component[above] != w->component[type])
            return NOT_COVERED;
        position = w->result->dominator[position];
    }
    return TOO_FAR;
}

static struct error *count_inner_part(void *context, unsigned number)
{
    struct type_walk *w = context;
    struct type_part *part = &w->part[number];
    const struct graph_result *result = w->result;
    uint32_t begin, end;
    while (claim(w, result->count, POSITIONS_AT_ONCE, &begin, &end)) {
        for (uint32_t i = begin; i < end; i++) {
            uint32_t type = w->type_at[i];
            if (!type || type == w->none)
                continue;
            part->inner[type - 1] = true;
            enum covered covered = climb(w, result->dominator[i], type);
            if (covered == NOT_COVERED)
                part->retained[type - 1] += result->retained_bytes[i];
            else if (covered == TOO_FAR)
                part->deep[type - 1] = true;
        }
    }
    return NULL;
}

/* The leaf's own type may lead back to itself only through it, so that components tell nothing. */
static enum covered climb_from_leaf(const struct type_walk *w, uint32_t position, uint32_t type)
{
    for (unsigned steps = 0; steps < CLIMB_MAX; steps++) {
        uint32_t above = w->type_at[position];
        if (!above || above == type)
            return above ? COVERED : NOT_COVERED;
        position = w->result->dominator[position];
    }
    return TOO_FAR;
}

static struct error *count_mixed_part(void *context, unsigned number)
{
    struct type_walk *w = context;
    struct type_part *part = &w->part[number];
    const struct graph_result *result = w->result;
    uint32_t types[GRAPH_TYPES_AT_ONCE], begin, end;
    while (claim(w, w->graph->object_ids, GRAPH_TYPES_AT_ONCE, &begin, &end)) {
        w->types->of(w->types->context, begin, end - begin, types);
        for (uint32_t id = begin; id < end; id++) {
            uint32_t type = types[id - begin] & ~GRAPH_TYPE_MARK;
            if (!result->position[id] || types[id - begin] == GRAPH_NONE || !w->mixed[type] ||
                is_inner(result, id))
                continue;
            enum covered covered = climb_from_leaf(w, leaf_dominator(result, id), type + 1);
            if (covered == NOT_COVERED)
                part->retained[type] += graph_object_bytes(w->graph, id);
            else if (covered == TOO_FAR)
                part->deep[type] = true;
        }
    }
    return NULL;
}

/* Leaves of a type that inner objects do not have are below none of it. */
static struct error *count_leaves(struct type_walk *w)
{
    bool some = false;
    for (uint32_t type = 0; type < w->types->count; type++) {
        uint64_t objects = 0, bytes = 0;
        bool inner = false;
        for (unsigned t = 0; t < w->threads; t++) {
            objects += w->part[t].leaf_objects[type];
            bytes += w->part[t].leaf_bytes[type];
            inner |= w->part[t].inner[type];
        }
        w->mixed[type] = inner && objects;
        some |= w->mixed[type];
        if (!inner)
            w->retained[type] += bytes;
    }
    return some ? pass(w, count_mixed_part) : NULL;
}

static struct error *count_deep(struct type_walk *w)
{
    bool some = false;
    for (uint32_t type = 0; type < w->types->count; type++) {
        for (unsigned t = 0; t < w->threads; t++) {
            w->retained[type] += w->part[t].retained[type];
            w->deep[type] |= w->part[t].deep[type];
        }
        if (w->deep[type])
            w->retained[type] = 0;
        some |= w->deep[type];
    }
    if (!some)
        return NULL;
    return retained_in_preorder(w->graph, w->types, w->type_at, w->deep, w->mixed, w->retained);
}

static struct error *part_init(struct type_part *part, uint64_t types)
{
    TRY(memory_array(types, sizeof(*part->sums), &part->sums));
    TRY(memory_array(types, sizeof(uint64_t), &part->leaf_bytes));
    TRY(memory_array(types, sizeof(uint64_t), &part->leaf_objects));
    TRY(memory_array(types, sizeof(uint64_t), &part->retained));
    TRY(memory_array(types, sizeof(bool), &part->inner));
    return memory_array(types, sizeof(bool), &part->deep);
}

static void part_deinit(struct type_part *part)
{
    free(part->sums);
    free(part->leaf_bytes);
    free(part->leaf_objects);
    free(part->retained);
    free(part->inner);
    free(part->deep);
    hash_map_deinit(&part->pairs);
}

static struct error *count_types(struct type_walk *w)
{
    uint64_t types = w->types->count;
    TRY(memory_array(w->threads, sizeof(*w->part), &w->part));
    for (unsigned t = 0; t < w->threads; t++)
        TRY(part_init(&w->part[t], types));
    TRY(memory_array(types, sizeof(bool), &w->deep));
    TRY(memory_array(types, sizeof(bool), &w->mixed));
    TRY(memory_array(types, sizeof(uint64_t), &w->retained));
    TRY(big_array((uint64_t)w->result->count * sizeof(uint32_t), &w->type_at));
    TRY(pass(w, count_ids_part));
    TRY(pass(w, note_pairs_part));
    TRY(find_components(w));
    TRY(pass(w, count_inner_part));
    TRY(count_leaves(w));
    return count_deep(w);
}

struct error *graph_sums_by_type(struct graph *graph, const struct graph_types *types,
                                 unsigned threads, struct graph_type_sum *out)
{
    struct type_walk w = {
        .graph = graph,
        .result = graph->result,
        .types = types,
        .threads = MAX_OF(1u, MIN_OF(threads, (unsigned)GRAPH_THREADS_MAX)),
        .none = types->count + 1,
    };
    assert(types->count < GRAPH_TYPE_MARK - 2);
    struct error *error = count_types(&w);
    for (uint32_t type = 0; !error && type < types->count; type++) {
        out[type] = (struct graph_type_sum){.retained_bytes = w.retained[type]};
        for (unsigned t = 0; t < w.threads; t++) {
            const struct graph_type_sum *sum = &w.part[t].sums[type];
            out[type].objects += sum->objects;
            out[type].bytes += sum->bytes;
            out[type].marked_bytes += sum->marked_bytes;
        }
    }
    for (unsigned t = 0; w.part && t < w.threads; t++)
        part_deinit(&w.part[t]);
    free(w.part);
    free(w.component);
    free(w.deep);
    free(w.mixed);
    free(w.retained);
    big_array_free(w.type_at, (uint64_t)w.result->count * sizeof(uint32_t));
    return error;
}
