#include "gort/typing_walk.h"

#include <string.h>

enum {
    SLOTS_MAX = 1 << 16,
    DEPTH_MAX = 16,
    STEPS_MAX = 1 << 20,
};

static uint64_t load(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, 8);
    return v;
}

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

static const struct type_slots *slots_of(struct typing *typing, uint32_t type)
{
    static const struct type_slots none = {0};
    struct error *error = NULL;
    while (!error && typing->slots.count <= type)
        error = vector_push(&typing->slots, (struct type_slots){0});
    if (!error && !typing->slots.data[type].known) {
        struct slot_list list = {0};
        error = collect_slots(typing, type, 0, 0, &list);
        const struct go_type *t = &typing->table.types.data[type];
        if (!error && !strncmp(t->name, "map.bucket[", 11) && t->size >= 16)
            /* the overflow pointer of an old map's bucket is its last word */
            error = vector_push(
                &list.items,
                (struct type_slot){.offset = t->size - 8, .type = type, .kind = KIND_POINTER});
        typing->slots.data[type] = (struct type_slots){
            .items = list.items.data, .count = (uint32_t)list.items.count, .known = true};
    }
    if (error) {
        error_destroy(error);
        return &none;
    }
    return &typing->slots.data[type];
}

/* -- the runtime's own structures ---------------------------------------------------------- */

static uint64_t read_word(struct typing *typing, uint64_t address)
{
    uint64_t value = 0;
    struct error *error = target_read_u64(typing->runtime->target, address, &value);
    error_destroy(error);
    return error ? 0 : value;
}

static void set_pseudo(struct typing *typing, uint64_t address, enum pseudo_type kind,
                       const char *name)
{
    const struct heap_span *span;
    uint32_t id = typing_object_at(typing, address, &span);
    if (id != HEAP_NONE)
        typing_set(typing, id, type_pseudo(&typing->table, kind, name), TYPE_FITS);
}

/* Buckets or groups: as many as fit the slot, at least `least`. */
static void set_groups(struct typing *typing, uint64_t address, uint32_t group, uint64_t least)
{
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
        typing_set(typing, id, group, TYPE_FITS);
}

/* Words that the object at address has room for, 0 when there is none. */
static uint64_t words_at(const struct typing *typing, uint64_t address)
{
    const struct heap_span *span;
    return typing_object_at(typing, address, &span) == HEAP_NONE ? 0 : span->element_size / 8;
}

/* Go ≤ 1.23: runtime/map.go, hmap. */
static void walk_old_map(struct typing *typing, uint64_t map, uint32_t group)
{
    struct go_runtime *rt = typing->runtime;
    uint8_t b = 0;
    struct error *error = target_read(rt->target, map + GO_OFFSET(rt, hmap_B), &b, 1);
    if (error || b > 40 || group == TYPE_NONE) {
        error_destroy(error);
        return;
    }
    set_groups(typing, read_word(typing, map + GO_OFFSET(rt, hmap_buckets)), group,
               (uint64_t)1 << b);
    set_groups(typing, read_word(typing, map + GO_OFFSET(rt, hmap_oldbuckets)), group,
               b ? (uint64_t)1 << (b - 1) : 1);
    uint64_t extra = read_word(typing, map + GO_OFFSET(rt, hmap_extra));
    if (!extra)
        return;
    set_pseudo(typing, extra, PSEUDO_MAP_PART, "map overflow list");
    for (unsigned i = 0; i < 2; i++) { /* overflow, oldoverflow: *[]*bmap */
        uint64_t list = read_word(typing, extra + 8 * i),
                 n = list ? read_word(typing, list + 8) : 0;
        uint64_t array = list ? read_word(typing, list) : 0;
        if (!list)
            continue;
        set_pseudo(typing, list, PSEUDO_MAP_PART, "map overflow list");
        set_pseudo(typing, array, PSEUDO_MAP_PART, "map overflow list");
        n = MIN_OF(n, words_at(typing, array));
        for (uint64_t k = 0; k < n; k++)
            set_groups(typing, read_word(typing, array + 8 * k), group, 1);
    }
}

