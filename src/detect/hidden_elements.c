/* hidden-elements: pointers in slots of an array that no slice shows any more hold what they point
 * to. What would be freed is what only they hold. */
#include "detect/seen_in_part.h"

#include "detect/detectors.h"

static const char *const place_names[WINDOW_PLACES] = {
    [WINDOW_BEFORE] = "before the first element",
    [WINDOW_BETWEEN] = "between two slices",
    [WINDOW_TO_CAP] = "between length and capacity",
    [WINDOW_AFTER] = "behind the capacity",
};
static const char *const place_keys[WINDOW_PLACES] = {
    [WINDOW_BEFORE] = "words_before",
    [WINDOW_BETWEEN] = "words_between",
    [WINDOW_TO_CAP] = "words_to_capacity",
    [WINDOW_AFTER] = "words_behind",
};

static struct error *judge(struct detect *detect)
{
    return seen_in_part_judge(detect, SEEN_HIDDEN);
}

/* Where most of them are. */
static enum window_place main_place(const struct detect_group *group)
{
    unsigned most = 0;
    for (unsigned i = 1; i < WINDOW_PLACES; i++)
        if (group->numbers[SEEN_PLACES + i] > group->numbers[SEEN_PLACES + most])
            most = i;
    return (enum window_place)most;
}

static const char *places(struct detect *detect, const struct detect_group *group)
{
    const char *text = "";
    uint64_t all = 0;
    for (unsigned i = 0; i < WINDOW_PLACES; i++)
        all += group->numbers[SEEN_PLACES + i];
    for (unsigned i = 0; i < WINDOW_PLACES; i++) {
        uint64_t words = group->numbers[SEEN_PLACES + i];
        if (!words)
            continue;
        if (words == all)
            return place_names[i];
        text = arena_printf(&detect->arena, "%s%s%s %s", text, *text ? ", " : "",
                            detect_count(detect, words), place_names[i]);
    }
    return text;
}

static const char *fix(const struct detect *detect, enum window_place place)
{
    bool has_clear = detect->analysis->runtime->minor >= 21;
    switch (place) {
    case WINDOW_BEFORE:
        return "set s[0] to nil before s = s[1:], or copy what is left into a new slice";
    case WINDOW_TO_CAP:
        return has_clear ? "set the slots to nil when elements are taken out: clear(s[n:]) before "
                           "s = s[:n], or slices.Delete (from Go 1.22 on it does so)"
                         : "set the slots to nil when elements are taken out: for i := n; i < "
                           "len(s); i++ { s[i] = nil } before s = s[:n]";
    default:
        return has_clear ? "keep a copy of the elements that are needed, slices.Clone(s[i:j]), "
                           "instead of the slice"
                         : "keep a copy of the elements that are needed, append([]T(nil), "
                           "s[i:j]...), instead of the slice";
    }
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    enum window_place place = main_place(group);
    finding->message =
        arena_printf(&detect->arena, "%s below %s that no slice shows any more still hold%s %s: %s",
                     detect_plural(detect, group->count, "pointer in a slot of an array",
                                   "pointers in slots of arrays"),
                     detect_holder_name(detect, group), group->count == 1 ? "s" : "",
                     detect_size(detect, finding->bytes), places(detect, group));
    finding->fix = fix(detect, place);
    /* the next append writes over them */
    if (place == WINDOW_TO_CAP)
        finding->class = CLASS_TEMPORARY;
    finding_note(finding, "arrays", group->cases, UNIT_COUNT);
    for (unsigned i = 0; i < WINDOW_PLACES; i++)
        if (group->numbers[SEEN_PLACES + i])
            finding_note(finding, place_keys[i], group->numbers[SEEN_PLACES + i], UNIT_COUNT);
    finding_note(finding, "array_bytes", group->numbers[SEEN_BLOCK_BYTES], UNIT_BYTES);
}

const struct detector detector_hidden_elements = {
    .id = "hidden-elements",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
