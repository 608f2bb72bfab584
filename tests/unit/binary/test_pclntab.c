#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample_table.h"

/* The sample in a block of exactly its size, so that ASan sees a read past its end. */
struct loaded {
    struct sample sample;
    uint8_t *bytes;
    struct pclntab *table;
};

static void fine(struct error *error)
{
    if (error) {
        char text[512];
        error_text(error, text, sizeof(text));
        error_destroy(error);
        fail_msg("%s", text);
    }
}

static void fails(struct error *error, enum error_kind kind)
{
    assert_non_null(error);
    assert_int_equal(error->kind, kind);
    error_destroy(error);
}

static struct error *load_bytes(struct loaded *l)
{
    l->table = NULL;
    l->bytes = malloc(l->sample.size);
    assert_non_null(l->bytes);
    memcpy(l->bytes, l->sample.bytes, l->sample.size);
    return pclntab_from_bytes(l->bytes, l->sample.size, &l->sample.options, &l->table);
}

static void load(struct loaded *l, enum pclntab_layout layout)
{
    sample_build(&l->sample, layout);
    fine(load_bytes(l));
}

static void unload(struct loaded *l)
{
    pclntab_destroy(l->table);
    free(l->bytes);
}

#define EACH_LAYOUT(layout)                                                                        \
    for (enum pclntab_layout layout = LAYOUT_GO_1_2; layout <= LAYOUT_GO_1_20; layout++)

static void finds_functions_by_pc_and_name(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        struct loaded l;
        load(&l, layout);
        assert_int_equal(pclntab_count(l.table), SAMPLE_FUNCTIONS);
        assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT - 1), PCLNTAB_NONE);
        assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT), 0);
        assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT + 0x3f), 0);
        assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT + 0x40), 1);
        assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT + 0x7f), 3);
        assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT + 0x80), PCLNTAB_NONE);
        assert_int_equal(pclntab_find(l.table, UINT64_MAX), PCLNTAB_NONE);
        assert_int_equal(pclntab_entry(l.table, 2), SAMPLE_TEXT + 0x60);
        assert_int_equal(pclntab_entry(l.table, 4), SAMPLE_TEXT + 0x80);
        assert_int_equal(pclntab_entry(l.table, 5), 0);

        assert_string_equal(pclntab_name(l.table, 1), "main.(*T).Method");
        assert_string_equal(pclntab_name(l.table, 4), "?");
        assert_int_equal(pclntab_find_name(l.table, "main.main"), 0);
        assert_int_equal(pclntab_find_name(l.table, "main.last"), 3);
        assert_int_equal(pclntab_find_name(l.table, "main.inner"), PCLNTAB_NONE);
        unload(&l);
    }
}

static void describes_functions(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        struct loaded l;
        struct pclntab_function f;
        load(&l, layout);
        fine(pclntab_function(l.table, 0, &f));
        assert_string_equal(f.name, "main.main");
        assert_int_equal(f.entry, SAMPLE_TEXT);
        assert_int_equal(f.end, SAMPLE_TEXT + 0x40);
        assert_int_equal(f.args_bytes, 0x80000000u);
        assert_int_equal(f.pcdata_count, 3);
        assert_int_equal(f.func_id, 22);
        assert_int_equal(f.flags, layout == LAYOUT_GO_1_2 ? 0 : 4);
        assert_int_equal(f.start_line, layout == LAYOUT_GO_1_20 ? 9 : 0);
        fine(pclntab_function(l.table, 3, &f));
        assert_int_equal(f.args_bytes, 16);
        assert_int_equal(f.end, SAMPLE_TEXT + 0x80);
        fails(pclntab_function(l.table, 4, &f), ERROR_USAGE);
        unload(&l);
    }
}

