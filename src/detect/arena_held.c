/*
 * arena-held: user arenas (GOEXPERIMENT=arenas) that a variable, a timer or a finalizer keeps. An
 * arena is made for the time of one task: that of a goroutine which has it on its stack may well be
 * in use. All values of a chunk are one object, alive as long as anything points into it.
 */
#include "detect/detectors.h"

#include "base/units.h"

enum number { NUMBER_BYTES, NUMBER_USED };

/* Held by the stack of a goroutine only? */
static bool is_of_goroutine(const struct analysis *a, uint32_t object)
{
    uint32_t top = graph_top(a->graph, object);
    if (top == GRAPH_NONE || top < a->graph->object_ids)
        return false;
    enum root_kind kind = a->roots.infos.data[top - a->graph->object_ids].kind;
    return kind == ROOT_GOROUTINES || kind == ROOT_GOROUTINE || kind == ROOT_FRAME;
}

/* Free makes the chunk go, and with it all that the values in it point to. */
static struct error *add(struct detect *detect, const struct arena_chunk *chunk)
{
    const struct graph *graph = detect->analysis->graph;
    VECTOR(uint64_t) cut = {0};
    struct error *error = NULL;
    for (uint32_t e = graph->edge_begin[chunk->object];
         e < graph->edge_begin[chunk->object + 1] && !error; e++)
        error = vector_push(&cut, (uint64_t)chunk->object << 32 | (graph->edges[e] & GRAPH_ID));
    const struct detect_case one = {
        .node = chunk->object,
        .confidence = CONFIDENCE_LIKELY,
        .cut = cut.data,
        .cut_count = cut.count,
        .own_bytes = chunk->bytes,
        .own_objects = 1,
        .count = 1,
        .numbers = {[NUMBER_BYTES] = chunk->bytes, [NUMBER_USED] = chunk->used_bytes},
    };
    if (!error)
        error = detect_add(detect, &one);
    vector_deinit(&cut);
    return error;
}

static struct error *judge(struct detect *detect)
{
    const struct analysis *a = detect->analysis;
    const struct arena_chunk_table *table = &a->facts.arena_chunks;
    for (uint64_t i = 0; i < table->items.count; i++) {
        const struct arena_chunk *chunk = &table->items.data[i];
        if (graph_is_reachable(a->graph, chunk->object) && !is_of_goroutine(a, chunk->object))
            TRY(add(detect, chunk));
    }
    return NULL;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    uint64_t used = group->numbers[NUMBER_USED], bytes = group->numbers[NUMBER_BYTES];
    finding->message = arena_printf(
        &detect->arena,
        "%s keeps %s of user arenas that were not freed: %s, of which %s (%s) are "
        "in use",
        detect_holder_name(detect, group), detect_plural(detect, group->count, "chunk", "chunks"),
        detect_size(detect, bytes), detect_size(detect, used),
        units_share(&detect->arena, used, bytes));
    finding->fix =
        "call Free on the arena in the function that made it, and copy what lives longer "
        "with arena.Clone";
    finding_note(finding, "chunks", group->count, UNIT_COUNT);
    finding_note(finding, "chunk_bytes", bytes, UNIT_BYTES);
    finding_note(finding, "used_bytes", used, UNIT_BYTES);
}

const struct detector detector_arena_held = {
    .id = "arena-held",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
