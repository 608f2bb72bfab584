/* Instructions by their bytes, as an assembler made them; what is cut short or none at all.
 * tests/live/test_amd64.py compares whole programs with a disassembler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "binary/amd64.h"

enum { AT = 0x401000 };

static struct amd64_instruction decode(const char *bytes, uint64_t size)
{
    struct amd64_instruction i;
    assert_true(amd64_decode((const uint8_t *)bytes, size, AT, &i));
    assert_int_equal(i.length, size);
    for (uint64_t n = 0; n < size; n++) { /* never reads beyond what is there */
        uint8_t *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, bytes, n);
        struct amd64_instruction ignored;
        assert_false(amd64_decode(cut, n, AT, &ignored));
        free(cut);
    }
    return i;
}
#define DECODE(bytes) decode(bytes, sizeof(bytes) - 1)

static void moves_of_64_bits(void **state)
{
    (void)state;
    struct amd64_instruction i = DECODE("\x48\x8b\x43\x18"); /* mov rax, [rbx+0x18] */
    assert_int_equal(i.operation, AMD64_LOAD);
    assert_int_equal(i.reg, AMD64_RAX);
    assert_int_equal(i.base, AMD64_RBX);
    assert_int_equal(i.index, AMD64_NONE);
    assert_int_equal(i.displacement, 0x18);
    assert_int_equal(i.writes, 1 << AMD64_RAX);

    i = DECODE("\x4c\x89\x94\xcc\x00\x01\x00\x00"); /* mov [rsp+rcx*8+0x100], r10 */
    assert_int_equal(i.operation, AMD64_STORE);
    assert_int_equal(i.source, AMD64_R10);
    assert_int_equal(i.base, AMD64_RSP);
    assert_int_equal(i.index, AMD64_RCX);
    assert_int_equal(i.shift, 3);
    assert_true(i.writes_memory);
    assert_int_equal(i.store_bytes, 8);

    i = DECODE("\x49\x89\xc7"); /* mov r15, rax */
    assert_int_equal(i.operation, AMD64_MOVE);
    assert_int_equal(i.reg, AMD64_R15);
    assert_int_equal(i.source, AMD64_RAX);

    i = DECODE("\x48\xc7\x40\x08\xff\xff\xff\xff"); /* mov qword [rax+8], -1 */
    assert_int_equal(i.operation, AMD64_STORE_CONSTANT);
    assert_int_equal(i.immediate, -1);

    i = DECODE("\x48\x87\x02"); /* xchg [rdx], rax */
    assert_int_equal(i.operation, AMD64_EXCHANGE);
    assert_int_equal(i.reg, AMD64_RAX);
}

static void addresses_relative_to_the_next_instruction(void **state)
{
    (void)state;
    struct amd64_instruction i = DECODE("\x48\x8d\x05\x10\x00\x00\x00"); /* lea rax, [rip+0x10] */
    assert_int_equal(i.operation, AMD64_ADDRESS);
    assert_int_equal(i.base, AMD64_RIP);
    assert_int_equal(i.displacement, AT + 7 + 0x10);
    /* an immediate comes after the displacement: cmp dword [rip-0x20], 0 */
    i = DECODE("\x83\x3d\xe0\xff\xff\xff\x00");
    assert_int_equal(i.displacement, AT + 7 - 0x20);
    assert_int_equal(i.writes, 0);
    assert_false(i.writes_memory);
}

static void what_smaller_moves_write(void **state)
{
    (void)state;
    struct amd64_instruction i = DECODE("\x8b\x43\x18"); /* mov eax, [rbx+0x18] */
    assert_int_equal(i.operation, AMD64_OTHER);
    assert_int_equal(i.writes, 1 << AMD64_RAX);
    i = DECODE("\x88\xe3"); /* mov bl, ah */
    assert_int_equal(i.writes, 1 << AMD64_RBX);
    i = DECODE("\xb4\x07"); /* mov ah, 7 */
    assert_int_equal(i.writes, 1 << AMD64_RAX);
    i = DECODE("\x40\xb4\x07"); /* mov spl, 7 */
    assert_int_equal(i.writes, 1 << AMD64_RSP);
    i = DECODE("\x44\x0f\x11\x7c\x24\x30"); /* movups [rsp+0x30], xmm15 */
    assert_int_equal(i.operation, AMD64_OTHER);
    assert_true(i.writes_memory);
    assert_int_equal(i.store_bytes, 16);
    assert_int_equal(i.writes, 0);
}

