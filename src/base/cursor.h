/*
 * Bounds-checked reading of foreign bytes (little endian). A cursor that has run over its end
 * stays there: every further read gives 0 and cursor_failed() is true, so that a decoder may read
 * a whole structure and check once.
 */
#ifndef LEAKHOUND_BASE_CURSOR_H
#define LEAKHOUND_BASE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *bytes;
    uint64_t size, position;
    bool failed;
};

static inline struct cursor cursor_make(const void *bytes, uint64_t size)
{
    return (struct cursor){.bytes = (const uint8_t *)bytes, .size = size};
}

static inline bool cursor_failed(const struct cursor *c)
{
    return c->failed;
}

static inline const uint8_t *cursor_take(struct cursor *c, uint64_t n)
{
    if (c->failed || n > c->size - c->position) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->bytes ? c->bytes + c->position : NULL;
    c->position += n;
    return p;
}

static inline void cursor_seek(struct cursor *c, uint64_t position)
{
    if (position > c->size)
        c->failed = true;
    else
        c->position = position;
}

#define CURSOR_READER(bits)                                                                        \
    static inline uint##bits##_t cursor_u##bits(struct cursor *c)                                  \
    {                                                                                              \
        uint##bits##_t v = 0;                                                                      \
        const uint8_t *p = cursor_take(c, sizeof(v));                                              \
        if (p)                                                                                     \
            memcpy(&v, p, sizeof(v));                                                              \
        return v;                                                                                  \
    }
CURSOR_READER(8)
CURSOR_READER(16)
CURSOR_READER(32)
CURSOR_READER(64)
#undef CURSOR_READER

/* Unsigned LEB128 of at most 64 bits; longer ones fail the cursor. */
static inline uint64_t cursor_uleb(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    c->failed = true;
    return 0;
}

/* Zero-terminated string within the bounds, or NULL (and failed). */
static inline const char *cursor_string(struct cursor *c)
{
    if (c->failed || c->position == c->size) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *start = c->bytes + c->position;
    const uint8_t *end = memchr(start, 0, c->size - c->position);
    if (!end) {
        c->failed = true;
        return NULL;
    }
    c->position += (uint64_t)(end - start) + 1;
    return (const char *)start;
}

#endif
