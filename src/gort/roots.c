#include "gort/roots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bitset.h"
#include "base/hash.h"
#include "gort/root_builder.h"
#include "gort/stack.h"

enum { SECTION_WORDS = 65536, STACK_BYTES_MAX = 1 << 30 /* the most that Go allows */ };

/* Finds or makes a holder of that name; names are few. */
struct error *root_holder(struct root_builder *b, enum root_kind kind, uint8_t class,
                          const char *name, uint32_t *out)
{
    uint64_t *value, key = (hash_bytes(name, strlen(name)) ^ hash_mix(kind + 1u)) | 1;
    bool added;
    TRY(hash_map_insert(&b->holders, key, &value, &added));
    if (added) {
        uint32_t root;
        TRY(root_new(
            b, GRAPH_NONE, class,
            (struct root_info){.kind = (uint8_t)kind,
                               .name = arena_copy_string(&b->table->arena, name, strlen(name)),
                               .variable = GRAPH_NONE,
                               .goroutine = GRAPH_NONE,
                               .group = GRAPH_NONE},
            &root));
        TRY(hash_map_insert(&b->holders, key, &value, NULL));
        *value = root + 1u;
    }
    *out = (uint32_t)*value - 1;
    b->table->infos.data[*out].count++;
    return NULL;
}

struct error *root_new(struct root_builder *b, uint32_t parent, uint8_t class,
                       struct root_info info, uint32_t *out)
{
    TRY(graph_add_root(b->graph, parent, class, out));
    return vector_push(&b->table->infos, info);
}

struct error *root_edge(struct root_builder *b, uint32_t root, uint64_t address)
{
    if (address - b->heap->low >= b->heap->high - b->heap->low)
        return NULL;
    uint32_t id = heap_find(b->heap, address);
    if (id == HEAP_NONE)
        return NULL;
    if (heap_page_has_no_pointers(b->heap, address))
        id |= GRAPH_LEAF;
    return graph_add_root_edge(b->graph, root, id);
}

static struct error *variable_root(struct root_builder *b, uint32_t variable, uint32_t *out)
{
    const struct variable *v = &b->variables->items.data[b->variables->items.data[variable].owner];
    uint32_t owner = (uint32_t)(v - b->variables->items.data);
    if (b->variable_roots[owner] == GRAPH_NONE)
        TRY(root_new(b, GRAPH_NONE, v->is_runtime ? ROOT_CLASS_RUNTIME : ROOT_CLASS_PROGRAM,
                     (struct root_info){.kind = v->is_runtime ? ROOT_RUNTIME : ROOT_GLOBAL,
                                        .name = v->name,
                                        .variable = owner,
                                        .goroutine = GRAPH_NONE,
                                        .group = GRAPH_NONE,
                                        .count = 1},
                     &b->variable_roots[owner]));
    *out = b->variable_roots[owner];
    return NULL;
}

static struct error *add_section(struct root_builder *b, uint64_t start, uint64_t end,
                                 const struct go_pointer_mask *mask)
{
    CLEANUP_FREE uint64_t *words = NULL;
    TRY(memory_array(SECTION_WORDS, 8, &words));
    for (uint64_t at = start; at < end; at += SECTION_WORDS * 8) {
        uint64_t n = MIN_OF((end - at) / 8, (uint64_t)SECTION_WORDS);
        TRY(target_read_sparse(b->runtime->target, at, words, n * 8));
        for (uint64_t i = 0; i < n; i++) {
            uint64_t bit = (at - start) / 8 + i;
            if (bit >= mask->bits || !(mask->bytes[bit / 8] >> (bit % 8) & 1) ||
                words[i] - b->heap->low >= b->heap->high - b->heap->low ||
                heap_find(b->heap, words[i]) == HEAP_NONE)
                continue;
            uint32_t variable = variable_at(b->variables, at + i * 8), root;
            if (variable == UINT32_MAX)
                return error_fault(at + i * 8, "no variable at 0x%" PRIx64, at + i * 8);
            TRY(variable_root(b, variable, &root));
            TRY(root_edge(b, root, words[i]));
        }
    }
    return NULL;
}

static struct error *add_globals(struct root_builder *b)
{
    const struct go_module *m = &b->runtime->module;
    uint64_t count = b->variables->items.count;
    TRY(memory_array(count, sizeof(uint32_t), &b->variable_roots));
    memset(b->variable_roots, 0xff, count * sizeof(uint32_t));
    TRY(add_section(b, m->data, m->data_end, &m->data_mask));
    return add_section(b, m->bss, m->bss_end, &m->bss_mask);
}

