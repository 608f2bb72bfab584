/* References of machine code to global variables, without a disassembler. */
#ifndef LEAKHOUND_GORT_REFERENCES_H
#define LEAKHOUND_GORT_REFERENCES_H

#include "gort/runtime.h"

enum { REFERENCES_MAX = 512 };

struct reference {
    uint64_t address; /* what is referred to */
    uint64_t pc;      /* of the displacement's bytes */
};

/* RIP-relative references of amd64 code in bytes (which stand at pc) whose target lies in
 * [low, high): every ModRM byte 00xxx101 behind a usual opcode whose displacement leads there, in
 * order. A false hit needs a stray displacement into that range. Returns their number (≤ max). */
uint32_t references_in_code(const uint8_t *bytes, uint64_t size, uint64_t pc, uint64_t low,
                            uint64_t high, struct reference *out, uint32_t max);

/* The references of a function into [min(moduledata, noptrdata), end); *out_count = 0 when there is
 * no such function. out: REFERENCES_MAX. */
struct error *references_of_function(struct go_runtime *runtime, const char *name,
                                     struct reference *out, uint32_t *out_count) ERROR_CHECK;

#endif
