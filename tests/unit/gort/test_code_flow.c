/* Following values through small functions: moves, memory, calls, ways that meet, loops, switches,
 * both calling conventions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gort/code_flow.h"

enum {
    TEXT = 0x400000,
    ENTRY = 0x410000,
    TYPE_A = 0x500100,
    TYPE_B = 0x500200,
    TYPES = 0x500000,
    TYPES_END = 0x600000,
    TABLE = 0x650000, /* of a switch, in read-only data */
    DATA = 0x700000,
    GLOBAL = 0x700040,
    OTHER = 0x700080,
    DATA_END = 0x800000,
    /* functions */
    NEW_OBJECT = 0x401000,
    MAP_ASSIGN = 0x402000,
    ORDINARY = 0x403000,
    BARRIER = 0x404000,
    MORE_STACK = 0x405000,
    MOVE_VALUE = 0x406000,
    SELF = 9, /* index of the function that is walked */
};

/* -- a program around the function ------------------------------------------------------------ */

static const struct code_call calls[] = {
    {.effect = CODE_CALL_ORDINARY, .arguments = 4},
    {.effect = CODE_CALL_MAKE, .made = CODE_NEW_OBJECT, .result = 1, .arguments = 2},
    {.effect = CODE_CALL_MAP, .subject = 1, .arguments = 4},
    {.effect = CODE_CALL_ORDINARY, .arguments = 4},
    {.effect = CODE_CALL_BUFFER},
    {.effect = CODE_CALL_AGAIN},
    {.effect = CODE_CALL_MOVE, .subject = 1, .arguments = 3},
};

static uint32_t function_at(void *context, uint64_t address)
{
    (void)context;
    uint64_t index = (address - TEXT) / 0x1000;
    return address % 0x1000 == 0 && index < ARRAY_COUNT(calls) ? (uint32_t)index : UINT32_MAX;
}

static const struct code_call *call_of(void *context, uint32_t function)
{
    (void)context;
    assert_true(function < ARRAY_COUNT(calls));
    return &calls[function];
}

static uint64_t table[3];

static bool read_words(void *context, uint64_t address, uint64_t *out, uint32_t n)
{
    (void)context;
    if (address != TABLE || n > ARRAY_COUNT(table))
        return false;
    memcpy(out, table, n * sizeof(*out));
    return true;
}

static bool everywhere(void *context, uint64_t pc)
{
    (void)context;
    return pc != 0;
}

/* -- an assembler ------------------------------------------------------------------------------ */

struct code {
    uint8_t bytes[400];
    uint64_t size;
};

static void put(struct code *c, const char *bytes, uint64_t n)
{
    assert_true(c->size + n <= sizeof(c->bytes));
    memcpy(c->bytes + c->size, bytes, n);
    c->size += n;
}
#define PUT(c, bytes) put(c, bytes, sizeof(bytes) - 1)

static void put_relative(struct code *c, uint64_t target)
{
    int32_t displacement = (int32_t)((int64_t)target - (int64_t)(ENTRY + c->size + 4));
    put(c, (const char *)&displacement, 4);
}

/* lea, mov from and mov to an address relative to rip. */
static void put_rip(struct code *c, uint8_t opcode, unsigned reg, uint64_t target)
{
    const char bytes[] = {(char)(reg >= 8 ? 0x4c : 0x48), (char)opcode, (char)((reg & 7) << 3 | 5)};
    put(c, bytes, sizeof(bytes));
    put_relative(c, target);
}
static void lea(struct code *c, unsigned reg, uint64_t target)
{
    put_rip(c, 0x8d, reg, target);
}
static void load(struct code *c, unsigned reg, uint64_t target)
{
    put_rip(c, 0x8b, reg, target);
}
static void store(struct code *c, uint64_t target, unsigned reg)
{
    put_rip(c, 0x89, reg, target);
}

/* mov reg, [base + offset] and back; base is neither rsp nor r12. */
static void put_based(struct code *c, uint8_t opcode, unsigned reg, unsigned base, int8_t offset)
{
    const char bytes[] = {(char)(0x48 | (reg >= 8 ? 4 : 0) | (base >= 8)), (char)opcode,
                          (char)(0x40 | (reg & 7) << 3 | (base & 7)), (char)offset};
    put(c, bytes, sizeof(bytes));
}
static void load_at(struct code *c, unsigned reg, unsigned base, int8_t offset)
{
    put_based(c, 0x8b, reg, base, offset);
}
static void store_at(struct code *c, unsigned base, int8_t offset, unsigned reg)
{
    put_based(c, 0x89, reg, base, offset);
}

