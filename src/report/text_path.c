#include "report/text_path.h"

#include <string.h>

#include "report/cells.h"

enum { MAX_HOPS = 16 };

static bool is_given(const char *text)
{
    return text && *text;
}

/* The first step is often the holder itself, whose name and type stand on the line above. */
static bool repeats_holder(const struct report_holder *holder, const struct report_step *step)
{
    return !is_given(step->name) || (holder->name && strcmp(step->name, holder->name) == 0) ||
           (!step->address && holder->kind && strcmp(holder->kind, "global") == 0);
}

/* What the holder's own value points to needs no mention either when its type says just that. */
static bool repeats_type(const struct report_holder *holder, const struct report_step *step)
{
    if (!is_given(step->type) || !is_given(holder->type))
        return false;
    return strcmp(step->type, holder->type) == 0 ||
           (*holder->type == '*' && strcmp(step->type, holder->type + 1) == 0);
}

static const char *hop_text(struct lines *lines, const char *label, const struct report_step *step)
{
    bool utf8 = lines->style.utf8;
    const char *type = cells_clean(lines->arena, step->type, utf8);
    label = cells_clean(lines->arena, label, utf8);
    if (!*type)
        return label;
    return arena_printf(lines->arena, "%s%s%s%s", label, *label ? " " : "", type,
                        step->type_guessed ? "?" : "");
}

/* hops[0 … head) and hops[tail … count) joined; an ellipsis where some are missing. */
static const char *join(struct lines *lines, const char *const *hops, unsigned head, unsigned tail,
                        unsigned count)
{
    const char *arrow = lines->style.utf8 ? " → " : " -> ", *text = "";
    for (unsigned i = 0; i < count; i++) {
        const char *hop = hops[i];
        if (i >= head && i < tail) {
            hop = lines->style.utf8 ? "…" : "...";
            i = tail - 1;
        }
        text = arena_printf(lines->arena, "%s%s%s", text, *text ? arrow : "", hop);
    }
    return text;
}

static const char *join_within(struct lines *lines, const char *const *hops, unsigned count,
                               unsigned width)
{
    unsigned head = count, tail = count;
    const char *text = join(lines, hops, head, tail, count);
    /* First one hop gives way to the ellipsis, then its neighbours in turn. */
    while (cells_width(text) > width && (head == tail ? count > 2 : head > 1 || tail + 1 < count)) {
        if (head == tail) {
            head = count / 2;
            tail = head + 1;
        } else if (head > 1 && head >= count - tail) {
            head--;
        } else {
            tail++;
        }
        text = join(lines, hops, head, tail, count);
    }
    return text;
}

const char *text_path(struct lines *lines, const struct report_holder *holder, unsigned width)
{
    const char *hops[MAX_HOPS];
    unsigned count = 0;
    bool repeated = false;
    for (uint32_t i = 0; i < holder->path_count && count < MAX_HOPS; i++) {
        const struct report_step *step = &holder->path[i];
        if (i == 0 && repeats_holder(holder, step))
            continue;
        const char *edge = i ? holder->path[i - 1].edge : "";
        const char *label = is_given(edge) ? edge : step->name;
        if (!count && !is_given(label) && repeats_type(holder, step))
            continue;
        const char *hop = hop_text(lines, label, step);
        bool same = count && strcmp(hops[count - 1 - repeated], hop) == 0;
        if (!*hop || (same && repeated))
            continue;
        hops[count++] = same ? (lines->style.utf8 ? "…" : "...") : hop;
        repeated = same;
    }
    if (!count)
        return NULL;
    const char *text = join(lines, hops, count, count, count);
    if (cells_width(text) <= width)
        return text;
    for (unsigned i = 0; i < count; i++)
        hops[i] = cells_short_packages(lines->arena, hops[i]);
    return cells_cut(lines->arena, join_within(lines, hops, count, width), width,
                     lines->style.utf8);
}
