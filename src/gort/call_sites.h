/*
 * Types from code: the calls of the runtime's functions that take a type, in every function of the
 * program. What a global variable holds, and what can be reached from it, thereby gets its type in
 * a program without DWARF too. In steps, a file each:
 *
 *   code_values.h   where a 64-bit value came from
 *   code_flow.h     following values through one function
 *   runtime_calls.h which calls have a type, and what it belongs to
 *   stack_slots.h   the frames that stand somewhere in it
 *   call_evidence.h what that says of the memory at hand
 */
#ifndef LEAKHOUND_GORT_CALL_SITES_H
#define LEAKHOUND_GORT_CALL_SITES_H

#include "gort/typing.h"

/*
 * Gives the typing what code tells: evidence for objects and static values; for function values
 * the types of what they have captured (typing->closures). Fills in type_name of variables that
 * have none; these strings live as long as the typing. Errors: only memory, or a target that is
 * gone. Cost: on two cores 0.1 s per 10 MB of code, and some reads per global variable.
 */
struct error *call_sites_run(struct typing *typing,
                             const struct variable_table *variables) ERROR_CHECK;

#endif