/* 1.15 counts FUNCDATA differently; callers need not know. */
static void gives_funcdata_by_the_newer_numbers(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        struct loaded l;
        load(&l, layout);
        assert_int_equal(pclntab_funcdata(l.table, 0, FUNCDATA_ARGS_POINTER_MAPS), 0x600000);
        assert_int_equal(pclntab_funcdata(l.table, 0, FUNCDATA_LOCALS_POINTER_MAPS), 0);
        assert_int_equal(pclntab_funcdata(l.table, 0, FUNCDATA_STACK_OBJECTS),
                         l.sample.stack_objects);
        assert_int_equal(pclntab_funcdata(l.table, 0, FUNCDATA_INLINE_TREE), l.sample.inline_tree);
        assert_int_equal(pclntab_funcdata(l.table, 0, 4), 0);
        assert_int_equal(pclntab_funcdata(l.table, 0, UINT32_MAX), 0);
        assert_int_equal(pclntab_funcdata(l.table, 1, FUNCDATA_ARGS_POINTER_MAPS), 0);
        assert_int_equal(pclntab_funcdata(l.table, 9, FUNCDATA_ARGS_POINTER_MAPS), 0);
        unload(&l);
    }
}

static int32_t pcdata(struct loaded *l, unsigned which, uint64_t offset)
{
    int32_t value = -77;
    fine(pclntab_pcdata(l->table, 0, which, SAMPLE_TEXT + offset, &value));
    return value;
}

static void reads_tables_of_pc_values(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        struct loaded l;
        load(&l, layout);
        assert_int_equal(pcdata(&l, PCDATA_UNSAFE_POINT, 7), -1);
        assert_int_equal(pcdata(&l, PCDATA_UNSAFE_POINT, 8), -2);
        assert_int_equal(pcdata(&l, PCDATA_STACK_MAP_INDEX, 0x2f), 3);
        assert_int_equal(pcdata(&l, PCDATA_STACK_MAP_INDEX, 0x30), 200);
        assert_int_equal(pcdata(&l, PCDATA_STACK_MAP_INDEX, 0x40), -1); /* behind the table */
        assert_int_equal(pcdata(&l, 3, 0), -1);
        assert_int_equal(pcdata(&l, UINT32_MAX, 0), -1);
        int32_t value = -77;
        fine(pclntab_pcdata(l.table, 1, PCDATA_STACK_MAP_INDEX, SAMPLE_TEXT + 0x40, &value));
        assert_int_equal(value, -1);

        fine(pclntab_sp_delta(l.table, 0, SAMPLE_TEXT + 3, &value));
        assert_int_equal(value, 0);
        fine(pclntab_sp_delta(l.table, 0, SAMPLE_TEXT + 4, &value));
        assert_int_equal(value, 24);
        fine(pclntab_sp_delta(l.table, 0, SAMPLE_TEXT + 0x3f, &value));
        assert_int_equal(value, 0);
        value = -77;
        fails(pclntab_sp_delta(l.table, 0, SAMPLE_TEXT + 0x40, &value), ERROR_FORMAT);
        fails(pclntab_sp_delta(l.table, 1, SAMPLE_TEXT + 0x40, &value), ERROR_FORMAT);
        assert_int_equal(value, -77);
        unload(&l);
    }
}

static void assert_frame(const struct pclntab_frame *frame, const char *function, const char *file,
                         uint32_t line, bool inlined)
{
    assert_string_equal(frame->function, function);
    assert_string_equal(frame->file, file);
    assert_int_equal(frame->line, line);
    assert_int_equal(frame->inlined, inlined);
}

