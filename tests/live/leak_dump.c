/* What goroutine_leaks and blocked_on say of a process: for tests/live/test_leaked.py.
 * usage: test-tool-leak_dump PID|CORE
 * One line for each goroutine: id, leaked, state, function, operation, number of objects, the
 * first object's address. Last the totals. */
#include <inttypes.h>
#include <stdio.h>

#include "gort/analysis.h"

static void print(const struct analysis *a)
{
    for (uint64_t i = 0; i < a->goroutines.items.count; i++) {
        const struct goroutine *g = &a->goroutines.items.data[i];
        uint32_t first = a->facts.blocked.begin[i], end = a->facts.blocked.begin[i + 1];
        printf(
            "G\t%" PRIu64 "\t%s\t%s\t%s\t%s\t%u\t0x%" PRIx64 "\n", g->id,
            goroutine_leak_name(goroutine_leak_of(&a->leaks, i)), g->state,
            a->roots.groups.data[a->roots.infos.data[a->roots.goroutine_roots[i]].group].function,
            blocked_operation_text(blocked_operation_of(&a->facts.blocked, i)), end - first,
            first < end ? a->facts.blocked.objects.data[first].address : 0);
    }
    printf("T\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\n", a->facts.blocked.blocked,
           a->facts.blocked.unclear, a->leaks.count, a->leaks.doubt ? a->leaks.doubt : "");
    for (uint32_t i = 0; i < a->phase_count; i++)
        printf("P\t%s\t%.6f\n", a->phases[i].name, a->phases[i].seconds);
}

int main(int argc, char **argv)
{
    struct target_options options = {.freeze = FREEZE_FORK};
    struct target *target = NULL;
    struct analysis *analysis = NULL;
    char text[1024];
    if (argc != 2)
        return 2;
    struct error *error = target_open(argv[1], &options, &target);
    if (!error)
        error = analysis_run(target, 2, NULL, NULL, &analysis);
    if (!error)
        print(analysis);
    else
        error_text(error, text, sizeof(text));
    if (error)
        fprintf(stderr, "%s\n", text);
    analysis_destroy(analysis);
    target_destroy(target);
    return error ? 1 : 0;
}
