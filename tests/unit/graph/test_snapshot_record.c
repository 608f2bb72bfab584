/* Structures by tables: every kind of member comes back, older and newer records are understood,
 * and nothing that is cut or lies about its size is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/snapshot_record.h"

struct item {
    const char *name;
    uint64_t size;
};
struct sample {
    bool yes;
    uint8_t small;
    uint32_t middle;
    uint64_t large;
    double share;
    const char *text, *empty, *nothing;
    struct item inside;
    struct item *list;
    uint32_t list_count;
    VECTOR(struct item) vector;
    const char **strings;
    uint32_t string_count;
    uint32_t *numbers;
    uint32_t number_count;
};

static const struct snapshot_member item_members[] = {
    SNAPSHOT_MEMBER(MEMBER_STRING, struct item, name),
    SNAPSHOT_MEMBER(MEMBER_U64, struct item, size),
};
static const struct snapshot_table item_table = SNAPSHOT_TABLE(struct item, item_members);
static const struct snapshot_table old_item_table = {sizeof(struct item), item_members, 1};

static const struct snapshot_member sample_members[] = {
    SNAPSHOT_MEMBER(MEMBER_BOOL, struct sample, yes),
    SNAPSHOT_MEMBER(MEMBER_U8, struct sample, small),
    SNAPSHOT_MEMBER(MEMBER_U32, struct sample, middle),
    SNAPSHOT_MEMBER(MEMBER_U64, struct sample, large),
    SNAPSHOT_MEMBER(MEMBER_DOUBLE, struct sample, share),
    SNAPSHOT_MEMBER(MEMBER_STRING, struct sample, text),
    SNAPSHOT_MEMBER(MEMBER_STRING, struct sample, empty),
    SNAPSHOT_MEMBER(MEMBER_STRING, struct sample, nothing),
    {MEMBER_RECORD, offsetof(struct sample, inside), 0, &item_table},
    SNAPSHOT_ARRAY(MEMBER_RECORDS, struct sample, list, list_count, &item_table),
    SNAPSHOT_VECTOR(struct sample, vector, &item_table),
    SNAPSHOT_ARRAY(MEMBER_STRINGS, struct sample, strings, string_count, NULL),
    SNAPSHOT_ARRAY(MEMBER_U32S, struct sample, numbers, number_count, NULL),
};
static const struct snapshot_table sample_table = SNAPSHOT_TABLE(struct sample, sample_members);

static void must(struct error *error)
{
    assert_null(error);
}

static void put_sample(struct snapshot_bytes *bytes)
{
    struct item items[] = {{"one", 1}, {NULL, UINT64_MAX}, {"", 300}};
    const char *strings[] = {"a", NULL, "", "long enough to be more than sixteen bytes"};
    uint32_t numbers[] = {0, 127, 128, UINT32_MAX};
    struct sample sample = {
        .yes = true,
        .small = 255,
        .middle = UINT32_MAX,
        .large = UINT64_MAX,
        .share = 0.1,
        .text = "text",
        .empty = "",
        .inside = {"inside", 7},
        .list = items,
        .list_count = 3,
        .vector = {items, 2, 3},
        .strings = strings,
        .string_count = 4,
        .numbers = numbers,
        .number_count = 4,
    };
    must(snapshot_put_record(bytes, &sample_table, &sample));
}

static struct error *take(const void *bytes, uint64_t size, const struct snapshot_table *table,
                          uint64_t budget, struct arena *arena, void *out)
{
    struct cursor cursor = cursor_make(bytes, size);
    struct error *error = snapshot_take_record(&cursor, table, arena, &budget, out);
    if (!error)
        assert_int_equal(cursor.position, size);
    return error;
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    struct snapshot_bytes bytes = {0};
    struct arena arena = {0};
    struct sample s = {0};
    put_sample(&bytes);
    must(take(bytes.data.data, bytes.data.count, &sample_table, 1 << 20, &arena, &s));
    assert_true(s.yes);
    assert_int_equal(s.small, 255);
    assert_int_equal(s.middle, UINT32_MAX);
    assert_true(s.large == UINT64_MAX);
    assert_true(fabs(s.share - 0.1) < 1e-18);
    assert_string_equal(s.text, "text");
    assert_string_equal(s.empty, "");
    assert_string_equal(s.nothing, "");
    assert_string_equal(s.inside.name, "inside");
    assert_int_equal(s.inside.size, 7);
    assert_int_equal(s.list_count, 3);
    assert_string_equal(s.list[0].name, "one");
    assert_string_equal(s.list[1].name, "");
    assert_true(s.list[1].size == UINT64_MAX);
    assert_int_equal(s.list[2].size, 300);
    assert_int_equal(s.vector.count, 2);
    assert_string_equal(s.vector.data[0].name, "one");
    assert_int_equal(s.string_count, 4);
    assert_string_equal(s.strings[1], "");
    assert_string_equal(s.strings[3], "long enough to be more than sixteen bytes");
    assert_int_equal(s.number_count, 4);
    assert_int_equal(s.numbers[2], 128);
    assert_int_equal(s.numbers[3], UINT32_MAX);
    vector_deinit(&s.vector);
    arena_deinit(&arena);
    snapshot_bytes_deinit(&bytes);
}

static void older_and_newer_records_are_understood(void **state)
{
    (void)state;
    struct snapshot_bytes bytes = {0};
    struct arena arena = {0};
    struct item old = {"old", 5}, out = {"", 42};
    must(snapshot_put_record(&bytes, &old_item_table, &old));
    must(take(bytes.data.data, bytes.data.count, &item_table, 100, &arena, &out));
    assert_string_equal(out.name, "old");
    assert_int_equal(out.size, 42); /* what an old record lacks stays as it was */
    bytes.data.count = 0;
    must(snapshot_put_record(&bytes, &item_table, &old));
    out.size = 43;
    must(take(bytes.data.data, bytes.data.count, &old_item_table, 100, &arena, &out));
    assert_int_equal(out.size, 43); /* what a new one has more is passed over */
    arena_deinit(&arena);
    snapshot_bytes_deinit(&bytes);
}

