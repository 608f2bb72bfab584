#include <string.h>

#include "gort/typing_say.h"

enum {
    DEPTH_MAX = 16,
    HUGE_OBJECT = 1 << 20, /* bytes: its evidence is more than a chunk's share */
};
#define CAPACITY_MAX ((uint64_t)1 << 40)

static uint64_t load(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, 8);
    return v;
}

/* -- the runtime's own structures ---------------------------------------------------------- */

static uint64_t read_word(const struct type_walker *walker, uint64_t address)
{
    uint64_t value = 0;
    struct error *error = target_read_u64(walker->typing->runtime->target, address, &value);
    error_destroy(error);
    return error ? 0 : value;
}

static void set_at(struct type_walker *walker, uint64_t address, uint32_t type)
{
    const struct heap_span *span;
    walker_set(walker, typing_object_at(walker->typing, address, &span), type, TYPE_FITS);
}

/* Buckets or groups: as many as fit the slot, at least `least`. */
static void set_groups(struct type_walker *walker, uint64_t address, uint32_t group, uint64_t least)
{
    const struct typing *typing = walker->typing;
    const struct heap_span *span;
    uint32_t id = typing_object_at(typing, address, &span);
    if (id == HEAP_NONE || group == TYPE_NONE)
        return;
    const struct go_type *t = &typing->table.types.data[group];
    uint64_t room = span->element_size - (span->has_header ? 8 : 0);
    uint64_t count = t->size ? room / t->size : 0;
    if (count < least)
        return;
    bool pointers = t->pointer_bytes != 0;
    if (typing_fit(typing, span, t->size, pointers, count) != TYPE_UNKNOWN)
        walker_set(walker, id, group, TYPE_FITS);
}

/* Words that the object at address has room for, 0 when there is none. */
static uint64_t words_at(const struct typing *typing, uint64_t address)
{
    const struct heap_span *span;
    return typing_object_at(typing, address, &span) == HEAP_NONE ? 0 : span->element_size / 8;
}

/* Go ≤ 1.23: runtime/map.go, hmap. */
static void walk_old_map(struct type_walker *walker, uint64_t map, uint32_t group)
{
    const struct go_runtime *rt = walker->typing->runtime;
    uint8_t b = 0;
    struct error *error = target_read(rt->target, map + GO_OFFSET(rt, hmap_B), &b, 1);
    if (error || b > 40 || group == TYPE_NONE) {
        error_destroy(error);
        return;
    }
    set_groups(walker, read_word(walker, map + GO_OFFSET(rt, hmap_buckets)), group,
               (uint64_t)1 << b);
    set_groups(walker, read_word(walker, map + GO_OFFSET(rt, hmap_oldbuckets)), group,
               b ? (uint64_t)1 << (b - 1) : 1);
    uint64_t extra = read_word(walker, map + GO_OFFSET(rt, hmap_extra));
    if (!extra)
        return;
    set_at(walker, extra, walker->work->map_overflow);
    for (unsigned i = 0; i < 2; i++) { /* overflow, oldoverflow: *[]*bmap */
        uint64_t list = read_word(walker, extra + 8 * i),
                 n = list ? read_word(walker, list + 8) : 0;
        uint64_t array = list ? read_word(walker, list) : 0;
        if (!list)
            continue;
        set_at(walker, list, walker->work->map_overflow);
        set_at(walker, array, walker->work->map_overflow);
        n = MIN_OF(n, words_at(walker->typing, array));
        for (uint64_t k = 0; k < n; k++)
            set_groups(walker, read_word(walker, array + 8 * k), group, 1);
    }
}

/* Go ≥ 1.24: internal/runtime/maps, Map. */
static void walk_swiss_map(struct type_walker *walker, uint64_t map, uint32_t group)
{
    const struct go_runtime *rt = walker->typing->runtime;
    uint64_t directory = read_word(walker, map + GO_OFFSET(rt, maps_Map_dirPtr));
    uint64_t length = read_word(walker, map + GO_OFFSET(rt, maps_Map_dirLen));
    if (!length) {
        set_groups(walker, directory, group, 1);
        return;
    }
    if (length > words_at(walker->typing, directory))
        return;
    set_at(walker, directory, walker->work->map_directory);
    uint64_t last = 0;
    for (uint64_t i = 0; i < length; i++) {
        uint64_t table = read_word(walker, directory + 8 * i);
        if (!table || table == last) /* several entries may share a table */
            continue;
        last = table;
        uint64_t groups = table + GO_OFFSET(rt, maps_table_groups);
        set_at(walker, table, walker->work->map_table);
        set_groups(walker, read_word(walker, groups + GO_OFFSET(rt, maps_groupsReference_data)),
                   group,
                   read_word(walker, groups + GO_OFFSET(rt, maps_groupsReference_lengthMask)) + 1);
    }
}

