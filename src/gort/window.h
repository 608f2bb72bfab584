/* A sliding window over target memory: reads ahead for passes in address order, and gives pointers
 * straight into a mapped core where it can. One per thread. */
#ifndef LEAKHOUND_GORT_WINDOW_H
#define LEAKHOUND_GORT_WINDOW_H

#include "target/target.h"

enum { WINDOW_BYTES = 1 << 20 };

struct window {
    struct target *target;
    uint8_t *buffer;      /* WINDOW_BYTES + 64 */
    const uint8_t *bytes; /* what stands at start: buffer, or a view into the core */
    uint64_t start, size;
};

struct error *window_init(struct window *window, struct target *target) ERROR_CHECK;
void window_deinit(struct window *window);

/* n bytes at address (n ≤ WINDOW_BYTES); at most `ahead` bytes (≥ n) are read at once. Pages that
 * are not there are zero. The pointer holds until the next call. */
struct error *window_get(struct window *window, uint64_t address, uint64_t n, uint64_t ahead,
                         const uint8_t **out) ERROR_CHECK;

#endif
