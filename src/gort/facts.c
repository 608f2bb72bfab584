#include "gort/facts.h"

struct error *facts_read(struct go_runtime *runtime, const struct heap *heap, struct facts *out)
{
    *out = (struct facts){0};
    TRY(gc_figures_read(runtime, &out->gc));
    TRY(pool_table_read(runtime, heap, &out->pools));
    return arena_chunk_table_read(runtime, heap, &out->arena_chunks);
}

void facts_deinit(struct facts *facts)
{
    pool_table_deinit(&facts->pools);
    arena_chunk_table_deinit(&facts->arena_chunks);
}
