#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gort/root_names.h"
#include "report/collect_path.h"
#include "report/collect_private.h"

enum { SHARED_ROWS_MAX = 1000 };

static uint64_t retained(struct analysis *a, uint32_t root)
{
    return graph_retained_bytes(a->graph, graph_root_node(a->graph, root));
}

struct ranked {
    uint64_t bytes;
    uint32_t root;
};

static int by_bytes(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->root < b->root ? -1 : a->root > b->root;
}

struct report_holder collect_holder(struct analysis *a, uint32_t root, struct arena *arena)
{
    const struct root_info *info = &a->roots.infos.data[root];
    uint32_t node = graph_root_node(a->graph, root);
    const char *name = root_name(a, root, arena);
    struct report_holder holder = {
        .name = arena_copy_string(arena, name, strlen(name)),
        .kind = root_kind_name(info->kind),
        .type = "",
        .retained_bytes = graph_retained_bytes(a->graph, node),
        .objects = graph_retained_objects(a->graph, node),
        .count = MAX_OF(info->count, (uint64_t)1),
        .found_by = "",
        .address = "",
    };
    if (info->variable != GRAPH_NONE) {
        const struct variable *v = &a->variables.items.data[info->variable];
        holder.address = arena_printf(arena, "0x%" PRIx64, v->address);
        if (!v->name[0])
            holder.found_by = root_variable_users(a, v, arena);
        if (v->type_name[0])
            holder.type = arena_copy_string(arena, v->type_name, strlen(v->type_name));
    }
    const char *key = root_key(a, root, arena);
    holder.key = strcmp(key, name) ? key : holder.name;
    return holder;
}

static struct error *add_holder(struct analysis *a, uint32_t root, const uint32_t *way,
                                struct report *report)
{
    struct report_holder holder = collect_holder(a, root, &report->arena);
    if (way)
        TRY(collect_path(a, root, way, COLLECT_PATH_STEPS, &report->arena, &holder));
    return vector_push(&report->holders, holder);
}

static struct error *add_holders(struct analysis *a, const struct ranked *ranks, uint32_t count,
                                 struct report *report)
{
    CLEANUP_FREE uint32_t *nodes = NULL;
    CLEANUP_FREE uint32_t *ways = NULL;
    uint32_t paths = MIN_OF(count, (uint32_t)REPORT_PATHS);
    TRY(memory_array(paths, sizeof(*nodes), &nodes));
    TRY(memory_array(paths, COLLECT_PATH_HOPS * sizeof(*ways), &ways));
    for (uint32_t i = 0; i < paths; i++)
        nodes[i] = graph_root_node(a->graph, ranks[i].root);
    TRY(graph_heaviest_ways(a->graph, nodes, paths, COLLECT_PATH_HOPS, ways));
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *way = i < paths ? ways + (uint64_t)i * COLLECT_PATH_HOPS : NULL;
        TRY(add_holder(a, ranks[i].root, way, report));
    }
    return NULL;
}

struct error *collect_holders(struct analysis *analysis, uint32_t top, struct report *report)
{
    const struct graph *graph = analysis->graph;
    CLEANUP_FREE struct ranked *ranks = NULL;
    uint64_t count = 0;
    TRY(memory_array(graph->roots.count, sizeof(*ranks), &ranks));
    for (uint32_t r = 0; r < graph->roots.count; r++) {
        if (graph->roots.data[r].parent != GRAPH_NONE)
            continue;
        uint64_t bytes = retained(analysis, r);
        report->held_alone_bytes += bytes;
        if (bytes)
            ranks[count++] = (struct ranked){.bytes = bytes, .root = r};
    }
    qsort(ranks, count, sizeof(*ranks), by_bytes);
    return add_holders(analysis, ranks, (uint32_t)MIN_OF(count, (uint64_t)top), report);
}

struct error *collect_shared(struct analysis *analysis, uint32_t top, unsigned threads,
                             struct report *report)
{
    struct graph_shared_list list = {0};
    struct error *error = graph_shared_sets(analysis->graph, threads, &list);
    for (uint64_t i = 0; i < list.sets.count && !error; i++) {
        const struct graph_shared *set = &list.sets.data[i];
        report->shared_bytes += set->bytes;
        if (i >= MIN_OF(top, (uint32_t)SHARED_ROWS_MAX))
            continue;
        struct report_shared shared = {
            .names = arena_alloc(&report->arena, (set->holder_count + 1) * sizeof(char *)),
            .keys = arena_alloc(&report->arena, (set->holder_count + 1) * sizeof(char *)),
            .name_count = set->holder_count,
            .key_count = set->holder_count,
            .more = set->more,
            .retained_bytes = set->bytes,
            .objects = set->objects,
            .type = "",
        };
        for (uint32_t k = 0; k < set->holder_count; k++) {
            const char *name = root_name(analysis, set->holders[k], &report->arena);
            shared.names[k] = arena_copy_string(&report->arena, name, strlen(name));
            const char *key = root_key(analysis, set->holders[k], &report->arena);
            shared.keys[k] = strcmp(key, name) ? key : shared.names[k];
        }
        if (set->example != GRAPH_NONE) {
            const char *type = typing_name(&analysis->typing, set->example, &report->arena);
            shared.type = arena_copy_string(&report->arena, type, strlen(type));
        }
        error = vector_push(&report->shared, shared);
    }
    graph_shared_list_deinit(&list);
    return error;
}
