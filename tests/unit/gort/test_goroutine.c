/* The list of goroutines out of hand-made g's: who counts, what state they are in, where they
 * stand; and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "small_program.h"

enum { RUNTIME_MAIN, GC_WORKER, USER, TEXT_FUNCTIONS };

#define ALLGS HEAP
#define POINTERS (HEAP + 0x20)
#define REASONS (HEAP + 0xc00)
#define G(n) (HEAP + 0x80 + 0x200 * (uint64_t)(n))
#define M (RODATA + 0x400)
enum { GS = 5 };

static void fine(struct error *error)
{
    if (error) {
        char text[512];
        error_text(error, text, sizeof(text));
        error_destroy(error);
        fail_msg("%s", text);
    }
}

static void put_g(struct small_program *p, unsigned n, uint64_t status, unsigned function)
{
    const struct go_runtime *rt = &p->runtime;
    const uint64_t g = G(n), sched = g + GO_OFFSET(rt, g_sched);
    small_put(p, POINTERS + 8 * (uint64_t)n, g);
    small_put(p, g + GO_OFFSET(rt, g_stack), STACK);
    small_put(p, g + GO_OFFSET(rt, g_stack) + 8, STACK_END);
    small_put(p, g + GO_OFFSET(rt, g_atomicstatus), status);
    small_put(p, g + GO_OFFSET(rt, g_goid), 10 + n);
    small_put(p, g + GO_OFFSET(rt, g_startpc), small_pc(function, 0));
    small_put(p, g + GO_OFFSET(rt, g_gopc), small_pc(USER, 9));
    small_put(p, sched + GO_OFFSET(rt, gobuf_sp), STACK + 0x100 + 8 * n);
    small_put(p, sched + GO_OFFSET(rt, gobuf_pc), small_pc(function, 0x10));
}

static void build(struct small_program *p)
{
    static const char reason[] = "chan receive";
    *p = (struct small_program){0};
    small_function(p, &(struct small_function){.name = "runtime.main"});
    small_function(p, &(struct small_function){.name = "runtime.gcBgMarkWorker"});
    small_function(p, &(struct small_function){.name = "main.user"});
    const uint64_t text = small_rodata(p, reason, sizeof(reason));
    fine(small_finish(p));
    small_put(p, ALLGS, POINTERS);
    small_put(p, ALLGS + 8, GS);
    put_g(p, 0, G_RUNNABLE, RUNTIME_MAIN);
    put_g(p, 1, G_WAITING | 0x1000, GC_WORKER);
    put_g(p, 2, G_WAITING, USER);
    put_g(p, 3, G_DEAD, USER);
    put_g(p, 4, G_SYSCALL, USER);
    *(uint8_t *)small_memory(p, G(2) + GO_OFFSET(&p->runtime, g_waitreason), 1) = 3;
    small_put(p, REASONS + 3 * 16, text);
    small_put(p, REASONS + 3 * 16 + 8, sizeof(reason) - 1);
    small_put(p, G(4) + GO_OFFSET(&p->runtime, g_syscallsp), STACK + 0x800);
    small_put(p, G(4) + GO_OFFSET(&p->runtime, g_syscallpc), small_pc(USER, 0x20));
    p->runtime.globals.allgs = ALLGS;
    p->runtime.globals.wait_reason_strings = REASONS;
}

static void counts_as_the_runtime_does(void **state)
{
    (void)state;
    static struct small_program p;
    struct goroutine_list list;
    build(&p);
    fine(goroutine_list_read(&p.runtime, &list));
    assert_int_equal(list.items.count, 4);
    assert_int_equal(list.user_count, 3);
    assert_int_equal(list.system_count, 1);
    assert_int_equal(list.dead_count, 1);
    assert_int_equal(list.items.data[0].id, 10);
    assert_false(list.items.data[0].is_system);
    assert_true(list.items.data[1].is_system);
    assert_int_equal(list.items.data[1].status, G_WAITING);
    assert_string_equal(goroutine_function(&p.runtime, &list.items.data[1]),
                        "runtime.gcBgMarkWorker");
    assert_string_equal(goroutine_creator(&p.runtime, &list.items.data[1]), "main.user");
    goroutine_list_deinit(&list);
    small_end(&p);
}

static void says_what_they_wait_for(void **state)
{
    (void)state;
    static struct small_program p;
    struct goroutine_list list;
    build(&p);
    fine(goroutine_list_read(&p.runtime, &list));
    const struct goroutine *g = list.items.data;
    assert_string_equal(g[0].state, "runnable");
    assert_string_equal(g[1].state, "waiting"); /* without a reason */
    assert_string_equal(g[2].state, "chan receive");
    assert_string_equal(g[3].state, "syscall");
    assert_true(g[2].sp == STACK + 0x110 && g[2].pc == small_pc(USER, 0x10));
    assert_true(g[3].sp == STACK + 0x800 && g[3].pc == small_pc(USER, 0x20));
    goroutine_list_deinit(&list);

    p.runtime.globals.wait_reason_strings = 0;
    fine(goroutine_list_read(&p.runtime, &list));
    /* our own table of that version */
    assert_string_equal(list.items.data[2].state, "chan receive (nil chan)");
    goroutine_list_deinit(&list);
    small_end(&p);
}

