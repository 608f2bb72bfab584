#include "gort/typing.h"

#include <inttypes.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/call_sites.h"
#include "gort/scan.h"
#include "gort/specials.h"
#include "gort/typing_walk.h"

enum { FEW = 256, READ_SINGLE = 4096, READ_AHEAD = 256 << 10 };
enum { WALK_ROUNDS_MAX = 1 << 27, STACK_WORDS_MAX = 1 << 17, VARIABLE_BYTES_MAX = 1 << 26 };
enum { WAITING_VALUE_MAX = 4096, WAITING_MAX = 4096 };

/* runtime/sizeclasses.go; 24 came with 1.16. */
static const uint16_t size_classes[] = {
    8,     16,    24,    32,    48,    64,    80,    96,    112,   128,   144,   160,  176,   192,
    208,   224,   240,   256,   288,   320,   352,   384,   416,   448,   480,   512,  576,   640,
    704,   768,   896,   1024,  1152,  1280,  1408,  1536,  1792,  2048,  2304,  2688, 3072,  3200,
    3456,  4096,  4864,  5120,  5376,  6144,  6528,  6784,  6912,  8192,  9472,  9728, 10240, 10880,
    12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768};

/* The size of the slot that an allocation of so many bytes gets. */
static uint64_t slot_size(unsigned minor, uint64_t bytes)
{
    for (unsigned i = 0; i < ARRAY_COUNT(size_classes); i++)
        if (size_classes[i] >= bytes && !(minor < 16 && size_classes[i] == 24))
            return size_classes[i];
    return (bytes + HEAP_PAGE_SIZE - 1) & ~(HEAP_PAGE_SIZE - 1);
}

enum type_strength typing_fit(const struct typing *typing, const struct heap_span *span,
                              uint64_t size, bool has_pointers, uint64_t count)
{
    uint64_t bytes;
    if (!size || __builtin_mul_overflow(size, count, &bytes) ||
        __builtin_add_overflow(bytes, span->has_header ? 8 : 0, &bytes) ||
        bytes > span->element_size || has_pointers == span->no_pointers)
        return TYPE_UNKNOWN;
    return slot_size(typing->runtime->minor, bytes) == span->element_size ? TYPE_FITS
                                                                          : TYPE_GUESSED;
}

void typing_set(struct typing *typing, uint32_t id, uint32_t type, enum type_strength strength)
{
    uint32_t old = typing->types[id];
    enum type_strength before = (enum type_strength)(old >> 30);
    if (typing->only_guesses && strength > TYPE_GUESSED)
        strength = TYPE_GUESSED;
    if (type == TYPE_NONE || strength == TYPE_UNKNOWN || before > strength)
        return;
    if (before == strength) {
        /* A pointer to the first member looks like one to the whole: the larger type wins. */
        const struct go_type *a = &typing->table.types.data[typing_type(typing, id)];
        const struct go_type *b = &typing->table.types.data[type];
        if (b->size <= a->size || a->pseudo || b->pseudo)
            return;
    }
    typing->types[id] = (uint32_t)strength << 30 | (type + 1);
    const struct go_type *t = &typing->table.types.data[type];
    if (t->pseudo || !t->pointer_bytes)
        return;
    if (typing->sweeping && id > typing->current) {
        bitset_set(typing->pending, id); /* the sweep will come by */
        return;
    }
    struct error *error = vector_push(&typing->later, id);
    error_destroy(error); /* without memory the types behind it stay unknown */
}

/* The object at whose beginning (behind a type header) address stands, or HEAP_NONE. */
uint32_t typing_object_at(const struct typing *typing, uint64_t address,
                          const struct heap_span **out_span)
{
    if (address - typing->heap->low >= typing->heap->high - typing->heap->low)
        return HEAP_NONE;
    uint32_t id = heap_find(typing->heap, address);
    if (id == HEAP_NONE)
        return HEAP_NONE;
    *out_span = heap_span_of(typing->heap, id);
    return heap_slot_address(*out_span, id) + ((*out_span)->has_header ? 8 : 0) == address
               ? id
               : HEAP_NONE;
}

