#include "target/core_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <elf.h>

#include "target/core_copy.h"
#include "target/core_plan.h"
#include "target/core_write_notes.h"
#include "target/image.h"

/* The file up to the first byte of memory. */
struct head {
    VECTOR(uint8_t) bytes;
};

static uint32_t segment_flags(const struct core_plan_piece *piece)
{
    return (piece->readable ? PF_R : 0u) | (piece->writable ? PF_W : 0u) |
           (piece->executable ? PF_X : 0u);
}

/* Lays the file out; *out_size is the size of what stands before the first byte of memory, rounded
 * up to a page. More than 65,534 segments do not fit into e_phnum; the one section header, which is
 * there only for this, has the number then. */
static struct error *build_head(const struct core_plan *plan, const struct note_bytes *notes,
                                struct head *out)
{
    uint64_t count = plan->pieces.count + 1;
    bool is_many = count >= PN_XNUM;
    uint64_t table = sizeof(Elf64_Ehdr), section = table + count * sizeof(Elf64_Phdr);
    uint64_t notes_at = section + (is_many ? sizeof(Elf64_Shdr) : 0);
    uint64_t size = page_up(notes_at + notes->bytes.count);
    if (count > UINT32_MAX)
        return error_create(ERROR_LIMIT, "a core cannot have %" PRIu64 " segments", count);
    TRY(vector_reserve(&out->bytes, size));
    uint8_t *to = out->bytes.data;
    out->bytes.count = size;
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
        offset += piece->bytes;
    }
    memcpy(to + notes_at, notes->bytes.data, notes->bytes.count);
    return NULL;
}

/* Filling a disk to its last byte and failing then would harm more than us. */
static struct error *check_room(int file, const char *name, uint64_t bytes)
{
    struct statvfs disk;
    if (fstatvfs(file, &disk) != 0)
        return NULL; /* the writes will tell */
    uint64_t blocks = geteuid() == 0 ? disk.f_bfree : disk.f_bavail, room;
    if (__builtin_mul_overflow(blocks, (uint64_t)disk.f_frsize, &room) || bytes <= room)
        return NULL;
    return error_os(ENOSPC,
                    "cannot write %s: the core needs up to %" PRIu64
                    " MiB, and the disk has %" PRIu64 " MiB",
                    name, (bytes >> 20) + 1, room >> 20);
}

static struct error *write_parts(struct target *target, const struct core_write_options *options,
                                 struct core_copy *copy, struct core_written *out)
{
    struct note_bytes notes CLEANUP_NOTE_BYTES = {0};
    struct head head = {0};
    TRY(core_write_notes(target, &notes));
    TRY(core_plan_make(target, &copy->maps, options->with_files, &copy->plan));
    struct error *error = build_head(&copy->plan, &notes, &head);
    copy->offset = head.bytes.count;
    uint64_t size = copy->offset + copy->plan.bytes;
    if (!error && size > INT64_MAX)
        error = error_create(ERROR_LIMIT, "the core would have %" PRIu64 " bytes", size);
    if (!error && copy->is_sparse)
        error = check_room(copy->file, copy->name, copy->offset + copy->plan.present_bytes);
    if (!error && copy->is_sparse && ftruncate(copy->file, (off_t)size) != 0)
        error = error_os(errno, "cannot write %s", copy->name);
    if (!error)
        error = core_copy_write(copy, 0, head.bytes.data, head.bytes.count);
    vector_deinit(&head.bytes);
    if (!error)
        error = core_copy_run(target, options, copy);
    if (error)
        return error;
    *out = (struct core_written){
        .file_bytes = size,
        .copied_bytes = copy->copied_bytes,
        .threads = notes.threads,
        .segments = copy->plan.pieces.count,
    };
    return NULL;
}

/* Standard output may be a file that has bytes already. */
static bool can_have_holes(int file, const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_size == 0 && lseek(file, 0, SEEK_CUR) == 0 &&
           !(fcntl(file, F_GETFL) & O_APPEND);
}

struct error *core_write(struct target *target, const struct core_write_options *options, int file,
                         const char *name, struct core_written *out)
{
    if (target->kind != TARGET_LIVE || target->freeze == FREEZE_NONE)
        return error_create(ERROR_USAGE, "a core is written of a process that is held still");
    bool has_registers = false;
    for (uint64_t i = 0; i < target->threads.count; i++)
        has_registers |= target->threads.data[i].registers != NULL;
    if (!has_registers)
        return error_create(ERROR_USAGE, "a core needs the registers of process %d", target->pid);
    struct stat status;
    if (fstat(file, &status) != 0)
        return error_os(errno, "cannot write %s", name);
    struct core_copy copy = {
        .file = file,
        .name = name,
        .maps = core_page_maps_open(target),
        .is_sparse = can_have_holes(file, &status),
    };
    struct core_written written;
    struct error *error = write_parts(target, options, &copy, &written);
    core_plan_deinit(&copy.plan);
    core_page_maps_close(&copy.maps);
    if (error)
        return error;
    if (copy.is_sparse && fstat(file, &status) == 0)
        written.disk_bytes = (uint64_t)status.st_blocks * 512;
    *out = written;
    return NULL;
}
