#include "report/snapshot.h"

#include <inttypes.h>
#include <string.h>

#include "base/parallel.h"
#include "gort/analysis.h"
#include "graph/snapshot_record.h"
#include "report/snapshot_contents.h"
#include "report/snapshot_model.h"
#include "report/snapshot_tags.h"
#include "target/core_image.h"

static const struct snapshot_member meta_members[] = {
    SNAPSHOT_MEMBER(MEMBER_STRING, struct snapshot_meta, tool_version),
    SNAPSHOT_MEMBER(MEMBER_STRING, struct snapshot_meta, source),
    SNAPSHOT_MEMBER(MEMBER_BOOL, struct snapshot_meta, has_contents),
};
static const struct snapshot_table meta_table = SNAPSHOT_TABLE(struct snapshot_meta, meta_members);

/* -- making ---------------------------------------------------------------------------------- */

struct making {
    const struct report_options *options;
    const struct snapshot_options *snapshot_options;
    FILE *out;
    struct snapshot_writer *writer;
    unsigned threads;
    struct snapshot_made made;
    struct snapshot_types types;
    struct snapshot_roots roots;
    struct snapshot_goroutines goroutines;
};

static void tell(const struct making *making, const char *phase)
{
    if (making->options->progress)
        making->options->progress(making->options->progress_context, phase, -1, -1);
}

static struct error *write_record(struct snapshot_writer *writer, uint32_t tag,
                                  const struct snapshot_table *table, const void *structure)
{
    struct snapshot_bytes bytes = {0};
    struct error *error = snapshot_put_record(&bytes, table, structure);
    if (!error)
        error = snapshot_write_bytes(writer, tag, SNAPSHOT_ZSTD, bytes.data.data, bytes.data.count);
    snapshot_bytes_deinit(&bytes);
    return error;
}

static struct error *begin_file(struct making *making, const struct target *target)
{
    struct snapshot_meta meta = {
        .tool_version = making->snapshot_options->tool_version,
        .source = target->kind == TARGET_LIVE ? "live" : "core",
        .has_contents = making->snapshot_options->with_contents,
    };
    TRY(snapshot_writer_create(making->out, making->threads, &making->writer));
    return write_record(making->writer, TAG_META, &meta_table, &meta);
}

static struct error *write_contents(struct making *making, struct target *target)
{
    struct core_image image = {0};
    tell(making, "write the memory's contents");
    TRY(begin_file(making, target));
    TRY(core_image_make(target, false, &image));
    struct error *error = snapshot_write_contents(making->writer, &image);
    core_image_deinit(&image);
    return error;
}

/* Names, frames and contents are read from the target; all else is known. */
static struct error *while_stopped(void *context, struct analysis *analysis)
{
    struct making *making = context;
    tell(making, "collect names and stacks");
    TRY(snapshot_collect_types(analysis, &making->types));
    TRY(snapshot_collect_roots(analysis, &making->roots));
    TRY(snapshot_collect_goroutines(analysis, &making->goroutines));
    return making->snapshot_options->with_contents ? write_contents(making, analysis->target)
                                                   : NULL;
}

static struct error *regions_of(const struct heap *heap, struct snapshot_regions *out)
{
    TRY(vector_reserve(&out->items, heap->spans.count));
    for (uint64_t s = 0; s < heap->spans.count; s++) {
        const struct heap_span *span = &heap->spans.data[s];
        if (!span->slots)
            continue;
        TRY(vector_push(&out->items, (struct snapshot_region){
                                         .address = span->start,
                                         .element_size = span->element_size,
                                         .first_id = span->first_id,
                                         .slots = span->slots,
                                         .no_pointers = span->no_pointers,
                                         .has_header = span->has_header,
                                     }));
    }
    return NULL;
}

static void type_numbers(void *context, uint32_t first, uint32_t count, uint32_t *out)
{
    const struct typing *typing = context;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = typing_type(typing, first + i) + 1;
        out[i] = number << SNAPSHOT_STRENGTH_BITS | typing_strength(typing, first + i);
    }
}

static struct error *write_report(struct snapshot_writer *writer, const struct report *report)
{
    struct snapshot_bytes bytes = {0};
    struct error *error = snapshot_put_report(&bytes, report);
    if (!error)
        error = snapshot_write_bytes(writer, TAG_REPORT, SNAPSHOT_ZSTD, bytes.data.data,
                                     bytes.data.count);
    snapshot_bytes_deinit(&bytes);
    return error;
}

static struct error *write_collections(struct snapshot_writer *writer, const struct report *report)
{
    struct snapshot_bytes bytes = {0};
    if (!report->has_collections)
        return NULL;
    struct error *error = snapshot_put_collections(&bytes, report);
    if (!error)
        error = snapshot_write_bytes(writer, TAG_COLLECTIONS, SNAPSHOT_ZSTD | SNAPSHOT_OPTIONAL,
                                     bytes.data.data, bytes.data.count);
    snapshot_bytes_deinit(&bytes);
    return error;
}

