/*
 * What /proc/PID/smaps knows of a mapping beyond its range: what may be copied of it and what there
 * is to copy (Linux: Documentation/filesystems/proc.rst, VmFlags).
 */
#ifndef LEAKHOUND_TARGET_SMAPS_H
#define LEAKHOUND_TARGET_SMAPS_H

#include <stdio.h>
#include <sys/types.h>

#include "base/memory.h"

enum mapping_bit {
    MAPPING_SHARED = 1 << 0,   /* MAP_SHARED */
    MAPPING_EXCLUDED = 1 << 1, /* the program asked for it (MADV_DONTDUMP) */
    MAPPING_DEVICE = 1 << 2,   /* no memory: reading it may have effects */
    MAPPING_HUGETLB = 1 << 3,
    MAPPING_WRITTEN = 1 << 4, /* has pages of its own: anonymous ones, or copies of a file's */
    MAPPING_EMPTY = 1 << 5,   /* no page is there, not even swapped out */
    MAPPING_UNKNOWN = 1 << 6, /* the kernel gave no details: WRITTEN and EMPTY say nothing */
};

struct mapping_details {
    uint64_t start, end;
    unsigned bits;
};

/* Zero-initialised it is empty. */
struct smaps {
    VECTOR(struct mapping_details) mappings; /* ascending */
};
void smaps_deinit(struct smaps *smaps);

/* Parses what has the form of /proc/PID/smaps, or of maps, which has no details. ERROR_FORMAT with
 * the number of the line. O(mappings). */
struct error *smaps_parse(FILE *file, struct smaps *out) ERROR_CHECK;

/* Reads smaps of a process, or its maps where the kernel has no smaps. Some milliseconds per GB:
 * the kernel counts pages. */
struct error *smaps_read(pid_t pid, struct smaps *out) ERROR_CHECK;

/* Bits of the mapping that contains address; MAPPING_UNKNOWN when none does. O(log n). */
unsigned smaps_bits_at(const struct smaps *smaps, uint64_t address);

#endif
