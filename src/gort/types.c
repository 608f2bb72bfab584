#include "gort/types.h"

#include <inttypes.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 4096,
    FIELDS_MAX = 1 << 16,
    TYPES_MAX = 1 << 24,
    TFLAG_UNCOMMON = 1,
    TFLAG_EXTRA_STAR = 2,
    TFLAG_DIRECT = 0x20, /* ≥ 1.26 */
    KIND_DIRECT = 0x20,  /* ≤ 1.25 */
    KIND_MASK = 31,
};

void type_table_init(struct type_table *table, struct go_runtime *runtime)
{
    *table = (struct type_table){.runtime = runtime};
    arena_init(&table->arena);
}

void type_table_deinit(struct type_table *table)
{
    vector_deinit(&table->types);
    hash_map_deinit(&table->by_address);
    hash_map_deinit(&table->pseudo);
    hash_map_deinit(&table->pointers);
    arena_deinit(&table->arena);
}

uint64_t type_word(struct type_table *table, uint64_t address)
{
    const struct go_module *m = &table->runtime->module;
    uint64_t value = 0;
    if (address >= m->types && address < m->types_end && m->types_end - address >= 8) {
        memcpy(&value, table->runtime->types + (address - m->types), 8);
        return value;
    }
    struct error *error = target_read_u64(table->runtime->target, address, &value);
    error_destroy(error);
    return error ? 0 : value;
}

/* abi.Name at address: flag byte, length (2 bytes big-endian up to 1.16, then a varint), bytes.
 * NULL when it is none. */
static const char *read_name(struct type_table *table, uint64_t address, bool skip_star,
                             uint8_t *out_flags)
{
    const struct go_module *m = &table->runtime->module;
    if (address < m->types || address >= m->types_end || m->types_end - address < 4)
        return NULL;
    const uint8_t *p = table->runtime->types + (address - m->types);
    const uint8_t *end = table->runtime->types + (m->types_end - m->types);
    uint64_t length = 0;
    if (out_flags)
        *out_flags = p[0];
    if (table->runtime->minor <= 16) {
        length = (uint64_t)p[1] << 8 | p[2];
        p += 3;
    } else {
        unsigned shift = 0;
        for (p++; p < end; shift += 7) {
            length |= (uint64_t)(*p & 0x7f) << shift;
            if (!(*p++ & 0x80))
                break;
            if (shift > 14)
                return NULL;
        }
    }
    if (length > NAME_MAX_BYTES || length > (uint64_t)(end - p))
        return NULL;
    if (skip_star && length && *p == '*') {
        p++;
        length--;
    }
    for (uint64_t i = 0; i < length; i++)
        if (p[i] < 32)
            return NULL;
    return arena_copy_string(&table->arena, (const char *)p, length);
}

/* Sizes that a kind must have, 0 = any. */
static const uint8_t kind_sizes[27] = {0, 1, 8,  1, 2, 4, 8,  8, 1, 2,  4,  8, 8, 4,
                                       8, 8, 16, 0, 8, 8, 16, 8, 8, 24, 16, 0, 8};

static uint64_t word(const uint8_t *bytes, int32_t offset)
{
    uint64_t v = 0;
    if (offset >= 0)
        memcpy(&v, bytes + offset, 8);
    return v;
}
#define FIELD_OF(name) word(bytes, layout_offset(layout, LAYOUT_abi_##name))

static void read_details(const struct layout *layout, const uint8_t *bytes, struct go_type *type)
{
    switch (type->kind) {
    case KIND_ARRAY:
        type->element = FIELD_OF(ArrayType_Elem);
        type->length = FIELD_OF(ArrayType_Len);
        break;
    case KIND_CHAN:
        type->element = FIELD_OF(ChanType_Elem);
        break;
    case KIND_POINTER:
        type->element = FIELD_OF(PtrType_Elem);
        break;
    case KIND_SLICE:
        type->element = FIELD_OF(SliceType_Elem);
        break;
    case KIND_MAP:
        type->key = FIELD_OF(MapType_Key);
        type->element = FIELD_OF(MapType_Elem);
        type->group = layout_has(layout, LAYOUT_abi_MapType_Group) ? FIELD_OF(MapType_Group)
                                                                   : FIELD_OF(MapType_Bucket);
        break;
    case KIND_INTERFACE:
        type->length = word(bytes, layout_offset(layout, LAYOUT_abi_InterfaceType_Methods) + 8);
        break;
    case KIND_STRUCT:
        type->fields = FIELD_OF(StructType_Fields);
        type->field_count =
            (uint32_t)MIN_OF(word(bytes, layout_offset(layout, LAYOUT_abi_StructType_Fields) + 8),
                             (uint64_t)FIELDS_MAX);
        break;
    default:
        break;
    }
}

