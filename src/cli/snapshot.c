/* leakhound snapshot TARGET: the state of a heap in a file, for every other command and machine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/snapshot_info.h"
#include "report/snapshot.h"

static const char help[] =
    "Example: leakhound snapshot 4242 -o before.lhsnap     keep what process 4242 holds now\n"
    "         leakhound before.lhsnap                      the report, later or elsewhere\n"
    "         leakhound snapshot --info before.lhsnap      what the file is and holds\n"
    "\n"
    "usage: leakhound snapshot [OPTION...] PID|CORE\n"
    "       leakhound snapshot --info [--format text|json] [-o FILE] SNAPSHOT\n"
    "\n"
    "Writes the object graph of a Go process or core, its types, roots and goroutines, and the\n"
    "report, to a compressed file that all commands take instead of a pid. It holds sizes,\n"
    "pointers and the names that the program's code has, but no contents of the memory: no\n"
    "strings, keys or secrets. With --with-contents it holds the whole memory, too, as a core.\n"
    "\n"
    "  -o, --output FILE   write to FILE, which appears when it is whole (NAME-PID-TIME.lhsnap\n"
    "                      in this folder); - is standard output\n"
    "  --with-contents     with the whole memory, secrets included, as the core that leakhound "
    "core\n"
    "                      would write; leakhound core SNAPSHOT -o FILE gives it back. Only the\n"
    "                      owner may read the file\n"
    "  --info              tell what a snapshot is of, and the bytes of each part\n"
    "  --format text|json  of --info: text (the default) or JSON, schema leakhound.snapshot/1\n"
    "  --exe FILE          the executable of a core whose notes do not lead to it\n"
    "  --freeze HOW        how a process is held still, as for leakhound inspect\n"
    "  --threads N         worker threads (one for each processor)\n"
    "  --work-dir DIR      where the tables may go when they are larger than the memory at hand\n"
    "  -q, --quiet         no progress and no closing line on standard error\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n"
    "\n"
    "Exit status: 0 fine, 2 usage, 3 the target or a file could not be read or written,\n"
    "4 the Go version, the architecture or the snapshot's format is not supported.\n";

static struct error *check_usage(const struct options *options)
{
    const char *target = options->operands[0];
    if (options->format != FORMAT_TEXT)
        return error_create(ERROR_USAGE, "--format belongs to --info: the snapshot itself has one "
                                         "format");
    if (snapshot_is_one(target))
        return error_create(ERROR_USAGE, "%s is a snapshot already (--info tells what is in it)",
                            target);
    if (options->with_contents && options->freeze == FREEZE_NONE)
        return error_create(ERROR_USAGE,
                            "the contents are those of one moment, and have registers: "
                            "--with-contents needs a process that is held still, not --freeze "
                            "none");
    if (options->has_output && !options->output && isatty(STDOUT_FILENO))
        return error_create(ERROR_USAGE, "a snapshot is not for a terminal: redirect it, or name "
                                         "a file with -o");
    return NULL;
}

/* The program's name as part of a file's: letters, digits and what is harmless. */
static void name_part(const char *exe, char *out, size_t size)
{
    const char *slash = strrchr(exe, '/'), *name = slash ? slash + 1 : exe;
    size_t n = 0;
    for (; name[n] && n + 1 < size; n++) {
        char c = name[n];
        bool harmless = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || (n && strchr(".-", c));
        out[n] = harmless ? c : '_';
    }
    out[n] = '\0';
}

/* orders-api-4242-20260301T120431Z.lhsnap, which must not be there yet. */
static struct error *default_path(const struct target *target, char **out)
{
    char name[64], pid[24] = "", time[32];
    size_t n = 0;
    struct stat status;
    name_part(target->exe_path ? target->exe_path : "", name, sizeof(name));
    if (target->pid > 0)
        snprintf(pid, sizeof(pid), "-%d", (int)target->pid);
    for (const char *t = target->taken_at; *t && n + 1 < sizeof(time); t++)
        if (*t != '-' && *t != ':')
            time[n++] = *t;
    time[n] = '\0';
    if (asprintf(out, "%s%s-%s.lhsnap", *name ? name : "program", pid, time) < 0)
        return error_memory(128);
    if (lstat(*out, &status) != 0)
        return NULL;
    struct error *error = error_create(ERROR_OS, "%s is there already: name a file with -o", *out);
    free(*out);
    *out = NULL;
    return error;
}

