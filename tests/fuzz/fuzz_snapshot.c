/*
 * A snapshot from anybody. The first byte of the input says how the rest is read:
 *
 *   0  the rest is a file as it is
 *   1  the rest is the contents of chunks, which are put into a file with right checksums: the
 *      decoders behind them meet bytes that no checksum protects
 *
 * Contents: per block a byte that chooses the chunk (its bit 7: with one more block of the same),
 * two bytes of length, little endian, and the bytes. What can be read must be fit for every use:
 * the report is written as text and JSON, the graph is analysed, names are asked for.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/diff_text.h"
#include "report/json.h"
#include "report/snapshot_contents.h"
#include "report/text.h"
#include "report/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Beyond that a graph takes the fuzzer's time, not its wits. */
enum { BLOCKS_MAX = 64, OBJECTS_MAX = 1 << 20 };

static const char tags[][5] = {"META", "REPT", "HEAP", "ALOC", "DEGR", "EDGE", "ROOT", "REDG",
                               "TYPE", "TNAM", "RNAM", "GORO", "NEXT", "CORE", "COLL"};

struct piece {
    const uint8_t *bytes;
    uint64_t size;
};

static struct error *copy_piece(void *context, uint64_t block, uint8_t *bytes, uint64_t *out_size)
{
    const struct piece *piece = (const struct piece *)context + block;
    memcpy(bytes, piece->bytes, piece->size);
    *out_size = piece->size;
    return NULL;
}

static void write_chunks(struct snapshot_writer *writer, struct cursor *input)
{
    struct piece pieces[BLOCKS_MAX];
    bool written[ARRAY_COUNT(tags)] = {0};
    while (input->position < input->size) {
        unsigned choice = 0, count = 0;
        bool more = true;
        while (more && count < BLOCKS_MAX && input->position < input->size) {
            uint8_t first = cursor_u8(input);
            uint64_t wanted = cursor_u16(input);
            uint64_t left = cursor_failed(input) ? 0 : input->size - input->position;
            choice = count ? choice : (first & 0x7f) % (unsigned)ARRAY_COUNT(tags);
            more = first & 0x80;
            pieces[count].size = MIN_OF(wanted, left);
            pieces[count].bytes = cursor_take(input, pieces[count].size);
            count += pieces[count].bytes != NULL;
        }
        uint32_t tag, flags = strcmp(tags[choice], "ALOC") ? SNAPSHOT_ZSTD : 0;
        memcpy(&tag, tags[choice], sizeof(tag));
        if (!strcmp(tags[choice], "NEXT") || !strcmp(tags[choice], "CORE") ||
            !strcmp(tags[choice], "COLL"))
            flags |= SNAPSHOT_OPTIONAL;
        if (written[choice])
            continue;
        written[choice] = true;
        error_destroy(snapshot_write_blocks(writer, tag, flags, count, copy_piece, pieces));
    }
}

static void make_file(int descriptor, struct cursor *input)
{
    struct snapshot_writer *writer;
    uint64_t bytes;
    FILE *out = fdopen(dup(descriptor), "w");
    assert(out);
    struct error *error = snapshot_writer_create(out, 1, &writer);
    assert(!error);
    write_chunks(writer, input);
    error = snapshot_writer_finish(writer, &bytes);
    assert(!error);
    snapshot_writer_destroy(writer);
    fclose(out);
}

/* Everything came, or everything went. */
static void use_diff(const struct report *before, const struct report *after)
{
    struct diff diff;
    struct verdict verdict;
    struct verdict_limits limits = {.has_growth_share = true, .has_finding = true, .finding = 0};
    struct text_style style = {.columns = 80, .utf8 = true};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert(out);
    struct error *error = diff_make(before, after, &diff);
    assert(!error);
    error = verdict_make(&diff, &limits, &verdict);
    assert(!error);
    error_destroy(diff_write_text(&diff, &style, out));
    error_destroy(verdict_write_text(&verdict, &diff, NULL, &style, out));
    error_destroy(verdict_write_json(&verdict, &diff, NULL, "fuzz", 10, out));
    verdict_deinit(&verdict);
    diff_deinit(&diff);
    fclose(out);
    free(text);
}

static void use_diffs(const struct report *report)
{
    struct report empty;
    report_init(&empty);
    empty.has_collections = true;
    use_diff(&empty, report);
    use_diff(report, &empty);
    use_diff(report, report);
    report_deinit(&empty);
}

static void use_report(struct snapshot *snapshot)
{
    struct report report;
    report_init(&report);
    struct error *error = snapshot_read_report(snapshot, 100, &report);
    if (!error) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        struct text_style style = {.columns = 80, .utf8 = true};
        assert(out);
        error_destroy(report_write_text(&report, &style, out));
        error_destroy(report_write_json(&report, "fuzz", out));
        fclose(out);
        free(text);
        use_diffs(&report);
    }
    error_destroy(error);
    report_deinit(&report);
}

static void use_heap(struct snapshot *snapshot)
{
    struct snapshot_heap heap = {0};
    struct error *error = snapshot_read_heap(snapshot, &heap);
    if (!error && heap.graph->object_ids < OBJECTS_MAX) {
        struct arena arena;
        arena_init(&arena);
        error = graph_analyse(heap.graph, 1, NULL, NULL);
        for (uint32_t id = 0; id < heap.graph->object_ids && !error; id++) {
            const struct snapshot_region *region = snapshot_region_of(&heap.regions, id);
            bool guessed;
            if (region)
                snapshot_find_object(&heap.regions, snapshot_object_address(region, id));
            if (snapshot_type_of(&heap, id, &guessed))
                assert(region || !graph_is_reachable(heap.graph, id));
        }
        for (uint64_t t = 0; t < MIN_OF(heap.types.items.count, (uint64_t)64); t++)
            for (uint64_t offset = 0; offset < 64; offset += 8)
                snapshot_member_name(&heap.types, (uint32_t)t + 1, offset, offset * 3, &arena);
        arena_deinit(&arena);
    }
    error_destroy(error);
    snapshot_heap_deinit(&heap);
}

static void use_contents(struct snapshot *snapshot)
{
    struct snapshot_core core;
    int descriptor = memfd_create("core", 0);
    assert(descriptor >= 0);
    struct error *error = snapshot_extract_core(snapshot, descriptor, "core", &core);
    assert(error || core.file_bytes);
    error_destroy(error);
    close(descriptor);
}

static void use(int descriptor)
{
    struct snapshot *snapshot;
    struct snapshot_goroutines goroutines = {0};
    struct error *error = snapshot_adopt(descriptor, 1, &snapshot);
    if (error) {
        assert(error->kind == ERROR_UNSUPPORTED || error->kind == ERROR_LIMIT ||
               strstr(error->message, "offset "));
        error_destroy(error);
        return;
    }
    use_report(snapshot);
    use_heap(snapshot);
    use_contents(snapshot);
    error_destroy(snapshot_read_goroutines(snapshot->file, &goroutines));
    snapshot_goroutines_deinit(&goroutines);
    snapshot_close(snapshot);
}

static void fill_file(int descriptor, const uint8_t *bytes, size_t size)
{
    ssize_t written = size ? write(descriptor, bytes, size) : 0;
    assert(written == (ssize_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    int descriptor = memfd_create("snapshot", 0);
    assert(descriptor >= 0);
    struct cursor input = cursor_make(data + 1, size - 1);
    if (data[0] & 1)
        make_file(descriptor, &input);
    else
        fill_file(descriptor, data + 1, size - 1);
    use(descriptor);
    return 0;
}
