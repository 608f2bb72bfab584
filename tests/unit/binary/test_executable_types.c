#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "binary/executable.h"
#include "sample_dwarf.h"

enum { MAP = 21, POINTER = 22, SLICE = 23, STRING = 24, STRUCT = 25, INTERFACE = 20 };

static struct sample_dwarf sample;

static struct executable *open_sample(void)
{
    sample_finish(&sample);
    int fd = memfd_create("sample", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, sample.bytes, sample.size), sample.size);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct executable *executable = NULL;
    assert_null(executable_open(path, &executable));
    close(fd);
    return executable;
}

static const struct executable_type *type_of_first(struct executable *executable)
{
    const struct executable_variable *variables;
    uint64_t count;
    assert_null(executable_variables(executable, &variables, &count));
    assert_int_equal(count, 1);
    assert_non_null(variables[0].type);
    assert_string_equal(variables[0].type_name, variables[0].type->name);
    assert_int_equal(variables[0].size, variables[0].type->size);
    assert_int_equal(variables[0].runtime_type, variables[0].type->runtime_type);
    return variables[0].type;
}

static uint32_t slots_of(struct executable *executable, const struct executable_type *type,
                         const struct executable_slot **out)
{
    uint32_t count = 77;
    assert_null(executable_type_slots(executable, type, out, &count));
    return count;
}

static void is_slot(const struct executable_slot *slot, uint64_t offset, uint8_t kind,
                    const char *path, const char *type)
{
    assert_int_equal(slot->offset, offset);
    assert_int_equal(slot->kind, kind);
    assert_string_equal(slot->path, path);
    if (type)
        assert_string_equal(slot->type->name, type);
    else
        assert_null(slot->type);
}

static const struct executable_type *finish(uint32_t type, struct executable **out)
{
    sample_variable(&sample, "main.variable", 0x600000, type);
    *out = open_sample();
    return type_of_first(*out);
}

static uint32_t end_of_members(uint32_t type)
{
    sample_die(&sample, DIE_END, NULL);
    return type;
}

static uint32_t a_map(void)
{
    uint32_t hash = end_of_members(sample_struct(&sample, "hash", 48, STRUCT, 0x99));
    uint32_t made_of = sample_kind(&sample, DIE_POINTER, "*hash", POINTER, 0, hash);
    return sample_kind(&sample, DIE_TYPEDEF, "map[string]int", MAP, 0x30, made_of);
}

/* type store struct { name string; inner [2]struct{ byKey map[string]int; err error; any eface };
 * next *store } */
static void flattens_a_struct(void **state)
{
    (void)state;
    sample_begin(&sample);
    uint32_t text = end_of_members(sample_struct(&sample, "string", 16, STRING, 0x10));
    uint32_t iface = end_of_members(sample_struct(&sample, "runtime.iface", 16, STRUCT, 0x20));
    uint32_t eface = end_of_members(sample_struct(&sample, "runtime.eface", 16, STRUCT, 0x28));
    uint32_t err = sample_kind(&sample, DIE_TYPEDEF, "error", INTERFACE, 0x38, iface);
    uint32_t any = sample_kind(&sample, DIE_TYPEDEF, "interface {}", INTERFACE, 0, eface);
    uint32_t map = a_map();
    uint32_t part = sample_struct(&sample, "struct {}", 40, STRUCT, 0);
    sample_member(&sample, "byKey", 0, map);
    sample_member(&sample, "err", 8, err);
    sample_member(&sample, "any", 24, any);
    end_of_members(part);
    uint32_t array = sample_array(&sample, "[2]struct {}", 80, part);
    uint32_t pointer = sample_kind(&sample, DIE_POINTER, "*main.store", POINTER, 0, 0);
    uint32_t hole = sample.size;
    uint32_t store = sample_struct(&sample, "main.store", 104, STRUCT, 0x40);
    sample_member(&sample, "name", 0, text);
    sample_member(&sample, "inner", 16, array);
    sample_member(&sample, "next", 96, pointer);
    end_of_members(store);
    uint32_t named = sample_named(&sample, "main.store", store);
    sample_redirect(&sample, hole, named);

    struct executable *e;
    const struct executable_slot *slots;
    const struct executable_type *type = finish(named, &e), *again;
    assert_string_equal(type->name, "main.store");
    assert_int_equal(type->size, 104);
    assert_int_equal(type->kind, STRUCT);
    assert_int_equal(type->runtime_type, TYPES + 0x40);
    assert_int_equal(slots_of(e, type, &slots), 8);
    is_slot(&slots[0], 0, STRING, ".name", NULL);
    is_slot(&slots[1], 16, MAP, ".inner[0].byKey", "map[string]int");
    assert_int_equal(slots[1].type->runtime_type, TYPES + 0x30);
    assert_int_equal(slots[1].type->size, 8);
    is_slot(&slots[2], 24, INTERFACE, ".inner[0].err", NULL);
    assert_true(slots[2].has_methods);
    is_slot(&slots[3], 40, INTERFACE, ".inner[0].any", NULL);
    assert_false(slots[3].has_methods);
    is_slot(&slots[4], 56, MAP, ".inner[1].byKey", "map[string]int");
    is_slot(&slots[7], 96, POINTER, ".next", "main.store");
    assert_ptr_equal(slots[7].type, type);

    assert_null(executable_type_of(e, TYPES + 0x30, &again));
    assert_string_equal(again->name, "map[string]int");
    assert_null(executable_type_of(e, TYPES + 0x31, &again));
    assert_null(again);
    assert_null(executable_type_of(e, 0, &again));
    assert_null(again);
    executable_destroy(e);
}

