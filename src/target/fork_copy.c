#include "target/fork_copy.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target/copier.h"
#include "target/headroom.h"
#include "target/proc.h"
#include "target/stop.h"
#include "target/thread_registers.h"

enum { MOST_THREADS = 1 << 22, MOST_REGISTERS = 128 << 10 };

/* How long a thread may take to stop: others stand still meanwhile. On a machine that is busy, more
 * with each try. */
#define STOP_FIRST_NS ((uint64_t)100 * 1000 * 1000)
#define STOP_MOST_NS ((uint64_t)800 * 1000 * 1000)
#define TRY_FOR_NS ((uint64_t)5000 * 1000 * 1000)
#define PAUSE_NS ((uint64_t)30 * 1000 * 1000)

struct fork_copy {
    pid_t pid, copier;
    int socket; /* closing it releases the copy; -1 afterwards */
};

/* ---- the other process ---- */

static struct error *start_copier(const struct copy_request *request, struct fork_copy *out)
{
    int ends[2];
    pid_t parent = getpid();
    sigset_t all, before;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_os(errno, "cannot make a socket");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t copier = fork();
    if (copier == 0) {
        close(ends[0]);
        copier_run(request, ends[1], parent);
    }
    int failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (copier < 0) {
        close(ends[0]);
        return error_os(failure, "cannot start a process");
    }
    out->copier = copier;
    out->socket = ends[0];
    return NULL;
}

static void join_copier(pid_t copier)
{
    int status;
    while (waitpid(copier, &status, 0) < 0 && errno == EINTR)
        ;
}

static bool read_all(int socket, void *bytes, uint64_t count)
{
    char *next = bytes;
    while (count) {
        ssize_t got = recv(socket, next, count, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        next += got;
        count -= (uint64_t)got;
    }
    return true;
}

static struct error *error_lost(pid_t pid)
{
    return error_create(ERROR_OS, "the process that forks process %d was killed", pid);
}

static struct error *receive_threads(int socket, uint64_t count, struct target *target)
{
    if (count > MOST_THREADS)
        return error_lost(target->pid);
    TRY(vector_reserve(&target->threads, target->threads.count + count));
    for (uint64_t i = 0; i < count; i++) {
        struct target_thread thread;
        uint64_t size;
        if (!read_all(socket, &thread, sizeof(thread)))
            return error_lost(target->pid);
        if (thread.registers) {
            thread.registers = NULL;
            if (!read_all(socket, &size, sizeof(size)) || size > MOST_REGISTERS)
                return error_lost(target->pid);
            TRY(memory_array(1, size, &thread.registers));
            if (!read_all(socket, thread.registers, size)) {
                free(thread.registers);
                return error_lost(target->pid);
            }
        }
        target->threads.data[target->threads.count++] = thread;
    }
    return NULL;
}

/* One try. *out_again: another may succeed. */
static struct error *try_fork(const struct copy_request *request, struct target *target,
                              struct fork_copy *copy, bool *out_again)
{
    struct copy_answer answer;
    *out_again = false;
    TRY(start_copier(request, copy));
    struct error *error = NULL;
    if (!read_all(copy->socket, &answer, sizeof(answer)))
        error = error_lost(request->pid);
    else if (answer.outcome != COPY_MADE) {
        answer.text[sizeof(answer.text) - 1] = '\0';
        *out_again = answer.outcome == COPY_AGAIN;
        error = error_create(answer.kind, "%s", answer.text);
    } else {
        error = receive_threads(copy->socket, answer.thread_count, target);
    }
    if (error) {
        close(copy->socket);
        join_copier(copy->copier);
        return error;
    }
    copy->pid = answer.copy;
    target->memory_pid = answer.copy;
    target->stopped_ns = answer.stopped_ns;
    return NULL;
}

static struct error *fork_target(const struct target_options *options, struct target *target,
                                 struct fork_copy *copy)
{
    struct copy_request request = {
        .pid = target->pid,
        .stop_limit_ns = STOP_FIRST_NS,
        .full_registers = options && options->full_registers,
    };
    uint64_t most_ns = options && options->max_pause_ns ? options->max_pause_ns : STOP_MOST_NS;
    uint64_t end_ns = stop_clock_ns() + TRY_FOR_NS;
    for (;;) {
        bool again;
        request.stop_limit_ns = MIN_OF(request.stop_limit_ns, most_ns);
        struct error *error = try_fork(&request, target, copy, &again);
        if (!error || !again || stop_clock_ns() > end_ns)
            return error;
        error_destroy(error);
        request.stop_limit_ns *= 2;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
}

/* ---- for the reader ---- */

struct error *fork_copy_create(struct target *target, const struct target_options *options,
                               struct fork_copy **out)
{
    struct fork_copy *copy;
    TRY(headroom_check(target->pid));
    if (options && options->max_pause_ns)
        TRY(headroom_check_pause(target->pid, options->max_pause_ns));
    TRY(memory_array(1, sizeof(*copy), &copy));
    struct error *error = fork_target(options, target, copy);
    if (error) {
        free(copy);
        return error;
    }
    *out = copy;
    return NULL;
}

bool fork_copy_is_alive(const struct fork_copy *copy)
{
    struct proc_stat stat = proc_stat(copy->pid, copy->pid);
    return stat.state == 't' || stat.state == 'T';
}

static uint64_t kib_of(const char *text, const char *key)
{
    int64_t kib = proc_status_number(text, key, 0);
    return kib > 0 ? (uint64_t)kib * 1024 : 0;
}

/* Pages that nobody shares with the copy any more are those that the target has changed or given
 * back since. */
static struct target_copy_cost cost_of(pid_t copy)
{
    struct target_copy_cost cost = {0};
    CLEANUP_FREE char *status = NULL, *rollup = NULL;
    if (proc_read(proc_path(copy, "status").text, &status, NULL) ||
        proc_read(proc_path(copy, "smaps_rollup").text, &rollup, NULL))
        return cost;
    cost.page_table_bytes = kib_of(status, "VmPTE");
    cost.private_bytes = kib_of(rollup, "Private_Dirty") + kib_of(rollup, "Private_Clean");
    cost.is_known = true;
    return cost;
}

void fork_copy_release(struct fork_copy *copy, struct target_copy_cost *out)
{
    if (copy->socket < 0)
        return;
    if (out)
        *out = cost_of(copy->pid);
    close(copy->socket);
    copy->socket = -1;
}

void fork_copy_destroy(struct fork_copy *copy)
{
    if (!copy)
        return;
    fork_copy_release(copy, NULL);
    join_copier(copy->copier);
    free(copy);
}
