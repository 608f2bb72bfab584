#include "target/core_plan.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "target/image.h"
#include "target/maps.h"
#include "target/proc.h"
#include "target/smaps.h"

/* What is taken of a mapping. */
enum extent {
    EXTENT_NO_SEGMENT, /* the mapping is not in the core at all */
    EXTENT_NOTHING,
    EXTENT_HEADER, /* the first page, when it has an ELF header */
    EXTENT_PRESENT,
    EXTENT_ALL,
};

void core_plan_deinit(struct core_plan *plan)
{
    vector_deinit(&plan->pieces);
}

void core_plan_present(int page_map, uint64_t address, uint64_t count, bool *present)
{
    const uint64_t present_or_swapped = (uint64_t)3 << 62;
    uint64_t entries[CORE_PLAN_PAGES_AT_ONCE];
    count = MIN_OF(count, (uint64_t)CORE_PLAN_PAGES_AT_ONCE);
    ssize_t got = -1;
    if (page_map >= 0)
        got = pread(page_map, entries, count * 8, (off_t)(address / IMAGE_PAGE * 8));
    uint64_t known = got > 0 ? (uint64_t)got / 8 : 0;
    for (uint64_t i = 0; i < count; i++)
        present[i] = i >= known || (entries[i] & present_or_swapped);
}

static int open_page_map(pid_t pid)
{
    return open(proc_path(pid, "pagemap").text, O_RDONLY | O_CLOEXEC);
}

struct core_page_maps core_page_maps_open(const struct target *target)
{
    return (struct core_page_maps){open_page_map(target->memory_pid), open_page_map(target->pid)};
}

