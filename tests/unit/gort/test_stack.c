/*
 * Stack walks over a small program in memory: each kind of frame, variables whose address is taken,
 * deferred calls; and over damage, which must end every walk without harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "small_program.h"

enum { GOEXIT, LEAF, CALLER, PANIC, ASYNC, ASSEMBLY, FUNCTIONS };

/* Heap addresses that the tests put into words. */
#define OBJECT(n) (HEAP + 0x800 + 0x40 * (uint64_t)(n))
#define G_ADDRESS HEAP

struct seen {
    struct stack_frame frames[64];
    unsigned frame_count;
    uint64_t values[256], slots[256];
    unsigned value_count;
    uint64_t all_frames, all_values;
};

static struct error *see_frame(void *context, const struct stack_frame *frame)
{
    struct seen *seen = context;
    if (seen->frame_count < ARRAY_COUNT(seen->frames))
        seen->frames[seen->frame_count++] = *frame;
    seen->all_frames++;
    return NULL;
}

static struct error *see_pointer(void *context, const struct stack_frame *frame, uint64_t slot,
                                 uint64_t value)
{
    struct seen *seen = context;
    assert_non_null(frame);
    assert_true(value != 0);
    if (seen->value_count < ARRAY_COUNT(seen->values)) {
        seen->slots[seen->value_count] = slot;
        seen->values[seen->value_count++] = value;
    }
    seen->all_values++;
    return NULL;
}

static bool saw(const struct seen *seen, uint64_t value)
{
    for (unsigned i = 0; i < seen->value_count; i++)
        if (seen->values[i] == value)
            return true;
    return false;
}

static void fine(struct error *error)
{
    if (error) {
        char text[512];
        error_text(error, text, sizeof(text));
        error_destroy(error);
        fail_msg("%s", text);
    }
}

static bool walk(struct small_program *p, const struct goroutine *g, struct seen *seen)
{
    const struct stack_visitor visitor = {
        .frame = see_frame, .pointer = see_pointer, .context = seen};
    bool complete = false;
    *seen = (struct seen){0};
    fine(stack_walk(&p->runtime, g, &visitor, &complete));
    return complete;
}

/*
 * LEAF (frame of 0x28: 4 locals and the saved frame pointer) is called by CALLER (frame of 0x48: 8
 * locals; 2 words of arguments), which GOEXIT called. Frames from the stack's end downwards:
 *   GOEXIT  sp = TOP
 *   CALLER  sp = TOP - 0x50   locals [sp, sp + 0x40), arguments at TOP
 *   LEAF    sp = TOP - 0x80   locals [sp, sp + 0x20), arguments at TOP - 0x50
 */
#define TOP (STACK_END - 0x40)
#define CALLER_SP (TOP - 0x50)
#define LEAF_SP (CALLER_SP - 0x30)

static void declare(struct small_program *p, const uint64_t *objects)
{
    *p = (struct small_program){0};
    const uint64_t args = small_maps(p, 2, 0x1, 0x2);
    const uint64_t leaf = small_maps(p, 4, 0x5, 0x8), caller = small_maps(p, 8, 0x81, 0x10);
    const struct small_function functions[FUNCTIONS] = {
        [GOEXIT] = {.name = "runtime.goexit", .flags = FLAG_OUTERMOST},
        [LEAF] = {.name = "main.leaf",
                  .frame_bytes = 0x28,
                  .args_bytes = 16,
                  .args_maps = args,
                  .locals_maps = leaf,
                  .objects = objects ? objects[0] : 0},
        [CALLER] = {.name = "main.caller",
                    .frame_bytes = 0x48,
                    .args_bytes = 0,
                    .deferreturn = 0x22,
                    .locals_maps = caller},
        [PANIC] = {.name = "runtime.sigpanic",
                   .frame_bytes = 0x28,
                   .locals_maps = small_maps(p, 0, 0, 0)},
        [ASYNC] = {.name = "runtime.asyncPreempt", .frame_bytes = 0x28},
        [ASSEMBLY] = {.name = "main.assembly", .frame_bytes = 0x28},
    };
    for (unsigned i = 0; i < FUNCTIONS; i++)
        small_function(p, &functions[i]);
}

