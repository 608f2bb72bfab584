/*
 * Lists of pairs of 32-bit numbers, written by one thread each in chunks of 1 MiB, then read (and
 * freed) chunk by chunk by many. 8 B per pair; nothing is ever copied.
 */
#ifndef LEAKHOUND_GRAPH_PAIR_LIST_H
#define LEAKHOUND_GRAPH_PAIR_LIST_H

#include "base/memory.h"

struct pair {
    uint32_t a, b;
};

enum { PAIR_CHUNK_BYTES = 1 << 20, PAIRS_PER_CHUNK = PAIR_CHUNK_BYTES / 8 - 1 };
struct pair_chunk {
    uint64_t count;
    struct pair pairs[PAIRS_PER_CHUNK];
};

/* Zero-initialised it is empty. A chunk that is done with may be freed early (and is then NULL). */
struct pair_list {
    VECTOR(struct pair_chunk *) chunks;
};

struct error *pair_list_new_chunk(struct pair_list *list) ERROR_CHECK;

static inline ERROR_CHECK struct error *pair_list_push(struct pair_list *list, uint32_t a,
                                                       uint32_t b)
{
    struct pair_chunk *last = list->chunks.count ? list->chunks.data[list->chunks.count - 1] : NULL;
    if (__builtin_expect(!last || last->count == PAIRS_PER_CHUNK, 0)) {
        TRY(pair_list_new_chunk(list));
        last = list->chunks.data[list->chunks.count - 1];
    }
    last->pairs[last->count++] = (struct pair){a, b};
    return NULL;
}

/* Moves all chunks of from to the end of to. */
struct error *pair_list_append(struct pair_list *to, struct pair_list *from) ERROR_CHECK;
uint64_t pair_list_count(const struct pair_list *list);
void pair_list_free_chunk(struct pair_list *list, uint64_t index);
void pair_list_deinit(struct pair_list *list);

#endif
