/*
 * Keeping a process still for as long as it is read (FREEZE_STOP).
 *
 * A thread of our own seizes all threads, holds them and lets them go, because the kernel takes
 * ptrace requests only from the thread that attached: so process_resume may be called from
 * anywhere, and a thread of the target that cannot be stopped (state D) is detached by ending ours.
 * That thread blocks all signals. Whatever ends this process, even SIGKILL, makes the kernel detach
 * and resume the target; stops are looked at but not consumed (WNOWAIT), so that even then a signal
 * that a thread was about to receive is not lost.
 */
#ifndef LEAKHOUND_TARGET_HOLD_H
#define LEAKHOUND_TARGET_HOLD_H

#include "target/target.h"

struct stopped_process;

/* Returns when every thread stands still, new ones too. On error all go on. ERROR_OS with a
 * sentence: exited, not permitted, traced by another, a thread that does not stop within 10 s.
 * Threads that the user had stopped (SIGSTOP) stay stopped after process_resume. Some 10 µs per
 * thread, and 5 µs more with full_registers; the process stands still until process_resume. */
struct error *process_stop(pid_t pid, bool full_registers,
                           struct stopped_process **out) ERROR_CHECK;

/* Appends the stopped threads with their registers; full ones become the target's. */
struct error *process_threads(struct stopped_process *process, struct target *target) ERROR_CHECK;

/* Lets the threads go on, frees process, and returns how long the process stood still: from just
 * before the first thread was seized to the last detach, in nanoseconds. */
uint64_t process_resume(struct stopped_process *process);

#endif
