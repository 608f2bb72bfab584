/* leakhound goroutines TARGET: what each goroutine does, holds and waits for. */
#include "report/goroutines.h"
#include "cli/command.h"
#include "cli/operand.h"
#include "cli/output.h"
#include "cli/terminal.h"

static const char help[] =
    "Example: leakhound goroutines 4242             what do the goroutines of process 4242 wait "
    "for?\n"
    "         leakhound goroutines 4242 --all | less\n"
    "\n"
    "usage: leakhound goroutines [OPTION...] PID|CORE|SNAPSHOT\n"
    "\n"
    "Prints the goroutines in the form of Go's own dump (debug=2), from outside: state, minutes "
    "of\n"
    "waiting, frames with inlined calls, creator. Beside that: the bytes of the stack, the bytes\n"
    "that only this goroutine holds, what it is blocked on, and whether it is blocked for ever:\n"
    "(leaked) means that nothing that still runs can reach what it waits for, as Go's own\n"
    "goroutineleak profile has it from 1.26 on, here for every version. Goroutines with the same\n"
    "stack are one entry, the most frequent first.\n"
    "\n"
    "  --all               each goroutine by itself, with its id\n"
    "  --system            the runtime's own goroutines and frames, too\n"
    "  --format text|json  text for people (the default) or JSON, schema leakhound.goroutines/1\n"
    "  -o, --output FILE   write to FILE, which appears when it is whole\n"
    "  --exe FILE          the executable of a core whose notes do not lead to it\n"
    "  --freeze HOW        fork, stop or none: see leakhound inspect --help\n"
    "  --max-pause TIME    do not fork a process that would stand still for longer: 50ms, 0.2s\n"
    "  --threads N         worker threads (one for each processor)\n"
    "  --work-dir DIR      where tables may go that are larger than the memory at hand\n"
    "  --no-color          no colour, also on a terminal; the variable NO_COLOR does the same\n"
    "  -q, --quiet         no progress on standard error\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n"
    "\n"
    "Exit status: 0 fine, 2 usage, 3 the target or a file could not be read or written,\n"
    "4 the Go version, the architecture or the format is not supported.\n";

static struct error *write(const struct options *options, const struct report *report,
                           const struct snapshot_goroutines *goroutines, FILE *out)
{
    const struct goroutines_shown shown = {.all = options->all, .system = options->system};
    if (options->format == FORMAT_JSON)
        return goroutines_write_json(report, goroutines, shown, LEAKHOUND_VERSION, out);
    struct text_style style = terminal_style(out, options);
    return goroutines_write_text(report, goroutines, shown, &style, out);
}

static struct error *run(const struct options *options)
{
    struct output output CLEANUP_OUTPUT = {0};
    TRY(output_open(options->output, &output));
    struct report report;
    struct snapshot_goroutines goroutines = {0};
    report_init(&report);
    struct error *error = operand_check(options->operands[0]);
    if (!error)
        error = operand_read(options, options->operands[0], &report, &goroutines);
    if (!error)
        error = write(options, &report, &goroutines, output.file);
    snapshot_goroutines_deinit(&goroutines);
    report_deinit(&report);
    if (!error)
        error = output_commit(&output);
    return error;
}

const struct command command_goroutines = {
    .name = "goroutines",
    .summary = "print the goroutines, what each holds and which are blocked for ever",
    .help = help,
    .options = OPTION_FORMAT | OPTION_OUTPUT | OPTION_NO_COLOR | OPTION_QUIET | OPTION_EXE |
               OPTION_FREEZE | OPTION_THREADS | OPTION_WORK_DIR | OPTION_ALL,
    .operands = 1,
    .operand_names = "PID|CORE|SNAPSHOT",
    .run = run,
};
