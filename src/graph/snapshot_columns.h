/* How the chunks of a graph are cut into blocks; shared by its writer and its reader. Private to
 * graph. */
#ifndef LEAKHOUND_GRAPH_SNAPSHOT_COLUMNS_H
#define LEAKHOUND_GRAPH_SNAPSHOT_COLUMNS_H

#include "base/bitset.h"
#include "graph/snapshot_graph.h"

#define TAG_HEAP SNAPSHOT_TAG('H', 'E', 'A', 'P')
#define TAG_ALLOCATED SNAPSHOT_TAG('A', 'L', 'O', 'C')
#define TAG_DEGREES SNAPSHOT_TAG('D', 'E', 'G', 'R')
#define TAG_EDGES SNAPSHOT_TAG('E', 'D', 'G', 'E')
#define TAG_ROOTS SNAPSHOT_TAG('R', 'O', 'O', 'T')
#define TAG_ROOT_EDGES SNAPSHOT_TAG('R', 'E', 'D', 'G')

enum {
    IDS_PER_BLOCK = 1 << 20,   /* DEGR and numbers; a multiple of 64 */
    EDGES_PER_BLOCK = 1 << 20, /* EDGE */
    PREDICTORS = 16,           /* an edge is told by that of the object before, in the same place */
    SNAPSHOT_CLASS_MAX = 254,
    REGION_NO_POINTERS = 1,
    REGION_HAS_HEADER = 2,
};

/* Bitset of groups of 8 ids (a region begins at such a group) whose objects have no pointers. */
struct leaf_groups {
    uint8_t *bits; /* by id / 64, zeroed (big_array) */
    uint64_t bytes;
};

static inline bool leaf_group(const struct leaf_groups *leaves, uint32_t id)
{
    return leaves->bits[id >> 6] >> (id >> 3 & 7) & 1;
}

/* O(regions). The caller frees it, also after an error. */
struct error *leaf_groups_init(struct leaf_groups *leaves, const struct snapshot_regions *regions,
                               uint32_t object_ids) ERROR_CHECK;
void leaf_groups_deinit(struct leaf_groups *leaves);

/* The allocated objects with pointers among the ids word · 64 … word · 64 + 63. */
static inline uint64_t inner_word(const struct graph *graph, const struct leaf_groups *leaves,
                                  uint64_t word)
{
    /* each bit of the byte becomes eight */
    uint64_t bits =
        (leaves->bits[word] * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
    bits = ((bits + UINT64_C(0x7f7f7f7f7f7f7f7f)) | bits) & UINT64_C(0x8080808080808080);
    return graph->allocated[word] & ~((bits >> 7) * 0xff);
}

/* Those of a range of ids, ascending. */
struct inner_objects {
    const struct graph *graph;
    const struct leaf_groups *leaves;
    uint64_t word, end; /* of 64 ids; what is left of the word before is in bits */
    uint64_t bits;
};

/* begin: of 64 ids only those from it on count; end: a multiple of 64, or beyond the last id. */
static inline struct inner_objects inner_objects_begin(const struct graph *graph,
                                                       const struct leaf_groups *leaves,
                                                       uint64_t begin, uint64_t end)
{
    struct inner_objects objects = {
        .graph = graph,
        .leaves = leaves,
        .word = begin / 64 + 1,
        .end = MIN_OF(bitset_words(end), bitset_words(graph->object_ids)),
    };
    if (begin / 64 < objects.end)
        objects.bits = inner_word(graph, leaves, begin / 64) & ~UINT64_C(0) << begin % 64;
    return objects;
}

static inline bool inner_objects_next(struct inner_objects *objects, uint32_t *out_id)
{
    while (!objects->bits) {
        if (objects->word >= objects->end)
            return false;
        objects->bits = inner_word(objects->graph, objects->leaves, objects->word++);
    }
    *out_id = (uint32_t)(objects->word - 1) * 64 + (uint32_t)__builtin_ctzll(objects->bits);
    objects->bits &= objects->bits - 1;
    return true;
}

static inline uint32_t zigzag(uint32_t difference)
{
    return difference << 1 ^ (uint32_t)((int32_t)difference >> 31);
}
static inline uint32_t unzigzag(uint32_t number)
{
    return number >> 1 ^ (0 - (number & 1));
}

#endif
