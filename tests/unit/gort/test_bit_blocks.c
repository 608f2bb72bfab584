/* gort/bit_blocks.c: the same bytes and errors as target_read, on a stopped child. */
#include "../target/child.h"

#include "gort/bit_blocks.h"

enum { PAGE = 4096, BLOCK = 64 << 10, PAGES = 64 };

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7);
}

/* Four blocks of 64 KiB, one of which has a page that cannot be read. */
static void body(void)
{
    char *memory =
        mmap(NULL, (PAGES + 16) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = (char *)(((uintptr_t)memory + BLOCK - 1) & ~(uintptr_t)(BLOCK - 1));
    for (uint64_t i = 0; i < PAGES * PAGE; i++)
        memory[i] = (char)byte_at(i);
    mprotect(memory + 20 * PAGE, PAGE, PROT_NONE);
    atomic_store(&shared->address, (uint64_t)(uintptr_t)memory);
    atomic_store(&shared->ready, 1);
    for (;;)
        sleep_ms(100);
}

static void check(struct bit_blocks *blocks, uint64_t start, uint64_t offset, uint64_t n)
{
    uint8_t bytes[256];
    struct error *error = bit_blocks_read(blocks, start + offset, bytes, n);
    assert_null(error);
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], byte_at(offset + i));
}

static void check_fault(struct bit_blocks *blocks, uint64_t address)
{
    uint8_t bytes[16];
    struct error *error = bit_blocks_read(blocks, address, bytes, sizeof(bytes));
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_FAULT);
    error_destroy(error);
}

static void reads_as_the_target_does(void **state)
{
    (void)state;
    struct target_options options = {.freeze = FREEZE_STOP};
    struct target *target;
    struct bit_blocks blocks;
    pid_t pid = start_child(body);
    uint64_t start = atomic_load(&shared->address);
    assert_null(target_open_process(pid, &options, &target));
    assert_null(bit_blocks_init(&blocks, target));
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t at = 0; at < 16 * PAGE - 200; at += 333)
            check(&blocks, start, at, 1 + at % 200);
        check(&blocks, start, BLOCK - 10, 20); /* over the end of a block */
        check(&blocks, start, 17 * PAGE, 100); /* in a block that cannot be read as a whole */
        check(&blocks, start, 21 * PAGE, 100);
        check_fault(&blocks, start + 20 * PAGE + 8);
        check_fault(&blocks, start + 20 * PAGE - 8);
        check_fault(&blocks, 64);
    }
    bit_blocks_deinit(&blocks);
    target_destroy(target);
    end_child(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_as_the_target_does, reset_counters),
    };
    return cmocka_run_group_tests(tests, share_counters, NULL);
}
