/*
 * What all strings and slices that lead into one object see of it, together. The result does not
 * depend on the order in which they come. Of up to WINDOW_SET_EXACT different windows everything is
 * known exactly; of more only which sixty-fourths of the object they touch, and their sums: what is
 * seen is then never said to be less than it is.
 *
 * 120 bytes.
 */
#ifndef LEAKHOUND_GORT_WINDOW_SET_H
#define LEAKHOUND_GORT_WINDOW_SET_H

#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_SET_EXACT = 3, WINDOW_SET_PIECES = 64, WINDOW_SET_RANGES = 64 };

/* Offsets in the object: a slice sees [start, end) and can grow up to cap (≥ end). */
struct window_part {
    uint64_t start, end, cap;
};

struct window_set {
    struct window_part exact[WINDOW_SET_EXACT]; /* different ones; ascending after sort */
    uint32_t different;  /* entries of exact; WINDOW_SET_EXACT + 1: there are more than these */
    uint32_t count;      /* of windows, equal ones too; stays at its maximum */
    uint64_t seen[2];    /* bit i: piece i of the object is touched, [0] up to end, [1] to cap */
    uint64_t bytes[2];   /* sum of all windows' lengths, likewise */
    uint64_t copy_bytes; /* sum of what copies of them take, as given */
};

/* object: bytes of the object, in which the window lies. copy_bytes: of a copy of it. */
void window_set_add(struct window_set *set, uint64_t object, struct window_part part,
                    uint64_t copy_bytes);
/* Once, after the last: puts the exact ones in order. */
void window_set_sort(struct window_set *set);

static inline bool window_set_is_exact(const struct window_set *set)
{
    return set->different <= WINDOW_SET_EXACT;
}

/* What is not seen: ascending ranges of [from, object), at most WINDOW_SET_RANGES (returned). With
 * to_cap what could be reached by growing counts as seen. Exact when the set is, else a part of the
 * truth. */
struct window_range {
    uint64_t start, end;
};
uint32_t window_set_hidden(const struct window_set *set, uint64_t object, uint64_t from,
                           bool to_cap, struct window_range *out);
/* Bytes of them: exact, or at most the truth. */
uint64_t window_set_hidden_bytes(const struct window_set *set, uint64_t object, uint64_t from,
                                 bool to_cap);

#endif
