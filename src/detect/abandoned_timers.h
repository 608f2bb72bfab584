/* Timers whose channel nobody can receive from: what timer-backlog and ticker-unstopped have in
 * common. Private to detect. */
#ifndef LEAKHOUND_DETECT_ABANDONED_TIMERS_H
#define LEAKHOUND_DETECT_ABANDONED_TIMERS_H

#include "detect/detect.h"

/* A pending timer that sends on a channel which nothing else reaches: neither the program nor what
 * another timer or a finalizer calls. Its P holds both until it fires. Of a stopped one that is so
 * until the runtime cleans its heap, which is no leak.
 */
bool timer_is_abandoned(const struct analysis *analysis, const struct pending_timer *timer);

/* Adds a case for those with (without) a period; numbers: none. */
struct error *abandoned_timers_add(struct detect *detect, bool periodic) ERROR_CHECK;

struct timer_spread {
    uint64_t first_ns, last_ns;       /* of the times at which they fire, by the runtime's clock */
    uint64_t shortest_ns, longest_ns; /* periods */
};
/* Of the abandoned ones with (without) a period. */
struct timer_spread abandoned_timers_spread(const struct analysis *analysis, bool periodic);

/* ", though Go 1.24 …" for the versions in which a program must ask for the old timers; "" else. */
const char *abandoned_timers_version(struct detect *detect);

#endif