static void expands_inlined_calls(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        struct loaded l;
        struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
        load(&l, layout);
        assert_int_equal(pclntab_frames(l.table, NULL, SAMPLE_TEXT + 0x18, frames), 3);
        assert_frame(&frames[0], "main.inner", "/src/a.go", 52, true);
        assert_frame(&frames[1], "main.middle", "/src/b", 31, true);
        assert_frame(&frames[2], "main.main", "/src/a.go", 12, false);
        assert_int_equal(pclntab_frames(l.table, NULL, SAMPLE_TEXT + 0x24, frames), 2);
        assert_frame(&frames[0], "main.middle", "/src/b", 31, true);
        assert_int_equal(pclntab_frames(l.table, NULL, SAMPLE_TEXT + 0x3f, frames), 1);
        assert_frame(&frames[0], "main.main", "/src/a.go", 900, false);
        assert_int_equal(pclntab_frames(l.table, NULL, SAMPLE_TEXT + 0x48, frames), 1);
        assert_frame(&frames[0], "main.(*T).Method", "?", 0, false);
        assert_int_equal(pclntab_frames(l.table, NULL, SAMPLE_TEXT - 1, frames), 0);
        unload(&l);
    }
}

static void an_inline_tree_in_a_circle_ends(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        struct loaded l;
        struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
        sample_build(&l.sample, layout);
        /* main.inner was called from where main.inner is. */
        uint64_t call =
            l.sample.inline_tree - SAMPLE_ADDRESS + (layout == LAYOUT_GO_1_20 ? 16 : 20);
        sample_put(&l.sample, call + (layout == LAYOUT_GO_1_20 ? 8 : 16), 0x18, 4);
        fine(load_bytes(&l));
        assert_int_equal(pclntab_frames(l.table, NULL, SAMPLE_TEXT + 0x18, frames),
                         PCLNTAB_FRAMES_MAX);
        assert_string_equal(frames[PCLNTAB_FRAMES_MAX - 1].function, "main.main");
        unload(&l);
    }
}

static void refuses_what_is_no_table(void **state)
{
    (void)state;
    struct loaded l;
    struct sample good;
    sample_build(&good, LAYOUT_GO_1_20);
    const struct {
        uint64_t at, value;
        unsigned bytes;
        enum error_kind kind;
    } damage[] = {
        {0, 0xfffffffau, 4, ERROR_UNSUPPORTED}, /* Go 1.16 */
        {0, 0xdeadbeefu, 4, ERROR_FORMAT},
        {7, 4, 1, ERROR_FORMAT},           /* 32 bits */
        {6, 0, 1, ERROR_FORMAT},           /* quantum */
        {8, 0, 8, ERROR_FORMAT},           /* no functions */
        {8, 1u << 30, 8, ERROR_FORMAT},    /* too many */
        {8, 100000, 8, ERROR_FORMAT},      /* more than fit */
        {32, 1u << 20, 8, ERROR_FORMAT},   /* parts out of order */
        {64, UINT64_MAX, 8, ERROR_FORMAT}, /* functab nowhere */
    };
    for (unsigned i = 0; i < ARRAY_COUNT(damage); i++) {
        l.sample = good;
        sample_put(&l.sample, damage[i].at, damage[i].value, damage[i].bytes);
        fails(load_bytes(&l), damage[i].kind);
        assert_null(l.table);
        unload(&l);
    }
    l.sample = good; /* not sorted */
    uint64_t functab;
    memcpy(&functab, good.bytes + 64, sizeof(functab));
    sample_put(&l.sample, functab + 8, 0x7f, 4);
    fails(load_bytes(&l), ERROR_FORMAT);
    unload(&l);
    l.sample = good; /* functions outside of the text */
    l.sample.options.text_end -= 1;
    fails(load_bytes(&l), ERROR_FORMAT);
    unload(&l);
}

/* Every prefix and every single damaged byte: no crash, no endless loop (ASan looks on). */
static void survives_damage_everywhere(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        struct sample good;
        sample_build(&good, layout);
        for (uint64_t i = 0; i < 2 * good.size; i++) {
            struct loaded l = {.sample = good};
            if (i < good.size)
                l.sample.size = i;
            else
                l.sample.bytes[i - good.size] ^= 0xff;
            struct error *error = load_bytes(&l);
            for (uint32_t f = 0; !error && f < pclntab_count(l.table); f++) {
                struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
                int32_t value;
                error_destroy(pclntab_sp_delta(l.table, f, pclntab_entry(l.table, f), &value));
                error_destroy(pclntab_pcdata(l.table, f, 1, pclntab_entry(l.table, f), &value));
                assert_true(pclntab_frames(l.table, NULL, pclntab_entry(l.table, f) + 0x18,
                                           frames) <= PCLNTAB_FRAMES_MAX);
                pclntab_find_name(l.table, pclntab_name(l.table, f));
            }
            error_destroy(error);
            unload(&l);
        }
    }
}

