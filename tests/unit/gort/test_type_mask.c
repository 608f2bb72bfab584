/* Pointer masks of types: as they stand, behind a pointer, and built from the parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bitset.h"
#include "gort/types.h"
#include "small_program.h"

enum { ON_DEMAND = 0x10, NO_LIMIT = 1 << 20 };
#define DATA (HEAP + 0xc00) /* masks and slots */
#define TYPE(i) (HEAP + (uint64_t)(i)*0x80)

static void fine(struct error *error)
{
    char text[300] = "";
    if (error)
        error_text(error, text, sizeof(text));
    assert_string_equal(text, "");
}

static void begin(struct small_program *p, unsigned minor)
{
    memset(p, 0, sizeof(*p));
    small_function(p, &(struct small_function){.name = "main.main"});
    fine(small_finish(p));
    p->runtime.minor = minor;
    p->runtime.layout = layout_find(minor, "amd64");
}

static void put_type(struct small_program *p, uint64_t at, uint8_t kind, uint8_t tflag,
                     uint64_t size, uint64_t pointer_bytes, uint64_t data)
{
    const struct go_runtime *rt = &p->runtime;
    small_put(p, at + GO_OFFSET(rt, abi_Type_Size_), size);
    small_put(p, at + GO_OFFSET(rt, abi_Type_PtrBytes), pointer_bytes);
    *(uint8_t *)small_memory(p, at + GO_OFFSET(rt, abi_Type_TFlag), 1) = tflag;
    *(uint8_t *)small_memory(p, at + GO_OFFSET(rt, abi_Type_Kind_), 1) = kind;
    small_put(p, at + GO_OFFSET(rt, abi_Type_GCData), data);
}

static void put_array(struct small_program *p, uint64_t at, uint64_t element, uint64_t length,
                      uint64_t size, uint64_t pointer_bytes)
{
    put_type(p, at, KIND_ARRAY, ON_DEMAND, size, pointer_bytes, DATA + 0x100);
    small_put(p, at + GO_OFFSET(&p->runtime, abi_ArrayType_Elem), element);
    small_put(p, at + GO_OFFSET(&p->runtime, abi_ArrayType_Len), length);
}

static void put_struct(struct small_program *p, uint64_t at, uint64_t size, uint64_t pointer_bytes,
                       const uint64_t (*fields)[2], uint64_t count)
{
    uint64_t array = at + 0x400, header = at + GO_OFFSET(&p->runtime, abi_StructType_Fields);
    put_type(p, at, KIND_STRUCT, ON_DEMAND, size, pointer_bytes, DATA + 0x100);
    small_put(p, header, array);
    small_put(p, header + 8, count);
    for (uint64_t i = 0; i < count; i++) {
        small_put(p, array + 24 * i + 8, fields[i][0]);
        small_put(p, array + 24 * i + 16, fields[i][1]);
    }
}

/* struct {interface{}; int}: only the interface's second word is a pointer to the collector. */
static void put_element(struct small_program *p)
{
    *(uint8_t *)small_memory(p, DATA, 1) = 2;
    put_type(p, TYPE(0), KIND_STRUCT, 0, 24, 16, DATA);
}

static void takes_a_mask_as_it_stands(void **state)
{
    (void)state;
    static struct small_program p;
    struct type_mask mask;
    const unsigned minors[] = {22, 24, 27};
    for (unsigned i = 0; i < ARRAY_COUNT(minors); i++) {
        begin(&p, minors[i]);
        put_element(&p);
        fine(type_mask_read(&p.runtime, TYPE(0), NO_LIMIT, &mask));
        assert_int_equal(mask.size, 24);
        assert_int_equal(mask.pointer_bytes, 16);
        assert_int_equal(mask.bits[0], 2);
        free(mask.bits);
        small_end(&p);
    }
}

static void builds_what_the_program_has_not(void **state)
{
    (void)state;
    static struct small_program p;
    struct type_mask mask;
    begin(&p, 27);
    put_element(&p);
    put_array(&p, TYPE(1), TYPE(0), 100, 2400, 2392);
    const uint64_t fields[][2] = {{TYPE(0), 0}, {TYPE(1), 32}};
    put_struct(&p, TYPE(2), 2432, 32 + 2392, fields, 2);
    for (uint64_t slot = 0; slot < 2; slot++) { /* not built, being built */
        small_put(&p, DATA + 0x100, slot);
        fine(type_mask_read(&p.runtime, TYPE(2), NO_LIMIT, &mask));
        for (uint64_t word = 0; word < mask.pointer_bytes / 8; word++) {
            bool expected = word < 4 ? word == 1 : word % 3 == 2; /* (word - 4) % 3 == 1 */
            assert_int_equal(bitset_get(mask.bits, word), expected);
        }
        free(mask.bits);
    }
    small_end(&p);
}

static void takes_what_the_program_has_built(void **state)
{
    (void)state;
    static struct small_program p;
    struct type_mask mask;
    begin(&p, 24);
    put_element(&p);
    put_array(&p, TYPE(1), TYPE(0), 2, 48, 40);
    small_put(&p, DATA + 0x100, DATA + 0x200);
    small_put(&p, DATA + 0x200, 0xff15); /* beyond the five words: not ours */
    fine(type_mask_read(&p.runtime, TYPE(1), NO_LIMIT, &mask));
    assert_int_equal(mask.bits[0], 0x15);
    free(mask.bits);
    small_end(&p);
}

static void refuse(struct small_program *p, uint64_t type, uint64_t limit)
{
    struct type_mask mask;
    struct error *error = type_mask_read(&p->runtime, type, limit, &mask);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_FAULT);
    error_destroy(error);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    static struct small_program p;
    begin(&p, 27);
    put_element(&p);
    refuse(&p, TYPE(0), 8); /* larger than any object */
    put_type(&p, TYPE(0), KIND_STRUCT, 0, 8, 16, DATA);
    refuse(&p, TYPE(0), NO_LIMIT);
    put_type(&p, TYPE(0), KIND_STRUCT, 0, 24, 16, 0x1234);
    refuse(&p, TYPE(0), NO_LIMIT);
    refuse(&p, 0x1234, NO_LIMIT);
    /* A type within itself, by one member and by very many. */
    uint64_t fields[20][2] = {{0}};
    for (unsigned i = 0; i < ARRAY_COUNT(fields); i++)
        fields[i][0] = TYPE(2);
    put_struct(&p, TYPE(2), 64, 64, (const uint64_t(*)[2])fields, 1);
    refuse(&p, TYPE(2), NO_LIMIT);
    put_struct(&p, TYPE(2), 64, 64, (const uint64_t(*)[2])fields, ARRAY_COUNT(fields));
    refuse(&p, TYPE(2), NO_LIMIT);
    put_array(&p, TYPE(3), TYPE(3), 1, 64, 64);
    refuse(&p, TYPE(3), NO_LIMIT);
    put_array(&p, TYPE(3), TYPE(0), 0, 64, 64); /* no element: no pointers */
    struct type_mask mask;
    fine(type_mask_read(&p.runtime, TYPE(3), NO_LIMIT, &mask));
    assert_int_equal(mask.bits[0], 0);
    free(mask.bits);
    small_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_mask_as_it_stands),
        cmocka_unit_test(builds_what_the_program_has_not),
        cmocka_unit_test(takes_what_the_program_has_built),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
