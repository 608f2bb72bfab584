/* Where typing starts: the clues of the scan, the program's code, its variables and sections,
 * goroutines that wait, finalizers; and last, as guesses, the words on stacks. */
#include <string.h>

#include "base/bitset.h"
#include "gort/call_sites.h"
#include "gort/scan.h"
#include "gort/specials.h"
#include "gort/typing_work.h"

enum { STACK_WORDS_MAX = 1 << 17, VARIABLE_BYTES_MAX = 1 << 26 };
enum { WAITING_VALUE_MAX = 4096, WAITING_MAX = 4096 };

/* -- clues ------------------------------------------------------------------------------------ */

/* Calls visit for every clue of the chunk. */
static void each_clue(struct type_walker *walker,
                      void (*visit)(struct type_walker *walker, uint32_t id, uint32_t clue))
{
    const uint32_t *clues = walker->typing->types;
    uint32_t ids = walker->typing->heap->object_ids;
    uint32_t last = ids - walker->first < walker->count ? ids : walker->first + walker->count;
    for (uint32_t id = walker->first; id < last; id++)
        if (clues[id])
            visit(walker, id, clues[id]);
}

static void want_clue_type(struct type_walker *walker, uint32_t id, uint32_t clue)
{
    const struct typing *typing = walker->typing;
    (void)id;
    if (clue == CLUE_CLOSURE)
        return;
    uint32_t type = walker_type_at(walker, clue_descriptor(typing->runtime, clue));
    /* of the usual interface value, a pointer, also what it points to */
    if (type != TYPE_NONE && !(clue & CLUE_HEADER) &&
        typing->table.types.data[type].kind == KIND_POINTER)
        walker_type_at(walker, typing->table.types.data[type].element);
}

static struct error *want_clue_types(struct type_walker *walker, uint32_t chunk)
{
    (void)chunk;
    each_clue(walker, want_clue_type);
    return NULL;
}

static void turn_clue(struct type_walker *walker, uint32_t id, uint32_t clue)
{
    struct typing *typing = walker->typing;
    typing->types[id] = 0;
    if (!bitset_get(typing->heap->allocated, id))
        return;
    uint64_t address = heap_address(typing->heap, id);
    if (clue == CLUE_CLOSURE) {
        walker_closure(walker, address);
        return;
    }
    uint32_t type = walker_type_at(walker, clue_descriptor(typing->runtime, clue));
    if (type == TYPE_NONE)
        return;
    if (clue & CLUE_HEADER) {
        walker_set(walker, id, type, TYPE_EXACT);
        return;
    }
    walker->leave_to_serial = false;
    walker_interface_data(walker, type, address);
    if (walker->leave_to_serial) {
        struct error *error = vector_push(&walker->later, (uint64_t)id << 32 | type);
        if (walker->error)
            error_destroy(error);
        else
            walker->error = error;
    }
}

