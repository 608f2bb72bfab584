#include "gort/variables.h"

#include <inttypes.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/references.h"
#include "gort/static_values.h"

enum { CODE_REFERENCES_MAX = 1 << 16 };

struct code_reference {
    uint64_t address;
    uint32_t function;
};

static struct error *add(struct variable_table *table, const struct variable *variable)
{
    uint64_t n = table->items.count;
    if (n) { /* symbols may share an address or overlap: the first one keeps its bytes */
        struct variable *last = &table->items.data[n - 1];
        if (variable->address < last->address + last->size) {
            if (variable->address == last->address)
                return NULL;
            last->size = variable->address - last->address;
        }
    }
    return vector_push(&table->items, *variable);
}

static bool is_runtime_name(const char *name)
{
    return !strncmp(name, "runtime.", 8) || !strncmp(name, "runtime/internal/", 17) ||
           !strncmp(name, "internal/runtime/", 17);
}

/* The end of the section with pointers in which address lies; 0 when it lies in none. */
static uint64_t section_end(const struct go_module *m, uint64_t address)
{
    if (address >= m->data && address < m->data_end)
        return m->data_end;
    return address >= m->bss && address < m->bss_end ? m->bss_end : 0;
}

static bool in_pointer_sections(const struct go_module *m, uint64_t address)
{
    return section_end(m, address) != 0;
}

static struct error *from_symbols(struct go_runtime *runtime, struct variable_table *table)
{
    const struct executable *executable = runtime->executable;
    for (uint64_t i = 0; i < executable->data_symbols.count; i++) {
        const struct executable_symbol *symbol = &executable->data_symbols.data[i];
        uint64_t address = symbol->address + runtime->bias;
        uint64_t end = section_end(&runtime->module, address);
        if (!end || !symbol->size)
            continue;
        TRY(add(table, &(struct variable){
                           .address = address,
                           .size = MIN_OF(symbol->size, end - address),
                           .name = symbol->name,
                           .type_name = "",
                           .is_runtime = is_runtime_name(symbol->name),
                       }));
    }
    return NULL;
}

static struct error *add_dwarf(struct go_runtime *runtime, struct variable_table *table)
{
    const struct executable_variable *variables;
    uint64_t count;
    TRY(executable_variables(runtime->executable, &variables, &count));
    for (uint64_t i = 0; i < count; i++) {
        uint32_t index = variable_at(table, variables[i].address + runtime->bias);
        if (index == UINT32_MAX ||
            table->items.data[index].address != variables[i].address + runtime->bias)
            continue;
        struct variable *v = &table->items.data[index];
        v->type_name = variables[i].type_name ? variables[i].type_name : "";
        if (variables[i].runtime_type)
            v->type_descriptor = variables[i].runtime_type + runtime->bias;
        v->value_size = variables[i].size;
        if (variables[i].type)
            TRY(executable_type_slots(runtime->executable, variables[i].type, &v->slots,
                                      &v->slot_count));
    }
    return NULL;
}

/* Only initialisers refer to it: a value that they make for a variable that points to it. */
static bool only_initialised(struct go_runtime *runtime, const struct variable *v)
{
    if (v->user_count > VARIABLE_USERS_MAX)
        return false;
    for (uint32_t i = 0; i < v->user_count; i++) {
        const char *name = pclntab_name(runtime->pclntab, v->users[i]);
        uint64_t n = strlen(name);
        if (n < 5 || strcmp(name + n - 5, ".init"))
            return false;
    }
    return true;
}

/* Stripped: initialisers that fill a static value member by member cut it into pieces. A piece that
 * nothing points to and nobody else uses goes on with the piece before it. */
static void join_pieces(struct go_runtime *runtime, struct variable_table *table,
                        const uint64_t *pointed)
{
    for (uint32_t i = 1; i < table->items.count; i++) {
        struct variable *before = &table->items.data[i - 1], *v = &table->items.data[i];
        if (!v->name[0] && v->user_count && !bitset_get(pointed, i) && before->owner != i - 1 &&
            v->owner == i && before->address + before->size == v->address &&
            only_initialised(runtime, v))
            v->owner = before->owner;
    }
}

/* Without DWARF, or where it does not lead: a nameless part of data and bss, and x..stmp_N, which
 * an initialiser made, belongs to the variable (or the other such part) that points to it. */
