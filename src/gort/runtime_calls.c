#include "gort/runtime_calls.h"

#include <string.h>

enum { EXACT = 0, PREFIX = 1 };

struct known_call {
    const char *name; /* without the package */
    uint8_t match;
    uint8_t first_minor, last_minor; /* 0 = all */
    struct code_call call;
};

/* Arguments are numbered in words, results follow them (for the stack convention). */
static const struct known_call known_calls[] = {
    /* (type, map, …) */
    {"mapassign", PREFIX, 0, 0, {.effect = CODE_CALL_MAP, .subject = 1}},
    {"mapaccess", PREFIX, 0, 0, {.effect = CODE_CALL_MAP, .subject = 1}},
    {"mapdelete", PREFIX, 0, 0, {.effect = CODE_CALL_MAP, .subject = 1}},
    {"mapiterinit", EXACT, 0, 0, {.effect = CODE_CALL_MAP, .subject = 1}},
    {"mapIterStart", EXACT, 0, 0, {.effect = CODE_CALL_MAP, .subject = 1}},
    {"mapclear", EXACT, 0, 0, {.effect = CODE_CALL_MAP, .subject = 1}},
    /* (type, hint, place) map */
    {"makemap", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_MAP, .result = 3}},
    {"makemap64", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_MAP, .result = 3}},
    /* (type) pointer */
    {"newobject", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_OBJECT, .result = 1}},
    /* (bytes, type, zero) pointer: one or several. With a size class in its name it is what 1.26
     * and later call in place of newobject. */
    {"mallocgc",
     EXACT,
     0,
     0,
     {.effect = CODE_CALL_MAKE, .made = CODE_NEW_ARRAY, .type = 1, .result = 3}},
    {"mallocgcSmallScanNoHeaderSC",
     PREFIX,
     26,
     0,
     {.effect = CODE_CALL_MAKE, .made = CODE_NEW_OBJECT, .type = 1}},
    {"mallocgcSmallNoScanSC",
     PREFIX,
     26,
     0,
     {.effect = CODE_CALL_MAKE, .made = CODE_NEW_OBJECT, .type = 1}},
    {"mallocgcTinyS",
     PREFIX,
     26,
     0,
     {.effect = CODE_CALL_MAKE, .made = CODE_NEW_OBJECT, .type = 1}},
    /* (type, length, capacity) pointer */
    {"makeslice", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_ARRAY, .result = 3}},
    {"makeslice64", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_ARRAY, .result = 3}},
    {"makeslicecopy", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_ARRAY, .result = 4}},
    /* (type, old pointer, length, capacity, new capacity) slice; since 1.20 (old pointer, new
     * length, old capacity, number, type) */
    {"growslice",
     EXACT,
     0,
     19,
     {.effect = CODE_CALL_GROW, .made = CODE_NEW_ARRAY, .subject = 1, .result = 5}},
    {"growslice", PREFIX, 20, 0, {.effect = CODE_CALL_GROW, .made = CODE_NEW_ARRAY, .type = 4}},
    /* (type, size) channel */
    {"makechan", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_CHANNEL, .result = 2}},
    {"makechan64", EXACT, 0, 0, {.effect = CODE_CALL_MAKE, .made = CODE_NEW_CHANNEL, .result = 2}},
    /* (type, to, from) */
    {"typedmemmove", EXACT, 0, 0, {.effect = CODE_CALL_MOVE, .subject = 1}},
    {"wbMove", EXACT, 0, 0, {.effect = CODE_CALL_MOVE, .subject = 1}},
    {"typedmemclr", EXACT, 0, 0, {.effect = CODE_CALL_CLEAR, .subject = 1}},
    {"wbZero", EXACT, 0, 0, {.effect = CODE_CALL_CLEAR, .subject = 1}},
    /* (type, pointer) interface: makes a copy of what the pointer leads to */
    {"convT", EXACT, 0, 0, {.effect = CODE_CALL_CLEAR, .subject = 1}},
    {"convTnoptr", EXACT, 0, 0, {.effect = CODE_CALL_CLEAR, .subject = 1}},
    {"convT2E", EXACT, 0, 0, {.effect = CODE_CALL_CLEAR, .subject = 1}},
    {"convT2Enoptr", EXACT, 0, 0, {.effect = CODE_CALL_CLEAR, .subject = 1}},
    /* (place, pointer) */
    {"atomicstorep", EXACT, 0, 0, {.effect = CODE_CALL_STORE, .subject = 1}},
    {"gcWriteBarrier", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_RAX}},
    {"gcWriteBarrierBX", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_RBX}},
    {"gcWriteBarrierCX", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_RCX}},
    {"gcWriteBarrierDX", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_RDX}},
    {"gcWriteBarrierBP", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_RBP}},
    {"gcWriteBarrierSI", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_RSI}},
    {"gcWriteBarrierR8", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_R8}},
    {"gcWriteBarrierR9", EXACT, 0, 20, {.effect = CODE_CALL_BARRIER, .stored = AMD64_R9}},
    {"gcWriteBarrier", PREFIX, 21, 0, {.effect = CODE_CALL_BUFFER}},
    {"morestack", PREFIX, 0, 0, {.effect = CODE_CALL_AGAIN}},
    {"duffzero", EXACT, 0, 0, {.effect = CODE_CALL_BLOCK}},
    {"duffcopy", EXACT, 0, 0, {.effect = CODE_CALL_BLOCK}},
};

