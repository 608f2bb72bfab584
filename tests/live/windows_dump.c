/*
 * What leakhound knows of the objects of a target that are seen in part, for
 * tests/live/test_windows.py.
 *
 *     windows_dump TARGET EXECUTABLE|- THREADS
 *
 * Lines of fields separated by tabs:
 *
 *     seconds, of windows_read
 *
 *     object, address, bytes, name of its type, strings|slices|pointers|guessed|variables joined by
 *     commas, windows, bytes hidden, bytes hidden that no capacity reaches, bytes of copies, words
 *     with hidden pointers before, between, to the capacity, after, hidden edges, bytes that go when
 *     these are cut, reachable 0|1
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gort/analysis.h"
#include "gort/windows.h"

static const char *const flag_names[] = {"strings", "slices", "pointers", "guessed", "variables"};

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
        error =
            graph_exclusive(a->graph, hidden.edges.data, hidden.edges.count, &freed, &objects);
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

static struct error *run(char **arguments)
{
    const struct target_options options = {.freeze = FREEZE_STOP,
                                           .exe = strcmp(arguments[1], "-") ? arguments[1] : NULL};
    struct target *target;
    struct analysis *a;
    struct window_table table;
    struct arena arena;
    struct timespec begin, end;
    arena_init(&arena);
    TRY(target_open(arguments[0], &options, &target));
    TRY(analysis_read(target, (unsigned)strtoul(arguments[2], NULL, 10), NULL, NULL, &a));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    TRY(windows_read(a->runtime, &a->heap, a->graph, &a->roots, &a->variables, &a->words,
                     &a->typing, &table));
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("seconds\t%.3f\n", (double)(end.tv_sec - begin.tv_sec) +
                                  (double)(end.tv_nsec - begin.tv_nsec) * 1e-9);
    TRY(analysis_analyse(a, 2, NULL, NULL));
    for (uint64_t i = 0; i < table.items.count; i++)
        TRY(print_target(a, &table.items.data[i], &arena));
    windows_deinit(&table);
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
    struct error *error CLEANUP_ERROR = run(argv + 1);
    if (!error)
        return 0;
    char text[1000];
    error_text(error, text, sizeof(text));
    fprintf(stderr, "windows_dump: %s\n", text);
    return 1;
}
