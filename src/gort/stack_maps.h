/*
 * What the compiler says about frames: how large they are and which of their words are pointers
 * (runtime/stkframe.go, getStackMap; before 1.21 runtime/stack.go). Decoded once for each place in
 * the code where some frame stands and kept, since thousands of goroutines stand at the same few.
 */
#ifndef LEAKHOUND_GORT_STACK_MAPS_H
#define LEAKHOUND_GORT_STACK_MAPS_H

#include "gort/runtime.h"

/* What a function means to who walks through it. */
enum frame_role {
    FRAME_ORDINARY,
    FRAME_OUTERMOST,     /* runtime.goexit, mstart …: nothing is above it */
    FRAME_WRITES_SP,     /* assembly whose frame size is not known once it has begun */
    FRAME_SWITCHES,      /* runtime.gogo: sp is that of whom it switches to */
    FRAME_ASYNC_PREEMPT, /* holds the registers of the interrupted frame above it */
    FRAME_DEBUG_CALL,    /* the same for a debugger's call */
    FRAME_SIGPANIC,      /* the frame above it faulted: it stands at an instruction, not a call */
    FRAME_REFLECT_STUB,  /* reflect.makeFuncStub, methodValueCall: arguments as the callee has them
                          */
};

enum { ARGS_BYTES_UNKNOWN = 0x80000000u };

/* Bit i tells whether word i is a live pointer. */
struct stack_bits {
    const uint8_t *bytes; /* (count + 7) / 8 bytes; NULL when count is 0 */
    uint32_t count;
};

/* A variable whose address is taken (runtime.stackObjectRecord): alive when something points to it.
 */
struct stack_object_record {
    int64_t offset; /* from varp when negative, else from the arguments */
    uint64_t size;  /* bytes */
    struct stack_bits mask;
    bool mask_unknown; /* the mask could not be read: every word counts */
};

struct frame_function {
    uint32_t index; /* in the pclntab */
    enum frame_role role;
    uint64_t entry;
    uint32_t deferreturn; /* offset from entry, 0 = none */
    uint32_t args_bytes;  /* or ARGS_BYTES_UNKNOWN */
    const struct stack_object_record *objects;
    uint64_t object_count;
};

/* A place in the code. */
struct frame_place {
    const struct frame_function *function;
    uint64_t pc;
    bool has_size;
    uint32_t size; /* bytes between sp and the return address, when has_size */
    /* Live locals end at varp, arguments start at the argument pointer. Not known: an assembly
     * function without a map, or a damaged one. */
    struct stack_bits locals, args;
    bool locals_known, args_known;
};

struct stack_maps;

/* The maps of runtime, made when there are none yet; runtime->stack_maps owns them. Thread safe. */
struct error *stack_maps_of(struct go_runtime *runtime, struct stack_maps **out) ERROR_CHECK;
void stack_maps_destroy(struct stack_maps *maps); /* NULL is fine */

/* The place pc (a return address, or where a frame stands), valid as long as the maps; NULL when no
 * function contains it. Thread safe. Cost: a hash lookup, the first time some reads of the target.
 * ERROR_LIMIT without memory, or the error of a target that is gone; damaged tables only make
 * things unknown. */
struct error *stack_maps_find(struct go_runtime *runtime, struct stack_maps *maps, uint64_t pc,
                              const struct frame_place **out) ERROR_CHECK;

#endif
