#include "gort/call_evidence.h"

#include <string.h>

#include "gort/scan.h"
#include "gort/typing_walk.h"

enum {
    HOPS_MAX = 4,            /* f returns what g returns … */
    RESULTS_MAX = 16,        /* the same, in all directions */
    VALUES_PER_PLACE = 8,    /* of one parameter */
    ARGUMENTS_MAX = 1 << 20, /* values of all parameters */
    VALUE_BYTES_MAX = 1 << 16,
    NESTING_MAX = 16,
    SYNC_MAP_BYTES = 24, /* of sync.Map, up to the root of its trie and beyond */
};

/* Why a function is interesting. */
enum { KNOWS_TYPES = 1, IS_MAP_METHOD = 2 };

struct argument {
    uint32_t function;
    uint16_t place;
    uint64_t value;
};

struct evidence {
    uint64_t address, count;
    uint32_t type;
    uint8_t made; /* enum code_new */
    bool conflict;
};

/* The static type of a pointer, from what is new where it comes from. */
struct origin {
    uint64_t type; /* 0 = not known */
    uint8_t made;
    bool differs;
};

struct resolver {
    struct typing *typing;
    struct code_facts *facts;
    uint8_t *interesting;      /* by function: what its parameters are tells something */
    struct hash_map seen;      /* hash of function, place and value */
    struct hash_map per_place; /* function, place → number of values */
    VECTOR(struct argument) arguments;
    struct hash_map by_address; /* → index in evidence + 1 */
    VECTOR(struct evidence) evidence;
    struct hash_map passed; /* function and place → index in origins + 1 */
    VECTOR(struct origin) origins;
    uint8_t *bytes;
    struct call_evidence_statistics statistics;
};

/* -- order ---------------------------------------------------------------------------------- */

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

static int fact_order(const void *a, const void *b)
{
    const struct code_fact *x = a, *y = b;
    int by_function = COMPARE(x->function, y->function);
    return by_function ? by_function : COMPARE(x->where.place, y->where.place);
}

static int binding_order(const void *a, const void *b)
{
    const struct code_binding *x = a, *y = b;
    int by_caller = COMPARE(x->caller, y->caller);
    return by_caller ? by_caller : COMPARE(x->value.place, y->value.place);
}

static int summary_order(const void *a, const void *b)
{
    const struct code_summary *x = a, *y = b;
    int by_function = COMPARE(x->function, y->function);
    return by_function ? by_function : COMPARE(x->place, y->place);
}

static int frame_word_order(const void *a, const void *b)
{
    const struct code_frame_word *x = a, *y = b;
    int by_pc = COMPARE(x->pc, y->pc);
    return by_pc ? by_pc : COMPARE(x->offset, y->offset);
}

static void sort(struct code_facts *f)
{
    if (f->facts.count)
        qsort(f->facts.data, f->facts.count, sizeof(*f->facts.data), fact_order);
    if (f->bindings.count)
        qsort(f->bindings.data, f->bindings.count, sizeof(*f->bindings.data), binding_order);
    if (f->summaries.count)
        qsort(f->summaries.data, f->summaries.count, sizeof(*f->summaries.data), summary_order);
    if (f->frame_words.count)
        qsort(f->frame_words.data, f->frame_words.count, sizeof(*f->frame_words.data),
              frame_word_order);
}

/* -- results and arguments ------------------------------------------------------------------ */

/* The first of what a function returns at a place; the others follow. NULL when nothing is known.
 */
