#include "target/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <elf.h>

#include "base/hash.h"
#include "target/proc.h"
#include "target/thread_registers.h"

#define SECOND_NS ((uint64_t)1000000000)

enum {
    POLL_MIN_NS = 20 * 1000,
    POLL_MAX_NS = 1000 * 1000,
};

uint64_t stop_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* The kernel's requests take integers where the prototype has pointers. */
static long trace_request(enum __ptrace_request request, pid_t tid, uintptr_t address,
                          uintptr_t data)
{
    return ptrace(request, tid, (void *)address, (void *)data);
}

/* Why a thread that is still there may not be traced. */
static struct error *explain_refusal(pid_t pid)
{
    CLEANUP_FREE char *status = NULL, *name = NULL;
    if (proc_read(proc_path(pid, "status").text, &status, NULL))
        return proc_error_gone(pid);
    pid_t tracer = (pid_t)proc_status_number(status, "TracerPid", 0);
    if (!tracer)
        return proc_error_permission(pid);
    if (proc_read(proc_path(tracer, "comm").text, &name, NULL))
        return error_create(ERROR_OS, "process %d is being traced by process %d: end that first",
                            pid, tracer);
    return error_create(ERROR_OS, "process %d is being traced by process %d (%.*s): end that first",
                        pid, tracer, (int)strcspn(name, "\n"), name);
}

static bool is_held(const struct thread_stop *stop, pid_t tid)
{
    const uint64_t *held = hash_map_find(&stop->held, (uint64_t)tid);
    return held && *held;
}

static struct error *note_thread(void *context, pid_t tid)
{
    struct thread_stop *stop = context;
    if (is_held(stop, tid))
        return NULL;
    char state = proc_stat(stop->pid, tid).state;
    if (!state || state == 'Z' || state == 'X')
        return NULL;
    return vector_push(&stop->fresh, (struct held_thread){.tid = tid, .state = state});
}

/* Makes thread ours and asks it to stop; *out_held is false when it has ended. */
static struct error *seize(struct thread_stop *stop, pid_t tid, bool *out_held)
{
    *out_held = false;
    if (trace_request(PTRACE_SEIZE, tid, 0, stop->only ? 0 : PTRACE_O_TRACECLONE) < 0) {
        if (errno == ESRCH)
            return NULL;
        int failure = errno;
        /* A thread that a seized one has just created is ours already (TRACECLONE): then, and only
         * then, it takes an interrupt from us. */
        if (trace_request(PTRACE_INTERRUPT, tid, 0, 0) == 0) {
            *out_held = true;
            return NULL;
        }
        char state = proc_stat(stop->pid, tid).state;
        if (!state || state == 'Z' || state == 'X')
            return NULL;
        if (failure == EPERM || failure == EACCES) {
            stop->is_refused = true;
            return explain_refusal(stop->pid);
        }
        return error_os(failure, "cannot stop thread %d of process %d", tid, stop->pid);
    }
    *out_held = true;
    if (trace_request(PTRACE_INTERRUPT, tid, 0, 0) < 0 && errno != ESRCH)
        return error_os(errno, "cannot stop thread %d of process %d", tid, stop->pid);
    return NULL;
}

static struct error *hold_thread(struct thread_stop *stop, struct held_thread thread)
{
    uint64_t *held;
    TRY(vector_push(&stop->threads, thread));
    TRY(hash_map_insert(&stop->held, (uint64_t)thread.tid, &held, NULL));
    *held = 1;
    return NULL;
}

/* Seizes the threads that are not held yet; *out_grew tells whether there were any. */
static struct error *seize_new(struct thread_stop *stop, bool *out_grew)
{
    *out_grew = false;
    stop->fresh.count = 0;
    if (stop->only)
        TRY(note_thread(stop, stop->only));
    else
        TRY(proc_each_thread(stop->pid, note_thread, stop));
    /* Room first: once a thread is seized, forgetting it would be an error. */
    TRY(vector_reserve(&stop->threads, stop->threads.count + stop->fresh.count));
    if (!stop->started_ns)
        stop->started_ns = stop_clock_ns();
    for (uint64_t i = 0; i < stop->fresh.count; i++) {
        struct held_thread thread = stop->fresh.data[i];
        bool held;
        TRY(seize(stop, thread.tid, &held));
        if (!held)
            continue;
        *out_grew = true;
        TRY(hold_thread(stop, thread));
    }
    return NULL;
}

