/* Memory: checked sizes, zeroed arrays, arenas whose blocks do not overlap, growing vectors. */
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>

static void arrays_are_zeroed(void **state)
{
    (void)state;
    CLEANUP_FREE uint32_t *numbers = NULL;
    assert_null(memory_array(1000, sizeof(*numbers), &numbers));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], 0);
}

static void an_empty_array_is_a_pointer(void **state)
{
    (void)state;
    CLEANUP_FREE char *none = NULL;
    assert_null(memory_array(0, 8, &none));
    assert_non_null(none);
    CLEANUP_FREE char *flat = NULL;
    assert_null(memory_array(8, 0, &flat));
    assert_non_null(flat);
}

static void assert_limit(struct error *error)
{
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_LIMIT);
    error_destroy(error);
}

/* Sizes that do not fit 64 bits, and one that does but no machine has; the pointer stays. */
static void impossible_arrays_are_refused(void **state)
{
    (void)state;
    char mark, *pointer = &mark;
    assert_limit(memory_array(UINT64_MAX, 2, &pointer));
    assert_limit(memory_array((uint64_t)1 << 33, (uint64_t)1 << 33, &pointer));
    assert_limit(memory_array(UINT64_MAX / 8 + 2, 8, &pointer));
    assert_limit(memory_array((uint64_t)1 << 60, 1, &pointer));
    assert_ptr_equal(pointer, &mark);
}

static uint64_t resident_pages(const void *pointer, uint64_t bytes)
{
    static unsigned char is_there[4096];
    uint64_t count = 0, pages = (bytes + 4095) / 4096;
    assert_true(pages <= sizeof(is_there));
    assert_int_equal(mincore((void *)(uintptr_t)pointer, bytes, is_there), 0);
    for (uint64_t i = 0; i < pages; i++)
        count += is_there[i] & 1;
    return count;
}

/* Made resident, nothing changes; given back, all of it reads as zero, and nothing beside it. */
static void parts_of_big_arrays_come_and_go(void **state)
{
    (void)state;
    const uint64_t bytes = (uint64_t)8 << 20;
    unsigned char *array = NULL;
    assert_null(big_array(bytes, &array));
    array[5000] = 7;
    if (big_array_populate(array, (4 << 20) + 1)) /* a kernel before 5.14 cannot */
        assert_true(resident_pages(array, (4 << 20) + 1) == 1025);
    assert_int_equal(array[5000], 7);
    assert_true(big_array_populate(array + 100, 0));
    memset(array, 1, bytes);
    big_array_discard(array + 4097, 3 * 4096);
    for (uint64_t i = 0; i < 5 * 4096; i++)
        assert_int_equal(array[i], i >= 2 * 4096 && i < 4 * 4096 ? 0 : 1);
    big_array_discard(array + 100, 200); /* no whole page */
    assert_int_equal(array[200], 1);
    array = big_array_shrink(array, bytes, (4 << 20) + 1);
    assert_int_equal(array[4 << 20], 1);
    big_array_free(array, (4 << 20) + 1);
}

static void big_arrays_are_zeroed_and_lazy(void **state)
{
    (void)state;
    uint64_t bytes = (uint64_t)64 << 30, *words = NULL; /* more than the machine may have */
    assert_null(big_array(bytes, &words));
    assert_int_equal(words[0], 0);
    assert_int_equal(words[bytes / 8 - 1], 0);
    words[bytes / 8 - 1] = 1;
    big_array_free(words, bytes);
}

static void big_array_bounds(void **state)
{
    (void)state;
    char mark, *pointer = &mark;
    assert_limit(big_array(UINT64_MAX, &pointer));
    assert_limit(big_array((uint64_t)1 << 62, &pointer));
    assert_ptr_equal(pointer, &mark);
    assert_null(big_array(0, &pointer));
    assert_non_null(pointer);
    big_array_free(pointer, 0);
    big_array_free(NULL, 0);
    big_array_free(NULL, 4096);
}

