#include "detect/seen_in_part.h"

#include <string.h>

enum { OVERSIZED_MIN = 4096 /* bytes of room */ };

struct view { /* of one object */
    const struct window_target *target;
    uint64_t bytes, from, hidden, beyond, copies; /* beyond: hidden, and no capacity reaches it */
    struct window_hidden pointers;
    uint64_t held; /* bytes that only the hidden pointers hold, about */
};

static bool has_pointers(const struct analysis *a, uint32_t id)
{
    return !heap_span_of(&a->heap, id)->no_pointers;
}

/* What copies of the different windows take: exactly when those are known. */
static uint64_t copies(const struct analysis *a, const struct window_target *target)
{
    const struct window_set *set = &target->set;
    uint64_t bytes = 0;
    if (!window_set_is_exact(set))
        return set->copy_bytes;
    for (uint32_t i = 0; i < set->different; i++)
        bytes += windows_copy_bytes(a->runtime->minor, set->exact[i].end - set->exact[i].start,
                                    has_pointers(a, target->id));
    return bytes;
}

static struct error *look(const struct analysis *a, const struct window_target *target,
                          struct view *out)
{
    const struct graph *graph = a->graph;
    struct view view = {.target = target,
                        .bytes = window_target_bytes(&a->heap, target->id),
                        .from = window_target_from(&a->heap, target->id)};
    view.hidden = window_set_hidden_bytes(&target->set, view.bytes, view.from, false);
    view.beyond = window_set_hidden_bytes(&target->set, view.bytes, view.from, true);
    view.copies = copies(a, target);
    if (target->hidden_pointers)
        TRY(windows_hidden_edges(&a->heap, graph, &a->words, target, &view.pointers));
    for (uint64_t i = 0; i < view.pointers.edges.count; i++) {
        uint32_t to = (uint32_t)view.pointers.edges.data[i];
        if (graph_dominator(graph, to) == target->id)
            view.held += graph_retained_bytes(graph, to);
    }
    *out = view;
    return NULL;
}

static enum seen_case case_of(const struct view *view)
{
    uint64_t room = view->bytes - view->from, shown = room - view->hidden;
    uint64_t spare = view->bytes - MIN_OF(view->bytes, view->copies);
    bool little = shown < room / WINDOWS_SEEN_SHARE && view->hidden >= WINDOWS_HIDDEN_MIN;
    /* what could be grown into is no loss to those who will */
    bool pinned = little && view->beyond >= view->hidden / 2;
    if (view->held && view->held >= (pinned ? spare : 0))
        return SEEN_HIDDEN;
    if (pinned)
        return view->target->element > 1 ? SEEN_SUBSLICE : SEEN_SUBSTRING;
    if (little && spare >= OVERSIZED_MIN)
        return SEEN_OVERSIZED;
    return SEEN_NOTHING;
}

/* The memory itself shows that nobody can reach it, when all types are known; room to grow into may
 * be about to be used, and pointers there to be used again. */
static enum finding_confidence confidence_of(const struct view *view, enum seen_case which)
{
    const struct window_target *target = view->target;
    bool is_empty = !target->set.bytes[0];
    if (target->flags & WINDOWS_LOOKS || (which == SEEN_OVERSIZED && is_empty))
        return CONFIDENCE_POSSIBLE;
    if (target->flags & WINDOWS_GUESSED || which == SEEN_OVERSIZED ||
        (which == SEEN_HIDDEN && view->pointers.words[WINDOW_TO_CAP]))
        return CONFIDENCE_LIKELY;
    return CONFIDENCE_PROVEN;
}

enum { VARIANT_FLAGS = WINDOWS_STRINGS | WINDOWS_SLICES | WINDOWS_POINTERS, VARIANT_EMPTY = 8 };

static uint32_t variant_of(const struct view *view, enum seen_case which)
{
    const struct window_target *target = view->target;
    bool is_empty = which == SEEN_OVERSIZED && !target->set.bytes[0];
    return (target->element_type + 1) << 4 | (is_empty ? VARIANT_EMPTY : 0u) |
           (target->flags & VARIANT_FLAGS);
}

struct seen_variant seen_variant_of(const struct detect_group *group)
{
    return (struct seen_variant){.flags = group->variant & VARIANT_FLAGS,
                                 .is_empty = group->variant & VARIANT_EMPTY,
                                 .element_type = (group->variant >> 4) - 1};
}

