#include "gort/call_sites.h"

#include <string.h>

#include "base/parallel.h"
#include "gort/call_evidence.h"
#include "gort/runtime_calls.h"
#include "gort/variable_types.h"
#include "gort/window.h"

enum { PARTS_MAX = 16, READ_AHEAD = 1 << 19 };

struct survey {
    struct go_runtime *runtime;
    struct runtime_calls calls;
    struct code_program program;
    unsigned parts;
    struct code_facts facts[PARTS_MAX];
    struct goroutine_list goroutines;
    struct stack_slots *stacks;
};

static uint32_t function_at(void *context, uint64_t address)
{
    const struct survey *survey = context;
    uint32_t f = pclntab_find(survey->runtime->pclntab, address);
    if (f == PCLNTAB_NONE || f >= survey->calls.count)
        return UINT32_MAX;
    /* Duff's devices are entered anywhere */
    return pclntab_entry(survey->runtime->pclntab, f) == address ||
                   survey->calls.items[f].effect == CODE_CALL_BLOCK
               ? f
               : UINT32_MAX;
}

static const struct code_call *call_of(void *context, uint32_t function)
{
    const struct survey *survey = context;
    return &survey->calls.items[function];
}

static bool read_words(void *context, uint64_t address, uint64_t *out, uint32_t n)
{
    const struct survey *survey = context;
    struct error *error = target_read(survey->runtime->target, address, out, 8 * (uint64_t)n);
    error_destroy(error);
    return !error;
}

static bool stands_at(void *context, uint64_t pc)
{
    const struct survey *survey = context;
    return stack_slots_stand_at(survey->stacks, pc);
}

static struct error *walk_part(struct survey *survey, unsigned part, struct code_walker *walker,
                               struct window *window)
{
    const struct pclntab *table = survey->runtime->pclntab;
    uint64_t count = survey->calls.count;
    uint32_t end = (uint32_t)(count * (part + 1) / survey->parts);
    for (uint32_t f = (uint32_t)(count * part / survey->parts); f < end; f++) {
        struct pclntab_function function;
        struct error *error = pclntab_function(table, f, &function);
        bool fine = !error && function.end > function.entry &&
                    function.end - function.entry <= WINDOW_BYTES / 2;
        error_destroy(error);
        if (!fine)
            continue;
        struct code_function code = {
            .index = f,
            .entry = function.entry,
            .size = function.end - function.entry,
            .argument_words = survey->calls.items[f].arguments,
        };
        TRY(window_get(window, code.entry, code.size, MAX_OF(code.size, (uint64_t)READ_AHEAD),
                       &code.bytes));
        TRY(code_walk(walker, &code, &survey->facts[part]));
    }
    return NULL;
}

static struct error *survey_part(void *context, unsigned part)
{
    struct survey *survey = context;
    struct code_walker *walker;
    struct window window;
    TRY(code_walker_create(&survey->program, &walker));
    struct error *error = window_init(&window, survey->runtime->target);
    if (!error) {
        error = walk_part(survey, part, walker, &window);
        window_deinit(&window);
    }
    code_walker_destroy(walker);
    return error;
}

#define APPEND(to, from)                                                                           \
    __extension__({                                                                                \
        struct error *append_error_ = vector_reserve((to), (to)->count + (from)->count);           \
        if (!append_error_ && (from)->count) {                                                     \
            memcpy((to)->data + (to)->count, (from)->data, (from)->count * sizeof(*(from)->data)); \
            (to)->count += (from)->count;                                                          \
        }                                                                                          \
        append_error_;                                                                             \
    })

static struct error *gather(struct survey *survey)
{
    struct code_facts *all = &survey->facts[0];
    for (unsigned i = 1; i < survey->parts; i++) {
        struct code_facts *part = &survey->facts[i];
        TRY(APPEND(&all->facts, &part->facts));
        TRY(APPEND(&all->bindings, &part->bindings));
        TRY(APPEND(&all->summaries, &part->summaries));
        TRY(APPEND(&all->closures, &part->closures));
        TRY(APPEND(&all->frame_words, &part->frame_words));
        all->functions += part->functions;
        all->instructions += part->instructions;
        all->given_up += part->given_up;
        code_facts_deinit(part);
    }
    return NULL;
}

/* Function literals whose captured variables have a type: struct { F uintptr; … }, which Go's
 * compiler gives to newobject when it makes the function value. */
static struct error *note_closures(struct typing *typing, const struct code_facts *facts)
{
    struct go_runtime *rt = typing->runtime;
    for (uint64_t i = 0; i < facts->closures.count; i++) {
        const struct code_closure *c = &facts->closures.data[i];
        uint32_t function = pclntab_find(rt->pclntab, c->entry);
        uint32_t type = type_at(&typing->table, c->type);
        uint64_t *known;
        bool added;
        if (type == TYPE_NONE || function == PCLNTAB_NONE ||
            pclntab_entry(rt->pclntab, function) != c->entry ||
            !call_evidence_is_closure(&typing->table, type))
            continue;
        TRY(hash_map_insert(&typing->closures, c->entry, &known, &added));
        if (!added)
            continue;
        struct go_type named = typing->table.types.data[type];
        named.name =
            arena_printf(&typing->table.arena, "func %s", pclntab_name(rt->pclntab, function));
        TRY(vector_push(&typing->table.types, named));
        *known = typing->table.types.count;
    }
    return NULL;
}

static struct error *run(struct survey *survey, struct typing *typing,
                         const struct variable_table *variables)
{
    struct call_evidence_statistics statistics;
    TRY(runtime_calls_read(survey->runtime, &survey->calls));
    TRY(goroutine_list_read(survey->runtime, &survey->goroutines));
    TRY(stack_slots_plan(survey->runtime, &survey->goroutines, &survey->stacks));
    TRY(parallel_run(survey->parts, survey_part, survey));
    TRY(gather(survey));
    TRY(note_closures(typing, &survey->facts[0]));
    TRY(call_evidence_apply(typing, &survey->facts[0], survey->stacks, &statistics));
    return variable_types_name(typing, &survey->facts[0], variables);
}

struct error *call_sites_run(struct typing *typing, const struct variable_table *variables)
{
    struct go_runtime *rt = typing->runtime;
    struct survey survey = {
        .runtime = rt,
        .parts = MIN_OF(parallel_processor_count(), (unsigned)PARTS_MAX),
        .program =
            {
                .stack_convention = rt->minor < 17,
                .types = rt->module.types,
                .types_end = rt->module.type_descriptors_end,
                .data = rt->module.data_low,
                .data_end = rt->module.data_high,
                .text = rt->module.text,
                .text_end = rt->module.text_end,
                .function_at = function_at,
                .call_of = call_of,
                .read_words = read_words,
                .stands_at = stands_at,
            },
    };
    survey.program.context = &survey;
    struct error *error = run(&survey, typing, variables);
    for (unsigned i = 0; i < survey.parts; i++)
        code_facts_deinit(&survey.facts[i]);
    runtime_calls_deinit(&survey.calls);
    stack_slots_destroy(survey.stacks);
    goroutine_list_deinit(&survey.goroutines);
    return error ? error_wrap(error, "the program's code cannot be followed") : NULL;
}
