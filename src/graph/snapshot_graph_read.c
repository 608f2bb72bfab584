/*
 * A graph out of a snapshot. Nothing in the file is believed: graph_analyse relies upon every edge
 * leading to an allocated object and upon leaves having no edges, so both are checked here or
 * follow from how the file is made.
 */
#include <string.h>

#include "graph/snapshot_columns.h"

#define ADDRESS_MAX ((uint64_t)1 << 57)
#define ELEMENT_BYTES_MAX ((uint64_t)UINT32_MAX * 8)

struct graph_reading {
    struct snapshot_file *file;
    struct graph *graph;
    struct snapshot_regions regions;
    struct leaf_groups leaves;
    uint64_t object_ids, edges, id_blocks;
    uint64_t *first_edge, *end_edge; /* by block of ids */
};

/* -- HEAP and ALOC --------------------------------------------------------------------------- */

static bool take_region(struct cursor *bytes, uint64_t object_ids, uint64_t *next_id,
                        uint64_t *next_address, struct snapshot_region *out)
{
    uint64_t gap = cursor_uleb(bytes), address_gap = cursor_uleb(bytes);
    uint64_t words = cursor_uleb(bytes), slots = cursor_uleb(bytes), flags = cursor_uleb(bytes);
    uint64_t first = *next_id + gap * 8, size = words * 8;
    if (cursor_failed(bytes) || gap > object_ids || first > object_ids || !slots ||
        slots > object_ids - first || !words || size > ELEMENT_BYTES_MAX ||
        address_gap > ADDRESS_MAX || *next_address + address_gap > ADDRESS_MAX)
        return false;
    uint64_t address = *next_address + address_gap;
    if (slots * size > ADDRESS_MAX - address)
        return false;
    *out = (struct snapshot_region){
        .address = address,
        .element_size = size,
        .first_id = (uint32_t)first,
        .slots = (uint32_t)slots,
        .no_pointers = flags & REGION_NO_POINTERS,
        .has_header = flags & REGION_HAS_HEADER,
    };
    *next_id = (first + slots + 7) & ~(uint64_t)7;
    *next_address = address + slots * size;
    return true;
}

/* Counts first: they must be justified by what the file has of each. */
static struct error *take_regions(struct graph_reading *r, const struct snapshot_chunk *chunk,
                                  const struct snapshot_chunk *allocated, struct cursor *bytes)
{
    const struct snapshot_chunk *edges = snapshot_chunk_find(r->file, TAG_EDGES);
    r->object_ids = cursor_uleb(bytes);
    r->edges = cursor_uleb(bytes);
    uint64_t count = cursor_uleb(bytes), next_id = 0, next_address = 0;
    if (cursor_failed(bytes) || r->object_ids % 8 || r->object_ids > GRAPH_IDS_MAX ||
        allocated->flags & SNAPSHOT_ZSTD || bitset_words(r->object_ids) * 8 != allocated->raw_bytes)
        return snapshot_chunk_damage(r->file, chunk, "it has an impossible number of objects");
    if (r->edges > (edges ? edges->raw_bytes : 0) || count > bytes->size)
        return snapshot_chunk_damage(r->file, chunk, "it has an impossible number of edges");
    r->id_blocks = (r->object_ids + IDS_PER_BLOCK - 1) / IDS_PER_BLOCK;
    TRY(vector_reserve(&r->regions.items, count));
    for (uint64_t i = 0; i < count; i++) {
        struct snapshot_region region;
        if (!take_region(bytes, r->object_ids, &next_id, &next_address, &region))
            return snapshot_chunk_damage(r->file, chunk, "a span of it is impossible");
        TRY(vector_push(&r->regions.items, region));
    }
    if (bytes->position != bytes->size)
        return snapshot_chunk_damage(r->file, chunk, "something follows the last span");
    return NULL;
}

static struct error *read_regions(struct graph_reading *r, const struct snapshot_chunk *allocated)
{
    const struct snapshot_chunk *chunk;
    uint8_t *bytes;
    uint64_t size;
    TRY(snapshot_chunk_require(r->file, TAG_HEAP, &chunk));
    TRY(snapshot_read_bytes(r->file, chunk, UINT32_MAX, &bytes, &size));
    struct cursor cursor = cursor_make(bytes, size);
    struct error *error = take_regions(r, chunk, allocated, &cursor);
    free(bytes);
    return error;
}

