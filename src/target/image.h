/*
 * The executable's ELF and program headers, as far as they say what the program looks like in
 * memory: which machine it is for, where its segments lie, which part of them comes from the file.
 */
#ifndef LEAKHOUND_TARGET_IMAGE_H
#define LEAKHOUND_TARGET_IMAGE_H

#include <elf.h>

#include "base/cursor.h"
#include "base/memory.h"

enum { IMAGE_PAGE = 4096 };

static inline uint64_t page_down(uint64_t address)
{
    return address & ~(uint64_t)(IMAGE_PAGE - 1);
}
/* Saturates at the last page boundary instead of wrapping to 0. */
static inline uint64_t page_up(uint64_t address)
{
    return address > UINT64_MAX - IMAGE_PAGE ? page_down(UINT64_MAX)
                                             : page_down(address + IMAGE_PAGE - 1);
}

struct image {
    const uint8_t *bytes; /* the file, or what of it was given to image_parse */
    uint64_t size;
    bool is_mapped; /* bytes are our mapping: image_close unmaps them */
    Elf64_Ehdr header;
    VECTOR(Elf64_Phdr) segments; /* all program headers; sizes checked not to wrap, no more */
};

/* What the kernel told the program about itself (the auxiliary vector); 0 where it is not known. */
struct auxiliary {
    uint64_t entry; /* AT_ENTRY, load bias included */
    uint64_t phdr;  /* AT_PHDR: address of the program headers */
    uint64_t phnum; /* AT_PHNUM */
};

/* Reads pairs of words up to AT_NULL or the end. */
struct auxiliary auxiliary_parse(const void *bytes, uint64_t size);

/* Checks magic, class, byte order and machine; name is what error messages call the file.
 * ERROR_FORMAT when it is no ELF file, ERROR_UNSUPPORTED for another architecture. */
struct error *elf_check(const void *bytes, uint64_t size, const char *name) ERROR_CHECK;

/* Decodes the headers at the start of bytes, which must outlive the image. */
struct error *image_parse(const void *bytes, uint64_t size, const char *name,
                          struct image *out) ERROR_CHECK;

/* Maps a regular file and parses it; ERROR_OS when it cannot be opened. */
struct error *image_open(const char *path, struct image *out) ERROR_CHECK;

/* Harmless on a zeroed image. */
void image_close(struct image *image);

/* Load bias (0 unless position independent) by the entry point; false when auxiliary does not fit
 * the image, or says nothing and the image is position independent. */
bool image_bias(const struct image *image, const struct auxiliary *auxiliary, uint64_t *out);

/* Whether any page of [start, end) belongs to a loaded segment, bss included. */
bool image_overlaps(const struct image *image, uint64_t bias, uint64_t start, uint64_t end);

#endif
