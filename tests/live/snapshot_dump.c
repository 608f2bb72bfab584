/*
 * What is in a snapshot, for tests/live/test_snapshot.py.
 *
 * snapshot_dump chunks FILE FOLDER   each chunk, decompressed, as FOLDER/TAG
 * snapshot_dump heap FILE            reads everything, analyses the graph anew and compares it with
 *                                    the report; one line per fact: "name value"
 * snapshot_dump goroutines FILE      a line for each: id state function frames
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gort/roots.h"
#include "report/snapshot.h"
#include "tool.h"

static struct error *write_chunk(struct snapshot_file *file, const struct snapshot_chunk *chunk,
                                 const char *folder)
{
    char path[4096];
    uint8_t *bytes;
    uint64_t size;
    TRY(snapshot_read_bytes(file, chunk, UINT32_MAX, &bytes, &size));
    snprintf(path, sizeof(path), "%s/%.4s", folder, (const char *)&chunk->tag);
    FILE *out = fopen(path, "w");
    bool done = out && (!size || fwrite(bytes, size, 1, out) == 1);
    if (out)
        done = fclose(out) == 0 && done;
    free(bytes);
    return done ? NULL : error_create(ERROR_OS, "cannot write %s", path);
}

static struct error *dump_chunks(struct snapshot *snapshot, const char *folder)
{
    for (uint64_t i = 0; i < snapshot->file->chunks.count; i++)
        TRY(write_chunk(snapshot->file, &snapshot->file->chunks.data[i], folder));
    return NULL;
}

/* Bytes that a holder of the report retains, by its name, from the graph. */
static uint64_t retained_of(const struct snapshot_heap *heap, const char *name)
{
    for (uint32_t r = 0; r < heap->graph->roots.count; r++)
        if (heap->graph->roots.data[r].parent == GRAPH_NONE &&
            !strcmp(heap->roots.items.data[r].name, name))
            return graph_retained_bytes(heap->graph, graph_root_node(heap->graph, r));
    return UINT64_MAX;
}

static void compare(const struct snapshot_heap *heap, const struct report *report)
{
    uint64_t alone = 0, wrong = 0, typed = 0;
    for (uint32_t r = 0; r < heap->graph->roots.count; r++)
        if (heap->graph->roots.data[r].parent == GRAPH_NONE)
            alone += graph_retained_bytes(heap->graph, graph_root_node(heap->graph, r));
    for (uint64_t i = 0; i < report->holders.count; i++) {
        const struct report_holder *holder = &report->holders.data[i];
        uint64_t bytes = retained_of(heap, holder->name);
        if (bytes != holder->retained_bytes) {
            printf("holder %s: %" PRIu64 " instead of %" PRIu64 "\n", holder->name, bytes,
                   holder->retained_bytes);
            wrong++;
        }
    }
    for (uint32_t id = 0; id < heap->graph->object_ids; id++)
        if (graph_is_reachable(heap->graph, id) && snapshot_type_of(heap, id, NULL))
            typed += graph_object_bytes(heap->graph, id);
    double share = (double)typed / (double)heap->graph->totals.reachable_bytes;
    double expected = report->counts.typed_bytes_share + report->counts.guessed_bytes_share;
    printf("reachable_bytes %" PRIu64 "\nexpected_reachable_bytes %" PRIu64 "\n",
           heap->graph->totals.reachable_bytes, report->memory.heap_live);
    printf("held_alone_bytes %" PRIu64 "\nexpected_held_alone_bytes %" PRIu64 "\n", alone,
           report->held_alone_bytes);
    printf("objects %" PRIu64 "\nexpected_objects %" PRIu64 "\n",
           heap->graph->totals.allocated_objects, report->counts.objects);
    printf("edges %" PRIu64 "\nexpected_edges %" PRIu64 "\n", heap->graph->totals.edges,
           report->counts.edges);
    printf("typed_share %.9f\nexpected_typed_share %.9f\n", share, expected);
    printf("holders %" PRIu64 "\nwrong_holders %" PRIu64 "\n", report->holders.count, wrong);
}

/* Every step of every path of the report: the address is that of an object of the type that the
 * report names, and the edge that leads there has a name in the type before. */
static void compare_paths(const struct snapshot_heap *heap, const struct report *report)
{
    uint64_t steps = 0, lost = 0, other_type = 0;
    for (uint64_t i = 0; i < report->holders.count; i++)
        for (uint32_t s = 0; s < report->holders.data[i].path_count; s++) {
            const struct report_step *step = &report->holders.data[i].path[s];
            if (!step->address)
                continue;
            steps++;
            uint32_t id = snapshot_find_object(&heap->regions, step->address);
            if (id == GRAPH_NONE || graph_retained_bytes(heap->graph, id) != step->retained_bytes) {
                lost++;
                continue;
            }
            const struct snapshot_type *type = snapshot_type_of(heap, id, NULL);
            if (step->type[0] && (!type || !strstr(step->type, type->name)))
                other_type++;
        }
    printf("steps %" PRIu64 "\nlost_steps %" PRIu64 "\nother_types %" PRIu64 "\n", steps, lost,
           other_type);
}

static struct error *dump_heap(struct snapshot *snapshot)
{
    struct snapshot_heap heap = {0};
    struct report report;
    report_init(&report);
    struct error *error = snapshot_read_report(snapshot, UINT32_MAX, &report);
    if (!error)
        error = snapshot_read_heap(snapshot, &heap);
    if (!error)
        error = graph_analyse(heap.graph, 2, NULL, NULL);
    if (!error) {
        compare(&heap, &report);
        compare_paths(&heap, &report);
        uint64_t fields = 0;
        for (uint64_t t = 0; t < heap.types.items.count; t++)
            fields += heap.types.items.data[t].field_count;
        printf("types %" PRIu64 "\nfields %" PRIu64 "\n", heap.types.items.count, fields);
    }
    snapshot_heap_deinit(&heap);
    report_deinit(&report);
    return error;
}

static struct error *dump_goroutines(struct snapshot *snapshot)
{
    struct snapshot_goroutines list = {0};
    struct error *error = snapshot_read_goroutines(snapshot->file, &list);
    for (uint64_t i = 0; i < list.items.count && !error; i++) {
        const struct snapshot_goroutine *g = &list.items.data[i];
        printf("%" PRIu64 "\t%s\t%s\t%s", g->id, g->state, g->function,
               g->created_at ? list.places.data[g->created_at - 1].function : "");
        for (uint32_t f = 0; f < g->frame_count; f++) {
            const struct snapshot_place *place = &list.places.data[g->frames[f]];
            printf("\t%s %s:%u", place->function, place->file, place->line);
        }
        printf("\n");
    }
    snapshot_goroutines_deinit(&list);
    return error;
}

static struct error *run(int count, char **arguments)
{
    struct snapshot *snapshot;
    TRY(snapshot_open(arguments[2], 2, &snapshot));
    struct error *error;
    if (!strcmp(arguments[1], "chunks") && count == 4)
        error = dump_chunks(snapshot, arguments[3]);
    else if (!strcmp(arguments[1], "heap"))
        error = dump_heap(snapshot);
    else
        error = dump_goroutines(snapshot);
    snapshot_close(snapshot);
    return error;
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fputs("usage: snapshot_dump chunks|heap|goroutines FILE [FOLDER]\n", stderr);
        return 2;
    }
    return tool_status("snapshot_dump", run(count, arguments));
}
