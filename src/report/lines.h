/* Lines of text on a terminal or in a file: columns, colour, no blanks at the end of a line. */
#ifndef LEAKHOUND_REPORT_LINES_H
#define LEAKHOUND_REPORT_LINES_H

#include <stdio.h>

#include "base/memory.h"

/* How the reader's terminal is; decided by the command. */
struct text_style {
    unsigned columns; /* 0 = 100 */
    bool utf8, color;
    uint32_t top; /* rows of a table, 0 = 10 */
};

enum text_color { PLAIN, BOLD, DIM, RED, YELLOW, CYAN };

struct lines {
    FILE *out;
    struct text_style style;
    struct arena *arena; /* for texts that last as long as the writing */
    unsigned column;     /* of what is written */
    unsigned wanted;     /* where the next text goes */
};

/* Lines of a report: a style that does not say is as written above, and the columns are at least
 * 40 and at most 400. */
struct lines lines_begin(FILE *out, const struct text_style *style, struct arena *arena);

/* All texts are clean (cells.h). */
void lines_add(struct lines *lines, enum text_color color, const char *text);
/* The next text begins at that column, or where it stands when it is there already. */
void lines_to(struct lines *lines, unsigned column);
/* Ends the text at the column end. */
void lines_right(struct lines *lines, enum text_color color, const char *text, unsigned end);
void lines_end(struct lines *lines);

/* A bar of part / whole of width columns; eighths of a column where there is UTF-8. Something that
 * is not nothing gets at least the smallest bar. */
void lines_bar(struct lines *lines, enum text_color color, uint64_t part, uint64_t whole,
               unsigned width);

/* Words of text, broken at the right edge; lines after the first are indented. Ends the line. */
void lines_wrap(struct lines *lines, enum text_color color, const char *text, unsigned indent);

/* The given parts joined by separator, broken between parts at the right edge, where only the
 * separator's beginning up to its first blank is kept; the first part is bold. Ends the line. */
void lines_parts(struct lines *lines, const char *const *parts, unsigned count,
                 const char *separator, unsigned indent);

#endif