static const struct known_call atomic_calls[] = {
    /* of sync/atomic */
    {"StorePointer", EXACT, 0, 0, {.effect = CODE_CALL_STORE, .subject = 1}},
    {"SwapPointer", EXACT, 0, 0, {.effect = CODE_CALL_STORE, .subject = 1}},
    {"CompareAndSwapPointer", EXACT, 0, 0, {.effect = CODE_CALL_STORE, .subject = 2}},
};

static const char *without(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(name, prefix, n) ? NULL : name + n;
}

static bool matches(const struct known_call *known, const char *name, unsigned minor)
{
    size_t n = strlen(known->name);
    return !strncmp(name, known->name, n) && (known->match == PREFIX || !name[n]) &&
           minor >= known->first_minor && (!known->last_minor || minor <= known->last_minor);
}

static struct code_call find(const struct known_call *list, uint64_t count, const char *name,
                             unsigned minor)
{
    for (uint64_t i = 0; i < count; i++)
        if (matches(&list[i], name, minor))
            return list[i].call;
    return (struct code_call){.effect = CODE_CALL_ORDINARY};
}

struct code_call runtime_call_named(const char *name, unsigned minor)
{
    const char *rest = without(name, "runtime.");
    if (!rest)
        rest = without(name, "internal/runtime/maps.runtime_");
    if (!rest && !strncmp(name, "gcWriteBarrier", 14)) /* 1.21 to 1.27: without a package */
        rest = name;
    if (rest)
        return find(known_calls, ARRAY_COUNT(known_calls), rest, minor);
    rest = without(name, "sync/atomic.");
    if (rest)
        return find(atomic_calls, ARRAY_COUNT(atomic_calls), rest, minor);
    return (struct code_call){.effect = CODE_CALL_ORDINARY};
}

struct error *runtime_calls_read(struct go_runtime *runtime, struct runtime_calls *out)
{
    struct runtime_calls calls = {.count = pclntab_count(runtime->pclntab)};
    TRY(memory_array(calls.count, sizeof(*calls.items), &calls.items));
    for (uint32_t f = 0; f < calls.count; f++) {
        struct pclntab_function function;
        struct error *error = pclntab_function(runtime->pclntab, f, &function);
        bool known = !error;
        error_destroy(error);
        if (!known)
            continue;
        calls.items[f] = runtime_call_named(function.name, runtime->minor);
        uint32_t words = (function.args_bytes + 7) / 8; /* too many when it varies */
        calls.items[f].arguments = (uint8_t)MIN_OF(words, (uint32_t)CODE_PLACES_MAX);
    }
    *out = calls;
    return NULL;
}

void runtime_calls_deinit(struct runtime_calls *calls)
{
    free(calls->items);
    *calls = (struct runtime_calls){0};
}
