/*
 * Decoding of amd64 machine code, as far as it takes to follow values through what Go's compiler
 * makes: the length of every instruction, what it does when it moves 64-bit values, addresses or
 * control, and which general registers any other one writes. Not a disassembler: there is no text,
 * and what vector instructions do with their registers does not interest here.
 */
#ifndef LEAKHOUND_BINARY_AMD64_H
#define LEAKHOUND_BINARY_AMD64_H

#include <stdbool.h>
#include <stdint.h>

enum amd64_register {
    AMD64_RAX,
    AMD64_RCX,
    AMD64_RDX,
    AMD64_RBX,
    AMD64_RSP,
    AMD64_RBP,
    AMD64_RSI,
    AMD64_RDI,
    AMD64_R8,
    AMD64_R9,
    AMD64_R10,
    AMD64_R11,
    AMD64_R12,
    AMD64_R13,
    AMD64_R14,
    AMD64_R15,
    AMD64_RIP,       /* only as a base: displacement is then the absolute address */
    AMD64_NONE = 31, /* no register */
};

enum amd64_operation {
    AMD64_OTHER,          /* writes the registers of `writes`, and memory if writes_memory */
    AMD64_MOVE,           /* reg = source, 64 bits */
    AMD64_LOAD,           /* reg = [memory], 64 bits */
    AMD64_STORE,          /* [memory] = reg, 64 bits */
    AMD64_STORE_CONSTANT, /* [memory] = immediate, 64 bits */
    AMD64_EXCHANGE,       /* [memory] and reg, 64 bits */
    AMD64_ADDRESS,        /* reg = address of memory (lea), 64 bits */
    AMD64_CONSTANT,       /* reg = immediate */
    AMD64_ADD_CONSTANT,   /* reg += immediate, 64 bits */
    AMD64_PUSH,           /* reg or AMD64_NONE */
    AMD64_POP,            /* reg or AMD64_NONE */
    AMD64_CALL,           /* of the address in immediate */
    AMD64_CALL_INDIRECT,
    AMD64_JUMP,          /* to the address in immediate */
    AMD64_JUMP_INDIRECT, /* through [memory], or reg when there is no memory */
    AMD64_BRANCH,        /* to the address in immediate, or not */
    AMD64_RETURN,
    AMD64_TRAP,   /* ud2, int3, hlt: nothing comes after it */
    AMD64_STRING, /* movs, stos and their like: writes memory of unknown extent */
};

struct amd64_instruction {
    uint8_t length;    /* bytes, 1 … 15 */
    uint8_t operation; /* enum amd64_operation */
    uint8_t reg, source;
    uint8_t base, index, shift; /* memory: base + (index << shift) + displacement */
    uint8_t store_bytes;        /* of an instruction with writes_memory: how many at most */
    bool has_memory, writes_memory;
    bool segment;    /* memory is relative to fs or gs */
    uint16_t writes; /* bit per general register that it writes, in every operation */
    int64_t displacement;
    int64_t immediate; /* constant, sign extended; address of a call, jump or branch */
};

/* Decodes the instruction at bytes, of which there are size; address: where it stands. False for
 * what is no instruction or does not end within size; *out is then undefined. No allocation. */
bool amd64_decode(const uint8_t *bytes, uint64_t size, uint64_t address,
                  struct amd64_instruction *out);

#endif
