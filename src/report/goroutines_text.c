/* Goroutines as text: the form of the runtime's own dump (debug=2), which people and their tools
 * know, with one line more behind each head, that begins with "# ". */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "report/cells.h"
#include "report/goroutines.h"
#include "report/text.h"

enum { WAITS_SHOWN = 3 };
static const uint64_t minute_ns = 60000000000u;

struct dump {
    const struct snapshot_goroutines *goroutines;
    struct lines *lines;
    FILE *out;
    struct goroutines_shown shown;
    const char **functions, **files; /* by place, clean; NULL: not asked for yet */
};

static const char *clean(const struct dump *dump, const char *text)
{
    return cells_clean(dump->lines->arena, text, dump->lines->style.utf8);
}

static const char *function_at(const struct dump *dump, uint32_t place)
{
    if (!dump->functions[place]) {
        const struct snapshot_place *p = &dump->goroutines->places.data[place];
        dump->functions[place] =
            clean(dump, goroutine_function_text(dump->lines->arena, p->function));
        dump->files[place] = clean(dump, p->file);
    }
    return dump->functions[place];
}

static void write_frames(const struct dump *dump, const struct snapshot_goroutine *g)
{
    for (uint32_t i = 0; i < g->frame_count; i++) {
        uint32_t place = g->frames[i];
        if (g->frames_left_out && i == g->frame_count / 2)
            fprintf(dump->out, "...%" PRIu64 " frames elided...\n", g->frames_left_out);
        if (!dump->shown.system && !goroutine_frame_is_shown(dump->goroutines, g, i))
            continue;
        const char *function = function_at(dump, place);
        fprintf(dump->out, "%s(...)\n\t%s:%u\n", function, dump->files[place],
                dump->goroutines->places.data[place].line);
    }
    if (g->stack_damaged)
        fputs("# the frames further out could not be read\n", dump->out);
    if (!g->created_at || (!dump->shown.system && !goroutine_creator_is_shown(dump->goroutines, g)))
        return;
    const char *function = function_at(dump, g->created_at - 1);
    fprintf(dump->out, "created by %s", function);
    if (g->parent_id)
        fprintf(dump->out, " in goroutine %" PRIu64, g->parent_id);
    fprintf(dump->out, "\n\t%s:%u\n", dump->files[g->created_at - 1],
            dump->goroutines->places.data[g->created_at - 1].line);
}

/* "chan send (leaked), 3 minutes, locked to thread". */
static void write_state(const struct dump *dump, const struct snapshot_goroutine *g, bool leaked,
                        uint64_t shortest_ns, uint64_t longest_ns, bool locked)
{
    uint64_t from = shortest_ns / minute_ns, to = longest_ns / minute_ns;
    fprintf(dump->out, "[%s%s", clean(dump, g->state), leaked ? " (leaked)" : "");
    if (to && from != to)
        fprintf(dump->out, ", %" PRIu64 " to %" PRIu64 " minutes", from, to);
    else if (to)
        fprintf(dump->out, ", %" PRIu64 " minutes", to);
    fprintf(dump->out, "%s]:\n", locked ? ", locked to thread" : "");
}

static const char *leak_text(uint8_t leak)
{
    if (leak == SNAPSHOT_LEAK_PROVEN)
        return "; blocked for ever: nothing else can reach it";
    if (leak == SNAPSHOT_LEAK_SUSPECTED)
        return "; probably blocked for ever: nothing else seems to reach it";
    return "";
}

static void write_waits(const struct dump *dump, const struct snapshot_goroutine *g, bool all)
{
    if (!g->operation[0])
        return;
    fprintf(dump->out, "; blocked: %s", clean(dump, g->operation));
    const char *before = " (";
    for (uint32_t i = 0; i < MIN_OF(g->wait_count, (uint32_t)WAITS_SHOWN); i++) {
        const struct snapshot_wait *wait = &g->waits[i];
        if (all)
            fprintf(dump->out, "%s0x%" PRIx64 "%s%s", before, wait->address,
                    wait->type[0] ? " " : "", clean(dump, wait->type));
        else if (wait->type[0])
            fprintf(dump->out, "%s%s", before, clean(dump, wait->type));
        else
            continue;
        before = ", ";
    }
    if (g->wait_count > WAITS_SHOWN)
        fprintf(dump->out, "%sof %u", before, g->wait_count);
    if (before[0] == ',')
        fputc(')', dump->out);
}

