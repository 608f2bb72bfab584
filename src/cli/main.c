/* The program: finds the command, prints its error, and turns it into an exit status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/work_dir.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/terminal.h"

enum {
    STATUS_FINE = 0,
    STATUS_BROKEN = 1,
    STATUS_USAGE = 2,
    STATUS_UNREADABLE = 3,
    STATUS_UNSUPPORTED = 4
};

static const struct command *const commands[] = {
    &command_inspect, &command_core, &command_snapshot, &command_goroutines,
    &command_explain, &command_diff, &command_verify};

static const char usage[] = "usage: leakhound [inspect] [OPTION...] PID|CORE|SNAPSHOT\n"
                            "       leakhound --help\n";

/* The kernel lets a stopped target go on when we die; only our own traces are to be removed. */
static void end_by_signal(int number)
{
    output_remove_temporary();
    signal(number, SIG_DFL);
    raise(number);
}

static void set_up_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXFSZ, SIGXCPU};
    for (unsigned i = 0; i < ARRAY_COUNT(ending); i++) {
        struct sigaction action = {0}, before;
        /* What is ignored stays ignored (nohup). */
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
            continue;
        action.sa_handler = end_by_signal;
        sigfillset(&action.sa_mask);
        sigaction(ending[i], &action, NULL);
    }
    /* A reader that has had enough (| head) is met as EPIPE where we write. */
    signal(SIGPIPE, SIG_IGN);
}

static int status_of(const struct error *error)
{
    switch (error->kind) {
    case ERROR_USAGE:
        return STATUS_USAGE;
    case ERROR_UNSUPPORTED:
        return STATUS_UNSUPPORTED;
    default:
        return STATUS_UNREADABLE;
    }
}

/* Takes ownership of error. */
static int finish(struct error *error)
{
    if (!error)
        return STATUS_FINE;
    int status = status_of(error);
    if (error->kind == ERROR_OS && error->os_errno == EPIPE) {
        status = STATUS_FINE;
    } else {
        char text[4096];
        error_text(error, text, sizeof(text));
        terminal_complain(text);
    }
    error_destroy(error);
    return status;
}

static struct error *print(const char *text)
{
    errno = 0;
    if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
        return error_os(errno, "cannot write the output");
    return NULL;
}

static struct error *print_help(const struct command *command)
{
    TRY(print(command->help));
    if (ARRAY_COUNT(commands) == 1)
        return NULL;
    TRY(print("\nCommands (leakhound COMMAND --help tells more):\n"));
    for (unsigned i = 0; i < ARRAY_COUNT(commands); i++) {
        char line[256];
        snprintf(line, sizeof(line), "  %-12s %s\n", commands[i]->name, commands[i]->summary);
        TRY(print(line));
    }
    return NULL;
}

static const struct command *find_command(const char *name)
{
    for (unsigned i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* Not a pid, not a file, not a path: then the word was meant as a command. */
static bool looks_like_command(const char *word)
{
    return *word && *word != '-' && word[strspn(word, "0123456789")] && !strpbrk(word, "/.") &&
           access(word, F_OK) != 0;
}

static struct error *run(int count, char **arguments, bool *out_broken)
{
    const struct command *command = find_command(arguments[1]);
    if (command) {
        count--;
        arguments++;
    } else if (strcmp(arguments[1], "help") == 0 && access("help", F_OK) != 0) {
        command = count > 2 ? find_command(arguments[2]) : NULL;
        return print_help(command ? command : &command_inspect);
    } else if (looks_like_command(arguments[1])) {
        return error_create(ERROR_USAGE,
                            "%s is no command, no pid and no file (pidof finds a program's pid); "
                            "see leakhound --help",
                            arguments[1]);
    } else {
        command = &command_inspect; /* leakhound TARGET */
    }

    char name[64];
    snprintf(name, sizeof(name), "leakhound %s", command->name);
    struct options options;
    TRY(options_parse(count, arguments, name, command->options, &options));
    if (options.help)
        return print_help(command);
    if (options.version)
        return print("leakhound " LEAKHOUND_VERSION "\n");
    if (options.operand_count != command->operands &&
        (options.operand_count || !command->operands_optional))
        return error_create(ERROR_USAGE, "%s takes %s %s, not %u operand%s; see %s --help", name,
                            command->operands == 1 ? "one" : "two", command->operand_names,
                            options.operand_count, options.operand_count == 1 ? "" : "s", name);
    if (options.work_dir)
        TRY(work_dir_use(options.work_dir));
    return command->judge ? command->judge(&options, out_broken) : command->run(&options);
}

int main(int count, char **arguments)
{
    set_up_signals();
    if (count < 2) {
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
    bool broken = false;
    int status = finish(run(count, arguments, &broken));
    return status == STATUS_FINE && broken ? STATUS_BROKEN : status;
}
