/*
 * The live pointers in goroutines' frames, with where in the code each frame stands: there the walk
 * through the code (code_flow.h) knows what a word of the frame is.
 *
 * Goroutines that wait at the same place look alike. The first of them is walked as roots.h does
 * it; of the others only the return addresses are compared, and the same words read.
 */
#ifndef LEAKHOUND_GORT_STACK_SLOTS_H
#define LEAKHOUND_GORT_STACK_SLOTS_H

#include "gort/code_flow.h"
#include "gort/goroutine.h"

struct stack_slots;

/* Walks one goroutine of each kind. Running ones are left out. The caller owns *out; goroutines
 * must outlive it. Cost: a walk per kind of stack, 4 B per goroutine. */
struct error *stack_slots_plan(struct go_runtime *runtime, const struct goroutine_list *goroutines,
                               struct stack_slots **out) ERROR_CHECK;
void stack_slots_destroy(struct stack_slots *slots);

/* Does some frame stand behind the call that returns to pc? */
bool stack_slots_stand_at(const struct stack_slots *slots, uint64_t pc);

/* Calls visit for every live word of a frame of which something is known: known is what, value what
 * stands there now. known: count items ascending by pc and offset. Cost: a read of at most 64 KiB
 * per goroutine. */
typedef struct error *(*stack_slot_visit)(void *context, const struct code_frame_word *known,
                                          uint64_t value);
struct error *stack_slots_visit(struct stack_slots *slots, const struct code_frame_word *known,
                                uint64_t count, stack_slot_visit visit, void *context) ERROR_CHECK;

#endif
