#include "report/diff.h"

#include <string.h>
#include <time.h>

#include "base/hash.h"

/* What variables without names are called together when their places mean nothing. */
static const char nameless[] = "variables without names";

/* Numbers rows by their keys; the first to have a key makes the row. */
struct matcher {
    struct diff *diff;
    struct string_table keys;
    bool after; /* the report that is being added */
};

static void add(const struct matcher *m, struct diff_amount *amount, uint64_t value)
{
    uint64_t *side = m->after ? &amount->after : &amount->before;
    if (__builtin_add_overflow(*side, value, side))
        *side = UINT64_MAX;
}

static bool is_given(const char *text)
{
    return text && *text;
}

/* ---- holders ---- */

/* ".bss+0x40": no variable of a program has a name that begins so. */
static bool is_place(const char *key)
{
    return !strncmp(key, ".bss+", 5) || !strncmp(key, ".data+", 6);
}

static const char *match_key(const struct diff *diff, const char *key, const char *name)
{
    if (!is_given(key))
        key = name ? name : "";
    return is_place(key) && !diff->same_build ? nameless : key;
}

/* Goroutines are called what they are matched by: their number and state is of one moment. */
static const char *shown_name(const char *kind, const char *key, const char *name)
{
    bool fleeting = (kind && !strcmp(kind, "goroutine")) || !strncmp(key, "goroutines of ", 14);
    return fleeting || key == nameless || !is_given(name) ? key : name;
}

static struct error *holder_row(struct matcher *m, const char *key, struct diff_holder **out)
{
    uint32_t row;
    TRY(string_table_intern(&m->keys, key, &row));
    if (row == m->diff->holders.count)
        TRY(vector_push(&m->diff->holders, (struct diff_holder){.name = "", .type = ""}));
    *out = &m->diff->holders.data[row];
    return NULL;
}

static struct error *add_holder(struct matcher *m, const struct report_holder *holder)
{
    struct diff_holder *row;
    const char *key = match_key(m->diff, holder->key, holder->name);
    TRY(holder_row(m, key, &row));
    bool first_here = m->after ? !row->bytes.after : !row->bytes.before;
    if (!row->shown || first_here || holder->retained_bytes > row->shown->retained_bytes) {
        row->shown = holder;
        row->name = shown_name(holder->kind, key, holder->name);
        row->kind = holder->kind;
        row->key = key;
        if (is_given(holder->type)) {
            row->type = holder->type;
            row->type_guessed = holder->type_guessed;
        }
    }
    add(m, &row->bytes, holder->retained_bytes);
    add(m, &row->objects, holder->objects);
    add(m, &row->count, holder->count);
    return NULL;
}

struct member { /* of a set */
    const char *key, *name;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* The members of a set in an order that does not depend on the moment, each once. */
static uint32_t members_of(const struct diff *diff, const struct report_shared *set,
                           struct member *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->name_count; i++) {
        const char *key = match_key(diff, i < set->key_count ? set->keys[i] : NULL, set->names[i]);
        out[i] = (struct member){.key = key, .name = shown_name(NULL, key, set->names[i])};
    }
    qsort(out, set->name_count, sizeof(*out), by_key);
    for (uint32_t i = 0; i < set->name_count; i++)
        if (!count || strcmp(out[count - 1].key, out[i].key))
            out[count++] = out[i];
    return count;
}

/* Goroutines of one function in several states are one holder here: what they share is theirs. */
static struct error *add_to_one(struct matcher *m, const struct report_shared *set,
                                const struct member *member)
{
    struct diff_holder *row;
    TRY(holder_row(m, member->key, &row));
    if (!is_given(row->name)) {
        row->name = member->name;
        row->kind = "goroutine";
        row->key = member->key;
    }
    add(m, &row->bytes, set->retained_bytes);
    add(m, &row->objects, set->objects);
    return NULL;
}

static struct error *add_set(struct matcher *m, const struct report_shared *set)
{
    struct arena *arena = &m->diff->arena;
    CLEANUP_FREE struct member *members = NULL;
    TRY(memory_array(set->name_count, sizeof(*members), &members));
    uint32_t count = members_of(m->diff, set, members);
    if (count == 1 && !set->more)
        return add_to_one(m, set, members);
    uint64_t length = 2;
    for (uint32_t i = 0; i < count; i++)
        length += strlen(members[i].key) + 1;
    char *key = arena_alloc(arena, length), *end = key;
    *end++ = set->more ? '\2' : '\1'; /* no holder's key begins so */
    for (uint32_t i = 0; i < count; i++) {
        end = stpcpy(end, members[i].key);
        *end++ = '\n';
    }
    struct diff_holder *row;
    TRY(holder_row(m, key, &row));
    if (!row->names) {
        const char **names = arena_alloc(arena, (count + 1) * sizeof(*names));
        for (uint32_t i = 0; i < count; i++)
            names[i] = members[i].name;
        *row = (struct diff_holder){
            .name = "",
            .kind = "shared",
            .type = "",
            .names = names,
            .name_count = count,
            .more = set->more,
        };
    }
    if (is_given(set->type))
        row->type = set->type;
    add(m, &row->bytes, set->retained_bytes);
    add(m, &row->objects, set->objects);
    return NULL;
}

