/* leakhound diff A B: what grew and what shrank. */
#include "cli/command.h"
#include "cli/operand.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "report/diff_json.h"
#include "report/diff_text.h"

static const char help[] =
    "Example: leakhound snapshot 4242 -o before.lhsnap      keep what process 4242 holds\n"
    "         leakhound diff before.lhsnap 4242             later: what has grown since?\n"
    "\n"
    "usage: leakhound diff [OPTION...] A B\n"
    "\n"
    "A and B are each a pid, a core or a snapshot: the state before and after. Tells by how much\n"
    "the live heap grew and what of: by holder, with the path into the growing one, by type, and\n"
    "goroutines by the function that they run. Only what can be reached counts; garbage that\n"
    "waits for the collector is told beside it, and never as growth. Of two builds of a program\n"
    "what is called the same is compared.\n"
    "\n"
    "  --format text|json  text for people (the default) or JSON, schema leakhound.diff/1\n"
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
    "Exit status: 0 fine, 2 usage, 3 a target or file could not be read or written, 4 a Go\n"
    "version, architecture or format is not supported. leakhound verify judges the growth.\n";

static struct error *compare(const struct options *options, const struct report *before,
                             const struct report *after, FILE *out)
{
    struct diff diff;
    struct error *error = diff_make(before, after, &diff);
    if (!error && options->format == FORMAT_JSON) {
        error = diff_write_json(&diff, LEAKHOUND_VERSION, options->top, out);
    } else if (!error) {
        struct text_style style = terminal_style(out, options);
        error = diff_write_text(&diff, &style, out);
    }
    diff_deinit(&diff);
    return error;
}

static struct error *run(const struct options *options)
{
    struct output output CLEANUP_OUTPUT = {0};
    TRY(output_open(options->output, &output));
    struct report before, after;
    report_init(&before);
    report_init(&after);
    struct error *error = operand_read_all(options, options->operands[0], &before);
    if (!error)
        error = operand_read_all(options, options->operands[1], &after);
    if (!error)
        error = compare(options, &before, &after, output.file);
    report_deinit(&before);
    report_deinit(&after);
    return error ? error : output_commit(&output);
}

const struct command command_diff = {
    .name = "diff",
    .summary = "tell what grew and what shrank between two moments",
    .help = help,
    .options = OPTION_FORMAT | OPTION_OUTPUT | OPTION_NO_COLOR | OPTION_QUIET | OPTION_EXE |
               OPTION_FREEZE | OPTION_THREADS | OPTION_TOP | OPTION_WORK_DIR,
    .operands = 2,
    .operand_names = "pids, cores or snapshots: before and after",
    .run = run,
};