static struct error *write_all(struct making *making, struct analysis *analysis,
                               const struct report *report)
{
    struct snapshot_writer *writer = making->writer;
    struct snapshot_regions regions = {0};
    TRY(write_report(writer, report));
    TRY(write_collections(writer, report));
    struct error *error = regions_of(&analysis->heap, &regions);
    if (!error)
        error = snapshot_write_graph(writer, analysis->graph, &regions, making->threads);
    vector_deinit(&regions.items);
    if (error)
        return error;
    TRY(snapshot_write_numbers(writer, TAG_TYPES, SNAPSHOT_ZSTD, analysis->graph, type_numbers,
                               &analysis->typing));
    TRY(snapshot_write_types(writer, &making->types));
    TRY(snapshot_write_roots(writer, &making->roots));
    TRY(snapshot_write_goroutines(writer, &making->goroutines));
    return snapshot_writer_finish(writer, &making->made.file_bytes);
}

static struct error *when_done(void *context, struct analysis *analysis,
                               const struct report *report)
{
    struct making *making = context;
    tell(making, "write the snapshot");
    making->made.objects = analysis->graph->totals.allocated_objects;
    making->made.edges = analysis->graph->totals.edges;
    TRY(snapshot_finish_goroutines(analysis, &making->goroutines));
    if (!making->writer)
        TRY(begin_file(making, analysis->target));
    return write_all(making, analysis, report);
}

struct error *snapshot_make(struct target *target, const struct report_options *options,
                            const struct snapshot_options *snapshot_options, FILE *out,
                            struct report *out_report, struct snapshot_made *out_made)
{
    struct making making = {
        .options = options,
        .snapshot_options = snapshot_options,
        .out = out,
        .threads = options->threads ? options->threads : parallel_processor_count(),
    };
    struct report_options own = *options;
    own.top = SNAPSHOT_ROWS;
    own.collections = true;
    own.while_stopped = while_stopped;
    own.when_done = when_done;
    own.hook_context = &making;
    struct error *error = report_collect(target, &own, out_report);
    if (!error)
        *out_made = making.made;
    snapshot_writer_destroy(making.writer);
    snapshot_types_deinit(&making.types);
    snapshot_roots_deinit(&making.roots);
    snapshot_goroutines_deinit(&making.goroutines);
    return error;
}

/* -- reading --------------------------------------------------------------------------------- */

/* What a version does not know, and what is not marked as optional, may change what the rest means.
 */
static struct error *check_chunks(const struct snapshot_file *file)
{
    static const char known[][5] = {"META", "REPT", "HEAP", "ALOC", "DEGR", "EDGE", "ROOT",
                                    "REDG", "TYPE", "TNAM", "RNAM", "GORO", "CORE", "COLL"};
    for (uint64_t i = 0; i < file->chunks.count; i++) {
        const struct snapshot_chunk *chunk = &file->chunks.data[i];
        bool found = chunk->flags & SNAPSHOT_OPTIONAL;
        for (unsigned k = 0; k < ARRAY_COUNT(known) && !found; k++)
            found = !memcmp(known[k], &chunk->tag, sizeof(chunk->tag));
        if (!found)
            return error_create(ERROR_UNSUPPORTED,
                                "the snapshot has a chunk of a kind that this leakhound does not "
                                "know (0x%08" PRIx32 "): a newer one reads it",
                                chunk->tag);
    }
    return NULL;
}

static struct error *damaged_record(const struct snapshot_file *file,
                                    const struct snapshot_chunk *chunk, struct error *cause)
{
    return error_wrap(cause, "the snapshot is damaged at offset %" PRIu64,
                      file->blocks.data[chunk->first_block].offset);
}

static struct error *read_meta(struct snapshot *snapshot)
{
    const struct snapshot_chunk *chunk;
    uint8_t *bytes;
    uint64_t size;
    TRY(snapshot_chunk_require(snapshot->file, TAG_META, &chunk));
    TRY(snapshot_read_bytes(snapshot->file, chunk, 1 << 20, &bytes, &size));
    struct cursor cursor = cursor_make(bytes, size);
    uint64_t budget = snapshot_memory_of(chunk);
    struct error *error =
        snapshot_take_record(&cursor, &meta_table, &snapshot->arena, &budget, &snapshot->meta);
    free(bytes);
    if (error)
        return damaged_record(snapshot->file, chunk, error);
    return NULL;
}

