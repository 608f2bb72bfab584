#include <string.h>
#include <time.h>

#include "report/collect_private.h"

static int by_bytes(const void *a, const void *b)
{
    const struct report_goroutine_group *x = a, *y = b;
    uint64_t p = x->held_bytes + x->stack_bytes, q = y->held_bytes + y->stack_bytes;
    if (p != q)
        return p > q ? -1 : 1;
    return x->count > y->count ? -1 : x->count < y->count;
}

struct error *collect_goroutines(struct analysis *analysis, struct report *report)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    bool live = analysis->target->kind == TARGET_LIVE;
    for (uint64_t i = 0; i < analysis->roots.groups.count; i++) {
        const struct goroutine_group *g = &analysis->roots.groups.data[i];
        uint64_t since = g->oldest_wait_ns;
        struct report_goroutine_group group = {
            .count = g->count,
            .state = arena_copy_string(&report->arena, g->state, strlen(g->state)),
            .created_by = arena_copy_string(&report->arena, g->created_by, strlen(g->created_by)),
            .created_at = arena_copy_string(&report->arena, g->created_at, strlen(g->created_at)),
            .function = arena_copy_string(&report->arena, g->function, strlen(g->function)),
            .top = arena_copy_string(&report->arena, g->top, strlen(g->top)),
            .top_at = arena_copy_string(&report->arena, g->top_at, strlen(g->top_at)),
            .stack_bytes = g->stack_bytes,
            .leaked = "no",
            .system = g->is_system,
            /* the runtime's clock is the system's monotonic one */
            .longest_wait_ns = live && since && since < now_ns ? now_ns - since : 0,
        };
        TRY(vector_push(&report->goroutine_groups, group));
    }
    return NULL;
}

/* The groups are still in the order of the table of roots. */
static void collect_leaked(const struct analysis *a, struct report *report)
{
    for (uint64_t g = 0; g < a->leaks.goroutines; g++) {
        uint32_t root = a->roots.goroutine_roots[g];
        if (goroutine_leak_of(&a->leaks, g) == LEAK_NO || root == GRAPH_NONE)
            continue;
        struct report_goroutine_group *group =
            &report->goroutine_groups.data[a->roots.infos.data[root].group];
        group->leaked = goroutine_leak_name(goroutine_leak_of(&a->leaks, g));
        group->leaked_count++;
    }
}

void collect_goroutines_held(const struct analysis *analysis, struct report *report)
{
    const struct graph *graph = analysis->graph;
    collect_leaked(analysis, report);
    for (uint64_t i = 0; i < report->goroutine_groups.count; i++) {
        uint32_t root = analysis->roots.groups.data[i].root;
        if (root != GRAPH_NONE)
            report->goroutine_groups.data[i].held_bytes =
                graph_retained_bytes(graph, graph_root_node(graph, root));
    }
    if (report->goroutine_groups.count)
        qsort(report->goroutine_groups.data, report->goroutine_groups.count,
              sizeof(struct report_goroutine_group), by_bytes);
}
