/*
 * Names of a target on their way to a terminal and into JSON. Input: one byte of style (bit 0
 * UTF-8, the rest the width), then the name. What comes out must be visible characters only, no
 * wider than asked, and valid UTF-8; a cut must not change a name that fits.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "report/cells.h"
#include "report/json_writer.h"
#include "report/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_visible(const char *text, bool utf8)
{
    while (*text) {
        uint32_t character;
        text += utf8_decode(text, &character);
        assert(utf8_is_visible(character));
        assert(utf8 || character < 0x80);
    }
}

static void check_json(const char *name)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert(out);
    struct json_writer json = json_begin(out);
    json_string(&json, name);
    error_destroy(json_finish(&json));
    fclose(out);
    assert(size >= 3 && text[0] == '"' && text[size - 2] == '"' && text[size - 1] == '\n');
    text[size - 1] = '\0';
    check_visible(text, true);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena arena;
    arena_init(&arena);
    bool utf8 = data[0] & 1;
    unsigned width = data[0] >> 1;
    char *name = arena_copy_string(&arena, (const char *)data + 1, size - 1);

    const char *clean = cells_clean(&arena, name, utf8);
    check_visible(clean, utf8);
    const char *fitted = cells_fit(&arena, clean, width, utf8);
    check_visible(fitted, utf8);
    assert(cells_width(fitted) <= width);
    assert(cells_width(clean) > width || strcmp(fitted, clean) == 0);
    check_visible(cells_short_packages(&arena, clean), utf8);
    check_json(name);
    arena_deinit(&arena);
    return 0;
}
