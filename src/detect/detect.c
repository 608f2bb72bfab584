#include "detect/detect.h"

#include <string.h>

#include "base/units.h"
#include "detect/rank.h"
#include "gort/root_names.h"

enum {
    GROUPS_MAX = 1 << 16,
    FINDINGS_MAX = 256,     /* so many of the largest get their exact size */
    LEAST_BYTES = 64 << 10, /* no finding frees less, */
    LEAST_SHARE = 1000,     /* nor less than such a part of the live heap */
};

/* -- cases ------------------------------------------------------------------------------------ */

/* What several holders reach together is told by the one that is nearest. */
static struct error *shared_root(struct detect *detect, uint32_t top, uint32_t *out)
{
    struct graph *graph = detect->analysis->graph;
    TRY(graph_find_paths(graph));
    detect->paths_known = true;
    uint32_t node = top;
    while (node != GRAPH_NONE && node < graph->object_ids)
        node = graph_parent_on_path(graph, node);
    uint32_t root = node == GRAPH_NONE ? GRAPH_NONE : node - graph->object_ids;
    *out = root < graph->roots.count ? graph->roots.data[root].holder : GRAPH_NONE;
    return NULL;
}

static struct error *find_root(struct detect *detect, uint32_t node, uint32_t *out,
                               bool *out_shared)
{
    const struct graph *graph = detect->analysis->graph;
    *out_shared = false;
    *out = GRAPH_NONE;
    if (node == GRAPH_NONE)
        return NULL;
    uint32_t top = graph_top(graph, node);
    if (top == GRAPH_NONE)
        return NULL;
    if (top >= graph->object_ids) {
        *out = graph->roots.data[top - graph->object_ids].holder;
        return NULL;
    }
    *out_shared = true;
    uint64_t *value;
    bool added;
    TRY(hash_map_insert(&detect->shared_roots, (uint64_t)top + 1, &value, &added));
    if (added) {
        uint32_t root;
        TRY(shared_root(detect, top, &root));
        *value = root;
    }
    *out = (uint32_t)*value;
    return NULL;
}

static struct error *find_group(struct detect *detect, const struct detect_case *one, uint32_t root,
                                bool shared, struct detect_group **out)
{
    const struct analysis *a = detect->analysis;
    uint32_t type =
        one->node < a->graph->object_ids ? typing_type(&a->typing, one->node) : TYPE_NONE;
    uint64_t *value, key = hash_mix((uintptr_t)detect->running) ^
                           hash_mix((uint64_t)root << 32 | type) ^ hash_mix(one->variant + 1u);
    bool added;
    TRY(hash_map_insert(&detect->group_index, key | 1, &value, &added));
    *out = NULL;
    if (added && detect->groups.count < GROUPS_MAX) {
        TRY(vector_push(&detect->groups, (struct detect_group){.detector = detect->running,
                                                               .root = root,
                                                               .is_shared = shared,
                                                               .type = type,
                                                               .variant = one->variant,
                                                               .confidence = one->confidence,
                                                               .nodes_go = one->node_goes}));
        *value = detect->groups.count;
    }
    if (*value) /* else it came when there were too many */
        *out = &detect->groups.data[*value - 1];
    return NULL;
}

/* Retained bytes of what the cut leads to; an estimate, for it may be held together. */
static uint64_t estimate(const struct graph *graph, const struct detect_case *one)
{
    uint64_t bytes = one->own_bytes;
    if (one->node_goes)
        bytes += graph_retained_bytes(graph, one->node);
    uint32_t last = GRAPH_NONE;
    for (uint64_t i = 0; i < one->cut_count; i++) {
        uint32_t target = (uint32_t)one->cut[i] & GRAPH_ID;
        if (target != last)
            bytes += graph_retained_bytes(graph, target);
        last = target;
    }
    return bytes;
}

