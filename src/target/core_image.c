#include "target/core_image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <elf.h>

#include "target/core_private.h"
#include "target/core_write_notes.h"
#include "target/image.h"
#include "target/proc.h"

/* -- layout ---------------------------------------------------------------------------------- */

static uint32_t segment_flags(const struct core_plan_piece *piece)
{
    return (piece->readable ? PF_R : 0u) | (piece->writable ? PF_W : 0u) |
           (piece->executable ? PF_X : 0u);
}

/* Lays the core out: what stands before the first byte of memory, rounded up to a page. More than
 * 65,534 segments do not fit into e_phnum; the one section header, which is there only for this,
 * has the number then. */
static struct error *build_head(const struct note_bytes *notes, struct core_image *image)
{
    const struct core_plan *plan = &image->plan;
    uint64_t count = plan->pieces.count + 1;
    bool is_many = count >= PN_XNUM;
    uint64_t table = sizeof(Elf64_Ehdr), section = table + count * sizeof(Elf64_Phdr);
    uint64_t notes_at = section + (is_many ? sizeof(Elf64_Shdr) : 0);
    uint64_t size = page_up(notes_at + notes->bytes.count);
    if (count > UINT32_MAX)
        return error_create(ERROR_LIMIT, "a core cannot have %" PRIu64 " segments", count);
    TRY(vector_reserve(&image->head, size));
    uint8_t *to = image->head.data;
    image->head.count = size;
    memset(to, 0, size);

    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = table,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)(is_many ? PN_XNUM : count),
    };
    if (is_many) {
        Elf64_Shdr first = {.sh_type = SHT_NULL, .sh_size = 1, .sh_info = (Elf64_Word)count};
        header.e_shoff = section;
        header.e_shentsize = sizeof(first);
        header.e_shnum = 1;
        memcpy(to + section, &first, sizeof(first));
    }
    memcpy(to, &header, sizeof(header));
    Elf64_Phdr segment = {
        .p_type = PT_NOTE,
        .p_offset = notes_at,
        .p_filesz = notes->bytes.count,
        .p_align = 4,
    };
    memcpy(to + table, &segment, sizeof(segment));
    uint64_t offset = size;
    TRY(vector_reserve(&image->offsets, plan->pieces.count));
    for (uint64_t i = 0; i < plan->pieces.count; i++) {
        const struct core_plan_piece *piece = &plan->pieces.data[i];
        segment = (Elf64_Phdr){
            .p_type = PT_LOAD,
            .p_flags = segment_flags(piece),
            .p_offset = offset,
            .p_vaddr = piece->start,
            .p_filesz = piece->bytes,
            .p_memsz = piece->end - piece->start,
            .p_align = IMAGE_PAGE,
        };
        memcpy(to + table + (i + 1) * sizeof(segment), &segment, sizeof(segment));
        TRY(vector_push(&image->offsets, offset));
        offset += piece->bytes;
    }
    memcpy(to + notes_at, notes->bytes.data, notes->bytes.count);
    return NULL;
}

static struct error *check_frozen(const struct target *target)
{
    bool has_registers = false;
    if (target->freeze == FREEZE_NONE)
        return error_create(ERROR_USAGE, "a core is written of a process that is held still");
    for (uint64_t i = 0; i < target->threads.count; i++)
        has_registers |= target->threads.data[i].registers != NULL;
    if (!has_registers)
        return error_create(ERROR_USAGE, "a core needs the registers of process %d", target->pid);
    return NULL;
}

static struct error *make_live(bool with_files, struct core_image *image)
{
    struct note_bytes notes CLEANUP_NOTE_BYTES = {0};
    TRY(core_write_notes(image->target, &notes));
    TRY(core_plan_make(image->target, &image->maps, with_files, &image->plan));
    TRY(build_head(&notes, image));
    image->threads = notes.threads;
    image->bytes = image->head.count + image->plan.bytes;
    image->present_bytes = image->head.count + image->plan.present_bytes;
    if (image->bytes > INT64_MAX)
        return error_create(ERROR_LIMIT, "the core would have %" PRIu64 " bytes", image->bytes);
    return NULL;
}

struct error *core_image_make(struct target *target, bool with_files, struct core_image *out)
{
    struct core_image image = {.target = target};
    if (target->kind == TARGET_CORE) {
        image.bytes = image.present_bytes = core_of(target)->size;
        *out = image;
        return NULL;
    }
    TRY(check_frozen(target));
    image.maps = core_page_maps_open(target);
    struct error *error = make_live(with_files, &image);
    if (error) {
        core_image_deinit(&image);
        return error;
    }
    *out = image;
    return NULL;
}

void core_image_deinit(struct core_image *image)
{
    if (image->target && image->target->kind == TARGET_LIVE)
        core_page_maps_close(&image->maps);
    core_plan_deinit(&image->plan);
    vector_deinit(&image->head);
    vector_deinit(&image->offsets);
    *image = (struct core_image){0};
}

