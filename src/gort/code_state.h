/*
 * What is known at one instruction: the registers and the words of the frame. Private to code_flow.
 */
#ifndef LEAKHOUND_GORT_CODE_STATE_H
#define LEAKHOUND_GORT_CODE_STATE_H

#include "gort/code_values.h"

enum { CODE_SLOTS_MAX = 96, CODE_STACK_UNKNOWN = INT32_MIN };

struct code_slot {
    int32_t offset; /* from where rsp stood when the function was entered; a multiple of 8 */
    uint32_t value;
};

struct code_state {
    uint32_t registers[16]; /* numbers of values; that of rsp is not used */
    int32_t stack;          /* rsp now − rsp at entry, or CODE_STACK_UNKNOWN */
    uint32_t count;
    struct code_slot slots[CODE_SLOTS_MAX]; /* ascending by offset; what is not here is unknown */
};

/* Copies the slots in use only. */
void code_state_copy(struct code_state *to, const struct code_state *from);

/* Leaves in `into` what holds whether control came with `into` or with `from`; true when that is
 * less than before. */
bool code_state_merge(struct code_values *values, struct code_state *into,
                      const struct code_state *from);

uint32_t code_state_slot(const struct code_state *state, int64_t offset);
void code_state_set_slot(struct code_state *state, int64_t offset, uint32_t value);
/* Nothing is known any more of the slots that overlap [offset, offset + bytes). */
void code_state_forget(struct code_state *state, int64_t offset, int64_t bytes);

#endif
