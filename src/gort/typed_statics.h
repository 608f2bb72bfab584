/*
 * Values in data and bss to which a pointer of known type leads: what initialisers made
 * (`var sessions = &store{…}`) lies there and not in the heap, and is the way into the heap.
 */
#ifndef LEAKHOUND_GORT_TYPED_STATICS_H
#define LEAKHOUND_GORT_TYPED_STATICS_H

#include "base/hash.h"

struct typing;

struct typed_static {
    uint64_t address, count;
    uint32_t type;
};

struct typed_statics {
    struct hash_map known; /* address → index in items + 1 */
    VECTOR(struct typed_static) items;
    uint64_t walked; /* items before it are */
};

/* count values of the type stand at address, which lies outside of the heap. Ignored when it lies
 * outside of data and bss, too, or when a larger value is known there. */
void typed_static_found(struct typing *typing, uint64_t address, uint32_t type, uint64_t count);

/* Walks what was found since the last call, and what that leads to outside of the heap. */
struct error *typed_statics_walk(struct typing *typing) ERROR_CHECK;
void typed_statics_deinit(struct typed_statics *values);

#endif