static struct error *find_owners(struct go_runtime *runtime, struct variable_table *table)
{
    CLEANUP_FREE uint64_t *pointed = NULL;
    TRY(memory_array(bitset_words(table->items.count), 8, &pointed));
    for (uint32_t i = 0; i < table->items.count; i++) {
        struct variable *v = &table->items.data[i];
        if (v->is_runtime || v->size > 1 << 20)
            continue;
        for (uint64_t at = (v->address + 7) & ~(uint64_t)7; at + 8 <= v->address + v->size;
             at += 8) {
            uint64_t value;
            TRY(target_read_u64(runtime->target, at, &value));
            uint32_t to = in_pointer_sections(&runtime->module, value) ? variable_at(table, value)
                                                                       : UINT32_MAX;
            if (to == UINT32_MAX || to == i || table->items.data[to].owner != to)
                continue;
            struct variable *pointee = &table->items.data[to];
            bitset_set(pointed, to);
            if (!pointee->name[0] || strstr(pointee->name, "..stmp_"))
                if (pointee->user_count == 0 ||
                    (value == pointee->address && only_initialised(runtime, pointee)))
                    pointee->owner = i;
        }
    }
    join_pieces(runtime, table, pointed);
    for (uint32_t i = 0; i < table->items.count; i++) /* chains; a cycle ends at some member */
        for (unsigned step = 0; step < 8; step++)
            table->items.data[i].owner = table->items.data[table->items.data[i].owner].owner;
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const struct code_reference *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->function < y->function ? -1 : x->function > y->function;
}

struct reference_list {
    VECTOR(struct code_reference) items;
};

/* All references of all functions into data and bss, sorted by address. */
static struct error *references_of_code(struct go_runtime *runtime, struct reference_list *list)
{
    const struct go_module *module = &runtime->module;
    CLEANUP_FREE struct reference *found = NULL;
    CLEANUP_FREE uint8_t *code = NULL;
    uint64_t capacity = 0;
    TRY(memory_array(CODE_REFERENCES_MAX, sizeof(*found), &found));
    for (uint32_t f = 0; f < pclntab_count(runtime->pclntab); f++) {
        struct pclntab_function function;
        struct error *error = pclntab_function(runtime->pclntab, f, &function);
        uint64_t size = error ? 0 : function.end - function.entry;
        error_destroy(error);
        if (!size || size > 1 << 24)
            continue;
        if (size > capacity)
            TRY(vector_grow(&code, &capacity, size, 1));
        TRY(target_read_sparse(runtime->target, function.entry, code, size));
        uint32_t n = references_in_code(code, size, function.entry, module->data, module->bss_end,
                                        found, CODE_REFERENCES_MAX);
        for (uint32_t i = 0; i < n; i++)
            TRY(vector_push(&list->items,
                            (struct code_reference){.address = found[i].address, .function = f}));
    }
    return NULL;
}

/* Pointers from data and bss into data and bss: a value begins at each. */
static struct error *references_of_data(struct go_runtime *runtime, struct reference_list *list)
{
    const struct go_module *m = &runtime->module;
    const uint64_t bounds[2][2] = {{m->data, m->data_end}, {m->bss, m->bss_end}};
    const struct go_pointer_mask *masks[2] = {&m->data_mask, &m->bss_mask};
    for (unsigned s = 0; s < 2; s++) {
        uint64_t n = MIN_OF((bounds[s][1] - bounds[s][0]) / 8, masks[s]->bits);
        CLEANUP_FREE uint64_t *words = NULL;
        TRY(memory_array(n, 8, &words));
        TRY(target_read_sparse(runtime->target, bounds[s][0], words, n * 8));
        for (uint64_t i = 0; i < n; i++)
            if ((masks[s]->bytes[i / 8] >> (i % 8) & 1) && in_pointer_sections(m, words[i]))
                TRY(vector_push(&list->items, (struct code_reference){.address = words[i],
                                                                      .function = PCLNTAB_NONE}));
    }
    return NULL;
}

static void note_user(struct go_runtime *runtime, struct variable *v, uint32_t function)
{
    if (function == PCLNTAB_NONE)
        return;
    const char *name = pclntab_name(runtime->pclntab, function);
    v->is_runtime &= is_runtime_name(name);
    for (uint32_t u = 0; u < MIN_OF(v->user_count, (uint32_t)VARIABLE_USERS_MAX); u++)
        if (v->users[u] == function)
            return;
    if (v->user_count < VARIABLE_USERS_MAX)
        v->users[v->user_count] = function;
    v->user_count++;
}

/* A piece begins at every address that code refers to, and reaches to the next. Words that no code
 * refers to (static values behind pointers) form pieces of their own at the section's start. */
static struct error *from_code(struct go_runtime *runtime, struct variable_table *table)
{
    const struct go_module *m = &runtime->module;
    struct reference_list list = {0};
    struct error *error = references_of_code(runtime, &list);
    if (!error)
        error = references_of_data(runtime, &list);
    if (list.items.count)
        qsort(list.items.data, list.items.count, sizeof(struct code_reference), by_address);
    const uint64_t bounds[2][2] = {{m->data, m->data_end}, {m->bss, m->bss_end}};
    for (unsigned s = 0; s < 2 && !error; s++) {
        struct variable piece = {.address = bounds[s][0], .name = "", .type_name = ""};
        piece.is_runtime = true;
        for (uint64_t i = 0; i <= list.items.count && !error; i++) {
            uint64_t at =
                i < list.items.count ? list.items.data[i].address & ~(uint64_t)7 : bounds[s][1];
            if (at < bounds[s][0])
                continue;
            at = MIN_OF(at, bounds[s][1]);
            if (at > piece.address) {
                piece.size = at - piece.address;
                if (!piece.user_count)
                    piece.is_runtime = false;
                error = add(table, &piece);
                piece = (struct variable){
                    .address = at, .name = "", .type_name = "", .is_runtime = true};
            }
            if (at == bounds[s][1])
                break;
            note_user(runtime, &piece, list.items.data[i].function);
        }
    }
    vector_deinit(&list.items);
    return error;
}

