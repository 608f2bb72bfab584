#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <zstd.h>

#include "base/parallel.h"
#include "graph/snapshot_layout.h"

enum { COMPRESSION_LEVEL = 1, THREADS_MAX = 64, SKIPPABLE_HEADER_BYTES = 8 };

struct snapshot_writer {
    FILE *out;
    unsigned threads;
    uint64_t offset;
    VECTOR(struct snapshot_block) blocks;

    /* The chunk that is being written: threads take the next block and write in turn. */
    pthread_mutex_t lock;
    pthread_cond_t turn;
    uint64_t next, next_to_write, block_count;
    uint32_t tag, flags;
    snapshot_encode encode;
    void *context;
    bool failed;
};

static struct error *put(struct snapshot_writer *writer, const void *bytes, uint64_t size)
{
    errno = 0;
    if (size && fwrite(bytes, size, 1, writer->out) != 1)
        return error_os(errno ? errno : EIO, "cannot write the snapshot");
    writer->offset += size;
    return NULL;
}

struct error *snapshot_writer_create(FILE *out, unsigned threads,
                                     struct snapshot_writer **out_writer)
{
    struct snapshot_writer *writer;
    TRY(memory_array(1, sizeof(*writer), &writer));
    writer->out = out;
    writer->threads = threads < 1 ? 1 : MIN_OF(threads, (unsigned)THREADS_MAX);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->turn, NULL);
    uint8_t header[FILE_HEADER_BYTES] = FILE_MAGIC;
    put_u32(header + 8, SNAPSHOT_FORMAT);
    put_u32(header + FILE_HEADER_BYTES - 4, checksum(header, FILE_HEADER_BYTES - 4, NULL, 0));
    struct error *error = put(writer, header, sizeof(header));
    if (error) {
        snapshot_writer_destroy(writer);
        return error;
    }
    *out_writer = writer;
    return NULL;
}

void snapshot_writer_destroy(struct snapshot_writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->turn);
    vector_deinit(&writer->blocks);
    free(writer);
}

/* Header and bytes of a block; block->offset is set. */
static struct error *put_block(struct snapshot_writer *writer, struct snapshot_block block,
                               const uint8_t *bytes)
{
    uint8_t header[BLOCK_HEADER_BYTES];
    put_u32(header, block.tag);
    put_u32(header + 4, block.flags);
    put_u32(header + 8, block.number);
    put_u32(header + 12, block.raw);
    put_u32(header + 16, block.stored);
    put_u32(header + 20, checksum(header, BLOCK_HEADER_BYTES - 4, bytes, block.stored));
    block.offset = writer->offset;
    if (writer->blocks.count >= BLOCKS_MAX)
        return error_create(ERROR_LIMIT, "the snapshot would have more than %d blocks", BLOCKS_MAX);
    TRY(put(writer, header, sizeof(header)));
    TRY(put(writer, bytes, block.stored));
    return vector_push(&writer->blocks, block);
}

/* One per thread. */
struct compressor {
    ZSTD_CCtx *zstd;
    uint8_t *raw, *stored;
    uint64_t stored_room;
};

static void compressor_deinit(struct compressor *c)
{
    ZSTD_freeCCtx(c->zstd);
    free(c->raw);
    free(c->stored);
}

static struct error *compressor_init(struct compressor *c)
{
    *c = (struct compressor){.stored_room =
                                 ZSTD_compressBound(SNAPSHOT_BLOCK_MAX) + SKIPPABLE_HEADER_BYTES};
    c->zstd = ZSTD_createCCtx();
    if (!c->zstd)
        return error_memory(c->stored_room);
    ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
    TRY(memory_array(SNAPSHOT_BLOCK_MAX, 1, &c->raw));
    return memory_array(c->stored_room, 1, &c->stored);
}

/* The frame in c->stored, and behind it a frame that decoders skip when it is smaller than a reader
 * believes. */
static struct error *compress_block(struct compressor *c, uint64_t raw, uint64_t *out_stored)
{
    size_t stored = ZSTD_compress2(c->zstd, c->stored, c->stored_room, c->raw, raw);
    if (ZSTD_isError(stored))
        return error_create(ERROR_LIMIT, "zstd cannot compress: %s", ZSTD_getErrorName(stored));
    uint64_t least = (raw + SNAPSHOT_RATIO_MAX - 1) / SNAPSHOT_RATIO_MAX;
    if (stored < least) {
        uint64_t padding = MAX_OF(least - stored, (uint64_t)SKIPPABLE_HEADER_BYTES);
        memset(c->stored + stored, 0, padding);
        put_u32(c->stored + stored, ZSTD_MAGIC_SKIPPABLE_START);
        put_u32(c->stored + stored + 4, (uint32_t)(padding - SKIPPABLE_HEADER_BYTES));
        stored += padding;
    }
    *out_stored = stored;
    return NULL;
}

static struct error *make_block(struct snapshot_writer *writer, struct compressor *c,
                                uint64_t number, struct snapshot_block *out)
{
    uint64_t raw = 0, stored;
    TRY(writer->encode(writer->context, number, c->raw, &raw));
    assert(raw <= SNAPSHOT_BLOCK_MAX);
    stored = raw;
    if (writer->flags & SNAPSHOT_ZSTD)
        TRY(compress_block(c, raw, &stored));
    *out = (struct snapshot_block){
        .tag = writer->tag,
        .flags = writer->flags,
        .number = (uint32_t)number,
        .raw = (uint32_t)raw,
        .stored = (uint32_t)stored,
    };
    return NULL;
}

