#include "target/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target/maps.h"
#include "target/proc.h"

enum {
    CODE_END = 224,
    MASK_AT = 224,
    RETURN_AT = 232,
    MARK_AT = 248,
    WAIT_NS = 20 * 1000 * 1000,
    MOST_STOPS = 1000, /* of one thread within one call; a handful is usual */
    SYSCALL_STOP = SIGTRAP | 0x80,
    USER_CODE_64 = 0x33, /* code segment of 64-bit programs */
    /* Results that only a tracer sees (linux/errno.h, not for user space). */
    RESTART_FIRST = 512,
    RESTART_LAST = 514,
    RESTART_BLOCK = 516,
};

static const char mark[8] = "leakhnd";

/* ---- the code ---- */

struct code {
    uint8_t bytes[INJECT_ROOM];
    uint32_t size;
};

static void emit(struct code *code, const void *bytes, uint32_t count)
{
    if (code->size + count > CODE_END)
        abort(); /* the code has one form and fits */
    memcpy(code->bytes + code->size, bytes, count);
    code->size += count;
}
#define EMIT(code, ...)                                                                            \
    emit(code, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* mov $value, register; prefix and opcode select the register. */
static void emit_load(struct code *code, uint8_t prefix, uint8_t opcode, uint64_t value)
{
    EMIT(code, prefix, opcode);
    emit(code, &value, sizeof(value));
}

/* Distance from the end of an instruction with a 32-bit displacement at its end to data. */
static void emit_distance(struct code *code, uint32_t data)
{
    uint32_t distance = data - (code->size + 4);
    emit(code, &distance, sizeof(distance));
}

static bool in_system_call(const struct user_regs_struct *registers)
{
    return (int64_t)registers->orig_rax >= 0;
}

static bool will_restart(const struct user_regs_struct *registers)
{
    int64_t result = -(int64_t)registers->rax;
    return in_system_call(registers) &&
           (result == RESTART_BLOCK || (result >= RESTART_FIRST && result <= RESTART_LAST));
}

/* Nothing in it changes the flags or memory. Registers that are not named are never changed. */
static struct code build_code(const struct user_regs_struct *saved, uint64_t mask, bool makes_child)
{
    struct code code = {.size = 0};
    uint64_t result = saved->rax, place = saved->rip;
    if (will_restart(saved)) {
        bool has_block = -(int64_t)saved->rax == RESTART_BLOCK;
        result = has_block ? SYS_restart_syscall : saved->orig_rax;
        place -= 2; /* of a system call instruction */
    }
    EMIT(&code, 0x0f, 0x05); /* syscall */
    if (makes_child) {
        EMIT(&code, 0x48, 0x89, 0xc1);                    /* mov %rax, %rcx */
        EMIT(&code, 0xe3, 0x02);                          /* jrcxz to the child's part */
        EMIT(&code, 0xeb, 0x0c);                          /* jmp behind it */
        EMIT(&code, 0xb8, SYS_exit_group, 0, 0, 0);       /* mov $exit_group, %eax */
        EMIT(&code, 0xbf, INJECT_ORPHAN_STATUS, 0, 0, 0); /* mov $status, %edi */
        EMIT(&code, 0x0f, 0x05);                          /* syscall */
    }
    EMIT(&code, 0xb8, SYS_rt_sigprocmask, 0, 0, 0); /* mov $rt_sigprocmask, %eax */
    EMIT(&code, 0xbf, SIG_SETMASK, 0, 0, 0);        /* mov $SIG_SETMASK, %edi */
    EMIT(&code, 0x48, 0x8d, 0x35);                  /* lea mask(%rip), %rsi */
    emit_distance(&code, MASK_AT);
    EMIT(&code, 0xba, 0, 0, 0, 0);            /* mov $0, %edx */
    EMIT(&code, 0x41, 0xba, 8, 0, 0, 0);      /* mov $8, %r10d */
    EMIT(&code, 0x0f, 0x05);                  /* syscall */
    emit_load(&code, 0x48, 0xb8, result);     /* rax */
    emit_load(&code, 0x48, 0xb9, saved->rcx); /* rcx */
    emit_load(&code, 0x48, 0xba, saved->rdx); /* rdx */
    emit_load(&code, 0x48, 0xbe, saved->rsi); /* rsi */
    emit_load(&code, 0x48, 0xbf, saved->rdi); /* rdi */
    emit_load(&code, 0x49, 0xb8, saved->r8);  /* r8 */
    emit_load(&code, 0x49, 0xb9, saved->r9);  /* r9 */
    emit_load(&code, 0x49, 0xba, saved->r10); /* r10 */
    emit_load(&code, 0x49, 0xbb, saved->r11); /* r11 */
    EMIT(&code, 0xff, 0x25);                  /* jmp *place(%rip) */
    emit_distance(&code, RETURN_AT);
    memcpy(code.bytes + MASK_AT, &mask, sizeof(mask));
    memcpy(code.bytes + RETURN_AT, &place, sizeof(place));
    memcpy(code.bytes + MARK_AT, mark, sizeof(mark));
    return code;
}

/* ---- where it goes ---- */

/* Whether the last bytes of a mapping are unused. */
static bool has_room(int memory, uint64_t end, struct inject_room *out)
{
    uint8_t bytes[INJECT_ROOM];
    static const uint8_t zeros[INJECT_ROOM];
    uint64_t address = end - INJECT_ROOM;
    if (pread(memory, bytes, sizeof(bytes), (off_t)address) != (ssize_t)sizeof(bytes))
        return false;
    bool is_used = memcmp(bytes + MARK_AT, mark, sizeof(mark)) == 0;
    if (!is_used && memcmp(bytes, zeros, sizeof(zeros)) != 0)
        return false;
    *out = (struct inject_room){.address = address, .is_used = is_used};
    return true;
}

/* Maps that are only looked at: the parser wants a target. */
static struct error *find_in_maps(pid_t pid, int memory, const char *text, struct inject_room *out)
{
    struct target maps = {.pid = pid};
    char exe[4096];
    ssize_t length = readlink(proc_path(pid, "exe").text, exe, sizeof(exe) - 1);
    exe[length > 0 ? length : 0] = '\0';
    arena_init(&maps.arena);
    struct error *error = maps_parse(&maps, text);
    bool found = false;
    for (int pass = 0; !error && !found && pass < 2; pass++)
        for (uint64_t i = 0; !found && i < maps.segments.count; i++) {
            const struct target_segment *segment = &maps.segments.data[i];
            const char *wanted = pass == 0 ? "[vdso]" : exe;
            if (segment->executable && segment->end - segment->start >= INJECT_ROOM &&
                segment->end <= INT64_MAX && strcmp(segment->path, wanted) == 0)
                found = has_room(memory, segment->end, out);
        }
    vector_deinit(&maps.segments);
    arena_deinit(&maps.arena);
    if (error || found)
        return error;
    return error_create(ERROR_UNSUPPORTED,
                        "process %d has no room for %d bytes of code behind its vdso or text", pid,
                        (int)INJECT_ROOM);
}

struct error *inject_find_room(pid_t pid, struct inject_room *out)
{
    CLEANUP_FREE char *text = NULL;
    int failure = proc_read(proc_path(pid, "maps").text, &text, NULL);
    if (failure == EACCES || failure == EPERM)
        return proc_error_permission(pid);
    if (failure)
        return proc_error_gone(pid);
    int memory = open(proc_path(pid, "mem").text, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return errno == ENOENT || errno == ESRCH ? proc_error_gone(pid)
                                                 : proc_error_permission(pid);
    struct error *error = find_in_maps(pid, memory, text, out);
    close(memory);
    return error;
}

bool inject_is_inside(const struct inject_room *room, const struct held_thread *thread)
{
    return thread->has_registers && thread->registers.rip - room->address < INJECT_ROOM;
}

unsigned inject_fitness(const struct held_thread *thread)
{
    const struct user_regs_struct *registers = &thread->registers;
    if (!thread->is_stopped || !thread->has_registers || thread->is_stranger ||
        thread->status >> 8 != PTRACE_EVENT_STOP || registers->cs != USER_CODE_64)
        return 0;
    return !in_system_call(registers) ? 1 : will_restart(registers) ? 3 : 2;
}

/* ---- the call ---- */

struct borrowed {
    pid_t pid, tid;
    uint64_t room;
    struct user_regs_struct saved;
    uint64_t mask;
};

static long trace_request(enum __ptrace_request request, pid_t tid, uintptr_t address,
                          uintptr_t data)
{
    return ptrace(request, tid, (void *)address, (void *)data);
}

/* By ptrace: a tracer may write what the program itself may only execute. */
static bool write_word(const struct borrowed *thread, const uint8_t *bytes, uint64_t at)
{
    uint64_t word;
    memcpy(&word, bytes + at, sizeof(word));
    return trace_request(PTRACE_POKEDATA, thread->tid, thread->room + at, word) == 0;
}

/* The mark is written first and wiped last, so that what a tracer that died has left is known. */
static bool write_code(const struct borrowed *thread, const struct code *code)
{
    for (uint64_t at = INJECT_ROOM; at > 0; at -= sizeof(uint64_t))
        if (!write_word(thread, code->bytes, at - sizeof(uint64_t)))
            return false;
    return true;
}

static void wipe_code(const struct borrowed *thread)
{
    static const uint8_t zeros[INJECT_ROOM];
    for (uint64_t at = 0; at < INJECT_ROOM; at += sizeof(uint64_t))
        if (!write_word(thread, zeros, at))
            return;
}

static struct error *error_ended(const struct borrowed *thread)
{
    char state = proc_stat(thread->pid, thread->pid).state;
    if (!state || state == 'Z' || state == 'X')
        return proc_error_gone(thread->pid);
    return error_create(ERROR_OS, "thread %d of process %d ended while it was stopped", thread->tid,
                        thread->pid);
}

/* Waits for the thread's next stop; false when it has ended. A fork of a big process takes as long
 * as it takes, and there is no way to break it off. */
static bool next_stop(const struct borrowed *thread, int *out_status)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)thread->tid, &info,
                   WEXITED | WSTOPPED | WNOHANG | __WALL | __WNOTHREAD) < 0 &&
            errno != EINTR)
            return false;
        if (info.si_pid) {
            *out_status = info.si_status;
            return info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED;
        }
        /* The end of a main thread is not reported as long as others are there. */
        if (sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = WAIT_NS}) < 0) {
            char state = proc_stat(thread->pid, thread->tid).state;
            if (!state || state == 'Z' || state == 'X')
                return false;
        }
    }
}

