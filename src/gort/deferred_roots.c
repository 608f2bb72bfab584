/* Roots that call something later: timers, finalizers, cleanups; and what the runtime keeps for
 * itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/root_builder.h"
#include "gort/runtime_constants.h"
#include "gort/specials.h"

enum { TIMERS_MAX = 1 << 26, PS_MAX = 1 << 16 };

/* One record that cannot be read leaves the others alone. */
static struct error *pass_over(struct root_builder *b, struct error *error)
{
    if (!error || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    b->table->unread_records++;
    return NULL;
}

/* Name of the function that a func value (pointer to a closure) calls. */
static const char *function_of_closure(struct go_runtime *runtime, uint64_t closure)
{
    uint64_t pc = 0;
    struct error *error = target_read_u64(runtime->target, closure, &pc);
    uint32_t function = error ? PCLNTAB_NONE : pclntab_find(runtime->pclntab, pc);
    error_destroy(error);
    return function == PCLNTAB_NONE ? "an unknown function"
                                    : pclntab_name(runtime->pclntab, function);
}

/* The program's function behind a cleanup: up to 1.25 AddCleanup wraps it (runtime/mcleanup.go).
 * The closure captures it with the argument and a dictionary, in no order that is known. */
static const char *function_of_cleanup(struct root_builder *b, uint64_t closure)
{
    enum { WORDS_MAX = 32 };
    struct go_runtime *runtime = b->runtime;
    uint64_t words[WORDS_MAX];
    const char *called = function_of_closure(runtime, closure);
    uint32_t id = heap_find(b->heap, closure);
    if (id == HEAP_NONE || strncmp(called, "runtime.AddCleanup[", 19))
        return called;
    uint64_t count = MIN_OF(heap_span_of(b->heap, id)->element_size / 8, (uint64_t)WORDS_MAX);
    struct error *error = target_read(runtime->target, closure, words, count * 8);
    for (uint64_t i = 1; !error && i < count; i++) {
        uint64_t word = words[i];
        for (unsigned depth = 0; depth < 2; depth++) { /* 1.25 captures it by reference */
            error_destroy(target_read_u64(runtime->target, word, &word));
            uint32_t function = pclntab_find(runtime->pclntab, word);
            if (function != PCLNTAB_NONE && pclntab_entry(runtime->pclntab, function) == word)
                return pclntab_name(runtime->pclntab, function);
        }
    }
    error_destroy(error);
    return called;
}

/* From 1.23 on a timer points to its P (timer.ts), which is the runtime's and stays when the timer
 * goes: allp holds it, and this pointer must not make it what the timer retains. An edge to the
 * timer itself stands for it. */
static void forget_processor(struct root_builder *b, uint32_t timer, uint64_t processor)
{
    struct graph *graph = b->graph;
    uint32_t id = heap_find(b->heap, processor);
    if (timer == HEAP_NONE || id == HEAP_NONE || heap_span_of(b->heap, timer)->no_pointers)
        return;
    for (uint32_t e = graph->edge_begin[timer]; e < graph->edge_begin[timer + 1]; e++)
        if ((graph->edges[e] & GRAPH_ID) == id)
            graph->edges[e] = timer;
}

/* When it fires and how often (runtime/time.go): from 1.23 on timer.state tells what timer.status
 * did before. */
static struct error *note_timer(struct root_builder *b, uint64_t timer, uint32_t root,
                                enum timer_kind kind, uint64_t argument)
{
    struct go_runtime *runtime = b->runtime;
    struct pending_timer made = {
        .object = heap_find(b->heap, timer),
        .channel = kind == TIMER_CHANNEL ? heap_find(b->heap, argument) : HEAP_NONE,
        .root = root,
        .kind = (uint8_t)kind,
    };
    TRY(target_read_u64(runtime->target, timer + GO_OFFSET(runtime, timer_when), &made.when_ns));
    TRY(target_read_u64(runtime->target, timer + GO_OFFSET(runtime, timer_period),
                        &made.period_ns));
    if (GO_HAS(runtime, timer_status)) {
        uint32_t status;
        TRY(target_read_u32(runtime->target, timer + GO_OFFSET(runtime, timer_status), &status));
        made.is_stopped = status == TIMER_DELETED || status == TIMER_REMOVED;
        if (status == TIMER_MODIFIED_EARLIER || status == TIMER_MODIFIED_LATER)
            TRY(target_read_u64(runtime->target, timer + GO_OFFSET(runtime, timer_nextwhen),
                                &made.when_ns));
    } else {
        uint8_t state;
        TRY(target_read(runtime->target, timer + GO_OFFSET(runtime, timer_state), &state, 1));
        made.is_stopped = state & TIMER_ZOMBIE;
    }
    return vector_push(&b->table->pending_timers, made);
}

static struct error *add_timer(struct root_builder *b, uint64_t timer, uint64_t processor)
{
    struct go_runtime *runtime = b->runtime;
    uint64_t function, argument[2];
    char name[512];
    uint32_t root;
    enum timer_kind kind = TIMER_OTHER;
    TRY(target_read_u64(runtime->target, timer + GO_OFFSET(runtime, timer_f), &function));
    TRY(target_read(runtime->target, timer + GO_OFFSET(runtime, timer_arg), argument,
                    sizeof(argument)));
    const char *called = function_of_closure(runtime, function);
    if (!strcmp(called, "time.goFunc")) { /* AfterFunc: the argument is the program's function */
        kind = TIMER_FUNCTION;
        snprintf(name, sizeof(name), "timers calling %s",
                 function_of_closure(runtime, argument[1]));
    } else if (!strcmp(called, "time.sendTime")) {
        kind = TIMER_CHANNEL;
        snprintf(name, sizeof(name), "timer channels (time.After, NewTimer, NewTicker)");
    } else if (!strcmp(called, "runtime.goroutineReady")) {
        kind = TIMER_SLEEP;
        snprintf(name, sizeof(name), "timers of sleeping goroutines");
    } else {
        snprintf(name, sizeof(name), "timers calling %s", called);
    }
    TRY(root_holder(b, ROOT_TIMERS, ROOT_CLASS_DEFERRED, name, &root));
    b->table->timers++;
    TRY(note_timer(b, timer, root, kind, argument[1]));
    forget_processor(b, heap_find(b->heap, timer), processor);
    TRY(root_edge(b, root, timer));
    TRY(root_edge(b, root, function));
    return root_edge(b, root, argument[1]);
}

static struct error *add_timers_of(struct root_builder *b, uint64_t p)
{
    struct go_runtime *runtime = b->runtime;
    uint64_t slice = p + GO_OFFSET(runtime, p_timers), header[2], step = 8, first = 0;
    if (GO_HAS(runtime, timers_heap)) {
        slice += GO_OFFSET(runtime, timers_heap);
        step = GO_SIZE(runtime, timerWhen);
        first = GO_OFFSET(runtime, timerWhen_timer);
    }
    TRY(target_read(runtime->target, slice, header, sizeof(header)));
    if (header[1] > TIMERS_MAX)
        return error_fault(slice, "%" PRIu64 " timers at 0x%" PRIx64 " are more than can be",
                           header[1], slice);
    CLEANUP_FREE uint8_t *items = NULL;
    TRY(memory_array(header[1], step, &items));
    TRY(target_read(runtime->target, header[0], items, header[1] * step));
    for (uint64_t i = 0; i < header[1]; i++) {
        uint64_t timer;
        memcpy(&timer, items + i * step + first, 8);
        if (timer)
            TRY(pass_over(b, add_timer(b, timer, p)));
    }
    return NULL;
}

struct error *roots_add_timers(struct root_builder *b)
{
    struct go_runtime *runtime = b->runtime;
    uint64_t header[2];
    TRY(target_read(runtime->target, runtime->globals.allp, header, sizeof(header)));
    for (uint64_t i = 0; i < MIN_OF(header[1], (uint64_t)PS_MAX); i++) {
        uint64_t p;
        TRY(target_read_u64(runtime->target, header[0] + 8 * i, &p));
        if (p)
            TRY(pass_over(b, add_timers_of(b, p)));
    }
    return NULL;
}

/* Everything that the object reaches stays (its finalizer will want it), but not the object. */
static struct error *add_contents(struct root_builder *b, uint32_t root, uint32_t id)
{
    const struct graph *graph = b->graph;
    if (heap_span_of(b->heap, id)->no_pointers || !bitset_get(b->heap->allocated, id))
        return NULL;
    for (uint32_t e = graph->edge_begin[id]; e < graph->edge_begin[id + 1]; e++)
        TRY(graph_add_root_edge(b->graph, root, graph->edges[e]));
    return NULL;
}

/* Keeps what hangs on which object, and adds the edges to what it calls. */
static struct error *add_call(struct root_builder *b, const struct special_record *record,
                              uint32_t root, const uint64_t *words, unsigned count)
{
    struct deferred_call call = {
        .object = record->object,
        .root = root,
        .targets = {GRAPH_NONE, GRAPH_NONE, GRAPH_NONE},
        .is_cleanup = record->kind == SPECIAL_CLEANUP,
    };
    for (unsigned i = 0; i < count; i++) {
        uint32_t target = heap_find(b->heap, words[i]);
        call.targets[i] = target == HEAP_NONE ? GRAPH_NONE : target;
        TRY(root_edge(b, root, words[i]));
    }
    return record->object == HEAP_NONE ? NULL : vector_push(&b->table->deferred_calls, call);
}

static struct error *add_record(struct root_builder *b, const struct special_record *record)
{
    struct go_runtime *runtime = b->runtime;
    uint64_t special = record->address, words[3] = {0};
    char name[512];
    uint32_t root;
    switch (record->kind) {
    case SPECIAL_FINALIZER:
        TRY(target_read_u64(runtime->target, special + GO_OFFSET(runtime, specialfinalizer_fn),
                            &words[0]));
        snprintf(name, sizeof(name), "finalizers calling %s",
                 function_of_closure(runtime, words[0]));
        TRY(root_holder(b, ROOT_FINALIZERS, ROOT_CLASS_DEFERRED, name, &root));
        if (record->object != HEAP_NONE)
            TRY(add_contents(b, root, record->object));
        return add_call(b, record, root, words, 1);
    case SPECIAL_CLEANUP: {
        bool three = GO_HAS(runtime, specialCleanup_cleanup); /* {call, fn, arg} from 1.26 */
        uint64_t at = special + (three ? GO_OFFSET(runtime, specialCleanup_cleanup)
                                       : GO_OFFSET(runtime, specialCleanup_fn));
        TRY(target_read(runtime->target, at, words, three ? 24 : 8));
        snprintf(name, sizeof(name), "cleanups calling %s",
                 function_of_cleanup(b, words[three ? 1 : 0]));
        TRY(root_holder(b, ROOT_FINALIZERS, ROOT_CLASS_DEFERRED, name, &root));
        return add_call(b, record, root, words, three ? 3 : 1);
    }
    case SPECIAL_WEAK_HANDLE:
        TRY(target_read_u64(runtime->target, special + GO_OFFSET(runtime, specialWeakHandle_handle),
                            &words[0]));
        TRY(root_holder(b, ROOT_RUNTIME, ROOT_CLASS_RUNTIME, "weak pointers' handles", &root));
        return root_edge(b, root, words[0]);
    default:
        return NULL;
    }
}

static struct error *add_special(void *context, const struct special_record *record)
{
    struct root_builder *b = context;
    return pass_over(b, add_record(b, record));
}

struct error *roots_add_specials(struct root_builder *b)
{
    uint64_t broken;
    TRY(special_each(b->runtime, b->heap, add_special, b, &broken));
    b->table->unread_records += broken;
    return NULL;
}

static struct error *add_queued(void *context, const struct queued_finalizer *queued)
{
    struct root_builder *b = context;
    uint32_t root;
    TRY(root_holder(b, ROOT_FINALIZERS, ROOT_CLASS_DEFERRED, "finalizers about to run", &root));
    TRY(root_edge(b, root, queued->function));
    return root_edge(b, root, queued->argument);
}

static struct error *add_cleanup(void *context, const struct queued_cleanup *queued)
{
    struct root_builder *b = context;
    uint32_t root;
    TRY(root_holder(b, ROOT_FINALIZERS, ROOT_CLASS_DEFERRED, "cleanups about to run", &root));
    for (unsigned i = 0; i < ARRAY_COUNT(queued->pointers); i++)
        TRY(root_edge(b, root, queued->pointers[i]));
    return NULL;
}

struct error *roots_add_queued(struct root_builder *b)
{
    uint64_t broken;
    TRY(special_each_queued(b->runtime, add_queued, b, &broken));
    b->table->unread_records += broken;
    TRY(special_each_cleanup(b->runtime, add_cleanup, b, &broken));
    b->table->unread_records += broken;
    return NULL;
}

/* The block from which a P hands out its next values of a few bytes without pointers
 * (runtime/mgcmark.go, gcMarkTinyAllocs): alive also when nothing in it is any more. */
struct error *roots_add_tiny_blocks(struct root_builder *b)
{
    struct go_runtime *runtime = b->runtime;
    struct target *target = runtime->target;
    uint64_t header[2];
    TRY(target_read(target, runtime->globals.allp, header, sizeof(header)));
    for (uint64_t i = 0; i < MIN_OF(header[1], (uint64_t)PS_MAX); i++) {
        uint64_t p, cache = 0, block = 0;
        uint32_t root;
        TRY(target_read_u64(target, header[0] + 8 * i, &p));
        if (p)
            TRY(target_read_u64(target, p + GO_OFFSET(runtime, p_mcache), &cache));
        if (cache)
            TRY(target_read_u64(target, cache + GO_OFFSET(runtime, mcache_tiny), &block));
        if (!block)
            continue;
        TRY(root_holder(b, ROOT_RUNTIME, ROOT_CLASS_RUNTIME, "blocks of the tiny allocator",
                        &root));
        TRY(root_edge(b, root, block));
    }
    return NULL;
}
