/* leakhound inspect TARGET: who holds the memory. */
#include "base/units.h"
#include "cli/command.h"
#include "cli/operand.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "report/json.h"
#include "report/text.h"

static const char help[] =
    "Example: leakhound 4242                        who holds the memory of process 4242?\n"
    "         leakhound inspect core.4242 --exe ./orders-api --format json -o report.json\n"
    "\n"
    "usage: leakhound [inspect] [OPTION...] PID|CORE|SNAPSHOT\n"
    "\n"
    "Reads the memory of a Go process or core (Go 1.15, 1.19, 1.21 to 1.27, amd64) from outside,\n"
    "stripped or not, and reports where it went, who holds it and by which path, what several\n"
    "holders reach together, the types it consists of, and the goroutines. A process is forked,\n"
    "which stops it for milliseconds, and its copy is read; whatever happens to leakhound, the\n"
    "process goes on. Of a snapshot (leakhound snapshot) it shows the report that is in it.\n"
    "\n"
    "  --format text|json  text for people (the default) or JSON, schema leakhound.report/1\n"
    "  -o, --output FILE   write to FILE, which appears when it is whole\n"
    "  --top N             rows of each table (10)\n"
    "  --exe FILE          the executable of a core whose notes do not lead to it\n"
    "  --freeze HOW        fork: read a forked copy (the default); stop: keep the process still\n"
    "                      while it is read, seconds per GB; none: read it as it runs, numbers\n"
    "                      may disagree\n"
    "  --max-pause TIME    do not fork a process that would stand still for longer: 50ms, 0.2s\n"
    "  --threads N         worker threads (one for each processor)\n"
    "  --work-dir DIR      where the tables may go when they are larger than the memory at hand:\n"
    "                      files without names on a disk with room\n"
    "  --fail-on SEVERITY  exit status 1 when a finding is at or above it: critical, warning, "
    "info\n"
    "  --phases            print the time of each phase and the peak memory to standard error\n"
    "  --no-color          no colour, also on a terminal; the variable NO_COLOR does the same\n"
    "  -q, --quiet         no progress on standard error\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n"
    "\n"
    "Exit status: 0 fine, 1 a finding is at or above --fail-on, 2 usage, 3 the target or a file "
    "could\n"
    "not be read or written, 4 the Go version, the architecture or the format is not supported.\n";

static void print_phases(const struct report *report)
{
    struct arena arena;
    arena_init(&arena);
    double sum = 0;
    for (uint32_t i = 0; i < report->phase_count; i++) {
        fprintf(stderr, "%-28s %8.3f s\n", report->phases[i].name, report->phases[i].seconds);
        sum += report->phases[i].seconds;
    }
    fprintf(stderr, "%-28s %8.3f s\n", "all phases", sum);
    if (report->peak_memory_bytes)
        fprintf(stderr, "%-28s %10s\n", "peak memory of leakhound",
                units_size(&arena, report->peak_memory_bytes));
    arena_deinit(&arena);
}

static struct error *write_report(const struct report *report, const struct options *options,
                                  FILE *out)
{
    if (options->format == FORMAT_JSON)
        return report_write_json(report, LEAKHOUND_VERSION, out);
    struct text_style style = terminal_style(out, options);
    return report_write_text(report, &style, out);
}

static struct error *judge(const struct options *options, bool *out_broken)
{
    struct output output CLEANUP_OUTPUT = {0};
    TRY(output_open(options->output, &output));
    struct report report;
    report_init(&report);
    struct error *error = operand_check(options->operands[0]);
    if (!error)
        error = operand_read(options, options->operands[0], &report, NULL);
    if (!error && options->phases)
        print_phases(&report);
    /* Whoever stops to read what we write (| head) is still told. */
    if (!error)
        *out_broken = options->fail_on && report_reaches(&report, options->fail_on);
    if (!error)
        error = write_report(&report, options, output.file);
    if (!error)
        error = output_commit(&output);
    report_deinit(&report);
    return error;
}

const struct command command_inspect = {
    .name = "inspect",
    .summary = "report who holds the memory of a Go process or core",
    .help = help,
    .options = OPTION_FORMAT | OPTION_OUTPUT | OPTION_NO_COLOR | OPTION_QUIET | OPTION_EXE |
               OPTION_FREEZE | OPTION_THREADS | OPTION_TOP | OPTION_PHASES | OPTION_WORK_DIR |
               OPTION_FAIL_ON,
    .operands = 1,
    .operand_names = "PID|CORE|SNAPSHOT",
    .judge = judge,
};
