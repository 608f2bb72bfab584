#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/core_private.h"
#include "target/mapped_file.h"

static struct error *core_check(struct target *target)
{
    const struct core *core = core_of(target);
    if (!mapped_file_any_lost())
        return NULL;
    TRY(mapped_file_check(core->bytes));
    return core->image.is_mapped ? mapped_file_check(core->image.bytes) : NULL;
}

static struct error *core_read(struct target *target, uint64_t address, void *buffer, uint64_t n)
{
    uint64_t done;
    core_memory_read(&core_of(target)->memory, address, buffer, n, &done);
    TRY(core_check(target));
    if (done == n)
        return NULL;
    return error_fault(address + done, "the core has no memory at 0x%" PRIx64, address + done);
}

static struct error *core_read_sparse(struct target *target, uint64_t address, void *buffer,
                                      uint64_t n)
{
    core_memory_read_sparse(&core_of(target)->memory, address, buffer, n);
    return core_check(target);
}

static const void *core_view(struct target *target, uint64_t address, uint64_t n)
{
    return core_memory_view(&core_of(target)->memory, address, n);
}

static void core_destroy(struct target *target)
{
    struct core *core = core_of(target);
    vector_deinit(&core->loads);
    core_notes_deinit(&core->notes);
    core_memory_deinit(&core->memory);
    image_close(&core->image);
    mapped_file_unmap(core->bytes, core->size);
    if (core->file >= 0)
        close(core->file);
    free(core);
}

static const struct target_source core_source = {
    .read = core_read,
    .read_sparse = core_read_sparse,
    .check = core_check,
    .view = core_view,
    .destroy = core_destroy,
};

/* How a file that is no core may be told from a damaged one. */
static struct error *explain_other_file(const uint8_t *bytes, uint64_t size, const char *path)
{
    static const struct {
        const char *magic, *name, *command;
    } compressions[] = {
        {"\x28\xb5\x2f\xfd", "zstd", "zstd -d"},
        {"\x1f\x8b\x08", "gzip", "gunzip"},
        {"\xfd\x37zXZ", "xz", "unxz"},
        {"\x04\x22\x4d\x18", "lz4", "lz4 -d"},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(compressions); i++) {
        uint64_t length = strlen(compressions[i].magic);
        if (size >= length && memcmp(bytes, compressions[i].magic, length) == 0)
            return error_create(ERROR_UNSUPPORTED,
                                "%s is compressed with %s: decompress it first (%s)", path,
                                compressions[i].name, compressions[i].command);
    }
    return error_format(0, "%s is not a core file", path);
}

static struct error *map_core(struct target *target, struct core *core, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_os(errno, "cannot open %s", path);
    struct stat status;
    struct error *error = NULL;
    if (fstat(fd, &status) < 0)
        error = error_os(errno, "cannot open %s", path);
    else if (!S_ISREG(status.st_mode))
        error = error_create(ERROR_OS, "%s is not a regular file", path);
    else if (status.st_size <= 0)
        error = error_format(0, "%s is empty", path);
    if (!error) {
        error = mapped_file_map(fd, (uint64_t)status.st_size, path, &core->bytes);
    }
    if (!error) {
        core->size = (uint64_t)status.st_size;
        target_set_time(target, status.st_mtime);
    }
    core->file = fd;
    return error;
}

static struct error *check_header(const struct core *core, const char *path, Elf64_Ehdr *out)
{
    if (core->size < SELFMAG || memcmp(core->bytes, ELFMAG, SELFMAG) != 0)
        return explain_other_file(core->bytes, core->size, path);
    TRY(elf_check(core->bytes, core->size, path));
    memcpy(out, core->bytes, sizeof(*out));
    if (out->e_type == ET_EXEC || out->e_type == ET_DYN)
        return error_create(ERROR_USAGE,
                            "%s is an executable, not a core: give a pid or a core file", path);
    if (out->e_type != ET_CORE)
        return error_format(16, "%s is not a core file (ELF type %u)", path, out->e_type);
    if (out->e_phentsize != sizeof(Elf64_Phdr))
        return error_format(54, "the core has program headers of %u bytes, not %zu",
                            out->e_phentsize, sizeof(Elf64_Phdr));
    return NULL;
}

