#include <string.h>

#include "detect/detect.h"
#include "report/collect_path.h"
#include "report/collect_private.h"

enum { STEPS = 12 };

static const char *const unit_names[] = {
    [UNIT_COUNT] = "count",
    [UNIT_BYTES] = "bytes",
    [UNIT_NS] = "ns",
    [UNIT_SHARE] = "permille",
};

static const char *copy(struct arena *arena, const char *text)
{
    return arena_copy_string(arena, text, strlen(text));
}

static struct error *fill_holder(struct analysis *a, const struct finding *finding,
                                 struct arena *arena, struct report_holder *out)
{
    uint32_t way[COLLECT_PATH_HOPS];
    *out = (struct report_holder){
        .name = "", .kind = "", .key = "", .type = "", .found_by = "", .address = "", .count = 1};
    if (finding->root == GRAPH_NONE)
        return NULL;
    *out = collect_holder(a, finding->root, arena);
    _Static_assert((int)FINDING_WAY_MAX <= (int)COLLECT_PATH_HOPS, "a way fits");
    memset(way, 0xff, sizeof(way));
    if (finding->way_count)
        memcpy(way, finding->way, finding->way_count * sizeof(*way));
    return collect_path(a, finding->root, way, STEPS, arena, out);
}

static void fill_evidence(const struct finding *finding, struct arena *arena,
                          struct report_finding *out)
{
    out->evidence = arena_alloc(arena, (finding->evidence_count + 1) * sizeof(*out->evidence));
    out->evidence_count = finding->evidence_count;
    for (uint32_t i = 0; i < finding->evidence_count; i++)
        out->evidence[i] = (struct report_evidence){
            .key = finding->evidence[i].key,
            .unit = unit_names[finding->evidence[i].unit],
            .value = finding->evidence[i].value,
        };
}

static struct error *add(struct analysis *a, const struct finding *finding, struct report *report)
{
    struct arena *arena = &report->arena;
    struct report_finding row = {
        .id = finding->id,
        .severity = finding_severity_name(finding->severity),
        .confidence = finding_confidence_name(finding->confidence),
        .class = finding_class_name(finding->class),
        .bytes = finding->bytes,
        .objects = finding->objects,
        .count = finding->count,
        .is_shared = finding->is_shared,
        .type = finding->type == TYPE_NONE
                    ? ""
                    : copy(arena, a->typing.table.types.data[finding->type].name),
        .message = copy(arena, finding->message),
        .fix = copy(arena, finding->fix),
        .cause = finding->cause == FINDING_OWN_CAUSE ? 0 : finding->cause + 1,
    };
    TRY(fill_holder(a, finding, arena, &row.holder));
    fill_evidence(finding, arena, &row);
    return vector_push(&report->findings, row);
}

struct error *collect_findings(struct analysis *analysis, unsigned threads, struct report *report)
{
    struct finding_list list;
    struct error *error = detect_run(analysis, threads, &list);
    for (uint64_t i = 0; i < list.items.count && !error; i++)
        error = add(analysis, &list.items.data[i], report);
    finding_list_deinit(&list);
    return error;
}
