#include "gort/facts.h"

struct error *facts_read(struct go_runtime *runtime, const struct heap *heap,
                         const struct graph *graph, const struct edge_words *words,
                         struct typing *typing, struct facts *out)
{
    TRY(map_table_read(runtime, heap, graph, words, typing, &out->maps));
    return channel_table_read(runtime, heap, typing, &out->channels);
}

void facts_deinit(struct facts *facts)
{
    map_table_deinit(&facts->maps);
    channel_table_deinit(&facts->channels);
}