/* mov reg, [rsp + offset] and back. */
static void put_stack(struct code *c, uint8_t opcode, unsigned reg, int8_t offset)
{
    const char bytes[] = {(char)(0x48 | (reg >= 8 ? 4 : 0)), (char)opcode,
                          (char)(0x44 | (reg & 7) << 3), 0x24, (char)offset};
    put(c, bytes, sizeof(bytes));
}
static void load_stack(struct code *c, unsigned reg, int8_t offset)
{
    put_stack(c, 0x8b, reg, offset);
}
static void store_stack(struct code *c, int8_t offset, unsigned reg)
{
    put_stack(c, 0x89, reg, offset);
}

static void move(struct code *c, unsigned to, unsigned from)
{
    const char bytes[] = {(char)(0x48 | (from >= 8 ? 4 : 0) | (to >= 8)), (char)0x89,
                          (char)(0xc0 | (from & 7) << 3 | (to & 7))};
    put(c, bytes, sizeof(bytes));
}

static void call(struct code *c, uint64_t target)
{
    PUT(c, "\xe8");
    put_relative(c, target);
}

/* A short jump (0xeb) or branch forward; the returned place is given to `here`. */
static uint64_t jump(struct code *c, uint8_t opcode)
{
    const char bytes[] = {(char)opcode, 0};
    put(c, bytes, sizeof(bytes));
    return c->size;
}
static void here(struct code *c, uint64_t from)
{
    c->bytes[from - 1] = (uint8_t)(c->size - from);
}
static void jump_back(struct code *c, uint8_t opcode, uint64_t to)
{
    jump(c, opcode);
    c->bytes[c->size - 1] = (uint8_t)(to - c->size);
}
enum { JMP = 0xeb, JE = 0x74 };

static void ret(struct code *c)
{
    PUT(c, "\xc3");
}

/* -- what is learned --------------------------------------------------------------------------- */

static struct code_facts walk_as(const struct code *c, bool stack_convention)
{
    const struct code_program program = {
        .stack_convention = stack_convention,
        .types = TYPES,
        .types_end = TYPES_END,
        .data = DATA,
        .data_end = DATA_END,
        .text = TEXT,
        .text_end = TEXT + 0x100000,
        .function_at = function_at,
        .call_of = call_of,
        .read_words = read_words,
        .stands_at = everywhere,
    };
    uint8_t *exact = malloc(c->size); /* so that a read beyond it shows */
    assert_non_null(exact);
    memcpy(exact, c->bytes, c->size);
    const struct code_function function = {
        .index = SELF, .entry = ENTRY, .bytes = exact, .size = c->size, .argument_words = 4};
    struct code_walker *walker;
    struct code_facts facts = {0};
    assert_null(code_walker_create(&program, &walker));
    assert_null(code_walk(walker, &function, &facts));
    uint64_t count = facts.facts.count, bindings = facts.bindings.count;
    assert_null(code_walk(walker, &function, &facts)); /* the walker keeps nothing */
    assert_int_equal(facts.facts.count, 2 * count);
    assert_int_equal(facts.bindings.count, 2 * bindings);
    facts.facts.count = count;
    facts.bindings.count = bindings;
    facts.summaries.count /= 2;
    facts.closures.count /= 2;
    facts.frame_words.count /= 2;
    facts.given_up /= 2;
    code_walker_destroy(walker);
    free(exact);
    return facts;
}

static struct code_facts walk(const struct code *c)
{
    return walk_as(c, false);
}

static void expect_where(const struct code_fact *fact, enum code_value_kind kind, uint64_t base,
                         unsigned loads, int32_t first, int32_t second)
{
    assert_int_equal(fact->where.kind, kind);
    if (kind != CODE_ARGUMENT)
        assert_int_equal(fact->where.base, base);
    else
        assert_int_equal(fact->where.place, base);
    assert_int_equal(fact->where.loads, loads);
    assert_int_equal(fact->where.offsets[0], first);
    assert_int_equal(fact->where.offsets[1], second);
}

static void expect_new(const struct code_fact *fact, enum code_new made, uint64_t type)
{
    assert_int_equal(fact->kind, CODE_FACT_NEW);
    assert_int_equal(fact->place, made);
    assert_int_equal(fact->type, type);
    assert_int_equal(fact->function, SELF);
}