/* The descriptor of what an interface is made of is not that of the interface. */
static void takes_no_descriptor_from_the_runtimes_part(void **state)
{
    (void)state;
    sample_begin(&sample);
    uint32_t iface = end_of_members(sample_struct(&sample, "runtime.iface", 16, STRUCT, 0x20));
    uint32_t unused = sample_kind(&sample, DIE_TYPEDEF, "main.sink", INTERFACE, 0, iface);
    uint32_t named = sample_named(&sample, "main.sink", unused);
    uint32_t slice = sample_slice(&sample, "[]main.sink", named);
    struct executable *e;
    const struct executable_slot *slots;
    const struct executable_type *type = finish(slice, &e);
    assert_int_equal(type->size, 24);
    assert_int_equal(slots_of(e, type, &slots), 1);
    is_slot(&slots[0], 0, SLICE, "", "main.sink");
    assert_int_equal(slots[0].width, 24);
    assert_int_equal(slots[0].type->size, 16);
    assert_int_equal(slots[0].type->runtime_type, 0);
    executable_destroy(e);
}

static void bounds_arrays(void **state)
{
    (void)state;
    sample_begin(&sample);
    uint32_t map = a_map();
    uint32_t part = sample_struct(&sample, "main.part", 16, STRUCT, 0);
    sample_member(&sample, "items", 8, map);
    end_of_members(part);
    uint32_t array = sample_array(&sample, "[N]main.part", (uint64_t)1 << 60, part);
    struct executable *e;
    const struct executable_slot *slots;
    const struct executable_type *type = finish(array, &e);
    assert_int_equal(slots_of(e, type, &slots), EXECUTABLE_SLOTS_MAX);
    is_slot(&slots[4095], 4095 * 16 + 8, MAP, "[4095].items", "map[string]int");
    executable_destroy(e);
}

/* Each of many levels has many members of the next: the cost must not multiply. */
static void bounds_nesting(void **state)
{
    (void)state;
    for (unsigned with_slot = 0; with_slot < 2; with_slot++) {
        sample_begin(&sample);
        uint32_t type = with_slot ? a_map() : sample_struct(&sample, "main.nothing", 8, STRUCT, 0);
        if (!with_slot)
            end_of_members(type);
        for (unsigned level = 0; level < 40; level++) {
            uint32_t inner = type;
            type = sample_struct(&sample, "main.level", 1024, STRUCT, 0);
            for (uint64_t member = 0; member < 32; member++)
                sample_member(&sample, "m", member * 8, inner);
            end_of_members(type);
        }
        struct executable *e;
        const struct executable_slot *slots;
        /* the innermost are deeper than what is looked into */
        const struct executable_type *deep = finish(type, &e);
        assert_int_equal(slots_of(e, deep, &slots), 0);
        executable_destroy(e);
    }
    sample_begin(&sample);
    uint32_t type = a_map();
    for (unsigned level = 0; level < 12; level++) {
        uint32_t inner = type;
        type = sample_struct(&sample, "main.level", 1024, STRUCT, 0);
        for (uint64_t member = 0; member < 32; member++)
            sample_member(&sample, "m", member * 8, inner);
        end_of_members(type);
    }
    struct executable *e;
    const struct executable_slot *slots;
    const struct executable_type *first = finish(type, &e);
    assert_int_equal(slots_of(e, first, &slots), EXECUTABLE_SLOTS_MAX);
    assert_string_equal(slots[0].path, ".m.m.m.m.m.m.m.m.m.m.m.m");
    executable_destroy(e);
}