/* Everything that must hold for a descriptor; false positives would make wrong types. */
static bool parse(struct type_table *table, uint64_t address, struct go_type *out)
{
    struct go_runtime *runtime = table->runtime;
    const struct layout *layout = runtime->layout;
    const struct go_module *m = &runtime->module;
    if (address < m->types || address >= m->type_descriptors_end || address % 8 ||
        m->types_end - address < 48)
        return false;
    const uint8_t *bytes = runtime->types + (address - m->types); /* 64 bytes of padding behind */
    struct go_type type = {
        .address = address,
        .size = FIELD_OF(Type_Size_),
        .pointer_bytes = FIELD_OF(Type_PtrBytes),
        .kind = (uint8_t)FIELD_OF(Type_Kind_) & KIND_MASK,
    };
    uint8_t tflag = (uint8_t)FIELD_OF(Type_TFlag), raw_kind = (uint8_t)FIELD_OF(Type_Kind_);
    uint8_t align = (uint8_t)FIELD_OF(Type_Align_);
    uint64_t equal = FIELD_OF(Type_Equal), data = FIELD_OF(Type_GCData);
    type.direct = runtime->minor >= 26 ? tflag & TFLAG_DIRECT : raw_kind & KIND_DIRECT;
    if (type.kind < KIND_BOOL || type.kind > KIND_UNSAFE_POINTER ||
        type.pointer_bytes > type.size || type.pointer_bytes % 8 || type.size > (uint64_t)1 << 40 ||
        align > 64 || (align & (align - 1)) || !(uint32_t)FIELD_OF(Type_Hash) ||
        (kind_sizes[type.kind] && kind_sizes[type.kind] != type.size) ||
        (equal && !target_segment_at(runtime->target, equal)) ||
        (type.pointer_bytes && !target_segment_at(runtime->target, data)))
        return false;
    type.name =
        read_name(table, m->types + (uint32_t)FIELD_OF(Type_Str), tflag & TFLAG_EXTRA_STAR, NULL);
    if (!type.name || !type.name[0])
        return false;
    type.is_map_header = !strcmp(type.name, "runtime.hmap") || !strcmp(type.name, "maps.Map");
    read_details(layout, bytes, &type);
    *out = type;
    return true;
}

uint32_t type_at(struct type_table *table, uint64_t address)
{
    const struct go_module *m = &table->runtime->module;
    if (address < m->types || address >= m->types_end)
        return TYPE_NONE;
    uint64_t *index;
    bool added;
    struct go_type type;
    struct error *error = hash_map_insert(&table->by_address, address, &index, &added);
    if (error) {
        error_destroy(error);
        return TYPE_NONE;
    }
    if (added && table->types.count < TYPES_MAX && parse(table, address, &type)) {
        error = vector_push(&table->types, type);
        if (!error)
            *index = table->types.count;
        error_destroy(error);
    }
    return *index ? (uint32_t)(*index - 1) : TYPE_NONE;
}

/* Descriptors are 8-byte aligned; what parses as a pointer type and leads to another type is one.
 */
static struct error *index_pointers(struct type_table *table)
{
    const struct go_module *m = &table->runtime->module;
    const struct layout *layout = table->runtime->layout;
    for (uint64_t at = m->types; at + 64 <= m->type_descriptors_end; at += 8) {
        const uint8_t *bytes = table->runtime->types + (at - m->types);
        uint64_t element = FIELD_OF(PtrType_Elem), *value;
        struct go_type type;
        bool added;
        if (FIELD_OF(Type_Size_) != 8 || FIELD_OF(Type_PtrBytes) != 8 ||
            ((uint8_t)FIELD_OF(Type_Kind_) & KIND_MASK) != KIND_POINTER || element < m->types ||
            element >= m->types_end || !parse(table, at, &type) || type.name[0] != '*')
            continue;
        TRY(hash_map_insert(&table->pointers, hash_bytes(type.name, strlen(type.name)) | 2, &value,
                            &added));
        *value = added ? at : 1;
    }
    return NULL;
}

