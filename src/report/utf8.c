#include "report/utf8.h"

#include "base/memory.h"

struct range {
    uint32_t first, last;
};

/* Unicode 15: general categories Cc, Cf, Zl, Zp, the common blocks of Mn and Me, fillers that draw
 * nothing, private use. */
static const struct range invisible[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},      {0x0300, 0x036f},
    {0x0483, 0x0489},   {0x0591, 0x05c7},   {0x0600, 0x0605},      {0x0610, 0x061c},
    {0x064b, 0x065f},   {0x06d6, 0x06e8},   {0x070f, 0x070f},      {0x115f, 0x1160},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x1ab0, 0x1aff},      {0x1dc0, 0x1dff},
    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},      {0x20d0, 0x20ff},
    {0x3164, 0x3164},   {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},      {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},      {0xfff0, 0xffff},
    {0x1bca0, 0x1bca3}, {0x1d165, 0x1d182}, {0xe0000, UINT32_MAX},
};

/* East Asian Width W and F, in blocks. */
static const struct range wide[] = {
    {0x1100, 0x115e},   {0x2e80, 0x303e},   {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},
    {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1b000, 0x1b2ff},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
};

static bool in_ranges(const struct range *ranges, uint64_t count, uint32_t character)
{
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (character > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && character >= ranges[low].first;
}

unsigned utf8_decode(const char *text, uint32_t *out)
{
    const uint8_t *bytes = (const uint8_t *)text;
    uint32_t lead = bytes[0], character, smallest;
    unsigned length;
    *out = UTF8_INVALID;
    if (lead < 0x80) {
        *out = lead;
        return 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
        length = 2, character = lead & 0x1f, smallest = 0x80;
    } else if ((lead & 0xf0) == 0xe0) {
        length = 3, character = lead & 0x0f, smallest = 0x800;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        length = 4, character = lead & 0x07, smallest = 0x10000;
    } else {
        return 1;
    }
    for (unsigned i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) /* also the terminating zero */
            return 1;
        character = character << 6 | (bytes[i] & 0x3f);
    }
    if (character < smallest || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 1;
    *out = character;
    return length;
}

bool utf8_is_visible(uint32_t character)
{
    return !in_ranges(invisible, ARRAY_COUNT(invisible), character);
}

unsigned utf8_columns(uint32_t character)
{
    return in_ranges(wide, ARRAY_COUNT(wide), character) ? 2 : 1;
}
