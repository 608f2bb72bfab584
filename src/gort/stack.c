#include "gort/stack.h"

#include "gort/stack_defers.h"
#include "gort/stack_maps.h"
#include "gort/stack_scan.h"

enum {
    STACK_BYTES_MAX = 1 << 30,
    REFLECT_MAP_BITS_MAX = 1 << 20,
    EXTENDED_REGISTER_BYTES = 32 * 64 + 8 * 8, /* runtime.xRegs of amd64 */
};

/* One walk from the innermost frame out. */
struct walk {
    struct go_runtime *runtime;
    struct stack_maps *maps;
    const struct goroutine *g;
    struct stack_scan scan;
    uint64_t pc, sp;                     /* of the frame that comes next */
    const struct frame_function *callee; /* NULL in the innermost frame */
    bool is_exact;                       /* pc is where it was interrupted, not a return address */
    bool is_conservative; /* its callee holds its registers: no map tells what is live */
};

/* The memory of a frame as runtime.stkframe has it. */
struct frame_bounds {
    uint64_t varp; /* end of the locals */
    uint64_t args; /* start of the arguments; also the caller's sp */
    uint64_t return_pc;
};

/* The kernel or a debugger put the call of such a function in: the caller stands at pc itself. */
static bool is_injected(const struct frame_function *function)
{
    return function->role == FRAME_SIGPANIC || function->role == FRAME_ASYNC_PREEMPT ||
           function->role == FRAME_DEBUG_CALL;
}

/* False when the stack cannot be followed through this frame. */
static bool measure(const struct walk *walk, const struct frame_place *place,
                    struct frame_bounds *out)
{
    if (!place->has_size || place->function->role == FRAME_SWITCHES)
        return false;
    uint64_t top = walk->sp + place->size + 8;
    struct frame_bounds bounds = {.varp = top - 8, .args = top};
    if (top <= walk->sp || top > walk->scan.hi ||
        !stack_scan_word(&walk->scan, top - 8, &bounds.return_pc))
        return false;
    if (bounds.varp > walk->sp)
        bounds.varp -= 8; /* the caller's frame pointer is there */
    *out = bounds;
    return true;
}

/* runtime.getArgInfo, (*stkframe).argMapInternal: the stub keeps its reflectMethodValue {fn
 * uintptr; stack *bitvector; argLen uintptr} at 0(SP), and whether the results are there. *map is
 * the caller's to free. */
static struct error *reflect_args(struct walk *walk, const struct frame_place *place,
                                  struct stack_bits *out, uint8_t **map)
{
    struct target *target = walk->runtime->target;
    uint64_t context, has_results, value[3], vector[2];
    unsigned flag_word = walk->runtime->minor >= 17 ? 4 : 3;
    if (place->pc == place->function->entry)
        context = walk->callee ? 0 : walk->g->closure_context, has_results = 0;
    else if (!stack_scan_word(&walk->scan, walk->sp, &context) ||
             !stack_scan_word(&walk->scan, walk->sp + (uint64_t)8 * flag_word, &has_results))
        return NULL;
    if (!context)
        return NULL;
    TRY(target_read(target, context, value, sizeof(value)));
    if (value[0] != place->function->entry)
        return NULL;
    TRY(target_read(target, value[1], vector, sizeof(vector)));
    uint64_t count = vector[0] & UINT32_MAX;
    if (!(has_results & 0xff))
        count = MIN_OF(count, value[2] / 8);
    if (count > REFLECT_MAP_BITS_MAX)
        return NULL;
    TRY(memory_array((count + 7) / 8, 1, map));
    TRY(target_read(target, vector[1], *map, (count + 7) / 8));
    *out = (struct stack_bits){.bytes = *map, .count = (uint32_t)count};
    return NULL;
}

static struct error *visit_args(struct walk *walk, uint64_t frame, const struct frame_place *place,
                                uint64_t args, bool conservative)
{
    const struct frame_function *function = place->function;
    if (function->role == FRAME_REFLECT_STUB) {
        struct stack_bits bits = {0};
        uint8_t *map CLEANUP_FREE = NULL;
        struct error *error = reflect_args(walk, place, &bits, &map);
        if (error && error->kind != ERROR_FAULT)
            return error;
        error_destroy(error);
        return stack_scan_bits(&walk->scan, frame, args, &bits, conservative);
    }
    if (function->args_bytes == ARGS_BYTES_UNKNOWN)
        return NULL;
    if (conservative || !place->args_known)
        return stack_scan_range(&walk->scan, frame, args, function->args_bytes);
    return stack_scan_bits(&walk->scan, frame, args, &place->args, false);
}

