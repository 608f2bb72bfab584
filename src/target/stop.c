#include "target/stop.h"

#include <errno.h>
#include <pthread.h>
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

enum {
    STOP_SECONDS = 10,
    POLL_MIN_NS = 20 * 1000,
    POLL_MAX_NS = 1000 * 1000,
};

struct held_thread {
    pid_t tid;
    char state;       /* before we touched it */
    bool is_stranger; /* a process that the target was just creating by an unusual clone */
    bool is_stopped;
    int status; /* as waitid gives it: signal, or signal | event << 8 */
    struct user_regs_struct registers;
    bool has_registers;
    struct target_registers *full; /* NULL unless asked for */
};

enum phase { PHASE_STOPPING, PHASE_STOPPED, PHASE_FAILED, PHASE_RESUMING };

struct stopped_process {
    pid_t pid;
    bool full_registers;
    pthread_t tracer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum phase phase; /* under lock; what follows belongs to the tracer until PHASE_STOPPED */
    struct error *error;
    VECTOR(struct held_thread) threads;
    struct hash_map held;             /* tid → 1 while it is in threads */
    VECTOR(pid_t) born;               /* ids that clone events announced */
    VECTOR(struct held_thread) fresh; /* found by the last listing, not seized yet */
    uint64_t started_ns, ended_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
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

static bool is_held(const struct stopped_process *process, pid_t tid)
{
    const uint64_t *held = hash_map_find(&process->held, (uint64_t)tid);
    return held && *held;
}

static struct error *note_thread(void *context, pid_t tid)
{
    struct stopped_process *process = context;
    if (is_held(process, tid))
        return NULL;
    char state = proc_stat(process->pid, tid).state;
    if (!state || state == 'Z' || state == 'X')
        return NULL;
    return vector_push(&process->fresh, (struct held_thread){.tid = tid, .state = state});
}

/* Makes thread ours and asks it to stop; *out_held is false when it has ended. */
static struct error *seize(struct stopped_process *process, pid_t tid, bool *out_held)
{
    *out_held = false;
    if (trace_request(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACECLONE) < 0) {
        if (errno == ESRCH)
            return NULL;
        int failure = errno;
        /* A thread that a seized one has just created is ours already (TRACECLONE): then, and only
         * then, it takes an interrupt from us. */
        if (trace_request(PTRACE_INTERRUPT, tid, 0, 0) == 0) {
            *out_held = true;
            return NULL;
        }
        char state = proc_stat(process->pid, tid).state;
        if (!state || state == 'Z' || state == 'X')
            return NULL;
        if (failure == EPERM || failure == EACCES)
            return explain_refusal(process->pid);
        return error_os(failure, "cannot stop thread %d of process %d", tid, process->pid);
    }
    *out_held = true;
    if (trace_request(PTRACE_INTERRUPT, tid, 0, 0) < 0 && errno != ESRCH)
        return error_os(errno, "cannot stop thread %d of process %d", tid, process->pid);
    return NULL;
}

static struct error *hold_thread(struct stopped_process *process, struct held_thread thread)
{
    uint64_t *held;
    TRY(vector_push(&process->threads, thread));
    TRY(hash_map_insert(&process->held, (uint64_t)thread.tid, &held, NULL));
    *held = 1;
    return NULL;
}

/* Seizes the threads that are not held yet; *out_grew tells whether there were any. */
static struct error *seize_new(struct stopped_process *process, bool *out_grew)
{
    *out_grew = false;
    process->fresh.count = 0;
    TRY(proc_each_thread(process->pid, note_thread, process));
    /* Room first: once a thread is seized, forgetting it would be an error. */
    TRY(vector_reserve(&process->threads, process->threads.count + process->fresh.count));
    if (!process->started_ns)
        process->started_ns = now_ns();
    for (uint64_t i = 0; i < process->fresh.count; i++) {
        struct held_thread thread = process->fresh.data[i];
        bool held;
        TRY(seize(process, thread.tid, &held));
        if (!held)
            continue;
        *out_grew = true;
        TRY(hold_thread(process, thread));
    }
    return NULL;
}

/* A clone that makes no thread but a process (with an exit signal other than SIGCHLD) is caught by
 * TRACECLONE as well: such strangers are let go as soon as they stop. */
static struct error *adopt_strangers(struct stopped_process *process, bool *out_grew)
{
    for (uint64_t i = 0; i < process->born.count; i++) {
        pid_t tid = process->born.data[i];
        if (is_held(process, tid))
            continue;
        TRY(hold_thread(process, (struct held_thread){.tid = tid, .is_stranger = true}));
        *out_grew = true;
    }
    process->born.count = 0;
    return NULL;
}

static void forget(struct stopped_process *process, uint64_t index)
{
    *hash_map_find(&process->held, (uint64_t)process->threads.data[index].tid) = 0;
    process->threads.data[index] = process->threads.data[--process->threads.count];
}

/* Looks at a thread once. *out_gone: it has ended or been let go. */
static struct error *look_at(struct stopped_process *process, struct held_thread *thread,
                             bool *out_gone)
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
        if (thread->tid != process->pid && !thread->is_stranger)
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
            TRY(vector_push(&process->born, (pid_t)tid));
    }
    struct iovec buffer = {&thread->registers, sizeof(thread->registers)};
    thread->has_registers =
        trace_request(PTRACE_GETREGSET, thread->tid, NT_PRSTATUS, (uintptr_t)&buffer) == 0 &&
        buffer.iov_len == sizeof(thread->registers);
    return NULL;
}

