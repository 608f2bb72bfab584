/*
 * Addresses of the runtime's global variables. First way: the n-th reference of a known runtime
 * function (the order is stable over versions, see anchors[]). Second way: what stands there must
 * have the variable's structure, several functions must agree, or the symbol table says so.
 */
#include "gort/locate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gort/references.h"

enum { POINTERS_CHECKED = 512, VERIFIED_MAX = 4, RACY_TRIES = 200, RACY_PAUSE_NS = 500000 };

struct anchor {
    const char *global;
    const char *function;
    int index;            /* n-th reference from 0; −1 the last */
    int subtract;         /* bytes */
    int subtract_field;   /* a layout field to subtract, −1 none */
    unsigned first, last; /* Go minor versions */
};

/* Measured on 1.15 … 1.27, see docs/runtime.md. */
static const struct anchor anchors[] = {
    {"mheap", "runtime.allocmcache.func1", 0, 0, -1, 0, 99},
    {"mheap", "runtime.getempty.func1", 0, 0, -1, 0, 99},
    {"mheap", "runtime.sweepone.func1", 0, 0, -1, 0, 99},
    {"mheap", "runtime.(*mcache).prepareForSweep", 0, 0, LAYOUT_mheap_sweepgen, 0, 99},
    {"mheap", "runtime.(*mcentral).uncacheSpan", 0, 0, LAYOUT_mheap_sweepgen, 0, 99},
    {"allgs", "runtime.allgadd", 1, 8, -1, 0, 19},
    {"allgs", "runtime.allgadd", 1, 16, -1, 20, 99},
    {"allp", "runtime.gcMarkTinyAllocs", 0, 0, -1, 0, 99},
    {"allp", "runtime.preemptall", 0, 0, -1, 0, 99},
    {"allp", "runtime.timeSleepUntil", 1, 0, -1, 0, 99},
    {"allm", "runtime.mexit", 3, 0, -1, 0, 99},
    {"sched", "runtime.wakeNetPoller", 0, 0, LAYOUT_schedt_lastpoll, 0, 99},
    {"sched", "runtime.stopm", 0, 0, LAYOUT_schedt_lock, 0, 99},
    {"sched", "runtime.incidlelocked", 0, 0, LAYOUT_schedt_lock, 0, 99},
    {"work", "runtime.putfull", 0, 0, -1, 0, 99},
    {"work", "runtime.trygetfull", 0, 0, -1, 0, 99},
    {"finq", "runtime.queuefinalizer", 2, 0, -1, 0, 99},
    {"allfin", "runtime.queuefinalizer", 6, 0, -1, 0, 99},
    {"gcCleanups", "runtime.markroot", 7, 0, LAYOUT_cleanupQueue_all, 25, 99},
    {"gcCleanups", "runtime.(*activeSweep).end", 6, 0, -1, 25, 99},
    {"gcCleanups", "runtime.freeSpecial", 35, 0, -1, 25, 99},
    {"mbuckets", "runtime.mProf_FlushLocked", -1, 0, -1, 0, 99},
    {"mbuckets", "runtime.stkbucket", 7, 0, -1, 16, 99},
    {"mbuckets", "runtime.stkbucket", 4, 0, -1, 15, 15},
};

struct candidate {
    uint64_t address;
    unsigned ways;
    char by[160]; /* the functions, for messages */
};

struct candidates {
    struct candidate items[8];
    unsigned count;
};

static void add_candidate(struct candidates *list, uint64_t address, const char *by)
{
    unsigned i = 0;
    while (i < list->count && list->items[i].address != address)
        i++;
    if (i == ARRAY_COUNT(list->items))
        return;
    struct candidate *c = &list->items[i];
    if (i == list->count) {
        *c = (struct candidate){.address = address};
        list->count++;
    }
    c->ways++;
    uint64_t used = strlen(c->by);
    snprintf(c->by + used, sizeof(c->by) - used, "%s%s", used ? ", " : "", by);
}

