#include "gort/analysis.h"

#include "gort/scan.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/work_dir.h"
#include "target/headroom.h"

/* At most, for the graph of a usual heap with its types: bench/RESULTS.md. */
enum { BYTES_PER_OBJECT = 40 };

struct phase_clock {
    struct analysis *analysis;
    analysis_progress progress;
    void *context;
    const char *name;
    struct timespec since;
};

static double seconds_since(struct timespec since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since.tv_sec) + (double)(now.tv_nsec - since.tv_nsec) * 1e-9;
}

void analysis_note_phase(struct analysis *analysis, const char *name, double seconds)
{
    if (analysis->phase_count < ANALYSIS_PHASES_MAX)
        analysis->phases[analysis->phase_count++] =
            (struct analysis_phase){.name = name, .seconds = seconds};
}

/* Ends the phase before and begins the next; NULL ends the last. */
static void phase(struct phase_clock *clock, const char *name)
{
    if (clock->name)
        analysis_note_phase(clock->analysis, clock->name, seconds_since(clock->since));
    clock->name = name;
    clock_gettime(CLOCK_MONOTONIC, &clock->since);
    if (name && clock->progress)
        clock->progress(clock->context, name);
}

/* Of graph_analyse, which names them as they end. */
static const char *const graph_phases[] = {"mark", "dominators", "leaves", "retained"};

static void graph_phase(void *context, const char *name, double seconds)
{
    struct phase_clock *clock = context;
    analysis_note_phase(clock->analysis, name, seconds);
    for (size_t i = 0; i + 1 < ARRAY_COUNT(graph_phases) && clock->progress; i++) {
        if (!strcmp(name, graph_phases[i]))
            clock->progress(clock->context, graph_phases[i + 1]);
    }
}

/* Puts the arrays on disk, where that is allowed, when memory would not do for them. */
static struct error *make_room(const struct heap *heap)
{
    uint64_t at_hand = headroom_own_memory_left();
    uint64_t needed = (uint64_t)heap->object_ids * BYTES_PER_OBJECT;
    if (needed <= at_hand)
        return NULL;
    if (work_dir_is_set())
        return work_dir_begin(needed);
    return error_create(ERROR_LIMIT,
                        "%" PRIu64 " million objects may need %" PRIu64
                        " MiB of memory, and %" PRIu64
                        " MiB are at hand: --work-dir DIR puts them on disk",
                        heap->statistics.allocated_objects / 1000000, needed >> 20, at_hand >> 20);
}

static struct error *run(struct analysis *a, unsigned threads, struct phase_clock *clock)
{
    uint32_t *clues;
    phase(clock, "find the Go runtime");
    TRY(go_runtime_open(a->target, &a->runtime));
    phase(clock, "read the heap's books");
    TRY(heap_read(a->runtime, threads, &a->heap));
    TRY(make_room(&a->heap));
    phase(clock, "read goroutines and variables");
    TRY(goroutine_list_read(a->runtime, &a->goroutines));
    TRY(variable_table_read(a->runtime, &a->variables));
    phase(clock, "scan the heap");
    TRY(big_array((uint64_t)a->heap.object_ids * sizeof(uint32_t), &clues));
    struct error *error = edge_words_create(&a->heap, &a->words);
    if (!error)
        error = scan_heap_words(a->runtime, &a->heap, clues, &a->words, &a->graph);
    if (!error) {
        phase(clock, "walk the roots");
        error = roots_add(a->runtime, &a->heap, &a->goroutines, &a->variables, a->graph, &a->roots);
    }
    if (error) {
        big_array_free(clues, (uint64_t)a->heap.object_ids * sizeof(uint32_t));
        return error;
    }
    phase(clock, "find the types");
    TRY(typing_run(a->runtime, &a->heap, clues, &a->variables, &a->goroutines, &a->typing));
    if (a->runtime->is_racy) {
        phase(clock, "read again what moved");
        TRY(drift_measure(a->runtime, &a->heap, a->graph, &a->drift));
        a->drift.unread += a->goroutines.unread_count;
    }
    TRY(edge_words_of_variables(a->runtime, &a->heap, &a->words));
    phase(clock, "look at what holds");
    TRY(facts_read(a->runtime, &a->heap, a->graph, &a->roots, &a->variables, &a->words,
                   &a->goroutines, &a->typing, &a->facts));
    phase(clock, NULL);
    return NULL;
}

struct error *analysis_read(struct target *target, unsigned threads, analysis_progress progress,
                            void *context, struct analysis **out)
{
    struct analysis *analysis;
    TRY(memory_array(1, sizeof(*analysis), &analysis));
    analysis->target = target;
    if (target->kind == TARGET_LIVE) {
        struct timespec now; /* the runtime's clock is the system's monotonic one */
        clock_gettime(CLOCK_MONOTONIC, &now);
        analysis->now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
    struct phase_clock clock = {.analysis = analysis, .progress = progress, .context = context};
    struct error *error = run(analysis, threads, &clock);
    if (error) {
        analysis_destroy(analysis);
        return error;
    }
    *out = analysis;
    return NULL;
}

struct error *analysis_analyse(struct analysis *a, unsigned threads, analysis_progress progress,
                               void *context)
{
    struct phase_clock clock = {.analysis = a, .progress = progress, .context = context};
    if (progress)
        progress(context, graph_phases[0]);
    TRY(graph_analyse(a->graph, threads, graph_phase, &clock));
    phase(&clock, "goroutines that wait for ever");
    TRY(goroutine_leaks_find(a->runtime, a->graph, &a->roots, &a->goroutines, &a->facts.blocked,
                             &a->leaks));
    phase(&clock, NULL);
    return a->drift.measured ? drift_weigh(&a->drift, &a->heap, a->graph) : NULL;
}

struct error *analysis_run(struct target *target, unsigned threads, analysis_progress progress,
                           void *context, struct analysis **out)
{
    struct analysis *analysis;
    TRY(analysis_read(target, threads, progress, context, &analysis));
    struct error *error = analysis_analyse(analysis, threads, progress, context);
    if (error) {
        analysis_destroy(analysis);
        return error;
    }
    *out = analysis;
    return NULL;
}

void analysis_destroy(struct analysis *analysis)
{
    if (!analysis)
        return;
    facts_deinit(&analysis->facts);
    typing_deinit(&analysis->typing);
    drift_deinit(&analysis->drift);
    goroutine_leaks_deinit(&analysis->leaks);
    root_table_deinit(&analysis->roots);
    edge_words_deinit(&analysis->words);
    graph_destroy(analysis->graph);
    variable_table_deinit(&analysis->variables);
    goroutine_list_deinit(&analysis->goroutines);
    heap_deinit(&analysis->heap);
    go_runtime_close(analysis->runtime);
    free(analysis);
}
