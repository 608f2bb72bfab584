/*
 * context-children: contexts that were derived with a cancel function which nobody calls. They
 * stand in their parent's map of children until the parent is cancelled, or until their own
 * deadline.
 *
 * A child that nothing but that map leads to is one whose cancel function is gone, for that has the
 * child in it. Those that somebody still has are no part of the finding.
 */
#include <string.h>

#include "detect/detectors.h"

enum { LEAST_CHILDREN = 16, CLIMB_MAX = 64 };

enum variant { VARIANT_CANCEL, VARIANT_DEADLINE, VARIANTS };

enum number { NUMBER_LEFT, NUMBER_CHILDREN, NUMBER_IN_USE };

struct children_of_one {
    VECTOR(uint64_t) cut[VARIANTS];
    uint64_t count[VARIANTS];
};

static int by_child(const void *a, const void *b)
{
    uint32_t x = (uint32_t) * (const uint64_t *)a, y = (uint32_t) * (const uint64_t *)b;
    return (x > y) - (x < y);
}

/* context.timerCtx: its timer will cancel it. context.afterFuncCtx waits for its parent's end and
 * calls a function then: that is what it is for. */
static enum variant variant_of(const struct detect *detect, uint32_t id)
{
    const struct typing *typing = &detect->analysis->typing;
    uint32_t type = typing_type(typing, id);
    const char *name = type == TYPE_NONE ? "" : typing->table.types.data[type].name;
    return !strcmp(name, "context.timerCtx")       ? VARIANT_DEADLINE
           : !strcmp(name, "context.afterFuncCtx") ? VARIANTS
                                                   : VARIANT_CANCEL;
}

/* Does everything that leads to the node come through the other? */
static bool is_below(const struct graph *graph, uint32_t node, uint32_t other)
{
    for (unsigned step = 0; step < CLIMB_MAX && node != GRAPH_NONE; step++) {
        if (node == other)
            return true;
        node = graph_dominator(graph, node);
    }
    return false;
}

/* Several tables of a map may lead to one child: while the map grows, or by way of another child.
 */
static struct error *sort_children(const struct detect *detect, const struct map_entries *map,
                                   struct children_of_one *out)
{
    const struct graph *graph = detect->analysis->graph;
    for (unsigned v = 0; v < VARIANTS; v++)
        out->cut[v].count = out->count[v] = 0;
    for (uint64_t i = map->first; i < map->end; i++) {
        uint64_t edge = detect->analysis->facts.maps.edges.data[i];
        uint32_t child = (uint32_t)edge;
        enum variant variant = variant_of(detect, child);
        if (variant != VARIANTS && is_below(graph, child, map->id))
            TRY(vector_push(&out->cut[variant], edge));
    }
    for (unsigned v = 0; v < VARIANTS; v++) {
        const uint64_t *cut = out->cut[v].data;
        if (out->cut[v].count)
            qsort(out->cut[v].data, out->cut[v].count, sizeof(*cut), by_child);
        for (uint64_t i = 0; i < out->cut[v].count; i++)
            out->count[v] += !i || (uint32_t)cut[i] != (uint32_t)cut[i - 1];
    }
    return NULL;
}

static struct error *add_case(struct detect *detect, const struct map_entries *map,
                              const struct children_of_one *children, enum variant variant)
{
    uint64_t left = children->count[variant];
    uint64_t all = children->count[VARIANT_CANCEL] + children->count[VARIANT_DEADLINE];
    if (left < LEAST_CHILDREN)
        return NULL;
    bool has_table = left > all / 2 && all > map->count / 2 && map->bytes > map->bytes_for;
    struct detect_case one = {
        .node = map->id,
        .variant = variant,
        .confidence = CONFIDENCE_PROVEN,
        .cut = children->cut[variant].data,
        .cut_count = children->cut[variant].count,
        .own_bytes = has_table ? map->bytes - map->bytes_for : 0,
        .count = left,
        .numbers = {[NUMBER_LEFT] = left,
                    [NUMBER_CHILDREN] = map->count,
                    [NUMBER_IN_USE] = map->count - MIN_OF(all, map->count)},
    };
    return detect_add(detect, &one);
}

static struct error *judge(struct detect *detect)
{
    const struct map_table *maps = &detect->analysis->facts.maps;
    struct children_of_one children = {0};
    struct error *error = NULL;
    for (uint64_t i = 0; i < maps->children.count && !error; i++) {
        const struct map_entries *map = &maps->children.data[i];
        if (!graph_is_reachable(detect->analysis->graph, map->id))
            continue;
        error = sort_children(detect, map, &children);
        for (unsigned v = 0; v < VARIANTS && !error; v++)
            error = add_case(detect, map, &children, v);
    }
    for (unsigned v = 0; v < VARIANTS; v++)
        vector_deinit(&children.cut[v]);
    return error;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    bool deadline = group->variant == VARIANT_DEADLINE;
    finding->message = arena_printf(
        &detect->arena,
        "%s derived from a context in %s %s never cancelled and nobody has the cancel function any "
        "more: the parent keeps %s%s",
        detect_plural(detect, group->count, "context", "contexts"),
        detect_holder_name(detect, group), group->count == 1 ? "was" : "were",
        detect_size(detect, finding->bytes), deadline ? " until their deadlines" : "");
    finding->fix =
        "call the cancel function that WithCancel, WithTimeout and WithDeadline return on "
        "every way out: defer cancel() right behind the call";
    finding->class = deadline ? CLASS_TEMPORARY : CLASS_PERMANENT;
    finding_note(finding, "uncancelled", group->numbers[NUMBER_LEFT], UNIT_COUNT);
    finding_note(finding, "children", group->numbers[NUMBER_CHILDREN], UNIT_COUNT);
    finding_note(finding, "in_use", group->numbers[NUMBER_IN_USE], UNIT_COUNT);
}

const struct detector detector_context_children = {
    .id = "context-children",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