/* Contents are for their owner only, also where a file is replaced that others may read. */
static struct error *open_output(const struct options *options, const char *path,
                                 struct output *output)
{
    TRY(output_open(path, output));
    if (options->with_contents && output->path && fchmod(fileno(output->file), 0600) != 0)
        return error_os(errno, "cannot write %s", output->path);
    return NULL;
}

static struct error *make(const struct options *options, struct target *target,
                          struct output *output, struct report *report, struct snapshot_made *out)
{
    CLEANUP_FREE char *path = NULL;
    if (!options->has_output) {
        TRY(default_path(target, &path));
        TRY(open_output(options, path, output));
    }
    struct progress progress;
    const struct report_options report_options = {
        .threads = options->threads,
        .progress = progress_phase,
        .progress_context = &progress,
    };
    const struct snapshot_options snapshot_options = {
        .tool_version = LEAKHOUND_VERSION,
        .with_contents = options->with_contents,
    };
    progress_begin(&progress, options->quiet);
    struct error *error =
        snapshot_make(target, &report_options, &snapshot_options, output->file, report, out);
    target_release(target);
    progress_end(&progress);
    return error;
}

static const char *frozen_text(const struct report_target *target, struct arena *arena)
{
    if (strcmp(target->kind, "live") != 0)
        return arena_printf(arena, "from a core of %s", target->name);
    if (strcmp(target->freeze, "none") == 0)
        return arena_printf(arena, "%s was read while it ran", target->name);
    return arena_printf(arena, "%s stood still for %s (%s)", target->name,
                        units_duration(arena, target->stopped_ns), target->freeze);
}

static void print_summary(const struct options *options, const char *path,
                          const struct report *report, const struct snapshot_made *made)
{
    struct arena arena;
    arena_init(&arena);
    double each = made->objects ? (double)made->file_bytes / (double)made->objects : 0;
    fprintf(stderr, "wrote %s: %s, %s objects, %.2f bytes per object; %s%s\n", path,
            units_size(&arena, made->file_bytes), units_count(&arena, made->objects), each,
            frozen_text(&report->target, &arena),
            options->with_contents ? "; with the whole memory: may hold secrets" : "");
    arena_deinit(&arena);
}

static struct error *run_on(const struct options *options, struct target *target,
                            struct output *output)
{
    struct snapshot_made made;
    struct report report;
    report_init(&report);
    struct error *error = make(options, target, output, &report, &made);
    CLEANUP_FREE char *path = NULL;
    if (!error && output->path)
        path = strdup(output->path);
    if (!error)
        error = output_commit(output);
    if (error && error->os_errno == EPIPE)
        error->os_errno = 0; /* a reader who has had enough has no snapshot */
    if (!error && !options->quiet)
        print_summary(options, path ? path : "the snapshot", &report, &made);
    report_deinit(&report);
    return error;
}

static struct error *run(const struct options *options)
{
    const struct target_options target_options = {
        .freeze = options->freeze,
        .max_pause_ns = options->max_pause_ns,
        .exe = options->exe,
        .full_registers = options->with_contents,
    };
    struct output output CLEANUP_OUTPUT = {0};
    struct target *target;
    if (options->info)
        return snapshot_info(options);
    TRY(check_usage(options));
    if (options->with_contents)
        umask(077);
    if (options->has_output) /* a wrong name costs nobody's time */
        TRY(open_output(options, options->output, &output));
    TRY(target_open(options->operands[0], &target_options, &target));
    struct error *error = run_on(options, target, &output);
    target_destroy(target);
    return error;
}

const struct command command_snapshot = {
    .name = "snapshot",
    .summary = "keep the state of a heap in a file that every command reads",
    .help = help,
    .options = OPTION_OUTPUT | OPTION_QUIET | OPTION_FREEZE | OPTION_THREADS | OPTION_EXE |
               OPTION_INFO | OPTION_FORMAT | OPTION_WORK_DIR | OPTION_WITH_CONTENTS,
    .operands = 1,
    .operand_names = "PID|CORE",
    .run = run,
};
