#include "gort/variable_types.h"

#include <stdio.h>
#include <string.h>

#include "gort/call_evidence.h"

enum { NAME_BYTES = 512 };

enum source { FROM_NOTHING, FROM_METHODS, FROM_FACTS };

struct candidate {
    const char *name;
    uint8_t source; /* enum source */
    bool differs;   /* sources of that rank say different things */
};

static void offer(struct typing *typing, struct candidate *c, enum source source, const char *name)
{
    if (c->source > source)
        return;
    if (c->source < source)
        *c = (struct candidate){
            .name = arena_copy_string(&typing->table.arena, name, strlen(name)),
            .source = (uint8_t)source,
        };
    else if (strcmp(c->name, name))
        c->differs = true;
}

/* The variable that begins at the place, or UINT32_MAX. */
static uint32_t variable_of(const struct variable_table *variables, const struct code_value *v)
{
    if (v->kind != CODE_ADDRESS || v->loads > 1 || v->offsets[v->loads])
        return UINT32_MAX;
    uint64_t address = v->base + (uint64_t)(int64_t)v->offsets[0];
    uint32_t i = variable_at(variables, address);
    return i != UINT32_MAX && variables->items.data[i].address == address ? i : UINT32_MAX;
}

/* A pointer to an array, or a slice made of one: then length and capacity follow. */
static bool is_slice(struct typing *typing, const struct variable *v, uint64_t length)
{
    return v->size >= 24 && type_word(&typing->table, v->address + 16) == length &&
           type_word(&typing->table, v->address + 8) <= length;
}

static void offer_fact(struct typing *typing, struct candidate *c, const struct variable *v,
                       const struct code_fact *fact, unsigned loads)
{
    char name[NAME_BYTES] = "";
    uint32_t type = type_at(&typing->table, fact->type);
    if (type == TYPE_NONE || loads != (fact->kind == CODE_FACT_NEW) ||
        call_evidence_says_nothing(&typing->table, type) ||
        call_evidence_is_closure(&typing->table, type))
        return;
    const struct go_type *t = &typing->table.types.data[type];
    bool made = fact->kind == CODE_FACT_NEW, array = made && fact->place == CODE_NEW_ARRAY;
    if (made && fact->place == CODE_NEW_OBJECT && t->kind == KIND_ARRAY &&
        is_slice(typing, v, t->length)) {
        type = type_at(&typing->table, t->element);
        if (type == TYPE_NONE)
            return;
        t = &typing->table.types.data[type];
        array = true;
    }
    if (array && v->size < 24)
        return;
    strcpy(name, array ? "[]" : made && fact->place == CODE_NEW_OBJECT ? "*" : "");
    strncat(name, t->name, sizeof(name) - 3);
    offer(typing, c, FROM_FACTS, name);
}

uint64_t variable_types_receiver(const char *function, char *out, uint64_t size)
{
    const char *open = strstr(function, ".(*"), *close = open ? strchr(open, ')') : NULL;
    if (!close || close[1] != '.' || !close[2])
        return 0;
    /* a literal within the method, or its wrapper for a method value: not its receiver */
    for (const char *p = close + 2; *p; p++)
        if (*p == '.' || *p == '-')
            return 0;
    uint64_t n = 0;
    if ((uint64_t)(close - function) + 2 > size)
        return 0;
    out[n++] = '*';
    for (const char *p = function; p < close; p++) {
        if (p == open + 1)
            p += 2; /* "(*" */
        unsigned escaped;
        if (*p == '%' && sscanf(p + 1, "%2x", &escaped) == 1 && escaped >= ' ') {
            out[n++] = (char)escaped;
            p += 2;
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
    return n;
}

static void offer_method(struct typing *typing, struct candidate *c, uint32_t callee,
                         unsigned loads)
{
    char name[NAME_BYTES];
    if (!variable_types_receiver(pclntab_name(typing->runtime->pclntab, callee), name,
                                 sizeof(name)))
        return;
    /* A lock at the beginning of a structure is passed by the structure's own address. Other
     * members may be, too, if less often: that makes it a guess. */
    if (!strncmp(name, "*sync.", 6) || !strncmp(name, "*sync/atomic.", 13) ||
        !strncmp(name, "*internal/", 10))
        return;
    offer(typing, c, FROM_METHODS, loads ? name : name + 1);
}

struct error *variable_types_name(struct typing *typing, const struct code_facts *facts,
                                  const struct variable_table *variables)
{
    CLEANUP_FREE struct candidate *candidates = NULL;
    TRY(memory_array(variables->items.count, sizeof(*candidates), &candidates));
    for (uint64_t i = 0; i < facts->facts.count; i++) {
        struct code_fact fact = facts->facts.data[i];
        uint32_t v = variable_of(variables, &fact.where);
        if (v == UINT32_MAX)
            continue;
        offer_fact(typing, &candidates[v], &variables->items.data[v], &fact, fact.where.loads);
    }
    for (uint64_t i = 0; i < facts->bindings.count; i++) {
        const struct code_binding *b = &facts->bindings.data[i];
        uint32_t v = b->place == 0 ? variable_of(variables, &b->value) : UINT32_MAX;
        if (v != UINT32_MAX)
            offer_method(typing, &candidates[v], b->callee, b->value.loads);
    }
    for (uint64_t i = 0; i < variables->items.count; i++) {
        struct variable *v = &variables->items.data[i];
        if (!v->type_name[0] && candidates[i].source && !candidates[i].differs) {
            v->type_name = candidates[i].name;
            v->type_guessed = candidates[i].source == FROM_METHODS;
        }
    }
    return NULL;
}