/* The stack as above with `leaf` in LEAF's place; every word below its caller is an object. */
static struct goroutine stand(struct small_program *p, unsigned leaf)
{
    memset(p->memory[REGION_STACK], 0, REGION_BYTES);
    for (uint64_t i = 0; i < 4; i++)
        small_put(p, LEAF_SP + 8 * i, OBJECT(i));
    small_put(p, LEAF_SP + 0x28, small_pc(CALLER, 0x10));
    for (uint64_t i = 0; i < 8; i++)
        small_put(p, CALLER_SP + 8 * i, OBJECT(8 + i));
    small_put(p, CALLER_SP + 0x48, small_pc(GOEXIT, 1));
    return (struct goroutine){.address = G_ADDRESS,
                              .status = G_WAITING,
                              .stack_lo = STACK,
                              .stack_hi = STACK_END,
                              .sp = LEAF_SP,
                              .pc = small_pc(leaf, 0x10),
                              .thread = THREAD_NONE};
}

static void takes_what_the_maps_say(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    declare(&p, NULL);
    fine(small_finish(&p));
    struct goroutine g = stand(&p, LEAF);
    assert_true(walk(&p, &g, &seen));
    assert_int_equal(seen.frame_count, 3);
    assert_int_equal(seen.frames[0].function, LEAF);
    assert_int_equal(seen.frames[1].function, CALLER);
    assert_int_equal(seen.frames[2].function, GOEXIT);
    assert_true(seen.frames[0].sp == LEAF_SP && seen.frames[0].top == CALLER_SP);
    assert_true(seen.frames[1].sp == CALLER_SP && seen.frames[1].top == TOP);
    assert_true(seen.frames[1].lookup_pc == small_pc(CALLER, 0xf));
    assert_false(seen.frames[0].conservative);
    /* Locals 0 and 2 of LEAF; 0 and 7 of CALLER; argument 0 of LEAF is CALLER's word 0. */
    const uint64_t expected[] = {OBJECT(0), OBJECT(2), OBJECT(8), OBJECT(8), OBJECT(15)};
    assert_int_equal(seen.value_count, ARRAY_COUNT(expected));
    for (unsigned i = 0; i < ARRAY_COUNT(expected); i++)
        assert_true(seen.values[i] == expected[i]);
    assert_true(seen.slots[0] == LEAF_SP && seen.slots[4] == CALLER_SP + 0x38);

    g.pc = small_pc(LEAF, 0x30); /* the second map */
    assert_true(walk(&p, &g, &seen));
    assert_true(seen.values[0] == OBJECT(3) && seen.values[1] == OBJECT(9));
    small_end(&p);
}

static void a_frame_without_a_map_counts_word_by_word(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    declare(&p, NULL);
    fine(small_finish(&p));
    const struct goroutine g = stand(&p, ASSEMBLY);
    assert_true(walk(&p, &g, &seen));
    assert_true(seen.frames[0].conservative && !seen.frames[1].conservative);
    for (unsigned i = 0; i < 4; i++)
        assert_true(saw(&seen, OBJECT(i)));
    small_end(&p);
}

static void an_interrupted_frame_counts_word_by_word(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    declare(&p, NULL);
    fine(small_finish(&p));
    const struct goroutine g = stand(&p, ASYNC);
    assert_true(walk(&p, &g, &seen));
    assert_true(seen.frames[0].conservative && seen.frames[1].conservative);
    assert_false(seen.frames[2].conservative);
    assert_true(seen.frames[1].lookup_pc == small_pc(CALLER, 0x10));
    for (unsigned i = 0; i < 4; i++)
        assert_true(saw(&seen, OBJECT(i)));
    for (unsigned i = 8; i < 16; i++)
        assert_true(saw(&seen, OBJECT(i)));
    small_end(&p);
}

static void a_faulted_frame_goes_on_at_deferreturn(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    declare(&p, NULL);
    fine(small_finish(&p));
    struct goroutine g = stand(&p, PANIC);
    assert_true(walk(&p, &g, &seen));
    assert_true(seen.frames[1].lookup_pc == small_pc(CALLER, 0x10));
    assert_int_equal(seen.value_count, 1); /* map 1 of CALLER, at 0x22: word 4 */
    assert_true(seen.values[0] == OBJECT(12));
    small_end(&p);

    declare(&p, NULL);
    p.functions[CALLER].deferreturn = 0; /* nothing there runs again */
    fine(small_finish(&p));
    g = stand(&p, PANIC);
    assert_true(walk(&p, &g, &seen));
    assert_int_equal(seen.value_count, 0);
    small_end(&p);
}

/* runtime.stackObjectRecord. */
static void put_record(uint8_t *bytes, int32_t offset, int32_t size, int32_t pointer_bytes,
                       uint64_t mask)
{
    const int32_t fields[4] = {offset, size, pointer_bytes, (int32_t)(mask - RODATA)};
    memcpy(bytes, fields, sizeof(fields));
}

