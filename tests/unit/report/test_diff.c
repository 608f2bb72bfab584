/* report/diff.c and its writers: what is matched with what, and golden outputs; report/verdict.c:
 * which limits are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden.h"
#include "models.h"
#include "report/diff_json.h"
#include "report/diff_text.h"
#include "report/verdict.h"

struct pair {
    struct report before, after;
    struct diff diff;
};

static void add_holder(struct report *report, const char *name, const char *key, const char *kind,
                       uint64_t bytes, uint64_t objects)
{
    ADD(&report->holders, (struct report_holder){
                              .name = name,
                              .key = key,
                              .kind = kind,
                              .type = "",
                              .retained_bytes = bytes,
                              .objects = objects,
                              .count = 1,
                              .found_by = key && key[0] == '.' ? "used by main.login" : "",
                              .address = "",
                          });
    report->held_alone_bytes += bytes;
    report->memory.heap_live += bytes;
}

static void begin(struct report *report, const char *taken_at)
{
    report_init(report);
    model_target(report);
    report->target.taken_at = taken_at;
    report->target.build = "00112233445566aa";
    report->has_collections = true;
}

static void set_up(struct pair *pair)
{
    begin(&pair->before, "2026-03-01T12:04:31Z");
    begin(&pair->after, "2026-03-01T12:16:31Z");
}

static void compare(struct pair *pair)
{
    assert_null(diff_make(&pair->before, &pair->after, &pair->diff));
}

static void tear_down(struct pair *pair)
{
    diff_deinit(&pair->diff);
    report_deinit(&pair->before);
    report_deinit(&pair->after);
}

static const struct diff_holder *find_holder(const struct pair *pair, const char *name)
{
    for (uint64_t i = 0; i < pair->diff.holders.count; i++)
        if (!strcmp(pair->diff.holders.data[i].name, name))
            return &pair->diff.holders.data[i];
    return NULL;
}

static void expect_bytes(const struct pair *pair, const char *name, uint64_t before, uint64_t after)
{
    const struct diff_holder *row = find_holder(pair, name);
    if (!row)
        fail_msg("no row %s", name);
    assert_int_equal(row->bytes.before, before);
    assert_int_equal(row->bytes.after, after);
}

static bool has_note(const struct pair *pair, const char *part)
{
    for (uint64_t i = 0; i < pair->diff.notes.count; i++)
        if (strstr(pair->diff.notes.data[i], part))
            return true;
    return false;
}

/* ---- matching ---- */

static void goroutines_are_one_holder_whatever_they_do(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.before, "goroutine 24 of main.tick [chan receive]", "goroutines of main.tick",
               "goroutine", 100, 1);
    add_holder(&pair.after, "goroutine 24 of main.tick [running]", "goroutines of main.tick",
               "goroutine", 60, 1);
    add_holder(&pair.after, "goroutines of main.tick [select]", "goroutines of main.tick",
               "goroutine", 90, 2);
    compare(&pair);
    assert_int_equal(pair.diff.holders.count, 1);
    expect_bytes(&pair, "goroutines of main.tick", 100, 150);
    tear_down(&pair);
}

static void what_stayed_is_no_row(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.before, "main.a", "main.a", "global", 100, 3);
    add_holder(&pair.after, "main.a", "main.a", "global", 100, 3);
    add_holder(&pair.before, "main.b", "main.b", "global", 7, 1);
    compare(&pair);
    assert_int_equal(pair.diff.holders.count, 1);
    expect_bytes(&pair, "main.b", 7, 0);
    tear_down(&pair);
}

