/* Reports made by hand, one for each way a report can look; for the tests of the writers. */
#ifndef LEAKHOUND_TESTS_REPORT_MODELS_H
#define LEAKHOUND_TESTS_REPORT_MODELS_H

#include <stdio.h>
#include <string.h>

#include "report/model.h"

#define MIB ((uint64_t)1 << 20)
#define KIB ((uint64_t)1 << 10)
#define ADD(vector, ...)                                                                           \
    do {                                                                                           \
        struct error *add_error_ = vector_push(vector, __VA_ARGS__);                               \
        if (add_error_)                                                                            \
            abort();                                                                               \
    } while (0)

static inline void model_target(struct report *report)
{
    report->target = (struct report_target){
        .kind = "live",
        .name = "orders-api",
        .pid = 4242,
        .exe = "/srv/orders/bin/orders-api",
        .go_version = "go1.24.4",
        .arch = "amd64",
        .stripped = true,
        .freeze = "fork",
        .stopped_ns = 38 * 1000000,
        .copy_bytes = 12 * MIB,
        .has_copy_bytes = true,
        .taken_at = "2026-03-01T12:04:31Z",
        .core_path = "",
    };
}

static inline void model_goroutines(struct report *report)
{
    ADD(&report->goroutine_groups,
        (struct report_goroutine_group){.count = 3412,
                                        .state = "chan send",
                                        .created_by = "orders.(*Client).Fetch",
                                        .created_at = "client.go:88",
                                        .top = "orders.(*Client).Fetch.func1",
                                        .top_at = "client.go:93",
                                        .stack_bytes = 3412 * 2 * KIB,
                                        .held_bytes = 214 * MIB,
                                        .longest_wait_ns = 7440ull * 1000000000,
                                        .leaked = "proven",
                                        .leaked_count = 3400});
    ADD(&report->goroutine_groups, (struct report_goroutine_group){.count = 1,
                                                                   .state = "GC worker (idle)",
                                                                   .top = "runtime.gcBgMarkWorker",
                                                                   .top_at = "mgc.go:1412",
                                                                   .stack_bytes = 8 * KIB,
                                                                   .system = true});
    ADD(&report->goroutine_groups,
        (struct report_goroutine_group){.count = 36,
                                        .state = "IO wait",
                                        .created_by = "net/http.(*Server).Serve",
                                        .created_at = "server.go:3454",
                                        .top = "internal/poll.(*FD).Read",
                                        .top_at = "fd_unix.go:165",
                                        .stack_bytes = 36 * 8 * KIB,
                                        .held_bytes = 1200 * KIB,
                                        .leaked = "no"});
    ADD(&report->goroutine_groups, (struct report_goroutine_group){.count = 1,
                                                                   .state = "running",
                                                                   .created_by = "",
                                                                   .top = "main.main",
                                                                   .top_at = "main.go:31",
                                                                   .stack_bytes = 16 * KIB});
}

/* A service with one fat map, a set shared by two globals and leaked goroutines. */
static inline void model_findings(struct report *report)
{
    static struct report_step path[] = {
        {.name = "main.auth", .type = "*auth.service", .edge = ".tokens"},
        {.name = ".tokens",
         .type = "map[string]string",
         .address = 0xc000040000,
         .edge = "[value]"},
        {.name = "[value]", .type = "string data", .address = 0xc000050000, .edge = ""},
    };
    static struct report_evidence evidence[] = {
        {"pinned_blocks", "count", 1204},
        {"seen_bytes", "bytes", 38528},
    };
    ADD(&report->findings,
        (struct report_finding){
            .id = "goroutine-leak",
            .severity = "critical",
            .confidence = "proven",
            .class = "permanent",
            .bytes = 214 * MIB,
            .objects = 40944,
            .count = 3412,
            .holder = {.name = "goroutines at orders.(*Client).Fetch", .kind = "goroutine"},
            .type = "",
            .message = "3,412 goroutines wait for ever to send on channels that nothing else can "
                       "reach",
            .fix = "give the channel room for one value, or select on ctx.Done() too",
        });
    ADD(&report->findings, (struct report_finding){
                               .id = "substring-pinned",
                               .severity = "warning",
                               .confidence = "proven",
                               .class = "permanent",
                               .bytes = 75 * MIB,
                               .objects = 1204,
                               .count = 1204,
                               .holder = {.name = "global .bss+0x40 of auth.Login",
                                          .kind = "global",
                                          .found_by = "used by auth.Login, auth.Logout",
                                          .path = path,
                                          .path_count = 3},
                               .is_shared = true,
                               .type = "string data",
                               .message = "1,204 strings of 32 bytes keep 1,204 blocks of 64 KiB "
                                          "alive",
                               .fix = "keep a copy: strings.Clone",
                               .evidence = evidence,
                               .evidence_count = 2,
                           });
    ADD(&report->findings, (struct report_finding){
                               .id = "map-grows-only",
                               .severity = "info",
                               .confidence = "possible",
                               .class = "permanent",
                               .bytes = 31 * MIB,
                               .count = 1,
                               .holder = {.name = "main.sessions", .kind = "global"},
                               .type = "map[string]*orders.Session",
                               .message = "main.sessions holds 1,204,331 entries; two snapshots "
                                          "tell whether it only grows",
                               .fix = "bound it",
                           });
    ADD(&report->findings,
        (struct report_finding){
            .id = "chan-backlog",
            .severity = "warning",
            .confidence = "likely",
            .class = "temporary",
            .bytes = 12 * MIB,
            .count = 900,
            .holder = {.name = "goroutines at orders.(*Client).Fetch", .kind = "goroutine"},
            .type = "chan orders.result",
            .message = "900 values wait in one channel",
            .fix = "drain it",
            .cause = 1,
        });
}