static struct error *collect_candidates(struct go_runtime *runtime, const char *global,
                                        struct candidates *list)
{
    struct reference references[REFERENCES_MAX];
    uint32_t count;
    for (unsigned i = 0; i < ARRAY_COUNT(anchors); i++) {
        const struct anchor *a = &anchors[i];
        if (strcmp(a->global, global) || runtime->minor < a->first || runtime->minor > a->last)
            continue;
        TRY(references_of_function(runtime, a->function, references, &count));
        int64_t index = a->index < 0 ? (int64_t)count + a->index : a->index;
        if (index < 0 || index >= (int64_t)count)
            continue;
        uint64_t address = references[index].address - (uint64_t)a->subtract;
        if (a->subtract_field >= 0)
            address -=
                (uint64_t)layout_offset(runtime->layout, (enum layout_field)a->subtract_field);
        add_candidate(list, address, a->function);
    }
    /* A symbol table, where there is one, is a way of its own. */
    char symbol[64];
    snprintf(symbol, sizeof(symbol), "runtime.%s%s", global, strcmp(global, "mheap") ? "" : "_");
    for (uint64_t i = 0; runtime->executable && i < runtime->executable->data_symbols.count; i++) {
        const struct executable_symbol *s = &runtime->executable->data_symbols.data[i];
        if (!strcmp(s->name, symbol))
            add_candidate(list, s->address + runtime->bias, "the symbol table");
    }
    return NULL;
}

static uint64_t word_at(struct go_runtime *runtime, uint64_t address)
{
    uint64_t value = 0;
    struct error *error = target_read_u64(runtime->target, address, &value);
    error_destroy(error);
    return error ? 0 : value;
}

static uint32_t half_at(struct go_runtime *runtime, uint64_t address)
{
    uint32_t value = 0;
    struct error *error = target_read_u32(runtime->target, address, &value);
    error_destroy(error);
    return error ? 0 : value;
}

/* The elements of the slice of pointers whose header is at address; 0 when it is none. */
static uint64_t slice_pointers(struct go_runtime *runtime, uint64_t address, uint64_t minimum,
                               uint64_t *out)
{
    uint64_t data = word_at(runtime, address), length = word_at(runtime, address + 8);
    uint64_t capacity = word_at(runtime, address + 16);
    if (!data || data % 8 || length < minimum || length > capacity || capacity > 1u << 28)
        return 0;
    uint64_t n = MIN_OF(length, (uint64_t)POINTERS_CHECKED);
    struct error *error = target_read(runtime->target, data, out, n * 8);
    error_destroy(error);
    return error ? 0 : n;
}

/* A target is stopped anywhere, so a few of its things may be half made; of what is something else
 * none looks right. */
static bool mostly(uint64_t good, uint64_t bad)
{
    return bad * 4 <= good;
}

/* Each looks_like_… answers whether what stands at address has the structure of the variable. */
static bool looks_like_mheap(struct go_runtime *runtime, uint64_t address)
{
    uint64_t spans[POINTERS_CHECKED], good = 0, bad = 0;
    uint64_t n = slice_pointers(runtime, address + GO_OFFSET(runtime, mheap_allspans), 4, spans);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t state = half_at(runtime, spans[i] + GO_OFFSET(runtime, mspan_state)) & 0xff;
        uint64_t start = word_at(runtime, spans[i] + GO_OFFSET(runtime, mspan_startAddr));
        uint64_t pages = word_at(runtime, spans[i] + GO_OFFSET(runtime, mspan_npages));
        uint64_t limit = word_at(runtime, spans[i] + GO_OFFSET(runtime, mspan_limit));
        if (!state) /* not in use: kept ready, or freed with old values */
            continue;
        if (state > 2 || !start || start % 8192 || !pages || pages >= 1u << 28 ||
            (limit && (limit <= start || limit > start + pages * 8192)))
            bad++;
        else
            good++;
    }
    return good >= 2 && mostly(good, bad);
}

