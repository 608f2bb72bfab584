/*
 * Static values: what the compiler places in data and bss behind the pointers of global variables
 * (cmd/compile/internal/staticinit): the struct of `var x = &T{…}`, the array of
 * `var s = []T{…}`, the value in an interface. They have neither symbol nor DWARF of their own, and
 * often no descriptor either; the type of the variable says what they are.
 */
#ifndef LEAKHOUND_GORT_STATIC_VALUES_H
#define LEAKHOUND_GORT_STATIC_VALUES_H

#include "gort/variables.h"

/* Cuts the static values out of the nameless parts of the table and gives each its owner, path and
 * type. A value that several variables lead to belongs to the nearest, then the first. Does nothing
 * without DWARF. owner of all items must be set. Cost: O(words of the program's variables). */
struct error *static_values_find(struct go_runtime *runtime,
                                 struct variable_table *table) ERROR_CHECK;

#endif