static void survives_circles(void **state)
{
    (void)state;
    struct executable *e;
    const struct executable_slot *slots;
    sample_begin(&sample);
    uint32_t map = a_map();
    uint32_t itself = sample_struct(&sample, "main.itself", 64, STRUCT, 0);
    sample_member(&sample, "inner", 0, itself);
    sample_member(&sample, "items", 8, map);
    end_of_members(itself);
    const struct executable_type *type = finish(itself, &e);
    assert_int_equal(slots_of(e, type, &slots), 1);
    is_slot(&slots[0], 8, MAP, ".items", "map[string]int");
    executable_destroy(e);

    sample_begin(&sample);
    uint32_t one = sample_named(&sample, "main.one", 0), hole = sample.size;
    uint32_t other = sample_named(&sample, "main.other", one);
    sample_redirect(&sample, hole, other);
    type = finish(one, &e);
    assert_int_equal(type->size, 0);
    assert_int_equal(slots_of(e, type, &slots), 0);
    executable_destroy(e);

    sample_begin(&sample);
    uint32_t array = sample_array(&sample, "[1]main.array", 64, 0);
    sample_redirect(&sample, sample.size, array);
    type = finish(array, &e);
    assert_int_equal(slots_of(e, type, &slots), 0);
    executable_destroy(e);
}

static void survives_wild_offsets_and_names(void **state)
{
    (void)state;
    static char name[1000];
    memset(name, 'n', sizeof(name) - 1);
    struct executable *e;
    const struct executable_slot *slots;
    sample_begin(&sample);
    uint32_t map = a_map();
    uint32_t inner = sample_struct(&sample, "main.inner", 16, STRUCT, 0);
    sample_member(&sample, name, 8, map);
    end_of_members(inner);
    uint32_t outer = sample_struct(&sample, "main.outer", 16, STRUCT, 0);
    sample_member(&sample, "wild", UINT64_MAX - 4, inner);
    sample_member(&sample, "none", 0, 0x7fffffff);
    sample_member(&sample, name, 0, inner);
    end_of_members(outer);
    const struct executable_type *type = finish(outer, &e);
    assert_int_equal(slots_of(e, type, &slots), 1);
    assert_int_equal(slots[0].offset, 8);
    assert_in_range(strlen(slots[0].path), 250, 256);
    executable_destroy(e);
}

static void survives_damage_everywhere(void **state)
{
    (void)state;
    static struct sample_dwarf good;
    sample_begin(&sample);
    uint32_t map = a_map();
    uint32_t part = sample_struct(&sample, "main.part", 16, STRUCT, 0x40);
    sample_member(&sample, "items", 8, map);
    end_of_members(part);
    uint32_t array = sample_array(&sample, "[4]main.part", 64, part);
    uint32_t slice = sample_slice(&sample, "[][4]main.part", array);
    uint32_t outer = sample_struct(&sample, "main.outer", 88, STRUCT, 0x48);
    sample_member(&sample, "array", 0, array);
    sample_member(&sample, "slice", 64, slice);
    end_of_members(outer);
    sample_variable(&sample, "main.variable", 0x600000, outer);
    good = sample;
    for (uint64_t i = 0; i < 2 * good.size; i++) {
        sample = good;
        if (i % good.size >= 4)
            sample.bytes[i % good.size] ^= i < good.size ? 0xff : 0x01;
        struct executable *e = open_sample();
        const struct executable_variable *variables;
        const struct executable_slot *slots;
        uint64_t count;
        uint32_t slot_count;
        struct error *error = executable_variables(e, &variables, &count);
        for (uint64_t k = 0; !error && k < count; k++)
            if (variables[k].type)
                error = executable_type_slots(e, variables[k].type, &slots, &slot_count);
        error_destroy(error);
        executable_destroy(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flattens_a_struct),
        cmocka_unit_test(takes_no_descriptor_from_the_runtimes_part),
        cmocka_unit_test(bounds_arrays),
        cmocka_unit_test(bounds_nesting),
        cmocka_unit_test(survives_circles),
        cmocka_unit_test(survives_wild_offsets_and_names),
        cmocka_unit_test(survives_damage_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
