#include "graph/snapshot_graph.h"

#include <assert.h>
#include <string.h>

#include "base/parallel.h"
#include "graph/snapshot_columns.h"
#include "graph/snapshot_record.h"

/* What the threads that encode have in common. */
struct graph_source {
    const struct graph *graph;
    const struct snapshot_regions *regions;
    struct leaf_groups leaves;
    uint64_t id_blocks, words;
    uint64_t *first_edge; /* by block of ids, one more than there are; edges counted without gaps */
    uint32_t *edge_id;    /* by block of edges: the object that its first edge belongs to */
    uint64_t edges;
    uint64_t next; /* block to count, shared by the threads */
    unsigned threads;
};

static inline uint32_t degree(const struct graph *graph, uint32_t id)
{
    return graph->edge_begin[id + 1] - graph->edge_begin[id];
}

static struct inner_objects inner_of_block(const struct graph_source *source, uint64_t block)
{
    return inner_objects_begin(source->graph, &source->leaves, block * IDS_PER_BLOCK,
                               (block + 1) * IDS_PER_BLOCK);
}

static struct error *count_edges(void *context, unsigned part)
{
    struct graph_source *source = context;
    (void)part;
    for (;;) {
        uint64_t block = __atomic_fetch_add(&source->next, 1, __ATOMIC_RELAXED), sum = 0;
        if (block >= source->id_blocks)
            return NULL;
        struct inner_objects objects = inner_of_block(source, block);
        for (uint32_t id; inner_objects_next(&objects, &id);)
            sum += degree(source->graph, id);
        source->first_edge[block + 1] = sum;
    }
}

/* first_edge, and room for edge_id. */
static struct error *prepare(struct graph_source *source)
{
    TRY(leaf_groups_init(&source->leaves, source->regions, source->graph->object_ids));
    TRY(memory_array(source->id_blocks + 1, sizeof(uint64_t), &source->first_edge));
    TRY(parallel_run(source->threads, count_edges, source));
    for (uint64_t block = 0; block < source->id_blocks; block++)
        source->first_edge[block + 1] += source->first_edge[block];
    source->edges = source->first_edge[source->id_blocks];
    return memory_array(source->edges / EDGES_PER_BLOCK + 1, sizeof(uint32_t), &source->edge_id);
}

static struct error *error_inconsistent(void)
{
    return error_create(ERROR_LIMIT, "edges and spans disagree about which objects have pointers: "
                                     "such a graph cannot be written");
}

/* -- HEAP and ALOC --------------------------------------------------------------------------- */

static struct error *put_region(struct snapshot_bytes *bytes, const struct snapshot_region *region,
                                uint32_t *next_id, uint64_t *next_address)
{
    uint8_t encoded[50], *at = encoded;
    assert(region->first_id >= *next_id && region->first_id % 8 == 0);
    assert(region->address >= *next_address && region->element_size % 8 == 0);
    at = snapshot_encode_number(at, (region->first_id - *next_id) / 8);
    at = snapshot_encode_number(at, region->address - *next_address);
    at = snapshot_encode_number(at, region->element_size / 8);
    at = snapshot_encode_number(at, region->slots);
    at = snapshot_encode_number(at, (region->no_pointers ? REGION_NO_POINTERS : 0u) |
                                        (region->has_header ? REGION_HAS_HEADER : 0u));
    *next_id = (region->first_id + region->slots + 7) & ~7u;
    *next_address = region->address + region->slots * region->element_size;
    return snapshot_put(bytes, encoded, (uint64_t)(at - encoded));
}

static struct error *write_regions(struct snapshot_writer *writer,
                                   const struct graph_source *source)
{
    struct snapshot_bytes bytes = {0};
    uint32_t next_id = 0;
    uint64_t next_address = 0, count = source->regions->items.count;
    struct error *error = snapshot_put_number(&bytes, source->graph->object_ids);
    if (!error)
        error = snapshot_put_number(&bytes, source->edges);
    if (!error)
        error = snapshot_put_number(&bytes, count);
    for (uint64_t r = 0; r < count && !error; r++)
        error = put_region(&bytes, &source->regions->items.data[r], &next_id, &next_address);
    if (!error)
        error = snapshot_write_bytes(writer, TAG_HEAP, SNAPSHOT_ZSTD, bytes.data.data,
                                     bytes.data.count);
    snapshot_bytes_deinit(&bytes);
    return error;
}

/* -- DEGR and EDGE --------------------------------------------------------------------------- */

