#include "detect/detectors.h"

const struct detector *const detectors[] = {
    &detector_fragmented_spans,
    NULL,
};