/* The variables whose place we know ourselves. */
static void mark_runtime(struct go_runtime *runtime, struct variable_table *table)
{
    const struct go_globals *g = &runtime->globals;
    const uint64_t own[][2] = {
        {g->mheap, GO_SIZE(runtime, mheap)},
        {g->allgs, 24},
        {g->allp, 24},
        {g->allm, 8},
        {g->sched, GO_SIZE(runtime, schedt)},
        {g->work, GO_SIZE(runtime, workType)},
        {g->allfin, 8},
        {g->finq, 8},
        {runtime->module.address, GO_SIZE(runtime, moduledata)},
    };
    for (uint64_t i = 0; i < table->items.count; i++) {
        struct variable *v = &table->items.data[i];
        for (unsigned k = 0; k < ARRAY_COUNT(own); k++)
            if (own[k][0] && v->address >= own[k][0] && v->address < own[k][0] + own[k][1])
                v->is_runtime = true;
    }
}

/* Every word that the masks call a pointer must lie in some variable: gaps between symbols. */
static struct error *fill_gaps(struct go_runtime *runtime, struct variable_table *table)
{
    const struct go_module *m = &runtime->module;
    const uint64_t bounds[2][2] = {{m->data, m->data_end}, {m->bss, m->bss_end}};
    struct variable_table filled = {0};
    struct error *error = NULL;
    uint64_t i = 0;
    for (unsigned s = 0; s < 2 && !error; s++) {
        uint64_t at = bounds[s][0];
        while (at < bounds[s][1] && !error) {
            bool more = i < table->items.count && table->items.data[i].address < bounds[s][1];
            uint64_t next = more ? table->items.data[i].address : bounds[s][1];
            if (next > at)
                error =
                    vector_push(&filled.items,
                                (struct variable){
                                    .address = at, .size = next - at, .name = "", .type_name = ""});
            at = next;
            if (more && !error) {
                error = vector_push(&filled.items, table->items.data[i]);
                at = MAX_OF(at, table->items.data[i].address + table->items.data[i].size);
                i++;
            }
        }
    }
    vector_deinit(&table->items);
    memcpy(&table->items, &filled.items, sizeof(filled.items));
    return error;
}

struct error *variable_table_read(struct go_runtime *runtime, struct variable_table *out)
{
    struct variable_table table = {0};
    struct error *error = NULL;
    arena_init(&table.arena);
    if (runtime->executable && runtime->executable->data_symbols.count)
        error = from_symbols(runtime, &table);
    if (!error && !table.items.count)
        error = from_code(runtime, &table);
    if (!error)
        error = fill_gaps(runtime, &table);
    if (!error && runtime->executable && runtime->executable->has_dwarf)
        error = add_dwarf(runtime, &table);
    if (!error) {
        mark_runtime(runtime, &table);
        for (uint32_t i = 0; i < table.items.count; i++)
            table.items.data[i].owner = i;
        error = static_values_find(runtime, &table);
    }
    if (!error)
        error = find_owners(runtime, &table);
    if (error) {
        variable_table_deinit(&table);
        return error_wrap(error, "global variables cannot be read");
    }
    *out = table;
    return NULL;
}

void variable_table_deinit(struct variable_table *table)
{
    vector_deinit(&table->items);
    arena_deinit(&table->arena);
}

uint32_t variable_at(const struct variable_table *table, uint64_t address)
{
    uint64_t low = 0, high = table->items.count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (table->items.data[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return UINT32_MAX;
    const struct variable *v = &table->items.data[low - 1];
    return address - v->address < v->size ? (uint32_t)(low - 1) : UINT32_MAX;
}

const char *variable_member(const struct variable *variable, uint64_t offset, struct arena *arena)
{
    const char *index = "";
    uint64_t step = variable->value_size;
    if (step && variable->size >= 2 * step) {
        index = arena_printf(arena, "[%" PRIu64 "]", offset / step);
        offset %= step;
    }
    for (uint32_t i = 0; i < variable->slot_count; i++) {
        const struct executable_slot *slot = &variable->slots[i];
        if (offset - slot->offset < slot->width)
            return arena_printf(arena, "%s%s", index, slot->path);
    }
    return NULL;
}