static struct error *begin(struct snapshot_file *file, struct snapshot **out)
{
    struct snapshot *snapshot;
    struct error *error = memory_array(1, sizeof(*snapshot), &snapshot);
    if (error) {
        snapshot_file_close(file);
        return error;
    }
    arena_init(&snapshot->arena);
    snapshot->file = file;
    error = check_chunks(file);
    if (!error)
        error = read_meta(snapshot);
    /* what the user is told has to be true even if the record is not */
    snapshot->meta.has_contents |= snapshot_chunk_find(file, TAG_CORE) != NULL;
    if (error) {
        snapshot_close(snapshot);
        return error;
    }
    *out = snapshot;
    return NULL;
}

struct error *snapshot_adopt(int descriptor, unsigned threads, struct snapshot **out)
{
    struct snapshot_file *file;
    TRY(snapshot_file_adopt(descriptor, threads, &file));
    return begin(file, out);
}

struct error *snapshot_open(const char *path, unsigned threads, struct snapshot **out)
{
    struct snapshot_file *file;
    TRY(snapshot_file_open(path, threads, &file));
    struct error *error = begin(file, out);
    return error ? error_wrap(error, "%s", path) : NULL;
}

void snapshot_close(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    snapshot_file_close(snapshot->file);
    arena_deinit(&snapshot->arena);
    free(snapshot);
}

static void cut_tables(struct report *report, uint32_t top)
{
    report->holders.count = MIN_OF(report->holders.count, (uint64_t)top);
    report->shared.count = MIN_OF(report->shared.count, (uint64_t)top);
    report->types.count = MIN_OF(report->types.count, (uint64_t)top);
}

static struct error *read_collections(struct snapshot *snapshot, struct report *out)
{
    const struct snapshot_chunk *chunk = snapshot_chunk_find(snapshot->file, TAG_COLLECTIONS);
    uint8_t *bytes;
    uint64_t size;
    if (!chunk)
        return NULL;
    TRY(snapshot_read_bytes(snapshot->file, chunk, UINT32_MAX, &bytes, &size));
    struct cursor cursor = cursor_make(bytes, size);
    struct error *error = snapshot_take_collections(&cursor, snapshot_memory_of(chunk), out);
    free(bytes);
    return error ? damaged_record(snapshot->file, chunk, error) : NULL;
}

struct error *snapshot_read_report(struct snapshot *snapshot, uint32_t top, struct report *out)
{
    const struct snapshot_chunk *chunk;
    uint8_t *bytes;
    uint64_t size;
    TRY(snapshot_chunk_require(snapshot->file, TAG_REPORT, &chunk));
    TRY(snapshot_read_bytes(snapshot->file, chunk, UINT32_MAX, &bytes, &size));
    struct cursor cursor = cursor_make(bytes, size);
    struct error *error = snapshot_take_report(&cursor, snapshot_memory_of(chunk), out);
    free(bytes);
    if (error)
        return damaged_record(snapshot->file, chunk, error);
    TRY(read_collections(snapshot, out));
    cut_tables(out, top);
    out->target.source =
        arena_copy_string(&out->arena, snapshot->meta.source, strlen(snapshot->meta.source));
    out->target.kind = "snapshot";
    return NULL;
}

/* -- the heap -------------------------------------------------------------------------------- */

static struct error *read_heap(struct snapshot_file *file, struct snapshot_heap *out)
{
    TRY(snapshot_read_types(file, &out->types));
    TRY(snapshot_read_graph(file, &out->graph, &out->regions));
    TRY(snapshot_read_roots(file, &out->roots));
    if (out->roots.items.count != out->graph->roots.count)
        return error_format(file->size,
                            "the snapshot has names for %" PRIu64 " of %" PRIu64
                            " roots up to its end at offset %" PRIu64,
                            out->roots.items.count, out->graph->roots.count, file->size);
    uint64_t most = out->types.items.count << SNAPSHOT_STRENGTH_BITS | 3;
    return snapshot_read_numbers(file, TAG_TYPES, out->graph, (uint32_t)MIN_OF(most, UINT32_MAX),
                                 &out->type_of);
}

struct error *snapshot_read_heap(struct snapshot *snapshot, struct snapshot_heap *out)
{
    return read_heap(snapshot->file, out);
}

void snapshot_heap_deinit(struct snapshot_heap *heap)
{
    if (heap->type_of)
        big_array_free(heap->type_of, (uint64_t)heap->graph->object_ids * sizeof(uint32_t));
    graph_destroy(heap->graph);
    vector_deinit(&heap->regions.items);
    snapshot_types_deinit(&heap->types);
    snapshot_roots_deinit(&heap->roots);
    *heap = (struct snapshot_heap){0};
}

const struct snapshot_type *snapshot_type_of(const struct snapshot_heap *heap, uint32_t id,
                                             bool *out_guessed)
{
    uint32_t number = heap->type_of[id];
    if (out_guessed)
        *out_guessed = (number & ((1 << SNAPSHOT_STRENGTH_BITS) - 1)) == TYPE_GUESSED;
    number >>= SNAPSHOT_STRENGTH_BITS;
    return number ? &heap->types.items.data[number - 1] : NULL;
}
