/*
 * The snapshot file as a container: chunks of checksummed, independently compressed blocks, and an
 * index at the end. It knows nothing of what the chunks hold; docs/snapshot-format.md describes
 * both. All integers are little endian.
 *
 * Blocks of one chunk follow each other and are numbered from 0. Every byte of a file is covered by
 * a checksum, and the blocks must tile it without a gap, so that a cut or a flipped bit anywhere is
 * seen when the file is opened.
 *
 * Memory is bounded by what a file can justify: a block never holds more than SNAPSHOT_BLOCK_MAX
 * raw bytes nor more than SNAPSHOT_RATIO_MAX times what it takes in the file (the writer pads what
 * compresses better than that).
 */
#ifndef LEAKHOUND_GRAPH_SNAPSHOT_FILE_H
#define LEAKHOUND_GRAPH_SNAPSHOT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/memory.h"

enum {
    SNAPSHOT_FORMAT = 1, /* readers refuse files of a higher one */
    SNAPSHOT_BLOCK_MAX = 8 << 20,
    SNAPSHOT_RATIO_MAX = 64,
    SNAPSHOT_MAGIC_BYTES = 8,
};

#define SNAPSHOT_TAG(a, b, c, d)                                                                   \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum snapshot_chunk_flag {
    SNAPSHOT_OPTIONAL = 1, /* readers that do not know the tag may do without the chunk */
    SNAPSHOT_ZSTD = 2,     /* blocks are zstd frames; else stored as they are */
};

/* -- writing --------------------------------------------------------------------------------- */

struct snapshot_writer;

/* Writes to out, which stays the caller's, only forward. threads: 1 to 64 that encode and compress.
 * Memory: 16 MiB a thread while a chunk is being written. */
struct error *snapshot_writer_create(FILE *out, unsigned threads,
                                     struct snapshot_writer **out_writer) ERROR_CHECK;
void snapshot_writer_destroy(struct snapshot_writer *writer);

/* Fills bytes (room for SNAPSHOT_BLOCK_MAX) with the contents of a block and sets *out_size.
 * Called from several threads at once, for each block once, in ascending order. */
typedef struct error *(*snapshot_encode)(void *context, uint64_t block, uint8_t *bytes,
                                         uint64_t *out_size);

/* A chunk of block_count blocks; each tag once per file. flags: enum snapshot_chunk_flag. ERROR_OS
 * when out cannot be written. The file is the same for any number of threads. */
struct error *snapshot_write_blocks(struct snapshot_writer *writer, uint32_t tag, uint32_t flags,
                                    uint64_t block_count, snapshot_encode encode,
                                    void *context) ERROR_CHECK;

/* A chunk that is one string of bytes, cut into blocks anywhere. */
struct error *snapshot_write_bytes(struct snapshot_writer *writer, uint32_t tag, uint32_t flags,
                                   const void *bytes, uint64_t size) ERROR_CHECK;

/* Index and end mark; nothing may follow. *out_bytes: the length of the file. */
struct error *snapshot_writer_finish(struct snapshot_writer *writer,
                                     uint64_t *out_bytes) ERROR_CHECK;

/* -- reading --------------------------------------------------------------------------------- */

struct snapshot_chunk {
    uint32_t tag, flags;
    uint32_t first_block, block_count; /* in the file's list of blocks */
    uint64_t raw_bytes, stored_bytes;  /* stored: with the headers of its blocks */
};

struct snapshot_block {
    uint64_t offset; /* of its header in the file */
    uint32_t tag, flags, raw, stored;
    uint32_t number; /* within its chunk */
};

struct snapshot_file {
    int descriptor;
    unsigned threads;
    uint32_t format;
    uint64_t size;
    VECTOR(struct snapshot_block) blocks;
    VECTOR(struct snapshot_chunk) chunks; /* in the order of the file */
};

/* Does the file begin or end as a snapshot does (it may be a damaged one)? false also when it
 * cannot be read. */
bool snapshot_is_one(const char *path);

/* Checks every byte of the file: ERROR_FORMAT with the offset of what is cut or damaged,
 * ERROR_UNSUPPORTED for a newer format, ERROR_OS when it cannot be read. Reads the file once, with
 * threads (1 to 64); memory: 24 bytes per block, 8 MiB a thread meanwhile. */
struct error *snapshot_file_open(const char *path, unsigned threads,
                                 struct snapshot_file **out) ERROR_CHECK;
/* The same for a descriptor that can be read at any place; it becomes the file's own, also after an
 * error. */
struct error *snapshot_file_adopt(int descriptor, unsigned threads,
                                  struct snapshot_file **out) ERROR_CHECK;
void snapshot_file_close(struct snapshot_file *file);

/* NULL when the file has no such chunk. */
const struct snapshot_chunk *snapshot_chunk_find(const struct snapshot_file *file, uint32_t tag);
/* ERROR_FORMAT when the file has no such chunk. */
struct error *snapshot_chunk_require(const struct snapshot_file *file, uint32_t tag,
                                     const struct snapshot_chunk **out) ERROR_CHECK;

/* Takes the contents of a block; the bytes are gone when it returns. Called from several threads at
 * once, for each block once. */
typedef struct error *(*snapshot_decode)(void *context, const struct snapshot_block *block,
                                         struct cursor *bytes);
struct error *snapshot_read_blocks(struct snapshot_file *file, const struct snapshot_chunk *chunk,
                                   snapshot_decode decode, void *context) ERROR_CHECK;

/* All of a chunk in one piece, to be freed with free(). ERROR_LIMIT beyond limit raw bytes. */
struct error *snapshot_read_bytes(struct snapshot_file *file, const struct snapshot_chunk *chunk,
                                  uint64_t limit, uint8_t **out_bytes,
                                  uint64_t *out_size) ERROR_CHECK;

/* ERROR_FORMAT: what is wrong inside a block whose checksum is right. */
struct error *snapshot_damage(const struct snapshot_block *block, const char *what) ERROR_CHECK;
/* The same for a chunk. */
struct error *snapshot_chunk_damage(const struct snapshot_file *file,
                                    const struct snapshot_chunk *chunk,
                                    const char *what) ERROR_CHECK;

#endif
