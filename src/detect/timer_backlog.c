/* timer-backlog: timers that nobody waits for any more and that stay until they fire, as each
 * time.After in a loop leaves one. */
#include "base/units.h"
#include "detect/abandoned_timers.h"
#include "detect/detectors.h"

static struct error *judge(struct detect *detect)
{
    return abandoned_timers_add(detect, false);
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    struct timer_spread spread = abandoned_timers_spread(detect->analysis, false);
    uint64_t now = detect->analysis->now_ns;
    bool known = now && spread.last_ns > now;
    const char *until = known ? arena_printf(&detect->arena, ", the last one for %s",
                                             units_duration(&detect->arena, spread.last_ns - now))
                              : "";
    finding->message = arena_printf(
        &detect->arena,
        "%s wait%s to send on channels that nobody holds any more, and keep them until they "
        "fire%s%s",
        detect_plural(detect, group->count, "timer", "timers"), group->count == 1 ? "s" : "", until,
        abandoned_timers_version(detect));
    finding->fix = "make one time.NewTimer before the loop and Reset it, or use a Ticker or "
                   "context.WithTimeout with a deferred cancel, instead of time.After in each turn";
    finding_note(finding, "timers", group->count, UNIT_COUNT);
    finding_note(finding, "timers_of_all_kinds", detect->analysis->roots.timers, UNIT_COUNT);
    finding_note(finding, "deadline_spread_ns", spread.last_ns - spread.first_ns, UNIT_NS);
    if (known) {
        finding_note(finding, "first_fires_in_ns",
                     spread.first_ns > now ? spread.first_ns - now : 0, UNIT_NS);
        finding_note(finding, "last_fires_in_ns", spread.last_ns - now, UNIT_NS);
    }
}

const struct detector detector_timer_backlog = {
    .id = "timer-backlog",
    .class = CLASS_TEMPORARY,
    .judge = judge,
    .describe = describe,
};
