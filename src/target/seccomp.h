/* System call filters of a process, and whether we can have the kernel look away from them. */
#ifndef LEAKHOUND_TARGET_SECCOMP_H
#define LEAKHOUND_TARGET_SECCOMP_H

#include <stdbool.h>
#include <sys/types.h>

/* A filter may answer a call that the program itself never makes by ending the process, so a thread
 * with one must not be made to call anything. False also when the thread is gone. */
bool seccomp_is_filtered(pid_t pid, pid_t tid);

/* Whether we may trace with PTRACE_O_SUSPEND_SECCOMP: with CAP_SYS_ADMIN, and no filter of our own.
 * The kernel may still lack it (CONFIG_CHECKPOINT_RESTORE). */
bool seccomp_can_suspend(void);

#endif
