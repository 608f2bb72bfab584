/* Hash tables against a plain array, strings with and without equal hashes. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct hash_map map = {0};
    assert_null(hash_map_find(&map, 1));
    assert_null(hash_map_find(&map, 0));
    hash_map_deinit(&map);
    hash_map_deinit(&map);
}

static void a_key_is_added_once(void **state)
{
    (void)state;
    struct hash_map map = {0};
    uint64_t *value;
    bool added = false;
    assert_null(hash_map_insert(&map, 0xc000010000, &value, &added));
    assert_true(added);
    assert_int_equal(*value, 0);
    *value = 17;
    assert_null(hash_map_insert(&map, 0xc000010000, &value, &added));
    assert_false(added);
    assert_int_equal(*value, 17);
    assert_null(hash_map_insert(&map, 0xc000010000, &value, NULL));
    assert_int_equal(map.count, 1);
    assert_int_equal(*hash_map_find(&map, 0xc000010000), 17);
    assert_null(hash_map_find(&map, 0xc000010008));
    assert_null(hash_map_find(&map, 0));
    hash_map_deinit(&map);
}

/* Keys as the tables meet them (aligned addresses, small numbers, extremes), through many growths.
 */
static void many_keys_survive_growth(void **state)
{
    (void)state;
    enum { KEYS = 60000 };
    struct hash_map map = {0};
    for (uint64_t i = 1; i <= KEYS; i++) {
        uint64_t *value;
        uint64_t key = i % 3 == 0 ? i : i % 3 == 1 ? 0xc000000000 + i * 8192 : UINT64_MAX - i;
        bool added;
        assert_null(hash_map_insert(&map, key, &value, &added));
        assert_true(added);
        *value = ~i;
    }
    assert_int_equal(map.count, KEYS);
    assert_true(map.count * 2 <= map.capacity);
    for (uint64_t i = 1; i <= KEYS; i++) {
        uint64_t key = i % 3 == 0 ? i : i % 3 == 1 ? 0xc000000000 + i * 8192 : UINT64_MAX - i;
        uint64_t *value = hash_map_find(&map, key);
        assert_non_null(value);
        assert_true(*value == ~i);
    }
    assert_null(hash_map_find(&map, KEYS + 3));
    hash_map_deinit(&map);
}

/* All keys in one slot's chain: slow at worst, never wrong. The inverse of hash_mix finds them. */
static uint64_t unmix(uint64_t x)
{
    uint64_t inverse = 0xd6e8feb86659fd93u;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - 0xd6e8feb86659fd93u * inverse; /* Newton: doubles the correct bits */
    x ^= x >> 32;
    x *= inverse;
    x ^= x >> 32;
    return x;
}

static void colliding_keys_stay_apart(void **state)
{
    (void)state;
    struct hash_map map = {0};
    for (uint64_t i = 1; i <= 500; i++) {
        uint64_t key = unmix(i << 40), *value;
        assert_true(hash_mix(key) == i << 40);
        assert_null(hash_map_insert(&map, key, &value, NULL));
        *value = i;
    }
    assert_int_equal(map.count, 500);
    for (uint64_t i = 1; i <= 500; i++)
        assert_int_equal(*hash_map_find(&map, unmix(i << 40)), i);
    assert_null(hash_map_find(&map, unmix((uint64_t)501 << 40)));
    hash_map_deinit(&map);
}

/* Every length around the 8-byte steps: all differ, and no byte beyond the length counts. */
static void bytes_hash_by_content_and_length(void **state)
{
    (void)state;
    uint64_t seen[40];
    char text[48];
    for (uint64_t length = 0; length < ARRAY_COUNT(seen); length++) {
        memset(text, 'x', sizeof(text));
        memset(text, 0, length);
        seen[length] = hash_bytes(text, length);
        memset(text + length, 'y', sizeof(text) - length);
        assert_true(hash_bytes(text, length) == seen[length]);
        for (uint64_t other = 0; other < length; other++)
            assert_true(seen[other] != seen[length]);
    }
    assert_true(hash_bytes("abcdefgh1", 9) != hash_bytes("abcdefgh2", 9));
    assert_true(hash_bytes("abcdefgh", 8) != hash_bytes("hgfedcba", 8));
}

