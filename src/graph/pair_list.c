#include "graph/pair_list.h"

#include <string.h>

_Static_assert(sizeof(struct pair_chunk) == PAIR_CHUNK_BYTES, "a chunk fills its mapping");

struct error *pair_list_new_chunk(struct pair_list *list)
{
    TRY(vector_reserve(&list->chunks, list->chunks.count + 1));
    struct pair_chunk *chunk;
    TRY(big_array(sizeof(*chunk), &chunk));
    list->chunks.data[list->chunks.count++] = chunk;
    return NULL;
}

struct error *pair_list_append(struct pair_list *to, struct pair_list *from)
{
    TRY(vector_reserve(&to->chunks, to->chunks.count + from->chunks.count));
    if (from->chunks.count) {
        memcpy(to->chunks.data + to->chunks.count, from->chunks.data,
               from->chunks.count * sizeof(from->chunks.data[0]));
        to->chunks.count += from->chunks.count;
    }
    vector_deinit(&from->chunks);
    return NULL;
}

uint64_t pair_list_count(const struct pair_list *list)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < list->chunks.count; i++)
        count += list->chunks.data[i] ? list->chunks.data[i]->count : 0;
    return count;
}

void pair_list_free_chunk(struct pair_list *list, uint64_t index)
{
    big_array_free(list->chunks.data[index], sizeof(struct pair_chunk));
    list->chunks.data[index] = NULL;
}

void pair_list_deinit(struct pair_list *list)
{
    for (uint64_t i = 0; i < list->chunks.count; i++)
        pair_list_free_chunk(list, i);
    vector_deinit(&list->chunks);
}
