#include "gort/goroutine_leaks.h"

#include "base/bitset.h"
#include "graph/marking.h"

struct search {
    const struct graph *graph;
    const struct root_table *roots;
    const struct goroutine_list *goroutines;
    const struct blocked_table *blocked;
    struct graph_marking marking;
    uint64_t *waiting; /* bitset by goroutine: blocked, and not known to be alive */
    uint64_t waiting_count;
    uint64_t wakeable_count; /* of them: something could wake them; `select {}` waits for nothing */
    VECTOR(uint64_t) waits;  /* object << 32 | goroutine, ascending */
};

static int by_object(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* All objects of a blocked goroutine are in the heap; else whoever knows the variable wakes it. */
static bool only_in_heap(const struct blocked_table *blocked, uint64_t goroutine)
{
    for (uint32_t i = blocked->begin[goroutine]; i < blocked->begin[goroutine + 1]; i++)
        if (blocked->objects.data[i].object == HEAP_NONE)
            return false;
    return true;
}

static struct error *take_waits(struct search *s)
{
    const struct blocked_table *blocked = s->blocked;
    for (uint64_t g = 0; g < blocked->goroutines; g++) {
        if (blocked->operations[g] == BLOCKED_NOT || !only_in_heap(blocked, g))
            continue;
        bitset_set(s->waiting, g);
        s->waiting_count++;
        s->wakeable_count += blocked->begin[g] < blocked->begin[g + 1];
        for (uint32_t i = blocked->begin[g]; i < blocked->begin[g + 1]; i++) {
            const struct blocked_object *o = &blocked->objects.data[i];
            TRY(vector_push(&s->waits, (uint64_t)o->object << 32 | g));
            graph_marking_watch(&s->marking, o->object);
            if (o->sudog != HEAP_NONE)
                TRY(graph_marking_leave_out(&s->marking, o->sudog, o->object));
            if (o->sudog != HEAP_NONE && o->element != HEAP_NONE)
                TRY(graph_marking_leave_out(&s->marking, o->sudog, o->element));
        }
    }
    if (s->waits.count)
        qsort(s->waits.data, s->waits.count, sizeof(*s->waits.data), by_object);
    return NULL;
}

/* What the stack of a goroutine holds counts from now on. */
static struct error *add_stack(struct search *s, uint64_t goroutine)
{
    uint32_t root = s->roots->goroutine_roots[goroutine];
    const struct root_info *infos = s->roots->infos.data;
    if (root == GRAPH_NONE)
        return NULL;
    do {
        TRY(graph_marking_add_root(&s->marking, root));
        root++;
    } while (root < s->roots->infos.count && infos[root].kind == ROOT_FRAME &&
             infos[root].goroutine == goroutine);
    return NULL;
}

/* Whatever is no part of a goroutine, and the goroutines that wait for nothing of the heap. */
static struct error *add_live_roots(struct search *s)
{
    for (uint32_t r = 0; r < s->roots->infos.count; r++) {
        uint8_t kind = s->roots->infos.data[r].kind;
        if (kind != ROOT_GOROUTINE && kind != ROOT_FRAME)
            TRY(graph_marking_add_root(&s->marking, r));
    }
    for (uint64_t g = 0; g < s->blocked->goroutines; g++)
        if (!bitset_get(s->waiting, g))
            TRY(add_stack(s, g));
    return NULL;
}

static uint64_t first_wait(const struct search *s, uint32_t object)
{
    uint64_t low = 0, high = s->waits.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (s->waits.data[middle] >> 32 < object)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct error *wake(struct search *s, uint32_t object)
{
    for (uint64_t i = first_wait(s, object); i < s->waits.count && s->waits.data[i] >> 32 == object;
         i++) {
        uint32_t goroutine = (uint32_t)s->waits.data[i];
        if (!bitset_get(s->waiting, goroutine))
            continue;
        bitset_clear(s->waiting, goroutine);
        s->waiting_count--;
        s->wakeable_count--;
        TRY(add_stack(s, goroutine));
    }
    return NULL;
}

static struct error *find_alive(struct search *s)
{
    while (s->wakeable_count) {
        TRY(graph_marking_run(&s->marking));
        if (!s->marking.found.count)
            break;
        /* a root that wakes brings further ones behind these */
        for (uint64_t i = 0; i < s->marking.found.count; i++)
            TRY(wake(s, s->marking.found.data[i]));
        s->marking.found.count = 0;
    }
    return NULL;
}

/* All that still wait. */
static void set_all(const struct search *s, struct goroutine_leaks *out, enum goroutine_leak leak)
{
    for (uint64_t g = 0; s->waiting_count && g < s->blocked->goroutines; g++) {
        bool is_main = s->goroutines->items.data[g].id == 1;
        if (!bitset_get(s->waiting, g) ||
            (is_main && s->blocked->operations[g] == BLOCKED_SELECT_NO_CASES))
            continue;
        out->count += out->of[g] == LEAK_NO;
        out->of[g] = (uint8_t)leak;
    }
}

/* From here on the sudogs lead to the values, as in the runtime's own search. */
static struct error *add_elements(struct search *s)
{
    const struct blocked_table *blocked = s->blocked;
    for (uint64_t g = 0; g < blocked->goroutines; g++) {
        if (!bitset_get(s->waiting, g))
            continue;
        for (uint32_t i = blocked->begin[g]; i < blocked->begin[g + 1]; i++) {
            uint32_t element = blocked->objects.data[i].element;
            if (element == HEAP_NONE)
                continue;
            bool leaf = s->graph->edge_begin[element] == s->graph->edge_begin[element + 1];
            TRY(graph_marking_add_object(&s->marking, leaf ? element | GRAPH_LEAF : element));
        }
    }
    return NULL;
}

static struct error *find(struct search *s, struct goroutine_leaks *out)
{
    TRY(graph_marking_init(&s->marking, s->graph));
    TRY(memory_array(bitset_words(out->goroutines), sizeof(*s->waiting), &s->waiting));
    TRY(take_waits(s));
    if (!s->waiting_count)
        return NULL;
    TRY(add_live_roots(s));
    TRY(find_alive(s));
    set_all(s, out, LEAK_SUSPECTED);
    TRY(add_elements(s));
    TRY(find_alive(s));
    if (!out->doubt)
        set_all(s, out, LEAK_PROVEN);
    return NULL;
}

static const char *doubt(const struct go_runtime *runtime, const struct root_table *roots)
{
    if (runtime->is_racy)
        return "the program ran on while it was read";
    if (runtime->module.has_others)
        return "variables of plugins are not read";
    if (roots->unread_records)
        return "some timers or finalizers could not be read";
    return NULL;
}

struct error *goroutine_leaks_find(const struct go_runtime *runtime, const struct graph *graph,
                                   const struct root_table *roots,
                                   const struct goroutine_list *goroutines,
                                   const struct blocked_table *blocked, struct goroutine_leaks *out)
{
    struct search search = {
        .graph = graph, .roots = roots, .goroutines = goroutines, .blocked = blocked};
    *out = (struct goroutine_leaks){.doubt = doubt(runtime, roots)};
    TRY(memory_array(goroutines->items.count, 1, &out->of));
    out->goroutines = goroutines->items.count;
    struct error *error = blocked->blocked ? find(&search, out) : NULL;
    graph_marking_deinit(&search.marking);
    free(search.waiting);
    vector_deinit(&search.waits);
    return error ? error_wrap(error, "cannot tell which goroutines are blocked for ever") : NULL;
}

void goroutine_leaks_deinit(struct goroutine_leaks *leaks)
{
    free(leaks->of);
    *leaks = (struct goroutine_leaks){0};
}

const char *goroutine_leak_name(enum goroutine_leak leak)
{
    static const char *const names[] = {
        [LEAK_NO] = "no", [LEAK_SUSPECTED] = "suspected", [LEAK_PROVEN] = "proven"};
    return names[leak];
}
