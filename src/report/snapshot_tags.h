/* The chunks that report adds to a snapshot. Private to report. */
#ifndef LEAKHOUND_REPORT_SNAPSHOT_TAGS_H
#define LEAKHOUND_REPORT_SNAPSHOT_TAGS_H

#include "graph/snapshot_file.h"

#define TAG_META SNAPSHOT_TAG('M', 'E', 'T', 'A')
#define TAG_REPORT SNAPSHOT_TAG('R', 'E', 'P', 'T')
#define TAG_TYPES SNAPSHOT_TAG('T', 'Y', 'P', 'E') /* numbers by object */
#define TAG_TYPE_NAMES SNAPSHOT_TAG('T', 'N', 'A', 'M')
#define TAG_ROOT_NAMES SNAPSHOT_TAG('R', 'N', 'A', 'M')
#define TAG_GOROUTINES SNAPSHOT_TAG('G', 'O', 'R', 'O')
#define TAG_COLLECTIONS SNAPSHOT_TAG('C', 'O', 'L', 'L') /* optional */
#define TAG_CORE SNAPSHOT_TAG('C', 'O', 'R', 'E')        /* the memory's contents: optional */

/* Memory that the rows of a chunk may take: 1 MiB, and so much for each byte that it has in the
 * file. A row of a few bytes can have a few dozen in memory, and blocks are compressed. */
enum { MEMORY_PER_STORED_BYTE = 1024 };
static inline uint64_t snapshot_memory_of(const struct snapshot_chunk *chunk)
{
    return ((uint64_t)1 << 20) + chunk->stored_bytes * MEMORY_PER_STORED_BYTE;
}

#endif
