/*
 * What a snapshot knows beside the graph: types with their members, names of roots, all goroutines
 * with their frames. Plain data without any contents of the heap, for commands that explore.
 *
 * Numbers that refer to another row are that row's index + 1; 0 is none.
 */
#ifndef LEAKHOUND_REPORT_SNAPSHOT_TABLES_H
#define LEAKHOUND_REPORT_SNAPSHOT_TABLES_H

#include "graph/snapshot_file.h"
#include "report/collect.h"

struct analysis;

struct snapshot_field {
    const char *name;
    uint64_t offset;
    uint32_t type; /* index + 1 */
    bool embedded;
};

struct snapshot_type {
    const char *name; /* as Go prints it */
    uint64_t size, length;
    uint8_t kind;   /* enum go_kind */
    uint8_t pseudo; /* enum pseudo_type: parts of maps, string data, closures … */
    bool is_map_header;
    uint32_t element, key, group; /* index + 1 */
    struct snapshot_field *fields;
    uint32_t field_count;
};

struct snapshot_types {
    VECTOR(struct snapshot_type) items;
    struct arena arena;
};

/* The number of each object in chunk TYPE: type index + 1 (0 unknown) << 2 | enum type_strength. */
enum { SNAPSHOT_STRENGTH_BITS = 2 };

struct snapshot_root {      /* by root number of the graph */
    uint8_t kind;           /* enum root_kind */
    const char *name;       /* for people, as in the report */
    const char *type;       /* of a variable, "" unknown */
    uint64_t address, size; /* of a variable, else 0 */
    uint64_t count;         /* goroutines or timers in it */
    uint32_t goroutine;     /* index + 1 */
};

struct snapshot_roots {
    VECTOR(struct snapshot_root) items;
    struct arena arena;
};

struct snapshot_place { /* a line of code */
    const char *function, *file;
    uint32_t line;
    bool inlined; /* into the place after it in a goroutine's frames */
    bool wrapper; /* made by the compiler */
    bool hidden;  /* the runtime's own: its dump leaves it out */
};

struct snapshot_wait { /* what a goroutine is blocked on */
    uint64_t address;  /* of the channel, semaphore or list of waiters */
    const char *type;  /* of the object that it is, or is in; "" unknown or no heap object */
};

enum snapshot_leak { /* 0: written by a leakhound that did not ask */
                     SNAPSHOT_LEAK_UNKNOWN,
                     SNAPSHOT_LEAK_NO,
                     SNAPSHOT_LEAK_SUSPECTED,
                     SNAPSHOT_LEAK_PROVEN,
};

struct snapshot_goroutine {
    uint64_t id, parent_id;
    uint8_t status; /* enum goroutine_status */
    bool system;
    const char *state;
    uint64_t waiting_ns; /* 0 unknown */
    uint64_t stack_bytes;
    uint32_t created_at;  /* place + 1 */
    const char *function; /* that it runs */
    uint32_t root;        /* of the graph, + 1 */
    uint32_t *frames;     /* places (index, not + 1), innermost first */
    uint32_t frame_count;
    uint64_t frames_left_out; /* between the innermost and the outermost 50 */
    bool locked;              /* to a thread */
    const char *operation;    /* "send on a channel"; "" when it is not blocked */
    const char *waits_for;    /* "channel", "mutex"; "" for nothing that has an address */
    struct snapshot_wait *waits;
    uint32_t wait_count;
    uint64_t held_bytes; /* that only it holds, without its stack */
    uint8_t leak;        /* enum snapshot_leak */
    bool stack_damaged;  /* its outermost frames could not be read */
    uint32_t group;      /* index in groups, + 1 */
};

struct snapshot_goroutine_group { /* same creator, state and place: a holder of the report */
    uint64_t count;
    uint64_t held_bytes; /* that only all of them together hold */
};

struct snapshot_goroutines {
    VECTOR(struct snapshot_place) places;
    VECTOR(struct snapshot_goroutine) items;
    VECTOR(struct snapshot_goroutine_group) groups;
    struct arena arena;
};

/* From the analysis; the target must still be readable. The caller frees out, also after an error.
 * Cost: a walk over each stack; the types with all that they are made of. */
struct error *snapshot_collect_types(struct analysis *analysis,
                                     struct snapshot_types *out) ERROR_CHECK;
struct error *snapshot_collect_roots(struct analysis *analysis,
                                     struct snapshot_roots *out) ERROR_CHECK;
struct error *snapshot_collect_goroutines(struct analysis *analysis,
                                          struct snapshot_goroutines *out) ERROR_CHECK;
/* held_bytes, leak and groups, after analysis_analyse. */
struct error *snapshot_finish_goroutines(const struct analysis *analysis,
                                         struct snapshot_goroutines *out) ERROR_CHECK;
/* Copies what texts belong to the analysis, which may go then. */
struct error *snapshot_own_goroutines(struct snapshot_goroutines *goroutines) ERROR_CHECK;

/* To and from a file: chunks TNAM, RNAM, GORO. Reading checks that rows which refer to others refer
 * to some that are there, and wants out zero-initialised; the caller frees it, also after an error.
 * Memory is bounded by what the file can justify. */
struct error *snapshot_write_types(struct snapshot_writer *writer,
                                   const struct snapshot_types *types) ERROR_CHECK;
struct error *snapshot_write_roots(struct snapshot_writer *writer,
                                   const struct snapshot_roots *roots) ERROR_CHECK;
struct error *snapshot_write_goroutines(struct snapshot_writer *writer,
                                        const struct snapshot_goroutines *goroutines) ERROR_CHECK;
struct error *snapshot_read_types(struct snapshot_file *file,
                                  struct snapshot_types *out) ERROR_CHECK;
struct error *snapshot_read_roots(struct snapshot_file *file,
                                  struct snapshot_roots *out) ERROR_CHECK;
struct error *snapshot_read_goroutines(struct snapshot_file *file,
                                       struct snapshot_goroutines *out) ERROR_CHECK;

void snapshot_types_deinit(struct snapshot_types *types);
void snapshot_roots_deinit(struct snapshot_roots *roots);
void snapshot_goroutines_deinit(struct snapshot_goroutines *goroutines);

/* The word at offset in a value of a type (size bytes, perhaps repeated) as the program writes it:
 * ".byID", "[3].next"; "" when unknown. */
const char *snapshot_member_name(const struct snapshot_types *types, uint32_t type, uint64_t offset,
                                 uint64_t size, struct arena *arena);

#endif