static void growth_comes_first_and_most_first(void **state)
{
    (void)state;
    static const uint64_t sizes[][2] = {{50, 40}, {10, 90}, {20, 120}, {500, 30}, {5, 6}};
    static const char *const names[] = {"main.a", "main.b", "main.c", "main.d", "main.e"};
    static const char *const order[] = {"main.c", "main.b", "main.e", "main.d", "main.a"};
    struct pair pair;
    set_up(&pair);
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        add_holder(&pair.before, names[i], names[i], "global", sizes[i][0], 1);
        add_holder(&pair.after, names[i], names[i], "global", sizes[i][1], 1);
    }
    compare(&pair);
    assert_int_equal(pair.diff.holders.count, ARRAY_COUNT(order));
    for (unsigned i = 0; i < ARRAY_COUNT(order); i++)
        assert_string_equal(pair.diff.holders.data[i].name, order[i]);
    tear_down(&pair);
}

static void add_nameless(struct pair *pair)
{
    add_holder(&pair->before, "global .bss+0x8 of main.login", ".bss+0x8", "global", 100, 1);
    add_holder(&pair->before, "global .bss+0x10 of main.x", ".bss+0x10", "global", 40, 1);
    add_holder(&pair->after, "global .bss+0x8 of main.login", ".bss+0x8", "global", 300, 1);
    add_holder(&pair->after, "global .bss+0x18 of main.x", ".bss+0x18", "global", 45, 1);
}

static void places_count_within_one_build(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_nameless(&pair);
    compare(&pair);
    assert_true(pair.diff.same_build);
    expect_bytes(&pair, "global .bss+0x8 of main.login", 100, 300);
    expect_bytes(&pair, "global .bss+0x10 of main.x", 40, 0);
    expect_bytes(&pair, "global .bss+0x18 of main.x", 0, 45);
    assert_int_equal(pair.diff.notes.count, 0);
    tear_down(&pair);
}

static void places_do_not_count_between_builds(void **state)
{
    (void)state;
    static const char *const builds[] = {"ffffffffffffffff", "", NULL};
    for (unsigned i = 0; i < ARRAY_COUNT(builds); i++) {
        struct pair pair;
        set_up(&pair);
        add_nameless(&pair);
        add_holder(&pair.before, "main.named", "main.named", "global", 1, 1);
        add_holder(&pair.after, "main.named", "main.named", "global", 3, 1);
        pair.after.target.build = builds[i];
        compare(&pair);
        assert_false(pair.diff.same_build);
        assert_int_equal(pair.diff.holders.count, 2);
        expect_bytes(&pair, "variables without names", 140, 345);
        expect_bytes(&pair, "main.named", 1, 3);
        assert_true(has_note(&pair, "one row together"));
        assert_true(has_note(&pair, i ? "is not known" : "two builds"));
        tear_down(&pair);
    }
}

static void other_programs_and_processes_are_told(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    pair.after.target.name = "billing";
    pair.after.target.build = "01";
    pair.after.target.pid = 77;
    pair.after.target.taken_at = "2026-03-01T11:00:00Z";
    compare(&pair);
    assert_true(has_note(&pair, "orders-api and billing"));
    assert_true(has_note(&pair, "4242 and 77"));
    assert_true(has_note(&pair, "taken after"));
    assert_false(pair.diff.has_interval);
    tear_down(&pair);
}

static void sets_are_matched_in_any_order(void **state)
{
    (void)state;
    static const char *one[] = {"main.cache", "goroutine 7 of main.run [select]", "main.index"};
    static const char *one_keys[] = {"main.cache", "goroutines of main.run", "main.index"};
    static const char *two[] = {"goroutines of main.run [select]",
                                "goroutine 9 of main.run [running]", "main.index", "main.cache"};
    static const char *two_keys[] = {"goroutines of main.run", "goroutines of main.run",
                                     "main.index", "main.cache"};
    struct pair pair;
    set_up(&pair);
    ADD(&pair.before.shared, (struct report_shared){.names = one,
                                                    .keys = one_keys,
                                                    .name_count = 3,
                                                    .key_count = 3,
                                                    .retained_bytes = 1000,
                                                    .objects = 10,
                                                    .type = "main.page"});
    ADD(&pair.after.shared, (struct report_shared){.names = two,
                                                   .keys = two_keys,
                                                   .name_count = 4,
                                                   .key_count = 4,
                                                   .retained_bytes = 1700,
                                                   .objects = 17,
                                                   .type = "main.page"});
    compare(&pair);
    assert_int_equal(pair.diff.holders.count, 1);
    const struct diff_holder *row = &pair.diff.holders.data[0];
    assert_string_equal(row->kind, "shared");
    assert_int_equal(row->name_count, 3);
    assert_int_equal(row->bytes.before, 1000);
    assert_int_equal(row->bytes.after, 1700);
    tear_down(&pair);
}