/* A stop for the delivery of a signal: the code cannot be executed, or a filter forbids the call.
 */
static bool is_failure(int status)
{
    return status == SIGSEGV || status == SIGBUS || status == SIGILL || status == SIGSYS ||
           status == SIGTRAP || status == SIGFPE;
}

/* What goes with the thread when it is resumed: a signal that cannot be blocked (SIGSTOP). */
static int passed_on(int status)
{
    return status >> 8 == 0 && status != SYSCALL_STOP && !is_failure(status) ? status : 0;
}

static bool enter(const struct borrowed *thread, const struct inject_call *call)
{
    struct user_regs_struct registers = thread->saved;
    uint64_t all = ~(uint64_t)0;
    registers.rip = thread->room;
    registers.rax = (uint64_t)call->number;
    registers.orig_rax = ~(uint64_t)0; /* no call of the program's is restarted meanwhile */
    registers.rdi = call->arguments[0];
    registers.rsi = call->arguments[1];
    registers.rdx = call->arguments[2];
    registers.r10 = call->arguments[3];
    registers.r8 = call->arguments[4];
    registers.r9 = call->arguments[5];
    /* In this order: the code restores the mask, but only if the thread goes there. */
    return trace_request(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&registers) == 0 &&
           trace_request(PTRACE_SETSIGMASK, thread->tid, sizeof(all), (uintptr_t)&all) == 0;
}