static inline void model_normal(struct report *report)
{
    static struct report_step path[] = {
        {.name = "main.sessions", .type = "*main.registry", .edge = ".sessions"},
        {.name = ".sessions",
         .type = "map[string]*orders.Session",
         .retained_bytes = 402 * MIB,
         .edge = "[value]",
         .address = 0xc000010000},
        {.name = "[value]",
         .type = "*orders.Session",
         .retained_bytes = 350,
         .edge = ".history",
         .address = 0xc000020000},
        {.name = ".history",
         .type = "[]orders.event",
         .retained_bytes = 256,
         .edge = "",
         .address = 0xc000030000},
    };
    static const char *both[] = {"main.cache", "main.index"};
    static const char *many[] = {"main.cache", "main.index", "main.metrics",
                                 "goroutines at orders.(*Client).Fetch (3,412)",
                                 "timers → orders.(*Client).expire"};
    model_target(report);
    model_findings(report);
    report->memory = (struct report_memory){
        .rss = 1454 * MIB,
        .limit = 2048 * MIB,
        .has_rss = true,
        .heap_objects = 908 * MIB,
        .heap_live = 812 * MIB,
        .heap_garbage = 96 * MIB,
        .heap_inuse = 949 * MIB,
        .heap_free_slots = 41 * MIB,
        .heap_idle = 510 * MIB,
        .heap_released = 120 * MIB,
        .has_idle = true,
        .stacks = 22 * MIB,
        .runtime = 31 * MIB,
        .off_heap = 29 * MIB,
        .has_off_heap = true,
    };
    report->counts = (struct report_counts){
        .objects = 61204331,
        .edges = 190120442,
        .roots = 4312,
        .goroutines = 3460,
        .system_goroutines = 5,
        .timers = 31,
        .garbage_objects = 310221,
        .typed_bytes_share = 0.861,
        .guessed_bytes_share = 0.092,
    };
    ADD(&report->holders, (struct report_holder){.name = "main.sessions",
                                                 .kind = "global",
                                                 .type = "*main.registry",
                                                 .retained_bytes = 402 * MIB,
                                                 .objects = 1204331,
                                                 .count = 1,
                                                 .address = "0x9c2e40",
                                                 .path = path,
                                                 .path_count = 4});
    ADD(&report->holders,
        (struct report_holder){.name = "goroutines at orders.(*Client).Fetch (3,412)",
                               .kind = "goroutine",
                               .retained_bytes = 214 * MIB,
                               .objects = 40944,
                               .count = 3412});
    ADD(&report->holders,
        (struct report_holder){.name = "global map[string]*store.Entry",
                               .kind = "global",
                               .type = "map[string]*github.com/acme/orders/internal/store.Entry",
                               .type_guessed = true,
                               .retained_bytes = 61 * MIB,
                               .objects = 90123,
                               .count = 1,
                               .found_by = "0x9c2f08 in .bss, used by "
                                           "github.com/acme/orders/internal/store.(*Store).Put, "
                                           "github.com/acme/orders/internal/store.(*Store).Get",
                               .address = "0x9c2f08"});
    ADD(&report->holders, (struct report_holder){.name = "timers → orders.(*Client).expire",
                                                 .kind = "timer",
                                                 .type = "func()",
                                                 .retained_bytes = 9728,
                                                 .objects = 62,
                                                 .count = 31});
    ADD(&report->shared, (struct report_shared){.names = both,
                                                .name_count = 2,
                                                .retained_bytes = 120 * MIB,
                                                .objects = 310020,
                                                .type = "*orders.Item"});
    ADD(&report->shared, (struct report_shared){.names = many,
                                                .name_count = 5,
                                                .more = true,
                                                .retained_bytes = 3 * MIB,
                                                .objects = 4100,
                                                .type = "[]uint8"});
    report->held_alone_bytes = 687 * MIB;
    report->shared_bytes = 125 * MIB;
    ADD(&report->types, (struct report_type){.name = "orders.Session",
                                             .count = 402110,
                                             .bytes = 52 * MIB,
                                             .retained_bytes = 398 * MIB});
    ADD(&report->types, (struct report_type){.name = "[]orders.event",
                                             .count = 402110,
                                             .bytes = 301 * MIB,
                                             .retained_bytes = 301 * MIB});
    ADD(&report->types,
        (struct report_type){.name = "map[string]*github.com/acme/orders/internal/store.Entry",
                             .guessed = true,
                             .count = 1,
                             .bytes = 6 * MIB,
                             .retained_bytes = 61 * MIB});
    model_goroutines(report);
    ADD(&report->notes, "4.7 % of the live bytes have no type: this build carries no debug "
                        "information, and nothing typed refers to them.");
    static struct report_phase phases[] = {{"read", 1.25}, {"mark", 0.5}};
    report->phases = phases;
    report->phase_count = 2;
    report->peak_memory_bytes = 1590 * MIB;
}

