/* subslice-pinned: a few elements keep their whole array, and with it what the others point to.
 * What would be freed is the array less copies of what is seen, and what only its hidden elements
 * hold. */
#include "detect/seen_in_part.h"

#include "detect/detectors.h"

static struct error *judge(struct detect *detect)
{
    return seen_in_part_judge(detect, SEEN_SUBSLICE);
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const uint64_t *numbers = group->numbers, *first = group->largest.numbers;
    uint64_t windows = numbers[SEEN_WINDOWS], bytes = numbers[SEEN_BLOCK_BYTES];
    finding->message = arena_printf(
        &detect->arena, "%s %s %s below %s %s %s %s alive", detect_count(detect, windows),
        seen_window_name(detect, group, windows != 1),
        seen_each(detect, numbers[SEEN_SHOWN_BYTES], windows,
                  first[SEEN_WINDOWS] ? first[SEEN_SHOWN_BYTES] / first[SEEN_WINDOWS] : 0),
        detect_holder_name(detect, group), windows == 1 ? "keeps" : "keep",
        detect_plural(detect, group->count, "array", "arrays"),
        seen_each(detect, bytes, group->count, first[SEEN_BLOCK_BYTES]));
    finding->fix = arena_printf(&detect->arena, "keep a copy of the elements that are needed: %s",
                                seen_copy_call(detect, group));
    finding_note(finding, "windows", windows, UNIT_COUNT);
    finding_note(finding, "shown_bytes", numbers[SEEN_SHOWN_BYTES], UNIT_BYTES);
    finding_note(finding, "array_bytes", bytes, UNIT_BYTES);
}

const struct detector detector_subslice_pinned = {
    .id = "subslice-pinned",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
