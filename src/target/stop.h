/*
 * Stopping the threads of a process with ptrace, in the calling thread.
 *
 * The kernel takes ptrace requests only from the thread that attached, so all functions here must
 * be called by one thread: a holder's (target/hold.h) or the only one of the process that forks the
 * target (target/copier.h). The end of that thread, even by SIGKILL, makes the kernel detach and
 * resume the target; stops are looked at but not consumed (WNOWAIT), so that even then a signal
 * that a thread was about to receive is not lost.
 */
#ifndef LEAKHOUND_TARGET_STOP_H
#define LEAKHOUND_TARGET_STOP_H

#include <sys/user.h>

#include "base/hash.h"
#include "target/target.h"

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

struct thread_stop {
    pid_t pid, only;
    uint64_t limit_ns;
    uint64_t started_ns, ended_ns; /* before the first thread was seized; after the last detach */
    bool is_slow;                  /* it failed because a thread did not stop in time */
    bool is_refused;               /* it failed because a thread may not be traced */
    VECTOR(struct held_thread) threads;
    struct hash_map held;             /* tid → 1 while it is in threads */
    VECTOR(pid_t) born;               /* ids that clone events announced */
    VECTOR(struct held_thread) fresh; /* found by the last listing, not seized yet */
};

struct thread_stop_options {
    pid_t pid;
    pid_t only;        /* stop this thread and no other; 0: all */
    uint64_t limit_ns; /* how long to wait for a thread to stop */
    bool full_registers;
};

/* Returns when every thread stands still, new ones too. On error all go on, those that are slow to
 * stop when the calling thread ends, and only out->is_slow and is_refused are set. ERROR_OS with a
 * sentence: exited, not permitted, traced by another, a thread that does not stop in time. Some 10
 * µs per thread, and 5 µs more with full_registers. */
struct error *thread_stop_begin(const struct thread_stop_options *options,
                                struct thread_stop *out) ERROR_CHECK;

/* Appends the stopped threads with their registers; full ones become the target's. */
struct error *thread_stop_threads(struct thread_stop *stop, struct target *target) ERROR_CHECK;

/* The thread was stopped to receive a signal (its status), which it gets when it goes on. */
bool held_thread_is_delivery(const struct held_thread *thread);

void thread_stop_resume(struct thread_stop *stop); /* lets the threads go on; once is enough */
void thread_stop_end(struct thread_stop *stop);    /* resumes first; frees what it has */

uint64_t stop_clock_ns(void); /* CLOCK_MONOTONIC */

#endif
