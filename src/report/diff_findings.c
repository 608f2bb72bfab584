/*
 * What growth shows that no single moment can: collections that only ever get more, and more
 * goroutines of one go statement. Two moments do not prove that nothing will ever shrink again, so
 * none of it is more than likely.
 */
#include <string.h>

#include "base/units.h"
#include "detect/finding.h"
#include "report/diff.h"

enum {
    FINDINGS_MAX = 64,
    GOROUTINES_MIN = 100, /* more than before */
    ENTRIES_MIN = 100,    /* likewise, of each collection of a row on average … */
    GROWTH_SHARE = 10,    /* … and of what it had at least one part in so many */
    BYTES_MIN = 64 << 10, /* by so many bytes … */
    LIVE_SHARE = 500,     /* … and one part in so many of the live heap */
};

static bool is(const char *text, const char *other)
{
    return text && !strcmp(text, other);
}

static bool is_enough(const struct diff *diff, uint64_t bytes)
{
    return bytes >= BYTES_MIN && bytes >= diff->live.after / LIVE_SHARE;
}

static const char *time_text(const struct diff *diff, struct arena *arena)
{
    return diff->has_interval && diff->interval_ns
               ? arena_printf(arena, " in %s", units_duration(arena, diff->interval_ns))
               : "";
}

static void note(struct report_finding *finding, const char *key, const char *unit, uint64_t value)
{
    finding->evidence[finding->evidence_count++] =
        (struct report_evidence){.key = key, .unit = unit, .value = value};
}

static struct report_finding begin(struct diff *diff, const char *id, uint64_t bytes,
                                   uint64_t count)
{
    struct report_finding finding = {
        .id = id,
        .severity =
            finding_severity_name(finding_severity_of(bytes, diff->live.after, CONFIDENCE_LIKELY)),
        .confidence = finding_confidence_name(CONFIDENCE_LIKELY),
        .class = finding_class_name(CLASS_PERMANENT),
        .bytes = bytes,
        .count = count,
        .holder = {.name = "", .kind = "", .key = "", .type = "", .found_by = "", .address = ""},
        .type = "",
        .evidence = arena_alloc(&diff->found.arena, 8 * sizeof(struct report_evidence)),
    };
    return finding;
}

/* ---- goroutines ---- */

static const struct diff_holder *holder_of(const struct diff *diff, const char *key)
{
    for (uint64_t i = 0; i < diff->holders.count; i++)
        if (!diff->holders.data[i].name_count && is(diff->holders.data[i].key, key))
            return &diff->holders.data[i];
    return NULL;
}

static void set_holder(struct report_finding *finding, const struct diff_holder *row)
{
    if (!row || !row->shown)
        return;
    finding->holder = *row->shown;
    finding->holder.name = row->name;
}

static struct error *judge_site(struct diff *diff, const struct diff_site *site)
{
    struct arena *arena = &diff->found.arena;
    uint64_t more = diff_grown(site->count);
    uint64_t bytes = diff_grown(site->held) + diff_grown(site->stacks);
    if (site->system || more < GOROUTINES_MIN || more < site->count.before / GROWTH_SHARE)
        return NULL;
    struct report_finding finding = begin(diff, "goroutine-spawn-growth", bytes, more);
    const char *function = *site->function ? site->function : "an unknown function";
    const char *started = "";
    if (*site->created_by)
        started = arena_printf(arena, ", started by %s%s%s", site->created_by,
                               *site->created_at ? " " : "", site->created_at);
    finding.message = arena_printf(
        arena,
        "%s goroutines of %s more%s: %s before, %s after%s; they and what only they hold "
        "take %s more",
        units_count(arena, more), function, time_text(diff, arena),
        units_count(arena, site->count.before), units_count(arena, site->count.after), started,
        units_size(arena, bytes));
    finding.fix = "bound how many run at once, with a pool or a limit, and give each a way to end "
                  "(ctx.Done(), a deadline)";
    note(&finding, "goroutines_before", "count", site->count.before);
    note(&finding, "goroutines_after", "count", site->count.after);
    note(&finding, "held_growth_bytes", "bytes", diff_grown(site->held));
    note(&finding, "stack_growth_bytes", "bytes", diff_grown(site->stacks));
    set_holder(&finding, holder_of(diff, arena_printf(arena, "goroutines of %s", site->function)));
    return vector_push(&diff->found.findings, finding);
}

/* ---- collections ---- */

