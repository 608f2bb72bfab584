#include "gort/goroutine.h"

#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"
#include "gort/running.h"
#include "gort/runtime_constants.h"

enum {
    GOROUTINES_MAX = 16 << 20,
    G_BYTES_MAX = 4096,
    SCAN_BIT = 0x1000, /* in g.atomicstatus: its stack is being scanned */
    WAIT_REASONS = 256,
    WAIT_REASON_BYTES_MAX = 64,
    RACY_TRIES = 100,
};

struct reader {
    struct go_runtime *runtime;
    struct goroutine_list *list;
    struct running_threads threads;
    uint64_t g_bytes;
    const char *wait_reasons[WAIT_REASONS]; /* texts read so far */
};

/* runtime/traceback.go, gStatusStrings. */
static const char *status_text(uint32_t status)
{
    switch (status) {
    case G_IDLE:
        return "idle";
    case G_RUNNABLE:
        return "runnable";
    case G_RUNNING:
        return "running";
    case G_SYSCALL:
        return "syscall";
    case G_WAITING:
        return "waiting";
    case G_DEAD:
        return "dead";
    case G_COPYSTACK:
        return "copystack";
    case G_PREEMPTED:
        return "preempted";
    case G_LEAKED:
        return "leaked";
    case G_DEAD_EXTRA:
        return "waiting for cgo callback";
    default:
        return "???";
    }
}

/* Printable and short, or it is not a wait reason: the array's length is not known. */
static bool is_wait_reason(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p < ' ' || *p > '~')
            return false;
    return text[0] != '\0';
}

static const char *wait_reason_text(struct reader *reader, uint8_t reason)
{
    if (reader->wait_reasons[reason])
        return reader->wait_reasons[reason];
    const char *known = runtime_wait_reason(reader->runtime->minor, reason);
    const char *text = known ? known : status_text(G_WAITING);
    uint64_t strings = reader->runtime->globals.wait_reason_strings;
    if (strings) {
        char buffer[WAIT_REASON_BYTES_MAX + 1];
        struct error *error CLEANUP_ERROR = go_read_string(
            reader->runtime, strings + (uint64_t)reason * 16, buffer, WAIT_REASON_BYTES_MAX);
        if (!error && is_wait_reason(buffer))
            text = arena_copy_string(&reader->list->arena, buffer, strlen(buffer));
    }
    reader->wait_reasons[reason] = text;
    return text;
}

static uint64_t word(const uint8_t *bytes, uint64_t offset)
{
    uint64_t v = 0;
    if (offset <= G_BYTES_MAX - sizeof(v))
        memcpy(&v, bytes + offset, sizeof(v));
    return v;
}

/*
 * runtime.isSystemGoroutine, as runtime.newproc1 asks it when the goroutine starts: sched.ngsys,
 * which NumGoroutine subtracts, does not change when a finalizer or cleanup runs later. The
 * goroutines of extra M's have no start function and count while they run a callback from C.
 */
static bool is_system(struct go_runtime *runtime, uint64_t start_pc)
{
    static const char *const user[] = {"runtime.main", "runtime.handleAsyncEvent",
                                       "runtime.corostart"};
    uint32_t index = pclntab_find(runtime->pclntab, start_pc);
    if (index == PCLNTAB_NONE)
        return false;
    const char *name = pclntab_name(runtime->pclntab, index);
    for (uint64_t i = 0; i < ARRAY_COUNT(user); i++)
        if (!strcmp(name, user[i]))
            return false;
    return !strncmp(name, "runtime.", strlen("runtime."));
}

/* Where it stands: sched, or what entersyscall saved, or the thread that runs it. */
static struct error *locate(struct reader *reader, const uint8_t *bytes, struct goroutine *g)
{
    struct go_runtime *rt = reader->runtime;
    uint64_t sched = GO_OFFSET(rt, g_sched);
    g->sp = word(bytes, sched + GO_OFFSET(rt, gobuf_sp));
    g->pc = word(bytes, sched + GO_OFFSET(rt, gobuf_pc));
    g->bp = word(bytes, sched + GO_OFFSET(rt, gobuf_bp));
    g->lr = GO_HAS(rt, gobuf_lr) ? word(bytes, sched + GO_OFFSET(rt, gobuf_lr)) : 0;
    g->closure_context = word(bytes, sched + GO_OFFSET(rt, gobuf_ctxt));
    g->thread = THREAD_NONE;
    if (g->status == G_RUNNING)
        return running_locate(&reader->threads, g);
    uint64_t syscall_sp = word(bytes, GO_OFFSET(rt, g_syscallsp));
    if (syscall_sp) {
        g->sp = syscall_sp;
        g->pc = word(bytes, GO_OFFSET(rt, g_syscallpc));
        g->bp = GO_HAS(rt, g_syscallbp) ? word(bytes, GO_OFFSET(rt, g_syscallbp)) : 0;
    }
    return NULL;
}

