#include "report/snapshot_model.h"

#define STRING(structure, member) SNAPSHOT_MEMBER(MEMBER_STRING, struct structure, member)
#define BOOL(structure, member) SNAPSHOT_MEMBER(MEMBER_BOOL, struct structure, member)
#define U64(structure, member) SNAPSHOT_MEMBER(MEMBER_U64, struct structure, member)
#define DOUBLE(structure, member) SNAPSHOT_MEMBER(MEMBER_DOUBLE, struct structure, member)

/* The order of the members is the file's: add at the end, never remove, never move. */

static const struct snapshot_member target_members[] = {
    STRING(report_target, kind),
    STRING(report_target, name),
    U64(report_target, pid),
    STRING(report_target, exe),
    STRING(report_target, go_version),
    STRING(report_target, arch),
    BOOL(report_target, stripped),
    BOOL(report_target, dwarf),
    STRING(report_target, freeze),
    U64(report_target, stopped_ns),
    STRING(report_target, taken_at),
    BOOL(report_target, gc_running),
    STRING(report_target, core_path),
    U64(report_target, copy_bytes),
    BOOL(report_target, has_copy_bytes),
    STRING(report_target, build),
};
static const struct snapshot_table target_table =
    SNAPSHOT_TABLE(struct report_target, target_members);

static const struct snapshot_member memory_members[] = {
    U64(report_memory, rss),           U64(report_memory, limit),
    BOOL(report_memory, has_rss),      U64(report_memory, heap_objects),
    U64(report_memory, heap_live),     U64(report_memory, heap_garbage),
    U64(report_memory, heap_inuse),    U64(report_memory, heap_idle),
    U64(report_memory, heap_released), U64(report_memory, heap_free_slots),
    U64(report_memory, stacks),        U64(report_memory, runtime),
    U64(report_memory, off_heap),      U64(report_memory, lazyfree),
    BOOL(report_memory, has_off_heap), BOOL(report_memory, has_lazyfree),
    BOOL(report_memory, has_idle),
};
static const struct snapshot_table memory_table =
    SNAPSHOT_TABLE(struct report_memory, memory_members);

static const struct snapshot_member drift_members[] = {
    BOOL(report_drift, measured),       U64(report_drift, gone_objects),
    U64(report_drift, gone_bytes),      U64(report_drift, new_objects),
    U64(report_drift, new_bytes),       U64(report_drift, rewritten_objects),
    U64(report_drift, rewritten_bytes), U64(report_drift, unread),
    U64(report_drift, doubtful_bytes),
};
static const struct snapshot_table drift_table = SNAPSHOT_TABLE(struct report_drift, drift_members);

static const struct snapshot_member counts_members[] = {
    U64(report_counts, objects),
    U64(report_counts, edges),
    U64(report_counts, roots),
    U64(report_counts, goroutines),
    U64(report_counts, system_goroutines),
    U64(report_counts, timers),
    U64(report_counts, garbage_objects),
    DOUBLE(report_counts, typed_bytes_share),
    DOUBLE(report_counts, guessed_bytes_share),
};
static const struct snapshot_table counts_table =
    SNAPSHOT_TABLE(struct report_counts, counts_members);

static const struct snapshot_member step_members[] = {
    STRING(report_step, name),        STRING(report_step, type), BOOL(report_step, type_guessed),
    U64(report_step, retained_bytes), STRING(report_step, edge), U64(report_step, address),
};
static const struct snapshot_table step_table = SNAPSHOT_TABLE(struct report_step, step_members);

static const struct snapshot_member holder_members[] = {
    STRING(report_holder, name),
    STRING(report_holder, kind),
    STRING(report_holder, type),
    BOOL(report_holder, type_guessed),
    U64(report_holder, retained_bytes),
    U64(report_holder, objects),
    U64(report_holder, count),
    STRING(report_holder, found_by),
    STRING(report_holder, address),
    SNAPSHOT_ARRAY(MEMBER_RECORDS, struct report_holder, path, path_count, &step_table),
    STRING(report_holder, key),
};
static const struct snapshot_table holder_table =
    SNAPSHOT_TABLE(struct report_holder, holder_members);

static const struct snapshot_member evidence_members[] = {
    STRING(report_evidence, key),
    STRING(report_evidence, unit),
    U64(report_evidence, value),
};
static const struct snapshot_table evidence_table =
    SNAPSHOT_TABLE(struct report_evidence, evidence_members);

static const struct snapshot_member finding_members[] = {
    STRING(report_finding, id),
    STRING(report_finding, severity),
    STRING(report_finding, confidence),
    STRING(report_finding, class),
    U64(report_finding, bytes),
    U64(report_finding, objects),
    U64(report_finding, count),
    {MEMBER_RECORD, offsetof(struct report_finding, holder), 0, &holder_table},
    BOOL(report_finding, is_shared),
    STRING(report_finding, type),
    STRING(report_finding, message),
    STRING(report_finding, fix),
    SNAPSHOT_ARRAY(MEMBER_RECORDS, struct report_finding, evidence, evidence_count,
                   &evidence_table),
    SNAPSHOT_MEMBER(MEMBER_U32, struct report_finding, cause),
};
static const struct snapshot_table finding_table =
    SNAPSHOT_TABLE(struct report_finding, finding_members);