/* A clone that makes no thread but a process (with an exit signal other than SIGCHLD) is caught by
 * TRACECLONE as well: such strangers are let go as soon as they stop. */
static struct error *adopt_strangers(struct thread_stop *stop, bool *out_grew)
{
    for (uint64_t i = 0; i < stop->born.count; i++) {
        pid_t tid = stop->born.data[i];
        if (is_held(stop, tid))
            continue;
        TRY(hold_thread(stop, (struct held_thread){.tid = tid, .is_stranger = true}));
        *out_grew = true;
    }
    stop->born.count = 0;
    return NULL;
}

static void forget(struct thread_stop *stop, uint64_t index)
{
    *hash_map_find(&stop->held, (uint64_t)stop->threads.data[index].tid) = 0;
    stop->threads.data[index] = stop->threads.data[--stop->threads.count];
}

/* Looks at a thread once. *out_gone: it has ended or been let go. */
static struct error *look_at(struct thread_stop *stop, struct held_thread *thread, bool *out_gone)
{
    siginfo_t info = {0};
    int flags = WEXITED | WSTOPPED | WNOHANG | __WALL | __WNOTHREAD;
    *out_gone = false;
    if (waitid(P_PID, (id_t)thread->tid, &info, flags | WNOWAIT) < 0) {
        *out_gone = true;
        return NULL;
    }
    if (!info.si_pid)
        return NULL;
    if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
        /* A dead thread stays a zombie until its tracer takes note. The process itself is left to
         * its parent, who gets it when our thread ends. */
        if (thread->tid != stop->pid && !thread->is_stranger)
            waitid(P_PID, (id_t)thread->tid, &info, flags);
        *out_gone = true;
        return NULL;
    }
    if (thread->is_stranger) {
        trace_request(PTRACE_DETACH, thread->tid, 0, 0);
        *out_gone = true;
        return NULL;
    }
    thread->is_stopped = true;
    thread->status = info.si_status;
    if (thread->status == (SIGTRAP | PTRACE_EVENT_CLONE << 8)) {
        unsigned long tid = 0;
        if (trace_request(PTRACE_GETEVENTMSG, thread->tid, 0, (uintptr_t)&tid) == 0 && tid)
            TRY(vector_push(&stop->born, (pid_t)tid));
    }
    struct iovec buffer = {&thread->registers, sizeof(thread->registers)};
    thread->has_registers =
        trace_request(PTRACE_GETREGSET, thread->tid, NT_PRSTATUS, (uintptr_t)&buffer) == 0 &&
        buffer.iov_len == sizeof(thread->registers);
    return NULL;
}

static struct error *explain_slowness(const struct thread_stop *stop, pid_t running)
{
    char state = proc_stat(stop->pid, running).state, limit[32];
    if (stop->limit_ns % SECOND_NS)
        snprintf(limit, sizeof(limit), "%" PRIu64 " ms", stop->limit_ns / 1000000);
    else
        snprintf(limit, sizeof(limit), "%" PRIu64 " seconds", stop->limit_ns / SECOND_NS);
    return error_create(ERROR_OS,
                        "thread %d of process %d did not stop within %s (state %c%s): try again, "
                        "or read it with --freeze=none",
                        running, stop->pid, limit, state ? state : '?',
                        state == 'D' ? ", it waits in the kernel" : "");
}

/* Waits until every held thread is stopped or gone. Polls, thread by thread: waiting for all
 * children could take those of the program that we are part of, and blocking waits have no end. */
