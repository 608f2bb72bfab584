/*
 * The object graph in a snapshot: regions of equal objects, which of them are allocated, edges,
 * roots, and a number per object (its type). Chunks HEAP, ALOC, DEGR, EDGE, ROOT, REDG and those of
 * numbers; docs/snapshot-format.md says what stands in them.
 *
 * Measured on a heap of 60 million objects: 1.0 bytes per object in the file, 0.4 s to write and to
 * read on two processors.
 */
#ifndef LEAKHOUND_GRAPH_SNAPSHOT_GRAPH_H
#define LEAKHOUND_GRAPH_SNAPSHOT_GRAPH_H

#include "graph/graph.h"
#include "graph/snapshot_file.h"

/* A span: objects of one size, with consecutive ids. */
struct snapshot_region {
    uint64_t address;      /* of the first object */
    uint64_t element_size; /* bytes, a multiple of 8, at least 8 */
    uint32_t first_id;     /* a multiple of 8 */
    uint32_t slots;
    bool no_pointers; /* edges to its objects have GRAPH_LEAF */
    bool has_header;  /* the first 8 bytes of each object are the runtime's */
};

struct snapshot_regions {
    VECTOR(struct snapshot_region) items; /* ascending by id and address, not overlapping */
};

/* Writes all chunks of the graph but its numbers. Every allocated object lies in a region. The
 * graph may be analysed or not. threads as for the writer. Memory: 4 MiB per million objects of
 * regions and roots, beside the writer's. */
struct error *snapshot_write_graph(struct snapshot_writer *writer, const struct graph *graph,
                                   const struct snapshot_regions *regions,
                                   unsigned threads) ERROR_CHECK;

/* Gives the numbers of the objects first … first + count − 1; those that are not allocated do not
 * matter. From several threads at once. */
typedef void (*snapshot_number_of)(void *context, uint32_t first, uint32_t count, uint32_t *out);

/* A chunk with a number per allocated object: small where neighbours have the same. */
struct error *snapshot_write_numbers(struct snapshot_writer *writer, uint32_t tag, uint32_t flags,
                                     const struct graph *graph, snapshot_number_of number_of,
                                     void *context) ERROR_CHECK;

/* The graph as it was before graph_analyse, which the caller may call: everything that it relies
 * upon has been checked. Edges are stored without gaps. out_regions: empty before; the caller's to
 * free (vector_deinit). Cost: O(objects + edges); memory: the graph and 24 B per region. */
struct error *snapshot_read_graph(struct snapshot_file *file, struct graph **out_graph,
                                  struct snapshot_regions *out_regions) ERROR_CHECK;

/* The numbers by object id (object_ids entries, 0 for what is not allocated), each at most most;
 * big_array of object_ids · 4 bytes, the caller's. */
struct error *snapshot_read_numbers(struct snapshot_file *file, uint32_t tag,
                                    const struct graph *graph, uint32_t most,
                                    uint32_t **out) ERROR_CHECK;

/* The region of an object, NULL when it has none. O(log regions). */
const struct snapshot_region *snapshot_region_of(const struct snapshot_regions *regions,
                                                 uint32_t id);
/* The id of the slot that contains address, GRAPH_NONE when none does. O(log regions). */
uint32_t snapshot_find_object(const struct snapshot_regions *regions, uint64_t address);
/* Where the program sees an object: behind the runtime's header. */
static inline uint64_t snapshot_object_address(const struct snapshot_region *region, uint32_t id)
{
    return region->address + (uint64_t)(id - region->first_id) * region->element_size +
           (region->has_header ? 8 : 0);
}

#endif
