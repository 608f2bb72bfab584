#include "target/core_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/parallel.h"
#include "target/image.h"
#include "target/proc.h"

enum {
    BLOCK_PAGES = 256, /* 1 MiB: what the caches of a processor hold until it is written */
    BLOCK_BYTES = BLOCK_PAGES * IMAGE_PAGE,
    /* Holes of less are written as zeros: each costs the file system an entry, and us a call. */
    HOLE_MIN_PAGES = 4,
};
_Static_assert((int)BLOCK_PAGES <= (int)CORE_PLAN_PAGES_AT_ONCE,
               "one look at the page map a block");

struct run {
    struct target *target;
    struct core_copy *copy;
    const struct core_write_options *options;
    pthread_mutex_t lock;
    /* Under lock: the next block. */
    uint64_t piece, within, offset;
    bool has_failed;
};

struct block {
    const struct core_plan_piece *piece;
    uint64_t address, bytes, offset;
};

struct error *core_copy_write(const struct core_copy *copy, uint64_t offset, const void *bytes,
                              uint64_t n)
{
    const char *from = bytes;
    while (n) {
        ssize_t done = copy->is_sparse ? pwrite(copy->file, from, n, (off_t)offset)
                                       : write(copy->file, from, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_os(done < 0 ? errno : EIO, "cannot write %s", copy->name);
        from += done;
        offset += (uint64_t)done;
        n -= (uint64_t)done;
    }
    return NULL;
}

static bool next_block(struct run *run, struct block *out)
{
    const struct core_plan *plan = &run->copy->plan;
    bool found = false;
    pthread_mutex_lock(&run->lock);
    while (run->piece < plan->pieces.count && run->within == plan->pieces.data[run->piece].bytes) {
        run->piece++;
        run->within = 0;
    }
    if (!run->has_failed && run->piece < plan->pieces.count) {
        const struct core_plan_piece *piece = &plan->pieces.data[run->piece];
        *out = (struct block){
            .piece = piece,
            .address = piece->start + run->within,
            .bytes = MIN_OF((uint64_t)BLOCK_BYTES, piece->bytes - run->within),
            .offset = run->offset,
        };
        run->within += out->bytes;
        run->offset += out->bytes;
        found = true;
    }
    pthread_mutex_unlock(&run->lock);
    return found;
}

/* The second comparison is each word with the one before it: all are like the first. */
static bool is_zero_page(const uint8_t *page)
{
    uint64_t first;
    memcpy(&first, page, sizeof(first));
    return !first && memcmp(page, page + sizeof(first), IMAGE_PAGE - sizeof(first)) == 0;
}

/* A forked copy has our own code in the padding of its vdso; the process itself never changes it.
 */
static bool read_vdso(const struct run *run, const struct block *block, uint8_t *buffer)
{
    int memory = open(proc_path(run->target->pid, "mem").text, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return false;
    ssize_t got = pread(memory, buffer, block->bytes, (off_t)block->address);
    close(memory);
    return got == (ssize_t)block->bytes;
}

/* Reads the pages of the block that are there; is_data tells which have anything but zeros. */
static struct error *read_block(const struct run *run, const struct block *block, uint8_t *buffer,
                                bool *is_data)
{
    const struct core_page_maps *maps = &run->copy->maps;
    uint64_t pages = block->bytes / IMAGE_PAGE;
    if (block->piece->is_vdso && read_vdso(run, block, buffer)) {
        memset(is_data, 1, pages * sizeof(is_data[0]));
        return NULL;
    }
    if (block->piece->by_pages)
        core_plan_present(block->piece->is_shared ? maps->shared : maps->own, block->address, pages,
                          is_data);
    else
        memset(is_data, 1, pages * sizeof(is_data[0]));
    for (uint64_t first = 0; first < pages;) {
        uint64_t end = first + 1;
        while (end < pages && is_data[end] == is_data[first])
            end++;
        uint64_t at = first * IMAGE_PAGE, size = (end - first) * IMAGE_PAGE;
        if (is_data[first])
            TRY(target_read_sparse(run->target, block->address + at, buffer + at, size));
        else
            memset(buffer + at, 0, size);
        first = end;
    }
    for (uint64_t i = 0; i < pages; i++)
        is_data[i] = is_data[i] && !is_zero_page(buffer + i * IMAGE_PAGE);
    return NULL;
}

static struct error *write_block(const struct core_copy *copy, const struct block *block,
                                 const uint8_t *buffer, const bool *is_data, uint64_t *copied)
{
    uint64_t pages = block->bytes / IMAGE_PAGE;
    for (uint64_t i = 0; i < pages; i++)
        *copied += is_data[i] ? IMAGE_PAGE : 0;
    if (!copy->is_sparse)
        return core_copy_write(copy, block->offset, buffer, block->bytes);
    for (uint64_t i = 0; i < pages;) {
        if (!is_data[i]) {
            i++;
            continue;
        }
        uint64_t end = i + 1;
        for (uint64_t next = end; next < pages && next - end < HOLE_MIN_PAGES; next++)
            if (is_data[next])
                end = next + 1;
        TRY(core_copy_write(copy, block->offset + i * IMAGE_PAGE, buffer + i * IMAGE_PAGE,
                            (end - i) * IMAGE_PAGE));
        i = end;
    }
    return NULL;
}

static struct error *copy_block(const struct run *run, const struct block *block, uint8_t *buffer,
                                uint64_t *copied)
{
    bool is_data[BLOCK_PAGES];
    TRY(read_block(run, block, buffer, is_data));
    return write_block(run->copy, block, buffer, is_data, copied);
}

static struct error *copy_blocks(void *context, unsigned part)
{
    struct run *run = context;
    const struct core_write_options *options = run->options;
    CLEANUP_FREE uint8_t *buffer = NULL;
    struct block block;
    uint64_t copied = 0;
    struct error *error = memory_array(1, BLOCK_BYTES, &buffer);
    while (!error && next_block(run, &block)) {
        error = copy_block(run, &block, buffer, &copied);
        if (part == 0 && options->progress) {
            uint64_t done = block.offset - run->copy->offset;
            options->progress(options->progress_context, "copying memory",
                              (double)done / (double)run->copy->plan.bytes);
        }
    }
    pthread_mutex_lock(&run->lock);
    run->has_failed |= error != NULL;
    run->copy->copied_bytes += copied;
    pthread_mutex_unlock(&run->lock);
    return error;
}

struct error *core_copy_run(struct target *target, const struct core_write_options *options,
                            struct core_copy *copy)
{
    struct run run = {
        .target = target,
        .copy = copy,
        .options = options,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .offset = copy->offset,
    };
    /* Front to back is for one thread only. */
    struct error *error = parallel_run(copy->is_sparse ? options->threads : 1, copy_blocks, &run);
    pthread_mutex_destroy(&run.lock);
    return error;
}
