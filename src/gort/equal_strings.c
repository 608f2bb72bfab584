#include "gort/equal_strings.h"

#include <string.h>

#include "base/bitset.h"
#include "base/parallel.h"
#include "gort/window.h"

enum {
    SAMPLE_OBJECTS = 1 << 20, /* in spans of the sample, about */
    SAMPLE_BYTES = 128 << 20,
    SHIFT_MAX = 20,
    SHARED_SLOT = 16, /* bytes of the tiny allocator's blocks */
    READ_AHEAD = 256 << 10,
    FILTER_BITS = 1 << 25,
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
};

struct print { /* of a string's contents */
    uint64_t hash;
    uint32_t id, length;
};

struct print_list {
    VECTOR(struct print) items;
};

struct reading {
    struct target *target;
    const struct heap *heap;
    const struct string_sample *sample;
    struct print_list prints[HEAP_PARTS_MAX]; /* by part of the heap */
    uint64_t *once, *twice;                   /* bits by hash: which came, came again */
    uint32_t next_part;
};

static bool takes(const struct string_sample *sample, const struct heap_span *span)
{
    return span->no_pointers && span->element_size > SHARED_SLOT &&
           !(hash_mix(span->first_id >> 3) & ((1u << sample->shift) - 1));
}

struct error *string_sample_begin(const struct heap *heap, struct string_sample *out)
{
    uint64_t objects = 0, bytes = 0;
    struct string_sample sample = {.bytes = (uint64_t)heap->object_ids * sizeof(uint32_t)};
    for (uint64_t s = 0; s < heap->spans.count; s++)
        if (heap->spans.data[s].no_pointers) {
            objects += heap->spans.data[s].slots;
            bytes += heap->spans.data[s].pages * HEAP_PAGE_SIZE;
        }
    while (sample.shift < SHIFT_MAX &&
           (objects >> sample.shift > SAMPLE_OBJECTS || bytes >> sample.shift > SAMPLE_BYTES))
        sample.shift++;
    TRY(big_array(sample.bytes, &sample.lengths));
    *out = sample;
    return NULL;
}

void string_sample_end(struct string_sample *sample)
{
    if (sample->lengths)
        big_array_free(sample->lengths, sample->bytes);
    *sample = (struct string_sample){0};
}

/* -- contents --------------------------------------------------------------------------------- */

static uint64_t filter_bit(uint64_t hash)
{
    return hash >> 7 & (FILTER_BITS - 1);
}

static void note(struct reading *reading, uint64_t hash)
{
    uint64_t at = filter_bit(hash), bit = (uint64_t)1 << (at & 63);
    if (__atomic_fetch_or(&reading->once[at >> 6], bit, __ATOMIC_RELAXED) & bit)
        __atomic_fetch_or(&reading->twice[at >> 6], bit, __ATOMIC_RELAXED);
}

/* Long ones piece by piece. */
static struct error *hash_string(struct window *window, uint64_t address, uint64_t length,
                                 uint64_t ahead, uint64_t *out)
{
    uint64_t hash = hash_mix(length + 1);
    for (uint64_t at = 0; at < length; at += READ_AHEAD) {
        uint64_t n = MIN_OF(length - at, (uint64_t)READ_AHEAD);
        const uint8_t *bytes;
        TRY(window_get(window, address + at, n, MAX_OF(n, ahead), &bytes));
        hash = hash_mix(hash) ^ hash_bytes(bytes, n);
    }
    *out = hash;
    return NULL;
}

static struct error *read_span(struct reading *reading, struct window *window,
                               const struct heap_span *span, struct print_list *prints)
{
    uint64_t end = span->start + span->pages * HEAP_PAGE_SIZE;
    for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
        uint32_t length = reading->sample->lengths[id];
        if (length < span->element_size / 2 || length > span->element_size ||
            !bitset_get(reading->heap->allocated, id))
            continue;
        uint64_t address = heap_slot_address(span, id), hash;
        TRY(hash_string(window, address, length, MIN_OF(end - address, (uint64_t)READ_AHEAD),
                        &hash));
        note(reading, hash);
        TRY(vector_push(&prints->items, (struct print){.hash = hash, .id = id, .length = length}));
    }
    return NULL;
}

static struct error *read_parts(void *context, unsigned number)
{
    struct reading *reading = context;
    const struct heap *heap = reading->heap;
    struct window window;
    (void)number;
    struct error *error = window_init(&window, reading->target);
    for (;;) {
        uint32_t part = __atomic_fetch_add(&reading->next_part, 1, __ATOMIC_RELAXED);
        if (error || part >= heap->part_count)
            break;
        for (uint64_t s = heap->part_begin[part]; s < heap->part_begin[part + 1] && !error; s++)
            if (takes(reading->sample, &heap->spans.data[s]))
                error = read_span(reading, &window, &heap->spans.data[s], &reading->prints[part]);
    }
    window_deinit(&window);
    return error;
}