static struct error *visit_objects(struct walk *walk, uint64_t frame,
                                   const struct frame_place *place,
                                   const struct frame_bounds *bounds)
{
    for (uint64_t i = 0; i < place->function->object_count; i++) {
        const struct stack_object_record *record = &place->function->objects[i];
        uint64_t base = record->offset < 0 ? bounds->varp : bounds->args;
        uint64_t address = base + (uint64_t)record->offset;
        /* Below sp the frame is not built yet. */
        if (address >= walk->sp)
            TRY(stack_scan_add_object(&walk->scan, frame, address, record));
    }
    return NULL;
}

/* runtime.scanframeworker. */
static struct error *visit_pointers(struct walk *walk, uint64_t frame,
                                    const struct frame_place *place,
                                    const struct frame_bounds *bounds, bool conservative)
{
    struct stack_scan *scan = &walk->scan;
    if (conservative) {
        if (bounds->varp > walk->sp)
            TRY(stack_scan_range(scan, frame, walk->sp, bounds->varp - walk->sp));
        return visit_args(walk, frame, place, bounds->args, true);
    }
    if (walk->callee && walk->callee->role == FRAME_SIGPANIC) {
        /* It goes on at its deferreturn call, or nowhere. */
        uint32_t offset = place->function->deferreturn;
        if (!offset)
            return NULL;
        uint64_t pc = place->function->entry + offset + 1;
        TRY(stack_maps_find(walk->runtime, walk->maps, pc, &place));
        if (!place)
            return NULL;
    }
    if (bounds->varp > walk->sp) {
        if (place->locals_known)
            TRY(stack_scan_bits(scan, frame, bounds->varp - 8 * (uint64_t)place->locals.count,
                                &place->locals, false));
        else
            TRY(stack_scan_range(scan, frame, walk->sp, bounds->varp - walk->sp));
    }
    TRY(visit_args(walk, frame, place, bounds->args, false));
    return visit_objects(walk, frame, place, bounds);
}

static struct error *add_frame(struct walk *walk, const struct stack_frame *frame)
{
    TRY(vector_push(&walk->scan.frames, *frame));
    const struct stack_visitor *visitor = walk->scan.visitor;
    return visitor->frame ? visitor->frame(visitor->context, frame) : NULL;
}

/* *out_more is false behind the last frame, *out_lost true where the walk cannot go on. */
static struct error *visit_frame(struct walk *walk, bool *out_more, bool *out_lost)
{
    const struct frame_place *place;
    struct frame_bounds bounds;
    *out_more = *out_lost = false;
    TRY(stack_maps_find(walk->runtime, walk->maps, walk->pc, &place));
    if (!place || !measure(walk, place, &bounds)) {
        *out_lost = true;
        return NULL;
    }
    const struct frame_function *function = place->function;
    bool holds_registers =
        function->role == FRAME_ASYNC_PREEMPT || function->role == FRAME_DEBUG_CALL;
    bool conservative = walk->is_conservative || holds_registers;
    struct stack_frame frame = {
        .index = (uint32_t)walk->scan.frames.count,
        .function = function->index,
        .pc = walk->pc,
        .lookup_pc = walk->is_exact || walk->pc == function->entry ? walk->pc : walk->pc - 1,
        .sp = walk->sp,
        .top = bounds.args,
        .args = bounds.args,
        .args_bytes = function->args_bytes == ARGS_BYTES_UNKNOWN ? 0 : function->args_bytes,
        .conservative = conservative || (!place->locals_known && bounds.varp > walk->sp),
    };
    TRY(add_frame(walk, &frame));
    TRY(visit_pointers(walk, frame.index, place, &bounds, conservative));

    /* A thread stopped in mcall or morestack has not left its stack yet. */
    bool is_outermost = function->role == FRAME_OUTERMOST && !(frame.index == 0 && walk->is_exact);
    if (is_outermost || bounds.return_pc == 0)
        return NULL;
    /* A thread that is still on this stack has not written sp yet, here or in a callee. */
    bool may_write_sp = frame.index > (walk->g->is_running_threads ? 1u : 0u);
    if (function->role == FRAME_WRITES_SP && may_write_sp) {
        *out_lost = true;
        walk->sp = bounds.args;
        return NULL;
    }
    walk->callee = function;
    walk->pc = bounds.return_pc;
    walk->sp = bounds.args;
    walk->is_exact = is_injected(function);
    walk->is_conservative = holds_registers;
    *out_more = true;
    return NULL;
}

