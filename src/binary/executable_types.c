/*
 * Types out of DWARF. Go gives every type DIE the name that Go itself writes, and its kind. Named
 * types are typedefs of an unnamed DIE with the kind; maps, channels and interfaces are typedefs
 * with the kind of what the runtime makes of them, where their size is found.
 */
#include "binary/executable_dwarf.h"

#include <dwarf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    TYPEDEFS_MAX = 32, /* a longer chain is a circle */
    DEPTH_MAX = 16,    /* of structs and arrays in each other, by value */
    SLOTS_TOTAL_MAX = 1 << 19,
    PATH_BYTES_MAX = 256, /* a longer path is cut */
};

enum { /* internal/abi/type.go */
       GO_ARRAY = 17,
       GO_CHAN = 18,
       GO_FUNC = 19,
       GO_INTERFACE = 20,
       GO_MAP = 21,
       GO_POINTER = 22,
       GO_SLICE = 23,
       GO_STRING = 24,
       GO_STRUCT = 25,
};

enum slots_state { SLOTS_UNREAD, SLOTS_BUSY, SLOTS_READ };

struct type_record {
    struct executable_type type; /* first: the public pointer is the record's own */
    Dwarf_Off die;               /* the DIE that has the kind */
    uint8_t state;
    uint32_t slot_count;
    const struct executable_slot *slots;
};

struct slot_list {
    VECTOR(struct executable_slot) items;
};

/*
 * cmd/link writes DW_AT_go_runtime_type, although its form is that of an address, as an offset from
 * the start of the type descriptors (R_ADDROFF, Go 1.15 to 1.27), which runtime.types marks. Only
 * uintptr, which it makes up itself, has a true address up to Go 1.22.
 */
static uint64_t descriptor_address(const struct executable_dwarf *dwarf, const char *name,
                                   uint64_t written)
{
    if (!dwarf->types || !written)
        return 0;
    return written >= dwarf->types && strcmp(name, "uintptr") == 0 ? written
                                                                   : written + dwarf->types;
}

struct error *executable_dwarf_note_type(struct executable_dwarf *dwarf, Dwarf_Die *die)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_pointer_type:
    case DW_TAG_structure_type:
    case DW_TAG_typedef:
    case DW_TAG_array_type:
    case DW_TAG_subroutine_type:
    case DW_TAG_base_type:
        break;
    default:
        return NULL;
    }
    uint64_t *value, written = die_descriptor(die);
    bool added;
    if (!written)
        return NULL;
    TRY(hash_map_insert(&dwarf->by_descriptor, written, &value, &added));
    if (added)
        *value = dwarf_dieoffset(die);
    return NULL;
}

/* Kind and descriptor from the first DIE of the chain of typedefs that has a kind, the size from
 * the first that has one. */
static void describe(const struct executable_dwarf *dwarf, Dwarf_Die *first,
                     struct type_record *record)
{
    Dwarf_Die die = *first, next;
    uint64_t number, written = 0;
    const char *name = die_name(dwarf, first);
    record->type.name = name ? name : "?";
    record->die = dwarf_dieoffset(first);
    for (int depth = 0; depth < TYPEDEFS_MAX; depth++) {
        if (!record->type.kind && die_number(&die, DW_AT_GO_KIND, &number) && number <= UINT8_MAX) {
            record->type.kind = (uint8_t)number;
            record->die = dwarf_dieoffset(&die);
            written = die_descriptor(&die);
        }
        if (die_number(&die, DW_AT_byte_size, &record->type.size))
            break;
        int tag = dwarf_tag(&die);
        if (tag == DW_TAG_pointer_type || tag == DW_TAG_subroutine_type) {
            record->type.size = 8;
            break;
        }
        if (!die_reference(&die, DW_AT_type, &next))
            break;
        die = next;
    }
    record->type.runtime_type = descriptor_address(dwarf, record->type.name, written);
}

