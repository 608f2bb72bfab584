#include "gort/pools.h"

#include "base/hash.h"
#include "gort/references.h"

enum {
    POOLS_MAX = 1 << 20,
    LOCALS_MAX = 1 << 16, /* Ps */
    RINGS_MAX = 64,       /* of a chain: each is twice as large as the one before */
    SLOTS_MAX = 1 << 24,  /* of rings, in use, of all pools */
    SLOT_BYTES = 16,      /* eface */
};

struct reader {
    struct go_runtime *runtime;
    const struct heap *heap;
    struct hash_map known; /* addresses of the pools that were read */
    uint64_t slots;        /* of rings, read so far */
    struct pool_table *out;
};

static struct error *add_item(struct reader *r, uint64_t slot, uint64_t value)
{
    const struct pool_item item = {
        .source = heap_find(r->heap, slot),
        .object = heap_find(r->heap, value),
    };
    if (item.source == HEAP_NONE || item.object == HEAP_NONE)
        return NULL;
    return vector_push(&r->out->items, item);
}

/* Do so many slots stand at address? */
static bool has_slots(const struct reader *r, uint64_t address, uint64_t count)
{
    uint32_t id = heap_find(r->heap, address);
    if (id == HEAP_NONE)
        return false;
    const struct heap_span *span = heap_span_of(r->heap, id);
    return count <= (heap_slot_address(span, id) + span->element_size - address) / SLOT_BYTES;
}

/* poolDequeue: headTail has the index of the next push above 32 bits, of the oldest below. */
static struct error *add_ring(struct reader *r, uint64_t ring)
{
    struct target *target = r->runtime->target;
    uint64_t head_tail, vals[2];
    TRY(target_read_u64(target, ring + GO_OFFSET(r->runtime, sync_poolDequeue_headTail),
                        &head_tail));
    TRY(target_read(target, ring + GO_OFFSET(r->runtime, sync_poolDequeue_vals), vals,
                    sizeof(vals)));
    uint32_t head = (uint32_t)(head_tail >> 32), tail = (uint32_t)head_tail;
    uint64_t size = vals[1];
    if (!size || (size & (size - 1)) || head - tail > size || !has_slots(r, vals[0], size))
        return NULL;
    for (uint32_t i = tail; i != head && r->slots < SLOTS_MAX; i++, r->slots++) {
        uint64_t at = vals[0] + (i & (size - 1)) * SLOT_BYTES, slot[2];
        TRY(target_read(target, at, slot, sizeof(slot)));
        if (slot[0] && slot[1])
            TRY(add_item(r, at, slot[1]));
    }
    return NULL;
}

/* From the tail, which is the oldest and smallest ring, along next. */
static struct error *add_chain(struct reader *r, uint64_t chain)
{
    struct target *target = r->runtime->target;
    uint64_t ring;
    TRY(target_read_u64(target, chain + GO_OFFSET(r->runtime, sync_poolChain_tail), &ring));
    for (unsigned i = 0; ring && i < RINGS_MAX; i++) {
        if (heap_find(r->heap, ring) == HEAP_NONE)
            return NULL;
        TRY(add_ring(r, ring + GO_OFFSET(r->runtime, sync_poolChainElt_poolDequeue)));
        TRY(target_read_u64(target, ring + GO_OFFSET(r->runtime, sync_poolChainElt_next), &ring));
    }
    return NULL;
}

static struct error *add_locals(struct reader *r, uint64_t locals, uint64_t count)
{
    struct go_runtime *runtime = r->runtime;
    uint64_t internal = GO_OFFSET(runtime, sync_poolLocal_poolLocalInternal);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t local = locals + i * GO_SIZE(runtime, sync_poolLocal) + internal, slot[2];
        uint64_t at = local + GO_OFFSET(runtime, sync_poolLocalInternal_private);
        TRY(target_read(runtime->target, at, slot, sizeof(slot)));
        if (slot[0] && slot[1])
            TRY(add_item(r, at, slot[1]));
        TRY(add_chain(r, local + GO_OFFSET(runtime, sync_poolLocalInternal_shared)));
    }
    return NULL;
}

struct locals { /* of a pool, and its victims */
    uint64_t address[2], count[2];
};

