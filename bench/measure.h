/* Stopwatches and memory figures for the programs of this folder. */
#ifndef LEAKHOUND_BENCH_MEASURE_H
#define LEAKHOUND_BENCH_MEASURE_H

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static inline void must(struct error *error)
{
    char text[256];
    if (!error)
        return;
    error_text(error, text, sizeof(text));
    fprintf(stderr, "bench: %s\n", text);
    exit(1);
}

static inline double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Wall seconds, and those of all threads: what counts on a busy machine. */
struct stopwatch {
    double wall, processor;
};

static inline struct stopwatch start_watch(void)
{
    return (struct stopwatch){read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

static inline void print_watch(const char *name, struct stopwatch since)
{
    struct stopwatch now = start_watch();
    printf("  %-22s %8.3f s, processor %8.3f s\n", name, now.wall - since.wall,
           now.processor - since.processor);
}

/* Resident bytes that are no file's: a mapped core does not count. */
static inline double anonymous_bytes(void)
{
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof(line), status))
        sscanf(line, "RssAnon: %lf", &kib);
    if (status)
        fclose(status);
    return kib * 1024;
}

/* The kernel keeps no peak of anonymous memory alone: a thread looks every two milliseconds. */
struct peak_watch {
    pthread_t thread;
    double peak;
    bool stop;
};

static inline void *watch_peak(void *argument)
{
    struct peak_watch *watch = argument;
    struct sched_param priority;
    int policy;
    /* among real-time threads it would never get its turn */
    if (!pthread_getschedparam(pthread_self(), &policy, &priority) && policy == SCHED_FIFO) {
        priority.sched_priority++;
        pthread_setschedparam(pthread_self(), policy, &priority);
    }
    while (!__atomic_load_n(&watch->stop, __ATOMIC_RELAXED)) {
        double bytes = anonymous_bytes();
        if (bytes > watch->peak)
            watch->peak = bytes;
        usleep(2000);
    }
    return NULL;
}

static inline void start_peak_watch(struct peak_watch *watch)
{
    *watch = (struct peak_watch){.peak = anonymous_bytes()};
    if (pthread_create(&watch->thread, NULL, watch_peak, watch)) {
        fprintf(stderr, "bench: no thread\n");
        exit(1);
    }
}

static inline double end_peak_watch(struct peak_watch *watch)
{
    __atomic_store_n(&watch->stop, true, __ATOMIC_RELAXED);
    pthread_join(watch->thread, NULL);
    return watch->peak;
}

#endif
