#include "report/verdict.h"

#include <string.h>

#include "base/units.h"
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
    check.broken = check.found_bytes > check.allowed_bytes;
    verdict->broken |= check.broken;
    return vector_push(&verdict->checks, check);
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
        TRY(add_check(out, (struct verdict_check){
                               .limit = "max-growth",
                               .text = arena_printf(arena, "%s; %.*g %% of %s are allowed: %s",
                                                    growth, 6, limits->growth_share * 100,
                                                    units_size(arena, diff->live.before),
                                                    units_size(arena, bytes)),
                               .found_bytes = diff_grown(diff->live),
                               .allowed_bytes = bytes,
                           }));
    }
    if (limits->has_growth_bytes)
        TRY(add_check(out, (struct verdict_check){
                               .limit = "max-growth",
                               .text = arena_printf(arena, "%s; %s are allowed", growth,
                                                    units_size(arena, limits->growth_bytes)),
                               .found_bytes = diff_grown(diff->live),
                               .allowed_bytes = limits->growth_bytes,
                           }));
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
        lines_wrap(&lines, PLAIN, arena_printf(&arena, "%s (--%s)", check->text, check->limit), 2);
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
        json_key_u64(&json, "found_bytes", check->found_bytes);
        json_key_u64(&json, "allowed_bytes", check->allowed_bytes);
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
