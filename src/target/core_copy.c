#include "target/core_copy.h"

#include <pthread.h>

#include "base/parallel.h"
#include "target/image.h"

enum {
    BLOCK_PAGES = 256, /* 1 MiB: what the caches of a processor hold until it is written */
    BLOCK_BYTES = BLOCK_PAGES * IMAGE_PAGE,
};
_Static_assert((int)BLOCK_PAGES <= (int)CORE_PLAN_PAGES_AT_ONCE,
               "one look at the page map a block");

struct run {
    struct core_copy *copy;
    const struct core_write_options *options;
    pthread_mutex_t lock;
    /* Under lock: the next block. */
    uint64_t offset;
    bool has_failed;
};

struct block {
    uint64_t offset, bytes;
};

static bool next_block(struct run *run, struct block *out)
{
    const struct core_image *image = run->copy->image;
    pthread_mutex_lock(&run->lock);
    bool found = !run->has_failed && run->offset < image->bytes;
    if (found) {
        out->offset = run->offset;
        out->bytes = MIN_OF((uint64_t)BLOCK_BYTES, image->bytes - run->offset);
        run->offset += out->bytes;
    }
    pthread_mutex_unlock(&run->lock);
    return found;
}

static struct error *copy_block(const struct core_copy *copy, const struct block *block,
                                uint8_t *buffer, uint64_t *copied)
{
    bool is_data[BLOCK_PAGES];
    TRY(core_image_read(copy->image, block->offset, block->bytes, buffer, is_data));
    for (uint64_t i = 0; i < block->bytes / IMAGE_PAGE; i++)
        *copied += is_data[i] ? IMAGE_PAGE : 0;
    return core_file_write_pages(copy->file, block->offset, buffer, block->bytes, is_data);
}

static struct error *copy_blocks(void *context, unsigned part)
{
    struct run *run = context;
    const struct core_write_options *options = run->options;
    const struct core_image *image = run->copy->image;
    CLEANUP_FREE uint8_t *buffer = NULL;
    struct block block;
    uint64_t copied = 0;
    struct error *error = memory_array(1, BLOCK_BYTES, &buffer);
    while (!error && next_block(run, &block)) {
        error = copy_block(run->copy, &block, buffer, &copied);
        if (part == 0 && options->progress) {
            uint64_t done = block.offset - image->head.count;
            options->progress(options->progress_context, "copying memory",
                              (double)done / (double)image->plan.bytes);
        }
    }
    pthread_mutex_lock(&run->lock);
    run->has_failed |= error != NULL;
    run->copy->copied_bytes += copied;
    pthread_mutex_unlock(&run->lock);
    return error;
}

struct error *core_copy_run(const struct core_write_options *options, struct core_copy *copy)
{
    struct run run = {
        .copy = copy,
        .options = options,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .offset = copy->image->head.count,
    };
    /* Front to back is for one thread only. */
    unsigned threads = copy->file->is_sparse ? options->threads : 1;
    struct error *error = parallel_run(threads, copy_blocks, &run);
    pthread_mutex_destroy(&run.lock);
    return error;
}