static struct error *read_goroutine(struct reader *reader, uint64_t address)
{
    struct go_runtime *rt = reader->runtime;
    uint8_t bytes[G_BYTES_MAX] = {0};
    TRY(target_read(rt->target, address, bytes, reader->g_bytes));
    uint32_t status;
    memcpy(&status, bytes + GO_OFFSET(rt, g_atomicstatus), sizeof(status));
    status &= ~(uint32_t)SCAN_BIT;
    if (status == G_DEAD || status == G_DEAD_EXTRA || status == G_IDLE) {
        reader->list->dead_count++;
        return NULL;
    }
    struct goroutine g = {
        .address = address,
        .id = word(bytes, GO_OFFSET(rt, g_goid)),
        .status = status,
        .wait_reason = bytes[GO_OFFSET(rt, g_waitreason)],
        .wait_since_ns = word(bytes, GO_OFFSET(rt, g_waitsince)),
        .stack_lo = word(bytes, GO_OFFSET(rt, g_stack)),
        .stack_hi = word(bytes, GO_OFFSET(rt, g_stack) + 8),
        .start_pc = word(bytes, GO_OFFSET(rt, g_startpc)),
        .created_by_pc = word(bytes, GO_OFFSET(rt, g_gopc)),
        .parent_id = GO_HAS(rt, g_parentGoid) ? word(bytes, GO_OFFSET(rt, g_parentGoid)) : 0,
        .m = word(bytes, GO_OFFSET(rt, g_m)),
        .locked_m = word(bytes, GO_OFFSET(rt, g_lockedm)),
        .deferred = word(bytes, GO_OFFSET(rt, g__defer)),
        .panicking = word(bytes, GO_OFFSET(rt, g__panic)),
        .waiting_sudog = word(bytes, GO_OFFSET(rt, g_waiting)),
        .parameter = word(bytes, GO_OFFSET(rt, g_param)),
    };
    g.is_system = is_system(rt, g.start_pc);
    g.state = status_text(status);
    if ((status == G_WAITING || status == G_LEAKED) && g.wait_reason)
        g.state = wait_reason_text(reader, g.wait_reason);
    TRY(locate(reader, bytes, &g));
    TRY(vector_push(&reader->list->items, g));
    if (g.is_system)
        reader->list->system_count++;
    else
        reader->list->user_count++;
    return NULL;
}

/* The list of all goroutines. While the target runs on, it is read until what moves it (an append)
 * is over: a header that is the same before and after. */
static struct error *read_addresses(struct reader *reader, uint64_t header[2], uint64_t **out)
{
    struct go_runtime *rt = reader->runtime;
    for (unsigned i = 0;; i++) {
        uint64_t *addresses = NULL, after[2];
        TRY(target_read(rt->target, rt->globals.allgs, header, 2 * sizeof(*header)));
        if (header[1] > GOROUTINES_MAX)
            return error_create(ERROR_LIMIT,
                                "%" PRIu64 " goroutines are more than leakhound can take (%d)",
                                header[1], GOROUTINES_MAX);
        TRY(memory_array(header[1], sizeof(*addresses), &addresses));
        struct error *error =
            target_read(rt->target, header[0], addresses, header[1] * sizeof(*addresses));
        if (!error && rt->is_racy)
            error = target_read(rt->target, rt->globals.allgs, after, sizeof(after));
        if (!error && (!rt->is_racy || !memcmp(header, after, sizeof(after)))) {
            *out = addresses;
            return NULL;
        }
        free(addresses);
        if (i == RACY_TRIES || !rt->is_racy)
            return error ? error
                         : error_fault(rt->globals.allgs,
                                       "the list of goroutines does not stand still");
        error_destroy(error);
    }
}

static struct error *read_all(struct reader *reader)
{
    struct go_runtime *rt = reader->runtime;
    uint64_t header[2];
    uint64_t *addresses CLEANUP_FREE = NULL;
    TRY(read_addresses(reader, header, &addresses));
    for (uint64_t i = 0; i < header[1]; i++) {
        struct error *error = read_goroutine(reader, addresses[i]);
        if (error && rt->is_racy && error->kind == ERROR_FAULT) {
            error_destroy(error);
            reader->list->unread_count++;
        } else if (error)
            return error_wrap(error, "cannot read goroutine number %" PRIu64 " at 0x%" PRIx64, i,
                              addresses[i]);
    }
    return NULL;
}

struct error *goroutine_list_read(struct go_runtime *runtime, struct goroutine_list *out)
{
    struct goroutine_list list = {0};
    struct reader reader = {.runtime = runtime, .list = &list, .g_bytes = GO_SIZE(runtime, g)};
    if (reader.g_bytes > G_BYTES_MAX)
        return error_create(ERROR_UNSUPPORTED, "a g of %" PRIu64 " bytes", reader.g_bytes);
    arena_init(&list.arena);
    struct error *error = running_threads_init(&reader.threads, runtime);
    if (!error)
        error = read_all(&reader);
    running_threads_deinit(&reader.threads);
    if (error) {
        goroutine_list_deinit(&list);
        return error_wrap(error, "cannot read the goroutines");
    }
    *out = list;
    return NULL;
}

void goroutine_list_deinit(struct goroutine_list *list)
{
    vector_deinit(&list->items);
    arena_deinit(&list->arena);
}

static const char *function_name(struct go_runtime *runtime, uint64_t pc)
{
    uint32_t index = pclntab_find(runtime->pclntab, pc);
    return index == PCLNTAB_NONE ? "" : pclntab_name(runtime->pclntab, index);
}

const char *goroutine_function(struct go_runtime *runtime, const struct goroutine *g)
{
    return function_name(runtime, g->start_pc);
}

const char *goroutine_creator(struct go_runtime *runtime, const struct goroutine *g)
{
    return g->created_by_pc ? function_name(runtime, g->created_by_pc - 1) : "";
}
