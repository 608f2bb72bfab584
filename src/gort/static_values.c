#include "gort/static_values.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "gort/types.h"

enum {
    VALUES_MAX = 1 << 20,
    VALUE_BYTES_MAX = 1 << 24, /* a larger one is read up to here */
    PATH_BYTES_MAX = 256,
};

/* A value to look into: a variable to begin with, then what such values lead to. */
struct value {
    uint64_t address, size, value_size; /* behind a slice there are several values */
    const struct executable_type *type; /* NULL: look no further */
    uint64_t descriptor;                /* in the target, 0 when there is none */
    const char *type_name;
    uint64_t owner;   /* address of the variable */
    const char *path; /* from the variable to here */
};

struct search {
    struct go_runtime *runtime;
    struct variable_table *table;
    VECTOR(struct value) values;
    struct hash_map largest; /* address → bytes of the largest value found there */
    struct type_table descriptors;
};

/* A nameless part of the table has room for the value. What has pointers is aligned. */
static bool lies_in_nameless(const struct search *search, uint64_t address, uint64_t size)
{
    uint32_t index = variable_at(search->table, address);
    if (index == UINT32_MAX || (address | size) % 8)
        return false;
    const struct variable *v = &search->table->items.data[index];
    return !v->type_name[0] && !v->user_count && (!v->name[0] || strstr(v->name, "..stmp_")) &&
           size <= v->address + v->size - address;
}

static struct value value_of(const struct go_runtime *runtime, const struct executable_type *type)
{
    if (!type)
        return (struct value){0};
    return (struct value){
        .value_size = type->size,
        .type = type,
        .descriptor = type->runtime_type ? type->runtime_type + runtime->bias : 0,
        .type_name = type->name,
    };
}

/* The slot at `at` in `from` leads to `count` such values at an address. */
static struct error *found(struct search *search, const struct value *from, uint64_t at,
                           const struct executable_slot *slot, uint64_t address, uint64_t count,
                           struct value value)
{
    uint64_t *largest;
    if (__builtin_mul_overflow(value.value_size, count, &value.size) || !value.size ||
        !lies_in_nameless(search, address, value.size) || search->values.count >= VALUES_MAX)
        return NULL;
    TRY(hash_map_insert(&search->largest, address, &largest, NULL));
    if (value.size <= *largest)
        return NULL;
    *largest = value.size;
    struct arena *arena = &search->table->arena;
    value.address = address;
    value.owner = from->owner;
    value.path = from->path;
    if (from->size >= 2 * from->value_size)
        value.path = arena_printf(arena, "%s[%" PRIu64 "]", value.path, at / from->value_size);
    if (slot->path[0])
        value.path = arena_printf(arena, "%s%s", value.path, slot->path);
    if (strlen(value.path) > PATH_BYTES_MAX)
        value.path = arena_copy_string(arena, value.path, PATH_BYTES_MAX);
    return vector_push(&search->values, value);
}

/* The value behind an interface's data word: *T leads to a T, what is not kept in the word itself
 * stands there. Types that are only converted to interfaces are not in the DWARF. */
static struct error *behind_interface(struct search *search, const struct executable_slot *slot,
                                      uint64_t word, struct value *out)
{
    struct type_table *table = &search->descriptors;
    uint64_t descriptor = slot->has_methods ? type_of_itab(table, word) : word;
    uint32_t type = descriptor ? type_at(table, descriptor) : TYPE_NONE;
    if (type != TYPE_NONE && table->types.data[type].kind == KIND_POINTER)
        type = type_at(table, table->types.data[type].element);
    else if (type != TYPE_NONE && table->types.data[type].direct)
        type = TYPE_NONE;
    if (type == TYPE_NONE)
        return NULL;
    const struct go_type *t = &table->types.data[type];
    out->value_size = t->size;
    out->descriptor = t->address;
    out->type_name = arena_copy_string(&search->table->arena, t->name, strlen(t->name));
    return executable_type_of(search->runtime->executable, t->address - search->runtime->bias,
                              &out->type);
}

static struct error *follow(struct search *search, const struct value *from, uint64_t at,
                            const struct executable_slot *slot, const uint8_t *bytes)
{
    uint64_t words[3] = {0}, count = 1;
    struct value value = value_of(search->runtime, slot->type);
    memcpy(words, bytes, MIN_OF(slot->width, sizeof(words)));
    uint64_t address = words[0];
    switch (slot->kind) {
    case KIND_POINTER:
        break;
    case KIND_SLICE:
        count = words[2];
        break;
    case KIND_INTERFACE:
        address = words[1];
        if (lies_in_nameless(search, address, 8))
            TRY(behind_interface(search, slot, words[0], &value));
        break;
    default:
        return NULL;
    }
    return found(search, from, at, slot, address, count, value);
}

