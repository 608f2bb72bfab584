/* The detectors, one file each, in the catalogue's order. Private to detect. */
#ifndef LEAKHOUND_DETECT_DETECTORS_H
#define LEAKHOUND_DETECT_DETECTORS_H

#include "detect/detect.h"

extern const struct detector detector_syncmap_stale_keys;
extern const struct detector detector_map_never_shrinks;
extern const struct detector detector_map_grows_only;
extern const struct detector detector_map_values_pinned;
extern const struct detector detector_request_pinned;
extern const struct detector detector_context_children;
extern const struct detector detector_substring_pinned;
extern const struct detector detector_subslice_pinned;
extern const struct detector detector_hidden_elements;
extern const struct detector detector_oversized_backing;
extern const struct detector detector_pool_bloat;
extern const struct detector detector_finalizer_cycle;
extern const struct detector detector_chan_backlog;
extern const struct detector detector_listener_growth;
extern const struct detector detector_arena_held;
extern const struct detector detector_garbage_waiting;
extern const struct detector detector_fragmented_spans;
extern const struct detector detector_duplicate_strings;
extern const struct detector detector_goroutine_leak;
extern const struct detector detector_timer_backlog;
extern const struct detector detector_ticker_unstopped;
extern const struct detector detector_defer_pile;

#endif
