/*
 * Runs a fuzz target once for each file named on the command line, as libFuzzer does when it is
 * given files: so the corpus is a plain test, without clang. Prints each file's name before it is
 * run, so that the last line before a crash names the input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t size = 0, capacity = 1 << 16;
    uint8_t *data = malloc(capacity);
    while (data) {
        size += fread(data + size, 1, capacity - size, file);
        if (size < capacity)
            break;
        uint8_t *bigger = realloc(data, capacity *= 2);
        if (!bigger)
            free(data);
        data = bigger;
    }
    int failed = !data || ferror(file);
    fclose(file);
    if (failed) {
        fprintf(stderr, "%s: cannot be read\n", path);
    } else {
        /* The exact size in a block of its own: a read past the end is then seen by ASan. */
        uint8_t *exact = realloc(data, size ? size : 1);
        data = exact ? exact : data;
        LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return failed;
}

int main(int count, char **arguments)
{
    int failed = 0;
    for (int i = 1; i < count; i++) {
        fprintf(stderr, "%s\n", arguments[i]);
        failed |= replay(arguments[i]);
    }
    return failed;
}