static bool looks_like_allgs(struct go_runtime *runtime, uint64_t address)
{
    uint64_t gs[POINTERS_CHECKED], bad = 0;
    uint64_t n = slice_pointers(runtime, address, 2, gs);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t low = word_at(runtime, gs[i]), high = word_at(runtime, gs[i] + 8);
        uint32_t status = half_at(runtime, gs[i] + GO_OFFSET(runtime, g_atomicstatus)) & 0xfff;
        uint64_t id = word_at(runtime, gs[i] + GO_OFFSET(runtime, g_goid));
        if (status > 11 || id >= (uint64_t)1 << 48 || low > high || high - low > (uint64_t)1 << 31)
            bad++;
    }
    return n && mostly(n - bad, bad) && word_at(runtime, gs[0] + GO_OFFSET(runtime, g_goid)) == 1;
}

static bool looks_like_allp(struct go_runtime *runtime, uint64_t address)
{
    uint64_t ps[POINTERS_CHECKED];
    uint64_t n = slice_pointers(runtime, address, 1, ps);
    for (uint64_t i = 0; i < n; i++)
        if (half_at(runtime, ps[i] + GO_OFFSET(runtime, p_id)) != i ||
            half_at(runtime, ps[i] + GO_OFFSET(runtime, p_status)) > 4)
            return false;
    return n;
}

static bool looks_like_allm(struct go_runtime *runtime, uint64_t address)
{
    uint64_t m = word_at(runtime, address), n = 0;
    for (; m && n < POINTERS_CHECKED; n++) {
        uint64_t g0 = word_at(runtime, m + GO_OFFSET(runtime, m_g0));
        if (word_at(runtime, g0 + GO_OFFSET(runtime, g_m)) != m)
            return false;
        m = word_at(runtime, m + GO_OFFSET(runtime, m_alllink));
    }
    return n;
}

static bool looks_like_finalizer_blocks(struct go_runtime *runtime, uint64_t address)
{
    uint64_t block = word_at(runtime, address);
    for (uint64_t n = 0; block && n < POINTERS_CHECKED; n++) {
        if (half_at(runtime, block + GO_OFFSET(runtime, finblock_cnt)) > 4096 / 16 ||
            !target_segment_at(runtime->target, block))
            return false;
        block = word_at(runtime, block + GO_OFFSET(runtime, finblock_alllink));
    }
    return go_in_data(runtime, address);
}

static bool looks_like_cleanup_queue(struct go_runtime *runtime, uint64_t address)
{
    uint64_t block = word_at(runtime, address + GO_OFFSET(runtime, cleanupQueue_all));
    for (uint64_t n = 0; block && n < POINTERS_CHECKED; n++) {
        if (half_at(runtime, block + GO_OFFSET(runtime, cleanupBlockHeader_n)) > 512 / 8 ||
            !target_segment_at(runtime->target, block))
            return false;
        block = word_at(runtime, block + GO_OFFSET(runtime, cleanupBlockHeader_alllink));
    }
    return go_in_data(runtime, address);
}

/* What moves may be caught in the middle of a change; what is no such variable never looks like
 * one. */
