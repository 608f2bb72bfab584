/*
 * The whole analysis on a core whose bytes are damaged in memory, for tests/live/test_damage.py:
 *   damage_run CORE FIRST COUNT [AIM]   variants FIRST … FIRST + COUNT - 1, each in a process of
 * its own; AIM: only those that damage that part damage_run CORE SEED                one variant in
 * this process, for a debugger A variant must end with a report or an error that is one line,
 * within its time and memory, without a crash or a sanitizer's complaint, and the bytes of the
 * report must add up. Prints `FAIL SEED AIM: why` for each that does not, with what it said, and
 * `AIM REPORTS ERRORS` for each part at the end. Exit status: 1 when any failed.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gort/analysis.h"
#include "report/collect.h"
#include "report/json.h"
#include "report/text.h"

enum {
    CPU_SECONDS = 5,
    WALL_SECONDS = 60, /* the machine may be busy */
    ANONYMOUS_MAX_KIB = 1 << 20,
    ADDRESSES_MAX_GIB = 16, /* lazily committed arrays are larger than what they use */
    DAMAGES_MAX = 24,
    PLACES_MAX = 1 << 20,
    ERROR_TEXT_MAX = 1000,
    SAID_MAX = 6000,
    STATUS_REPORT = 0,
    STATUS_ERROR = 3,
    STATUS_WRONG = 7,
};

/* What is aimed at. A place of each is chosen first, so that small structures are hit as often as
 * large ones. */
enum aim {
    AIM_MODULE,
    AIM_PCLNTAB,
    AIM_TYPES,
    AIM_MHEAP,
    AIM_SPAN_LIST,
    AIM_SPANS,
    AIM_SPAN_BITS,
    AIM_ARENAS,
    AIM_G_LIST,
    AIM_GS,
    AIM_PS,
    AIM_MS,
    AIM_SPECIALS,
    AIM_TIMERS,
    AIM_BLOCKS,
    AIM_MAPS,
    AIM_CHANNELS,
    AIM_WAITING,
    AIM_STACKS,
    AIM_OBJECTS,
    AIM_GLOBALS,
    AIM_READ_ONLY,
    AIM_CODE,
    AIMS,
};

static const char *const aim_names[AIMS] = {
    "module",   "pclntab", "types",  "mheap",   "span-list", "spans",     "span-bits", "arenas",
    "g-list",   "gs",      "ps",     "ms",      "specials",  "timers",    "blocks",    "maps",
    "channels", "waiting", "stacks", "objects", "globals",   "read-only", "code",
};

struct place {
    uint64_t address, size;
};

struct places {
    VECTOR(struct place) of[AIMS];
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "damage_run: %s\n", what);
    exit(2);
}

static void must(struct error *error)
{
    char text[ERROR_TEXT_MAX];
    if (!error)
        return;
    error_text(error, text, sizeof(text));
    give_up(text);
}

static void add(struct places *places, enum aim aim, uint64_t address, uint64_t size)
{
    if (address && size && places->of[aim].count < PLACES_MAX)
        must(vector_push(&places->of[aim], (struct place){address, size}));
}

/* -- where things are in the undamaged core --------------------------------------------------- */

static uint64_t word_at(struct target *target, uint64_t address)
{
    uint64_t value = 0;
    must(target_read_sparse(target, address, &value, sizeof(value)));
    return value;
}

static void find_module(struct analysis *a, struct places *places)
{
    const struct go_runtime *rt = a->runtime;
    const struct go_module *m = &rt->module;
    add(places, AIM_MODULE, m->address, GO_SIZE(rt, moduledata));
    add(places, AIM_PCLNTAB, m->pclntab, 128);
    add(places, AIM_PCLNTAB, m->pclntab, 1 << 20);
    add(places, AIM_TYPES, m->types, m->types_end - m->types);
    add(places, AIM_GLOBALS, m->data, m->data_end - m->data);
    add(places, AIM_GLOBALS, m->bss, m->bss_end - m->bss);
    add(places, AIM_GLOBALS, m->noptrdata, m->noptrdata_end - m->noptrdata);
    add(places, AIM_READ_ONLY, m->rodata ? m->rodata : m->types, 1 << 19);
    add(places, AIM_READ_ONLY, m->gofunc, 1 << 16);
    add(places, AIM_CODE, m->text, m->text_end - m->text);
    for (uint32_t type = 0; type < a->typing.table.types.count; type++) {
        const struct go_type *t = &a->typing.table.types.data[type];
        add(places, AIM_TYPES, t->address, 96);
        add(places, AIM_TYPES, t->fields, 24 * (uint64_t)t->field_count);
    }
}

