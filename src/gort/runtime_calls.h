/*
 * Which functions of a program are the runtime's that take a type (runtime/map.go, malloc.go,
 * slice.go, chan.go, mbarrier.go), and where each has its type and what it belongs to.
 */
#ifndef LEAKHOUND_GORT_RUNTIME_CALLS_H
#define LEAKHOUND_GORT_RUNTIME_CALLS_H

#include "gort/code_flow.h"
#include "gort/runtime.h"

struct runtime_calls {
    struct code_call *items; /* by function of the pclntab, owned */
    uint32_t count;
};

/* Cost: the name of every function. */
struct error *runtime_calls_read(struct go_runtime *runtime, struct runtime_calls *out) ERROR_CHECK;
void runtime_calls_deinit(struct runtime_calls *calls);

/* What a call of a function of that name does in Go 1.minor; CODE_CALL_ORDINARY for most. */
struct code_call runtime_call_named(const char *name, unsigned minor);

#endif