static const struct snapshot_member shared_members[] = {
    SNAPSHOT_ARRAY(MEMBER_STRINGS, struct report_shared, names, name_count, NULL),
    BOOL(report_shared, more),
    U64(report_shared, retained_bytes),
    U64(report_shared, objects),
    STRING(report_shared, type),
    SNAPSHOT_ARRAY(MEMBER_STRINGS, struct report_shared, keys, key_count, NULL),
};
static const struct snapshot_table shared_table =
    SNAPSHOT_TABLE(struct report_shared, shared_members);

static const struct snapshot_member type_members[] = {
    STRING(report_type, name), BOOL(report_type, guessed),       U64(report_type, count),
    U64(report_type, bytes),   U64(report_type, retained_bytes),
};
static const struct snapshot_table type_table = SNAPSHOT_TABLE(struct report_type, type_members);

static const struct snapshot_member group_members[] = {
    U64(report_goroutine_group, count),         STRING(report_goroutine_group, state),
    STRING(report_goroutine_group, created_by), STRING(report_goroutine_group, top),
    STRING(report_goroutine_group, created_at), STRING(report_goroutine_group, top_at),
    U64(report_goroutine_group, stack_bytes),   U64(report_goroutine_group, held_bytes),
    BOOL(report_goroutine_group, system),       U64(report_goroutine_group, longest_wait_ns),
    STRING(report_goroutine_group, function),   STRING(report_goroutine_group, leaked),
    U64(report_goroutine_group, leaked_count),
};
static const struct snapshot_table group_table =
    SNAPSHOT_TABLE(struct report_goroutine_group, group_members);

static const struct snapshot_member collection_members[] = {
    STRING(report_collection, holder),      STRING(report_collection, holder_key),
    STRING(report_collection, path),        STRING(report_collection, kind),
    STRING(report_collection, type),        STRING(report_collection, element),
    U64(report_collection, count),          U64(report_collection, entries),
    U64(report_collection, capacity),       U64(report_collection, bytes),
    U64(report_collection, retained_bytes),
};
static const struct snapshot_table collection_table =
    SNAPSHOT_TABLE(struct report_collection, collection_members);
static const struct snapshot_member collections_members[] = {
    SNAPSHOT_VECTOR(struct report, collections, &collection_table),
};
static const struct snapshot_table collections_table =
    SNAPSHOT_TABLE(struct report, collections_members);

/* A sentence is a record of one member. */
struct note {
    const char *text;
};
static const struct snapshot_member note_members[] = {STRING(note, text)};
static const struct snapshot_table note_table = SNAPSHOT_TABLE(struct note, note_members);
_Static_assert(sizeof(struct note) == sizeof(const char *), "report.notes is read as records");

static const struct snapshot_member report_members[] = {
    {MEMBER_RECORD, offsetof(struct report, target), 0, &target_table},
    {MEMBER_RECORD, offsetof(struct report, memory), 0, &memory_table},
    {MEMBER_RECORD, offsetof(struct report, counts), 0, &counts_table},
    SNAPSHOT_VECTOR(struct report, holders, &holder_table),
    SNAPSHOT_VECTOR(struct report, shared, &shared_table),
    SNAPSHOT_VECTOR(struct report, types, &type_table),
    SNAPSHOT_VECTOR(struct report, goroutine_groups, &group_table),
    U64(report, held_alone_bytes),
    U64(report, shared_bytes),
    SNAPSHOT_VECTOR(struct report, notes, &note_table),
    {MEMBER_RECORD, offsetof(struct report, drift), 0, &drift_table},
    SNAPSHOT_VECTOR(struct report, findings, &finding_table),
};
static const struct snapshot_table report_table = SNAPSHOT_TABLE(struct report, report_members);

struct error *snapshot_put_report(struct snapshot_bytes *bytes, const struct report *report)
{
    return snapshot_put_record(bytes, &report_table, report);
}

static bool is_share(double number)
{
    return number >= 0; /* not so for what is no number at all */
}

struct error *snapshot_take_report(struct cursor *bytes, uint64_t budget, struct report *out)
{
    TRY(snapshot_take_record(bytes, &report_table, &out->arena, &budget, out));
    if (!is_share(out->counts.typed_bytes_share) || !is_share(out->counts.guessed_bytes_share))
        return error_format(0, "the report has a share that is none");
    for (uint64_t i = 0; i < out->findings.count; i++)
        if (out->findings.data[i].cause > i)
            return error_format(0, "finding %llu of the report goes away with a later one",
                                (unsigned long long)i);
    return NULL;
}

struct error *snapshot_put_collections(struct snapshot_bytes *bytes, const struct report *report)
{
    return snapshot_put_record(bytes, &collections_table, report);
}

struct error *snapshot_take_collections(struct cursor *bytes, uint64_t budget, struct report *out)
{
    TRY(snapshot_take_record(bytes, &collections_table, &out->arena, &budget, out));
    out->has_collections = true;
    return NULL;
}
