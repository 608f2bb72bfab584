#include "report/lines.h"

#include <string.h>

#include "report/cells.h"

enum { DEFAULT_COLUMNS = 100, LEAST_COLUMNS = 40, MOST_COLUMNS = 400, DEFAULT_TOP = 10 };

struct lines lines_begin(FILE *out, const struct text_style *style, struct arena *arena)
{
    struct lines lines = {.out = out, .style = *style, .arena = arena};
    unsigned columns = style->columns ? style->columns : DEFAULT_COLUMNS;
    lines.style.columns = MIN_OF(MAX_OF(columns, (unsigned)LEAST_COLUMNS), (unsigned)MOST_COLUMNS);
    if (!lines.style.top)
        lines.style.top = DEFAULT_TOP;
    return lines;
}

static const char *color_code(enum text_color color)
{
    switch (color) {
    case BOLD:
        return "\033[1m";
    case DIM:
        return "\033[2m";
    case RED:
        return "\033[1;31m";
    case YELLOW:
        return "\033[33m";
    case CYAN:
        return "\033[36m";
    default:
        return "";
    }
}

/* Blanks at the end of a text are not written but wanted: they show only if more follows. */
void lines_add(struct lines *lines, enum text_color color, const char *text)
{
    size_t length = strlen(text), shown = length;
    while (shown && text[shown - 1] == ' ')
        shown--;
    unsigned at = MAX_OF(lines->column, lines->wanted), width = cells_width(text);
    lines->wanted = at + width;
    if (!shown)
        return;
    fprintf(lines->out, "%*s", (int)(at - lines->column), "");
    lines->column = at + width - (unsigned)(length - shown);
    bool colored = lines->style.color && color != PLAIN;
    fprintf(lines->out, "%s%.*s%s", colored ? color_code(color) : "", (int)shown, text,
            colored ? "\033[0m" : "");
}

void lines_to(struct lines *lines, unsigned column)
{
    lines->wanted = column;
}

void lines_right(struct lines *lines, enum text_color color, const char *text, unsigned end)
{
    unsigned width = cells_width(text);
    lines_to(lines, end > width ? end - width : 0);
    lines_add(lines, color, text);
}

void lines_end(struct lines *lines)
{
    fputc('\n', lines->out);
    lines->column = lines->wanted = 0;
}

void lines_bar(struct lines *lines, enum text_color color, uint64_t part, uint64_t whole,
               unsigned width)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (!part || !whole || !width)
        return;
    unsigned steps = lines->style.utf8 ? 8 : 1;
    double share = MIN_OF((double)part / (double)whole, 1.0);
    unsigned length = (unsigned)(share * width * steps + 0.5);
    if (length == 0)
        length = 1;
    char *bar = arena_alloc(lines->arena, 3 * (uint64_t)width + 4), *end = bar;
    for (unsigned i = 0; i < length / steps; i++)
        end = stpcpy(end, lines->style.utf8 ? "█" : "#");
    strcpy(end, eighths[length % steps]);
    lines_add(lines, color, bar);
}

/* The longest beginning of text that fits room columns and ends with a word, at least one word. */
static size_t words_within(struct lines *lines, const char *text, unsigned room)
{
    size_t fits = strcspn(text, " ");
    unsigned width = cells_width(arena_copy_string(lines->arena, text, fits));
    for (size_t next = fits; text[next];) {
        size_t end = next + strspn(text + next, " ");
        end += strcspn(text + end, " ");
        width += cells_width(arena_copy_string(lines->arena, text + next, end - next));
        if (width > room)
            break;
        fits = next = end;
    }
    return fits;
}

void lines_wrap(struct lines *lines, enum text_color color, const char *text, unsigned indent)
{
    text += strspn(text, " ");
    while (*text) {
        unsigned at = MAX_OF(lines->column, lines->wanted);
        unsigned room = lines->style.columns > at ? lines->style.columns - at : 1;
        size_t length = words_within(lines, text, room);
        const char *row = arena_copy_string(lines->arena, text, length);
        lines_add(lines, color, cells_fit(lines->arena, row, room, lines->style.utf8));
        text += length;
        text += strspn(text, " ");
        if (*text) {
            lines_end(lines);
            lines_to(lines, indent);
        }
    }
    lines_end(lines);
}

void lines_parts(struct lines *lines, const char *const *parts, unsigned count,
                 const char *separator, unsigned indent)
{
    unsigned comma = (unsigned)strcspn(separator, " "); /* of the separator: may end a line */
    for (unsigned i = 0; i < count; i++) {
        unsigned width = cells_width(parts[i]) + (i + 1 < count ? comma : 0);
        unsigned at = MAX_OF(lines->column, lines->wanted);
        if (i && at + cells_width(separator) + width > lines->style.columns) {
            lines_add(lines, PLAIN, arena_copy_string(lines->arena, separator, comma));
            lines_end(lines);
            lines_to(lines, indent);
        } else if (i) {
            lines_add(lines, PLAIN, separator);
        }
        at = MAX_OF(lines->column, lines->wanted);
        unsigned behind = i + 1 < count ? comma : 0;
        unsigned room = lines->style.columns > at + behind ? lines->style.columns - at - behind : 1;
        lines_add(lines, i ? PLAIN : BOLD,
                  cells_fit(lines->arena, parts[i], room, lines->style.utf8));
    }
    lines_end(lines);
}
