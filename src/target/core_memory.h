/*
 * The memory of a core as an ordered list of pieces: address ranges and where their bytes are, in
 * the mapped core or in the mapped executable, or that they are all zero. What no piece covers
 * cannot be read.
 */
#ifndef LEAKHOUND_TARGET_CORE_MEMORY_H
#define LEAKHOUND_TARGET_CORE_MEMORY_H

#include "base/memory.h"

struct core_piece {
    uint64_t start, end;
    const uint8_t *bytes; /* of end - start bytes; NULL: zeros */
};

/* Zero-initialised it is empty. */
struct core_memory {
    VECTOR(struct core_piece) pieces; /* ascending, not overlapping after core_memory_sort */
};
void core_memory_deinit(struct core_memory *memory);

/* Adds a piece at the end; core_memory_sort must follow before anything is looked up. */
struct error *core_memory_add(struct core_memory *memory, uint64_t start, uint64_t end,
                              const uint8_t *bytes) ERROR_CHECK;

/* Orders the pieces and joins those that continue each other, so that more can be viewed at once.
 * The pieces must not overlap. O(n log n). */
void core_memory_sort(struct core_memory *memory);

/* Adds pieces for those parts of [start, end) that none covers yet; bytes are those of the whole
 * range. Sorts. */
struct error *core_memory_fill(struct core_memory *memory, uint64_t start, uint64_t end,
                               const uint8_t *bytes) ERROR_CHECK;

/* Copies up to n bytes; *out_done < n tells that the byte behind them is not there. O(log n),
 * O(1) near the last read of the same thread. Thread safe. */
void core_memory_read(const struct core_memory *memory, uint64_t address, void *buffer, uint64_t n,
                      uint64_t *out_done);

/* All n bytes, with zeros for what is not there. */
void core_memory_read_sparse(const struct core_memory *memory, uint64_t address, void *buffer,
                             uint64_t n);

/* Pointer to n bytes when they lie in one piece that is not just zeros, else NULL. */
const void *core_memory_view(const struct core_memory *memory, uint64_t address, uint64_t n);

/* How many bytes of [start, end) no piece covers. */
uint64_t core_memory_missing(const struct core_memory *memory, uint64_t start, uint64_t end);

#endif
