/* garbage-waiting: dead objects that the collector has not taken yet, as much of them as of live
 * ones or more. With GOGC=100 that is the exception: the next cycle comes when as much has been
 * allocated as was live after the last. */
#include "detect/detectors.h"

#include "base/units.h"

/* Four times the heap below which no cycle begins (runtime/mgcpacer.go: defaultHeapMinimum). */
#define LEAST_GARBAGE ((uint64_t)16 << 20)

enum { USUAL_PERCENT = 100 };

enum reason {
    REASON_OFF,  /* no GOGC; perhaps a memory limit */
    REASON_HIGH, /* GOGC above 100 */
    REASON_PEAK, /* as usual: what was live at the last cycle has died since */
    REASON_UNKNOWN,
};

enum number { NUMBER_GARBAGE, NUMBER_LIVE };

static enum reason reason_of(const struct gc_figures *gc)
{
    if (!gc->pace_known)
        return REASON_UNKNOWN;
    if (gc->percent < 0)
        return REASON_OFF;
    return gc->percent > USUAL_PERCENT ? REASON_HIGH : REASON_PEAK;
}

static struct error *judge(struct detect *detect)
{
    const struct analysis *a = detect->analysis;
    const struct heap_statistics *heap = &a->heap.statistics;
    uint64_t live = a->graph->totals.reachable_bytes;
    uint64_t live_objects = a->graph->totals.reachable_objects;
    uint64_t garbage = heap->allocated_bytes - MIN_OF(heap->allocated_bytes, live);
    enum reason reason = reason_of(&a->facts.gc);
    struct detect_case one = {
        .node = GRAPH_NONE,
        .variant = reason,
        .confidence = reason <= REASON_HIGH ? CONFIDENCE_PROVEN : CONFIDENCE_POSSIBLE,
        .own_bytes = garbage,
        .own_objects = heap->allocated_objects - MIN_OF(heap->allocated_objects, live_objects),
        .count = 1,
        .numbers = {[NUMBER_GARBAGE] = garbage, [NUMBER_LIVE] = live},
    };
    return garbage >= live && garbage >= LEAST_GARBAGE ? detect_add(detect, &one) : NULL;
}

/* "GC is off (GOGC=off) and there is no memory limit" */
static const char *say_setting(struct detect *detect, const struct gc_figures *gc)
{
    bool limited = gc->memory_limit < GC_NO_LIMIT;
    const char *limit = limited ? arena_printf(&detect->arena, "GOMEMLIMIT=%s",
                                               detect_size(detect, gc->memory_limit))
                                : "there is no memory limit";
    if (!gc->pace_known)
        return "GOGC and GOMEMLIMIT are not known";
    if (gc->percent < 0)
        return arena_printf(&detect->arena, "GC is off (GOGC=off) and %s", limit);
    return limited ? arena_printf(&detect->arena, "GOGC=%d and %s", gc->percent, limit)
                   : arena_printf(&detect->arena, "GOGC=%d", gc->percent);
}

/* "the last cycle was 14 min ago; the next ends at 4.1 GiB" */
static const char *say_cycles(struct detect *detect, const struct gc_figures *gc)
{
    const char *last = "", *next = "";
    if (gc->cycles_known && !gc->cycles)
        last = "; there has been no cycle yet";
    else if (gc->cycles_known && gc->last_end_ns_ago)
        last = arena_printf(&detect->arena, "; the last cycle was %s ago",
                            units_duration(&detect->arena, gc->last_end_ns_ago));
    if (gc->pace_known && gc->goal_bytes != GC_NO_GOAL)
        next = arena_printf(&detect->arena, "; the next one is due at %s",
                            detect_size(detect, gc->goal_bytes));
    else if (gc->pace_known)
        next = "; no next one is due";
    return arena_printf(&detect->arena, "%s%s", last, next);
}

static const char *const fixes[] = {
    [REASON_OFF] = "set GOGC (100 is the default), or GOMEMLIMIT to some 90 % of the memory that "
                   "there is, so that the collector runs; runtime.GC() frees it once",
    [REASON_HIGH] = "lower GOGC (100 is the default), or set GOMEMLIMIT to some 90 % of the memory "
                    "that there is, so that the collector runs sooner",
    [REASON_PEAK] = "none is needed when the peak that died was one: the next cycle frees it; "
                    "set GOMEMLIMIT when memory is short until then",
    [REASON_UNKNOWN] = "check GOGC, debug.SetGCPercent and GOMEMLIMIT; the next cycle frees it",
};

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const struct gc_figures *gc = &detect->analysis->facts.gc;
    finding->message = arena_printf(
        &detect->arena, "%s of dead objects wait for the collector beside %s of live ones: %s%s",
        detect_size(detect, group->numbers[NUMBER_GARBAGE]),
        detect_size(detect, group->numbers[NUMBER_LIVE]), say_setting(detect, gc),
        say_cycles(detect, gc));
    finding->fix = fixes[group->variant];
    finding_note(finding, "garbage_bytes", group->numbers[NUMBER_GARBAGE], UNIT_BYTES);
    finding_note(finding, "live_bytes", group->numbers[NUMBER_LIVE], UNIT_BYTES);
    if (gc->pace_known) {
        if (gc->percent >= 0)
            finding_note(finding, "gogc_percent", (uint64_t)gc->percent, UNIT_COUNT);
        if (gc->memory_limit < GC_NO_LIMIT)
            finding_note(finding, "memory_limit_bytes", gc->memory_limit, UNIT_BYTES);
        if (gc->goal_bytes != GC_NO_GOAL)
            finding_note(finding, "goal_bytes", gc->goal_bytes, UNIT_BYTES);
        finding_note(finding, "marked_bytes", gc->marked_bytes, UNIT_BYTES);
    }
    if (gc->cycles_known) {
        finding_note(finding, "gc_cycles", gc->cycles, UNIT_COUNT);
        if (gc->last_end_ns_ago)
            finding_note(finding, "since_last_cycle_ns", gc->last_end_ns_ago, UNIT_NS);
    }
}

const struct detector detector_garbage_waiting = {
    .id = "garbage-waiting",
    .class = CLASS_TEMPORARY,
    .judge = judge,
    .describe = describe,
};
