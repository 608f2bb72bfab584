/* Stopping with ptrace: nothing of the target moves, and nothing of it is lost or changed. */
#include "child.h"

#include <errno.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&shared->signals, 1);
}

static void *nothing(void *argument)
{
    return argument;
}

/* Creates and joins threads for ever. */
static void *spawn(void *argument)
{
    (void)argument;
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, nothing, NULL) == 0) {
            pthread_join(thread, NULL);
            atomic_fetch_add(&shared->threads, 1);
        }
    }
    return NULL;
}

static void *spin(void *argument)
{
    (void)argument;
    for (volatile unsigned long i = 0;; i++)
        if (i % 100000 == 0)
            sched_yield();
    return NULL;
}

/* Creates processes by clone without SIGCHLD, which a tracer sees like threads. */
static void *spawn_strangers(void *argument)
{
    (void)argument;
    for (;;) {
        long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
        if (pid == 0)
            syscall(SYS_exit_group, 0);
        if (pid > 0)
            waitpid((pid_t)pid, NULL, __WALL);
        sleep_ms(1);
    }
    return NULL;
}

static void tick_for_ever(void)
{
    atomic_store(&shared->ready, 1);
    for (;;) {
        atomic_fetch_add(&shared->ticks, 1);
        sleep_ms(1);
    }
}

static void churning_body(void)
{
    pthread_t thread;
    signal(SIGRTMIN, count_signal);
    pthread_create(&thread, NULL, spin, NULL);
    pthread_create(&thread, NULL, spawn, NULL);
    pthread_create(&thread, NULL, spawn, NULL);
    pthread_create(&thread, NULL, spawn_strangers, NULL);
    tick_for_ever();
}

static void plain_body(void)
{
    signal(SIGRTMIN, count_signal);
    tick_for_ever();
}

static void send_signal(pid_t pid)
{
    while (sigqueue(pid, SIGRTMIN, (union sigval){0}) < 0) {
        assert_int_equal(errno, EAGAIN);
        sleep_ms(1);
    }
    atomic_fetch_add(&shared->sent, 1);
}

/* Every queued signal must arrive, exactly once. */
static void check_signals(void)
{
    for (int i = 0; i < 2000 && atomic_load(&shared->signals) < atomic_load(&shared->sent); i++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&shared->signals), atomic_load(&shared->sent));
}

static char state_of(pid_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = 0;
        fclose(file);
    }
    return state;
}

static void test_stops_churning_threads(void **state)
{
    (void)state;
    pid_t pid = start_child(churning_body);
    for (int i = 0; i < 50; i++) {
        send_signal(pid);
        struct target *target = open_child(pid, FREEZE_STOP);
        assert_true(target->threads.count >= 5);
        for (uint64_t j = 0; j < target->threads.count; j++)
            assert_true(target->threads.data[j].has_registers);
        send_signal(pid);
        if (i % 10 == 0) {
            unsigned long ticks = atomic_load(&shared->ticks);
            assert_true(stands_still(&shared->threads));
            assert_int_equal(atomic_load(&shared->ticks), ticks);
        }
        target_destroy(target);
    }
    assert_true(moves(&shared->threads));
    assert_true(moves(&shared->ticks));
    check_signals();
    end_child(pid);
}

/* A process of its own that sends signals without end. */
static pid_t start_sender(pid_t pid)
{
    pid_t sender = fork();
    if (sender == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            if (sigqueue(pid, SIGRTMIN, (union sigval){0}) == 0)
                atomic_fetch_add(&shared->sent, 1);
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        }
    }
    return sender;
}

static void end_sender(pid_t sender)
{
    /* SIGSTOP first could fall between sending and counting just as well: give it a quiet end. */
    end_child(sender);
}

static void test_hands_signals_back(void **state)
{
    (void)state;
    pid_t pid = start_child(plain_body), sender = start_sender(pid);
    for (int i = 0; i < 100; i++) {
        struct target *target = open_child(pid, FREEZE_STOP);
        target_destroy(target);
        nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
    }
    end_sender(sender);
    for (int i = 0; i < 2000 && atomic_load(&shared->signals) < atomic_load(&shared->sent); i++)
        sleep_ms(1);
    /* The sender may have been killed between sending and counting. */
    assert_in_range(atomic_load(&shared->signals), atomic_load(&shared->sent),
                    atomic_load(&shared->sent) + 1);
    end_child(pid);
}

/* Our own death, at any moment, leaves the target running and its signals whole. */
static void test_survives_our_death(void **state)
{
    (void)state;
    pid_t pid = start_child(churning_body);
    for (int i = 0; i < 20; i++) {
        atomic_store(&shared->held, 0);
        pid_t holder = fork();
        if (holder == 0) {
            struct target *target = NULL;
            struct target_options options = {.freeze = FREEZE_STOP};
            if (target_open_process(pid, &options, &target))
                _exit(1);
            atomic_store(&shared->held, 1);
            for (;;)
                pause();
        }
        if (i % 4) { /* while it holds; else while it seizes */
            for (int j = 0; j < 5000 && !atomic_load(&shared->held); j++)
                sleep_ms(1);
            assert_true(atomic_load(&shared->held));
            send_signal(pid);
        } else {
            send_signal(pid);
            nanosleep(&(struct timespec){.tv_nsec = 200000 + i * 100000}, NULL);
        }
        end_child(holder);
        assert_true(moves(&shared->ticks));
        assert_true(moves(&shared->threads));
    }
    check_signals();
    end_child(pid);
}