static void arithmetic(void **state)
{
    (void)state;
    struct amd64_instruction i = DECODE("\x48\x81\xec\xb0\x00\x00\x00"); /* sub rsp, 0xb0 */
    assert_int_equal(i.operation, AMD64_ADD_CONSTANT);
    assert_int_equal(i.reg, AMD64_RSP);
    assert_int_equal(i.immediate, -0xb0);
    i = DECODE("\x48\x83\xc0\x10"); /* add rax, 0x10 */
    assert_int_equal(i.operation, AMD64_ADD_CONSTANT);
    assert_int_equal(i.immediate, 0x10);
    i = DECODE("\x31\xdb"); /* xor ebx, ebx */
    assert_int_equal(i.operation, AMD64_CONSTANT);
    assert_int_equal(i.reg, AMD64_RBX);
    assert_int_equal(i.immediate, 0);
    i = DECODE("\x31\xd8"); /* xor eax, ebx */
    assert_int_equal(i.operation, AMD64_OTHER);
    i = DECODE("\x48\x85\xc0"); /* test rax, rax */
    assert_int_equal(i.writes, 0);
    i = DECODE("\x48\xf7\xe6"); /* mul rsi */
    assert_int_equal(i.writes, 1 << AMD64_RAX | 1 << AMD64_RDX);
    i = DECODE("\xf0\x0f\xc1\x50\x10"); /* lock xadd [rax+0x10], edx */
    assert_int_equal(i.writes, 1 << AMD64_RDX);
    assert_true(i.writes_memory);
    i = DECODE("\x48\xb8\x0d\x00\x00\x80\x02\x00\x00\x80"); /* mov rax, 0x800000028000000d */
    assert_int_equal(i.operation, AMD64_CONSTANT);
    assert_true((uint64_t)i.immediate == 0x800000028000000d);
}

static void control(void **state)
{
    (void)state;
    struct amd64_instruction i = DECODE("\xe8\xfb\x0f\x00\x00"); /* call */
    assert_int_equal(i.operation, AMD64_CALL);
    assert_int_equal(i.immediate, AT + 0x1000);
    i = DECODE("\xeb\xfe"); /* jmp to itself */
    assert_int_equal(i.operation, AMD64_JUMP);
    assert_int_equal(i.immediate, AT);
    i = DECODE("\x0f\x86\xfa\xff\xff\xff"); /* jbe to itself */
    assert_int_equal(i.operation, AMD64_BRANCH);
    assert_int_equal(i.immediate, AT);
    i = DECODE("\xff\xd1"); /* call rcx */
    assert_int_equal(i.operation, AMD64_CALL_INDIRECT);
    assert_int_equal(i.reg, AMD64_RCX);
    i = DECODE("\xff\x24\xc8"); /* jmp [rax+rcx*8] */
    assert_int_equal(i.operation, AMD64_JUMP_INDIRECT);
    assert_true(i.has_memory);
    assert_int_equal(i.shift, 3);
    assert_int_equal(DECODE("\xc3").operation, AMD64_RETURN);
    assert_int_equal(DECODE("\x0f\x0b").operation, AMD64_TRAP);
    i = DECODE("\x41\x54"); /* push r12 */
    assert_int_equal(i.operation, AMD64_PUSH);
    assert_int_equal(i.reg, AMD64_R12);
    i = DECODE("\x5d"); /* pop rbp */
    assert_int_equal(i.operation, AMD64_POP);
    assert_int_equal(i.writes, 1 << AMD64_RBP);
    assert_int_equal(DECODE("\xf3\x48\xab").operation, AMD64_STRING); /* rep stosq */
}

static void lengths_of_the_unusual(void **state)
{
    (void)state;
    DECODE("\x66\x0f\x1f\x84\x00\x00\x00\x00\x00");     /* a long nop */
    DECODE("\x64\x48\x8b\x0c\x25\xf8\xff\xff\xff");     /* mov rcx, fs:[-8] */
    DECODE("\x66\x0f\x3a\x0f\xc1\x08");                 /* palignr */
    DECODE("\xc5\xfd\x6f\x06");                         /* vmovdqa ymm0, [rsi] */
    DECODE("\xc4\xe2\xfb\xf6\xc2");                     /* mulx rax, rax, rdx */
    DECODE("\x62\xf1\xfe\x48\x6f\x50\x01");             /* vmovdqu64 zmm2, [rax+0x40] */
    DECODE("\x66\xc7\x44\x24\x08\x34\x12");             /* mov word [rsp+8], 0x1234 */
    DECODE("\xf7\x05\x00\x00\x00\x00\x01\x00\x00\x00"); /* test dword [rip], 1 */
}

static void random_bytes(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned n = 0; n < 200000; n++) {
        uint8_t *bytes = malloc(15);
        assert_non_null(bytes);
        uint64_t size = 1 + n % 15;
        for (uint64_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        uint8_t *exact = malloc(size); /* so that a read beyond it shows */
        assert_non_null(exact);
        memcpy(exact, bytes, size);
        struct amd64_instruction i;
        if (amd64_decode(exact, size, AT, &i)) {
            assert_in_range(i.length, 1, size);
            assert_true(i.base <= AMD64_RIP || i.base == AMD64_NONE);
            assert_true(i.reg < 16 || i.reg == AMD64_NONE);
        }
        free(exact);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_of_64_bits),
        cmocka_unit_test(addresses_relative_to_the_next_instruction),
        cmocka_unit_test(what_smaller_moves_write),
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(control),
        cmocka_unit_test(lengths_of_the_unusual),
        cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
