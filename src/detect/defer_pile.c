/* defer-pile: `defer` in a loop: the calls wait for the end of the function, and hold what they are
 * to close. */
#include "detect/detectors.h"

#include <string.h>

#include "base/bitset.h"

enum number { NUMBER_GOROUTINES, NUMBER_PILE };

struct pile_search {
    struct detect *detect;
    uint64_t *piled;   /* bitset by object: a record or closure of some pile */
    uint32_t *pile_of; /* by goroutine: index + 1 */
    uint64_t *begin;   /* by pile: of its edges in cuts; count + 3 entries */
    uint64_t *cuts;
};

/* The pile that an edge of a root leads into: what its records and closures hang on are the frames
 * of their goroutine. */
static bool pile_of_edge(const struct pile_search *s, uint64_t edge, uint32_t *out_pile)
{
    const struct analysis *a = s->detect->analysis;
    const struct root_info *info = &a->roots.infos.data[edge >> 32];
    if ((info->kind != ROOT_FRAME && info->kind != ROOT_GOROUTINE) ||
        !s->pile_of[info->goroutine] || !bitset_get(s->piled, edge & GRAPH_ID))
        return false;
    *out_pile = s->pile_of[info->goroutine] - 1;
    return true;
}

static struct error *prepare(struct pile_search *s)
{
    const struct analysis *a = s->detect->analysis;
    const struct defer_pile_table *piles = &a->facts.defer_piles;
    TRY(memory_array(bitset_words(a->graph->object_ids), sizeof(*s->piled), &s->piled));
    TRY(memory_array(a->goroutines.items.count, sizeof(*s->pile_of), &s->pile_of));
    TRY(memory_array(piles->items.count + 3, sizeof(*s->begin), &s->begin));
    for (uint64_t i = 0; i < piles->objects.count; i++)
        bitset_set(s->piled, piles->objects.data[i]);
    for (uint64_t i = 0; i < piles->items.count; i++)
        s->pile_of[piles->items.data[i].goroutine] = (uint32_t)i + 1;
    return NULL;
}

/* A goroutine that waits reaches its own g by way of its sudog, and g._defer is the chain. Gives
 * the number of edges, 0 or 1. */
static uint64_t chain_edge(const struct pile_search *s, uint64_t pile, uint64_t *out)
{
    const struct analysis *a = s->detect->analysis;
    uint32_t index = a->facts.defer_piles.items.data[pile].goroutine;
    const struct goroutine *g = &a->goroutines.items.data[index];
    uint32_t from = heap_find(&a->heap, g->address), to = heap_find(&a->heap, g->deferred);
    if (from == HEAP_NONE || to == HEAP_NONE)
        return 0;
    if (out)
        *out = (uint64_t)from << 32 | to;
    return 1;
}

/* Counted two entries high and filled one entry high, begin ends where it should be. */
static struct error *sort_cuts(struct pile_search *s)
{
    const struct graph *graph = s->detect->analysis->graph;
    uint64_t count = s->detect->analysis->facts.defer_piles.items.count;
    uint32_t pile;
    for (uint64_t i = 0; i < graph->root_edges.count; i++)
        if (pile_of_edge(s, graph->root_edges.data[i], &pile))
            s->begin[pile + 2]++;
    for (uint64_t i = 0; i < count; i++)
        s->begin[i + 2] += chain_edge(s, i, NULL);
    for (uint64_t i = 0; i <= count; i++)
        s->begin[i + 1] += s->begin[i];
    TRY(memory_array(s->begin[count + 1], sizeof(*s->cuts), &s->cuts));
    for (uint64_t i = 0; i < graph->root_edges.count; i++) {
        uint64_t edge = graph->root_edges.data[i];
        if (pile_of_edge(s, edge, &pile))
            s->cuts[s->begin[pile + 1]++] =
                (uint64_t)graph_root_node(graph, (uint32_t)(edge >> 32)) << 32 | (edge & GRAPH_ID);
    }
    for (uint64_t i = 0; i < count; i++)
        s->begin[i + 1] += chain_edge(s, i, &s->cuts[s->begin[i + 1]]);
    return NULL;
}

static struct error *add_piles(struct pile_search *s)
{
    const struct analysis *a = s->detect->analysis;
    const struct defer_pile_table *piles = &a->facts.defer_piles;
    TRY(prepare(s));
    TRY(sort_cuts(s));
    for (uint64_t i = 0; i < piles->items.count; i++) {
        const struct defer_pile *pile = &piles->items.data[i];
        uint32_t root = a->roots.goroutine_roots[pile->goroutine];
        if (root == GRAPH_NONE)
            continue;
        struct detect_case one = {
            .node = graph_root_node(a->graph, root),
            .confidence = CONFIDENCE_LIKELY,
            .cut = s->cuts + s->begin[i],
            .cut_count = s->begin[i + 1] - s->begin[i],
            .count = pile->count,
            .numbers = {[NUMBER_GOROUTINES] = 1, [NUMBER_PILE] = i},
        };
        TRY(detect_add(s->detect, &one));
    }
    return NULL;
}

static struct error *judge(struct detect *detect)
{
    struct pile_search search = {.detect = detect};
    if (!detect->analysis->facts.defer_piles.items.count)
        return NULL;
    struct error *error = add_piles(&search);
    free(search.piled);
    free(search.pile_of);
    free(search.begin);
    free(search.cuts);
    return error;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const struct defer_pile *pile =
        &detect->analysis->facts.defer_piles.items.data[group->largest.numbers[NUMBER_PILE]];
    uint64_t goroutines = group->numbers[NUMBER_GOROUTINES];
    const char *where =
        goroutines == 1
            ? ""
            : arena_printf(&detect->arena, " in %s",
                           detect_plural(detect, goroutines, "goroutine", "goroutines"));
    /* from 1.17 on what is called with arguments is a closure of the deferring function */
    uint64_t length = strlen(pile->function);
    bool named = pile->called[0] &&
                 (strncmp(pile->called, pile->function, length) || pile->called[length] != '.');
    finding->message = arena_printf(
        &detect->arena, "%s%s%s wait for the end of %s%s%s, where a loop has deferred them%s",
        detect_plural(detect, group->count, "deferred call", "deferred calls"), named ? " of " : "",
        named ? pile->called : "", pile->function[0] ? pile->function : "an unknown function",
        pile->at[0] ? " " : "", pile->at, where);
    finding->fix = "put the body of the loop into a function of its own, so that each turn's defer "
                   "runs at its end, or call it yourself without defer";
    finding_note(finding, "deferred_calls", group->count, UNIT_COUNT);
    finding_note(finding, "goroutines", goroutines, UNIT_COUNT);
}

const struct detector detector_defer_pile = {
    .id = "defer-pile",
    .class = CLASS_TEMPORARY,
    .judge = judge,
    .describe = describe,
};
