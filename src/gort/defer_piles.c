#include "gort/defer_piles.h"

#include <string.h>

#include "base/hash.h"

enum { RECORDS_MAX = 1 << 24 /* of all goroutines */, RECORD_BYTES_MAX = 256, ARGUMENTS_MAX = 16 };

struct record {
    uint64_t pc, function, link;
    uint32_t argument_bytes; /* 1.15: they lie behind the record */
    bool is_on_heap;
};

struct pile_reader {
    struct go_runtime *runtime;
    const struct heap *heap;
    struct defer_pile_table *table;
    struct hash_map places; /* pc of one goroutine's defers → how many */
    uint64_t records;       /* read so far */
    uint64_t most_pc, most_count, most_function;
};

static uint64_t word(const uint8_t *bytes, uint64_t offset)
{
    uint64_t v = 0;
    if (offset <= RECORD_BYTES_MAX - sizeof(v))
        memcpy(&v, bytes + offset, sizeof(v));
    return v;
}

static struct error *read_record(struct go_runtime *runtime, uint64_t address, struct record *out)
{
    uint8_t bytes[RECORD_BYTES_MAX] = {0};
    TRY(target_read(runtime->target, address, bytes,
                    MIN_OF(GO_SIZE(runtime, _defer), (uint64_t)RECORD_BYTES_MAX)));
    *out = (struct record){
        .pc = word(bytes, GO_OFFSET(runtime, _defer_pc)),
        .function = word(bytes, GO_OFFSET(runtime, _defer_fn)),
        .link = word(bytes, GO_OFFSET(runtime, _defer_link)),
        .is_on_heap = bytes[GO_OFFSET(runtime, _defer_heap)] != 0,
        .argument_bytes =
            GO_HAS(runtime, _defer_siz) ? (uint32_t)word(bytes, GO_OFFSET(runtime, _defer_siz)) : 0,
    };
    return NULL;
}

static struct error *add_object(struct pile_reader *reader, uint64_t address)
{
    uint32_t id = heap_find(reader->heap, address);
    return id == HEAP_NONE ? NULL : vector_push(&reader->table->objects, id);
}

static struct error *add_arguments(struct pile_reader *reader, uint64_t address,
                                   const struct record *record)
{
    uint64_t words[ARGUMENTS_MAX];
    uint64_t count = MIN_OF(record->argument_bytes / 8, (uint32_t)ARGUMENTS_MAX);
    if (!count)
        return NULL;
    TRY(target_read(reader->runtime->target, address + GO_SIZE(reader->runtime, _defer), words,
                    count * 8));
    for (uint64_t i = 0; i < count; i++)
        TRY(add_object(reader, words[i]));
    return NULL;
}

static struct error *note_record(struct pile_reader *reader, uint64_t address,
                                 const struct record *record)
{
    uint64_t *count;
    if (!record->is_on_heap)
        return NULL;
    TRY(add_object(reader, address));
    TRY(add_object(reader, record->function));
    TRY(add_arguments(reader, address, record));
    TRY(hash_map_insert(&reader->places, record->pc + 1 ? record->pc + 1 : 1, &count, NULL));
    if (++*count > reader->most_count) {
        reader->most_count = *count;
        reader->most_pc = record->pc;
        reader->most_function = record->function;
    }
    return NULL;
}

/* A chain in damaged memory may lead back into itself, and is no pile then: it is held against the
 * place where it was at the last power of two. */
static struct error *read_chain(struct pile_reader *reader, uint64_t address)
{
    uint64_t before = 0;
    for (uint64_t n = 1; address && reader->records < RECORDS_MAX; n++, reader->records++) {
        struct record record;
        if (address == before) {
            reader->most_count = 0;
            return NULL;
        }
        if (!(n & (n - 1)))
            before = address;
        TRY(read_record(reader->runtime, address, &record));
        TRY(note_record(reader, address, &record));
        address = record.link;
    }
    return NULL;
}

static const char *called_by(struct go_runtime *runtime, uint64_t closure)
{
    uint64_t pc = 0;
    error_destroy(target_read_u64(runtime->target, closure, &pc));
    uint32_t function = pclntab_find(runtime->pclntab, pc);
    return function == PCLNTAB_NONE ? "" : pclntab_name(runtime->pclntab, function);
}

static struct error *add_pile(struct pile_reader *reader, uint32_t goroutine, uint64_t first)
{
    struct go_runtime *rt = reader->runtime;
    struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
    struct defer_pile pile = {
        .goroutine = goroutine,
        .count = reader->most_count,
        .function = "",
        .at = "",
        .called = called_by(rt, reader->most_function),
        .first = first,
        .objects = reader->table->objects.count - first,
    };
    if (pclntab_find(rt->pclntab, reader->most_pc - 1) != PCLNTAB_NONE &&
        pclntab_frames(rt->pclntab, rt->target, reader->most_pc - 1, frames)) {
        const char *slash = strrchr(frames[0].file, '/');
        pile.function = frames[0].function;
        pile.at = arena_printf(&reader->table->arena, "%s:%u", slash ? slash + 1 : frames[0].file,
                               frames[0].line);
    }
    return vector_push(&reader->table->items, pile);
}

static struct error *read_one(struct pile_reader *reader, const struct goroutine *g, uint32_t index)
{
    uint64_t first = reader->table->objects.count;
    hash_map_deinit(&reader->places);
    reader->most_count = reader->most_pc = reader->most_function = 0;
    struct error *error = read_chain(reader, g->deferred);
    if (error && error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    if (reader->most_count < DEFER_PILE_LEAST) {
        reader->table->objects.count = first;
        return NULL;
    }
    return add_pile(reader, index, first);
}

struct error *defer_piles_read(struct go_runtime *runtime, const struct heap *heap,
                               const struct goroutine_list *goroutines,
                               struct defer_pile_table *out)
{
    struct pile_reader reader = {.runtime = runtime, .heap = heap, .table = out};
    struct error *error = NULL;
    *out = (struct defer_pile_table){0};
    arena_init(&out->arena);
    for (uint32_t i = 0; i < goroutines->items.count && !error; i++)
        if (goroutines->items.data[i].deferred)
            error = read_one(&reader, &goroutines->items.data[i], i);
    hash_map_deinit(&reader.places);
    return error ? error_wrap(error, "cannot read the deferred calls") : NULL;
}

void defer_piles_deinit(struct defer_pile_table *table)
{
    vector_deinit(&table->items);
    vector_deinit(&table->objects);
    arena_deinit(&table->arena);
}
