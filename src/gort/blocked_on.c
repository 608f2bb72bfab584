#include "gort/blocked_on.h"

#include <string.h>

#include "base/hash.h"
#include "gort/runtime_constants.h"
#include "gort/stack.h"

enum {
    SELECT_CASES_MAX = 65536, /* the compiler's own limit */
    SUDOG_BYTES_MAX = 256,
    NAMED_FRAMES_MAX = 12, /* the wait is made within so many innermost frames */
};

struct reader {
    struct go_runtime *runtime;
    const struct heap *heap;
    const struct goroutine_list *goroutines;
    struct blocked_table *table;
    struct hash_map lists;     /* address of a notifyList that was walked → 1 */
    struct hash_map list_of;   /* g → address of the notifyList that it waits in */
    struct hash_map functions; /* number of a function + 1 → enum function_role */
};

static const struct {
    const char *reason;
    enum blocked_operation operation;
} reasons[] = {
    {"chan send", BLOCKED_SEND},
    {"chan receive", BLOCKED_RECEIVE},
    {"select", BLOCKED_SELECT},
    {"chan send (nil chan)", BLOCKED_SEND_NIL},
    {"chan receive (nil chan)", BLOCKED_RECEIVE_NIL},
    {"select (no cases)", BLOCKED_SELECT_NO_CASES},
    {"sync.Mutex.Lock", BLOCKED_MUTEX},
    {"sync.RWMutex.RLock", BLOCKED_RWMUTEX_READ},
    {"sync.RWMutex.Lock", BLOCKED_RWMUTEX_WRITE},
    {"sync.WaitGroup.Wait", BLOCKED_WAIT_GROUP},
    {"sync.Cond.Wait", BLOCKED_COND},
};

/* What stands on a stack that waits for a semaphore. */
enum function_role {
    ROLE_NONE,
    ROLE_HAS_SUDOG, /* holds the sudog in a local variable */
    ROLE_MUTEX,
    ROLE_READ,
    ROLE_WRITE,
    ROLE_SEMACQUIRE, /* means nothing but below a WaitGroup */
    ROLE_WAIT_GROUP,
    ROLE_COND,
};

static const struct {
    const char *name;
    enum function_role role;
} functions[] = {
    {"runtime.semacquire1", ROLE_HAS_SUDOG},
    {"sync.runtime_notifyListWait", ROLE_HAS_SUDOG},
    {"sync.runtime_SemacquireMutex", ROLE_MUTEX},
    {"internal/sync.runtime_SemacquireMutex", ROLE_MUTEX},
    {"sync.runtime_SemacquireRWMutexR", ROLE_READ},
    {"sync.runtime_SemacquireRWMutex", ROLE_WRITE},
    {"sync.(*RWMutex).RLock", ROLE_READ},
    {"sync.(*RWMutex).Lock", ROLE_WRITE},
    {"sync.runtime_Semacquire", ROLE_SEMACQUIRE},
    {"sync.(*WaitGroup).Wait", ROLE_WAIT_GROUP},
    {"sync.(*Cond).Wait", ROLE_COND},
};

const char *blocked_operation_text(enum blocked_operation operation)
{
    static const char *const texts[] = {
        [BLOCKED_NOT] = "",
        [BLOCKED_SEND] = "send on a channel",
        [BLOCKED_RECEIVE] = "receive from a channel",
        [BLOCKED_SELECT] = "select among channels",
        [BLOCKED_SEND_NIL] = "send on a nil channel",
        [BLOCKED_RECEIVE_NIL] = "receive from a nil channel",
        [BLOCKED_SELECT_NO_CASES] = "select without cases",
        [BLOCKED_MUTEX] = "lock a sync.Mutex",
        [BLOCKED_RWMUTEX_READ] = "lock a sync.RWMutex for reading",
        [BLOCKED_RWMUTEX_WRITE] = "lock a sync.RWMutex",
        [BLOCKED_WAIT_GROUP] = "wait for a sync.WaitGroup",
        [BLOCKED_COND] = "wait for a sync.Cond",
    };
    return operation < BLOCKED_OPERATIONS ? texts[operation] : "";
}

const char *blocked_object_kind(enum blocked_operation operation)
{
    switch (operation) {
    case BLOCKED_SEND:
    case BLOCKED_RECEIVE:
    case BLOCKED_SELECT:
        return "channel";
    case BLOCKED_MUTEX:
        return "mutex";
    case BLOCKED_RWMUTEX_READ:
    case BLOCKED_RWMUTEX_WRITE:
        return "rwmutex";
    case BLOCKED_WAIT_GROUP:
        return "waitgroup";
    case BLOCKED_COND:
        return "cond";
    default:
        return "";
    }
}

