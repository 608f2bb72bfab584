/* What the makers of roots share: roots.c (globals, goroutines) and deferred_roots.c (timers,
 * finalizers). Private to gort. */
#ifndef LEAKHOUND_GORT_ROOT_BUILDER_H
#define LEAKHOUND_GORT_ROOT_BUILDER_H

#include "base/hash.h"
#include "gort/code_places.h"
#include "gort/roots.h"

/* A word of a stack that leads into the heap. */
struct stack_word {
    uint32_t frame, function; /* function: PCLNTAB_NONE unknown */
    uint64_t lookup_pc, value;
};

struct root_builder {
    struct go_runtime *runtime;
    const struct heap *heap;
    const struct goroutine_list *goroutines;
    const struct variable_table *variables;
    struct graph *graph;
    struct root_table *table;
    struct hash_map holders;               /* hash of kind and name → root + 1 */
    struct hash_map group_index;           /* hash of a goroutine group → index + 1 */
    uint32_t *variable_roots;              /* by variable: root or GRAPH_NONE */
    struct code_places places;             /* texts in the table's arena */
    VECTOR(struct stack_word) stack_words; /* of the goroutine at hand, by frame */
};

/* A new root with its info. */
struct error *root_new(struct root_builder *b, uint32_t parent, uint8_t class,
                       struct root_info info, uint32_t *out) ERROR_CHECK;
/* The holder of that kind and name, made when it is new; its count goes up by one. */
struct error *root_holder(struct root_builder *b, enum root_kind kind, uint8_t class,
                          const char *name, uint32_t *out) ERROR_CHECK;
/* An edge to the object that contains address; nothing when none does. */
struct error *root_edge(struct root_builder *b, uint32_t root, uint64_t address) ERROR_CHECK;

/* Pending timers of every P, by function (runtime/time.go). */
struct error *roots_add_timers(struct root_builder *b) ERROR_CHECK;
/* Finalizers, cleanups and weak handles of the spans' special records (runtime/mheap.go). */
struct error *roots_add_specials(struct root_builder *b) ERROR_CHECK;
/* Finalizers and cleanups that wait to be run. */
struct error *roots_add_queued(struct root_builder *b) ERROR_CHECK;
/* The tiny allocator's block of every P. */
struct error *roots_add_tiny_blocks(struct root_builder *b) ERROR_CHECK;

#endif