static void find_heap(struct analysis *a, struct places *places)
{
    const struct go_runtime *rt = a->runtime;
    uint64_t mheap = rt->globals.mheap, spans = mheap + GO_OFFSET(rt, mheap_allspans);
    uint64_t list = word_at(a->target, spans), count = word_at(a->target, spans + 8);
    add(places, AIM_MHEAP, spans, 24);
    add(places, AIM_MHEAP, mheap + GO_OFFSET(rt, mheap_sweepgen), 8);
    add(places, AIM_MHEAP, mheap + GO_OFFSET(rt, mheap_pages), GO_SIZE(rt, pageAlloc));
    add(places, AIM_MHEAP, mheap + GO_OFFSET(rt, mheap_arenas), 8);
    add(places, AIM_MHEAP, mheap, GO_SIZE(rt, mheap));
    add(places, AIM_SPAN_LIST, list, count * 8);
    for (uint64_t i = 0; i < count; i++)
        add(places, AIM_SPANS, word_at(a->target, list + 8 * i), GO_SIZE(rt, mspan));
    for (uint64_t i = 0; i < a->heap.spans.count; i++) {
        const struct heap_span *span = &a->heap.spans.data[i];
        uint64_t special = span->specials, end = span->start + span->pages * HEAP_PAGE_SIZE;
        add(places, AIM_SPAN_BITS, span->allocated_bits, (span->slots + 7u) / 8);
        add(places, AIM_SPAN_BITS, end - 1024, 1024);
        add(places, AIM_OBJECTS, span->start, end - span->start);
        for (unsigned n = 0; special && n < 1000; n++) {
            add(places, AIM_SPECIALS, special, 48);
            special = word_at(a->target, special + GO_OFFSET(rt, special_next));
        }
    }
    uint64_t arenas = a->typing.reader.arenas;
    for (uint64_t at = a->heap.low & ~(((uint64_t)64 << 20) - 1); arenas && at < a->heap.high;
         at += (uint64_t)64 << 20) {
        uint64_t entry = arenas + ((at + ((uint64_t)1 << 47)) >> 26) * 8;
        add(places, AIM_ARENAS, entry, 8);
        add(places, AIM_ARENAS, word_at(a->target, entry), 1 << 16);
    }
}

static void find_timers(struct analysis *a, struct places *places, uint64_t p)
{
    const struct go_runtime *rt = a->runtime;
    uint64_t slice = p + GO_OFFSET(rt, p_timers), step = 8, first = 0;
    if (GO_HAS(rt, timers_heap)) {
        slice += GO_OFFSET(rt, timers_heap);
        step = GO_SIZE(rt, timerWhen);
        first = GO_OFFSET(rt, timerWhen_timer);
    }
    uint64_t items = word_at(a->target, slice), count = word_at(a->target, slice + 8);
    add(places, AIM_TIMERS, slice, 24);
    add(places, AIM_TIMERS, items, count * step);
    for (uint64_t i = 0; i < count; i++)
        add(places, AIM_TIMERS, word_at(a->target, items + i * step + first), GO_SIZE(rt, timer));
}

/* Blocks of queued finalizers or cleanups. */
static void find_blocks(struct analysis *a, struct places *places, uint64_t list, uint64_t next)
{
    uint64_t block = word_at(a->target, list);
    add(places, AIM_BLOCKS, list, 8);
    for (unsigned n = 0; block && n < 100; n++) {
        add(places, AIM_BLOCKS, block, 128);
        block = word_at(a->target, block + next);
    }
}

static void find_processors(struct analysis *a, struct places *places)
{
    const struct go_runtime *rt = a->runtime;
    uint64_t list = word_at(a->target, rt->globals.allp);
    uint64_t count = word_at(a->target, rt->globals.allp + 8);
    uint64_t m = word_at(a->target, rt->globals.allm);
    add(places, AIM_PS, rt->globals.allp, 24);
    add(places, AIM_PS, list, count * 8);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t p = word_at(a->target, list + 8 * i);
        add(places, AIM_PS, p, GO_SIZE(rt, p));
        add(places, AIM_PS, p + GO_OFFSET(rt, p_pcache), 24);
        find_timers(a, places, p);
    }
    add(places, AIM_MS, rt->globals.allm, 8);
    for (unsigned n = 0; m && n < 100; n++) {
        add(places, AIM_MS, m, GO_SIZE(rt, m));
        m = word_at(a->target, m + GO_OFFSET(rt, m_alllink));
    }
    if (rt->globals.allfin)
        find_blocks(a, places, rt->globals.allfin, GO_OFFSET(rt, finblock_alllink));
    if (rt->globals.gcCleanups)
        find_blocks(a, places, rt->globals.gcCleanups + GO_OFFSET(rt, cleanupQueue_all),
                    GO_OFFSET(rt, cleanupBlockHeader_alllink));
}