static void set_map(struct type_walker *walker, uint64_t address, uint32_t type)
{
    struct typing *typing = walker->typing;
    const struct go_runtime *rt = typing->runtime;
    const struct heap_span *span;
    bool swiss = GO_HAS(rt, maps_Map_dirPtr);
    uint64_t size = swiss ? GO_SIZE(rt, maps_Map) : GO_SIZE(rt, hmap);
    uint32_t id = typing_object_at(typing, address, &span);
    if (id != HEAP_NONE && typing_fit(typing, span, size, true, 1) == TYPE_FITS)
        walker_set(walker, id, type, TYPE_FITS);
}

static void set_channel(struct type_walker *walker, uint64_t address, uint32_t type)
{
    const struct typing *typing = walker->typing;
    const struct heap_span *span;
    uint32_t id = typing_object_at(typing, address, &span);
    /* the channel itself says what it carries */
    if (id != HEAP_NONE &&
        read_word(walker, address + GO_OFFSET(typing->runtime, hchan_elemtype)) ==
            typing->table.types.data[type].element)
        walker_set(walker, id, type, TYPE_FITS);
}

void walker_closure(struct type_walker *walker, uint64_t address)
{
    const struct typing *typing = walker->typing;
    const struct go_module *m = &typing->runtime->module;
    const struct heap_span *span;
    uint32_t id = typing_object_at(typing, address, &span);
    if (id == HEAP_NONE)
        return;
    if (walker->only_own) { /* what it captured is not known yet, nor may it be touched */
        struct error *error = vector_push(&walker->closures_met, address);
        if (walker->error)
            error_destroy(error);
        else
            walker->error = error;
        return;
    }
    if (walker_owns(walker, id) && typing_strength(typing, id) >= TYPE_FITS)
        return;
    uint64_t pc = read_word(walker, address);
    if (pc < m->text || pc >= m->text_end)
        return;
    const uint64_t *captured = hash_map_find(&typing->closures, pc);
    if (captured && *captured) {
        const struct go_type *t = &typing->table.types.data[*captured - 1];
        if (typing_fit(typing, span, t->size, t->pointer_bytes != 0, 1) == TYPE_FITS) {
            walker_set(walker, id, (uint32_t)(*captured - 1), TYPE_FITS);
            return;
        }
    }
    uint32_t receiver, type = walker_function_type(walker, pc, &receiver);
    walker_set(walker, id, type, TYPE_FITS);
    if (receiver != TYPE_NONE)
        walker_evidence(walker, read_word(walker, address + 8), receiver, 1);
}

void walker_interface_data(struct type_walker *walker, uint32_t type, uint64_t data)
{
    for (unsigned depth = 0; type != TYPE_NONE && depth < DEPTH_MAX; depth++) {
        struct go_type t = walker->typing->table.types.data[type];
        struct go_type_field field;
        if (!t.direct) { /* a copy of the value, made for the interface */
            walker_evidence(walker, data, type, 1);
            return;
        }
        switch (t.kind) {
        case KIND_POINTER:
            walker_evidence(walker, data, walker_type_at(walker, t.element), 1);
            return;
        case KIND_MAP:
            set_map(walker, data, type);
            return;
        case KIND_CHAN:
            set_channel(walker, data, type);
            return;
        case KIND_FUNC:
            walker_closure(walker, data);
            return;
        case KIND_STRUCT: { /* one word in some member, the others have no size */
            uint32_t inner = TYPE_NONE;
            if (!walker->is_serial) { /* type_field keeps names */
                walker->leave_to_serial = true;
                return;
            }
            for (uint32_t i = 0;
                 i < t.field_count && type_field(&walker->typing->table, type, i, &field); i++) {
                uint32_t of = walker_type_at(walker, field.type);
                if (of != TYPE_NONE && walker->typing->table.types.data[of].size)
                    inner = of;
            }
            type = inner;
            break;
        }
        case KIND_ARRAY:
            type = walker_type_at(walker, t.element);
            break;
        default:
            return;
        }
    }
}

