#include "report/verdict.h"

#include <string.h>

#include "base/units.h"
#include "detect/finding.h"
#include "report/cells.h"
#include "report/diff_json.h"
#include "report/diff_text.h"

static const char *growth_text(struct arena *arena, struct diff_amount live)
{
    uint64_t grown = diff_grown(live), shrunk = diff_shrunk(live);
    if (!grown && !shrunk)
        return "the live heap did not grow";
    const char *share = units_share(arena, grown + shrunk, live.before);
    return arena_printf(arena, "the live heap %s by %s%s%s%s", grown ? "grew" : "shrank",
                        units_size(arena, grown + shrunk), *share ? " (" : "", share,
                        *share ? ")" : "");
}

static struct error *add_check(struct verdict *verdict, struct verdict_check check)
{
    verdict->broken |= check.broken;
    return vector_push(&verdict->checks, check);
}

static struct error *add_growth(struct verdict *verdict, struct verdict_check check)
{
    check.limit = "max-growth";
    check.is_growth = true;
    check.broken = check.found_bytes > check.allowed_bytes;
    return add_check(verdict, check);
}

/* -1 for a word that is none: a snapshot of anybody. */
static int severity_of(const struct report_finding *finding)
{
    for (int s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++)
        if (finding->severity &&
            !strcmp(finding->severity, finding_severity_name((enum finding_severity)s)))
            return s;
    return -1;
}

/* Counts the findings that are worse than allowed; *worst: the first of the worst. */
static uint64_t count_findings(const struct report *report, int allowed,
                               const struct report_finding **worst)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < report->findings.count; i++) {
        const struct report_finding *finding = &report->findings.data[i];
        if (finding->cause || severity_of(finding) <= allowed)
            continue;
        if (!*worst || severity_of(finding) > severity_of(*worst))
            *worst = finding;
        count++;
    }
    return count;
}

static struct error *check_findings(struct verdict *verdict, const struct diff *diff, int allowed)
{
    struct arena *arena = &verdict->arena;
    const struct report_finding *worst = NULL;
    uint64_t count = count_findings(diff->after, allowed, &worst);
    count += count_findings(&diff->found, allowed, &worst);
    const char *above = allowed < 0
                            ? ""
                            : arena_printf(arena, " above %s",
                                           finding_severity_name((enum finding_severity)allowed));
    const char *text = arena_printf(arena, "no finding%s", above);
    if (worst)
        text = arena_printf(arena, "%s finding%s%s, the worst is %s (%s, %s): %s",
                            units_count(arena, count), count == 1 ? "" : "s", above, worst->id,
                            worst->severity, units_size(arena, worst->bytes), worst->message);
    return add_check(
        verdict, (struct verdict_check){.limit = "max-finding", .text = text, .broken = count > 0});
}

struct error *verdict_make(const struct diff *diff, const struct verdict_limits *limits,
                           struct verdict *out)
{
    *out = (struct verdict){0};
    arena_init(&out->arena);
    struct arena *arena = &out->arena;
    const char *growth = growth_text(arena, diff->live);
    if (limits->has_growth_share) {
        double allowed = limits->growth_share * (double)diff->live.before;
        uint64_t bytes = allowed < 0x1p63 ? (uint64_t)allowed : UINT64_MAX;
        TRY(add_growth(out, (struct verdict_check){
                                .text = arena_printf(arena, "%s; %.*g %% of %s are allowed: %s",
                                                     growth, 6, limits->growth_share * 100,
                                                     units_size(arena, diff->live.before),
                                                     units_size(arena, bytes)),
                                .found_bytes = diff_grown(diff->live),
                                .allowed_bytes = bytes,
                            }));
    }
    if (limits->has_growth_bytes)
        TRY(add_growth(out, (struct verdict_check){
                                .text = arena_printf(arena, "%s; %s are allowed", growth,
                                                     units_size(arena, limits->growth_bytes)),
                                .found_bytes = diff_grown(diff->live),
                                .allowed_bytes = limits->growth_bytes,
                            }));
    if (limits->has_finding)
        TRY(check_findings(out, diff, limits->finding));
    return NULL;
}