static void a_set_of_one_functions_goroutines_is_theirs(void **state)
{
    (void)state;
    static const char *names[] = {"goroutines of main.run [select]",
                                  "goroutine 9 of main.run [running]"};
    static const char *keys[] = {"goroutines of main.run", "goroutines of main.run"};
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.before, "goroutines of main.run [select]", "goroutines of main.run",
               "goroutine", 500, 5);
    add_holder(&pair.after, "goroutines of main.run [select]", "goroutines of main.run",
               "goroutine", 400, 4);
    ADD(&pair.after.shared, (struct report_shared){.names = names,
                                                   .keys = keys,
                                                   .name_count = 2,
                                                   .key_count = 2,
                                                   .retained_bytes = 130,
                                                   .objects = 2,
                                                   .type = ""});
    compare(&pair);
    assert_int_equal(pair.diff.holders.count, 1);
    expect_bytes(&pair, "goroutines of main.run", 500, 530);
    tear_down(&pair);
}

static void snapshots_of_early_versions_are_cut(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.before, "main.a", NULL, "global", 1000, 1);
    pair.before.held_alone_bytes += 500;
    add_holder(&pair.after, "main.a", "main.a", "global", 1200, 1);
    compare(&pair);
    expect_bytes(&pair, "main.a", 1000, 1200);
    assert_true(has_note(&pair, "only its largest holders"));
    tear_down(&pair);
}

static void add_site(struct report *report, const char *state, uint64_t count, uint64_t held)
{
    ADD(&report->goroutine_groups,
        (struct report_goroutine_group){.count = count,
                                        .state = state,
                                        .created_by = "main.(*client).fetch",
                                        .created_at = "client.go:88",
                                        .function = "main.(*client).fetch.func1",
                                        .top = "main.(*client).fetch.func1",
                                        .top_at = "client.go:93",
                                        .stack_bytes = count * 2 * KIB,
                                        .held_bytes = held});
}

static void goroutines_are_counted_by_go_statement(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_site(&pair.before, "chan send", 30, 40 * KIB);
    add_site(&pair.before, "running", 2, KIB);
    add_site(&pair.after, "chan send", 120, 160 * KIB);
    compare(&pair);
    assert_int_equal(pair.diff.sites.count, 1);
    const struct diff_site *site = &pair.diff.sites.data[0];
    assert_int_equal(site->count.before, 32);
    assert_int_equal(site->count.after, 120);
    assert_int_equal(site->held.before, 41 * KIB);
    tear_down(&pair);
}

/* ---- findings ---- */

static void add_collection(struct report *report, const char *path, const char *kind,
                           const char *element, uint64_t count, uint64_t entries, uint64_t bytes)
{
    ADD(&report->collections, (struct report_collection){.holder = "main.sessions",
                                                         .holder_key = "main.sessions",
                                                         .path = path,
                                                         .kind = kind,
                                                         .type = "map[string]*main.Session",
                                                         .element = element,
                                                         .count = count,
                                                         .entries = entries,
                                                         .capacity = entries * 2,
                                                         .bytes = bytes / 4,
                                                         .retained_bytes = bytes});
}

static const char *only_finding(struct pair *pair)
{
    compare(pair);
    return pair->diff.found.findings.count == 1 ? pair->diff.found.findings.data[0].id : "";
}

