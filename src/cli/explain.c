/* leakhound explain [ID]: what a kind of leak is and how to mend it. */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "report/case_pages.h"
#include "report/cells.h"
#include "report/markdown.h"

static const char help[] =
    "Example: leakhound explain map-never-shrinks   what is that, and how is it mended?\n"
    "         leakhound explain                     every kind of leak, a line each\n"
    "\n"
    "usage: leakhound explain [OPTION...] [ID]\n"
    "\n"
    "Tells about a finding by its id: what it is, which Go versions have it, an example, what the\n"
    "report prints of it, how to mend it, how to be sure, and when it is no leak.\n"
    "\n"
    "  --format text|markdown\n"
    "                      for a terminal (the default), or as the page is written\n"
    "  -o, --output FILE   write to FILE, which appears when it is whole\n"
    "  --no-color          no colour, also on a terminal; the variable NO_COLOR does the same\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n"
    "\n"
    "Exit status: 0 fine, 2 usage (there is no such id), 3 the output could not be written.\n";

static struct error *find_page(const char *id, const struct case_page **out)
{
    const struct case_page *page = case_page_find(id);
    const struct case_page *nearest = page ? NULL : case_page_nearest(id);
    if (nearest)
        return error_create(ERROR_USAGE,
                            "there is no case %s; was %s meant? leakhound explain lists all", id,
                            nearest->id);
    if (!page)
        return error_create(ERROR_USAGE, "there is no case %s; leakhound explain lists all", id);
    *out = page;
    return NULL;
}

static void write_list(const struct text_style *style, FILE *out)
{
    struct arena arena;
    arena_init(&arena);
    struct lines lines = {.out = out, .style = *style, .arena = &arena};
    unsigned column = 0;
    for (uint32_t i = 0; i < case_page_count; i++)
        column = MAX_OF(column, cells_width(case_pages[i].id) + 2);
    for (uint32_t i = 0; i < case_page_count; i++) {
        lines_add(&lines, BOLD, case_pages[i].id);
        lines_to(&lines, column);
        lines_wrap(&lines, PLAIN, case_pages[i].summary, column);
    }
    arena_deinit(&arena);
}

static struct error *write_output(const struct case_page *page, const struct options *options,
                                  FILE *out)
{
    struct text_style style = terminal_style(out, options);
    if (page && options->format == FORMAT_MARKDOWN)
        fputs(page->text, out);
    else if (page)
        return markdown_write_text(page->text, &style, out);
    else if (options->format == FORMAT_MARKDOWN)
        for (uint32_t i = 0; i < case_page_count; i++)
            fprintf(out, "- `%s`: %s\n", case_pages[i].id, case_pages[i].summary);
    else
        write_list(&style, out);
    return NULL; /* output_commit hears of what could not be written */
}

static struct error *run(const struct options *options)
{
    const struct case_page *page = NULL;
    if (options->operand_count)
        TRY(find_page(options->operands[0], &page));
    struct output output CLEANUP_OUTPUT = {0};
    TRY(output_open(options->output, &output));
    TRY(write_output(page, options, output.file));
    return output_commit(&output);
}

const struct command command_explain = {
    .name = "explain",
    .summary = "tell what a kind of leak is and how to mend it",
    .help = help,
    .options = OPTION_FORMAT | OPTION_MARKDOWN | OPTION_OUTPUT | OPTION_NO_COLOR,
    .operands = 1,
    .operands_optional = true,
    .operand_names = "ID",
    .run = run,
};
