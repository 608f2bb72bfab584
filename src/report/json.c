#include "report/json.h"

#include <string.h>

#include "report/json_parts.h"

static void write_tool(struct json_writer *json, const struct report *report, const char *version)
{
    json_key(json, "tool");
    json_begin_object(json);
    json_key_string(json, "version", version);
    json_key_known(json, "peak_memory_bytes", report->peak_memory_bytes != 0,
                   report->peak_memory_bytes);
    json_key(json, "phases");
    json_begin_array(json);
    for (uint32_t i = 0; i < report->phase_count; i++) {
        double ns = report->phases[i].seconds * 1e9;
        json_begin_object(json);
        json_key_string(json, "name", report->phases[i].name);
        json_key_known(json, "ns", ns >= 0 && ns < 1e18, ns >= 0 && ns < 1e18 ? (uint64_t)ns : 0);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

void json_put_target(struct json_writer *json, const struct report_target *target)
{
    bool snapshot = target->kind && strcmp(target->kind, "snapshot") == 0;
    const char *source = snapshot ? target->source : target->kind;
    bool live = source && strcmp(source, "live") == 0;
    json_begin_object(json);
    json_key_string(json, "kind", target->kind);
    if (snapshot)
        json_key_string(json, "source", target->source);
    json_key_string(json, "name", target->name);
    json_key_known(json, "pid", target->pid != 0, target->pid);
    json_key_string(json, "exe", target->exe);
    json_key_string(json, "core", target->core_path);
    json_key_string(json, "go_version", target->go_version);
    json_key_string(json, "arch", target->arch);
    json_key_bool(json, "stripped", target->stripped);
    json_key_bool(json, "dwarf", target->dwarf);
    json_key_string(json, "freeze", target->freeze);
    json_key_known(json, "stopped_ns", live, target->stopped_ns);
    json_key_known(json, "copy_bytes", target->has_copy_bytes, target->copy_bytes);
    json_key_string(json, "taken_at", target->taken_at);
    json_key_bool(json, "gc_running", target->gc_running);
    json_key_string(json, "build", target->build);
    json_end(json);
}

static void write_memory(struct json_writer *json, const struct report *report)
{
    const struct report_memory *memory = &report->memory;
    json_key(json, "memory");
    json_begin_object(json);
    json_key_known(json, "rss_bytes", memory->has_rss, memory->rss);
    json_key_known(json, "limit_bytes", memory->limit != 0, memory->limit);
    json_key_u64(json, "heap_objects_bytes", memory->heap_objects);
    json_key_u64(json, "heap_live_bytes", memory->heap_live);
    json_key_u64(json, "heap_garbage_bytes", memory->heap_garbage);
    json_key_u64(json, "held_alone_bytes", report->held_alone_bytes);
    json_key_u64(json, "shared_bytes", report->shared_bytes);
    json_key_u64(json, "heap_inuse_bytes", memory->heap_inuse);
    json_key_u64(json, "free_slots_bytes", memory->heap_free_slots);
    json_key_known(json, "heap_idle_bytes", memory->has_idle, memory->heap_idle);
    json_key_known(json, "heap_released_bytes", memory->has_idle, memory->heap_released);
    json_key_u64(json, "stacks_bytes", memory->stacks);
    /* No Go runtime does with nothing. */
    json_key_known(json, "runtime_bytes", memory->runtime != 0, memory->runtime);
    json_key_known(json, "off_heap_bytes", memory->has_off_heap, memory->off_heap);
    json_key_known(json, "lazyfree_bytes", memory->has_lazyfree, memory->lazyfree);
    json_end(json);
}

static void write_drift(struct json_writer *json, const struct report_drift *drift)
{
    json_key(json, "drift");
    if (!drift->measured) {
        json_null(json);
        return;
    }
    json_begin_object(json);
    json_key_u64(json, "new_objects", drift->new_objects);
    json_key_u64(json, "new_bytes", drift->new_bytes);
    json_key_u64(json, "gone_objects", drift->gone_objects);
    json_key_u64(json, "gone_bytes", drift->gone_bytes);
    json_key_u64(json, "rewritten_objects", drift->rewritten_objects);
    json_key_u64(json, "rewritten_bytes", drift->rewritten_bytes);
    json_key_u64(json, "doubtful_bytes", drift->doubtful_bytes);
    json_key_u64(json, "unread", drift->unread);
    json_end(json);
}

static void write_counts(struct json_writer *json, const struct report_counts *counts)
{
    json_key(json, "counts");
    json_begin_object(json);
    json_key_u64(json, "objects", counts->objects);
    json_key_u64(json, "garbage_objects", counts->garbage_objects);
    json_key_u64(json, "edges", counts->edges);
    json_key_u64(json, "roots", counts->roots);
    json_key_u64(json, "goroutines", counts->goroutines);
    json_key_u64(json, "system_goroutines", counts->system_goroutines);
    json_key_u64(json, "timers", counts->timers);
    json_key_double(json, "typed_bytes_share", counts->typed_bytes_share);
    json_key_double(json, "guessed_bytes_share", counts->guessed_bytes_share);
    json_end(json);
}

void json_put_path(struct json_writer *json, const struct report_holder *holder)
{
    json_key(json, "path");
    json_begin_array(json);
    for (uint32_t i = 0; i < holder->path_count; i++) {
        const struct report_step *step = &holder->path[i];
        json_begin_object(json);
        json_key_string(json, "name", step->name);
        json_key_string(json, "type", step->type);
        json_key_bool(json, "type_guessed", step->type_guessed);
        json_key_string(json, "edge", step->edge);
        json_key(json, "address");
        if (step->address)
            json_address(json, step->address);
        else
            json_null(json);
        json_key_known(json, "retained_bytes", step->retained_bytes != 0, step->retained_bytes);
        json_end(json);
    }
    json_end(json);
}

static void write_finding(struct json_writer *json, const struct report *report, uint64_t index)
{
    const struct report_finding *finding = &report->findings.data[index];
    const struct report_holder *holder = &finding->holder;
    json_begin_object(json);
    json_key_string(json, "id", finding->id);
    json_key_string(json, "severity", finding->severity);
    json_key_string(json, "confidence", finding->confidence);
    json_key_string(json, "class", finding->class);
    json_key_u64(json, "bytes", finding->bytes);
    json_key_u64(json, "objects", finding->objects);
    json_key_u64(json, "count", finding->count);
    json_key_string(json, "holder", holder->name);
    json_key_string(json, "holder_kind", holder->kind);
    json_key_string(json, "found_by", holder->found_by);
    json_key_bool(json, "shared", finding->is_shared);
    json_key_string(json, "type", finding->type);
    json_put_path(json, holder);
    json_key_string(json, "message", finding->message);
    json_key_string(json, "fix", finding->fix);
    json_key(json, "evidence");
    json_begin_object(json);
    for (uint32_t i = 0; i < finding->evidence_count; i++)
        json_key_u64(json, finding->evidence[i].key, finding->evidence[i].value);
    json_end(json);
    if (!finding->cause) {
        json_key(json, "consequences");
        json_begin_array(json);
        for (uint64_t i = index + 1; i < report->findings.count; i++)
            if (report->findings.data[i].cause == index + 1)
                write_finding(json, report, i);
        json_end(json);
    }
    json_end(json);
}

void json_put_findings(struct json_writer *json, const struct report *report)
{
    json_key(json, "findings");
    json_begin_array(json);
    for (uint64_t i = 0; i < report->findings.count; i++)
        if (!report->findings.data[i].cause)
            write_finding(json, report, i);
    json_end(json);
}

static void write_holders(struct json_writer *json, const struct report *report)
{
    json_key(json, "holders");
    json_begin_array(json);
    for (uint64_t i = 0; i < report->holders.count; i++) {
        const struct report_holder *holder = &report->holders.data[i];
        json_begin_object(json);
        json_key_string(json, "name", holder->name);
        json_key_string(json, "key", holder->key);
        json_key_string(json, "kind", holder->kind);
        json_key_string(json, "type", holder->type);
        json_key_bool(json, "type_guessed", holder->type_guessed);
        json_key_u64(json, "retained_bytes", holder->retained_bytes);
        json_key_u64(json, "objects", holder->objects);
        json_key_u64(json, "count", holder->count);
        json_key(json, "address");
        if (holder->address && *holder->address)
            json_string(json, holder->address);
        else
            json_null(json);
        json_key_string(json, "found_by", holder->found_by);
        json_put_path(json, holder);
        json_end(json);
    }
    json_end(json);
}

static void write_shared(struct json_writer *json, const struct report *report)
{
    json_key(json, "shared");
    json_begin_array(json);
    for (uint64_t i = 0; i < report->shared.count; i++) {
        const struct report_shared *shared = &report->shared.data[i];
        json_begin_object(json);
        json_key(json, "holders");
        json_begin_array(json);
        for (uint32_t k = 0; k < shared->name_count; k++)
            json_string(json, shared->names[k]);
        json_end(json);
        json_key(json, "keys");
        json_begin_array(json);
        for (uint32_t k = 0; k < shared->key_count; k++)
            json_string(json, shared->keys[k]);
        json_end(json);
        json_key_bool(json, "more_holders", shared->more);
        json_key_u64(json, "retained_bytes", shared->retained_bytes);
        json_key_u64(json, "objects", shared->objects);
        json_key_string(json, "type", shared->type);
        json_end(json);
    }
    json_end(json);
}

static void write_types(struct json_writer *json, const struct report *report)
{
    json_key(json, "types");
    json_begin_array(json);
    for (uint64_t i = 0; i < report->types.count; i++) {
        const struct report_type *type = &report->types.data[i];
        json_begin_object(json);
        json_key_string(json, "name", type->name);
        json_key_bool(json, "guessed", type->guessed);
        json_key_u64(json, "count", type->count);
        json_key_u64(json, "bytes", type->bytes);
        json_key_u64(json, "retained_bytes", type->retained_bytes);
        json_end(json);
    }
    json_end(json);
}

static void write_goroutine_groups(struct json_writer *json, const struct report *report)
{
    json_key(json, "goroutine_groups");
    json_begin_array(json);
    for (uint64_t i = 0; i < report->goroutine_groups.count; i++) {
        const struct report_goroutine_group *group = &report->goroutine_groups.data[i];
        json_begin_object(json);
        json_key_u64(json, "count", group->count);
        json_key_string(json, "state", group->state);
        json_key_string(json, "created_by", group->created_by);
        json_key_string(json, "created_at", group->created_at);
        json_key_string(json, "function", group->function);
        json_key_string(json, "top", group->top);
        json_key_string(json, "top_at", group->top_at);
        json_key_u64(json, "bytes", group->held_bytes);
        json_key_u64(json, "stack_bytes", group->stack_bytes);
        json_key_bool(json, "system", group->system);
        json_key_known(json, "longest_wait_ns", group->longest_wait_ns != 0,
                       group->longest_wait_ns);
        json_key(json, "leaked");
        if (group->leaked && group->leaked[0])
            json_string(json, group->leaked);
        else /* a snapshot of an older leakhound: nobody has judged it */
            json_null(json);
        json_key_u64(json, "leaked_count", group->leaked_count);
        json_end(json);
    }
    json_end(json);
}

struct error *report_write_json(const struct report *report, const char *tool_version, FILE *out)
{
    struct json_writer json = json_begin(out);
    json_begin_object(&json);
    json_key_string(&json, "schema", "leakhound.report/1");
    write_tool(&json, report, tool_version);
    json_key(&json, "target");
    json_put_target(&json, &report->target);
    write_memory(&json, report);
    write_drift(&json, &report->drift);
    write_counts(&json, &report->counts);
    json_put_findings(&json, report);
    write_holders(&json, report);
    write_shared(&json, report);
    write_types(&json, report);
    write_goroutine_groups(&json, report);
    json_key(&json, "notes");
    json_begin_array(&json);
    for (uint64_t i = 0; i < report->notes.count; i++)
        json_string(&json, report->notes.data[i]);
    json_end(&json);
    json_end(&json);
    return json_finish(&json);
}
