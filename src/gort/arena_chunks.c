#include "gort/arena_chunks.h"

#include "base/bitset.h"

static struct error *add(struct go_runtime *runtime, const struct heap_span *span,
                         struct arena_chunk_table *out)
{
    struct arena_chunk chunk = {
        .object = span->first_id,
        .bytes = span->element_size,
        .used_bytes = span->element_size,
    };
    uint64_t rest[2]; /* addrRange: base, limit */
    struct error *error =
        target_read(runtime->target, span->address + GO_OFFSET(runtime, mspan_userArenaChunkFree),
                    rest, sizeof(rest));
    error_destroy(error);
    if (!error && rest[0] <= rest[1] && rest[1] - rest[0] <= chunk.bytes)
        chunk.used_bytes -= rest[1] - rest[0];
    return vector_push(&out->items, chunk);
}

struct error *arena_chunk_table_read(struct go_runtime *runtime, const struct heap *heap,
                                     struct arena_chunk_table *out)
{
    *out = (struct arena_chunk_table){0};
    if (!GO_HAS(runtime, mspan_userArenaChunkFree))
        return NULL;
    for (uint64_t i = 0; i < heap->spans.count; i++) {
        const struct heap_span *span = &heap->spans.data[i];
        if (span->is_user_arena && bitset_get(heap->allocated, span->first_id))
            TRY(add(runtime, span, out));
    }
    return NULL;
}

void arena_chunk_table_deinit(struct arena_chunk_table *table)
{
    vector_deinit(&table->items);
}
