/* target/present_pages.c on this process's own memory: runs of pages that are there and are not. */
#include "target/present_pages.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = 4096, PAGES = 2048 }; /* 8 MiB: four or five times what is asked for at once */

struct fixture {
    char *memory;
    struct target_segment segments[2];
    struct target target;
    int descriptor;
    struct present_pages *pages;
};

static void begin(struct fixture *f, int descriptor)
{
    f->memory =
        mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(f->memory, MAP_FAILED);
    madvise(f->memory, PAGES * PAGE, MADV_NOHUGEPAGE);
    uint64_t start = (uint64_t)(uintptr_t)f->memory;
    f->segments[0] =
        (struct target_segment){.start = 4096, .end = 8192, .readable = true, .path = "/a/file"};
    f->segments[1] = (struct target_segment){
        .start = start, .end = start + PAGES * PAGE, .readable = true, .path = ""};
    f->target = (struct target){0};
    f->target.segments.data = f->segments;
    f->target.segments.count = 2;
    f->descriptor = descriptor;
    assert_null(present_pages_create(&f->target, descriptor, &f->pages));
}

static void end(struct fixture *f)
{
    present_pages_destroy(f->pages);
    munmap(f->memory, PAGES * PAGE);
    if (f->descriptor >= 0)
        close(f->descriptor);
}

static int own_page_map(void)
{
    int descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    return descriptor;
}

/* Every byte is told to be there exactly when its page was written, whatever is asked for. */
static void tells_what_was_written(void **state)
{
    (void)state;
    struct fixture f;
    bool written[PAGES] = {false}, is_present;
    begin(&f, own_page_map());
    for (unsigned page = 0; page < PAGES; page++) {
        written[page] = page < 3 || page % 64 == 5 || (page >= 500 && page < 1300);
        if (written[page])
            f.memory[page * PAGE] = 1;
    }
    uint64_t start = f.segments[1].start, end_of_all = f.segments[1].end;
    for (uint64_t step = 1; step < 3 * PAGE; step += 1777) {
        for (uint64_t at = start, run; at < end_of_all; at += MIN_OF(run, step + PAGE)) {
            run = present_pages_run(f.pages, 1, at, end_of_all - at, &is_present);
            assert_true(run > 0 && run <= end_of_all - at);
            uint64_t first = (at - start) / PAGE, last = (at + run - 1 - start) / PAGE;
            for (uint64_t page = first; page <= last; page++)
                assert_int_equal(is_present, written[page]);
        }
    }
    assert_int_equal(present_pages_run(f.pages, 1, start + 100, 50, &is_present), 50);
    end(&f);
}

/* A run goes up to the next page that differs, at most to the end of what is asked for at once. */
static void runs_are_long(void **state)
{
    (void)state;
    struct fixture f;
    bool is_present;
    begin(&f, own_page_map());
    uint64_t start = (f.segments[1].start + (2 << 20) - 1) / (2 << 20) * (2 << 20);
    memset((char *)(uintptr_t)start + 100 * PAGE, 1, 200 * PAGE);
    assert_int_equal(present_pages_run(f.pages, 1, start, 2 << 20, &is_present), 100 * PAGE);
    assert_false(is_present);
    assert_int_equal(present_pages_run(f.pages, 1, start + 100 * PAGE + 8, 2 << 20, &is_present),
                     200 * PAGE - 8);
    assert_true(is_present);
    assert_int_equal(present_pages_run(f.pages, 1, start + 300 * PAGE, 4 << 20, &is_present),
                     212 * PAGE);
    assert_false(is_present);
    end(&f);
}

/* What was asked for once is kept: the process stands still. */
static void remembers(void **state)
{
    (void)state;
    struct fixture f;
    bool is_present;
    begin(&f, own_page_map());
    present_pages_run(f.pages, 1, f.segments[1].start, PAGE, &is_present);
    assert_false(is_present);
    f.memory[0] = 1;
    present_pages_run(f.pages, 1, f.segments[1].start, PAGE, &is_present);
    assert_false(is_present);
    end(&f);
}

static void the_unknown_is_there(void **state)
{
    (void)state;
    struct fixture f;
    bool is_present = false;
    begin(&f, -1);
    present_pages_run(f.pages, 1, f.segments[1].start, PAGE, &is_present);
    assert_true(is_present);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_was_written),
        cmocka_unit_test(runs_are_long),
        cmocka_unit_test(remembers),
        cmocka_unit_test(the_unknown_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
