/*
 * Files mapped into memory that may shrink meanwhile: somebody truncates the core that is being
 * read, or copies another one over it. The kernel answers a look at a page that is gone with
 * SIGBUS. The handler of this file puts a page of zeros there, remembers where, and the reader goes
 * on; before a result is believed, mapped_file_check must be asked.
 *
 * The handler is installed with a mapping, unless it is there, and stays; faults elsewhere go to
 * the one before it. Threads that block SIGBUS must not read these mappings.
 */
#ifndef LEAKHOUND_TARGET_MAPPED_FILE_H
#define LEAKHOUND_TARGET_MAPPED_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Maps the first size bytes of a regular file to read; name is for messages. At most 64 mappings at
 * a time: ERROR_LIMIT. */
struct error *mapped_file_map(int file, uint64_t size, const char *name,
                              const uint8_t **out) ERROR_CHECK;
void mapped_file_unmap(const uint8_t *bytes, uint64_t size); /* NULL is fine */

/* Whether any page of any mapping was ever found missing. One load. */
bool mapped_file_any_lost(void);

/* NULL as long as every page that was looked at in the mapping at bytes was there; else
 * ERROR_FORMAT with the offset of the first look that failed. */
struct error *mapped_file_check(const uint8_t *bytes) ERROR_CHECK;

#endif
