#include "target/maps.h"

#include <string.h>

/* A hexadecimal number and the character that must follow it. */
static bool take_hex(const char **p, char after, uint64_t *out)
{
    uint64_t value = 0;
    const char *start = *p;
    for (;; (*p)++) {
        char c = **p;
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            break;
        if (*p - start >= 16)
            return false;
        value = value << 4 | digit;
    }
    if (*p == start || **p != after)
        return false;
    (*p)++;
    *out = value;
    return true;
}

/* Skips the characters of one column and the spaces behind it. */
static void skip_column(const char **p)
{
    while (**p && **p != ' ' && **p != '\n')
        (*p)++;
    while (**p == ' ')
        (*p)++;
}

struct error *maps_parse(struct target *target, const char *text)
{
    const char *path_before = "";
    uint64_t end_before = 0;
    for (const char *p = text; *p;) {
        const char *line = p;
        struct target_segment segment = {0};
        if (!take_hex(&p, '-', &segment.start) || !take_hex(&p, ' ', &segment.end) ||
            strnlen(p, 5) < 5 || segment.end <= segment.start || segment.start < end_before)
            return error_format((uint64_t)(line - text), "a line of /proc/PID/maps is damaged");
        segment.readable = p[0] == 'r';
        segment.writable = p[1] == 'w';
        segment.executable = p[2] == 'x';
        skip_column(&p);
        if (!take_hex(&p, ' ', &segment.file_offset))
            return error_format((uint64_t)(line - text), "a line of /proc/PID/maps is damaged");
        skip_column(&p); /* device */
        skip_column(&p); /* inode */
        uint64_t length = strcspn(p, "\n");
        if (!length)
            segment.path = "";
        else if (strlen(path_before) == length && memcmp(path_before, p, length) == 0)
            segment.path = path_before; /* most files are mapped in several pieces */
        else
            path_before = segment.path = arena_copy_string(&target->arena, p, length);
        p += length;
        p += *p == '\n';
        end_before = segment.end;
        TRY(vector_push(&target->segments, segment));
    }
    return NULL;
}

bool maps_is_anonymous(const struct target_segment *segment)
{
    const char *path = segment->path;
    return !*path || strncmp(path, "[heap]", 6) == 0 || strncmp(path, "[stack", 6) == 0 ||
           strncmp(path, "[anon:", 6) == 0;
}
