#include "gort/scan.h"

#include <inttypes.h>
#include <string.h>

#include "base/bitset.h"
#include "base/parallel.h"
#include "gort/pointers.h"

enum { KIND_OFFSET_MASK = 31, INTERFACES_MAX = 1 << 20, EDGES_PER_HUGE_PAGE = 1 << 19 };

struct scan {
    uint32_t *clues;
    const struct edge_words *words;
    struct go_runtime *runtime;
    const struct heap *heap;
    struct graph *graph;
    uint32_t next_part;                     /* that no thread has taken yet */
    uint64_t edge_base[HEAP_PARTS_MAX + 1]; /* where each part's edges begin */
    uint64_t edge_end[HEAP_PARTS_MAX];
};

struct part_scan {
    const struct heap *heap;
    uint32_t *edges, *edge_begin;
    uint64_t edge, edge_of_object;
    uint64_t *word_bits;      /* of edge_words, or NULL */
    uint64_t span_word, word; /* bit numbers of the span's first word, of the object's */
    uint32_t span_id;         /* of the span's first object */
    uint32_t words_per_object;
    struct go_runtime *runtime;
    uint32_t *clues;
    struct hash_map interfaces; /* first word of interfaces → clue */
    uint64_t last_word;         /* of them, and its clue: most are alike */
    uint32_t last_clue;
};

static uint8_t kind_of(struct go_runtime *runtime, uint64_t descriptor)
{
    const struct go_module *m = &runtime->module;
    uint64_t at = descriptor - m->types;
    if (descriptor < m->types || descriptor % 8 || at + 48 > m->types_end - m->types)
        return 0;
    return runtime->types[at + GO_OFFSET(runtime, abi_Type_Kind_)] & KIND_OFFSET_MASK;
}

uint32_t scan_interface_clue(struct go_runtime *runtime, uint64_t word)
{
    uint64_t words[2];
    if (!word || word % 8)
        return 0;
    uint8_t kind = kind_of(runtime, word);
    if (kind >= KIND_BOOL && kind <= KIND_UNSAFE_POINTER && kind != KIND_INTERFACE)
        return clue_make(runtime, word);
    struct error *error = target_read(runtime->target, word, words, sizeof(words));
    error_destroy(error);
    if (error || kind_of(runtime, words[0]) != KIND_INTERFACE || !kind_of(runtime, words[1]))
        return 0;
    return clue_make(runtime, words[1]);
}

/* Could the word be the address of a type or of an itab? Those stand in the executable or in memory
 * that the runtime got for itself. */
static bool may_be_interface(const struct part_scan *part, uint64_t word)
{
    const struct go_module *m = &part->runtime->module;
    if (word % 8 || word < 1 << 16)
        return false;
    if (word == part->last_word || (word >= m->types && word < m->types_end))
        return true;
    return word - part->heap->low >= part->heap->high - part->heap->low &&
           target_segment_at(part->runtime->target, word);
}

/* Bytes of what an interface value of that type points to. */
static uint64_t bytes_behind(struct go_runtime *runtime, uint32_t clue)
{
    const struct go_module *m = &runtime->module;
    uint64_t type = clue_descriptor(runtime, clue), size = 0;
    const uint8_t *bytes = runtime->types + (type - m->types);
    if (kind_of(runtime, type) == KIND_POINTER) {
        memcpy(&type, bytes + GO_OFFSET(runtime, abi_PtrType_Elem), 8);
        if (!kind_of(runtime, type))
            return 0;
        bytes = runtime->types + (type - m->types);
    }
    memcpy(&size, bytes + GO_OFFSET(runtime, abi_Type_Size_), 8);
    return size;
}

/* Several may tell of one object, in an order that depends on the threads: a header's is the best,
 * then the larger type, for a pointer to the first member looks like one to the whole. */
static bool is_better_clue(struct go_runtime *runtime, uint32_t clue, uint32_t old)
{
    if (!old || old == clue || old & CLUE_HEADER || old == CLUE_CLOSURE)
        return !old || old == CLUE_CLOSURE;
    uint64_t size = bytes_behind(runtime, clue), old_size = bytes_behind(runtime, old);
    return size != old_size ? size > old_size : clue < old;
}