static struct error *encode_degrees(void *context, uint64_t block, uint8_t *bytes,
                                    uint64_t *out_size)
{
    struct graph_source *source = context;
    uint64_t edge = source->first_edge[block];
    uint8_t *at = snapshot_encode_number(bytes, edge);
    struct inner_objects objects = inner_of_block(source, block);
    for (uint32_t id; inner_objects_next(&objects, &id);) {
        uint32_t n = degree(source->graph, id);
        at = snapshot_encode_number(at, n);
        for (uint64_t mark = (edge + EDGES_PER_BLOCK - 1) / EDGES_PER_BLOCK;
             mark * EDGES_PER_BLOCK < edge + n; mark++)
            source->edge_id[mark] = id;
        edge += n;
    }
    *out_size = (uint64_t)(at - bytes);
    return NULL;
}

struct edge_encoder {
    const struct graph_source *source;
    uint32_t last[PREDICTORS];
    uint8_t *at;
    bool inconsistent;
};

/* Edges from … to of one object, counted from its first. */
static void encode_edges_of(struct edge_encoder *encoder, uint32_t id, uint32_t from, uint32_t to)
{
    const struct graph *graph = encoder->source->graph;
    const uint32_t *edges = graph->edges + graph->edge_begin[id];
    for (uint32_t k = from; k < to; k++) {
        uint32_t target = edges[k] & GRAPH_ID, *last = &encoder->last[k % PREDICTORS];
        encoder->inconsistent |=
            leaf_group(&encoder->source->leaves, target) != !!(edges[k] & GRAPH_LEAF);
        encoder->at = snapshot_encode_number(encoder->at, zigzag(target - *last));
        *last = target;
    }
}

static struct error *encode_edges(void *context, uint64_t block, uint8_t *bytes, uint64_t *out_size)
{
    const struct graph_source *source = context;
    struct edge_encoder encoder = {.source = source};
    uint64_t edge = block * EDGES_PER_BLOCK;
    uint64_t left = MIN_OF(source->edges - edge, (uint64_t)EDGES_PER_BLOCK);
    uint32_t first = source->edge_id[block];
    /* how many edges of its first object lie before it: counted from the block of ids */
    uint64_t id_block = first / IDS_PER_BLOCK, before = source->first_edge[id_block];
    struct inner_objects objects = inner_of_block(source, id_block);
    uint32_t id;
    while (inner_objects_next(&objects, &id) && id != first)
        before += degree(source->graph, id);
    uint32_t skip = (uint32_t)(edge - before);
    encoder.at = snapshot_encode_number(bytes, first);
    objects = inner_objects_begin(source->graph, &source->leaves, first, source->graph->object_ids);
    while (left && inner_objects_next(&objects, &id)) {
        uint32_t to = (uint32_t)MIN_OF((uint64_t)degree(source->graph, id), skip + left);
        encode_edges_of(&encoder, id, skip, to);
        left -= to - skip;
        skip = 0;
    }
    if (encoder.inconsistent)
        return error_inconsistent();
    *out_size = (uint64_t)(encoder.at - bytes);
    return NULL;
}

/* -- ROOT and REDG --------------------------------------------------------------------------- */

/* Per root 0 and its class for a holder, else the distance to its parent. */
static struct error *write_roots(struct snapshot_writer *writer, const struct graph *graph)
{
    struct snapshot_bytes bytes = {0};
    uint64_t count = graph->roots.count;
    struct error *error = snapshot_put_number(&bytes, count);
    for (uint64_t r = 0; r < count && !error; r++) {
        const struct graph_root *root = &graph->roots.data[r];
        if (root->parent == GRAPH_NONE) {
            uint8_t holder[2] = {0, root->class};
            error = snapshot_put(&bytes, holder, sizeof(holder));
        } else {
            error = snapshot_put_number(&bytes, r - root->parent);
        }
    }
    if (!error)
        error = snapshot_write_bytes(writer, TAG_ROOTS, SNAPSHOT_ZSTD, bytes.data.data,
                                     bytes.data.count);
    snapshot_bytes_deinit(&bytes);
    return error;
}

