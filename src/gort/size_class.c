#include "gort/size_class.h"

#include "base/memory.h"
#include "gort/runtime_constants.h"

static const uint16_t size_classes[] = {
    8,     16,    24,    32,    48,    64,    80,    96,    112,   128,   144,   160,  176,   192,
    208,   224,   240,   256,   288,   320,   352,   384,   416,   448,   480,   512,  576,   640,
    704,   768,   896,   1024,  1152,  1280,  1408,  1536,  1792,  2048,  2304,  2688, 3072,  3200,
    3456,  4096,  4864,  5120,  5376,  6144,  6528,  6784,  6912,  8192,  9472,  9728, 10240, 10880,
    12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768};

#define PAGE_BYTES ((uint64_t)8192)

uint64_t size_class_round(unsigned go_minor, uint64_t bytes)
{
    uint32_t low = 0, high = ARRAY_COUNT(size_classes) - 1;
    if (bytes > SIZE_CLASS_LARGEST)
        return bytes > UINT64_MAX - PAGE_BYTES ? UINT64_MAX
                                               : (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (size_classes[middle] < bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return go_minor < 16 && size_classes[low] == 24 ? 32 : size_classes[low];
}

uint64_t size_class_of_object(unsigned go_minor, uint64_t bytes, bool has_pointers)
{
    bool header = go_minor >= 22 && has_pointers && bytes > RUNTIME_HEADER_ABOVE_BYTES &&
                  bytes <= SIZE_CLASS_LARGEST - RUNTIME_HEADER_BYTES;
    return size_class_round(go_minor, header ? bytes + RUNTIME_HEADER_BYTES : bytes);
}