static void follows_pointers_to_variables(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    /* Two variables in LEAF's locals: words 0–1 with a pointer in word 1, by a mask; words 2–3 with
     * one in word 2, by a GC program. */
    p = (struct small_program){0};
    const uint8_t mask = 0x2, program[] = {4, 0, 0, 0, 2, 0x1, 0, 0};
    uint64_t mask_at = small_rodata(&p, &mask, 1);
    uint64_t program_at = small_rodata(&p, program, sizeof(program));
    uint8_t records[40] = {2};
    put_record(records + 8, -0x20, 16, 16, mask_at);
    put_record(records + 24, -0x10, 16, -16, program_at);
    const uint64_t objects = small_rodata(&p, records, sizeof(records));
    const uint64_t none = small_maps(&p, 4, 0, 0), caller = small_maps(&p, 8, 0x10, 0);
    const struct small_function functions[] = {
        {.name = "runtime.goexit", .flags = FLAG_OUTERMOST},
        {.name = "main.leaf", .frame_bytes = 0x28, .locals_maps = none, .objects = objects},
        {.name = "main.caller", .frame_bytes = 0x48, .locals_maps = caller},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(functions); i++)
        small_function(&p, &functions[i]);
    fine(small_finish(&p));
    const struct goroutine g = stand(&p, LEAF);

    assert_true(walk(&p, &g, &seen)); /* nothing points to them */
    assert_int_equal(seen.value_count, 1);
    assert_true(saw(&seen, OBJECT(12)));

    small_put(&p, CALLER_SP + 0x20, LEAF_SP + 8); /* into the middle of the first */
    assert_true(walk(&p, &g, &seen));
    assert_int_equal(seen.value_count, 1);
    assert_true(saw(&seen, OBJECT(1)));

    small_put(&p, LEAF_SP + 8, LEAF_SP + 0x10); /* and on to the second */
    assert_true(walk(&p, &g, &seen));
    assert_int_equal(seen.value_count, 1);
    assert_true(saw(&seen, OBJECT(2)));

    small_put(&p, LEAF_SP + 0x10, LEAF_SP); /* and back: each once */
    assert_true(walk(&p, &g, &seen));
    assert_int_equal(seen.value_count, 0);
    small_end(&p);
}

/* runtime._defer of Go 1.22 in the heap. */
static void put_defer(struct small_program *p, uint64_t address, uint64_t sp, uint64_t function,
                      uint64_t link)
{
    const struct go_runtime *rt = &p->runtime;
    *(uint8_t *)small_memory(p, address + GO_OFFSET(rt, _defer_heap), 1) = 1;
    small_put(p, address + GO_OFFSET(rt, _defer_sp), sp);
    small_put(p, address + GO_OFFSET(rt, _defer_fn), function);
    small_put(p, address + GO_OFFSET(rt, _defer_link), link);
}

static void takes_deferred_calls(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    declare(&p, NULL);
    fine(small_finish(&p));
    struct goroutine g = stand(&p, LEAF);
    const uint64_t first = HEAP + 0x400, second = HEAP + 0x480;
    put_defer(&p, first, LEAF_SP, OBJECT(20), second);
    put_defer(&p, second, CALLER_SP, OBJECT(21), 0);
    g.deferred = first;
    assert_true(walk(&p, &g, &seen));
    assert_true(saw(&seen, OBJECT(20)) && saw(&seen, OBJECT(21)));
    assert_true(saw(&seen, first) && saw(&seen, second));

    put_defer(&p, second, CALLER_SP, OBJECT(21), first); /* a circle */
    assert_true(walk(&p, &g, &seen));
    assert_true(seen.all_values < 64);
    g.deferred = 0x1234; /* nowhere */
    assert_true(walk(&p, &g, &seen));
    small_end(&p);
}

static void what_is_lost_counts_word_by_word(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    declare(&p, NULL);
    fine(small_finish(&p));
    struct goroutine g = stand(&p, LEAF);
    small_put(&p, LEAF_SP + 0x28, 0x1234); /* LEAF returns to nowhere */
    assert_false(walk(&p, &g, &seen));
    assert_int_equal(seen.frame_count, 2);
    assert_true(seen.frames[1].function == PCLNTAB_NONE && seen.frames[1].sp == CALLER_SP &&
                seen.frames[1].top == STACK_END);
    assert_false(saw(&seen, OBJECT(1)));
    for (unsigned i = 8; i < 16; i++)
        assert_true(saw(&seen, OBJECT(i)));

    g.sp = 0x10; /* outside of the stack */
    assert_false(walk(&p, &g, &seen));
    assert_int_equal(seen.frame_count, 1);
    assert_true(saw(&seen, OBJECT(1)));

    g = (struct goroutine){.address = G_ADDRESS, .status = G_WAITING, .thread = THREAD_NONE};
    assert_true(walk(&p, &g, &seen)); /* no stack at all */
    assert_int_equal(seen.frame_count, 0);
    small_end(&p);
}