static bool looks_right(struct go_runtime *runtime, uint64_t address,
                        bool (*look)(struct go_runtime *, uint64_t))
{
    const struct timespec pause = {.tv_nsec = RACY_PAUSE_NS};
    for (unsigned i = 0; !look(runtime, address); i++) {
        if (!runtime->is_racy || i == RACY_TRIES)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* Takes the address on which at least two ways agree and no other has as many; look (may be NULL)
 * counts as one way. */
static struct error *settle(struct go_runtime *runtime, const char *global, bool required,
                            bool (*look)(struct go_runtime *, uint64_t), uint64_t *out)
{
    struct candidates list = {0};
    const struct candidate *best = NULL;
    bool tie = false;
    TRY(collect_candidates(runtime, global, &list));
    for (unsigned i = 0; i < list.count; i++) {
        struct candidate *c = &list.items[i];
        if (!go_in_data(runtime, c->address))
            continue;
        if (look && !looks_right(runtime, c->address, look))
            continue;
        c->ways += look != NULL;
        tie = best && c->ways == best->ways;
        if (!best || c->ways > best->ways)
            best = c;
    }
    if (best && !tie && best->ways >= 2) {
        *out = best->address;
        return NULL;
    }
    if (!required)
        return NULL;
    uint64_t word; /* of a target that has ended nothing can be said */
    TRY(target_read_u64(runtime->target, runtime->module.data_low, &word));
    char seen[800] = "";
    for (unsigned i = 0; i < list.count; i++) {
        uint64_t used = strlen(seen);
        snprintf(seen + used, sizeof(seen) - used, "%s0x%" PRIx64 " by %s", used ? "; " : "",
                 list.items[i].address, list.items[i].by);
    }
    return error_create(ERROR_UNSUPPORTED,
                        "the runtime of %s was not recognised: no two ways agree on runtime.%s "
                        "(seen: %s)",
                        runtime->version, global,
                        seen[0] ? seen : "no known function refers to it");
}

/* By content: references of two functions behind the code, to an array of strings. */
static struct error *find_wait_reasons(struct go_runtime *runtime)
{
    static const char *const functions[] = {
        "runtime.waitReason.String", "runtime.(*waitReason).String", "runtime.goroutineheader"};
    struct pclntab_function function;
    for (unsigned i = 0; i < ARRAY_COUNT(functions); i++) {
        uint32_t index = pclntab_find_name(runtime->pclntab, functions[i]);
        if (index == PCLNTAB_NONE)
            continue;
        TRY(pclntab_function(runtime->pclntab, index, &function));
        CLEANUP_FREE uint8_t *code = NULL;
        struct reference references[REFERENCES_MAX];
        uint64_t size = MIN_OF(function.end - function.entry, (uint64_t)1 << 16);
        TRY(memory_array(size, 1, &code));
        TRY(target_read(runtime->target, function.entry, code, size));
        uint32_t n = references_in_code(code, size, function.entry, runtime->module.text_end,
                                        runtime->module.data_high, references, REFERENCES_MAX);
        for (uint32_t k = 0; k < n; k++) {
            char text[8] = "";
            struct error *error = go_read_string(runtime, references[k].address + 16, text, 7);
            error_destroy(error);
            if (!error && !strncmp(text, "GC ", 3)) { /* [1] = "GC assist marking" */
                runtime->globals.wait_reason_strings = references[k].address;
                return NULL;
            }
        }
    }
    return NULL;
}

struct error *locate_globals(struct go_runtime *runtime)
{
    struct go_globals *globals = &runtime->globals;
    TRY(settle(runtime, "mheap", true, looks_like_mheap, &globals->mheap));
    TRY(settle(runtime, "allgs", true, looks_like_allgs, &globals->allgs));
    TRY(settle(runtime, "allp", true, looks_like_allp, &globals->allp));
    TRY(settle(runtime, "allm", true, looks_like_allm, &globals->allm));
    TRY(settle(runtime, "sched", false, NULL, &globals->sched));
    TRY(settle(runtime, "work", false, NULL, &globals->work));
    TRY(settle(runtime, "allfin", false, looks_like_finalizer_blocks, &globals->allfin));
    TRY(settle(runtime, "finq", false, looks_like_finalizer_blocks, &globals->finq));
    if (GO_HAS(runtime, cleanupQueue_all))
        TRY(settle(runtime, "gcCleanups", false, looks_like_cleanup_queue, &globals->gcCleanups));
    TRY(settle(runtime, "mbuckets", false, NULL, &globals->mbuckets));
    return find_wait_reasons(runtime);
}