static bool has_fact(const struct code_facts *facts, enum code_fact_kind kind, uint64_t type)
{
    for (uint64_t i = 0; i < facts->facts.count; i++)
        if (facts->facts.data[i].kind == kind && facts->facts.data[i].type == type)
            return true;
    return false;
}

/* -- the tests --------------------------------------------------------------------------------- */

static void a_new_object_in_a_global(void **state)
{
    (void)state;
    struct code c = {0};
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    move(&c, AMD64_RCX, AMD64_RAX);
    store(&c, GLOBAL, AMD64_RCX);
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.facts.count, 1);
    expect_new(&facts.facts.data[0], CODE_NEW_OBJECT, TYPE_A);
    expect_where(&facts.facts.data[0], CODE_ADDRESS, GLOBAL, 1, 0, 0);
    code_facts_deinit(&facts);
}

static void a_map_behind_a_global(void **state)
{
    (void)state;
    struct code c = {0};
    load(&c, AMD64_RDX, GLOBAL);
    load_at(&c, AMD64_RBX, AMD64_RDX, 24); /* its member */
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, MAP_ASSIGN);
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.facts.count, 1);
    expect_new(&facts.facts.data[0], CODE_NEW_MAP, TYPE_A);
    expect_where(&facts.facts.data[0], CODE_ADDRESS, GLOBAL, 2, 0, 24);
    code_facts_deinit(&facts);
}

static void parameters_through_the_frame(void **state)
{
    (void)state;
    struct code c = {0};
    PUT(&c, "\x49\x3b\x66\x10"); /* cmp rsp, [r14+16] */
    uint64_t more = jump(&c, 0x76);
    PUT(&c, "\x48\x83\xec\x38"); /* sub rsp, 0x38 */
    store_stack(&c, 0x40, AMD64_RAX);
    call(&c, ORDINARY);
    load_stack(&c, AMD64_RCX, 0x40);
    load_at(&c, AMD64_RBX, AMD64_RCX, 8);
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, MAP_ASSIGN);
    PUT(&c, "\x48\x83\xc4\x38"); /* add rsp, 0x38 */
    ret(&c);
    here(&c, more);
    store_stack(&c, 8, AMD64_RAX);
    call(&c, MORE_STACK);
    load_stack(&c, AMD64_RAX, 8);
    jump_back(&c, JMP, 0);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.facts.count, 1);
    expect_where(&facts.facts.data[0], CODE_ARGUMENT, 0, 1, 8, 0);
    /* the receiver is also passed on, and stands in the frame behind both calls */
    assert_int_equal(facts.bindings.data[0].value.kind, CODE_ARGUMENT);
    assert_int_equal(facts.bindings.data[0].callee, 3);
    uint64_t words = 0;
    for (uint64_t i = 0; i < facts.frame_words.count; i++)
        if (facts.frame_words.data[i].value.kind == CODE_ARGUMENT) {
            assert_int_equal(facts.frame_words.data[i].offset, 8);
            words++;
        }
    assert_true(words >= 2);
    code_facts_deinit(&facts);
}

static void calls_take_what_they_may_change(void **state)
{
    (void)state;
    struct code c = {0};
    load(&c, AMD64_RBX, GLOBAL);
    call(&c, ORDINARY); /* may use every register */
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, MAP_ASSIGN);
    /* the address of a word of the frame is passed: it may be written there */
    load(&c, AMD64_RCX, GLOBAL);
    store_stack(&c, 0x10, AMD64_RCX);
    PUT(&c, "\x48\x8d\x44\x24\x10"); /* lea rax, [rsp+0x10] */
    call(&c, ORDINARY);
    load_stack(&c, AMD64_RBX, 0x10);
    lea(&c, AMD64_RAX, TYPE_B);
    call(&c, MAP_ASSIGN);
    ret(&c);
    struct code_facts facts = walk(&c);
    for (uint64_t i = 0; i < facts.facts.count; i++) /* only: what the call returned is a map */
        assert_int_equal(facts.facts.data[i].where.kind, CODE_RESULT);
    assert_false(has_fact(&facts, CODE_FACT_NEW, TYPE_B));
    code_facts_deinit(&facts);
}

