/*
 * The types of global variables as code tells them, for people to read: map[string]*main.session.
 */
#ifndef LEAKHOUND_GORT_VARIABLE_TYPES_H
#define LEAKHOUND_GORT_VARIABLE_TYPES_H

#include "gort/code_flow.h"
#include "gort/typing.h"

/* Fills in type_name of variables that have none and of which all facts say the same: from facts
 * about what they hold, else (type_guessed) from the methods that are called with them. facts: as
 * call_evidence_apply has sorted them. The strings live as long as the typing. */
struct error *variable_types_name(struct typing *typing, const struct code_facts *facts,
                                  const struct variable_table *variables) ERROR_CHECK;

/* Receiver of a method as Go's linker names it: "*net/http.conn" of "net/http.(*conn).serve", and
 * the length of that; 0 when function is no method or takes its receiver by value. */
uint64_t variable_types_receiver(const char *function, char *out, uint64_t size);

#endif
