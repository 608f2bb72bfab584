#include "report/diff_text.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "report/cells.h"
#include "report/table.h"
#include "report/text_findings.h"
#include "report/text_path.h"

enum { NAMES_OF_A_SET = 8, ROWS_WITH_PATH = 3, PATH_INDENT = 4, WIDE = 90, MIDDLE = 70 };

static const char *clean(struct lines *lines, const char *text)
{
    return cells_clean(lines->arena, text, lines->style.utf8);
}

/* "+198 MiB", "-12 KiB", "0 B" */
static const char *growth_size(struct arena *arena, struct diff_amount amount)
{
    uint64_t grown = diff_grown(amount), shrunk = diff_shrunk(amount);
    return arena_printf(arena, "%s%s",
                        grown    ? "+"
                        : shrunk ? "-"
                                 : "",
                        units_size(arena, grown ? grown : shrunk));
}

static const char *growth_count(struct arena *arena, struct diff_amount amount)
{
    uint64_t grown = diff_grown(amount), shrunk = diff_shrunk(amount);
    return arena_printf(arena, "%s%s",
                        grown    ? "+"
                        : shrunk ? "-"
                                 : "",
                        units_count(arena, grown ? grown : shrunk));
}

/* "+34.0 %"; "" when there was nothing before, or next to nothing */
static const char *growth_share(struct arena *arena, struct diff_amount amount)
{
    uint64_t grown = diff_grown(amount), shrunk = diff_shrunk(amount);
    if (amount.before <= grown / 100 || (!grown && !shrunk))
        return "";
    return arena_printf(arena, "%s%s", grown ? "+" : "-",
                        units_share(arena, grown ? grown : shrunk, amount.before));
}

/* ---- the answer ---- */

static const char *holder_name(const struct diff_holder *row, bool utf8, struct arena *arena)
{
    if (!row->name_count) {
        const char *name = cells_clean(arena, row->name, utf8);
        return *name ? name
                     : arena_printf(arena, "a %s without a name",
                                    cells_clean(arena, row->kind, utf8));
    }
    const char *names = "";
    uint32_t listed = MIN_OF(row->name_count, (uint32_t)NAMES_OF_A_SET);
    for (uint32_t i = 0; i < listed; i++)
        names = arena_printf(arena, "%s%s%s", names, i ? " + " : "",
                             cells_clean(arena, row->names[i], utf8));
    return row->more || listed < row->name_count ? arena_printf(arena, "%s + others", names)
                                                 : names;
}

/* The row that grew most, or shrank most; NULL when none did. */
static const struct diff_holder *leading_row(const struct diff *diff, bool grew)
{
    const struct diff_holder *best = NULL;
    uint64_t most = 0;
    for (uint64_t i = 0; i < diff->holders.count; i++) {
        const struct diff_holder *row = &diff->holders.data[i];
        uint64_t bytes = grew ? diff_grown(row->bytes) : diff_shrunk(row->bytes);
        if (bytes > most) {
            most = bytes;
            best = row;
        }
    }
    return best;
}

static const char *objects_part(struct arena *arena, struct diff_amount objects)
{
    uint64_t grown = diff_grown(objects), shrunk = diff_shrunk(objects);
    if (!grown && !shrunk)
        return "";
    return arena_printf(arena, ", %s%s object%s", grown ? "+" : "-",
                        units_rough_count(arena, grown ? grown : shrunk),
                        grown + shrunk == 1 ? "" : "s");
}

/* "; most of it: main.sessions +198 MiB, +1.2 M objects" */
static const char *leading_text(const struct diff_holder *row, const char *what, bool utf8,
                                struct arena *arena)
{
    /* A name that the program does not know says little without the type. */
    bool made_up = row->shown && row->shown->found_by && *row->shown->found_by;
    const char *type = made_up ? cells_clean(arena, row->type, utf8) : "";
    return arena_printf(arena, "; %s: %s%s%s%s %s%s", what, holder_name(row, utf8, arena),
                        *type ? " (" : "", type, *type ? ")" : "", growth_size(arena, row->bytes),
                        objects_part(arena, row->objects));
}

