#include "detect/rank.h"

#include <string.h>

/* Of the chain of dominators above a node; longer ones (lists) are not followed to their end. Nor
 * are further ones once so many steps have been made for all findings, some seconds. */
enum { CLIMB_MAX = 1 << 16, STEPS_MAX = 1 << 25 };

struct pair {
    struct finding finding;
    struct detect_group group;
};

static int by_rank(const void *x, const void *y)
{
    const struct finding *a = &((const struct pair *)x)->finding;
    const struct finding *b = &((const struct pair *)y)->finding;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->confidence != b->confidence)
        return a->confidence > b->confidence ? -1 : 1;
    int order = strcmp(a->id, b->id);
    return order ? order : (a->root > b->root) - (a->root < b->root);
}

/* What goes away with a group: the targets of its cut, and the nodes that it is about. */
static struct error *marks_of(const struct detect_group *group, struct hash_map *out)
{
    uint64_t *value;
    bool added;
    for (uint64_t i = 0; i < group->cut.count; i++)
        TRY(hash_map_insert(out, (group->cut.data[i] & GRAPH_ID) + 1, &value, NULL));
    for (uint64_t i = 0; i < group->nodes.count; i++) {
        if (group->nodes.data[i] == GRAPH_NONE)
            continue;
        TRY(hash_map_insert(out, (uint64_t)group->nodes.data[i] + 1, &value, &added));
        if (added) /* where the node itself stays, so does what is below it */
            *value = !group->nodes_go;
    }
    return NULL;
}

/* Is the node marked, or below a target of the cut? */
static bool goes_with(const struct graph *graph, const struct hash_map *marks, uint32_t node,
                      uint64_t *steps)
{
    const uint64_t *value = hash_map_find(marks, (uint64_t)node + 1);
    if (value)
        return true;
    for (unsigned step = 0; step < CLIMB_MAX && node != GRAPH_NONE && *steps; step++, --*steps) {
        value = hash_map_find(marks, (uint64_t)node + 1);
        if (value && !*value)
            return true;
        node = graph_dominator(graph, node);
    }
    return false;
}

static bool is_consequence(const struct graph *graph, const struct hash_map *marks,
                           const struct detect_group *group, uint64_t *steps)
{
    if (!marks->count || !group->nodes.count)
        return false;
    for (uint64_t i = 0; i < group->nodes.count; i++)
        if (group->nodes.data[i] == GRAPH_NONE ||
            !goes_with(graph, marks, group->nodes.data[i], steps))
            return false;
    return true;
}

/* Lies all of it in what the other would free, then the surer of the two that has nearly all the
 * bytes is the leak, and the other is how it is held: strings that pin blocks, in a full channel.
 */
static bool explains(const struct finding *one, const struct finding *larger)
{
    return one->confidence > larger->confidence && one->bytes >= larger->bytes / 10 * 9;
}

static struct error *find_causes(const struct graph *graph, struct pair *pairs, uint64_t count)
{
    uint64_t steps = STEPS_MAX;
    for (uint64_t i = 0; i < count; i++) {
        struct hash_map marks = {0};
        if (pairs[i].finding.cause != FINDING_OWN_CAUSE)
            continue;
        struct error *error = marks_of(&pairs[i].group, &marks);
        for (uint64_t k = 0; k < count && !error; k++) {
            struct finding *one = &pairs[i].finding, *other = &pairs[k].finding;
            bool may_be =
                other->confidence <= one->confidence && (k > i || other->bytes <= one->bytes);
            if (k == i || other->cause != FINDING_OWN_CAUSE || (!may_be && !explains(other, one)) ||
                !is_consequence(graph, &marks, &pairs[k].group, &steps))
                continue;
            if (may_be)
                other->cause = (uint32_t)i;
            else if (one->cause == FINDING_OWN_CAUSE)
                one->cause = (uint32_t)k;
        }
        hash_map_deinit(&marks);
        if (error)
            return error;
    }
    return NULL;
}

/* A cause that is itself another's consequence leads on to that one. */
static void resolve_causes(struct pair *pairs, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint32_t cause = pairs[i].finding.cause;
        for (uint64_t n = 0; n < count && cause != FINDING_OWN_CAUSE &&
                             pairs[cause].finding.cause != FINDING_OWN_CAUSE;
             n++)
            cause = pairs[cause].finding.cause;
        pairs[i].finding.cause = cause;
    }
}

/* Causes keep their order; consequences stand behind them, in theirs. */
static struct error *put_causes_first(struct pair *pairs, uint64_t count)
{
    CLEANUP_FREE struct pair *sorted = NULL;
    CLEANUP_FREE uint32_t *place = NULL; /* old index → new */
    uint32_t next = 0;
    TRY(memory_array(count, sizeof(*sorted), &sorted));
    TRY(memory_array(count, sizeof(*place), &place));
    for (unsigned consequences = 0; consequences < 2; consequences++) {
        for (uint64_t i = 0; i < count; i++) {
            if ((pairs[i].finding.cause != FINDING_OWN_CAUSE) != consequences)
                continue;
            place[i] = next;
            sorted[next++] = pairs[i];
        }
    }
    for (uint64_t i = 0; i < count; i++) {
        pairs[i] = sorted[i];
        if (pairs[i].finding.cause != FINDING_OWN_CAUSE)
            pairs[i].finding.cause = place[pairs[i].finding.cause];
    }
    return NULL;
}

struct error *rank_findings(struct detect *detect, struct detect_group *groups,
                            struct finding *findings, uint64_t count)
{
    CLEANUP_FREE struct pair *pairs = NULL;
    TRY(memory_array(count, sizeof(*pairs), &pairs));
    for (uint64_t i = 0; i < count; i++) {
        pairs[i].finding = findings[i];
        pairs[i].finding.cause = FINDING_OWN_CAUSE;
        pairs[i].group = groups[i];
    }
    qsort(pairs, count, sizeof(*pairs), by_rank);
    struct error *error = find_causes(detect->analysis->graph, pairs, count);
    resolve_causes(pairs, count);
    if (!error)
        error = put_causes_first(pairs, count);
    for (uint64_t i = 0; i < count; i++) {
        findings[i] = pairs[i].finding;
        groups[i] = pairs[i].group;
    }
    return error;
}
