/*
 * Copying the memory of a frozen target into a core: several threads take blocks in the order of
 * the file, read what is there and write what is not zero.
 */
#ifndef LEAKHOUND_TARGET_CORE_COPY_H
#define LEAKHOUND_TARGET_CORE_COPY_H

#include "target/core_plan.h"
#include "target/core_write.h"

struct core_copy {
    struct core_plan plan;
    uint64_t offset; /* of the first piece's bytes in the file; the others follow */
    int file;
    const char *name; /* for messages */
    struct core_page_maps maps;
    bool is_sparse; /* holes for zeros, any order; else all bytes from front to back */
    uint64_t copied_bytes;
};

/* Writes all n bytes; with is_sparse at offset, else at the end. ERROR_OS when it cannot. */
struct error *core_copy_write(const struct core_copy *copy, uint64_t offset, const void *bytes,
                              uint64_t n) ERROR_CHECK;

/* Copies all pieces and counts copied_bytes. The first error ends the work of all threads. */
struct error *core_copy_run(struct target *target, const struct core_write_options *options,
                            struct core_copy *copy) ERROR_CHECK;

#endif
