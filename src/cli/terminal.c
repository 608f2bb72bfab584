#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/cells.h"

enum { WIDEST = 100 };

static bool is_set(const char *value)
{
    return value && *value;
}

bool terminal_is_capable(void)
{
    const char *term = getenv("TERM");
    return is_set(term) && strcmp(term, "dumb") != 0;
}

bool terminal_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        const char *value = getenv(names[i]);
        if (is_set(value))
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct text_style terminal_style(FILE *out, const struct options *options)
{
    struct text_style style = {.columns = WIDEST, .utf8 = terminal_is_utf8(), .top = options->top};
    int descriptor = fileno(out);
    if (descriptor < 0 || !isatty(descriptor))
        return style;
    struct winsize size = {0};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col)
        style.columns = MIN_OF((unsigned)size.ws_col, (unsigned)WIDEST);
    style.color = !options->no_color && !is_set(getenv("NO_COLOR")) && terminal_is_capable();
    return style;
}

void terminal_complain(const char *text)
{
    struct arena arena;
    arena_init(&arena);
    fprintf(stderr, "leakhound: %s\n", cells_clean(&arena, text, terminal_is_utf8()));
    arena_deinit(&arena);
}
