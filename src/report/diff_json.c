#include "report/diff_json.h"

#include <string.h>

#include "report/json_parts.h"

static int64_t difference(struct diff_amount amount)
{
    uint64_t grown = diff_grown(amount), shrunk = diff_shrunk(amount);
    return grown ? (int64_t)MIN_OF(grown, (uint64_t)INT64_MAX)
                 : -(int64_t)MIN_OF(shrunk, (uint64_t)INT64_MAX);
}

static void put_amount(struct json_writer *json, const char *key, struct diff_amount amount)
{
    json_key(json, key);
    json_begin_object(json);
    json_key_u64(json, "before", amount.before);
    json_key_u64(json, "after", amount.after);
    json_key(json, "growth");
    json_i64(json, difference(amount));
    json_end(json);
}

static void put_known(struct json_writer *json, const char *key, bool known, uint64_t before,
                      uint64_t after)
{
    if (known) {
        put_amount(json, key, (struct diff_amount){before, after});
        return;
    }
    json_key(json, key);
    json_null(json);
}

static void put_memory(struct json_writer *json, const struct diff *diff)
{
    const struct report_memory *a = &diff->before->memory, *b = &diff->after->memory;
    json_key(json, "memory");
    json_begin_object(json);
    put_known(json, "rss_bytes", a->has_rss && b->has_rss, a->rss, b->rss);
    put_amount(json, "heap_live_bytes", diff->live);
    put_amount(json, "heap_garbage_bytes", diff->garbage);
    put_known(json, "heap_inuse_bytes", true, a->heap_inuse, b->heap_inuse);
    put_known(json, "free_slots_bytes", true, a->heap_free_slots, b->heap_free_slots);
    put_known(json, "heap_idle_bytes", a->has_idle && b->has_idle, a->heap_idle, b->heap_idle);
    put_known(json, "stacks_bytes", true, a->stacks, b->stacks);
    put_amount(json, "live_objects", diff->objects);
    put_known(json, "goroutines", true, diff->before->counts.goroutines,
              diff->after->counts.goroutines);
    json_end(json);
}

/* The first top of those that grew, and of those that shrank. */
struct choice {
    uint64_t top, grown, shrunk;
};

static bool choose(struct choice *choice, struct diff_amount amount)
{
    uint64_t *count = diff_shrunk(amount) ? &choice->shrunk : &choice->grown;
    return (*count)++ < choice->top;
}

static void put_collection(struct json_writer *json, const struct diff_collection *row)
{
    json_begin_object(json);
    json_key_string(json, "holder", row->holder);
    json_key_string(json, "path", row->path);
    json_key_string(json, "kind", row->kind);
    json_key_string(json, "type", row->type);
    put_amount(json, "count", row->count);
    put_amount(json, "entries", row->entries);
    put_known(json, "capacity", row->capacity.before && row->capacity.after, row->capacity.before,
              row->capacity.after);
    put_known(json, "bytes", row->bytes.before && row->bytes.after, row->bytes.before,
              row->bytes.after);
    put_amount(json, "retained_bytes", row->retained);
    json_end(json);
}

static void put_holders(struct json_writer *json, const struct diff *diff, uint32_t top)
{
    struct choice choice = {.top = top};
    json_key(json, "holders");
    json_begin_array(json);
    for (uint64_t i = 0; i < diff->holders.count; i++) {
        const struct diff_holder *row = &diff->holders.data[i];
        if (!choose(&choice, row->bytes))
            continue;
        json_begin_object(json);
        json_key_string(json, "name", row->name);
        json_key_string(json, "kind", row->kind);
        json_key_string(json, "type", row->type);
        json_key_bool(json, "type_guessed", row->type_guessed);
        if (row->name_count) {
            json_key(json, "holders");
            json_begin_array(json);
            for (uint32_t k = 0; k < row->name_count; k++)
                json_string(json, row->names[k]);
            json_end(json);
            json_key_bool(json, "more_holders", row->more);
        }
        put_amount(json, "retained_bytes", row->bytes);
        put_amount(json, "objects", row->objects);
        put_amount(json, "count", row->count);
        json_key(json, "grown");
        if (row->grown)
            put_collection(json, row->grown);
        else
            json_null(json);
        if (row->shown) {
            json_key_string(json, "found_by", row->shown->found_by);
            json_put_path(json, row->shown);
        }
        json_end(json);
    }
    json_end(json);
}

static void put_types(struct json_writer *json, const struct diff *diff, uint32_t top)
{
    struct choice choice = {.top = top};
    json_key(json, "types");
    json_begin_array(json);
    for (uint64_t i = 0; i < diff->types.count; i++) {
        const struct diff_type *row = &diff->types.data[i];
        if (!choose(&choice, row->bytes))
            continue;
        json_begin_object(json);
        json_key_string(json, "name", row->name);
        json_key_bool(json, "guessed", row->guessed);
        put_amount(json, "bytes", row->bytes);
        put_amount(json, "count", row->count);
        put_amount(json, "retained_bytes", row->retained);
        json_end(json);
    }
    json_end(json);
}

/* null: one of the two does not know of any. */
static void put_collections(struct json_writer *json, const struct diff *diff, uint32_t top)
{
    struct choice choice = {.top = top};
    json_key(json, "collections");
    if (!diff->before->has_collections || !diff->after->has_collections) {
        json_null(json);
        return;
    }
    json_begin_array(json);
    for (uint64_t i = 0; i < diff->collections.count; i++)
        if (choose(&choice, diff->collections.data[i].retained))
            put_collection(json, &diff->collections.data[i]);
    json_end(json);
}

static void put_sites(struct json_writer *json, const struct diff *diff, uint32_t top)
{
    struct choice choice = {.top = top};
    json_key(json, "goroutine_sites");
    json_begin_array(json);
    for (uint64_t i = 0; i < diff->sites.count; i++) {
        const struct diff_site *row = &diff->sites.data[i];
        if (!choose(&choice, row->count))
            continue;
        json_begin_object(json);
        json_key_string(json, "function", row->function);
        json_key_string(json, "created_by", row->created_by);
        json_key_string(json, "created_at", row->created_at);
        json_key_bool(json, "system", row->system);
        put_amount(json, "count", row->count);
        put_amount(json, "bytes", row->held);
        put_amount(json, "stack_bytes", row->stacks);
        json_end(json);
    }
    json_end(json);
}

void diff_put_json(struct json_writer *json, const struct diff *diff, uint32_t top)
{
    json_key(json, "before");
    json_put_target(json, &diff->before->target);
    json_key(json, "after");
    json_put_target(json, &diff->after->target);
    json_key_known(json, "interval_ns", diff->has_interval, diff->interval_ns);
    json_key_bool(json, "same_build", diff->same_build);
    put_memory(json, diff);
    json_put_findings(json, &diff->found);
    put_holders(json, diff, top);
    put_types(json, diff, top);
    put_collections(json, diff, top);
    put_sites(json, diff, top);
    json_key(json, "notes");
    json_begin_array(json);
    for (uint64_t i = 0; i < diff->notes.count; i++)
        json_string(json, diff->notes.data[i]);
    json_end(json);
}

struct error *diff_write_json(const struct diff *diff, const char *tool_version, uint32_t top,
                              FILE *out)
{
    struct json_writer json = json_begin(out);
    json_begin_object(&json);
    json_key_string(&json, "schema", "leakhound.diff/1");
    json_key(&json, "tool");
    json_begin_object(&json);
    json_key_string(&json, "version", tool_version);
    json_end(&json);
    diff_put_json(&json, diff, top);
    json_end(&json);
    return json_finish(&json);
}
