#include "gort/facts.h"

static struct error *read_windows(struct go_runtime *runtime, const struct heap *heap,
                                  const struct graph *graph, const struct root_table *roots,
                                  const struct variable_table *variables,
                                  const struct edge_words *words, const struct typing *typing,
                                  struct facts *out)
{
    struct string_sample sample;
    if (runtime->is_racy) /* the edges are of one moment, the windows would be of another */
        return NULL;
    TRY(string_sample_begin(heap, &sample));
    struct error *error =
        windows_read(runtime, heap, graph, roots, variables, words, typing, &sample, &out->windows);
    if (!error)
        error = equal_strings_read(runtime->target, heap, &sample, &out->equal_strings);
    string_sample_end(&sample);
    return error;
}

struct error *facts_read(struct go_runtime *runtime, const struct heap *heap,
                         const struct graph *graph, const struct root_table *roots,
                         const struct variable_table *variables, const struct edge_words *words,
                         const struct goroutine_list *goroutines, struct typing *typing,
                         struct facts *out)
{
    TRY(map_table_read(runtime, heap, graph, words, typing, &out->maps));
    TRY(superseded_read(runtime, heap, typing, &out->maps, &out->superseded));
    TRY(channel_table_read(runtime, heap, typing, &out->channels));
    TRY(blocked_read(runtime, heap, goroutines, &out->blocked));
    TRY(defer_piles_read(runtime, heap, goroutines, &out->defer_piles));
    TRY(gc_figures_read(runtime, &out->gc));
    TRY(pool_table_read(runtime, heap, &out->pools));
    TRY(arena_chunk_table_read(runtime, heap, &out->arena_chunks));
    return read_windows(runtime, heap, graph, roots, variables, words, typing, out);
}

void facts_deinit(struct facts *facts)
{
    map_table_deinit(&facts->maps);
    superseded_table_deinit(&facts->superseded);
    channel_table_deinit(&facts->channels);
    windows_deinit(&facts->windows);
    equal_strings_deinit(&facts->equal_strings);
    pool_table_deinit(&facts->pools);
    arena_chunk_table_deinit(&facts->arena_chunks);
    blocked_deinit(&facts->blocked);
    defer_piles_deinit(&facts->defer_piles);
}
