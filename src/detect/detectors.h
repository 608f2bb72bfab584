/* The detectors, one file each, in the catalogue's order. Private to detect. */
#ifndef LEAKHOUND_DETECT_DETECTORS_H
#define LEAKHOUND_DETECT_DETECTORS_H

#include "detect/detect.h"

extern const struct detector detector_pool_bloat;
extern const struct detector detector_finalizer_cycle;
extern const struct detector detector_arena_held;
extern const struct detector detector_garbage_waiting;
extern const struct detector detector_fragmented_spans;

#endif
