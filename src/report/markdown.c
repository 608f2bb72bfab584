#include "report/markdown.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "report/cells.h"

enum { DEFAULT_COLUMNS = 100, LEAST_COLUMNS = 40, CODE_INDENT = 4, TAB_COLUMNS = 4 };

/* A part of a word: "`m`," is two, the second glued to the first. */
struct piece {
    enum text_color color;
    const char *text;
    bool glued;
};

struct pieces {
    struct lines *lines;
    struct piece *data;
    unsigned count;
    bool is_glued; /* the next one follows without a blank */
};

static const char *clean(struct lines *lines, const char *text, size_t length)
{
    const char *copy = arena_copy_string(lines->arena, text, length);
    return cells_clean(lines->arena, copy, lines->style.utf8);
}

/* Splits text[0, length) at blanks. */
static void add_pieces(struct pieces *pieces, enum text_color color, const char *text,
                       size_t length)
{
    const char *end = text + length;
    while (text < end) {
        if (*text == ' ') {
            pieces->is_glued = false;
            text++;
            continue;
        }
        const char *next = memchr(text, ' ', (size_t)(end - text));
        if (!next)
            next = end;
        pieces->data[pieces->count++] = (struct piece){
            color, clean(pieces->lines, text, (size_t)(next - text)), pieces->is_glued};
        pieces->is_glued = true;
        text = next;
    }
}

/* "[text](target)" at text: adds it and returns its end; NULL when there is none. */
static const char *add_link(struct pieces *pieces, enum text_color color, const char *text)
{
    const char *middle = strstr(text, "](");
    const char *end = middle ? strchr(middle, ')') : NULL;
    if (!end)
        return NULL;
    const char *target = middle + 2;
    size_t length = (size_t)(end - target);
    add_pieces(pieces, color, text + 1, (size_t)(middle - text - 1));
    bool is_page = length > 3 && memcmp(end - 3, ".md", 3) == 0 && !memchr(target, '/', length);
    if (!is_page) {
        pieces->is_glued = false;
        add_pieces(pieces, color, target - 1, length + 2); /* with its brackets */
    }
    return end + 1;
}

static struct pieces inline_pieces(struct lines *lines, enum text_color color, const char *text)
{
    struct pieces pieces = {.lines = lines};
    pieces.data = arena_alloc(lines->arena, (strlen(text) + 1) * sizeof(struct piece));
    bool is_bold = false;
    while (*text) {
        enum text_color here = is_bold ? BOLD : color;
        const char *end;
        if (*text == '`' && (end = strchr(text + 1, '`'))) {
            add_pieces(&pieces, here == PLAIN ? CYAN : here, text + 1, (size_t)(end - text - 1));
            text = end + 1;
        } else if (strncmp(text, "**", 2) == 0) {
            is_bold = !is_bold;
            text += 2;
        } else if (*text == '[' && (end = add_link(&pieces, here, text))) {
            text = end;
        } else {
            size_t length = 1 + strcspn(text + 1, "`*[");
            add_pieces(&pieces, here, text, length);
            text += length;
        }
    }
    return pieces;
}

static void write_words(struct lines *lines, enum text_color color, const char *text,
                        unsigned indent)
{
    struct pieces pieces = inline_pieces(lines, color, text);
    struct piece run = {.text = ""}; /* what of the line has one colour and is not written yet */
    unsigned at = MAX_OF(lines->column, lines->wanted);
    for (unsigned i = 0; i < pieces.count;) {
        unsigned end = i + 1, width = cells_width(pieces.data[i].text);
        for (; end < pieces.count && pieces.data[end].glued; end++)
            width += cells_width(pieces.data[end].text);
        if (i && at + 1 + width > lines->style.columns) {
            lines_add(lines, run.color, run.text);
            run.text = "";
            lines_end(lines);
            lines_to(lines, indent);
            at = indent;
        } else if (i) {
            run.text = arena_printf(lines->arena, "%s ", run.text);
            at++;
        }
        for (; i < end; i++) {
            const struct piece *next = &pieces.data[i];
            if (next->color != run.color) {
                lines_add(lines, run.color, run.text);
                run = (struct piece){.color = next->color, .text = ""};
            }
            run.text = arena_printf(lines->arena, "%s%s", run.text, next->text);
        }
        at += width;
    }
    lines_add(lines, run.color, run.text);
    lines_end(lines);
}

static void write_code(struct lines *lines, const char *line, size_t length)
{
    unsigned tabs = 0;
    while (tabs < length && line[tabs] == '\t')
        tabs++;
    lines_to(lines, CODE_INDENT + tabs * TAB_COLUMNS);
    lines_add(lines, PLAIN, clean(lines, line + tabs, length - tabs));
    lines_end(lines);
}

static const char *upper(struct arena *arena, const char *text)
{
    char *copy = arena_copy_string(arena, text, strlen(text));
    for (char *next = copy; *next; next++)
        *next = (char)toupper((unsigned char)*next);
    return copy;
}

/* Writes a paragraph, heading or item, whose lines were joined. */
static void write_block(struct lines *lines, const char *text)
{
    if (strncmp(text, "# ", 2) == 0) {
        write_words(lines, BOLD, text + 2, 0);
    } else if (strncmp(text, "## ", 3) == 0) {
        write_words(lines, BOLD, upper(lines->arena, text + 3), 0);
    } else if (strncmp(text, "- ", 2) == 0) {
        lines_to(lines, 2);
        lines_add(lines, PLAIN, "-");
        lines_to(lines, 4);
        write_words(lines, PLAIN, text + 2, 4);
    } else if (*text) {
        write_words(lines, PLAIN, text, 0);
    }
}

/* Headings end with their line, items begin with theirs; all else goes on until a blank line. */
static void write_blocks(struct lines *lines, const char *text)
{
    const char *block = ""; /* the joined lines of what is not written yet */
    bool is_code = false;
    while (*text) {
        size_t length = strcspn(text, "\n");
        bool is_fence = strncmp(text, "```", 3) == 0;
        bool begins = is_fence || !length || *text == '#' || strncmp(text, "- ", 2) == 0;
        if (!is_code && (begins || *block == '#')) {
            write_block(lines, block);
            block = "";
        }
        if (is_fence)
            is_code = !is_code;
        else if (is_code)
            write_code(lines, text, length);
        else if (!length)
            lines_end(lines);
        else
            block =
                arena_printf(lines->arena, "%s%s%.*s", block, *block ? " " : "", (int)length, text);
        text += length + (text[length] == '\n');
    }
    write_block(lines, block);
}

struct error *markdown_write_text(const char *text, const struct text_style *style, FILE *out)
{
    struct arena arena;
    arena_init(&arena);
    struct lines lines = {.out = out, .style = *style, .arena = &arena};
    unsigned columns = style->columns ? style->columns : DEFAULT_COLUMNS;
    lines.style.columns = MAX_OF(columns, (unsigned)LEAST_COLUMNS);
    errno = 0;
    write_blocks(&lines, text);
    arena_deinit(&arena);
    if (fflush(out) != 0 || ferror(out))
        return error_os(errno ? errno : EIO, "could not write the output");
    return NULL;
}
