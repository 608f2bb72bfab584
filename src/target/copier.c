#include "target/copier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target/headroom.h"
#include "target/inject.h"
#include "target/leftover.h"
#include "target/proc.h"
#include "target/seccomp.h"
#include "target/thread_registers.h"

enum {
    PARENT_CHECK_MS = 500,
    REAP_TRIES = 60,
    REAP_STOP_NS = 100 * 1000 * 1000,
    REAP_PAUSE_NS = 2 * 1000 * 1000,
    CALM_TRIES = 20, /* so often a thread in the middle of its own code is let go again */
};

struct copy {
    pid_t pid;
    pid_t inner_pid; /* as the target knows it */
};

/* ---- making the copy ---- */

static const struct held_thread *fittest(const struct thread_stop *stop)
{
    const struct held_thread *best = NULL;
    unsigned most = 0;
    for (uint64_t i = 0; i < stop->threads.count; i++) {
        unsigned fitness = inject_fitness(&stop->threads.data[i]);
        if (fitness > most) {
            most = fitness;
            best = &stop->threads.data[i];
        }
    }
    return best;
}

static struct error *explain_no_fork(pid_t pid, long result)
{
    switch (-result) {
    case ENOMEM:
        return error_os(ENOMEM,
                        "the system has no memory for a forked copy of process %d" HEADROOM_ADVICE,
                        pid);
    case EAGAIN:
        return error_os(EAGAIN,
                        "process %d may not have one more process (its limit of processes, or "
                        "pids.max of its control group)" HEADROOM_ADVICE,
                        pid);
    default:
        return error_os((int)-result, "process %d may not be forked" HEADROOM_ADVICE, pid);
    }
}

/* The copy is stopped before its first instruction. From here on it dies with us. */
static struct error *hold_copy(pid_t pid, pid_t copy)
{
    siginfo_t info = {0};
    leftover_mark(copy);
    if (waitid(P_PID, (id_t)copy, &info, WEXITED | WSTOPPED | __WALL) != 0 ||
        info.si_code != CLD_TRAPPED ||
        ptrace(PTRACE_SETOPTIONS, copy, NULL, (void *)PTRACE_O_EXITKILL) != 0)
        return error_create(ERROR_OS, "the copy of process %d was killed", pid);
    return NULL;
}

/* Has a stopped thread wait for copies that are dead. */
static struct error *wait_for_copies(const struct inject_room *room, pid_t pid, pid_t tid,
                                     bool suspend_seccomp, const struct leftover_list *list)
{
    for (uint64_t i = 0; i < list->copies.count; i++) {
        long result;
        const struct inject_call call = {
            .number = SYS_wait4,
            .arguments = {(uint64_t)list->copies.data[i].inner_pid, 0, WNOHANG | __WALL},
            .suspend_seccomp = suspend_seccomp,
        };
        TRY(inject_call(room, pid, tid, &call, &result, NULL));
    }
    return NULL;
}

/* While all threads stand still. */
static struct error *fork_stopped(const struct thread_stop *stop, const struct inject_room *room,
                                  const struct leftover_list *leftovers, struct copy *out)
{
    pid_t pid = stop->pid, copy = 0;
    const struct held_thread *thread = fittest(stop);
    if (!thread)
        return error_create(ERROR_OS,
                            "process %d has no thread that could be borrowed for a moment: try "
                            "again",
                            pid);
    bool is_filtered = seccomp_is_filtered(pid, thread->tid);
    if (is_filtered && !seccomp_can_suspend())
        return error_create(ERROR_OS,
                            "process %d has a seccomp filter, which might end it when it is made "
                            "to fork, and looking away from it needs the capability "
                            "CAP_SYS_ADMIN" HEADROOM_ADVICE,
                            pid);
    TRY(wait_for_copies(room, pid, thread->tid, is_filtered, leftovers));
    const struct inject_call call = {
        .number = SYS_clone,
        .arguments = {CLONE_FILES | CLONE_FS},
        .suspend_seccomp = is_filtered,
        .makes_child = true,
    };
    long result;
    TRY(inject_call(room, pid, thread->tid, &call, &result, &copy));
    if (result < 0)
        return explain_no_fork(pid, result);
    if (!copy)
        return error_create(ERROR_OS, "the copy of process %d cannot be seen from here", pid);
    *out = (struct copy){.pid = copy, .inner_pid = (pid_t)result};
    return hold_copy(pid, copy);
}

