/* leakhound verify A B: the growth between two moments against limits; for CI. */
#include <string.h>

#include "cli/command.h"
#include "cli/operand.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "report/verdict.h"

static const char help[] =
    "Example: leakhound snapshot 4242 -o before.lhsnap -q    before the load\n"
    "         ./load-test                                    some load, which should leave "
    "nothing\n"
    "         leakhound verify before.lhsnap 4242 --gc --max-growth 5%\n"
    "\n"
    "usage: leakhound verify [OPTION...] A B\n"
    "\n"
    "Compares two moments as leakhound diff does (A and B are each a pid, a core or a snapshot) "
    "and\n"
    "ends with status 1 when a limit is broken; it says by how much and what grew. Every limit "
    "that\n"
    "is given must hold. Only what can be reached counts: garbage is never growth, collected or "
    "not.\n"
    "\n"
    "  --max-growth LIMIT  how much the live heap may grow: 5% of what it was in A, or 20MiB;\n"
    "                      may be given once with % and once with a size\n"
    "  --max-finding LEVEL the worst finding that B and the growth may have: none, info, warning\n"
    "  --gc                read B (a pid) only after it has finished a garbage collection that "
    "began\n"
    "                      after the request: pools and finalizers let go, too. leakhound changes\n"
    "                      nothing in the process: it waits for its next cycle, which the runtime\n"
    "                      forces two to three minutes after the last unless GC is off\n"
    "  --gc-command CMD    the same, after CMD (for sh) has asked for it in the process's own "
    "way:\n"
    "                      'kill -USR1 $LEAKHOUND_PID' where it calls runtime.GC on that signal,\n"
    "                      'curl -s localhost:6060/debug/pprof/heap?gc=1'\n"
    "  --gc-timeout TIME   give up after so long: 30s (200s)\n"
    "  --format text|json  text for people (the default) or JSON, schema leakhound.verify/1\n"
    "  -o, --output FILE   write to FILE, which appears when it is whole\n"
    "  --top N             rows of each table that grew, and as many that shrank (10)\n"
    "  --exe FILE          the executable of cores whose notes do not lead to it\n"
    "  --freeze HOW        fork, stop or none: see leakhound inspect --help\n"
    "  --max-pause TIME    do not fork a process that would stand still for longer: 50ms, 0.2s\n"
    "  --threads N         worker threads (one for each processor)\n"
    "  --work-dir DIR      where tables may go that are larger than the memory at hand\n"
    "  --no-color          no colour, also on a terminal; the variable NO_COLOR does the same\n"
    "  -q, --quiet         no progress on standard error\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n"
    "\n"
    "Exit status: 0 the limits hold, 1 one is broken, 2 usage, 3 a target or file could not be\n"
    "read or written or no collection came in time, 4 a Go version, architecture or format is not\n"
    "supported.\n";

static struct error *check_usage(const struct options *options)
{
    const char *b = options->operands[1];
    bool is_pid = *b && !b[strspn(b, "0123456789")];
    if (!options->has_growth_share && !options->has_growth_bytes && !options->has_max_finding)
        return error_create(ERROR_USAGE, "nothing to verify: give a limit, as in --max-growth 5%%");
    if ((options->gc || options->gc_command) && !is_pid)
        return error_create(ERROR_USAGE,
                            "--gc waits for a running process: B is to be a pid, not %s", b);
    if (options->gc_timeout_ns && !options->gc && !options->gc_command)
        return error_create(ERROR_USAGE, "--gc-timeout goes with --gc or --gc-command");
    return NULL;
}

static struct error *await_gc(const struct options *options, struct verdict_gc *out)
{
    const struct gc_await_options await_options = {
        .timeout_ns = options->gc_timeout_ns ? options->gc_timeout_ns : GC_AWAIT_DEFAULT_NS,
        .command = options->gc_command,
    };
    struct progress progress;
    progress_begin(&progress, options->quiet);
    progress_phase(&progress, "wait for a garbage collection", -1, -1);
    struct error *error = gc_await(options->operands[1], &await_options, &out->result);
    progress_end(&progress);
    out->command = options->gc_command;
    return error;
}

static struct error *judge_diff(const struct options *options, const struct diff *diff,
                                const struct verdict_gc *gc, FILE *out, bool *out_broken)
{
    const struct verdict_limits limits = {
        .has_growth_share = options->has_growth_share,
        .has_growth_bytes = options->has_growth_bytes,
        .growth_share = options->growth_share,
        .growth_bytes = options->growth_bytes,
        .has_finding = options->has_max_finding,
        .finding = options->max_finding,
    };
    struct verdict verdict;
    struct error *error = verdict_make(diff, &limits, &verdict);
    if (!error && options->format == FORMAT_JSON) {
        error = verdict_write_json(&verdict, diff, gc, LEAKHOUND_VERSION, options->top, out);
    } else if (!error) {
        struct text_style style = terminal_style(out, options);
        error = verdict_write_text(&verdict, diff, gc, &style, out);
    }
    *out_broken = verdict.broken;
    verdict_deinit(&verdict);
    return error;
}

static struct error *compare(const struct options *options, struct report *before,
                             struct report *after, FILE *out, bool *out_broken)
{
    const bool with_gc = options->gc || options->gc_command;
    struct verdict_gc gc = {0};
    struct diff diff;
    TRY(operand_read_all(options, options->operands[0], before));
    if (with_gc)
        TRY(await_gc(options, &gc));
    TRY(operand_read_all(options, options->operands[1], after));
    struct error *error = diff_make(before, after, &diff);
    if (!error)
        error = judge_diff(options, &diff, with_gc ? &gc : NULL, out, out_broken);
    diff_deinit(&diff);
    return error;
}

static struct error *judge(const struct options *options, bool *out_broken)
{
    struct output output CLEANUP_OUTPUT = {0};
    TRY(check_usage(options));
    TRY(output_open(options->output, &output));
    struct report before, after;
    report_init(&before);
    report_init(&after);
    struct error *error = compare(options, &before, &after, output.file, out_broken);
    report_deinit(&before);
    report_deinit(&after);
    return error ? error : output_commit(&output);
}

const struct command command_verify = {
    .name = "verify",
    .summary = "check that memory has not grown beyond limits, for CI",
    .help = help,
    .options = OPTION_FORMAT | OPTION_OUTPUT | OPTION_NO_COLOR | OPTION_QUIET | OPTION_EXE |
               OPTION_FREEZE | OPTION_THREADS | OPTION_TOP | OPTION_WORK_DIR | OPTION_LIMITS,
    .operands = 2,
    .operand_names = "pids, cores or snapshots: before and after",
    .judge = judge,
};
