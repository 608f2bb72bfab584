#include "report/text.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "report/cells.h"
#include "report/text_findings.h"
#include "report/text_tables.h"

enum { LONGEST_BAR = 40, SHORTEST_BAR = 8 };

static bool equal(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

/* "2026-11-20T12:04:31.5Z" as "12:04:31Z", of a core with its day; anything else as it is. */
static const char *time_text(struct lines *lines, const char *taken_at, bool with_day)
{
    const char *text = cells_clean(lines->arena, taken_at, lines->style.utf8);
    if (strlen(text) < 20 || text[10] != 'T')
        return text;
    const char *zone = text + 19 + strspn(text + 19, ".0123456789");
    return arena_printf(lines->arena, "%.*s%s%.8s%s", with_day ? 10 : 0, text, with_day ? " " : "",
                        text + 11, zone);
}

void report_write_headline(struct lines *lines, const struct report *report)
{
    const struct report_target *target = &report->target;
    struct arena *arena = lines->arena;
    bool snapshot = equal(target->kind, "snapshot"), utf8 = lines->style.utf8;
    bool live = equal(snapshot ? target->source : target->kind, "live");
    const char *parts[8], *name = cells_clean(arena, target->name, utf8);
    unsigned count = 0;
    parts[count++] = *name ? name : "a program without a name";
    const char *file = live ? "" : cells_clean(arena, target->core_path, utf8);
    if (target->pid)
        parts[count++] = arena_printf(arena, "%s%spid %llu", snapshot ? "snapshot of " : "",
                                      live ? "" : "core of ", (unsigned long long)target->pid);
    else if (!live)
        parts[count++] = arena_printf(arena, "%score%s%s", snapshot ? "snapshot of " : "",
                                      *file ? " " : "", file);
    const char *version = cells_clean(arena, target->go_version, utf8);
    parts[count++] = arena_printf(arena, "%s%s", *version ? version : "Go of unknown version",
                                  target->stripped ? " (stripped)" : "");
    parts[count++] =
        arena_printf(arena, "%s objects", units_rough_count(arena, report->counts.objects));
    if (target->taken_at && *target->taken_at)
        parts[count++] =
            arena_printf(arena, "taken %s", time_text(lines, target->taken_at, !live || snapshot));
    if (live && equal(target->freeze, "none"))
        parts[count++] = "read while it ran";
    else if (live && equal(target->freeze, "fork"))
        parts[count++] = arena_printf(arena, "the service stood still for %s (forked copy)",
                                      units_duration(arena, target->stopped_ns));
    else if (live)
        parts[count++] =
            arena_printf(arena, "stood still for %s", units_duration(arena, target->stopped_ns));
    if (live && target->has_copy_bytes)
        parts[count++] =
            arena_printf(arena, "the copy took %s", units_size(arena, target->copy_bytes));
    lines_parts(lines, parts, count, ", ", 2);
}

/* ---- memory ---- */

struct memory_part {
    const char *label;
    uint64_t bytes;
    enum text_color color;
};

/* What RSS is made of, without the parts that are nothing. */
static unsigned list_parts(const struct report_memory *memory, struct memory_part *out,
                           uint64_t *out_sum)
{
    uint64_t kept =
        memory->heap_idle > memory->heap_released ? memory->heap_idle - memory->heap_released : 0;
    const struct memory_part all[] = {
        {"live objects", memory->heap_live, CYAN},
        {"garbage waiting for the GC", memory->heap_garbage, YELLOW},
        {"free slots between objects", memory->heap_free_slots, DIM},
        {"idle, kept for reuse", memory->has_idle ? kept : 0, DIM},
        {"released, not yet taken back", memory->has_lazyfree ? memory->lazyfree : 0, DIM},
        {"goroutine stacks", memory->stacks, DIM},
        {"Go runtime", memory->runtime, DIM},
        {"outside Go", memory->has_off_heap ? memory->off_heap : 0, DIM},
    };
    unsigned count = 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(all); i++) {
        if (all[i].bytes)
            out[count++] = all[i];
        if (__builtin_add_overflow(sum, all[i].bytes, &sum))
            sum = UINT64_MAX;
    }
    if (memory->has_rss && memory->rss > sum && memory->rss - sum >= memory->rss / 100)
        out[count++] = (struct memory_part){"everything else", memory->rss - sum, DIM};
    *out_sum = sum;
    return count;
}

