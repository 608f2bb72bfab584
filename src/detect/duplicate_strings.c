/* duplicate-strings: the same text in many objects. What would be freed is all of them but one; of
 * a large heap that is estimated from a sample (gort/equal_strings.h). */
#include "detect/detectors.h"

enum number { NUMBER_TEXTS, NUMBER_BYTES, NUMBER_SAMPLE };

/* The first that is reachable may stay; each further one is a case. */
static struct error *add_group(struct detect *detect, const struct equal_strings *strings,
                               const struct string_group *group)
{
    const struct analysis *a = detect->analysis;
    uint64_t scale = (uint64_t)1 << strings->shift;
    bool first = true, second = true;
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t id = strings->members.data[group->first + i];
        uint64_t bytes = heap_span_of(&a->heap, id)->element_size;
        if (!graph_is_reachable(a->graph, id))
            continue;
        if (first) {
            first = false;
            continue;
        }
        struct detect_case one = {.node = id,
                                  .confidence = CONFIDENCE_LIKELY,
                                  .own_bytes = bytes * scale,
                                  .own_objects = scale,
                                  .count = scale};
        one.numbers[NUMBER_TEXTS] = second;
        one.numbers[NUMBER_BYTES] = group->length * scale;
        one.numbers[NUMBER_SAMPLE] = scale;
        TRY(detect_add(detect, &one));
        second = false;
    }
    return NULL;
}

static struct error *judge(struct detect *detect)
{
    const struct equal_strings *strings = &detect->analysis->facts.equal_strings;
    for (uint64_t i = 0; i < strings->groups.count; i++)
        TRY(add_group(detect, strings, &strings->groups.data[i]));
    return NULL;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    bool has_unique = detect->analysis->runtime->minor >= 23;
    uint64_t scale = group->cases ? group->numbers[NUMBER_SAMPLE] / group->cases : 1;
    uint64_t texts = group->numbers[NUMBER_TEXTS];
    finding->message = arena_printf(
        &detect->arena, "%s%s below %s %s in memory of their own what %s",
        scale > 1 ? "about " : "", detect_plural(detect, group->count, "string", "strings"),
        detect_holder_name(detect, group), group->count == 1 ? "says" : "say",
        scale > 1 || !texts
            ? "others say"
            : arena_printf(&detect->arena, "%s %s", detect_plural(detect, texts, "other", "others"),
                           texts == 1 ? "says" : "say"));
    finding->fix = has_unique ? "intern them where they are read: unique.Make(s).Value(), or a "
                                "map[string]string of the texts met so far"
                              : "intern them where they are read: keep a map[string]string of the "
                                "texts met so far";
    finding_note(finding, "texts", texts, UNIT_COUNT);
    finding_note(finding, "text_bytes", group->numbers[NUMBER_BYTES], UNIT_BYTES);
    finding_note(finding, "one_span_of", scale, UNIT_COUNT);
}

const struct detector detector_duplicate_strings = {
    .id = "duplicate-strings",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
