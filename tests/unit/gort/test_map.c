/* Maps in memory made by hand: what is in them, and what damage leaves of them. The live test
 * compares with real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gort/map.h"
#include "target/private.h"

/* Objects of one page each: object k has id 8·k. */
#define BASE 0xc000000000u
enum { OBJECTS = 8, OBJECT_BYTES = 8192 };
#define OBJECT(k) (BASE + (uint64_t)(k)*OBJECT_BYTES)

struct memory {
    struct target_private private; /* first: what the target's reads get */
    uint8_t bytes[OBJECTS * OBJECT_BYTES];
    struct target target;
    struct go_runtime runtime;
    struct heap_span spans[OBJECTS];
    struct heap_page pages[OBJECTS];
    uint64_t allocated[1];
    uint32_t span_of[OBJECTS];
    struct heap heap;
    struct map_shape shape;
    struct map_reader reader;
};

static void fine(struct error *error)
{
    char text[300] = "";
    if (error)
        error_text(error, text, sizeof(text));
    assert_string_equal(text, "");
}

static struct error *read_sparse(struct target *target, uint64_t address, void *buffer, uint64_t n)
{
    const struct memory *m = (const struct memory *)target->private;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = address + i - BASE;
        ((uint8_t *)buffer)[i] = at < sizeof(m->bytes) ? m->bytes[at] : 0;
    }
    return NULL;
}

static const struct target_source operations = {
    .read = read_sparse,
    .read_sparse = read_sparse,
};

/* Keys and elements of 8 bytes without pointers. */
static void begin(struct memory *m, unsigned minor)
{
    memset(m, 0, sizeof(*m));
    m->private.source = &operations;
    m->target.private = &m->private;
    m->runtime.target = &m->target;
    m->runtime.minor = minor;
    m->runtime.layout = layout_find(minor, "amd64");
    for (uint32_t k = 0; k < OBJECTS; k++) {
        m->spans[k] = (struct heap_span){.start = OBJECT(k),
                                         .element_size = OBJECT_BYTES,
                                         .pages = 1,
                                         .slots = 1,
                                         .first_id = 8 * k};
        m->pages[k] = (struct heap_page){.first_id = 8 * k, .first_page = k, .slots = 1};
        m->allocated[0] |= (uint64_t)1 << 8 * k;
        m->span_of[k] = k;
    }
    m->heap = (struct heap){.low = BASE,
                            .high = BASE + sizeof(m->bytes),
                            .pages = m->pages,
                            .page_count = OBJECTS,
                            .object_ids = 8 * OBJECTS,
                            .allocated = m->allocated,
                            .span_of = m->span_of};
    m->heap.spans.data = m->spans;
    m->heap.spans.count = OBJECTS;
    bool swiss = minor >= 24;
    m->shape = (struct map_shape){.is_known = true,
                                  .is_swiss = swiss,
                                  .group_bytes = swiss ? 136 : 144,
                                  .keys = 8,
                                  .key_stride = swiss ? 16 : 8,
                                  .elements = swiss ? 16 : 72,
                                  .element_stride = swiss ? 16 : 8};
    fine(map_reader_init(&m->reader, &m->runtime, &m->heap));
}

static void end(struct memory *m)
{
    map_reader_deinit(&m->reader);
}

static void put(struct memory *m, uint64_t address, uint64_t value, unsigned bytes)
{
    memcpy(m->bytes + (address - BASE), &value, bytes);
}

static void put_field(struct memory *m, uint64_t base, enum layout_field field, uint64_t value)
{
    put(m, base + (uint64_t)layout_offset(m->runtime.layout, field), value,
        (unsigned)MIN_OF(layout_width(m->runtime.layout, field), 8));
}
#define PUT(base, name, value) put_field(m, base, LAYOUT_##name, value)

static struct map_summary look(struct memory *m, struct go_map *map)
{
    struct map_summary sum;
    map_reader_deinit(&m->reader); /* which keeps what it has read: a target stands still */
    fine(map_reader_init(&m->reader, &m->runtime, &m->heap));
    fine(map_read(&m->reader, &m->shape, OBJECT(0), NULL, map));
    fine(map_summarize_groups(&m->reader, map, &sum));
    return sum;
}

/* -- buckets ---------------------------------------------------------------------------------- */

static uint64_t bucket(uint64_t object, unsigned i)
{
    return OBJECT(object) + (uint64_t)i * 144;
}

static void put_bucket(struct memory *m, uint64_t at, const char *tophash, uint64_t overflow)
{
    memcpy(m->bytes + (at - BASE), tophash, 8);
    put(m, at + 136, overflow, 8);
}

/* Header in object 0, four buckets in object 1, one overflow bucket in object 2. */
static void put_buckets(struct memory *m)
{
    PUT(OBJECT(0), hmap_count, 12);
    PUT(OBJECT(0), hmap_B, 2);
    PUT(OBJECT(0), hmap_buckets, OBJECT(1));
    put_bucket(m, bucket(1, 0), "\x05\xff\x10\x10\x10\x10\x10\x10", OBJECT(2));
    put_bucket(m, bucket(1, 1), "\x01\x20\x01\0\0\0\0\0", 0);
    put_bucket(m, bucket(1, 3), "\x77\0\0\0\0\0\0\0", 0);
    put_bucket(m, bucket(2, 0), "\x01\x09\x30\0\0\0\0\0", 0);
}

