/* Special records: what the runtime hangs on single objects (runtime/mheap.go, type special), and
 * the finalizers and cleanups that are queued to run (runtime/mfinal.go, mcleanup.go). A list that
 * leads out of memory or in a ring ends there; *out_broken counts such lists. */
#ifndef LEAKHOUND_GORT_SPECIALS_H
#define LEAKHOUND_GORT_SPECIALS_H

#include "gort/heap.h"
#include "gort/runtime_constants.h"

struct special_record {
    uint64_t address; /* of the record */
    enum special_kind kind;
    const struct heap_span *span;
    uint32_t object; /* id of the slot that it hangs on, HEAP_NONE when that makes no sense */
};

/* Calls visit for every record of every span, in address order of the spans; stops at its first
 * error that is no ERROR_FAULT. */
struct error *special_each(struct go_runtime *runtime, const struct heap *heap,
                           struct error *(*visit)(void *context, const struct special_record *),
                           void *context, uint64_t *out_broken) ERROR_CHECK;

struct queued_finalizer {
    uint64_t function, argument; /* closure; object */
    uint64_t object_type;        /* descriptor of the pointer type of argument */
};

/* Calls visit for every finalizer that waits to be run; none when globals.allfin is unknown. */
struct error *special_each_queued(struct go_runtime *runtime,
                                  struct error *(*visit)(void *context,
                                                         const struct queued_finalizer *),
                                  void *context, uint64_t *out_broken) ERROR_CHECK;

struct queued_cleanup {
    uint64_t pointers[3]; /* function (1.25); adapter, function, argument (≥ 1.26) */
};

/* Calls visit for every cleanup that waits to be run; none when globals.gcCleanups is unknown. */
struct error *special_each_cleanup(struct go_runtime *runtime,
                                   struct error *(*visit)(void *context,
                                                          const struct queued_cleanup *),
                                   void *context, uint64_t *out_broken) ERROR_CHECK;

#endif
