#include "detect/detectors.h"

const struct detector *const detectors[] = {
    &detector_syncmap_stale_keys, &detector_map_never_shrinks,
    &detector_map_grows_only,     &detector_map_values_pinned,
    &detector_request_pinned,     &detector_context_children,
    &detector_substring_pinned,   &detector_subslice_pinned,
    &detector_hidden_elements,    &detector_oversized_backing,
    &detector_pool_bloat,         &detector_finalizer_cycle,
    &detector_chan_backlog,       &detector_listener_growth,
    &detector_arena_held,         &detector_garbage_waiting,
    &detector_fragmented_spans,   &detector_duplicate_strings,
    &detector_goroutine_leak,     NULL,
};
