/*
 * From objects of known type to all that they lead to. Chunks with the most to walk are swept
 * first, some at a time, in parallel; then evidence on other chunks is taken in, also in parallel.
 * Which chunks those are, and where each sweep stops, depends on what is pending alone, and of
 * evidence on an object the best stays in whatever order it comes: so the result does not depend on
 * threads.
 *
 * A sweep follows the chunk's ids upwards, as a program's memory mostly does: what it finds ahead
 * of it is walked on the way. What it finds behind waits for the next sweep, of which a chunk gets
 * a few in a row while its bytes are near.
 */
#include <string.h>

#include "base/bitset.h"
#include "base/parallel.h"
#include "gort/typing_work.h"

enum {
    FEW = 2048,             /* so many objects are walked one after the other */
    CHUNK_SHIFT_MIN = 16,   /* 256 KiB of types, some MiB of objects: near the processor */
    SWEEPS = 3,             /* of a chunk in a row */
    SWEEPS_KEPT = 16,       /* the same, where the bytes had to be read */
    WAVE = 16,              /* chunks that are swept before evidence is taken in */
    WAVE_PENDING = 1 << 15, /* and so many objects, if there are */
    SENT_MAX = 1 << 21,     /* evidence for others that the sweeps of a wave may send: 16 MiB */
    WANTS_MAX = 1 << 12,    /* after so many the sweep waits for what it wants */
    READ_SINGLE = 4096,
    READ_AHEAD = 256 << 10,
    DENSE = 32, /* one of so many ids is pending: then read ahead */
};

/* -- what is pending -------------------------------------------------------------------------- */

void typing_note_pending(struct typing_work *work, uint32_t id)
{
    work->chunk_pending[id >> work->chunk_shift]++;
    work->pending_count++;
    struct error *error = work->few.count < FEW ? vector_push(&work->few, id) : NULL;
    if (error || work->few.count >= FEW)
        work->few_known = false;
    error_destroy(error); /* the bits know them too */
}

static uint64_t chunk_words(const struct typing_work *work)
{
    return ((uint64_t)1 << work->chunk_shift) / 64;
}

void typing_count_pending(struct typing_work *work, uint32_t chunk)
{
    const uint64_t *words = work->pending + chunk * chunk_words(work);
    uint64_t count = 0;
    for (uint64_t w = 0; w < chunk_words(work); w++)
        count += (uint64_t)__builtin_popcountll(words[w]);
    work->chunk_pending[chunk] = (uint32_t)count;
}

void typing_count_all(struct typing_work *work)
{
    work->pending_count = 0;
    for (uint32_t c = 0; c < work->chunk_count; c++)
        work->pending_count += work->chunk_pending[c];
    work->few.count = 0;
    work->few_known = !work->pending_count;
}

/* -- all walkers together --------------------------------------------------------------------- */

struct turns {
    struct typing_work *work;
    const uint32_t *chunks;
    uint32_t count, next;
    struct error *(*sweep)(struct type_walker *walker, uint32_t chunk);
};

static struct error *take_turns(void *context, unsigned number)
{
    struct turns *turns = context;
    struct type_walker *walker = &turns->work->walkers[number];
    for (;;) {
        uint32_t i = __atomic_fetch_add(&turns->next, 1, __ATOMIC_RELAXED);
        if (i >= turns->count)
            return NULL;
        uint32_t chunk = turns->chunks[i];
        walker->first = chunk << turns->work->chunk_shift;
        walker->count = 1u << turns->work->chunk_shift;
        walker->sent = walker->wants = 0;
        TRY(turns->sweep(walker, chunk));
        if (walker->error) {
            struct error *error = walker->error;
            walker->error = NULL;
            return error;
        }
    }
}

