#include "report/collect.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/parallel.h"
#include "base/units.h"
#include "gort/build_identity.h"
#include "report/collect_private.h"
#include "report/phases.h"
#include "target/usage.h"

struct stages {
    const struct report_options *options;
    const char *name; /* of the phase that runs, once the analysis is done */
    struct timespec since;
};

static void relay_progress(void *context, const char *phase)
{
    const struct report_options *options = ((struct stages *)context)->options;
    double from, to;
    if (!options->progress)
        return;
    phases_share(phase, &from, &to);
    options->progress(options->progress_context, phase, from, to);
}

/* Ends the phase before and begins the next; NULL ends the last. */
static void stage(struct stages *stages, struct analysis *analysis, const char *name)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (stages->name)
        analysis_note_phase(analysis, stages->name,
                            (double)(now.tv_sec - stages->since.tv_sec) +
                                (double)(now.tv_nsec - stages->since.tv_nsec) * 1e-9);
    stages->name = name;
    stages->since = now;
    if (name)
        relay_progress(stages, name);
}

static const char *copy(struct report *report, const char *text)
{
    return text ? arena_copy_string(&report->arena, text, strlen(text)) : "";
}

static void fill_target(const struct analysis *a, struct report *report)
{
    static const char *const freeze_names[] = {
        [FREEZE_FORK] = "fork",
        [FREEZE_STOP] = "stop",
        [FREEZE_NONE] = "none",
    };
    const struct target *target = a->target;
    const char *exe = target->exe_path ? target->exe_path : "", *slash = strrchr(exe, '/');
    uint64_t build = go_build_identity(a->runtime);
    report->target = (struct report_target){
        .kind = target->kind == TARGET_LIVE ? "live" : "core",
        .name = copy(report, slash ? slash + 1 : exe),
        .pid = target->pid > 0 ? (uint64_t)target->pid : 0,
        .exe = copy(report, exe),
        .go_version = copy(report, a->runtime->version),
        .arch = "amd64",
        .stripped = !a->runtime->executable || a->runtime->executable->is_stripped,
        .dwarf = a->runtime->executable && a->runtime->executable->has_dwarf,
        .freeze = target->kind == TARGET_LIVE ? freeze_names[target->freeze] : "stop",
        .taken_at = copy(report, target->taken_at),
        .gc_running = a->heap.statistics.unswept_spans != 0,
        .build = build ? arena_printf(&report->arena, "%016" PRIx64, build) : "",
    };
}

static void fill_memory(const struct analysis *a, const struct target_usage *usage,
                        struct report *report)
{
    const struct heap_statistics *heap = &a->heap.statistics;
    const struct graph_totals *totals = &a->graph->totals;
    report->memory = (struct report_memory){
        .rss = usage->rss,
        .has_rss = usage->has_rss,
        .limit = usage->limit,
        .lazyfree = usage->lazyfree,
        .has_lazyfree = usage->has_lazyfree,
        .heap_objects = totals->allocated_bytes,
        .heap_live = totals->reachable_bytes,
        .heap_garbage = totals->allocated_bytes - totals->reachable_bytes,
        .heap_inuse = heap->inuse_bytes,
        .heap_idle = heap->idle_bytes,
        .heap_released = heap->released_bytes,
        .has_idle = !heap->idle_unknown,
        .heap_free_slots = heap->inuse_bytes - totals->allocated_bytes,
        .stacks = heap->stack_bytes,
    };
    report->counts = (struct report_counts){
        .objects = totals->allocated_objects,
        .edges = totals->edges,
        .roots = a->graph->roots.count,
        .goroutines = a->goroutines.user_count,
        .system_goroutines = a->goroutines.system_count,
        .timers = a->roots.timers,
        .garbage_objects = totals->allocated_objects - totals->reachable_objects,
    };
}

static void fill_drift(const struct drift *drift, struct report *report)
{
    report->drift = (struct report_drift){
        .measured = drift->measured,
        .gone_objects = drift->gone_objects,
        .gone_bytes = drift->gone_bytes,
        .new_objects = drift->new_objects,
        .new_bytes = drift->new_bytes,
        .rewritten_objects = drift->rewritten_objects,
        .rewritten_bytes = drift->rewritten_bytes,
        .unread = drift->unread,
        .doubtful_bytes = drift->doubtful_bytes,
    };
}

static struct error *note_drift(struct report *report)
{
    const struct report_drift *drift = &report->drift;
    struct arena *arena = &report->arena;
    return vector_push(
        &report->notes,
        arena_printf(arena,
                     "read while the program ran on: meanwhile %s of objects came, %s went and "
                     "%s were rewritten; of what is live here %s hang on those and may be live no "
                     "longer, and of the garbage (%s) any part may be live",
                     units_size(arena, drift->new_bytes), units_size(arena, drift->gone_bytes),
                     units_size(arena, drift->rewritten_bytes),
                     units_size(arena, drift->doubtful_bytes),
                     units_size(arena, report->memory.heap_garbage)));
}

