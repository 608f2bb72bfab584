#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/parallel.h"

enum { MOST_THREADS = 64, MOST_ROWS = 100000 };

/* Long options report themselves by these; short ones by their letter. */
enum {
    KEY_FORMAT = 256,
    KEY_NO_COLOR,
    KEY_EXE,
    KEY_FREEZE,
    KEY_MAX_PAUSE,
    KEY_THREADS,
    KEY_TOP,
    KEY_PHASES,
    KEY_WITH_FILES,
    KEY_INFO,
    KEY_WORK_DIR,
    KEY_WITH_CONTENTS,
    KEY_FAIL_ON,
    KEY_MAX_GROWTH,
    KEY_MAX_FINDING,
    KEY_GC,
    KEY_GC_COMMAND,
    KEY_GC_TIMEOUT,
    KEY_ALL,
    KEY_SYSTEM
};

static const struct option long_options[] = {
    {"format", required_argument, NULL, KEY_FORMAT},
    {"output", required_argument, NULL, 'o'},
    {"no-color", no_argument, NULL, KEY_NO_COLOR},
    {"quiet", no_argument, NULL, 'q'},
    {"exe", required_argument, NULL, KEY_EXE},
    {"freeze", required_argument, NULL, KEY_FREEZE},
    {"max-pause", required_argument, NULL, KEY_MAX_PAUSE},
    {"threads", required_argument, NULL, KEY_THREADS},
    {"top", required_argument, NULL, KEY_TOP},
    {"phases", no_argument, NULL, KEY_PHASES},
    {"with-files", no_argument, NULL, KEY_WITH_FILES},
    {"info", no_argument, NULL, KEY_INFO},
    {"with-contents", no_argument, NULL, KEY_WITH_CONTENTS},
    {"work-dir", required_argument, NULL, KEY_WORK_DIR},
    {"fail-on", required_argument, NULL, KEY_FAIL_ON},
    {"max-growth", required_argument, NULL, KEY_MAX_GROWTH},
    {"max-finding", required_argument, NULL, KEY_MAX_FINDING},
    {"gc", no_argument, NULL, KEY_GC},
    {"gc-command", required_argument, NULL, KEY_GC_COMMAND},
    {"gc-timeout", required_argument, NULL, KEY_GC_TIMEOUT},
    {"all", no_argument, NULL, KEY_ALL},
    {"system", no_argument, NULL, KEY_SYSTEM},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const struct {
    int key;
    enum option_bit bit;
} option_bits[] = {
    {KEY_FORMAT, OPTION_FORMAT},
    {'o', OPTION_OUTPUT},
    {KEY_NO_COLOR, OPTION_NO_COLOR},
    {'q', OPTION_QUIET},
    {KEY_EXE, OPTION_EXE},
    {KEY_FREEZE, OPTION_FREEZE},
    {KEY_MAX_PAUSE, OPTION_FREEZE},
    {KEY_THREADS, OPTION_THREADS},
    {KEY_TOP, OPTION_TOP},
    {KEY_PHASES, OPTION_PHASES},
    {KEY_WITH_FILES, OPTION_WITH_FILES},
    {KEY_INFO, OPTION_INFO},
    {KEY_WORK_DIR, OPTION_WORK_DIR},
    {KEY_WITH_CONTENTS, OPTION_WITH_CONTENTS},
    {KEY_FAIL_ON, OPTION_FAIL_ON},
    {KEY_MAX_GROWTH, OPTION_LIMITS},
    {KEY_MAX_FINDING, OPTION_LIMITS},
    {KEY_GC, OPTION_LIMITS},
    {KEY_GC_COMMAND, OPTION_LIMITS},
    {KEY_GC_TIMEOUT, OPTION_LIMITS},
    {KEY_ALL, OPTION_ALL},
    {KEY_SYSTEM, OPTION_ALL},
};

static bool is_taken(int key, unsigned taken)
{
    for (unsigned i = 0; i < ARRAY_COUNT(option_bits); i++)
        if (option_bits[i].key == key)
            return taken & (unsigned)option_bits[i].bit;
    return true;
}

static struct error *parse_number(const char *option, const char *text, uint64_t most,
                                  uint64_t *out)
{
    uint64_t number = 0;
    const char *next = text;
    for (; *next >= '0' && *next <= '9' && number <= most; next++)
        number = number * 10 + (uint64_t)(*next - '0');
    if (next == text || *next || number < 1 || number > most)
        return error_create(ERROR_USAGE, "%s takes a number from 1 to %llu, not '%s'", option,
                            (unsigned long long)most, text);
    *out = number;
    return NULL;
}

/* A number with a unit: "50ms", "0.2s". */
static struct error *parse_duration(const char *option, const char *text, uint64_t *out_ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    const double most_ns = 3600e9;
    char *unit;
    double number = *text >= '0' && *text <= '9' ? strtod(text, &unit) : -1;
    for (unsigned i = 0; number > 0 && i < ARRAY_COUNT(units); i++)
        if (strcmp(unit, units[i].name) == 0 && number * units[i].ns <= most_ns) {
            *out_ns = (uint64_t)(number * units[i].ns);
            if (*out_ns)
                return NULL;
        }
    return error_create(ERROR_USAGE,
                        "%s takes a time of at most an hour, such as 50ms or 0.2s, not '%s'",
                        option, text);
}

/* "5%" of what was there, or "20MiB". */
static struct error *parse_growth(const char *option, const char *text, struct options *options)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
                 {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    char *unit;
    double number = *text >= '0' && *text <= '9' ? strtod(text, &unit) : -1;
    if (number >= 0)
        unit += strspn(unit, " ");
    if (number >= 0 && number <= 1e6 && !strcmp(unit, "%")) {
        options->growth_share = number / 100;
        options->has_growth_share = true;
        return NULL;
    }
    for (unsigned i = 0; number >= 0 && i < ARRAY_COUNT(units); i++) {
        if (!strcmp(unit, units[i].name) && number * units[i].bytes < 0x1p60) {
            options->growth_bytes = (uint64_t)(number * units[i].bytes);
            options->has_growth_bytes = true;
            return NULL;
        }
    }
    return error_create(ERROR_USAGE, "%s takes a share or a size, such as 5%% or 20MiB, not '%s'",
                        option, text);
}

/* The place of text in choices (ended by NULL). */
static struct error *parse_choice(const char *option, const char *text, const char *const *choices,
                                  unsigned *out)
{
    for (unsigned i = 0; choices[i]; i++) {
        if (strcmp(text, choices[i]) == 0) {
            *out = i;
            return NULL;
        }
    }
    char list[64] = "";
    for (unsigned i = 0; choices[i]; i++) {
        size_t length = strlen(list);
        snprintf(list + length, sizeof(list) - length, "%s%s",
                 !i               ? ""
                 : choices[i + 1] ? ", "
                                  : " or ",
                 choices[i]);
    }
    return error_create(ERROR_USAGE, "%s takes %s, not '%s'", option, list, text);
}

static struct error *apply(int key, const char *value, unsigned taken, struct options *options)
{
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const page_formats[] = {"text", "markdown", NULL};
    static const char *const severities[] = {"critical", "warning", "info", NULL};
    static const char *const limits[] = {"none", "info", "warning", NULL};
    static const char *const freezes[] = {"fork", "stop", "none", NULL};
    uint64_t number;
    unsigned choice;
    switch (key) {
    case KEY_FORMAT:
        TRY(parse_choice("--format", value, taken & OPTION_MARKDOWN ? page_formats : formats,
                         &choice));
        options->format = !choice                   ? FORMAT_TEXT
                          : taken & OPTION_MARKDOWN ? FORMAT_MARKDOWN
                                                    : FORMAT_JSON;
        break;
    case 'o':
        if (!*value)
            return error_create(ERROR_USAGE, "-o takes the name of a file");
        options->output = strcmp(value, "-") == 0 ? NULL : value;
        options->has_output = true;
        break;
    case KEY_NO_COLOR:
        options->no_color = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case KEY_EXE:
        options->exe = value;
        break;
    case KEY_FREEZE:
        TRY(parse_choice("--freeze", value, freezes, &choice));
        options->freeze = (enum target_freeze)choice;
        break;
    case KEY_MAX_PAUSE:
        TRY(parse_duration("--max-pause", value, &options->max_pause_ns));
        break;
    case KEY_THREADS:
        TRY(parse_number("--threads", value, MOST_THREADS, &number));
        options->threads = (unsigned)number;
        break;
    case KEY_TOP:
        TRY(parse_number("--top", value, MOST_ROWS, &number));
        options->top = (uint32_t)number;
        break;
    case KEY_PHASES:
        options->phases = true;
        break;
    case KEY_WITH_FILES:
        options->with_files = true;
        break;
    case KEY_WITH_CONTENTS:
        options->with_contents = true;
        break;
    case KEY_WORK_DIR:
        options->work_dir = value;
        break;
    case KEY_FAIL_ON:
        TRY(parse_choice("--fail-on", value, severities, &choice));
        options->fail_on = severities[choice];
        break;
    case KEY_MAX_GROWTH:
        TRY(parse_growth("--max-growth", value, options));
        break;
    case KEY_MAX_FINDING:
        TRY(parse_choice("--max-finding", value, limits, &choice));
        options->max_finding = (int)choice - 1;
        options->has_max_finding = true;
        break;
    case KEY_GC:
        options->gc = true;
        break;
    case KEY_GC_COMMAND:
        if (!*value)
            return error_create(ERROR_USAGE, "--gc-command takes a command for sh");
        options->gc_command = value;
        break;
    case KEY_GC_TIMEOUT:
        TRY(parse_duration("--gc-timeout", value, &options->gc_timeout_ns));
        break;
    case KEY_SYSTEM:
        options->system = true;
        break;
    case KEY_ALL:
        options->all = true;
        break;
    case KEY_INFO:
        options->info = true;
        break;
    case 'h':
        options->help = true;
        break;
    default: /* 'V' */
        options->version = true;
        break;
    }
    return NULL;
}

static struct error *parse(int count, char **arguments, const char *name, unsigned taken,
                           struct options *options)
{
    opterr = 0;
    optind = 0; /* glibc: begin anew */
    for (;;) {
        int before = optind ? optind : 1, index = -1;
        int key = getopt_long(count, arguments, ":o:qhV", long_options, &index);
        if (key == -1)
            break;
        /* getopt moves operands behind the options: the option it stopped at is the one before
         * optind, or, inside a group of letters, the one at it. */
        const char *shown = arguments[optind > before ? optind - 1 : optind];
        if (key == '?' && optopt && optopt < 256 && strncmp(shown, "--", 2) != 0)
            return error_create(ERROR_USAGE, "unknown option -%c; see %s --help", optopt, name);
        if (key == '?')
            return error_create(ERROR_USAGE, "%s option %s; see %s --help",
                                optopt ? "no value belongs to" : "unknown or ambiguous", shown,
                                name);
        if (key == ':')
            return error_create(ERROR_USAGE, "%s needs a value; see %s --help", shown, name);
        if (!is_taken(key, taken))
            return error_create(ERROR_USAGE, "%s takes no %s; see %s --help", name,
                                index >= 0 ? long_options[index].name : shown, name);
        TRY(apply(key, optarg, taken, options));
    }
    for (; optind < count; optind++) {
        if (options->operand_count == OPTIONS_MAX_OPERANDS)
            return error_create(ERROR_USAGE, "too many operands, from '%s' on; see %s --help",
                                arguments[optind], name);
        options->operands[options->operand_count++] = arguments[optind];
    }
    return NULL;
}

struct error *options_parse(int count, char **arguments, const char *name, unsigned taken,
                            struct options *out)
{
    struct options options = {
        .freeze = FREEZE_FORK,
        .threads = parallel_processor_count(),
        .top = OPTIONS_DEFAULT_TOP,
    };
    TRY(parse(count, arguments, name, taken, &options));
    if (options.max_pause_ns && options.freeze != FREEZE_FORK)
        return error_create(ERROR_USAGE, "--max-pause is for --freeze=fork; see %s --help", name);
    *out = options;
    return NULL;
}
