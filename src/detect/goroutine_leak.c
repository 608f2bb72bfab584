/* goroutine-leak: goroutines that wait for what nothing that still runs can reach
 * (gort/goroutine_leaks.h). A finding is a group of them: one go statement, one place, one
 * operation. What it frees are their stacks and all that only they hold. */
#include "detect/detectors.h"

enum number { NUMBER_STACK_BYTES, NUMBER_GOROUTINES, NUMBER_OPERATION };

enum { CUTS_MAX = 1 << 24 }; /* pointers on the stacks of a group of which only some are leaked */

struct group_leaks {
    uint64_t count, stack_bytes;
    uint64_t kept_bytes; /* of what hangs below the group alone, and stays */
    uint64_t kept_objects;
    uint64_t edges; /* of their roots */
    enum blocked_operation operation;
    uint64_t *cut; /* NULL where all of the group are leaked */
    uint64_t cut_count;
};

struct leak_search {
    struct detect *detect;
    struct group_leaks *groups; /* by group_of */
};

/* What is proven of a group of the table of roots and what is suspected are told apart. */
enum { KINDS = 2 };
static uint64_t group_of(uint32_t group, enum goroutine_leak leak)
{
    return (uint64_t)group * KINDS + (leak == LEAK_PROVEN);
}

/* The group of the leaked goroutine that a root is of or part of; of other roots none. */
static bool of_leaked(const struct analysis *a, uint32_t root, uint64_t *out_group)
{
    const struct root_info *info = &a->roots.infos.data[root];
    if ((info->kind != ROOT_GOROUTINE && info->kind != ROOT_FRAME) ||
        goroutine_leak_of(&a->leaks, info->goroutine) == LEAK_NO)
        return false;
    *out_group = group_of(info->group, goroutine_leak_of(&a->leaks, info->goroutine));
    return true;
}

/* The runtime never frees a g: the next goroutine gets it. A waiting one is reached by way of its
 * sudog. */
static void note_kept(const struct analysis *a, uint64_t goroutine, uint32_t holder,
                      struct group_leaks *leaks)
{
    const struct graph *graph = a->graph;
    uint32_t id = heap_find(&a->heap, a->goroutines.items.data[goroutine].address);
    if (id == HEAP_NONE || !graph_is_reachable(graph, id) ||
        graph_top(graph, id) != graph_root_node(graph, holder))
        return;
    leaks->kept_bytes += graph_object_bytes(graph, id);
    leaks->kept_objects++;
}

static void count_leaked(struct leak_search *s)
{
    const struct analysis *a = s->detect->analysis;
    for (uint64_t g = 0; g < a->leaks.goroutines; g++) {
        if (goroutine_leak_of(&a->leaks, g) == LEAK_NO || a->roots.goroutine_roots[g] == GRAPH_NONE)
            continue;
        uint32_t group = a->roots.infos.data[a->roots.goroutine_roots[g]].group;
        struct group_leaks *leaks = &s->groups[group_of(group, goroutine_leak_of(&a->leaks, g))];
        leaks->count++;
        leaks->stack_bytes += goroutine_stack_bytes(&a->goroutines.items.data[g]);
        leaks->operation = blocked_operation_of(&a->facts.blocked, g);
        note_kept(a, g, a->roots.groups.data[group].root, leaks);
    }
}

static bool is_whole(const struct leak_search *s, uint64_t group)
{
    return s->groups[group].count == s->detect->analysis->roots.groups.data[group / KINDS].count;
}

/* The pointers of the leaked ones of groups in which others live. */
static struct error *collect_cuts(struct leak_search *s)
{
    const struct analysis *a = s->detect->analysis;
    const struct graph *graph = a->graph;
    uint64_t group;
    for (uint64_t i = 0; i < graph->root_edges.count; i++)
        if (of_leaked(a, (uint32_t)(graph->root_edges.data[i] >> 32), &group))
            s->groups[group].edges++;
    for (uint64_t g = 0; g < a->roots.groups.count * KINDS; g++)
        if (s->groups[g].count && !is_whole(s, g))
            TRY(memory_array(MIN_OF(s->groups[g].edges, (uint64_t)CUTS_MAX), sizeof(uint64_t),
                             &s->groups[g].cut));
    for (uint64_t i = 0; i < graph->root_edges.count; i++) {
        uint64_t edge = graph->root_edges.data[i];
        uint32_t root = (uint32_t)(edge >> 32);
        if (!of_leaked(a, root, &group) || !s->groups[group].cut ||
            s->groups[group].cut_count == MIN_OF(s->groups[group].edges, (uint64_t)CUTS_MAX))
            continue;
        s->groups[group].cut[s->groups[group].cut_count++] =
            (uint64_t)graph_root_node(graph, root) << 32 | (edge & GRAPH_ID);
    }
    return NULL;
}

static enum finding_confidence confidence_of(const struct analysis *a, bool proven)
{
    if (proven)
        return CONFIDENCE_PROVEN;
    return a->leaks.doubt ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY;
}

