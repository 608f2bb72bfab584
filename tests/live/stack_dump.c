/*
 * What leakhound says about the goroutines of a process or core, for tests/live/test_stacks.py:
 *   stack_dump TARGET
 *   N user system dead                              counts
 *   G id state system running complete start        each goroutine, then for its stack
 *   F function file line inlined conservative pc sp top   each frame, innermost first
 *   C function file line parent                     who created it
 *   P value slot conservative function              each pointer
 *   I value                                         each word of the first 64 bytes behind a
 * pointer Fields are separated by tabs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gort/stack.h"
#include "tool.h"

struct dump {
    struct go_runtime *runtime;
};

static const char *name_of(const struct dump *dump, const struct stack_frame *frame)
{
    return frame->function == PCLNTAB_NONE ? "?"
                                           : pclntab_name(dump->runtime->pclntab, frame->function);
}

static struct error *print_frame(void *context, const struct stack_frame *frame)
{
    const struct dump *dump = context;
    struct pclntab_frame lines[PCLNTAB_FRAMES_MAX];
    uint32_t count = 0;
    if (frame->function != PCLNTAB_NONE)
        count =
            pclntab_frames(dump->runtime->pclntab, dump->runtime->target, frame->lookup_pc, lines);
    if (!count)
        printf("F\t?\t?\t0\t0\t1\t%" PRIx64 "\t%" PRIx64 "\t%" PRIx64 "\n", frame->pc, frame->sp,
               frame->top);
    for (uint32_t i = 0; i < count; i++)
        printf("F\t%s\t%s\t%" PRIu32 "\t%d\t%d\t%" PRIx64 "\t%" PRIx64 "\t%" PRIx64 "\n",
               lines[i].function, lines[i].file, lines[i].line, lines[i].inlined,
               frame->conservative, frame->pc, frame->sp, frame->top);
    return NULL;
}

static struct error *print_pointer(void *context, const struct stack_frame *frame, uint64_t slot,
                                   uint64_t value)
{
    const struct dump *dump = context;
    uint64_t behind[8] = {0};
    printf("P\t%" PRIx64 "\t%" PRIx64 "\t%d\t%s\n", value, slot, frame->conservative,
           name_of(dump, frame));
    struct error *error CLEANUP_ERROR =
        target_read(dump->runtime->target, value, behind, sizeof(behind));
    for (unsigned i = 0; i < ARRAY_COUNT(behind) && !error; i++)
        if (behind[i])
            printf("I\t%" PRIx64 "\n", behind[i]);
    return NULL;
}

static struct error *print_goroutine(struct dump *dump, const struct goroutine *g)
{
    const struct stack_visitor nothing = {0};
    const struct stack_visitor visitor = {
        .frame = print_frame, .pointer = print_pointer, .context = dump};
    bool complete;
    TRY(stack_walk(dump->runtime, g, &nothing, &complete));
    printf("G\t%" PRIu64 "\t%s\t%d\t%d\t%d\t%s\n", g->id, g->state, g->is_system,
           g->is_running_threads, complete, goroutine_function(dump->runtime, g));
    TRY(stack_walk(dump->runtime, g, &visitor, &complete));
    struct pclntab_frame lines[PCLNTAB_FRAMES_MAX];
    uint32_t count =
        pclntab_frames(dump->runtime->pclntab, dump->runtime->target, g->created_by_pc - 1, lines);
    if (g->created_by_pc && count)
        printf("C\t%s\t%s\t%" PRIu32 "\t%" PRIu64 "\n", goroutine_creator(dump->runtime, g),
               lines[0].file, lines[0].line, g->parent_id);
    return NULL;
}

static struct error *dump_runtime(struct go_runtime *runtime)
{
    struct dump dump = {.runtime = runtime};
    struct goroutine_list list;
    TRY(goroutine_list_read(runtime, &list));
    printf("N\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", list.user_count, list.system_count,
           list.dead_count);
    struct error *error = NULL;
    for (uint64_t i = 0; i < list.items.count && !error; i++)
        error = print_goroutine(&dump, &list.items.data[i]);
    goroutine_list_deinit(&list);
    return error;
}

static struct error *dump_target(const char *name)
{
    struct target *target;
    const struct target_options options = {.freeze = FREEZE_STOP};
    TRY(target_open(name, &options, &target));
    struct go_runtime *runtime;
    struct error *error = go_runtime_open(target, &runtime);
    if (!error) {
        error = dump_runtime(runtime);
        go_runtime_close(runtime);
    }
    target_destroy(target);
    return error;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: stack_dump TARGET\n");
        return 2;
    }
    return tool_status("stack_dump", dump_target(argv[1]));
}