/* Sizes around the block size: aligned, zeroed, and writing one leaves the others alone. */
static void arena_pieces_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 3000 };
    static unsigned char *pieces[PIECES];
    static uint64_t sizes[PIECES];
    struct arena arena;
    arena_init(&arena);
    uint64_t random = 1;
    for (int i = 0; i < PIECES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        sizes[i] = (random >> 33) % (i % 500 == 0 ? 600000 : 300);
        pieces[i] = arena_alloc(&arena, sizes[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (uint64_t b = 0; b < sizes[i]; b++)
            assert_int_equal(pieces[i][b], 0);
        memset(pieces[i], i & 0xff, sizes[i]);
    }
    for (int i = 0; i < PIECES; i++)
        for (uint64_t b = 0; b < sizes[i]; b++)
            if (pieces[i][b] != (i & 0xff))
                fail_msg("byte %llu of piece %d was overwritten", (unsigned long long)b, i);
    arena_deinit(&arena);
}

static void an_arena_gives_a_pointer_for_nothing(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_non_null(arena_alloc(&arena, 0));
    arena_deinit(&arena);
    arena_deinit(&arena); /* an empty one may be freed again */
}

static void arena_strings(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    char *copy = arena_copy_string(&arena, "registry and more", 8);
    assert_string_equal(copy, "registry");
    assert_string_equal(arena_copy_string(&arena, "", 0), "");
    assert_string_equal(arena_printf(&arena, "%s at 0x%x (%d)", "main.f", 255, -1),
                        "main.f at 0xff (-1)");
    assert_string_equal(arena_printf(&arena, "%s", ""), "");
    char *padded = arena_printf(&arena, "%0300000d", 1); /* longer than a block */
    assert_int_equal(strlen(padded), 300000);
    assert_string_equal(copy, "registry");
    arena_deinit(&arena);
}

static void vectors_keep_what_was_pushed(void **state)
{
    (void)state;
    VECTOR(uint32_t) numbers = {0};
    for (uint32_t i = 0; i < 100000; i++)
        assert_null(vector_push(&numbers, i * 3));
    assert_int_equal(numbers.count, 100000);
    assert_true(numbers.capacity >= numbers.count);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(numbers.data[i], i * 3);
    vector_deinit(&numbers);
    assert_null(numbers.data);
    assert_int_equal(numbers.count, 0);
    assert_int_equal(numbers.capacity, 0);
    vector_deinit(&numbers);
}

struct pair {
    uint64_t key;
    char name[24];
};

static void vectors_of_structures(void **state)
{
    (void)state;
    VECTOR(struct pair) pairs = {0};
    assert_null(vector_push(&pairs, (struct pair){.key = 7, .name = "seven"}));
    assert_null(vector_push(&pairs, (struct pair){.key = 8}));
    assert_int_equal(pairs.data[0].key, 7);
    assert_string_equal(pairs.data[0].name, "seven");
    assert_int_equal(pairs.data[1].key, 8);
    vector_deinit(&pairs);
}

static void reserving_makes_room_once(void **state)
{
    (void)state;
    VECTOR(uint64_t) numbers = {0};
    assert_null(vector_reserve(&numbers, 1000));
    assert_true(numbers.capacity >= 1000);
    uint64_t *before = numbers.data;
    for (uint64_t i = 0; i < 1000; i++)
        assert_null(vector_push(&numbers, i));
    assert_ptr_equal(numbers.data, before);
    assert_null(vector_reserve(&numbers, 10)); /* never shrinks */
    assert_true(numbers.capacity >= 1000);
    vector_deinit(&numbers);
}

static void impossible_vectors_are_refused_and_keep_their_data(void **state)
{
    (void)state;
    VECTOR(uint64_t) numbers = {0};
    assert_null(vector_push(&numbers, 42));
    uint64_t capacity = numbers.capacity;
    assert_limit(vector_reserve(&numbers, UINT64_MAX));
    assert_limit(vector_reserve(&numbers, UINT64_MAX / 8 + 1));
    assert_limit(vector_reserve(&numbers, (uint64_t)1 << 58));
    assert_int_equal(numbers.data[0], 42);
    assert_int_equal(numbers.capacity, capacity);
    vector_deinit(&numbers);

    void *data = NULL;
    uint64_t huge = (uint64_t)1 << 63; /* doubling it would give 0 */
    assert_limit(vector_grow(&data, &huge, huge + 1, 8));
    assert_null(data);
}

static void counting_macros(void **state)
{
    (void)state;
    const int three[] = {1, 2, 3};
    assert_int_equal(ARRAY_COUNT(three), 3);
    assert_int_equal(MIN_OF(2, 3), 2);
    assert_int_equal(MAX_OF(2, 3), 3);
    assert_int_equal(MIN_OF(-1, -1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_zeroed),
        cmocka_unit_test(an_empty_array_is_a_pointer),
        cmocka_unit_test(impossible_arrays_are_refused),
        cmocka_unit_test(big_arrays_are_zeroed_and_lazy),
        cmocka_unit_test(parts_of_big_arrays_come_and_go),
        cmocka_unit_test(big_array_bounds),
        cmocka_unit_test(arena_pieces_do_not_overlap),
        cmocka_unit_test(an_arena_gives_a_pointer_for_nothing),
        cmocka_unit_test(arena_strings),
        cmocka_unit_test(vectors_keep_what_was_pushed),
        cmocka_unit_test(vectors_of_structures),
        cmocka_unit_test(reserving_makes_room_once),
        cmocka_unit_test(impossible_vectors_are_refused_and_keep_their_data),
        cmocka_unit_test(counting_macros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
