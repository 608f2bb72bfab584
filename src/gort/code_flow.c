#include "gort/code_flow.h"

#include <string.h>

#include "gort/code_state.h"

enum {
    FUNCTION_BYTES_MAX = 1 << 20,
    SWEEPS_MAX = 12,
    JOINS_MAX = 1 << 14,
    ESCAPES_MAX = 256,
    TABLE_MAX = 1024, /* entries of a jump table */
    RESULT_REGISTERS = 5,
    RESULTS_ON_STACK_MAX = 14,
    FACTS_MAX = 1 << 22,
};

/* Where the register convention passes integers and pointers (abi-internal.md). */
static const uint8_t argument_registers[CODE_REGISTER_ARGUMENTS] = {
    AMD64_RAX, AMD64_RBX, AMD64_RCX, AMD64_RDI, AMD64_RSI, AMD64_R8, AMD64_R9, AMD64_R10, AMD64_R11,
};

struct code_walker {
    const struct code_program *program;
    struct code_values values;
    VECTOR(struct amd64_instruction) instructions;
    VECTOR(uint32_t) joins;           /* by offset in the function: index in states + 1; TARGET */
    VECTOR(struct code_state) states; /* at the joins */
    int32_t escapes[ESCAPES_MAX];     /* slots whose address is taken */
    uint32_t escape_count;
    bool tangled; /* too many joins or escapes, or a jump to nobody knows where: tells nothing */
    /* the sweep */
    const struct code_function *function;
    struct code_facts *out;
    struct code_state now;
    uint64_t at; /* offset of the instruction */
    bool reachable;
    bool again; /* a place before this one is less known than when the sweep passed it */
    struct error *error;
    uint32_t results[CODE_PLACES_MAX];  /* merged over all returns, RESULT_NONE = none yet */
    bool data_results[CODE_PLACES_MAX]; /* may be the second word of an interface */
};

enum { TARGET = UINT32_MAX, RESULT_NONE = UINT32_MAX };

void code_facts_deinit(struct code_facts *facts)
{
    vector_deinit(&facts->facts);
    vector_deinit(&facts->bindings);
    vector_deinit(&facts->summaries);
    vector_deinit(&facts->closures);
    vector_deinit(&facts->frame_words);
}

struct error *code_walker_create(const struct code_program *program, struct code_walker **out)
{
    struct code_walker *walker;
    TRY(memory_array(1, sizeof(*walker), &walker));
    walker->program = program;
    struct error *error = code_values_init(&walker->values);
    if (error) {
        free(walker);
        return error;
    }
    *out = walker;
    return NULL;
}

void code_walker_destroy(struct code_walker *walker)
{
    if (!walker)
        return;
    code_values_deinit(&walker->values);
    vector_deinit(&walker->instructions);
    vector_deinit(&walker->joins);
    vector_deinit(&walker->states);
    free(walker);
}

static void keep_error(struct code_walker *w, struct error *error)
{
    if (w->error)
        error_destroy(error);
    else
        w->error = error;
}

/* -- where ways meet ------------------------------------------------------------------------ */

static void mark_target(struct code_walker *w, uint64_t address)
{
    uint64_t offset = address - w->function->entry;
    if (offset < w->function->size)
        w->joins.data[offset] = TARGET;
}

/* Control goes from here to address. */
static void flow_to(struct code_walker *w, uint64_t address)
{
    uint64_t offset = address - w->function->entry;
    if (offset >= w->function->size || !w->joins.data[offset])
        return;
    uint32_t *join = &w->joins.data[offset];
    if (*join != TARGET) {
        if (code_state_merge(&w->values, &w->states.data[*join - 1], &w->now))
            w->again |= offset <= w->at;
        return;
    }
    if (w->states.count == JOINS_MAX) {
        w->tangled = true;
        return;
    }
    struct error *error = vector_reserve(&w->states, w->states.count + 1);
    if (error) {
        keep_error(w, error);
        return;
    }
    code_state_copy(&w->states.data[w->states.count++], &w->now);
    *join = (uint32_t)w->states.count;
    w->again |= offset <= w->at;
}

/* -- values of operands --------------------------------------------------------------------- */

