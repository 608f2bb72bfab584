#include <inttypes.h>
#include <string.h>

#include "base/bitset.h"
#include "report/collect_private.h"

/* Rows of the table: a type as a single value, the same as an array, and what has no type by size
 * of slot. */
struct type_rows {
    struct analysis *analysis;
    uint32_t known;          /* rows 0 … known − 1: 2 · type + (many ? 1 : 0) */
    struct hash_map untyped; /* element size << 1 | no pointers → row + 1 */
    VECTOR(uint64_t) untyped_keys;
};

static struct error *untyped_row(struct type_rows *rows, const struct heap_span *span,
                                 uint32_t *out)
{
    /* large objects together: their sizes are all different */
    uint64_t size = span->size_class ? span->element_size : 0;
    uint64_t *row, key = (size << 1 | span->no_pointers) + 1;
    bool added;
    TRY(hash_map_insert(&rows->untyped, key, &row, &added));
    if (added) {
        TRY(vector_push(&rows->untyped_keys, key - 1));
        *row = rows->known + rows->untyped_keys.count;
    }
    *out = (uint32_t)*row - 1;
    return NULL;
}

static const char *row_name(const struct type_rows *rows, uint32_t row, struct arena *arena)
{
    if (row < rows->known) {
        const struct go_type *type = &rows->analysis->typing.table.types.data[row / 2];
        return arena_printf(arena, "%s%s", row & 1 ? "[]" : "", type->name);
    }
    uint64_t key = rows->untyped_keys.data[row - rows->known];
    const char *pointers = key & 1 ? "without pointers" : "with pointers";
    if (!(key >> 1))
        return arena_printf(arena, "(unknown, large, %s)", pointers);
    return arena_printf(arena, "(unknown, %" PRIu64 " B, %s)", key >> 1, pointers);
}

static int by_retained(const void *a, const void *b)
{
    const struct report_type *x = a, *y = b;
    if (x->retained_bytes != y->retained_bytes)
        return x->retained_bytes > y->retained_bytes ? -1 : 1;
    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

struct row_sums {
    uint64_t count, bytes, guessed_bytes;
};

/* Row of every reachable object, and its sums; rows of unreachable ones stay GRAPH_NONE. */
static struct error *sum_rows(struct type_rows *rows, uint32_t *row_of, struct report *report,
                              struct row_sums **out_sums, uint32_t *out_count)
{
    struct analysis *a = rows->analysis;
    const struct typing *typing = &a->typing;
    VECTOR(struct row_sums) sums = {0};
    uint64_t typed = 0, guessed = 0, total = 0;
    struct error *error = vector_reserve(&sums, rows->known + 1u);
    for (uint64_t s = 0; s < a->heap.spans.count && !error; s++) {
        const struct heap_span *span = &a->heap.spans.data[s];
        uint64_t room = span->element_size - (span->has_header ? 8 : 0);
        for (uint32_t id = span->first_id; id < span->first_id + span->slots && !error; id++) {
            if (!bitset_get(a->heap.allocated, id) || !graph_is_reachable(a->graph, id))
                continue;
            uint32_t type = typing_type(typing, id), row;
            enum type_strength strength = typing_strength(typing, id);
            total += span->element_size;
            if (type == TYPE_NONE) {
                error = untyped_row(rows, span, &row);
            } else {
                const struct go_type *t = &typing->table.types.data[type];
                bool many = !t->pseudo && t->size && t->kind != KIND_MAP && t->kind != KIND_CHAN &&
                            room / t->size > 1;
                row = 2 * type + many;
                *(strength == TYPE_GUESSED ? &guessed : &typed) += span->element_size;
            }
            if (!error)
                error = vector_reserve(&sums, row + 1u);
            if (error)
                break;
            while (sums.count <= row)
                sums.data[sums.count++] = (struct row_sums){0};
            row_of[id] = row;
            sums.data[row].count++;
            sums.data[row].bytes += span->element_size;
            if (strength == TYPE_GUESSED)
                sums.data[row].guessed_bytes += span->element_size;
        }
    }
    report->counts.typed_bytes_share = total ? (double)typed / (double)total : 0;
    report->counts.guessed_bytes_share = total ? (double)guessed / (double)total : 0;
    *out_sums = sums.data;
    *out_count = (uint32_t)sums.count;
    return error;
}

static struct error *add_rows(struct type_rows *rows, const struct row_sums *sums, uint32_t count,
                              const uint64_t *retained, uint32_t top, struct report *report)
{
    for (uint32_t row = 0; row < count; row++) {
        if (!sums[row].count)
            continue;
        TRY(vector_push(&report->types,
                        (struct report_type){
                            .name = row_name(rows, row, &report->arena),
                            .guessed = sums[row].guessed_bytes * 2 > sums[row].bytes,
                            .count = sums[row].count,
                            .bytes = sums[row].bytes,
                            .retained_bytes = retained[row],
                        }));
    }
    if (report->types.count)
        qsort(report->types.data, report->types.count, sizeof(struct report_type), by_retained);
    report->types.count = MIN_OF(report->types.count, (uint64_t)top);
    return NULL;
}

struct error *collect_types(struct analysis *analysis, uint32_t top, struct report *report)
{
    struct type_rows rows = {
        .analysis = analysis,
        .known = (uint32_t)analysis->typing.table.types.count * 2,
    };
    uint64_t bytes = (uint64_t)analysis->graph->object_ids * sizeof(uint32_t);
    uint32_t *row_of = NULL, count = 0;
    struct row_sums *sums = NULL;
    CLEANUP_FREE uint64_t *retained = NULL;
    TRY(big_array(bytes, &row_of));
    memset(row_of, 0xff, bytes);
    struct error *error = sum_rows(&rows, row_of, report, &sums, &count);
    if (!error)
        error = memory_array(count, sizeof(uint64_t), &retained);
    if (!error)
        error = graph_retained_by_type(analysis->graph, row_of, count, retained);
    if (!error)
        error = add_rows(&rows, sums, count, retained, top, report);
    big_array_free(row_of, bytes);
    free(sums);
    hash_map_deinit(&rows.untyped);
    vector_deinit(&rows.untyped_keys);
    return error;
}
