/* What all walkers share: the words of each type that lead on, and what stands behind itabs and
 * functions. The serial walker adds to it, the others want. */
#include <string.h>

#include "gort/typing_work.h"

enum {
    SLOTS_MAX = 1 << 16,
    DEPTH_MAX = 16,
    STEPS_MAX = 1 << 20,
};

struct slot_list {
    VECTOR(struct type_slot) items;
    uint32_t steps; /* a damaged descriptor may nest without end and without slots */
};

/* The words of a type that lead somewhere, flattened. Depth is bounded: a type does not contain
 * itself, but a damaged descriptor may. */
static struct error *collect_slots(struct typing *typing, uint32_t type, uint64_t at,
                                   unsigned depth, struct slot_list *list)
{
    if (type == TYPE_NONE || depth > DEPTH_MAX || list->items.count >= SLOTS_MAX ||
        ++list->steps > STEPS_MAX)
        return NULL;
    struct go_type t = typing->table.types.data[type];
    if (!t.pointer_bytes)
        return NULL;
    struct type_slot slot = {.offset = at, .type = type, .kind = t.kind};
    switch (t.kind) {
    case KIND_POINTER:
    case KIND_SLICE:
        slot.type = type_at(&typing->table, t.element);
        if (slot.type != TYPE_NONE)
            walker_slot_fits(typing->work, &typing->table.types.data[slot.type], &slot);
        break;
    case KIND_INTERFACE:
        slot.has_methods = t.length > 0;
        break;
    case KIND_MAP:
    case KIND_CHAN:
    case KIND_FUNC:
    case KIND_STRING:
        break;
    case KIND_STRUCT: {
        struct go_type_field field;
        struct type_slot known[KNOWN_SLOTS_MAX];
        uint32_t count;
        if (typing_known_slots(typing, type, at, known, &count)) {
            for (uint32_t i = 0; i < count; i++)
                TRY(vector_push(&list->items, known[i]));
            return NULL;
        }
        for (uint32_t i = 0; i < t.field_count && type_field(&typing->table, type, i, &field); i++)
            TRY(collect_slots(typing, type_at(&typing->table, field.type), at + field.offset,
                              depth + 1, list));
        return NULL;
    }
    case KIND_ARRAY: {
        uint32_t element = type_at(&typing->table, t.element);
        uint64_t step = t.length ? t.size / t.length : 0;
        for (uint64_t i = 0; element != TYPE_NONE && i < t.length && step &&
                             list->items.count < SLOTS_MAX && list->steps < STEPS_MAX;
             i++)
            TRY(collect_slots(typing, element, at + i * step, depth + 1, list));
        return NULL;
    }
    default:
        return NULL;
    }
    return vector_push(&list->items, slot);
}

static struct error *find_slots(struct typing *typing, uint32_t type)
{
    while (typing->slots.count <= type)
        TRY(vector_push(&typing->slots, (struct type_slots){0}));
    if (typing->slots.data[type].known)
        return NULL;
    struct slot_list list = {0};
    struct error *error = collect_slots(typing, type, 0, 0, &list);
    const struct go_type *t = &typing->table.types.data[type];
    if (!error && !strncmp(t->name, "map.bucket[", 11) && t->size >= 16) {
        /* the overflow pointer of an old map's bucket is its last word */
        struct type_slot overflow = {.offset = t->size - 8, .type = type, .kind = KIND_POINTER};
        walker_slot_fits(typing->work, t, &overflow);
        error = vector_push(&list.items, overflow);
    }
    /* collect_slots has met types, but none of their slots: the entry is still there */
    t = &typing->table.types.data[type];
    uint64_t kept = 0; /* a damaged descriptor may have members behind its end */
    for (uint64_t i = 0; i < list.items.count; i++) {
        uint64_t width = type_slot_width(&list.items.data[i]);
        if (width <= t->size && list.items.data[i].offset <= t->size - width)
            list.items.data[kept++] = list.items.data[i];
    }
    list.items.count = kept;
    typing->slots.data[type] = (struct type_slots){.items = list.items.data,
                                                   .count = (uint32_t)list.items.count,
                                                   .kind = t->kind,
                                                   .known = true,
                                                   .size = t->size};
    return error;
}

/* -- what all walkers share ------------------------------------------------------------------- */

/* False for the serial walker, which gets what it wants at once. */
static bool want(struct type_walker *walker, enum want kind, uint64_t key)
{
    if (walker->is_serial) {
        typing_provide(walker->typing, key << WANT_BITS | kind);
        return false;
    }
    uint64_t *nothing;
    struct error *error = hash_map_insert(&walker->wanted, key << WANT_BITS | kind, &nothing, NULL);
    if (walker->error)
        error_destroy(error);
    else
        walker->error = error;
    walker->wants++;
    walker->incomplete = true;
    return true;
}