const char *diff_answer(const struct diff *diff, bool utf8, struct arena *arena)
{
    const char *time = diff->has_interval && diff->interval_ns
                           ? arena_printf(arena, " in %s", units_duration(arena, diff->interval_ns))
                           : "";
    uint64_t grown = diff_grown(diff->live), shrunk = diff_shrunk(diff->live);
    const struct diff_holder *up = leading_row(diff, true), *down = leading_row(diff, false);
    const char *share = growth_share(arena, diff->live), *text;
    if (!grown && !shrunk)
        text = arena_printf(arena, "live heap unchanged%s: %s", time,
                            units_size(arena, diff->live.after));
    else
        text = arena_printf(arena, "live heap %s%s%s%s%s", growth_size(arena, diff->live),
                            *share ? " (" : "", share, *share ? ")" : "", time);
    if (shrunk && down)
        text = arena_printf(arena, "%s%s", text, leading_text(down, "shrank most", utf8, arena));
    if (!up)
        return text;
    uint64_t bytes = diff_grown(up->bytes);
    const char *what = bytes <= grown && bytes > grown / 2 ? "most of it" : "grew most";
    /* What grew while the whole shrank must not hide behind that, unless it is a trifle. */
    if (!grown && bytes < diff->live.after / 1000)
        return text;
    return arena_printf(arena, "%s%s", text, leading_text(up, what, utf8, arena));
}

/* ---- what was compared ---- */

static bool equal(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

static void write_side(struct lines *lines, const char *title, const struct report *report)
{
    const struct report_target *target = &report->target;
    struct arena *arena = lines->arena;
    bool snapshot = equal(target->kind, "snapshot");
    bool live = equal(snapshot ? target->source : target->kind, "live");
    const char *parts[8], *name = clean(lines, target->name);
    unsigned count = 0;
    parts[count++] =
        arena_printf(arena, "%s  %s", title, *name ? name : "a program without a name");
    parts[count++] = target->pid
                         ? arena_printf(arena, "%s%spid %llu", snapshot ? "snapshot of " : "",
                                        live ? "" : "core of ", (unsigned long long)target->pid)
                     : snapshot ? "snapshot of a core"
                                : "core";
    const char *version = clean(lines, target->go_version);
    if (*version)
        parts[count++] =
            arena_printf(arena, "%s%s", version, target->stripped ? " (stripped)" : "");
    parts[count++] =
        arena_printf(arena, "%s objects", units_rough_count(arena, report->counts.objects));
    if (target->taken_at && *target->taken_at) {
        const char *at = clean(lines, target->taken_at);
        parts[count++] = strlen(at) > 19 && at[10] == 'T'
                             ? arena_printf(arena, "taken %.10s %s", at, at + 11)
                             : arena_printf(arena, "taken %s", at);
    }
    if (equal(target->kind, "live") && !equal(target->freeze, "none"))
        parts[count++] = arena_printf(arena, "the service stood still for %s",
                                      units_duration(arena, target->stopped_ns));
    lines_parts(lines, parts, count, ", ", 3);
}

/* ---- memory ---- */

static struct table_row memory_row(struct lines *lines, const char *label,
                                   struct diff_amount amount)
{
    struct table_row row = {
        .cells = {label, growth_size(lines->arena, amount), growth_share(lines->arena, amount),
                  units_size(lines->arena, amount.before), units_size(lines->arena, amount.after)}};
    return row;
}

static void write_memory(struct lines *lines, const struct diff *diff)
{
    static const struct table_column columns[] = {
        {.title = "MEMORY"},
        {.title = "growth", .right = true},
        {.title = "", .right = true, .from = 50},
        {.title = "before", .right = true},
        {.title = "after", .right = true},
    };
    const struct report_memory *a = &diff->before->memory, *b = &diff->after->memory;
    uint64_t kept_a = a->heap_idle - MIN_OF(a->heap_idle, a->heap_released);
    uint64_t kept_b = b->heap_idle - MIN_OF(b->heap_idle, b->heap_released);
    const struct {
        const char *label;
        struct diff_amount amount;
        bool known;
    } all[] = {
        {"live objects", diff->live, true},
        {"garbage, not counted", diff->garbage, true},
        {"free slots between objects", {a->heap_free_slots, b->heap_free_slots}, true},
        {"idle, kept for reuse", {kept_a, kept_b}, a->has_idle && b->has_idle},
        {"goroutine stacks", {a->stacks, b->stacks}, true},
        {"RSS", {a->rss, b->rss}, a->has_rss && b->has_rss},
    };
    struct table_row rows[ARRAY_COUNT(all)];
    uint64_t count = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(all); i++)
        if (all[i].known && (all[i].amount.before || all[i].amount.after))
            rows[count++] = memory_row(lines, all[i].label, all[i].amount);
    if (!count)
        return;
    rows[0].color = BOLD;
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);
}

