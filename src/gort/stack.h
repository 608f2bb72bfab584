/*
 * Stacks of goroutines: frames by pclntab, and the pointers in them by the compiler's stack maps
 * (runtime/traceback.go, runtime/stkframe.go, runtime/mgcstack.go). Where no map holds (a frame
 * stopped between safe points, damage) a frame is taken conservatively: every word counts.
 */
#ifndef LEAKHOUND_GORT_STACK_H
#define LEAKHOUND_GORT_STACK_H

#include "gort/goroutine.h"

enum { STACK_FRAMES_MAX = 100000 };

struct stack_frame {
    uint32_t index;    /* 0 = innermost */
    uint32_t function; /* index in the pclntab, PCLNTAB_NONE when unknown */
    uint64_t pc; /* where it stands; a return address except in the innermost and under a signal */
    uint64_t lookup_pc;        /* for lines and maps: pc, or pc − 1 for a return address */
    uint64_t sp, top;          /* its memory: [sp, top); the caller's sp is top */
    uint64_t args, args_bytes; /* argument area in the caller's frame */
    bool conservative;         /* pointers of this frame were taken word by word */
};

/* What a walk reports; each may be NULL. An error ends the walk and is returned. */
struct stack_visitor {
    struct error *(*frame)(void *context, const struct stack_frame *frame);
    /* a word that may point into the heap: slot = its address (0 for a register of the thread),
     * value = its contents (not 0). frame is that of the slot as far as there is one, else the one
     * that made the defer record or the innermost. Words that point into the stack itself are
     * followed, not reported. */
    struct error *(*pointer)(void *context, const struct stack_frame *frame, uint64_t slot,
                             uint64_t value);
    void *context;
};

/* Walks from the innermost frame out. Reads the used part of the stack once (at most 1 GiB).
 * Includes what the GC would take: live locals and arguments, stack objects that are reachable
 * from them (by the fixed point of mgcstack.go), defer and panic records, the closure of g.sched.
 * Bad data ends the walk early without an error; *out_complete (may be NULL) says whether the
 * outermost frame was reached — if not, the rest of the stack is reported conservatively as one
 * frame with function PCLNTAB_NONE. Thread safe for different goroutines. */
struct error *stack_walk(struct go_runtime *runtime, const struct goroutine *g,
                         const struct stack_visitor *visitor, bool *out_complete) ERROR_CHECK;

#endif
