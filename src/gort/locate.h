/*
 * Finding the Go runtime in a target: version, module, global variables. Each step only fills its
 * part of struct go_runtime; runtime.c calls them in order.
 */
#ifndef LEAKHOUND_GORT_LOCATE_H
#define LEAKHOUND_GORT_LOCATE_H

#include "gort/runtime.h"

/* Calls found for each place in the executable's own mappings (readable; not_executable skips the
 * code) where the pattern stands at the alignment, ascending; found returns true to stop.
 * Unreadable pages are passed over. Cost: one read of the mappings. */
struct error *locate_pattern(struct target *target, const void *pattern, uint64_t length,
                             uint64_t alignment, bool not_executable,
                             bool (*found)(void *context, uint64_t address),
                             void *context) ERROR_CHECK;

/* version, minor, patch, build_info from the build information ("\xff Go buildinf:",
 * debug/buildinfo). version stays "" when there is none. */
struct error *locate_version(struct go_runtime *runtime) ERROR_CHECK;

/* Parses "go1.24.4", "go1.22rc1 X:foo", "devel go1.23-abc"; false when it is none. */
bool locate_parse_version(const char *text, unsigned *out_minor, unsigned *out_patch);

/* module (and, without build information, version and layout) from the pclntab and the moduledata
 * that points to it. */
struct error *locate_module(struct go_runtime *runtime) ERROR_CHECK;

/* globals, each by two ways that agree; needs module, layout, pclntab. */
struct error *locate_globals(struct go_runtime *runtime) ERROR_CHECK;

#endif
