/* Special records and queued calls: by version, and what damage leaves of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gort/specials.h"
#include "small_program.h"

#define SPECIAL(i) (HEAP + (uint64_t)(i)*0x40)
#define BLOCK(i) (STACK + (uint64_t)(i)*0x200)
#define LIST (HEAP + 0xf00)

struct seen {
    unsigned count;
    struct special_record records[16];
    struct queued_finalizer finalizer;
    struct queued_cleanup cleanup;
};

static void fine(struct error *error)
{
    char text[300] = "";
    if (error)
        error_text(error, text, sizeof(text));
    assert_string_equal(text, "");
}

static void begin(struct small_program *p, unsigned minor)
{
    memset(p, 0, sizeof(*p));
    small_function(p, &(struct small_function){.name = "main.main"});
    fine(small_finish(p));
    p->runtime.minor = minor;
    p->runtime.layout = layout_find(minor, "amd64");
}

static struct error *note_record(void *context, const struct special_record *record)
{
    struct seen *seen = context;
    if (seen->count < ARRAY_COUNT(seen->records))
        seen->records[seen->count] = *record;
    seen->count++;
    return NULL;
}

static struct error *note_finalizer(void *context, const struct queued_finalizer *queued)
{
    struct seen *seen = context;
    seen->finalizer = *queued;
    seen->count++;
    return NULL;
}

static struct error *note_cleanup(void *context, const struct queued_cleanup *queued)
{
    struct seen *seen = context;
    seen->cleanup = *queued;
    seen->count++;
    return NULL;
}

static void put_special(struct small_program *p, unsigned i, uint64_t next, uint16_t offset,
                        uint8_t kind)
{
    const struct go_runtime *rt = &p->runtime;
    small_put(p, SPECIAL(i) + GO_OFFSET(rt, special_next), next);
    memcpy(small_memory(p, SPECIAL(i) + GO_OFFSET(rt, special_offset), 2), &offset, 2);
    *(uint8_t *)small_memory(p, SPECIAL(i) + GO_OFFSET(rt, special_kind), 1) = kind;
}

/* Two spans of ten objects of 64 bytes, with the lists that begin at the two records. */
static struct seen walk(struct small_program *p, uint64_t first, uint64_t second,
                        uint64_t *out_broken)
{
    struct seen seen = {0};
    struct heap_span spans[2] = {
        {.element_size = 64, .slots = 10, .first_id = 16, .specials = first},
        {.element_size = 64, .slots = 10, .first_id = 32, .specials = second}};
    struct heap heap = {0};
    heap.spans.data = spans;
    heap.spans.count = 2;
    fine(special_each(&p->runtime, &heap, note_record, &seen, out_broken));
    return seen;
}

static void finds_the_object_of_each_record(void **state)
{
    (void)state;
    static struct small_program p;
    uint64_t broken;
    const uint8_t kinds[][2] = {{22, 1}, {24, 1}, {27, 2}}; /* a finalizer's number */
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        begin(&p, kinds[i][0]);
        put_special(&p, 0, SPECIAL(1), 130, kinds[i][1]);
        put_special(&p, 1, 0, 640, kinds[i][1]); /* behind the last object */
        struct seen seen = walk(&p, SPECIAL(0), 0, &broken);
        assert_int_equal(broken, 0);
        assert_int_equal(seen.count, 2);
        assert_int_equal(seen.records[0].kind, SPECIAL_FINALIZER);
        assert_int_equal(seen.records[0].object, 18);
        assert_int_equal(seen.records[1].object, HEAP_NONE);
        small_end(&p);
    }
}

static void a_broken_list_leaves_the_others_alone(void **state)
{
    (void)state;
    static struct small_program p;
    uint64_t broken;
    begin(&p, 27);
    put_special(&p, 0, 0x1234, 0, 2);
    put_special(&p, 1, 0, 64, 2);
    struct seen seen = walk(&p, SPECIAL(0), SPECIAL(1), &broken);
    assert_int_equal(broken, 1);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.records[1].object, 33);
    small_end(&p);
}

