#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/parallel.h"
#include "graph/snapshot_layout.h"

enum { THREADS_MAX = 64, CHUNKS_MAX = 256 };

static struct error *damaged(uint64_t offset, const char *what)
{
    return error_format(offset, "the snapshot is damaged at offset %" PRIu64 ": %s", offset, what);
}

struct error *snapshot_damage(const struct snapshot_block *block, const char *what)
{
    return damaged(block->offset, what);
}

struct error *snapshot_chunk_damage(const struct snapshot_file *file,
                                    const struct snapshot_chunk *chunk, const char *what)
{
    return damaged(file->blocks.data[chunk->first_block].offset, what);
}

/* All n bytes; a file that has become shorter meanwhile is damaged. */
static struct error *read_at(const struct snapshot_file *file, uint64_t offset, void *buffer,
                             uint64_t n)
{
    uint8_t *to = buffer;
    while (n) {
        ssize_t got = pread(file->descriptor, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read the snapshot at offset %" PRIu64, offset);
        if (got == 0)
            return error_format(offset, "the snapshot ends at offset %" PRIu64 " while it is read",
                                offset);
        to += got;
        offset += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return NULL;
}

bool snapshot_is_one(const char *path)
{
    char magic[SNAPSHOT_MAGIC_BYTES];
    struct stat status;
    /* Opening a pipe would wait for somebody who writes to it. */
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    ssize_t got = pread(descriptor, magic, sizeof(magic), 0);
    bool begins = got > 0 && !memcmp(magic, FILE_MAGIC, (size_t)got);
    got = begins ? 0 : pread(descriptor, magic, sizeof(magic), status.st_size - TRAILER_BYTES);
    close(descriptor);
    return begins || (got == sizeof(magic) && !memcmp(magic, TRAILER_MAGIC, sizeof(magic)));
}

static struct error *check_header(struct snapshot_file *file)
{
    uint8_t header[FILE_HEADER_BYTES];
    if (file->size < SNAPSHOT_MAGIC_BYTES)
        return error_format(file->size, "the snapshot is cut at offset %" PRIu64, file->size);
    TRY(read_at(file, 0, header, MIN_OF(file->size, (uint64_t)sizeof(header))));
    if (memcmp(header, FILE_MAGIC, SNAPSHOT_MAGIC_BYTES))
        return error_format(0, "not a snapshot: it does not begin as one at offset 0");
    if (file->size < FILE_HEADER_BYTES + BLOCK_HEADER_BYTES + TRAILER_BYTES)
        return error_format(file->size, "the snapshot is cut at offset %" PRIu64, file->size);
    if (get_u32(header + FILE_HEADER_BYTES - 4) != checksum(header, FILE_HEADER_BYTES - 4, NULL, 0))
        return damaged(0, "the checksum of the header is wrong");
    file->format = get_u32(header + 8);
    if (file->format > SNAPSHOT_FORMAT)
        return error_create(
            ERROR_UNSUPPORTED,
            "the snapshot has format %u; this leakhound knows up to %d: a newer one "
            "reads it",
            file->format, SNAPSHOT_FORMAT);
    return NULL;
}

static struct error *find_index(struct snapshot_file *file, uint64_t *out_offset)
{
    uint8_t trailer[TRAILER_BYTES];
    uint64_t at = file->size - TRAILER_BYTES;
    TRY(read_at(file, at, trailer, sizeof(trailer)));
    if (memcmp(trailer, TRAILER_MAGIC, SNAPSHOT_MAGIC_BYTES))
        return error_format(file->size,
                            "the snapshot is cut or damaged at offset %" PRIu64
                            ": its end mark is missing",
                            file->size);
    if (get_u32(trailer + TRAILER_BYTES - 4) != checksum(trailer, TRAILER_BYTES - 4, NULL, 0))
        return damaged(at, "the checksum of the end mark is wrong");
    uint64_t index = get_u64(trailer + 16);
    if (get_u64(trailer + 8) != file->size || index < FILE_HEADER_BYTES || index > at ||
        at - index < BLOCK_HEADER_BYTES)
        return damaged(at, "the end mark does not fit the file");
    *out_offset = index;
    return NULL;
}

/* The blocks must follow each other from the header to the index. */
static struct error *list_block(struct snapshot_file *file, const uint8_t *entry,
                                uint64_t entry_offset, uint64_t index, uint64_t *next)
{
    struct snapshot_block block = {
        .offset = get_u64(entry),
        .tag = get_u32(entry + 8),
        .flags = get_u32(entry + 12),
        .raw = get_u32(entry + 16),
        .stored = get_u32(entry + 20),
    };
    if (block.offset != *next || block.offset > index ||
        index - block.offset < BLOCK_HEADER_BYTES ||
        index - block.offset - BLOCK_HEADER_BYTES < block.stored)
        return damaged(entry_offset, "a block of the index has no place");
    bool fits = block.flags & SNAPSHOT_ZSTD
                    ? block.stored && block.raw <= (uint64_t)block.stored * SNAPSHOT_RATIO_MAX
                    : block.raw == block.stored;
    if (block.raw > SNAPSHOT_BLOCK_MAX || block.stored > 2 * SNAPSHOT_BLOCK_MAX || !fits)
        return damaged(entry_offset, "a block of the index has an impossible size");
    *next += BLOCK_HEADER_BYTES + block.stored;
    struct snapshot_chunk *chunk =
        file->chunks.count ? &file->chunks.data[file->chunks.count - 1] : NULL;
    if (!chunk || chunk->tag != block.tag) {
        if (snapshot_chunk_find(file, block.tag) || block.tag == INDEX_TAG)
            return damaged(entry_offset, "a chunk of the index comes twice");
        if (file->chunks.count == CHUNKS_MAX)
            return damaged(entry_offset, "the index has more than 256 chunks");
        TRY(vector_push(&file->chunks,
                        (struct snapshot_chunk){.tag = block.tag,
                                                .flags = block.flags,
                                                .first_block = (uint32_t)file->blocks.count}));
        chunk = &file->chunks.data[file->chunks.count - 1];
    }
    if (chunk->flags != block.flags)
        return damaged(entry_offset, "the blocks of a chunk are of different kinds");
    block.number = chunk->block_count++;
    chunk->raw_bytes += block.raw;
    chunk->stored_bytes += BLOCK_HEADER_BYTES + block.stored;
    return vector_push(&file->blocks, block);
}

static struct error *check_block_header(const uint8_t *header, const uint8_t *bytes,
                                        const struct snapshot_block *block)
{
    if (get_u32(header) != block->tag || get_u32(header + 4) != block->flags ||
        get_u32(header + 8) != block->number || get_u32(header + 12) != block->raw ||
        get_u32(header + 16) != block->stored)
        return damaged(block->offset, "the header of a block is not as the index says");
    if (get_u32(header + 20) != checksum(header, BLOCK_HEADER_BYTES - 4, bytes, block->stored))
        return damaged(block->offset, "the checksum of a block is wrong");
    return NULL;
}

static struct error *read_index(struct snapshot_file *file)
{
    uint64_t index = 0;
    TRY(find_index(file, &index));
    uint64_t size = file->size - TRAILER_BYTES - index - BLOCK_HEADER_BYTES;
    if (size % INDEX_ENTRY_BYTES || size / INDEX_ENTRY_BYTES > BLOCKS_MAX)
        return damaged(index, "the index has an impossible size");
    CLEANUP_FREE uint8_t *bytes = NULL;
    TRY(memory_array(BLOCK_HEADER_BYTES + size, 1, &bytes));
    TRY(read_at(file, index, bytes, BLOCK_HEADER_BYTES + size));
    struct snapshot_block block = {
        .offset = index, .tag = INDEX_TAG, .raw = (uint32_t)size, .stored = (uint32_t)size};
    TRY(check_block_header(bytes, bytes + BLOCK_HEADER_BYTES, &block));
    uint64_t next = FILE_HEADER_BYTES;
    for (uint64_t at = 0; at < size; at += INDEX_ENTRY_BYTES)
        TRY(list_block(file, bytes + BLOCK_HEADER_BYTES + at, index + BLOCK_HEADER_BYTES + at,
                       index, &next));
    if (next != index)
        return damaged(next, "there is something that the index does not know");
    return NULL;
}

/* One per thread: the buffers and where the blocks go. */
struct block_reader {
    const struct snapshot_file *file;
    uint32_t first, count;
    uint32_t next; /* shared by the threads */
    snapshot_decode decode;
    void *context;
};

/* Header and stored bytes, checked. */
static struct error *load_block(const struct snapshot_file *file,
                                const struct snapshot_block *block, uint8_t *buffer)
{
    TRY(read_at(file, block->offset, buffer, BLOCK_HEADER_BYTES + block->stored));
    return check_block_header(buffer, buffer + BLOCK_HEADER_BYTES, block);
}

static struct error *unpack(const struct snapshot_block *block, const uint8_t *stored,
                            ZSTD_DCtx *zstd, uint8_t *raw)
{
    size_t got = ZSTD_decompressDCtx(zstd, raw, block->raw, stored, block->stored);
    if (ZSTD_isError(got))
        return damaged(block->offset, ZSTD_getErrorName(got));
    if (got != block->raw)
        return damaged(block->offset, "a block is shorter than the index says");
    return NULL;
}

static struct error *process_block(struct block_reader *reader, uint32_t number, ZSTD_DCtx *zstd,
                                   uint8_t *buffer, uint8_t *raw)
{
    const struct snapshot_block *block = &reader->file->blocks.data[reader->first + number];
    const uint8_t *bytes = buffer + BLOCK_HEADER_BYTES;
    TRY(load_block(reader->file, block, buffer));
    if (!reader->decode)
        return NULL;
    if (block->flags & SNAPSHOT_ZSTD) {
        TRY(unpack(block, bytes, zstd, raw));
        bytes = raw;
    }
    struct cursor cursor = cursor_make(bytes, block->raw);
    return reader->decode(reader->context, block, &cursor);
}

static struct error *read_worker(void *context, unsigned part)
{
    struct block_reader *reader = context;
    uint32_t largest = 0, largest_raw = 0;
    for (uint32_t i = 0; i < reader->count; i++) {
        const struct snapshot_block *block = &reader->file->blocks.data[reader->first + i];
        largest = MAX_OF(largest, block->stored);
        largest_raw = MAX_OF(largest_raw, block->raw);
    }
    uint8_t *buffer = NULL, *raw = NULL;
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    struct error *error = zstd ? memory_array(BLOCK_HEADER_BYTES + (uint64_t)largest, 1, &buffer)
                               : error_memory(1 << 17);
    if (!error)
        error = memory_array(largest_raw, 1, &raw);
    (void)part;
    while (!error) {
        uint32_t number = __atomic_fetch_add(&reader->next, 1, __ATOMIC_RELAXED);
        if (number >= reader->count)
            break;
        error = process_block(reader, number, zstd, buffer, raw);
    }
    if (error) /* the others need not go on */
        __atomic_store_n(&reader->next, reader->count, __ATOMIC_RELAXED);
    free(buffer);
    free(raw);
    ZSTD_freeDCtx(zstd);
    return error;
}

static struct error *read_some(const struct snapshot_file *file, uint32_t first, uint32_t count,
                               snapshot_decode decode, void *context)
{
    struct block_reader reader = {
        .file = file, .first = first, .count = count, .decode = decode, .context = context};
    if (!count)
        return NULL;
    return parallel_run(MIN_OF(file->threads, count), read_worker, &reader);
}

struct error *snapshot_file_adopt(int descriptor, unsigned threads, struct snapshot_file **out)
{
    struct stat status;
    struct snapshot_file *file;
    struct error *error = memory_array(1, sizeof(*file), &file);
    if (error) {
        close(descriptor);
        return error;
    }
    file->descriptor = descriptor;
    file->threads = threads < 1 ? 1 : MIN_OF(threads, (unsigned)THREADS_MAX);
    if (fstat(descriptor, &status) != 0)
        error = error_os(errno, "cannot read the snapshot");
    else
        file->size = (uint64_t)status.st_size;
    if (!error)
        error = check_header(file);
    if (!error)
        error = read_index(file);
    if (!error)
        error = read_some(file, 0, (uint32_t)file->blocks.count, NULL, NULL);
    if (error) {
        snapshot_file_close(file);
        return error;
    }
    *out = file;
    return NULL;
}

struct error *snapshot_file_open(const char *path, unsigned threads, struct snapshot_file **out)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_os(errno, "cannot read %s", path);
    struct error *error = snapshot_file_adopt(descriptor, threads, out);
    return error ? error_wrap(error, "%s", path) : NULL;
}

void snapshot_file_close(struct snapshot_file *file)
{
    if (!file)
        return;
    close(file->descriptor);
    vector_deinit(&file->blocks);
    vector_deinit(&file->chunks);
    free(file);
}

const struct snapshot_chunk *snapshot_chunk_find(const struct snapshot_file *file, uint32_t tag)
{
    for (uint64_t i = 0; i < file->chunks.count; i++)
        if (file->chunks.data[i].tag == tag)
            return &file->chunks.data[i];
    return NULL;
}

struct error *snapshot_chunk_require(const struct snapshot_file *file, uint32_t tag,
                                     const struct snapshot_chunk **out)
{
    const struct snapshot_chunk *chunk = snapshot_chunk_find(file, tag);
    if (!chunk)
        return error_format(file->size,
                            "the snapshot has no chunk %.4s up to its end at offset %" PRIu64,
                            (const char *)&tag, file->size);
    *out = chunk;
    return NULL;
}

struct error *snapshot_read_blocks(struct snapshot_file *file, const struct snapshot_chunk *chunk,
                                   snapshot_decode decode, void *context)
{
    return read_some(file, chunk->first_block, chunk->block_count, decode, context);
}

struct byte_sink {
    uint8_t *bytes;
    uint64_t *begin; /* by block */
};

static struct error *place_piece(void *context, const struct snapshot_block *block,
                                 struct cursor *bytes)
{
    struct byte_sink *sink = context;
    if (bytes->size)
        memcpy(sink->bytes + sink->begin[block->number], bytes->bytes, bytes->size);
    return NULL;
}

struct error *snapshot_read_bytes(struct snapshot_file *file, const struct snapshot_chunk *chunk,
                                  uint64_t limit, uint8_t **out_bytes, uint64_t *out_size)
{
    struct byte_sink sink = {0};
    CLEANUP_FREE uint64_t *begin = NULL;
    if (chunk->raw_bytes > limit)
        return error_create(ERROR_LIMIT,
                            "chunk %.4s of the snapshot has %" PRIu64 " bytes, more than %" PRIu64,
                            (const char *)&chunk->tag, chunk->raw_bytes, limit);
    TRY(memory_array(chunk->block_count, sizeof(uint64_t), &begin));
    for (uint32_t i = 1; i < chunk->block_count; i++)
        begin[i] = begin[i - 1] + file->blocks.data[chunk->first_block + i - 1].raw;
    TRY(memory_array(chunk->raw_bytes, 1, &sink.bytes));
    sink.begin = begin;
    struct error *error = snapshot_read_blocks(file, chunk, place_piece, &sink);
    if (error) {
        free(sink.bytes);
        return error;
    }
    *out_bytes = sink.bytes;
    *out_size = chunk->raw_bytes;
    return NULL;
}
