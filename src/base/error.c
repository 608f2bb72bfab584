#include "base/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is handed out when there is no memory left to describe what went wrong. */
static struct error out_of_memory = {.kind = ERROR_LIMIT, .message = NULL};

static struct error *create(enum error_kind kind, const char *format, va_list args)
{
    struct error *error = calloc(1, sizeof(*error));
    if (!error)
        return &out_of_memory;
    error->kind = kind;
    if (vasprintf(&error->message, format, args) < 0)
        error->message = NULL;
    return error;
}

struct error *error_create(enum error_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct error *error = create(kind, format, args);
    va_end(args);
    return error;
}

struct error *error_os(int os_errno, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct error *error = create(ERROR_OS, format, args);
    va_end(args);
    if (error != &out_of_memory)
        error->os_errno = os_errno;
    return error;
}

struct error *error_fault(uint64_t address, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct error *error = create(ERROR_FAULT, format, args);
    va_end(args);
    if (error != &out_of_memory)
        error->address = address;
    return error;
}

struct error *error_format(uint64_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct error *error = create(ERROR_FORMAT, format, args);
    va_end(args);
    if (error != &out_of_memory)
        error->offset = offset;
    return error;
}

struct error *error_memory(uint64_t bytes)
{
    return error_create(ERROR_LIMIT, "out of memory: %" PRIu64 " MiB more are needed",
                        (bytes >> 20) + 1);
}

struct error *error_wrap(struct error *cause, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct error *error = create(cause->kind, format, args);
    va_end(args);
    if (error == &out_of_memory) {
        error_destroy(cause);
        return error;
    }
    error->os_errno = cause->os_errno;
    error->address = cause->address;
    error->offset = cause->offset;
    error->cause = cause;
    return error;
}

void error_text(const struct error *error, char *buffer, uint64_t size)
{
    uint64_t used = 0;
    if (!size)
        return;
    buffer[0] = '\0';
    for (const struct error *e = error; e && used < size; e = e->cause) {
        int n = snprintf(buffer + used, size - used, "%s%s", e == error ? "" : ": ",
                         e->message ? e->message : "out of memory");
        if (n < 0)
            return;
        used += (uint64_t)n;
        if (used < size && e->kind == ERROR_OS && !e->cause && e->os_errno) {
            n = snprintf(buffer + used, size - used, ": %s", strerror(e->os_errno));
            used += n > 0 ? (uint64_t)n : 0;
        }
    }
}

void error_destroy(struct error *error)
{
    while (error && error != &out_of_memory) {
        struct error *cause = error->cause;
        free(error->message);
        free(error);
        error = cause;
    }
}

void error_cleanup(struct error **error)
{
    error_destroy(*error);
    *error = NULL;
}
