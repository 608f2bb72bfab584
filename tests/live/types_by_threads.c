/*
 * The types of a target's objects as leakhound finds them with different numbers of threads, for
 * tests/live/test_types_threads.py. types_by_threads TARGET EXECUTABLE|- THREADS… prints, with
 * tabs: threads N scan-seconds typing-seconds objects typed-objects differs N address "type with
 * the first number of threads" "type with N"   the first few row count bytes strength "type" what
 * the first number of threads found Every allocated object is compared, reachable or not, by name
 * and strength.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bitset.h"
#include "gort/scan.h"
#include "gort/typing.h"

enum { SHOWN_MAX = 20 };

struct view {
    struct go_runtime *runtime;
    struct heap heap;
    struct goroutine_list goroutines;
    struct variable_table variables;
    struct graph *graph;
    struct root_table roots;
    struct typing typing;
    double scan_seconds, typing_seconds;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(getenv("CPU_TIME") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct error *look(struct target *target, unsigned threads, struct view *v)
{
    uint32_t *clues;
    TRY(go_runtime_open(target, &v->runtime));
    TRY(heap_read(v->runtime, threads, &v->heap));
    TRY(goroutine_list_read(v->runtime, &v->goroutines));
    TRY(variable_table_read(v->runtime, &v->variables));
    TRY(big_array((uint64_t)v->heap.object_ids * sizeof(uint32_t), &clues));
    double begin = now();
    TRY(scan_heap(v->runtime, &v->heap, clues, &v->graph));
    v->scan_seconds = now() - begin;
    TRY(roots_add(v->runtime, &v->heap, &v->goroutines, &v->variables, v->graph, &v->roots));
    begin = now();
    TRY(typing_run(v->runtime, &v->heap, clues, &v->variables, &v->goroutines, &v->typing));
    v->typing_seconds = now() - begin;
    return NULL;
}

static void forget(struct view *v)
{
    typing_deinit(&v->typing);
    root_table_deinit(&v->roots);
    graph_destroy(v->graph);
    variable_table_deinit(&v->variables);
    goroutine_list_deinit(&v->goroutines);
    heap_deinit(&v->heap);
    go_runtime_close(v->runtime);
    *v = (struct view){0};
}

static const char *name_of(const struct view *v, uint32_t id)
{
    uint32_t type = typing_type(&v->typing, id);
    return type == TYPE_NONE ? "" : v->typing.table.types.data[type].name;
}

static void print_summary(const struct view *v, unsigned threads)
{
    uint64_t objects = 0, typed = 0;
    for (uint64_t s = 0; s < v->heap.spans.count; s++) {
        const struct heap_span *span = &v->heap.spans.data[s];
        for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++)
            if (bitset_get(v->heap.allocated, id)) {
                objects++;
                typed += typing_type(&v->typing, id) != TYPE_NONE;
            }
    }
    printf("threads\t%u\t%.3f\t%.3f\t%" PRIu64 "\t%" PRIu64 "\n", threads, v->scan_seconds,
           v->typing_seconds, objects, typed);
}

static void compare(const struct view *first, const struct view *v, unsigned threads)
{
    unsigned shown = 0;
    if (first->heap.spans.count != v->heap.spans.count) {
        printf("differs\t%u\t0\tother spans\t\n", threads);
        return;
    }
    for (uint64_t s = 0; s < v->heap.spans.count; s++) {
        const struct heap_span *a = &first->heap.spans.data[s], *b = &v->heap.spans.data[s];
        for (uint32_t k = 0; k < b->slots && shown < SHOWN_MAX; k++) {
            uint32_t x = a->first_id + k, y = b->first_id + k;
            if (!bitset_get(v->heap.allocated, y) ||
                (typing_strength(&first->typing, x) == typing_strength(&v->typing, y) &&
                 !strcmp(name_of(first, x), name_of(v, y))))
                continue;
            printf("differs\t%u\t%" PRIx64 "\t%s\t%s\n", threads, heap_slot_address(b, y),
                   name_of(first, x), name_of(v, y));
            shown++;
        }
    }
}

struct row {
    uint64_t count, bytes;
};

static struct error *print_rows(const struct view *v)
{
    CLEANUP_FREE struct row *rows = NULL;
    uint64_t types = v->typing.table.types.count + 1;
    TRY(memory_array(types * 4, sizeof(*rows), &rows));
    for (uint64_t s = 0; s < v->heap.spans.count; s++) {
        const struct heap_span *span = &v->heap.spans.data[s];
        for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
            if (!bitset_get(v->heap.allocated, id))
                continue;
            struct row *row =
                &rows[(typing_type(&v->typing, id) + 1) * 4 + typing_strength(&v->typing, id)];
            row->count++;
            row->bytes += span->element_size;
        }
    }
    for (uint64_t i = 0; i < types * 4; i++)
        if (rows[i].count)
            printf("row\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\n", rows[i].count, rows[i].bytes,
                   i % 4, i < 4 ? "" : v->typing.table.types.data[i / 4 - 1].name);
    return NULL;
}

static struct error *run(int count, char **arguments)
{
    const struct target_options options = {.freeze = FREEZE_STOP,
                                           .exe = strcmp(arguments[1], "-") ? arguments[1] : NULL};
    struct target *target;
    struct view first = {0};
    TRY(target_open(arguments[0], &options, &target));
    for (int i = 2; i < count; i++) {
        struct view v = {0};
        unsigned threads = (unsigned)strtoul(arguments[i], NULL, 10);
        TRY(look(target, threads, i == 2 ? &first : &v));
        print_summary(i == 2 ? &first : &v, threads);
        if (i > 2) {
            compare(&first, &v, threads);
            forget(&v);
        }
    }
    TRY(print_rows(&first));
    forget(&first);
    target_destroy(target);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: types_by_threads TARGET EXECUTABLE|- THREADS...\n");
        return 2;
    }
    struct error *error CLEANUP_ERROR = run(argc - 1, argv + 1);
    if (!error)
        return 0;
    char text[1000];
    error_text(error, text, sizeof(text));
    fprintf(stderr, "types_by_threads: %s\n", text);
    return 1;
}
