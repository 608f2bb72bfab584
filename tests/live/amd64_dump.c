/*
 * How leakhound decodes machine code, for tests/live/test_amd64.py: for every instruction of the
 * code section of an executable a line "address length", then for calls, jumps and branches " to
 * address", for operands relative to rip " at address".
 *   amd64_dump FILE
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binary/amd64.h"
#include "target/image.h"

static void dump(const uint8_t *bytes, uint64_t size, uint64_t address)
{
    struct amd64_instruction i;
    for (uint64_t at = 0; at < size;) {
        bool fine = amd64_decode(bytes + at, size - at, address + at, &i);
        printf("%" PRIx64 " %u", address + at, fine ? i.length : 0);
        if (fine &&
            (i.operation == AMD64_CALL || i.operation == AMD64_JUMP || i.operation == AMD64_BRANCH))
            printf(" to %" PRIx64, (uint64_t)i.immediate);
        if (fine && i.base == AMD64_RIP)
            printf(" at %" PRIx64, (uint64_t)i.displacement);
        putchar('\n');
        at += fine ? i.length : 1;
    }
}

static const Elf64_Shdr *find_text(const struct image *image)
{
    const Elf64_Ehdr *h = &image->header;
    if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shoff % 8 || h->e_shstrndx >= h->e_shnum ||
        h->e_shoff > image->size || (image->size - h->e_shoff) / sizeof(Elf64_Shdr) < h->e_shnum)
        return NULL;
    const Elf64_Shdr *sections = (const void *)(image->bytes + h->e_shoff);
    uint64_t names = sections[h->e_shstrndx].sh_offset;
    for (unsigned i = 0; i < h->e_shnum; i++) {
        uint64_t name = names + sections[i].sh_name;
        if (name + 6 <= image->size && !memcmp(image->bytes + name, ".text", 6) &&
            sections[i].sh_offset <= image->size &&
            sections[i].sh_size <= image->size - sections[i].sh_offset)
            return &sections[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct image image = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: amd64_dump FILE\n");
        return 2;
    }
    struct error *error CLEANUP_ERROR = image_open(argv[1], &image);
    const Elf64_Shdr *text = error ? NULL : find_text(&image);
    if (text)
        dump(image.bytes + text->sh_offset, text->sh_size, text->sh_addr);
    image_close(&image);
    return text ? 0 : 1;
}