static void test_signals_survive_our_death(void **state)
{
    (void)state;
    pid_t pid = start_child(plain_body), sender = start_sender(pid);
    for (int i = 0; i < 30; i++) {
        atomic_store(&shared->held, 0);
        pid_t holder = fork();
        if (holder == 0) {
            struct target *target = NULL;
            struct target_options options = {.freeze = FREEZE_STOP};
            if (target_open_process(pid, &options, &target))
                _exit(1);
            atomic_store(&shared->held, 1);
            for (;;)
                pause();
        }
        for (int j = 0; j < 5000 && !atomic_load(&shared->held); j++)
            sleep_ms(1);
        end_child(holder);
    }
    end_sender(sender);
    for (int i = 0; i < 2000 && atomic_load(&shared->signals) < atomic_load(&shared->sent); i++)
        sleep_ms(1);
    assert_in_range(atomic_load(&shared->signals), atomic_load(&shared->sent),
                    atomic_load(&shared->sent) + 1);
    end_child(pid);
}

static void test_leaves_a_stopped_process_stopped(void **state)
{
    (void)state;
    pid_t pid = start_child(churning_body);
    kill(pid, SIGSTOP);
    for (int i = 0; i < 1000 && state_of(pid) != 'T'; i++)
        sleep_ms(1);
    struct target *target = open_child(pid, FREEZE_STOP);
    assert_int_equal(target->threads.data[0].state, 'T');
    target_destroy(target);
    sleep_ms(50);
    assert_int_equal(state_of(pid), 'T');
    assert_true(stands_still(&shared->ticks));
    kill(pid, SIGCONT);
    assert_true(moves(&shared->ticks));

    /* SIGSTOP that comes while it is held takes effect afterwards. */
    target = open_child(pid, FREEZE_STOP);
    kill(pid, SIGSTOP);
    target_destroy(target);
    for (int i = 0; i < 1000 && state_of(pid) != 'T'; i++)
        sleep_ms(1);
    assert_int_equal(state_of(pid), 'T');
    kill(pid, SIGCONT);
    assert_true(moves(&shared->ticks));
    end_child(pid);
}

static void test_names_the_other_tracer(void **state)
{
    (void)state;
    pid_t pid = start_child(plain_body);
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
    struct target_options options = {.freeze = FREEZE_STOP};
    char words[96];
    snprintf(words, sizeof(words), "traced by process %d (other-tracer)", tracer);
    check_error(target_open_process(pid, &options, &target), ERROR_OS, words);
    assert_true(moves(&shared->ticks));
    target = open_child(pid, FREEZE_NONE); /* reading alone is no tracing */
    target_destroy(target);
    end_child(tracer);
    end_child(pid);
}

static void *release_it(void *argument)
{
    target_release(argument);
    return NULL;
}

static void test_any_thread_may_release(void **state)
{
    (void)state;
    pid_t pid = start_child(plain_body);
    struct target *target = open_child(pid, FREEZE_STOP);
    pthread_t thread;
    assert_true(stands_still(&shared->ticks));
    assert_int_equal(pthread_create(&thread, NULL, release_it, target), 0);
    pthread_join(thread, NULL);
    assert_true(target->stopped_ns > 0);
    assert_true(moves(&shared->ticks));
    target_destroy(target);
    end_child(pid);
}

/* The exit status of a child that dies while we hold it still goes to its parent: us. */
static void test_leaves_exit_status(void **state)
{
    (void)state;
    pid_t pid = start_child(churning_body);
    struct target *target = open_child(pid, FREEZE_STOP);
    int status;
    kill(pid, SIGTERM);
    target_destroy(target);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void unstoppable_body(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_in_kernel, NULL);
    sleep_ms(100);
    tick_for_ever();
}

/* Takes as long as the limit on stopping: ten seconds. */
static void test_gives_up_on_an_unstoppable_thread(void **state)
{
    (void)state;
    pid_t pid = start_child(unstoppable_body);
    struct target *target = NULL;
    struct target_options options = {.freeze = FREEZE_STOP};
    check_error(target_open_process(pid, &options, &target), ERROR_OS,
                "did not stop within 10 seconds (state D");
    assert_null(target);
    assert_true(moves(&shared->ticks));
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, pid + 1);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "TracerPid:", 10) == 0)
            assert_int_equal(atoi(line + 10), 0);
    if (file)
        fclose(file);
    end_child(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_stops_churning_threads, reset_counters),
        cmocka_unit_test_setup(test_hands_signals_back, reset_counters),
        cmocka_unit_test_setup(test_survives_our_death, reset_counters),
        cmocka_unit_test_setup(test_signals_survive_our_death, reset_counters),
        cmocka_unit_test_setup(test_leaves_a_stopped_process_stopped, reset_counters),
        cmocka_unit_test_setup(test_names_the_other_tracer, reset_counters),
        cmocka_unit_test_setup(test_any_thread_may_release, reset_counters),
        cmocka_unit_test_setup(test_leaves_exit_status, reset_counters),
        cmocka_unit_test_setup(test_gives_up_on_an_unstoppable_thread, reset_counters),
    };
    return cmocka_run_group_tests(tests, share_counters, NULL);
}
