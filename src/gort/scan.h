/* From the heap to the graph: object ids, sizes and every pointer between objects as an edge. */
#ifndef LEAKHOUND_GORT_SCAN_H
#define LEAKHOUND_GORT_SCAN_H

#include "gort/edge_words.h"
#include "gort/heap.h"
#include "graph/graph.h"

/* clues: object_ids entries (see pointers.h), filled on the way; or NULL.
 * A new graph with the heap's objects (same ids) and edges in address order, no roots. The heap's
 * allocated bits are copied. heap->threads threads take the heap's parts. Pointers to holes and to
 * the object itself give no edge. Cost: O(bytes of objects with pointers), near memory bandwidth.
 */
struct error *scan_heap(struct go_runtime *runtime, const struct heap *heap, uint32_t *clues,
                        struct graph **out) ERROR_CHECK;

/* The same, and sets the bits of the words that make edges (edge_words_create before). */
struct error *scan_heap_words(struct go_runtime *runtime, const struct heap *heap, uint32_t *clues,
                              struct edge_words *words, struct graph **out) ERROR_CHECK;

/* Dynamic type (clue) of an interface whose first word is `word`, a type or an itab; 0 when it is
 * neither. Reads the target. */
uint32_t scan_interface_clue(struct go_runtime *runtime, uint64_t word);

/* The edge that a pointer in object id makes when its value lies between heap->low and heap->high:
 * the target, with GRAPH_LEAF when that has no pointers; GRAPH_NONE for none. */
static inline uint32_t scan_edge(const struct heap *heap, uint32_t id, uint64_t value)
{
    uint32_t target = heap_find(heap, value);
    if (target == HEAP_NONE || target == id)
        return GRAPH_NONE;
    return heap_page_has_no_pointers(heap, value) ? target | GRAPH_LEAF : target;
}

#endif