static void write_barriers_keep_registers(void **state)
{
    (void)state;
    struct code c = {0};
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    uint64_t off = jump(&c, JE);
    call(&c, BARRIER);
    store_at(&c, AMD64_R11, 0, AMD64_RAX);
    here(&c, off);
    store(&c, GLOBAL, AMD64_RAX);
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.facts.count, 1);
    expect_new(&facts.facts.data[0], CODE_NEW_OBJECT, TYPE_A);
    code_facts_deinit(&facts);
}

static void ways_that_meet(void **state)
{
    (void)state;
    struct code c = {0}; /* if … { x = new(A) } else { x = nil }; global = x */
    uint64_t other = jump(&c, JE);
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    uint64_t end = jump(&c, JMP);
    here(&c, other);
    PUT(&c, "\x31\xc0"); /* xor eax, eax */
    here(&c, end);
    store(&c, GLOBAL, AMD64_RAX);
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.facts.count, 1);
    expect_new(&facts.facts.data[0], CODE_NEW_OBJECT, TYPE_A);
    code_facts_deinit(&facts);

    c = (struct code){0}; /* … else { x = what nobody knows } */
    other = jump(&c, JE);
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    end = jump(&c, JMP);
    here(&c, other);
    PUT(&c, "\x48\x0f\xaf\xc3"); /* imul rax, rbx */
    here(&c, end);
    store(&c, GLOBAL, AMD64_RAX);
    ret(&c);
    facts = walk(&c);
    assert_int_equal(facts.facts.count, 0);
    code_facts_deinit(&facts);

    c = (struct code){0}; /* … else { x = the parameter }: both are told */
    other = jump(&c, JE);
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    here(&c, other);
    store(&c, GLOBAL, AMD64_RAX);
    ret(&c);
    facts = walk(&c);
    assert_int_equal(facts.facts.count, 2);
    assert_true(has_fact(&facts, CODE_FACT_NEW, TYPE_A));
    assert_true(has_fact(&facts, CODE_FACT_PASSED, 0));
    code_facts_deinit(&facts);
}

static void a_loop_over_a_list(void **state)
{
    (void)state;
    struct code c = {0}; /* for e := head; …; e = e.next { e.m[…] = … } */
    PUT(&c, "\x48\x83\xec\x38");
    load(&c, AMD64_RCX, GLOBAL);
    store_stack(&c, 0x20, AMD64_RCX);
    uint64_t begin = c.size;
    load_stack(&c, AMD64_RCX, 0x20);
    load_at(&c, AMD64_RBX, AMD64_RCX, 8);
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, MAP_ASSIGN);
    load_stack(&c, AMD64_RCX, 0x20);
    load_at(&c, AMD64_RCX, AMD64_RCX, 16);
    store_stack(&c, 0x20, AMD64_RCX);
    jump_back(&c, JE, begin);
    PUT(&c, "\x48\x83\xc4\x38");
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.given_up, 0);
    assert_in_range(facts.facts.count, 2, CODE_ALTERNATIVES_MAX);
    bool first = false, second = false;
    for (uint64_t i = 0; i < facts.facts.count; i++) {
        const struct code_value *v = &facts.facts.data[i].where;
        expect_new(&facts.facts.data[i], CODE_NEW_MAP, TYPE_A);
        assert_int_equal(v->base, GLOBAL);
        assert_int_equal(v->offsets[v->loads - 1], 8);
        first |= v->loads == 2;
        second |= v->loads == 3 && v->offsets[1] == 16;
    }
    assert_true(first && second);
    code_facts_deinit(&facts);
}

static void results(void **state)
{
    (void)state;
    struct code c = {0}; /* global = f() */
    call(&c, ORDINARY);
    store(&c, GLOBAL, AMD64_RAX);
    store(&c, OTHER, AMD64_RBX);
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.facts.count, 2);
    assert_int_equal(facts.facts.data[1].kind, CODE_FACT_RETURNED);
    assert_int_equal(facts.facts.data[1].type, 3);
    assert_int_equal(facts.facts.data[1].place, 1);
    code_facts_deinit(&facts);

    c = (struct code){0}; /* return new(A) */
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    PUT(&c, "\x31\xdb"); /* and a nil error */
    ret(&c);
    facts = walk(&c);
    assert_true(facts.summaries.count >= 1);
    assert_int_equal(facts.summaries.data[0].place, 0);
    assert_int_equal(facts.summaries.data[0].value.kind, CODE_NEW);
    assert_int_equal(facts.summaries.data[0].value.base, TYPE_A);
    code_facts_deinit(&facts);
}