/* -- reading --------------------------------------------------------------------------------- */

/* A forked copy has our own code in the padding of its vdso; the process itself never changes it.
 */
static bool read_vdso(const struct target *target, uint64_t address, uint64_t n, uint8_t *buffer)
{
    int memory = open(proc_path(target->pid, "mem").text, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return false;
    ssize_t got = pread(memory, buffer, n, (off_t)address);
    close(memory);
    return got == (ssize_t)n;
}

/* n bytes of a piece: the pages that are there. */
static struct error *read_piece(const struct core_image *image, const struct core_plan_piece *piece,
                                uint64_t address, uint64_t n, uint8_t *buffer, bool *is_data)
{
    uint64_t pages = n / IMAGE_PAGE;
    memset(is_data, 1, pages * sizeof(is_data[0]));
    if (piece->is_vdso && read_vdso(image->target, address, n, buffer))
        return NULL;
    if (piece->by_pages)
        core_plan_present(piece->is_shared ? image->maps.shared : image->maps.own, address, pages,
                          is_data);
    for (uint64_t first = 0; first < pages;) {
        uint64_t end = first + 1;
        while (end < pages && is_data[end] == is_data[first])
            end++;
        uint64_t at = first * IMAGE_PAGE, size = (end - first) * IMAGE_PAGE;
        if (is_data[first])
            TRY(target_read_sparse(image->target, address + at, buffer + at, size));
        else
            memset(buffer + at, 0, size);
        first = end;
    }
    return NULL;
}

/* The last piece that begins at offset or before it and has bytes: there is one. O(log pieces). */
static uint64_t piece_at(const struct core_image *image, uint64_t offset)
{
    uint64_t low = 0, high = image->offsets.count;
    while (high - low > 1) { /* pieces without bytes come before the next one at the same offset */
        uint64_t middle = low + (high - low) / 2;
        if (image->offsets.data[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Some bytes from offset on: as many as one piece has. *out_n: how many. */
static struct error *read_live(const struct core_image *image, uint64_t offset, uint64_t n,
                               uint8_t *buffer, bool *is_data, uint64_t *out_n)
{
    if (offset < image->head.count) {
        *out_n = MIN_OF(n, image->head.count - offset);
        memcpy(buffer, image->head.data + offset, *out_n);
        memset(is_data, 1, *out_n / IMAGE_PAGE * sizeof(is_data[0]));
        return NULL;
    }
    uint64_t number = piece_at(image, offset), within = offset - image->offsets.data[number];
    const struct core_plan_piece *piece = &image->plan.pieces.data[number];
    assert(within < piece->bytes);
    *out_n = MIN_OF(n, piece->bytes - within);
    return read_piece(image, piece, piece->start + within, *out_n, buffer, is_data);
}

/* Holes are not looked at; file systems that do not know them say that all is data. */
static struct error *read_file(const struct core_image *image, uint64_t offset, uint64_t n,
                               uint8_t *buffer, bool *is_data)
{
    int file = core_of(image->target)->file;
    uint64_t pages = (n + IMAGE_PAGE - 1) / IMAGE_PAGE;
    off_t data = lseek(file, (off_t)offset, SEEK_DATA);
    bool is_hole = data < 0 ? errno == ENXIO : (uint64_t)data >= offset + n;
    memset(is_data, !is_hole, pages * sizeof(is_data[0]));
    if (is_hole)
        memset(buffer, 0, n);
    for (uint64_t done = 0; done < n && !is_hole;) {
        ssize_t got = pread(file, buffer + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read the core at offset %" PRIu64, offset + done);
        if (got == 0)
            return error_format(offset + done,
                                "the core ends at offset %" PRIu64 " while it is read",
                                offset + done);
        done += (uint64_t)got;
    }
    return NULL;
}

/* The second comparison is each byte with the one before it: all are like the first. */
static bool is_zero(const uint8_t *page, uint64_t n)
{
    return !page[0] && memcmp(page, page + 1, n - 1) == 0;
}

struct error *core_image_read(const struct core_image *image, uint64_t offset, uint64_t n,
                              uint8_t *buffer, bool *is_data)
{
    assert(offset % IMAGE_PAGE == 0 && offset <= image->bytes && n <= image->bytes - offset);
    assert(n <= (uint64_t)CORE_PLAN_PAGES_AT_ONCE * IMAGE_PAGE);
    if (image->target->kind == TARGET_CORE)
        TRY(read_file(image, offset, n, buffer, is_data));
    for (uint64_t done = 0, part; done < n && image->target->kind == TARGET_LIVE; done += part)
        TRY(read_live(image, offset + done, n - done, buffer + done, is_data + done / IMAGE_PAGE,
                      &part));
    for (uint64_t at = 0; at < n; at += IMAGE_PAGE)
        if (is_data[at / IMAGE_PAGE])
            is_data[at / IMAGE_PAGE] = !is_zero(buffer + at, MIN_OF(n - at, (uint64_t)IMAGE_PAGE));
    return NULL;
}
