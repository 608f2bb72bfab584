/* What the system says of a live process's memory: resident size and the limit it runs under. */
#ifndef LEAKHOUND_TARGET_USAGE_H
#define LEAKHOUND_TARGET_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct target_usage {
    uint64_t rss;      /* bytes */
    uint64_t lazyfree; /* bytes given back with MADV_FREE that still count as resident */
    uint64_t limit;    /* lowest memory limit of its control groups, 0 = none or unknown */
    bool has_rss, has_lazyfree;
};

/* Reads /proc/PID/statm, smaps_rollup and cgroup (v2 and v1). What cannot be read stays unknown. */
void target_usage_read(pid_t pid, struct target_usage *out);

/* Bytes of files that a process has mapped and resident; 0 when that cannot be read. */
uint64_t target_usage_file_pages(pid_t pid);

#endif