/* Per edge the difference of root and target to the edge before. */
static struct error *write_root_edges(struct snapshot_writer *writer, const struct graph *graph,
                                      const struct leaf_groups *leaves)
{
    struct snapshot_bytes bytes = {0};
    uint32_t last_root = 0, last_target = 0;
    struct error *error = snapshot_put_number(&bytes, graph->root_edges.count);
    for (uint64_t i = 0; i < graph->root_edges.count && !error; i++) {
        uint64_t edge = graph->root_edges.data[i];
        uint32_t root = (uint32_t)(edge >> 32), target = (uint32_t)edge & GRAPH_ID;
        uint8_t encoded[20], *at = encoded;
        if (leaf_group(leaves, target) != !!(edge & GRAPH_LEAF)) {
            error = error_inconsistent();
            break;
        }
        at = snapshot_encode_number(at, zigzag(root - last_root));
        at = snapshot_encode_number(at, zigzag(target - last_target));
        error = snapshot_put(&bytes, encoded, (uint64_t)(at - encoded));
        last_root = root;
        last_target = target;
    }
    if (!error)
        error = snapshot_write_bytes(writer, TAG_ROOT_EDGES, SNAPSHOT_ZSTD, bytes.data.data,
                                     bytes.data.count);
    snapshot_bytes_deinit(&bytes);
    return error;
}

static struct error *write_all(struct snapshot_writer *writer, struct graph_source *source)
{
    const struct graph *graph = source->graph;
    TRY(prepare(source));
    TRY(write_regions(writer, source));
    /* Never compressed: what a reader allocates per object is justified by these bits. */
    TRY(snapshot_write_bytes(writer, TAG_ALLOCATED, 0, graph->allocated,
                             source->words * sizeof(uint64_t)));
    TRY(snapshot_write_blocks(writer, TAG_DEGREES, SNAPSHOT_ZSTD, source->id_blocks, encode_degrees,
                              source));
    TRY(snapshot_write_blocks(writer, TAG_EDGES, SNAPSHOT_ZSTD,
                              (source->edges + EDGES_PER_BLOCK - 1) / EDGES_PER_BLOCK, encode_edges,
                              source));
    TRY(write_roots(writer, graph));
    return write_root_edges(writer, graph, &source->leaves);
}

struct error *snapshot_write_graph(struct snapshot_writer *writer, const struct graph *graph,
                                   const struct snapshot_regions *regions, unsigned threads)
{
    struct graph_source source = {
        .graph = graph,
        .regions = regions,
        .words = bitset_words(graph->object_ids),
        .id_blocks = ((uint64_t)graph->object_ids + IDS_PER_BLOCK - 1) / IDS_PER_BLOCK,
        .threads = threads,
    };
    struct error *error = write_all(writer, &source);
    leaf_groups_deinit(&source.leaves);
    free(source.first_edge);
    free(source.edge_id);
    return error;
}

/* -- numbers --------------------------------------------------------------------------------- */

struct number_source {
    const struct graph *graph;
    snapshot_number_of number_of;
    void *context;
};

/* Pairs of a number and how many allocated objects in a row have it. */
static struct error *encode_numbers(void *context, uint64_t block, uint8_t *bytes,
                                    uint64_t *out_size)
{
    enum { BATCH = 4096 };
    const struct number_source *source = context;
    uint32_t first = (uint32_t)(block * IDS_PER_BLOCK), numbers[BATCH];
    uint32_t end =
        (uint32_t)MIN_OF((uint64_t)first + IDS_PER_BLOCK, (uint64_t)source->graph->object_ids);
    uint32_t number = 0, run = 0;
    uint8_t *at = bytes;
    for (; first < end; first += BATCH) {
        uint32_t count = MIN_OF(end - first, (uint32_t)BATCH);
        source->number_of(source->context, first, count, numbers);
        for (uint32_t i = 0; i < count; i++) {
            if (!bitset_get(source->graph->allocated, first + i))
                continue;
            if (run && numbers[i] == number) {
                run++;
                continue;
            }
            if (run)
                at = snapshot_encode_number(snapshot_encode_number(at, number), run);
            number = numbers[i];
            run = 1;
        }
    }
    if (run)
        at = snapshot_encode_number(snapshot_encode_number(at, number), run);
    *out_size = (uint64_t)(at - bytes);
    return NULL;
}

struct error *snapshot_write_numbers(struct snapshot_writer *writer, uint32_t tag, uint32_t flags,
                                     const struct graph *graph, snapshot_number_of number_of,
                                     void *context)
{
    struct number_source source = {graph, number_of, context};
    uint64_t blocks = ((uint64_t)graph->object_ids + IDS_PER_BLOCK - 1) / IDS_PER_BLOCK;
    return snapshot_write_blocks(writer, tag, flags, blocks, encode_numbers, &source);
}