/* Did each get more on average, or are there only more of them? */
static bool has_grown(const struct diff_collection *c)
{
    if (!c->count.before || !c->count.after)
        return false;
    uint64_t before = c->entries.before / c->count.before,
             after = c->entries.after / c->count.after;
    return after > before && after - before >= ENTRIES_MIN &&
           after - before >= before / GROWTH_SHARE;
}

/* The functions of which most closures came, when that is what the collection got. */
static const char *functions_of(const struct diff *diff, const struct diff_collection *c,
                                struct arena *arena)
{
    uint64_t more = diff_grown(c->entries);
    for (uint64_t i = 0; i < diff->types.count; i++) {
        const struct diff_type *type = &diff->types.data[i];
        uint64_t came = diff_grown(type->count);
        if (type->name && !strncmp(type->name, "func ", 5) && came >= more / 2 &&
            came <= more + more / 10)
            return arena_printf(arena, ", mostly %s,", type->name);
    }
    return "";
}

static struct error *judge_collection(struct diff *diff, const struct diff_collection *c)
{
    struct arena *arena = &diff->found.arena;
    uint64_t bytes = diff_grown(c->retained), more = diff_grown(c->entries);
    bool listeners = is(c->element, "func") || is(c->element, "interface");
    if (!(is(c->kind, "map") || is(c->kind, "slice")) || !has_grown(c) || !is_enough(diff, bytes))
        return NULL;
    struct report_finding finding =
        begin(diff, listeners ? "listener-growth" : "map-grows-only", bytes, more);
    const char *what = is(c->element, "func") ? "functions" : "entries";
    const char *functions = is(c->element, "func") ? functions_of(diff, c, arena) : "";
    const char *of_many = "";
    if (c->count.after > 1)
        of_many = arena_printf(arena, " (%s of them)", units_count(arena, c->count.after));
    const char *before = units_count(arena, c->entries.before);
    const char *after = units_count(arena, c->entries.after);
    /* The length of a slice is not known here, only that of its array. */
    if (is(c->kind, "slice"))
        finding.message = arena_printf(
            arena, "the slice %s%s%s grew from room for %s %s to %s%s%s and holds %s more",
            c->holder, c->path, of_many, before, what, after, time_text(diff, arena), functions,
            units_size(arena, bytes));
    else
        finding.message = arena_printf(
            arena, "the %s %s%s%s got %s %s more%s (%s before, %s after)%s and holds %s more",
            c->kind, c->holder, c->path, of_many, units_count(arena, more), what,
            time_text(diff, arena), before, after, functions, units_size(arena, bytes));
    finding.fix =
        listeners
            ? "unregister each when its owner is done with it; from Go 1.24 on a weak pointer does"
            : "bound it: an LRU, a time to live, or a delete where what the entry is for ends";
    finding.type = c->type;
    note(&finding, "entries_before", "count", c->entries.before);
    note(&finding, "entries_after", "count", c->entries.after);
    if (c->capacity.after)
        note(&finding, "capacity_after", "count", c->capacity.after);
    note(&finding, "collections", "count", c->count.after);
    set_holder(&finding, holder_of(diff, c->holder_key));
    if (!*finding.holder.name)
        finding.holder.name = c->holder;
    struct report_step *steps = arena_alloc(arena, 2 * sizeof(*steps));
    steps[0] = (struct report_step){.name = finding.holder.name, .type = "", .edge = c->path};
    steps[1] = (struct report_step){
        .name = c->path, .type = c->type, .retained_bytes = c->retained.after, .edge = ""};
    finding.holder.path = steps;
    finding.holder.path_count = 2;
    return vector_push(&diff->found.findings, finding);
}

/* ---- order ---- */

static int rank_of(const struct report_finding *finding)
{
    return is(finding->severity, "critical") ? 0 : is(finding->severity, "warning") ? 1 : 2;
}

static int by_severity(const void *a, const void *b)
{
    const struct report_finding *x = a, *y = b;
    if (rank_of(x) != rank_of(y))
        return rank_of(x) < rank_of(y) ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return strcmp(x->message, y->message);
}

struct error *diff_find(struct diff *diff)
{
    struct report *found = &diff->found;
    for (uint64_t i = 0; i < diff->sites.count && found->findings.count < FINDINGS_MAX; i++)
        TRY(judge_site(diff, &diff->sites.data[i]));
    for (uint64_t i = 0; i < diff->collections.count && found->findings.count < FINDINGS_MAX; i++)
        TRY(judge_collection(diff, &diff->collections.data[i]));
    if (found->findings.count)
        qsort(found->findings.data, found->findings.count, sizeof(found->findings.data[0]),
              by_severity);
    return NULL;
}