static struct error *add_groups(struct leak_search *s)
{
    const struct analysis *a = s->detect->analysis;
    for (uint64_t g = 0; g < a->roots.groups.count * KINDS; g++) {
        const struct group_leaks *leaks = &s->groups[g];
        const struct goroutine_group *group = &a->roots.groups.data[g / KINDS];
        if (!leaks->count)
            continue;
        struct detect_case one = {
            .node = graph_root_node(a->graph, group->root),
            .node_goes = !leaks->cut,
            .variant = g % KINDS,
            .confidence = confidence_of(a, g % KINDS),
            .cut = leaks->cut,
            .cut_count = leaks->cut_count,
            .own_bytes = leaks->stack_bytes,
            .kept_bytes = leaks->kept_bytes,
            .kept_objects = leaks->kept_objects,
            .count = leaks->count,
            .numbers = {[NUMBER_STACK_BYTES] = leaks->stack_bytes,
                        [NUMBER_GOROUTINES] = group->count,
                        [NUMBER_OPERATION] = leaks->operation},
        };
        TRY(detect_add(s->detect, &one));
    }
    return NULL;
}

static struct error *judge(struct detect *detect)
{
    const struct analysis *a = detect->analysis;
    struct leak_search search = {.detect = detect};
    if (!a->leaks.count)
        return NULL;
    TRY(memory_array(a->roots.groups.count * KINDS, sizeof(*search.groups), &search.groups));
    count_leaked(&search);
    struct error *error = collect_cuts(&search);
    if (!error)
        error = add_groups(&search);
    for (uint64_t g = 0; g < a->roots.groups.count * KINDS; g++)
        free(search.groups[g].cut);
    free(search.groups);
    return error;
}

/* What they wait for, of which there is one each or one for all. */
static const char *waits_for(enum blocked_operation operation, bool one)
{
    switch (operation) {
    case BLOCKED_SEND:
        return one ? "send on a channel" : "send on channels";
    case BLOCKED_RECEIVE:
        return one ? "receive from a channel" : "receive from channels";
    case BLOCKED_SELECT:
        return one ? "select among channels" : "select among channels";
    case BLOCKED_MUTEX:
        return one ? "lock a mutex" : "lock mutexes";
    case BLOCKED_RWMUTEX_READ:
    case BLOCKED_RWMUTEX_WRITE:
        return one ? "lock a read-write mutex" : "lock read-write mutexes";
    case BLOCKED_WAIT_GROUP:
        return one ? "see a wait group done" : "see wait groups done";
    case BLOCKED_COND:
        return one ? "be told by a condition variable" : "be told by condition variables";
    default:
        return blocked_operation_text(operation);
    }
}

static const char *fix_of(enum blocked_operation operation)
{
    switch (operation) {
    case BLOCKED_SEND:
        return "give the channel room for every value that is sent, or select on ctx.Done() "
               "beside the send, so that it can end when nobody receives any more";
    case BLOCKED_RECEIVE:
        return "close the channel on every path of those who send, or select on ctx.Done() "
               "beside the receive";
    case BLOCKED_SELECT:
        return "give the select a case that always comes at last: ctx.Done(), or a channel that "
               "is closed on every path";
    case BLOCKED_SEND_NIL:
    case BLOCKED_RECEIVE_NIL:
        return "make the channel before it is used: a nil channel blocks for ever";
    case BLOCKED_SELECT_NO_CASES:
        return "wait for ctx.Done() or a channel that is closed at the end instead of select {}";
    case BLOCKED_MUTEX:
    case BLOCKED_RWMUTEX_READ:
    case BLOCKED_RWMUTEX_WRITE:
        return "unlock on every path, panics and early returns included: defer the Unlock right "
               "behind the Lock";
    case BLOCKED_WAIT_GROUP:
        return "call Done on every path (defer wg.Done() first of all), and Add only for what "
               "is started";
    case BLOCKED_COND:
        return "call Broadcast on every path that ends the wait, the one that gives up "
               "included";
    default:
        return "";
    }
}

/* "main.ask.func1 ask.go:30", "" when unknown. */
static const char *place(struct detect *detect, const char *before, const char *function,
                         const char *at)
{
    if (!function[0])
        return "";
    return arena_printf(&detect->arena, "%s%s%s%s", before, function, at[0] ? " " : "", at);
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const struct analysis *a = detect->analysis;
    const struct goroutine_group *goroutines =
        &a->roots.groups.data[a->roots.infos.data[group->root].group];
    enum blocked_operation operation = (enum blocked_operation)group->numbers[NUMBER_OPERATION];
    bool one = group->count == 1, has_objects = blocked_object_kind(operation)[0] != '\0';
    finding->message =
        arena_printf(&detect->arena, "%s for ever to %s%s%s%s%s%s",
                     detect_plural(detect, group->count, "goroutine waits", "goroutines wait"),
                     waits_for(operation, one), has_objects ? " that nothing else can reach" : "",
                     place(detect, "; started at ", goroutines->created_by, goroutines->created_at),
                     place(detect, ", stuck at ", goroutines->stuck, goroutines->stuck_at),
                     a->leaks.doubt ? "; not proven: " : "", a->leaks.doubt ? a->leaks.doubt : "");
    finding->fix = fix_of(operation);
    finding_note(finding, "goroutines", group->count, UNIT_COUNT);
    finding_note(finding, "goroutines_of_group", group->numbers[NUMBER_GOROUTINES], UNIT_COUNT);
    finding_note(finding, "stack_bytes", group->numbers[NUMBER_STACK_BYTES], UNIT_BYTES);
    finding_note(finding, "held_bytes",
                 finding->bytes - MIN_OF(finding->bytes, group->numbers[NUMBER_STACK_BYTES]),
                 UNIT_BYTES);
}

const struct detector detector_goroutine_leak = {
    .id = "goroutine-leak",
    .class = CLASS_PERMANENT,
    .warning_from = 100,
    .judge = judge,
    .describe = describe,
};
