/* Places in the code as a person reads them, each looked up once: a million goroutines stand at a
 * few of them. */
#ifndef LEAKHOUND_GORT_CODE_PLACES_H
#define LEAKHOUND_GORT_CODE_PLACES_H

#include "base/hash.h"
#include "gort/stack.h"

struct code_place {
    const char *name; /* "main.fetch client.go:88" of the function that owns the frame */
    const char *at;   /* "client.go:88" of the innermost call inlined there, "" unknown */
    /* Innermost function that is not the runtime's, inlined ones included; NULL: all are. */
    const char *top;
    const char *stuck, *stuck_at; /* likewise, nor of package sync */
    /* As the author wrote it: the function that owns the frame, or in a wrapper of the compiler
     * what is inlined into it; NULL for an empty wrapper. */
    const char *written;
    bool is_runtime; /* owned by the runtime */
};

struct code_places {
    struct go_runtime *runtime;
    struct arena *arena;
    struct hash_map index; /* lookup pc + 1 → index + 1 */
    VECTOR(struct code_place) items;
    uint8_t wrapper_id; /* pclntab_function.func_id of functions that the compiler made */
};

/* funcID_wrapper of the target's version. O(functions). */
uint8_t code_wrapper_id(struct go_runtime *runtime);

/* The arena, which texts come from, must outlive it. O(functions). Not thread safe. */
void code_places_init(struct code_places *places, struct go_runtime *runtime, struct arena *arena);
void code_places_deinit(struct code_places *places);

/* The place of a pc to look up (of a return address: pc − 1); *out is good until the next call,
 * its texts as long as the arena and the pclntab. NULL when no function is there. */
struct error *code_place_at(struct code_places *places, uint64_t pc,
                            const struct code_place **out) ERROR_CHECK;

/* Where a goroutine stands, by its frames from the innermost out. */
struct code_stand {
    const char *top, *stuck, *stuck_at; /* as above, of the first frame that has one; NULL none */
    uint64_t top_pc, stuck_pc;
    const char *function; /* outermost that the author wrote; NULL none */
};
struct error *code_stand_note(struct code_places *places, const struct stack_frame *frame,
                              struct code_stand *stand) ERROR_CHECK;

#endif
