#include <inttypes.h>

#include "report/collect_private.h"

/* Rows of the table: a type as a single value, the same as an array, and what has no type by size
 * class (the large objects together: their sizes are all different) and pointers. */
struct type_rows {
    const struct analysis *analysis;
    uint32_t known;      /* rows 0 … known − 1: 2 · type + (many ? 1 : 0) */
    uint64_t *many_from; /* by type: room of a slot that holds several values; 0: always one */
    uint64_t class_size[UINT8_MAX + 1];
};

static struct error *rows_init(struct type_rows *rows, const struct analysis *analysis)
{
    const struct type_table *table = &analysis->typing.table;
    *rows = (struct type_rows){.analysis = analysis, .known = (uint32_t)table->types.count * 2};
    TRY(memory_array(table->types.count, sizeof(uint64_t), &rows->many_from));
    for (uint64_t i = 0; i < table->types.count; i++) {
        const struct go_type *t = &table->types.data[i];
        if (!t->pseudo && t->size <= UINT64_MAX / 2 && t->kind != KIND_MAP && t->kind != KIND_CHAN)
            rows->many_from[i] = t->size * 2;
    }
    for (uint64_t i = 0; i < analysis->heap.spans.count; i++) {
        const struct heap_span *span = &analysis->heap.spans.data[i];
        if (span->size_class)
            rows->class_size[span->size_class] = span->element_size;
    }
    return NULL;
}

/* For graph_sums_by_type: a guess is marked. */
static void rows_of(void *context, uint32_t first, uint32_t count, uint32_t *out)
{
    const struct type_rows *rows = context;
    const struct typing *typing = &rows->analysis->typing;
    const struct heap_span *span = NULL;
    uint32_t unknown = 0;
    uint64_t room = 0;
    for (uint32_t id = first; id < first + count; id++) {
        if (!span || !(id & 7)) {
            span = heap_span_of(&rows->analysis->heap, id);
            unknown = rows->known + span->size_class * 2u + span->no_pointers;
            room = span->element_size - (span->has_header ? 8 : 0);
        }
        uint32_t type = typing_type(typing, id), row = unknown;
        if (type != TYPE_NONE) {
            bool many = rows->many_from[type] && room >= rows->many_from[type];
            row = 2 * type + many;
            if (typing_strength(typing, id) == TYPE_GUESSED)
                row |= GRAPH_TYPE_MARK;
        }
        out[id - first] = row;
    }
}

static const char *row_name(const struct type_rows *rows, uint32_t row, struct arena *arena)
{
    if (row < rows->known) {
        const struct go_type *type = &rows->analysis->typing.table.types.data[row / 2];
        return arena_printf(arena, "%s%s", row & 1 ? "[]" : "", type->name);
    }
    uint32_t class = (row - rows->known) / 2;
    const char *pointers = (row - rows->known) & 1 ? "without pointers" : "with pointers";
    if (!class)
        return arena_printf(arena, "(unknown, large, %s)", pointers);
    return arena_printf(arena, "(unknown, %" PRIu64 " B, %s)", rows->class_size[class], pointers);
}

static int by_retained(const void *a, const void *b)
{
    const struct report_type *x = a, *y = b;
    if (x->retained_bytes != y->retained_bytes)
        return x->retained_bytes > y->retained_bytes ? -1 : 1;
    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static struct error *add_rows(const struct type_rows *rows, const struct graph_type_sum *sums,
                              uint32_t count, struct report *report)
{
    uint64_t typed = 0, guessed = 0, total = 0;
    for (uint32_t row = 0; row < count; row++) {
        const struct graph_type_sum *sum = &sums[row];
        total += sum->bytes;
        guessed += sum->marked_bytes;
        if (row < rows->known)
            typed += sum->bytes - sum->marked_bytes;
        if (!sum->objects)
            continue;
        TRY(vector_push(&report->types, (struct report_type){
                                            .name = row_name(rows, row, &report->arena),
                                            .guessed = sum->marked_bytes * 2 > sum->bytes,
                                            .count = sum->objects,
                                            .bytes = sum->bytes,
                                            .retained_bytes = sum->retained_bytes,
                                        }));
    }
    report->counts.typed_bytes_share = total ? (double)typed / (double)total : 0;
    report->counts.guessed_bytes_share = total ? (double)guessed / (double)total : 0;
    return NULL;
}

struct error *collect_types(struct analysis *analysis, uint32_t top, unsigned threads,
                            struct report *report)
{
    struct type_rows rows;
    CLEANUP_FREE struct graph_type_sum *sums = NULL;
    struct error *error = rows_init(&rows, analysis);
    struct graph_types types = {
        .of = rows_of,
        .context = &rows,
        .count = rows.known + 2 * (uint32_t)ARRAY_COUNT(rows.class_size),
    };
    if (!error)
        error = memory_array(types.count, sizeof(*sums), &sums);
    if (!error)
        error = graph_sums_by_type(analysis->graph, &types, threads, sums);
    if (!error)
        error = add_rows(&rows, sums, types.count, report);
    free(rows.many_from);
    if (error)
        return error;
    if (report->types.count)
        qsort(report->types.data, report->types.count, sizeof(struct report_type), by_retained);
    report->types.count = MIN_OF(report->types.count, (uint64_t)top);
    return NULL;
}