/* A core of a program that holds nothing and of which little is known. */
static inline void model_empty(struct report *report)
{
    report->target = (struct report_target){
        .kind = "core", .core_path = "core.77", .freeze = "none", .go_version = "go1.15"};
}

/* Every number as large as it can be. */
static inline void model_huge(struct report *report)
{
    const uint64_t most = UINT64_MAX;
    model_target(report);
    report->target.pid = most;
    report->target.stopped_ns = most;
    report->drift = (struct report_drift){true, most, most, most, most, most, most, most, most};
    report->memory = (struct report_memory){most, most, true, most, most, most, most, most, most,
                                            most, most, most, most, most, true, true, true};
    report->counts = (struct report_counts){most, most, most, most, most, most, most, 1e300, 0};
    report->held_alone_bytes = report->shared_bytes = most;
    report->peak_memory_bytes = most;
    static struct report_phase phases[] = {{"endless", 1e300}};
    report->phases = phases;
    report->phase_count = 1;
    ADD(&report->holders, (struct report_holder){.name = "main.everything",
                                                 .kind = "global",
                                                 .type = "[]uint8",
                                                 .retained_bytes = most,
                                                 .objects = most,
                                                 .count = most});
    static struct report_evidence evidence[] = {{"everything", "bytes", UINT64_MAX}};
    ADD(&report->findings, (struct report_finding){.id = "map-grows-only",
                                                   .severity = "critical",
                                                   .confidence = "likely",
                                                   .class = "permanent",
                                                   .bytes = most,
                                                   .objects = most,
                                                   .count = most,
                                                   .holder = report->holders.data[0],
                                                   .type = "[]uint8",
                                                   .message = "main.everything holds everything",
                                                   .fix = "bound it",
                                                   .evidence = evidence,
                                                   .evidence_count = 1});
    ADD(&report->types, (struct report_type){"[]uint8", false, most, most, most});
    ADD(&report->goroutine_groups, (struct report_goroutine_group){.count = most,
                                                                   .state = "select",
                                                                   .top = "main.f",
                                                                   .stack_bytes = most,
                                                                   .held_bytes = most,
                                                                   .longest_wait_ns = most});
}