/* More than 65,534 segments do not fit into e_phnum; section header 0 has the number then. */
static struct error *segment_count(const struct core *core, const Elf64_Ehdr *header, uint64_t *out)
{
    *out = header->e_phnum;
    if (header->e_phnum != PN_XNUM)
        return NULL;
    Elf64_Shdr section;
    if (header->e_shoff > core->size || core->size - header->e_shoff < sizeof(section))
        return error_format(header->e_shoff,
                            "the core is damaged: the number of its segments is not in the file");
    memcpy(&section, core->bytes + header->e_shoff, sizeof(section));
    *out = section.sh_info;
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const Elf64_Phdr *x = a, *y = b;
    return x->p_vaddr < y->p_vaddr ? -1 : x->p_vaddr > y->p_vaddr;
}

/* Checks a segment on its own; *largest grows to the end of its bytes in the file. */
static struct error *check_segment(const Elf64_Phdr *segment, uint64_t at, uint64_t *largest)
{
    uint64_t end;
    if (__builtin_add_overflow(segment->p_offset, segment->p_filesz, &end))
        return error_format(at, "a segment of the core lies at an impossible offset");
    *largest = MAX_OF(*largest, end);
    if (segment->p_type == PT_LOAD &&
        (__builtin_add_overflow(segment->p_vaddr, segment->p_memsz, &end) ||
         segment->p_filesz > segment->p_memsz))
        return error_format(at, "the segment at 0x%" PRIx64 " of the core has an impossible size",
                            (uint64_t)segment->p_vaddr);
    return NULL;
}

static struct error *parse_segments(struct core *core, const Elf64_Ehdr *header)
{
    uint64_t count, largest = 0, table = header->e_phoff;
    TRY(segment_count(core, header, &count));
    if (table > core->size || count > (core->size - table) / sizeof(Elf64_Phdr))
        return error_format(core->size,
                            "the core is truncated: its %" PRIu64
                            " segment headers reach beyond its %" PRIu64 " bytes",
                            count, core->size);
    TRY(vector_reserve(&core->loads, count));
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Phdr segment;
        uint64_t at = table + i * sizeof(segment);
        memcpy(&segment, core->bytes + at, sizeof(segment));
        TRY(check_segment(&segment, at, &largest));
        if (segment.p_type == PT_LOAD && segment.p_memsz)
            core->loads.data[core->loads.count++] = segment;
    }
    if (largest > core->size)
        return error_format(core->size,
                            "the core is truncated: %" PRIu64 " bytes of %" PRIu64
                            " are there (was the disk full, or is RLIMIT_CORE too small?)",
                            core->size, largest);
    qsort(core->loads.data, core->loads.count, sizeof(core->loads.data[0]), by_address);
    for (uint64_t i = 1; i < core->loads.count; i++) {
        const Elf64_Phdr *before = &core->loads.data[i - 1], *load = &core->loads.data[i];
        if (load->p_vaddr < before->p_vaddr + before->p_memsz)
            return error_format(table, "the core is damaged: segments overlap at 0x%" PRIx64,
                                (uint64_t)load->p_vaddr);
    }
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, core->bytes + table + i * sizeof(segment), sizeof(segment));
        if (segment.p_type == PT_NOTE)
            TRY(core_notes_parse(&core->notes, core->bytes + segment.p_offset, segment.p_filesz,
                                 segment.p_offset));
    }
    return NULL;
}

/* The kernel leaves out private memory that was never written, like what its filter excludes: both
 * have no bytes. The filter is the same for all, so when other writable memory that no file is
 * behind is there, these were never written and are zero. */
static bool is_unwritten(const struct core *core, const Elf64_Phdr *load)
{
    return core->notes.has_mappings && load->p_filesz == 0 && (load->p_flags & PF_R) &&
           !core_mapping_overlaps(&core->notes, load->p_vaddr, load->p_vaddr + load->p_memsz);
}