static struct error *look_into(struct search *search, struct value from, uint8_t *bytes)
{
    const struct executable_slot *slots;
    uint32_t count;
    if (!from.type)
        return NULL;
    TRY(executable_type_slots(search->runtime->executable, from.type, &slots, &count));
    uint64_t size = MIN_OF(from.size, (uint64_t)VALUE_BYTES_MAX), step = from.value_size;
    if (!count || !step)
        return NULL;
    TRY(target_read_sparse(search->runtime->target, from.address, bytes, size));
    for (uint64_t start = 0; start + step <= size; start += step) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t end;
            if (!__builtin_add_overflow(slots[i].offset, slots[i].width, &end) && end <= step)
                TRY(follow(search, &from, start, &slots[i], bytes + start + slots[i].offset));
        }
    }
    return NULL;
}

/* Nearest first: the variables, what they lead to, what that leads to. */
static struct error *look_everywhere(struct search *search, uint64_t *out_variables)
{
    const struct executable_variable *variables;
    uint64_t count;
    CLEANUP_FREE uint8_t *bytes = NULL;
    TRY(memory_array(VALUE_BYTES_MAX, 1, &bytes));
    TRY(executable_variables(search->runtime->executable, &variables, &count));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t address = variables[i].address + search->runtime->bias;
        uint32_t index = variable_at(search->table, address);
        if (index == UINT32_MAX || !variables[i].type)
            continue;
        const struct variable *v = &search->table->items.data[index];
        if (v->address != address || v->size < variables[i].size || v->is_runtime)
            continue;
        struct value value = value_of(search->runtime, variables[i].type);
        value.address = value.owner = address;
        value.size = value.value_size;
        value.path = "";
        TRY(vector_push(&search->values, value));
    }
    *out_variables = search->values.count;
    for (uint64_t i = 0; i < search->values.count; i++)
        TRY(look_into(search, search->values.data[i], bytes));
    return NULL;
}

/* -- into the table --------------------------------------------------------------------------- */

static int by_place(const void *left, const void *right)
{
    const struct value *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return a->size > b->size ? -1 : a->size < b->size;
}

/* Of values in each other (a pointer to a member and one to the whole) the outer one. */
static uint64_t keep_outermost(struct value *values, uint64_t count)
{
    uint64_t kept = 0;
    if (count)
        qsort(values, count, sizeof(*values), by_place);
    for (uint64_t i = 0; i < count; i++) {
        if (!kept || values[i].address >= values[kept - 1].address + values[kept - 1].size)
            values[kept++] = values[i];
    }
    return kept;
}

static struct error *variable_of_value(struct search *search, const struct value *value,
                                       struct variable *out)
{
    *out = (struct variable){.address = value->address,
                             .size = value->size,
                             .name = "",
                             .type_name = value->type_name,
                             .type_descriptor = value->descriptor,
                             .value_size = value->value_size,
                             .path = value->path};
    if (!value->type)
        return NULL;
    return executable_type_slots(search->runtime->executable, value->type, &out->slots,
                                 &out->slot_count);
}

/* The part, cut at the values that lie in it. */
static struct error *cut(struct search *search, struct variable part, const struct value **values,
                         const struct value *end, struct variable_table *out)
{
    while (*values < end && (*values)->address < part.address + part.size) {
        const struct value *value = (*values)++;
        struct variable before = part, inside;
        before.size = value->address - part.address;
        if (before.size)
            TRY(vector_push(&out->items, before));
        TRY(variable_of_value(search, value, &inside));
        TRY(vector_push(&out->items, inside));
        part.size -= before.size + value->size;
        part.address = value->address + value->size;
    }
    return part.size ? vector_push(&out->items, part) : NULL;
}

static struct error *cut_all(struct search *search, const struct value *values, uint64_t count,
                             struct variable_table *out)
{
    const struct value *next = values, *end = values + count;
    for (uint64_t i = 0; i < search->table->items.count; i++)
        TRY(cut(search, search->table->items.data[i], &next, end, out));
    for (uint32_t i = 0; i < out->items.count; i++)
        out->items.data[i].owner = i;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t owner = variable_at(out, values[i].owner);
        uint32_t value = variable_at(out, values[i].address);
        if (owner != UINT32_MAX && value != UINT32_MAX)
            out->items.data[value].owner = owner;
    }
    return NULL;
}

struct error *static_values_find(struct go_runtime *runtime, struct variable_table *table)
{
    if (!runtime->executable || !runtime->executable->has_dwarf)
        return NULL;
    struct search search = {.runtime = runtime, .table = table};
    struct variable_table cut_table = {0};
    uint64_t variables;
    type_table_init(&search.descriptors, runtime);
    struct error *error = look_everywhere(&search, &variables);
    if (!error) {
        struct value *values = search.values.data + variables;
        uint64_t count = keep_outermost(values, search.values.count - variables);
        error = cut_all(&search, values, count, &cut_table);
    }
    if (!error) {
        vector_deinit(&table->items);
        memcpy(&table->items, &cut_table.items, sizeof(table->items));
    } else {
        vector_deinit(&cut_table.items);
    }
    vector_deinit(&search.values);
    hash_map_deinit(&search.largest);
    type_table_deinit(&search.descriptors);
    return error;
}
