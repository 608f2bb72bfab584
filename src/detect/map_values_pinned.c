/*
 * map-values-pinned: old values of a map that is emptied and filled again, or whose entries are
 * overwritten, live on because somebody else has them. What shows it: a struct with its key in a
 * member, whose key leads to another struct in the map by now.
 */
#include <stdlib.h>

#include "base/bitset.h"
#include "detect/detectors.h"

enum {
    GENERATIONS = 2, /* old values to an entry, to be more than what readers hold a while */
    CLIMB_MAX = 64,
    TABLE_DEPTH = 4, /* array of groups, table, directory, header */
};

enum number { NUMBER_OLD };

typedef VECTOR(uint64_t) edge_list;

static int by_target(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    x = x << 32 | x >> 32;
    y = y << 32 | y >> 32;
    return (x > y) - (x < y);
}

/* All edges to the objects of the set, by target. O(edges). */
static struct error *edges_to(const struct graph *graph, const uint64_t *set, edge_list *out)
{
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        if (!bitset_get(graph->allocated, id))
            continue;
        for (uint32_t e = graph->edge_begin[id]; e < graph->edge_begin[id + 1]; e++)
            if (bitset_get(set, graph->edges[e] & GRAPH_ID))
                TRY(vector_push(out, (uint64_t)id << 32 | (graph->edges[e] & GRAPH_ID)));
    }
    for (uint64_t i = 0; i < graph->root_edges.count; i++) {
        uint64_t edge = graph->root_edges.data[i];
        if (bitset_get(set, edge & GRAPH_ID))
            TRY(vector_push(out, (uint64_t)graph_root_node(graph, (uint32_t)(edge >> 32)) << 32 |
                                     (edge & GRAPH_ID)));
    }
    if (out->count)
        qsort(out->data, out->count, sizeof(*out->data), by_target);
    return NULL;
}

static int by_id(const void *key, const void *fact)
{
    uint32_t x = *(const uint32_t *)key, y = ((const struct map_fact *)fact)->id;
    return (x > y) - (x < y);
}

/* Bytes of its table that an entry of a map takes, 0 when the object is no table of a large map. */
static uint64_t entry_bytes(const struct analysis *a, uint32_t object)
{
    const struct map_table *maps = &a->facts.maps;
    for (unsigned step = 0; step < TABLE_DEPTH && object < a->graph->object_ids; step++) {
        const struct map_fact *map = maps->items.count
                                         ? bsearch(&object, maps->items.data, maps->items.count,
                                                   sizeof(*maps->items.data), by_id)
                                         : NULL;
        if (map)
            return map->count ? map->bytes / map->count : 0;
        object = graph_dominator(a->graph, object);
    }
    return 0;
}

/* Is it the map itself, by way of its values, that keeps the object? Then those have it on purpose:
 * the next of a chain, the version before. */
static bool is_kept_by_map(const struct analysis *a, uint32_t id, uint32_t map_type)
{
    for (unsigned step = 0; step < CLIMB_MAX && id < a->graph->object_ids; step++) {
        if (typing_type(&a->typing, id) == map_type)
            return true;
        id = graph_dominator(a->graph, id);
    }
    return false;
}

static struct error *add_values(struct detect *detect, const struct superseded_values *values,
                                uint32_t variant, uint64_t reachable, const uint64_t *set,
                                const edge_list *edges)
{
    const struct superseded_table *table = &detect->analysis->facts.superseded;
    uint64_t e = 0;
    for (uint64_t i = values->first; i < values->end; i++) {
        uint32_t id = table->ids.data[i];
        while (e < edges->count && (uint32_t)edges->data[e] < id)
            e++;
        uint64_t first = e, own = 0;
        for (; e < edges->count && (uint32_t)edges->data[e] == id; e++)
            own += entry_bytes(detect->analysis, (uint32_t)(edges->data[e] >> 32));
        if (!bitset_get(set, id))
            continue;
        struct detect_case one = {
            .node = id,
            .variant = variant,
            .confidence = reachable >= GENERATIONS * values->entries ? CONFIDENCE_LIKELY
                                                                     : CONFIDENCE_POSSIBLE,
            .cut = edges->data + first,
            .cut_count = e - first,
            .own_bytes = own,
            .count = 1,
            .numbers = {[NUMBER_OLD] = 1},
        };
        TRY(detect_add(detect, &one));
    }
    return NULL;
}

static struct error *judge_type(struct detect *detect, uint32_t number)
{
    const struct graph *graph = detect->analysis->graph;
    const struct superseded_table *table = &detect->analysis->facts.superseded;
    const struct superseded_values *values = &table->items.data[number];
    uint64_t *set, reachable = 0;
    edge_list edges = {0};
    if (!graph_is_reachable(graph, values->map))
        return NULL;
    TRY(memory_array(bitset_words(graph->object_ids), 8, &set));
    for (uint64_t i = values->first; i < values->end; i++) {
        uint32_t id = table->ids.data[i];
        if (!graph_is_reachable(graph, id) ||
            is_kept_by_map(detect->analysis, id, values->map_type))
            continue;
        bitset_set(set, id);
        reachable++;
    }
    struct error *error = NULL;
    if (reachable >= values->entries) {
        error = edges_to(graph, set, &edges);
        if (!error)
            error = add_values(detect, values, number, reachable, set, &edges);
    }
    vector_deinit(&edges);
    free(set);
    return error;
}

static struct error *judge(struct detect *detect)
{
    for (uint32_t i = 0; i < detect->analysis->facts.superseded.items.count; i++)
        TRY(judge_type(detect, i));
    return NULL;
}

/* The variable that has the map: the finding's holder has the values. */
static const char *name_of_map(struct detect *detect, const struct superseded_values *values)
{
    const struct analysis *a = detect->analysis;
    uint32_t top = graph_top(a->graph, values->map);
    struct detect_group map = {.root = GRAPH_NONE};
    if (top == GRAPH_NONE || top < a->graph->object_ids)
        return "";
    map.root = a->graph->roots.data[top - a->graph->object_ids].holder;
    return arena_printf(&detect->arena, " in %s", detect_holder_name(detect, &map));
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const struct analysis *a = detect->analysis;
    const struct superseded_values *values = &a->facts.superseded.items.data[group->variant];
    finding->message = arena_printf(
        &detect->arena,
        "%s holds %s %s whose keys lead to other values by now in a %s%s, which has %s: they keep "
        "%s",
        detect_holder_name(detect, group), detect_count(detect, group->count),
        detect_type_name(detect, group), a->typing.table.types.data[values->map_type].name,
        name_of_map(detect, values), detect_plural(detect, values->entries, "entry", "entries"),
        detect_size(detect, finding->bytes));
    finding->fix = "drop the second reference when the map is refilled: keep the key, or a copy of "
                   "what is needed, and look the value up";
    finding_note(finding, "old_values", group->numbers[NUMBER_OLD], UNIT_COUNT);
    finding_note(finding, "map_entries", values->entries, UNIT_COUNT);
    finding_note(finding, "maps", values->maps, UNIT_COUNT);
}

const struct detector detector_map_values_pinned = {
    .id = "map-values-pinned",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