static bool on_stack(const struct amd64_instruction *i)
{
    return i->base == AMD64_RSP && i->index == AMD64_NONE && !i->segment;
}

/* The value that, with *offset added, is the address of the operand in memory. */
static uint32_t address_of(struct code_walker *w, const struct amd64_instruction *i,
                           int64_t *offset)
{
    *offset = i->displacement;
    if (i->segment || i->index != AMD64_NONE || i->base == AMD64_NONE || i->base == AMD64_RSP)
        return CODE_VALUE_UNKNOWN;
    if (i->base != AMD64_RIP)
        return w->now.registers[i->base];
    *offset = 0;
    return code_value_root(&w->values, CODE_ADDRESS, (uint64_t)i->displacement, 0);
}

static bool has_escaped(const struct code_walker *w, int64_t offset)
{
    for (uint32_t i = 0; i < w->escape_count; i++)
        if (offset == w->escapes[i])
            return true;
    return false;
}

/* The address of this place in the frame is taken: others may write there. The further words of a
 * larger variable keep the types that they have anyway, and where it ends is not known. */
static void escape(struct code_walker *w, int64_t offset)
{
    for (uint32_t i = 0; i < w->escape_count; i++)
        if (w->escapes[i] == offset)
            return;
    if (w->escape_count == ESCAPES_MAX || offset < INT32_MIN / 2 || offset > INT32_MAX / 2)
        w->tangled = true;
    else
        w->escapes[w->escape_count++] = (int32_t)offset;
    w->again = true;
}

static void set_stack_word(struct code_walker *w, int64_t offset, uint32_t value)
{
    code_state_set_slot(&w->now, offset,
                        has_escaped(w, offset) ? (uint32_t)CODE_VALUE_UNKNOWN : value);
}

static uint32_t argument(const struct code_walker *w, unsigned number)
{
    if (!w->program->stack_convention)
        return number < CODE_REGISTER_ARGUMENTS ? w->now.registers[argument_registers[number]]
                                                : (uint32_t)CODE_VALUE_UNKNOWN;
    return w->now.stack == CODE_STACK_UNKNOWN
               ? (uint32_t)CODE_VALUE_UNKNOWN
               : code_state_slot(&w->now, w->now.stack + 8 * (int64_t)number);
}

/* -- what is learned ------------------------------------------------------------------------ */

static bool is_rooted(const struct code_walker *w, const struct code_value *v)
{
    const struct code_program *p = w->program;
    return (v->kind == CODE_ADDRESS && v->base >= p->data && v->base < p->data_end) ||
           v->kind == CODE_ARGUMENT || v->kind == CODE_RESULT;
}

/* An address that may be a descriptor's, 0 when the value is none. */
static uint64_t type_of(const struct code_walker *w, uint32_t value)
{
    const struct code_value *v = &w->values.items[value];
    return v->kind == CODE_ADDRESS && v->loads == 0 && v->base >= w->program->types &&
                   v->base < w->program->types_end && v->base % 8 == 0
               ? v->base
               : 0;
}

static void add_fact_at(struct code_walker *w, enum code_fact_kind kind, uint32_t where,
                        uint64_t type, unsigned place)
{
    const struct code_value *v = &w->values.items[where];
    if (is_rooted(w, v) && w->out->facts.count < FACTS_MAX)
        keep_error(w, vector_push(&w->out->facts, (struct code_fact){.where = *v,
                                                                     .type = type,
                                                                     .function = w->function->index,
                                                                     .kind = (uint8_t)kind,
                                                                     .place = (uint8_t)place}));
}

static void add_fact(struct code_walker *w, enum code_fact_kind kind, uint32_t where, uint64_t type,
                     unsigned place)
{
    uint32_t each[CODE_ALTERNATIVES_MAX];
    unsigned n = code_value_alternatives(&w->values, where, each);
    for (unsigned i = 0; i < n; i++)
        add_fact_at(w, kind, each[i], type, place);
}

/* Is it a constant address outside of the variables: a type or an itab, so that what comes after it
 * may be the data of an interface? */
