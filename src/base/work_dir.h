/*
 * Big arrays on disk, for a heap whose tables are larger than the memory at hand (--work-dir). The
 * files have no names: whatever happens to this process, nothing stays behind.
 *
 * One setting for the whole process; set before threads begin.
 */
#ifndef LEAKHOUND_BASE_WORK_DIR_H
#define LEAKHOUND_BASE_WORK_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Remembers the folder; ERROR_OS when no file can be made in it. Nothing is put there until
 * work_dir_begin. */
struct error *work_dir_use(const char *path) ERROR_CHECK;
bool work_dir_is_set(void);

/* From now on big_array takes its memory from files in the folder. ERROR_OS when its disk has less
 * than bytes free; should it fill up nevertheless, the process says so and ends (SIGTERM). */
struct error *work_dir_begin(uint64_t bytes) ERROR_CHECK;
bool work_dir_has_begun(void);

/* For big_array: shared pages of a new file of that size, zeroed and lazily committed. */
struct error *work_dir_map(uint64_t bytes, void **out) ERROR_CHECK;

#endif