void typing_evidence(struct typing *typing, uint64_t address, uint32_t type, uint64_t count)
{
    const struct heap_span *span;
    if (type == TYPE_NONE)
        return;
    uint32_t id = typing_object_at(typing, address, &span);
    if (id == HEAP_NONE)
        return;
    const struct go_type *t = &typing->table.types.data[type];
    if (t->is_map_header)
        return; /* its map type says more, and comes from who uses it */
    enum type_strength strength = typing_fit(typing, span, t->size, t->pointer_bytes != 0, count);
    if (span->no_pointers && span->element_size == 16 && t->size * count < 16 && t->size)
        type = type_pseudo(&typing->table, PSEUDO_RUNTIME, "small values (tiny allocator)");
    if (strength == TYPE_UNKNOWN)
        typing->rejected += t->size != 0;
    typing_set(typing, id, type, strength);
}

static void type_from_clue(struct typing *typing, uint32_t id, uint32_t clue)
{
    struct type_table *table = &typing->table;
    if (clue == CLUE_CLOSURE) {
        typing_closure(typing, heap_address(typing->heap, id));
        return;
    }
    uint32_t type = type_at(table, clue_descriptor(typing->runtime, clue));
    if (type == TYPE_NONE)
        return;
    if (clue & CLUE_HEADER) {
        typing_set(typing, id, type, TYPE_EXACT);
        return;
    }
    typing_interface_data(typing, type, heap_address(typing->heap, id));
}

/* Clues stand in types[]; each is replaced by what it means. */
static void start_from_clues(struct typing *typing)
{
    typing->reading_clues = true;
    for (uint64_t s = 0; s < typing->heap->spans.count; s++) {
        const struct heap_span *span = &typing->heap->spans.data[s];
        for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
            uint32_t clue = typing->types[id];
            typing->types[id] = 0;
            if (clue && bitset_get(typing->heap->allocated, id))
                type_from_clue(typing, id, clue);
        }
    }
    typing->reading_clues = false;
}