static void growth_alone_makes_findings(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *element;
        uint64_t count[2], entries[2], bytes[2];
        const char *id;
    } cases[] = {
        {"map", "", {1, 1}, {1000, 50000}, {MIB, 50 * MIB}, "map-grows-only"},
        {"slice", "", {1, 1}, {1000, 50000}, {MIB, 50 * MIB}, "map-grows-only"},
        {"slice", "func", {1, 1}, {1000, 50000}, {MIB, 50 * MIB}, "listener-growth"},
        {"map", "interface", {1, 1}, {1000, 50000}, {MIB, 50 * MIB}, "listener-growth"},
        /* more of them, each as large as before: what holds them grows */
        {"map", "", {10, 500}, {1000, 50000}, {MIB, 50 * MIB}, ""},
        /* other values, not more */
        {"map", "", {1, 1}, {50000, 50000}, {MIB, 50 * MIB}, ""},
        /* a trifle */
        {"map", "", {1, 1}, {1000, 50000}, {MIB, MIB + 10 * KIB}, ""},
        {"map", "", {1, 1}, {1000, 1050}, {MIB, 50 * MIB}, ""},
        {"channel", "", {1, 1}, {1000, 50000}, {MIB, 50 * MIB}, ""},
        /* not there before: nothing is known of how it grows */
        {"map", "", {0, 1}, {0, 50000}, {0, 50 * MIB}, ""},
        {"map", "", {1, 1}, {50000, 1000}, {50 * MIB, MIB}, ""},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct pair pair;
        set_up(&pair);
        for (unsigned side = 0; side < 2; side++) {
            struct report *report = side ? &pair.after : &pair.before;
            add_holder(report, "main.sessions", "main.sessions", "global", cases[i].bytes[side], 9);
            if (cases[i].count[side])
                add_collection(report, ".byID", cases[i].kind, cases[i].element,
                               cases[i].count[side], cases[i].entries[side], cases[i].bytes[side]);
        }
        assert_string_equal(only_finding(&pair), cases[i].id);
        if (*cases[i].id) {
            const struct report_finding *finding = &pair.diff.found.findings.data[0];
            assert_int_equal(finding->bytes, cases[i].bytes[1] - cases[i].bytes[0]);
            assert_string_equal(finding->confidence, "likely");
            assert_string_equal(finding->severity, "critical");
            assert_string_equal(finding->holder.name, "main.sessions");
        }
        tear_down(&pair);
    }
}

static void more_goroutines_are_a_finding(void **state)
{
    (void)state;
    static const struct {
        uint64_t before, after;
        const char *id;
    } cases[] = {{10, 400, "goroutine-spawn-growth"},
                 {0, 100, "goroutine-spawn-growth"},
                 {10, 100, ""},
                 {10000, 10200, ""},
                 {400, 10, ""}};
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct pair pair;
        set_up(&pair);
        add_site(&pair.before, "chan send", cases[i].before, cases[i].before * KIB);
        add_site(&pair.after, "chan send", cases[i].after, cases[i].after * KIB);
        assert_string_equal(only_finding(&pair), cases[i].id);
        tear_down(&pair);
    }
}

static void collections_are_compared_only_where_both_know_them(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    pair.before.has_collections = false;
    add_collection(&pair.after, ".byID", "map", "", 1, 50000, 50 * MIB);
    compare(&pair);
    assert_int_equal(pair.diff.collections.count, 0);
    assert_int_equal(pair.diff.found.findings.count, 0);
    tear_down(&pair);
}