struct error *detect_add(struct detect *detect, const struct detect_case *one)
{
    const struct graph *graph = detect->analysis->graph;
    struct detect_group *group;
    uint32_t root;
    bool shared;
    if (one->node != GRAPH_NONE && (!graph_is_reachable(graph, one->node) ||
                                    graph_class_of(graph, one->node) >= ROOT_CLASS_RUNTIME))
        return NULL;
    TRY(find_root(detect, one->node, &root, &shared));
    TRY(find_group(detect, one, root, shared, &group));
    if (!group)
        return NULL;
    uint64_t bytes = estimate(graph, one);
    if (!group->cases || bytes > group->largest_bytes) {
        group->largest_bytes = bytes;
        group->largest = *one;
        group->largest.cut = NULL;
    }
    group->cases++;
    group->count += one->count;
    group->own_bytes += one->own_bytes;
    group->own_objects += one->own_objects;
    group->kept_bytes += one->kept_bytes;
    group->kept_objects += one->kept_objects;
    group->nodes_go = group->nodes_go && one->node_goes;
    if (one->node_goes) {
        group->own_bytes += graph_retained_bytes(graph, one->node);
        group->own_objects += graph_retained_objects(graph, one->node);
    }
    group->estimate += bytes;
    group->is_shared = group->is_shared || shared;
    group->confidence = MIN_OF(group->confidence, one->confidence);
    for (unsigned i = 0; i < DETECT_NUMBERS; i++)
        group->numbers[i] += one->numbers[i];
    if (group->nodes.count < DETECT_NODES_MAX)
        TRY(vector_push(&group->nodes, one->node));
    TRY(vector_reserve(&group->cut, group->cut.count + one->cut_count));
    if (one->cut_count)
        memcpy(group->cut.data + group->cut.count, one->cut, one->cut_count * sizeof(*one->cut));
    group->cut.count += one->cut_count;
    return NULL;
}

/* -- texts ------------------------------------------------------------------------------------ */

const char *detect_holder_name(struct detect *detect, const struct detect_group *group)
{
    return group->root == GRAPH_NONE ? "the heap"
                                     : root_name(detect->analysis, group->root, &detect->arena);
}

const char *detect_type_name(struct detect *detect, const struct detect_group *group)
{
    return group->type == TYPE_NONE ? ""
                                    : detect->analysis->typing.table.types.data[group->type].name;
}

const char *detect_size(struct detect *detect, uint64_t bytes)
{
    return units_size(&detect->arena, bytes);
}

const char *detect_count(struct detect *detect, uint64_t count)
{
    return units_count(&detect->arena, count);
}

const char *detect_plural(struct detect *detect, uint64_t count, const char *one, const char *many)
{
    return arena_printf(&detect->arena, "%s %s", units_count(&detect->arena, count),
                        count == 1 ? one : many);
}

void finding_note(struct finding *finding, const char *key, uint64_t value, enum evidence_unit unit)
{
    if (finding->evidence_count < FINDING_EVIDENCE_MAX)
        finding->evidence[finding->evidence_count++] =
            (struct evidence){.key = key, .value = value, .unit = unit};
}

/* -- from groups to findings ------------------------------------------------------------------ */

static int by_estimate(const void *x, const void *y)
{
    const struct detect_group *a = x, *b = y;
    if (a->estimate != b->estimate)
        return a->estimate > b->estimate ? -1 : 1;
    int order = strcmp(a->detector->id, b->detector->id);
    return order ? order : (a->root > b->root) - (a->root < b->root);
}

static struct error *size_groups(struct detect *detect, uint64_t count, struct graph_cut *cuts)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct detect_group *group = &detect->groups.data[i];
        cuts[i] = (struct graph_cut){.edges = group->cut.data, .count = group->cut.count};
    }
    return graph_exclusive_of_each(detect->analysis->graph, cuts, count, detect->threads);
}

static struct finding make_finding(const struct detect *detect, const struct detect_group *group,
                                   const struct graph_cut *cut)
{
    uint64_t bytes = cut->bytes + group->own_bytes, objects = cut->objects + group->own_objects;
    struct finding finding = {
        .id = group->detector->id,
        .class = group->detector->class,
        .confidence = group->confidence,
        .bytes = bytes - MIN_OF(bytes, group->kept_bytes),
        .objects = objects - MIN_OF(objects, group->kept_objects),
        .count = group->count,
        .root = group->root,
        .is_shared = group->is_shared,
        .type = group->type,
        .cause = FINDING_OWN_CAUSE,
    };
    finding.severity = finding_severity_of(
        finding.bytes, detect->analysis->graph->totals.reachable_bytes, finding.confidence);
    if (group->detector->warning_from && finding.count >= group->detector->warning_from &&
        finding.confidence == CONFIDENCE_PROVEN)
        finding.severity = MAX_OF(finding.severity, SEVERITY_WARNING);
    return finding;
}

/* The node before it on the way from its holder. */
static uint32_t before(const struct detect *detect, uint32_t node, uint32_t top)
{
    const struct graph *graph = detect->analysis->graph;
    uint32_t super = graph->object_ids + (uint32_t)graph->roots.count;
    uint32_t up = node == top ? GRAPH_NONE : graph_dominator(graph, node);
    if (up == GRAPH_NONE && detect->paths_known && node < graph->object_ids)
        up = graph_parent_on_path(graph, node);
    return up == super ? GRAPH_NONE : up;
}

