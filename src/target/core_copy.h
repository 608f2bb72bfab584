/*
 * Copying the memory of a frozen target into a core: several threads take blocks in the order of
 * the file, read what is there and write what is not zero.
 */
#ifndef LEAKHOUND_TARGET_CORE_COPY_H
#define LEAKHOUND_TARGET_CORE_COPY_H

#include "target/core_file.h"
#include "target/core_image.h"
#include "target/core_write.h"

struct core_copy {
    const struct core_image *image; /* of a live target; its head is not copied */
    const struct core_file *file;
    uint64_t copied_bytes;
};

/* Copies all pieces and counts copied_bytes. The first error ends the work of all threads. */
struct error *core_copy_run(const struct core_write_options *options,
                            struct core_copy *copy) ERROR_CHECK;

#endif
