/*
 * What typing keeps while it runs, and the walkers that turn objects of known type into evidence.
 * Private to the typing of gort.
 *
 * Ids are cut into chunks of equal size. A parallel walker sweeps one chunk: it alone sets the
 * types of that chunk, and keeps evidence on objects of other chunks in its outboxes. It adds
 * nothing to the tables that all share: what is missing there (a type not met yet) it wants, and
 * walks the object again when that has been provided. So what a sweep does depends on its chunk
 * alone. The serial walker, typing_work.serial, may do everything, and runs alone.
 */
#ifndef LEAKHOUND_GORT_TYPING_WORK_H
#define LEAKHOUND_GORT_TYPING_WORK_H

#include "gort/typing_walk.h"

enum {
    CHUNKS_MAX = 2048,
    SLOT_WORDS_MAX = 4096,    /* of the largest size class */
    REMEMBERED_MAX = 1 << 20, /* itabs, functions */
};

enum want { WANT_TYPE = 1, WANT_SLOTS = 2, WANT_ITAB = 3, WANT_FUNCTION = 4 };
enum { WANT_BITS = 3 };

struct outbox { /* evidence on objects of one chunk: id << 32 | value as in typing->types */
    VECTOR(uint64_t) items;
};

struct walker_memory {
    uint64_t start, size; /* what bytes shows */
    const uint8_t *bytes;
    bool is_kept, much;              /* for the chunk that is swept; see typing_memory.c */
    uint32_t first_span, span_count; /* of the chunk */
    uint8_t *kept;                   /* big_array */
    VECTOR(uint8_t) is_read;         /* by span from first_span */
};

struct type_walker {
    struct typing *typing;
    struct typing_work *work;
    struct walker_memory memory;
    struct window objects;
    bool is_serial;
    bool only_own;         /* clues still stand where other types will: see typing_seeds.c */
    uint32_t first, count; /* ids of the chunk that is swept */
    uint64_t sent, wants;  /* since the chunk's beginning: evidence for others, things wanted */
    bool incomplete;       /* the object must be walked again */
    bool leave_to_serial;  /* the object needs the serial walker */
    uint64_t last_itab;    /* and its dynamic type: most are alike */
    uint32_t last_itab_type;
    struct outbox *outboxes; /* by chunk */
    struct hash_map wanted;  /* address or type << WANT_BITS | enum want */
    VECTOR(uint32_t) again;
    VECTOR(uint32_t) for_serial;
    VECTOR(uint64_t) closures_met; /* their addresses, while only_own */
    VECTOR(uint64_t) later;        /* clues for the serial walker: id << 32 | type */
    struct error *error;           /* the first one that could not be returned at once */
};

struct typing_work {
    unsigned chunk_shift;
    uint32_t chunk_count;
    uint64_t *pending;                  /* bitset of the objects to walk (big_array) */
    uint32_t chunk_pending[CHUNKS_MAX]; /* how many of them are in each chunk */
    uint64_t pending_count;             /* in all */
    uint32_t *places;     /* by span, and the end: pages with pointers before it; 4 B a span */
    VECTOR(uint32_t) few; /* all that are pending, when few_known */
    bool few_known;
    uint64_t sent_max; /* of a chunk in this wave */
    bool only_guesses; /* what is found now rests on words that may be dead */
    uint32_t divide_of_words[SLOT_WORDS_MAX + 1]; /* heap_page.divide of the slot for so many words
                                                   */
    struct hash_map itabs;                        /* → dynamic type + 1, 0 for none */
    struct hash_map functions;                    /* entry → type "func name" + 1, 0 for none */
    struct hash_map receivers; /* entry of a method value's function → type of its receiver + 1 */
    uint32_t string_data, small_values, boxed_interface, map_table, map_directory, map_overflow;
    struct type_walker serial;
    struct type_walker *walkers; /* walker_count of them, parallel */
    unsigned walker_count;
};

/* -- typing_fit.c: what fits, what is better, what is set -------------------------------------- */

void typing_fit_init(struct typing_work *work, unsigned minor);
/* heap_page.divide of the slot that so many bytes get, 0 beyond the size classes. */
static inline uint32_t typing_divide_for(const struct typing_work *work, uint64_t bytes)
{
    return bytes > SLOT_WORDS_MAX * 8 ? 0 : work->divide_of_words[(bytes + 7) / 8];
}

/* An object (HEAP_NONE: none) is of the type, as far as the walker may say it: at once, or in an
 * outbox. The stronger
 * evidence stays; among equals the body of a map or channel, then what has a descriptor, then the
 * larger (a pointer to the first member looks like one to the whole). */
void walker_set(struct type_walker *walker, uint32_t id, uint32_t type,
                enum type_strength strength);
/* count values of the type stand at address. */
void walker_evidence(struct type_walker *walker, uint64_t address, uint32_t type, uint64_t count);
/* Fills to_pointers and divide of a pointer slot that leads to values of the type. */
void walker_slot_fits(const struct typing_work *work, const struct go_type *to,
                      struct type_slot *slot);