static void write_total(struct lines *lines, const struct report_memory *memory)
{
    struct arena *arena = lines->arena;
    if (!memory->has_rss) {
        lines_add(lines, BOLD,
                  arena_printf(arena, "Go heap %s in use", units_size(arena, memory->heap_inuse)));
        lines_end(lines);
        return;
    }
    lines_add(lines, BOLD, arena_printf(arena, "RSS %s", units_size(arena, memory->rss)));
    if (memory->limit) {
        double share = (double)memory->rss / (double)memory->limit;
        lines_add(lines, PLAIN,
                  arena_printf(arena, " of %s allowed (", units_size(arena, memory->limit)));
        lines_add(lines,
                  share >= 0.9    ? RED
                  : share >= 0.75 ? YELLOW
                                  : PLAIN,
                  units_share(arena, memory->rss, memory->limit));
        lines_add(lines, PLAIN, ")");
    }
    lines_end(lines);
}

/* held alone + shared + garbage = heap, so that a reader can check that nothing is hidden. */
static void write_sum(struct lines *lines, const struct report *report)
{
    struct arena *arena = lines->arena;
    uint64_t held;
    if (__builtin_add_overflow(report->held_alone_bytes, report->shared_bytes, &held))
        held = UINT64_MAX;
    static const char *const whats[] = {"held alone", "shared", "of unknown holder", "garbage"};
    const uint64_t parts[] = {
        report->held_alone_bytes,
        report->shared_bytes,
        report->memory.heap_live > held ? report->memory.heap_live - held : 0,
        report->memory.heap_garbage,
    };
    const char *total, *sizes[ARRAY_COUNT(parts)], *texts[ARRAY_COUNT(parts) + 1], *sign = "=";
    units_sum(arena, report->memory.heap_objects, parts, ARRAY_COUNT(parts), &total, sizes);
    unsigned count = 0;
    texts[count++] = arena_printf(arena, "heap %s", total);
    for (unsigned i = 0; i < ARRAY_COUNT(parts); i++) {
        if (!sizes[i])
            continue;
        texts[count++] = arena_printf(arena, "%s %s %s", sign, sizes[i], whats[i]);
        sign = "+";
    }
    lines_to(lines, 2);
    lines_parts(lines, texts, count, " ", 4);
}

static void write_memory(struct lines *lines, const struct report *report)
{
    const struct report_memory *memory = &report->memory;
    struct memory_part parts[9];
    uint64_t sum;
    unsigned count = list_parts(memory, parts, &sum), labels = 0, sizes = 0;
    uint64_t whole = memory->has_rss ? memory->rss : 0;
    for (unsigned i = 0; i < count; i++) {
        labels = MAX_OF(labels, cells_width(parts[i].label));
        sizes = MAX_OF(sizes, cells_width(units_size(lines->arena, parts[i].bytes)));
        whole = MAX_OF(whole, parts[i].bytes);
    }
    lines_end(lines);
    write_total(lines, memory);
    unsigned bars_at = 2 + labels + 2 + sizes + 2;
    unsigned room = lines->style.columns > bars_at ? lines->style.columns - bars_at : 0;
    for (unsigned i = 0; i < count; i++) {
        lines_to(lines, 2);
        lines_add(lines, PLAIN, parts[i].label);
        lines_right(lines, PLAIN, units_size(lines->arena, parts[i].bytes), bars_at - 2);
        if (room >= SHORTEST_BAR) {
            lines_to(lines, bars_at);
            lines_bar(lines, parts[i].color, parts[i].bytes, whole,
                      MIN_OF(room, (unsigned)LONGEST_BAR));
        }
        lines_end(lines);
    }
    if (memory->has_rss && sum / 5 * 4 > memory->rss) {
        lines_to(lines, 2);
        lines_wrap(lines, DIM,
                   "Not all of it is resident: some was never written, or is swapped out.", 2);
    }
    if (memory->heap_objects)
        write_sum(lines, report);
    else
        lines_wrap(lines, PLAIN, "The heap holds no objects.", 0);
}

static void write_notes(struct lines *lines, const struct report *report)
{
    if (report->target.gc_running || report->notes.count)
        lines_end(lines);
    if (report->target.gc_running) {
        lines_add(lines, BOLD, "note: ");
        lines_wrap(lines, PLAIN,
                   "taken in the middle of a GC cycle: part of the garbage is about to be freed.",
                   6);
    }
    for (uint64_t i = 0; i < report->notes.count; i++) {
        lines_add(lines, BOLD, "note: ");
        lines_wrap(lines, PLAIN,
                   cells_clean(lines->arena, report->notes.data[i], lines->style.utf8), 6);
    }
}

struct error *report_write_text(const struct report *report, const struct text_style *style,
                                FILE *out)
{
    struct arena arena;
    arena_init(&arena);
    struct lines lines = lines_begin(out, style, &arena);

    errno = 0;
    report_write_headline(&lines, report);
    write_memory(&lines, report);
    text_findings(&lines, report, "would free");
    text_holders(&lines, report);
    text_types(&lines, report);
    text_goroutines(&lines, report);
    write_notes(&lines, report);
    arena_deinit(&arena);
    if (fflush(out) != 0 || ferror(out))
        return error_os(errno ? errno : EIO, "could not write the output");
    return NULL;
}
