/* fragmented-spans: few live objects keep many spans. What packing the objects of each size class
 * into full spans would free; Go's collector moves nothing, so that the figure tells what the
 * program's order of allocation costs. */
#include "detect/detectors.h"

#include "base/bitset.h"

enum { CLASSES = 256, HALF = 2, QUARTER = 4 };

struct class_use {
    uint64_t spans, used, slots_of_one, bytes_of_one, element_size;
};

enum number { NUMBER_INUSE, NUMBER_SPANS, NUMBER_FREE_SLOT_BYTES };

static void add_span(const struct heap *heap, const struct heap_span *span, struct class_use *use)
{
    use->spans++;
    use->slots_of_one = span->slots;
    use->bytes_of_one = span->pages * HEAP_PAGE_SIZE;
    use->element_size = span->element_size;
    for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++)
        use->used += bitset_get(heap->allocated, id);
}

/* Bytes of the spans that would be empty if the class's objects stood side by side. */
static uint64_t spare(const struct class_use *use)
{
    if (!use->spans)
        return 0;
    uint64_t needed = (use->used + use->slots_of_one - 1) / use->slots_of_one;
    return (use->spans - MIN_OF(use->spans, needed)) * use->bytes_of_one;
}

static struct error *judge(struct detect *detect)
{
    const struct heap *heap = &detect->analysis->heap;
    CLEANUP_FREE struct class_use *classes = NULL;
    TRY(memory_array(CLASSES, sizeof(*classes), &classes));
    struct detect_case one = {.node = GRAPH_NONE, .count = 1};
    for (uint64_t s = 0; s < heap->spans.count; s++) {
        const struct heap_span *span = &heap->spans.data[s];
        /* objects with and without pointers have spans of their own; a large object has all of it
         */
        if (span->size_class && span->slots > 1)
            add_span(heap, span, &classes[(span->size_class * 2 + span->no_pointers) % CLASSES]);
    }
    for (unsigned c = 0; c < CLASSES; c++) {
        const struct class_use *use = &classes[c];
        one.own_bytes += spare(use);
        one.numbers[NUMBER_SPANS] += use->spans;
        one.numbers[NUMBER_FREE_SLOT_BYTES] +=
            (use->spans * use->slots_of_one - use->used) * use->element_size;
    }
    one.numbers[NUMBER_INUSE] = heap->statistics.inuse_bytes;
    /* A heap that lives has some of it; half of the heap is not what allocating and freeing at
     * random leaves. */
    one.confidence = one.own_bytes >= heap->statistics.inuse_bytes / HALF ? CONFIDENCE_PROVEN
                                                                          : CONFIDENCE_POSSIBLE;
    return one.own_bytes >= heap->statistics.inuse_bytes / QUARTER ? detect_add(detect, &one)
                                                                   : NULL;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    finding->message = arena_printf(
        &detect->arena,
        "the live small objects stand in %s spans with %s of free slots between them; side by side "
        "they would need %s less of the %s in use",
        detect_count(detect, group->numbers[NUMBER_SPANS]),
        detect_size(detect, group->numbers[NUMBER_FREE_SLOT_BYTES]),
        detect_size(detect, finding->bytes), detect_size(detect, group->numbers[NUMBER_INUSE]));
    finding->fix = "allocate what lives long together and apart from what dies soon: in a slice of "
                   "values, or after the peak; new objects of the same sizes fill the free slots";
    finding_note(finding, "spans", group->numbers[NUMBER_SPANS], UNIT_COUNT);
    finding_note(finding, "free_slot_bytes", group->numbers[NUMBER_FREE_SLOT_BYTES], UNIT_BYTES);
    finding_note(finding, "heap_inuse_bytes", group->numbers[NUMBER_INUSE], UNIT_BYTES);
}

const struct detector detector_fragmented_spans = {
    .id = "fragmented-spans",
    .class = CLASS_TEMPORARY,
    .judge = judge,
    .describe = describe,
};
