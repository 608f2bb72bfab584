#include "gort/gc_figures.h"

#include <time.h>

#include "gort/references.h"

/* runtime/mgcpacer.go: defaultHeapMinimum, memoryLimitMinHeapGoalHeadroom, minRunway */
#define HEAP_MINIMUM ((uint64_t)4 << 20)
#define LEAST_HEADROOM ((uint64_t)1 << 20)
#define RUNWAY ((uint64_t)64 << 10)
enum {
    PERCENT_MAX = 1 << 30,
    PAUSES = 256, /* runtime/mstats.go: len(memstats.pause_end) */
    CANDIDATES_MAX = 64,
    HEADROOM_PERCENT = 3, /* ≥ 1.21: memoryLimitHeapGoalHeadroomPercent */
    HEADROOM_SINCE = 21,
};

static uint64_t word(struct go_runtime *runtime, uint64_t address)
{
    uint64_t value = 0;
    struct error *error = target_read_u64(runtime->target, address, &value);
    error_destroy(error);
    return error ? 0 : value;
}

static uint32_t half(struct go_runtime *runtime, uint64_t address)
{
    uint32_t value = 0;
    struct error *error = target_read_u32(runtime->target, address, &value);
    error_destroy(error);
    return error ? 0 : value;
}

/* -- finding the variables --------------------------------------------------------------------- */

struct places {
    uint64_t address[CANDIDATES_MAX];
    unsigned functions[CANDIDATES_MAX]; /* that refer to it */
    unsigned count;
};

static struct error *add_places(struct go_runtime *runtime, const char *function,
                                struct places *places)
{
    struct reference references[REFERENCES_MAX];
    uint32_t count;
    unsigned before = places->count;
    uint64_t met = 0; /* bit i: this function refers to places[i], one of those before */
    TRY(references_of_function(runtime, function, references, &count));
    for (uint32_t i = 0; i < count; i++) {
        unsigned at = 0;
        while (at < places->count && places->address[at] != references[i].address)
            at++;
        if (at == CANDIDATES_MAX)
            continue;
        if (at == places->count) {
            places->address[places->count] = references[i].address;
            places->functions[places->count++] = 1;
        } else if (at < before && !(met >> at & 1)) {
            places->functions[at]++;
            met |= (uint64_t)1 << at;
        }
    }
    return NULL;
}
_Static_assert(CANDIDATES_MAX <= 64, "a bit for each place");

typedef bool (*looks_like)(struct go_runtime *runtime, uint64_t address);

/* The only address outside [low, high) that looks right and to which at least two of the functions
 * refer; 0 when there is none or there are several. The first function's references are kept for
 * certain. */
static struct error *vote(struct go_runtime *runtime, const char *const *functions,
                          looks_like looks, uint64_t low, uint64_t high, uint64_t *out)
{
    struct places places = {.count = 0};
    unsigned found = 0;
    for (unsigned i = 0; functions[i]; i++)
        TRY(add_places(runtime, functions[i], &places));
    *out = 0;
    for (unsigned i = 0; i < places.count; i++) {
        bool outside = places.address[i] < low || places.address[i] >= high;
        if (places.functions[i] < 2 || !outside || !looks(runtime, places.address[i]))
            continue;
        *out = places.address[i];
        found++;
    }
    if (found > 1)
        *out = 0;
    return NULL;
}

/* heapMinimum = defaultHeapMinimum · GOGC / 100, in 64 bits, also where GOGC is −1
 * ((*gcControllerState).setGCPercent; 1.15: setGCPercent.func1, and readgogc leaves it when off) */
static uint64_t minimum_of(int32_t percent)
{
    return HEAP_MINIMUM * (uint64_t)(int64_t)percent / 100;
}

static bool looks_like_controller(struct go_runtime *runtime, uint64_t address)
{
    int32_t percent =
        (int32_t)half(runtime, address + GO_OFFSET(runtime, gcControllerState_gcPercent));
    uint64_t limit = word(runtime, address + GO_OFFSET(runtime, gcControllerState_memoryLimit));
    uint64_t minimum = word(runtime, address + GO_OFFSET(runtime, gcControllerState_heapMinimum));
    uint64_t goal =
        word(runtime, address + GO_OFFSET(runtime, gcControllerState_gcPercentHeapGoal));
    return percent >= -1 && percent <= PERCENT_MAX && limit <= GC_NO_LIMIT && goal &&
           minimum == minimum_of(percent) && (limit || percent);
}

