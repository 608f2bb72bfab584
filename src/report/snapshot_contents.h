/*
 * The contents of the memory in a snapshot: the ELF core of the target (target/core_image.h) as the
 * optional chunk CORE. Only where the user asks for it: it holds all that the program knew.
 */
#ifndef LEAKHOUND_REPORT_SNAPSHOT_CONTENTS_H
#define LEAKHOUND_REPORT_SNAPSHOT_CONTENTS_H

#include "graph/snapshot_file.h"
#include "report/snapshot.h"

struct core_image;

/* Writes the core, read block by block by the writer's threads; pages of zeros take a bit. Memory:
 * the writer's. Errors: those of core_image_read and of the writer. */
struct error *snapshot_write_contents(struct snapshot_writer *writer,
                                      const struct core_image *image) ERROR_CHECK;

struct snapshot_core {
    uint64_t file_bytes; /* holes included */
    uint64_t disk_bytes; /* what it takes on the disk; 0 when it got no holes */
};

/*
 * Writes the core that is in the snapshot to a descriptor, which stays the caller's; name is what
 * messages call it. An empty regular file becomes as sparse as the core was, written by all threads
 * of the snapshot; anything else is written from front to back, zeros included. ERROR_USAGE when
 * the snapshot has no contents, ERROR_FORMAT with the offset for a damaged block, ERROR_OS when it
 * cannot be written or the disk clearly has too little room. Memory: 8 MiB a thread.
 */
struct error *snapshot_extract_core(struct snapshot *snapshot, int descriptor, const char *name,
                                    struct snapshot_core *out) ERROR_CHECK;

#endif