/* Names that steer terminals, are no UTF-8, hide, or never end. */
static inline void model_hostile(struct report *report)
{
    static char endless[100001], slashes[5001];
    memset(endless, 'x', sizeof(endless) - 1);
    memset(slashes, '/', sizeof(slashes) - 1);
    static struct report_step path[] = {
        {.name = "\033[31m", .type = "\033]0;title\007", .edge = "\r\n"},
        {.name = "a\tb", .type = endless, .edge = "\xff\xfe", .address = 1},
        {.name = "", .type = slashes, .edge = "", .address = 2, .type_guessed = true},
    };
    static const char *names[] = {"\033[2J", endless, NULL,
                                  "\xe2\x80\xae"
                                  "gnol"};
    model_target(report);
    report->target.name = "evil\033[2J\nname";
    report->target.exe = "/tmp/\x80\x81";
    report->target.go_version = "go1.24\007";
    report->target.taken_at = "yesterday\r";
    report->memory = (struct report_memory){.heap_objects = MIB, .heap_live = MIB};
    report->held_alone_bytes = MIB;
    const char *hostile[] = {"\033[2J\033]52;c;cm0gLXJm\007",
                             "caf\xc3\xa9 \xe4\xb8\x96\xe7\x95\x8c",
                             "overlong \xc0\xaf surrogate \xed\xa0\x80 cut \xe2\x82",
                             "\xe2\x80\xae"
                             "drowssap \xe2\x80\x8b \xc2\x9b"
                             "31m \xf3\xa0\x80\x81",
                             endless,
                             slashes,
                             "quote \" backslash \\ slash / del \177",
                             "",
                             NULL};
    for (uint64_t i = 0; i < ARRAY_COUNT(hostile); i++) {
        ADD(&report->holders, (struct report_holder){.name = hostile[i],
                                                     .kind = "global",
                                                     .type = hostile[ARRAY_COUNT(hostile) - 1 - i],
                                                     .found_by = hostile[i],
                                                     .address = "",
                                                     .retained_bytes = 100000 - i,
                                                     .objects = i,
                                                     .count = 1,
                                                     .path = path,
                                                     .path_count = 3});
        ADD(&report->types, (struct report_type){.name = hostile[i], .bytes = i, .count = i});
        ADD(&report->goroutine_groups, (struct report_goroutine_group){.count = 1,
                                                                       .state = hostile[i],
                                                                       .created_by = hostile[i],
                                                                       .top = hostile[i],
                                                                       .top_at = hostile[i],
                                                                       .created_at = hostile[i]});
        ADD(&report->findings, (struct report_finding){.id = hostile[i],
                                                       .severity = i % 2 ? "warning" : hostile[i],
                                                       .confidence = hostile[i],
                                                       .class = hostile[i],
                                                       .bytes = i,
                                                       .holder = report->holders.data[i],
                                                       .type = hostile[i],
                                                       .message = hostile[i],
                                                       .fix = hostile[i],
                                                       .cause = i == 3 ? 1 : 0});
        ADD(&report->notes, hostile[i]);
    }
    ADD(&report->shared, (struct report_shared){.names = names,
                                                .name_count = 4,
                                                .retained_bytes = 99999,
                                                .objects = 3,
                                                .type = endless});
}

/* A stripped program: nothing has a name, little has a type. */
static inline void model_nameless(struct report *report)
{
    static struct report_step path[] = {
        {.name = "global *main.registry", .type = "*main.registry", .edge = "+16"},
        {.name = "",
         .type = "",
         .retained_bytes = 90 * MIB,
         .edge = "[i]",
         .address = 0xc000100000},
        {.name = "",
         .type = "*main.node",
         .edge = ".next",
         .address = 0xc000100040,
         .type_guessed = true},
        {.name = "",
         .type = "*main.node",
         .edge = ".next",
         .address = 0xc000100080,
         .type_guessed = true},
        {.name = "",
         .type = "*main.node",
         .edge = ".next",
         .address = 0xc0001000c0,
         .type_guessed = true},
        {.name = "",
         .type = "*main.node",
         .edge = "",
         .address = 0xc000100100,
         .type_guessed = true},
    };
    model_target(report);
    report->target.kind = "core";
    report->target.core_path = "/var/crash/core.4242";
    report->target.gc_running = true;
    report->memory = (struct report_memory){.heap_objects = 100 * MIB,
                                            .heap_live = 91 * MIB,
                                            .heap_garbage = 9 * MIB,
                                            .heap_inuse = 101 * MIB,
                                            .heap_free_slots = MIB};
    report->held_alone_bytes = 90 * MIB;
    report->counts = (struct report_counts){
        .objects = 1499, .typed_bytes_share = 0.3, .guessed_bytes_share = 0.65};
    ADD(&report->holders, (struct report_holder){.name = "global *main.registry",
                                                 .kind = "global",
                                                 .type = "*main.registry",
                                                 .type_guessed = true,
                                                 .retained_bytes = 90 * MIB,
                                                 .objects = 1200,
                                                 .count = 1,
                                                 .found_by = "0x5d2e40 in .bss, used by "
                                                             "main.handle, main.init",
                                                 .address = "0x5d2e40",
                                                 .path = path,
                                                 .path_count = 6});
    ADD(&report->holders, (struct report_holder){.name = "",
                                                 .kind = "global",
                                                 .type = "",
                                                 .retained_bytes = 400,
                                                 .objects = 2,
                                                 .count = 1,
                                                 .found_by = "0x5d2f00 in .data",
                                                 .address = "0x5d2f00"});
    ADD(&report->types, (struct report_type){
                            .name = "", .count = 40, .bytes = 5 * MIB, .retained_bytes = 90 * MIB});
}

struct model {
    const char *name;
    void (*make)(struct report *report);
};
static const struct model models[] = {
    {"normal", model_normal},   {"empty", model_empty},       {"huge", model_huge},
    {"hostile", model_hostile}, {"nameless", model_nameless},
};

#endif