static struct error *add_holders(struct matcher *m, const struct report *report)
{
    for (uint64_t i = 0; i < report->holders.count; i++)
        TRY(add_holder(m, &report->holders.data[i]));
    for (uint64_t i = 0; i < report->shared.count; i++)
        TRY(add_set(m, &report->shared.data[i]));
    return NULL;
}

/* ---- types ---- */

static struct error *add_types(struct matcher *m, const struct report *report)
{
    struct diff *diff = m->diff;
    for (uint64_t i = 0; i < report->types.count; i++) {
        const struct report_type *type = &report->types.data[i];
        uint32_t row;
        TRY(string_table_intern(&m->keys, type->name ? type->name : "", &row));
        if (row == diff->types.count)
            TRY(vector_push(&diff->types, (struct diff_type){.name = type->name}));
        struct diff_type *out = &diff->types.data[row];
        out->guessed = type->guessed;
        add(m, &out->bytes, type->bytes);
        add(m, &out->count, type->count);
        add(m, &out->retained, type->retained_bytes);
    }
    return NULL;
}

/* ---- goroutine sites ---- */

static struct error *add_sites(struct matcher *m, const struct report *report)
{
    struct diff *diff = m->diff;
    for (uint64_t i = 0; i < report->goroutine_groups.count; i++) {
        const struct report_goroutine_group *group = &report->goroutine_groups.data[i];
        const char *function = is_given(group->function) ? group->function : group->top;
        const char *creator = group->created_by ? group->created_by : "";
        const char *key = arena_printf(&diff->arena, "%s\n%s", creator, function ? function : "");
        uint32_t row;
        TRY(string_table_intern(&m->keys, key, &row));
        if (row == diff->sites.count)
            TRY(vector_push(&diff->sites, (struct diff_site){.function = function ? function : "",
                                                             .created_by = creator}));
        struct diff_site *out = &diff->sites.data[row];
        out->created_at = group->created_at ? group->created_at : "";
        out->system = group->system;
        add(m, &out->count, group->count);
        add(m, &out->held, group->held_bytes);
        add(m, &out->stacks, group->stack_bytes);
    }
    return NULL;
}

/* ---- collections ---- */

static struct error *add_collections(struct matcher *m, const struct report *report)
{
    struct diff *diff = m->diff;
    for (uint64_t i = 0; i < report->collections.count; i++) {
        const struct report_collection *c = &report->collections.data[i];
        const char *holder = match_key(diff, c->holder_key, c->holder);
        uint32_t row;
        TRY(string_table_intern(
            &m->keys,
            arena_printf(&diff->arena, "%s\n%s\n%s\n%s", holder, c->path, c->kind, c->type), &row));
        if (row == diff->collections.count)
            TRY(vector_push(&diff->collections, (struct diff_collection){.holder_key = holder,
                                                                         .path = c->path,
                                                                         .kind = c->kind,
                                                                         .type = c->type,
                                                                         .element = c->element}));
        struct diff_collection *out = &diff->collections.data[row];
        out->holder = shown_name(NULL, holder, c->holder);
        add(m, &out->count, c->count);
        add(m, &out->entries, c->entries);
        add(m, &out->capacity, c->capacity);
        add(m, &out->bytes, c->bytes);
        add(m, &out->retained, c->retained_bytes);
    }
    return NULL;
}

/* Where one of the two did not look at all of them, only what is there once is the same thing. */
static void drop_cut(struct diff *diff)
{
    uint64_t kept = 0;
    if (!diff->before->collections_cut && !diff->after->collections_cut)
        return;
    for (uint64_t i = 0; i < diff->collections.count; i++) {
        const struct diff_collection *c = &diff->collections.data[i];
        if (c->count.before == 1 && c->count.after == 1)
            diff->collections.data[kept++] = *c;
    }
    diff->collections.count = kept;
}

