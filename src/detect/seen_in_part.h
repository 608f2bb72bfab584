/* Objects of which strings and slices see only a part (gort/windows.h): which of the four cases of
 * the catalogue each is. One object is one case only. Private to detect. */
#ifndef LEAKHOUND_DETECT_SEEN_IN_PART_H
#define LEAKHOUND_DETECT_SEEN_IN_PART_H

#include "detect/detect.h"

enum seen_case {
    SEEN_NOTHING,
    SEEN_SUBSTRING, /* few bytes of a text are seen */
    SEEN_SUBSLICE,  /* few elements of an array */
    SEEN_HIDDEN,    /* what hangs on pointers that no slice shows is more than the array itself */
    SEEN_OVERSIZED, /* what is not seen is room to grow into */
};

/* Numbers of a case, added up over the group. */
enum seen_number {
    SEEN_WINDOWS,     /* strings, slices and pointers that lead there */
    SEEN_SHOWN_BYTES, /* the sum of their lengths */
    SEEN_BLOCK_BYTES, /* the objects themselves */
    SEEN_PLACES,      /* by enum window_place: words with hidden pointers */
    SEEN_NUMBERS = SEEN_PLACES + WINDOW_PLACES
};

/* Adds those that are of that case. */
struct error *seen_in_part_judge(struct detect *detect, enum seen_case which) ERROR_CHECK;

/* What a group's variant tells: the kinds of windows, whether nothing but room was seen of them,
 * and the type of their elements. */
struct seen_variant {
    uint8_t flags; /* WINDOWS_STRINGS, _SLICES and _POINTERS */
    bool is_empty;
    uint32_t element_type; /* TYPE_NONE: not known, or text */
};
struct seen_variant seen_variant_of(const struct detect_group *group);
/* "string", "strings", "byte slices", "slices of main.sample", "pointers to main.node". */
const char *seen_window_name(struct detect *detect, const struct detect_group *group, bool many);

/* What the cases differ in whose parts keep the whole. */
struct seen_words {
    const char *block, *blocks; /* what is kept alive: "array", "arrays" */
    const char *block_bytes;    /* the number of its bytes in the evidence */
    const char *needed;         /* what to keep a copy of */
};
/* The message, the fix and the evidence of SEEN_SUBSTRING and SEEN_SUBSLICE. */
void seen_describe_kept(struct detect *detect, const struct detect_group *group,
                        const struct seen_words *words, struct finding *finding);

#endif