/* One thread whose registers are in, below or far from the stack of a running goroutine. */
static void a_running_one_stands_where_its_thread_does(void **state)
{
    (void)state;
    static struct small_program p;
    struct goroutine_list list;
    build(&p);
    const struct go_runtime *rt = &p.runtime;
    put_g(&p, 2, G_RUNNING, USER);
    const uint64_t m = M, procid = m + GO_OFFSET(rt, m_procid);
    small_put(&p, G(2) + GO_OFFSET(rt, g_m), m);
    small_put(&p, m + GO_OFFSET(rt, m_curg), G(2));
    small_put(&p, procid, 77);
    struct target_thread thread = {
        .tid = 77, .has_registers = true, .pc = small_pc(USER, 0x11), .sp = STACK + 0x400};
    p.target.threads.data = &thread;
    p.target.threads.count = 1;
    fine(goroutine_list_read(&p.runtime, &list));
    assert_true(list.items.data[2].is_running_threads && !list.items.data[2].is_lost);
    assert_true(list.items.data[2].sp == thread.sp && list.items.data[2].pc == thread.pc);
    assert_int_equal(list.items.data[2].thread, 0);
    goroutine_list_deinit(&list);

    thread.sp = HEAP; /* on g0: what was saved counts */
    fine(goroutine_list_read(&p.runtime, &list));
    assert_false(list.items.data[2].is_running_threads || list.items.data[2].is_lost);
    assert_true(list.items.data[2].sp == STACK + 0x110);
    goroutine_list_deinit(&list);

    small_put(&p, G(2) + GO_OFFSET(rt, g_sched) + GO_OFFSET(rt, gobuf_sp), 0);
    fine(goroutine_list_read(&p.runtime, &list));
    assert_true(list.items.data[2].is_lost);
    goroutine_list_deinit(&list);

    small_put(&p, m + GO_OFFSET(rt, m_vdsoSP), STACK + 0x600);
    small_put(&p, m + GO_OFFSET(rt, m_vdsoPC), small_pc(USER, 0x30));
    fine(goroutine_list_read(&p.runtime, &list));
    assert_true(!list.items.data[2].is_lost && list.items.data[2].sp == STACK + 0x600);
    goroutine_list_deinit(&list);
    p.target.threads.count = 0;
    small_end(&p);
}

static void finds_the_registers_under_a_signal(void **state)
{
    (void)state;
    static struct small_program p;
    struct goroutine_list list;
    build(&p);
    const struct go_runtime *rt = &p.runtime;
    put_g(&p, 2, G_RUNNING, USER);
    const uint64_t m = M, signal_stack = RODATA + 0x800, registers = signal_stack + 0x240;
    small_put(&p, G(2) + GO_OFFSET(rt, g_m), m);
    small_put(&p, m + GO_OFFSET(rt, m_curg), G(2));
    small_put(&p, m + GO_OFFSET(rt, m_procid), 77);
    small_put(&p, m + GO_OFFSET(rt, m_gsignal), G(3));
    small_put(&p, G(3) + GO_OFFSET(rt, g_stack), signal_stack);
    small_put(&p, G(3) + GO_OFFSET(rt, g_stack) + 8, signal_stack + 0x800);
    small_put(&p, registers + 8 * 15, STACK + 0x700); /* rsp */
    small_put(&p, registers + 8 * 16, small_pc(USER, 0x21));
    small_put(&p, registers + 8 * 18, 0x2b0000000000033);
    struct target_thread thread = {
        .tid = 77, .has_registers = true, .pc = small_pc(GC_WORKER, 0), .sp = signal_stack + 0x101};
    p.target.threads.data = &thread;
    p.target.threads.count = 1;
    fine(goroutine_list_read(&p.runtime, &list));
    assert_true(list.items.data[2].is_running_threads);
    assert_true(list.items.data[2].signal_registers == registers);
    assert_true(list.items.data[2].sp == STACK + 0x700 &&
                list.items.data[2].pc == small_pc(USER, 0x21));
    assert_int_equal(list.items.data[2].thread, THREAD_NONE);
    goroutine_list_deinit(&list);
    p.target.threads.count = 0;
    small_end(&p);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    static struct small_program p;
    struct goroutine_list list;
    build(&p);
    small_put(&p, ALLGS + 8, (uint64_t)1 << 40);
    struct error *error = goroutine_list_read(&p.runtime, &list);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_LIMIT);
    error_destroy(error);
    small_put(&p, ALLGS + 8, GS);
    small_put(&p, POINTERS + 8, 0x1000);
    error = goroutine_list_read(&p.runtime, &list);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_FAULT);
    error_destroy(error);
    small_end(&p);
}

static void damage_does_no_harm(void **state)
{
    (void)state;
    static struct small_program p;
    uint64_t random = 5;
    build(&p);
    static uint8_t sound[REGION_BYTES];
    memcpy(sound, p.memory[REGION_HEAP], sizeof(sound));
    for (unsigned round = 0; round < 50000; round++) {
        memcpy(p.memory[REGION_HEAP], sound, sizeof(sound));
        for (unsigned n = 0; n < 1 + round % 5; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint64_t at = (random >> 40) % (REGION_BYTES - 8);
            random = random * 6364136223846793005u + 1442695040888963407u;
            small_put(&p, HEAP + at, round % 2 ? random : random >> 60);
        }
        struct goroutine_list list;
        struct error *error = goroutine_list_read(&p.runtime, &list);
        error_destroy(error);
        if (error)
            continue;
        for (uint64_t i = 0; i < list.items.count; i++) {
            assert_non_null(list.items.data[i].state);
            assert_non_null(goroutine_function(&p.runtime, &list.items.data[i]));
            assert_non_null(goroutine_creator(&p.runtime, &list.items.data[i]));
        }
        goroutine_list_deinit(&list);
    }
    small_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_as_the_runtime_does),
        cmocka_unit_test(says_what_they_wait_for),
        cmocka_unit_test(a_running_one_stands_where_its_thread_does),
        cmocka_unit_test(finds_the_registers_under_a_signal),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
