#include "gort/typed_statics.h"

#include "gort/typing_walk.h"

enum { STATICS_MAX = 1 << 20, VALUE_BYTES_MAX = 1 << 24 };

static bool in_sections(const struct go_module *m, uint64_t address, uint64_t bytes)
{
    return (address >= m->data && address < m->data_end && bytes <= m->data_end - address) ||
           (address >= m->bss && address < m->bss_end && bytes <= m->bss_end - address);
}

void typed_static_found(struct typing *typing, uint64_t address, uint32_t type, uint64_t count)
{
    struct typed_statics *values = &typing->statics;
    const struct go_type *t = &typing->table.types.data[type];
    uint64_t bytes, *index;
    if (!t->pointer_bytes || __builtin_mul_overflow(t->size, count, &bytes) ||
        bytes > VALUE_BYTES_MAX || !in_sections(&typing->runtime->module, address, bytes) ||
        values->items.count >= STATICS_MAX)
        return;
    struct error *error = hash_map_insert(&values->known, address, &index, NULL);
    if (!error && *index) {
        const struct typed_static *old = &values->items.data[*index - 1];
        if (old->count * typing->table.types.data[old->type].size >= bytes)
            return;
    }
    if (!error)
        error =
            vector_push(&values->items,
                        (struct typed_static){.address = address, .count = count, .type = type});
    if (!error)
        *index = values->items.count;
    error_destroy(error); /* without memory what it leads to stays unknown */
}

struct error *typed_statics_walk(struct typing *typing)
{
    struct typed_statics *values = &typing->statics;
    CLEANUP_FREE uint8_t *bytes = NULL;
    uint64_t capacity = 0;
    while (values->walked < values->items.count) {
        struct typed_static value = values->items.data[values->walked++];
        uint64_t step = typing->table.types.data[value.type].size, size = step * value.count;
        if (size > capacity)
            TRY(vector_grow(&bytes, &capacity, size, 1));
        TRY(target_read_sparse(typing->runtime->target, value.address, bytes, size));
        for (uint64_t i = 0; i < value.count; i++)
            typing_walk_value(typing, value.type, bytes + i * step, step);
    }
    return NULL;
}

void typed_statics_deinit(struct typed_statics *values)
{
    hash_map_deinit(&values->known);
    vector_deinit(&values->items);
}
