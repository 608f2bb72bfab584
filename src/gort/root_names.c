#include "gort/root_names.h"

#include <inttypes.h>
#include <string.h>

static const char *const kind_names[] = {
    [ROOT_GLOBAL] = "global",   [ROOT_GOROUTINES] = "goroutine", [ROOT_GOROUTINE] = "goroutine",
    [ROOT_FRAME] = "goroutine", [ROOT_TIMERS] = "timer",         [ROOT_FINALIZERS] = "finalizer",
    [ROOT_RUNTIME] = "runtime",
};

const char *root_kind_name(enum root_kind kind)
{
    return kind_names[kind];
}

/* ".bss+0x40": where a variable without a name stands. */
static const char *place_of(struct analysis *a, const struct variable *v, struct arena *arena)
{
    const struct go_module *m = &a->runtime->module;
    bool in_data = v->address < m->data_end;
    return arena_printf(arena, "%s+0x%" PRIx64, in_data ? ".data" : ".bss",
                        v->address - (in_data ? m->data : m->bss));
}

/* How much a user tells: an initialiser nothing, main.main little. */
static int telling(const char *name)
{
    uint64_t n = strlen(name);
    if (n > 5 && !strcmp(name + n - 5, ".init"))
        return 0;
    return strcmp(name, "main.main") ? 2 : 1;
}

static const char *best_user(struct analysis *a, const struct variable *v)
{
    const char *best = NULL;
    for (uint32_t i = 0; i < MIN_OF(v->user_count, (uint32_t)VARIABLE_USERS_MAX); i++) {
        const char *name = pclntab_name(a->runtime->pclntab, v->users[i]);
        if (!best || telling(name) > telling(best))
            best = name;
    }
    return best;
}

/* A variable without a name is found by who uses it. */
const char *root_variable_users(struct analysis *a, const struct variable *v, struct arena *arena)
{
    const char *text = "";
    for (uint32_t i = 0; i < MIN_OF(v->user_count, (uint32_t)VARIABLE_USERS_MAX); i++)
        text = arena_printf(arena, "%s%s %s", text, i ? "," : "used by",
                            pclntab_name(a->runtime->pclntab, v->users[i]));
    if (v->user_count > VARIABLE_USERS_MAX)
        text = arena_printf(arena, "%s and %u more", text, v->user_count - VARIABLE_USERS_MAX);
    return text;
}

const char *root_name(struct analysis *a, uint32_t root, struct arena *arena)
{
    const struct root_info *info = &a->roots.infos.data[root];
    switch (info->kind) {
    case ROOT_GLOBAL:
    case ROOT_RUNTIME:
        if (info->variable != GRAPH_NONE) {
            const struct variable *v = &a->variables.items.data[info->variable];
            if (v->name[0])
                return v->name;
            if (v->user_count) /* a user gives it a name that leads to the source */
                return arena_printf(arena, "global %s of %s", place_of(a, v, arena),
                                    best_user(a, v));
            return arena_printf(arena, "global %s", place_of(a, v, arena));
        }
        if (info->group != GRAPH_NONE)
            return arena_printf(arena, "runtime goroutine %s", info->name);
        return info->name;
    case ROOT_GOROUTINES: {
        const struct goroutine_group *g = &a->roots.groups.data[info->group];
        if (info->count == 1)
            return arena_printf(arena, "goroutine %" PRIu64 " of %s [%s]",
                                a->goroutines.items.data[info->goroutine].id, g->function,
                                g->state);
        return arena_printf(arena, "goroutines of %s [%s]", g->function, g->state);
    }
    default:
        return info->name;
    }
}

const char *root_key(struct analysis *a, uint32_t root, struct arena *arena)
{
    const struct root_info *info = &a->roots.infos.data[root];
    if (info->kind == ROOT_GOROUTINES)
        return arena_printf(arena, "goroutines of %s", a->roots.groups.data[info->group].function);
    if (info->variable != GRAPH_NONE && !a->variables.items.data[info->variable].name[0])
        return place_of(a, &a->variables.items.data[info->variable], arena);
    return root_name(a, root, arena);
}