static void interfaces_have_many_types(void **state)
{
    (void)state;
    struct code c = {0}; /* return interface{}(new(A)): the data is not known to be an A's */
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    move(&c, AMD64_RBX, AMD64_RAX);
    lea(&c, AMD64_RAX, TYPE_B);
    ret(&c);
    struct code_facts facts = walk(&c);
    for (uint64_t i = 0; i < facts.summaries.count; i++)
        assert_int_not_equal(facts.summaries.data[i].value.kind, CODE_NEW);
    code_facts_deinit(&facts);

    c = (struct code){0}; /* f(interface{}(new(A))) */
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    move(&c, AMD64_RBX, AMD64_RAX);
    lea(&c, AMD64_RAX, TYPE_B);
    call(&c, ORDINARY);
    ret(&c);
    facts = walk(&c);
    for (uint64_t i = 0; i < facts.bindings.count; i++)
        assert_int_not_equal(facts.bindings.data[i].value.kind, CODE_NEW);
    code_facts_deinit(&facts);
}

static void what_closures_capture(void **state)
{
    (void)state;
    struct code c = {0};
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, NEW_OBJECT);
    lea(&c, AMD64_RCX, TEXT + 0x8000);
    store_at(&c, AMD64_RAX, 0, AMD64_RCX);
    store_at(&c, AMD64_RAX, 8, AMD64_RCX); /* not the entry */
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.closures.count, 1);
    assert_int_equal(facts.closures.data[0].entry, TEXT + 0x8000);
    assert_int_equal(facts.closures.data[0].type, TYPE_A);
    code_facts_deinit(&facts);
}

static void values_in_globals(void **state)
{
    (void)state;
    struct code c = {0}; /* global = *p, of a type with pointers */
    lea(&c, AMD64_RAX, TYPE_A);
    lea(&c, AMD64_RBX, GLOBAL);
    load(&c, AMD64_RCX, OTHER);
    call(&c, MOVE_VALUE);
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.facts.count, 2);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(facts.facts.data[i].kind, CODE_FACT_VALUE);
    expect_where(&facts.facts.data[0], CODE_ADDRESS, OTHER, 1, 0, 0);
    expect_where(&facts.facts.data[1], CODE_ADDRESS, GLOBAL, 0, 0, 0);
    code_facts_deinit(&facts);
}

static void a_switch_by_table(void **state)
{
    (void)state;
    struct code c = {0};
    load(&c, AMD64_RBX, GLOBAL);
    lea(&c, AMD64_RDX, TABLE);
    PUT(&c, "\xff\x24\xca"); /* jmp [rdx+rcx*8] */
    PUT(&c, "\xcc\xcc");
    table[0] = table[1] = ENTRY + c.size;
    table[2] = 0;
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, MAP_ASSIGN);
    ret(&c);
    struct code_facts facts = walk(&c);
    assert_int_equal(facts.given_up, 0);
    assert_int_equal(facts.facts.count, 1);
    expect_where(&facts.facts.data[0], CODE_ADDRESS, GLOBAL, 1, 0, 0);
    code_facts_deinit(&facts);

    c = (struct code){0}; /* to nobody knows where: what is behind it tells nothing */
    load(&c, AMD64_RBX, GLOBAL);
    uint64_t other = jump(&c, JE);
    PUT(&c, "\xff\x24\xca");
    here(&c, other);
    lea(&c, AMD64_RAX, TYPE_A);
    call(&c, MAP_ASSIGN);
    ret(&c);
    facts = walk(&c);
    assert_int_equal(facts.given_up, 1);
    assert_int_equal(facts.facts.count, 0);
    code_facts_deinit(&facts);
}

static void arguments_on_the_stack(void **state)
{
    (void)state;
    struct code c = {0}; /* Go 1.15: (receiver at rsp+0x40) receiver.m[…], global = new(A) */
    PUT(&c, "\x48\x83\xec\x38");
    load_stack(&c, AMD64_RAX, 0x40);
    load_at(&c, AMD64_RCX, AMD64_RAX, 24);
    lea(&c, AMD64_RDX, TYPE_A);
    store_stack(&c, 0, AMD64_RDX);
    store_stack(&c, 8, AMD64_RCX);
    call(&c, MAP_ASSIGN);
    lea(&c, AMD64_RDX, TYPE_B);
    store_stack(&c, 0, AMD64_RDX);
    call(&c, NEW_OBJECT);
    load_stack(&c, AMD64_RAX, 8);
    store(&c, GLOBAL, AMD64_RAX);
    store_stack(&c, 0x48, AMD64_RAX); /* and return it */
    PUT(&c, "\x48\x83\xc4\x38");
    ret(&c);
    struct code_facts facts = walk_as(&c, true);
    assert_int_equal(facts.facts.count, 2);
    expect_new(&facts.facts.data[0], CODE_NEW_MAP, TYPE_A);
    expect_where(&facts.facts.data[0], CODE_ARGUMENT, 0, 1, 24, 0);
    expect_new(&facts.facts.data[1], CODE_NEW_OBJECT, TYPE_B);
    bool returned = false;
    for (uint64_t i = 0; i < facts.summaries.count; i++)
        returned |=
            facts.summaries.data[i].place == 1 && facts.summaries.data[i].value.base == TYPE_B;
    assert_true(returned);
    code_facts_deinit(&facts);
}

