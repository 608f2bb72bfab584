#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "target/core_private.h"

/* A reason why the image is not the program of the core, for the error message. */
struct mismatch {
    char text[160];
};

enum { NOTE_MAX_BYTES = 64 << 10 };

/* What strip changes does not count: the section headers. */
static bool same_header(const Elf64_Ehdr *a, const Elf64_Ehdr *b)
{
    return a->e_type == b->e_type && a->e_machine == b->e_machine && a->e_entry == b->e_entry &&
           a->e_phoff == b->e_phoff && a->e_phnum == b->e_phnum;
}

static bool same_load(const Elf64_Phdr *a, const Elf64_Phdr *b)
{
    return a->p_type == b->p_type && a->p_flags == b->p_flags && a->p_vaddr == b->p_vaddr &&
           a->p_memsz == b->p_memsz && a->p_filesz == b->p_filesz;
}

/* Compares the image's headers with those in the core's memory, when the page with them is there
 * (it is by default: bit 4 of coredump_filter). *out_compared tells whether it was. */
static bool compare_headers(const struct core *core, const struct image *image, uint64_t bias,
                            bool *out_compared, struct mismatch *why)
{
    *out_compared = false;
    for (uint64_t i = 0; i < image->segments.count; i++) {
        const Elf64_Phdr *load = &image->segments.data[i];
        if (load->p_type != PT_LOAD || load->p_offset != 0)
            continue;
        const void *bytes = core_memory_view(&core->memory, load->p_vaddr + bias, IMAGE_PAGE);
        if (!bytes)
            return true;
        struct image loaded;
        CLEANUP_ERROR struct error *error =
            image_parse(bytes, IMAGE_PAGE, "the core's copy", &loaded);
        if (error) {
            snprintf(why->text, sizeof(why->text), "the core has no ELF header at 0x%" PRIx64,
                     load->p_vaddr + bias);
            return false;
        }
        *out_compared = true;
        bool same = same_header(&image->header, &loaded.header);
        for (uint64_t j = 0; same && j < image->segments.count; j++)
            if (image->segments.data[j].p_type == PT_LOAD)
                same = same_load(&image->segments.data[j], &loaded.segments.data[j]);
        vector_deinit(&loaded.segments);
        if (!same)
            snprintf(why->text, sizeof(why->text), "the program headers differ");
        return same;
    }
    return true;
}

/* Compares the notes, GNU's and Go's build ids among them, where the core has them. */
static bool compare_notes(const struct core *core, const struct image *image, uint64_t bias,
                          struct mismatch *why)
{
    for (uint64_t i = 0; i < image->segments.count; i++) {
        const Elf64_Phdr *note = &image->segments.data[i];
        if (note->p_type != PT_NOTE || !note->p_filesz || note->p_filesz > NOTE_MAX_BYTES ||
            note->p_offset > image->size || note->p_filesz > image->size - note->p_offset)
            continue;
        const void *loaded = core_memory_view(&core->memory, note->p_vaddr + bias, note->p_filesz);
        if (loaded && memcmp(loaded, image->bytes + note->p_offset, note->p_filesz) != 0) {
            snprintf(why->text, sizeof(why->text), "the build ids differ");
            return false;
        }
    }
    return true;
}

static bool is_mapped(const struct core *core, uint64_t start, uint64_t end)
{
    for (uint64_t i = 0; i < core->loads.count && start < end; i++) {
        const Elf64_Phdr *load = &core->loads.data[i];
        if (start >= load->p_vaddr && start < load->p_vaddr + load->p_memsz)
            start = load->p_vaddr + load->p_memsz;
    }
    return start >= end;
}

/* Without the headers: every segment must have its mapping (from the right place in the file, when
 * the core tells), writable ones all of their memory. */
static bool compare_layout(const struct core *core, const struct image *image, uint64_t bias,
                           struct mismatch *why)
{
    for (uint64_t i = 0; i < image->segments.count; i++) {
        const Elf64_Phdr *load = &image->segments.data[i];
        if (load->p_type != PT_LOAD || !load->p_memsz)
            continue;
        uint64_t start = load->p_vaddr + bias;
        const struct core_mapping *mapping = core_mapping_at(&core->notes, start);
        uint64_t offset = mapping ? mapping->file_offset + (page_down(start) - mapping->start) : 0;
        bool fits = !core->notes.has_mappings || !load->p_filesz ||
                    (mapping && offset == page_down(load->p_offset));
        if (load->p_flags & PF_W)
            fits = fits && is_mapped(core, page_down(start), start + load->p_memsz);
        if (!fits) {
            snprintf(why->text, sizeof(why->text),
                     "its segment of %" PRIu64 " bytes at 0x%" PRIx64 " is not in the core",
                     (uint64_t)load->p_memsz, start);
            return false;
        }
    }
    return true;
}