struct error *typing_each_chunk(struct typing *typing, const uint32_t *chunks, uint32_t count,
                                struct error *(*sweep)(struct type_walker *, uint32_t))
{
    struct turns turns = {.work = typing->work, .chunks = chunks, .count = count, .sweep = sweep};
    return parallel_run(MAX_OF(1u, MIN_OF(typing->work->walker_count, count)), take_turns, &turns);
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct error *typing_provide_wanted(struct typing *typing)
{
    struct typing_work *work = typing->work;
    VECTOR(uint64_t) keys = {0};
    struct error *error = NULL;
    for (unsigned i = 0; i < work->walker_count && !error; i++) {
        struct hash_map *wanted = &work->walkers[i].wanted;
        for (uint64_t k = 0; k < wanted->capacity && !error; k++)
            if (wanted->keys[k])
                error = vector_push(&keys, wanted->keys[k]);
        hash_map_deinit(wanted);
    }
    if (keys.count)
        qsort(keys.data, keys.count, sizeof(*keys.data), by_key);
    for (uint64_t k = 0; k < keys.count && !error; k++)
        if (!k || keys.data[k] != keys.data[k - 1])
            typing_provide(typing, keys.data[k]);
    vector_deinit(&keys);
    if (!error) {
        error = work->serial.error;
        work->serial.error = NULL;
    }
    return error;
}

/* -- few objects, say a long list in random order: one after the other ------------------------- */

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static struct error *find_few(struct typing_work *work)
{
    work->few.count = 0;
    for (uint32_t c = 0; c < work->chunk_count; c++) {
        if (!work->chunk_pending[c])
            continue;
        for (uint64_t w = c * chunk_words(work); w < (c + 1) * chunk_words(work); w++)
            for (uint64_t bits = work->pending[w]; bits; bits &= bits - 1)
                TRY(vector_push(&work->few, (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits)));
    }
    return NULL;
}

static struct error *walk_few(struct typing *typing)
{
    struct typing_work *work = typing->work;
    CLEANUP_FREE uint32_t *ids = NULL;
    if (!work->few_known)
        TRY(find_few(work));
    uint64_t count = work->few.count;
    TRY(memory_array(count, sizeof(*ids), &ids));
    memcpy(ids, work->few.data, count * sizeof(*ids));
    qsort(ids, count, sizeof(*ids), by_id);
    for (uint64_t i = 0; i < count; i++)
        bitset_clear(work->pending, ids[i]);
    memset(work->chunk_pending, 0, sizeof(work->chunk_pending));
    work->pending_count = work->few.count = 0;
    work->few_known = true;
    for (uint64_t i = 0; i < count; i++)
        TRY(walker_object(&work->serial, ids[i], READ_SINGLE));
    return NULL;
}

/* -- many ------------------------------------------------------------------------------------- */

static struct error *walk_pending(struct type_walker *walker, uint32_t id, uint64_t ahead)
{
    walker->incomplete = walker->leave_to_serial = false;
    TRY(walker_object(walker, id, ahead));
    if (walker->leave_to_serial)
        return vector_push(&walker->for_serial, id);
    return walker->incomplete ? vector_push(&walker->again, id) : NULL;
}

static bool may_go_on(const struct type_walker *walker)
{
    return walker->sent < walker->work->sent_max && walker->wants < WANTS_MAX;
}

static struct error *sweep_once(struct type_walker *walker, uint32_t chunk, uint64_t ahead)
{
    const struct typing_work *work = walker->work;
    uint64_t *pending = work->pending;
    uint64_t begin = chunk * chunk_words(work), end = begin + chunk_words(work);
    for (uint64_t w = begin; w < end; w++) {
        while (pending[w] && may_go_on(walker)) {
            uint32_t id = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(pending[w]);
            pending[w] &= pending[w] - 1;
            TRY(walk_pending(walker, id, ahead));
        }
    }
    return NULL;
}

static struct error *sweep_chunk(struct type_walker *walker, uint32_t chunk)
{
    struct typing_work *work = walker->work;
    bool dense = (uint64_t)work->chunk_pending[chunk] * DENSE > walker->count;
    TRY(walker_memory_begin(walker, dense));
    walker->again.count = 0;
    struct error *error = NULL;
    unsigned sweeps = walker->memory.is_kept ? SWEEPS_KEPT : SWEEPS;
    for (unsigned i = 0; i < sweeps && !error; i++) {
        error = sweep_once(walker, chunk, dense ? READ_AHEAD : READ_SINGLE);
        typing_count_pending(work, chunk);
        if (!work->chunk_pending[chunk] || !may_go_on(walker))
            break;
    }
    for (uint64_t i = 0; i < walker->again.count; i++)
        bitset_set(work->pending, walker->again.data[i]);
    typing_count_pending(work, chunk);
    return error;
}

static struct error *take_chunk(struct type_walker *walker, uint32_t chunk)
{
    typing_take_outboxes(walker->typing, chunk);
    typing_count_pending(walker->work, chunk);
    return NULL;
}

struct busy {
    uint32_t pending, chunk;
};

static int by_pending(const void *a, const void *b)
{
    const struct busy *x = a, *y = b;
    if (x->pending != y->pending)
        return x->pending > y->pending ? -1 : 1;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* The chunks with the most to walk, then who has evidence for a chunk. */
static uint32_t next_wave(struct typing_work *work, uint32_t *out_chunks)
{
    struct busy busy[CHUNKS_MAX];
    uint32_t count = 0;
    for (uint32_t c = 0; c < work->chunk_count; c++)
        if (work->chunk_pending[c])
            busy[count++] = (struct busy){.pending = work->chunk_pending[c], .chunk = c};
    qsort(busy, count, sizeof(*busy), by_pending);
    uint64_t pending = 0;
    uint32_t taken = 0;
    for (; taken < count && (taken < WAVE || pending < WAVE_PENDING); taken++) {
        out_chunks[taken] = busy[taken].chunk;
        pending += busy[taken].pending;
    }
    work->sent_max = SENT_MAX / MAX_OF(taken, (uint32_t)WAVE);
    return taken;
}

static uint32_t addressed(const struct typing_work *work, uint32_t *out_chunks)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < work->chunk_count; c++) {
        bool any = false;
        for (unsigned i = 0; i < work->walker_count; i++)
            any = any || work->walkers[i].outboxes[c].items.count;
        if (any)
            out_chunks[count++] = c;
    }
    return count;
}

