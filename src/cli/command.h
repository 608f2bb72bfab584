/* The commands of the program: one file each, and a row in the table in main.c. */
#ifndef LEAKHOUND_CLI_COMMAND_H
#define LEAKHOUND_CLI_COMMAND_H

#include "cli/options.h"

struct command {
    const char *name;
    const char *summary;    /* for the list of commands */
    const char *help;       /* for --help; begins with an example */
    unsigned options;       /* OPTION_… that it takes */
    unsigned operands;      /* how many it takes, exactly */
    bool operands_optional; /* or none */
    const char *operand_names;
    /* Does it. An error is printed by main, which derives the exit status from it. */
    struct error *(*run)(const struct options *options)ERROR_CHECK;
    /* Instead of run, for a command that judges: *out_broken ends the program with status 1. */
    struct error *(*judge)(const struct options *options, bool *out_broken)ERROR_CHECK;
};

extern const struct command command_inspect;
extern const struct command command_core;
extern const struct command command_snapshot;
extern const struct command command_goroutines;
extern const struct command command_explain;
extern const struct command command_diff;
extern const struct command command_verify;

#endif