/* ---- tables ---- */

/* Of the changed rows those to show: the first top that grew, and as many that shrank. */
struct choice {
    uint64_t top, grown, shrunk;
    uint64_t left_out;
};

static bool choose(struct choice *choice, struct diff_amount amount)
{
    uint64_t *count = diff_shrunk(amount) ? &choice->shrunk : &choice->grown;
    if (*count < choice->top) {
        (*count)++;
        return true;
    }
    choice->left_out++;
    return false;
}

static uint64_t change_of(struct diff_amount amount)
{
    return diff_grown(amount) + diff_shrunk(amount);
}

/* Rows so small beside the largest change that they tell nothing. */
static bool is_noise(struct diff_amount amount, uint64_t largest)
{
    return change_of(amount) < largest / 200;
}

#define LARGEST_CHANGE(vector, member)                                                             \
    __extension__({                                                                                \
        uint64_t largest_ = 0;                                                                     \
        for (uint64_t i_ = 0; i_ < (vector)->count; i_++)                                          \
            largest_ = MAX_OF(largest_, change_of((vector)->data[i_].member));                     \
        largest_;                                                                                  \
    })

static struct table_row *allocate_rows(struct lines *lines, uint64_t count)
{
    return arena_alloc(lines->arena, (count + 1) * sizeof(struct table_row));
}

static void write_left_out(struct lines *lines, uint64_t count, const char *what)
{
    if (!count)
        return;
    lines_to(lines, 2);
    lines_wrap(lines, DIM,
               arena_printf(lines->arena, "and %s other%s with a smaller change",
                            units_count(lines->arena, count), count == 1 ? "" : what),
               2);
}

static const char *type_text(struct lines *lines, const char *type, bool guessed)
{
    const char *text = clean(lines, type);
    return *text && guessed ? arena_printf(lines->arena, "%s?", text) : text;
}

/* "in it grew .byID map[string]*main.Session: 4,536 entries, then 1,204,331" */
static const char *grown_text(struct lines *lines, const struct diff_collection *grown)
{
    struct arena *arena = lines->arena;
    const char *path = clean(lines, grown->path), *type = clean(lines, grown->type);
    const char *what = *type ? type : clean(lines, grown->kind);
    const char *many = "";
    if (grown->count.after > 1)
        many = arena_printf(arena, " (%s of them)", units_count(arena, grown->count.after));
    return arena_printf(arena, "in it grew %s%s%s%s: %s entries, then %s", path, *path ? " " : "",
                        what, many, units_count(arena, grown->entries.before),
                        units_count(arena, grown->entries.after));
}

static struct table_row holder_row(struct lines *lines, const struct diff *diff,
                                   const struct diff_holder *row, uint64_t index)
{
    struct table_row out = {.below_at = PATH_INDENT};
    struct arena *arena = lines->arena;
    unsigned below = 0;
    const char *name = holder_name(row, lines->style.utf8, arena);
    if (row->name_count) {
        out.cells[0] = arena_printf(arena, "%s (together)", name);
        if (cells_width(out.cells[0]) > lines->style.columns * 2 / 5) {
            out.cells[0] =
                arena_printf(arena, "%s holders%s together", units_count(arena, row->name_count),
                             row->more ? " and more" : "");
            out.below[below++] = name;
        }
    } else {
        out.cells[0] = name;
    }
    out.cells[1] = growth_size(arena, row->bytes);
    out.cells[2] = units_size(arena, row->bytes.before);
    out.cells[3] = units_size(arena, row->bytes.after);
    out.cells[4] = growth_count(arena, row->objects);
    out.cells[5] = type_text(lines, row->type, row->type_guessed);
    if (!row->shown)
        return out;
    if (row->shown->found_by && *row->shown->found_by)
        out.below[below++] = clean(lines, row->shown->found_by);
    uint64_t grown = diff_grown(row->bytes), least = diff->live.after / 1000;
    if (grown && (grown >= least || index == 0) && index < ROWS_WITH_PATH &&
        below < ARRAY_COUNT(out.below))
        out.below[below++] = text_path(lines, row->shown, lines->style.columns - PATH_INDENT);
    if (row->grown && below < ARRAY_COUNT(out.below))
        out.below[below] = grown_text(lines, row->grown);
    return out;
}

