#include "gort/specials.h"

#include <inttypes.h>
#include <string.h>

enum { FINALIZER_BLOCK_BYTES = 4096, CLEANUP_BLOCK_BYTES = 512 };

/* Brent: what was seen at the last power of two comes again in a ring. */
struct ring_check {
    uint64_t seen, next_mark, count;
};

static bool in_ring(struct ring_check *check, uint64_t address)
{
    if (address == check->seen)
        return true;
    if (++check->count >= check->next_mark) {
        check->seen = address;
        check->next_mark = check->count * 2;
    }
    return false;
}

/* Damage in one list leaves the others alone. */
static struct error *end_list(struct error *error, uint64_t *broken)
{
    if (!error || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    ++*broken;
    return NULL;
}

typedef struct error *(*visit_special)(void *context, const struct special_record *);

static struct error *each_of_span(struct go_runtime *runtime, const struct heap_span *span,
                                  visit_special visit, void *context)
{
    struct target *target = runtime->target;
    struct ring_check ring = {0};
    for (uint64_t at = span->specials, next; at; at = next) {
        uint64_t offset = 0;
        uint8_t kind;
        if (in_ring(&ring, at))
            return error_fault(at, "the special records at 0x%" PRIx64 " form a ring", at);
        TRY(target_read_u64(target, at + GO_OFFSET(runtime, special_next), &next));
        TRY(target_read(target, at + GO_OFFSET(runtime, special_offset), &offset,
                        MIN_OF(sizeof(offset),
                               (uint64_t)layout_width(runtime->layout, LAYOUT_special_offset))));
        TRY(target_read(target, at + GO_OFFSET(runtime, special_kind), &kind, 1));
        uint64_t slot = offset / span->element_size;
        const struct special_record record = {
            .address = at,
            .kind = runtime_special_kind(runtime->minor, kind),
            .span = span,
            .object = slot < span->slots ? span->first_id + (uint32_t)slot : HEAP_NONE,
        };
        TRY(visit(context, &record));
    }
    return NULL;
}

struct error *special_each(struct go_runtime *runtime, const struct heap *heap,
                           struct error *(*visit)(void *context, const struct special_record *),
                           void *context, uint64_t *out_broken)
{
    *out_broken = 0;
    for (uint64_t i = 0; i < heap->spans.count; i++)
        TRY(end_list(each_of_span(runtime, &heap->spans.data[i], visit, context), out_broken));
    return NULL;
}

/* A list of blocks: `count` entries of `size` bytes stand behind `first`. */
struct block_list {
    uint64_t head;        /* first block, or 0 */
    uint64_t next, count; /* offsets in a block */
    uint64_t first, size, bytes;
};

static struct error *each_in_blocks(struct go_runtime *runtime, const struct block_list *list,
                                    struct error *(*visit)(void *context, const uint8_t *entry),
                                    void *context)
{
    struct target *target = runtime->target;
    struct ring_check ring = {0};
    for (uint64_t block = list->head; block;) {
        uint32_t count;
        uint8_t entries[FINALIZER_BLOCK_BYTES];
        if (in_ring(&ring, block))
            return error_fault(block, "the blocks at 0x%" PRIx64 " form a ring", block);
        TRY(target_read_u32(target, block + list->count, &count));
        if (count > (list->bytes - list->first) / list->size)
            return error_fault(block, "the block at 0x%" PRIx64 " makes no sense", block);
        TRY(target_read(target, block + list->first, entries, count * list->size));
        for (uint32_t i = 0; i < count; i++)
            TRY(visit(context, entries + i * list->size));
        TRY(target_read_u64(target, block + list->next, &block));
    }
    return NULL;
}

struct finalizer_relay {
    struct go_runtime *runtime;
    struct error *(*visit)(void *context, const struct queued_finalizer *);
    void *context;
};

static struct error *relay_finalizer(void *context, const uint8_t *entry)
{
    const struct finalizer_relay *relay = context;
    struct queued_finalizer queued;
    memcpy(&queued.function, entry + GO_OFFSET(relay->runtime, finalizer_fn), 8);
    memcpy(&queued.argument, entry + GO_OFFSET(relay->runtime, finalizer_arg), 8);
    memcpy(&queued.object_type, entry + GO_OFFSET(relay->runtime, finalizer_ot), 8);
    return queued.function ? relay->visit(relay->context, &queued) : NULL;
}

struct error *special_each_queued(struct go_runtime *runtime,
                                  struct error *(*visit)(void *context,
                                                         const struct queued_finalizer *),
                                  void *context, uint64_t *out_broken)
{
    struct finalizer_relay relay = {runtime, visit, context};
    struct block_list list = {
        .next = GO_OFFSET(runtime, finblock_alllink),
        .count = GO_OFFSET(runtime, finblock_cnt),
        .first = GO_OFFSET(runtime, finblock_fin),
        .size = GO_SIZE(runtime, finalizer),
        .bytes = FINALIZER_BLOCK_BYTES,
    };
    *out_broken = 0;
    if (!runtime->globals.allfin)
        return NULL;
    TRY(target_read_u64(runtime->target, runtime->globals.allfin, &list.head));
    return end_list(each_in_blocks(runtime, &list, relay_finalizer, &relay), out_broken);
}

struct cleanup_relay {
    uint64_t bytes;
    struct error *(*visit)(void *context, const struct queued_cleanup *);
    void *context;
};

static struct error *relay_cleanup(void *context, const uint8_t *entry)
{
    const struct cleanup_relay *relay = context;
    struct queued_cleanup queued = {0};
    memcpy(queued.pointers, entry, relay->bytes);
    return relay->visit(relay->context, &queued);
}

struct error *special_each_cleanup(struct go_runtime *runtime,
                                   struct error *(*visit)(void *context,
                                                          const struct queued_cleanup *),
                                   void *context, uint64_t *out_broken)
{
    uint64_t pointers = GO_HAS(runtime, specialCleanup_cleanup) ? 3 : 1;
    struct cleanup_relay relay = {pointers * 8, visit, context};
    *out_broken = 0;
    if (!runtime->globals.gcCleanups)
        return NULL;
    struct block_list list = {
        .next = GO_OFFSET(runtime, cleanupBlockHeader_alllink),
        .count = GO_OFFSET(runtime, cleanupBlockHeader_n),
        .first = GO_OFFSET(runtime, cleanupBlock_cleanups),
        .size = relay.bytes,
        .bytes = CLEANUP_BLOCK_BYTES,
    };
    TRY(target_read_u64(runtime->target,
                        runtime->globals.gcCleanups + GO_OFFSET(runtime, cleanupQueue_all),
                        &list.head));
    return end_list(each_in_blocks(runtime, &list, relay_cleanup, &relay), out_broken);
}
