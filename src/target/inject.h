/*
 * One system call made by a stopped thread of another process, with no trace left in it.
 *
 * The thread's registers are not those of its program while the call runs, and a call such as a
 * fork takes milliseconds. If the tracer died then, the thread would go on with wrong registers. So
 * it is not sent to some system call instruction but into code of ours that heals itself: the call,
 * then the thread's own signal mask and registers as constants, then a jump back to where it was,
 * in the way in which the kernel restarts an interrupted call. The code is written to the unused
 * end of the vdso (else of the executable's text), which needs no memory of the program, before the
 * registers are changed, and wiped after they have been restored. Whenever the tracer dies, even by
 * SIGKILL between two requests, one of these holds: the thread has its own registers; or it
 * executes that code and then has them. A child that a fork made in such a moment ends itself at
 * once.
 *
 * What stays in the target: one private page (4 KiB) where the vdso's was shared.
 */
#ifndef LEAKHOUND_TARGET_INJECT_H
#define LEAKHOUND_TARGET_INJECT_H

#include <signal.h>

#include "target/stop.h"

enum {
    INJECT_ROOM = 256,         /* bytes of code and constants */
    INJECT_ORPHAN_STATUS = 91, /* exit status of a child whose tracer died while it was made */
};

/* Where the code goes. address + INJECT_ROOM is the end of an executable mapping. */
struct inject_room {
    uint64_t address;
    bool is_used; /* code of a tracer that died is there: fine once no thread is inside */
};

/* ERROR_UNSUPPORTED when no executable mapping ends with unused bytes; ERROR_OS. Reads only. */
struct error *inject_find_room(pid_t pid, struct inject_room *out) ERROR_CHECK;

/* Whether a thread stands in the code. */
bool inject_is_inside(const struct inject_room *room, const struct held_thread *thread);

/* How good a thread is to be borrowed: 0 not at all, then in the middle of its own code (it may be
 * anywhere, even between instructions that belong together), in a system call, and 3 waiting in a
 * call that the kernel restarts by itself. */
unsigned inject_fitness(const struct held_thread *thread);

struct inject_call {
    long number;
    uint64_t arguments[6];
    bool suspend_seccomp; /* PTRACE_O_SUSPEND_SECCOMP: needs CAP_SYS_ADMIN */
    bool makes_child;     /* a fork: what sees 0 as the result ends itself if nobody holds it */
};

/* Lets the thread, stopped by thread_stop_begin in the calling thread, make the call; then it is
 * stopped as before. *out_result is the kernel's result (−errno on failure); *out_child, if not
 * NULL, the child as seen from here, held by ptrace, 0 if there is none. ERROR_OS when it could not
 * be made: the thread is as it was, or it has ended. SIGCHLD must be blocked and not ignored. Some
 * 60 µs and the call's own time. */
struct error *inject_call(const struct inject_room *room, pid_t pid, pid_t tid,
                          const struct inject_call *call, long *out_result,
                          pid_t *out_child) ERROR_CHECK;

#endif
