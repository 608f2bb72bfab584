/*
 * Following values through one function: every way through its instructions at once, until what is
 * known at each place no longer changes. What it learns on the way:
 *   - facts: some place in memory is a map, points to an object … of a type that the code names
 *   - bindings: what a call passes to the called function
 *   - summaries: what a function returns
 *   - closures: the type of the captured variables of a function
 *   - frame words: what the words of a frame are while it waits for a call to return
 *
 * Go's calling conventions: arguments in registers (≥ 1.17: abi-internal.md) or on the stack.
 */
#ifndef LEAKHOUND_GORT_CODE_FLOW_H
#define LEAKHOUND_GORT_CODE_FLOW_H

#include "binary/amd64.h"
#include "gort/code_values.h"

/* Parameters are numbered: 0 … 8 the registers that pass integers and pointers in order, or the
 * words of the arguments on the stack; CODE_PLACE_CONTEXT the closure. */
enum { CODE_PLACE_CONTEXT = 15, CODE_PLACES_MAX = 15, CODE_REGISTER_ARGUMENTS = 9 };

enum code_effect { /* of a call of the runtime, by what its arguments say */
                   CODE_CALL_ORDINARY,
                   CODE_CALL_MAP,     /* `subject` is a map of the type */
                   CODE_CALL_MAKE,    /* the result is new */
                   CODE_CALL_GROW,    /* `subject` is an array of the type, and so is the result */
                   CODE_CALL_MOVE,    /* `subject` and the argument after it point to values of the
                                         type */
                   CODE_CALL_CLEAR,   /* `subject` does */
                   CODE_CALL_STORE,   /* atomic: [first argument] = subject */
                   CODE_CALL_BARRIER, /* of a write, ≤ 1.20: [RDI] = a register; keeps all registers
                                       */
                   CODE_CALL_BUFFER, /* of a write, ≥ 1.21: keeps all registers but R11 */
                   CODE_CALL_AGAIN,  /* morestack: the function begins anew */
                   CODE_CALL_BLOCK,  /* duffzero, duffcopy: memory at RDI, keeps most registers */
};

struct code_call {
    uint8_t effect;    /* enum code_effect */
    uint8_t made;      /* enum code_new */
    uint8_t type;      /* number of the argument that is the type */
    uint8_t subject;   /* number of the argument that is the subject */
    uint8_t result;    /* number of the word on the stack that is the result (stack convention) */
    uint8_t stored;    /* CODE_CALL_BARRIER: the register */
    uint8_t arguments; /* words that the callee may return on the stack (stack convention) */
};

enum code_fact_kind {
    CODE_FACT_NEW,      /* where: a pointer (map, channel) as from an allocation of the type */
    CODE_FACT_VALUE,    /* where: the address of a value of the type */
    CODE_FACT_RETURNED, /* where: a pointer that is what the function `type` returns at `place` */
    CODE_FACT_PASSED,   /* where: a pointer that is what `function` is passed at `place` */
};

struct code_fact {
    struct code_value where;
    uint64_t type; /* address that should be a descriptor's */
    uint32_t function;
    uint8_t kind;  /* enum code_fact_kind */
    uint8_t place; /* CODE_FACT_NEW: enum code_new; else number of the result or argument */
};

struct code_binding {
    struct code_value value;
    uint32_t caller, callee;
    uint16_t place;
};

struct code_summary { /* one of the values that a function returns */
    struct code_value value;
    uint32_t function;
    uint16_t place;
};

/* A word of the function's frame at a call. */
struct code_frame_word {
    struct code_value value;
    uint64_t pc;    /* where the call returns to */
    int64_t offset; /* from where rsp stood when the function was entered */
    uint32_t function;
};

struct code_closure {
    uint64_t entry, type;
};

/* What was learned; grows from function to function. */
struct code_facts {
    VECTOR(struct code_fact) facts;
    VECTOR(struct code_binding) bindings;
    VECTOR(struct code_summary) summaries;
    VECTOR(struct code_closure) closures;
    VECTOR(struct code_frame_word) frame_words;
    uint64_t functions, instructions, given_up;
};
void code_facts_deinit(struct code_facts *facts);

struct code_program {
    void *context;
    bool stack_convention;
    uint64_t types, types_end; /* where descriptors may stand */
    uint64_t data, data_end;   /* where global variables may stand */
    uint64_t text, text_end;
    /* Index of the function that begins at (or, for the middle of a Duff device, contains) address,
     * UINT32_MAX for none; and what a call of it does. */
    uint32_t (*function_at)(void *context, uint64_t address);
    const struct code_call *(*call_of)(void *context, uint32_t function);
    /* n 64-bit words of a jump table in read-only data; false when they cannot be read. */
    bool (*read_words)(void *context, uint64_t address, uint64_t *out, uint32_t n);
    /* Are the frame words at this return address asked for? May be NULL. */
    bool (*stands_at)(void *context, uint64_t pc);
};

struct code_walker;

/* One per thread. */
struct error *code_walker_create(const struct code_program *program,
                                 struct code_walker **out) ERROR_CHECK;
void code_walker_destroy(struct code_walker *walker);

struct code_function {
    uint32_t index;
    uint64_t entry;
    const uint8_t *bytes;
    uint64_t size;
    uint32_t argument_words; /* on the stack, results included (stack convention) */
};

/* Adds what the function tells. A function that is too large or too tangled tells nothing. Errors:
 * only memory. Cost: 20–60 ns per instruction. */
struct error *code_walk(struct code_walker *walker, const struct code_function *function,
                        struct code_facts *out) ERROR_CHECK;

#endif
