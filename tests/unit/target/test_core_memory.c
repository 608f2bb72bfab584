/* Pieces of memory against a plain array of bytes and a map of which of them are there. */
#include "target/core_memory.h"

#include "child.h"

enum { SPACE = 4096, ROUNDS = 300 };
#define BASE ((uint64_t)0x10000)

struct model {
    uint8_t bytes[SPACE];
    bool there[SPACE];
};

static unsigned random_below(unsigned limit)
{
    static uint64_t state = 7;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}

/* Random pieces, some of zeros, some filled in afterwards between the others. */
static void build(struct core_memory *memory, struct model *model, const uint8_t *source)
{
    memset(model, 0, sizeof(*model));
    for (unsigned at = random_below(40); at < SPACE;) {
        unsigned length = 1 + random_below(200);
        length = MIN_OF(length, SPACE - at);
        bool zeros = random_below(4) == 0;
        check_fine(
            core_memory_add(memory, BASE + at, BASE + at + length, zeros ? NULL : source + at));
        for (unsigned i = at; i < at + length; i++) {
            model->there[i] = true;
            model->bytes[i] = zeros ? 0 : source[i];
        }
        at += length + (random_below(2) ? 0 : random_below(100));
    }
    core_memory_sort(memory);
    for (unsigned n = random_below(4); n; n--) {
        unsigned at = random_below(SPACE), length = 1 + random_below(SPACE - at);
        uint64_t missing = 0;
        for (unsigned i = at; i < at + length; i++)
            missing += !model->there[i];
        assert_int_equal(core_memory_missing(memory, BASE + at, BASE + at + length), missing);
        check_fine(core_memory_fill(memory, BASE + at, BASE + at + length, source + at));
        for (unsigned i = at; i < at + length; i++) {
            if (!model->there[i])
                model->bytes[i] = source[i];
            model->there[i] = true;
        }
    }
}

static void check_reads(const struct core_memory *memory, const struct model *model)
{
    static uint8_t bytes[SPACE + 200];
    for (unsigned n = 0; n < 100; n++) {
        unsigned at = random_below(SPACE), length = 1 + random_below(SPACE - at), expected = 0;
        uint64_t done;
        while (expected < length && model->there[at + expected])
            expected++;
        core_memory_read(memory, BASE + at, bytes, length, &done);
        assert_int_equal(done, expected);
        assert_memory_equal(bytes, model->bytes + at, done);
        memset(bytes, 0x55, sizeof(bytes));
        core_memory_read_sparse(memory, BASE + at, bytes, length);
        assert_memory_equal(bytes, model->bytes + at, length);
        assert_int_equal(bytes[length], 0x55);
        const void *view = core_memory_view(memory, BASE + at, MIN_OF(length, 50u));
        if (view)
            assert_memory_equal(view, model->bytes + at, MIN_OF(length, 50u));
    }
    for (uint64_t i = 1; i < memory->pieces.count; i++)
        assert_true(memory->pieces.data[i - 1].end <= memory->pieces.data[i].start);
}

static void test_against_bytes(void **state)
{
    (void)state;
    static uint8_t source[SPACE];
    static struct model model;
    for (unsigned i = 0; i < SPACE; i++)
        source[i] = (uint8_t)(1 + random_below(255));
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct core_memory memory = {0};
        build(&memory, &model, source);
        check_reads(&memory, &model);
        core_memory_deinit(&memory);
    }
}

static void test_neighbours_join(void **state)
{
    (void)state;
    static const uint8_t source[300];
    struct core_memory memory = {0};
    check_fine(core_memory_add(&memory, BASE + 100, BASE + 200, source + 100));
    check_fine(core_memory_add(&memory, BASE, BASE + 100, source));
    check_fine(core_memory_add(&memory, BASE + 200, BASE + 300, source)); /* elsewhere */
    check_fine(core_memory_add(&memory, BASE + 300, BASE + 300, source)); /* nothing */
    core_memory_sort(&memory);
    assert_int_equal(memory.pieces.count, 2);
    assert_ptr_equal(core_memory_view(&memory, BASE + 50, 150), source + 50);
    assert_null(core_memory_view(&memory, BASE + 50, 151));
    core_memory_deinit(&memory);
    core_memory_sort(&memory);
    assert_null(core_memory_view(&memory, BASE, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_bytes),
        cmocka_unit_test(test_neighbours_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