/* Go ≥ 1.24: internal/runtime/maps, Map. */
static void walk_swiss_map(struct typing *typing, uint64_t map, uint32_t group)
{
    struct go_runtime *rt = typing->runtime;
    uint64_t directory = read_word(typing, map + GO_OFFSET(rt, maps_Map_dirPtr));
    uint64_t length = read_word(typing, map + GO_OFFSET(rt, maps_Map_dirLen));
    if (!length) {
        set_groups(typing, directory, group, 1);
        return;
    }
    if (length > words_at(typing, directory))
        return;
    set_pseudo(typing, directory, PSEUDO_MAP_PART, "map directory");
    uint64_t last = 0;
    for (uint64_t i = 0; i < length; i++) {
        uint64_t table = read_word(typing, directory + 8 * i);
        if (!table || table == last) /* several entries may share a table */
            continue;
        last = table;
        uint64_t groups = table + GO_OFFSET(rt, maps_table_groups);
        set_pseudo(typing, table, PSEUDO_MAP_PART, "map table");
        set_groups(typing, read_word(typing, groups + GO_OFFSET(rt, maps_groupsReference_data)),
                   group,
                   read_word(typing, groups + GO_OFFSET(rt, maps_groupsReference_lengthMask)) + 1);
    }
}

void typing_map(struct typing *typing, uint64_t address, uint32_t map_type)
{
    struct go_runtime *rt = typing->runtime;
    const struct heap_span *span;
    bool swiss = GO_HAS(rt, maps_Map_dirPtr);
    uint64_t size = swiss ? GO_SIZE(rt, maps_Map) : GO_SIZE(rt, hmap);
    uint32_t id = typing_object_at(typing, address, &span);
    if (id != HEAP_NONE && typing_fit(typing, span, size, true, 1) == TYPE_FITS)
        typing_set(typing, id, map_type, TYPE_FITS);
}

static void set_channel(struct typing *typing, uint64_t address, uint32_t type)
{
    struct go_runtime *rt = typing->runtime;
    const struct heap_span *span;
    uint32_t id = typing_object_at(typing, address, &span);
    /* the channel itself says what it carries */
    if (id != HEAP_NONE && read_word(typing, address + GO_OFFSET(rt, hchan_elemtype)) ==
                               typing->table.types.data[type].element)
        typing_set(typing, id, type, TYPE_FITS);
}

uint32_t typing_bare_channel(struct typing *typing, uint64_t address)
{
    struct go_runtime *rt = typing->runtime;
    const struct heap_span *span;
    char name[600] = "chan ";
    uint32_t id = typing_object_at(typing, address, &span);
    uint32_t element =
        id == HEAP_NONE
            ? TYPE_NONE
            : type_at(&typing->table, read_word(typing, address + GO_OFFSET(rt, hchan_elemtype)));
    if (element == TYPE_NONE || span->element_size < GO_SIZE(rt, hchan))
        return TYPE_NONE;
    strncat(name, typing->table.types.data[element].name, sizeof(name) - 6);
    if (!typing->types[id])
        typing_set(typing, id, type_pseudo(&typing->table, PSEUDO_CHANNEL, name), TYPE_FITS);
    uint64_t n = read_word(typing, address + GO_OFFSET(rt, hchan_dataqsiz));
    if (n && n < (uint64_t)1 << 40)
        typing_evidence(typing, read_word(typing, address + GO_OFFSET(rt, hchan_buf)), element, n);
    return element;
}

/* A method value on a pointer, package.(*T).Method-fm: the captured receiver is a *T. */
static void follow_receiver(struct typing *typing, const char *function, uint64_t address)
{
    char name[600] = "*";
    const char *slash = strrchr(function, '/'), *package = slash ? slash + 1 : function;
    const char *open = strstr(package, ".(*"), *close = open ? strchr(open, ')') : NULL;
    uint64_t n = strlen(function);
    if (!close || n < 3 || strcmp(function + n - 3, "-fm") || close - package > 500)
        return;
    strncat(name, package, (size_t)(open - package));
    strcat(name, ".");
    strncat(name, open + 3, (size_t)(close - open - 3));
    uint32_t pointer = type_pointer_named(&typing->table, name);
    if (pointer != TYPE_NONE)
        typing_evidence(typing, read_word(typing, address + 8),
                        type_at(&typing->table, typing->table.types.data[pointer].element), 1);
}

