/* The text files of /proc/PID. */
#ifndef LEAKHOUND_TARGET_PROC_H
#define LEAKHOUND_TARGET_PROC_H

#include <sys/types.h>

#include "base/memory.h"

/* Path below /proc/PID; what is at most a few names and numbers. */
struct proc_path {
    char text[96];
};
struct proc_path proc_path(pid_t pid, const char *name);

/* Reads a file to its end; *out_text is terminated by a zero byte and freed by the caller. Returns
 * 0 or an errno: what a failure means depends on the file. */
int proc_read(const char *path, char **out_text, uint64_t *out_size);

/* Number behind "key:" at the start of a line of /proc/PID/status; fallback when it is not there.
 */
int64_t proc_status_number(const char *status, const char *key, int64_t fallback);

/* What /proc/PID/stat or /proc/PID/task/TID/stat says; state 0 when the process is gone. */
struct proc_stat {
    char state;
    bool is_kernel_thread;
    pid_t parent;
};
struct proc_stat proc_stat(pid_t pid, pid_t tid);

/* Calls visit for every thread that /proc lists; stops at its first error. ERROR_OS when the
 * process is gone. */
struct error *proc_each_thread(pid_t pid, struct error *(*visit)(void *context, pid_t tid),
                               void *context) ERROR_CHECK;

/* The errors that several places give. */
struct error *proc_error_gone(pid_t pid);
struct error *proc_error_permission(pid_t pid);

#endif