/* Go ≤ 1.15 marks what the system's linker puts between two text sections. */
static void a_hole_is_no_function(void **state)
{
    (void)state;
    struct loaded l;
    sample_build(&l.sample, LAYOUT_GO_1_2);
    sample_put(&l.sample, 16 + 16 * 2 + 8, UINT64_MAX, 8);
    fine(load_bytes(&l));
    assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT + 0x60), PCLNTAB_NONE);
    assert_int_equal(pclntab_find(l.table, SAMPLE_TEXT + 0x70), 3);
    assert_string_equal(pclntab_name(l.table, 2), "?");
    unload(&l);
}

/* Out of the memory of a child process, with other data right behind the table. */
static void loads_from_a_process(void **state)
{
    (void)state;
    EACH_LAYOUT(layout)
    {
        const uint64_t bytes = 1 << 16;
        struct sample sample;
        sample_build(&sample, layout);
        uint8_t *memory =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(memory, MAP_FAILED);
        memset(memory, 0xa5, bytes);
        memcpy(memory, sample.bytes, sample.size);
        /* The records of 1.15 hold addresses; only the inline tree's is used here. */
        if (layout == LAYOUT_GO_1_2) {
            for (uint64_t at = 0; at + 8 <= sample.size; at += 8) {
                uint64_t tree = (uint64_t)memory + (sample.inline_tree - SAMPLE_ADDRESS);
                if (memcmp(memory + at, &sample.inline_tree, 8) == 0)
                    memcpy(memory + at, &tree, 8);
            }
        }
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (;;)
                pause();
        }
        munmap(memory, bytes);
        struct target *target = NULL;
        struct target_options how = {.freeze = FREEZE_STOP};
        struct error *error = target_open_process(child, &how, &target);
        bool forbidden = error && (error->os_errno == EPERM || error->os_errno == EACCES);
        if (!error) {
            struct pclntab *table = NULL;
            struct pclntab_options options = sample.options;
            options.address = (uint64_t)memory;
            options.limit = options.address + bytes;
            options.gofunc += options.address - SAMPLE_ADDRESS;
            error = pclntab_load(target, &options, &table);
            if (!error) {
                struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
                assert_int_equal(pclntab_frames(table, target, SAMPLE_TEXT + 0x18, frames), 3);
                assert_frame(&frames[1], "main.middle", "/src/b", 31, true);
                assert_int_equal(pclntab_find_name(table, "main.last"), 3);
                pclntab_destroy(table);
                options.limit = options.address + 200;
                fails(pclntab_load(target, &options, &table), ERROR_FORMAT);
                options.limit = options.address;
                fails(pclntab_load(target, &options, &table), ERROR_FORMAT);
            }
        }
        target_destroy(target);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (forbidden) {
            error_destroy(error);
            puts("# ptrace is not allowed here");
            skip();
        }
        fine(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_functions_by_pc_and_name),
        cmocka_unit_test(describes_functions),
        cmocka_unit_test(gives_funcdata_by_the_newer_numbers),
        cmocka_unit_test(reads_tables_of_pc_values),
        cmocka_unit_test(expands_inlined_calls),
        cmocka_unit_test(an_inline_tree_in_a_circle_ends),
        cmocka_unit_test(refuses_what_is_no_table),
        cmocka_unit_test(survives_damage_everywhere),
        cmocka_unit_test(a_hole_is_no_function),
        cmocka_unit_test(loads_from_a_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
