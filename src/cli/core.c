/* leakhound core PID: an ELF core of the frozen process, for gdb, delve and leakhound itself; or
 * the one that a snapshot holds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "report/snapshot_contents.h"
#include "target/core_write.h"

static const char help[] =
    "Example: leakhound core 4242                       write process 4242 to ./core.4242\n"
    "         leakhound core 4242 -o /var/tmp/orders.core && dlv core ./orders-api "
    "/var/tmp/orders.core\n"
    "         leakhound core 4242 -o - | zstd > core.zst    when there is no room for it here\n"
    "\n"
    "usage: leakhound core [OPTION...] PID\n"
    "       leakhound core -o FILE [--threads N] [-q] SNAPSHOT\n"
    "\n"
    "Writes an ELF core of any 64-bit process, which goes on afterwards: its memory, threads,\n"
    "registers and mapped files, for gdb, delve (dlv core) and leakhound. The file is sparse: "
    "pages\n"
    "that are not there, and pages of zeros, take no room on the disk. It appears under its name\n"
    "when it is whole, and only its owner may read it: it holds all that the process knew.\n"
    "Pages of programs and libraries that can be read from their files stay out, as in the\n"
    "kernel's cores, and so does what the program excluded (MADV_DONTDUMP).\n"
    "Of a snapshot with contents (leakhound snapshot --with-contents) it writes the core in it.\n"
    "\n"
    "  -o, --output FILE   write to FILE (core.PID, which must not be there yet); - is standard\n"
    "                      output, which gets the holes as zeros\n"
    "  --with-files        with the pages of programs and libraries: the core can be read where\n"
    "                      these files are not\n"
    "  --freeze HOW        fork: copy from a forked copy of the process (the default), which "
    "stands\n"
    "                      still for milliseconds; stop: stop it until it is copied\n"
    "  --max-pause TIME    do not fork a process that would stand still for longer: 50ms, 0.2s\n"
    "  --threads N         threads that copy (one for each processor)\n"
    "  -q, --quiet         no progress and no closing line on standard error\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n"
    "\n"
    "Exit status: 0 fine, 2 usage, 3 the process or snapshot could not be read or the file not be\n"
    "written, 4 the architecture or the snapshot's format is not supported.\n";

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

/* The process is gone: what says how to read it has no place. */
static struct error *check_snapshot_usage(const struct options *options)
{
    if (!options->has_output)
        return error_create(ERROR_USAGE, "name the file for the core of a snapshot with -o");
    if (options->with_files || options->freeze != FREEZE_FORK || options->max_pause_ns)
        return error_create(ERROR_USAGE, "the core in a snapshot is as it is: --with-files, "
                                         "--freeze and --max-pause are for processes");
    return NULL;
}

static struct error *check_usage(const struct options *options, bool is_snapshot)
{
    const char *pid = options->operands[0];
    if (is_snapshot)
        TRY(check_snapshot_usage(options));
    else if (!is_number(pid))
        return error_create(
            ERROR_USAGE, "leakhound core takes the pid of a running process, or a snapshot, not %s",
            pid);
    if (options->freeze == FREEZE_NONE)
        return error_create(ERROR_USAGE,
                            "a core needs registers, and these only a process that is held still "
                            "has: --freeze none is not for cores");
    if (options->has_output && !options->output && isatty(STDOUT_FILENO))
        return error_create(ERROR_USAGE, "a core is not for a terminal: redirect it, or name a "
                                         "file with -o");
    return NULL;
}

/* A name that was not given must be free; one that was may be that of a file, which is replaced,
 * but not that of a device. NULL as *out_path is standard output. */
static struct error *choose_path(const struct options *options, char **out_path)
{
    struct stat status;
    char *path = NULL;
    if (options->has_output && !options->output) {
        *out_path = NULL;
        return NULL;
    }
    if (options->has_output)
        path = strdup(options->output);
    else if (asprintf(&path, "core.%s", options->operands[0]) < 0)
        path = NULL;
    if (!path)
        return error_memory(32);
    struct error *error = NULL;
    if (!options->has_output && lstat(path, &status) == 0)
        error = error_create(ERROR_OS, "%s is there already: name a file with -o", path);
    else if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        error = error_create(ERROR_OS, "%s is not a regular file (-o - is standard output)", path);
    if (error) {
        free(path);
        return error;
    }
    *out_path = path;
    return NULL;
}

struct summary {
    struct core_written written;
    uint64_t stopped_ns;
    bool was_stopped; /* for as long as it was copied */
};