static struct error *build_memory(struct core *core)
{
    bool has_writable = false;
    for (uint64_t i = 0; i < core->loads.count; i++) {
        const Elf64_Phdr *load = &core->loads.data[i];
        has_writable |= load->p_filesz && (load->p_flags & PF_W);
        TRY(core_memory_add(&core->memory, load->p_vaddr, load->p_vaddr + load->p_filesz,
                            core->bytes + load->p_offset));
    }
    if (!has_writable)
        return error_create(ERROR_FORMAT,
                            "the core holds no writable memory, so no heap: write it with "
                            "0x33 in /proc/PID/coredump_filter");
    for (uint64_t i = 0; i < core->loads.count; i++) {
        const Elf64_Phdr *load = &core->loads.data[i];
        if (is_unwritten(core, load))
            TRY(core_memory_add(&core->memory, load->p_vaddr, load->p_vaddr + load->p_memsz, NULL));
    }
    core_memory_sort(&core->memory);
    return NULL;
}

static struct target_segment load_segment(const struct core *core, const Elf64_Phdr *load)
{
    struct target_segment segment = {
        .start = load->p_vaddr,
        .end = load->p_vaddr + load->p_memsz,
        .readable = load->p_flags & PF_R,
        .writable = load->p_flags & PF_W,
        .executable = load->p_flags & PF_X,
        .path = "",
    };
    const struct core_mapping *mapping = core_mapping_at(&core->notes, segment.start);
    if (mapping) {
        segment.path = mapping->path;
        segment.file_offset = mapping->file_offset + (segment.start - mapping->start);
    }
    if (core->has_image)
        segment.from_executable =
            image_overlaps(&core->image, core->bias, segment.start, segment.end);
    return segment;
}

/* gcore leaves some mappings of the executable out altogether: they come from its program headers.
 * first and last are page boundaries with no segment of the core between them. */
static struct error *add_missing(struct target *target, const struct core *core, uint64_t first,
                                 uint64_t last)
{
    for (uint64_t i = 0; core->has_image && i < core->image.segments.count; i++) {
        const Elf64_Phdr *load = &core->image.segments.data[i];
        if (load->p_type != PT_LOAD || !load->p_memsz)
            continue;
        uint64_t low = page_down(load->p_vaddr + core->bias);
        uint64_t high = page_up(load->p_vaddr + load->p_memsz + core->bias);
        struct target_segment segment = {
            .start = MAX_OF(low, first),
            .end = MIN_OF(high, last),
            .readable = load->p_flags & PF_R,
            .writable = load->p_flags & PF_W,
            .executable = load->p_flags & PF_X,
            .from_executable = true,
            .path = target->exe_path ? target->exe_path : "",
        };
        if (segment.start >= segment.end)
            continue;
        segment.file_offset = page_down(load->p_offset) + (segment.start - low);
        first = segment.end; /* hostile headers may overlap, and come in any order */
        TRY(vector_push(&target->segments, segment));
    }
    return NULL;
}

static struct error *build_segments(struct target *target, const struct core *core)
{
    uint64_t first = 0;
    for (uint64_t i = 0; i < core->loads.count; i++) {
        struct target_segment segment = load_segment(core, &core->loads.data[i]);
        TRY(add_missing(target, core, first, segment.start));
        TRY(vector_push(&target->segments, segment));
        first = segment.end;
    }
    return add_missing(target, core, first, UINT64_MAX);
}

static struct error *load_core(struct target *target, struct core *core, const char *path,
                               const char *exe)
{
    Elf64_Ehdr header;
    TRY(map_core(target, core, path));
    TRY(check_header(core, path, &header));
    TRY(parse_segments(core, &header));
    TRY(build_memory(core));
    target->pid = core->notes.pid;
    TRY(core_find_executable(target, core, exe));
    TRY(build_segments(target, core));
    for (uint64_t i = 0; i < core->notes.threads.count; i++)
        TRY(vector_push(&target->threads, core->notes.threads.data[i]));
    return core_check(target);
}

struct error *target_open_core(const char *path, const struct target_options *options,
                               struct target **out)
{
    struct core *core;
    struct target *target;
    TRY(memory_array(1, sizeof(*core), &core));
    core->common.source = &core_source;
    core->file = -1;
    struct error *error = target_create(TARGET_CORE, &core->common, &target);
    if (error) {
        free(core);
        return error;
    }
    target->freeze = FREEZE_NONE;
    error = load_core(target, core, path, options ? options->exe : NULL);
    if (error) {
        target_destroy(target);
        return error;
    }
    *out = target;
    return NULL;
}
