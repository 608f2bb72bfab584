/* GC programs: how Go ≤ 1.23 writes the pointer mask of a large type (runtime/mbitmap.go). */
#ifndef LEAKHOUND_GORT_GC_PROGRAM_H
#define LEAKHOUND_GORT_GC_PROGRAM_H

#include "base/error.h"

/* Writes the first `bits` bits of the mask that the program describes to mask, which must hold
 * (bits + 7) / 8 zeroed bytes; bits that the program does not reach stay 0. program: the
 * instructions without the 4 bytes of length in front of them. ERROR_FORMAT with the offset in the
 * program when it runs over its end or repeats what is not there. Cost: O(bits). */
struct error *gc_program_expand(const uint8_t *program, uint64_t size, uint64_t bits,
                                uint8_t *mask) ERROR_CHECK;

#endif
