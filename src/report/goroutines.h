/* All goroutines of a target: like the runtime's own dump, with what it does not tell – the bytes
 * of their stacks, what only they hold, and who is blocked for ever. */
#ifndef LEAKHOUND_REPORT_GOROUTINES_H
#define LEAKHOUND_REPORT_GOROUTINES_H

#include "report/lines.h"
#include "report/snapshot_tables.h"

/* Reads a target like report_collect (its hooks are not the caller's; neither holders nor findings
 * nor types are made). The caller frees both, also after an error. */
struct error *goroutines_collect(struct target *target, const struct report_options *options,
                                 struct report *out_report,
                                 struct snapshot_goroutines *out) ERROR_CHECK;

/* Goroutines with the same frames, creator and state. */
struct goroutine_stack {
    uint32_t first; /* index of the goroutine with the lowest */
    uint64_t count, stack_bytes;
    uint64_t held_bytes; /* by them together, or where that is not known by each alone, added up */
    uint32_t group;      /* that all of them are in: index + 1, or 0 */
    uint64_t shortest_wait_ns, longest_wait_ns; /* of those that are known; 0 none */
    uint64_t locked, leaked;                    /* how many */
    uint8_t leak;                               /* enum snapshot_leak: the most certain of them */
};
struct goroutine_stacks {
    VECTOR(struct goroutine_stack) items; /* by count, then bytes, largest first */
};
/* O(frames). The caller frees out, also after an error. */
struct error *goroutine_stacks_make(const struct snapshot_goroutines *goroutines,
                                    struct goroutine_stacks *out) ERROR_CHECK;
void goroutine_stacks_deinit(struct goroutine_stacks *stacks);

/* As the runtime prints a function: "main.sum[...]". The arena's, or the name itself. */
const char *goroutine_function_text(struct arena *arena, const char *name);
/* Does the runtime's own dump show frame i of g? Not what is its own and no entry of its API, nor
 * what the compiler made (runtime/traceback.go, showfuncinfo). */
bool goroutine_frame_is_shown(const struct snapshot_goroutines *goroutines,
                              const struct snapshot_goroutine *g, uint32_t i);
/* Likewise of who created it. */
bool goroutine_creator_is_shown(const struct snapshot_goroutines *goroutines,
                                const struct snapshot_goroutine *g);

/* Does the runtime's own dump show the goroutine? One of its own only while it runs code of the
 * program, as a finalizer. */
bool goroutine_is_shown(const struct snapshot_goroutines *goroutines,
                        const struct snapshot_goroutine *g);

struct goroutines_shown {
    bool all;    /* each goroutine by itself, in the order of the runtime's list; else by stack */
    bool system; /* the runtime's own goroutines and frames, too */
};

/* Lines are not cut: they are those of a dump. ERROR_OS when out cannot be written. */
struct error *goroutines_write_text(const struct report *report,
                                    const struct snapshot_goroutines *goroutines,
                                    struct goroutines_shown shown, const struct text_style *style,
                                    FILE *out) ERROR_CHECK;
/* Schema "leakhound.goroutines/1". */
struct error *goroutines_write_json(const struct report *report,
                                    const struct snapshot_goroutines *goroutines,
                                    struct goroutines_shown shown, const char *tool_version,
                                    FILE *out) ERROR_CHECK;

const char *snapshot_leak_name(uint8_t leak); /* "no", "suspected", "proven"; NULL unknown */

#endif