void core_page_maps_close(struct core_page_maps *maps)
{
    if (maps->own >= 0)
        close(maps->own);
    if (maps->shared >= 0)
        close(maps->shared);
    *maps = (struct core_page_maps){-1, -1};
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_removed_file(const char *path)
{
    static const char mark[] = " (deleted)";
    size_t length = strlen(path), tail = sizeof(mark) - 1;
    return *path == '/' && length > tail && strcmp(path + length - tail, mark) == 0;
}

static bool is_vdso(const struct target_segment *segment)
{
    return strcmp(segment->path, "[vdso]") == 0;
}

/* Linux: fs/coredump.c, vma_dump_size. */
static enum extent extent_of(const struct target_segment *segment, unsigned bits, bool with_files)
{
    const char *path = segment->path;
    if (starts_with(path, "[vvar")) /* the kernel's clock pages */
        return EXTENT_NO_SEGMENT;
    if (!segment->readable || (bits & MAPPING_DEVICE))
        return EXTENT_NOTHING;
    if (is_vdso(segment))
        return EXTENT_ALL;
    if (bits & MAPPING_EXCLUDED)
        return EXTENT_NOTHING;
    if (bits & MAPPING_SHARED) { /* memory that has no name any more, or never had: not a file */
        bool has_name = !is_removed_file(path) && *path != '[';
        return has_name || (bits & MAPPING_HUGETLB) ? EXTENT_NOTHING : EXTENT_PRESENT;
    }
    if (maps_is_anonymous(segment) || (bits & MAPPING_HUGETLB))
        return bits & MAPPING_EMPTY ? EXTENT_NOTHING : EXTENT_PRESENT;
    if (*path == '[') /* the kernel's, such as [vsyscall] */
        return EXTENT_NOTHING;
    bool is_written = bits & MAPPING_UNKNOWN ? segment->writable : bits & MAPPING_WRITTEN;
    if (is_written || with_files || is_removed_file(path) ||
        (segment->from_executable && segment->writable))
        return EXTENT_ALL;
    return segment->file_offset == 0 ? EXTENT_HEADER : EXTENT_NOTHING;
}

/* A mapping while its pieces are made. */
struct cutting {
    struct core_plan *plan;
    const struct target_segment *segment;
    bool by_pages, is_shared;
};

/* Adds [start, end) of the mapping with so many bytes. */
static struct error *add(const struct cutting *cutting, uint64_t start, uint64_t end,
                         uint64_t bytes)
{
    struct core_plan *plan = cutting->plan;
    const struct target_segment *segment = cutting->segment;
    if (start >= end)
        return NULL;
    plan->bytes += bytes;
    return vector_push(&plan->pieces, (struct core_plan_piece){
                                          .start = start,
                                          .end = end,
                                          .bytes = bytes,
                                          .by_pages = cutting->by_pages,
                                          .is_shared = cutting->is_shared,
                                          .is_vdso = is_vdso(segment),
                                          .readable = segment->readable,
                                          .writable = segment->writable,
                                          .executable = segment->executable,
                                      });
}

/* Cuts the segment at the long gaps between its pages. */
static struct error *add_present(const struct cutting *cutting, int page_map)
{
    struct core_plan *plan = cutting->plan;
    const struct target_segment *segment = cutting->segment;
    bool present[CORE_PLAN_PAGES_AT_ONCE];
    uint64_t from = segment->start; /* what lies before it has been added */
    uint64_t used = segment->start; /* behind the last page seen */
    for (uint64_t at = segment->start; segment->end - at >= IMAGE_PAGE;) {
        uint64_t count = MIN_OF((segment->end - at) / IMAGE_PAGE, ARRAY_COUNT(present));
        core_plan_present(page_map, at, count, present);
        for (uint64_t i = 0; i < count; i++) {
            uint64_t page = at + i * IMAGE_PAGE;
            if (!present[i])
                continue;
            if (page - used >= CORE_PLAN_GAP) {
                TRY(add(cutting, from, used, used - from));
                TRY(add(cutting, used, page, 0));
                from = page;
            }
            used = page + IMAGE_PAGE;
            plan->present_bytes += IMAGE_PAGE;
        }
        at += count * IMAGE_PAGE;
    }
    if (used > from && segment->end - used < CORE_PLAN_GAP)
        used = segment->end;
    TRY(add(cutting, from, used, used - from));
    return add(cutting, used, segment->end, 0);
}

static struct error *add_segment(struct core_plan *plan, struct target *target,
                                 const struct target_segment *segment, unsigned bits,
                                 enum extent extent, const struct core_page_maps *maps)
{
    const struct cutting cutting = {
        .plan = plan,
        .segment = segment,
        .by_pages = extent == EXTENT_PRESENT,
        .is_shared = bits & MAPPING_SHARED,
    };
    uint64_t bytes = 0;
    uint8_t magic[SELFMAG];
    switch (extent) {
    case EXTENT_NO_SEGMENT:
        return NULL;
    case EXTENT_PRESENT:
        return add_present(&cutting, cutting.is_shared ? maps->shared : maps->own);
    case EXTENT_ALL:
        bytes = segment->end - segment->start;
        break;
    case EXTENT_HEADER:
        TRY(target_read_sparse(target, segment->start, magic, sizeof(magic)));
        bytes = memcmp(magic, ELFMAG, SELFMAG) == 0 ? IMAGE_PAGE : 0;
        break;
    case EXTENT_NOTHING:
        break;
    }
    plan->present_bytes += bytes;
    return add(&cutting, segment->start, segment->end, bytes);
}

struct error *core_plan_make(struct target *target, const struct core_page_maps *maps,
                             bool with_files, struct core_plan *out)
{
    struct smaps smaps = {0};
    struct core_plan plan = {0};
    TRY(smaps_read(target->memory_pid, &smaps));
    struct error *error = NULL;
    for (uint64_t i = 0; !error && i < target->segments.count; i++) {
        const struct target_segment *segment = &target->segments.data[i];
        unsigned bits = smaps_bits_at(&smaps, segment->start);
        error =
            add_segment(&plan, target, segment, bits, extent_of(segment, bits, with_files), maps);
    }
    smaps_deinit(&smaps);
    if (error) {
        core_plan_deinit(&plan);
        return error;
    }
    *out = plan;
    return NULL;
}