static void find_goroutines(struct analysis *a, struct places *places)
{
    const struct go_runtime *rt = a->runtime;
    add(places, AIM_G_LIST, rt->globals.allgs, 24);
    add(places, AIM_G_LIST, word_at(a->target, rt->globals.allgs),
        8 * word_at(a->target, rt->globals.allgs + 8));
    for (uint64_t i = 0; i < a->goroutines.items.count; i++) {
        const struct goroutine *g = &a->goroutines.items.data[i];
        uint64_t sudog = g->waiting_sudog, record = g->deferred;
        add(places, AIM_GS, g->address, GO_SIZE(rt, g));
        add(places, AIM_GS, g->address, 128);
        add(places, AIM_GS, g->address + GO_OFFSET(rt, g_sched), GO_SIZE(rt, gobuf));
        add(places, AIM_STACKS, g->sp, g->stack_hi - g->sp);
        for (unsigned n = 0; sudog && n < 100; n++) {
            add(places, AIM_WAITING, sudog, GO_SIZE(rt, sudog));
            sudog = word_at(a->target, sudog + GO_OFFSET(rt, sudog_waitlink));
        }
        for (unsigned n = 0; record && n < 100; n++) {
            add(places, AIM_WAITING, record, GO_SIZE(rt, _defer));
            record = word_at(a->target, record + GO_OFFSET(rt, _defer_link));
        }
    }
}

static void find_typed(struct analysis *a, struct places *places)
{
    for (uint64_t i = 0; i < a->heap.spans.count; i++) {
        const struct heap_span *span = &a->heap.spans.data[i];
        for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
            uint32_t type = typing_type(&a->typing, id);
            if (type == TYPE_NONE)
                continue;
            const struct go_type *t = &a->typing.table.types.data[type];
            if (t->kind == KIND_MAP || t->pseudo == PSEUDO_MAP_PART)
                add(places, AIM_MAPS, heap_address(&a->heap, id), MIN_OF(span->element_size, 64u));
            if (t->kind == KIND_CHAN || t->pseudo == PSEUDO_CHANNEL)
                add(places, AIM_CHANNELS, heap_address(&a->heap, id), 96);
        }
    }
}

static void find_places(struct target *target, struct places *places)
{
    struct analysis *analysis;
    must(analysis_run(target, 1, NULL, NULL, &analysis));
    find_module(analysis, places);
    find_heap(analysis, places);
    find_processors(analysis, places);
    find_goroutines(analysis, places);
    find_typed(analysis, places);
    analysis_destroy(analysis);
}

/* -- damage ----------------------------------------------------------------------------------- */

struct random_numbers {
    uint64_t state;
};