static struct error *copy_allocated(void *context, const struct snapshot_block *block,
                                    struct cursor *bytes)
{
    struct graph_reading *r = context;
    uint64_t at = (uint64_t)block->number * SNAPSHOT_BLOCK_MAX;
    uint64_t room = bitset_words(r->object_ids) * 8;
    if (at > room || bytes->size > room - at)
        return snapshot_damage(block, "its blocks are cut at unexpected places");
    if (bytes->size)
        memcpy((uint8_t *)r->graph->allocated + at, bytes->bytes, bytes->size);
    return NULL;
}

/* Bits from … to of the set; from is a multiple of 8. */
static uint64_t count_bits(const uint64_t *set, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    while (from < to) {
        uint64_t n = MIN_OF(64 - from % 64, to - from);
        uint64_t mask = n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
        sum += (uint64_t)__builtin_popcountll(set[from / 64] >> from % 64 & mask);
        from += n;
    }
    return sum;
}

/* Sizes, totals; every allocated object must lie in a region. */
static struct error *fill_objects(struct graph_reading *r, const struct snapshot_chunk *chunk)
{
    struct graph *graph = r->graph;
    uint64_t all = count_bits(graph->allocated, 0, bitset_words(r->object_ids) * 64);
    for (uint64_t i = 0; i < r->regions.items.count; i++) {
        const struct snapshot_region *region = &r->regions.items.data[i];
        uint64_t end = (uint64_t)region->first_id + region->slots;
        uint64_t objects = count_bits(graph->allocated, region->first_id, end);
        graph->totals.allocated_objects += objects;
        graph->totals.allocated_bytes += objects * region->element_size;
        for (uint64_t id = region->first_id; id < end; id += 8)
            graph->size_words[id / 8] = (uint32_t)(region->element_size / 8);
    }
    graph->totals.edges = r->edges;
    if (all != graph->totals.allocated_objects)
        return snapshot_chunk_damage(r->file, chunk, "an allocated object is in no span");
    return leaf_groups_init(&r->leaves, &r->regions, graph->object_ids);
}

static struct error *read_objects(struct graph_reading *r)
{
    const struct snapshot_chunk *chunk;
    TRY(snapshot_chunk_require(r->file, TAG_ALLOCATED, &chunk));
    TRY(read_regions(r, chunk));
    TRY(graph_create(r->object_ids, r->edges, &r->graph));
    TRY(snapshot_read_blocks(r->file, chunk, copy_allocated, r));
    return fill_objects(r, chunk);
}

/* -- DEGR and EDGE --------------------------------------------------------------------------- */

/* A LEB128 number of 32 bits; false when it is none or does not end before end. */
static inline bool take_u32(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
    uint32_t number = 0;
    for (unsigned shift = 0; shift < 35 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        if (shift == 28 && byte > 15)
            return false;
        number |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = number;
            return true;
        }
    }
    return false;
}

static struct error *decode_degrees(void *context, const struct snapshot_block *block,
                                    struct cursor *bytes)
{
    struct graph_reading *r = context;
    struct graph *graph = r->graph;
    uint64_t first = (uint64_t)block->number * IDS_PER_BLOCK;
    uint64_t end = MIN_OF(first + IDS_PER_BLOCK, r->object_ids), edge = cursor_uleb(bytes);
    if (cursor_failed(bytes) || edge > r->edges || first >= r->object_ids)
        return snapshot_damage(block, "a count of edges is impossible");
    const uint8_t *at = bytes->bytes + bytes->position, *limit = bytes->bytes + bytes->size;
    r->first_edge[block->number] = edge;
    for (uint64_t word = first / 64; word * 64 < end; word++) {
        uint64_t inner = inner_word(graph, &r->leaves, word);
        uint64_t last = MIN_OF(word * 64 + 64, end);
        for (uint64_t id = word * 64; id < last; id++, inner >>= 1) {
            uint32_t degree = 0;
            graph->edge_begin[id] = (uint32_t)edge;
            if ((inner & 1) && (!take_u32(&at, limit, &degree) || degree > r->edges - edge))
                return snapshot_damage(block, "a count of edges is impossible");
            edge += degree;
        }
    }
    r->end_edge[block->number] = edge;
    return at == limit ? NULL : snapshot_damage(block, "something follows the last object");
}