/* Waits until every held thread is stopped or gone. Polls, thread by thread: waiting for all
 * children could take those of the program that we are part of, and blocking waits have no end. */
static struct error *wait_for_stops(struct stopped_process *process, uint64_t deadline_ns)
{
    for (long pause_ns = POLL_MIN_NS;; pause_ns = MIN_OF(2 * pause_ns, (long)POLL_MAX_NS)) {
        pid_t running = 0;
        for (uint64_t i = 0; i < process->threads.count;) {
            struct held_thread *thread = &process->threads.data[i];
            bool gone = false;
            if (!thread->is_stopped)
                TRY(look_at(process, thread, &gone));
            if (gone) {
                forget(process, i);
                continue;
            }
            if (!thread->is_stopped)
                running = thread->tid;
            i++;
        }
        if (!running)
            return NULL;
        if (now_ns() > deadline_ns) {
            char state = proc_stat(process->pid, running).state;
            return error_create(ERROR_OS,
                                "thread %d of process %d did not stop within %d seconds (state "
                                "%c%s): try again, or read it with --freeze=none",
                                running, process->pid, STOP_SECONDS, state ? state : '?',
                                state == 'D' ? ", it waits in the kernel" : "");
        }
        nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
    }
}

static struct error *stop_all(struct stopped_process *process)
{
    uint64_t deadline_ns = now_ns() + (uint64_t)STOP_SECONDS * 1000000000u;
    bool grew;
    do {
        TRY(seize_new(process, &grew));
        TRY(adopt_strangers(process, &grew));
        TRY(wait_for_stops(process, deadline_ns));
    } while (grew && now_ns() < deadline_ns);
    if (grew)
        return error_create(ERROR_OS, "process %d creates threads faster than they can be stopped",
                            process->pid);
    if (!process->threads.count)
        return proc_error_gone(process->pid);
    return NULL;
}

/* A stop for the delivery of a signal is the only one whose status has no event. */
static bool is_delivery(const struct held_thread *thread)
{
    return thread->is_stopped && thread->status >> 8 == 0;
}

static void read_full_registers(struct stopped_process *process)
{
    for (uint64_t i = 0; i < process->threads.count; i++) {
        struct held_thread *thread = &process->threads.data[i];
        thread->full = thread_registers_read(thread->tid, is_delivery(thread));
    }
}

/* The signal of a stop for its delivery is handed back. What is not stopped cannot be detached: the
 * end of our thread does that. */
static void detach_all(struct stopped_process *process)
{
    for (uint64_t i = 0; i < process->threads.count; i++) {
        const struct held_thread *thread = &process->threads.data[i];
        int signal = is_delivery(thread) ? thread->status : 0;
        trace_request(PTRACE_DETACH, thread->tid, 0, (uintptr_t)signal);
    }
    process->ended_ns = now_ns();
}

static void *hold(void *argument)
{
    struct stopped_process *process = argument;
    struct error *error = stop_all(process);
    if (error)
        detach_all(process);
    else if (process->full_registers)
        read_full_registers(process);
    pthread_mutex_lock(&process->lock);
    process->error = error;
    process->phase = error ? PHASE_FAILED : PHASE_STOPPED;
    pthread_cond_broadcast(&process->changed);
    while (!error && process->phase != PHASE_RESUMING)
        pthread_cond_wait(&process->changed, &process->lock);
    pthread_mutex_unlock(&process->lock);
    if (!error)
        detach_all(process);
    return NULL;
}

static void destroy(struct stopped_process *process)
{
    for (uint64_t i = 0; i < process->threads.count; i++)
        free(process->threads.data[i].full);
    vector_deinit(&process->threads);
    vector_deinit(&process->fresh);
    vector_deinit(&process->born);
    hash_map_deinit(&process->held);
    pthread_mutex_destroy(&process->lock);
    pthread_cond_destroy(&process->changed);
    free(process);
}

struct error *process_stop(pid_t pid, bool full_registers, struct stopped_process **out)
{
    struct stopped_process *process;
    TRY(memory_array(1, sizeof(*process), &process));
    process->pid = pid;
    process->full_registers = full_registers;
    pthread_mutex_init(&process->lock, NULL);
    pthread_cond_init(&process->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&process->tracer, NULL, hold, process);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure) {
        destroy(process);
        return error_os(failure, "cannot start a thread");
    }
    pthread_mutex_lock(&process->lock);
    while (process->phase == PHASE_STOPPING)
        pthread_cond_wait(&process->changed, &process->lock);
    struct error *error = process->error;
    pthread_mutex_unlock(&process->lock);
    if (error) {
        pthread_join(process->tracer, NULL);
        destroy(process);
        return error;
    }
    *out = process;
    return NULL;
}

struct error *process_threads(struct stopped_process *process, struct target *target)
{
    for (uint64_t i = 0; i < process->threads.count; i++) {
        struct held_thread *held = &process->threads.data[i];
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

uint64_t process_resume(struct stopped_process *process)
{
    pthread_mutex_lock(&process->lock);
    process->phase = PHASE_RESUMING;
    pthread_cond_broadcast(&process->changed);
    pthread_mutex_unlock(&process->lock);
    pthread_join(process->tracer, NULL);
    uint64_t stopped_ns = process->ended_ns - process->started_ns;
    destroy(process);
    return stopped_ns;
}
