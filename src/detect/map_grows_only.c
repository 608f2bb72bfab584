/* map-grows-only: a map that much of the heap hangs on and that shows no deletion. One look cannot
 * tell a registry that grows for ever from a table that is as large as it has to be: this is only
 * possible, and two snapshots tell more. */
#include <string.h>

#include "detect/detectors.h"

enum {
    SHARE = 5, /* a fifth of the live heap */
    LEAST_ENTRIES = 1000,
    LEAST_BYTES = 4 << 20,
    TABLE_EDGES_MAX = 16,
};

enum number { NUMBER_ENTRIES, NUMBER_TABLE_BYTES };

/* The children of contexts are the matter of context-children. */
static bool is_of_contexts(const struct analysis *a, uint32_t type)
{
    return !strcmp(a->typing.table.types.data[type].name, "map[context.canceler]struct {}");
}

static struct error *judge(struct detect *detect)
{
    const struct analysis *a = detect->analysis;
    const struct graph *graph = a->graph;
    for (uint64_t i = 0; i < a->facts.maps.items.count; i++) {
        const struct map_fact *map = &a->facts.maps.items.data[i];
        if (map->count < LEAST_ENTRIES || is_of_contexts(a, map->type) || map->shows_deletions ||
            map->was_cleared ||
            graph_retained_bytes(graph, map->id) <
                MAX_OF(graph->totals.reachable_bytes / SHARE, (uint64_t)LEAST_BYTES))
            continue;
        uint64_t cut[TABLE_EDGES_MAX], count = 0; /* from the header to its tables */
        for (uint32_t e = graph->edge_begin[map->id];
             e < graph->edge_begin[map->id + 1] && count < TABLE_EDGES_MAX; e++)
            cut[count++] = (uint64_t)map->id << 32 | (graph->edges[e] & GRAPH_ID);
        struct detect_case one = {
            .node = map->id,
            .confidence = CONFIDENCE_POSSIBLE,
            .cut = cut,
            .cut_count = count,
            .count = 1,
            .numbers = {[NUMBER_ENTRIES] = map->count, [NUMBER_TABLE_BYTES] = map->bytes},
        };
        TRY(detect_add(detect, &one));
    }
    return NULL;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    finding->message = arena_printf(
        &detect->arena,
        "%s of the heap hang on the %s entries of a %s in %s; whether it only grows a second "
        "snapshot tells (leakhound diff)",
        detect_size(detect, finding->bytes), detect_count(detect, group->numbers[NUMBER_ENTRIES]),
        detect_type_name(detect, group), detect_holder_name(detect, group));
    finding->fix = "where it grows from one snapshot to the next, bound it: a limit with the least "
                   "recently used dropped, a time to live, or a delete on the way out";
    finding_note(finding, "entries", group->numbers[NUMBER_ENTRIES], UNIT_COUNT);
    finding_note(finding, "table_bytes", group->numbers[NUMBER_TABLE_BYTES], UNIT_BYTES);
}

const struct detector detector_map_grows_only = {
    .id = "map-grows-only",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