static bool begins_interface(const struct code_walker *w, uint32_t value)
{
    uint32_t each[CODE_ALTERNATIVES_MAX];
    unsigned n = code_value_alternatives(&w->values, value, each);
    for (unsigned i = 0; i < n; i++) {
        const struct code_value *v = &w->values.items[each[i]];
        if (v->kind == CODE_ADDRESS && v->loads == 0 && !is_rooted(w, v))
            return true;
    }
    return false;
}

static bool is_whole(const struct code_value *v)
{
    return v->loads == 0 && v->offsets[0] == 0;
}

/* A function value is made: its entry at the beginning of what it captures. */
static void closure_made(struct code_walker *w, const struct code_value *to, int64_t offset,
                         const struct code_value *v)
{
    const struct code_program *p = w->program;
    if (v->kind == CODE_ADDRESS && v->loads == 0 && v->base >= p->text && v->base < p->text_end &&
        to->kind == CODE_NEW && to->place == CODE_NEW_OBJECT && to->offsets[0] + offset == 0)
        keep_error(w, vector_push(&w->out->closures,
                                  (struct code_closure){.entry = v->base, .type = to->base}));
}

/* [base + offset] = value. */
static void stored(struct code_walker *w, uint32_t base, int64_t offset, uint32_t value)
{
    uint32_t each[CODE_ALTERNATIVES_MAX];
    unsigned n = code_value_alternatives(&w->values, value, each);
    if (base < CODE_VALUES_FIXED || value < CODE_VALUES_FIXED)
        return;
    if (w->values.items[base].kind == CODE_NEW) {
        closure_made(w, &w->values.items[base], offset, &w->values.items[value]);
        return;
    }
    uint32_t place = code_value_load(&w->values, base, offset);
    for (unsigned i = 0; i < n; i++) {
        const struct code_value *v = &w->values.items[each[i]];
        if (!is_whole(v))
            continue;
        if (v->kind == CODE_NEW)
            add_fact(w, CODE_FACT_NEW, place, v->base, v->place);
        else if (v->kind == CODE_RESULT)
            add_fact(w, CODE_FACT_RETURNED, place, v->base, v->place);
        else if (v->kind == CODE_ARGUMENT)
            add_fact(w, CODE_FACT_PASSED, place, 0, v->place);
    }
}

static void bind_argument(struct code_walker *w, uint32_t callee, unsigned place, bool may_be_data,
                          uint32_t value)
{
    const struct code_value *v = &w->values.items[value];
    bool made = v->kind == CODE_NEW && is_whole(v) && !may_be_data;
    if ((!made && !is_rooted(w, v)) || w->out->bindings.count >= FACTS_MAX)
        return;
    keep_error(w, vector_push(&w->out->bindings, (struct code_binding){.value = *v,
                                                                       .caller = w->function->index,
                                                                       .callee = callee,
                                                                       .place = (uint16_t)place}));
}

/* All registers that may pass an argument: what is just left in one does no harm, since the callee
 * does not use it. */
static void bind_arguments(struct code_walker *w, uint32_t callee, unsigned words)
{
    uint32_t each[CODE_ALTERNATIVES_MAX];
    unsigned places = w->program->stack_convention ? MIN_OF(words, (unsigned)CODE_PLACES_MAX)
                                                   : (unsigned)CODE_REGISTER_ARGUMENTS;
    for (unsigned k = 0; k < places; k++) {
        bool may_be_data = k && begins_interface(w, argument(w, k - 1));
        unsigned n = code_value_alternatives(&w->values, argument(w, k), each);
        for (unsigned i = 0; i < n; i++)
            bind_argument(w, callee, k, may_be_data, each[i]);
    }
}

static uint32_t result_now(const struct code_walker *w, unsigned place)
{
    return w->program->stack_convention ? code_state_slot(&w->now, 8 + 8 * (int64_t)place)
                                        : w->now.registers[argument_registers[place]];
}

static void returned(struct code_walker *w)
{
    unsigned n = w->program->stack_convention
                     ? MIN_OF(w->function->argument_words, (unsigned)RESULTS_ON_STACK_MAX)
                     : (unsigned)RESULT_REGISTERS;
    for (unsigned k = 0; k < n; k++) {
        w->results[k] = w->results[k] == RESULT_NONE
                            ? result_now(w, k)
                            : code_value_merge(&w->values, w->results[k], result_now(w, k));
        w->data_results[k] |= k && begins_interface(w, result_now(w, k - 1));
    }
}

