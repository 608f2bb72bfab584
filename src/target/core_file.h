/*
 * A file that becomes a core: pages of zeros are holes in it where it can have some; into anything
 * else (a pipe, a file with bytes already) all is written from front to back.
 */
#ifndef LEAKHOUND_TARGET_CORE_FILE_H
#define LEAKHOUND_TARGET_CORE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct core_file {
    int descriptor;   /* the caller's */
    const char *name; /* for messages, the caller's */
    bool is_sparse;   /* writes go to any place, from several threads; else in ascending order */
};

/* ERROR_OS when the descriptor is none. */
struct error *core_file_begin(int descriptor, const char *name, struct core_file *out) ERROR_CHECK;

/* ERROR_OS when it is clear that the disk has no room for so many bytes of data. */
struct error *core_file_check_room(const struct core_file *file, uint64_t data_bytes) ERROR_CHECK;

/* The size of a sparse file, which may end in a hole; any other is as long as what was written. */
struct error *core_file_set_size(const struct core_file *file, uint64_t bytes) ERROR_CHECK;

/* All n bytes, at offset when the file is sparse. ERROR_OS when they cannot be written. */
struct error *core_file_write(const struct core_file *file, uint64_t offset, const void *bytes,
                              uint64_t n) ERROR_CHECK;

/* The same for whole pages and perhaps a last one that is not whole; is_data: for each, whether it
 * has anything but zeros. */
struct error *core_file_write_pages(const struct core_file *file, uint64_t offset,
                                    const uint8_t *bytes, uint64_t n,
                                    const bool *is_data) ERROR_CHECK;

/* What it takes on the disk; 0 when it got no holes. */
uint64_t core_file_disk_bytes(const struct core_file *file);

#endif