static const struct code_summary *first_summary(const struct code_facts *facts, uint64_t function,
                                                unsigned place)
{
    uint64_t low = 0, high = facts->summaries.count;
    const struct code_summary key = {.function = (uint32_t)function, .place = (uint16_t)place};
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (summary_order(&facts->summaries.data[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct code_summary *found = facts->summaries.data + low;
    return low < facts->summaries.count && !summary_order(found, &key) ? found : NULL;
}

#define FOR_SUMMARIES(s, facts, function, place)                                                   \
    for (const struct code_summary *s = first_summary(facts, function, place), *first_ = s;        \
         s && s < (facts)->summaries.data + (facts)->summaries.count && !summary_order(s, first_); \
         s++)

bool call_evidence_resolve(const struct code_facts *facts, struct code_value *value)
{
    struct code_value v = *value;
    for (unsigned hop = 0; v.kind == CODE_RESULT; hop++) {
        const struct code_summary *chosen = NULL;
        FOR_SUMMARIES(s, facts, v.base, v.place)
        {
            bool from_global = s->value.kind == CODE_ADDRESS;
            if (from_global || (!chosen && s->value.kind == CODE_RESULT))
                chosen = s;
            if (from_global)
                break;
        }
        if (!chosen || hop == HOPS_MAX || chosen->value.loads + v.loads > CODE_LOADS_MAX)
            return false;
        struct code_value from = chosen->value;
        from.offsets[from.loads] += v.offsets[0];
        for (unsigned i = 1; i <= v.loads; i++)
            from.offsets[from.loads + i] = v.offsets[i];
        from.loads = (uint8_t)(from.loads + v.loads);
        v = from;
    }
    *value = v;
    return true;
}

static void origin_add(struct origin *o, uint64_t type, unsigned made)
{
    if (!o->type) {
        o->type = type;
        o->made = (uint8_t)made;
    } else if (o->type != type || o->made != made) {
        o->differs = true;
    }
}

static uint64_t passed_key(uint32_t function, unsigned place)
{
    return ((uint64_t)function << 8 | place) + 1;
}

/* What is passed there, when all calls that pass something new pass the same type. */
static void origin_of_argument(const struct resolver *r, uint32_t function, unsigned place,
                               struct origin *o)
{
    const uint64_t *index = hash_map_find(&r->passed, passed_key(function, place));
    const struct origin *from = index && *index ? &r->origins.data[*index - 1] : NULL;
    if (from && from->differs)
        o->differs = true;
    else if (from)
        origin_add(o, from->type, from->made);
}

/* What a function returns there. Breadth first, with a bound. */
static void origin_of_result(const struct resolver *r, uint64_t function, unsigned place,
                             struct origin *o)
{
    struct code_value queue[RESULTS_MAX] = {{.base = function, .place = (uint16_t)place}};
    unsigned count = 1;
    for (unsigned q = 0; q < count; q++) {
        FOR_SUMMARIES(s, r->facts, queue[q].base, queue[q].place)
        {
            const struct code_value *v = &s->value;
            if (v->loads || v->offsets[0])
                continue;
            if (v->kind == CODE_NEW)
                origin_add(o, v->base, v->place);
            else if (v->kind == CODE_ARGUMENT)
                origin_of_argument(r, s->function, v->place, o);
            else if (v->kind == CODE_RESULT && count < RESULTS_MAX)
                queue[count++] = *v;
        }
    }
}

/* Functions whose parameters need not have one type: shapes of generic functions, and where the
 * library turns pointers into others. */
static bool takes_anything(const char *function)
{
    static const char *const packages[] = {"runtime.", "reflect.", "sync/atomic.", "internal/",
                                           "unsafe."};
    for (unsigned i = 0; i < ARRAY_COUNT(packages); i++)
        if (!strncmp(function, packages[i], strlen(packages[i])))
            return true;
    return strchr(function, '[') != NULL;
}

static struct error *note_passed(struct resolver *r)
{
    for (uint64_t i = 0; i < r->facts->bindings.count; i++) {
        const struct code_binding *b = &r->facts->bindings.data[i];
        uint64_t *index;
        bool added;
        if (b->value.kind != CODE_NEW ||
            takes_anything(pclntab_name(r->typing->runtime->pclntab, b->callee)))
            continue;
        TRY(hash_map_insert(&r->passed, passed_key(b->callee, b->place), &index, &added));
        if (added) {
            TRY(vector_push(&r->origins, (struct origin){0}));
            *index = r->origins.count;
        }
        if (*index)
            origin_add(&r->origins.data[*index - 1], b->value.base, b->value.place);
    }
    return NULL;
}

/* Turns a fact about a result or argument into one about what is new; false when that is not
 * known. */
static bool find_origin(const struct resolver *r, struct code_fact *fact)
{
    struct origin origin = {0};
    if (fact->kind == CODE_FACT_RETURNED)
        origin_of_result(r, fact->type, fact->place, &origin);
    else if (fact->kind == CODE_FACT_PASSED)
        origin_of_argument(r, fact->function, fact->place, &origin);
    else
        return true;
    fact->kind = CODE_FACT_NEW;
    fact->type = origin.type;
    fact->place = origin.made;
    return origin.type && !origin.differs;
}

/* What is not known by itself becomes what is new, or nothing (type 0). */
static void find_origins(struct resolver *r)
{
    for (uint64_t i = 0; i < r->facts->facts.count; i++)
        if (!find_origin(r, &r->facts->facts.data[i]))
            r->facts->facts.data[i].type = 0;
}

/* -- places in the target ------------------------------------------------------------------- */

static bool in_sections(const struct resolver *r, uint64_t address)
{
    return go_in_data(r->typing->runtime, address);
}

/* Do both addresses lie in the same object, or both in data? */
static bool together(const struct resolver *r, uint64_t a, uint64_t b)
{
    uint32_t object = heap_find(r->typing->heap, a);
    return object == heap_find(r->typing->heap, b) &&
           (object != HEAP_NONE || (in_sections(r, a) && in_sections(r, b)));
}

static bool read_word(const struct resolver *r, uint64_t address, uint64_t *out)
{
    struct error *error = target_read_u64(r->typing->runtime->target, address, out);
    error_destroy(error);
    return !error;
}

/* Does the word at `address`, next to `slot`, begin an interface value by its looks? */
static bool looks_like_type(const struct resolver *r, uint64_t slot, uint64_t address)
{
    uint64_t word;
    return together(r, slot, address) && read_word(r, address, &word) && word &&
           heap_find(r->typing->heap, word) == HEAP_NONE &&
           scan_interface_clue(r->typing->runtime, word);
}

/* Is the word at slot the second of an interface value? The word before it may be a type and yet be
 * itself the second of one, of a reflect.Type. */
static bool is_interface_data(const struct resolver *r, uint64_t slot)
{
    return looks_like_type(r, slot, slot - 8) && !looks_like_type(r, slot, slot - 16);
}

/* The value's value now, with the root at `root`; *out_slot: where it was loaded from, 0 when it
 * was not. False when it is nil or not to be had. */
static bool follow(const struct resolver *r, const struct code_value *v, uint64_t root,
                   uint64_t *out_slot, uint64_t *out)
{
    uint64_t word = root, slot = 0;
    for (unsigned i = 0; i <= v->loads; i++) {
        uint64_t at = word + (uint64_t)(int64_t)v->offsets[i];
        if (i == v->loads) {
            if (v->offsets[i] && !together(r, word, at))
                return false;
            *out_slot = slot;
            *out = at;
            return at != 0;
        }
        if (at % 8 || !together(r, i ? word : at, at) || is_interface_data(r, at) ||
            !read_word(r, at, &word) || !word)
            return false;
        slot = at;
    }
    return false;
}

/* -- evidence ------------------------------------------------------------------------------- */

/* How many values the array behind a pointer has: as the slice header says that the pointer begins;
 * a lone pointer's has as many as there is room for. */
static uint64_t array_count(const struct resolver *r, uint64_t slot, uint64_t address,
                            uint32_t type)
{
    const struct go_type *t = &r->typing->table.types.data[type];
    const struct heap_span *span;
    uint64_t header[2];
    uint32_t id = typing_object_at(r->typing, address, &span);
    if (id == HEAP_NONE || !t->size)
        return 1;
    uint64_t room = (span->element_size - (span->has_header ? 8 : 0)) / t->size;
    if (slot && read_word(r, slot + 8, &header[0]) && read_word(r, slot + 16, &header[1]) &&
        header[0] <= header[1] && header[1] && header[1] <= room &&
        typing_fit(r->typing, span, t->size, t->pointer_bytes != 0, header[1]) == TYPE_FITS)
        return header[1];
    return room ? room : 1;
}

/* Does a value of type `outer` begin with one of type `inner`? */
static bool begins_with(struct type_table *table, uint32_t outer, uint32_t inner)
{
    for (unsigned depth = 0; outer != TYPE_NONE && depth < NESTING_MAX; depth++) {
        struct go_type_field first;
        if (outer == inner)
            return true;
        if (table->types.data[outer].kind == KIND_ARRAY)
            outer = type_at(table, table->types.data[outer].element);
        else if (type_field(table, outer, 0, &first) && !first.offset)
            outer = type_at(table, first.type);
        else
            break;
    }
    return false;
}

/* Two types for one object may both be right: [5]T and T (an array that a slice was made of: keeps
 * the element, and how many), or a structure and its first member. */
static bool reconcile(const struct resolver *r, struct evidence *old, const struct evidence *now)
{
    struct type_table *table = &r->typing->table;
    const struct go_type a = table->types.data[old->type], b = table->types.data[now->type];
    if (b.kind == KIND_ARRAY && b.element == a.address) {
        old->count = MAX_OF(old->count, b.length);
    } else if (a.kind == KIND_ARRAY && a.element == b.address) {
        uint64_t count = MAX_OF(now->count, a.length);
        *old = *now;
        old->count = count;
    } else if (begins_with(table, now->type, old->type)) {
        *old = *now;
    } else if (!begins_with(table, old->type, now->type)) {
        return false;
    }
    return true;
}

static struct error *note(struct resolver *r, const struct evidence *now)
{
    uint64_t *index;
    TRY(hash_map_insert(&r->by_address, now->address, &index, NULL));
    if (!*index) {
        TRY(vector_push(&r->evidence, *now));
        *index = r->evidence.count;
        return NULL;
    }
    struct evidence *old = &r->evidence.data[*index - 1];
    if (old->type == now->type)
        old->count = MAX_OF(old->count, now->count);
    else if (!reconcile(r, old, now))
        old->conflict = true;
    return NULL;
}

static struct error *note_value(struct resolver *r, uint64_t address, uint32_t type)
{
    const struct go_type t = r->typing->table.types.data[type];
    if (!t.pointer_bytes || t.size > VALUE_BYTES_MAX || !together(r, address, address + t.size - 1))
        return NULL;
    TRY(target_read_sparse(r->typing->runtime->target, address, r->bytes, t.size));
    typing_walk_value(r->typing, type, r->bytes, t.size);
    r->statistics.values++;
    return NULL;
}

bool call_evidence_says_nothing(const struct type_table *table, uint32_t type)
{
    const struct go_type *t = &table->types.data[type];
    return t->is_map_header || strstr(t->name, "go.shape.") || !strcmp(t->name, "runtime.hchan") ||
           !strcmp(t->name, "runtime.timeTimer"); /* time.Timer, with what the runtime adds to it */
}

bool call_evidence_is_closure(struct type_table *table, uint32_t type)
{
    struct go_type_field first;
    return type_field(table, type, 0, &first) && !first.offset &&
           (!strcmp(first.name, "F") || !strcmp(first.name, ".F")) &&
           !strncmp(table->types.data[type].name, "struct { ", 9);
}

/* The fact, with the value at its root. */
static struct error *apply(struct resolver *r, const struct code_fact *fact,
                           const struct code_value *where, uint64_t root)
{
    struct type_table *table = &r->typing->table;
    const struct code_fact f = *fact;
    uint64_t slot, address;
    if (!f.type || !follow(r, where, root, &slot, &address))
        return NULL;
    uint32_t type = type_at(table, f.type);
    if (type == TYPE_NONE)
        return NULL;
    if (call_evidence_is_closure(table, type)) {
        typing_closure(r->typing, address);
        return NULL;
    }
    if (f.kind == CODE_FACT_VALUE)
        return note_value(r, address, type);
    uint8_t kind = table->types.data[type].kind;
    if ((f.place == CODE_NEW_MAP && kind != KIND_MAP) ||
        (f.place == CODE_NEW_CHANNEL && kind != KIND_CHAN) ||
        call_evidence_says_nothing(table, type))
        return NULL;
    uint64_t count = f.place == CODE_NEW_ARRAY ? array_count(r, slot, address, type) : 1;
    return note(
        r, &(struct evidence){.address = address, .count = count, .type = type, .made = f.place});
}

static void give(struct resolver *r)
{
    for (uint64_t i = 0; i < r->evidence.count; i++) {
        const struct evidence *e = &r->evidence.data[i];
        if (e->conflict) {
            r->statistics.conflicts++;
            continue;
        }
        r->statistics.objects++;
        if (e->made == CODE_NEW_MAP)
            typing_map(r->typing, e->address, e->type);
        else if (e->made == CODE_NEW_CHANNEL)
            typing_interface_data(r->typing, e->type, e->address);
        else
            typing_evidence(r->typing, e->address, e->type, e->count);
    }
}

/* -- what calls pass on --------------------------------------------------------------------- */

/* Marks the functions of which a parameter matters: a fact begins at it, or it is passed on to such
 * a function. */
static struct error *mark_interesting(struct resolver *r, uint32_t functions)
{
    const struct code_facts *f = r->facts;
    CLEANUP_FREE uint32_t *begin = NULL;
    CLEANUP_FREE uint32_t *callers = NULL;
    VECTOR(uint32_t) queue = {0};
    TRY(memory_array(functions + 1, 1, &r->interesting));
    TRY(memory_array((uint64_t)functions + 2, sizeof(*begin), &begin));
    TRY(memory_array(f->bindings.count, sizeof(*callers), &callers));
    for (uint64_t i = 0; i < f->bindings.count; i++)
        if (f->bindings.data[i].value.kind == CODE_ARGUMENT)
            begin[f->bindings.data[i].callee + 2]++;
    for (uint32_t k = 2; k <= functions + 1; k++)
        begin[k] += begin[k - 1];
    for (uint64_t i = 0; i < f->bindings.count; i++)
        if (f->bindings.data[i].value.kind == CODE_ARGUMENT)
            callers[begin[f->bindings.data[i].callee + 1]++] = f->bindings.data[i].caller;
    struct error *error = NULL;
    for (uint64_t i = 0; i < f->facts.count && !error; i++) {
        const struct code_fact *fact = &f->facts.data[i];
        if (fact->type && fact->where.kind == CODE_ARGUMENT && !r->interesting[fact->function]) {
            r->interesting[fact->function] = KNOWS_TYPES;
            error = vector_push(&queue, fact->function);
        }
    }
    for (uint32_t k = 0; k < functions && !error; k++) {
        const char *name = pclntab_name(r->typing->runtime->pclntab, k);
        if (strncmp(name, "sync.(*Map).", 12) && strncmp(name, "internal/sync.(*HashTrieMap[", 28))
            continue;
        if (!r->interesting[k])
            error = vector_push(&queue, k);
        r->interesting[k] |= IS_MAP_METHOD;
    }
    for (uint64_t q = 0; q < queue.count && !error; q++) {
        uint32_t callee = queue.data[q];
        for (uint32_t k = begin[callee]; k < begin[callee + 1] && !error; k++) {
            if (r->interesting[callers[k]])
                continue;
            r->interesting[callers[k]] = KNOWS_TYPES;
            error = vector_push(&queue, callers[k]);
        }
    }
    vector_deinit(&queue);
    return error;
}

static struct error *pass(struct resolver *r, uint32_t function, unsigned place, uint64_t value)
{
    uint64_t *count;
    bool added;
    if (r->arguments.count >= ARGUMENTS_MAX)
        return NULL;
    uint64_t where = (uint64_t)function << 8 | place;
    TRY(hash_map_insert(&r->per_place, where + 1, &count, NULL));
    if (*count >= VALUES_PER_PLACE)
        return NULL;
    uint64_t key = hash_mix(value ^ hash_mix(where));
    TRY(hash_map_insert(&r->seen, key ? key : 1, &(uint64_t *){NULL}, &added));
    if (!added)
        return NULL;
    ++*count;
    return vector_push(
        &r->arguments,
        (struct argument){.function = function, .place = (uint16_t)place, .value = value});
}

static struct error *pass_binding(struct resolver *r, const struct code_binding *b,
                                  const struct code_value *value, uint64_t root)
{
    uint64_t slot, address;
    if (!r->interesting[b->callee] || !follow(r, value, root, &slot, &address))
        return NULL;
    return pass(r, b->callee, b->place, address);
}

/* What begins at a global variable, also by way of a function that returns one. */
static struct error *start_from_globals(struct resolver *r)
{
    const struct code_facts *f = r->facts;
    for (uint64_t i = 0; i < f->facts.count; i++) {
        struct code_value where = f->facts.data[i].where;
        if (!call_evidence_resolve(f, &where) || where.kind != CODE_ADDRESS)
            continue;
        r->statistics.global_facts++;
        TRY(apply(r, &f->facts.data[i], &where, where.base));
    }
    for (uint64_t i = 0; i < f->bindings.count; i++) {
        struct code_value value = f->bindings.data[i].value;
        if (call_evidence_resolve(f, &value) && value.kind == CODE_ADDRESS)
            TRY(pass_binding(r, &f->bindings.data[i], &value, value.base));
    }
    return NULL;
}

/* A word of some goroutine's frame. */
static struct error *apply_frame_word(void *context, const struct code_frame_word *word,
                                      uint64_t value)
{
    struct resolver *r = context;
    struct code_fact fact = {.where = {.kind = CODE_ADDRESS}, .function = word->function};
    fact.place = (uint8_t)word->value.place;
    if (word->value.kind == CODE_ARGUMENT) {
        if (r->interesting[word->function])
            TRY(pass(r, word->function, word->value.place, value));
        fact.kind = CODE_FACT_PASSED;
    } else {
        fact.kind = word->value.kind == CODE_NEW ? CODE_FACT_NEW : CODE_FACT_RETURNED;
        fact.type = word->value.base;
    }
    return find_origin(r, &fact) ? apply(r, &fact, &fact.where, value) : NULL;
}

/* Index of the first fact or binding of the function and place, by binary search. */
#define FIRST_OF(list, by_function, by_place, wanted, wanted_place)                                \
    __extension__({                                                                                \
        uint64_t low_ = 0, high_ = (list).count;                                                   \
        while (low_ < high_) {                                                                     \
            uint64_t middle_ = (low_ + high_) / 2;                                                 \
            if ((list).data[middle_].by_function < (wanted) ||                                     \
                ((list).data[middle_].by_function == (wanted) &&                                   \
                 (list).data[middle_].by_place < (wanted_place)))                                  \
                low_ = middle_ + 1;                                                                \
            else                                                                                   \
                high_ = middle_;                                                                   \
        }                                                                                          \
        low_;                                                                                      \
    })

/* The receiver of a method of sync.Map, or (≥ 1.24, inlined) of the map at its beginning: its
 * pointers are unsafe, so that no type tells what they lead to. */
static struct error *note_sync_map(struct resolver *r, uint64_t address)
{
    uint8_t bytes[SYNC_MAP_BYTES];
    if (!together(r, address, address + sizeof(bytes) - 1))
        return NULL;
    TRY(target_read_sparse(r->typing->runtime->target, address, bytes, sizeof(bytes)));
    typing_sync_map(r->typing, bytes, sizeof(bytes));
    return NULL;
}

static struct error *follow_arguments(struct resolver *r)
{
    const struct code_facts *f = r->facts;
    for (uint64_t q = 0; q < r->arguments.count; q++) {
        const struct argument a = r->arguments.data[q];
        if (r->interesting[a.function] & IS_MAP_METHOD && a.place == 0)
            TRY(note_sync_map(r, a.value));
        for (uint64_t i = FIRST_OF(f->facts, function, where.place, a.function, a.place);
             i < f->facts.count && f->facts.data[i].function == a.function &&
             f->facts.data[i].where.place == a.place;
             i++)
            if (f->facts.data[i].where.kind == CODE_ARGUMENT)
                TRY(apply(r, &f->facts.data[i], &f->facts.data[i].where, a.value));
        for (uint64_t i = FIRST_OF(f->bindings, caller, value.place, a.function, a.place);
             i < f->bindings.count && f->bindings.data[i].caller == a.function &&
             f->bindings.data[i].value.place == a.place;
             i++)
            if (f->bindings.data[i].value.kind == CODE_ARGUMENT)
                TRY(pass_binding(r, &f->bindings.data[i], &f->bindings.data[i].value, a.value));
    }
    r->statistics.argument_values = r->arguments.count;
    return NULL;
}

static struct error *run(struct resolver *r, struct stack_slots *stacks)
{
    TRY(memory_array(VALUE_BYTES_MAX, 1, &r->bytes));
    sort(r->facts);
    TRY(note_passed(r));
    find_origins(r);
    TRY(mark_interesting(r, pclntab_count(r->typing->runtime->pclntab)));
    TRY(start_from_globals(r));
    if (stacks)
        TRY(stack_slots_visit(stacks, r->facts->frame_words.data, r->facts->frame_words.count,
                              apply_frame_word, r));
    TRY(follow_arguments(r));
    give(r);
    return NULL;
}

struct error *call_evidence_apply(struct typing *typing, struct code_facts *facts,
                                  struct stack_slots *stacks, struct call_evidence_statistics *out)
{
    struct resolver r = {.typing = typing, .facts = facts};
    struct error *error = run(&r, stacks);
    if (!error)
        *out = r.statistics;
    free(r.interesting);
    free(r.bytes);
    hash_map_deinit(&r.seen);
    hash_map_deinit(&r.per_place);
    vector_deinit(&r.arguments);
    hash_map_deinit(&r.by_address);
    vector_deinit(&r.evidence);
    hash_map_deinit(&r.passed);
    vector_deinit(&r.origins);
    return error;
}
