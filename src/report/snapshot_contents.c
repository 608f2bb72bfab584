#include "report/snapshot_contents.h"

#include <string.h>

#include "report/snapshot_tags.h"
#include "target/core_file.h"
#include "target/core_image.h"

/*
 * A block of the chunk: how many bytes of the core it stands for (4 bytes), a bit for each of their
 * pages that is not all zeros, and those pages. All blocks but the last stand for BLOCK_BYTES.
 */
enum {
    PAGE = 4096,
    BLOCK_PAGES = 1024,
    BLOCK_BYTES = BLOCK_PAGES * PAGE,
    LENGTH_BYTES = 4,
};
_Static_assert(LENGTH_BYTES + BLOCK_PAGES / 8 + BLOCK_BYTES <= SNAPSHOT_BLOCK_MAX,
               "a block of the contents is one of the file");
_Static_assert((int)BLOCK_PAGES <= (int)CORE_PLAN_PAGES_AT_ONCE, "one read a block");

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + PAGE - 1) / PAGE;
}

/* -- writing --------------------------------------------------------------------------------- */

/* The pages are read to where they would stand if all had data, and then moved together. */
static struct error *encode_block(void *context, uint64_t number, uint8_t *bytes,
                                  uint64_t *out_size)
{
    const struct core_image *image = context;
    bool is_data[BLOCK_PAGES];
    uint64_t offset = number * BLOCK_BYTES;
    uint32_t n = (uint32_t)MIN_OF(image->bytes - offset, (uint64_t)BLOCK_BYTES);
    uint64_t pages = pages_of(n), map_bytes = (pages + 7) / 8;
    uint8_t *map = bytes + LENGTH_BYTES, *from = map + map_bytes, *to = from;
    TRY(core_image_read(image, offset, n, from, is_data));
    memcpy(bytes, &n, sizeof(n));
    memset(map, 0, map_bytes);
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t size = MIN_OF((uint64_t)PAGE, n - i * PAGE);
        if (!is_data[i])
            continue;
        map[i / 8] = (uint8_t)(map[i / 8] | 1u << i % 8);
        memmove(to, from + i * PAGE, size);
        to += size;
    }
    *out_size = (uint64_t)(to - bytes);
    return NULL;
}

struct error *snapshot_write_contents(struct snapshot_writer *writer,
                                      const struct core_image *image)
{
    uint64_t blocks = (image->bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    return snapshot_write_blocks(writer, TAG_CORE, SNAPSHOT_ZSTD | SNAPSHOT_OPTIONAL, blocks,
                                 encode_block, (void *)(uintptr_t)image);
}

/* -- reading --------------------------------------------------------------------------------- */

struct extraction {
    struct core_file file;
    const struct snapshot_chunk *chunk;
    uint64_t bytes; /* of the core; set by the thread that has the last block */
};

/* What a block stands for: its pages of data, checked. */
struct part {
    uint64_t bytes, pages;
    const uint8_t *map, *data;
    uint64_t data_bytes;
};

static bool has_page(const struct part *part, uint64_t page)
{
    return part->map[page / 8] >> page % 8 & 1;
}

static struct error *parse_block(const struct snapshot_block *block, bool is_last,
                                 struct cursor *bytes, struct part *out)
{
    struct part part = {.bytes = cursor_u32(bytes)};
    part.pages = pages_of(part.bytes);
    if (cursor_failed(bytes) || !part.bytes || part.bytes > BLOCK_BYTES ||
        (!is_last && part.bytes != BLOCK_BYTES))
        return snapshot_damage(block, "a block of the contents has an impossible length");
    uint64_t map_bytes = (part.pages + 7) / 8, expected = 0;
    part.map = cursor_take(bytes, map_bytes);
    if (!part.map)
        return snapshot_damage(block, "a block of the contents ends within its page map");
    for (uint64_t i = 0; i < map_bytes * 8; i++) {
        if (has_page(&part, i) && i >= part.pages)
            return snapshot_damage(block, "a page of the contents lies behind its block");
        if (has_page(&part, i))
            expected += MIN_OF((uint64_t)PAGE, part.bytes - i * PAGE);
    }
    part.data_bytes = bytes->size - bytes->position;
    part.data = cursor_take(bytes, part.data_bytes);
    if (part.data_bytes != expected || !part.data)
        return snapshot_damage(block, "a block of the contents has not the pages that it lists");
    *out = part;
    return NULL;
}

static struct error *decode_block(void *context, const struct snapshot_block *block,
                                  struct cursor *bytes)
{
    struct extraction *extraction = context;
    bool is_last = block->number + 1 == extraction->chunk->block_count;
    bool is_data[BLOCK_PAGES];
    CLEANUP_FREE uint8_t *pages = NULL;
    struct part part = {0};
    uint64_t offset = (uint64_t)block->number * BLOCK_BYTES;
    TRY(parse_block(block, is_last, bytes, &part));
    if (is_last)
        extraction->bytes = offset + part.bytes;
    TRY(memory_array(part.bytes, 1, &pages));
    for (uint64_t i = 0; i < part.pages; i++) {
        uint64_t size = MIN_OF((uint64_t)PAGE, part.bytes - i * PAGE);
        is_data[i] = has_page(&part, i);
        if (!is_data[i])
            continue;
        memcpy(pages + i * PAGE, part.data, size);
        part.data += size;
    }
    return core_file_write_pages(&extraction->file, offset, pages, part.bytes, is_data);
}

struct error *snapshot_extract_core(struct snapshot *snapshot, int descriptor, const char *name,
                                    struct snapshot_core *out)
{
    /* One thread takes the blocks in their order. */
    struct snapshot_file file = *snapshot->file;
    struct extraction extraction = {.chunk = snapshot_chunk_find(&file, TAG_CORE)};
    if (!extraction.chunk && !snapshot->meta.has_contents)
        return error_create(ERROR_USAGE,
                            "the snapshot holds no contents of the memory, so no core: make it "
                            "with leakhound snapshot --with-contents");
    TRY(snapshot_chunk_require(&file, TAG_CORE, &extraction.chunk));
    TRY(core_file_begin(descriptor, name, &extraction.file));
    TRY(core_file_check_room(&extraction.file, extraction.chunk->raw_bytes));
    if (!extraction.file.is_sparse)
        file.threads = 1;
    TRY(snapshot_read_blocks(&file, extraction.chunk, decode_block, &extraction));
    TRY(core_file_set_size(&extraction.file, extraction.bytes));
    *out = (struct snapshot_core){
        .file_bytes = extraction.bytes,
        .disk_bytes = core_file_disk_bytes(&extraction.file),
    };
    return NULL;
}