void typing_closure(struct typing *typing, uint64_t address)
{
    const struct heap_span *span;
    uint32_t id = typing_object_at(typing, address, &span);
    if (id == HEAP_NONE || typing->types[id])
        return;
    if (typing->reading_clues) { /* what it captured is not known yet, nor may it be touched */
        struct error *error = vector_push(&typing->closures_met, address);
        error_destroy(error);
        return;
    }
    uint64_t pc = read_word(typing, address);
    uint32_t function = pclntab_find(typing->runtime->pclntab, pc);
    if (function == PCLNTAB_NONE || pclntab_entry(typing->runtime->pclntab, function) != pc)
        return;
    const uint64_t *captured = hash_map_find(&typing->closures, pc);
    if (captured && *captured) {
        const struct go_type *t = &typing->table.types.data[*captured - 1];
        enum type_strength strength = typing_fit(typing, span, t->size, t->pointer_bytes != 0, 1);
        if (strength == TYPE_FITS) {
            typing_set(typing, id, (uint32_t)(*captured - 1), strength);
            return;
        }
    }
    char name[600] = "func ";
    strncat(name, pclntab_name(typing->runtime->pclntab, function), sizeof(name) - 6);
    typing_set(typing, id, type_pseudo(&typing->table, PSEUDO_CLOSURE, name), TYPE_FITS);
    follow_receiver(typing, pclntab_name(typing->runtime->pclntab, function), address);
}

static void set_string(struct typing *typing, uint64_t address)
{
    const struct heap *heap = typing->heap;
    if (address - heap->low >= heap->high - heap->low || !heap_page_has_no_pointers(heap, address))
        return;
    uint32_t id = heap_find(heap, address);
    if (id != HEAP_NONE && !typing->types[id])
        typing_set(typing, id, type_pseudo(&typing->table, PSEUDO_STRING_DATA, "string data"),
                   TYPE_FITS);
}

void typing_interface_data(struct typing *typing, uint32_t type, uint64_t data)
{
    for (unsigned depth = 0; type != TYPE_NONE && depth < DEPTH_MAX; depth++) {
        struct go_type t = typing->table.types.data[type];
        struct go_type_field field;
        if (!t.direct) { /* a copy of the value, made for the interface */
            typing_evidence(typing, data, type, 1);
            return;
        }
        switch (t.kind) {
        case KIND_POINTER:
            typing_evidence(typing, data, type_at(&typing->table, t.element), 1);
            return;
        case KIND_MAP:
            typing_map(typing, data, type);
            return;
        case KIND_CHAN:
            set_channel(typing, data, type);
            return;
        case KIND_FUNC:
            typing_closure(typing, data);
            return;
        case KIND_STRUCT: { /* one word in some member, the others have no size */
            uint32_t inner = TYPE_NONE;
            for (uint32_t i = 0; i < t.field_count && type_field(&typing->table, type, i, &field);
                 i++) {
                uint32_t of = type_at(&typing->table, field.type);
                if (of != TYPE_NONE && typing->table.types.data[of].size)
                    inner = of;
            }
            type = inner;
            break;
        }
        case KIND_ARRAY:
            type = type_at(&typing->table, t.element);
            break;
        default:
            return;
        }
    }
}

static void follow_slot(struct typing *typing, const struct type_slot *slot, const uint8_t *bytes)
{
    uint64_t word = load(bytes);
    if (!word)
        return;
    switch (slot->kind) {
    case KIND_POINTER:
        typing_evidence(typing, word, slot->type, 1);
        break;
    case KIND_SLICE: {
        uint64_t capacity = load(bytes + 16);
        if (capacity && capacity < (uint64_t)1 << 40)
            typing_evidence(typing, word, slot->type, capacity);
        break;
    }
    case KIND_STRING:
        set_string(typing, word);
        break;
    case KIND_INTERFACE: {
        uint64_t type = slot->has_methods ? type_of_itab(&typing->table, word) : word;
        typing_interface_data(typing, type_at(&typing->table, type), load(bytes + 8));
        break;
    }
    case KIND_MAP:
        typing_map(typing, word, slot->type);
        break;
    case KIND_CHAN:
        set_channel(typing, word, slot->type);
        break;
    case KIND_FUNC:
        typing_closure(typing, word);
        break;
    default:
        typing_follow_known(typing, slot, word);
        break;
    }
}

