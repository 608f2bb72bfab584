#include "detect/detectors.h"

const struct detector *const detectors[] = {
    &detector_finalizer_cycle,
    &detector_garbage_waiting,
    &detector_fragmented_spans,
    NULL,
};
