/*
 * Retained bytes by type: an object counts unless one of its dominators is of its type, for then
 * its bytes are in that one's already.
 *
 * In a preorder of the dominator tree all that a node dominates is one interval. So for each type
 * the objects that count have intervals that do not overlap, and one scan in preorder finds them by
 * remembering where the last one ends. Leaves have no number; the rare one whose type inner
 * objects have as well looks among that type's intervals, and only such types' are kept.
 */
#include "graph/result.h"

struct interval {
    uint32_t type;
    uint32_t begin, end; /* preorder numbers */
};

struct type_walk {
    const struct graph *graph;
    const struct graph_result *result;
    const uint32_t *type_of;
    uint32_t type_count;
    uint32_t *below;   /* position → inner nodes that it dominates, itself included */
    uint32_t *number;  /* position → preorder number */
    uint32_t *next;    /* position → number of its next child; then number → position */
    uint32_t *covered; /* by type: where its last interval ends; 0: it has none */
    uint64_t *bytes;   /* by type */
    bool *of_leaves;   /* by type: some leaf has it, so that its intervals are wanted */
    VECTOR(struct interval) intervals;
    uint64_t *by_type;       /* type → index into sorted */
    struct interval *sorted; /* by type, then begin */
};

static uint64_t words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

static uint32_t type_at(const struct type_walk *w, uint32_t node)
{
    uint32_t type = node < w->graph->object_ids ? w->type_of[node] : GRAPH_NONE;
    assert(type == GRAPH_NONE || type < w->type_count);
    return type;
}

/* The order in which children follow each other does not matter: they come by position. */
static void number_in_preorder(struct type_walk *w)
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

static struct error *count_inner(struct type_walk *w)
{
    const struct graph_result *result = w->result;
    const uint32_t *at = w->next;
    uint32_t n = result->count, ids = w->graph->object_ids;
    for (uint32_t number = 1; number < n; number++) {
        if (n - number > 32)
            __builtin_prefetch(&result->order[at[number + 32]]);
        if (n - number > 16) {
            uint32_t soon = at[number + 16], node = result->order[soon];
            __builtin_prefetch(&w->below[soon]);
            __builtin_prefetch(&result->retained_bytes[soon]);
            if (node < ids)
                __builtin_prefetch(&w->type_of[node]);
        }
        uint32_t position = at[number], type = type_at(w, result->order[position]);
        if (type == GRAPH_NONE || number < w->covered[type])
            continue;
        w->covered[type] = number + w->below[position];
        w->bytes[type] += result->retained_bytes[position];
        if (w->of_leaves[type])
            TRY(vector_push(&w->intervals,
                            (struct interval){type, number, number + w->below[position]}));
    }
    return NULL;
}

static void note_types_of_leaves(struct type_walk *w)
{
    const struct graph_result *result = w->result;
    for (uint32_t id = 0; id < w->graph->object_ids; id++) {
        uint32_t type = w->type_of[id];
        if (type != GRAPH_NONE && !w->of_leaves[type] && result->position[id] &&
            !is_inner(result, id))
            w->of_leaves[type] = true;
    }
}

static struct error *sort_intervals(struct type_walk *w)
{
    TRY(memory_array((uint64_t)w->type_count + 2, sizeof(uint64_t), &w->by_type));
    TRY(memory_array(w->intervals.count, sizeof(struct interval), &w->sorted));
    /* Counted two entries high and filled one entry high, by_type ends where it should be. */
    for (uint64_t i = 0; i < w->intervals.count; i++)
        w->by_type[w->intervals.data[i].type + 2]++;
    for (uint32_t t = 0; t < w->type_count; t++)
        w->by_type[t + 1] += w->by_type[t];
    for (uint64_t i = 0; i < w->intervals.count; i++)
        w->sorted[w->by_type[w->intervals.data[i].type + 1]++] = w->intervals.data[i];
    vector_deinit(&w->intervals);
    return NULL;
}

static bool is_below_type(const struct type_walk *w, uint32_t number, uint32_t type)
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

static struct error *count_leaves(struct type_walk *w)
{
    const struct graph *graph = w->graph;
    const struct graph_result *result = w->result;
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        if (graph->object_ids - id > 32)
            __builtin_prefetch(&result->order[result->position[id + 32]]);
        if (!result->position[id] || is_inner(result, id))
            continue;
        uint32_t type = type_at(w, id);
        if (type == GRAPH_NONE)
            continue;
        if (w->covered[type]) {
            if (!w->sorted)
                TRY(sort_intervals(w));
            if (is_below_type(w, w->number[leaf_dominator(result, id)], type))
                continue;
        }
        w->bytes[type] += graph_object_bytes(graph, id);
    }
    return NULL;
}

static struct error *count_types(struct type_walk *w)
{
    uint64_t bytes = words(w->result->count);
    TRY(big_array(bytes, &w->below));
    TRY(big_array(bytes, &w->number));
    TRY(big_array(bytes, &w->next));
    TRY(memory_array(w->type_count, sizeof(*w->covered), &w->covered));
    TRY(memory_array(w->type_count, sizeof(*w->bytes), &w->bytes));
    TRY(memory_array(w->type_count, sizeof(*w->of_leaves), &w->of_leaves));
    note_types_of_leaves(w);
    number_in_preorder(w);
    TRY(count_inner(w));
    return count_leaves(w);
}

struct error *graph_retained_by_type(struct graph *graph, const uint32_t *type_of,
                                     uint32_t type_count, uint64_t *out_bytes)
{
    struct type_walk w = {
        .graph = graph, .result = graph->result, .type_of = type_of, .type_count = type_count};
    struct error *error = count_types(&w);
    for (uint32_t t = 0; !error && t < type_count; t++)
        out_bytes[t] += w.bytes[t];
    big_array_free(w.below, words(w.result->count));
    big_array_free(w.number, words(w.result->count));
    big_array_free(w.next, words(w.result->count));
    free(w.covered);
    free(w.bytes);
    free(w.of_leaves);
    vector_deinit(&w.intervals);
    free(w.by_type);
    free(w.sorted);
    return error;
}
