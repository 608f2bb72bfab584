/* Goroutines as text and JSON: golden outputs, and what the runtime's own dump would show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden.h"
#include "report/goroutines.h"

static const struct snapshot_place places[] = {
    {.function = "runtime.gopark", .file = "/go/src/runtime/proc.go", .line = 474, .hidden = true},
    {.function = "main.send[go.shape.int]", .file = "/src/shop/send.go", .line = 12},
    {.function = "main.start.gowrap1", .file = "/src/shop/main.go", .line = 30, .wrapper = true},
    {.function = "runtime.gopanic", .file = "/go/src/runtime/panic.go", .line = 9, .hidden = true},
    {.function = "main.start", .file = "/src/shop/main.go", .line = 30},
    {.function = "runtime.bgsweep", .file = "/go/src/runtime/sweep.go", .line = 5, .hidden = true},
    {.function = "main.\x1b[31mred", .file = "/src/\x1b/red.go", .line = 1},
};
static uint32_t sending[] = {0, 1, 2}, panicking[] = {0, 1, 3, 2, 6}, sweeping[] = {0, 5};
static struct snapshot_wait channel[] = {{.address = 0xc000012345, .type = "chan int"}};

static struct snapshot_goroutine items[] = {
    {.id = 7,
     .state = "chan send",
     .status = 4,
     .stack_bytes = 2048,
     .created_at = 5,
     .parent_id = 1,
     .function = "main.send",
     .frames = sending,
     .frame_count = 3,
     .operation = "send on a channel",
     .waits_for = "channel",
     .waits = channel,
     .wait_count = 1,
     .held_bytes = 4096,
     .leak = SNAPSHOT_LEAK_PROVEN,
     .waiting_ns = 130000000000u,
     .group = 1},
    {.id = 8,
     .state = "chan send",
     .status = 4,
     .stack_bytes = 2048,
     .created_at = 5,
     .parent_id = 1,
     .function = "main.send",
     .frames = sending,
     .frame_count = 3,
     .operation = "send on a channel",
     .waits_for = "channel",
     .waits = channel,
     .wait_count = 1,
     .held_bytes = 0,
     .leak = SNAPSHOT_LEAK_PROVEN,
     .waiting_ns = 310000000000u,
     .group = 1},
    {.id = 9,
     .state = "running",
     .status = 2,
     .stack_bytes = 8192,
     .function = "main.\x1bred",
     .frames = panicking,
     .frame_count = 5,
     .operation = "",
     .waits_for = "",
     .locked = true,
     .leak = SNAPSHOT_LEAK_NO,
     .stack_damaged = true,
     .frames_left_out = 3},
    {.id = 2,
     .state = "GC sweep wait",
     .status = 4,
     .stack_bytes = 4096,
     .system = true,
     .function = "runtime.bgsweep",
     .frames = sweeping,
     .frame_count = 2,
     .operation = "",
     .waits_for = "",
     .leak = SNAPSHOT_LEAK_NO},
};
static struct snapshot_goroutine_group groups[] = {{.count = 2, .held_bytes = 70000}};

static struct snapshot_goroutines goroutines(void)
{
    struct snapshot_goroutines all = {0};
    all.places.data = (struct snapshot_place *)(uintptr_t)places;
    all.places.count = sizeof(places) / sizeof(places[0]);
    all.items.data = items;
    all.items.count = sizeof(items) / sizeof(items[0]);
    all.groups.data = groups;
    all.groups.count = 1;
    return all;
}

static void check(const char *golden, struct goroutines_shown shown, bool json)
{
    struct snapshot_goroutines all = goroutines();
    struct report report;
    report_init(&report);
    report.target = (struct report_target){.kind = "live",
                                           .name = "shop",
                                           .pid = 42,
                                           .go_version = "go1.27.4",
                                           .freeze = "fork",
                                           .stopped_ns = 3000000,
                                           .taken_at = "2026-03-01T12:04:31Z"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const struct text_style style = {.columns = 100, .utf8 = true};
    struct error *error = json ? goroutines_write_json(&report, &all, shown, "0.1.0", out)
                               : goroutines_write_text(&report, &all, shown, &style, out);
    assert_null(error);
    fclose(out);
    assert_true(golden_matches(golden, text));
    assert_null(strchr(text, '\x1b'));
    free(text);
    report_deinit(&report);
}

static void by_stack(void **state)
{
    (void)state;
    check("goroutines/stacks.txt", (struct goroutines_shown){0}, false);
    check("goroutines/stacks.json", (struct goroutines_shown){0}, true);
}

static void each_by_itself(void **state)
{
    (void)state;
    check("goroutines/all.txt", (struct goroutines_shown){.all = true}, false);
    check("goroutines/all.json", (struct goroutines_shown){.all = true}, true);
}

static void with_those_of_the_runtime(void **state)
{
    (void)state;
    check("goroutines/system.txt", (struct goroutines_shown){.all = true, .system = true}, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_stack),
        cmocka_unit_test(each_by_itself),
        cmocka_unit_test(with_those_of_the_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