/* false: what stands there is no pool */
static bool read_locals(const struct reader *r, uint64_t pool, struct locals *out)
{
    struct go_runtime *runtime = r->runtime;
    const uint64_t offsets[2] = {GO_OFFSET(runtime, sync_Pool_local),
                                 GO_OFFSET(runtime, sync_Pool_victim)};
    const uint64_t sizes[2] = {GO_OFFSET(runtime, sync_Pool_localSize),
                               GO_OFFSET(runtime, sync_Pool_victimSize)};
    if (pool % 8)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        struct error *error = target_read_u64(runtime->target, pool + offsets[i], &out->address[i]);
        if (!error)
            error = target_read_u64(runtime->target, pool + sizes[i], &out->count[i]);
        error_destroy(error);
        if (error || out->count[i] > LOCALS_MAX || !out->address[i] != !out->count[i])
            return false;
        if (!out->count[i])
            continue;
        uint32_t id = heap_find(r->heap, out->address[i]);
        if (id == HEAP_NONE || heap_span_of(r->heap, id)->element_size <
                                   out->count[i] * GO_SIZE(runtime, sync_poolLocal))
            return false;
    }
    return true;
}

/* What damage puts out of reach is left out. */
static struct error *pass_over(struct error *error)
{
    if (!error || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    return NULL;
}

static struct error *add_pool(struct reader *r, uint64_t address)
{
    struct pool_table *table = r->out;
    struct locals locals;
    uint64_t *value;
    bool added; /* a pool with victims that is in use again is in both lists */
    TRY(hash_map_insert(&r->known, address, &value, &added));
    if (!added || !read_locals(r, address, &locals))
        return NULL;
    struct pool pool = {
        .address = address,
        .object = heap_find(r->heap, address),
        .locals = (uint32_t)MAX_OF(locals.count[0], locals.count[1]),
        .first_item = table->items.count,
    };
    for (unsigned i = 0; i < 2; i++)
        TRY(pass_over(add_locals(r, locals.address[i], locals.count[i])));
    pool.item_count = table->items.count - pool.first_item;
    return pool.item_count ? vector_push(&table->pools, pool) : NULL;
}

/* Is this the header of a slice of pools? All of them must look like one. */
static bool is_pool_list(const struct reader *r, uint64_t address, uint64_t *out_data,
                         uint64_t *out_count)
{
    struct go_runtime *runtime = r->runtime;
    uint64_t header[3];
    struct error *error = target_read(runtime->target, address, header, sizeof(header));
    error_destroy(error);
    if (error || !header[1] || header[1] > header[2] || header[2] > POOLS_MAX ||
        heap_find(r->heap, header[0]) == HEAP_NONE)
        return false;
    for (uint64_t i = 0; i < header[1]; i++) {
        struct locals locals;
        uint64_t pool;
        error = target_read_u64(runtime->target, header[0] + 8 * i, &pool);
        error_destroy(error);
        if (error || !read_locals(r, pool, &locals))
            return false;
    }
    *out_data = header[0];
    *out_count = header[1];
    return true;
}

static struct error *add_pools(struct reader *r, uint64_t data, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t pool = 0;
        TRY(pass_over(target_read_u64(r->runtime->target, data + 8 * i, &pool)));
        if (pool)
            TRY(add_pool(r, pool));
    }
    return NULL;
}

static struct error *read_lists(struct reader *r)
{
    struct reference references[REFERENCES_MAX];
    uint32_t count;
    TRY(references_of_function(r->runtime, "sync.poolCleanup", references, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t data, pools;
        if (is_pool_list(r, references[i].address, &data, &pools))
            TRY(add_pools(r, data, pools));
    }
    return NULL;
}

struct error *pool_table_read(struct go_runtime *runtime, const struct heap *heap,
                              struct pool_table *out)
{
    struct reader reader = {.runtime = runtime, .heap = heap, .out = out};
    *out = (struct pool_table){0};
    struct error *error = pass_over(read_lists(&reader));
    hash_map_deinit(&reader.known);
    return error;
}

void pool_table_deinit(struct pool_table *table)
{
    vector_deinit(&table->pools);
    vector_deinit(&table->items);
}
