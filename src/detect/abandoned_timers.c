#include "detect/abandoned_timers.h"

#include "gort/heap.h"

bool timer_is_abandoned(const struct analysis *analysis, const struct pending_timer *timer)
{
    const struct graph *graph = analysis->graph;
    uint32_t holder = graph_root_node(graph, timer->root);
    return timer->kind == TIMER_CHANNEL && !timer->is_stopped && timer->object != HEAP_NONE &&
           timer->channel != HEAP_NONE && timer->when_ns &&
           graph_class_of(graph, timer->channel) == ROOT_CLASS_DEFERRED &&
           graph_class_of(graph, timer->object) == ROOT_CLASS_DEFERRED &&
           graph_top(graph, timer->channel) == holder && graph_top(graph, timer->object) == holder;
}

struct error *abandoned_timers_add(struct detect *detect, bool periodic)
{
    const struct analysis *a = detect->analysis;
    for (uint64_t i = 0; i < a->roots.pending_timers.count; i++) {
        const struct pending_timer *timer = &a->roots.pending_timers.data[i];
        if (!timer_is_abandoned(a, timer) || (timer->period_ns != 0) != periodic)
            continue;
        uint64_t root = (uint64_t)graph_root_node(a->graph, timer->root) << 32;
        const uint64_t cut[] = {root | timer->object, root | timer->channel};
        const struct detect_case one = {
            .node = timer->object,
            .variant = periodic,
            .confidence = CONFIDENCE_PROVEN,
            .cut = cut,
            .cut_count = ARRAY_COUNT(cut),
            .count = 1,
        };
        TRY(detect_add(detect, &one));
    }
    return NULL;
}

struct timer_spread abandoned_timers_spread(const struct analysis *analysis, bool periodic)
{
    struct timer_spread spread = {.first_ns = UINT64_MAX, .shortest_ns = UINT64_MAX};
    for (uint64_t i = 0; i < analysis->roots.pending_timers.count; i++) {
        const struct pending_timer *timer = &analysis->roots.pending_timers.data[i];
        if (!timer_is_abandoned(analysis, timer) || (timer->period_ns != 0) != periodic)
            continue;
        spread.first_ns = MIN_OF(spread.first_ns, timer->when_ns);
        spread.last_ns = MAX_OF(spread.last_ns, timer->when_ns);
        spread.shortest_ns = MIN_OF(spread.shortest_ns, timer->period_ns);
        spread.longest_ns = MAX_OF(spread.longest_ns, timer->period_ns);
    }
    return spread;
}

const char *abandoned_timers_version(struct detect *detect)
{
    const struct go_runtime *runtime = detect->analysis->runtime;
    if (runtime->minor < 23)
        return "";
    return arena_printf(&detect->arena,
                        "; %s would free them, but this program runs with asynctimerchan=1, by "
                        "GODEBUG or a go line below 1.23 in its go.mod",
                        runtime->version);
}