static struct error *find_controller(struct go_runtime *runtime, uint64_t *out)
{
    static const char *const functions[] = {"runtime.gcinit",         "runtime.gcBgMarkWorker",
                                            "runtime.gcTrigger.test", "runtime.gcMarkDone",
                                            "runtime.gcStart",        NULL};
    *out = 0;
    return GO_HAS(runtime, gcControllerState_gcPercent) &&
                   GO_HAS(runtime, gcControllerState_memoryLimit)
               ? vote(runtime, functions, looks_like_controller, 0, 0, out)
               : NULL;
}

/* 1.15: two variables that fit each other. */
static bool looks_like_percent(struct go_runtime *runtime, uint64_t address)
{
    static const char *const functions[] = {"runtime.gcinit", "runtime.gcSetTriggerRatio", NULL};
    int32_t percent = (int32_t)half(runtime, address);
    struct places places = {.count = 0};
    if (percent < -1 || !percent || percent > PERCENT_MAX)
        return false;
    for (unsigned i = 0; functions[i]; i++) {
        struct error *error = add_places(runtime, functions[i], &places);
        error_destroy(error);
    }
    for (unsigned i = 0; i < places.count; i++) {
        uint64_t value = word(runtime, places.address[i]);
        if (places.functions[i] >= 2 && value == minimum_of(percent))
            return true;
    }
    return false;
}

/* The cycles are those that work has counted, but for one under way, and the ring of pauses says
 * when the last of them ended. */
static bool looks_like_memstats(struct go_runtime *runtime, uint64_t address)
{
    uint32_t ended = half(runtime, address + GO_OFFSET(runtime, mstats_numgc));
    uint32_t begun = half(runtime, runtime->globals.work + GO_OFFSET(runtime, workType_cycles));
    uint64_t last = word(runtime, address + GO_OFFSET(runtime, mstats_last_gc_unix));
    uint64_t place = (ended + PAUSES - 1) % PAUSES;
    if (begun - ended > 1)
        return false;
    return ended ? last && last == word(runtime,
                                        address + GO_OFFSET(runtime, mstats_pause_end) + 8 * place)
                 : !last;
}

/* gcMarkTermination refers to several of its members. */
static struct error *find_memstats(struct go_runtime *runtime, uint64_t *out)
{
    static const enum layout_field members[] = {LAYOUT_mstats_numgc, LAYOUT_mstats_last_gc_unix,
                                                LAYOUT_mstats_last_gc_nanotime,
                                                LAYOUT_mstats_pause_total_ns};
    struct reference references[REFERENCES_MAX];
    uint32_t count;
    *out = 0;
    if (!runtime->globals.work)
        return NULL;
    TRY(references_of_function(runtime, "runtime.gcMarkTermination", references, &count));
    for (uint32_t i = 0; i < count && !*out; i++) {
        uint64_t address = references[i].address - GO_OFFSET(runtime, mstats_numgc);
        unsigned referred = 0;
        for (unsigned m = 0; m < ARRAY_COUNT(members); m++) {
            uint64_t member = address + (uint64_t)layout_offset(runtime->layout, members[m]);
            uint32_t k = 0;
            while (k < count && references[k].address != member)
                k++;
            referred += k < count;
        }
        if (referred == ARRAY_COUNT(members) && looks_like_memstats(runtime, address))
            *out = address;
    }
    return NULL;
}

/* Not memstats.next_gc, which is full of ones as well when GC is off. */
static struct error *find_percent(struct go_runtime *runtime, uint64_t memstats, uint64_t *out)
{
    static const char *const functions[] = {"runtime.(*gcControllerState).revise",
                                            "runtime.gcSetTriggerRatio", "runtime.gcStart",
                                            "runtime.sysmon", NULL};
    return vote(runtime, functions, looks_like_percent, memstats,
                memstats + GO_SIZE(runtime, mstats), out);
}

/* -- the figures ------------------------------------------------------------------------------- */

