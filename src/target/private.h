/*
 * What a kind of target brings along. target.c checks arguments, counts and dispatches; process.c
 * and core.c know where the bytes are.
 */
#ifndef LEAKHOUND_TARGET_PRIVATE_H
#define LEAKHOUND_TARGET_PRIVATE_H

#include "target/target.h"

/* The contracts are those of the functions of the same name in target.h; n is never 0 and
 * address + n never wraps. */
struct target_source {
    struct error *(*read)(struct target *target, uint64_t address, void *buffer, uint64_t n);
    struct error *(*read_sparse)(struct target *target, uint64_t address, void *buffer, uint64_t n);
    struct error *(*check)(struct target *target);                            /* may be NULL */
    const void *(*view)(struct target *target, uint64_t address, uint64_t n); /* may be NULL */
    void (*release)(struct target *target);                                   /* may be NULL */
    void (*destroy)(struct target *target); /* frees target->private too */
};

/* First member of each kind's own structure. */
struct target_private {
    const struct target_source *source;
};

/* A target without segments that owns private_part from then on (on failure the caller still
 * does). */
struct error *target_create(enum target_kind kind, struct target_private *private_part,
                            struct target **out) ERROR_CHECK;

/* Writes seconds since the epoch as RFC 3339 in UTC into target->taken_at. */
void target_set_time(struct target *target, int64_t seconds);

#endif