/* Of each holder the collection with more entries than before that retains most of what came. */
static struct error *find_grown(struct diff *diff)
{
    struct string_table keys;
    string_table_init(&keys);
    struct error *error = NULL;
    VECTOR(const struct diff_collection *) best = {0};
    for (uint64_t i = 0; i < diff->collections.count && !error; i++) {
        const struct diff_collection *c = &diff->collections.data[i];
        uint32_t key;
        if (!diff_grown(c->entries) || !diff_grown(c->retained))
            continue;
        error = string_table_intern(&keys, c->holder_key, &key);
        if (!error && key == best.count) /* they are sorted: the first is it */
            error = vector_push(&best, c);
    }
    for (uint64_t i = 0; i < diff->holders.count && !error; i++) {
        struct diff_holder *holder = &diff->holders.data[i];
        uint32_t key;
        if (!holder->key) /* a set */
            continue;
        error = string_table_intern(&keys, holder->key, &key);
        if (!error && key < best.count)
            holder->grown = best.data[key];
    }
    vector_deinit(&best);
    string_table_deinit(&keys);
    return error;
}

/* ---- order ---- */

/* −1, 0, 1 for a before b: what grew, most first, what stayed, what shrank, most first. */
static int compare_growth(struct diff_amount a, struct diff_amount b)
{
    uint64_t x = diff_grown(a), y = diff_grown(b);
    if (x != y)
        return x > y ? -1 : 1;
    x = diff_shrunk(a);
    y = diff_shrunk(b);
    if (!x != !y)
        return x ? 1 : -1;
    return x > y ? -1 : x < y;
}

static int compare_names(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int holder_order(const void *a, const void *b)
{
    const struct diff_holder *x = a, *y = b;
    int order = compare_growth(x->bytes, y->bytes);
    if (!order)
        order = compare_growth(x->objects, y->objects);
    return order ? order : compare_names(x->name, y->name);
}

static int type_order(const void *a, const void *b)
{
    const struct diff_type *x = a, *y = b;
    int order = compare_growth(x->bytes, y->bytes);
    if (!order)
        order = compare_growth(x->count, y->count);
    return order ? order : compare_names(x->name, y->name);
}

static int site_order(const void *a, const void *b)
{
    const struct diff_site *x = a, *y = b;
    int order = compare_growth(x->count, y->count);
    if (!order)
        order = compare_growth(x->held, y->held);
    if (!order)
        order = compare_growth(x->stacks, y->stacks);
    return order ? order : compare_names(x->function, y->function);
}

static int collection_order(const void *a, const void *b)
{
    const struct diff_collection *x = a, *y = b;
    int order = compare_growth(x->retained, y->retained);
    if (!order)
        order = compare_growth(x->entries, y->entries);
    if (!order)
        order = compare_names(x->holder_key, y->holder_key);
    return order ? order : compare_names(x->path, y->path);
}

static bool changed(struct diff_amount amount)
{
    return amount.before != amount.after;
}

/* Leaves out what stayed as it was and puts the rest in order. */
#define KEEP_CHANGED(vector, is_changed, order)                                                    \
    do {                                                                                           \
        uint64_t kept_ = 0;                                                                        \
        for (uint64_t i_ = 0; i_ < (vector)->count; i_++)                                          \
            if (is_changed(&(vector)->data[i_]))                                                   \
                (vector)->data[kept_++] = (vector)->data[i_];                                      \
        (vector)->count = kept_;                                                                   \
        if (kept_)                                                                                 \
            qsort((vector)->data, kept_, sizeof((vector)->data[0]), order);                        \
    } while (0)

static bool holder_changed(const struct diff_holder *row)
{
    return changed(row->bytes) || changed(row->objects);
}

static bool type_changed(const struct diff_type *row)
{
    return changed(row->bytes) || changed(row->count);
}

static bool collection_changed(const struct diff_collection *row)
{
    return changed(row->retained) || changed(row->entries) || changed(row->bytes);
}

static bool site_changed(const struct diff_site *row)
{
    return changed(row->count) || changed(row->held) || changed(row->stacks);
}

/* ---- the whole ---- */

static bool parse_time(const char *text, int64_t *out)
{
    struct tm utc = {0};
    if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &utc))
        return false;
    *out = (int64_t)timegm(&utc);
    return true;
}

static struct error *note(struct diff *diff, const char *sentence)
{
    return vector_push(&diff->notes, sentence);
}

static bool has_places(const struct report *report)
{
    for (uint64_t i = 0; i < report->holders.count; i++)
        if (report->holders.data[i].key && is_place(report->holders.data[i].key))
            return true;
    return false;
}

