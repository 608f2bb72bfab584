/* Forks a process over and over, reads some of each copy from two threads, and lets it go:
 * test-tool-freeze_loop PID COUNT
 * Prints a line of JSON with the times for which the process stood still, in microseconds. Exit
 * status 1 with a sentence when a freeze fails. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "target/target.h"

enum { BLOCK = 64 << 10, MOST_READ = 8 << 20 };

/* Every second segment, so that two readers share one copy. */
struct reader {
    struct target *target;
    uint64_t first, bytes;
};

static void *read_segments(void *argument)
{
    struct reader *reader = argument;
    char *block = malloc(BLOCK);
    for (uint64_t i = reader->first; i < reader->target->segments.count; i += 2) {
        const struct target_segment *segment = &reader->target->segments.data[i];
        for (uint64_t at = segment->start; at < segment->end && reader->bytes < MOST_READ;
             at += BLOCK) {
            uint64_t n = MIN_OF(segment->end - at, (uint64_t)BLOCK);
            CLEANUP_ERROR struct error *error = target_read_sparse(reader->target, at, block, n);
            if (!error)
                reader->bytes += n;
        }
    }
    free(block);
    return NULL;
}

static struct error *freeze_once(pid_t pid, uint64_t *out_stopped_ns)
{
    const struct target_options options = {.freeze = FREEZE_FORK};
    struct target *target;
    pthread_t other;
    TRY(target_open_process(pid, &options, &target));
    struct reader readers[2] = {{.target = target}, {.target = target, .first = 1}};
    bool is_threaded = pthread_create(&other, NULL, read_segments, &readers[1]) == 0;
    read_segments(&readers[0]);
    if (is_threaded)
        pthread_join(other, NULL);
    *out_stopped_ns = target->stopped_ns;
    target_release(target);
    target_destroy(target);
    return readers[0].bytes ? NULL : error_create(ERROR_OS, "nothing could be read of the copy");
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    pid_t pid = atoi(arguments[1]);
    long times = atol(arguments[2]);
    uint64_t sum = 0, most = 0;
    srandom((unsigned)time(NULL) ^ (unsigned)pid);
    for (long i = 0; i < times; i++) {
        uint64_t stopped_ns;
        struct error *error = freeze_once(pid, &stopped_ns);
        if (error) {
            char text[1024];
            error_text(error, text, sizeof(text));
            error_destroy(error);
            fprintf(stderr, "freeze %ld: %s\n", i, text);
            return 1;
        }
        sum += stopped_ns;
        most = MAX_OF(most, stopped_ns);
        nanosleep(&(struct timespec){.tv_nsec = random() % 3000000}, NULL);
    }
    printf("{\"freezes\": %ld, \"mean_us\": %lu, \"most_us\": %lu}\n", times,
           (unsigned long)(times ? sum / (uint64_t)times / 1000 : 0), (unsigned long)(most / 1000));
    return 0;
}