/* Runs the thread from the start of the code to the end of the call. */
static struct error *run_call(const struct borrowed *thread, long *out_result, pid_t *out_child)
{
    int status = 0;
    bool entered = false;
    for (unsigned i = 0; i < MOST_STOPS; i++) {
        if (trace_request(PTRACE_SYSCALL, thread->tid, 0, (uintptr_t)passed_on(status)) != 0 ||
            !next_stop(thread, &status))
            return error_ended(thread);
        if (status == SYSCALL_STOP && entered) {
            struct user_regs_struct registers;
            if (trace_request(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&registers) != 0)
                return error_ended(thread);
            *out_result = (long)registers.rax;
            return NULL;
        }
        if (status == SYSCALL_STOP)
            entered = true;
        else if (status == (SIGTRAP | PTRACE_EVENT_CLONE << 8)) {
            unsigned long child = 0;
            trace_request(PTRACE_GETEVENTMSG, thread->tid, 0, (uintptr_t)&child);
            if (out_child)
                *out_child = (pid_t)child;
        } else if (is_failure(status))
            return error_create(ERROR_OS,
                                "process %d does not let its thread %d make system call (signal "
                                "%d)",
                                thread->pid, thread->tid, status);
    }
    return error_create(ERROR_OS, "thread %d of process %d does not come to its system call",
                        thread->tid, thread->pid);
}