static struct error *read_degrees(struct graph_reading *r)
{
    const struct snapshot_chunk *chunk = snapshot_chunk_find(r->file, TAG_DEGREES);
    uint64_t edge = 0, blocks = chunk ? chunk->block_count : 0;
    if (blocks != r->id_blocks)
        return error_format(r->file->size, "the snapshot has the edges of %llu blocks of %llu",
                            (unsigned long long)blocks, (unsigned long long)r->id_blocks);
    TRY(memory_array(blocks, sizeof(uint64_t), &r->first_edge));
    TRY(memory_array(blocks, sizeof(uint64_t), &r->end_edge));
    if (chunk)
        TRY(snapshot_read_blocks(r->file, chunk, decode_degrees, r));
    for (uint64_t b = 0; b < blocks; b++) {
        if (r->first_edge[b] != edge)
            return snapshot_chunk_damage(r->file, chunk, "its blocks do not fit each other");
        edge = r->end_edge[b];
    }
    if (edge != r->edges)
        return error_format(r->file->size, "the snapshot has %llu edges instead of %llu",
                            (unsigned long long)edge, (unsigned long long)r->edges);
    r->graph->edge_begin[r->object_ids] = (uint32_t)edge;
    return NULL;
}

/* An object that edges may lead to; GRAPH_LEAF is added where it belongs. */
static inline bool check_target(const struct graph_reading *r, uint32_t target, uint32_t *out)
{
    if (target >= r->object_ids || !bitset_get(r->graph->allocated, target))
        return false;
    *out = leaf_group(&r->leaves, target) ? target | GRAPH_LEAF : target;
    return true;
}

static struct error *decode_edges(void *context, const struct snapshot_block *block,
                                  struct cursor *bytes)
{
    struct graph_reading *r = context;
    const uint32_t *begin = r->graph->edge_begin;
    uint64_t edge = (uint64_t)block->number * EDGES_PER_BLOCK, id = cursor_uleb(bytes);
    uint64_t end = MIN_OF(edge + EDGES_PER_BLOCK, r->edges);
    uint32_t last[PREDICTORS] = {0};
    if (cursor_failed(bytes) || edge >= r->edges || id >= r->object_ids || begin[id] > edge ||
        begin[id + 1] <= edge)
        return snapshot_damage(block, "its first edge belongs to another object");
    const uint8_t *at = bytes->bytes + bytes->position, *limit = bytes->bytes + bytes->size;
    for (; edge < end; id++) {
        uint64_t object_end = MIN_OF((uint64_t)begin[id + 1], end);
        for (uint64_t k = edge - begin[id]; edge < object_end; edge++, k++) {
            uint32_t difference;
            if (!take_u32(&at, limit, &difference))
                return snapshot_damage(block, "an edge is missing");
            uint32_t target = last[k % PREDICTORS] + unzigzag(difference);
            last[k % PREDICTORS] = target;
            if (!check_target(r, target, &r->graph->edges[edge]))
                return snapshot_damage(block, "an edge leads to no object");
        }
    }
    return at == limit ? NULL : snapshot_damage(block, "something follows the last edge");
}

static struct error *read_edges(struct graph_reading *r)
{
    const struct snapshot_chunk *chunk = snapshot_chunk_find(r->file, TAG_EDGES);
    uint64_t blocks = chunk ? chunk->block_count : 0;
    if (blocks != (r->edges + EDGES_PER_BLOCK - 1) / EDGES_PER_BLOCK)
        return error_format(r->file->size, "the snapshot has %llu blocks for %llu edges",
                            (unsigned long long)blocks, (unsigned long long)r->edges);
    return chunk ? snapshot_read_blocks(r->file, chunk, decode_edges, r) : NULL;
}

/* -- ROOT and REDG --------------------------------------------------------------------------- */

typedef struct error *(*take_chunk)(struct graph_reading *r, const struct snapshot_chunk *chunk,
                                    struct cursor *bytes);

static struct error *with_chunk(struct graph_reading *r, uint32_t tag, take_chunk take)
{
    const struct snapshot_chunk *chunk;
    uint8_t *bytes;
    uint64_t size;
    TRY(snapshot_chunk_require(r->file, tag, &chunk));
    TRY(snapshot_read_bytes(r->file, chunk, UINT64_C(1) << 34, &bytes, &size));
    struct cursor cursor = cursor_make(bytes, size);
    struct error *error = take(r, chunk, &cursor);
    if (!error && cursor.position != size)
        error = snapshot_chunk_damage(r->file, chunk, "something follows its end");
    free(bytes);
    return error;
}

