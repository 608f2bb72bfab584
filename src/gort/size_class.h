/*
 * What the allocator gives for so many bytes (runtime/sizeclasses.go, msize.go; ≥ 1.25
 * internal/runtime/gc/sizeclasses.go). The classes are the same in all versions, but for 24, which
 * came with 1.16.
 */
#ifndef LEAKHOUND_GORT_SIZE_CLASS_H
#define LEAKHOUND_GORT_SIZE_CLASS_H

#include <stdbool.h>
#include <stdint.h>

enum { SIZE_CLASS_LARGEST = 32768 };

/* Bytes of the slot that `bytes` get, 8 at least; pages above the size classes. Without a type
 * header: for what has one, add it before. O(log n). */
uint64_t size_class_round(unsigned go_minor, uint64_t bytes);

/* Bytes that an object with a type of `bytes` takes of the heap, its type header (≥ 1.22)
 * included. */
uint64_t size_class_of_object(unsigned go_minor, uint64_t bytes, bool has_pointers);

#endif
