#include "cli/operand.h"

#include <string.h>
#include <unistd.h>

#include "cli/progress.h"
#include "report/goroutines.h"
#include "report/snapshot.h"

struct error *operand_check(const char *name)
{
    bool digits = *name && !name[strspn(name, "0123456789")];
    if (digits || strchr(name, '/') || access(name, F_OK) == 0)
        return NULL;
    return error_create(ERROR_OS, "%s is neither a pid nor a file (pidof finds a program's pid)",
                        name);
}

static struct error *read_snapshot(const struct options *options, const char *name, uint32_t top,
                                   struct report *out, struct snapshot_goroutines *goroutines)
{
    struct snapshot *snapshot;
    TRY(snapshot_open(name, options->threads, &snapshot));
    struct error *error = snapshot_read_report(snapshot, top, out);
    if (!error && goroutines)
        error = snapshot_read_goroutines(snapshot->file, goroutines);
    snapshot_close(snapshot);
    return error;
}

static struct error *read_target(const struct options *options, const char *name,
                                 struct report_options *report_options, struct report *out,
                                 struct snapshot_goroutines *goroutines)
{
    const struct target_options target_options = {
        .freeze = options->freeze,
        .max_pause_ns = options->max_pause_ns,
        .exe = options->exe,
    };
    struct progress progress;
    struct target *target;
    TRY(target_open(name, &target_options, &target));
    report_options->threads = options->threads;
    report_options->progress = progress_phase;
    report_options->progress_context = &progress;
    progress_begin(&progress, options->quiet);
    struct error *error = goroutines ? goroutines_collect(target, report_options, out, goroutines)
                                     : report_collect(target, report_options, out);
    target_release(target);
    target_destroy(target);
    progress_end(&progress);
    return error;
}

struct error *operand_read(const struct options *options, const char *name, struct report *out,
                           struct snapshot_goroutines *goroutines)
{
    struct report_options report_options = {.top = options->top};
    return snapshot_is_one(name) ? read_snapshot(options, name, options->top, out, goroutines)
                                 : read_target(options, name, &report_options, out, goroutines);
}

struct error *operand_read_all(const struct options *options, const char *name, struct report *out)
{
    struct report_options report_options = {.top = SNAPSHOT_ROWS, .collections = true};
    TRY(operand_check(name));
    if (snapshot_is_one(name))
        return read_snapshot(options, name, SNAPSHOT_ROWS, out, NULL);
    struct error *error = read_target(options, name, &report_options, out, NULL);
    return error && !strstr(error->message, name) ? error_wrap(error, "%s", name) : error;
}
