/*
 * The pointers of one goroutine's stack: words reported to the visitor, pointers into the stack
 * itself followed to the variables they keep alive (runtime/mgcstack.go). A variable whose address
 * is taken is not in the frame's map of locals; it lives as long as something points to it.
 */
#ifndef LEAKHOUND_GORT_STACK_SCAN_H
#define LEAKHOUND_GORT_STACK_SCAN_H

#include "gort/stack.h"
#include "gort/stack_maps.h"

/* A variable in a frame. */
struct stack_object {
    uint64_t address;
    const struct stack_object_record *record;
    uint64_t frame; /* index in frames */
    bool is_scanned;
};

struct stack_scan {
    struct go_runtime *runtime;
    const struct stack_visitor *visitor;
    uint64_t lo, hi; /* the stack */
    uint64_t start;  /* first address that was read; the used part is [start, hi) */
    uint64_t *words; /* owned, (hi - start) / 8 */
    VECTOR(struct stack_frame) frames; /* innermost first */
    VECTOR(struct stack_object) objects;
    VECTOR(uint64_t) precise, conservative; /* pointers into the stack not followed yet */
};

/* Reads [start, hi); start must be a multiple of 8 within [lo, hi]. Cost: one read of the target.
 */
struct error *stack_scan_init(struct stack_scan *scan, struct go_runtime *runtime, uint64_t lo,
                              uint64_t start, uint64_t hi) ERROR_CHECK;
void stack_scan_deinit(struct stack_scan *scan);

/* The word at address; false when it is not a word of the used part. */
bool stack_scan_word(const struct stack_scan *scan, uint64_t address, uint64_t *out);

/* A pointer that stands in slot (0: a register) and belongs to a frame. */
struct error *stack_scan_pointer(struct stack_scan *scan, uint64_t frame, uint64_t slot,
                                 uint64_t value, bool conservative) ERROR_CHECK;

/* The words of [address, address + bytes) as far as they are in the used part. */
struct error *stack_scan_range(struct stack_scan *scan, uint64_t frame, uint64_t address,
                               uint64_t bytes) ERROR_CHECK;

/* The words from address on whose bits are set. */
struct error *stack_scan_bits(struct stack_scan *scan, uint64_t frame, uint64_t address,
                              const struct stack_bits *bits, bool conservative) ERROR_CHECK;

struct error *stack_scan_add_object(struct stack_scan *scan, uint64_t frame, uint64_t address,
                                    const struct stack_object_record *record) ERROR_CHECK;

/* Follows the pointers into the stack until no further variable is found alive. After the last
 * frame. Cost: O((pointers + objects) · log objects). */
struct error *stack_scan_objects(struct stack_scan *scan) ERROR_CHECK;

#endif
