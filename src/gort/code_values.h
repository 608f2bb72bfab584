/*
 * What is known of a 64-bit value at some place of a function without running it: where it came
 * from. Either from a fixed address (a global variable), a parameter, or the result of a call, by
 * so many loads with known offsets; or it is the result of an allocation of a known type.
 *
 * Values are interned per function: equal values have equal numbers. 32 B each.
 */
#ifndef LEAKHOUND_GORT_CODE_VALUES_H
#define LEAKHOUND_GORT_CODE_VALUES_H

#include "base/memory.h"

enum { CODE_LOADS_MAX = 4, CODE_VALUES_MAX = 1 << 14 };

enum code_value_kind {
    CODE_UNKNOWN,
    CODE_ZERO,
    CODE_ADDRESS,  /* base: the address */
    CODE_ARGUMENT, /* place: the parameter (struct code_convention numbers them) */
    CODE_RESULT,   /* base: index of the called function; place: the result */
    CODE_NEW,      /* base: address of a type descriptor; place: enum code_new */
    CODE_FAR,      /* more loads away than are counted */
    CODE_ONE_OF,   /* place: how many; offsets: their numbers, ascending */
};

enum code_new {
    CODE_NEW_OBJECT,  /* pointer to one value of the type */
    CODE_NEW_ARRAY,   /* pointer to several, from a slice that was made or has grown */
    CODE_NEW_MAP,     /* a map of that type */
    CODE_NEW_CHANNEL, /* a channel of that type */
};

/*
 * With r the root that kind, base and place name, the value is
 *     loads = 0:  r + offsets[0]
 *     loads = 1:  [r + offsets[0]] + offsets[1]      and so on.
 */
struct code_value {
    uint8_t kind, loads;
    uint16_t place;
    int32_t offsets[CODE_LOADS_MAX + 1]; /* those behind loads are 0 */
    uint64_t base;
};

/* Number of a value: an index, of which the first are these. */
enum { CODE_VALUE_UNKNOWN = 0, CODE_VALUE_ZERO = 1, CODE_VALUE_FAR = 2, CODE_VALUES_FIXED = 3 };
enum { CODE_ALTERNATIVES_MAX = CODE_LOADS_MAX + 1 };

struct code_values {
    struct code_value *items; /* CODE_VALUES_MAX */
    uint16_t *table;          /* open addressing, 2 · CODE_VALUES_MAX: index or 0 */
    uint16_t *places;         /* by index: where in the table it stands */
    uint32_t count;
};

struct error *code_values_init(struct code_values *values) ERROR_CHECK;
void code_values_deinit(struct code_values *values);
/* Forgets all values but the fixed ones. */
void code_values_reset(struct code_values *values);

/* The value's number; CODE_VALUE_UNKNOWN when there are too many. */
uint32_t code_value_intern(struct code_values *values, const struct code_value *value);
uint32_t code_value_root(struct code_values *values, enum code_value_kind kind, uint64_t base,
                         unsigned place);
/* value + offset, and the word at value + offset; CODE_VALUE_UNKNOWN where that is too far. */
uint32_t code_value_plus(struct code_values *values, uint32_t value, int64_t offset);
uint32_t code_value_load(struct code_values *values, uint32_t value, int64_t offset);

/*
 * What a place holds that one way reaches with a, another with b. Go is statically typed, so that
 * what is used behind the meeting has the same type whichever way it came: what is learned of one
 * alternative is true of all. Nil and what is far away add nothing; beyond CODE_ALTERNATIVES_MAX
 * alternatives the others are left out. A value of unknown origin spoils the whole: it may be the
 * data of an interface, which has many types.
 */
uint32_t code_value_merge(struct code_values *values, uint32_t a, uint32_t b);

/* The alternatives of a value, itself when there is one; their number. */
unsigned code_value_alternatives(const struct code_values *values, uint32_t value,
                                 uint32_t out[CODE_ALTERNATIVES_MAX]);

#endif
