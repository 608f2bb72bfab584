#include "report/table.h"

#include <assert.h>

#include "report/cells.h"

enum { GAP = 2, SMALLEST_NAME = 8 };

struct layout {
    bool shown[TABLE_MAX_COLUMNS];
    unsigned width[TABLE_MAX_COLUMNS];
};

static void measure(const struct table_column *columns, unsigned count, unsigned terminal,
                    const struct table_row *rows, uint64_t row_count, struct layout *out)
{
    for (unsigned c = 0; c < count; c++) {
        unsigned widest = 0;
        for (uint64_t r = 0; r < row_count; r++)
            if (rows[r].cells[c])
                widest = MAX_OF(widest, cells_width(rows[r].cells[c]));
        out->shown[c] = c == 0 || (widest > 0 && terminal >= columns[c].from);
        out->width[c] = MAX_OF(widest, cells_width(columns[c].title));
    }
}

/* Columns left for the names when the numbers have theirs. */
static unsigned room_for_names(const struct table_column *columns, unsigned count,
                               unsigned terminal, const struct layout *layout, unsigned *out_names)
{
    unsigned taken = 0, names = 0, shown = 0;
    for (unsigned c = 0; c < count; c++) {
        if (!layout->shown[c])
            continue;
        shown++;
        if (columns[c].right)
            taken += layout->width[c];
        else
            names++;
    }
    taken += GAP * (shown - 1);
    *out_names = names;
    return MAX_OF(terminal > taken ? terminal - taken : 0, names * SMALLEST_NAME);
}

static unsigned width_of_names(const struct table_column *columns, unsigned count,
                               const struct layout *layout)
{
    unsigned sum = 0;
    for (unsigned c = 0; c < count; c++)
        if (layout->shown[c] && !columns[c].right)
            sum += layout->width[c];
    return sum;
}

/* What the others do not need goes to the first column, which says what a row is about; at least
 * three fifths when there is one other, more when the others are narrow. The others share the rest
 * in their order. */
static void share_room(const struct table_column *columns, unsigned count, struct layout *layout,
                       unsigned room, unsigned names)
{
    unsigned others = width_of_names(columns, count, layout);
    for (unsigned c = 0; c < count; c++) {
        if (!layout->shown[c] || columns[c].right)
            continue;
        others -= layout->width[c];
        unsigned fair = names == 2 ? room * 3 / 5 : room / names;
        unsigned most = MAX_OF(fair, room > others ? room - others : 0);
        layout->width[c] = MIN_OF(layout->width[c], most);
        room -= layout->width[c];
        names--;
    }
}

static void shorten_names(struct lines *lines, const struct table_column *columns, unsigned count,
                          struct table_row *rows, uint64_t row_count)
{
    for (uint64_t r = 0; r < row_count; r++)
        for (unsigned c = 0; c < count; c++)
            if (!columns[c].right && rows[r].cells[c])
                rows[r].cells[c] = cells_short_packages(lines->arena, rows[r].cells[c]);
}

static void write_row(struct lines *lines, const struct table_column *columns, unsigned count,
                      const struct layout *layout, const char *const *cells, enum text_color first,
                      enum text_color others)
{
    unsigned at = 0;
    for (unsigned c = 0; c < count; c++) {
        if (!layout->shown[c])
            continue;
        const char *text = cells[c] ? cells[c] : "";
        enum text_color color = c == 0 ? first : others;
        if (columns[c].right) {
            lines_right(lines, color, text, at + layout->width[c]);
        } else {
            lines_to(lines, at);
            lines_add(lines, color,
                      cells_cut(lines->arena, text, layout->width[c], lines->style.utf8));
        }
        at += layout->width[c] + GAP;
    }
    lines_end(lines);
}

void table_write(struct lines *lines, const struct table_column *columns, unsigned column_count,
                 struct table_row *rows, uint64_t row_count)
{
    assert(column_count > 0 && column_count <= TABLE_MAX_COLUMNS);
    unsigned terminal = lines->style.columns, names;
    struct layout layout;
    measure(columns, column_count, terminal, rows, row_count, &layout);
    unsigned room = room_for_names(columns, column_count, terminal, &layout, &names);
    if (width_of_names(columns, column_count, &layout) > room) {
        shorten_names(lines, columns, column_count, rows, row_count);
        measure(columns, column_count, terminal, rows, row_count, &layout);
        share_room(columns, column_count, &layout, room, names);
    }
    const char *titles[TABLE_MAX_COLUMNS];
    for (unsigned c = 0; c < column_count; c++)
        titles[c] = columns[c].title;
    write_row(lines, columns, column_count, &layout, titles, BOLD, DIM);
    for (uint64_t r = 0; r < row_count; r++) {
        write_row(lines, columns, column_count, &layout, rows[r].cells, rows[r].color, PLAIN);
        for (unsigned b = 0; b < ARRAY_COUNT(rows[r].below); b++) {
            if (!rows[r].below[b])
                continue;
            lines_to(lines, rows[r].below_at);
            lines_add(lines, DIM,
                      cells_fit(lines->arena, rows[r].below[b], terminal - rows[r].below_at,
                                lines->style.utf8));
            lines_end(lines);
        }
    }
}