/* Takes what stands in all outboxes for a chunk; nothing else may touch the chunk meanwhile. */
void typing_take_outboxes(struct typing *typing, uint32_t chunk);

static inline bool walker_owns(const struct type_walker *walker, uint32_t id)
{
    return walker->is_serial || id - walker->first < walker->count;
}

/* -- typing_tables.c: what all walkers share ----------------------------------------------------
 */

/* TYPE_NONE also when it is not there yet and was wanted; of walker_slots none. */
uint32_t walker_type_at(struct type_walker *walker, uint64_t descriptor);
uint32_t walker_itab_type(struct type_walker *walker, uint64_t itab); /* the dynamic type */
const struct type_slots *walker_want_slots(struct type_walker *walker, uint32_t type);
static inline const struct type_slots *walker_slots(struct type_walker *walker, uint32_t type)
{
    const struct typing *typing = walker->typing;
    return type < typing->slots.count && typing->slots.data[type].known
               ? &typing->slots.data[type]
               : walker_want_slots(walker, type);
}
/* The type "func name" of a function value whose function begins at pc, and what a method value's
 * receiver points to, TYPE_NONE for others. */
uint32_t walker_function_type(struct type_walker *walker, uint64_t pc, uint32_t *out_receiver);
/* Bytes of a value that follow_slot looks at; the slots of a type end within it. */
static inline uint64_t type_slot_width(const struct type_slot *slot)
{
    return slot->kind == KIND_SLICE ? 24 : slot->kind == KIND_INTERFACE ? 16 : 8;
}
/* Adds what a walker wanted; key: as in wanted. */
void typing_provide(struct typing *typing, uint64_t key);

/* -- typing_walk.c: from a typed value to evidence ----------------------------------------------
 */

void walker_value(struct type_walker *walker, uint32_t type, const uint8_t *bytes, uint64_t size);
void walker_interface_data(struct type_walker *walker, uint32_t type, uint64_t data);
void walker_closure(struct type_walker *walker, uint64_t address);
/* Evidence from an object of known type; at most `ahead` bytes are read at once. */
struct error *walker_object(struct type_walker *walker, uint32_t id, uint64_t ahead) ERROR_CHECK;
/* -- typing_memory.c ----------------------------------------------------------------------------
 */

/* Pages with pointers before each span, and in all. */
struct error *typing_memory_places(const struct heap *heap, uint32_t **out) ERROR_CHECK;
/* At the beginning of a chunk. much: most of its objects will be walked. */
struct error *walker_memory_begin(struct type_walker *walker, bool much) ERROR_CHECK;
/* n bytes at address, which lie in the span (n ≤ WINDOW_BYTES); until the next call. */
struct error *walker_memory_get(struct type_walker *walker, const struct heap_span *span,
                                uint64_t address, uint64_t n, uint64_t ahead,
                                const uint8_t **out) ERROR_CHECK;
static inline struct error *walker_bytes(struct type_walker *walker, const struct heap_span *span,
                                         uint64_t address, uint64_t n, uint64_t ahead,
                                         const uint8_t **out)
{
    uint64_t at = address - walker->memory.start;
    if (at > walker->memory.size || n > walker->memory.size - at)
        return walker_memory_get(walker, span, address, n, ahead, out);
    *out = walker->memory.bytes + at;
    return NULL;
}
void walker_memory_deinit(struct walker_memory *memory);

/* -- typing_sweep.c -----------------------------------------------------------------------------
 */

/* Everything in typing->work. */
struct error *typing_work_create(struct typing *typing) ERROR_CHECK;
void typing_work_destroy(struct typing *typing);
/* Runs sweep(walker, chunk) for the chunks listed, each once, on as many walkers as there are. */
struct error *typing_each_chunk(struct typing *typing, const uint32_t *chunks, uint32_t count,
                                struct error *(*sweep)(struct type_walker *walker,
                                                       uint32_t chunk)) ERROR_CHECK;
/* Provides what all walkers wanted, in an order that does not depend on them. */
struct error *typing_provide_wanted(struct typing *typing) ERROR_CHECK;
/* The object waits to be walked: its pending bit has been set. */
void typing_note_pending(struct typing_work *work, uint32_t id);
/* Counts what is pending in the chunk; then typing_count_all adds the chunks up. */
void typing_count_pending(struct typing_work *work, uint32_t chunk);
void typing_count_all(struct typing_work *work);
/* Walks all that is pending, and what that makes pending. */
struct error *typing_propagate(struct typing *typing) ERROR_CHECK;

/* -- typing_seeds.c -----------------------------------------------------------------------------
 */

/* Replaces the clues in typing->types by what they mean, then adds all other evidence that does not
 * come from objects of known type. */
struct error *typing_seed(struct typing *typing, const struct variable_table *variables,
                          const struct goroutine_list *goroutines) ERROR_CHECK;
/* What the stacks' words may tell: guesses. */
struct error *typing_seed_guesses(struct typing *typing,
                                  const struct goroutine_list *goroutines) ERROR_CHECK;

#endif