static void add_summaries(struct code_walker *w)
{
    uint32_t each[CODE_ALTERNATIVES_MAX];
    for (unsigned k = 0; k < CODE_PLACES_MAX; k++) {
        unsigned n = w->results[k] == RESULT_NONE
                         ? 0
                         : code_value_alternatives(&w->values, w->results[k], each);
        for (unsigned i = 0; i < n; i++) {
            const struct code_value *v = &w->values.items[each[i]];
            bool made = v->kind == CODE_NEW && is_whole(v) && !w->data_results[k];
            if (made || is_rooted(w, v))
                keep_error(w, vector_push(&w->out->summaries,
                                          (struct code_summary){.value = *v,
                                                                .function = w->function->index,
                                                                .place = (uint16_t)k}));
        }
    }
}

/* Before a call: the words of the frame, which it will find again when the call returns. */
static void note_frame(struct code_walker *w, uint64_t pc)
{
    uint32_t each[CODE_ALTERNATIVES_MAX];
    for (uint32_t i = 0; i < w->now.count; i++) {
        unsigned n = code_value_alternatives(&w->values, w->now.slots[i].value, each);
        for (unsigned k = 0; k < n; k++) {
            const struct code_value *v = &w->values.items[each[k]];
            if (is_whole(v) &&
                (v->kind == CODE_NEW || v->kind == CODE_ARGUMENT || v->kind == CODE_RESULT) &&
                w->out->frame_words.count < FACTS_MAX)
                keep_error(w,
                           vector_push(&w->out->frame_words,
                                       (struct code_frame_word){.value = *v,
                                                                .pc = pc,
                                                                .offset = w->now.slots[i].offset,
                                                                .function = w->function->index}));
        }
    }
}

/* -- calls ---------------------------------------------------------------------------------- */

static void forget_registers(struct code_walker *w, uint16_t which)
{
    for (; which; which &= (uint16_t)(which - 1))
        w->now.registers[__builtin_ctz(which)] = CODE_VALUE_UNKNOWN;
}

static void set_result(struct code_walker *w, unsigned place, uint32_t value)
{
    if (!w->program->stack_convention) {
        if (place < RESULT_REGISTERS)
            w->now.registers[argument_registers[place]] = value;
    } else if (w->now.stack != CODE_STACK_UNKNOWN) {
        set_stack_word(w, w->now.stack + 8 * (int64_t)place, value);
    }
}

/* After a call that is not known to keep anything: registers, and on the stack its arguments. */
static void after_call(struct code_walker *w, uint32_t callee, unsigned words)
{
    forget_registers(w, 0xffff & ~(1 << AMD64_RSP));
    bool stack = w->program->stack_convention;
    if (stack && w->now.stack != CODE_STACK_UNKNOWN)
        code_state_forget(&w->now, w->now.stack, 8 * (int64_t)words);
    if (callee == UINT32_MAX)
        return;
    unsigned n = stack ? MIN_OF(words, (unsigned)RESULTS_ON_STACK_MAX) : (unsigned)RESULT_REGISTERS;
    for (unsigned k = 0; k < n; k++)
        set_result(w, k, code_value_root(&w->values, CODE_RESULT, callee, k));
}

