#include "gort/code_values.h"

#include <string.h>

enum { TABLE_SIZE = 2 * CODE_VALUES_MAX, OFFSET_MAX = 1 << 24 };
_Static_assert(TABLE_SIZE <= UINT16_MAX + 1, "places fit");

struct error *code_values_init(struct code_values *values)
{
    *values = (struct code_values){0};
    struct error *error = memory_array(CODE_VALUES_MAX, sizeof(*values->items), &values->items);
    if (!error)
        error = memory_array(TABLE_SIZE, sizeof(*values->table), &values->table);
    if (!error)
        error = memory_array(CODE_VALUES_MAX, sizeof(*values->places), &values->places);
    if (error) {
        code_values_deinit(values);
        return error;
    }
    values->items[CODE_VALUE_ZERO].kind = CODE_ZERO;
    values->items[CODE_VALUE_FAR].kind = CODE_FAR;
    values->count = CODE_VALUES_FIXED;
    return NULL;
}

void code_values_deinit(struct code_values *values)
{
    free(values->items);
    free(values->table);
    free(values->places);
    *values = (struct code_values){0};
}

static uint32_t place_of(const struct code_value *value)
{
    uint64_t words[4];
    _Static_assert(sizeof(words) == sizeof(*value), "no padding");
    memcpy(words, value, sizeof(words));
    uint64_t h = words[0] * 0x9e3779b97f4a7c15u ^ words[1] * 0xc2b2ae3d27d4eb4fu ^
                 words[2] * 0x165667b19e3779f9u ^ words[3] * 0xd6e8feb86659fd93u;
    return (uint32_t)((h ^ h >> 29) * 0x9e3779b97f4a7c15u >> 40) % TABLE_SIZE;
}

void code_values_reset(struct code_values *values)
{
    for (uint32_t i = CODE_VALUES_FIXED; i < values->count; i++)
        values->table[values->places[i]] = 0;
    values->count = CODE_VALUES_FIXED;
}

uint32_t code_value_intern(struct code_values *values, const struct code_value *value)
{
    uint32_t at = place_of(value);
    for (; values->table[at]; at = (at + 1) % TABLE_SIZE)
        if (!memcmp(&values->items[values->table[at]], value, sizeof(*value)))
            return values->table[at];
    if (values->count == CODE_VALUES_MAX)
        return CODE_VALUE_UNKNOWN;
    values->items[values->count] = *value;
    values->table[at] = (uint16_t)values->count;
    values->places[values->count] = (uint16_t)at;
    return values->count++;
}

uint32_t code_value_root(struct code_values *values, enum code_value_kind kind, uint64_t base,
                         unsigned place)
{
    return code_value_intern(
        values,
        &(struct code_value){.kind = (uint8_t)kind, .place = (uint16_t)place, .base = base});
}

static uint32_t plus_one(struct code_values *values, uint32_t value, int64_t offset)
{
    struct code_value v = values->items[value];
    if (v.kind == CODE_UNKNOWN || v.kind == CODE_ZERO || v.kind == CODE_FAR)
        return value; /* nothing is reached by way of nil */
    if (v.kind == CODE_ADDRESS && v.loads == 0) {
        v.base += (uint64_t)offset;
        return code_value_intern(values, &v);
    }
    int64_t sum = v.offsets[v.loads] + offset;
    if (sum < -OFFSET_MAX || sum > OFFSET_MAX)
        return CODE_VALUE_UNKNOWN;
    v.offsets[v.loads] = (int32_t)sum;
    return code_value_intern(values, &v);
}

static uint32_t load_one(struct code_values *values, uint32_t value, int64_t offset)
{
    uint32_t at = plus_one(values, value, offset);
    struct code_value v = values->items[at];
    if (v.kind == CODE_UNKNOWN || v.kind == CODE_ZERO)
        return at;
    /* what a new object holds, its type will tell */
    if (v.kind == CODE_NEW || v.kind == CODE_FAR || v.loads == CODE_LOADS_MAX)
        return CODE_VALUE_FAR;
    v.loads++;
    return code_value_intern(values, &v);
}

static uint32_t for_each(struct code_values *values, uint32_t value, int64_t offset,
                         uint32_t (*one)(struct code_values *, uint32_t, int64_t))
{
    uint32_t each[CODE_ALTERNATIVES_MAX], result = CODE_VALUE_ZERO;
    unsigned n = code_value_alternatives(values, value, each);
    if (n == 1)
        return one(values, each[0], offset);
    for (unsigned i = 0; i < n; i++)
        result = code_value_merge(values, result, one(values, each[i], offset));
    return result;
}

uint32_t code_value_plus(struct code_values *values, uint32_t value, int64_t offset)
{
    return for_each(values, value, offset, plus_one);
}

uint32_t code_value_load(struct code_values *values, uint32_t value, int64_t offset)
{
    return for_each(values, value, offset, load_one);
}

unsigned code_value_alternatives(const struct code_values *values, uint32_t value,
                                 uint32_t out[CODE_ALTERNATIVES_MAX])
{
    const struct code_value *v = &values->items[value];
    if (v->kind != CODE_ONE_OF) {
        out[0] = value;
        return 1;
    }
    for (unsigned i = 0; i < v->place; i++)
        out[i] = (uint32_t)v->offsets[i];
    return v->place;
}

/* Adds value to a set that is in order; false when it is full. */
static bool add(struct code_value *set, uint32_t value)
{
    unsigned at = 0;
    while (at < set->place && (uint32_t)set->offsets[at] < value)
        at++;
    if (at < set->place && (uint32_t)set->offsets[at] == value)
        return true;
    if (set->place == CODE_ALTERNATIVES_MAX)
        return false;
    memmove(set->offsets + at + 1, set->offsets + at, (set->place - at) * sizeof(*set->offsets));
    set->offsets[at] = (int32_t)value;
    set->place++;
    return true;
}

uint32_t code_value_merge(struct code_values *values, uint32_t a, uint32_t b)
{
    if (a == b || b == CODE_VALUE_ZERO)
        return a;
    if (a == CODE_VALUE_ZERO)
        return b;
    if (a == CODE_VALUE_UNKNOWN || b == CODE_VALUE_UNKNOWN)
        return CODE_VALUE_UNKNOWN;
    if (b == CODE_VALUE_FAR)
        return a;
    if (a == CODE_VALUE_FAR)
        return b;
    struct code_value set = {.kind = CODE_ONE_OF};
    uint32_t each[CODE_ALTERNATIVES_MAX];
    unsigned n = code_value_alternatives(values, a, each);
    for (unsigned i = 0; i < n; i++)
        add(&set, each[i]);
    n = code_value_alternatives(values, b, each);
    for (unsigned i = 0; i < n && add(&set, each[i]); i++) {
    }
    uint32_t merged = code_value_intern(values, &set);
    return merged == CODE_VALUE_UNKNOWN ? a : merged;
}
