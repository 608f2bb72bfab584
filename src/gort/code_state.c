#include "gort/code_state.h"

#include <string.h>

void code_state_copy(struct code_state *to, const struct code_state *from)
{
    memcpy(to, from, offsetof(struct code_state, slots) + from->count * sizeof(struct code_slot));
}

bool code_state_merge(struct code_values *values, struct code_state *into,
                      const struct code_state *from)
{
    bool less = false;
    for (unsigned r = 0; r < 16; r++) {
        uint32_t value = code_value_merge(values, into->registers[r], from->registers[r]);
        less |= value != into->registers[r];
        into->registers[r] = value;
    }
    if (into->stack != from->stack && into->stack != CODE_STACK_UNKNOWN) {
        into->stack = CODE_STACK_UNKNOWN;
        less = true;
    }
    uint32_t kept = 0, k = 0;
    for (uint32_t i = 0; i < into->count; i++) {
        struct code_slot slot = into->slots[i];
        while (k < from->count && from->slots[k].offset < slot.offset)
            k++;
        uint32_t other = k < from->count && from->slots[k].offset == slot.offset
                             ? from->slots[k].value
                             : (uint32_t)CODE_VALUE_UNKNOWN;
        uint32_t value = code_value_merge(values, slot.value, other);
        less |= value != slot.value;
        if (value != CODE_VALUE_UNKNOWN)
            into->slots[kept++] = (struct code_slot){.offset = slot.offset, .value = value};
    }
    into->count = kept;
    return less;
}

/* Index of the first slot at offset or above. */
static uint32_t position(const struct code_state *state, int64_t offset)
{
    uint32_t low = 0, high = state->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (state->slots[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t code_state_slot(const struct code_state *state, int64_t offset)
{
    uint32_t i = position(state, offset);
    return i < state->count && state->slots[i].offset == offset ? state->slots[i].value
                                                                : (uint32_t)CODE_VALUE_UNKNOWN;
}

void code_state_forget(struct code_state *state, int64_t offset, int64_t bytes)
{
    uint32_t from = position(state, offset - 7), to = from;
    while (to < state->count && state->slots[to].offset < offset + bytes)
        to++;
    if (to == from)
        return;
    memmove(state->slots + from, state->slots + to, (state->count - to) * sizeof(*state->slots));
    state->count -= to - from;
}

void code_state_set_slot(struct code_state *state, int64_t offset, uint32_t value)
{
    if (offset % 8 || offset < INT32_MIN / 2 || offset > INT32_MAX / 2 ||
        value == CODE_VALUE_UNKNOWN) {
        code_state_forget(state, offset, 8);
        return;
    }
    uint32_t i = position(state, offset);
    if (i < state->count && state->slots[i].offset == offset) {
        state->slots[i].value = value;
        return;
    }
    if (state->count == CODE_SLOTS_MAX)
        return;
    memmove(state->slots + i + 1, state->slots + i, (state->count - i) * sizeof(*state->slots));
    state->slots[i] = (struct code_slot){.offset = (int32_t)offset, .value = value};
    state->count++;
}