static void runtime_call(struct code_walker *w, uint32_t callee, const struct code_call *call)
{
    uint64_t type = type_of(w, argument(w, call->type));
    uint32_t subject = argument(w, call->subject), made = CODE_VALUE_UNKNOWN;
    switch (call->effect) {
    case CODE_CALL_BARRIER:
        stored(w, w->now.registers[AMD64_RDI], 0, w->now.registers[call->stored]);
        return;
    case CODE_CALL_BUFFER:
        w->now.registers[AMD64_R11] = CODE_VALUE_UNKNOWN;
        return;
    case CODE_CALL_AGAIN:
        w->reachable = false;
        return;
    case CODE_CALL_BLOCK:
        forget_registers(w, 1 << AMD64_RDI | 1 << AMD64_RSI | 1 << AMD64_RCX | 1 << AMD64_RAX);
        w->now.count = 0; /* a block of the frame, perhaps */
        return;
    case CODE_CALL_STORE:
        stored(w, argument(w, 0), 0, subject);
        break;
    case CODE_CALL_MAP:
        if (type)
            add_fact(w, CODE_FACT_NEW, subject, type, CODE_NEW_MAP);
        break;
    case CODE_CALL_GROW:
        if (type)
            add_fact(w, CODE_FACT_NEW, subject, type, CODE_NEW_ARRAY);
        break;
    case CODE_CALL_MOVE:
        if (type)
            add_fact(w, CODE_FACT_VALUE, argument(w, call->subject + 1u), type, 0);
        /* fallthrough */
    case CODE_CALL_CLEAR:
        if (type)
            add_fact(w, CODE_FACT_VALUE, subject, type, 0);
        break;
    default:
        break;
    }
    if (type && (call->effect == CODE_CALL_MAKE || call->effect == CODE_CALL_GROW))
        made = code_value_root(&w->values, CODE_NEW, type, call->made);
    after_call(w, callee, call->arguments);
    if (made != CODE_VALUE_UNKNOWN)
        set_result(w, w->program->stack_convention ? call->result : 0, made);
}

static void call_to(struct code_walker *w, uint64_t address)
{
    uint32_t callee = w->program->function_at(w->program->context, address);
    if (callee == UINT32_MAX) {
        after_call(w, callee, CODE_PLACES_MAX);
        return;
    }
    const struct code_call *call = w->program->call_of(w->program->context, callee);
    if (call->effect != CODE_CALL_ORDINARY) {
        runtime_call(w, callee, call);
        return;
    }
    bind_arguments(w, callee, call->arguments);
    after_call(w, callee, call->arguments);
}

/* -- instructions --------------------------------------------------------------------------- */

static void load(struct code_walker *w, const struct amd64_instruction *i)
{
    int64_t offset;
    if (on_stack(i)) {
        w->now.registers[i->reg] = w->now.stack == CODE_STACK_UNKNOWN
                                       ? (uint32_t)CODE_VALUE_UNKNOWN
                                       : code_state_slot(&w->now, w->now.stack + i->displacement);
        return;
    }
    uint32_t base = address_of(w, i, &offset);
    w->now.registers[i->reg] = code_value_load(&w->values, base, offset);
}

static void store(struct code_walker *w, const struct amd64_instruction *i, uint32_t value)
{
    int64_t offset;
    if (on_stack(i)) {
        if (w->now.stack != CODE_STACK_UNKNOWN)
            set_stack_word(w, w->now.stack + i->displacement, value);
        return;
    }
    uint32_t base = address_of(w, i, &offset);
    stored(w, base, offset, value);
}

static void take_address(struct code_walker *w, const struct amd64_instruction *i)
{
    int64_t offset;
    if (i->base == AMD64_RSP && w->now.stack != CODE_STACK_UNKNOWN && i->reg != AMD64_RBP &&
        i->displacement >= 0) /* below: the check for room on the stack */
        escape(w, w->now.stack + i->displacement);
    uint32_t base = address_of(w, i, &offset);
    w->now.registers[i->reg] = code_value_plus(&w->values, base, offset);
}

static void move_stack(struct code_walker *w, int64_t by)
{
    if (w->now.stack == CODE_STACK_UNKNOWN)
        return;
    int64_t stack = w->now.stack + by;
    w->now.stack =
        stack < INT32_MIN / 2 || stack > INT32_MAX / 2 ? CODE_STACK_UNKNOWN : (int32_t)stack;
}

static void other(struct code_walker *w, const struct amd64_instruction *i)
{
    forget_registers(w, i->writes);
    if (i->writes & 1 << AMD64_RSP)
        w->now.stack = CODE_STACK_UNKNOWN;
    if (i->writes_memory && i->base == AMD64_RSP && w->now.stack != CODE_STACK_UNKNOWN) {
        if (i->index == AMD64_NONE)
            code_state_forget(&w->now, w->now.stack + i->displacement, i->store_bytes);
        else
            w->now.count = 0;
    }
}

/* A switch: jmp [table + 8·i], with the table's address in a register. Its entries lead into the
 * function; the first that does not ends it. */