static struct error *turn_clues(struct type_walker *walker, uint32_t chunk)
{
    each_clue(walker, turn_clue);
    typing_count_pending(walker->work, chunk);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Interface values that hold structures, which only the serial walker looks into. */
static struct error *turn_later(struct typing *typing)
{
    VECTOR(uint64_t) all = {0};
    struct error *error = NULL;
    for (unsigned i = 0; i < typing->work->walker_count; i++) {
        struct type_walker *walker = &typing->work->walkers[i];
        for (uint64_t k = 0; k < walker->later.count && !error; k++)
            error = vector_push(&all, walker->later.data[k]);
        vector_deinit(&walker->later);
    }
    if (all.count)
        qsort(all.data, all.count, sizeof(*all.data), by_value);
    for (uint64_t k = 0; k < all.count; k++)
        walker_interface_data(&typing->work->serial, (uint32_t)all.data[k],
                              heap_address(typing->heap, (uint32_t)(all.data[k] >> 32)));
    vector_deinit(&all);
    return error;
}

/* Clues stand in types[]; each is replaced by what it means. First the types that they name are
 * met, then what those point to. */
static struct error *start_from_clues(struct typing *typing)
{
    struct typing_work *work = typing->work;
    uint32_t chunks[CHUNKS_MAX];
    for (uint32_t c = 0; c < work->chunk_count; c++)
        chunks[c] = c;
    for (unsigned pass = 0; pass < 2; pass++) {
        TRY(typing_each_chunk(typing, chunks, work->chunk_count, want_clue_types));
        TRY(typing_provide_wanted(typing));
    }
    for (unsigned i = 0; i < work->walker_count; i++)
        work->walkers[i].only_own = true;
    TRY(typing_each_chunk(typing, chunks, work->chunk_count, turn_clues));
    for (unsigned i = 0; i < work->walker_count; i++)
        work->walkers[i].only_own = false;
    typing_count_all(work);
    TRY(turn_later(typing));
    return typing_provide_wanted(typing);
}

/* -- code ------------------------------------------------------------------------------------- */

static struct error *start_from_code(struct typing *typing, const struct variable_table *variables)
{
    VECTOR(uint64_t) all = {0};
    struct error *error = call_sites_run(typing, variables);
    for (unsigned i = 0; i < typing->work->walker_count; i++) {
        struct type_walker *walker = &typing->work->walkers[i];
        for (uint64_t k = 0; k < walker->closures_met.count && !error; k++)
            error = vector_push(&all, walker->closures_met.data[k]);
        vector_deinit(&walker->closures_met);
    }
    if (all.count)
        qsort(all.data, all.count, sizeof(*all.data), by_value);
    for (uint64_t i = 0; i < all.count && !error; i++)
        typing_closure(typing, all.data[i]);
    vector_deinit(&all);
    return error;
}

/* -- variables and sections ----------------------------------------------------------------- */

static struct error *start_from_variables(struct typing *typing,
                                          const struct variable_table *variables)
{
    CLEANUP_FREE uint8_t *bytes = NULL;
    uint64_t capacity = 0;
    for (uint64_t i = 0; i < variables->items.count; i++) {
        const struct variable *v = &variables->items.data[i];
        uint32_t type =
            v->type_descriptor ? type_at(&typing->table, v->type_descriptor) : TYPE_NONE;
        bool described = type != TYPE_NONE && typing->table.types.data[type].size == v->size;
        if ((!described && !v->slot_count) || v->size > VARIABLE_BYTES_MAX)
            continue;
        if (v->size > capacity)
            TRY(vector_grow(&bytes, &capacity, v->size, 1));
        TRY(target_read_sparse(typing->runtime->target, v->address, bytes, v->size));
        if (!strcmp(v->type_name, "sync.Map"))
            typing_sync_map(typing, bytes, v->size);
        if (described)
            typing_walk_value(typing, type, bytes, v->size);
        else
            for (uint64_t at = 0; v->value_size && v->value_size <= v->size - at;
                 at += v->value_size)
                typing_walk_slots(typing, v->slots, v->slot_count, bytes + at, v->value_size);
    }
    return NULL;
}

/* Interface values anywhere in words. */
static void start_from_words(struct typing *typing, const uint64_t *words, uint64_t count)
{
    const struct heap *heap = typing->heap;
    for (uint64_t i = 0; i + 1 < count; i++) {
        const struct heap_span *span;
        if (!words[i] || words[i + 1] - heap->low >= heap->high - heap->low ||
            words[i] - heap->low < heap->high - heap->low ||
            typing_object_at(typing, words[i + 1], &span) == HEAP_NONE)
            continue;
        uint32_t clue = scan_interface_clue(typing->runtime, words[i]);
        if (clue)
            typing_interface_data(typing,
                                  type_at(&typing->table, clue_descriptor(typing->runtime, clue)),
                                  words[i + 1]);
    }
}

static struct error *start_from_sections(struct typing *typing)
{
    const struct go_module *m = &typing->runtime->module;
    const uint64_t bounds[2][2] = {{m->data, m->data_end}, {m->bss, m->bss_end}};
    CLEANUP_FREE uint64_t *words = NULL;
    TRY(memory_array(STACK_WORDS_MAX, 8, &words));
    for (unsigned s = 0; s < 2; s++) {
        for (uint64_t at = bounds[s][0]; at < bounds[s][1]; at += STACK_WORDS_MAX * 8) {
            uint64_t n = MIN_OF((bounds[s][1] - at) / 8, (uint64_t)STACK_WORDS_MAX);
            TRY(target_read_sparse(typing->runtime->target, at, words, n * 8));
            start_from_words(typing, words, n);
        }
    }
    return NULL;
}

/* The type word before a live pointer may be what an earlier call left there: such a pair tells
 * nothing for certain. */
struct error *typing_seed_guesses(struct typing *typing, const struct goroutine_list *goroutines)
{
    CLEANUP_FREE uint64_t *words = NULL;
    TRY(memory_array(STACK_WORDS_MAX, 8, &words));
    typing->work->only_guesses = true;
    for (uint64_t i = 0; i < goroutines->items.count; i++) {
        const struct goroutine *g = &goroutines->items.data[i];
        if (g->sp < g->stack_lo || g->sp >= g->stack_hi)
            continue;
        uint64_t n = MIN_OF((g->stack_hi - g->sp) / 8, (uint64_t)STACK_WORDS_MAX);
        TRY(target_read_sparse(typing->runtime->target, g->sp & ~(uint64_t)7, words, n * 8));
        start_from_words(typing, words, n);
    }
    return NULL;
}

/* Goroutines that wait on channels: what a sender is about to send stands on its stack, and has the
 * channel's element type (runtime/chan.go, sudog). */
static struct error *start_from_waiters(struct typing *typing,
                                        const struct goroutine_list *goroutines)
{
    struct go_runtime *rt = typing->runtime;
    uint8_t value[WAITING_VALUE_MAX];
    for (uint64_t i = 0; i < goroutines->items.count; i++) {
        const struct goroutine *g = &goroutines->items.data[i];
        uint64_t sudog = g->waiting_sudog, channel, element_at;
        for (unsigned n = 0; sudog && n < WAITING_MAX; n++) {
            uint32_t id = heap_find(typing->heap, sudog);
            if (id != HEAP_NONE)
                typing_set(typing, id, type_pseudo(&typing->table, PSEUDO_RUNTIME, "runtime.sudog"),
                           TYPE_FITS);
            /* what cannot be read is 0: a damaged record ends its list, not the report; ≥ 1.26:
             * that of a semaphore leads on to the others who wait for it */
            if (type_word(&typing->table, sudog + GO_OFFSET(rt, sudog_g)) != g->address)
                break;
            channel = type_word(&typing->table, sudog + GO_OFFSET(rt, sudog_c));
            element_at = type_word(&typing->table, sudog + GO_OFFSET(rt, sudog_elem));
            uint32_t type = channel ? typing_bare_channel(typing, channel) : TYPE_NONE;
            uint64_t size = type == TYPE_NONE ? 0 : typing->table.types.data[type].size;
            if (size && size <= sizeof(value) && !strcmp(g->state, "chan send") &&
                element_at >= g->stack_lo && element_at < g->stack_hi) {
                TRY(target_read_sparse(rt->target, element_at, value, size));
                typing_walk_value(typing, type, value, size);
            }
            sudog = type_word(&typing->table, sudog + GO_OFFSET(rt, sudog_waitlink));
        }
    }
    return NULL;
}

/* A finalizer's record tells the type of its object, also when it is queued to run. */
static void typed_pointer(struct typing *typing, uint64_t pointer_type, uint64_t address)
{
    uint32_t pointer = type_at(&typing->table, pointer_type);
    if (pointer != TYPE_NONE && typing->table.types.data[pointer].kind == KIND_POINTER)
        typing_evidence(typing, address,
                        type_at(&typing->table, typing->table.types.data[pointer].element), 1);
}

static struct error *type_finalized(void *context, const struct special_record *record)
{
    struct typing *typing = context;
    if (record->kind == SPECIAL_FINALIZER && record->object != HEAP_NONE)
        typed_pointer(typing,
                      type_word(&typing->table,
                                record->address + GO_OFFSET(typing->runtime, specialfinalizer_ot)),
                      heap_address(typing->heap, record->object));
    return NULL;
}

static struct error *type_queued(void *context, const struct queued_finalizer *queued)
{
    typed_pointer(context, queued->object_type, queued->argument);
    return NULL;
}

struct error *typing_seed(struct typing *typing, const struct variable_table *variables,
                          const struct goroutine_list *goroutines)
{
    uint64_t broken; /* roots.c has counted them */
    TRY(start_from_clues(typing));
    TRY(start_from_code(typing, variables));
    TRY(start_from_variables(typing, variables));
    TRY(start_from_sections(typing));
    TRY(start_from_waiters(typing, goroutines));
    TRY(special_each(typing->runtime, typing->heap, type_finalized, typing, &broken));
    return special_each_queued(typing->runtime, type_queued, typing, &broken);
}
