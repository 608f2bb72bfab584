#include "gort/facts.h"

struct error *facts_read(struct go_runtime *runtime, const struct heap *heap,
                         const struct graph *graph, const struct edge_words *words,
                         struct typing *typing, struct facts *out)
{
    TRY(map_table_read(runtime, heap, graph, words, typing, &out->maps));
    TRY(superseded_read(runtime, heap, typing, &out->maps, &out->superseded));
    return channel_table_read(runtime, heap, typing, &out->channels);
}

void facts_deinit(struct facts *facts)
{
    map_table_deinit(&facts->maps);
    superseded_table_deinit(&facts->superseded);
    channel_table_deinit(&facts->channels);
}
