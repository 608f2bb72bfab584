/* /proc/PID/maps as segments. */
#ifndef LEAKHOUND_TARGET_MAPS_H
#define LEAKHOUND_TARGET_MAPS_H

#include "target/target.h"

/* Appends a segment for each line to target->segments; paths live in target->arena. ERROR_FORMAT
 * with the offset in the text when a line is not as the kernel writes it. O(lines). */
struct error *maps_parse(struct target *target, const char *text) ERROR_CHECK;

/* Whether pages of the segment that were never touched read as zero: no file is behind it. */
bool maps_is_anonymous(const struct target_segment *segment);

#endif