static struct error *add(struct detect *detect, enum seen_case which, const struct view *view)
{
    const struct window_target *target = view->target;
    struct detect_case one = {.node = target->id,
                              .variant = variant_of(view, which),
                              .confidence = confidence_of(view, which),
                              .count = 1};
    if (which != SEEN_OVERSIZED) {
        one.cut = view->pointers.edges.data;
        one.cut_count = view->pointers.edges.count;
    }
    if (which == SEEN_HIDDEN)
        one.count = view->pointers.edges.count;
    else
        one.own_bytes = view->bytes - MIN_OF(view->bytes, view->copies);
    one.numbers[SEEN_WINDOWS] = target->set.count;
    one.numbers[SEEN_SHOWN_BYTES] = target->set.bytes[0];
    one.numbers[SEEN_BLOCK_BYTES] = view->bytes;
    for (unsigned i = 0; i < WINDOW_PLACES; i++)
        one.numbers[SEEN_PLACES + i] = view->pointers.words[i];
    return detect_add(detect, &one);
}

struct error *seen_in_part_judge(struct detect *detect, enum seen_case which)
{
    const struct analysis *a = detect->analysis;
    const struct window_table *table = &a->facts.windows;
    for (uint64_t i = 0; i < table->items.count; i++) {
        const struct window_target *target = &table->items.data[i];
        struct view view = {0};
        if (!graph_is_reachable(a->graph, target->id))
            continue;
        struct error *error = look(a, target, &view);
        if (!error && case_of(&view) == which)
            error = add(detect, which, &view);
        window_hidden_deinit(&view.pointers);
        if (error)
            return error;
    }
    return NULL;
}

/* -- words ------------------------------------------------------------------------------------ */

const char *seen_window_name(struct detect *detect, const struct detect_group *group, bool many)
{
    struct seen_variant variant = seen_variant_of(group);
    const char *s = many ? "s" : "";
    if (variant.flags == WINDOWS_STRINGS)
        return many ? "strings" : "string";
    if (variant.flags & WINDOWS_STRINGS)
        return many ? "strings and slices" : "string or slice";
    if (variant.element_type == TYPE_NONE)
        return many ? "slices" : "slice";
    const char *name = detect->analysis->typing.table.types.data[variant.element_type].name;
    if (variant.flags == WINDOWS_POINTERS)
        return arena_printf(&detect->arena, "pointer%s to %s", s, name);
    if (!strcmp(name, "uint8"))
        return many ? "byte slices" : "byte slice";
    return arena_printf(&detect->arena, "slice%s of %s", s, name);
}

/* "of 64 KiB" or, when they differ, "of 64 KiB on average". */
static const char *each(struct detect *detect, uint64_t total, uint64_t count, uint64_t one)
{
    const char *average = count && total == one * count ? "" : " on average";
    return arena_printf(&detect->arena, "of %s%s", detect_size(detect, count ? total / count : 0),
                        average);
}

/* A way to copy what is needed that the target's Go version has. */
static const char *copy_call(const struct detect *detect, const struct detect_group *group)
{
    struct seen_variant variant = seen_variant_of(group);
    unsigned minor = detect->analysis->runtime->minor;
    if (variant.flags == WINDOWS_STRINGS)
        return minor >= 18 ? "strings.Clone(s)" : "string([]byte(s))";
    return minor >= 21 ? "slices.Clone(s)" : "append([]T(nil), s...)";
}

void seen_describe_kept(struct detect *detect, const struct detect_group *group,
                        const struct seen_words *words, struct finding *finding)
{
    const uint64_t *numbers = group->numbers, *first = group->largest.numbers;
    uint64_t windows = numbers[SEEN_WINDOWS], bytes = numbers[SEEN_BLOCK_BYTES];
    finding->message =
        arena_printf(&detect->arena, "%s %s %s below %s %s %s %s alive",
                     detect_count(detect, windows), seen_window_name(detect, group, windows != 1),
                     each(detect, numbers[SEEN_SHOWN_BYTES], windows,
                          first[SEEN_WINDOWS] ? first[SEEN_SHOWN_BYTES] / first[SEEN_WINDOWS] : 0),
                     detect_holder_name(detect, group), windows == 1 ? "keeps" : "keep",
                     detect_plural(detect, group->count, words->block, words->blocks),
                     each(detect, bytes, group->count, first[SEEN_BLOCK_BYTES]));
    finding->fix = arena_printf(&detect->arena, "keep a copy of %s: %s", words->needed,
                                copy_call(detect, group));
    finding_note(finding, "windows", windows, UNIT_COUNT);
    finding_note(finding, "shown_bytes", numbers[SEEN_SHOWN_BYTES], UNIT_BYTES);
    finding_note(finding, words->block_bytes, bytes, UNIT_BYTES);
}