static uint64_t slot_width(const struct type_slot *slot)
{
    return slot->kind == KIND_SLICE ? 24 : slot->kind == KIND_INTERFACE ? 16 : 8;
}

void typing_walk_value(struct typing *typing, uint32_t type, const uint8_t *bytes, uint64_t size)
{
    const struct type_slots slots = *slots_of(typing, type); /* the items never move */
    for (uint32_t i = 0; i < slots.count; i++) {
        struct type_slot slot = slots.items[i];
        uint64_t width = slot_width(&slot);
        if (width <= size && slot.offset <= size - width)
            follow_slot(typing, &slot, bytes + slot.offset);
    }
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
        follow_slot(typing, &slot, bytes + slot.offset);
    }
}

static void walk_channel(struct typing *typing, uint64_t address, uint32_t type)
{
    struct go_runtime *rt = typing->runtime;
    uint64_t n = read_word(typing, address + GO_OFFSET(rt, hchan_dataqsiz));
    uint32_t element = type_at(&typing->table, typing->table.types.data[type].element);
    if (n && n < (uint64_t)1 << 40)
        typing_evidence(typing, read_word(typing, address + GO_OFFSET(rt, hchan_buf)), element, n);
}

/* One value that is too large to be read as a whole: word by word of its slots. */
static struct error *walk_huge(struct typing *typing, uint32_t type, uint64_t start)
{
    const struct type_slots slots = *slots_of(typing, type);
    uint64_t size = typing->table.types.data[type].size;
    for (uint32_t i = 0; i < slots.count; i++) {
        struct type_slot slot = slots.items[i];
        const uint8_t *bytes;
        uint64_t width = slot_width(&slot);
        if (slot.offset > size - width)
            continue;
        TRY(window_get(&typing->reader.objects, start + slot.offset, width,
                       MIN_OF(size - slot.offset, (uint64_t)WINDOW_BYTES), &bytes));
        follow_slot(typing, &slot, bytes);
    }
    return NULL;
}

struct error *typing_walk_object(struct typing *typing, uint32_t id, uint64_t ahead)
{
    uint32_t type = typing_type(typing, id);
    const struct heap_span *span = heap_span_of(typing->heap, id);
    struct go_type t = typing->table.types.data[type];
    uint64_t header = span->has_header ? 8 : 0, start = heap_slot_address(span, id) + header;
    if (t.pseudo || !t.pointer_bytes)
        return NULL;
    if (t.kind == KIND_MAP || t.kind == KIND_CHAN) {
        uint32_t group = type_at(&typing->table, t.group);
        if (t.kind == KIND_CHAN)
            walk_channel(typing, start, type);
        else if (GO_HAS(typing->runtime, maps_Map_dirPtr))
            walk_swiss_map(typing, start, group);
        else
            walk_old_map(typing, start, group);
        return NULL;
    }
    if (!slots_of(typing, type)->count)
        return NULL;
    if (t.size > WINDOW_BYTES / 2)
        return walk_huge(typing, type, start);
    uint64_t values = (span->element_size - header) / t.size;
    uint64_t per_read = MAX_OF((uint64_t)1, WINDOW_BYTES / 2 / t.size);
    for (uint64_t i = 0; i < values; i += per_read) {
        uint64_t n = MIN_OF(per_read, values - i), address = start + i * t.size;
        const uint8_t *bytes;
        uint64_t left = span->start + span->pages * HEAP_PAGE_SIZE - address;
        TRY(window_get(&typing->reader.objects, address, n * t.size,
                       MAX_OF(n * t.size, MIN_OF(left, ahead)), &bytes));
        for (uint64_t k = 0; k < n; k++)
            typing_walk_value(typing, type, bytes + k * t.size, t.size);
    }
    return NULL;
}
