/*
 * The types of a target's objects as leakhound finds them with different numbers of threads, for
 * tests/live/test_types_threads.py.
 *
 *     types_by_threads TARGET EXECUTABLE|- THREADS...
 *
 * Every allocated object is compared, reachable or not, by name and strength. Lines of fields
 * separated by tabs:
 *
 *     threads, N, seconds of the scan and of typing, objects, of them with a type
 *
 *     differs, N, address, type with the first number of threads, type with N: the first few
 *
 *     row, count, bytes, strength, type: what the first number of threads found
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/analysis.h"
#include "tool.h"

enum { SHOWN_MAX = 20 };

static double seconds_of(const struct analysis *a, const char *phase)
{
    for (uint32_t i = 0; i < a->phase_count; i++)
        if (!strcmp(a->phases[i].name, phase))
            return a->phases[i].seconds;
    return 0;
}

static const char *name_of(const struct analysis *v, uint32_t id)
{
    uint32_t type = typing_type(&v->typing, id);
    return type == TYPE_NONE ? "" : v->typing.table.types.data[type].name;
}

static void print_summary(const struct analysis *v, unsigned threads)
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
    printf("threads\t%u\t%.3f\t%.3f\t%" PRIu64 "\t%" PRIu64 "\n", threads,
           seconds_of(v, "scan the heap"), seconds_of(v, "find the types"), objects, typed);
}

static void compare(const struct analysis *first, const struct analysis *v, unsigned threads)
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

static struct error *print_rows(const struct analysis *v)
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
    struct analysis *first = NULL;
    TRY(target_open(arguments[0], &options, &target));
    for (int i = 2; i < count; i++) {
        struct analysis *a;
        unsigned threads = (unsigned)strtoul(arguments[i], NULL, 10);
        TRY(analysis_read(target, threads, NULL, NULL, &a));
        print_summary(a, threads);
        if (!first) {
            first = a;
            continue;
        }
        compare(first, a, threads);
        analysis_destroy(a);
    }
    TRY(print_rows(first));
    analysis_destroy(first);
    target_destroy(target);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: types_by_threads TARGET EXECUTABLE|- THREADS...\n");
        return 2;
    }
    return tool_status("types_by_threads", run(argc - 1, argv + 1));
}
