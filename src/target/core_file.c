#include "target/core_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "target/image.h"

/* Holes of less are written as zeros: each costs the file system an entry, and us a call. */
enum { HOLE_MIN_PAGES = 4 };

/* Standard output may be a file that has bytes already. */
static bool can_have_holes(int file, const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_size == 0 && lseek(file, 0, SEEK_CUR) == 0 &&
           !(fcntl(file, F_GETFL) & O_APPEND);
}

struct error *core_file_begin(int descriptor, const char *name, struct core_file *out)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return error_os(errno, "cannot write %s", name);
    *out = (struct core_file){
        .descriptor = descriptor,
        .name = name,
        .is_sparse = can_have_holes(descriptor, &status),
    };
    return NULL;
}

/* Filling a disk to its last byte and failing then would harm more than us. */
struct error *core_file_check_room(const struct core_file *file, uint64_t data_bytes)
{
    struct statvfs disk;
    if (!file->is_sparse || fstatvfs(file->descriptor, &disk) != 0 || !disk.f_blocks)
        return NULL; /* the writes will tell; files in memory alone have no limit to ask for */
    uint64_t blocks = geteuid() == 0 ? disk.f_bfree : disk.f_bavail, room;
    if (__builtin_mul_overflow(blocks, (uint64_t)disk.f_frsize, &room) || data_bytes <= room)
        return NULL;
    return error_os(ENOSPC,
                    "cannot write %s: the core needs up to %" PRIu64
                    " MiB, and the disk has %" PRIu64 " MiB",
                    file->name, (data_bytes >> 20) + 1, room >> 20);
}

struct error *core_file_set_size(const struct core_file *file, uint64_t bytes)
{
    if (file->is_sparse && ftruncate(file->descriptor, (off_t)bytes) != 0)
        return error_os(errno, "cannot write %s", file->name);
    return NULL;
}

struct error *core_file_write(const struct core_file *file, uint64_t offset, const void *bytes,
                              uint64_t n)
{
    const char *from = bytes;
    while (n) {
        ssize_t done = file->is_sparse ? pwrite(file->descriptor, from, n, (off_t)offset)
                                       : write(file->descriptor, from, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_os(done < 0 ? errno : EIO, "cannot write %s", file->name);
        from += done;
        offset += (uint64_t)done;
        n -= (uint64_t)done;
    }
    return NULL;
}

struct error *core_file_write_pages(const struct core_file *file, uint64_t offset,
                                    const uint8_t *bytes, uint64_t n, const bool *is_data)
{
    uint64_t pages = (n + IMAGE_PAGE - 1) / IMAGE_PAGE;
    if (!file->is_sparse)
        return core_file_write(file, offset, bytes, n);
    for (uint64_t i = 0; i < pages;) {
        if (!is_data[i]) {
            i++;
            continue;
        }
        uint64_t end = i + 1;
        for (uint64_t next = end; next < pages && next - end < HOLE_MIN_PAGES; next++)
            if (is_data[next])
                end = next + 1;
        uint64_t at = i * IMAGE_PAGE;
        TRY(core_file_write(file, offset + at, bytes + at, MIN_OF(end * IMAGE_PAGE, n) - at));
        i = end;
    }
    return NULL;
}

uint64_t core_file_disk_bytes(const struct core_file *file)
{
    struct stat status;
    return file->is_sparse && fstat(file->descriptor, &status) == 0
               ? (uint64_t)status.st_blocks * 512
               : 0;
}
