/* What the sources of the core reader share. */
#ifndef LEAKHOUND_TARGET_CORE_PRIVATE_H
#define LEAKHOUND_TARGET_CORE_PRIVATE_H

#include "target/core_memory.h"
#include "target/core_notes.h"
#include "target/private.h"

struct core {
    struct target_private common;
    const uint8_t *bytes; /* the mapped file */
    uint64_t size;
    int file;                 /* the same, open */
    VECTOR(Elf64_Phdr) loads; /* PT_LOAD, ascending, not overlapping, within the file */
    struct core_notes notes;
    struct image image; /* the executable: its file, or else its headers in the core */
    bool has_image;
    uint64_t bias; /* of the image */
    struct core_memory memory;
};

static inline struct core *core_of(struct target *target)
{
    return (struct core *)target->private;
}

/* Finds the executable, checks that it wrote this core, lays its pages under those that the core
 * leaves out, and sets target->exe_path and exe_open_path. ERROR_FORMAT for the wrong executable,
 * ERROR_OS for one that is needed and cannot be opened. */
struct error *core_find_executable(struct target *target, struct core *core,
                                   const char *given) ERROR_CHECK;

#endif
