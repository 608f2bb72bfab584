/* One parser of command lines for all commands. */
#ifndef LEAKHOUND_CLI_OPTIONS_H
#define LEAKHOUND_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "target/target.h"

enum output_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN };

/* Which options a command takes; --help and --version all do. */
enum option_bit {
    OPTION_FORMAT = 1 << 0,
    OPTION_OUTPUT = 1 << 1,
    OPTION_NO_COLOR = 1 << 2,
    OPTION_QUIET = 1 << 3,
    OPTION_EXE = 1 << 4,
    OPTION_FREEZE = 1 << 5,
    OPTION_THREADS = 1 << 6,
    OPTION_TOP = 1 << 7,
    OPTION_PHASES = 1 << 8,
    OPTION_WITH_FILES = 1 << 9,
    OPTION_INFO = 1 << 10,
    OPTION_WORK_DIR = 1 << 11,
    OPTION_WITH_CONTENTS = 1 << 12,
    OPTION_FAIL_ON = 1 << 14,
    OPTION_MARKDOWN = 1 << 15, /* with OPTION_FORMAT: markdown in place of json */
    OPTION_LIMITS = 1 << 13,   /* of verify */
    OPTION_ALL = 1 << 16,
};

enum { OPTIONS_MAX_OPERANDS = 4, OPTIONS_DEFAULT_TOP = 10 };

struct options {
    enum output_format format;
    const char *output; /* NULL: standard output */
    bool has_output;    /* -o was given, if only as "-" */
    bool no_color, quiet, phases, with_files, with_contents, info, all, system, help, version;
    const char *exe;     /* NULL: as the target says */
    const char *fail_on; /* "critical", "warning", "info"; NULL: never */
    enum target_freeze freeze;
    const char *work_dir;  /* NULL: everything in memory */
    uint64_t max_pause_ns; /* 0: no limit */
    bool has_growth_share, has_growth_bytes;
    double growth_share; /* --max-growth 5%: 0.05 */
    uint64_t growth_bytes;
    bool has_max_finding;
    int max_finding; /* enum finding_severity, -1: none at all */
    bool gc;
    uint64_t gc_timeout_ns; /* 0: not given */
    const char *gc_command; /* NULL: none */
    unsigned threads;       /* at least 1 */
    uint32_t top;
    const char *operands[OPTIONS_MAX_OPERANDS];
    unsigned operand_count;
};

/* Parses arguments[1 … count): options and operands in any order, "--" ends the options. name is
 * for messages ("leakhound inspect --help"). Strings in out belong to arguments. ERROR_USAGE with a
 * sentence that says what is wrong. Not for several threads (getopt). */
struct error *options_parse(int count, char **arguments, const char *name, unsigned taken,
                            struct options *out) ERROR_CHECK;

#endif
