/*
 * Run-time type descriptors (internal/abi/type.go, earlier runtime/type.go) and the types that the
 * runtime knows without one (parts of maps, stacks, strings). Types are numbered as they are met.
 */
#ifndef LEAKHOUND_GORT_TYPES_H
#define LEAKHOUND_GORT_TYPES_H

#include "base/hash.h"
#include "gort/runtime.h"

#define TYPE_NONE UINT32_MAX

enum go_kind { /* internal/abi/type.go; the same in all versions */
               KIND_BOOL = 1,
               KIND_INT = 2,
               KIND_UINTPTR = 12,
               KIND_ARRAY = 17,
               KIND_CHAN = 18,
               KIND_FUNC = 19,
               KIND_INTERFACE = 20,
               KIND_MAP = 21,
               KIND_POINTER = 22,
               KIND_SLICE = 23,
               KIND_STRING = 24,
               KIND_STRUCT = 25,
               KIND_UNSAFE_POINTER = 26,
};

/* What an object is when no descriptor says it. */
enum pseudo_type {
    PSEUDO_NONE,        /* has a descriptor */
    PSEUDO_STRING_DATA, /* bytes of a string */
    PSEUDO_CLOSURE,     /* function value: code pointer and captured variables */
    PSEUDO_MAP_PART,    /* table, directory, overflow bookkeeping of a map */
    PSEUDO_CHANNEL,     /* hchan with its buffer */
    PSEUDO_RUNTIME,     /* g, m, p, sudog … */
};

struct go_type {
    uint64_t address; /* of the descriptor, 0 for pseudo types */
    const char *name; /* as Go prints it: map[string]*main.session */
    uint64_t size, pointer_bytes;
    uint64_t element, key, group; /* addresses of descriptors: element (array, chan, map, pointer,
                                     slice), key (map), bucket or group (map) */
    uint64_t length;              /* array; number of methods of an interface */
    uint64_t fields;              /* struct: address of the field array */
    uint32_t field_count;
    uint8_t kind; /* enum go_kind */
    uint8_t pseudo;
    bool direct;        /* stored in an interface word itself */
    bool is_map_header; /* runtime.hmap, maps.Map: the program knows it as map[K]V */
};

struct go_type_field {
    const char *name; /* lives as long as the table */
    uint64_t offset;
    uint64_t type; /* address of the descriptor */
    bool embedded;
};

struct type_table {
    struct go_runtime *runtime;
    VECTOR(struct go_type) types;
    struct hash_map by_address; /* descriptor → index + 1, or 0 for "not a type" */
    struct hash_map pseudo;     /* hash of kind and name → index + 1 */
    struct hash_map pointers;   /* hash of the name of a pointer type → descriptor, 1 = several */
    bool pointers_known;
    struct arena arena;
};

void type_table_init(struct type_table *table, struct go_runtime *runtime);
void type_table_deinit(struct type_table *table);

/* Index of the type whose descriptor stands at address; TYPE_NONE when none does (checked: kind,
 * sizes, hash, name, pointers). */
uint32_t type_at(struct type_table *table, uint64_t address);
/* The pointer type "*package.T" (as type names write it) when exactly one of that name has a
 * descriptor, else TYPE_NONE. The first call looks through the type section (20 ms per MB). */
uint32_t type_pointer_named(struct type_table *table, const char *name);
/* A pseudo type of that name. */
uint32_t type_pseudo(struct type_table *table, enum pseudo_type kind, const char *name);
/* Field i of a struct type; false when damaged. */
bool type_field(struct type_table *table, uint32_t type, uint32_t i, struct go_type_field *out);

/* Path of the package that a struct type with methods was declared in ("net/http"), "" when that is
 * not known. Reads the type section only. */
const char *type_package(struct type_table *table, uint32_t type);

/* Interface tables: descriptor address of the dynamic type of the itab at address, 0 if it is none
 * (runtime/runtime2.go, itab; abi.ITab). */
uint64_t type_of_itab(struct type_table *table, uint64_t itab);

/* 8 bytes of the type section or of any other memory of the target, 0 when unreadable. */
uint64_t type_word(struct type_table *table, uint64_t address);

/*
 * Pointer mask of a type: bit i set = the word at offset 8·i is a pointer; pointer_bytes / 8 bits.
 * Go ≥ 1.24 keeps masks of some types on demand (TFlagGCMaskOnDemand): built from the structure
 * when the program has not. limit: the most pointer_bytes that are believed. out: owned by the
 * caller, bitset words with one word of padding. ERROR_FAULT when neither works. O(pointer_bytes).
 */
struct type_mask {
    uint64_t size, pointer_bytes;
    uint64_t *bits;
};
struct error *type_mask_read(struct go_runtime *runtime, uint64_t descriptor, uint64_t limit,
                             struct type_mask *out) ERROR_CHECK;

#endif
