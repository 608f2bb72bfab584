#include "gort/gc_program.h"

#include "base/cursor.h"

static bool bit_at(const uint8_t *bytes, uint64_t i)
{
    return (bytes[i / 8] >> (i % 8)) & 1;
}

static void put_bit(uint8_t *mask, uint64_t i, bool bit)
{
    mask[i / 8] = (uint8_t)(mask[i / 8] | (bit << (i % 8)));
}

/*
 * Instructions: 0nnnnnnn = n literal bits follow, in (n + 7) / 8 bytes (0: the end);
 * 1nnnnnnn c = repeat the previous n bits c times, n as a varint when its bits here are 0.
 */
struct error *gc_program_expand(const uint8_t *program, uint64_t size, uint64_t bits, uint8_t *mask)
{
    struct cursor c = cursor_make(program, size);
    uint64_t done = 0;
    while (done < bits) {
        uint64_t start = c.position;
        uint8_t instruction = cursor_u8(&c);
        uint64_t n = instruction & 0x7f;
        if (!cursor_failed(&c) && instruction == 0)
            return NULL;
        if (!(instruction & 0x80)) {
            const uint8_t *literal = cursor_take(&c, (n + 7) / 8);
            if (!literal)
                return error_format(start, "a GC program runs over its end");
            for (uint64_t i = 0; i < n && done < bits; i++, done++)
                put_bit(mask, done, bit_at(literal, i));
            continue;
        }
        if (n == 0)
            n = cursor_uleb(&c);
        uint64_t count = cursor_uleb(&c), total;
        if (cursor_failed(&c) || n == 0 || n > done || __builtin_mul_overflow(n, count, &total))
            return error_format(start, "a GC program repeats what is not there");
        for (uint64_t i = 0; i < total && done < bits; i++, done++)
            put_bit(mask, done, bit_at(mask, done - n));
    }
    return NULL;
}
