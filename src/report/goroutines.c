#include "report/goroutines.h"

#include <string.h>

#include "base/hash.h"
#include "gort/analysis.h"

static struct error *while_stopped(void *context, struct analysis *analysis)
{
    return snapshot_collect_goroutines(analysis, context);
}

static struct error *when_done(void *context, struct analysis *analysis,
                               const struct report *report)
{
    (void)report;
    TRY(snapshot_finish_goroutines(analysis, context));
    return snapshot_own_goroutines(context);
}

struct error *goroutines_collect(struct target *target, const struct report_options *options,
                                 struct report *out_report, struct snapshot_goroutines *out)
{
    struct report_options own = *options;
    own.goroutines_only = true;
    own.while_stopped = while_stopped;
    own.when_done = when_done;
    own.hook_context = out;
    return report_collect(target, &own, out_report);
}

/* -- by stack ---------------------------------------------------------------------------------- */

static bool same_stack(const struct snapshot_goroutine *a, const struct snapshot_goroutine *b)
{
    return a->frame_count == b->frame_count && a->created_at == b->created_at &&
           a->system == b->system && !strcmp(a->state, b->state) &&
           (!a->frame_count || !memcmp(a->frames, b->frames, a->frame_count * sizeof(*a->frames)));
}

static uint64_t hash_stack(const struct snapshot_goroutine *g)
{
    return hash_bytes(g->frames, g->frame_count * sizeof(*g->frames)) ^
           hash_bytes(g->state, strlen(g->state)) ^ hash_mix(g->created_at * 2u + g->system);
}

static void add(struct goroutine_stack *stack, const struct snapshot_goroutine *g)
{
    stack->count++;
    stack->stack_bytes += g->stack_bytes;
    stack->held_bytes += g->held_bytes;
    stack->group = stack->count == 1 || stack->group == g->group ? g->group : 0;
    stack->locked += g->locked;
    stack->leaked += g->leak >= SNAPSHOT_LEAK_SUSPECTED;
    stack->leak = MAX_OF(stack->leak, g->leak);
    if (!g->waiting_ns)
        return;
    stack->longest_wait_ns = MAX_OF(stack->longest_wait_ns, g->waiting_ns);
    if (!stack->shortest_wait_ns || g->waiting_ns < stack->shortest_wait_ns)
        stack->shortest_wait_ns = g->waiting_ns;
}

/* What all of a group hold together is more than the sum of what each holds alone. */
static void take_group(const struct snapshot_goroutines *goroutines, struct goroutine_stack *stack)
{
    if (!stack->group)
        return;
    const struct snapshot_goroutine_group *group = &goroutines->groups.data[stack->group - 1];
    if (group->count == stack->count)
        stack->held_bytes = group->held_bytes;
}

static int by_count(const void *x, const void *y)
{
    const struct goroutine_stack *a = x, *b = y;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    uint64_t p = a->held_bytes + a->stack_bytes, q = b->held_bytes + b->stack_bytes;
    if (p != q)
        return p > q ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static struct error *find_stack(const struct snapshot_goroutines *goroutines, uint64_t index,
                                struct hash_map *known, struct goroutine_stacks *out,
                                struct goroutine_stack **out_stack)
{
    const struct snapshot_goroutine *g = &goroutines->items.data[index];
    uint64_t key = hash_stack(g);
    for (;; key++) { /* another stack of the same hash has the number before */
        uint64_t *value;
        bool added;
        TRY(hash_map_insert(known, key ? key : 1, &value, &added));
        if (added) {
            *value = out->items.count;
            TRY(vector_push(&out->items, (struct goroutine_stack){.first = (uint32_t)index}));
        }
        *out_stack = &out->items.data[*value];
        if (added || same_stack(g, &goroutines->items.data[(*out_stack)->first]))
            return NULL;
    }
}

struct error *goroutine_stacks_make(const struct snapshot_goroutines *goroutines,
                                    struct goroutine_stacks *out)
{
    struct hash_map known = {0};
    *out = (struct goroutine_stacks){0};
    struct error *error = NULL;
    for (uint64_t i = 0; i < goroutines->items.count && !error; i++) {
        struct goroutine_stack *stack;
        error = find_stack(goroutines, i, &known, out, &stack);
        if (!error)
            add(stack, &goroutines->items.data[i]);
    }
    hash_map_deinit(&known);
    for (uint64_t i = 0; i < out->items.count && !error; i++)
        take_group(goroutines, &out->items.data[i]);
    if (!error && out->items.count)
        qsort(out->items.data, out->items.count, sizeof(*out->items.data), by_count);
    return error;
}

void goroutine_stacks_deinit(struct goroutine_stacks *stacks)
{
    vector_deinit(&stacks->items);
}

/* -- what the runtime shows -------------------------------------------------------------------- */

bool goroutine_frame_is_shown(const struct snapshot_goroutines *goroutines,
                              const struct snapshot_goroutine *g, uint32_t i)
{
    static const char *const panics[] = {"runtime.gopanic", "runtime.sigpanic",
                                         "runtime.panicwrap"};
    const struct snapshot_place *place = &goroutines->places.data[g->frames[i]];
    const char *called = i ? goroutines->places.data[g->frames[i - 1]].function : "";
    bool panicked = false;
    for (unsigned p = 0; p < ARRAY_COUNT(panics); p++)
        panicked = panicked || !strcmp(called, panics[p]);
    if (place->wrapper && !panicked)
        return false;
    return !place->hidden || (i && !strcmp(place->function, panics[0]));
}

bool goroutine_is_shown(const struct snapshot_goroutines *goroutines,
                        const struct snapshot_goroutine *g)
{
    for (uint32_t i = 0; g->system && i < g->frame_count; i++)
        if (!goroutines->places.data[g->frames[i]].hidden)
            return true;
    return !g->system;
}

bool goroutine_creator_is_shown(const struct snapshot_goroutines *goroutines,
                                const struct snapshot_goroutine *g)
{
    return g->created_at && g->id != 1 && !goroutines->places.data[g->created_at - 1].hidden;
}

const char *goroutine_function_text(struct arena *arena, const char *name)
{
    const char *first = strchr(name, '['), *last = strrchr(name, ']');
    if (!first || !last || last < first)
        return name;
    return arena_printf(arena, "%.*s[...]%s", (int)(first - name), name, last + 1);
}

const char *snapshot_leak_name(uint8_t leak)
{
    switch (leak) {
    case SNAPSHOT_LEAK_NO:
        return "no";
    case SNAPSHOT_LEAK_SUSPECTED:
        return "suspected";
    case SNAPSHOT_LEAK_PROVEN:
        return "proven";
    default:
        return NULL;
    }
}
