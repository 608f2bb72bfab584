#include "gort/gc_cycles.h"

#include <inttypes.h>

enum { TRIES = 5 };

/* The end is read first: a cycle that begins and ends in between then shows as begun only. */
static struct error *read_once(struct go_runtime *runtime, struct gc_cycles *out)
{
    uint32_t generation, begun;
    TRY(target_read_u32(runtime->target,
                        runtime->globals.mheap + GO_OFFSET(runtime, mheap_sweepgen), &generation));
    TRY(target_read_u32(runtime->target,
                        runtime->globals.work + GO_OFFSET(runtime, workType_cycles), &begun));
    *out = (struct gc_cycles){.begun = begun, .finished = generation / 2};
    return NULL;
}

struct error *gc_cycles_read(struct go_runtime *runtime, struct gc_cycles *out)
{
    struct gc_cycles cycles = {0};
    for (unsigned i = 0; i < TRIES; i++) {
        TRY(read_once(runtime, &cycles));
        /* half the range: the generation is twice the count and wraps first */
        if (((cycles.begun - cycles.finished) & INT32_MAX) <= 1) {
            cycles.begun &= INT32_MAX;
            *out = cycles;
            return NULL;
        }
    }
    return error_create(ERROR_UNSUPPORTED,
                        "the counters of the garbage collector disagree: %" PRIu32
                        " cycles begun, %" PRIu32 " finished",
                        cycles.begun, cycles.finished);
}
