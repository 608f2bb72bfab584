/*
 * Memory: checked allocation, big zeroed arrays straight from the kernel, an arena for what lives
 * as long as one analysis, and a growable vector.
 */
#ifndef LEAKHOUND_BASE_MEMORY_H
#define LEAKHOUND_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

void memory_free_cleanup(void *pointer_to_pointer);
#define CLEANUP_FREE __attribute__((cleanup(memory_free_cleanup)))

/* Zeroed array of count elements from the heap; ERROR_LIMIT on overflow or without memory.
 * Free with free(). A count of 0 gives a valid pointer. */
struct error *memory_array(uint64_t count, uint64_t size, void *out_pointer) ERROR_CHECK;

/* Zeroed, lazily committed mapping for arrays of many MiB; pages cost nothing until written. Ask
 * for huge pages where the kernel grants them. In the --work-dir once work_dir_begin was called.
 * Free with big_array_free and the same size. */
struct error *big_array(uint64_t bytes, void *out_pointer) ERROR_CHECK;
void big_array_free(void *pointer, uint64_t bytes);
/* Gives back what lies behind new_bytes; freed with that size from then on. Returns pointer. */
void *big_array_shrink(void *pointer, uint64_t bytes, uint64_t new_bytes);

/* Makes part of a big array resident before it is written, whatever it holds: for a thread that has
 * nothing else to do, since the kernel clears fresh memory at some GB/s and slower where a virtual
 * machine gets it first. False when the kernel cannot (before Linux 5.14). Thread safe. */
bool big_array_populate(void *pointer, uint64_t bytes);

/* Gives back the whole pages within part of a big array, which then reads as before it was written.
 * Of a huge page the kernel takes what is left over when memory runs short. Thread safe. */
void big_array_discard(void *pointer, uint64_t bytes);

/* Bump allocator; everything in it is freed at once by arena_deinit. Not thread safe. */
struct arena {
    struct arena_block *blocks;
    char *next, *end;
};
void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena);
/* 16-byte aligned, zeroed. Without memory the process aborts: arenas hold small things only, whose
 * number the callers have bounded. */
void *arena_alloc(struct arena *arena, uint64_t bytes);
char *arena_copy_string(struct arena *arena, const char *text, uint64_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * VECTOR(type) declares an anonymous growable array {type *data; uint64_t count, capacity;};
 * zero-initialised it is empty. vector_push copies one element in; vector_reserve makes room.
 */
#define VECTOR(type)                                                                               \
    struct {                                                                                       \
        type *data;                                                                                \
        uint64_t count, capacity;                                                                  \
    }
struct error *vector_grow(void *data_pointer, uint64_t *capacity, uint64_t need,
                          uint64_t size) ERROR_CHECK;
#define vector_reserve(v, n)                                                                       \
    ((n) <= (v)->capacity ? (struct error *)NULL                                                   \
                          : vector_grow(&(v)->data, &(v)->capacity, (n), sizeof((v)->data[0])))
#define vector_push(v, ...)                                                                        \
    __extension__({                                                                                \
        struct error *push_error_ = vector_reserve((v), (v)->count + 1);                           \
        if (!push_error_)                                                                          \
            (v)->data[(v)->count++] = __VA_ARGS__;                                                 \
        push_error_;                                                                               \
    })
#define vector_deinit(v)                                                                           \
    do {                                                                                           \
        free((v)->data);                                                                           \
        (v)->data = NULL;                                                                          \
        (v)->count = (v)->capacity = 0;                                                            \
    } while (0)

#endif