/* -- goroutines ------------------------------------------------------------------------------ */

struct frame_context {
    struct root_builder *b;
    uint32_t goroutine, root; /* index in the list; its root */
    uint32_t frame_index, frame_root;
};

static const char *frame_name(struct root_builder *b, const struct stack_frame *frame)
{
    struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
    if (frame->function == PCLNTAB_NONE)
        return "unknown frames";
    uint32_t n = pclntab_frames(b->runtime->pclntab, b->runtime->target, frame->lookup_pc, frames);
    if (!n)
        return pclntab_name(b->runtime->pclntab, frame->function);
    const struct pclntab_frame *outer = &frames[n - 1]; /* the function that owns the frame */
    const char *slash = strrchr(outer->file, '/');
    return arena_printf(&b->table->arena, "%s %s:%u", outer->function,
                        slash ? slash + 1 : outer->file, outer->line);
}

static struct error *stack_pointer(void *context, const struct stack_frame *frame, uint64_t slot,
                                   uint64_t value)
{
    struct frame_context *c = context;
    struct root_builder *b = c->b;
    (void)slot;
    if (value - b->heap->low >= b->heap->high - b->heap->low ||
        heap_find(b->heap, value) == HEAP_NONE)
        return NULL;
    if (c->frame_root == GRAPH_NONE || c->frame_index != frame->index) {
        const struct root_info *of = &b->table->infos.data[c->root];
        c->frame_index = frame->index;
        TRY(root_new(b, c->root, b->graph->roots.data[c->root].class,
                     (struct root_info){.kind = ROOT_FRAME,
                                        .name = frame_name(b, frame),
                                        .variable = GRAPH_NONE,
                                        .goroutine = c->goroutine,
                                        .group = of->group,
                                        .count = 1},
                     &c->frame_root));
    }
    return root_edge(b, c->frame_root, value);
}

struct top_context {
    struct root_builder *b;
    const char *top, *outermost; /* innermost and outermost function outside the runtime */
    uint64_t pc;                 /* where the innermost stands */
};

static bool is_runtime_function(const char *name)
{
    return !strncmp(name, "runtime.", 8) || !strncmp(name, "internal/runtime/", 17);
}

static struct error *note_frame(void *context, const struct stack_frame *frame)
{
    struct top_context *top = context;
    struct pclntab *table = top->b->runtime->pclntab;
    struct pclntab_function function;
    if (frame->function == PCLNTAB_NONE)
        return NULL;
    struct error *error = pclntab_function(table, frame->function, &function);
    if (error) {
        error_destroy(error);
        return NULL;
    }
    if (is_runtime_function(function.name))
        return NULL;
    bool wrapper = function.func_id == top->b->wrapper_id;
    if (top->top && top->outermost && wrapper)
        return NULL;
    struct pclntab_frame frames[PCLNTAB_FRAMES_MAX]; /* with what was inlined, innermost first */
    uint32_t n = pclntab_frames(table, top->b->runtime->target, frame->lookup_pc, frames);
    uint32_t first = 0;
    while (first + 1 < n && is_runtime_function(frames[first].function))
        first++;
    if (!top->top) {
        top->top = n ? frames[first].function : function.name;
        top->pc = frame->lookup_pc;
    }
    /* `go f(x)` runs a wrapper that calls f, or has it inlined: f is what the author wrote */
    if (!wrapper)
        top->outermost = function.name;
    else if (!top->outermost)
        top->outermost = n > 1 ? frames[n - 2].function : function.name;
    return NULL;
}

/* funcID_wrapper is the last of the ids in every version (internal/abi/symtab.go), and every
 * program has wrappers. */
static uint8_t find_wrapper_id(struct go_runtime *runtime)
{
    uint8_t last = 0;
    for (uint32_t f = 0; f < pclntab_count(runtime->pclntab); f++) {
        struct pclntab_function function;
        struct error *error = pclntab_function(runtime->pclntab, f, &function);
        if (!error)
            last = MAX_OF(last, function.func_id);
        error_destroy(error);
    }
    return last;
}

