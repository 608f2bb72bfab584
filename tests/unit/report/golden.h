/*
 * Outputs compared with files below tests/golden that a person has read. LEAKHOUND_UPDATE_GOLDEN=1
 * in the environment writes them anew: look at the difference before committing it.
 */
#ifndef LEAKHOUND_TESTS_REPORT_GOLDEN_H
#define LEAKHOUND_TESTS_REPORT_GOLDEN_H

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tests run from the source tree, from a build folder, or from anywhere. */
static inline void golden_path(const char *name, char *out, size_t size)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length < 0 ? 0 : length] = '\0';
    const char *starts[] = {".", "..", dirname(self)};
    const char *ups[] = {"", "/..", "/../..", "/../../.."};
    for (unsigned s = 0; s < 3; s++) {
        for (unsigned u = 0; u < 4; u++) {
            snprintf(out, size, "%s%s/tests/golden", starts[s], ups[u]);
            if (access(out, F_OK) == 0) {
                snprintf(out + strlen(out), size - strlen(out), "/%s", name);
                return;
            }
        }
    }
    snprintf(out, size, "tests/golden/%s", name);
}

/* The whole file with a terminating zero, to be freed; NULL when it cannot be read. */
static inline char *golden_read(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', file) < 0 && !feof(file)) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

/* Whether text equals the file; tells the first line that differs. */
static inline int golden_matches(const char *name, const char *text)
{
    char path[8192];
    golden_path(name, path, sizeof(path));
    if (getenv("LEAKHOUND_UPDATE_GOLDEN")) {
        FILE *file = fopen(path, "we");
        if (!file)
            return 0;
        fputs(text, file);
        return fclose(file) == 0;
    }
    char *expected = golden_read(path);
    if (!expected) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 0;
    }
    int equal = strcmp(expected, text) == 0;
    if (!equal) {
        const char *a = expected, *b = text;
        unsigned line = 1;
        for (; *a && *a == *b; a++, b++)
            line += *a == '\n';
        fprintf(stderr, "%s: line %u differs: expected \"%.60s\", got \"%.60s\"\n", path, line, a,
                b);
    }
    free(expected);
    return equal;
}

#endif