static bool is_same_program(const struct core *core, const struct image *image, uint64_t *out_bias,
                            struct mismatch *why)
{
    uint64_t bias;
    bool compared;
    if (!image_bias(image, &core->notes.auxiliary, &bias)) {
        snprintf(why->text, sizeof(why->text), "%s",
                 core->notes.auxiliary.entry ? "the entry points differ"
                                             : "the core does not say where it was loaded");
        return false;
    }
    if (!compare_headers(core, image, bias, &compared, why) ||
        !compare_notes(core, image, bias, why))
        return false;
    if (!compared && !compare_layout(core, image, bias, why))
        return false;
    *out_bias = bias;
    return true;
}

/* The pages that the kernel mapped from the file: whole ones, as far as the file goes. */
static struct error *lay_under(struct core *core)
{
    for (uint64_t i = 0; i < core->image.segments.count; i++) {
        const Elf64_Phdr *load = &core->image.segments.data[i];
        if (load->p_type != PT_LOAD || !load->p_filesz)
            continue;
        uint64_t start = page_down(load->p_vaddr + core->bias);
        uint64_t offset = page_down(load->p_offset);
        if (offset >= core->image.size || load->p_offset % IMAGE_PAGE != load->p_vaddr % IMAGE_PAGE)
            continue;
        uint64_t size = page_up(load->p_offset + load->p_filesz) - offset;
        size = MIN_OF(size, core->image.size - offset);
        if (size > UINT64_MAX - start)
            continue;
        TRY(core_memory_fill(&core->memory, start, start + size, core->image.bytes + offset));
    }
    return NULL;
}

/* How many bytes of the executable's mappings the core leaves out. */
static uint64_t missing_bytes(const struct core *core, const char *path)
{
    uint64_t missing = 0;
    for (uint64_t i = 0; i < core->notes.mappings.count; i++) {
        const struct core_mapping *mapping = &core->notes.mappings.data[i];
        if (strcmp(mapping->path, path) == 0)
            missing += core_memory_missing(&core->memory, mapping->start, mapping->end);
    }
    return missing;
}

/* Without the file, the headers in the core's memory still tell which segments are its own. */
static void use_headers_in_core(struct core *core)
{
    uint64_t address = page_down(core->notes.auxiliary.phdr);
    const void *bytes = address ? core_memory_view(&core->memory, address, IMAGE_PAGE) : NULL;
    struct image image;
    if (!bytes)
        return;
    CLEANUP_ERROR struct error *error = image_parse(bytes, IMAGE_PAGE, "the core's copy", &image);
    if (error)
        return;
    core->image = image;
    core->has_image = image_bias(&image, &core->notes.auxiliary, &core->bias);
}

/* A copy of path without the mark that /proc gives to files that were removed: a file of that name
 * may be there again, and the comparison tells whether it is the same. */
static struct error *copy_path(const char *path, char **out)
{
    static const char deleted[] = " (deleted)";
    size_t length = strlen(path), tail = sizeof(deleted) - 1;
    if (length > tail && strcmp(path + length - tail, deleted) == 0)
        length -= tail;
    char *copy = strndup(path, length);
    if (!copy)
        return error_memory(length);
    *out = copy;
    return NULL;
}

static struct error *wrong_executable(const char *path, const struct mismatch *why)
{
    return error_format(0,
                        "%s is not the executable that wrote this core (%s); give the right one "
                        "with --exe",
                        path, why->text);
}

/* Opens path and takes it when it is the same program. */
static struct error *take_executable(struct target *target, struct core *core, const char *path)
{
    struct image image;
    struct mismatch why;
    TRY(image_open(path, &image));
    if (!is_same_program(core, &image, &core->bias, &why)) {
        image_close(&image);
        return wrong_executable(path, &why);
    }
    core->image = image;
    core->has_image = true;
    TRY(copy_path(path, &target->exe_open_path));
    return lay_under(core);
}

struct error *core_find_executable(struct target *target, struct core *core, const char *given)
{
    const char *noted = core_notes_executable(&core->notes);
    if (noted || given || core->notes.name[0])
        TRY(copy_path(noted ? noted : given ? given : core->notes.name, &target->exe_path));
    if (given)
        return take_executable(target, core, given);
    if (!noted)
        return NULL;
    struct error *error = take_executable(target, core, target->exe_path);
    if (!error)
        return NULL;
    if (core->has_image || error->kind == ERROR_LIMIT)
        return error;
    uint64_t missing = missing_bytes(core, noted);
    if (!missing) {
        error_destroy(error);
        use_headers_in_core(core);
        return NULL;
    }
    return error_wrap(error,
                      "the core leaves out %" PRIu64
                      " KiB of the executable, which must be given with --exe",
                      missing >> 10);
}
