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
    static const struct seen_words words = {
        .block = "array",
        .blocks = "arrays",
        .block_bytes = "array_bytes",
        .needed = "the elements that are needed",
    };
    seen_describe_kept(detect, group, &words, finding);
}

const struct detector detector_subslice_pinned = {
    .id = "subslice-pinned",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