static struct error *visit_frames(struct walk *walk, bool *out_complete)
{
    bool more = true, lost = walk->g->is_lost;
    while (more && !lost && walk->scan.frames.count < STACK_FRAMES_MAX)
        TRY(visit_frame(walk, &more, &lost));
    *out_complete = !more && !lost;
    if (*out_complete)
        return NULL;
    const struct stack_frame rest = {
        .index = (uint32_t)walk->scan.frames.count,
        .function = PCLNTAB_NONE,
        .pc = walk->pc,
        .lookup_pc = walk->pc,
        .sp = walk->sp,
        .top = walk->scan.hi,
        .args = walk->scan.hi,
        .conservative = true,
    };
    TRY(add_frame(walk, &rest));
    return stack_scan_range(&walk->scan, rest.index, rest.sp, rest.top - rest.sp);
}

/* Registers that no map describes: every one counts. */
static struct error *visit_words(struct walk *walk, uint64_t address, const uint64_t *words,
                                 uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        TRY(stack_scan_pointer(&walk->scan, 0, address ? address + 8 * i : 0, words[i], true));
    return NULL;
}

static struct error *visit_registers(struct walk *walk)
{
    const struct goroutine *g = walk->g;
    struct go_runtime *runtime = walk->runtime;
    struct target *target = runtime->target;
    uint64_t words[EXTENDED_REGISTER_BYTES / 8], state = 0;
    if (g->is_running_threads && g->thread != THREAD_NONE && g->thread < target->threads.count) {
        TRY(visit_words(walk, 0, target->threads.data[g->thread].gp, 16));
    } else if (g->is_running_threads && g->signal_registers) {
        TRY(target_read(target, g->signal_registers, words, 16 * 8));
        TRY(visit_words(walk, g->signal_registers, words, 16));
    }
    if (!GO_HAS(runtime, g_xRegs) || g->status == G_RUNNING)
        return NULL;
    /* Go ≥ 1.26 saves vector registers of an interrupted goroutine off its stack. */
    struct error *error = target_read_u64(target, g->address + GO_OFFSET(runtime, g_xRegs), &state);
    if (!error && state) {
        error = target_read(target, state, words, sizeof(words));
        if (!error)
            return visit_words(walk, state, words, ARRAY_COUNT(words));
    }
    if (error && error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    return NULL;
}

/* What g itself holds for its stack (runtime.scanstack). */
static struct error *visit_goroutine(struct walk *walk)
{
    const struct goroutine *g = walk->g;
    struct go_runtime *runtime = walk->runtime;
    uint64_t sched = g->address + GO_OFFSET(runtime, g_sched);
    TRY(stack_scan_pointer(&walk->scan, 0, sched + GO_OFFSET(runtime, gobuf_ctxt),
                           g->closure_context, false));
    TRY(visit_registers(walk));
    TRY(stack_defers_visit(&walk->scan, walk->maps, g));
    if (g->panicking >= walk->scan.lo && g->panicking < walk->scan.hi)
        TRY(stack_scan_pointer(&walk->scan, 0, 0, g->panicking, false));
    return stack_scan_objects(&walk->scan);
}

static struct error *walk_stack(struct walk *walk, bool *out_complete)
{
    const struct goroutine *g = walk->g;
    /* A call of a nil function: the caller is what matters. */
    uint64_t pc;
    if (walk->pc == 0 && !g->is_lost && stack_scan_word(&walk->scan, walk->sp, &pc)) {
        walk->pc = pc;
        walk->sp += 8;
    }
    walk->is_exact = walk->is_conservative = g->is_running_threads;
    TRY(visit_frames(walk, out_complete));
    return visit_goroutine(walk);
}

struct error *stack_walk(struct go_runtime *runtime, const struct goroutine *g,
                         const struct stack_visitor *visitor, bool *out_complete)
{
    struct walk walk = {.runtime = runtime, .g = g, .pc = g->pc, .sp = g->sp};
    uint64_t lo = g->stack_lo, hi = g->stack_hi & ~(uint64_t)7;
    bool complete = true;
    if (lo < hi && hi - lo <= STACK_BYTES_MAX) {
        if (g->sp < lo || g->sp > hi || g->sp % 8 != 0) {
            walk.sp = (lo + 7) & ~(uint64_t)7;
            walk.pc = 0;
        }
        struct goroutine at_start = *g;
        at_start.is_lost = g->is_lost || walk.sp != g->sp;
        walk.g = &at_start;
        TRY(stack_maps_of(runtime, &walk.maps));
        struct error *error = stack_scan_init(&walk.scan, runtime, lo, walk.sp, hi);
        walk.scan.visitor = visitor;
        if (!error)
            error = walk_stack(&walk, &complete);
        stack_scan_deinit(&walk.scan);
        if (error)
            return error;
    } else if (lo || g->stack_hi) {
        complete = false;
    }
    if (out_complete)
        *out_complete = complete;
    return NULL;
}
