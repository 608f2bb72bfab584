/*
 * fragmented-spans: few live objects keep many spans. What packing the objects of each size class
 * into full spans would free; Go's collector moves nothing, so that the figure tells what the
 * program's order of allocation costs.
 *
 * Free slots between objects are what the next objects go into, up to the heap at which the
 * collector runs again: twice what is live, by the default of GOGC. Only what lies above that
 * twice over counts as fragmented, and no state in the middle of a cycle does.
 */
#include "detect/detectors.h"

#include "base/bitset.h"

#define LEAST_SPARE ((uint64_t)8 << 20)

enum { CLASSES = 256, USUAL_PERCENT = 100, PERCENT_MAX = 1 << 20 };

struct class_use {
    uint64_t spans, used, slots_of_one, bytes_of_one, element_size;
};

enum number {
    NUMBER_INUSE,
    NUMBER_SPANS,
    NUMBER_FREE_SLOT_BYTES,
    NUMBER_WORST_SIZE, /* of the size class with the most to spare */
    NUMBER_WORST_SPANS,
    NUMBER_WORST_USED,
    NUMBER_WORST_SPARE,
};

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

static void add_up(const struct class_use *classes, struct detect_case *one)
{
    for (unsigned c = 0; c < CLASSES; c++) {
        const struct class_use *use = &classes[c];
        uint64_t bytes = spare(use);
        one->own_bytes += bytes;
        one->numbers[NUMBER_SPANS] += use->spans;
        one->numbers[NUMBER_FREE_SLOT_BYTES] +=
            (use->spans * use->slots_of_one - use->used) * use->element_size;
        if (bytes <= one->numbers[NUMBER_WORST_SPARE])
            continue;
        one->numbers[NUMBER_WORST_SPARE] = bytes;
        one->numbers[NUMBER_WORST_SIZE] = use->element_size;
        one->numbers[NUMBER_WORST_SPANS] = use->spans;
        one->numbers[NUMBER_WORST_USED] = use->used;
    }
}

/* The heap that the collector lets grow from what is live now. */
static uint64_t usual_heap(const struct analysis *a)
{
    const struct gc_figures *gc = &a->facts.gc;
    uint64_t live = a->graph->totals.reachable_bytes, percent = USUAL_PERCENT;
    if (gc->pace_known && gc->percent > USUAL_PERCENT)
        percent = (uint64_t)MIN_OF(gc->percent, (int32_t)PERCENT_MAX);
    return live + live / 100 * percent;
}

static struct error *judge(struct detect *detect)
{
    const struct heap *heap = &detect->analysis->heap;
    uint64_t inuse = heap->statistics.inuse_bytes;
    CLEANUP_FREE struct class_use *classes = NULL;
    TRY(memory_array(CLASSES, sizeof(*classes), &classes));
    struct detect_case one = {
        .node = GRAPH_NONE,
        .count = 1,
        .confidence = CONFIDENCE_PROVEN,
        .numbers = {[NUMBER_INUSE] = inuse},
    };
    for (uint64_t s = 0; s < heap->spans.count; s++) {
        const struct heap_span *span = &heap->spans.data[s];
        /* objects with and without pointers have spans of their own; a large object has all of it
         */
        if (span->size_class && span->slots > 1)
            add_span(heap, span, &classes[(span->size_class * 2 + span->no_pointers) % CLASSES]);
    }
    add_up(classes, &one);
    if (one.own_bytes < LEAST_SPARE || one.own_bytes < inuse / 2 ||
        inuse / 2 < usual_heap(detect->analysis))
        return NULL;
    return detect_add(detect, &one);
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const uint64_t *n = group->numbers;
    finding->message = arena_printf(
        &detect->arena,
        "small objects stand scattered over spans that are mostly empty: side by side they would "
        "need %s less of the %s in use; most of it, %s, in %s spans for objects of %s, of which "
        "%s exist",
        detect_size(detect, finding->bytes), detect_size(detect, n[NUMBER_INUSE]),
        detect_size(detect, n[NUMBER_WORST_SPARE]), detect_count(detect, n[NUMBER_WORST_SPANS]),
        detect_size(detect, n[NUMBER_WORST_SIZE]), detect_count(detect, n[NUMBER_WORST_USED]));
    finding->fix = "allocate what lives long together and apart from what dies soon: in a slice of "
                   "values, or after the peak; new objects of the same sizes fill the free slots";
    finding_note(finding, "spans", n[NUMBER_SPANS], UNIT_COUNT);
    finding_note(finding, "free_slot_bytes", n[NUMBER_FREE_SLOT_BYTES], UNIT_BYTES);
    finding_note(finding, "heap_inuse_bytes", n[NUMBER_INUSE], UNIT_BYTES);
    finding_note(finding, "worst_object_bytes", n[NUMBER_WORST_SIZE], UNIT_BYTES);
    finding_note(finding, "worst_objects", n[NUMBER_WORST_USED], UNIT_COUNT);
    finding_note(finding, "worst_spans", n[NUMBER_WORST_SPANS], UNIT_COUNT);
}

const struct detector detector_fragmented_spans = {
    .id = "fragmented-spans",
    .class = CLASS_TEMPORARY,
    .judge = judge,
    .describe = describe,
};
