#include "graph/arrivals.h"

#include "base/parallel.h"

enum {
    SHIFT_LEAST = 10,
    SHIFT_MOST = 16,
    PAIRS_PER_BLOCK = 2048, /* wanted: 16 KiB, and as much again of what they refer to */
    BLOCKS_MOST = 65536,
    SORTERS_MAX = 8,
};

struct sorting {
    struct pair_list *edges;
    struct arrivals *arrivals;
    unsigned parts;
    uint64_t *next[SORTERS_MAX]; /* by part, by block: how many, then where the next goes */
};

static void choose_blocks(struct arrivals *a, uint32_t targets)
{
    a->shift = SHIFT_LEAST;
    while (a->shift < SHIFT_MOST && a->count << a->shift < (uint64_t)targets * PAIRS_PER_BLOCK)
        a->shift++;
    while ((uint64_t)targets >> a->shift >= BLOCKS_MOST)
        a->shift++;
    a->block_count = ((uint64_t)targets >> a->shift) + 1;
}

static void part_chunks(const struct sorting *s, unsigned part, uint64_t *begin, uint64_t *end)
{
    uint64_t chunks = s->edges->chunks.count;
    *begin = chunks * part / s->parts;
    *end = chunks * (part + 1) / s->parts;
}

static struct error *count_part(void *context, unsigned part)
{
    struct sorting *s = context;
    uint64_t c, end, *count = s->next[part];
    unsigned shift = s->arrivals->shift;
    for (part_chunks(s, part, &c, &end); c < end; c++) {
        const struct pair_chunk *chunk = s->edges->chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++)
            count[chunk->pairs[i].b >> shift]++;
    }
    return NULL;
}

static struct error *place_part(void *context, unsigned part)
{
    struct sorting *s = context;
    uint64_t c, end, *next = s->next[part];
    unsigned shift = s->arrivals->shift;
    for (part_chunks(s, part, &c, &end); c < end; c++) {
        const struct pair_chunk *chunk = s->edges->chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++)
            s->arrivals->pairs[next[chunk->pairs[i].b >> shift]++] = chunk->pairs[i];
        pair_list_free_chunk(s->edges, c);
    }
    return NULL;
}

static struct error *sort(struct sorting *s)
{
    struct arrivals *a = s->arrivals;
    for (unsigned p = 0; p < s->parts; p++)
        TRY(memory_array(a->block_count, sizeof(uint64_t), &s->next[p]));
    TRY(memory_array(a->block_count + 1, sizeof(uint64_t), &a->begin));
    TRY(big_array(a->count * sizeof(struct pair), &a->pairs));
    TRY(parallel_run(s->parts, count_part, s));
    uint64_t at = 0;
    for (uint64_t block = 0; block < a->block_count; block++) {
        a->begin[block] = at;
        for (unsigned p = 0; p < s->parts; p++) {
            uint64_t count = s->next[p][block];
            s->next[p][block] = at;
            at += count;
        }
    }
    a->begin[a->block_count] = at;
    return parallel_run(s->parts, place_part, s);
}

struct error *arrivals_sort(struct pair_list *edges, uint32_t targets, unsigned threads,
                            struct arrivals *out)
{
    struct arrivals made = {.count = pair_list_count(edges)};
    if (made.count >= UINT32_MAX)
        return error_create(ERROR_LIMIT, "the heap has over 4294967294 edges between objects with "
                                         "several predecessors");
    choose_blocks(&made, targets);
    struct sorting s = {.edges = edges, .arrivals = &made};
    s.parts = (unsigned)MIN_OF((uint64_t)MIN_OF(threads, (unsigned)SORTERS_MAX),
                               MAX_OF(edges->chunks.count, (uint64_t)1));
    struct error *error = sort(&s);
    for (unsigned p = 0; p < s.parts; p++)
        free(s.next[p]);
    pair_list_deinit(edges);
    if (error) {
        arrivals_deinit(&made);
        return error;
    }
    *out = made;
    return NULL;
}

void arrivals_deinit(struct arrivals *arrivals)
{
    big_array_free(arrivals->pairs, arrivals->count * sizeof(struct pair));
    free(arrivals->begin);
    *arrivals = (struct arrivals){0};
}
