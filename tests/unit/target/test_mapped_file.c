#include <fcntl.h>

#include "base/parallel.h"
#include "child.h"
#include "target/mapped_file.h"

enum { PAGE = 4096, PAGES = 8 };

static uint64_t read_byte(const uint8_t *bytes, uint64_t at)
{
    return ((const volatile uint8_t *)bytes)[at];
}

/* A file of PAGES pages of ones; its name is gone already. */
static int make_file(void)
{
    char path[] = "/tmp/leakhound-mapped-XXXXXX";
    uint8_t page[PAGE];
    int file = mkostemp(path, O_CLOEXEC);
    assert_true(file >= 0);
    unlink(path);
    memset(page, 1, sizeof(page));
    for (int i = 0; i < PAGES; i++)
        assert_int_equal(write(file, page, sizeof(page)), PAGE);
    return file;
}

static const uint8_t *map(int file)
{
    const uint8_t *bytes = NULL;
    assert_null(mapped_file_map(file, PAGES * PAGE, "the file", &bytes));
    return bytes;
}

static void check_lost(const uint8_t *bytes, uint64_t offset)
{
    struct error *error = mapped_file_check(bytes);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_FORMAT);
    assert_int_equal(error->offset, offset);
    assert_non_null(strstr(error->message, "the file"));
    error_destroy(error);
}

static void test_whole(void **state)
{
    (void)state;
    int file = make_file();
    const uint8_t *bytes = map(file);
    for (uint64_t i = 0; i < PAGES * PAGE; i += PAGE / 2)
        assert_int_equal(read_byte(bytes, i), 1);
    assert_null(mapped_file_check(bytes));
    mapped_file_unmap(bytes, PAGES * PAGE);
    mapped_file_unmap(NULL, 0);
    close(file);
}

static void test_cut(void **state)
{
    (void)state;
    int file = make_file(), other = make_file();
    const uint8_t *bytes = map(file), *intact = map(other);
    assert_int_equal(ftruncate(file, 2 * PAGE), 0);
    assert_int_equal(read_byte(bytes, PAGE), 1);
    assert_null(mapped_file_check(bytes)); /* nobody has looked there */
    assert_int_equal(read_byte(bytes, 5 * PAGE + 7), 0);
    assert_true(mapped_file_any_lost());
    check_lost(bytes, 5 * PAGE);
    assert_int_equal(read_byte(bytes, 3 * PAGE), 0);
    check_lost(bytes, 5 * PAGE); /* the first look stays */
    assert_int_equal(read_byte(bytes, 0), 1);
    assert_null(mapped_file_check(intact));
    mapped_file_unmap(bytes, PAGES * PAGE);
    mapped_file_unmap(intact, PAGES * PAGE);
    close(file);
    file = make_file();
    bytes = map(file); /* the place of the damaged one */
    assert_null(mapped_file_check(bytes));
    mapped_file_unmap(bytes, PAGES * PAGE);
    close(file);
    close(other);
}

static struct error *read_all(void *context, unsigned part)
{
    const uint8_t *bytes = context;
    uint64_t sum = 0;
    for (uint64_t i = part; i < PAGES; i++)
        sum += read_byte(bytes, i * PAGE);
    return sum == 0 ? NULL : error_create(ERROR_LIMIT, "sum %d", (int)sum);
}

static void test_threads(void **state)
{
    (void)state;
    int file = make_file();
    const uint8_t *bytes = map(file);
    assert_int_equal(ftruncate(file, 0), 0);
    struct error *error = parallel_run(4, read_all, (void *)(uintptr_t)bytes);
    assert_null(error);
    error = mapped_file_check(bytes);
    assert_non_null(error);
    error_destroy(error);
    mapped_file_unmap(bytes, PAGES * PAGE);
    close(file);
}

static void test_limit(void **state)
{
    (void)state;
    enum { MOST = 64 };
    const uint8_t *maps[MOST], *more = NULL;
    int file = make_file();
    for (int i = 0; i < MOST; i++)
        maps[i] = map(file);
    struct error *error = mapped_file_map(file, PAGE, "one more", &more);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_LIMIT);
    assert_null(more);
    error_destroy(error);
    for (int i = 0; i < MOST; i++)
        mapped_file_unmap(maps[i], PAGES * PAGE);
    mapped_file_unmap(map(file), PAGES * PAGE);
    error = mapped_file_map(-1, PAGE, "no file", &more);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_OS);
    error_destroy(error);
    close(file);
}

/* Faults that are none of ours end the process as they did. */
static void test_other_faults(void **state)
{
    (void)state;
    int file = make_file();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uint8_t *bytes = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
        signal(SIGBUS, SIG_DFL);
        map(file); /* installs our handler */
        if (bytes == MAP_FAILED || ftruncate(file, 0) != 0)
            _exit(1);
        _exit((int)read_byte(bytes, 0));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_limit),
        cmocka_unit_test(test_other_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