/* -- what is alike ---------------------------------------------------------------------------- */

/* Those that may have their like, by id; out: room for all. */
static uint64_t filter(const struct reading *reading, struct print *out)
{
    uint64_t count = 0;
    for (uint32_t part = 0; part < reading->heap->part_count; part++)
        for (uint64_t i = 0; i < reading->prints[part].items.count; i++) {
            const struct print *print = &reading->prints[part].items.data[i];
            if (bitset_get(reading->twice, filter_bit(print->hash)))
                out[count++] = *print;
        }
    return count;
}

/* By hash; what has the same stays in order. Returns which of the two arrays has the result. */
static struct print *sort(struct print *prints, struct print *other, uint64_t count)
{
    for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
        uint64_t begin[DIGITS + 1] = {0};
        for (uint64_t i = 0; i < count; i++)
            begin[(prints[i].hash >> shift & (DIGITS - 1)) + 1]++;
        for (unsigned d = 0; d < DIGITS; d++)
            begin[d + 1] += begin[d];
        for (uint64_t i = 0; i < count; i++)
            other[begin[prints[i].hash >> shift & (DIGITS - 1)]++] = prints[i];
        struct print *swap = prints;
        prints = other;
        other = swap;
    }
    return prints;
}

static int by_first_member(const void *a, const void *b)
{
    const struct print *const *x = a, *const *y = b;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static struct error *add_groups(const struct print *prints, uint64_t count,
                                struct equal_strings *out)
{
    VECTOR(const struct print *) firsts = {0};
    struct error *error = NULL;
    for (uint64_t i = 0, end; i < count && !error; i = end) {
        for (end = i + 1; end < count && prints[end].hash == prints[i].hash &&
                          prints[end].length == prints[i].length;
             end++)
            ;
        if (end - i > 1)
            error = vector_push(&firsts, &prints[i]);
    }
    if (firsts.count)
        qsort(firsts.data, firsts.count, sizeof(*firsts.data), by_first_member);
    for (uint64_t k = 0; k < firsts.count && !error; k++) {
        const struct print *first = firsts.data[k];
        struct string_group group = {.first = (uint32_t)out->members.count,
                                     .length = first->length};
        for (const struct print *p = first;
             p < prints + count && p->hash == first->hash && p->length == first->length && !error;
             p++, group.count++)
            error = vector_push(&out->members, p->id);
        if (!error)
            error = vector_push(&out->groups, group);
    }
    vector_deinit(&firsts);
    return error;
}

static struct error *find_groups(const struct reading *reading, struct equal_strings *out)
{
    CLEANUP_FREE struct print *prints = NULL;
    CLEANUP_FREE struct print *other = NULL;
    for (uint32_t part = 0; part < reading->heap->part_count; part++)
        out->looked_at += reading->prints[part].items.count;
    TRY(memory_array(out->looked_at, sizeof(*prints), &prints));
    uint64_t count = filter(reading, prints);
    TRY(memory_array(count, sizeof(*other), &other));
    return add_groups(sort(prints, other, count), count, out);
}

struct error *equal_strings_read(struct target *target, const struct heap *heap,
                                 const struct string_sample *sample, struct equal_strings *out)
{
    struct reading reading = {.target = target, .heap = heap, .sample = sample};
    struct equal_strings strings = {.shift = sample->shift};
    struct error *error = big_array(FILTER_BITS / 8, &reading.once);
    if (!error)
        error = big_array(FILTER_BITS / 8, &reading.twice);
    if (!error)
        error = parallel_run(heap->threads, read_parts, &reading);
    if (!error)
        error = find_groups(&reading, &strings);
    for (uint32_t part = 0; part < HEAP_PARTS_MAX; part++)
        vector_deinit(&reading.prints[part].items);
    if (reading.once)
        big_array_free(reading.once, FILTER_BITS / 8);
    if (reading.twice)
        big_array_free(reading.twice, FILTER_BITS / 8);
    if (error) {
        equal_strings_deinit(&strings);
        return error_wrap(error, "the contents of strings cannot be read");
    }
    *out = strings;
    return NULL;
}

void equal_strings_deinit(struct equal_strings *strings)
{
    vector_deinit(&strings->groups);
    vector_deinit(&strings->members);
}
