/*
 * Writing an ELF core of a frozen process: for gdb, delve and ourselves. Its layout:
 * target/core_image.h; what it holds: target/core_plan.h.
 */
#ifndef LEAKHOUND_TARGET_CORE_WRITE_H
#define LEAKHOUND_TARGET_CORE_WRITE_H

#include "target/target.h"

struct core_write_options {
    bool with_files;  /* private mappings of files whole: the core then needs no other file */
    unsigned threads; /* at least 1 */
    /* Called now and then from the caller's thread; share from 0 to 1. May be NULL. */
    void (*progress)(void *context, const char *phase, double share);
    void *progress_context;
};

struct core_written {
    uint64_t file_bytes;   /* the file's size, holes included */
    uint64_t disk_bytes;   /* what it takes on the disk; 0 when it got no holes */
    uint64_t copied_bytes; /* of the target's memory, without pages of zeros */
    uint64_t threads, segments;
};

/*
 * Writes target, a live one that was opened with full_registers and is frozen, to file. An empty
 * regular file gets holes where the target has no pages or pages of zeros; anything else (a pipe)
 * is written from front to back, zeros included. name is what error messages call the file.
 * ERROR_OS when the file cannot be written, when it is clear beforehand that the disk has too
 * little room, and when the target is gone; ERROR_USAGE for a target that is not frozen.
 * Copies with options->threads threads and 1 MiB of memory for each.
 */
struct error *core_write(struct target *target, const struct core_write_options *options, int file,
                         const char *name, struct core_written *out) ERROR_CHECK;

#endif
