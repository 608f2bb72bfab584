#include "gort/running.h"

#include <string.h>

enum {
    SIGNAL_STACK_MAX = 1 << 20,
    /* struct ucontext of Linux on amd64: uc_mcontext after flags, link and stack; r8–r15, rdi, rsi,
     * rbp, rbx, rdx, rax, rcx, rsp, rip, eflags, cs. */
    UCONTEXT_REGISTERS = 40,
    REGISTER_RBP = 10,
    REGISTER_RSP = 15,
    REGISTER_RIP = 16,
    REGISTER_SELECTORS = 18,
    REGISTER_COUNT = 19,
    USER_CODE_SEGMENT = 0x33,
};

struct error *running_threads_init(struct running_threads *threads, struct go_runtime *runtime)
{
    const struct target *target = runtime->target;
    *threads = (struct running_threads){.runtime = runtime};
    TRY(memory_array(target->threads.count, sizeof(uint64_t), &threads->current));
    for (uint64_t i = 0; i < target->threads.count; i++) {
        const struct target_thread *thread = &target->threads.data[i];
        if (!thread->has_registers || thread->fs_base < 8)
            continue;
        /* The first thread-local word is runtime.tlsg unless C code has some of its own; then what
         * is read here equals no g and the thread's number decides. */
        struct error *error =
            target_read_u64(runtime->target, thread->fs_base - 8, &threads->current[i]);
        if (error && error->kind != ERROR_FAULT)
            return error;
        error_destroy(error);
    }
    return NULL;
}

void running_threads_deinit(struct running_threads *threads)
{
    free(threads->current);
    threads->current = NULL;
}

/* The members of runtime.m that tell where its goroutine is. */
struct machine {
    uint64_t g0, gsignal, current, procid, vdso_sp, vdso_pc;
    uint64_t signal_lo, signal_hi; /* the signal stack's bounds */
};

static struct error *read_machine(struct go_runtime *runtime, uint64_t m, struct machine *out)
{
    struct machine machine = {0};
    struct target *target = runtime->target;
    TRY(target_read_u64(target, m + GO_OFFSET(runtime, m_g0), &machine.g0));
    TRY(target_read_u64(target, m + GO_OFFSET(runtime, m_gsignal), &machine.gsignal));
    TRY(target_read_u64(target, m + GO_OFFSET(runtime, m_curg), &machine.current));
    TRY(target_read_u64(target, m + GO_OFFSET(runtime, m_procid), &machine.procid));
    TRY(target_read_u64(target, m + GO_OFFSET(runtime, m_vdsoSP), &machine.vdso_sp));
    TRY(target_read_u64(target, m + GO_OFFSET(runtime, m_vdsoPC), &machine.vdso_pc));
    if (machine.gsignal) {
        uint64_t bounds[2];
        TRY(target_read(target, machine.gsignal + GO_OFFSET(runtime, g_stack), bounds,
                        sizeof(bounds)));
        machine.signal_lo = bounds[0];
        machine.signal_hi = bounds[1];
    }
    *out = machine;
    return NULL;
}

/* By thread-local storage, which holds one of the m's goroutines; else by number, which a pid
 * namespace may have changed. */
static uint32_t find_thread(const struct running_threads *threads, const struct machine *machine,
                            uint64_t g)
{
    const struct target *target = threads->runtime->target;
    uint32_t by_number = THREAD_NONE;
    for (uint64_t i = 0; i < target->threads.count && i < THREAD_NONE; i++) {
        const struct target_thread *thread = &target->threads.data[i];
        uint64_t current = threads->current[i];
        if (!thread->has_registers)
            continue;
        if (current && (current == g || current == machine->g0 || current == machine->gsignal))
            return (uint32_t)i;
        if ((uint64_t)thread->tid == machine->procid)
            by_number = (uint32_t)i;
    }
    return by_number;
}

static bool in_stack(const struct goroutine *g, uint64_t sp)
{
    return sp > g->stack_lo && sp <= g->stack_hi;
}

static bool in_text(const struct go_runtime *runtime, uint64_t pc)
{
    return pclntab_find(runtime->pclntab, pc) != PCLNTAB_NONE;
}

/* Looks through the signal stack above sp for the registers that the kernel saved: a code segment
 * selector at its place and sp and pc that belong to g. *out_found is false when there are none. */
static struct error *find_signal_frame(struct go_runtime *runtime, const struct machine *machine,
                                       uint64_t sp, struct goroutine *g, bool *out_found)
{
    *out_found = false;
    uint64_t start = sp & ~(uint64_t)7;
    if (machine->signal_hi - start > SIGNAL_STACK_MAX)
        return NULL;
    uint64_t words = (machine->signal_hi - start) / 8;
    uint64_t *stack CLEANUP_FREE = NULL;
    TRY(memory_array(words, 8, &stack));
    TRY(target_read_sparse(runtime->target, start, stack, words * 8));
    for (uint64_t i = 0; i + REGISTER_COUNT <= words; i++) {
        const uint64_t *registers = stack + i;
        if ((registers[REGISTER_SELECTORS] & 0xffff) != USER_CODE_SEGMENT ||
            !in_stack(g, registers[REGISTER_RSP]) || !in_text(runtime, registers[REGISTER_RIP]))
            continue;
        g->sp = registers[REGISTER_RSP];
        g->pc = registers[REGISTER_RIP];
        g->bp = registers[REGISTER_RBP];
        g->signal_registers = start + i * 8;
        g->is_running_threads = true;
        *out_found = true;
        return NULL;
    }
    return NULL;
}

/* g.sched holds while the thread is on its g0 stack (runtime.mcall, systemstack, morestack write
 * it, and going back clears sp). */
static void take_saved(const struct go_runtime *runtime, struct goroutine *g)
{
    g->is_lost = !in_stack(g, g->sp) || !in_text(runtime, g->pc);
    if (!g->is_lost)
        return;
    g->pc = g->bp = 0;
    if (!in_stack(g, g->sp))
        g->sp = g->stack_lo;
}

struct error *running_locate(struct running_threads *threads, struct goroutine *g)
{
    struct go_runtime *runtime = threads->runtime;
    if (!g->m) {
        take_saved(runtime, g);
        return NULL;
    }
    struct machine machine;
    TRY(read_machine(runtime, g->m, &machine));
    uint32_t index = machine.current == g->address ? find_thread(threads, &machine, g->address)
                                                   : (uint32_t)THREAD_NONE;
    if (index == THREAD_NONE) {
        take_saved(runtime, g);
        return NULL;
    }
    const struct target_thread *thread = &runtime->target->threads.data[index];
    if (in_stack(g, thread->sp)) {
        g->sp = thread->sp;
        g->pc = thread->pc;
        g->bp = thread->bp;
        g->thread = index;
        g->is_running_threads = true;
        g->is_lost = !in_text(runtime, g->pc);
        return NULL;
    }
    if (thread->sp > machine.signal_lo && thread->sp <= machine.signal_hi) {
        bool found;
        TRY(find_signal_frame(runtime, &machine, thread->sp, g, &found));
        if (found)
            return NULL;
    }
    if (in_stack(g, machine.vdso_sp) && in_text(runtime, machine.vdso_pc)) {
        g->sp = machine.vdso_sp;
        g->pc = machine.vdso_pc;
        g->bp = 0;
        return NULL;
    }
    take_saved(runtime, g);
    return NULL;
}
