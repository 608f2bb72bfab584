/*
 * What leakhound keeps of the maps and channels of a process, for tests/live/test_keepers.py:
 *
 * facts_dump PID
 *   maps SEEN BROKEN
 *   map HOLDER TYPE COUNT SLOTS BYTES BYTES-FOR-COUNT FLAGS
 *   stale HOLDER ENTRIES FOUND EDGES
 *   children HOLDER TYPE COUNT FOUND EDGES
 *   channel HOLDER TYPE QUEUED CAPACITY SENDERS RECEIVERS EDGES
 *
 * Fields are separated by tabs; of what is not reachable nothing is printed.
 */
#include <inttypes.h>
#include <stdio.h>

#include "gort/analysis.h"
#include "gort/root_names.h"
#include "tool.h"

static struct arena arena;

static const char *holder_of(struct analysis *a, uint32_t id)
{
    uint32_t top = graph_top(a->graph, id);
    if (top == GRAPH_NONE || top < a->graph->object_ids)
        return "several";
    return root_name(a, a->graph->roots.data[top - a->graph->object_ids].holder, &arena);
}

static const char *type_name(struct analysis *a, uint32_t type)
{
    return type == TYPE_NONE ? "" : a->typing.table.types.data[type].name;
}

static void print_maps(struct analysis *a)
{
    const struct map_table *maps = &a->facts.maps;
    printf("maps\t%" PRIu64 "\t%" PRIu64 "\n", maps->maps, maps->broken);
    for (uint64_t i = 0; i < maps->items.count; i++) {
        const struct map_fact *m = &maps->items.data[i];
        if (graph_is_reachable(a->graph, m->id))
            printf("map\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s%s%s%s\n",
                   holder_of(a, m->id), type_name(a, m->type), m->count, m->slots, m->bytes,
                   m->bytes_for, m->has_grown ? "grown " : "", m->is_growing ? "growing " : "",
                   m->was_cleared ? "cleared " : "", m->shows_deletions ? "deletions" : "");
    }
    for (uint64_t i = 0; i < maps->stale.count; i++) {
        const struct map_entries *m = &maps->stale.data[i];
        if (graph_is_reachable(a->graph, m->id))
            printf("stale\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", holder_of(a, m->id),
                   m->count, m->counted, m->end - m->first);
    }
    for (uint64_t i = 0; i < maps->children.count; i++) {
        const struct map_entries *m = &maps->children.data[i];
        if (graph_is_reachable(a->graph, m->id))
            printf("children\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", holder_of(a, m->id),
                   type_name(a, m->type), m->count, m->found, m->end - m->first);
    }
}

static void print_channels(struct analysis *a)
{
    const struct channel_table *channels = &a->facts.channels;
    for (uint64_t i = 0; i < channels->items.count; i++) {
        const struct channel_fact *c = &channels->items.data[i];
        if (graph_is_reachable(a->graph, c->id))
            printf("channel\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%u\t%u\t%u\n", holder_of(a, c->id),
                   type_name(a, c->element), c->queued, c->capacity, c->senders, c->receivers,
                   a->graph->edge_begin[c->buffer + 1] - a->graph->edge_begin[c->buffer]);
    }
}

static struct error *run(const char *name)
{
    const struct target_options options = {.freeze = FREEZE_STOP};
    struct target *target;
    struct analysis *analysis;
    TRY(target_open(name, &options, &target));
    TRY(analysis_run(target, 2, NULL, NULL, &analysis));
    TRY(graph_find_tops(analysis->graph));
    arena_init(&arena);
    print_maps(analysis);
    print_channels(analysis);
    arena_deinit(&arena);
    analysis_destroy(analysis);
    target_destroy(target);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: facts_dump PID\n");
        return 2;
    }
    return tool_status("facts_dump", run(argv[1]));
}