static void jump_table(struct code_walker *w, const struct amd64_instruction *i)
{
    uint64_t entries[TABLE_MAX];
    const struct code_value *v = i->has_memory && i->base < 16
                                     ? &w->values.items[w->now.registers[i->base]]
                                     : &w->values.items[CODE_VALUE_UNKNOWN];
    if (v->kind != CODE_ADDRESS || v->loads || i->shift != 3) {
        if (i->has_memory && i->index != AMD64_NONE)
            w->tangled = true;
        return;
    }
    uint32_t n = TABLE_MAX;
    while (n && !w->program->read_words(w->program->context, v->base + (uint64_t)i->displacement,
                                        entries, n))
        n /= 2;
    for (uint32_t k = 0; k < n && entries[k] - w->function->entry < w->function->size; k++) {
        uint64_t offset = entries[k] - w->function->entry;
        if (!w->joins.data[offset])
            w->joins.data[offset] = TARGET;
        flow_to(w, entries[k]);
    }
}

static void step(struct code_walker *w, const struct amd64_instruction *i)
{
    uint32_t *registers = w->now.registers;
    uint32_t old;
    if ((i->operation == AMD64_CALL || i->operation == AMD64_CALL_INDIRECT) &&
        w->program->stands_at) {
        uint64_t pc = w->function->entry + w->at + i->length;
        if (w->program->stands_at(w->program->context, pc))
            note_frame(w, pc);
    }
    switch (i->operation) {
    case AMD64_MOVE:
        if (i->reg == AMD64_RSP)
            w->now.stack = CODE_STACK_UNKNOWN;
        else
            registers[i->reg] =
                i->source == AMD64_RSP ? (uint32_t)CODE_VALUE_UNKNOWN : registers[i->source];
        break;
    case AMD64_LOAD:
        load(w, i);
        if (i->reg == AMD64_RSP)
            w->now.stack = CODE_STACK_UNKNOWN;
        break;
    case AMD64_STORE:
        store(w, i, registers[i->source]);
        break;
    case AMD64_STORE_CONSTANT:
        store(w, i, i->immediate ? (uint32_t)CODE_VALUE_UNKNOWN : (uint32_t)CODE_VALUE_ZERO);
        break;
    case AMD64_EXCHANGE:
        old = registers[i->reg];
        load(w, i);
        store(w, i, old);
        break;
    case AMD64_ADDRESS:
        take_address(w, i);
        if (i->reg == AMD64_RSP)
            w->now.stack = CODE_STACK_UNKNOWN;
        break;
    case AMD64_CONSTANT:
        registers[i->reg] = i->immediate ? (uint32_t)CODE_VALUE_UNKNOWN : (uint32_t)CODE_VALUE_ZERO;
        break;
    case AMD64_ADD_CONSTANT:
        if (i->reg == AMD64_RSP)
            move_stack(w, i->immediate);
        else
            registers[i->reg] = code_value_plus(&w->values, registers[i->reg], i->immediate);
        break;
    case AMD64_PUSH:
        move_stack(w, -8);
        if (w->now.stack != CODE_STACK_UNKNOWN)
            set_stack_word(w, w->now.stack,
                           i->reg < 16 ? registers[i->reg] : (uint32_t)CODE_VALUE_UNKNOWN);
        break;
    case AMD64_POP:
        if (i->reg < 16)
            registers[i->reg] = w->now.stack == CODE_STACK_UNKNOWN
                                    ? (uint32_t)CODE_VALUE_UNKNOWN
                                    : code_state_slot(&w->now, w->now.stack);
        move_stack(w, 8);
        break;
    case AMD64_CALL:
        call_to(w, (uint64_t)i->immediate);
        break;
    case AMD64_CALL_INDIRECT:
        after_call(w, UINT32_MAX, CODE_PLACES_MAX);
        break;
    case AMD64_BRANCH:
        flow_to(w, (uint64_t)i->immediate);
        other(w, i);
        break;
    case AMD64_JUMP:
        flow_to(w, (uint64_t)i->immediate);
        w->reachable = false;
        break;
    case AMD64_JUMP_INDIRECT:
        jump_table(w, i);
        w->reachable = false;
        break;
    case AMD64_RETURN:
        returned(w);
        w->reachable = false;
        break;
    case AMD64_TRAP:
        w->reachable = false;
        break;
    case AMD64_STRING:
        forget_registers(w, i->writes);
        w->now.count = 0;
        break;
    default:
        other(w, i);
    }
}

