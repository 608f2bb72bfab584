/* Numbers as people read them. The texts are ASCII and live in the arena. */
#ifndef LEAKHOUND_BASE_UNITS_H
#define LEAKHOUND_BASE_UNITS_H

#include "base/memory.h"

/* "712 B", "9.5 KiB", "812 MiB", "1.42 GiB": two to three digits that mean something. */
const char *units_size(struct arena *arena, uint64_t bytes);

/* Sizes in one unit, rounded so that what is printed of the parts adds up to what is printed of
 * total: "908.0 MiB" and "687.4 MiB", "124.6 MiB", "96.0 MiB". A part too small for that is NULL.
 * When the parts do not add up to total, or there are more than 8, each is as units_size has it. */
void units_sum(struct arena *arena, uint64_t total, const uint64_t *parts, unsigned count,
               const char **out_total, const char **out_parts);

/* "1,204,331" */
const char *units_count(struct arena *arena, uint64_t count);

/* For a sentence: "812,331", then "1.2 M", "61 M", "4.2 G". */
const char *units_rough_count(struct arena *arena, uint64_t count);

/* "49.5 %", "<0.1 %", "100 %"; "" when whole is 0. */
const char *units_share(struct arena *arena, uint64_t part, uint64_t whole);

/* "640 us", "38 ms", "1.2 s", "2 min 5 s", "3 h 12 min", "2 d 4 h" */
const char *units_duration(struct arena *arena, uint64_t ns);

#endif