/* What the parallel walkers could not walk. */
static struct error *walk_left(struct typing *typing)
{
    struct typing_work *work = typing->work;
    VECTOR(uint32_t) ids = {0};
    struct error *error = NULL;
    for (unsigned i = 0; i < work->walker_count; i++) {
        struct type_walker *walker = &work->walkers[i];
        for (uint64_t k = 0; k < walker->for_serial.count && !error; k++)
            error = vector_push(&ids, walker->for_serial.data[k]);
        walker->for_serial.count = 0;
    }
    if (ids.count)
        qsort(ids.data, ids.count, sizeof(*ids.data), by_id);
    for (uint64_t k = 0; k < ids.count && !error; k++)
        error = walker_object(&work->serial, ids.data[k], READ_AHEAD);
    vector_deinit(&ids);
    return error;
}

static struct error *wave(struct typing *typing)
{
    uint32_t chunks[CHUNKS_MAX];
    TRY(typing_each_chunk(typing, chunks, next_wave(typing->work, chunks), sweep_chunk));
    TRY(typing_each_chunk(typing, chunks, addressed(typing->work, chunks), take_chunk));
    TRY(typing_provide_wanted(typing));
    typing_count_all(typing->work);
    return walk_left(typing);
}

struct error *typing_propagate(struct typing *typing)
{
    struct typing_work *work = typing->work;
    while (work->pending_count) {
        TRY(work->pending_count <= FEW ? walk_few(typing) : wave(typing));
        if (work->serial.error) {
            struct error *error = work->serial.error;
            work->serial.error = NULL;
            return error;
        }
    }
    return NULL;
}

/* -- beginning and end ------------------------------------------------------------------------ */

static struct error *walker_init(struct type_walker *walker, struct typing *typing)
{
    *walker = (struct type_walker){.typing = typing, .work = typing->work};
    TRY(window_init(&walker->objects, typing->runtime->target));
    return memory_array(CHUNKS_MAX, sizeof(*walker->outboxes), &walker->outboxes);
}

static void walker_deinit(struct type_walker *walker)
{
    walker_memory_deinit(&walker->memory);
    window_deinit(&walker->objects);
    for (uint32_t c = 0; walker->outboxes && c < CHUNKS_MAX; c++)
        vector_deinit(&walker->outboxes[c].items);
    free(walker->outboxes);
    hash_map_deinit(&walker->wanted);
    vector_deinit(&walker->again);
    vector_deinit(&walker->for_serial);
    vector_deinit(&walker->closures_met);
    vector_deinit(&walker->later);
    error_destroy(walker->error);
}

struct error *typing_work_create(struct typing *typing)
{
    struct typing_work *work;
    TRY(memory_array(1, sizeof(*work), &work));
    typing->work = work;
    work->chunk_shift = CHUNK_SHIFT_MIN;
    while (typing->heap->object_ids >> work->chunk_shift >= CHUNKS_MAX)
        work->chunk_shift++;
    work->chunk_count = (typing->heap->object_ids >> work->chunk_shift) + 1;
    TRY(big_array(work->chunk_count * chunk_words(work) * 8, &work->pending));
    TRY(typing_memory_places(typing->heap, &work->places));
    work->few_known = true;
    typing_fit_init(work, typing->runtime->minor);
    work->string_data = type_pseudo(&typing->table, PSEUDO_STRING_DATA, "string data");
    work->small_values =
        type_pseudo(&typing->table, PSEUDO_RUNTIME, "small values (tiny allocator)");
    work->boxed_interface = type_pseudo(&typing->table, PSEUDO_RUNTIME, "interface {}");
    work->map_table = type_pseudo(&typing->table, PSEUDO_MAP_PART, "map table");
    work->map_directory = type_pseudo(&typing->table, PSEUDO_MAP_PART, "map directory");
    work->map_overflow = type_pseudo(&typing->table, PSEUDO_MAP_PART, "map overflow list");
    TRY(walker_init(&work->serial, typing));
    work->serial.is_serial = true;
    TRY(memory_array(typing->heap->threads, sizeof(*work->walkers), &work->walkers));
    for (unsigned i = 0; i < typing->heap->threads; i++) {
        work->walker_count++;
        TRY(walker_init(&work->walkers[i], typing));
    }
    return NULL;
}

void typing_work_destroy(struct typing *typing)
{
    struct typing_work *work = typing->work;
    if (!work)
        return;
    if (work->pending)
        big_array_free(work->pending, work->chunk_count * chunk_words(work) * 8);
    free(work->places);
    vector_deinit(&work->few);
    hash_map_deinit(&work->itabs);
    hash_map_deinit(&work->functions);
    hash_map_deinit(&work->receivers);
    walker_deinit(&work->serial);
    for (unsigned i = 0; i < work->walker_count; i++)
        walker_deinit(&work->walkers[i]);
    free(work->walkers);
    free(work);
    typing->work = NULL;
}