static uint64_t next(struct random_numbers *random)
{
    uint64_t x = random->state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t below(struct random_numbers *random, uint64_t limit)
{
    return next(random) % limit;
}

/* The core is mapped privately: what is written here reaches no file. */
static void poke(struct target *target, uint64_t address, const void *bytes, uint64_t n)
{
    void *view = (void *)(uintptr_t)target_view(target, address, n);
    if (!view)
        return; /* a page that the core leaves out */
    uintptr_t page = (uintptr_t)view & ~(uintptr_t)4095;
    uint64_t length = ((uintptr_t)view + n - page + 4095) & ~(uint64_t)4095;
    if (mprotect((void *)page, length, PROT_READ | PROT_WRITE))
        give_up("cannot write to the mapped core");
    memcpy(view, bytes, n);
}

static const struct place *any_place(const struct places *places, struct random_numbers *random)
{
    for (;;) {
        enum aim aim = (enum aim)below(random, AIMS);
        if (places->of[aim].count)
            return &places->of[aim].data[below(random, places->of[aim].count)];
    }
}

static uint64_t new_word(struct target *target, const struct places *places,
                         struct random_numbers *random, uint64_t address, uint64_t old)
{
    static const uint64_t special[] = {
        0,          1,          2,          7,          8,          0x7f,           0xff,
        0x100,      0xffff,     0x10000,    0x7fffffff, 0x80000000, 0xfffffff8,     0xffffffff,
        1ull << 32, 1ull << 33, 1ull << 40, 1ull << 47, 1ull << 60, INT64_MAX - 7u, 1ull << 63,
        UINT64_MAX, ~7ull,      ~4095ull,
    };
    const struct place *place;
    switch (below(random, 12)) {
    case 0:
    case 1:
        return special[below(random, ARRAY_COUNT(special))];
    case 2:
        return old + below(random, 64) * 8 - 256;
    case 3:
        return old ^ (uint64_t)1 << below(random, 64);
    case 4:
        return old << below(random, 32);
    case 5:
        return address - below(random, 16) * 8; /* a ring */
    case 6:
        place = any_place(places, random);
        return place->address + below(random, place->size);
    case 7: /* the end of a mapping */
        return target->segments.data[below(random, target->segments.count)].end -
               below(random, 32) * 8;
    case 8:
        return (old & ~(uint64_t)0xffffffff) | (next(random) & 0xffffffff);
    case 9:
        return next(random);
    case 10:
        return below(random, 1 << 20);
    default:
        return any_place(places, random)->address;
    }
}

static void damage_once(struct target *target, const struct places *places, enum aim aim,
                        struct random_numbers *random)
{
    const struct place *place = &places->of[aim].data[below(random, places->of[aim].count)];
    uint64_t at = place->address + below(random, place->size), word = at & ~(uint64_t)7, value;
    uint8_t bytes[4096];
    switch (below(random, 16)) {
    case 0: /* a bit */
        must(target_read_sparse(target, at, bytes, 1));
        bytes[0] ^= (uint8_t)(1 << below(random, 8));
        poke(target, at, bytes, 1);
        break;
    case 1:
    case 2:
        bytes[0] = (uint8_t)next(random);
        poke(target, at, bytes, 1);
        break;
    case 3: { /* a piece of something else */
        const struct place *other = any_place(places, random);
        uint64_t n = 8 + below(random, 128);
        must(target_read_sparse(target, other->address, bytes, n));
        poke(target, word, bytes, n);
        break;
    }
    case 4: /* a page that is lost */
        if (below(random, 4))
            break;
        memset(bytes, below(random, 4) ? 0 : 0xff, sizeof(bytes));
        poke(target, at & ~(uint64_t)4095, bytes, sizeof(bytes));
        break;
    default:
        value = new_word(target, places, random, word, word_at(target, word));
        if (place->size >= 8 && word >= place->address)
            poke(target, word, &value, 8);
        else
            poke(target, at, &value, 1 + below(random, 8));
        break;
    }
}

static enum aim damage(struct target *target, const struct places *places, uint64_t seed,
                       struct random_numbers *random)
{
    random->state = seed;
    enum aim aim = (enum aim)below(random, AIMS);
    while (!places->of[aim].count)
        aim = (enum aim)((aim + 1u) % AIMS);
    uint64_t count = 1 + below(random, below(random, 3) ? 3 : DAMAGES_MAX);
    for (uint64_t i = 0; target && i < count; i++)
        damage_once(target, places, aim, random);
    return aim;
}

/* -- one variant ------------------------------------------------------------------------------ */

static const char *check_sums(const struct report *report)
{
    const struct report_memory *memory = &report->memory;
    if (memory->heap_live + memory->heap_garbage != memory->heap_objects)
        return "live + garbage is not all";
    if (report->held_alone_bytes + report->shared_bytes != memory->heap_live)
        return "held alone + shared is not what is live";
    if (memory->heap_objects > memory->heap_inuse)
        return "more objects than bytes in use";
    return NULL;
}

static int write_report(const struct report *report)
{
    const struct text_style style = {.columns = 100, .utf8 = true, .top = 10};
    FILE *nowhere = fopen("/dev/null", "w");
    if (!nowhere)
        give_up("cannot open /dev/null");
    must(report_write_text(report, &style, nowhere));
    must(report_write_json(report, "damage", nowhere));
    fclose(nowhere);
    const char *wrong = check_sums(report);
    if (wrong)
        fprintf(stderr, "%s\n", wrong);
    return wrong ? STATUS_WRONG : STATUS_REPORT;
}

static int judge_error(const struct error *error)
{
    char text[ERROR_TEXT_MAX];
    error_text(error, text, sizeof(text));
    fprintf(stderr, "%s\n", text);
    if (error->kind == ERROR_USAGE || strlen(text) < 10 || strlen(text) + 1 == sizeof(text))
        return STATUS_WRONG;
    for (const char *p = text; *p; p++)
        if (*p == '\n')
            return STATUS_WRONG;
    return STATUS_ERROR;
}

static int analyse(struct target *target, unsigned threads)
{
    struct report report;
    report_init(&report);
    const struct report_options options = {.threads = threads, .top = 1000};
    struct error *error = report_collect(target, &options, &report);
    int status = error ? judge_error(error) : write_report(&report);
    error_destroy(error);
    report_deinit(&report);
    return status;
}

static int run_variant(struct target *target, const struct places *places, uint64_t seed)
{
    struct random_numbers random;
    damage(target, places, seed, &random);
    return analyse(target, 1 + (unsigned)below(&random, 2));
}

/* -- each in a process of its own -------------------------------------------------------------- */

static void set_limits(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS + 1});
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes terabytes of addresses */
    const rlim_t bytes = (rlim_t)ADDRESSES_MAX_GIB << 30;
    setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes});