/* What typing_known.c follows, but what needs no state of its own. */
static void follow_known(struct type_walker *walker, const struct type_slot *slot, uint64_t word)
{
    if (slot->kind == SLOT_BOXED_INTERFACE) {
        set_at(walker, word, walker->work->boxed_interface);
        uint32_t type = walker_type_at(walker, read_word(walker, word));
        if (type != TYPE_NONE)
            walker_interface_data(walker, type, read_word(walker, word + 8));
    } else if (walker->is_serial) {
        typing_follow_known(walker->typing, slot, word);
    } else {
        walker->leave_to_serial = true;
    }
}

static inline void follow_slot(struct type_walker *walker, const struct type_slot *slot,
                               const uint8_t *bytes)
{
    uint64_t word = load(bytes);
    if (!word)
        return;
    switch (slot->kind) {
    case KIND_POINTER:
        if (slot->type != TYPE_NONE)
            walker_pointer(walker, slot, word);
        break;
    case KIND_SLICE: {
        uint64_t capacity = load(bytes + 16);
        if (capacity && capacity < CAPACITY_MAX)
            walker_evidence(walker, word, slot->type, capacity);
        break;
    }
    case KIND_STRING:
        walker_string(walker, word);
        break;
    case KIND_INTERFACE:
        walker_interface_data(walker,
                              slot->has_methods ? walker_itab_type(walker, word)
                                                : walker_type_at(walker, word),
                              load(bytes + 8));
        break;
    case KIND_MAP:
        set_map(walker, word, slot->type);
        break;
    case KIND_CHAN:
        set_channel(walker, word, slot->type);
        break;
    case KIND_FUNC:
        walker_closure(walker, word);
        break;
    default:
        follow_known(walker, slot, word);
        break;
    }
}

void walker_value(struct type_walker *walker, uint32_t type, const uint8_t *bytes, uint64_t size)
{
    const struct type_slots slots = *walker_slots(walker, type); /* the items never move */
    for (uint32_t i = 0; i < slots.count && slots.size <= size; i++)
        follow_slot(walker, &slots.items[i], bytes + slots.items[i].offset);
}

static void walk_channel(struct type_walker *walker, uint64_t address, uint32_t type)
{
    const struct go_runtime *rt = walker->typing->runtime;
    uint64_t n = read_word(walker, address + GO_OFFSET(rt, hchan_dataqsiz));
    uint32_t element = walker_type_at(walker, walker->typing->table.types.data[type].element);
    if (n && n < CAPACITY_MAX)
        walker_evidence(walker, read_word(walker, address + GO_OFFSET(rt, hchan_buf)), element, n);
}

/* One value that is too large to be read as a whole: word by word of its slots. */
static struct error *walk_huge(struct type_walker *walker, uint32_t type, uint64_t start)
{
    const struct type_slots slots = *walker_slots(walker, type);
    uint64_t size = walker->typing->table.types.data[type].size;
    for (uint32_t i = 0; i < slots.count; i++) {
        const struct type_slot *slot = &slots.items[i];
        const uint8_t *bytes;
        TRY(window_get(&walker->objects, start + slot->offset, type_slot_width(slot),
                       MIN_OF(size - slot->offset, (uint64_t)WINDOW_BYTES), &bytes));
        follow_slot(walker, slot, bytes);
    }
    return NULL;
}

static void walk_map(struct type_walker *walker, uint64_t address, uint32_t type)
{
    const struct typing *typing = walker->typing;
    uint32_t group = walker_type_at(walker, typing->table.types.data[type].group);
    if (GO_HAS(typing->runtime, maps_Map_dirPtr))
        walk_swiss_map(walker, address, group);
    else
        walk_old_map(walker, address, group);
}

static struct error *walk_many(struct type_walker *walker, const struct heap_span *span,
                               uint32_t type, uint64_t start, uint64_t values, uint64_t ahead)
{
    uint64_t size = walker->typing->table.types.data[type].size;
    if (size > WINDOW_BYTES / 2)
        return walk_huge(walker, type, start);
    uint64_t per_read = MAX_OF((uint64_t)1, WINDOW_BYTES / 2 / size);
    for (uint64_t i = 0; i < values; i += per_read) {
        uint64_t n = MIN_OF(per_read, values - i), address = start + i * size;
        const uint8_t *bytes;
        TRY(walker_bytes(walker, span, address, n * size, ahead, &bytes));
        for (uint64_t k = 0; k < n; k++)
            walker_value(walker, type, bytes + k * size, size);
    }
    return NULL;
}

