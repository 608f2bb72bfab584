#include "gort/stack_slots.h"

#include <string.h>

#include "base/hash.h"
#include "gort/stack.h"

enum {
    KINDS_MAX = 1 << 14,
    FRAMES_MAX = 256,           /* of a goroutine, innermost ones */
    STACK_BYTES_MAX = 64 << 10, /* the same */
    NO_KIND = UINT32_MAX,
};

/* A kind of stack. Its frames and words are ranges in the lists below. */
struct kind {
    uint32_t first_frame, frames;
    uint32_t first_word, words;
    uint32_t known_words; /* of its words, those of which something is known stand first */
    uint64_t bytes;       /* from sp on, as far as it is looked at */
};

struct kind_frame {
    uint64_t return_at; /* offset from sp of the word that holds the return address */
    uint64_t return_to; /* what must stand there */
};

struct kind_word {
    uint64_t at;     /* offset from sp */
    uint64_t pc;     /* where its frame stands */
    int64_t offset;  /* from where rsp stood when the frame's function was entered */
    uint64_t known;  /* index of the first that is known of it */
    uint32_t knowns; /* how many */
};

struct stack_slots {
    struct go_runtime *runtime;
    const struct goroutine_list *goroutines;
    uint32_t *kind_of; /* by goroutine */
    VECTOR(struct kind) kinds;
    VECTOR(struct kind_frame) frames;
    VECTOR(struct kind_word) words;
    struct hash_map by_place; /* hash of pc and depth → kind + 1 */
    struct hash_map pcs;
};

/* -- the plan ------------------------------------------------------------------------------- */

struct walk {
    struct stack_slots *slots;
    const struct goroutine *g;
    VECTOR(struct stack_frame) frames;
    VECTOR(uint64_t) pointers; /* addresses of live words */
};

static struct error *note_frame(void *context, const struct stack_frame *frame)
{
    struct walk *walk = context;
    return walk->frames.count < FRAMES_MAX ? vector_push(&walk->frames, *frame) : NULL;
}

static struct error *note_pointer(void *context, const struct stack_frame *frame, uint64_t slot,
                                  uint64_t value)
{
    struct walk *walk = context;
    (void)value;
    return slot && !frame->conservative ? vector_push(&walk->pointers, slot) : NULL;
}

/* The word at `address` as one of the frame's: its local variables lie below the return address,
 * its arguments above. */
static struct error *add_word(struct walk *walk, const struct stack_frame *frame, uint64_t address)
{
    const struct kind_word word = {
        .at = address - walk->g->sp,
        .pc = frame->pc,
        .offset = (int64_t)(address - (frame->top - 8)),
    };
    if (word.at % 8 || word.at >= STACK_BYTES_MAX || frame->conservative)
        return NULL;
    return vector_push(&walk->slots->words, word);
}

static struct error *add_words(struct walk *walk)
{
    for (uint64_t i = 0; i < walk->pointers.count; i++) {
        uint64_t address = walk->pointers.data[i];
        for (uint64_t k = 0; k < walk->frames.count; k++) {
            const struct stack_frame *frame = &walk->frames.data[k];
            if (address < frame->sp || address >= frame->top)
                continue;
            TRY(add_word(walk, frame, address));
            if (k) /* the arguments of the one that it called */
                TRY(add_word(walk, &walk->frames.data[k - 1], address));
            break;
        }
    }
    return NULL;
}

static struct error *add_kind(struct walk *walk, uint32_t *out)
{
    struct stack_slots *s = walk->slots;
    struct kind kind = {
        .first_frame = (uint32_t)s->frames.count,
        .first_word = (uint32_t)s->words.count,
    };
    for (uint64_t k = 0; k < walk->frames.count; k++) {
        const struct stack_frame *frame = &walk->frames.data[k];
        uint64_t at = frame->top - 8 - walk->g->sp;
        if (at % 8 || at >= STACK_BYTES_MAX)
            break;
        if (k + 1 < walk->frames.count)
            TRY(vector_push(
                &s->frames,
                (struct kind_frame){.return_at = at, .return_to = walk->frames.data[k + 1].pc}));
        TRY(hash_map_insert(&s->pcs, frame->pc, &(uint64_t *){NULL}, NULL));
        kind.bytes = at + 8;
    }
    TRY(add_words(walk));
    kind.frames = (uint32_t)(s->frames.count - kind.first_frame);
    kind.words = (uint32_t)(s->words.count - kind.first_word);
    for (uint32_t i = 0; i < kind.words; i++)
        kind.bytes = MAX_OF(kind.bytes, s->words.data[kind.first_word + i].at + 8);
    *out = (uint32_t)s->kinds.count;
    return vector_push(&s->kinds, kind);
}

static struct error *plan_kind(struct stack_slots *slots, const struct goroutine *g, uint32_t *out)
{
    struct walk walk = {.slots = slots, .g = g};
    const struct stack_visitor visitor = {
        .frame = note_frame, .pointer = note_pointer, .context = &walk};
    bool complete;
    struct error *error = stack_walk(slots->runtime, g, &visitor, &complete);
    if (!error)
        error = add_kind(&walk, out);
    vector_deinit(&walk.frames);
    vector_deinit(&walk.pointers);
    return error;
}

