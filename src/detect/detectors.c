#include "detect/detectors.h"

const struct detector *const detectors[] = {
    &detector_garbage_waiting,
    &detector_fragmented_spans,
    NULL,
};
