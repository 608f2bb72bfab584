#include "report/cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/utf8.h"

enum { CLEAN_MAX_BYTES = 4096 };

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* What stands for a character that cannot be shown; "" when it can. raw is its first byte. */
static void stand_in(uint32_t character, unsigned char raw, bool utf8, char out[16])
{
    out[0] = '\0';
    if (character == UTF8_INVALID)
        snprintf(out, 16, "\\x%02x", raw);
    else if (!utf8 && character == 0x2192)
        strcpy(out, "->");
    else if (!utf8 && character == 0x2026)
        strcpy(out, "...");
    else if (utf8_is_visible(character) && (utf8 || character < 0x80))
        return;
    else if (character == '\n')
        strcpy(out, "\\n");
    else if (character == '\t')
        strcpy(out, "\\t");
    else if (character < 0x80)
        snprintf(out, 16, "\\x%02" PRIx32, character);
    else if (character < 0x10000)
        snprintf(out, 16, "\\u%04" PRIx32, character);
    else
        snprintf(out, 16, "\\U%08" PRIx32, character);
}

static char *append(char *out, const char *bytes, size_t length)
{
    memcpy(out, bytes, length);
    return out + length;
}

/* Cleans text[0 … length) to out, which has room for 10 bytes per byte; returns the end. */
static char *clean_part(char *out, const char *text, size_t length, bool utf8)
{
    const char *end = text + length;
    while (text < end) {
        uint32_t character;
        unsigned bytes = utf8_decode(text, &character);
        char escape[16];
        stand_in(character, (unsigned char)*text, utf8, escape);
        out = *escape ? append(out, escape, strlen(escape)) : append(out, text, bytes);
        text += bytes;
    }
    return out;
}

const char *cells_clean(struct arena *arena, const char *text, bool utf8)
{
    if (!text)
        return "";
    size_t length = strlen(text);
    if (length <= CLEAN_MAX_BYTES) {
        char *clean = arena_alloc(arena, 10 * (uint64_t)length + 1);
        *clean_part(clean, text, length, utf8) = '\0';
        return clean;
    }
    size_t head = CLEAN_MAX_BYTES / 2, tail = length - CLEAN_MAX_BYTES / 2;
    while (head > CLEAN_MAX_BYTES / 2 - 4 && is_continuation(text[head]))
        head--;
    while (tail < length && is_continuation(text[tail]))
        tail++;
    char *clean = arena_alloc(arena, 10 * (uint64_t)CLEAN_MAX_BYTES + 64);
    char *out = clean_part(clean, text, head, utf8);
    out = append(out, utf8 ? "…" : "...", 3); /* three bytes, both */
    *clean_part(out, text + tail, length - tail, utf8) = '\0';
    return clean;
}

unsigned cells_width(const char *clean)
{
    unsigned width = 0;
    while (*clean) {
        uint32_t character;
        clean += utf8_decode(clean, &character);
        width += utf8_columns(character);
    }
    return width;
}

/* Characters of an import path as the linker writes it, with what may follow its last slash. */
static bool is_path_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("/._-~%+@", c)) || (unsigned char)c >= 0x80;
}

const char *cells_short_packages(struct arena *arena, const char *clean)
{
    char *result = arena_alloc(arena, strlen(clean) + 1), *out = result;
    while (*clean) {
        const char *end = clean, *last = clean;
        for (; is_path_byte(*end); end++)
            if (*end == '/')
                last = end + 1;
        if (end == clean) {
            *out++ = *clean++;
            continue;
        }
        if (last == end) /* ends in a slash: no package */
            last = clean;
        out = append(out, last, (size_t)(end - last));
        clean = end;
    }
    *out = '\0';
    return result;
}

const char *cells_cut(struct arena *arena, const char *clean, unsigned width, bool utf8)
{
    unsigned whole = cells_width(clean);
    if (whole <= width)
        return clean;
    const char *ellipsis = utf8 ? "…" : "...";
    unsigned gap = utf8 ? 1 : 3;
    if (width <= gap)
        return width ? (utf8 ? "…" : ".") : "";
    unsigned keep_head = (width - gap) * 2 / 5, keep_tail = width - gap - keep_head;
    const char *head = clean;
    unsigned head_width = 0;
    for (;;) {
        uint32_t character;
        unsigned bytes = utf8_decode(head, &character), columns = utf8_columns(character);
        if (head_width + columns > keep_head)
            break;
        head += bytes;
        head_width += columns;
    }
    const char *tail = head;
    for (unsigned left = whole - head_width; left > keep_tail;) {
        uint32_t character;
        tail += utf8_decode(tail, &character);
        left -= utf8_columns(character);
    }
    return arena_printf(arena, "%.*s%s%s", (int)(head - clean), clean, ellipsis, tail);
}

const char *cells_fit(struct arena *arena, const char *clean, unsigned width, bool utf8)
{
    if (cells_width(clean) <= width)
        return clean;
    return cells_cut(arena, cells_short_packages(arena, clean), width, utf8);
}