static void what_was_not_looked_at_is_not_judged(void **state)
{
    (void)state;
    for (unsigned cut = 0; cut < 2; cut++) {
        struct pair pair;
        set_up(&pair);
        pair.after.collections_cut = cut;
        /* the largest of many are larger when there are more of them */
        add_collection(&pair.before, "[value].m", "map", "", 10, 10000, 10 * MIB);
        add_collection(&pair.after, "[value].m", "map", "", 10, 50000, 50 * MIB);
        add_collection(&pair.before, "", "map", "", 1, 2000, 20 * MIB);
        add_collection(&pair.after, "", "map", "", 1, 9000, 90 * MIB);
        compare(&pair);
        assert_int_equal(pair.diff.collections.count, cut ? 1 : 2);
        assert_int_equal(pair.diff.found.findings.count, cut ? 1 : 2);
        tear_down(&pair);
    }
}

/* ---- outputs ---- */

static void model_growth(struct pair *pair)
{
    static const char *names[] = {"main.ordersByNumber", "main.ordersByCustomer"};
    static struct report_step path[] = {
        {.name = "main.sessions", .type = "*main.sessionStore", .edge = ".byID"},
        {.name = ".byID",
         .type = "map[string]*main.Session",
         .retained_bytes = 255 * MIB,
         .edge = "[value]",
         .address = 0xc000010000},
    };
    set_up(pair);
    pair->before.target.kind = "snapshot";
    pair->before.target.source = "live";
    struct report *a = &pair->before, *b = &pair->after;
    add_holder(a, "main.sessions", "main.sessions", "global", 57 * MIB, 51454);
    add_holder(b, "main.sessions", "main.sessions", "global", 255 * MIB, 1254000);
    b->holders.data[0].path = path;
    b->holders.data[0].path_count = 2;
    a->holders.data[0].type = b->holders.data[0].type = "*main.sessionStore";
    add_holder(a, "main.cache", "main.cache", "global", 90 * MIB, 9000);
    add_holder(b, "main.cache", "main.cache", "global", 84 * MIB, 8400);
    add_holder(b, "global .bss+0x40 of main.login", ".bss+0x40", "global", 3 * MIB, 12);
    add_holder(a, "main.tiny", "main.tiny", "global", 100, 1);
    add_holder(b, "main.tiny", "main.tiny", "global", 200, 2);
    for (unsigned side = 0; side < 2; side++) {
        struct report *report = side ? b : a;
        uint64_t bytes = (side ? 43 : 22) * MIB;
        ADD(&report->shared, (struct report_shared){.names = names,
                                                    .keys = names,
                                                    .name_count = 2,
                                                    .key_count = 2,
                                                    .retained_bytes = bytes,
                                                    .objects = bytes / 512,
                                                    .type = "main.Order"});
        report->memory.heap_live += bytes;
        report->shared_bytes = bytes;
        report->memory.rss = (side ? 480 : 260) * MIB;
        report->memory.has_rss = true;
        report->memory.heap_garbage = (side ? 40 : 12) * MIB;
        report->memory.heap_free_slots = 33 * MIB;
        report->memory.stacks = (side ? 22 : 5) * MIB;
        report->counts.objects = side ? 1600000 : 149677;
        ADD(&report->types, (struct report_type){.name = "main.Session",
                                                 .count = side ? 1204331 : 4536,
                                                 .bytes = (side ? 170 : 1) * MIB,
                                                 .retained_bytes = (side ? 250 : 56) * MIB});
        ADD(&report->types, (struct report_type){.name = "[]uint8",
                                                 .guessed = true,
                                                 .count = side ? 8000 : 8802,
                                                 .bytes = (side ? 90 : 97) * MIB,
                                                 .retained_bytes = (side ? 90 : 97) * MIB});
        add_site(report, "chan send", side ? 3412 : 12, (side ? 9 : 0) * MIB);
        add_collection(report, ".byID", "map", "", 1, side ? 1204331 : 4536,
                       (side ? 255 : 57) * MIB);
    }
}

static char *write_text(const struct pair *pair, unsigned columns, bool utf8, uint32_t top)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct text_style style = {.columns = columns, .utf8 = utf8, .top = top};
    assert_non_null(out);
    assert_null(diff_write_text(&pair->diff, &style, out));
    fclose(out);
    return text;
}