static void counts_buckets_and_their_chains(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    struct go_map map;
    begin(m, 22);
    put_buckets(m);
    m->shape.has_pointers = true;
    struct map_summary sum = look(m, &map);
    assert_false(map.is_broken);
    assert_int_equal(map.count, 12);
    assert_int_equal(sum.entries, 12);
    assert_int_equal(sum.deleted, 3);
    assert_int_equal(sum.overflow_groups, 1);
    assert_int_equal(sum.slots, 32);
    assert_int_equal(sum.bytes, 2 * OBJECT_BYTES);
    assert_false(sum.has_grown);
    PUT(OBJECT(0), hmap_nevacuate, 2);
    assert_true(look(m, &map).has_grown);
    end(m);
}

static void a_growing_map_has_entries_in_both_arrays(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    struct go_map map;
    begin(m, 22);
    put_buckets(m);
    PUT(OBJECT(0), hmap_oldbuckets, OBJECT(3));
    put_bucket(m, bucket(3, 0), "\x02\x03\x02\x04\x04\x04\x04\x04", 0); /* moved */
    put_bucket(m, bucket(3, 1), "\x50\x51\0\0\0\0\0\0", 0);
    struct map_summary sum = look(m, &map);
    assert_false(map.is_broken);
    assert_int_equal(sum.entries, 14);
    assert_true(sum.is_growing);
    assert_true(sum.has_grown);
    /* a bucket that has been moved is none of the new array */
    put_bucket(m, bucket(1, 2), "\x02\x03\x02\x04\x04\x04\x04\x04", 0);
    look(m, &map);
    assert_true(map.is_broken);
    end(m);
}

static void damaged_buckets_are_broken(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    struct go_map map;
    begin(m, 22);
    put_buckets(m);
    put_bucket(m, bucket(2, 0), "\x01\x09\x30\0\0\0\0\0", OBJECT(2)); /* leads to itself */
    look(m, &map);
    assert_true(map.is_broken);
    put_bucket(m, bucket(2, 0), "\x01\x09\x30\0\0\0\0\0", OBJECT(4));
    put_bucket(m, bucket(4, 0), "\x01\x09\x30\0\0\0\0\0", OBJECT(5));
    put_bucket(m, bucket(5, 0), "\x01\x09\x30\0\0\0\0\0", OBJECT(4)); /* a ring further on */
    look(m, &map);
    assert_true(map.is_broken);
    put_bucket(m, bucket(5, 0), "\x01\x09\x30\0\0\0\0\0", 0x1234);
    look(m, &map);
    assert_true(map.is_broken);
    put_bucket(m, bucket(5, 0), "\x01\x09\x30\0\0\0\0\0", 0);
    look(m, &map);
    assert_false(map.is_broken);
    static const uint8_t bits[] = {6, 40, 41, 255}; /* 64 buckets of 144 bytes are over a page */
    for (unsigned i = 0; i < ARRAY_COUNT(bits); i++) {
        PUT(OBJECT(0), hmap_B, bits[i]);
        assert_int_equal(look(m, &map).bytes, 0);
        assert_true(map.is_broken);
    }
    end(m);
}

/* -- Swiss tables ----------------------------------------------------------------------------- */

static void put_table(struct memory *m, uint64_t object, uint64_t groups, unsigned slots,
                      unsigned used, unsigned left, unsigned depth)
{
    uint64_t at = OBJECT(object);
    PUT(at, maps_table_used, used);
    PUT(at, maps_table_capacity, slots);
    PUT(at, maps_table_growthLeft, left);
    PUT(at, maps_table_localDepth, depth);
    uint64_t reference = at + GO_OFFSET(&m->runtime, maps_table_groups);
    PUT(reference, maps_groupsReference_data, OBJECT(groups));
    PUT(reference, maps_groupsReference_lengthMask, slots / 8 - 1);
    for (unsigned g = 0; g < slots / 8; g++)
        memset(m->bytes + (OBJECT(groups) - BASE) + g * 136, 0x80, 8);
}

/* Four places: the first two lead to one table. */
static void put_tables(struct memory *m)
{
    static const uint64_t places[] = {2, 2, 3, 4};
    PUT(OBJECT(0), maps_Map_used, 6);
    PUT(OBJECT(0), maps_Map_dirPtr, OBJECT(1));
    PUT(OBJECT(0), maps_Map_dirLen, 4);
    PUT(OBJECT(0), maps_Map_globalDepth, 2);
    for (unsigned i = 0; i < ARRAY_COUNT(places); i++)
        put(m, OBJECT(1) + i * 8, OBJECT(places[i]), 8);
    put_table(m, 2, 5, 16, 3, 10, 1); /* 14 may be used: one was deleted for good */
    put_table(m, 3, 6, 16, 2, 12, 2);
    put_table(m, 4, 7, 16, 1, 13, 2);
    memcpy(m->bytes + (OBJECT(5) - BASE), "\x01\x02\xfe\x7f", 4);
    memcpy(m->bytes + (OBJECT(6) - BASE) + 136, "\x80\x02\x80\x7f", 4);
    memcpy(m->bytes + (OBJECT(7) - BASE), "\x00", 1);
}