static struct error *record_of(struct executable_dwarf *dwarf, Dwarf_Die *die,
                               struct type_record **out)
{
    uint64_t *value, key = dwarf_dieoffset(die) + 1;
    bool added;
    TRY(hash_map_insert(&dwarf->by_die, key, &value, &added));
    if (added) {
        struct type_record *record = arena_alloc(&dwarf->arena, sizeof(*record));
        *value = (uintptr_t)record;
        describe(dwarf, die, record);
    }
    *out = (struct type_record *)(uintptr_t)*value;
    return NULL;
}

struct error *executable_dwarf_type(struct executable_dwarf *dwarf, Dwarf_Die *die,
                                    const struct executable_type **out)
{
    struct type_record *record;
    TRY(record_of(dwarf, die, &record));
    *out = &record->type;
    return NULL;
}

/* -- slots ------------------------------------------------------------------------------------ */

static struct error *read_slots(struct executable_dwarf *dwarf, struct type_record *record,
                                unsigned depth);

/* path and then the path of the slot, which is in the arena. */
static const char *join_paths(struct executable_dwarf *dwarf, const char *path, const char *inner)
{
    char joined[PATH_BYTES_MAX + 1];
    if (!*path)
        return inner;
    int length = snprintf(joined, sizeof(joined), "%s%s", path, inner);
    return arena_copy_string(&dwarf->arena, joined,
                             MIN_OF((uint64_t)length, (uint64_t)PATH_BYTES_MAX));
}

static bool room_for_slots(const struct executable_dwarf *dwarf, const struct slot_list *list)
{
    return list->items.count < EXECUTABLE_SLOTS_MAX &&
           dwarf->slot_count + list->items.count < SLOTS_TOTAL_MAX;
}

/* The slots of a member or an element at `at`, with its path before theirs. */
static struct error *append_slots(struct executable_dwarf *dwarf, const struct type_record *inner,
                                  uint64_t at, const char *path, struct slot_list *list)
{
    for (uint32_t i = 0; i < inner->slot_count && room_for_slots(dwarf, list); i++) {
        struct executable_slot slot = inner->slots[i];
        if (__builtin_add_overflow(slot.offset, at, &slot.offset))
            return NULL;
        slot.path = join_paths(dwarf, path, slot.path);
        TRY(vector_push(&list->items, slot));
    }
    return NULL;
}

static struct error *slots_of_struct(struct executable_dwarf *dwarf, Dwarf_Die *die, unsigned depth,
                                     struct slot_list *list)
{
    Dwarf_Die member, type;
    bool end = dwarf_child(die, &member) != 0;
    for (; !end && room_for_slots(dwarf, list);) {
        uint64_t at = 0;
        struct type_record *inner;
        if (dwarf_tag(&member) == DW_TAG_member && die_reference(&member, DW_AT_type, &type) &&
            die_number(&member, DW_AT_data_member_location, &at)) {
            const char *name = die_name(dwarf, &member);
            char path[PATH_BYTES_MAX];
            snprintf(path, sizeof(path), ".%s", name ? name : "?");
            TRY(record_of(dwarf, &type, &inner));
            TRY(read_slots(dwarf, inner, depth + 1));
            TRY(append_slots(dwarf, inner, at, path, list));
        }
        TRY(die_next(&member, &end));
    }
    return NULL;
}

static struct error *slots_of_array(struct executable_dwarf *dwarf, Dwarf_Die *die, uint64_t size,
                                    unsigned depth, struct slot_list *list)
{
    Dwarf_Die type;
    struct type_record *inner;
    if (!die_reference(die, DW_AT_type, &type))
        return NULL;
    TRY(record_of(dwarf, &type, &inner));
    TRY(read_slots(dwarf, inner, depth + 1));
    uint64_t step = inner->slot_count ? inner->type.size : 0;
    for (uint64_t i = 0; step && i < size / step && room_for_slots(dwarf, list); i++) {
        char path[32];
        snprintf(path, sizeof(path), "[%" PRIu64 "]", i);
        TRY(append_slots(dwarf, inner, i * step, path, list));
    }
    return NULL;
}