static void write_goroutine(const struct dump *dump, const struct snapshot_goroutine *g)
{
    struct arena arena;
    arena_init(&arena);
    fprintf(dump->out, "goroutine %" PRIu64 " ", g->id);
    write_state(dump, g, g->leak >= SNAPSHOT_LEAK_SUSPECTED, g->waiting_ns, g->waiting_ns,
                g->locked);
    fprintf(dump->out, "# stack %s, holds %s", units_size(&arena, g->stack_bytes),
            units_size(&arena, g->held_bytes));
    write_waits(dump, g, true);
    fprintf(dump->out, "%s\n", leak_text(g->leak));
    write_frames(dump, g);
    fputc('\n', dump->out);
    arena_deinit(&arena);
}

static void write_stack(const struct dump *dump, const struct goroutine_stack *stack)
{
    struct arena *arena = dump->lines->arena;
    const struct snapshot_goroutine *g = &dump->goroutines->items.data[stack->first];
    if (stack->count == 1) {
        write_goroutine(dump, g);
        return;
    }
    fprintf(dump->out, "%s goroutines ", units_count(arena, stack->count));
    write_state(dump, g, stack->leaked == stack->count, stack->shortest_wait_ns,
                stack->longest_wait_ns, stack->locked == stack->count);
    fprintf(dump->out, "# stacks %s, hold %s", units_size(arena, stack->stack_bytes),
            units_size(arena, stack->held_bytes));
    write_waits(dump, g, false);
    if (stack->leaked && stack->leaked < stack->count)
        fprintf(dump->out, "; %s of them:", units_count(arena, stack->leaked));
    fprintf(dump->out, "%s\n", leak_text(stack->leak));
    write_frames(dump, g);
    fputc('\n', dump->out);
}

static void write_summary(const struct dump *dump, uint64_t stacks)
{
    struct arena *arena = dump->lines->arena;
    uint64_t leaked = 0, suspected = 0, system = 0;
    for (uint64_t i = 0; i < dump->goroutines->items.count; i++) {
        const struct snapshot_goroutine *g = &dump->goroutines->items.data[i];
        leaked += g->leak == SNAPSHOT_LEAK_PROVEN;
        suspected += g->leak == SNAPSHOT_LEAK_SUSPECTED;
        system += g->system;
    }
    uint64_t own = dump->goroutines->items.count - system;
    fprintf(dump->out, "%s goroutine%s", units_count(arena, own), own == 1 ? "" : "s");
    if (stacks)
        fprintf(dump->out, " with %s different stack%s", units_count(arena, stacks),
                stacks == 1 ? "" : "s");
    fprintf(dump->out, ", and %s of the runtime", units_count(arena, system));
    if (leaked)
        fprintf(dump->out, "; %s blocked for ever (proven)", units_count(arena, leaked));
    if (suspected)
        fprintf(dump->out, "; %s probably blocked for ever", units_count(arena, suspected));
    fputs("\n\n", dump->out);
}

static bool is_listed(const struct dump *dump, const struct snapshot_goroutine *g)
{
    return dump->shown.system || goroutine_is_shown(dump->goroutines, g);
}

static struct error *write_dump(struct dump *dump)
{
    const struct snapshot_goroutines *goroutines = dump->goroutines;
    if (dump->shown.all) {
        write_summary(dump, 0);
        for (uint64_t i = 0; i < goroutines->items.count; i++)
            if (is_listed(dump, &goroutines->items.data[i]))
                write_goroutine(dump, &goroutines->items.data[i]);
        return NULL;
    }
    struct goroutine_stacks stacks;
    struct error *error = goroutine_stacks_make(goroutines, &stacks);
    uint64_t own = 0;
    for (uint64_t i = 0; i < stacks.items.count && !error; i++)
        own += is_listed(dump, &goroutines->items.data[stacks.items.data[i].first]);
    if (!error)
        write_summary(dump, own);
    for (uint64_t i = 0; i < stacks.items.count && !error; i++)
        if (is_listed(dump, &goroutines->items.data[stacks.items.data[i].first]))
            write_stack(dump, &stacks.items.data[i]);
    goroutine_stacks_deinit(&stacks);
    return error;
}

struct error *goroutines_write_text(const struct report *report,
                                    const struct snapshot_goroutines *goroutines,
                                    struct goroutines_shown shown, const struct text_style *style,
                                    FILE *out)
{
    struct arena arena;
    arena_init(&arena);
    struct lines lines = {.out = out, .style = *style, .arena = &arena};
    struct dump dump = {.goroutines = goroutines, .lines = &lines, .out = out, .shown = shown};
    uint64_t places = goroutines->places.count + 1;
    errno = 0;
    report_write_headline(&lines, report);
    struct error *error = memory_array(places, sizeof(*dump.functions), &dump.functions);
    if (!error)
        error = memory_array(places, sizeof(*dump.files), &dump.files);
    if (!error)
        error = write_dump(&dump);
    free(dump.functions);
    free(dump.files);
    arena_deinit(&arena);
    if (!error && (ferror(out) || fflush(out) != 0))
        error = error_os(errno, "cannot write the output");
    return error;
}
