/* Goroutines as JSON. */
#include "report/goroutines.h"
#include "report/json_writer.h"

struct listing {
    const struct snapshot_goroutines *goroutines;
    struct goroutines_shown shown;
    struct arena arena; /* names of functions */
};

static void key_text(struct json_writer *json, const char *key, const char *text)
{
    json_key(json, key);
    if (text && text[0])
        json_string(json, text);
    else
        json_null(json);
}

static void write_place(struct json_writer *json, struct listing *listing,
                        const struct snapshot_place *place)
{
    json_begin_object(json);
    json_key_string(json, "function", goroutine_function_text(&listing->arena, place->function));
    json_key_string(json, "file", place->file);
    json_key_u64(json, "line", place->line);
    json_key_bool(json, "inlined", place->inlined);
    json_end(json);
}

static void write_frames(struct json_writer *json, struct listing *listing,
                         const struct snapshot_goroutine *g)
{
    json_key(json, "frames");
    json_begin_array(json);
    for (uint32_t i = 0; i < g->frame_count; i++)
        if (listing->shown.system || goroutine_frame_is_shown(listing->goroutines, g, i))
            write_place(json, listing, &listing->goroutines->places.data[g->frames[i]]);
    json_end(json);
    json_key_u64(json, "frames_left_out", g->frames_left_out);
    json_key_bool(json, "stack_damaged", g->stack_damaged);
}

static void write_creator(struct json_writer *json, struct listing *listing,
                          const struct snapshot_goroutine *g)
{
    const struct snapshot_place *place =
        g->created_at &&
                (listing->shown.system || goroutine_creator_is_shown(listing->goroutines, g))
            ? &listing->goroutines->places.data[g->created_at - 1]
            : NULL;
    key_text(json, "created_by",
             place ? goroutine_function_text(&listing->arena, place->function) : NULL);
    json_key(json, "created_at");
    if (place)
        write_place(json, listing, place);
    else
        json_null(json);
}

/* The runtime's own name for the wait; null for who runs or could run. */
static void write_state(struct json_writer *json, const struct snapshot_goroutine *g)
{
    enum { WAITING = 4, LEAKED = 10 }; /* of the runtime, in all versions */
    bool waits = g->status == WAITING || g->status == LEAKED;
    json_key_string(json, "state", g->state);
    key_text(json, "wait_reason", waits ? g->state : NULL);
}

static void write_blocked_on(struct json_writer *json, const struct snapshot_goroutine *g,
                             bool with_addresses)
{
    key_text(json, "operation", g->operation);
    json_key(json, "blocked_on");
    json_begin_array(json);
    for (uint32_t i = 0; i < g->wait_count; i++) {
        json_begin_object(json);
        json_key_string(json, "kind", g->waits_for);
        if (with_addresses) {
            json_key(json, "addr");
            json_address(json, g->waits[i].address);
        }
        key_text(json, "type", g->waits[i].type);
        json_end(json);
    }
    json_end(json);
}

static void write_goroutine(struct json_writer *json, struct listing *listing,
                            const struct snapshot_goroutine *g)
{
    json_begin_object(json);
    json_key_u64(json, "id", g->id);
    write_state(json, g);
    json_key_known(json, "wait_ns", g->waiting_ns != 0, g->waiting_ns);
    json_key_bool(json, "system", g->system);
    json_key_bool(json, "locked_to_thread", g->locked);
    json_key_known(json, "parent_id", g->parent_id != 0, g->parent_id);
    write_creator(json, listing, g);
    json_key_u64(json, "stack_bytes", g->stack_bytes);
    json_key_u64(json, "held_bytes", g->held_bytes);
    key_text(json, "leaked", snapshot_leak_name(g->leak));
    write_blocked_on(json, g, true);
    write_frames(json, listing, g);
    json_end(json);
}

static void write_stack(struct json_writer *json, struct listing *listing,
                        const struct goroutine_stack *stack)
{
    const struct snapshot_goroutine *g = &listing->goroutines->items.data[stack->first];
    json_begin_object(json);
    json_key_u64(json, "count", stack->count);
    json_key_u64(json, "example_id", g->id);
    write_state(json, g);
    json_key_known(json, "shortest_wait_ns", stack->shortest_wait_ns != 0, stack->shortest_wait_ns);
    json_key_known(json, "longest_wait_ns", stack->longest_wait_ns != 0, stack->longest_wait_ns);
    json_key_bool(json, "system", g->system);
    json_key_u64(json, "locked_to_thread", stack->locked);
    write_creator(json, listing, g);
    json_key_u64(json, "stack_bytes", stack->stack_bytes);
    json_key_u64(json, "held_bytes", stack->held_bytes);
    key_text(json, "leaked", snapshot_leak_name(stack->leak));
    json_key_u64(json, "leaked_count", stack->leaked);
    write_blocked_on(json, g, false);
    write_frames(json, listing, g);
    json_end(json);
}

static void write_target(struct json_writer *json, const struct report_target *target)
{
    json_key(json, "target");
    json_begin_object(json);
    json_key_string(json, "kind", target->kind);
    json_key_string(json, "name", target->name);
    json_key_known(json, "pid", target->pid != 0, target->pid);
    json_key_string(json, "go_version", target->go_version);
    json_key_string(json, "freeze", target->freeze);
    json_key_u64(json, "stopped_ns", target->stopped_ns);
    key_text(json, "taken_at", target->taken_at);
    json_end(json);
}

static bool is_listed(const struct listing *listing, const struct snapshot_goroutine *g)
{
    return listing->shown.system || goroutine_is_shown(listing->goroutines, g);
}

static void write_list(struct json_writer *json, struct listing *listing,
                       const struct goroutine_stacks *stacks)
{
    const struct snapshot_goroutines *goroutines = listing->goroutines;
    bool all = listing->shown.all;
    json_key(json, all ? "goroutines" : "goroutine_groups");
    json_begin_array(json);
    for (uint64_t i = 0; all && i < goroutines->items.count; i++)
        if (is_listed(listing, &goroutines->items.data[i]))
            write_goroutine(json, listing, &goroutines->items.data[i]);
    for (uint64_t i = 0; i < stacks->items.count; i++)
        if (is_listed(listing, &goroutines->items.data[stacks->items.data[i].first]))
            write_stack(json, listing, &stacks->items.data[i]);
    json_end(json);
}

struct error *goroutines_write_json(const struct report *report,
                                    const struct snapshot_goroutines *goroutines,
                                    struct goroutines_shown shown, const char *tool_version,
                                    FILE *out)
{
    struct json_writer json = json_begin(out);
    struct goroutine_stacks stacks = {0};
    struct listing listing = {.goroutines = goroutines, .shown = shown};
    struct error *error = shown.all ? NULL : goroutine_stacks_make(goroutines, &stacks);
    uint64_t system = 0;
    for (uint64_t i = 0; i < goroutines->items.count; i++)
        system += goroutines->items.data[i].system;
    arena_init(&listing.arena);
    json_begin_object(&json);
    json_key_string(&json, "schema", "leakhound.goroutines/1");
    json_key(&json, "tool");
    json_begin_object(&json);
    json_key_string(&json, "version", tool_version);
    json_end(&json);
    write_target(&json, &report->target);
    json_key_u64(&json, "count", goroutines->items.count - system);
    json_key_u64(&json, "system_count", system);
    write_list(&json, &listing, &stacks);
    json_end(&json);
    goroutine_stacks_deinit(&stacks);
    arena_deinit(&listing.arena);
    if (error)
        return error;
    return json_finish(&json);
}