static char *write_json(const struct pair *pair)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_null(diff_write_json(&pair->diff, "1.2.3", 10, out));
    fclose(out);
    return text;
}

static void golden_outputs_are_as_they_were(void **state)
{
    (void)state;
    struct pair pair;
    int failed = 0;
    model_growth(&pair);
    compare(&pair);
    char *wide = write_text(&pair, 100, true, 10), *narrow = write_text(&pair, 60, false, 1);
    char *json = write_json(&pair);
    failed += !golden_matches("report/diff.txt", wide);
    failed += !golden_matches("report/diff-60-ascii-top1.txt", narrow);
    failed += !golden_matches("report/diff.json", json);
    free(wide);
    free(narrow);
    free(json);
    tear_down(&pair);
    assert_int_equal(failed, 0);
}

static void the_answer_is_the_first_line(void **state)
{
    (void)state;
    struct pair pair;
    struct arena arena;
    arena_init(&arena);
    set_up(&pair);
    compare(&pair);
    assert_string_equal(diff_answer(&pair.diff, true, &arena),
                        "live heap unchanged in 12 min: 0 B");
    tear_down(&pair);

    set_up(&pair);
    add_holder(&pair.before, "main.a", "main.a", "global", 10 * MIB, 5);
    add_holder(&pair.after, "main.a", "main.a", "global", 16 * MIB, 6);
    compare(&pair);
    assert_string_equal(diff_answer(&pair.diff, true, &arena),
                        "live heap +6.0 MiB (+60.0 %) in 12 min; most of it: main.a +6.0 MiB, +1 "
                        "object");
    tear_down(&pair);

    /* a leak behind a cache that was emptied */
    set_up(&pair);
    add_holder(&pair.before, "main.cache", "main.cache", "global", 50 * MIB, 50);
    add_holder(&pair.after, "main.leak", "main.leak", "global", 8 * MIB, 5);
    compare(&pair);
    assert_string_equal(
        diff_answer(&pair.diff, true, &arena),
        "live heap -42 MiB (-84.0 %) in 12 min; shrank most: main.cache -50 MiB, -50 objects; grew "
        "most: main.leak +8.0 MiB, +5 objects");
    tear_down(&pair);
    arena_deinit(&arena);
}

static void names_reach_out_escaped(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.after, "main.\x1b[2Jx", "main.\x1b[2Jx", "global", 10 * MIB, 5);
    add_holder(&pair.after, "", "", "\x1b[2Jglobal", 20 * MIB, 5);
    add_site(&pair.after, "x", 500, 10);
    pair.after.goroutine_groups.data[0].created_by = "\x1b]0;x\a";
    pair.after.target.name = "\x1b[31m";
    compare(&pair);
    char *text = write_text(&pair, 80, true, 10), *json = write_json(&pair);
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(json, '\x1b'));
    assert_non_null(strstr(text, "main.\\x1b[2Jx"));
    free(text);
    free(json);
    tear_down(&pair);
}

/* ---- the gate ---- */

static bool is_broken(const struct pair *pair, struct verdict_limits limits, unsigned checks)
{
    struct verdict verdict;
    assert_null(verdict_make(&pair->diff, &limits, &verdict));
    assert_int_equal(verdict.checks.count, checks);
    bool broken = verdict.broken;
    verdict_deinit(&verdict);
    return broken;
}