/* Who was refused and could read the process just before met another tracer: a copier, which does
 * not take long and may be gone by now, or somebody else. */
static bool is_let_go_soon(pid_t pid)
{
    CLEANUP_FREE char *status = NULL, *name = NULL;
    if (proc_read(proc_path(pid, "status").text, &status, NULL))
        return false;
    pid_t tracer = (pid_t)proc_status_number(status, "TracerPid", 0);
    return !tracer || proc_read(proc_path(tracer, "comm").text, &name, NULL) ||
           strcmp(name, COPIER_NAME "\n") == 0;
}

static struct error *take_copy(const struct copy_request *request, const struct inject_room *room,
                               const struct leftover_list *leftovers, struct target *threads,
                               struct copy_answer *answer, struct copy *out)
{
    struct thread_stop stop;
    const struct thread_stop_options options = {
        .pid = request->pid,
        .limit_ns = request->stop_limit_ns,
        .full_registers = request->full_registers,
    };
    struct error *error = thread_stop_begin(&options, &stop);
    if (error) {
        bool again = stop.is_slow || (stop.is_refused && is_let_go_soon(request->pid));
        answer->outcome = again ? COPY_AGAIN : COPY_FAILED;
        return error;
    }
    for (uint64_t i = 0; !error && i < stop.threads.count; i++)
        if (inject_is_inside(room, &stop.threads.data[i])) {
            answer->outcome = COPY_AGAIN;
            error = error_create(ERROR_OS, "process %d is still being left by another run",
                                 request->pid);
        }
    if (!error)
        error = fork_stopped(&stop, room, leftovers, out);
    thread_stop_resume(&stop);
    if (!error)
        error = thread_stop_threads(&stop, threads);
    answer->stopped_ns = stop.ended_ns - stop.started_ns;
    thread_stop_end(&stop);
    return error;
}

/* ---- ending it ---- */

/* One try to have a thread of the target wait for the copies. The thread is the main one: two runs
 * cannot trace it at once, so they do not use the same room at the same time. */
static bool try_reap(pid_t pid, pid_t tid, const struct leftover_list *copies, bool must_be_calm)
{
    struct inject_room room;
    struct thread_stop stop;
    bool reaped = false;
    const struct thread_stop_options options = {
        .pid = pid,
        .only = tid,
        .limit_ns = REAP_STOP_NS,
    };
    CLEANUP_ERROR struct error *error = thread_stop_begin(&options, &stop);
    if (error)
        return false;
    const struct held_thread *thread = fittest(&stop);
    bool is_filtered = thread && seccomp_is_filtered(pid, thread->tid);
    if (thread && inject_fitness(thread) > (must_be_calm ? 1 : 0) &&
        (!is_filtered || seccomp_can_suspend())) {
        error = inject_find_room(pid, &room);
        if (!error && !room.is_used) {
            error = wait_for_copies(&room, pid, thread->tid, is_filtered, copies);
            reaped = !error;
        }
    }
    thread_stop_end(&stop);
    return reaped;
}

static struct error *pick_other_thread(void *context, pid_t tid)
{
    pid_t *chosen = context;
    char state = proc_stat(chosen[0], tid).state;
    if (tid != chosen[0] && (state == 'S' || (!chosen[1] && state != 'Z' && state != 'X')))
        chosen[1] = tid;
    return NULL;
}

static bool is_child_of(pid_t child, pid_t parent)
{
    struct proc_stat stat = proc_stat(child, child);
    return stat.state && stat.parent == parent;
}

/* Each try is a process of its own: when a thread of the target is slow to stop (it waits in the
 * kernel), only the end of its tracer lets go of it. */
