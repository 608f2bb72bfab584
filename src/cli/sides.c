#include "cli/sides.h"

#include <string.h>
#include <unistd.h>

#include "cli/progress.h"
#include "report/collect.h"
#include "report/snapshot.h"

static struct error *read_snapshot(const struct options *options, const char *name,
                                   struct report *out)
{
    struct snapshot *snapshot;
    TRY(snapshot_open(name, options->threads, &snapshot));
    struct error *error = snapshot_read_report(snapshot, SNAPSHOT_ROWS, out);
    snapshot_close(snapshot);
    return error;
}

static struct error *read_target(const struct options *options, const char *name,
                                 struct report *out)
{
    const struct target_options target_options = {
        .freeze = options->freeze,
        .max_pause_ns = options->max_pause_ns,
        .exe = options->exe,
    };
    struct progress progress;
    const struct report_options report_options = {
        .threads = options->threads,
        .top = SNAPSHOT_ROWS,
        .collections = true,
        .progress = progress_phase,
        .progress_context = &progress,
    };
    struct target *target;
    TRY(target_open(name, &target_options, &target));
    progress_begin(&progress, options->quiet);
    struct error *error = report_collect(target, &report_options, out);
    target_release(target);
    target_destroy(target);
    progress_end(&progress);
    return error;
}

struct error *side_read(const struct options *options, const char *name, struct report *out)
{
    bool digits = *name && !name[strspn(name, "0123456789")];
    if (!digits && !strchr(name, '/') && access(name, F_OK) != 0)
        return error_create(ERROR_OS,
                            "%s is neither a pid nor a file (pidof finds a program's pid)", name);
    if (snapshot_is_one(name))
        return read_snapshot(options, name, out);
    struct error *error = read_target(options, name, out);
    return error && !strstr(error->message, name) ? error_wrap(error, "%s", name) : error;
}
