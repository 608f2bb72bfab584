/*
 * What strings and slices see of their arrays: the objects of which all that leads to them sees
 * only a part. Such an object stays alive as a whole: s[:50] keeps a mebibyte, and what the
 * pointers hold that no slice shows any more stays, too.
 *
 * A string (ptr, len), a slice (ptr, len, cap) or a pointer to one element that a typed object or a
 * described variable has is a window. All else that leads to an object sees the whole of it: what
 * has no type, unsafe pointers, stacks, special records. An object is in the table when no such
 * thing leads to it, whether what leads to it is reachable or not, and either
 *   - less than a quarter of it is seen, and WINDOWS_HIDDEN_MIN bytes or more are not, or
 *   - it has pointers in slots that no window shows.
 *
 * Which pointers those are the graph's edges tell (windows_hidden_edges), without the target.
 */
#ifndef LEAKHOUND_GORT_WINDOWS_H
#define LEAKHOUND_GORT_WINDOWS_H

#include "gort/edge_words.h"
#include "gort/equal_strings.h"
#include "gort/typing.h"
#include "gort/window_set.h"

enum {
    WINDOWS_HIDDEN_MIN = 512, /* bytes */
    WINDOWS_SEEN_SHARE = 4,   /* less than one of so many parts is seen */
};

enum window_flags {
    WINDOWS_STRINGS = 1, /* such values see it */
    WINDOWS_SLICES = 2,
    WINDOWS_POINTERS = 4,
    WINDOWS_GUESSED = 8,    /* one at least is so by a type that is a guess, or by three words that
                               look like a slice */
    WINDOWS_LOOKS = 16,     /* one at least is two words that look like a string */
    WINDOWS_VARIABLES = 32, /* one at least stands in a variable */
};

struct window_target {
    uint32_t id;
    uint8_t flags;            /* enum window_flags */
    uint32_t hidden_pointers; /* words with pointers that no window shows; equal neighbours once */
    uint32_t element_type; /* of the windows with the largest elements; TYPE_NONE unknown, text */
    uint64_t element;      /* bytes of one; 1 for text */
    struct window_set set;
};

struct window_table {
    VECTOR(struct window_target) items; /* ascending by id */
    uint64_t object_bytes_min; /* smaller objects were left out, for there were too many; else 0 */
};

/* typing and words are finished. Reads the target. Adds the strings that it meets to the sample
 * (may be NULL). Up to heap->threads threads; the result does not depend on them. Cost: one pass
 * over the objects whose types have strings or slices, one over the edges; then those objects once
 * more that lead to what is suspicious. Memory: ⅜ B per object id, and meanwhile at most 5 B per
 * object. */
struct error *windows_read(struct go_runtime *runtime, const struct heap *heap,
                           const struct graph *graph, const struct root_table *roots,
                           const struct variable_table *variables, const struct edge_words *words,
                           const struct typing *typing, const struct string_sample *sample,
                           struct window_table *out) ERROR_CHECK;
void windows_deinit(struct window_table *table);

/* Bytes of the heap that a copy of so many bytes takes. Small ones without pointers share a slot of
 * 16 bytes: a part of that. */
uint64_t windows_copy_bytes(unsigned minor, uint64_t length, bool pointers);

/* Bytes of the slot, and where in it the first element stands (8 behind a type header). */
static inline uint64_t window_target_bytes(const struct heap *heap, uint32_t id)
{
    return heap_span_of(heap, id)->element_size;
}
static inline uint64_t window_target_from(const struct heap *heap, uint32_t id)
{
    return heap_span_of(heap, id)->has_header ? 8 : 0;
}

/* Where a hidden pointer stands. */
enum window_place { WINDOW_BEFORE, WINDOW_BETWEEN, WINDOW_TO_CAP, WINDOW_AFTER, WINDOW_PLACES };

/* The edges through slots that no window shows, to objects that the object does not also refer to
 * from a slot that is shown: object << 32 | target, as graph_cut takes them, ascending, each once;
 * and how many words those are by place: before all windows, between two, between a length and its
 * capacity, after all. Does nothing where edge_words knows nothing. O(words of the object). */
struct window_hidden {
    VECTOR(uint64_t) edges;
    uint64_t words[WINDOW_PLACES];
};
struct error *windows_hidden_edges(const struct heap *heap, const struct graph *graph,
                                   const struct edge_words *words,
                                   const struct window_target *target,
                                   struct window_hidden *out) ERROR_CHECK;
void window_hidden_deinit(struct window_hidden *hidden);

#endif
