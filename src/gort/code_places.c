#include "gort/code_places.h"

#include <string.h>

static bool begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with));
}

static bool is_runtime(const char *name)
{
    return begins(name, "runtime.") || begins(name, "internal/runtime/");
}

static bool is_sync(const char *name)
{
    return begins(name, "sync.") || begins(name, "internal/sync.");
}

/* funcID_wrapper is the last of the ids in every version (internal/abi/symtab.go), and every
 * program has wrappers. */
uint8_t code_wrapper_id(struct go_runtime *runtime)
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

void code_places_init(struct code_places *places, struct go_runtime *runtime, struct arena *arena)
{
    *places = (struct code_places){
        .runtime = runtime, .arena = arena, .wrapper_id = code_wrapper_id(runtime)};
}

void code_places_deinit(struct code_places *places)
{
    hash_map_deinit(&places->index);
    vector_deinit(&places->items);
}

static const char *line_of(struct code_places *places, const struct pclntab_frame *frame)
{
    const char *slash = strrchr(frame->file, '/');
    return arena_printf(places->arena, "%s:%u", slash ? slash + 1 : frame->file, frame->line);
}

/* frames: innermost first, the last owns the memory. */
static struct code_place make_place(struct code_places *places, uint8_t func_id,
                                    const struct pclntab_frame *frames, uint32_t n)
{
    const struct pclntab_frame *owner = &frames[n - 1];
    bool is_wrapper = func_id == places->wrapper_id;
    struct code_place place = {
        .name = arena_printf(places->arena, "%s %s", owner->function, line_of(places, owner)),
        .at = line_of(places, &frames[0]),
        .is_runtime = is_runtime(owner->function),
        .written = !is_wrapper ? owner->function
                   : n > 1     ? frames[n - 2].function
                               : NULL,
    };
    for (uint32_t i = 0; i < n && !place.stuck; i++) {
        if (is_runtime(frames[i].function))
            continue;
        if (!place.top)
            place.top = frames[i].function;
        if (is_sync(frames[i].function))
            continue;
        place.stuck = frames[i].function;
        place.stuck_at = line_of(places, &frames[i]);
    }
    return place;
}

struct error *code_place_at(struct code_places *places, uint64_t pc, const struct code_place **out)
{
    struct pclntab *table = places->runtime->pclntab;
    struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
    struct pclntab_function function;
    uint64_t *value;
    bool added;
    *out = NULL;
    TRY(hash_map_insert(&places->index, pc + 1 ? pc + 1 : 1, &value, &added));
    if (added) {
        uint32_t index = pclntab_find(table, pc);
        uint32_t n =
            index == PCLNTAB_NONE ? 0 : pclntab_frames(table, places->runtime->target, pc, frames);
        struct error *error = n ? pclntab_function(table, index, &function) : NULL;
        if (n && !error) {
            *value = places->items.count + 1;
            TRY(vector_push(&places->items, make_place(places, function.func_id, frames, n)));
        }
        error_destroy(error);
    }
    if (*value)
        *out = &places->items.data[*value - 1];
    return NULL;
}

struct error *code_stand_note(struct code_places *places, const struct stack_frame *frame,
                              struct code_stand *stand)
{
    const struct code_place *place;
    if (frame->function == PCLNTAB_NONE)
        return NULL;
    TRY(code_place_at(places, frame->lookup_pc, &place));
    if (!place || place->is_runtime)
        return NULL;
    if (!stand->top && place->top) {
        stand->top = place->top;
        stand->top_pc = frame->lookup_pc;
    }
    if (!stand->stuck && place->stuck) {
        stand->stuck = place->stuck;
        stand->stuck_at = place->stuck_at;
        stand->stuck_pc = frame->lookup_pc;
    }
    if (place->written)
        stand->function = place->written;
    return NULL;
}
