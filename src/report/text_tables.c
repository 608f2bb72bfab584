#include "report/text_tables.h"

#include <string.h>

#include "base/units.h"
#include "report/cells.h"
#include "report/table.h"
#include "report/text_path.h"

enum {
    ROWS_WITH_PATH = 3,
    NAMES_OF_A_SET = 8,
    ROWS_AT_LEAST = 3,
    PATH_INDENT = 4,
    WIDE = 90,
    MIDDLE = 70
};

/* Shorter waits are what goroutines do all day. */
static const uint64_t long_wait_ns = 60ull * 1000000000;

static const char *clean(struct lines *lines, const char *text)
{
    return cells_clean(lines->arena, text, lines->style.utf8);
}

static const char *type_text(struct lines *lines, const char *type, bool guessed)
{
    const char *text = clean(lines, type);
    return *text && guessed ? arena_printf(lines->arena, "%s?", text) : text;
}

static struct table_row *allocate_rows(struct lines *lines, uint64_t count)
{
    return arena_alloc(lines->arena, (count + 1) * sizeof(struct table_row));
}

/* Rows whose share would read "<0.1 %" tell nothing when there are others. */
static bool is_noise(const struct report *report, uint64_t bytes, uint64_t rows_before)
{
    return rows_before >= ROWS_AT_LEAST && bytes < report->memory.heap_live / 2000;
}

/* ---- holders ---- */

static void put_sizes(struct lines *lines, const struct report *report, uint64_t bytes,
                      struct table_row *row)
{
    row->cells[1] = units_size(lines->arena, bytes);
    row->cells[2] = units_share(lines->arena, bytes, report->memory.heap_live);
}

static struct table_row holder_row(struct lines *lines, const struct report *report,
                                   const struct report_holder *holder, uint64_t index)
{
    struct table_row row = {.below_at = PATH_INDENT};
    row.cells[0] = clean(lines, holder->name);
    if (!*row.cells[0])
        row.cells[0] = arena_printf(lines->arena, "a %s without a name",
                                    holder->kind && *holder->kind ? holder->kind : "holder");
    put_sizes(lines, report, holder->retained_bytes, &row);
    row.cells[3] = units_count(lines->arena, holder->objects);
    row.cells[4] = type_text(lines, holder->type, holder->type_guessed);

    unsigned below = 0;
    if (holder->found_by && *holder->found_by)
        row.below[below++] = clean(lines, holder->found_by);
    /* The way in matters for the top few and for whatever else is large. */
    uint64_t least = report->memory.heap_live / (index < ROWS_WITH_PATH ? 100 : 10);
    if (holder->retained_bytes >= least)
        row.below[below] = text_path(lines, holder, lines->style.columns - PATH_INDENT);
    return row;
}

static struct table_row shared_row(struct lines *lines, const struct report *report,
                                   const struct report_shared *shared)
{
    struct table_row row = {.below_at = PATH_INDENT};
    const char *names = "";
    uint32_t listed = MIN_OF(shared->name_count, (uint32_t)NAMES_OF_A_SET);
    for (uint32_t i = 0; i < listed; i++)
        names = arena_printf(lines->arena, "%s%s%s", names, i ? " + " : "",
                             clean(lines, shared->names[i]));
    if (shared->more || listed < shared->name_count)
        names = arena_printf(lines->arena, "%s + others", names);
    row.cells[0] = arena_printf(lines->arena, "%s (together)", names);
    /* Too long for the column: the names get a line of their own. */
    if (cells_width(row.cells[0]) > lines->style.columns * 2 / 5) {
        row.cells[0] = arena_printf(lines->arena, "%s holders%s together",
                                    units_count(lines->arena, shared->name_count),
                                    shared->more ? " and more" : "");
        row.below[0] = names;
    }
    put_sizes(lines, report, shared->retained_bytes, &row);
    row.cells[3] = units_count(lines->arena, shared->objects);
    row.cells[4] = type_text(lines, shared->type, false);
    return row;
}

void text_holders(struct lines *lines, const struct report *report)
{
    static const struct table_column columns[] = {
        {.title = "HOLDERS"},
        {.title = "retained", .right = true},
        {.title = "share", .right = true},
        {.title = "objects", .right = true, .from = WIDE},
        {.title = "type", .from = MIDDLE},
    };
    const uint64_t holders = report->holders.count, sets = report->shared.count;
    if (!holders && !sets)
        return;
    uint64_t most = MIN_OF(holders + sets, (uint64_t)lines->style.top);
    uint64_t count = 0, h = 0, s = 0, listed = 0;
    struct table_row *rows = allocate_rows(lines, most);
    for (; count < most; count++) {
        const struct report_holder *holder = h < holders ? &report->holders.data[h] : NULL;
        const struct report_shared *shared = s < sets ? &report->shared.data[s] : NULL;
        if (shared && (!holder || holder->retained_bytes < shared->retained_bytes))
            holder = NULL;
        uint64_t bytes = holder ? holder->retained_bytes : shared->retained_bytes;
        if (is_noise(report, bytes, count))
            break;
        rows[count] =
            holder ? holder_row(lines, report, holder, count) : shared_row(lines, report, shared);
        rows[count].color = count == 0 ? BOLD : PLAIN;
        listed += bytes;
        h += holder ? 1 : 0;
        s += holder ? 0 : 1;
    }
    uint64_t all = report->held_alone_bytes + report->shared_bytes;
    if (all > listed) {
        rows[count] = (struct table_row){.cells[0] = "all others", .color = DIM};
        put_sizes(lines, report, all - listed, &rows[count]);
        count++;
    }
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);
}

