/* chan-backlog: a large buffered channel that stands full, or nearly so, while no goroutine waits
 * to receive from it. */
#include "detect/detectors.h"

enum {
    LEAST_QUEUED = 64,
    FULL_NUMERATOR = 3, /* of the capacity, */
    FULL_DENOMINATOR = 4,
};

enum number { NUMBER_CHANNELS, NUMBER_QUEUED, NUMBER_CAPACITY, NUMBER_SENDERS, NUMBER_CLOSED };

/* All pointers of the buffer: an empty slot is zero. */
static void cut_of(const struct graph *graph, uint32_t buffer, uint64_t *out)
{
    uint32_t first = graph->edge_begin[buffer], end = graph->edge_begin[buffer + 1];
    for (uint32_t e = first; e < end; e++)
        out[e - first] = (uint64_t)buffer << 32 | (graph->edges[e] & GRAPH_ID);
}

static struct error *add_case(struct detect *detect, const struct channel_fact *channel)
{
    const struct graph *graph = detect->analysis->graph;
    uint64_t edges = graph->edge_begin[channel->buffer + 1] - graph->edge_begin[channel->buffer];
    CLEANUP_FREE uint64_t *cut = NULL;
    TRY(memory_array(edges, sizeof(*cut), &cut));
    cut_of(graph, channel->buffer, cut);
    struct detect_case one = {
        .node = channel->id,
        .variant = channel->element,
        .confidence = CONFIDENCE_LIKELY,
        .cut = cut,
        .cut_count = edges,
        .count = channel->queued,
        .numbers = {[NUMBER_CHANNELS] = 1,
                    [NUMBER_QUEUED] = channel->queued,
                    [NUMBER_CAPACITY] = channel->capacity,
                    [NUMBER_SENDERS] = channel->senders,
                    [NUMBER_CLOSED] = channel->is_closed},
    };
    return detect_add(detect, &one);
}

static struct error *judge(struct detect *detect)
{
    const struct channel_table *channels = &detect->analysis->facts.channels;
    for (uint64_t i = 0; i < channels->items.count; i++) {
        const struct channel_fact *channel = &channels->items.data[i];
        if (channel->queued < LEAST_QUEUED || channel->receivers ||
            channel->queued <= channel->capacity / FULL_DENOMINATOR * FULL_NUMERATOR ||
            !graph_is_reachable(detect->analysis->graph, channel->id))
            continue;
        TRY(add_case(detect, channel));
    }
    return NULL;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const struct type_table *types = &detect->analysis->typing.table;
    const char *element =
        group->variant < types->types.count ? types->types.data[group->variant].name : "?";
    uint64_t channels = group->numbers[NUMBER_CHANNELS], senders = group->numbers[NUMBER_SENDERS];
    const char *how = channels == 1 ? arena_printf(&detect->arena, "a chan %s", element)
                                    : arena_printf(&detect->arena, "%s channels chan %s",
                                                   detect_count(detect, channels), element);
    const char *waiting =
        senders ? arena_printf(&detect->arena, ", %s to send",
                               detect_plural(detect, senders, "goroutine waits", "goroutines wait"))
                : "";
    finding->message = arena_printf(
        &detect->arena, "%s of %s places in %s in %s are taken and nobody waits to receive%s: %s",
        detect_count(detect, group->numbers[NUMBER_QUEUED]),
        detect_count(detect, group->numbers[NUMBER_CAPACITY]), how,
        detect_holder_name(detect, group), waiting, detect_size(detect, finding->bytes));
    finding->fix =
        "keep the receivers running as long as there are senders, drop or refuse what does "
        "not fit (select with default), and make the buffer no larger than needed";
    finding_note(finding, "queued", group->numbers[NUMBER_QUEUED], UNIT_COUNT);
    finding_note(finding, "capacity", group->numbers[NUMBER_CAPACITY], UNIT_COUNT);
    finding_note(finding, "channels", channels, UNIT_COUNT);
    finding_note(finding, "waiting_senders", senders, UNIT_COUNT);
    finding_note(finding, "closed_channels", group->numbers[NUMBER_CLOSED], UNIT_COUNT);
}

const struct detector detector_chan_backlog = {
    .id = "chan-backlog",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
