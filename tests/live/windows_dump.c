/*
 * What leakhound knows of the objects of a target that are seen in part, for
 * tests/live/test_windows.py.
 *
 *     windows_dump TARGET EXECUTABLE|- THREADS
 *
 * Lines of fields separated by tabs:
 *
 *     strings, looked at, groups of equal ones, members, bytes that interning them saves, one of so
 *     many spans is in the sample
 *
 *     object, address, bytes, name of its type, strings|slices|pointers|guessed|looks|variables
 * joined by commas, windows, bytes hidden, bytes hidden that no capacity reaches, bytes of copies,
 * words with hidden pointers before, between, to the capacity, after, hidden edges, bytes that go
 * when these are cut, reachable 0|1
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gort/analysis.h"
#include "gort/windows.h"
#include "tool.h"

static const char *const flag_names[] = {"strings", "slices", "pointers",
                                         "guessed", "looks",  "variables"};

static void print_flags(uint8_t flags)
{
    const char *comma = "";
    for (unsigned i = 0; i < ARRAY_COUNT(flag_names); i++)
        if (flags >> i & 1) {
            printf("%s%s", comma, flag_names[i]);
            comma = ",";
        }
}

static struct error *print_target(struct analysis *a, const struct window_target *target,
                                  struct arena *arena)
{
    uint64_t bytes = window_target_bytes(&a->heap, target->id), freed = 0, objects = 0;
    uint64_t from = window_target_from(&a->heap, target->id);
    struct window_hidden hidden = {0};
    TRY(windows_hidden_edges(&a->heap, a->graph, &a->words, target, &hidden));
    struct error *error = NULL;
    if (hidden.edges.count)
        error = graph_exclusive(a->graph, hidden.edges.data, hidden.edges.count, &freed, &objects);
    printf("object\t%" PRIx64 "\t%" PRIu64 "\t%s\t", heap_address(&a->heap, target->id), bytes,
           typing_name(&a->typing, target->id, arena));
    print_flags(target->flags);
    printf("\t%u\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
           "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\n",
           target->set.count, window_set_hidden_bytes(&target->set, bytes, from, false),
           window_set_hidden_bytes(&target->set, bytes, from, true), target->set.copy_bytes,
           hidden.words[WINDOW_BEFORE], hidden.words[WINDOW_BETWEEN], hidden.words[WINDOW_TO_CAP],
           hidden.words[WINDOW_AFTER], hidden.edges.count, freed,
           graph_is_reachable(a->graph, target->id));
    window_hidden_deinit(&hidden);
    return error;
}

static void print_strings(const struct heap *heap, const struct equal_strings *strings)
{
    uint64_t saved = 0;
    for (uint64_t g = 0; g < strings->groups.count; g++)
        for (uint32_t i = 1; i < strings->groups.data[g].count; i++)
            saved +=
                window_target_bytes(heap, strings->members.data[strings->groups.data[g].first + i]);
    printf("strings\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%u\n", strings->looked_at,
           strings->groups.count, strings->members.count, saved, 1u << strings->shift);
}

static struct error *run(char **arguments)
{
    const struct target_options options = {.freeze = FREEZE_STOP,
                                           .exe = strcmp(arguments[1], "-") ? arguments[1] : NULL};
    struct target *target;
    struct analysis *a;
    struct arena arena;
    arena_init(&arena);
    TRY(target_open(arguments[0], &options, &target));
    TRY(analysis_read(target, (unsigned)strtoul(arguments[2], NULL, 10), NULL, NULL, &a));
    print_strings(&a->heap, &a->facts.equal_strings);
    TRY(analysis_analyse(a, 2, NULL, NULL));
    for (uint64_t i = 0; i < a->facts.windows.items.count; i++)
        TRY(print_target(a, &a->facts.windows.items.data[i], &arena));
    analysis_destroy(a);
    target_destroy(target);
    arena_deinit(&arena);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: windows_dump TARGET EXECUTABLE|- THREADS\n");
        return 2;
    }
    return tool_status("windows_dump", run(argv + 1));
}