/* runtime.iface has an itab in its first word, runtime.eface a type. */
static bool is_iface(const struct executable_dwarf *dwarf, Dwarf_Die *die)
{
    Dwarf_Die made_of;
    const char *name = die_reference(die, DW_AT_type, &made_of) ? die_name(dwarf, &made_of) : NULL;
    return name && strcmp(name, "runtime.iface") == 0;
}

static struct error *collect_slots(struct executable_dwarf *dwarf, struct type_record *record,
                                   unsigned depth, struct slot_list *list)
{
    Dwarf_Die die, element;
    struct executable_slot slot = {.path = "", .kind = record->type.kind, .width = 8};
    if (!dwarf_offdie(dwarf->dwarf, record->die, &die))
        return NULL;
    switch (record->type.kind) {
    case GO_STRUCT:
        return slots_of_struct(dwarf, &die, depth, list);
    case GO_ARRAY:
        return slots_of_array(dwarf, &die, record->type.size, depth, list);
    case GO_POINTER:
    case GO_SLICE:
        slot.width = slot.kind == GO_SLICE ? 24 : 8;
        if (die_reference(&die, slot.kind == GO_SLICE ? DW_AT_GO_ELEM : DW_AT_type, &element))
            TRY(executable_dwarf_type(dwarf, &element, &slot.type));
        break;
    case GO_MAP:
    case GO_CHAN:
        slot.type = &record->type;
        break;
    case GO_INTERFACE:
        slot.has_methods = is_iface(dwarf, &die);
        slot.width = 16;
        break;
    case GO_STRING:
        slot.width = 16;
        break;
    case GO_FUNC:
        break;
    default:
        return NULL;
    }
    return vector_push(&list->items, slot);
}

/* Each type is flattened once, from the lists of its parts, so that the cost is that of the result
 * however the types are nested. */
static struct error *read_slots(struct executable_dwarf *dwarf, struct type_record *record,
                                unsigned depth)
{
    if (record->state != SLOTS_UNREAD || depth > DEPTH_MAX)
        return NULL;
    struct slot_list list = {0};
    record->state = SLOTS_BUSY; /* a damaged type may contain itself */
    struct error *error = collect_slots(dwarf, record, depth, &list);
    uint32_t count = (uint32_t)list.items.count;
    if (!error && count) {
        struct executable_slot *slots = arena_alloc(&dwarf->arena, count * sizeof(*slots));
        memcpy(slots, list.items.data, count * sizeof(*slots));
        record->slots = slots;
        record->slot_count = count;
        dwarf->slot_count += count;
    }
    record->state = error ? SLOTS_UNREAD : SLOTS_READ;
    vector_deinit(&list.items);
    return error;
}

struct error *executable_type_slots(struct executable *executable,
                                    const struct executable_type *type,
                                    const struct executable_slot **out, uint32_t *out_count)
{
    struct type_record *record = (struct type_record *)type;
    TRY(read_slots(executable->private->dwarf, record, 0));
    *out = record->slots;
    *out_count = record->slot_count;
    return NULL;
}

struct error *executable_type_of(struct executable *executable, uint64_t runtime_type,
                                 const struct executable_type **out)
{
    struct executable_dwarf *dwarf = executable->private->dwarf;
    Dwarf_Die die;
    const struct executable_type *type = NULL;
    const uint64_t *offset = dwarf && dwarf->types && runtime_type > dwarf->types
                                 ? hash_map_find(&dwarf->by_descriptor, runtime_type - dwarf->types)
                                 : NULL;
    if (offset && dwarf_offdie(dwarf->dwarf, *offset, &die))
        TRY(executable_dwarf_type(dwarf, &die, &type));
    *out = type;
    return NULL;
}