static bool reap(pid_t pid, const struct copy *copy)
{
    /* With those that have come to their end only now. */
    struct leftover_list copies = {0};
    const struct leftover own = {.pid = copy->pid, .inner_pid = copy->inner_pid};
    CLEANUP_ERROR struct error *error = vector_push(&copies.copies, own);
    if (!error)
        error = leftover_find(pid, &copies);
    for (int i = 0; i < REAP_TRIES && is_child_of(copy->pid, pid); i++) {
        pid_t chosen[2] = {pid, 0};
        char state = proc_stat(pid, pid).state;
        if (state == 'Z' || state == 'X' || i >= REAP_TRIES / 2) {
            error_destroy(proc_each_thread(pid, pick_other_thread, chosen));
            if (!chosen[1])
                return false;
        }
        pid_t tries = fork();
        if (tries == 0)
            _exit(try_reap(pid, chosen[1] ? chosen[1] : pid, &copies, i < CALM_TRIES) ? 0 : 1);
        int status = -1;
        if (tries > 0)
            while (waitpid(tries, &status, 0) < 0 && errno == EINTR)
                ;
        if (tries < 0 || status != 0)
            nanosleep(&(struct timespec){.tv_nsec = REAP_PAUSE_NS}, NULL);
    }
    return !is_child_of(copy->pid, pid);
}

static bool end_copy(pid_t pid, const struct copy *copy)
{
    siginfo_t info = {0};
    kill(copy->pid, SIGKILL); /* ours until we have waited for it: the number is not another's */
    while (waitid(P_PID, (id_t)copy->pid, &info, WEXITED | __WALL) < 0 && errno == EINTR)
        ;
    return reap(pid, copy);
}

/* ---- the process ---- */

/* What we hold open would stay open when leakhound is killed: the pipe that its caller reads. */
static void become_independent(int socket)
{
    int nothing = open("/dev/null", O_RDWR);
    setsid();
    prctl(PR_SET_NAME, COPIER_NAME);
    signal(SIGCHLD, SIG_DFL);
    for (int fd = 0; fd < 3; fd++)
        if (nothing >= 0)
            dup2(nothing, fd);
    /* By number: the socket is 3 from here on. */
    if (socket != 3) {
        dup2(socket, 3);
        close(socket);
    }
    syscall(SYS_close_range, 4, ~0U, 0);
}

static void write_all(int socket, const void *bytes, uint64_t count)
{
    const char *next = bytes;
    while (count) {
        ssize_t sent = send(socket, next, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return; /* nobody listens: the poll that follows sees it */
        next += sent;
        count -= (uint64_t)sent;
    }
}

static void send_answer(int socket, struct copy_answer *answer, const struct error *error,
                        const struct target *threads)
{
    if (error) {
        answer->kind = error->kind;
        error_text(error, answer->text, sizeof(answer->text));
    }
    answer->thread_count = error ? 0 : threads->threads.count;
    write_all(socket, answer, sizeof(*answer));
    for (uint64_t i = 0; i < answer->thread_count; i++) {
        const struct target_thread *thread = &threads->threads.data[i];
        write_all(socket, thread, sizeof(*thread));
        if (thread->registers) {
            uint64_t size = sizeof(*thread->registers) + thread->registers->extended_size;
            write_all(socket, &size, sizeof(size));
            write_all(socket, thread->registers, size);
        }
    }
}

/* The socket may be kept open by a child of leakhound that was forked in between. */
static void wait_for_release(int socket, pid_t parent)
{
    struct pollfd ends = {.fd = socket, .events = POLLIN};
    do
        ends.revents = 0;
    while (poll(&ends, 1, PARENT_CHECK_MS) <= 0 && getppid() == parent);
}

_Noreturn void copier_run(const struct copy_request *request, int socket, pid_t parent)
{
    struct copy_answer answer = {.outcome = COPY_FAILED};
    struct target threads = {.pid = request->pid};
    struct leftover_list leftovers = {0};
    struct inject_room room;
    struct copy copy = {0};
    become_independent(socket);
    socket = 3;
    struct error *error = inject_find_room(request->pid, &room);
    if (!error)
        error = leftover_find(request->pid, &leftovers);
    for (uint64_t i = 0; i < leftovers.copies.count; i++)
        if (leftovers.copies.data[i].is_alive)
            kill(leftovers.copies.data[i].pid, SIGKILL);
    if (!error)
        error = take_copy(request, &room, &leftovers, &threads, &answer, &copy);
    if (!error) {
        answer.outcome = COPY_MADE;
        answer.copy = copy.pid;
    }
    send_answer(socket, &answer, error, &threads);
    if (!error)
        wait_for_release(socket, parent);
    _exit(!copy.pid || end_copy(request->pid, &copy) ? 0 : 1);
}
