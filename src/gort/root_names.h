/* The names by which people find roots again: variables, goroutines, timers. */
#ifndef LEAKHOUND_GORT_ROOT_NAMES_H
#define LEAKHOUND_GORT_ROOT_NAMES_H

#include "gort/analysis.h"

/* "main.sessions", "global .bss+0x40 of main.login" in a stripped binary, "goroutines of
 * main.worker [chan send]"; the arena's, or longer lived. */
const char *root_name(struct analysis *analysis, uint32_t root, struct arena *arena);

/* The same at every moment of the same executable: the name; for a variable without one its place,
 * ".bss+0x40"; for goroutines "goroutines of main.worker", whatever their number and state. The
 * arena's, or longer lived. */
const char *root_key(struct analysis *analysis, uint32_t root, struct arena *arena);

/* "global", "goroutine", "timer", "finalizer", "runtime" */
const char *root_kind_name(enum root_kind kind);

/* "used by main.login, main.logout and 3 more": what leads to a variable without a name. The
 * arena's; "" when nobody refers to it. */
const char *root_variable_users(struct analysis *analysis, const struct variable *variable,
                                struct arena *arena);

#endif