/* The word before a pointer into the heap is none: do the two make an interface value? */
static void note_interface(struct part_scan *part, uint64_t word, uint64_t data)
{
    uint32_t clue = part->last_clue;
    if (word != part->last_word) {
        uint64_t *value = hash_map_find(&part->interfaces, word);
        if (value) {
            clue = (uint32_t)*value;
        } else {
            clue = scan_interface_clue(part->runtime, word);
            if (part->interfaces.count < INTERFACES_MAX) {
                struct error *error = hash_map_insert(&part->interfaces, word, &value, NULL);
                if (!error)
                    *value = clue;
                error_destroy(error);
            }
        }
        part->last_word = word;
        part->last_clue = clue;
    }
    if (!clue)
        return;
    uint32_t id = heap_find(part->heap, data);
    if (id == HEAP_NONE || heap_find(part->heap, data - 1) == id)
        return; /* a pointer into an object says nothing about the whole */
    uint32_t old = __atomic_load_n(&part->clues[id], __ATOMIC_RELAXED);
    while (is_better_clue(part->runtime, clue, old) &&
           !__atomic_compare_exchange_n(&part->clues[id], &old, clue, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        ;
}

/* Is the first word of an object the entry of a function that only closures have? */
static void note_closure(struct part_scan *part, uint32_t id, uint64_t word)
{
    struct pclntab *table = part->runtime->pclntab;
    const struct go_module *m = &part->runtime->module;
    uint32_t nothing = 0;
    if (word - m->text >= m->text_end - m->text)
        return;
    uint32_t function = pclntab_find(table, word);
    if (function == PCLNTAB_NONE || pclntab_entry(table, function) != word)
        return;
    const char *name = pclntab_name(table, function);
    uint64_t n = strlen(name);
    if (strstr(name, ".func") || strstr(name, "wrap") || (n > 3 && !strcmp(name + n - 3, "-fm")))
        __atomic_compare_exchange_n(&part->clues[id], &nothing, CLUE_CLOSURE, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void begin_object(void *context, uint32_t id)
{
    struct part_scan *part = context;
    part->edge_begin[id] = (uint32_t)part->edge;
    part->edge_of_object = part->edge;
    part->word = part->span_word + (uint64_t)(id - part->span_id) * part->words_per_object;
}

static void begin_span(struct scan *scan, struct part_scan *part, const struct heap_span *span)
{
    if (!part->word_bits)
        return;
    part->span_word = edge_words_of_span(scan->words, scan->heap, span);
    part->span_id = span->first_id;
    part->words_per_object = (uint32_t)(span->element_size / 8);
}

/* Sets the bits of a mask, the first of which is bit `at`. */
static void note_words(uint64_t *bits, uint64_t at, uint64_t mask)
{
    bits[at / 64] |= mask << at % 64;
    if (at % 64 && mask >> (64 - at % 64))
        bits[at / 64 + 1] |= mask >> (64 - at % 64);
}

static struct error *add_edges(void *context, uint32_t id, uint64_t offset, const uint64_t *words,
                               uint64_t mask)
{
    struct part_scan *part = context;
    const struct heap *heap = part->heap;
    uint64_t edge = part->edge, range = heap->high - heap->low, taken = 0;
    if (!offset && part->clues && !(mask & 1))
        note_closure(part, id, words[0]);
    for (; mask; mask &= mask - 1) {
        unsigned i = (unsigned)__builtin_ctzll(mask);
        uint64_t value = words[i];
        if (value - heap->low >= range)
            continue;
        /* the second word of an interface is a pointer to the collector, the first is none (but in
         * the rings of sync.Pool, which are made of unsafe.Pointer) */
        if (part->clues && i && may_be_interface(part, words[i - 1]))
            note_interface(part, words[i - 1], value);
        uint32_t target = scan_edge(heap, id, value);
        if (target == GRAPH_NONE)
            continue;
        if (edge > part->edge_of_object && part->edges[edge - 1] == target)
            continue;
        part->edges[edge++] = target;
        taken |= (uint64_t)1 << i;
    }
    part->edge = edge;
    if (taken && part->word_bits)
        note_words(part->word_bits, part->word + offset / 8, taken);
    return NULL;
}

static struct error *scan_part(struct scan *scan, struct part_scan *part,
                               struct pointer_reader *reader, uint32_t number)
{
    const struct heap *heap = scan->heap;
    uint64_t last = heap->part_begin[number + 1];
    part->edge = scan->edge_base[number];
    for (uint64_t s = heap->part_begin[number]; s < last; s++) {
        const struct heap_span *span = &heap->spans.data[s];
        uint32_t up_to =
            s + 1 < heap->spans.count ? heap->spans.data[s + 1].first_id : heap->object_ids + 1;
        if (span->no_pointers) {
            for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++)
                part->edge_begin[id] = (uint32_t)part->edge;
        } else {
            begin_span(scan, part, span);
            TRY(pointer_scan_span(reader, span, begin_object, add_edges, part));
        }
        for (uint32_t id = span->first_id + span->slots; id < up_to; id++)
            part->edge_begin[id] = (uint32_t)part->edge;
    }
    scan->edge_end[number] = part->edge;
    if (number + 1 < heap->part_count) { /* the rest of the huge page, up to the next part's */
        uint64_t end = (part->edge / EDGES_PER_HUGE_PAGE + 1) * EDGES_PER_HUGE_PAGE;
        end = MIN_OF(end, scan->edge_base[number + 1]);
        big_array_discard(part->edges + part->edge, (end - part->edge) * sizeof(uint32_t));
    }
    return NULL;
}

static struct error *scan_parts(void *context, unsigned number)
{
    struct scan *scan = context;
    struct pointer_reader reader;
    struct part_scan part = {
        .heap = scan->heap,
        .edges = scan->graph->edges,
        .edge_begin = scan->graph->edge_begin,
        .word_bits = scan->words ? scan->words->bits : NULL,
        .runtime = scan->runtime,
        .clues = scan->clues,
    };
    (void)number;
    struct error *error = pointer_reader_init(&reader, scan->runtime, scan->heap);
    reader.clues = scan->clues;
    while (!error) {
        uint32_t next = __atomic_fetch_add(&scan->next_part, 1, __ATOMIC_RELAXED);
        if (next >= scan->heap->part_count)
            break;
        error = scan_part(scan, &part, &reader, next);
    }
    pointer_reader_deinit(&reader);
    hash_map_deinit(&part.interfaces);
    return error;
}

static void copy_objects(const struct heap *heap, struct graph *graph)
{
    memcpy(graph->allocated, heap->allocated, bitset_words(heap->object_ids) * 8);
    for (uint64_t s = 0; s < heap->spans.count; s++) {
        const struct heap_span *span = &heap->spans.data[s];
        for (uint32_t id = span->first_id; id < span->first_id + span->slots; id += 8)
            graph->size_words[id >> 3] = (uint32_t)(span->element_size / 8);
    }
    graph->totals.allocated_objects = heap->statistics.allocated_objects;
    graph->totals.allocated_bytes = heap->statistics.allocated_bytes;
}

struct error *scan_heap(struct go_runtime *runtime, const struct heap *heap, uint32_t *clues,
                        struct graph **out)
{
    return scan_heap_words(runtime, heap, clues, NULL, out);
}

struct error *scan_heap_words(struct go_runtime *runtime, const struct heap *heap, uint32_t *clues,
                              struct edge_words *words, struct graph **out)
{
    struct scan scan = {.runtime = runtime, .heap = heap, .clues = clues, .words = words};
    uint64_t edges = 0;
    for (uint32_t k = 0; k < heap->part_count; k++) {
        /* a huge page to itself: most parts have far fewer edges than words */
        edges = (edges + EDGES_PER_HUGE_PAGE - 1) / EDGES_PER_HUGE_PAGE * EDGES_PER_HUGE_PAGE;
        scan.edge_base[k] = edges;
        for (uint64_t s = heap->part_begin[k]; s < heap->part_begin[k + 1]; s++)
            if (!heap->spans.data[s].no_pointers)
                edges += heap->spans.data[s].pages * (HEAP_PAGE_SIZE / 8);
    }
    if (edges >= UINT32_MAX)
        return error_create(ERROR_LIMIT,
                            "%" PRIu64 " GiB of memory with pointers: at most 32 GiB can be read",
                            edges >> 27);
    TRY(graph_create(heap->object_ids, edges + 1, &scan.graph));
    copy_objects(heap, scan.graph);
    struct error *error = parallel_run(heap->threads, scan_parts, &scan);
    if (error) {
        graph_destroy(scan.graph);
        return error_wrap(error, "the heap cannot be read");
    }
    for (uint32_t k = 0; k < heap->part_count; k++)
        scan.graph->totals.edges += scan.edge_end[k] - scan.edge_base[k];
    *out = scan.graph;
    return NULL;
}