/* (*gcControllerState).memoryLimitHeapGoal */
static uint64_t goal_of_limit(struct go_runtime *runtime, uint64_t controller, uint64_t limit,
                              uint64_t marked)
{
    uint64_t free = word(runtime, controller + GO_OFFSET(runtime, gcControllerState_heapFree));
    uint64_t objects =
        word(runtime, controller + GO_OFFSET(runtime, gcControllerState_totalAlloc)) -
        word(runtime, controller + GO_OFFSET(runtime, gcControllerState_totalFree));
    uint64_t mapped = word(runtime, controller + GO_OFFSET(runtime, gcControllerState_mappedReady));
    uint64_t other = mapped - MIN_OF(mapped, free + objects);
    uint64_t taken = other + (mapped > limit ? mapped - limit : 0);
    if (taken >= limit)
        return marked;
    uint64_t goal = limit - taken;
    uint64_t headroom = runtime->minor < HEADROOM_SINCE
                            ? LEAST_HEADROOM
                            : MAX_OF(goal / 100 * HEADROOM_PERCENT, LEAST_HEADROOM);
    goal = goal < 2 * headroom ? headroom : goal - headroom;
    return MAX_OF(goal, marked);
}

/* (*gcControllerState).heapGoalInternal, 1.19 to 1.27 */
static void read_controller(struct go_runtime *runtime, uint64_t at, struct gc_figures *out)
{
    uint64_t goal = word(runtime, at + GO_OFFSET(runtime, gcControllerState_gcPercentHeapGoal));
    out->pace_known = true;
    out->percent = (int32_t)half(runtime, at + GO_OFFSET(runtime, gcControllerState_gcPercent));
    out->memory_limit = word(runtime, at + GO_OFFSET(runtime, gcControllerState_memoryLimit));
    out->marked_bytes = word(runtime, at + GO_OFFSET(runtime, gcControllerState_heapMarked));
    out->goal_bytes = goal_of_limit(runtime, at, out->memory_limit, out->marked_bytes);
    if (out->memory_limit < GC_NO_LIMIT && out->goal_bytes < goal)
        return;
    uint64_t distance =
        word(runtime, at + GO_OFFSET(runtime, gcControllerState_sweepDistMinTrigger));
    uint64_t triggered = word(runtime, at + GO_OFFSET(runtime, gcControllerState_triggered));
    goal = MAX_OF(goal, distance);
    if (triggered != UINT64_MAX && goal < triggered + RUNWAY)
        goal = triggered + RUNWAY;
    out->goal_bytes = goal;
}

static struct error *read_pace(struct go_runtime *runtime, uint64_t memstats,
                               struct gc_figures *out)
{
    uint64_t address;
    TRY(find_controller(runtime, &address));
    if (address) {
        read_controller(runtime, address, out);
        return NULL;
    }
    if (!GO_HAS(runtime, mstats_next_gc) || !GO_HAS(runtime, mstats_heap_marked) || !memstats)
        return NULL;
    TRY(find_percent(runtime, memstats, &address));
    if (!address)
        return NULL;
    *out = (struct gc_figures){
        .pace_known = true,
        .percent = (int32_t)half(runtime, address),
        .memory_limit = GC_NO_LIMIT,
        .goal_bytes = word(runtime, memstats + GO_OFFSET(runtime, mstats_next_gc)),
        .marked_bytes = word(runtime, memstats + GO_OFFSET(runtime, mstats_heap_marked)),
    };
    return NULL;
}

static void read_cycles(struct go_runtime *runtime, uint64_t memstats, struct gc_figures *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    out->cycles_known = true;
    out->cycles = half(runtime, memstats + GO_OFFSET(runtime, mstats_numgc));
    out->last_end_ns = word(runtime, memstats + GO_OFFSET(runtime, mstats_last_gc_unix));
    if (runtime->target->kind == TARGET_LIVE && out->last_end_ns && now_ns > out->last_end_ns)
        out->last_end_ns_ago = now_ns - out->last_end_ns;
}

static struct error *read_figures(struct go_runtime *runtime, struct gc_figures *out)
{
    uint64_t memstats, data;
    TRY(target_read_u64(runtime->target, runtime->module.data_low, &data));
    TRY(find_memstats(runtime, &memstats));
    TRY(read_pace(runtime, memstats, out));
    if (memstats)
        read_cycles(runtime, memstats, out);
    return NULL;
}

/* Where damage puts the code or the variables out of reach, nothing is known. */
struct error *gc_figures_read(struct go_runtime *runtime, struct gc_figures *out)
{
    *out = (struct gc_figures){0};
    struct error *error = read_figures(runtime, out);
    if (!error || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    *out = (struct gc_figures){0};
    return NULL;
}