/* Back to where the thread was: to a stop at the kernel's border where the kernel still has its own
 * decision before it (whether to restart what the program was in), and only then the registers. */
static struct error *leave(const struct borrowed *thread)
{
    int status = 0;
    trace_request(PTRACE_INTERRUPT, thread->tid, 0, 0);
    for (unsigned i = 0; status >> 8 != PTRACE_EVENT_STOP; i++) {
        if (i == MOST_STOPS ||
            trace_request(PTRACE_CONT, thread->tid, 0, (uintptr_t)passed_on(status)) != 0 ||
            !next_stop(thread, &status))
            return error_ended(thread);
    }
    if (trace_request(PTRACE_SETSIGMASK, thread->tid, sizeof(thread->mask),
                      (uintptr_t)&thread->mask) != 0 ||
        trace_request(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&thread->saved) != 0)
        return error_ended(thread);
    wipe_code(thread);
    return NULL;
}

static struct error *make_call(const struct borrowed *thread, const struct inject_call *call,
                               long *out_result, pid_t *out_child)
{
    for (unsigned i = 0; i < MOST_STOPS; i++) {
        long result = 0;
        if (!enter(thread, call))
            return error_ended(thread);
        TRY(run_call(thread, &result, out_child));
        if (-result < RESTART_FIRST || -result > RESTART_BLOCK) {
            *out_result = result;
            return NULL;
        }
    }
    *out_result = -EINTR;
    return NULL;
}

struct error *inject_call(const struct inject_room *room, pid_t pid, pid_t tid,
                          const struct inject_call *call, long *out_result, pid_t *out_child)
{
    struct borrowed thread = {.pid = pid, .tid = tid, .room = room->address};
    uintptr_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
                        (call->suspend_seccomp ? PTRACE_O_SUSPEND_SECCOMP : 0);
    long result = 0;
    pid_t child = 0;
    if (trace_request(PTRACE_SETOPTIONS, tid, 0, options) != 0)
        return errno == ESRCH ? error_ended(&thread)
                              : error_os(errno, "cannot borrow thread %d of process %d", tid, pid);
    if (trace_request(PTRACE_GETREGS, tid, 0, (uintptr_t)&thread.saved) != 0 ||
        trace_request(PTRACE_GETSIGMASK, tid, sizeof(thread.mask), (uintptr_t)&thread.mask) != 0)
        return error_ended(&thread);
    struct code code = build_code(&thread.saved, thread.mask, call->makes_child);
    if (!write_code(&thread, &code))
        return error_os(errno, "cannot write to the vdso of process %d", pid);
    struct error *error = make_call(&thread, call, &result, &child);
    struct error *left = leave(&thread);
    if (error) {
        error_destroy(left);
        return error;
    }
    if (out_child)
        *out_child = child;
    *out_result = result;
    return left;
}
