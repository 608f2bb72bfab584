/*
 * Reading a process from a forked copy of it: the target stands still only while the kernel copies
 * its page tables (10 to 40 ms per GB with 4 KiB pages, 1 ms with huge ones), and what is read is
 * the memory of one moment.
 *
 * The copy belongs to a process of its own, see target/copier.h. Its memory must be read through
 * /proc/COPY/mem and nothing else: process_vm_readv would unshare every page that it reads.
 */
#ifndef LEAKHOUND_TARGET_FORK_COPY_H
#define LEAKHOUND_TARGET_FORK_COPY_H

#include "target/target.h"

struct fork_copy;

/* Forks target->pid. Sets target->memory_pid and stopped_ns and appends the threads, with the
 * registers that they had at that moment (all, if options say so). ERROR_OS, with the target as it
 * was: not permitted, traced by another, gone, a thread that does not stop; and, with a hint at
 * --freeze=stop and none, not enough memory, tasks or time for it (target/headroom.h), a seccomp
 * filter that cannot be suspended, a kernel that refuses. Takes away what earlier runs left. */
struct error *fork_copy_create(struct target *target, const struct target_options *options,
                               struct fork_copy **out) ERROR_CHECK;

/* Whether the copy can still be read, or was killed. */
bool fork_copy_is_alive(const struct fork_copy *copy);

/* Has the copy ended, without waiting for it, and says in out (NULL is fine) what it cost. Once. */
void fork_copy_release(struct fork_copy *copy, struct target_copy_cost *out);

/* Releases first; waits until nothing of the copy is left. NULL is fine. */
void fork_copy_destroy(struct fork_copy *copy);

#endif