static void write_holders(struct lines *lines, const struct diff *diff)
{
    static const struct table_column columns[] = {
        {.title = "HOLDERS"},
        {.title = "growth", .right = true},
        {.title = "before", .right = true, .from = MIDDLE},
        {.title = "after", .right = true},
        {.title = "objects", .right = true, .from = MIDDLE},
        {.title = "type", .from = WIDE},
    };
    struct choice choice = {.top = lines->style.top};
    struct table_row *rows =
        allocate_rows(lines, MIN_OF(diff->holders.count, 2ull * lines->style.top));
    const uint64_t largest = LARGEST_CHANGE(&diff->holders, bytes);
    uint64_t count = 0;
    for (uint64_t i = 0; i < diff->holders.count; i++) {
        const struct diff_holder *row = &diff->holders.data[i];
        if (is_noise(row->bytes, largest)) {
            choice.left_out++;
            continue;
        }
        if (!choose(&choice, row->bytes))
            continue;
        rows[count] = holder_row(lines, diff, row, i);
        rows[count].color = count ? PLAIN : BOLD;
        count++;
    }
    if (!count)
        return;
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);
    write_left_out(lines, choice.left_out, "s");
}

static void write_types(struct lines *lines, const struct diff *diff)
{
    static const struct table_column columns[] = {
        {.title = "TYPES"},
        {.title = "growth", .right = true},
        {.title = "before", .right = true, .from = MIDDLE},
        {.title = "after", .right = true},
        {.title = "objects", .right = true},
        {.title = "retained", .right = true, .from = WIDE},
    };
    struct choice choice = {.top = lines->style.top};
    struct table_row *rows =
        allocate_rows(lines, MIN_OF(diff->types.count, 2ull * lines->style.top));
    const uint64_t largest = LARGEST_CHANGE(&diff->types, bytes);
    struct arena *arena = lines->arena;
    uint64_t count = 0;
    for (uint64_t i = 0; i < diff->types.count; i++) {
        const struct diff_type *row = &diff->types.data[i];
        if (is_noise(row->bytes, largest)) {
            choice.left_out++;
            continue;
        }
        if (!choose(&choice, row->bytes))
            continue;
        const char *name = type_text(lines, row->name, row->guessed);
        rows[count++] = (struct table_row){
            .cells = {*name ? name : "(unknown)", growth_size(arena, row->bytes),
                      units_size(arena, row->bytes.before), units_size(arena, row->bytes.after),
                      growth_count(arena, row->count), growth_size(arena, row->retained)},
        };
    }
    if (!count)
        return;
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);
    write_left_out(lines, choice.left_out, "s");
}

/* "12,000" for one, "3.5 each" for several of a row. */
static const char *entries_text(struct arena *arena, uint64_t entries, uint64_t count)
{
    if (count < 2)
        return units_count(arena, entries);
    return arena_printf(arena, "%s in %s", units_rough_count(arena, entries),
                        units_rough_count(arena, count));
}

