#include "gort/window_set.h"

#include <string.h>

#include "base/memory.h"

static uint64_t piece_size(uint64_t object)
{
    return (object + WINDOW_SET_PIECES - 1) / WINDOW_SET_PIECES;
}

/* Bits of the pieces that [start, end) touches. */
static uint64_t pieces(uint64_t object, uint64_t start, uint64_t end)
{
    uint64_t size = piece_size(object);
    if (start >= end)
        return 0;
    uint64_t first = start / size, last = (end - 1) / size;
    return UINT64_MAX << first & UINT64_MAX >> (WINDOW_SET_PIECES - 1 - last);
}

static int compare(const struct window_part *a, const struct window_part *b)
{
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return a->cap < b->cap ? -1 : a->cap > b->cap;
}

void window_set_add(struct window_set *set, uint64_t object, struct window_part part,
                    uint64_t copy_bytes)
{
    set->count += set->count != UINT32_MAX;
    set->seen[0] |= pieces(object, part.start, part.end);
    set->seen[1] |= pieces(object, part.start, part.cap);
    set->bytes[0] += part.end - part.start;
    set->bytes[1] += part.cap - part.start;
    set->copy_bytes += copy_bytes;
    if (!window_set_is_exact(set))
        return;
    for (uint32_t i = 0; i < set->different; i++)
        if (!compare(&set->exact[i], &part))
            return;
    if (set->different < WINDOW_SET_EXACT)
        set->exact[set->different] = part;
    else /* which ones came first must not show */
        memset(set->exact, 0, sizeof(set->exact));
    set->different++;
}

void window_set_sort(struct window_set *set)
{
    for (uint32_t i = 1; i < MIN_OF(set->different, (uint32_t)WINDOW_SET_EXACT); i++)
        for (uint32_t k = i; k > 0 && compare(&set->exact[k - 1], &set->exact[k]) > 0; k--) {
            struct window_part part = set->exact[k];
            set->exact[k] = set->exact[k - 1];
            set->exact[k - 1] = part;
        }
}

static uint32_t hidden_of_exact(const struct window_set *set, uint64_t object, uint64_t from,
                                bool to_cap, struct window_range *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->different; i++) {
        if (set->exact[i].start > from)
            out[count++] = (struct window_range){from, set->exact[i].start};
        from = MAX_OF(from, to_cap ? set->exact[i].cap : set->exact[i].end);
    }
    if (object > from)
        out[count++] = (struct window_range){from, object};
    return count;
}

uint32_t window_set_hidden(const struct window_set *set, uint64_t object, uint64_t from,
                           bool to_cap, struct window_range *out)
{
    if (window_set_is_exact(set))
        return hidden_of_exact(set, object, from, to_cap, out);
    uint64_t size = piece_size(object), seen = set->seen[to_cap];
    uint32_t count = 0;
    for (unsigned i = 0; i < WINDOW_SET_PIECES; i++) {
        uint64_t start = MAX_OF(i * size, from), end = MIN_OF((i + 1) * size, object);
        if (seen >> i & 1 || start >= end)
            continue;
        if (count && out[count - 1].end == start)
            out[count - 1].end = end;
        else
            out[count++] = (struct window_range){start, end};
    }
    return count;
}

uint64_t window_set_hidden_bytes(const struct window_set *set, uint64_t object, uint64_t from,
                                 bool to_cap)
{
    struct window_range ranges[WINDOW_SET_RANGES];
    uint32_t count = window_set_hidden(set, object, from, to_cap, ranges);
    uint64_t bytes = 0, all = object - MIN_OF(object, from);
    for (uint32_t i = 0; i < count; i++)
        bytes += ranges[i].end - ranges[i].start;
    if (window_set_is_exact(set))
        return bytes;
    /* many short ones all over the object: their sum says more than the pieces that they touch */
    uint64_t shown = MIN_OF(set->bytes[to_cap], all);
    return MAX_OF(bytes, all - shown);
}