static struct error *fill_notes(const struct analysis *a, struct report *report)
{
    if (a->target->kind == TARGET_LIVE && a->target->freeze == FREEZE_NONE)
        TRY(note_drift(report));
    if (a->heap.statistics.unswept_spans)
        TRY(vector_push(&report->notes,
                        "taken between two phases of the garbage collector: what it is about to "
                        "free still counts as garbage"));
    if (a->roots.damaged_stacks)
        TRY(vector_push(&report->notes,
                        arena_printf(&report->arena,
                                     "%llu stacks could not be walked to their end: what they may "
                                     "hold is counted as held",
                                     (unsigned long long)a->roots.damaged_stacks)));
    if (a->roots.unread_records)
        TRY(vector_push(&report->notes,
                        arena_printf(&report->arena,
                                     "%llu timers, finalizers or the like could not be read: what "
                                     "only they hold counts as garbage",
                                     (unsigned long long)a->roots.unread_records)));
    return NULL;
}

static struct error *fill_phases(const struct analysis *a, struct report *report)
{
    report->phases = arena_alloc(&report->arena, sizeof(*report->phases) * (a->phase_count + 1));
    for (uint32_t i = 0; i < a->phase_count; i++) {
        report->phases[i].name = copy(report, a->phases[i].name);
        report->phases[i].seconds = a->phases[i].seconds;
    }
    report->phase_count = a->phase_count;
    return NULL;
}

/* Of this process, without the pages of a mapped core, which stay to the end and are the kernel's
 * to take back. */
static uint64_t peak_memory(void)
{
    struct rusage own;
    if (getrusage(RUSAGE_SELF, &own) != 0)
        return 0;
    uint64_t peak = (uint64_t)own.ru_maxrss * 1024, of_files = target_usage_file_pages(getpid());
    return peak - MIN_OF(peak, of_files);
}

static void let_go(struct target *target, struct report *out)
{
    target_release(target);
    out->target.stopped_ns = target->stopped_ns;
    out->target.copy_bytes = target->copy_cost.page_table_bytes + target->copy_cost.private_bytes;
    out->target.has_copy_bytes = target->copy_cost.is_known;
}

/* A core that was cut short while it was read is the cause of whatever else went wrong, and the
 * report from it is not to be believed. Takes ownership of error. */
static struct error *check_whole(struct target *target, struct error *error)
{
    struct error *cut_short = target_check(target);
    if (!cut_short)
        return error;
    error_destroy(error);
    return cut_short;
}

/* All that is told of the heap. */
static struct error *collect_tables(struct analysis *analysis, struct stages *stages,
                                    unsigned threads, const struct collection_counts *counts,
                                    struct report *out)
{
    const struct report_options *options = stages->options;
    stage(stages, analysis, PHASE_HOLDERS);
    TRY(collect_holders(analysis, options->top, out));
    stage(stages, analysis, PHASE_FINDINGS);
    TRY(collect_findings(analysis, threads, out));
    if (options->collections) {
        stage(stages, analysis, PHASE_COLLECTIONS);
        TRY(collect_collections(analysis, counts, out));
    }
    edge_words_deinit(&analysis->words); /* the steps have their names */
    stage(stages, analysis, PHASE_SHARED);
    TRY(collect_shared(analysis, options->top, threads, out));
    stage(stages, analysis, PHASE_TYPES);
    return collect_types(analysis, options->top, threads, out);
}

struct error *report_collect(struct target *target, const struct report_options *options,
                             struct report *out)
{
    struct analysis *analysis = NULL;
    struct target_usage usage = {0};
    struct collection_counts counts = {0};
    unsigned threads = options->threads ? options->threads : parallel_processor_count();
    struct stages stages = {.options = options};
    if (target->kind == TARGET_LIVE)
        target_usage_read(target->pid, &usage);
    struct error *error = analysis_read(target, threads, relay_progress, &stages, &analysis);
    if (error)
        return check_whole(target, error);
    fill_target(analysis, out);
    error = collect_goroutines(analysis, out);
    if (!error && options->collections)
        error =
            collection_counts_read(analysis->runtime, &analysis->heap, &analysis->typing, &counts);
    if (!error && options->while_stopped)
        error = options->while_stopped(options->hook_context, analysis);
    if (!error) {
        let_go(target, out);
        error = analysis_analyse(analysis, threads, relay_progress, &stages);
    }
    if (!error) {
        fill_memory(analysis, &usage, out);
        fill_drift(&analysis->drift, out);
        if (!options->goroutines_only)
            error = collect_tables(analysis, &stages, threads, &counts, out);
    }
    collection_counts_deinit(&counts);
    stage(&stages, analysis, NULL);
    if (!error)
        collect_goroutines_held(analysis, out);
    if (!error)
        error = fill_notes(analysis, out);
    if (!error)
        error = fill_phases(analysis, out);
    if (!error && options->when_done)
        error = options->when_done(options->hook_context, analysis, out);
    analysis_destroy(analysis);
    error = check_whole(target, error);
    out->peak_memory_bytes = peak_memory();
    return error;
}