static void a_ring_ends(void **state)
{
    (void)state;
    static struct small_program p;
    uint64_t broken;
    for (unsigned length = 1; length < 9; length++) {
        for (unsigned lead = 0; lead < 6; lead++) {
            begin(&p, 27);
            for (unsigned i = 0; i < lead + length; i++)
                put_special(&p, i, SPECIAL(i + 1 < lead + length ? i + 1 : lead), 0, 2);
            struct seen seen = walk(&p, SPECIAL(0), 0, &broken);
            assert_int_equal(broken, 1);
            assert_true(seen.count >= lead + length && seen.count < 4 * (lead + length) + 4);
            small_end(&p);
        }
    }
}

static void finds_queued_finalizers(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen = {0};
    uint64_t broken;
    begin(&p, 22);
    const struct go_runtime *rt = &p.runtime;
    fine(special_each_queued(&p.runtime, note_finalizer, &seen, &broken));
    assert_int_equal(seen.count, 0); /* allfin is not known */
    p.runtime.globals.allfin = LIST;
    small_put(&p, LIST, BLOCK(0));
    small_put(&p, BLOCK(0) + GO_OFFSET(rt, finblock_alllink), BLOCK(1));
    small_put(&p, BLOCK(1) + GO_OFFSET(rt, finblock_cnt), 2);
    uint64_t entry = BLOCK(1) + GO_OFFSET(rt, finblock_fin) + GO_SIZE(rt, finalizer);
    small_put(&p, entry + GO_OFFSET(rt, finalizer_fn), 7);
    small_put(&p, entry + GO_OFFSET(rt, finalizer_arg), 8);
    small_put(&p, entry + GO_OFFSET(rt, finalizer_ot), 9);
    fine(special_each_queued(&p.runtime, note_finalizer, &seen, &broken));
    assert_int_equal(seen.count, 1); /* the entry before it is empty */
    assert_true(seen.finalizer.function == 7 && seen.finalizer.argument == 8 &&
                seen.finalizer.object_type == 9);
    assert_int_equal(broken, 0);
    small_put(&p, BLOCK(1) + GO_OFFSET(rt, finblock_cnt), 1000); /* do not fit */
    fine(special_each_queued(&p.runtime, note_finalizer, &seen, &broken));
    assert_int_equal(broken, 1);
    small_put(&p, BLOCK(1) + GO_OFFSET(rt, finblock_cnt), 0);
    small_put(&p, BLOCK(1) + GO_OFFSET(rt, finblock_alllink), BLOCK(0));
    fine(special_each_queued(&p.runtime, note_finalizer, &seen, &broken));
    assert_int_equal(broken, 1);
    small_end(&p);
}

static void finds_queued_cleanups(void **state)
{
    (void)state;
    static struct small_program p;
    uint64_t broken;
    for (unsigned minor = 24; minor <= 27; minor++) {
        struct seen seen = {0};
        begin(&p, minor);
        const struct go_runtime *rt = &p.runtime;
        if (minor > 24) {
            p.runtime.globals.gcCleanups = LIST - GO_OFFSET(rt, cleanupQueue_all);
            small_put(&p, LIST, BLOCK(0));
            small_put(&p, BLOCK(0) + GO_OFFSET(rt, cleanupBlockHeader_n), 1);
            for (unsigned i = 0; i < 4; i++)
                small_put(&p, BLOCK(0) + GO_OFFSET(rt, cleanupBlock_cleanups) + 8 * i, 5 + i);
        }
        fine(special_each_cleanup(&p.runtime, note_cleanup, &seen, &broken));
        assert_int_equal(broken, 0);
        assert_int_equal(seen.count, minor > 24);
        assert_int_equal(seen.cleanup.pointers[0], minor > 24 ? 5 : 0);
        assert_int_equal(seen.cleanup.pointers[1], minor > 25 ? 6 : 0);
        assert_int_equal(seen.cleanup.pointers[2], minor > 25 ? 7 : 0);
        small_end(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_object_of_each_record),
        cmocka_unit_test(a_broken_list_leaves_the_others_alone),
        cmocka_unit_test(a_ring_ends),
        cmocka_unit_test(finds_queued_finalizers),
        cmocka_unit_test(finds_queued_cleanups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
