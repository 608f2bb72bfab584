#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bitset.h"
#include "gort/edge_words.h"
#include "gort/heap.h"

enum { BASE = 1 << 28 };

/* One span at BASE; as heap.c fills the tables. */
struct one_span {
    struct heap heap;
    struct heap_span span;
    struct heap_page pages[16];
    uint32_t span_of[2048];
    uint64_t allocated[256];
};

static void make(struct one_span *s, uint32_t element_size, uint32_t pages, bool has_header)
{
    uint32_t slots = (uint32_t)(pages * HEAP_PAGE_SIZE / element_size);
    *s = (struct one_span){0};
    s->span = (struct heap_span){
        .start = BASE,
        .element_size = element_size,
        .pages = pages,
        .slots = slots,
        .first_id = 8,
        .divide = heap_divide(element_size),
        .size_class = 1,
        .has_header = has_header,
    };
    for (uint32_t p = 0; p < pages; p++)
        s->pages[p] = (struct heap_page){.first_id = 8,
                                         .divide = s->span.divide,
                                         .slots = slots | (has_header ? HEAP_PAGE_HAS_HEADER : 0)};
    memset(s->allocated, 0xff, sizeof(s->allocated));
    s->heap.spans.data = &s->span;
    s->heap.spans.count = 1;
    s->heap.low = BASE;
    s->heap.high = BASE + pages * HEAP_PAGE_SIZE;
    s->heap.pages = s->pages;
    s->heap.page_count = pages;
    s->heap.span_of = s->span_of;
    s->heap.allocated = s->allocated;
    s->heap.object_ids = (8 + slots + 15) & ~7u;
}

/* Every address of a span, against a division. Sizes and pages: runtime/sizeclasses.go. */
static void finds_the_beginnings_of_slots(void **state)
{
    static const uint32_t classes[][2] = {
        {8, 1},     {16, 1},    {24, 1},     {48, 1},    {112, 1},   {144, 1},   {208, 1},
        {352, 1},   {416, 1},   {576, 1},    {704, 1},   {1152, 1},  {1408, 2},  {2688, 1},
        {3072, 3},  {3456, 5},  {4864, 6},   {6784, 5},  {9472, 7},  {13568, 5}, {20480, 5},
        {21760, 8}, {24576, 3}, {27264, 10}, {28672, 7}, {32768, 4},
    };
    struct one_span s;
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(classes); i++) {
        for (unsigned header = 0; header < 2; header++) {
            uint32_t size = classes[i][0];
            if (header && size <= 16)
                continue;
            make(&s, size, classes[i][1], header);
            for (uint64_t offset = 0; offset < s.heap.high - BASE; offset++) {
                const struct heap_page *page;
                uint64_t slot = offset / size;
                bool begins = offset % size == header * 8 && slot < s.span.slots;
                assert_int_equal(heap_find_start(&s.heap, BASE + offset, &page),
                                 begins ? 8 + slot : HEAP_NONE);
                assert_int_equal(heap_find(&s.heap, BASE + offset),
                                 slot < s.span.slots ? 8 + slot : HEAP_NONE);
            }
        }
    }
}

static void a_large_object_begins_at_its_span(void **state)
{
    struct one_span s;
    const struct heap_page *page;
    (void)state;
    make(&s, 4 * HEAP_PAGE_SIZE, 4, false);
    for (unsigned p = 0; p < 4; p++)
        s.pages[p].divide = 0;
    assert_int_equal(heap_find_start(&s.heap, BASE, &page), 8);
    assert_int_equal(heap_find_start(&s.heap, BASE + 8, &page), HEAP_NONE);
    assert_int_equal(heap_find_start(&s.heap, BASE + HEAP_PAGE_SIZE, &page), HEAP_NONE);
    s.pages[1].slots = 0; /* no span there */
    assert_int_equal(heap_find_start(&s.heap, BASE + HEAP_PAGE_SIZE, &page), HEAP_NONE);
}

/* Objects of six words: the edges of the second are made by its words 1, 2 and 5. */
static void edges_are_found_by_their_words(void **state)
{
    struct one_span s;
    struct edge_words words;
    uint32_t begin[64] = {0}, edges[4] = {20, 21, 20 | GRAPH_LEAF, 22};
    uint64_t offset = 7;
    (void)state;
    make(&s, 48, 1, false);
    assert_null(edge_words_create(&s.heap, &words));
    struct graph graph = {.object_ids = 64, .edge_begin = begin, .edges = edges};
    begin[9] = 1; /* object 8 has the first edge */
    for (unsigned id = 10; id < 64; id++)
        begin[id] = 4;
    bitset_set(words.bits, 0);
    bitset_set(words.bits, 6 + 1);
    bitset_set(words.bits, 6 + 2);
    bitset_set(words.bits, 6 + 5);
    assert_true(edge_words_find(&words, &s.heap, &graph, 9, 21, &offset));
    assert_int_equal(offset, 8);
    assert_true(edge_words_find(&words, &s.heap, &graph, 9, 20, &offset));
    assert_int_equal(offset, 16);
    assert_true(edge_words_find(&words, &s.heap, &graph, 9, 22, &offset));
    assert_int_equal(offset, 40);
    assert_true(edge_words_find(&words, &s.heap, &graph, 8, 20, &offset));
    assert_int_equal(offset, 0);
    assert_false(edge_words_find(&words, &s.heap, &graph, 8, 21, &offset));
    assert_false(edge_words_find(&words, &s.heap, &graph, 10, 21, &offset));
    edge_words_deinit(&words);
}

static void words_of_variables_are_found(void **state)
{
    struct edge_words words = {.data_low = 0x1000};
    uint64_t offset;
    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        assert_null(vector_push(&words.variables, (struct variable_word){.word = 3 * i, .id = i}));
    assert_true(edge_words_find_variable(&words, 0x1000, 8, 0, &offset));
    assert_int_equal(offset, 0);
    assert_true(edge_words_find_variable(&words, 0x1008, 64, 2, &offset));
    assert_int_equal(offset, 40);
    assert_false(edge_words_find_variable(&words, 0x1008, 40, 2, &offset)); /* just behind */
    assert_false(edge_words_find_variable(&words, 0x1008, 64, 0, &offset)); /* before */
    assert_false(edge_words_find_variable(&words, 0xff8, 64, 1, &offset));
    assert_false(edge_words_find_variable(&words, 0x2000, 64, 1, &offset));
    edge_words_deinit(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_beginnings_of_slots),
        cmocka_unit_test(a_large_object_begins_at_its_span),
        cmocka_unit_test(edges_are_found_by_their_words),
        cmocka_unit_test(words_of_variables_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