static void every_limit_must_hold(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.before, "main.a", "main.a", "global", 1000, 1);
    add_holder(&pair.after, "main.a", "main.a", "global", 1050, 1);
    compare(&pair);
    struct verdict_limits share = {.has_growth_share = true, .growth_share = 0.05};
    struct verdict_limits bytes = {.has_growth_bytes = true, .growth_bytes = 50};
    assert_false(is_broken(&pair, share, 1));
    assert_false(is_broken(&pair, bytes, 1));
    share.growth_share = 0.049;
    assert_true(is_broken(&pair, share, 1));
    bytes.growth_bytes = 49;
    assert_true(is_broken(&pair, bytes, 1));
    bytes.has_growth_share = true;
    bytes.growth_share = 1;
    assert_true(is_broken(&pair, bytes, 2));
    tear_down(&pair);
}

static void less_is_never_too_much(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.before, "main.a", "main.a", "global", 1000, 1);
    add_holder(&pair.after, "main.a", "main.a", "global", 10, 1);
    pair.after.memory.heap_garbage = 1 << 30;
    compare(&pair);
    struct verdict_limits limits = {.has_growth_bytes = true, .has_growth_share = true};
    assert_false(is_broken(&pair, limits, 2));
    tear_down(&pair);
}

static void findings_have_a_limit(void **state)
{
    (void)state;
    static const char *const words[] = {"info", "warning", "critical"};
    for (int severity = 0; severity < 3; severity++) {
        struct pair pair;
        set_up(&pair);
        ADD(&pair.after.findings, (struct report_finding){.id = "x",
                                                          .severity = words[severity],
                                                          .confidence = "proven",
                                                          .class = "permanent",
                                                          .message = "m",
                                                          .fix = "f"});
        compare(&pair);
        for (int allowed = -1; allowed < 2; allowed++) {
            struct verdict_limits limits = {.has_finding = true, .finding = allowed};
            assert_int_equal(is_broken(&pair, limits, 1), severity > allowed);
        }
        tear_down(&pair);
    }
}

/* In a file of anybody. */
static void a_set_of_nobody_is_a_row(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    ADD(&pair.before.shared, (struct report_shared){.type = "", .retained_bytes = 10});
    ADD(&pair.after.shared, (struct report_shared){.type = "", .retained_bytes = 20});
    compare(&pair);
    assert_int_equal(pair.diff.holders.count, 1);
    assert_int_equal(diff_grown(pair.diff.holders.data[0].bytes), 10);
    tear_down(&pair);
}

static void growth_counts_among_the_findings(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    add_holder(&pair.after, "main.a", "main.a", "global", 1000, 1);
    add_site(&pair.after, "chan send", 5000, 10 * MIB);
    compare(&pair);
    struct verdict_limits limits = {.has_finding = true, .finding = 1};
    assert_true(is_broken(&pair, limits, 1));
    tear_down(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goroutines_are_one_holder_whatever_they_do),
        cmocka_unit_test(what_stayed_is_no_row),
        cmocka_unit_test(growth_comes_first_and_most_first),
        cmocka_unit_test(places_count_within_one_build),
        cmocka_unit_test(places_do_not_count_between_builds),
        cmocka_unit_test(other_programs_and_processes_are_told),
        cmocka_unit_test(sets_are_matched_in_any_order),
        cmocka_unit_test(a_set_of_one_functions_goroutines_is_theirs),
        cmocka_unit_test(snapshots_of_early_versions_are_cut),
        cmocka_unit_test(goroutines_are_counted_by_go_statement),
        cmocka_unit_test(growth_alone_makes_findings),
        cmocka_unit_test(more_goroutines_are_a_finding),
        cmocka_unit_test(collections_are_compared_only_where_both_know_them),
        cmocka_unit_test(what_was_not_looked_at_is_not_judged),
        cmocka_unit_test(golden_outputs_are_as_they_were),
        cmocka_unit_test(the_answer_is_the_first_line),
        cmocka_unit_test(names_reach_out_escaped),
        cmocka_unit_test(every_limit_must_hold),
        cmocka_unit_test(less_is_never_too_much),
        cmocka_unit_test(findings_have_a_limit),
        cmocka_unit_test(a_set_of_nobody_is_a_row),
        cmocka_unit_test(growth_counts_among_the_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