static struct error *start_from_code(struct typing *typing, const struct variable_table *variables)
{
    TRY(call_sites_run(typing, variables));
    for (uint64_t i = 0; i < typing->closures_met.count; i++)
        typing_closure(typing, typing->closures_met.data[i]);
    vector_deinit(&typing->closures_met);
    return NULL;
}

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
static struct error *start_from_stacks(struct typing *typing,
                                       const struct goroutine_list *goroutines)
{
    CLEANUP_FREE uint64_t *words = NULL;
    TRY(memory_array(STACK_WORDS_MAX, 8, &words));
    typing->only_guesses = true;
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
            /* what cannot be read is 0: a damaged record ends its list, not the report */
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

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Few objects, say a long list in random order: one after the other. */
static struct error *walk_few(struct typing *typing)
{
    uint32_t few[FEW];
    uint64_t count = typing->later.count;
    memcpy(few, typing->later.data, count * sizeof(*few));
    typing->later.count = 0;
    qsort(few, count, sizeof(*few), by_id);
    for (uint64_t i = 0; i < count; i++)
        if (i == 0 || few[i] != few[i - 1])
            TRY(typing_walk_object(typing, few[i], READ_SINGLE));
    return NULL;
}

/* Many: a sweep in address order, so that the target is read in large pieces; what is found ahead
 * of it is walked on the way. */
static struct error *sweep(struct typing *typing)
{
    uint64_t words = bitset_words(typing->heap->object_ids);
    for (uint64_t i = 0; i < typing->later.count; i++)
        bitset_set(typing->pending, typing->later.data[i]);
    typing->later.count = 0;
    typing->sweeping = true;
    struct error *error = NULL;
    for (uint64_t w = 0; w < words && !error; w++) {
        while (typing->pending[w] && !error) {
            uint32_t id = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(typing->pending[w]);
            typing->pending[w] &= typing->pending[w] - 1;
            typing->current = id;
            error = typing_walk_object(typing, id, READ_AHEAD);
        }
    }
    typing->sweeping = false;
    return error;
}

static struct error *propagate(struct typing *typing)
{
    for (uint64_t round = 0; typing->later.count && round < WALK_ROUNDS_MAX; round++)
        TRY(typing->later.count <= FEW ? walk_few(typing) : sweep(typing));
    return NULL;
}

struct error *typing_run(struct go_runtime *runtime, const struct heap *heap, uint32_t *clues,
                         const struct variable_table *variables,
                         const struct goroutine_list *goroutines, struct typing *out)
{
    *out = (struct typing){.runtime = runtime, .heap = heap, .types = clues};
    type_table_init(&out->table, runtime);
    uint64_t broken; /* roots.c has counted them */
    struct error *error = pointer_reader_init(&out->reader, runtime, heap);
    if (!error)
        error = big_array(bitset_words(heap->object_ids) * 8, &out->pending);
    if (!error) {
        start_from_clues(out);
        error = start_from_code(out, variables);
    }
    if (!error)
        error = start_from_variables(out, variables);
    if (!error)
        error = start_from_sections(out);
    if (!error)
        error = start_from_waiters(out, goroutines);
    if (!error)
        error = special_each(runtime, heap, type_finalized, out, &broken);
    if (!error)
        error = special_each_queued(runtime, type_queued, out, &broken);
    if (!error)
        error = propagate(out);
    if (!error)
        error = start_from_stacks(out, goroutines);
    if (!error)
        error = propagate(out);
    if (out->pending)
        big_array_free(out->pending, bitset_words(heap->object_ids) * 8);
    out->pending = NULL;
    vector_deinit(&out->later);
    if (error) {
        typing_deinit(out);
        return error_wrap(error, "the types of objects cannot be read");
    }
    return NULL;
}

void typing_deinit(struct typing *typing)
{
    for (uint64_t i = 0; i < typing->slots.count; i++)
        free(typing->slots.data[i].items);
    vector_deinit(&typing->slots);
    vector_deinit(&typing->later);
    vector_deinit(&typing->closures_met);
    hash_map_deinit(&typing->closures);
    if (typing->pending)
        big_array_free(typing->pending, bitset_words(typing->heap->object_ids) * 8);
    pointer_reader_deinit(&typing->reader);
    type_table_deinit(&typing->table);
    if (typing->types)
        big_array_free(typing->types, (uint64_t)typing->heap->object_ids * sizeof(uint32_t));
    typing->types = NULL;
}

uint64_t typing_count(const struct typing *typing, uint32_t id)
{
    uint32_t type = typing_type(typing, id);
    if (type == TYPE_NONE)
        return 0;
    const struct go_type *t = &typing->table.types.data[type];
    const struct heap_span *span = heap_span_of(typing->heap, id);
    if (t->pseudo || !t->size || t->kind == KIND_MAP || t->kind == KIND_CHAN)
        return 1;
    return (span->element_size - (span->has_header ? 8 : 0)) / t->size;
}

const char *typing_name(struct typing *typing, uint32_t id, struct arena *arena)
{
    uint32_t type = typing_type(typing, id);
    if (type == TYPE_NONE)
        return "";
    const char *name = typing->table.types.data[type].name;
    return typing_count(typing, id) > 1 ? arena_printf(arena, "[]%s", name) : name;
}

const char *typing_member(struct typing *typing, uint32_t type, uint64_t offset, uint64_t bytes,
                          struct arena *arena)
{
    const char *text = "";
    for (unsigned depth = 0; depth < 16 && type != TYPE_NONE; depth++) {
        struct go_type t = typing->table.types.data[type];
        if (t.pseudo || !t.size || t.kind == KIND_MAP || t.kind == KIND_CHAN)
            break;
        if (depth == 0 && bytes >= 2 * t.size) {
            text = arena_printf(arena, "[%" PRIu64 "]", offset / t.size);
            offset %= t.size;
        }
        if (t.kind == KIND_ARRAY && t.length) {
            uint64_t step = t.size / t.length;
            text = arena_printf(arena, "%s[%" PRIu64 "]", text, step ? offset / step : 0);
            offset = step ? offset % step : 0;
            type = type_at(&typing->table, t.element);
            continue;
        }
        if (t.kind != KIND_STRUCT)
            break;
        struct go_type_field field, best = {0};
        bool found = false;
        for (uint32_t i = 0; i < t.field_count && type_field(&typing->table, type, i, &field); i++)
            if (field.offset <= offset) {
                best = field;
                found = true;
            }
        if (!found)
            break;
        text = arena_printf(arena, "%s.%s", text, best.name);
        offset -= best.offset;
        type = type_at(&typing->table, best.type);
    }
    return text;
}
