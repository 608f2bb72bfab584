/*
 * The types of a process's objects, for tests/live/test_typing.py: every reachable object as
 * leakhound types it with all that the executable tells, and as it types it without symbols and
 * DWARF, as if the program were stripped. typing_dump PID share with without            bytes that
 * have a type, in thousandths wrong count bytes "with" "without"     by pair of types that differ
 *   missing count bytes "with"             without a type when stripped
 *   variable address "with" "without"      types of global variables that differ
 * Fields are separated by tabs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/scan.h"
#include "gort/typing.h"
#include "tool.h"

struct view { /* what leakhound knows of the process in one way */
    struct go_runtime *runtime;
    struct heap heap;
    struct goroutine_list goroutines;
    struct variable_table variables;
    struct graph *graph;
    struct root_table roots;
    struct typing typing;
};

static struct error *look(struct target *target, bool stripped, struct view *v)
{
    uint32_t *clues;
    TRY(go_runtime_open(target, &v->runtime));
    if (stripped) {
        executable_destroy(v->runtime->executable);
        v->runtime->executable = NULL;
    }
    TRY(heap_read(v->runtime, 1, &v->heap));
    TRY(goroutine_list_read(v->runtime, &v->goroutines));
    TRY(variable_table_read(v->runtime, &v->variables));
    TRY(big_array((uint64_t)v->heap.object_ids * sizeof(uint32_t), &clues));
    TRY(scan_heap(v->runtime, &v->heap, clues, &v->graph));
    TRY(roots_add(v->runtime, &v->heap, &v->goroutines, &v->variables, v->graph, &v->roots));
    TRY(typing_run(v->runtime, &v->heap, clues, &v->variables, &v->goroutines, &v->typing));
    return graph_analyse(v->graph, 1, NULL, NULL);
}

static void forget(struct view *v)
{
    typing_deinit(&v->typing);
    root_table_deinit(&v->roots);
    graph_destroy(v->graph);
    variable_table_deinit(&v->variables);
    goroutine_list_deinit(&v->goroutines);
    heap_deinit(&v->heap);
    go_runtime_close(v->runtime);
}

struct difference {
    char *with, *without;
    uint64_t count, bytes;
    uint64_t example; /* address of one of the objects */
};

struct comparison {
    VECTOR(struct difference) differences;
    uint64_t total, typed[2];
};

static struct error *note(struct comparison *c, const char *with, const char *without,
                          uint64_t bytes, uint64_t address)
{
    struct difference *d = c->differences.data;
    for (uint64_t i = 0; i < c->differences.count; i++, d++)
        if (!strcmp(d->with, with) && !strcmp(d->without, without)) {
            d->count++;
            d->bytes += bytes;
            return NULL;
        }
    return vector_push(&c->differences, (struct difference){.with = strdup(with),
                                                            .without = strdup(without),
                                                            .count = 1,
                                                            .bytes = bytes,
                                                            .example = address});
}

/* A guess is no claim: it is shown as a guess. */
static const char *name_of(struct typing *typing, uint32_t id, struct arena *arena)
{
    return typing_strength(typing, id) >= TYPE_FITS ? typing_name(typing, id, arena) : "";
}

static struct error *compare_objects(struct view *with, struct view *without, struct comparison *c)
{
    struct arena arena;
    arena_init(&arena);
    struct error *error = NULL;
    for (uint64_t s = 0; s < with->heap.spans.count && !error; s++) {
        const struct heap_span *span = &with->heap.spans.data[s];
        for (uint32_t id = span->first_id; id < span->first_id + span->slots && !error; id++) {
            if (!bitset_get(with->heap.allocated, id) || !graph_is_reachable(with->graph, id))
                continue;
            const char *a = name_of(&with->typing, id, &arena);
            const char *b = name_of(&without->typing, id, &arena);
            c->total += span->element_size;
            c->typed[0] += *a ? span->element_size : 0;
            c->typed[1] += *b ? span->element_size : 0;
            if (strcmp(a, b))
                error = note(c, a, b, span->element_size, heap_slot_address(span, id));
        }
    }
    arena_deinit(&arena);
    return error;
}

static void print(const struct comparison *c)
{
    uint64_t total = c->total ? c->total : 1;
    printf("share\t%" PRIu64 "\t%" PRIu64 "\n", c->typed[0] * 1000 / total,
           c->typed[1] * 1000 / total);
    for (uint64_t i = 0; i < c->differences.count; i++) {
        const struct difference *d = &c->differences.data[i];
        if (*d->with && *d->without)
            printf("wrong\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%" PRIx64 "\n", d->count, d->bytes,
                   d->with, d->without, d->example);
        else if (*d->with)
            printf("missing\t%" PRIu64 "\t%" PRIu64 "\t%s\n", d->count, d->bytes, d->with);
        free(d->with);
        free(d->without);
    }
}

static void compare_variables(const struct view *with, const struct view *without)
{
    for (uint64_t i = 0; i < without->variables.items.count; i++) {
        const struct variable *v = &without->variables.items.data[i];
        uint32_t k = variable_at(&with->variables, v->address);
        const struct variable *known = k == UINT32_MAX ? NULL : &with->variables.items.data[k];
        if (v->type_name[0] && !v->type_guessed && known && known->address == v->address &&
            known->name[0] && known->size == v->size && strcmp(known->type_name, v->type_name))
            printf("variable\t%s\t%s\t%s\n", known->name, known->type_name, v->type_name);
    }
}

static struct error *run(const char *name)
{
    const struct target_options options = {.freeze = FREEZE_STOP};
    struct target *target;
    struct view with = {0}, without = {0};
    struct comparison comparison = {0};
    TRY(target_open(name, &options, &target));
    TRY(look(target, false, &with));
    TRY(look(target, true, &without));
    TRY(compare_objects(&with, &without, &comparison));
    print(&comparison);
    compare_variables(&with, &without);
    vector_deinit(&comparison.differences);
    forget(&with);
    forget(&without);
    target_destroy(target);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: typing_dump PID\n");
        return 2;
    }
    return tool_status("typing_dump", run(argv[1]));
}
