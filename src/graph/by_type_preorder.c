/*
 * In a preorder of the dominator tree all that a node dominates is one interval. So for each type
 * the objects that count have intervals that do not overlap, and one scan in preorder finds them by
 * remembering where the last one ends. Leaves have no number: they look among the intervals of
 * their type, and only such types' are kept.
 */
#include "graph/by_type.h"

struct interval {
    uint32_t type;
    uint32_t begin, end; /* preorder numbers */
};

struct preorder {
    const struct graph *graph;
    const struct graph_result *result;
    const struct graph_types *types;
    const uint32_t *type_at;
    const bool *wanted, *mixed;
    uint32_t *below;   /* position → inner nodes that it dominates, itself included */
    uint32_t *number;  /* position → preorder number */
    uint32_t *next;    /* position → number of its next child; then number → position */
    uint32_t *covered; /* by type: where its last interval ends; 0: it has none */
    uint64_t *bytes;   /* by type */
    VECTOR(struct interval) intervals;
    uint64_t *by_type;       /* type → index into sorted */
    struct interval *sorted; /* by type, then begin */
};

static uint64_t words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

/* The order in which children follow each other does not matter: they come by position. */
static void number_in_preorder(struct preorder *w)
{
    const uint32_t *dominator = w->result->dominator;
    uint32_t n = w->result->count;
    for (uint32_t i = n; i-- > 1;)
        w->below[dominator[i]] += ++w->below[i];
    w->below[0]++;
    w->next[0] = 1;
    for (uint32_t i = 1; i < n; i++) {
        w->number[i] = w->next[dominator[i]];
        w->next[dominator[i]] += w->below[i];
        w->next[i] = w->number[i] + 1;
    }
    for (uint32_t i = 0; i < n; i++)
        w->next[w->number[i]] = i;
}

static struct error *count_inner(struct preorder *w)
{
    const struct graph_result *result = w->result;
    const uint32_t *at = w->next;
    uint32_t n = result->count;
    for (uint32_t number = 1; number < n; number++) {
        if (n - number > 16) {
            __builtin_prefetch(&w->type_at[at[number + 16]]);
            __builtin_prefetch(&w->below[at[number + 16]]);
            __builtin_prefetch(&result->retained_bytes[at[number + 16]]);
        }
        uint32_t position = at[number], type = w->type_at[position] - 1;
        if (type >= w->types->count || !w->wanted[type] || number < w->covered[type])
            continue;
        w->covered[type] = number + w->below[position];
        w->bytes[type] += result->retained_bytes[position];
        if (w->mixed[type])
            TRY(vector_push(&w->intervals,
                            (struct interval){type, number, number + w->below[position]}));
    }
    return NULL;
}

static struct error *sort_intervals(struct preorder *w)
{
    TRY(memory_array((uint64_t)w->types->count + 2, sizeof(uint64_t), &w->by_type));
    TRY(memory_array(w->intervals.count, sizeof(struct interval), &w->sorted));
    /* Counted two entries high and filled one entry high, by_type ends where it should be. */
    for (uint64_t i = 0; i < w->intervals.count; i++)
        w->by_type[w->intervals.data[i].type + 2]++;
    for (uint32_t t = 0; t < w->types->count; t++)
        w->by_type[t + 1] += w->by_type[t];
    for (uint64_t i = 0; i < w->intervals.count; i++)
        w->sorted[w->by_type[w->intervals.data[i].type + 1]++] = w->intervals.data[i];
    vector_deinit(&w->intervals);
    return NULL;
}

static bool is_below_type(const struct preorder *w, uint32_t number, uint32_t type)
{
    uint64_t low = w->by_type[type], high = w->by_type[type + 1];
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (w->sorted[middle].end <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->by_type[type + 1] && w->sorted[low].begin <= number;
}

static struct error *count_leaves(struct preorder *w)
{
    const struct graph_result *result = w->result;
    uint32_t types[GRAPH_TYPES_AT_ONCE], ids = w->graph->object_ids;
    TRY(sort_intervals(w));
    for (uint32_t first = 0; first < ids; first += GRAPH_TYPES_AT_ONCE) {
        uint32_t count = MIN_OF(ids - first, (uint32_t)GRAPH_TYPES_AT_ONCE);
        w->types->of(w->types->context, first, count, types);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t id = first + i, type = types[i] & ~GRAPH_TYPE_MARK;
            if (!result->position[id] || types[i] == GRAPH_NONE || !w->wanted[type] ||
                !w->mixed[type] || is_inner(result, id))
                continue;
            if (!is_below_type(w, w->number[leaf_dominator(result, id)], type))
                w->bytes[type] += graph_object_bytes(w->graph, id);
        }
    }
    return NULL;
}

static struct error *count_types(struct preorder *w)
{
    uint64_t bytes = words(w->result->count);
    TRY(big_array(bytes, &w->below));
    TRY(big_array(bytes, &w->number));
    TRY(big_array(bytes, &w->next));
    TRY(memory_array(w->types->count, sizeof(*w->covered), &w->covered));
    number_in_preorder(w);
    TRY(count_inner(w));
    return w->intervals.count ? count_leaves(w) : NULL;
}

struct error *retained_in_preorder(const struct graph *graph, const struct graph_types *types,
                                   const uint32_t *type_at, const bool *wanted, const bool *mixed,
                                   uint64_t *out)
{
    struct preorder w = {
        .graph = graph,
        .result = graph->result,
        .types = types,
        .type_at = type_at,
        .wanted = wanted,
        .mixed = mixed,
        .bytes = out,
    };
    struct error *error = count_types(&w);
    big_array_free(w.below, words(w.result->count));
    big_array_free(w.number, words(w.result->count));
    big_array_free(w.next, words(w.result->count));
    free(w.covered);
    vector_deinit(&w.intervals);
    free(w.by_type);
    free(w.sorted);
    return error;
}