static void values_are_bounded(void **state)
{
    (void)state;
    struct code_values values;
    assert_null(code_values_init(&values));
    uint32_t v = code_value_root(&values, CODE_ADDRESS, GLOBAL, 0);
    for (unsigned i = 0; i < CODE_LOADS_MAX; i++)
        v = code_value_load(&values, v, 8);
    assert_int_equal(values.items[v].loads, CODE_LOADS_MAX);
    assert_int_equal(code_value_load(&values, v, 8), CODE_VALUE_FAR);
    assert_int_equal(code_value_plus(&values, v, INT64_C(1) << 40), CODE_VALUE_UNKNOWN);
    assert_int_equal(code_value_load(&values, CODE_VALUE_ZERO, 8), CODE_VALUE_ZERO);
    uint32_t set = CODE_VALUE_ZERO, each[CODE_ALTERNATIVES_MAX];
    for (unsigned i = 0; i < 10; i++)
        set = code_value_merge(&values, set, code_value_root(&values, CODE_RESULT, i, 0));
    assert_int_equal(code_value_alternatives(&values, set, each), CODE_ALTERNATIVES_MAX);
    assert_int_equal(code_value_merge(&values, set, set), set);
    assert_int_equal(code_value_merge(&values, set, CODE_VALUE_UNKNOWN), CODE_VALUE_UNKNOWN);
    for (unsigned i = 0; i < 2 * CODE_VALUES_MAX; i++)
        code_value_root(&values, CODE_RESULT, i, 1);
    assert_int_equal(values.count, CODE_VALUES_MAX);
    assert_int_equal(code_value_root(&values, CODE_RESULT, 1u << 30, 1), CODE_VALUE_UNKNOWN);
    code_values_reset(&values);
    assert_int_equal(values.count, CODE_VALUES_FIXED);
    v = code_value_root(&values, CODE_ADDRESS, GLOBAL, 0);
    assert_int_equal(v, CODE_VALUES_FIXED);
    code_values_deinit(&values);
}

static void random_code_stays_within_bounds(void **state)
{
    (void)state;
    static const uint8_t likely[] = {0x48, 0x8b, 0x89, 0x8d, 0x44, 0x24, 0x08, 0x05, 0xe8, 0x74,
                                     0xeb, 0xc3, 0x00, 0x01, 0xff, 0x0f, 0x83, 0xec, 0x50, 0x58};
    uint32_t seed = 7;
    for (unsigned n = 0; n < 3000; n++) {
        struct code c = {.size = 1 + n % sizeof(c.bytes)};
        for (uint64_t i = 0; i < c.size; i++) {
            seed = seed * 1664525 + 1013904223;
            c.bytes[i] = seed >> 31 ? likely[(seed >> 8) % sizeof(likely)] : (uint8_t)(seed >> 16);
        }
        struct code_facts facts = walk_as(&c, n & 1);
        code_facts_deinit(&facts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_object_in_a_global),
        cmocka_unit_test(a_map_behind_a_global),
        cmocka_unit_test(parameters_through_the_frame),
        cmocka_unit_test(calls_take_what_they_may_change),
        cmocka_unit_test(write_barriers_keep_registers),
        cmocka_unit_test(ways_that_meet),
        cmocka_unit_test(a_loop_over_a_list),
        cmocka_unit_test(results),
        cmocka_unit_test(interfaces_have_many_types),
        cmocka_unit_test(what_closures_capture),
        cmocka_unit_test(values_in_globals),
        cmocka_unit_test(a_switch_by_table),
        cmocka_unit_test(arguments_on_the_stack),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(random_code_stays_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
