#include "target/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/mapped_file.h"

struct auxiliary auxiliary_parse(const void *bytes, uint64_t size)
{
    struct auxiliary auxiliary = {0};
    struct cursor c = cursor_make(bytes, size);
    for (;;) {
        uint64_t type = cursor_u64(&c), value = cursor_u64(&c);
        if (cursor_failed(&c) || type == AT_NULL)
            return auxiliary;
        if (type == AT_ENTRY)
            auxiliary.entry = value;
        else if (type == AT_PHDR)
            auxiliary.phdr = value;
        else if (type == AT_PHNUM)
            auxiliary.phnum = value;
    }
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386:
        return "386";
    case EM_ARM:
        return "arm";
    case EM_AARCH64:
        return "arm64";
    case EM_RISCV:
        return "riscv64";
    case EM_PPC64:
        return "ppc64";
    case EM_S390:
        return "s390x";
    case EM_MIPS:
        return "mips";
    default:
        return NULL;
    }
}

struct error *elf_check(const void *bytes, uint64_t size, const char *name)
{
    const uint8_t *ident = bytes;
    if (size < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return error_format(0, "%s is not an ELF file", name);
    if (ident[EI_CLASS] == ELFCLASS32)
        return error_create(ERROR_UNSUPPORTED, "%s is a 32-bit program; only amd64 is supported",
                            name);
    if (ident[EI_CLASS] != ELFCLASS64)
        return error_format(EI_CLASS, "%s has an unknown ELF class %u", name, ident[EI_CLASS]);
    if (ident[EI_DATA] != ELFDATA2LSB)
        return error_create(ERROR_UNSUPPORTED,
                            "%s is a big-endian program; only amd64 is supported", name);
    if (size < sizeof(Elf64_Ehdr))
        return error_format(size, "%s ends within its ELF header", name);
    Elf64_Ehdr header;
    memcpy(&header, bytes, sizeof(header));
    if (header.e_machine != EM_X86_64) {
        const char *machine = machine_name(header.e_machine);
        if (machine)
            return error_create(ERROR_UNSUPPORTED, "%s is for %s; only amd64 is supported", name,
                                machine);
        return error_create(ERROR_UNSUPPORTED,
                            "%s is for ELF machine %u; only amd64 (62) is supported", name,
                            header.e_machine);
    }
    return NULL;
}

struct error *image_parse(const void *bytes, uint64_t size, const char *name, struct image *out)
{
    struct image image = {.bytes = bytes, .size = size};
    TRY(elf_check(bytes, size, name));
    memcpy(&image.header, bytes, sizeof(image.header));
    const Elf64_Ehdr *header = &image.header;
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return error_format(16, "%s is not an executable (ELF type %u)", name, header->e_type);
    if (header->e_phentsize != sizeof(Elf64_Phdr))
        return error_format(54, "%s has program headers of %u bytes", name, header->e_phentsize);
    uint64_t table = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
    if (header->e_phoff > size || table > size - header->e_phoff)
        return error_format(header->e_phoff, "%s ends within its program headers", name);
    TRY(vector_reserve(&image.segments, header->e_phnum));
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        uint64_t at = header->e_phoff + i * sizeof(segment), end;
        memcpy(&segment, image.bytes + at, sizeof(segment));
        if (__builtin_add_overflow(segment.p_vaddr, segment.p_memsz, &end) ||
            __builtin_add_overflow(segment.p_offset, segment.p_filesz, &end) ||
            (segment.p_type == PT_LOAD && segment.p_filesz > segment.p_memsz)) {
            vector_deinit(&image.segments);
            return error_format(at, "%s has an impossible program header %u", name, i);
        }
        image.segments.data[image.segments.count++] = segment;
    }
    *out = image;
    return NULL;
}

/* Size of a regular file that fits in memory. Looked at before it is opened: a core may name a
 * device or a pipe, whose opening alone could block or do something. */
static struct error *map_file(const char *path, const uint8_t **out_bytes, uint64_t *out_size)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return error_os(errno, "cannot open %s", path);
    if (!S_ISREG(status.st_mode))
        return error_create(ERROR_OS, "%s is not a regular file", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_os(errno, "cannot open %s", path);
    struct error *error = NULL;
    if (fstat(fd, &status) < 0)
        error = error_os(errno, "cannot map %s", path);
    else if (status.st_size <= 0)
        error = error_format(0, "%s is empty", path);
    else
        error = mapped_file_map(fd, (uint64_t)status.st_size, path, out_bytes);
    close(fd);
    TRY(error);
    *out_size = (uint64_t)status.st_size;
    return NULL;
}

struct error *image_open(const char *path, struct image *out)
{
    const uint8_t *bytes = NULL;
    uint64_t size = 0;
    struct image image;
    TRY(map_file(path, &bytes, &size));
    struct error *error = image_parse(bytes, size, path, &image);
    if (error) {
        mapped_file_unmap(bytes, size);
        return error;
    }
    image.is_mapped = true;
    *out = image;
    return NULL;
}

void image_close(struct image *image)
{
    vector_deinit(&image->segments);
    if (image->is_mapped)
        mapped_file_unmap(image->bytes, image->size);
    *image = (struct image){0};
}

bool image_bias(const struct image *image, const struct auxiliary *auxiliary, uint64_t *out)
{
    uint64_t bias = 0;
    if (image->header.e_type == ET_DYN) {
        if (!auxiliary->entry)
            return false;
        bias = auxiliary->entry - image->header.e_entry;
    } else if (auxiliary->entry && auxiliary->entry != image->header.e_entry) {
        return false;
    }
    if (bias % IMAGE_PAGE != 0)
        return false;
    if (auxiliary->phnum && auxiliary->phnum != image->header.e_phnum)
        return false;
    *out = bias;
    return true;
}

bool image_overlaps(const struct image *image, uint64_t bias, uint64_t start, uint64_t end)
{
    for (uint64_t i = 0; i < image->segments.count; i++) {
        const Elf64_Phdr *segment = &image->segments.data[i];
        if (segment->p_type != PT_LOAD || !segment->p_memsz)
            continue;
        uint64_t low = page_down(segment->p_vaddr + bias);
        uint64_t high = page_up(segment->p_vaddr + segment->p_memsz + bias);
        if (start < high && low < end)
            return true;
    }
    return false;
}
