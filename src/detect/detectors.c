#include "detect/detectors.h"

const struct detector *const detectors[] = {
    &detector_syncmap_stale_keys, &detector_map_never_shrinks,
    &detector_map_grows_only,     &detector_map_values_pinned,
    &detector_context_children,   &detector_chan_backlog,
    &detector_fragmented_spans,   NULL,
};