uint32_t walker_type_at(struct type_walker *walker, uint64_t descriptor)
{
    const struct go_module *m = &walker->typing->runtime->module;
    const struct hash_map *known = &walker->typing->table.by_address;
    if (descriptor < m->types || descriptor >= m->types_end)
        return TYPE_NONE;
    const uint64_t *index = hash_map_find(known, descriptor);
    if (!index &&
        (want(walker, WANT_TYPE, descriptor) || !(index = hash_map_find(known, descriptor))))
        return TYPE_NONE;
    return *index ? (uint32_t)*index - 1 : TYPE_NONE;
}

const struct type_slots *walker_want_slots(struct type_walker *walker, uint32_t type)
{
    static const struct type_slots none = {0};
    const struct typing *typing = walker->typing;
    if (type >= typing->slots.count || !typing->slots.data[type].known)
        want(walker, WANT_SLOTS, type);
    return type < typing->slots.count && typing->slots.data[type].known ? &typing->slots.data[type]
                                                                        : &none;
}

/* A value of one of the tables by address: itabs, functions, receivers. 0 for none. */
static uint64_t remembered(struct type_walker *walker, struct hash_map *map, enum want kind,
                           uint64_t address)
{
    if (!address || address >> (64 - WANT_BITS))
        return 0;
    const uint64_t *value = hash_map_find(map, address);
    if (!value && (map->count >= REMEMBERED_MAX || want(walker, kind, address) ||
                   !(value = hash_map_find(map, address))))
        return 0;
    return *value;
}

uint32_t walker_itab_type(struct type_walker *walker, uint64_t itab)
{
    if (itab != walker->last_itab) {
        walker->last_itab_type =
            (uint32_t)remembered(walker, &walker->work->itabs, WANT_ITAB, itab) - 1;
        walker->last_itab = walker->incomplete ? 0 : itab;
    }
    return walker->last_itab_type;
}

uint32_t walker_function_type(struct type_walker *walker, uint64_t pc, uint32_t *out_receiver)
{
    uint32_t type = (uint32_t)remembered(walker, &walker->work->functions, WANT_FUNCTION, pc) - 1;
    const uint64_t *receiver = hash_map_find(&walker->work->receivers, pc);
    *out_receiver = type != TYPE_NONE && receiver ? (uint32_t)*receiver - 1 : TYPE_NONE;
    return type;
}

/* The type that a method value's function receives, package.(*T).Method-fm: a *T. */
static uint32_t receiver_of(struct typing *typing, const char *function)
{
    char name[600] = "*";
    const char *slash = strrchr(function, '/'), *package = slash ? slash + 1 : function;
    const char *open = strstr(package, ".(*"), *close = open ? strchr(open, ')') : NULL;
    uint64_t n = strlen(function);
    if (!close || n < 3 || strcmp(function + n - 3, "-fm") || close - package > 500)
        return TYPE_NONE;
    strncat(name, package, (size_t)(open - package));
    strcat(name, ".");
    strncat(name, open + 3, (size_t)(close - open - 3));
    uint32_t pointer = type_pointer_named(&typing->table, name);
    return pointer == TYPE_NONE
               ? TYPE_NONE
               : type_at(&typing->table, typing->table.types.data[pointer].element);
}

static struct error *provide_function(struct typing *typing, uint64_t entry)
{
    struct typing_work *work = typing->work;
    const struct pclntab *table = typing->runtime->pclntab;
    uint64_t *type, *receiver;
    bool added;
    TRY(hash_map_insert(&work->functions, entry, &type, &added));
    uint32_t function = pclntab_find(table, entry);
    if (!added || function == PCLNTAB_NONE || pclntab_entry(table, function) != entry)
        return NULL;
    char name[600] = "func ";
    strncat(name, pclntab_name(table, function), sizeof(name) - 6);
    *type = type_pseudo(&typing->table, PSEUDO_CLOSURE, name) + 1;
    TRY(hash_map_insert(&work->receivers, entry, &receiver, NULL));
    *receiver = receiver_of(typing, pclntab_name(table, function)) + 1;
    return NULL;
}

void typing_provide(struct typing *typing, uint64_t key)
{
    struct error *error = NULL;
    uint64_t *type, what = key >> WANT_BITS;
    bool added;
    switch ((enum want)(key & ((1 << WANT_BITS) - 1))) {
    case WANT_TYPE:
        type_at(&typing->table, what);
        break;
    case WANT_SLOTS:
        error = find_slots(typing, (uint32_t)what);
        break;
    case WANT_ITAB:
        error = hash_map_insert(&typing->work->itabs, what, &type, &added);
        if (!error && added)
            *type = type_at(&typing->table, type_of_itab(&typing->table, what)) + 1;
        break;
    case WANT_FUNCTION:
        error = provide_function(typing, what);
        break;
    }
    if (typing->work->serial.error)
        error_destroy(error);
    else
        typing->work->serial.error = error;
}
