/*
 * Whether a process can be forked without harm to it: is there memory for the copy, may there be
 * one more process, and how long would the fork keep it still? All of it is read beforehand, from
 * /proc and the control groups; what cannot be read does not count.
 */
#ifndef LEAKHOUND_TARGET_HEADROOM_H
#define LEAKHOUND_TARGET_HEADROOM_H

#include <sys/types.h>

#include "base/memory.h"

/* What to do instead of a forked copy, for the end of a refusal. */
#define HEADROOM_ADVICE                                                                            \
    "; --freeze=stop needs none of that but keeps the process still for as long as it is read "    \
    "(seconds per GB), --freeze=none does not stop it at all and its numbers may be off"

/* ERROR_OS with the reason and HEADROOM_ADVICE when a copy could be too much: page tables and
 * a sixteenth of the anonymous memory (16 MiB to 512 MiB), for what the process changes while it is
 * read, against the memory that its control groups and all those above them (v1, v2) have left,
 * page cache counted as free, and against MemAvailable; the commit limit where
 * vm.overcommit_memory is 2; the number of tasks that its control groups and its user
 * (RLIMIT_NPROC) may still have. Some ten small files. */
struct error *headroom_check(pid_t pid) ERROR_CHECK;
struct error *headroom_check_in(const char *root, pid_t pid) ERROR_CHECK; /* below another / */

/* Bytes that a process can still get: the least of what its control groups and those above them
 * have left, page cache counted as free, and MemAvailable. UINT64_MAX when nothing can be read. */
uint64_t headroom_memory_left(pid_t pid);

/* Bytes of data that this process itself can still get: also by its resource limits. */
uint64_t headroom_own_memory_left(void);

/* How long a fork would keep the process still, in nanoseconds: by its threads and page tables.
 * smaps_rollup is read only when the quick estimate is above limit_ns, to see huge pages, which are
 * a hundred times as fast to copy (some 10 ms per GB, while the process runs). */
uint64_t headroom_pause_in(const char *root, pid_t pid, uint64_t limit_ns);

/* ERROR_OS when that, below /, is above limit_ns. */
struct error *headroom_check_pause(pid_t pid, uint64_t limit_ns) ERROR_CHECK;

#endif