static struct error *pass_over(struct error *error)
{
    if (!error || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    return NULL;
}

/* -- sudogs ---------------------------------------------------------------------------------- */

struct sudog {
    uint64_t g, next, link, element, channel;
};

static uint64_t word(const uint8_t *bytes, uint64_t offset)
{
    uint64_t v = 0;
    if (offset <= SUDOG_BYTES_MAX - sizeof(v))
        memcpy(&v, bytes + offset, sizeof(v));
    return v;
}

/* ≥ 1.26: of the two words of a maybeTraceablePtr the second always tells the address, the first is
 * nil while the runtime looks for leaks itself (runtime/runtime2.go). */
static uint64_t traceable(const struct go_runtime *runtime, const uint8_t *bytes,
                          enum layout_field field)
{
    uint64_t at = (uint64_t)layout_offset(runtime->layout, field);
    return word(bytes, layout_width(runtime->layout, field) == 16 ? at + 8 : at);
}

static struct error *read_sudog(const struct go_runtime *runtime, uint64_t address,
                                struct sudog *out)
{
    uint8_t bytes[SUDOG_BYTES_MAX] = {0};
    TRY(target_read(runtime->target, address, bytes,
                    MIN_OF(GO_SIZE(runtime, sudog), (uint64_t)SUDOG_BYTES_MAX)));
    *out = (struct sudog){
        .g = word(bytes, GO_OFFSET(runtime, sudog_g)),
        .next = word(bytes, GO_OFFSET(runtime, sudog_next)),
        .link = word(bytes, GO_OFFSET(runtime, sudog_waitlink)),
        .element = traceable(runtime, bytes, LAYOUT_sudog_elem),
        .channel = traceable(runtime, bytes, LAYOUT_sudog_c),
    };
    return NULL;
}

static struct error *add_object(struct reader *reader, uint64_t address, uint64_t sudog,
                                uint64_t element)
{
    struct blocked_object object = {
        .address = address,
        .object = heap_find(reader->heap, address),
        .sudog = heap_find(reader->heap, sudog),
        .element = element ? heap_find(reader->heap, element) : HEAP_NONE,
    };
    return vector_push(&reader->table->objects, object);
}

/* The channels of g. Not *out_clear where what is there is not what a blocked goroutine has. */
static struct error *add_channels(struct reader *reader, const struct goroutine *g,
                                  enum blocked_operation operation, bool *out_clear)
{
    uint64_t first = reader->table->objects.count, count = 0, before = 0;
    for (uint64_t at = g->waiting_sudog; at && count < SELECT_CASES_MAX; count++) {
        struct sudog sudog;
        if (at == before) /* damaged: a ring */
            return NULL;
        if (!(count & (count + 1))) /* held against where it was at the last power of two */
            before = at;
        TRY(read_sudog(reader->runtime, at, &sudog));
        if (sudog.g != g->address || !sudog.channel)
            return NULL;
        TRY(add_object(reader, sudog.channel, at, sudog.element));
        at = sudog.link;
    }
    /* A select whose channels are all nil has none. */
    *out_clear = operation == BLOCKED_SELECT ? count < SELECT_CASES_MAX : count == 1;
    for (uint64_t i = first; i < reader->table->objects.count; i++)
        *out_clear = *out_clear && reader->table->objects.data[i].sudog != HEAP_NONE;
    return NULL;
}

/* -- condition variables ----------------------------------------------------------------------- */

/* Notes all goroutines that wait in the list, once. */
static struct error *walk_list(struct reader *reader, uint64_t list)
{
    struct go_runtime *rt = reader->runtime;
    uint64_t *value, at, left = reader->goroutines->items.count;
    bool added;
    TRY(hash_map_insert(&reader->lists, list, &value, &added));
    if (!added)
        return NULL;
    TRY(target_read_u64(rt->target, list + GO_OFFSET(rt, notifyList_head), &at));
    while (at && left--) {
        struct sudog sudog;
        TRY(read_sudog(rt, at, &sudog));
        if (!sudog.g)
            return NULL;
        TRY(hash_map_insert(&reader->list_of, sudog.g, &value, &added));
        if (added)
            *value = list;
        else if (*value == list) /* damaged: a ring, for a goroutine waits once */
            return NULL;
        at = sudog.next;
    }
    return NULL;
}

/* The list is right if the goroutine waits in it. Who is being woken waits in none. */
static struct error *add_list(struct reader *reader, const struct goroutine *g, uint64_t list,
                              uint64_t sudog, bool *out_clear)
{
    if (!list || list % 8)
        return NULL;
    TRY(pass_over(walk_list(reader, list)));
    const uint64_t *found = hash_map_find(&reader->list_of, g->address);
    if (!found || *found != list)
        return NULL;
    *out_clear = true;
    return add_object(reader, list, sudog, 0);
}

/* -- stacks ------------------------------------------------------------------------------------ */

struct stack_search {
    struct reader *reader;
    const struct goroutine *g;
    enum blocked_operation operation; /* by its frames; BLOCKED_NOT: not of a known kind */
    bool in_semacquire;
    enum function_role role; /* of the frame whose pointers come next */
    uint32_t frame;
    uint64_t sudog, element; /* 0 not found */
    uint64_t list;           /* notifyList, 0 not found */
};

static struct error *role_of(struct reader *reader, uint32_t function, enum function_role *out)
{
    uint64_t *value;
    bool added;
    TRY(hash_map_insert(&reader->functions, function + (uint64_t)1, &value, &added));
    if (added) {
        const char *name = pclntab_name(reader->runtime->pclntab, function);
        for (size_t i = 0; i < ARRAY_COUNT(functions); i++)
            if (!strcmp(name, functions[i].name))
                *value = functions[i].role;
    }
    *out = (enum function_role) * value;
    return NULL;
}

static struct error *note_frame(void *context, const struct stack_frame *frame)
{
    struct stack_search *search = context;
    search->frame = frame->index;
    search->role = ROLE_NONE;
    if (frame->function == PCLNTAB_NONE || frame->index >= NAMED_FRAMES_MAX)
        return NULL;
    TRY(role_of(search->reader, frame->function, &search->role));
    switch (search->role) {
    case ROLE_MUTEX:
        search->operation = BLOCKED_MUTEX;
        break;
    case ROLE_READ:
        /* up to 1.19 the semaphores of an RWMutex are waited for like a Mutex */
        if (search->operation == BLOCKED_NOT || search->operation == BLOCKED_MUTEX)
            search->operation = BLOCKED_RWMUTEX_READ;
        break;
    case ROLE_WRITE:
        if (search->operation == BLOCKED_NOT || search->operation == BLOCKED_MUTEX)
            search->operation = BLOCKED_RWMUTEX_WRITE;
        break;
    case ROLE_SEMACQUIRE:
        search->in_semacquire = true;
        break;
    case ROLE_WAIT_GROUP:
        if (search->in_semacquire && search->operation == BLOCKED_NOT)
            search->operation = BLOCKED_WAIT_GROUP;
        break;
    default:
        break;
    }
    return NULL;
}

static bool may_be_sudog(const struct reader *reader, uint64_t address)
{
    uint32_t id = heap_find(reader->heap, address);
    return id != HEAP_NONE && heap_address(reader->heap, id) == address &&
           heap_span_of(reader->heap, id)->element_size >= GO_SIZE(reader->runtime, sudog);
}

static struct error *note_sudog(struct stack_search *search, uint64_t value)
{
    struct sudog sudog;
    if (search->sudog || !may_be_sudog(search->reader, value))
        return NULL;
    TRY(read_sudog(search->reader->runtime, value, &sudog));
    if (sudog.g == search->g->address) {
        search->sudog = value;
        search->element = sudog.element;
    }
    return NULL;
}

static struct error *note_cond(struct stack_search *search, uint64_t value)
{
    struct reader *reader = search->reader;
    uint64_t list = value + GO_OFFSET(reader->runtime, sync_Cond_notify);
    if (search->list || !list || list % 8)
        return NULL;
    TRY(pass_over(walk_list(reader, list)));
    const uint64_t *found = hash_map_find(&reader->list_of, search->g->address);
    if (found && *found == list)
        search->list = list;
    return NULL;
}

static struct error *note_pointer(void *context, const struct stack_frame *frame, uint64_t slot,
                                  uint64_t value)
{
    struct stack_search *search = context;
    (void)slot;
    if (frame->index != search->frame || frame->function == PCLNTAB_NONE)
        return NULL;
    if (search->role == ROLE_HAS_SUDOG)
        return pass_over(note_sudog(search, value));
    return search->role == ROLE_COND ? note_cond(search, value) : NULL;
}

/* Up to 1.25. reason: BLOCKED_NOT where it is only "semacquire". */
static struct error *add_from_stack(struct reader *reader, const struct goroutine *g,
                                    enum blocked_operation *operation, bool *out_clear)
{
    struct stack_search search = {.reader = reader, .g = g};
    struct stack_visitor visitor = {
        .frame = note_frame, .pointer = note_pointer, .context = &search};
    bool complete;
    TRY(stack_walk(reader->runtime, g, &visitor, &complete));
    if (*operation == BLOCKED_NOT)
        *operation = search.operation;
    if (*operation == BLOCKED_COND)
        return add_list(reader, g, search.list, search.sudog, out_clear);
    if (*operation == BLOCKED_NOT || !search.element)
        return NULL;
    *out_clear = true;
    return add_object(reader, search.element, search.sudog, 0);
}

/* -- all --------------------------------------------------------------------------------------- */

/* From 1.26 on g.waiting leads to the semaphore's sudog, too. */
static struct error *add_semaphore(struct reader *reader, const struct goroutine *g,
                                   enum blocked_operation operation, bool *out_clear)
{
    struct sudog sudog;
    if (!g->waiting_sudog)
        return NULL;
    TRY(read_sudog(reader->runtime, g->waiting_sudog, &sudog));
    if (sudog.g != g->address || !sudog.element)
        return NULL;
    if (operation == BLOCKED_COND)
        return add_list(reader, g, sudog.element, g->waiting_sudog, out_clear);
    *out_clear = true;
    return add_object(reader, sudog.element, g->waiting_sudog, 0);
}

/* The operation that a goroutine's state tells; *out_semacquire: it is only known to wait for some
 * semaphore. */
static enum blocked_operation stated(const struct go_runtime *runtime, const struct goroutine *g,
                                     bool *out_semacquire)
{
    *out_semacquire = false;
    if (g->status != G_WAITING && g->status != G_LEAKED)
        return BLOCKED_NOT;
    const char *reason = runtime_wait_reason(runtime->minor, g->wait_reason);
    for (size_t i = 0; reason && i < ARRAY_COUNT(reasons); i++)
        if (!strcmp(reason, reasons[i].reason))
            return reasons[i].operation;
    *out_semacquire = reason && runtime->minor <= 25 && !strcmp(reason, "semacquire");
    return BLOCKED_NOT;
}

static struct error *add_objects(struct reader *reader, const struct goroutine *g,
                                 enum blocked_operation *operation, bool *out_clear)
{
    switch (*operation) {
    case BLOCKED_SEND_NIL:
    case BLOCKED_RECEIVE_NIL:
    case BLOCKED_SELECT_NO_CASES:
        *out_clear = true;
        return NULL;
    case BLOCKED_SEND:
    case BLOCKED_RECEIVE:
    case BLOCKED_SELECT:
        /* g.param is set as soon as another goroutine ends the wait, before it says so */
        return g->parameter ? NULL : add_channels(reader, g, *operation, out_clear);
    default:
        return reader->runtime->minor >= 26 ? add_semaphore(reader, g, *operation, out_clear)
                                            : add_from_stack(reader, g, operation, out_clear);
    }
}

static struct error *read_one(struct reader *reader, uint64_t index)
{
    struct blocked_table *table = reader->table;
    const struct goroutine *g = &reader->goroutines->items.data[index];
    uint64_t first = table->objects.count;
    bool clear = false, semacquire;
    enum blocked_operation operation = stated(reader->runtime, g, &semacquire);
    table->begin[index] = (uint32_t)first;
    if (operation == BLOCKED_NOT && !semacquire)
        return NULL;
    TRY(pass_over(add_objects(reader, g, &operation, &clear)));
    if (!clear || operation == BLOCKED_NOT) {
        table->objects.count = first;
        table->unclear += operation != BLOCKED_NOT;
        return NULL;
    }
    table->operations[index] = (uint8_t)operation;
    table->blocked++;
    return NULL;
}

struct error *blocked_read(struct go_runtime *runtime, const struct heap *heap,
                           const struct goroutine_list *goroutines, struct blocked_table *out)
{
    uint64_t count = goroutines->items.count;
    *out = (struct blocked_table){0};
    struct reader reader = {
        .runtime = runtime, .heap = heap, .goroutines = goroutines, .table = out};
    TRY(memory_array(count, 1, &out->operations));
    TRY(memory_array(count + 1, sizeof(*out->begin), &out->begin));
    out->goroutines = count;
    struct error *error = NULL;
    for (uint64_t i = 0; i < count && !error; i++)
        error = read_one(&reader, i);
    out->begin[count] = (uint32_t)out->objects.count;
    hash_map_deinit(&reader.lists);
    hash_map_deinit(&reader.list_of);
    hash_map_deinit(&reader.functions);
    return error ? error_wrap(error, "cannot read what the goroutines wait for") : NULL;
}

void blocked_deinit(struct blocked_table *table)
{
    free(table->operations);
    free(table->begin);
    vector_deinit(&table->objects);
    *table = (struct blocked_table){0};
}