static uint32_t intern(struct string_table *table, const char *text)
{
    uint32_t id = UINT32_MAX;
    assert_null(string_table_intern(table, text, &id));
    return id;
}

static void strings_are_numbered_in_order(void **state)
{
    (void)state;
    struct string_table table;
    string_table_init(&table);
    assert_int_equal(intern(&table, "main.sessions"), 0);
    assert_int_equal(intern(&table, ""), 1);
    assert_int_equal(intern(&table, "main.session"), 2);
    assert_int_equal(intern(&table, "main.sessions"), 0);
    assert_int_equal(intern(&table, ""), 1);
    assert_int_equal(table.strings.count, 3);
    assert_string_equal(table.strings.data[2], "main.session");
    string_table_deinit(&table);
}

static void interned_strings_are_copies(void **state)
{
    (void)state;
    struct string_table table;
    string_table_init(&table);
    char text[] = "volatile";
    intern(&table, text);
    text[0] = 'V';
    assert_string_equal(table.strings.data[0], "volatile");
    assert_int_equal(intern(&table, text), 1);
    string_table_deinit(&table);
}

static void many_strings(void **state)
{
    (void)state;
    enum { STRINGS = 50000 };
    struct string_table table;
    string_table_init(&table);
    char text[32];
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < STRINGS; i++) {
            snprintf(text, sizeof(text), "type %u", i);
            assert_int_equal(intern(&table, text), i);
        }
    }
    assert_int_equal(table.strings.count, STRINGS);
    assert_int_equal(table.next_same_hash.count, STRINGS);
    string_table_deinit(&table);
}

/* hash_bytes of 8 bytes is invertible step by step, so that texts of equal hash can be made. */
static void strings_of_equal_hash_stay_apart(void **state)
{
    (void)state;
    struct string_table table;
    string_table_init(&table);
    uint64_t first = 0x4141414141414141u, second = 0x4242424242424242u;
    uint64_t start = 0x9e3779b97f4a7c15u ^ 16, golden = 0x9e3779b97f4a7c15u;
    uint64_t h1 = hash_mix(start ^ first) * golden;
    uint32_t made = 0, first_id = 0;
    /* For other first words find the second that leads to the same state; the text must have no
     * zero byte. */
    uint64_t goal = h1 ^ second;
    for (uint64_t n = 0; made < 5 && n < 100000; n++) {
        uint64_t word = 0x4141414141414141u + n * 0x0101;
        uint64_t other = goal ^ (hash_mix(start ^ word) * golden);
        char text[17] = {0};
        memcpy(text, &word, 8);
        memcpy(text + 8, &other, 8);
        if (strlen(text) != 16)
            continue;
        static uint64_t common;
        if (!made)
            common = hash_bytes(text, 16);
        assert_true(hash_bytes(text, 16) == common);
        uint32_t id = intern(&table, text);
        assert_int_equal(id, first_id + made);
        assert_int_equal(intern(&table, text), id);
        assert_string_equal(table.strings.data[id], text);
        made++;
    }
    assert_int_equal(made, 5);
    assert_int_equal(table.ids.count, 1);
    string_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(a_key_is_added_once),
        cmocka_unit_test(many_keys_survive_growth),
        cmocka_unit_test(colliding_keys_stay_apart),
        cmocka_unit_test(bytes_hash_by_content_and_length),
        cmocka_unit_test(strings_are_numbered_in_order),
        cmocka_unit_test(interned_strings_are_copies),
        cmocka_unit_test(many_strings),
        cmocka_unit_test(strings_of_equal_hash_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