static bool is_parked(const struct goroutine *g)
{
    return !g->is_running_threads && !g->is_lost && g->pc && g->sp % 8 == 0 &&
           g->sp >= g->stack_lo && g->sp < g->stack_hi;
}

static struct error *plan(struct stack_slots *slots)
{
    for (uint64_t i = 0; i < slots->goroutines->items.count; i++) {
        const struct goroutine *g = &slots->goroutines->items.data[i];
        uint64_t *index;
        bool added;
        slots->kind_of[i] = NO_KIND;
        if (!is_parked(g))
            continue;
        uint64_t key = hash_mix(g->pc ^ hash_mix(g->stack_hi - g->sp) ^ hash_mix(g->start_pc + 1));
        TRY(hash_map_insert(&slots->by_place, key ? key : 1, &index, &added));
        if (added && slots->kinds.count < KINDS_MAX) {
            uint32_t kind = NO_KIND;
            TRY(plan_kind(slots, g, &kind));
            *index = (uint64_t)kind + 1;
        }
        slots->kind_of[i] = *index ? (uint32_t)(*index - 1) : NO_KIND;
    }
    return NULL;
}

struct error *stack_slots_plan(struct go_runtime *runtime, const struct goroutine_list *goroutines,
                               struct stack_slots **out)
{
    struct stack_slots *slots;
    TRY(memory_array(1, sizeof(*slots), &slots));
    slots->runtime = runtime;
    slots->goroutines = goroutines;
    struct error *error =
        memory_array(goroutines->items.count, sizeof(*slots->kind_of), &slots->kind_of);
    if (!error)
        error = plan(slots);
    if (error) {
        stack_slots_destroy(slots);
        return error;
    }
    *out = slots;
    return NULL;
}

void stack_slots_destroy(struct stack_slots *slots)
{
    if (!slots)
        return;
    free(slots->kind_of);
    vector_deinit(&slots->kinds);
    vector_deinit(&slots->frames);
    vector_deinit(&slots->words);
    hash_map_deinit(&slots->by_place);
    hash_map_deinit(&slots->pcs);
    free(slots);
}

bool stack_slots_stand_at(const struct stack_slots *slots, uint64_t pc)
{
    return hash_map_find(&slots->pcs, pc) != NULL;
}

/* -- the visit ------------------------------------------------------------------------------ */

static bool comes_before(const struct code_frame_word *known, uint64_t pc, int64_t offset)
{
    return known->pc != pc ? known->pc < pc : known->offset < offset;
}

/* Puts the words of which something is known first. */
static void find_known(struct stack_slots *slots, struct kind *kind,
                       const struct code_frame_word *known, uint64_t count)
{
    kind->known_words = 0;
    for (uint32_t i = 0; i < kind->words; i++) {
        struct kind_word word = slots->words.data[kind->first_word + i];
        uint64_t low = 0, high = count;
        while (low < high) {
            uint64_t middle = (low + high) / 2;
            if (comes_before(&known[middle], word.pc, word.offset))
                low = middle + 1;
            else
                high = middle;
        }
        word.known = low;
        word.knowns = 0;
        while (low < count && known[low].pc == word.pc && known[low].offset == word.offset) {
            low++;
            word.knowns++;
        }
        if (!word.knowns)
            continue;
        slots->words.data[kind->first_word + i] =
            slots->words.data[kind->first_word + kind->known_words];
        slots->words.data[kind->first_word + kind->known_words++] = word;
    }
}

static bool matches(const struct stack_slots *slots, const struct kind *kind, const uint64_t *stack)
{
    for (uint32_t i = 0; i < kind->frames; i++) {
        const struct kind_frame *frame = &slots->frames.data[kind->first_frame + i];
        if (stack[frame->return_at / 8] != frame->return_to)
            return false;
    }
    return true;
}

static struct error *visit_goroutine(struct stack_slots *slots, const struct goroutine *g,
                                     const struct kind *kind, uint64_t *stack,
                                     const struct code_frame_word *known, stack_slot_visit visit,
                                     void *context)
{
    if (kind->bytes > g->stack_hi - g->sp)
        return NULL;
    TRY(target_read_sparse(slots->runtime->target, g->sp, stack, kind->bytes));
    if (!matches(slots, kind, stack))
        return NULL;
    for (uint32_t i = 0; i < kind->known_words; i++) {
        const struct kind_word *word = &slots->words.data[kind->first_word + i];
        for (uint32_t k = 0; k < word->knowns && stack[word->at / 8]; k++)
            TRY(visit(context, &known[word->known + k], stack[word->at / 8]));
    }
    return NULL;
}

struct error *stack_slots_visit(struct stack_slots *slots, const struct code_frame_word *known,
                                uint64_t count, stack_slot_visit visit, void *context)
{
    CLEANUP_FREE uint64_t *stack = NULL;
    TRY(memory_array(STACK_BYTES_MAX, 1, &stack));
    for (uint64_t i = 0; i < slots->kinds.count; i++)
        find_known(slots, &slots->kinds.data[i], known, count);
    for (uint64_t i = 0; i < slots->goroutines->items.count; i++) {
        const struct kind *kind =
            slots->kind_of[i] == NO_KIND ? NULL : &slots->kinds.data[slots->kind_of[i]];
        if (kind && kind->known_words)
            TRY(visit_goroutine(slots, &slots->goroutines->items.data[i], kind, stack, known, visit,
                                context));
    }
    return NULL;
}
