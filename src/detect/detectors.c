#include "detect/detectors.h"

const struct detector *const detectors[] = {
    &detector_pool_bloat,      &detector_finalizer_cycle,  &detector_arena_held,
    &detector_garbage_waiting, &detector_fragmented_spans, NULL,
};
