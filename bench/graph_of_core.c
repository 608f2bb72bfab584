/*
 * The graph of a Go program without its types and without the report: what "retained sizes" alone
 * cost from a core (or a process).
 *
 *   bench-graph_of_core TARGET EXE [THREADS] [plain]
 *
 * plain: then also plain Semi-NCA over the same graph (which finds the dominators only).
 * Seconds of each phase, the peak of the memory that is not a file's, and beside it what copying
 * the heap's bytes costs on this machine at this moment.
 */
#include <stdio.h>
#include <string.h>

#include "base/parallel.h"
#include "gort/roots.h"
#include "gort/scan.h"
#include "measure.h"
#include "plain.h"

struct state {
    struct target *target;
    struct go_runtime *runtime;
    struct heap heap;
    struct goroutine_list goroutines;
    struct variable_table variables;
    struct graph *graph;
    struct root_table roots;
};

static void print_phase(void *context, const char *phase, double seconds)
{
    (void)context;
    printf("  %-22s %8.3f s\n", phase, seconds);
}

/* With cold caches and warm pages, as the scan finds them. */
static void copy_memory(uint64_t bytes)
{
    char *from, *to;
    uint64_t block = 256 << 20, done = 0;
    must(big_array(block, &from));
    must(big_array(block, &to));
    memset(from, 1, block);
    memset(to, 1, block);
    struct stopwatch watch = start_watch();
    for (; done < bytes; done += block)
        memcpy(to, from, MIN_OF(block, bytes - done));
    print_watch("(memcpy of the heap)", watch);
    big_array_free(from, block);
    big_array_free(to, block);
}

static void analyse(struct state *s, const char *exe, const char *name, unsigned threads)
{
    struct target_options options = {.freeze = FREEZE_STOP, .exe = exe};
    struct stopwatch all = start_watch(), watch = all;
    must(target_open(name, &options, &s->target));
    must(go_runtime_open(s->target, &s->runtime));
    print_watch("find the Go runtime", watch);
    watch = start_watch();
    must(heap_read(s->runtime, threads, &s->heap));
    print_watch("read the heap's books", watch);
    watch = start_watch();
    must(goroutine_list_read(s->runtime, &s->goroutines));
    must(variable_table_read(s->runtime, &s->variables));
    print_watch("goroutines, variables", watch);
    watch = start_watch();
    must(scan_heap(s->runtime, &s->heap, NULL, &s->graph));
    print_watch("scan the heap", watch);
    watch = start_watch();
    must(roots_add(s->runtime, &s->heap, &s->goroutines, &s->variables, s->graph, &s->roots));
    print_watch("walk the roots", watch);
    printf("  (anonymous memory so far: %.1f B per object)\n",
           anonymous_bytes() / (double)s->graph->totals.allocated_objects);
    struct peak_watch peak;
    start_peak_watch(&peak);
    watch = start_watch();
    must(graph_analyse(s->graph, threads, print_phase, NULL));
    print_watch("graph_analyse", watch);
    print_watch("all", all);
    double bytes = end_peak_watch(&peak), objects = (double)s->graph->totals.allocated_objects;
    printf("  peak %.1f bytes per object (%.0f MiB), kept %.1f\n", bytes / objects,
           bytes / (1 << 20), anonymous_bytes() / objects);
    printf("  %llu objects, %llu edges, %llu reachable, %llu bytes retained by all roots\n",
           (unsigned long long)s->graph->totals.allocated_objects,
           (unsigned long long)s->graph->totals.edges,
           (unsigned long long)s->graph->totals.reachable_objects,
           (unsigned long long)s->graph->totals.reachable_bytes);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench-graph_of_core TARGET EXE [THREADS] [plain]\n");
        return 2;
    }
    unsigned threads = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    struct state s = {0};
    if (!threads)
        threads = parallel_processor_count();
    analyse(&s, argv[2], argv[1], threads);
    if (argc > 4 && !strcmp(argv[4], "plain"))
        plain_beside(s.graph);
    copy_memory(s.graph->totals.allocated_bytes);
    root_table_deinit(&s.roots);
    graph_destroy(s.graph);
    variable_table_deinit(&s.variables);
    goroutine_list_deinit(&s.goroutines);
    heap_deinit(&s.heap);
    go_runtime_close(s.runtime);
    target_destroy(s.target);
    return 0;
}
