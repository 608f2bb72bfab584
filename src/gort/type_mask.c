/* Pointer masks of types: GCData as it stands, or built from the type's structure. */
#include "gort/types.h"

#include <inttypes.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/runtime_constants.h"

enum {
    DEPTH_MAX = 64, /* of types in types; the runtime counts on no more either */
    STEPS_MAX = 1 << 20,
    FIELDS_MAX = 1 << 16,
    DESCRIPTOR_BYTES = 96,
};

struct builder {
    struct go_runtime *runtime;
    uint64_t *bits, words, steps;
};

struct descriptor {
    uint64_t size, pointer_bytes, data;
    uint64_t element, length;       /* array */
    uint64_t fields, fields_length; /* struct */
    uint8_t kind;
    bool has_mask; /* data leads to it: no program, not on demand */
};

static uint64_t get(const uint8_t *bytes, int32_t offset)
{
    uint64_t v = 0;
    if (offset >= 0 && offset + 8 <= DESCRIPTOR_BYTES)
        memcpy(&v, bytes + offset, 8);
    return v;
}
#define TYPE_FIELD(name) get(bytes, layout_offset(runtime->layout, LAYOUT_##name))

static struct error *read_descriptor(struct go_runtime *runtime, uint64_t address,
                                     struct descriptor *out)
{
    uint8_t bytes[DESCRIPTOR_BYTES] = {0};
    TRY(target_read(runtime->target, address, bytes, GO_SIZE(runtime, abi_Type)));
    uint8_t kind = (uint8_t)TYPE_FIELD(abi_Type_Kind_);
    uint8_t tflag = (uint8_t)TYPE_FIELD(abi_Type_TFlag);
    struct descriptor type = {
        .size = TYPE_FIELD(abi_Type_Size_),
        .pointer_bytes = TYPE_FIELD(abi_Type_PtrBytes),
        .data = TYPE_FIELD(abi_Type_GCData),
        .kind = kind & RUNTIME_KIND_MASK,
        .has_mask = !runtime_mask_is_on_demand(runtime->minor, tflag) &&
                    !(runtime->minor <= 23 && (kind & RUNTIME_KIND_GC_PROGRAM)),
    };
    if (type.kind == KIND_ARRAY || type.kind == KIND_STRUCT) {
        TRY(target_read(runtime->target, address, bytes, sizeof(bytes)));
        int32_t fields = layout_offset(runtime->layout, LAYOUT_abi_StructType_Fields);
        type.element = TYPE_FIELD(abi_ArrayType_Elem);
        type.length = TYPE_FIELD(abi_ArrayType_Len);
        type.fields = get(bytes, fields);
        type.fields_length = get(bytes, fields + 8);
    }
    *out = type;
    return NULL;
}

static struct error *build(struct builder *builder, uint64_t address, uint64_t at, unsigned depth);

/* Ors the bits of a mask in the target into those from word `at` on. */
static struct error *add_mask(struct builder *builder, const struct descriptor *type, uint64_t at)
{
    uint8_t piece[512];
    uint64_t words = MIN_OF(type->pointer_bytes / 8, builder->words - at);
    for (uint64_t done = 0; done < words; done += sizeof(piece) * 8) {
        uint64_t n = MIN_OF(words - done, sizeof(piece) * 8);
        TRY(target_read(builder->runtime->target, type->data + done / 8, piece, (n + 7) / 8));
        for (uint64_t i = 0; i < n; i++)
            if (piece[i / 8] >> (i % 8) & 1)
                bitset_set(builder->bits, at + done + i);
    }
    return NULL;
}

static struct error *build_struct(struct builder *builder, const struct descriptor *type,
                                  uint64_t at, unsigned depth)
{
    struct go_runtime *runtime = builder->runtime;
    if (type->fields_length > FIELDS_MAX)
        return error_fault(type->fields, "a struct type with %" PRIu64 " fields",
                           type->fields_length);
    for (uint64_t i = 0; i < type->fields_length; i++) {
        uint64_t field[3];
        TRY(target_read(runtime->target, type->fields + 24 * i, field, sizeof(field)));
        uint64_t offset = runtime->minor <= 18 ? field[2] >> 1 : field[2];
        if (offset <= type->size)
            TRY(build(builder, field[1], at + offset / 8, depth + 1));
    }
    return NULL;
}

/* The first element is built, the others are copies of it. */
static struct error *build_array(struct builder *builder, const struct descriptor *type,
                                 uint64_t at, unsigned depth)
{
    uint64_t step = type->length ? type->size / type->length / 8 : 0;
    if (!step)
        return NULL;
    TRY(build(builder, type->element, at, depth + 1));
    uint64_t end = MIN_OF(builder->words - at, type->size / 8);
    for (uint64_t i = step; i < end; i++)
        if (bitset_get(builder->bits, at + i - step))
            bitset_set(builder->bits, at + i);
    return NULL;
}

/* The same as runtime.buildGCMask, for the part of the type that no mask describes. at: in words.
 */
static struct error *build(struct builder *builder, uint64_t address, uint64_t at, unsigned depth)
{
    struct descriptor type;
    if (depth > DEPTH_MAX || ++builder->steps > STEPS_MAX)
        return error_fault(address, "a type nested too deeply");
    TRY(read_descriptor(builder->runtime, address, &type));
    if (!type.pointer_bytes || at >= builder->words)
        return NULL;
    if (type.has_mask)
        return add_mask(builder, &type, at);
    if (type.kind == KIND_STRUCT)
        return build_struct(builder, &type, at, depth);
    if (type.kind == KIND_ARRAY)
        return build_array(builder, &type, at, depth);
    return error_fault(address, "the type at 0x%" PRIx64 " has no pointer mask", address);
}

/* The mask that the program has built by now, 0 when it has not: runtime.getGCMaskOnDemand. */
static uint64_t mask_on_demand(struct go_runtime *runtime, uint64_t slot)
{
    enum { BEING_BUILT_BELOW = 4096 };
    uint64_t built = 0;
    struct error *error = target_read_u64(runtime->target, slot, &built);
    error_destroy(error);
    return error || built < BEING_BUILT_BELOW ? 0 : built;
}

struct error *type_mask_read(struct go_runtime *runtime, uint64_t descriptor, uint64_t limit,
                             struct type_mask *out)
{
    struct descriptor type;
    TRY(read_descriptor(runtime, descriptor, &type));
    uint64_t words = type.pointer_bytes / 8, data = type.has_mask ? type.data : 0;
    if (type.pointer_bytes > type.size || type.pointer_bytes % 8 || type.pointer_bytes > limit)
        return error_fault(descriptor,
                           "the type at 0x%" PRIx64 " has %" PRIu64 " pointer bytes of %" PRIu64,
                           descriptor, type.pointer_bytes, type.size);
    struct type_mask mask = {.size = type.size, .pointer_bytes = type.pointer_bytes};
    TRY(memory_array(bitset_words(words) + 2, 8, &mask.bits));
    if (!type.has_mask && runtime->minor >= 24)
        data = mask_on_demand(runtime, type.data);
    struct error *error = NULL;
    if (data) {
        error = target_read(runtime->target, data, mask.bits, (words + 7) / 8);
    } else if (words) {
        struct builder builder = {.runtime = runtime, .bits = mask.bits, .words = words};
        error = build(&builder, descriptor, 0, 0);
    }
    if (error) {
        free(mask.bits);
        return error;
    }
    if (words % 64)
        mask.bits[words / 64] &= ((uint64_t)1 << words % 64) - 1;
    *out = mask;
    return NULL;
}
