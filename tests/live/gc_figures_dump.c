/*
 * What leakhound reads of a process's garbage collector, for tests/live/test_gc_figures.py.
 * gc_figures_dump PID prints one line of numbers: pace_known percent memory_limit goal_bytes
 * marked_bytes cycles_known cycles last_end_ns
 */
#include <inttypes.h>
#include <stdio.h>

#include "gort/gc_figures.h"
#include "tool.h"

static struct error *dump(const char *name)
{
    const struct target_options options = {.freeze = FREEZE_STOP};
    struct target *target;
    struct go_runtime *runtime;
    struct gc_figures gc;
    TRY(target_open(name, &options, &target));
    struct error *error = go_runtime_open(target, &runtime);
    if (!error) {
        error = gc_figures_read(runtime, &gc);
        go_runtime_close(runtime);
    }
    target_destroy(target);
    if (!error)
        printf("%d %" PRId32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRIu32 " %" PRIu64 "\n",
               gc.pace_known, gc.percent, gc.memory_limit, gc.goal_bytes, gc.marked_bytes,
               gc.cycles_known, gc.cycles, gc.last_end_ns);
    return error;
}

int main(int argc, char **argv)
{
    return tool_status("gc_figures_dump",
                       argc == 2 ? dump(argv[1]) : error_create(ERROR_USAGE, "one PID"));
}