static void counts_each_table_once(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    struct go_map map;
    for (unsigned minor = 24; minor <= 27; minor++) {
        begin(m, minor);
        put_tables(m);
        struct map_summary sum = look(m, &map);
        assert_false(map.is_broken);
        assert_int_equal(sum.entries, 6);
        assert_int_equal(sum.deleted, 1);
        assert_int_equal(sum.tombstones, 1);
        assert_int_equal(sum.tables, 3);
        assert_int_equal(sum.slots, 48);
        assert_int_equal(sum.bytes, 7 * OBJECT_BYTES);
        assert_true(sum.has_grown);
        end(m);
    }
}

static void a_small_map_is_one_group(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    struct go_map map;
    begin(m, 25);
    PUT(OBJECT(0), maps_Map_used, 2);
    PUT(OBJECT(0), maps_Map_dirPtr, OBJECT(1));
    memcpy(m->bytes + OBJECT_BYTES, "\x11\x80\x80\x12\x80\x80\x80\x80", 8);
    struct map_summary sum = look(m, &map);
    assert_false(map.is_broken);
    assert_int_equal(sum.entries, 2);
    assert_int_equal(sum.slots, 8);
    PUT(OBJECT(0), maps_Map_used, 9);
    look(m, &map);
    assert_true(map.is_broken);
    end(m);
}

static void damaged_tables_are_broken(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    struct go_map map;
    static const struct {
        uint64_t object, field, value;
    } damages[] = {
        {0, LAYOUT_maps_Map_dirLen, 3},         {0, LAYOUT_maps_Map_dirLen, (uint64_t)1 << 62},
        {0, LAYOUT_maps_Map_globalDepth, 64},   {0, LAYOUT_maps_Map_dirPtr, 0x1000},
        {1, LAYOUT_maps_Map_used, 0x77},        {2, LAYOUT_maps_table_capacity, 15},
        {3, LAYOUT_maps_table_capacity, 32768}, {4, LAYOUT_maps_table_localDepth, 9},
        {4, LAYOUT_maps_table_used, 17},        {2, LAYOUT_maps_table_groups, 0xdead},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(damages); i++) {
        begin(m, 27);
        put_tables(m);
        put_field(m, OBJECT(damages[i].object), (enum layout_field)damages[i].field,
                  damages[i].value);
        look(m, &map);
        assert_true(map.is_broken);
        end(m);
    }
}

/* As many headers in damaged memory do. */
static void what_is_led_to_again_and_again_is_broken(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    for (unsigned minor = 23; minor <= 24; minor++) {
        struct go_map map;
        struct map_summary sum;
        begin(m, minor);
        if (minor < 24)
            put_buckets(m);
        else
            put_tables(m);
        look(m, &map);
        for (unsigned i = 0; i < 4; i++) { /* other readings of the same map */
            assert_false(map.is_broken);
            fine(map_read(&m->reader, &m->shape, OBJECT(0), NULL, &map));
            fine(map_summarize_groups(&m->reader, &map, &sum));
        }
        for (unsigned i = 0; i < 4096 && !map.is_broken; i++) {
            fine(map_read(&m->reader, &m->shape, OBJECT(0), NULL, &map));
            fine(map_summarize_groups(&m->reader, &map, &sum));
        }
        assert_true(map.is_broken);
        end(m);
    }
}

/* -- made anew -------------------------------------------------------------------------------- */

static void a_larger_map_takes_no_less(void **state)
{
    (void)state;
    static struct memory memory, *m = &memory;
    for (unsigned minor = 15; minor <= 27; minor++) {
        uint64_t before = 0;
        if (!layout_find(minor, "amd64"))
            continue;
        begin(m, minor);
        assert_int_equal(map_bytes_for(minor, &m->shape, 0), 0);
        assert_int_equal(map_bytes_for(minor, &m->shape, 8), 144);
        for (uint64_t n = 1; n < 1 << 20; n += 1 + n / 16) {
            uint64_t bytes = map_bytes_for(minor, &m->shape, n);
            assert_true(bytes >= before && bytes >= n * 16 && bytes < n * 80 + 200);
            before = bytes;
        }
        assert_true(map_bytes_for(minor, &m->shape, UINT64_MAX) == UINT64_MAX);
        end(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_buckets_and_their_chains),
        cmocka_unit_test(a_growing_map_has_entries_in_both_arrays),
        cmocka_unit_test(damaged_buckets_are_broken),
        cmocka_unit_test(counts_each_table_once),
        cmocka_unit_test(a_small_map_is_one_group),
        cmocka_unit_test(damaged_tables_are_broken),
        cmocka_unit_test(what_is_led_to_again_and_again_is_broken),
        cmocka_unit_test(a_larger_map_takes_no_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
