#include "gort/edge_words.h"

#include "base/bitset.h"

enum { READ_WORDS = 1 << 15, PAGE_WORDS = HEAP_PAGE_SIZE / 8 };

struct error *edge_words_create(const struct heap *heap, struct edge_words *out)
{
    struct edge_words words = {0};
    uint64_t pages = 0;
    TRY(memory_array(heap->spans.count, sizeof(*words.places), &words.places));
    for (uint64_t s = 0; s < heap->spans.count; s++) {
        words.places[s] = (uint32_t)pages; /* of page_count, which fits */
        if (!heap->spans.data[s].no_pointers)
            pages += heap->spans.data[s].pages;
    }
    words.bits_bytes = pages * PAGE_WORDS / 8 + 8;
    struct error *error = big_array(words.bits_bytes, &words.bits);
    if (error) {
        free(words.places);
        return error;
    }
    *out = words;
    return NULL;
}

void edge_words_deinit(struct edge_words *words)
{
    if (words->bits)
        big_array_free(words->bits, words->bits_bytes);
    free(words->places);
    vector_deinit(&words->variables);
    *words = (struct edge_words){0};
}

static struct error *add_section(struct go_runtime *runtime, const struct heap *heap,
                                 uint64_t start, uint64_t end, struct edge_words *words)
{
    CLEANUP_FREE uint64_t *read = NULL;
    TRY(memory_array(READ_WORDS, 8, &read));
    for (uint64_t at = (start + 7) & ~(uint64_t)7; at + 8 <= end; at += READ_WORDS * 8) {
        uint64_t n = MIN_OF((end - at) / 8, (uint64_t)READ_WORDS);
        TRY(target_read_sparse(runtime->target, at, read, n * 8));
        for (uint64_t i = 0; i < n; i++) {
            uint64_t word = (at - words->data_low) / 8 + i;
            if (read[i] - heap->low >= heap->high - heap->low || word > UINT32_MAX)
                continue;
            uint32_t id = heap_find(heap, read[i]);
            if (id != HEAP_NONE)
                TRY(vector_push(&words->variables,
                                (struct variable_word){.word = (uint32_t)word, .id = id}));
        }
    }
    return NULL;
}

struct error *edge_words_of_variables(struct go_runtime *runtime, const struct heap *heap,
                                      struct edge_words *words)
{
    const struct go_module *m = &runtime->module;
    uint64_t sections[2][2] = {{m->data, m->data_end}, {m->bss, m->bss_end}};
    unsigned first = m->bss < m->data;
    words->data_low = MIN_OF(m->data, m->bss) & ~(uint64_t)7;
    TRY(add_section(runtime, heap, sections[first][0], sections[first][1], words));
    return add_section(runtime, heap, sections[!first][0], sections[!first][1], words);
}

/* Which edge of `from` leads to `to` first. */
static bool edge_number(const struct graph *graph, uint32_t from, uint32_t to, uint64_t *out)
{
    const uint32_t *edges = graph->edges;
    for (uint64_t e = graph->edge_begin[from]; e < graph->edge_begin[from + 1]; e++)
        if ((edges[e] & GRAPH_ID) == to) {
            *out = e - graph->edge_begin[from];
            return true;
        }
    return false;
}

bool edge_words_find(const struct edge_words *words, const struct heap *heap,
                     const struct graph *graph, uint32_t from, uint32_t to, uint64_t *out_offset)
{
    const struct heap_span *span = heap_span_of(heap, from);
    uint64_t number, per_object = span->element_size / 8;
    if (!words->bits || span->no_pointers || !edge_number(graph, from, to, &number))
        return false;
    uint64_t first = edge_words_of_span(words, heap, span) + (from - span->first_id) * per_object;
    for (uint64_t w = 0; w < per_object; w++)
        if (bitset_get(words->bits, first + w) && !number--) {
            *out_offset = w * 8;
            return true;
        }
    return false;
}

bool edge_words_last(const struct edge_words *words, const struct heap *heap, uint32_t from,
                     uint64_t *out_offset)
{
    const struct heap_span *span = heap_span_of(heap, from);
    uint64_t per_object = span->element_size / 8;
    if (!words->bits || span->no_pointers)
        return false;
    uint64_t first = edge_words_of_span(words, heap, span) + (from - span->first_id) * per_object;
    for (uint64_t w = first + per_object; w > first; w--) {
        if (w % 64 == 0 && w - first >= 64 && !words->bits[w / 64 - 1]) {
            w -= 63;
            continue;
        }
        if (bitset_get(words->bits, w - 1)) {
            *out_offset = (w - 1 - first) * 8;
            return true;
        }
    }
    return false;
}

bool edge_words_find_variable(const struct edge_words *words, uint64_t address, uint64_t bytes,
                              uint32_t to, uint64_t *out_offset)
{
    uint64_t low = 0, high = words->variables.count;
    uint64_t first = (address - words->data_low + 7) / 8;
    if (address < words->data_low)
        return false;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (words->variables.data[middle].word < first)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < words->variables.count; low++) {
        uint64_t offset = words->data_low + (uint64_t)words->variables.data[low].word * 8 - address;
        if (offset >= bytes)
            return false;
        if (words->variables.data[low].id == to) {
            *out_offset = offset;
            return true;
        }
    }
    return false;
}
