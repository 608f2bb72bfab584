#include "report/text_findings.h"

#include <string.h>

#include "base/units.h"
#include "report/cells.h"
#include "report/text_path.h"

enum {
    INDENT = 2,
    SIZE_COLUMN = 11,
    WORD_COLUMNS = 24,
    NOTES_MAX = 5,
    CONSEQUENCES_MAX = 32,
    NOTED_PART = 100
};

static bool is(const char *text, const char *other)
{
    return text && strcmp(text, other) == 0;
}

static const char *clean(struct lines *lines, const char *text)
{
    return cells_clean(lines->arena, text, lines->style.utf8);
}

/* One of our own words, unless the file that it comes from lies. */
static const char *word(struct lines *lines, const char *text)
{
    return cells_cut(lines->arena, clean(lines, text), WORD_COLUMNS, lines->style.utf8);
}

static enum text_color color_of(const struct report_finding *finding)
{
    return is(finding->severity, "critical")  ? RED
           : is(finding->severity, "warning") ? YELLOW
                                              : DIM;
}

static void write_title(struct lines *lines, const struct report_finding *finding, uint64_t number)
{
    struct arena *arena = lines->arena;
    const char *severity = word(lines, finding->severity), *id = word(lines, finding->id);
    const char *size = units_size(arena, finding->bytes);
    const char *before = arena_printf(arena, "%llu ", (unsigned long long)number);
    const char *behind = arena_printf(arena, ", %s, %s", word(lines, finding->confidence),
                                      word(lines, finding->class));
    unsigned used = cells_width(before) + cells_width(severity) + 2 + cells_width(size) + 1;
    unsigned room = lines->style.columns > used + 2 ? lines->style.columns - used : 2;
    lines_add(lines, PLAIN, before);
    lines_add(lines, color_of(finding), severity);
    lines_add(lines, PLAIN, "  ");
    lines_add(lines, BOLD, cells_cut(arena, id, room, lines->style.utf8));
    if (cells_width(id) + cells_width(behind) <= room)
        lines_add(lines, PLAIN, behind);
    lines_right(lines, BOLD, size, lines->style.columns);
    lines_end(lines);
}

static void write_sentence(struct lines *lines, enum text_color color, const char *label,
                           const char *text)
{
    lines_to(lines, INDENT);
    lines_add(lines, color, label);
    lines_wrap(lines, color, text, INDENT);
}

/* The holder by which the program's author finds it, and the way from there. */
static void write_holder(struct lines *lines, const struct report_finding *finding)
{
    const struct report_holder *holder = &finding->holder;
    struct arena *arena = lines->arena;
    if (!holder->kind || !*holder->kind)
        return;
    const char *name = clean(lines, holder->name);
    const char *found_by = clean(lines, holder->found_by);
    const char *text =
        arena_printf(arena, "held by %s%s%s%s", *name ? name : "a holder without a name",
                     *found_by ? ", " : "", found_by, finding->is_shared ? " and others" : "");
    write_sentence(lines, PLAIN, "", text);
    const char *path = text_path(lines, holder, lines->style.columns - 2 * INDENT);
    if (path && *path) {
        lines_to(lines, 2 * INDENT);
        lines_add(lines, DIM, path);
        lines_end(lines);
    }
}

static void write_consequences(struct lines *lines, const struct report *report, uint64_t index)
{
    struct arena *arena = lines->arena;
    const char *text = "";
    uint64_t count = 0;
    for (uint64_t i = 0; i < report->findings.count; i++) {
        const struct report_finding *finding = &report->findings.data[i];
        if (finding->cause != index + 1 || ++count > CONSEQUENCES_MAX)
            continue;
        text = arena_printf(arena, "%s%s%s (%s)", text, *text ? ", " : "", word(lines, finding->id),
                            units_size(arena, finding->bytes));
    }
    if (count > CONSEQUENCES_MAX)
        text = arena_printf(arena, "%s and %llu more", text,
                            (unsigned long long)(count - CONSEQUENCES_MAX));
    if (*text)
        write_sentence(lines, DIM, "", arena_printf(arena, "goes away with it: %s", text));
}

static void write_finding(struct lines *lines, const struct report *report, uint64_t index,
                          uint64_t number)
{
    const struct report_finding *finding = &report->findings.data[index];
    write_title(lines, finding, number);
    write_sentence(lines, PLAIN, "",
                   arena_printf(lines->arena, "%s.", clean(lines, finding->message)));
    write_holder(lines, finding);
    write_sentence(lines, CYAN, "fix: ",
                   arena_printf(lines->arena, "%s  (leakhound explain %s)",
                                clean(lines, finding->fix), word(lines, finding->id)));
    write_consequences(lines, report, index);
}

/* One line: the size and what it is. */
static void write_note(struct lines *lines, const struct report_finding *finding)
{
    lines_right(lines, DIM, units_size(lines->arena, finding->bytes), SIZE_COLUMN);
    lines_to(lines, SIZE_COLUMN + 2);
    lines_add(lines, DIM,
              arena_printf(lines->arena, "%s, %s: ", word(lines, finding->id),
                           word(lines, finding->confidence)));
    lines_wrap(lines, DIM, clean(lines, finding->message), SIZE_COLUMN + 2);
}

/* Of what is for information only the trifles are in JSON alone. */
static bool is_noted(const struct report *report, const struct report_finding *finding)
{
    return !finding->cause && is(finding->severity, "info") &&
           finding->bytes >= report->memory.heap_live / NOTED_PART;
}

void text_findings(struct lines *lines, const struct report *report, const char *size_title)
{
    uint64_t loud = 0, quiet = 0, number = 0;
    for (uint64_t i = 0; i < report->findings.count; i++) {
        const struct report_finding *finding = &report->findings.data[i];
        quiet += is_noted(report, finding);
        loud += !finding->cause && !is(finding->severity, "info");
    }
    lines_end(lines);
    lines_add(lines, BOLD,
              loud ? arena_printf(lines->arena, "FINDINGS (%llu)", (unsigned long long)loud)
                   : "FINDINGS: none above info");
    if (loud)
        lines_right(lines, DIM, size_title, lines->style.columns);
    lines_end(lines);
    for (uint64_t i = 0; i < report->findings.count && number < lines->style.top; i++) {
        const struct report_finding *finding = &report->findings.data[i];
        if (!finding->cause && !is(finding->severity, "info"))
            write_finding(lines, report, i, ++number);
    }
    if (loud > number)
        write_sentence(
            lines, DIM, "",
            arena_printf(lines->arena, "and %llu more", (unsigned long long)(loud - number)));
    if (quiet && loud)
        write_sentence(lines, DIM, "", "for information:");
    for (uint64_t i = 0, noted = 0; i < report->findings.count && noted < NOTES_MAX; i++) {
        const struct report_finding *finding = &report->findings.data[i];
        if (is_noted(report, finding)) {
            write_note(lines, finding);
            noted++;
        }
    }
}