/* The lowest block that is not written yet is always in some thread's hands: nobody waits for
 * ever. */
static struct error *write_in_turn(struct snapshot_writer *writer, struct compressor *c,
                                   const struct snapshot_block *block)
{
    struct error *error = NULL;
    pthread_mutex_lock(&writer->lock);
    while (writer->next_to_write != block->number && !writer->failed)
        pthread_cond_wait(&writer->turn, &writer->lock);
    if (!writer->failed)
        error = put_block(writer, *block, writer->flags & SNAPSHOT_ZSTD ? c->stored : c->raw);
    writer->next_to_write++;
    pthread_cond_broadcast(&writer->turn);
    pthread_mutex_unlock(&writer->lock);
    return error;
}

static bool take_block(struct snapshot_writer *writer, uint64_t *out)
{
    pthread_mutex_lock(&writer->lock);
    bool taken = !writer->failed && writer->next < writer->block_count;
    if (taken)
        *out = writer->next++;
    pthread_mutex_unlock(&writer->lock);
    return taken;
}

static struct error *write_worker(void *context, unsigned part)
{
    struct snapshot_writer *writer = context;
    struct compressor c;
    struct snapshot_block block;
    uint64_t number;
    (void)part;
    struct error *error = compressor_init(&c);
    while (!error && take_block(writer, &number)) {
        error = make_block(writer, &c, number, &block);
        if (!error)
            error = write_in_turn(writer, &c, &block);
    }
    if (error) {
        pthread_mutex_lock(&writer->lock);
        writer->failed = true;
        pthread_cond_broadcast(&writer->turn);
        pthread_mutex_unlock(&writer->lock);
    }
    compressor_deinit(&c);
    return error;
}

struct error *snapshot_write_blocks(struct snapshot_writer *writer, uint32_t tag, uint32_t flags,
                                    uint64_t block_count, snapshot_encode encode, void *context)
{
    for (uint64_t i = 0; i < writer->blocks.count; i++)
        assert(writer->blocks.data[i].tag != tag);
    writer->tag = tag;
    writer->flags = flags;
    writer->block_count = block_count;
    writer->next = writer->next_to_write = 0;
    writer->encode = encode;
    writer->context = context;
    if (!block_count)
        return NULL;
    unsigned threads = (unsigned)MIN_OF((uint64_t)writer->threads, block_count);
    return parallel_run(threads, write_worker, writer);
}

struct byte_source {
    const uint8_t *bytes;
    uint64_t size;
};

static struct error *copy_piece(void *context, uint64_t block, uint8_t *bytes, uint64_t *out_size)
{
    const struct byte_source *source = context;
    uint64_t at = block * SNAPSHOT_BLOCK_MAX;
    *out_size = MIN_OF(source->size - at, (uint64_t)SNAPSHOT_BLOCK_MAX);
    if (*out_size)
        memcpy(bytes, source->bytes + at, *out_size);
    return NULL;
}

struct error *snapshot_write_bytes(struct snapshot_writer *writer, uint32_t tag, uint32_t flags,
                                   const void *bytes, uint64_t size)
{
    struct byte_source source = {bytes, size};
    uint64_t blocks = (size + SNAPSHOT_BLOCK_MAX - 1) / SNAPSHOT_BLOCK_MAX;
    return snapshot_write_blocks(writer, tag, flags, MAX_OF(blocks, (uint64_t)1), copy_piece,
                                 &source);
}

struct error *snapshot_writer_finish(struct snapshot_writer *writer, uint64_t *out_bytes)
{
    uint64_t count = writer->blocks.count, index_offset = writer->offset;
    uint64_t size = count * INDEX_ENTRY_BYTES;
    CLEANUP_FREE uint8_t *index = NULL;
    TRY(memory_array(count, INDEX_ENTRY_BYTES, &index));
    for (uint64_t i = 0; i < count; i++) {
        const struct snapshot_block *block = &writer->blocks.data[i];
        uint8_t *entry = index + i * INDEX_ENTRY_BYTES;
        put_u64(entry, block->offset);
        put_u32(entry + 8, block->tag);
        put_u32(entry + 12, block->flags);
        put_u32(entry + 16, block->raw);
        put_u32(entry + 20, block->stored);
    }
    struct snapshot_block block = {
        .tag = INDEX_TAG, .raw = (uint32_t)size, .stored = (uint32_t)size};
    TRY(put_block(writer, block, index));
    uint8_t trailer[TRAILER_BYTES] = TRAILER_MAGIC;
    put_u64(trailer + 8, writer->offset + TRAILER_BYTES);
    put_u64(trailer + 16, index_offset);
    put_u32(trailer + TRAILER_BYTES - 4, checksum(trailer, TRAILER_BYTES - 4, NULL, 0));
    TRY(put(writer, trailer, sizeof(trailer)));
    *out_bytes = writer->offset;
    return NULL;
}
