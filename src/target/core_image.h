/*
 * The ELF core of a target as bytes that several threads read at any place, without its ever being
 * in one piece: of a frozen process the core that target/core_write.h writes, of a core its file.
 * The layout is the kernel's (fs/binfmt_elf.c): ELF header, segment headers, notes, then the bytes
 * of the segments, each page-aligned and in ascending order. What the core holds:
 * target/core_plan.h.
 */
#ifndef LEAKHOUND_TARGET_CORE_IMAGE_H
#define LEAKHOUND_TARGET_CORE_IMAGE_H

#include "target/core_plan.h"

/* Zero-initialised it is empty. */
struct core_image {
    struct target *target;
    uint64_t bytes;         /* of the core, holes included */
    uint64_t present_bytes; /* at most so many of them are no zeros */
    /* Of a process only: */
    VECTOR(uint8_t) head;     /* up to the first byte of memory: a whole number of pages */
    VECTOR(uint64_t) offsets; /* of each piece in the core */
    uint64_t threads;         /* whose registers are in it */
    struct core_plan plan;
    struct core_page_maps maps;
};

/* Of a live target that was opened with full_registers and is frozen, or of a core. with_files:
 * private mappings of files whole. The target must be there, and frozen, as long as the image is
 * read. ERROR_USAGE for a live target that is not frozen or has no registers, ERROR_OS when it is
 * gone. Cost: reads smaps and the page map, some 20 ms per GB; 72 bytes per segment. */
struct error *core_image_make(struct target *target, bool with_files,
                              struct core_image *out) ERROR_CHECK;
void core_image_deinit(struct core_image *image);

/*
 * Reads n bytes from offset on, a multiple of the page size, within image->bytes and n at most
 * CORE_PLAN_PAGES_AT_ONCE pages, into buffer. is_data: for each page, also for a last one that is
 * not whole, whether it has anything but zeros. Thread safe. ERROR_OS when the target is gone,
 * ERROR_FORMAT with the offset when a core has become shorter.
 */
struct error *core_image_read(const struct core_image *image, uint64_t offset, uint64_t n,
                              uint8_t *buffer, bool *is_data) ERROR_CHECK;

#endif