void verdict_deinit(struct verdict *verdict)
{
    vector_deinit(&verdict->checks);
    arena_deinit(&verdict->arena);
}

/* By which means, as the reader must know before he believes the numbers. */
static const char *gc_text(const struct verdict_gc *gc, bool utf8, struct arena *arena)
{
    const char *waited = units_duration(arena, gc->result.waited_ns);
    const char *cycle = units_count(arena, gc->result.cycle);
    if (gc->command)
        return arena_printf(
            arena,
            "B was taken after garbage collection %s, which began after the request "
            "and ended %s later; '%s' had asked the target for it",
            cycle, waited, cells_clean(arena, gc->command, utf8));
    return arena_printf(arena,
                        "B was taken after garbage collection %s, which began after the request "
                        "and ended %s later: the target's own, waited for",
                        cycle, waited);
}

struct error *verdict_write_text(const struct verdict *verdict, const struct diff *diff,
                                 const struct verdict_gc *gc, const struct text_style *style,
                                 FILE *out)
{
    struct arena arena;
    arena_init(&arena);
    struct lines lines = {.out = out, .style = *style, .arena = &arena};
    if (!lines.style.columns)
        lines.style.columns = 100;
    for (uint64_t i = 0; i < verdict->checks.count; i++) {
        const struct verdict_check *check = &verdict->checks.data[i];
        lines_add(&lines, check->broken ? RED : CYAN, check->broken ? "BROKEN" : "fine");
        lines_add(&lines, PLAIN, ": ");
        lines_wrap(&lines, PLAIN,
                   arena_printf(&arena, "%s (--%s)", cells_clean(&arena, check->text, style->utf8),
                                check->limit),
                   2);
    }
    const char *garbage = arena_printf(
        &arena, "Only what can be reached counts; garbage (%s before, %s after) does not.",
        units_size(&arena, diff->garbage.before), units_size(&arena, diff->garbage.after));
    lines_wrap(&lines, DIM, garbage, 0);
    if (gc)
        lines_wrap(&lines, DIM, gc_text(gc, style->utf8, &arena), 2);
    if (verdict->broken)
        lines_end(&lines);
    arena_deinit(&arena);
    if (verdict->broken)
        return diff_write_text(diff, style, out);
    return NULL;
}

struct error *verdict_write_json(const struct verdict *verdict, const struct diff *diff,
                                 const struct verdict_gc *gc, const char *tool_version,
                                 uint32_t top, FILE *out)
{
    struct json_writer json = json_begin(out);
    json_begin_object(&json);
    json_key_string(&json, "schema", "leakhound.verify/1");
    json_key(&json, "tool");
    json_begin_object(&json);
    json_key_string(&json, "version", tool_version);
    json_end(&json);
    json_key_string(&json, "verdict", verdict->broken ? "broken" : "fine");
    json_key(&json, "checks");
    json_begin_array(&json);
    for (uint64_t i = 0; i < verdict->checks.count; i++) {
        const struct verdict_check *check = &verdict->checks.data[i];
        json_begin_object(&json);
        json_key_string(&json, "limit", check->limit);
        json_key_bool(&json, "broken", check->broken);
        json_key_string(&json, "message", check->text);
        json_key_known(&json, "found_bytes", check->is_growth, check->found_bytes);
        json_key_known(&json, "allowed_bytes", check->is_growth, check->allowed_bytes);
        json_end(&json);
    }
    json_end(&json);
    json_key(&json, "gc");
    if (gc) {
        json_begin_object(&json);
        json_key_string(&json, "means", gc->command ? "command" : "own-cycle");
        json_key(&json, "command");
        if (gc->command)
            json_string(&json, gc->command);
        else
            json_null(&json);
        json_key_u64(&json, "waited_ns", gc->result.waited_ns);
        json_key_u64(&json, "cycle", gc->result.cycle);
        json_end(&json);
    } else {
        json_null(&json);
    }
    json_key(&json, "diff");
    json_begin_object(&json);
    diff_put_json(&json, diff, top);
    json_end(&json);
    json_end(&json);
    return json_finish(&json);
}
