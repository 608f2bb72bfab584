/*
 * Children of the tests: processes to be looked at. Each runs a body until it is told to die; the
 * test and its children share a page of counters.
 */
#ifndef LEAKHOUND_TEST_TARGET_CHILD_H
#define LEAKHOUND_TEST_TARGET_CHILD_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/target.h"

struct shared {
    atomic_ulong ready;   /* the child has set itself up */
    atomic_ulong ticks;   /* grows as long as the child's main thread runs */
    atomic_ulong threads; /* grows with each thread that the child has created and joined */
    atomic_ulong signals; /* SIGRTMIN deliveries counted by the child's handler */
    atomic_ulong sent;    /* SIGRTMIN sent to it */
    atomic_ulong held;    /* a holder process has stopped the child */
    _Atomic(uint64_t) address;
};

__attribute__((unused)) static struct shared *shared;

__attribute__((unused)) static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, (ms % 1000) * 1000000}, NULL);
}

static inline int share_counters(void **state)
{
    (void)state;
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? -1 : 0;
}

static inline int reset_counters(void **state)
{
    (void)state;
    memset(shared, 0, sizeof(*shared));
    return 0;
}

/* Starts body in a process of its own and waits until it has set shared->ready. */
static inline pid_t start_child(void (*body)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        _exit(0);
    }
    for (int i = 0; i < 10000 && !atomic_load(&shared->ready); i++)
        sleep_ms(1);
    assert_true(atomic_load(&shared->ready));
    return pid;
}

static inline void end_child(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* Whether a counter moves within two seconds; what should not move is watched for 30 ms. */
__attribute__((unused)) static bool moves(atomic_ulong *counter)
{
    unsigned long before = atomic_load(counter);
    for (int i = 0; i < 2000; i++) {
        if (atomic_load(counter) != before)
            return true;
        sleep_ms(1);
    }
    return false;
}
__attribute__((unused)) static bool stands_still(atomic_ulong *counter)
{
    unsigned long before = atomic_load(counter);
    sleep_ms(30);
    return atomic_load(counter) == before;
}

/* Fails the test with the error's own words. */
static inline void check_fine(struct error *error)
{
    char text[512];
    if (!error)
        return;
    error_text(error, text, sizeof(text));
    error_destroy(error);
    fail_msg("unexpected error: %s", text);
}

/* The error must be of this kind, and its text contain words. */
static inline void check_error(struct error *error, enum error_kind kind, const char *words)
{
    char text[512];
    assert_non_null(error);
    error_text(error, text, sizeof(text));
    enum error_kind got = error->kind;
    error_destroy(error);
    if (!strstr(text, words))
        fail_msg("\"%s\" lacks \"%s\"", text, words);
    assert_int_equal(got, kind);
}

__attribute__((unused)) static struct target *open_child(pid_t pid, enum target_freeze freeze)
{
    struct target_options options = {.freeze = freeze};
    struct target *target = NULL;
    check_fine(target_open_process(pid, &options, &target));
    return target;
}

/* The parent of a vfork waits in the kernel, where nothing but a kill reaches it. */
__attribute__((unused)) static void *wait_in_kernel(void *argument)
{
    (void)argument;
    pid_t pid = vfork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return NULL;
}

#endif