#endif
    alarm(WALL_SECONDS);
}

static uint64_t anonymous_kib(pid_t pid)
{
    char path[64], line[256];
    uint64_t kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

/* The wait status; *out_large tells that it was ended for its memory. */
static int wait_for(pid_t pid, bool *out_large)
{
    int status;
    *out_large = false;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (anonymous_kib(pid) > ANONYMOUS_MAX_KIB && !*out_large) {
            *out_large = true;
            kill(pid, SIGKILL);
        }
        usleep(2000);
    }
    return status;
}

static void tell_failure(uint64_t seed, enum aim aim, int status, bool large, FILE *said)
{
    char why[100] = "a wrong report or error", text[SAID_MAX + 1];
    if (large)
        snprintf(why, sizeof(why), "more than %d MiB of memory", ANONYMOUS_MAX_KIB >> 10);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        snprintf(why, sizeof(why), "longer than %d s", CPU_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(why, sizeof(why), "ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != STATUS_WRONG)
        snprintf(why, sizeof(why), "exit status %d", WEXITSTATUS(status));
    rewind(said);
    text[fread(text, 1, SAID_MAX, said)] = '\0';
    printf("FAIL %" PRIu64 " %s: %s\n%s\n", seed, aim_names[aim], why, text);
    fflush(stdout);
}

struct outcome {
    unsigned reports, errors, failures;
};

static void try_variant(struct target *target, const struct places *places, uint64_t seed,
                        enum aim aim, struct outcome *outcome)
{
    FILE *said = tmpfile();
    if (!said)
        give_up("cannot make a temporary file");
    pid_t pid = fork();
    if (pid < 0)
        give_up("cannot start a process");
    if (pid == 0) {
        dup2(fileno(said), STDERR_FILENO);
        set_limits();
        exit(run_variant(target, places, seed)); /* and LeakSanitizer has its say */
    }
    bool large;
    int status = wait_for(pid, &large);
    bool ended = WIFEXITED(status) && !large;
    if (ended && WEXITSTATUS(status) == STATUS_REPORT) {
        outcome->reports++;
    } else if (ended && WEXITSTATUS(status) == STATUS_ERROR) {
        outcome->errors++;
    } else {
        outcome->failures++;
        tell_failure(seed, aim, status, large, said);
    }
    fclose(said);
}

int main(int count, char **arguments)
{
    const struct target_options options = {0};
    struct target *target;
    struct places places = {0};
    struct outcome outcomes[AIMS] = {0};
    unsigned failures = 0;
    if (count < 3)
        give_up("usage: damage_run CORE FIRST COUNT [AIM] | damage_run CORE SEED");
    must(target_open(arguments[1], &options, &target));
    find_places(target, &places);
    uint64_t first = strtoull(arguments[2], NULL, 10);
    uint64_t last = first + (count > 3 ? strtoull(arguments[3], NULL, 10) : 0);
    if (count == 3)
        failures = run_variant(target, &places, first) == STATUS_WRONG;
    for (uint64_t seed = first; seed < last; seed++) {
        struct random_numbers random;
        enum aim aim = damage(NULL, &places, seed, &random);
        if (count < 5 || !strcmp(arguments[4], aim_names[aim]))
            try_variant(target, &places, seed, aim, &outcomes[aim]);
    }
    for (unsigned aim = 0; aim < AIMS; aim++) {
        if (count > 3)
            printf("%s %u %u\n", aim_names[aim], outcomes[aim].reports, outcomes[aim].errors);
        failures += outcomes[aim].failures;
        vector_deinit(&places.of[aim]);
    }
    target_destroy(target);
    return failures ? 1 : 0;
}
