#include "report/gc_await.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "gort/gc_cycles.h"
#include "target/target.h"

enum { POLL_NS = 20 * 1000000 };

extern char **environ;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Our standard output is for the result: the command's goes to standard error. */
static struct error *spawn(const char *command, pid_t *out)
{
    char *arguments[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    int reason = posix_spawn_file_actions_init(&actions);
    if (reason)
        return error_os(reason, "cannot run '%s'", command);
    reason = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (!reason)
        reason = posix_spawn(out, "/bin/sh", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return reason ? error_os(reason, "cannot run '%s'", command) : NULL;
}

static struct error *run_command(const char *command, const char *pid)
{
    pid_t child;
    int status;
    if (setenv("LEAKHOUND_PID", pid, 1) != 0)
        return error_os(errno, "cannot run '%s'", command);
    TRY(spawn(command, &child));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return error_os(errno, "cannot wait for '%s'", command);
    if (WIFSIGNALED(status))
        return error_create(ERROR_OS, "'%s' was ended by signal %d", command, WTERMSIG(status));
    if (WEXITSTATUS(status))
        return error_create(ERROR_OS, "'%s' failed with exit status %d", command,
                            WEXITSTATUS(status));
    return NULL;
}

static struct error *too_long(const char *pid, const struct gc_await_options *options,
                              const struct gc_cycles *asked)
{
    struct arena arena;
    arena_init(&arena);
    const char *why = options->command ? "the command did not make it collect"
                      : !asked->begun
                          ? "it never has, and the runtime forces none before the first; name a "
                            "command that makes it collect with --gc-command"
                          : "is its GC off (GOGC=off)? The runtime forces a cycle two to three "
                            "minutes after the last; --gc-command names a command that makes it "
                            "collect, --gc-timeout waits longer";
    struct error *error =
        error_create(ERROR_LIMIT, "process %s has not finished a garbage collection within %s: %s",
                     pid, units_duration(&arena, options->timeout_ns), why);
    arena_deinit(&arena);
    return error;
}

static struct error *await(struct go_runtime *runtime, const char *pid,
                           const struct gc_await_options *options, struct gc_await_result *out)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    struct gc_cycles asked, now;
    uint64_t began = now_ns();
    TRY(gc_cycles_read(runtime, &asked));
    if (options->command)
        TRY(run_command(options->command, pid));
    for (;;) {
        TRY(gc_cycles_read(runtime, &now));
        if (gc_cycles_passed(&asked, &now))
            break;
        if (now_ns() - began > options->timeout_ns)
            return too_long(pid, options, &asked);
        nanosleep(&pause, NULL);
    }
    *out = (struct gc_await_result){.waited_ns = now_ns() - began, .cycle = now.finished};
    return NULL;
}

struct error *gc_await(const char *name, const struct gc_await_options *options,
                       struct gc_await_result *out)
{
    const struct target_options target_options = {.freeze = FREEZE_NONE};
    struct target *target;
    struct go_runtime *runtime;
    TRY(target_open(name, &target_options, &target));
    struct error *error = go_runtime_open(target, &runtime);
    if (!error) {
        error = await(runtime, name, options, out);
        go_runtime_close(runtime);
    }
    target_destroy(target);
    return error;
}