/* Climbs twice, for the beginning of a long way is known only at its end. */
static void way_of_node(struct detect *detect, uint32_t node, struct finding *finding)
{
    const struct graph *graph = detect->analysis->graph;
    if (node == GRAPH_NONE || finding->root == GRAPH_NONE)
        return;
    uint32_t top = graph_top(graph, node), holder = graph_root_node(graph, finding->root);
    uint64_t length = 0;
    for (uint32_t n = node; n != GRAPH_NONE && n != holder; n = before(detect, n, top))
        if (++length > graph->object_ids)
            return;
    uint32_t count = (uint32_t)MIN_OF(length, (uint64_t)FINDING_WAY_MAX), n = node;
    uint32_t *way = arena_alloc(&detect->arena, (FINDING_WAY_MAX + 1) * sizeof(*way));
    for (uint64_t i = length; i-- > 0; n = before(detect, n, top)) {
        if (i < FINDING_WAY_MAX / 2)
            way[i] = n;
        else if (length - i <= count - FINDING_WAY_MAX / 2)
            way[count - (length - i)] = n;
        else if (length <= FINDING_WAY_MAX)
            way[i] = n;
    }
    finding->way = way;
    finding->way_count = count;
}

static struct error *make_findings(struct detect *detect, struct finding_list *out)
{
    CLEANUP_FREE struct graph_cut *cuts = NULL;
    CLEANUP_FREE struct finding *findings = NULL;
    if (!detect->groups.count)
        return NULL;
    qsort(detect->groups.data, detect->groups.count, sizeof(*detect->groups.data), by_estimate);
    uint64_t count = MIN_OF(detect->groups.count, (uint64_t)FINDINGS_MAX), kept = 0;
    TRY(memory_array(count, sizeof(*cuts), &cuts));
    TRY(memory_array(count, sizeof(*findings), &findings));
    TRY(size_groups(detect, count, cuts));
    for (uint64_t i = 0; i < count; i++) {
        struct finding finding = make_finding(detect, &detect->groups.data[i], &cuts[i]);
        bool counts = detect->groups.data[i].detector->warning_from &&
                      finding.confidence == CONFIDENCE_PROVEN;
        if (finding.bytes < detect->least_bytes && !counts)
            continue;
        struct detect_group small = detect->groups.data[kept];
        detect->groups.data[kept] = detect->groups.data[i];
        detect->groups.data[i] = small;
        findings[kept++] = finding;
    }
    TRY(rank_findings(detect, detect->groups.data, findings, kept));
    for (uint64_t i = 0; i < kept; i++) {
        const struct detect_group *group = &detect->groups.data[i];
        way_of_node(detect, group->largest.node, &findings[i]);
        group->detector->describe(detect, group, &findings[i]);
        TRY(vector_push(&out->items, findings[i]));
    }
    return NULL;
}

static struct error *judge(struct detect *detect, const struct detector *const *table,
                           struct finding_list *out)
{
    TRY(graph_find_tops(detect->analysis->graph));
    for (unsigned i = 0; table[i]; i++) {
        detect->running = table[i];
        TRY(table[i]->judge(detect));
    }
    return make_findings(detect, out);
}

struct error *detect_run(struct analysis *analysis, unsigned threads, struct finding_list *out)
{
    return detect_run_these(analysis, threads, detectors, out);
}

struct error *detect_run_these(struct analysis *analysis, unsigned threads,
                               const struct detector *const *table, struct finding_list *out)
{
    uint64_t live = analysis->graph->totals.reachable_bytes;
    struct detect detect = {
        .analysis = analysis,
        .threads = threads,
        .least_bytes = MAX_OF(live / LEAST_SHARE, (uint64_t)LEAST_BYTES),
    };
    *out = (struct finding_list){0};
    arena_init(&detect.arena);
    struct error *error = judge(&detect, table, out);
    graph_forget_tops(analysis->graph);
    if (detect.paths_known)
        graph_forget_paths(analysis->graph);
    for (uint64_t i = 0; i < detect.groups.count; i++) {
        vector_deinit(&detect.groups.data[i].cut);
        vector_deinit(&detect.groups.data[i].nodes);
    }
    vector_deinit(&detect.groups);
    hash_map_deinit(&detect.group_index);
    hash_map_deinit(&detect.shared_roots);
    out->arena = detect.arena;
    return error;
}