static void write_collections(struct lines *lines, const struct diff *diff)
{
    static const struct table_column columns[] = {
        {.title = "COLLECTIONS"},
        {.title = "growth", .right = true},
        {.title = "after", .right = true, .from = MIDDLE},
        {.title = "entries", .right = true},
        {.title = "before", .right = true, .from = MIDDLE},
        {.title = "after", .right = true},
        {.title = "type", .from = WIDE},
    };
    struct choice choice = {.top = lines->style.top};
    struct table_row *rows =
        allocate_rows(lines, MIN_OF(diff->collections.count, 2ull * lines->style.top));
    const uint64_t largest = LARGEST_CHANGE(&diff->collections, retained);
    struct arena *arena = lines->arena;
    uint64_t count = 0;
    for (uint64_t i = 0; i < diff->collections.count; i++) {
        const struct diff_collection *row = &diff->collections.data[i];
        if (is_noise(row->retained, largest) || !choose(&choice, row->retained))
            continue;
        rows[count++] = (struct table_row){
            .cells = {arena_printf(arena, "%s%s", clean(lines, row->holder),
                                   clean(lines, row->path)),
                      growth_size(arena, row->retained), units_size(arena, row->retained.after),
                      growth_count(arena, row->entries),
                      entries_text(arena, row->entries.before, row->count.before),
                      entries_text(arena, row->entries.after, row->count.after),
                      type_text(lines, row->type, false)},
        };
    }
    if (!count)
        return;
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);
}

static struct table_row site_row(struct lines *lines, const struct diff_site *site)
{
    struct table_row row = {.below_at = 12};
    struct arena *arena = lines->arena;
    const char *function = clean(lines, site->function);
    row.cells[0] = growth_count(arena, site->count);
    row.cells[1] = units_count(arena, site->count.before);
    row.cells[2] = units_count(arena, site->count.after);
    row.cells[3] = growth_size(arena, site->held);
    row.cells[4] = growth_size(arena, site->stacks);
    row.cells[5] = *function ? function : "(unknown)";
    const char *creator = clean(lines, site->created_by), *at = clean(lines, site->created_at);
    if (*creator)
        row.below[0] = arena_printf(arena, "started by %s%s%s", creator, *at ? " " : "", at);
    return row;
}

static void write_sites(struct lines *lines, const struct diff *diff)
{
    static const struct table_column columns[] = {
        {.title = "GOROUTINES", .right = true},
        {.title = "before", .right = true, .from = MIDDLE},
        {.title = "after", .right = true},
        {.title = "hold", .right = true},
        {.title = "stacks", .right = true, .from = MIDDLE},
        {.title = "of"},
    };
    struct choice choice = {.top = lines->style.top};
    struct table_row *rows =
        allocate_rows(lines, MIN_OF(diff->sites.count, 2ull * lines->style.top));
    const uint64_t largest = LARGEST_CHANGE(&diff->sites, count);
    uint64_t count = 0;
    for (uint64_t i = 0; i < diff->sites.count; i++) {
        const struct diff_site *site = &diff->sites.data[i];
        if (site->system || !change_of(site->count) || is_noise(site->count, largest))
            continue;
        if (choose(&choice, site->count))
            rows[count++] = site_row(lines, site);
    }
    if (!count)
        return;
    lines_end(lines);
    table_write(lines, columns, ARRAY_COUNT(columns), rows, count);
    write_left_out(lines, choice.left_out, "s");
}

static void write_notes(struct lines *lines, const struct diff *diff)
{
    if (diff->notes.count)
        lines_end(lines);
    for (uint64_t i = 0; i < diff->notes.count; i++) {
        lines_add(lines, BOLD, "note: ");
        lines_wrap(lines, PLAIN, clean(lines, diff->notes.data[i]), 6);
    }
}

struct error *diff_write_text(const struct diff *diff, const struct text_style *style, FILE *out)
{
    struct arena arena;
    arena_init(&arena);
    struct lines lines = lines_begin(out, style, &arena);

    errno = 0;
    lines_wrap(&lines, BOLD, diff_answer(diff, style->utf8, &arena), 2);
    write_side(&lines, "A", diff->before);
    write_side(&lines, "B", diff->after);
    write_memory(&lines, diff);
    if (diff->found.findings.count)
        text_findings(&lines, &diff->found, "growth");
    write_holders(&lines, diff);
    write_types(&lines, diff);
    write_collections(&lines, diff);
    write_sites(&lines, diff);
    write_notes(&lines, diff);
    arena_deinit(&arena);
    if (fflush(out) != 0 || ferror(out))
        return error_os(errno ? errno : EIO, "could not write the output");
    return NULL;
}
