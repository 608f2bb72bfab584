/* chan-backlog: a large buffered channel that stands full, or nearly so, while no goroutine waits
 * to receive from it. */
#include <string.h>

#include "detect/detectors.h"

enum {
    LEAST_QUEUED = 64,
    FULL_NUMERATOR = 3, /* of the capacity, */
    FULL_DENOMINATOR = 4,
};

enum number {
    NUMBER_CHANNELS,
    NUMBER_QUEUED,
    NUMBER_CAPACITY,
    NUMBER_SENDERS,
    NUMBER_USERS,
    NUMBER_CLOSED
};

/* All pointers of the buffer: an empty slot is zero. */
static void cut_of(const struct graph *graph, uint32_t buffer, uint64_t *out)
{
    uint32_t first = graph->edge_begin[buffer], end = graph->edge_begin[buffer + 1];
    for (uint32_t e = first; e < end; e++)
        out[e - first] = (uint64_t)buffer << 32 | (graph->edges[e] & GRAPH_ID);
}

static bool is_backlog(const struct detect *detect, const struct channel_fact *channel)
{
    return channel->queued >= LEAST_QUEUED && !channel->receivers &&
           channel->queued > channel->capacity / FULL_DENOMINATOR * FULL_NUMERATOR &&
           graph_is_reachable(detect->analysis->graph, channel->id);
}

/* Counts, for each channel of the map, the frames that have it of goroutines that do not wait to
 * send: channel id + 1 → their number. O(root edges). */
static void count_users(const struct detect *detect, struct hash_map *channels)
{
    const struct analysis *a = detect->analysis;
    for (uint64_t i = 0; i < a->graph->root_edges.count; i++) {
        uint64_t edge = a->graph->root_edges.data[i];
        const struct root_info *info = &a->roots.infos.data[edge >> 32];
        uint64_t *users = hash_map_find(channels, (edge & GRAPH_ID) + 1);
        if (users && info->goroutine != GRAPH_NONE &&
            strcmp(a->goroutines.items.data[info->goroutine].state, "chan send"))
            ++*users;
    }
}

static struct error *add_case(struct detect *detect, const struct channel_fact *channel,
                              uint64_t users)
{
    const struct graph *graph = detect->analysis->graph;
    uint64_t edges = graph->edge_begin[channel->buffer + 1] - graph->edge_begin[channel->buffer];
    CLEANUP_FREE uint64_t *cut = NULL;
    TRY(memory_array(edges, sizeof(*cut), &cut));
    cut_of(graph, channel->buffer, cut);
    struct detect_case one = {
        .node = channel->id,
        .variant = channel->element * 2 + (users != 0),
        .confidence = users ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY,
        .cut = cut,
        .cut_count = edges,
        .count = channel->queued,
        .numbers = {[NUMBER_CHANNELS] = 1,
                    [NUMBER_QUEUED] = channel->queued,
                    [NUMBER_CAPACITY] = channel->capacity,
                    [NUMBER_SENDERS] = channel->senders,
                    [NUMBER_USERS] = users,
                    [NUMBER_CLOSED] = channel->is_closed},
    };
    return detect_add(detect, &one);
}

static struct error *judge(struct detect *detect)
{
    const struct channel_table *channels = &detect->analysis->facts.channels;
    struct hash_map users = {0};
    struct error *error = NULL;
    uint64_t *value;
    for (uint64_t i = 0; i < channels->items.count && !error; i++)
        if (is_backlog(detect, &channels->items.data[i]))
            error = hash_map_insert(&users, (uint64_t)channels->items.data[i].id + 1, &value, NULL);
    if (!error && users.count)
        count_users(detect, &users);
    for (uint64_t i = 0; i < channels->items.count && !error; i++) {
        const struct channel_fact *channel = &channels->items.data[i];
        const uint64_t *found = hash_map_find(&users, (uint64_t)channel->id + 1);
        if (found)
            error = add_case(detect, channel, *found);
    }
    hash_map_deinit(&users);
    return error;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const struct type_table *types = &detect->analysis->typing.table;
    uint32_t type = group->variant / 2;
    const char *element = type < types->types.count ? types->types.data[type].name : "?";
    uint64_t channels = group->numbers[NUMBER_CHANNELS], senders = group->numbers[NUMBER_SENDERS];
    const char *how = channels == 1 ? arena_printf(&detect->arena, "a chan %s", element)
                                    : arena_printf(&detect->arena, "%s channels chan %s",
                                                   detect_count(detect, channels), element);
    const char *busy = group->numbers[NUMBER_USERS]
                           ? "; goroutines that do not wait to send have it on their stacks and "
                             "may be busy with what they received"
                           : "";
    const char *waiting =
        senders ? arena_printf(&detect->arena, ", %s to send",
                               detect_plural(detect, senders, "goroutine waits", "goroutines wait"))
                : "";
    finding->message = arena_printf(
        &detect->arena, "%s of %s places in %s in %s are taken and nobody waits to receive%s: %s%s",
        detect_count(detect, group->numbers[NUMBER_QUEUED]),
        detect_count(detect, group->numbers[NUMBER_CAPACITY]), how,
        detect_holder_name(detect, group), waiting, detect_size(detect, finding->bytes), busy);
    finding->fix =
        "keep the receivers running as long as there are senders, drop or refuse what does "
        "not fit (select with default), and make the buffer no larger than needed";
    finding_note(finding, "queued", group->numbers[NUMBER_QUEUED], UNIT_COUNT);
    finding_note(finding, "capacity", group->numbers[NUMBER_CAPACITY], UNIT_COUNT);
    finding_note(finding, "channels", channels, UNIT_COUNT);
    finding_note(finding, "waiting_senders", senders, UNIT_COUNT);
    finding_note(finding, "frames_with_it", group->numbers[NUMBER_USERS], UNIT_COUNT);
    finding_note(finding, "closed_channels", group->numbers[NUMBER_CLOSED], UNIT_COUNT);
}

const struct detector detector_chan_backlog = {
    .id = "chan-backlog",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
