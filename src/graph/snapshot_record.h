/*
 * Structures as bytes of a snapshot, by tables that name their members: one table serves for
 * writing and reading, so that the two cannot differ.
 *
 * A record is its length in bytes and then its members in the order of the table. Tables only ever
 * grow at their end: a reader that knows fewer members skips the rest of a record, one that knows
 * more leaves what is missing zero. Numbers are unsigned LEB128, so that a member may grow from 32
 * to 64 bits.
 */
#ifndef LEAKHOUND_GRAPH_SNAPSHOT_RECORD_H
#define LEAKHOUND_GRAPH_SNAPSHOT_RECORD_H

#include <stddef.h>

#include "base/cursor.h"
#include "base/memory.h"

enum snapshot_member_kind {
    MEMBER_BOOL,
    MEMBER_U8,
    MEMBER_U32,
    MEMBER_U64,
    MEMBER_DOUBLE,  /* 8 bytes, IEEE 754 */
    MEMBER_STRING,  /* const char *; NULL is written as "", and what is read is never NULL */
    MEMBER_RECORD,  /* a structure inside the structure */
    MEMBER_RECORDS, /* pointer to an array of structures and a uint32_t count */
    MEMBER_VECTOR,  /* VECTOR() of structures */
    MEMBER_STRINGS, /* const char ** and a uint32_t count */
    MEMBER_U32S,    /* uint32_t * and a uint32_t count */
};

struct snapshot_table;
struct snapshot_member {
    enum snapshot_member_kind kind;
    size_t offset;
    size_t count_offset;                 /* …S: of the count */
    const struct snapshot_table *record; /* RECORD, RECORDS, VECTOR */
};
struct snapshot_table {
    size_t size; /* of the structure */
    const struct snapshot_member *members;
    unsigned count;
};

#define SNAPSHOT_MEMBER(kind, structure, member)                                                   \
    {                                                                                              \
        kind, offsetof(structure, member), 0, NULL                                                 \
    }
#define SNAPSHOT_ARRAY(kind, structure, member, count, record)                                     \
    {                                                                                              \
        kind, offsetof(structure, member), offsetof(structure, count), record                      \
    }
#define SNAPSHOT_VECTOR(structure, member, record)                                                 \
    {                                                                                              \
        MEMBER_VECTOR, offsetof(structure, member), 0, record                                      \
    }
#define SNAPSHOT_TABLE(structure, members)                                                         \
    {                                                                                              \
        sizeof(structure), members, ARRAY_COUNT(members)                                           \
    }

/* Bytes that are being put together. Zero-initialised it is empty; snapshot_bytes_deinit frees. */
struct snapshot_bytes {
    VECTOR(uint8_t) data;
};
struct error *snapshot_put(struct snapshot_bytes *bytes, const void *data,
                           uint64_t size) ERROR_CHECK;
struct error *snapshot_put_number(struct snapshot_bytes *bytes, uint64_t number) ERROR_CHECK;
struct error *snapshot_put_record(struct snapshot_bytes *bytes, const struct snapshot_table *table,
                                  const void *structure) ERROR_CHECK;
void snapshot_bytes_deinit(struct snapshot_bytes *bytes);

/*
 * Reads a record into a structure; strings and arrays are the arena's, vectors the structure's own
 * (to be freed with vector_deinit, also after an error). budget: bytes of memory that may still be
 * taken, counted down; ERROR_FORMAT, with the position in bytes, when they do not suffice or what
 * is there is no such record. Members that a short record leaves out stay as they are, but for
 * strings, which become "".
 */
struct error *snapshot_take_record(struct cursor *bytes, const struct snapshot_table *table,
                                   struct arena *arena, uint64_t *budget,
                                   void *structure) ERROR_CHECK;

/* LEB128 of a number, at most 10 bytes; returns the end. */
static inline uint8_t *snapshot_encode_number(uint8_t *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

#endif