static struct error *take_roots(struct graph_reading *r, const struct snapshot_chunk *chunk,
                                struct cursor *bytes)
{
    uint64_t count = cursor_uleb(bytes);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t distance = cursor_uleb(bytes), class = distance ? 0 : cursor_u8(bytes);
        uint32_t parent = distance ? (uint32_t)(i - distance) : GRAPH_NONE, root;
        if (cursor_failed(bytes) || distance > i || class > SNAPSHOT_CLASS_MAX)
            return snapshot_chunk_damage(r->file, chunk, "a root of it is impossible");
        TRY(graph_add_root(r->graph, parent, (uint8_t) class, &root));
    }
    return NULL;
}

static struct error *take_root_edges(struct graph_reading *r, const struct snapshot_chunk *chunk,
                                     struct cursor *bytes)
{
    uint64_t count = cursor_uleb(bytes);
    uint32_t root = 0, target = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t root_step = cursor_uleb(bytes), step = cursor_uleb(bytes);
        if (cursor_failed(bytes) || root_step > UINT32_MAX || step > UINT32_MAX)
            return snapshot_chunk_damage(r->file, chunk, "an edge of it is impossible");
        uint32_t checked;
        root += unzigzag((uint32_t)root_step);
        target += unzigzag((uint32_t)step);
        if (root >= r->graph->roots.count || !check_target(r, target, &checked))
            return snapshot_chunk_damage(r->file, chunk, "an edge of it leads to no object");
        TRY(graph_add_root_edge(r->graph, root, checked));
    }
    return NULL;
}

static struct error *read_all(struct graph_reading *r)
{
    TRY(read_objects(r));
    TRY(read_degrees(r));
    TRY(read_edges(r));
    TRY(with_chunk(r, TAG_ROOTS, take_roots));
    return with_chunk(r, TAG_ROOT_EDGES, take_root_edges);
}

struct error *snapshot_read_graph(struct snapshot_file *file, struct graph **out_graph,
                                  struct snapshot_regions *out_regions)
{
    struct graph_reading r = {.file = file};
    struct error *error = read_all(&r);
    leaf_groups_deinit(&r.leaves);
    free(r.first_edge);
    free(r.end_edge);
    if (error) {
        graph_destroy(r.graph);
        vector_deinit(&r.regions.items);
        return error;
    }
    *out_graph = r.graph;
    out_regions->items.data = r.regions.items.data;
    out_regions->items.count = r.regions.items.count;
    out_regions->items.capacity = r.regions.items.capacity;
    return NULL;
}

/* -- numbers --------------------------------------------------------------------------------- */

struct number_reading {
    const struct graph *graph;
    uint32_t most, *numbers;
};

static struct error *decode_numbers(void *context, const struct snapshot_block *block,
                                    struct cursor *bytes)
{
    struct number_reading *r = context;
    uint64_t first = (uint64_t)block->number * IDS_PER_BLOCK;
    uint64_t end = MIN_OF(first + IDS_PER_BLOCK, (uint64_t)r->graph->object_ids);
    uint64_t number = 0, run = 0;
    for (uint64_t id = first; id < end; id++) {
        if (!bitset_get(r->graph->allocated, id))
            continue;
        if (!run) {
            number = cursor_uleb(bytes);
            run = cursor_uleb(bytes);
            if (cursor_failed(bytes) || !run || number > r->most)
                return snapshot_damage(block, "a number of it is impossible");
        }
        r->numbers[id] = (uint32_t)number;
        run--;
    }
    if (run || bytes->position != bytes->size)
        return snapshot_damage(block, "something follows the last object");
    return NULL;
}

struct error *snapshot_read_numbers(struct snapshot_file *file, uint32_t tag,
                                    const struct graph *graph, uint32_t most, uint32_t **out)
{
    struct number_reading r = {.graph = graph, .most = most};
    const struct snapshot_chunk *chunk = snapshot_chunk_find(file, tag);
    uint64_t bytes = (uint64_t)graph->object_ids * sizeof(uint32_t);
    uint64_t blocks = ((uint64_t)graph->object_ids + IDS_PER_BLOCK - 1) / IDS_PER_BLOCK;
    if ((chunk ? chunk->block_count : 0) != blocks)
        return error_format(file->size, "the snapshot has no %.4s for some objects",
                            (const char *)&tag);
    TRY(big_array(bytes, &r.numbers));
    struct error *error = chunk ? snapshot_read_blocks(file, chunk, decode_numbers, &r) : NULL;
    if (error) {
        big_array_free(r.numbers, bytes);
        return error;
    }
    *out = r.numbers;
    return NULL;
}
