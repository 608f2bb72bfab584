/* The fixed parts of a snapshot file, shared by its writer and its reader. Private to graph. */
#ifndef LEAKHOUND_GRAPH_SNAPSHOT_LAYOUT_H
#define LEAKHOUND_GRAPH_SNAPSHOT_LAYOUT_H

#include <string.h>
#include <zlib.h>

#include "graph/snapshot_file.h"

enum {
    FILE_HEADER_BYTES = 32,  /* magic 8, format 4, 0 (16), checksum 4 */
    BLOCK_HEADER_BYTES = 24, /* tag, flags, number, raw, stored, checksum: 4 each */
    INDEX_ENTRY_BYTES = 24,  /* offset 8, tag, flags, raw, stored: 4 each */
    TRAILER_BYTES = 32,      /* magic 8, length of the file 8, offset of the index 8, 0 (4),
                                checksum 4 */
    BLOCKS_MAX = 1 << 22,    /* of a file */
};

#define FILE_MAGIC "\x89LHSNAP\n"
#define TRAILER_MAGIC "LHSNEND\n"
#define INDEX_TAG SNAPSHOT_TAG('I', 'N', 'D', 'X')

/* CRC-32 of two pieces, one after the other. */
static inline uint32_t checksum(const void *a, uint64_t a_bytes, const void *b, uint64_t b_bytes)
{
    uLong sum = crc32_z(crc32_z(0, NULL, 0), a, a_bytes);
    return (uint32_t)(b_bytes ? crc32_z(sum, b, b_bytes) : sum);
}

static inline void put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}
static inline void put_u64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}
static inline uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}
static inline uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

#endif