struct error *walker_object(struct type_walker *walker, uint32_t id, uint64_t ahead)
{
    const struct typing *typing = walker->typing;
    uint32_t type = typing_type(typing, id);
    const struct heap_span *span = heap_span_of(typing->heap, id);
    const struct type_slots *slots = walker_slots(walker, type);
    uint64_t header = span->has_header ? 8 : 0, room = span->element_size - header;
    uint64_t start = heap_slot_address(span, id) + header, size = slots->size;
    const uint8_t *bytes;
    if (!slots->count || size > room)
        return NULL;
    if (!walker->is_serial && span->element_size > HUGE_OBJECT) {
        walker->leave_to_serial = true;
        return NULL;
    }
    if (slots->kind == KIND_CHAN) {
        walk_channel(walker, start, type);
        return NULL;
    }
    if (slots->kind == KIND_MAP) {
        walk_map(walker, start, type);
        return NULL;
    }
    if (room / 2 >= size || size > WINDOW_BYTES / 2)
        return walk_many(walker, span, type, start, room / size, ahead);
    TRY(walker_bytes(walker, span, start, size, ahead, &bytes));
    walker_value(walker, type, bytes, size);
    return NULL;
}

/* -- for the serial sources ------------------------------------------------------------------- */

void typing_set(struct typing *typing, uint32_t id, uint32_t type, enum type_strength strength)
{
    walker_set(&typing->work->serial, id, type, strength);
}

void typing_evidence(struct typing *typing, uint64_t address, uint32_t type, uint64_t count)
{
    walker_evidence(&typing->work->serial, address, type, count);
}

void typing_map(struct typing *typing, uint64_t address, uint32_t map_type)
{
    set_map(&typing->work->serial, address, map_type);
}

void typing_closure(struct typing *typing, uint64_t address)
{
    walker_closure(&typing->work->serial, address);
}

void typing_interface_data(struct typing *typing, uint32_t type, uint64_t data)
{
    walker_interface_data(&typing->work->serial, type, data);
}

void typing_walk_value(struct typing *typing, uint32_t type, const uint8_t *bytes, uint64_t size)
{
    walker_value(&typing->work->serial, type, bytes, size);
}

void typing_walk_slots(struct typing *typing, const struct executable_slot *slots, uint32_t count,
                       const uint8_t *bytes, uint64_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct executable_type *to = slots[i].type;
        struct type_slot slot = {
            .offset = slots[i].offset,
            .type = to && to->runtime_type
                        ? type_at(&typing->table, to->runtime_type + typing->runtime->bias)
                        : TYPE_NONE,
            .kind = slots[i].kind,
            .has_methods = slots[i].has_methods};
        uint64_t end;
        if ((to && slot.type == TYPE_NONE) ||
            __builtin_add_overflow(slot.offset, slots[i].width, &end) || end > size)
            continue;
        follow_slot(&typing->work->serial, &slot, bytes + slot.offset);
    }
}

uint32_t typing_bare_channel(struct typing *typing, uint64_t address)
{
    const struct go_runtime *rt = typing->runtime;
    struct type_walker *walker = &typing->work->serial;
    const struct heap_span *span;
    char name[600] = "chan ";
    uint32_t id = typing_object_at(typing, address, &span);
    uint32_t element =
        id == HEAP_NONE
            ? TYPE_NONE
            : type_at(&typing->table, read_word(walker, address + GO_OFFSET(rt, hchan_elemtype)));
    if (element == TYPE_NONE || span->element_size < GO_SIZE(rt, hchan))
        return TYPE_NONE;
    strncat(name, typing->table.types.data[element].name, sizeof(name) - 6);
    if (!typing->types[id])
        typing_set(typing, id, type_pseudo(&typing->table, PSEUDO_CHANNEL, name), TYPE_FITS);
    uint64_t n = read_word(walker, address + GO_OFFSET(rt, hchan_dataqsiz));
    if (n && n < CAPACITY_MAX)
        typing_evidence(typing, read_word(walker, address + GO_OFFSET(rt, hchan_buf)), element, n);
    return element;
}