uint32_t type_pointer_named(struct type_table *table, const char *name)
{
    if (!table->pointers_known) {
        table->pointers_known = true;
        error_destroy(index_pointers(table)); /* without memory: what is there so far */
    }
    const uint64_t *value = hash_map_find(&table->pointers, hash_bytes(name, strlen(name)) | 2);
    uint32_t type = value && *value > 1 ? type_at(table, *value) : TYPE_NONE;
    return type != TYPE_NONE && !strcmp(table->types.data[type].name, name) ? type : TYPE_NONE;
}

/* abi.UncommonType stands behind the descriptor of its kind (internal/abi/type.go, Uncommon). */
const char *type_package(struct type_table *table, uint32_t type)
{
    const struct go_module *m = &table->runtime->module;
    const struct layout *layout = table->runtime->layout;
    const struct go_type *t = &table->types.data[type];
    uint64_t at = t->address + (uint64_t)layout_offset(layout, LAYOUT_SIZE_abi_StructType);
    if (t->kind != KIND_STRUCT || t->address < m->types || at + 8 > m->types_end)
        return "";
    uint64_t flags =
        type_word(table, t->address + (uint64_t)layout_offset(layout, LAYOUT_abi_Type_TFlag));
    if (!(flags & TFLAG_UNCOMMON))
        return "";
    uint64_t name =
        type_word(table, at + (uint64_t)layout_offset(layout, LAYOUT_abi_UncommonType_PkgPath));
    const char *path = read_name(table, m->types + (uint32_t)name, false, NULL);
    return path ? path : "";
}

uint32_t type_pseudo(struct type_table *table, enum pseudo_type kind, const char *name)
{
    uint64_t *index, key = (hash_bytes(name, strlen(name)) + kind) | 1;
    bool added;
    struct error *error = hash_map_insert(&table->pseudo, key, &index, &added);
    if (!error && added) {
        struct go_type type = {
            .name = arena_copy_string(&table->arena, name, strlen(name)),
            .pseudo = (uint8_t)kind,
        };
        error = vector_push(&table->types, type);
        if (!error)
            *index = table->types.count;
    }
    if (error) {
        error_destroy(error);
        return TYPE_NONE;
    }
    return *index ? (uint32_t)(*index - 1) : TYPE_NONE;
}

bool type_field(struct type_table *table, uint32_t type, uint32_t i, struct go_type_field *out)
{
    const struct go_type *t = &table->types.data[type];
    if (t->kind != KIND_STRUCT || t->pseudo || i >= t->field_count)
        return false;
    uint64_t at = t->fields + 24 * (uint64_t)i;
    uint64_t offset = type_word(table, at + 16);
    bool old = table->runtime->minor <= 18; /* offsetAnon: shifted left, bit 0 = embedded */
    uint8_t flags = 0;
    const char *name = read_name(table, type_word(table, at), false, &flags);
    *out = (struct go_type_field){
        .name = name ? name : "?",
        .offset = old ? offset >> 1 : offset,
        .type = type_word(table, at + 8),
        .embedded = old ? offset & 1 : flags & 8,
    };
    return out->offset <= t->size;
}

uint64_t type_of_itab(struct type_table *table, uint64_t itab)
{
    const struct go_module *m = &table->runtime->module;
    if (!itab || itab % 8)
        return 0;
    /* itabs stand in the type section, in data, or (made at run time) in persistent memory */
    uint32_t interface_type = type_at(table, type_word(table, itab));
    if (interface_type == TYPE_NONE || table->types.data[interface_type].kind != KIND_INTERFACE)
        return 0;
    uint64_t type = type_word(table, itab + 8);
    return type >= m->types && type < m->types_end ? type : 0;
}
