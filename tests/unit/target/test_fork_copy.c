/* Freezing by a forked copy: what is read is the memory of one moment, and the process does not
 * notice. tests/live/test_freeze.py does the same to Go programs. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "target/leftover.h"
#include "target/proc.h"
#include "target/thread_registers.h"

enum { PAGE = 4096, WORDS = 1 << 16 };

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&shared->signals, 1);
}

/* ---- one moment ---- */

static uint64_t *words; /* the child's; same address here, since it is a fork */

static void *write_words(void *argument)
{
    for (uint64_t value = 1;; value++)
        for (int i = 0; i < WORDS; i++)
            __atomic_store_n(&words[i], value, __ATOMIC_RELAXED);
    return argument;
}

static void writing_body(void)
{
    pthread_t thread;
    words = mmap(NULL, WORDS * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(words, 0, WORDS * 8);
    atomic_store(&shared->address, (uint64_t)(uintptr_t)words);
    pthread_create(&thread, NULL, write_words, NULL);
    atomic_store(&shared->ready, 1);
    for (;;) {
        atomic_fetch_add(&shared->ticks, 1);
        sleep_ms(1);
    }
}

/* The words before the writer's place have its value, those behind it one less. */
static void test_one_moment(void **state)
{
    (void)state;
    static uint64_t first[WORDS], second[WORDS];
    pid_t pid = start_child(writing_body);
    uint64_t at = atomic_load(&shared->address);
    for (int round = 0; round < 20; round++) {
        struct target *target = open_child(pid, FREEZE_FORK);
        assert_true(target->stopped_ns > 0);
        assert_int_not_equal(target->memory_pid, pid);
        assert_int_equal(target->threads.count, 2);
        check_fine(target_read(target, at, first, sizeof(first)));
        int changes = 0;
        for (int i = 1; i < WORDS; i++) {
            changes += first[i] != first[i - 1];
            assert_true(first[i] == first[i - 1] || first[i] + 1 == first[i - 1]);
        }
        assert_in_range(changes, 0, 1);
        if (round == 0) {
            assert_true(moves(&shared->ticks)); /* it runs on meanwhile */
            sleep_ms(20);
        }
        check_fine(target_read_sparse(target, at, second, sizeof(second)));
        assert_memory_equal(first, second, sizeof(first));
        target_release(target);
        assert_true(target->copy_cost.is_known);
        check_error(target_read(target, at, first, 8), ERROR_USAGE, "let go");
        target_destroy(target);
    }
    end_child(pid);
}

static void test_registers(void **state)
{
    (void)state;
    pid_t pid = start_child(writing_body);
    struct target_options options = {.freeze = FREEZE_FORK, .full_registers = true};
    struct target *target;
    check_fine(target_open_process(pid, &options, &target));
    for (uint64_t i = 0; i < target->threads.count; i++) {
        const struct target_thread *thread = &target->threads.data[i];
        assert_true(thread->has_registers);
        assert_non_null(thread->registers);
        assert_int_equal(thread->registers->general.rip, thread->pc);
        assert_int_equal(thread->registers->general.rsp, thread->sp);
        assert_true(thread->registers->has_floating);
        uint64_t word;
        check_fine(target_read_u64(target, thread->sp, &word));
    }
    target_destroy(target);
    end_child(pid);
}

/* What a fork does not copy. */
static void special_body(void)
{
    char *pages = mmap(NULL, 65 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    atomic_ulong *common = mmap(pages + 64 * PAGE, PAGE, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(pages, 7, 3 * PAGE);
    madvise(pages + PAGE, PAGE, MADV_DONTFORK);
    madvise(pages + 2 * PAGE, PAGE, MADV_WIPEONFORK);
    atomic_store(&shared->address, (uint64_t)(uintptr_t)pages);
    atomic_store(&shared->ready, 1);
    for (;;) {
        atomic_fetch_add(common, 1);
        atomic_store(&shared->ticks, atomic_load(common));
        sleep_ms(1);
    }
}

static void test_special_memory(void **state)
{
    (void)state;
    pid_t pid = start_child(special_body);
    uint64_t at = atomic_load(&shared->address), before, after;
    char byte;
    struct target *target = open_child(pid, FREEZE_FORK);
    check_fine(target_read(target, at, &byte, 1));
    assert_int_equal(byte, 7);
    check_error(target_read(target, at + PAGE, &byte, 1), ERROR_FAULT, "no readable memory");
    check_fine(target_read(target, at + 2 * PAGE, &byte, 1));
    assert_int_equal(byte, 0);
    check_fine(target_read_u64(target, at + 64 * PAGE, &before));
    assert_true(moves(&shared->ticks));
    char page[2 * PAGE]; /* more than what the cache of pages is asked for */
    check_fine(target_read(target, at + 64 * PAGE, page, PAGE));
    memcpy(&after, page, sizeof(after));
    assert_true(after > before);
    target_destroy(target);
    end_child(pid);
}

/* ---- not noticed ---- */

static void watching_body(void)
{
    signal(SIGCHLD, count_signal);
    atomic_store(&shared->ready, 1);
    for (;;) {
        int status;
        if (waitpid(-1, &status, 0) != -1 || errno != ECHILD || waitpid(-1, NULL, WNOHANG) != -1)
            atomic_fetch_add(&shared->held, 1);
        atomic_fetch_add(&shared->ticks, 1);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

static bool has_children(pid_t pid)
{
    char path[64], line[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool has = fgets(line, sizeof(line), file);
    fclose(file);
    return has;
}

static void test_not_seen_by_wait(void **state)
{
    (void)state;
    pid_t pid = start_child(watching_body);
    for (int i = 0; i < 30; i++) {
        struct target *target = open_child(pid, FREEZE_FORK);
        assert_true(moves(&shared->ticks));
        target_destroy(target);
        assert_false(has_children(pid));
    }
    assert_true(moves(&shared->ticks));
    assert_int_equal(atomic_load(&shared->held), 0);
    assert_int_equal(atomic_load(&shared->signals), 0);
    end_child(pid);
}

/* Each of these waits for a time that must not become shorter, and must not end with EINTR: what a
 * borrowed thread was in is restarted by the kernel. (Those calls that end with EINTR at every
 * stop, also without a handler, such as epoll_wait, are named in signal(7).) */
enum waiting { IN_NANOSLEEP, IN_POLL, IN_FUTEX, IN_SELECT, IN_READ, WAITINGS };
enum { WAIT_MS = 250 };
static enum waiting waiting;

static bool wait_in_call(int pipe_end)
{
    struct timespec time = {.tv_nsec = WAIT_MS * 1000000L};
    struct timeval time_us = {.tv_usec = WAIT_MS * 1000L};
    uint32_t word = 1;
    char byte;
    switch (waiting) {
    case IN_NANOSLEEP:
        return nanosleep(&time, NULL) == 0;
    case IN_POLL:
        return poll(NULL, 0, WAIT_MS) == 0;
    case IN_FUTEX:
        return syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 1, &time, NULL, 0) == -1 &&
               errno == ETIMEDOUT;
    case IN_SELECT:
        return select(0, NULL, NULL, NULL, &time_us) == 0;
    default:
        return read(pipe_end, &byte, 1) == 1 && byte == 'x';
    }
}

static int pipe_ends[2];

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void waiting_body(void)
{
    atomic_store(&shared->ready, 1);
    for (;;) {
        uint64_t began = clock_ms();
        bool fine = wait_in_call(pipe_ends[0]);
        if (!fine || (waiting != IN_READ && clock_ms() - began < WAIT_MS - 1))
            atomic_fetch_add(&shared->held, 1);
        atomic_fetch_add(&shared->ticks, 1);
    }
}

static void test_calls_are_restarted(void **state)
{
    (void)state;
    for (waiting = 0; waiting < WAITINGS; waiting++) {
        reset_counters(NULL);
        assert_int_equal(pipe(pipe_ends), 0);
        pid_t pid = start_child(waiting_body);
        for (int i = 0; i < 25; i++) {
            struct target *target = open_child(pid, FREEZE_FORK);
            target_destroy(target);
            if (i % 8 == 7 && waiting == IN_READ)
                assert_int_equal(write(pipe_ends[1], "x", 1), 1);
            sleep_ms(3);
        }
        assert_true(moves(&shared->ticks) || waiting == IN_READ);
        assert_int_equal(atomic_load(&shared->held), 0);
        assert_true(atomic_load(&shared->ticks) > 0);
        end_child(pid);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
    }
}

/* A thread that never waits is borrowed in the middle of its own code. */
static void busy_body(void)
{
    double sums[8] = {0};
    signal(SIGRTMIN, count_signal);
    atomic_store(&shared->ready, 1);
    for (;;) {
        uint64_t mix = 1;
        double sum = 0;
        for (int i = 0; i < 20000; i++) {
            mix = mix * 6364136223846793005u + 1442695040888963407u;
            sum += (double)(i % 7) * 0.25;
            sums[i % 8] = sum;
        }
        uint64_t bits = 0;
        for (int i = 0; i < 8; i++)
            bits = bits * 31 + (uint64_t)(sums[i] * 4);
        atomic_store(&shared->address, mix ^ bits); /* always the same */
        atomic_fetch_add(&shared->ticks, 1);
    }
}

static void test_busy_thread(void **state)
{
    (void)state;
    pid_t pid = start_child(busy_body);
    assert_true(moves(&shared->ticks)); /* what it computed now, it must go on computing */
    uint64_t alone = atomic_load(&shared->address);
    for (int i = 0; i < 50; i++) {
        while (sigqueue(pid, SIGRTMIN, (union sigval){0}) != 0)
            sleep_ms(1);
        struct target *target = open_child(pid, FREEZE_FORK);
        while (sigqueue(pid, SIGRTMIN, (union sigval){0}) != 0)
            sleep_ms(1);
        target_destroy(target);
        assert_int_equal(atomic_load(&shared->address), alone);
    }
    assert_true(moves(&shared->ticks));
    for (int i = 0; i < 2000 && atomic_load(&shared->signals) < 100; i++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&shared->signals), 100);
    end_child(pid);
}

/* ---- whose children they are ---- */

/* Makes children of its own whose end no signal announces: one that exits, one that is killed, one
 * that lives; all of them are its own to wait for. */
static void odd_parent_body(void)
{
    pid_t own[3];
    for (int i = 0; i < 3; i++) {
        own[i] = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
        if (own[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (i == 0)
                syscall(SYS_exit_group, 0);
            for (;;)
                pause();
        }
    }
    kill(own[1], SIGKILL);
    sleep_ms(50);
    atomic_store(&shared->ready, 1);
    while (!atomic_load(&shared->held))
        sleep_ms(1);
    int status;
    if (waitpid(own[0], &status, (int)__WCLONE) == own[0] && WIFEXITED(status) &&
        waitpid(own[1], &status, (int)__WCLONE) == own[1] && WIFSIGNALED(status) &&
        waitpid(own[2], &status, (int)__WCLONE | WNOHANG) == 0)
        atomic_store(&shared->ticks, 1);
    kill(own[2], SIGKILL);
    for (;;)
        pause();
}

static void test_leaves_own_children(void **state)
{
    (void)state;
    pid_t pid = start_child(odd_parent_body);
    struct leftover_list list = {0};
    check_fine(leftover_find(pid, &list));
    assert_int_equal(list.copies.count, 0);
    for (int i = 0; i < 5; i++)
        target_destroy(open_child(pid, FREEZE_FORK));
    atomic_store(&shared->held, 1);
    for (int i = 0; i < 5000 && !atomic_load(&shared->ticks); i++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&shared->ticks), 1);
    end_child(pid);
}

/* ---- refusals ---- */

static void quiet_body(void)
{
    atomic_store(&shared->ready, 1);
    for (;;) {
        atomic_fetch_add(&shared->ticks, 1);
        sleep_ms(1);
    }
}

static void test_names_the_other_tracer(void **state)
{
    (void)state;
    pid_t pid = start_child(quiet_body);
    pid_t tracer = fork();
    if (tracer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "other-tracer");
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
            atomic_store(&shared->held, 1);
        for (;;)
            pause();
    }
    for (int i = 0; i < 2000 && !atomic_load(&shared->held); i++)
        sleep_ms(1);
    struct target *target = NULL;
    struct target_options options = {.freeze = FREEZE_FORK};
    char said[96];
    snprintf(said, sizeof(said), "traced by process %d (other-tracer)", tracer);
    check_error(target_open_process(pid, &options, &target), ERROR_OS, said);
    assert_true(moves(&shared->ticks));
    end_child(tracer);
    target_destroy(open_child(pid, FREEZE_FORK));
    end_child(pid);
}

static void unstoppable_body(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_in_kernel, NULL);
    sleep_ms(100);
    quiet_body();
}

/* Others go on between the tries, none of which takes long. */
static void test_gives_up_on_an_unstoppable_thread(void **state)
{
    (void)state;
    pid_t pid = start_child(unstoppable_body);
    struct target *target = NULL;
    struct target_options options = {.freeze = FREEZE_FORK};
    unsigned long before = atomic_load(&shared->ticks);
    check_error(target_open_process(pid, &options, &target), ERROR_OS, "(state D");
    assert_true(atomic_load(&shared->ticks) > before + 2);
    assert_true(moves(&shared->ticks));
    end_child(pid);
}

/* The copy dies under the reader's hands: the process is well, and the error says what happened. */
static void test_copy_is_killed(void **state)
{
    (void)state;
    pid_t pid = start_child(writing_body);
    struct target *target = open_child(pid, FREEZE_FORK);
    char page[2 * PAGE];
    kill(target->memory_pid, SIGKILL);
    for (int i = 0; i < 2000 && kill(target->memory_pid, 0) == 0; i++) {
        CLEANUP_ERROR struct error *error =
            target_read(target, atomic_load(&shared->address), page, PAGE);
        if (error)
            break;
        sleep_ms(1);
    }
    check_error(target_read(target, atomic_load(&shared->address), page, PAGE), ERROR_OS,
                "the process itself runs on; --freeze=stop");
    target_destroy(target);
    assert_true(moves(&shared->ticks));
    assert_false(has_children(pid));
    end_child(pid);
}

static void test_target_dies(void **state)
{
    (void)state;
    pid_t pid = start_child(writing_body);
    struct target *target = open_child(pid, FREEZE_FORK);
    end_child(pid);
    uint64_t word;
    check_fine(
        target_read_u64(target, atomic_load(&shared->address), &word)); /* the copy is there */
    pid_t copy = target->memory_pid;
    target_destroy(target);
    char left = proc_stat(copy, copy).state; /* process 1 may take its time to wait for it */
    assert_true(!left || left == 'Z' || left == 'X');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_moment, reset_counters),
        cmocka_unit_test_setup(test_registers, reset_counters),
        cmocka_unit_test_setup(test_special_memory, reset_counters),
        cmocka_unit_test_setup(test_not_seen_by_wait, reset_counters),
        cmocka_unit_test_setup(test_calls_are_restarted, reset_counters),
        cmocka_unit_test_setup(test_busy_thread, reset_counters),
        cmocka_unit_test_setup(test_leaves_own_children, reset_counters),
        cmocka_unit_test_setup(test_names_the_other_tracer, reset_counters),
        cmocka_unit_test_setup(test_gives_up_on_an_unstoppable_thread, reset_counters),
        cmocka_unit_test_setup(test_copy_is_killed, reset_counters),
        cmocka_unit_test_setup(test_target_dies, reset_counters),
    };
    return cmocka_run_group_tests(tests, share_counters, NULL);
}
