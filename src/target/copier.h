/*
 * The process that forks the target: leakhound's own child, in a session of its own.
 *
 * It traces the target for the moment of the fork and the copy for its whole life. A signal that
 * ends leakhound – kill -9, the terminal, a time limit – does not reach it; it notices (its socket
 * closes), ends the copy, has the target take note of the copy's end, and goes. If it is killed
 * itself, in whatever moment, the target is still well: see target/inject.h. What may then stay is
 * a zombie, which the next run takes away (target/leftover.h).
 *
 * The copy is a child of the target by clone(CLONE_FILES | CLONE_FS) with no exit signal. It never
 * executes an instruction. It shares the descriptors, so that a peer sees a socket close as soon as
 * the target closes it. wait() and waitpid() of the target neither see nor count such a child, and
 * no SIGCHLD is sent. Handlers need no reset (CLONE_CLEAR_SIGHAND): all signals are blocked in it,
 * and it never runs. A fork passes on neither the list of robust futexes nor the address to be
 * cleared at exit, so that the copy's end writes nothing into memory that it shares with the
 * target. Mappings with MAP_SHARED are the target's own: they go on changing. What is marked
 * MADV_DONTFORK is not there, what is marked MADV_WIPEONFORK is zero; Go's heap is none of these.
 *
 * To the threads of the target the fork is a stop like that by SIGSTOP and SIGCONT: calls in which
 * they wait go on, but for those few that end with EINTR then (signal(7): epoll_wait and others).
 *
 * The copy is charged to the target's control group, and first in the kernel's list when memory
 * runs out (oom_score_adj 1000). Getrusage(RUSAGE_CHILDREN) of the target counts it afterwards.
 */
#ifndef LEAKHOUND_TARGET_COPIER_H
#define LEAKHOUND_TARGET_COPIER_H

#include "target/target.h"

#define COPIER_NAME "lh-copier" /* its name in ps; pkill leakhound does not find it */

enum copy_outcome {
    COPY_MADE,
    COPY_FAILED,
    COPY_AGAIN, /* failed, but may succeed in a moment */
};

struct copy_request {
    pid_t pid;
    uint64_t stop_limit_ns; /* how long threads may take to stop */
    bool full_registers;
};

/* What the copier writes to its socket, followed by thread_count times: struct target_thread, and
 * if its registers are not NULL, their size (uint64_t) and they. */
struct copy_answer {
    enum copy_outcome outcome;
    enum error_kind kind;
    pid_t copy;
    uint64_t stopped_ns;
    uint64_t thread_count;
    char text[1024]; /* why not */
};

/* The whole life of the process. All signals are blocked. It ends the copy when the other end of
 * socket is closed or its parent is gone, and exits with 0, or 1 if a zombie had to stay. */
_Noreturn void copier_run(const struct copy_request *request, int socket, pid_t parent);

#endif
