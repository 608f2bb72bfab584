/* What typing knows, as a person reads it. */
#include <inttypes.h>
#include <string.h>

#include "gort/typing.h"

uint64_t typing_count(const struct typing *typing, uint32_t id)
{
    uint32_t type = typing_type(typing, id);
    if (type == TYPE_NONE)
        return 0;
    const struct go_type *t = &typing->table.types.data[type];
    const struct heap_span *span = heap_span_of(typing->heap, id);
    if (t->pseudo || !t->size || t->kind == KIND_MAP || t->kind == KIND_CHAN)
        return 1;
    return (span->element_size - (span->has_header ? 8 : 0)) / t->size;
}

const char *typing_name(struct typing *typing, uint32_t id, struct arena *arena)
{
    uint32_t type = typing_type(typing, id);
    if (type == TYPE_NONE)
        return "";
    const char *name = typing->table.types.data[type].name;
    return typing_count(typing, id) > 1 ? arena_printf(arena, "[]%s", name) : name;
}

const char *typing_member(struct typing *typing, uint32_t type, uint64_t offset, uint64_t bytes,
                          struct arena *arena)
{
    const char *text = "";
    for (unsigned depth = 0; depth < 16 && type != TYPE_NONE; depth++) {
        struct go_type t = typing->table.types.data[type];
        if (t.pseudo || !t.size || t.kind == KIND_MAP || t.kind == KIND_CHAN)
            break;
        if (depth == 0 && bytes >= 2 * t.size) {
            text = arena_printf(arena, "[%" PRIu64 "]", offset / t.size);
            offset %= t.size;
        }
        if (t.kind == KIND_ARRAY && t.length) {
            uint64_t step = t.size / t.length;
            text = arena_printf(arena, "%s[%" PRIu64 "]", text, step ? offset / step : 0);
            offset = step ? offset % step : 0;
            type = type_at(&typing->table, t.element);
            continue;
        }
        if (t.kind != KIND_STRUCT)
            break;
        struct go_type_field field, best = {0};
        bool found = false;
        for (uint32_t i = 0; i < t.field_count && type_field(&typing->table, type, i, &field); i++)
            if (field.offset <= offset) {
                best = field;
                found = true;
            }
        if (!found)
            break;
        text = arena_printf(arena, "%s.%s", text, best.name);
        offset -= best.offset;
        type = type_at(&typing->table, best.type);
    }
    return text;
}
