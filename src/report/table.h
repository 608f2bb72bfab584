/*
 * Tables of text that fit the width they are given: number columns as wide as they need, the others
 * share the rest; long names first lose the directories of their packages (a whole column at
 * once, so that equal things look equal), then their middle.
 */
#ifndef LEAKHOUND_REPORT_TABLE_H
#define LEAKHOUND_REPORT_TABLE_H

#include "report/lines.h"

#define TABLE_MAX_COLUMNS 8

struct table_column {
    const char *title;
    bool right;    /* numbers; the others are names and may be cut */
    unsigned from; /* leave the column out on terminals narrower than this */
};

struct table_row {
    const char *cells[TABLE_MAX_COLUMNS]; /* clean; NULL is as "" */
    enum text_color color;                /* of the first cell */
    const char *below[3];                 /* clean lines under the row, cut to fit; NULL: none */
    unsigned below_at;                    /* the column at which they begin */
};

/* Columns in which every cell is empty are left out with their title. The arrays stay the caller's;
 * cells may be replaced by shorter ones. O(cells). */
void table_write(struct lines *lines, const struct table_column *columns, unsigned column_count,
                 struct table_row *rows, uint64_t row_count);

#endif