/* The process goes on before the disk is waited for. */
static struct error *copy(const struct options *options, FILE *file, const char *name,
                          struct summary *out)
{
    const struct target_options target_options = {
        .freeze = options->freeze,
        .max_pause_ns = options->max_pause_ns,
        .full_registers = true,
    };
    struct progress progress;
    const struct core_write_options write_options = {
        .with_files = options->with_files,
        .threads = options->threads,
        .progress = progress_report,
        .progress_context = &progress,
    };
    struct target *target;
    TRY(target_open(options->operands[0], &target_options, &target));
    progress_begin(&progress, options->quiet);
    struct error *error = core_write(target, &write_options, fileno(file), name, &out->written);
    target_release(target);
    out->stopped_ns = target->stopped_ns;
    out->was_stopped = target->freeze == FREEZE_STOP;
    target_destroy(target);
    progress_end(&progress);
    return error;
}

static const char *disk_text(uint64_t bytes, struct arena *arena)
{
    return bytes ? arena_printf(arena, ", %s on disk", units_size(arena, bytes)) : "";
}

static void print_summary(const struct options *options, const char *name,
                          const struct summary *summary)
{
    const struct core_written *written = &summary->written;
    struct arena arena;
    arena_init(&arena);
    const char *disk = disk_text(written->disk_bytes, &arena);
    fprintf(stderr, "wrote %s: %s%s, %s thread%s; process %s stood still for %s (%s)\n", name,
            units_size(&arena, written->file_bytes), disk, units_count(&arena, written->threads),
            written->threads == 1 ? "" : "s", options->operands[0],
            units_duration(&arena, summary->stopped_ns),
            summary->was_stopped ? "stopped until it was copied" : "a forked copy was read");
    arena_deinit(&arena);
}

static void print_restored(const struct options *options, const char *name,
                           const struct snapshot_core *core)
{
    struct arena arena;
    arena_init(&arena);
    fprintf(stderr, "wrote %s: %s%s, from %s\n", name, units_size(&arena, core->file_bytes),
            disk_text(core->disk_bytes, &arena), options->operands[0]);
    arena_deinit(&arena);
}

/* The time of a core is that of its file; a pipe has none. */
static struct error *set_time(struct snapshot *snapshot, int file)
{
    struct report report;
    struct tm utc = {0};
    report_init(&report);
    struct error *error = snapshot_read_report(snapshot, 0, &report);
    if (!error && report.target.taken_at &&
        strptime(report.target.taken_at, "%Y-%m-%dT%H:%M:%SZ", &utc)) {
        struct timespec taken = {.tv_sec = timegm(&utc)};
        (void)!futimens(file, (struct timespec[]){taken, taken});
    }
    report_deinit(&report);
    return error;
}

static struct error *extract(const struct options *options, FILE *file, const char *name,
                             struct snapshot_core *out)
{
    struct snapshot *snapshot;
    TRY(snapshot_open(options->operands[0], options->threads, &snapshot));
    struct error *error = snapshot_extract_core(snapshot, fileno(file), name, out);
    if (!error && file != stdout)
        error = set_time(snapshot, fileno(file));
    snapshot_close(snapshot);
    return error;
}

static struct error *run(const struct options *options)
{
    struct output output CLEANUP_OUTPUT = {0};
    CLEANUP_FREE char *path = NULL;
    struct summary summary = {0};
    struct snapshot_core restored = {0};
    /* a number is a pid, whatever files are there */
    bool is_snapshot = !is_number(options->operands[0]) && snapshot_is_one(options->operands[0]);
    TRY(check_usage(options, is_snapshot));
    TRY(choose_path(options, &path));
    umask(077); /* all that the process knew: keys, passwords, its users' data */
    TRY(output_open(path, &output));
    const char *name = path ? path : "standard output";
    struct error *error = is_snapshot ? extract(options, output.file, name, &restored)
                                      : copy(options, output.file, name, &summary);
    if (!error)
        error = output_commit(&output);
    if (error && error->os_errno == EPIPE)
        error->os_errno = 0; /* a reader who has had enough has no core */
    if (!error && !options->quiet && is_snapshot)
        print_restored(options, name, &restored);
    else if (!error && !options->quiet)
        print_summary(options, name, &summary);
    return error;
}

const struct command command_core = {
    .name = "core",
    .summary = "write an ELF core of a running process, which goes on",
    .help = help,
    .options = OPTION_OUTPUT | OPTION_QUIET | OPTION_FREEZE | OPTION_THREADS | OPTION_WITH_FILES,
    .operands = 1,
    .operand_names = "PID|SNAPSHOT",
    .run = run,
};