/* -- the function --------------------------------------------------------------------------- */

static struct error *decode(struct code_walker *w)
{
    const struct code_function *f = w->function;
    struct amd64_instruction instruction;
    w->instructions.count = 0;
    TRY(vector_reserve(&w->joins, f->size));
    memset(w->joins.data, 0, f->size * sizeof(*w->joins.data));
    for (uint64_t at = 0; at < f->size; at += instruction.length) {
        if (!amd64_decode(f->bytes + at, f->size - at, f->entry + at, &instruction)) {
            instruction = (struct amd64_instruction){.length = 1, .operation = AMD64_TRAP};
        } else if (instruction.operation == AMD64_JUMP || instruction.operation == AMD64_BRANCH) {
            mark_target(w, (uint64_t)instruction.immediate);
        }
        TRY(vector_push(&w->instructions, instruction));
    }
    return NULL;
}

static void enter(struct code_walker *w)
{
    bool stack = w->program->stack_convention;
    w->now = (struct code_state){.count = 0};
    unsigned n = stack ? MIN_OF(w->function->argument_words, (unsigned)CODE_PLACES_MAX)
                       : (unsigned)CODE_REGISTER_ARGUMENTS;
    for (unsigned k = 0; k < n; k++) {
        uint32_t value = code_value_root(&w->values, CODE_ARGUMENT, 0, k);
        if (stack)
            set_stack_word(w, 8 + 8 * (int64_t)k, value);
        else
            w->now.registers[argument_registers[k]] = value;
    }
    w->now.registers[AMD64_RDX] = code_value_root(&w->values, CODE_ARGUMENT, 0, CODE_PLACE_CONTEXT);
    w->reachable = true;
    for (unsigned k = 0; k < CODE_PLACES_MAX; k++) {
        w->results[k] = RESULT_NONE;
        w->data_results[k] = false;
    }
}

static void sweep(struct code_walker *w)
{
    enter(w);
    w->at = 0;
    for (uint64_t k = 0; k < w->instructions.count && !w->error; k++) {
        const struct amd64_instruction *i = &w->instructions.data[k];
        if (w->joins.data[w->at]) {
            if (w->reachable) {
                bool again = w->again;
                flow_to(w, w->function->entry + w->at);
                w->again = again; /* this sweep goes on with it */
            }
            if (w->joins.data[w->at] != TARGET) {
                code_state_copy(&w->now, &w->states.data[w->joins.data[w->at] - 1]);
                w->reachable = true;
            }
        }
        if (w->reachable)
            step(w, i);
        w->at += i->length;
    }
}

struct error *code_walk(struct code_walker *walker, const struct code_function *function,
                        struct code_facts *out)
{
    struct code_walker *w = walker;
    if (!function->size || function->size > FUNCTION_BYTES_MAX)
        return NULL;
    uint64_t facts = out->facts.count, bindings = out->bindings.count,
             summaries = out->summaries.count, closures = out->closures.count,
             frame_words = out->frame_words.count;
    w->function = function;
    w->out = out;
    w->states.count = 0;
    w->escape_count = 0;
    w->tangled = false;
    code_values_reset(&w->values);
    TRY(decode(w));
    w->again = true;
    for (unsigned n = 0; w->again && n < SWEEPS_MAX && !w->error && !w->tangled; n++) {
        w->again = false;
        out->facts.count = facts;
        out->bindings.count = bindings;
        out->closures.count = closures;
        out->frame_words.count = frame_words;
        sweep(w);
    }
    out->functions++;
    out->instructions += w->instructions.count;
    if (w->again || w->tangled) {
        out->facts.count = facts;
        out->bindings.count = bindings;
        out->summaries.count = summaries;
        out->closures.count = closures;
        out->frame_words.count = frame_words;
        out->given_up++;
    } else if (!w->error) {
        add_summaries(w);
    }
    struct error *error = w->error;
    w->error = NULL;
    return error;
}
