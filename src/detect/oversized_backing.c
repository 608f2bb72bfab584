/* oversized-backing: buffers and slices whose capacity is far over their length. What would be
 * freed is what arrays of the length would not take. One that is empty may just be about to be
 * filled. */
#include "detect/seen_in_part.h"

#include <string.h>

#include "detect/detectors.h"

static struct error *judge(struct detect *detect)
{
    return seen_in_part_judge(detect, SEEN_OVERSIZED);
}

/* Name of the type of what holds the largest one, "" when that is not known. */
static const char *container(const struct detect *detect, const struct detect_group *group)
{
    const struct analysis *a = detect->analysis;
    uint32_t above = graph_dominator(a->graph, group->largest.node);
    uint32_t type = above < a->graph->object_ids ? typing_type(&a->typing, above) : TYPE_NONE;
    return type == TYPE_NONE ? "" : a->typing.table.types.data[type].name;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const uint64_t *numbers = group->numbers, *first = group->largest.numbers;
    const char *name = container(detect, group);
    bool is_buffer = !strcmp(name, "bytes.Buffer"), is_builder = !strcmp(name, "strings.Builder");
    const char *what = is_buffer    ? group->count == 1 ? "bytes.Buffer" : "bytes.Buffers"
                       : is_builder ? group->count == 1 ? "strings.Builder" : "strings.Builders"
                                    : seen_window_name(detect, group, group->count != 1);
    finding->message = arena_printf(
        &detect->arena, "%s %s below %s %s room for %s and %s %s",
        detect_count(detect, group->count), what, detect_holder_name(detect, group),
        group->count == 1 ? "has" : "have", detect_size(detect, numbers[SEEN_BLOCK_BYTES]),
        numbers[SEEN_SHOWN_BYTES] ? group->count == 1 ? "uses" : "use"
        : group->count == 1       ? "is"
                                  : "are",
        numbers[SEEN_SHOWN_BYTES] ? detect_size(detect, numbers[SEEN_SHOWN_BYTES]) : "empty");
    finding->fix =
        is_builder  ? "keep its String(), copied, instead of the builder, or Grow it less"
        : is_buffer ? "keep a copy of its Bytes() instead of the buffer; in a pool, drop buffers "
                      "whose Cap() is over what is usual before Put"
                    : "make them as large as what they will hold, or copy what is kept into a "
                      "slice of its length when it is complete";
    if (is_buffer)
        finding->class = CLASS_TEMPORARY;
    finding_note(finding, "room_bytes", numbers[SEEN_BLOCK_BYTES], UNIT_BYTES);
    finding_note(finding, "used_bytes", numbers[SEEN_SHOWN_BYTES], UNIT_BYTES);
    finding_note(finding, "largest_bytes", first[SEEN_BLOCK_BYTES], UNIT_BYTES);
}

const struct detector detector_oversized_backing = {
    .id = "oversized-backing",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
