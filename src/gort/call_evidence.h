/*
 * From what code says of types to what that means for the memory at hand: the places that facts
 * name are looked up in the target, from the global variables on and through what calls pass to the
 * functions that know a type; and from the frames of goroutines.
 */
#ifndef LEAKHOUND_GORT_CALL_EVIDENCE_H
#define LEAKHOUND_GORT_CALL_EVIDENCE_H

#include "gort/code_flow.h"
#include "gort/stack_slots.h"
#include "gort/typing.h"

struct call_evidence_statistics {
    uint64_t global_facts;    /* whose place begins at a global variable */
    uint64_t argument_values; /* parameters whose value is known */
    uint64_t objects, values; /* pieces of evidence */
    uint64_t conflicts;       /* objects of which two types were said */
};

/*
 * Gives the typing every object whose type a fact tells. What two facts call by different types is
 * left out: its variable holds now one, now the other (unsafe.Pointer); so is what lies behind an
 * interface value, since code knows its type only after it has looked. Sorts the facts, and turns
 * those about results and arguments into facts about what is new (or about nothing, type 0).
 *
 * Cost: a few reads of the target per fact and binding that a global variable leads to.
 */
struct error *call_evidence_apply(struct typing *typing, struct code_facts *facts,
                                  struct stack_slots *stacks,
                                  struct call_evidence_statistics *out) ERROR_CHECK;

/* Replaces a value that begins at a call's result by what the function returns, where that begins
 * elsewhere; false when that is not known. summaries: as call_evidence_apply sorts them. */
bool call_evidence_resolve(const struct code_facts *facts, struct code_value *value);

/* What the runtime's own functions make (a map or channel, whose type only their callers know), and
 * what stands for several types (the shapes of generic functions). */
bool call_evidence_says_nothing(const struct type_table *table, uint32_t type);

/* Is it the type that the compiler gives to a function value, struct { F uintptr; … }? */
bool call_evidence_is_closure(struct type_table *table, uint32_t type);

#endif