/* Rows that the report does not list, as in snapshots of early versions, count as nothing here. */
static bool is_cut(const struct report *report)
{
    uint64_t listed = 0;
    for (uint64_t i = 0; i < report->holders.count; i++)
        listed += report->holders.data[i].retained_bytes;
    return report->held_alone_bytes > listed &&
           report->held_alone_bytes - listed > report->memory.heap_live / 1000;
}

static struct error *note_identity(struct diff *diff)
{
    const struct report_target *a = &diff->before->target, *b = &diff->after->target;
    bool known = is_given(a->build) && is_given(b->build);
    if (is_given(a->name) && is_given(b->name) && strcmp(a->name, b->name))
        TRY(note(diff, arena_printf(&diff->arena,
                                    "these are two programs, %s and %s: what is called "
                                    "the same was compared",
                                    a->name, b->name)));
    else if (known && !diff->same_build)
        TRY(note(diff,
                 "these are two builds of the program: what is called the same was compared"));
    else if (!known)
        TRY(note(diff, "whether both are of the same build is not known: what is called the same "
                       "was compared"));
    if (!diff->same_build && (has_places(diff->before) || has_places(diff->after)))
        TRY(note(diff, "variables without names lie elsewhere in another build: they are one row "
                       "together"));
    if (diff->same_build && a->stripped != b->stripped)
        TRY(note(diff,
                 "one of the two has no names of variables: those look as if they had come or "
                 "gone"));
    if (a->pid && b->pid && a->pid != b->pid)
        TRY(note(diff, arena_printf(&diff->arena, "these are two processes, %llu and %llu",
                                    (unsigned long long)a->pid, (unsigned long long)b->pid)));
    return NULL;
}

static struct error *fill_notes(struct diff *diff)
{
    int64_t a, b;
    TRY(note_identity(diff));
    if (parse_time(diff->before->target.taken_at, &a) &&
        parse_time(diff->after->target.taken_at, &b)) {
        diff->has_interval = b >= a;
        diff->interval_ns = b >= a ? (uint64_t)(b - a) * 1000000000u : 0;
        if (b < a)
            TRY(note(diff, "the first was taken after the second: growth is from first to second "
                           "all the same"));
    }
    if (is_cut(diff->before) || is_cut(diff->after))
        TRY(note(diff, "one of the two lists only its largest holders: a row that it does not list "
                       "counts as 0 there"));
    return NULL;
}

static struct error *match(struct diff *diff,
                           struct error *(*add_rows)(struct matcher *, const struct report *))
{
    struct matcher m = {.diff = diff};
    string_table_init(&m.keys);
    struct error *error = add_rows(&m, diff->before);
    m.after = true;
    if (!error)
        error = add_rows(&m, diff->after);
    string_table_deinit(&m.keys);
    return error;
}

static struct diff_amount amount(uint64_t before, uint64_t after)
{
    return (struct diff_amount){before, after};
}

static uint64_t live_objects(const struct report *report)
{
    const struct report_counts *counts = &report->counts;
    return counts->objects - MIN_OF(counts->objects, counts->garbage_objects);
}

struct error *diff_make(const struct report *before, const struct report *after, struct diff *out)
{
    const char *a = before->target.build, *b = after->target.build;
    *out = (struct diff){
        .before = before,
        .after = after,
        .same_build = is_given(a) && is_given(b) && !strcmp(a, b),
        .live = amount(before->memory.heap_live, after->memory.heap_live),
        .garbage = amount(before->memory.heap_garbage, after->memory.heap_garbage),
        .objects = amount(live_objects(before), live_objects(after)),
    };
    arena_init(&out->arena);
    report_init(&out->found);
    TRY(match(out, add_holders));
    TRY(match(out, add_types));
    TRY(match(out, add_sites));
    if (before->has_collections && after->has_collections)
        TRY(match(out, add_collections));
    KEEP_CHANGED(&out->holders, holder_changed, holder_order);
    KEEP_CHANGED(&out->types, type_changed, type_order);
    KEEP_CHANGED(&out->sites, site_changed, site_order);
    drop_cut(out);
    KEEP_CHANGED(&out->collections, collection_changed, collection_order);
    TRY(find_grown(out));
    TRY(diff_find(out));
    return fill_notes(out);
}

void diff_deinit(struct diff *diff)
{
    vector_deinit(&diff->holders);
    vector_deinit(&diff->types);
    vector_deinit(&diff->sites);
    vector_deinit(&diff->notes);
    vector_deinit(&diff->collections);
    report_deinit(&diff->found);
    arena_deinit(&diff->arena);
}
