/*
 * Which words of objects and variables make the edges of the graph. With it a report names an edge
 * (".next", "[17]") without a look at the target, which can go on as soon as it has been read.
 *
 * Memory: a bit per word of objects with pointers (0.4 B per object on a usual heap), 4 B per span,
 * 8 B per word of a variable that leads into the heap.
 */
#ifndef LEAKHOUND_GORT_EDGE_WORDS_H
#define LEAKHOUND_GORT_EDGE_WORDS_H

#include "gort/heap.h"
#include "graph/graph.h"

struct variable_word {
    uint32_t word; /* number of the word from module.data_low on */
    uint32_t id;   /* of the object that it leads to */
};

/* Zero-initialised it knows nothing. */
struct edge_words {
    uint64_t *bits; /* by word: it has added an edge of its object (big_array of bits_bytes) */
    uint64_t bits_bytes;
    uint32_t *places; /* by span: where its first page's words begin, in pages; owned */
    uint64_t data_low;
    VECTOR(struct variable_word) variables; /* ascending by word */
};

/* Room for a bit per word, all clear: the scan sets them. */
struct error *edge_words_create(const struct heap *heap, struct edge_words *out) ERROR_CHECK;
void edge_words_deinit(struct edge_words *words);

/* Number of the bit of a span's first word. */
static inline uint64_t edge_words_of_span(const struct edge_words *words, const struct heap *heap,
                                          const struct heap_span *span)
{
    return (uint64_t)words->places[span - heap->spans.data] * (HEAP_PAGE_SIZE / 8);
}

/* Keeps which words of data and bss lead to objects. Reads them. O(their bytes). */
struct error *edge_words_of_variables(struct go_runtime *runtime, const struct heap *heap,
                                      struct edge_words *words) ERROR_CHECK;

/* Offset in its slot of the first word of object `from` that makes an edge to object `to`; false
 * when there is none. O(edges + words of the object). */
bool edge_words_find(const struct edge_words *words, const struct heap *heap,
                     const struct graph *graph, uint32_t from, uint32_t to, uint64_t *out_offset);

/* Offset in its slot of the last word of object `from` that makes an edge (of words in a row that
 * lead to one object only the first does); false when none does. O(words of the object / 64). */
bool edge_words_last(const struct edge_words *words, const struct heap *heap, uint32_t from,
                     uint64_t *out_offset);

/* Offset of the first word of the bytes at address, in data or bss, that leads to object `to`;
 * false when there is none. */
bool edge_words_find_variable(const struct edge_words *words, uint64_t address, uint64_t bytes,
                              uint32_t to, uint64_t *out_offset);

#endif