static struct error *wait_for_stops(struct thread_stop *stop, uint64_t deadline_ns)
{
    for (long pause_ns = POLL_MIN_NS;; pause_ns = MIN_OF(2 * pause_ns, (long)POLL_MAX_NS)) {
        pid_t running = 0;
        for (uint64_t i = 0; i < stop->threads.count;) {
            struct held_thread *thread = &stop->threads.data[i];
            bool gone = false;
            if (!thread->is_stopped)
                TRY(look_at(stop, thread, &gone));
            if (gone) {
                forget(stop, i);
                continue;
            }
            if (!thread->is_stopped)
                running = thread->tid;
            i++;
        }
        if (!running)
            return NULL;
        if (stop_clock_ns() > deadline_ns) {
            stop->is_slow = true;
            return explain_slowness(stop, running);
        }
        nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
    }
}

static struct error *stop_all(struct thread_stop *stop)
{
    uint64_t deadline_ns = stop_clock_ns() + stop->limit_ns;
    bool grew;
    do {
        TRY(seize_new(stop, &grew));
        TRY(adopt_strangers(stop, &grew));
        TRY(wait_for_stops(stop, deadline_ns));
    } while (grew && stop_clock_ns() < deadline_ns);
    stop->is_slow = grew;
    if (grew)
        return error_create(ERROR_OS, "process %d creates threads faster than they can be stopped",
                            stop->pid);
    if (!stop->threads.count)
        return proc_error_gone(stop->pid);
    return NULL;
}

/* A stop for the delivery of a signal is the only one whose status has no event. */
bool held_thread_is_delivery(const struct held_thread *thread)
{
    return thread->is_stopped && thread->status >> 8 == 0;
}

static void read_full_registers(struct thread_stop *stop)
{
    for (uint64_t i = 0; i < stop->threads.count; i++) {
        struct held_thread *thread = &stop->threads.data[i];
        thread->full = thread_registers_read(thread->tid, held_thread_is_delivery(thread));
    }
}

/* The signal of a stop for its delivery is handed back. What is not stopped cannot be detached: the
 * end of the calling thread does that. */
static void detach_all(struct thread_stop *stop)
{
    for (uint64_t i = 0; i < stop->threads.count; i++) {
        const struct held_thread *thread = &stop->threads.data[i];
        int signal = held_thread_is_delivery(thread) ? thread->status : 0;
        trace_request(PTRACE_DETACH, thread->tid, 0, (uintptr_t)signal);
    }
    stop->ended_ns = stop_clock_ns();
}

static void deinit(struct thread_stop *stop)
{
    for (uint64_t i = 0; i < stop->threads.count; i++)
        free(stop->threads.data[i].full);
    vector_deinit(&stop->threads);
    vector_deinit(&stop->fresh);
    vector_deinit(&stop->born);
    hash_map_deinit(&stop->held);
}

struct error *thread_stop_begin(const struct thread_stop_options *options, struct thread_stop *out)
{
    struct thread_stop stop = {
        .pid = options->pid,
        .only = options->only,
        .limit_ns = options->limit_ns,
    };
    struct error *error = stop_all(&stop);
    if (error) {
        thread_stop_end(&stop);
        *out = (struct thread_stop){.is_slow = stop.is_slow, .is_refused = stop.is_refused};
        return error;
    }
    if (options->full_registers)
        read_full_registers(&stop);
    *out = stop;
    return NULL;
}

struct error *thread_stop_threads(struct thread_stop *stop, struct target *target)
{
    for (uint64_t i = 0; i < stop->threads.count; i++) {
        struct held_thread *held = &stop->threads.data[i];
        const struct user_regs_struct *r = &held->registers;
        struct target_thread thread = {.tid = held->tid, .state = held->state};
        if (held->has_registers)
            thread = (struct target_thread){
                .tid = held->tid,
                .state = held->state,
                .has_registers = true,
                .pc = r->rip,
                .sp = r->rsp,
                .bp = r->rbp,
                .gp = {r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8, r->r9,
                       r->r10, r->r11, r->r12, r->r13, r->r14, r->r15},
                .fs_base = r->fs_base,
            };
        thread.registers = held->full;
        TRY(vector_push(&target->threads, thread));
        held->full = NULL;
    }
    return NULL;
}

void thread_stop_resume(struct thread_stop *stop)
{
    if (!stop->ended_ns)
        detach_all(stop);
}

void thread_stop_end(struct thread_stop *stop)
{
    thread_stop_resume(stop);
    deinit(stop);
}
