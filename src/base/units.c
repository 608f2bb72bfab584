#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

const char *units_size(struct arena *arena, uint64_t bytes)
{
    if (bytes < 1024)
        return arena_printf(arena, "%" PRIu64 " B", bytes);
    double value = (double)bytes;
    unsigned unit = 0;
    /* 1023.5 would be printed as 1024. */
    while (value >= 1023.5 && unit + 1 < ARRAY_COUNT(names)) {
        value /= 1024;
        unit++;
    }
    /* A tenth of a GiB matters to a limit, a tenth of a MiB to nobody. */
    bool large = unit >= 3;
    int digits = value < 9.95 ? (large ? 2 : 1) : large && value < 99.95 ? 1 : 0;
    return arena_printf(arena, "%.*f %s", digits, value, names[unit]);
}

static bool adds_up(uint64_t total, const uint64_t *parts, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        if (__builtin_add_overflow(sum, parts[i], &sum))
            return false;
    return sum == total;
}

/* Gives each part the whole steps that it has, then one step more to those with the most left over
 * until all steps of the total are given. */
static void share_steps(uint64_t total_steps, unsigned __int128 step, unsigned scale,
                        const uint64_t *parts, unsigned count, uint64_t *out)
{
    unsigned __int128 left_over[8];
    uint64_t given = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned __int128 scaled = (unsigned __int128)parts[i] * scale;
        out[i] = (uint64_t)(scaled / step);
        left_over[i] = scaled % step;
        given += out[i];
    }
    for (; given < total_steps; given++) {
        unsigned most = 0;
        for (unsigned i = 1; i < count; i++)
            if (left_over[i] > left_over[most])
                most = i;
        out[most]++;
        left_over[most] = 0;
    }
}

static const char *steps_text(struct arena *arena, uint64_t steps, unsigned digits, unsigned unit)
{
    unsigned scale = digits == 2 ? 100 : digits == 1 ? 10 : 1;
    if (!digits)
        return arena_printf(arena, "%" PRIu64 " %s", steps, names[unit]);
    return arena_printf(arena, "%" PRIu64 ".%0*" PRIu64 " %s", steps / scale, (int)digits,
                        steps % scale, names[unit]);
}

void units_sum(struct arena *arena, uint64_t total, const uint64_t *parts, unsigned count,
               const char **out_total, const char **out_parts)
{
    if (count > 8 || !adds_up(total, parts, count)) {
        *out_total = units_size(arena, total);
        for (unsigned i = 0; i < count; i++)
            out_parts[i] = parts[i] ? units_size(arena, parts[i]) : NULL;
        return;
    }
    unsigned unit = 0;
    while (unit + 1 < ARRAY_COUNT(names) && total >> (10 * unit) >= 1024)
        unit++;
    unsigned digits = unit == 0 ? 0 : unit < 3 ? 1 : 2;
    unsigned scale = digits == 2 ? 100 : digits == 1 ? 10 : 1;
    unsigned __int128 step = (unsigned __int128)1 << (10 * unit);
    uint64_t total_steps = (uint64_t)(((unsigned __int128)total * scale + step / 2) / step);
    uint64_t steps[8];
    share_steps(total_steps, step, scale, parts, count, steps);
    *out_total = steps_text(arena, total_steps, digits, unit);
    for (unsigned i = 0; i < count; i++)
        out_parts[i] = steps[i] ? steps_text(arena, steps[i], digits, unit) : NULL;
}

const char *units_count(struct arena *arena, uint64_t count)
{
    char digits[24], text[32];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count), out = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            text[out++] = ',';
        text[out++] = digits[i];
    }
    return arena_copy_string(arena, text, (uint64_t)out);
}

const char *units_rough_count(struct arena *arena, uint64_t count)
{
    if (count < 1000000)
        return units_count(arena, count);
    double value = (double)count / 1e6;
    const char *unit = "M";
    if (value >= 999.5) {
        value /= 1e3;
        unit = "G";
    }
    if (value >= 999.5)
        return arena_printf(arena, "%s %s", units_count(arena, (uint64_t)(value + 0.5)), unit);
    return arena_printf(arena, "%.*f %s", value < 9.95 ? 1 : 0, value, unit);
}

const char *units_share(struct arena *arena, uint64_t part, uint64_t whole)
{
    if (!whole)
        return "";
    double percent = 100.0 * (double)part / (double)whole;
    if (part && percent < 0.05)
        return "<0.1 %";
    return arena_printf(arena, "%.*f %%", percent >= 99.95 ? 0 : 1, percent);
}

const char *units_duration(struct arena *arena, uint64_t ns)
{
    static const struct {
        const char *name, *next;
        uint64_t seconds, part;
    } pairs[] = {{"d", "h", 86400, 3600}, {"h", "min", 3600, 60}, {"min", "s", 60, 1}};
    uint64_t seconds = ns / 1000000000;
    for (unsigned i = 0; i < ARRAY_COUNT(pairs); i++) {
        if (seconds < pairs[i].seconds)
            continue;
        uint64_t whole = seconds / pairs[i].seconds;
        uint64_t rest = seconds % pairs[i].seconds / pairs[i].part;
        if (!rest)
            return arena_printf(arena, "%" PRIu64 " %s", whole, pairs[i].name);
        return arena_printf(arena, "%" PRIu64 " %s %" PRIu64 " %s", whole, pairs[i].name, rest,
                            pairs[i].next);
    }
    if (ns >= 999500000)
        return arena_printf(arena, "%.*f s", ns < 9950000000 ? 1 : 0, (double)ns / 1e9);
    if (ns >= 999500)
        return arena_printf(arena, "%.*f ms", ns < 9950000 ? 1 : 0, (double)ns / 1e6);
    return arena_printf(arena, "%" PRIu64 " us", (ns + 500) / 1000);
}