static void a_nil_call_starts_at_its_caller(void **state)
{
    (void)state;
    static struct small_program p;
    struct seen seen;
    declare(&p, NULL);
    fine(small_finish(&p));
    struct goroutine g = stand(&p, LEAF);
    g.pc = 0;
    g.sp = LEAF_SP + 0x28;
    assert_true(walk(&p, &g, &seen));
    assert_int_equal(seen.frame_count, 2);
    assert_int_equal(seen.frames[0].function, CALLER);
    small_end(&p);
}

static uint64_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

/* A word that may do harm: an address near something, or anything. */
static uint64_t nasty_word(uint64_t *random)
{
    static const uint64_t bases[] = {
        0,      STACK, STACK_END - 64, LEAF_SP,    CALLER_SP,         PROGRAM_TEXT,
        RODATA, HEAP,  UINT64_MAX,     UINT32_MAX, (uint64_t)1 << 63, INT32_MAX};
    uint64_t base = bases[next_random(random) % ARRAY_COUNT(bases)];
    return base + (next_random(random) % 3 ? next_random(random) % 512 : 0) -
           (next_random(random) % 8 ? 0 : 64);
}

static void damage_ends_every_walk(void **state)
{
    (void)state;
    static struct small_program sound, p;
    uint64_t random = 99;
    const uint64_t objects_at = RODATA;
    declare(&sound, &objects_at);
    sound.memory[REGION_RODATA][4] = 0; /* LEAF's objects are read from its maps, as damage does */
    for (unsigned round = 0; round < 30000; round++) {
        struct seen seen;
        p = sound;
        fine(small_finish(&p));
        struct goroutine g = stand(&p, (unsigned)(next_random(&random) % FUNCTIONS));
        put_defer(&p, HEAP + 0x400, LEAF_SP, OBJECT(20), HEAP + 0x480);
        put_defer(&p, HEAP + 0x480, CALLER_SP, OBJECT(21), 0);
        g.deferred = HEAP + 0x400;
        for (uint64_t n = 1 + next_random(&random) % 6; n > 0; n--) {
            uint64_t at = small_region_starts()[next_random(&random) % REGIONS];
            uint64_t used = at == STACK ? TOP - 0x100 - STACK : at == HEAP ? 0x400 : 0;
            small_put(&p, at + used + next_random(&random) % 0x138, nasty_word(&random));
        }
        uint64_t *const fields[] = {&g.sp,       &g.pc,        &g.stack_lo,       &g.stack_hi,
                                    &g.deferred, &g.panicking, &g.closure_context};
        if (next_random(&random) % 2)
            *fields[next_random(&random) % ARRAY_COUNT(fields)] = nasty_word(&random);
        g.is_running_threads = next_random(&random) % 8 == 0;
        g.signal_registers = HEAP + next_random(&random) % REGION_BYTES;
        g.is_lost = next_random(&random) % 16 == 0;
        if (g.stack_hi - g.stack_lo > 1 << 20 && g.stack_hi > g.stack_lo)
            g.stack_hi = g.stack_lo + (1 << 20); /* walks of 1 GiB take their time */
        const struct stack_visitor visitor = {
            .frame = see_frame, .pointer = see_pointer, .context = &seen};
        seen = (struct seen){0};
        error_destroy(stack_walk(&p.runtime, &g, &visitor, NULL));
        assert_true(seen.all_frames <= STACK_FRAMES_MAX + 1);
        assert_true(seen.all_values < 1 << 18);
        small_end(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_maps_say),
        cmocka_unit_test(a_frame_without_a_map_counts_word_by_word),
        cmocka_unit_test(an_interrupted_frame_counts_word_by_word),
        cmocka_unit_test(a_faulted_frame_goes_on_at_deferreturn),
        cmocka_unit_test(follows_pointers_to_variables),
        cmocka_unit_test(takes_deferred_calls),
        cmocka_unit_test(what_is_lost_counts_word_by_word),
        cmocka_unit_test(a_nil_call_starts_at_its_caller),
        cmocka_unit_test(damage_ends_every_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
