#include "cli/snapshot_info.h"

#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "report/cells.h"
#include "report/json_writer.h"
#include "report/snapshot.h"

struct info {
    struct snapshot *snapshot;
    struct report report;
    struct arena arena;
    FILE *out;
    bool utf8;
};

/* What each chunk holds, for people; docs/snapshot-format.md tells more. */
static const char *purpose(uint32_t tag)
{
    static const struct {
        char tag[5];
        const char *purpose;
    } known[] = {
        {"META", "who wrote it"},
        {"REPT", "the report"},
        {"HEAP", "spans"},
        {"ALOC", "allocated objects"},
        {"DEGR", "pointers per object"},
        {"EDGE", "pointers"},
        {"ROOT", "roots"},
        {"REDG", "pointers of roots"},
        {"TYPE", "types of objects"},
        {"TNAM", "types and their members"},
        {"RNAM", "names of roots"},
        {"GORO", "goroutines and their frames"},
        {"CORE", "the whole memory, as a core"},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(known); i++)
        if (!memcmp(known[i].tag, &tag, sizeof(tag)))
            return known[i].purpose;
    return "of a newer version";
}

static const char *tag_text(struct info *info, uint32_t tag)
{
    char text[5] = {0};
    memcpy(text, &tag, sizeof(tag));
    return cells_clean(&info->arena, text, false);
}

static double per_object(const struct info *info, uint64_t bytes)
{
    uint64_t objects = info->report.counts.objects;
    return objects ? (double)bytes / (double)objects : 0;
}

static const char *clean(struct info *info, const char *text)
{
    return cells_clean(&info->arena, text, info->utf8);
}

static const char *contents_text(const struct info *info)
{
    return info->snapshot->meta.has_contents ? "the whole memory: may hold secrets"
                                             : "none of the memory: sizes, pointers and names";
}

static void print_freeze(struct info *info)
{
    const struct report_target *target = &info->report.target;
    if (strcmp(info->snapshot->meta.source, "live") != 0)
        fprintf(info->out, "frozen      a core\n");
    else if (target->freeze && strcmp(target->freeze, "none") == 0)
        fprintf(info->out, "frozen      no: read while it ran\n");
    else
        fprintf(info->out, "frozen      %s: stood still for %s\n", clean(info, target->freeze),
                units_duration(&info->arena, target->stopped_ns));
}

static struct error *print_text(struct info *info)
{
    const struct report_target *target = &info->report.target;
    const struct report_counts *counts = &info->report.counts;
    const struct snapshot_file *file = info->snapshot->file;
    struct arena *arena = &info->arena;
    FILE *out = info->out;
    fprintf(out, "program     %s, %s%s\n", clean(info, target->exe),
            clean(info, target->go_version), target->stripped ? " (stripped)" : "");
    if (target->pid)
        fprintf(out, "pid         %" PRIu64 "\n", target->pid);
    fprintf(out, "taken       %s\n", clean(info, target->taken_at));
    print_freeze(info);
    fprintf(out, "written by  leakhound %s, format %u\n",
            clean(info, info->snapshot->meta.tool_version), file->format);
    fprintf(out, "contents    %s\n", contents_text(info));
    fprintf(out, "objects     %s (%s), %s pointers between them\n",
            units_count(arena, counts->objects),
            units_size(arena, info->report.memory.heap_objects), units_count(arena, counts->edges));
    fprintf(out, "roots       %s, goroutines %s\n", units_count(arena, counts->roots),
            units_count(arena, counts->goroutines + counts->system_goroutines));
    fprintf(out, "file        %s, %.2f bytes per object\n\n", units_size(arena, file->size),
            per_object(info, file->size));
    fprintf(out, "CHUNK           bytes  per object        unpacked\n");
    for (uint64_t i = 0; i < file->chunks.count; i++) {
        const struct snapshot_chunk *chunk = &file->chunks.data[i];
        fprintf(out, "%-4s   %14s  %10.3f  %14s  %s\n", tag_text(info, chunk->tag),
                units_count(arena, chunk->stored_bytes), per_object(info, chunk->stored_bytes),
                units_count(arena, chunk->raw_bytes), purpose(chunk->tag));
    }
    return NULL;
}

static struct error *print_json(struct info *info)
{
    const struct report_target *target = &info->report.target;
    const struct report_counts *counts = &info->report.counts;
    const struct snapshot_file *file = info->snapshot->file;
    bool live = strcmp(info->snapshot->meta.source, "live") == 0;
    struct json_writer json = json_begin(info->out);
    json_begin_object(&json);
    json_key_string(&json, "schema", "leakhound.snapshot/1");
    json_key_string(&json, "tool_version", info->snapshot->meta.tool_version);
    json_key_u64(&json, "format", file->format);
    json_key_string(&json, "source", info->snapshot->meta.source);
    json_key_bool(&json, "contents", info->snapshot->meta.has_contents);
    json_key_string(&json, "contents_are", contents_text(info));
    json_key_string(&json, "exe", target->exe);
    json_key_known(&json, "pid", target->pid != 0, target->pid);
    json_key_string(&json, "go_version", target->go_version);
    json_key_string(&json, "taken_at", target->taken_at);
    json_key_string(&json, "freeze", target->freeze);
    json_key_known(&json, "stopped_ns", live, target->stopped_ns);
    json_key_u64(&json, "objects", counts->objects);
    json_key_u64(&json, "objects_bytes", info->report.memory.heap_objects);
    json_key_u64(&json, "edges", counts->edges);
    json_key_u64(&json, "roots", counts->roots);
    json_key_u64(&json, "goroutines", counts->goroutines);
    json_key_u64(&json, "file_bytes", file->size);
    json_key_double(&json, "bytes_per_object", per_object(info, file->size));
    json_key(&json, "chunks");
    json_begin_array(&json);
    for (uint64_t i = 0; i < file->chunks.count; i++) {
        const struct snapshot_chunk *chunk = &file->chunks.data[i];
        json_begin_object(&json);
        json_key_string(&json, "tag", tag_text(info, chunk->tag));
        json_key_string(&json, "holds", purpose(chunk->tag));
        json_key_u64(&json, "blocks", chunk->block_count);
        json_key_u64(&json, "stored_bytes", chunk->stored_bytes);
        json_key_u64(&json, "raw_bytes", chunk->raw_bytes);
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
    return json_finish(&json);
}

struct error *snapshot_info(const struct options *options)
{
    struct output output CLEANUP_OUTPUT = {0};
    struct info info = {.utf8 = terminal_is_utf8()};
    TRY(output_open(options->output, &output));
    TRY(snapshot_open(options->operands[0], options->threads, &info.snapshot));
    arena_init(&info.arena);
    report_init(&info.report);
    info.out = output.file;
    struct error *error = snapshot_read_report(info.snapshot, UINT32_MAX, &info.report);
    if (!error)
        error = options->format == FORMAT_JSON ? print_json(&info) : print_text(&info);
    report_deinit(&info.report);
    arena_deinit(&info.arena);
    snapshot_close(info.snapshot);
    return error ? error : output_commit(&output);
}
