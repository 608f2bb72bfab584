/* ticker-unstopped: tickers that go on although nobody can receive from them any more. */
#include "base/units.h"
#include "detect/abandoned_timers.h"
#include "detect/detectors.h"

static struct error *judge(struct detect *detect)
{
    return abandoned_timers_add(detect, true);
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    struct timer_spread spread = abandoned_timers_spread(detect->analysis, true);
    struct arena *arena = &detect->arena;
    const char *period =
        spread.shortest_ns == spread.longest_ns
            ? units_duration(arena, spread.shortest_ns)
            : arena_printf(arena, "%s to %s", units_duration(arena, spread.shortest_ns),
                           units_duration(arena, spread.longest_ns));
    finding->message = arena_printf(arena, "%s that nobody holds any more %s on, every %s%s",
                                    detect_plural(detect, group->count, "ticker", "tickers"),
                                    group->count == 1 ? "ticks" : "tick", period,
                                    abandoned_timers_version(detect));
    finding->fix = "defer ticker.Stop() behind each time.NewTicker, and do not use time.Tick for "
                   "what ends before the program does";
    finding_note(finding, "tickers", group->count, UNIT_COUNT);
    finding_note(finding, "shortest_period_ns", spread.shortest_ns, UNIT_NS);
    finding_note(finding, "longest_period_ns", spread.longest_ns, UNIT_NS);
}

const struct detector detector_ticker_unstopped = {
    .id = "ticker-unstopped",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
