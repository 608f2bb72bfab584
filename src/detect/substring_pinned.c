/* substring-pinned: a few bytes cut out of a text keep all of it. What would be freed is the text
 * less copies of what is seen. */
#include "detect/seen_in_part.h"

#include "detect/detectors.h"

static struct error *judge(struct detect *detect)
{
    return seen_in_part_judge(detect, SEEN_SUBSTRING);
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    static const struct seen_words words = {
        .block = "block",
        .blocks = "blocks",
        .block_bytes = "block_bytes",
        .needed = "the part instead of the part itself",
    };
    seen_describe_kept(detect, group, &words, finding);
}

const struct detector detector_substring_pinned = {
    .id = "substring-pinned",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