/* ---- types ---- */

void text_types(struct lines *lines, const struct report *report)
{
    static const struct table_column columns[] = {
        {.title = "TYPES"},
        {.title = "retained", .right = true},
        {.title = "own", .right = true},
        {.title = "share", .right = true, .from = MIDDLE},
        {.title = "objects", .right = true},
    };
    uint64_t most = MIN_OF(report->types.count, (uint64_t)lines->style.top), count = 0;
    if (!most)
        return;
    struct table_row *rows = allocate_rows(lines, most);
    bool guessed = false;
    for (; count < most; count++) {
        const struct report_type *type = &report->types.data[count];
        if (is_noise(report, MAX_OF(type->retained_bytes, type->bytes), count))
            break;
        rows[count] = (struct table_row){
            .cells = {type_text(lines, type->name, type->guessed),
                      units_size(lines->arena, type->retained_bytes),
                      units_size(lines->arena, type->bytes),
                      units_share(lines->arena, type->bytes, report->memory.heap_live),
                      units_count(lines->arena, type->count)},
        };
        if (!*rows[count].cells[0])
            rows[count].cells[0] = "(unknown)";
        guessed = guessed || type->guessed;
    }
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);

    double known = report->counts.typed_bytes_share + report->counts.guessed_bytes_share;
    uint64_t unknown = known < 1 ? (uint64_t)((1 - known) * 1000 + 0.5) : 0;
    const char *text = "";
    if (unknown)
        text = arena_printf(lines->arena, "The types of %s of the live bytes are not known.%s",
                            units_share(lines->arena, unknown, 1000), guessed ? " " : "");
    if (guessed)
        text = arena_printf(lines->arena, "%sA type with ? is a guess.", text);
    if (*text) {
        lines_to(lines, 2);
        lines_wrap(lines, DIM, text, 2);
    }
}

/* ---- goroutines ---- */

static const char *place(struct lines *lines, const char *function, const char *at)
{
    const char *name = clean(lines, function), *file = clean(lines, at);
    return arena_printf(lines->arena, "%s%s%s", name, *name && *file ? " " : "", file);
}

static struct table_row goroutine_row(struct lines *lines,
                                      const struct report_goroutine_group *group)
{
    struct table_row row = {.below_at = 12};
    row.cells[0] = units_count(lines->arena, group->count);
    row.cells[1] = clean(lines, group->state);
    row.cells[2] = units_size(lines->arena, group->held_bytes);
    row.cells[3] = units_size(lines->arena, group->stack_bytes);
    row.cells[4] = place(lines, group->top, group->top_at);

    const char *creator = place(lines, group->created_by, group->created_at), *below = "";
    if (group->system)
        below = "the runtime's own";
    else if (*creator && strncmp(creator, "runtime.", 8) != 0) /* which starts main.main */
        below = arena_printf(lines->arena, "started by %s", creator);
    if (group->longest_wait_ns >= long_wait_ns)
        below = arena_printf(lines->arena, "%s%swaiting for %s%s", below, *below ? ", " : "",
                             group->count > 1 ? "up to " : "",
                             units_duration(lines->arena, group->longest_wait_ns));
    row.below[0] = *below ? below : NULL;
    return row;
}

/* The runtime's own goroutines are of interest only when they hold something. */
static bool is_listed(const struct report *report, const struct report_goroutine_group *group)
{
    return !group->system || group->held_bytes > report->memory.heap_live / 100;
}

void text_goroutines(struct lines *lines, const struct report *report)
{
    static const struct table_column columns[] = {
        {.title = "GOROUTINES", .right = true},
        {.title = "state"},
        {.title = "hold", .right = true},
        {.title = "stacks", .right = true, .from = MIDDLE},
        {.title = "at"},
    };
    struct table_row *rows =
        allocate_rows(lines, MIN_OF(report->goroutine_groups.count, (uint64_t)lines->style.top));
    uint64_t count = 0, listed = 0;
    for (uint64_t i = 0; i < report->goroutine_groups.count && count < lines->style.top; i++) {
        const struct report_goroutine_group *group = &report->goroutine_groups.data[i];
        if (!is_listed(report, group))
            continue;
        rows[count++] = goroutine_row(lines, group);
        listed += group->system ? 0 : group->count;
    }
    if (!count)
        return;
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);
    if (report->counts.goroutines > listed) {
        lines_right(lines, DIM, units_count(lines->arena, report->counts.goroutines - listed), 10);
        lines_add(lines, DIM, "  others");
        lines_end(lines);
    }
}
