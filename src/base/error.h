/*
 * Errors as values: NULL means fine, otherwise the callee has allocated an error and the caller
 * owns it. Library code never prints and never exits; only cli/main.c does.
 */
#ifndef LEAKHOUND_BASE_ERROR_H
#define LEAKHOUND_BASE_ERROR_H

#include <stdint.h>

enum error_kind {
    ERROR_OS,          /* a system call failed; os_errno says how */
    ERROR_FAULT,       /* target memory at address is not there */
    ERROR_FORMAT,      /* a file or structure is damaged; offset says where */
    ERROR_UNSUPPORTED, /* this Go version, architecture or format is not supported */
    ERROR_LIMIT,       /* a bound of ours would be exceeded */
    ERROR_USAGE,       /* the user asked for something that cannot be */
};

struct error {
    enum error_kind kind;
    int os_errno;
    uint64_t address; /* ERROR_FAULT */
    uint64_t offset;  /* ERROR_FORMAT */
    char *message;    /* one sentence for a person, without a final period or newline */
    struct error *cause;
};

#define ERROR_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Each returns a new error. They never fail: without memory a static error is returned. */
struct error *error_create(enum error_kind kind, const char *format, ...) PRINTF_LIKE(2, 3);
struct error *error_os(int os_errno, const char *format, ...) PRINTF_LIKE(2, 3);
struct error *error_fault(uint64_t address, const char *format, ...) PRINTF_LIKE(2, 3);
struct error *error_format(uint64_t offset, const char *format, ...) PRINTF_LIKE(2, 3);
struct error *error_memory(uint64_t bytes);

/* Puts a sentence in front of cause and takes ownership of it; kind and details are kept. */
struct error *error_wrap(struct error *cause, const char *format, ...) PRINTF_LIKE(2, 3);

/* Writes "message: cause's message: …" into buffer (always terminated). */
void error_text(const struct error *error, char *buffer, uint64_t size);

void error_destroy(struct error *error);
void error_cleanup(struct error **error);
#define CLEANUP_ERROR __attribute__((cleanup(error_cleanup)))

/* Returns from the calling function when expression yields an error. */
#define TRY(expression)                                                                            \
    do {                                                                                           \
        struct error *try_error_ = (expression);                                                   \
        if (try_error_)                                                                            \
            return try_error_;                                                                     \
    } while (0)

#endif
