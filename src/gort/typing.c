#include "base/parallel.h"
#include "gort/typing_work.h"

/* The clues of the scan are few, the types will be many: all threads make their pages resident
 * before the first objects, found here and there by one thread, would. */
static struct error *populate_part(void *context, unsigned part)
{
    const struct typing *typing = context;
    uint64_t ids = typing->heap->object_ids, threads = typing->heap->threads;
    uint64_t first = ids * part / threads, end = ids * (part + 1) / threads;
    big_array_populate(typing->types + first, (end - first) * sizeof(*typing->types));
    return NULL;
}

static struct error *run(struct typing *typing, const struct variable_table *variables,
                         const struct goroutine_list *goroutines)
{
    TRY(pointer_reader_init(&typing->reader, typing->runtime, typing->heap));
    TRY(typing_work_create(typing));
    TRY(parallel_run(typing->heap->threads, populate_part, typing));
    TRY(typing_seed(typing, variables, goroutines));
    TRY(typing_propagate(typing));
    TRY(typing_seed_guesses(typing, goroutines));
    return typing_propagate(typing);
}

struct error *typing_run(struct go_runtime *runtime, const struct heap *heap, uint32_t *clues,
                         const struct variable_table *variables,
                         const struct goroutine_list *goroutines, struct typing *out)
{
    *out = (struct typing){.runtime = runtime, .heap = heap, .types = clues};
    type_table_init(&out->table, runtime);
    struct error *error = run(out, variables, goroutines);
    typing_work_destroy(out);
    if (!error)
        error = typing_pack(out);
    if (error) {
        typing_deinit(out);
        return error_wrap(error, "the types of objects cannot be read");
    }
    return NULL;
}

void typing_deinit(struct typing *typing)
{
    for (uint64_t i = 0; i < typing->slots.count; i++)
        free(typing->slots.data[i].items);
    vector_deinit(&typing->slots);
    hash_map_deinit(&typing->closures);
    pointer_reader_deinit(&typing->reader);
    type_table_deinit(&typing->table);
    if (typing->types)
        big_array_free(typing->types, (uint64_t)typing->heap->object_ids * sizeof(uint32_t));
    if (typing->packed)
        big_array_free(typing->packed, (uint64_t)typing->heap->object_ids * sizeof(uint16_t));
    if (typing->strengths)
        big_array_free(typing->strengths, (uint64_t)typing->heap->object_ids / 4 + 1);
    typing->types = NULL;
    typing->packed = NULL;
    typing->strengths = NULL;
}