static struct error *find_group(struct root_builder *b, const struct goroutine *g,
                                const struct top_context *top, uint32_t *out)
{
    struct root_table *table = b->table;
    uint64_t *value, key = hash_mix(g->created_by_pc ^ hash_mix(g->start_pc)) ^
                           hash_bytes(g->state, strlen(g->state)) ^ hash_mix(top->pc + 7);
    bool added;
    TRY(hash_map_insert(&b->group_index, key | 1, &value, &added));
    if (added) {
        *value = table->groups.count + 1;
        TRY(vector_push(
            &table->groups,
            (struct goroutine_group){
                .state = arena_copy_string(&table->arena, g->state, strlen(g->state)),
                .created_by = goroutine_creator(b->runtime, g),
                .function = top->outermost ? top->outermost : goroutine_function(b->runtime, g),
                .top = top->top ? top->top : "",
                .created_by_pc = g->created_by_pc,
                .top_pc = top->pc,
                .root = GRAPH_NONE,
                .is_system = g->is_system,
            }));
    }
    *out = (uint32_t)*value - 1;
    struct goroutine_group *group = &table->groups.data[*out];
    group->count++;
    if (g->stack_hi > g->stack_lo && g->stack_hi - g->stack_lo <= STACK_BYTES_MAX)
        group->stack_bytes += g->stack_hi - g->stack_lo;
    if (g->wait_since_ns && (!group->oldest_wait_ns || g->wait_since_ns < group->oldest_wait_ns))
        group->oldest_wait_ns = g->wait_since_ns;
    return NULL;
}

static struct error *add_goroutine(struct root_builder *b, uint32_t index)
{
    const struct goroutine *g = &b->goroutines->items.data[index];
    struct top_context top = {.b = b};
    struct stack_visitor tops = {.frame = note_frame, .context = &top};
    bool complete = true;
    uint32_t group, root;
    TRY(stack_walk(b->runtime, g, &tops, NULL));
    TRY(find_group(b, g, &top, &group));
    uint8_t class = g->is_system ? ROOT_CLASS_RUNTIME : ROOT_CLASS_PROGRAM;
    uint32_t holder = b->table->groups.data[group].root;
    if (holder == GRAPH_NONE) {
        TRY(root_new(b, GRAPH_NONE, class,
                     (struct root_info){.kind = g->is_system ? ROOT_RUNTIME : ROOT_GOROUTINES,
                                        .name = b->table->groups.data[group].function,
                                        .variable = GRAPH_NONE,
                                        .goroutine = index,
                                        .group = group},
                     &holder));
        b->table->groups.data[group].root = holder;
    }
    b->table->infos.data[holder].count++;
    TRY(root_new(
        b, holder, class,
        (struct root_info){.kind = ROOT_GOROUTINE,
                           .name = arena_printf(&b->table->arena, "goroutine %" PRIu64, g->id),
                           .variable = GRAPH_NONE,
                           .goroutine = index,
                           .group = group,
                           .count = 1},
        &root));
    struct frame_context context = {
        .b = b, .goroutine = index, .root = root, .frame_root = GRAPH_NONE};
    struct stack_visitor visitor = {.pointer = stack_pointer, .context = &context};
    TRY(stack_walk(b->runtime, g, &visitor, &complete));
    b->table->damaged_stacks += !complete;
    return NULL;
}

struct error *roots_add(struct go_runtime *runtime, const struct heap *heap,
                        const struct goroutine_list *goroutines,
                        const struct variable_table *variables, struct graph *graph,
                        struct root_table *out)
{
    struct root_table table = {0};
    arena_init(&table.arena);
    struct root_builder builder = {
        .runtime = runtime,
        .heap = heap,
        .goroutines = goroutines,
        .variables = variables,
        .graph = graph,
        .table = &table,
        .wrapper_id = find_wrapper_id(runtime),
    };
    struct error *error = add_globals(&builder);
    for (uint32_t i = 0; i < goroutines->items.count && !error; i++)
        error = add_goroutine(&builder, i);
    if (!error)
        error = roots_add_timers(&builder);
    if (!error)
        error = roots_add_specials(&builder);
    if (!error)
        error = roots_add_queued(&builder);
    if (!error)
        error = roots_add_tiny_blocks(&builder);
    hash_map_deinit(&builder.holders);
    hash_map_deinit(&builder.group_index);
    free(builder.variable_roots);
    if (error) {
        root_table_deinit(&table);
        return error_wrap(error, "the roots cannot be read");
    }
    *out = table;
    return NULL;
}

void root_table_deinit(struct root_table *table)
{
    vector_deinit(&table->infos);
    vector_deinit(&table->groups);
    vector_deinit(&table->deferred_calls);
    arena_deinit(&table->arena);
}