static void cut_records_are_refused(void **state)
{
    (void)state;
    struct snapshot_bytes bytes = {0};
    put_sample(&bytes);
    for (uint64_t size = 0; size < bytes.data.count; size++) {
        struct arena arena = {0};
        struct sample s = {0};
        uint8_t *exact = malloc(size ? size : 1); /* a read beyond it is seen by ASan */
        memcpy(exact, bytes.data.data, size);
        struct error *error = take(exact, size, &sample_table, 1 << 20, &arena, &s);
        assert_non_null(error);
        assert_int_equal(error->kind, ERROR_FORMAT);
        error_destroy(error);
        free(exact);
        vector_deinit(&s.vector);
        arena_deinit(&arena);
    }
    snapshot_bytes_deinit(&bytes);
}

static void memory_is_bounded_by_the_budget(void **state)
{
    (void)state;
    struct snapshot_bytes bytes = {0};
    put_sample(&bytes);
    bool enough = false;
    for (uint64_t budget = 0; budget <= 1024; budget += 16) {
        struct arena arena = {0};
        struct sample s = {0};
        struct error *error =
            take(bytes.data.data, bytes.data.count, &sample_table, budget, &arena, &s);
        assert_true(!error || !enough); /* more is enough, too */
        assert_true(error || budget > 128);
        enough = !error;
        error_destroy(error);
        vector_deinit(&s.vector);
        arena_deinit(&arena);
    }
    assert_true(enough);
    /* a list that claims more members than there are bytes */
    uint8_t lie[] = {3, 0xff, 0xff, 0x03};
    static const struct snapshot_member list_only[] = {
        SNAPSHOT_VECTOR(struct sample, vector, &item_table)};
    static const struct snapshot_table list_table = SNAPSHOT_TABLE(struct sample, list_only);
    struct arena arena = {0};
    struct sample s = {0};
    struct error *error = take(lie, sizeof(lie), &list_table, UINT64_MAX, &arena, &s);
    assert_int_equal(error->kind, ERROR_FORMAT);
    error_destroy(error);
    assert_null(s.vector.data);
    arena_deinit(&arena);
    snapshot_bytes_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(older_and_newer_records_are_understood),
        cmocka_unit_test(cut_records_are_refused),
        cmocka_unit_test(memory_is_bounded_by_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
