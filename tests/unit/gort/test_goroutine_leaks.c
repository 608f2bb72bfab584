/* The fixed point of reachability on random graphs against a plain one, which goes over everything
 * until nothing changes; and what the marking below it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bitset.h"
#include "gort/goroutine_leaks.h"
#include "graph/marking.h"

enum {
    IDS = 96,
    GOROUTINES = 12,
    FRAMES = 2, /* of each */
    GLOBALS = 2,
    EDGES_MAX = 512,
    ROUNDS = 4000,
};

struct world {
    struct graph *graph;
    struct root_table roots;
    struct goroutine_list goroutines;
    struct blocked_table blocked;
    uint32_t edges[EDGES_MAX][2]; /* between objects */
    unsigned edge_count;
    uint32_t root_edges[EDGES_MAX][2];
    unsigned root_edge_count;
    bool leaf[IDS];
};

static void must(struct error *error)
{
    char text[200] = "";
    if (error)
        error_text(error, text, sizeof(text));
    assert_string_equal(text, "");
}

static uint32_t state;

static uint32_t any(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(state >> 8) * below >> 24);
}

static void make_graph(struct world *w)
{
    must(graph_create(IDS, EDGES_MAX, &w->graph));
    uint32_t next = 0;
    for (uint32_t id = 0; id < IDS; id++) {
        w->leaf[id] = any(3) == 0;
        bitset_set(w->graph->allocated, id);
        w->graph->size_words[id / 8] = 2;
    }
    for (uint32_t id = 0; id < IDS; id++) {
        w->graph->edge_begin[id] = next;
        for (uint32_t n = w->leaf[id] ? 0 : any(4); n; n--) {
            uint32_t target = any(IDS);
            w->edges[w->edge_count][0] = id;
            w->edges[w->edge_count++][1] = target;
            w->graph->edges[next++] = w->leaf[target] ? target | GRAPH_LEAF : target;
        }
    }
    w->graph->edge_begin[IDS] = next;
}

static void make_root(struct world *w, uint32_t parent, uint8_t class, uint8_t kind,
                      uint32_t goroutine, uint32_t edges)
{
    uint32_t root;
    must(graph_add_root(w->graph, parent, class, &root));
    must(vector_push(&w->roots.infos, (struct root_info){.kind = kind,
                                                         .name = "",
                                                         .variable = GRAPH_NONE,
                                                         .goroutine = goroutine,
                                                         .group = GRAPH_NONE}));
    for (; edges; edges--) {
        uint32_t target = any(IDS);
        w->root_edges[w->root_edge_count][0] = root;
        w->root_edges[w->root_edge_count++][1] = target;
        must(graph_add_root_edge(w->graph, root, w->leaf[target] ? target | GRAPH_LEAF : target));
    }
}

static void make_goroutine(struct world *w, uint32_t g)
{
    static const uint8_t operations[] = {BLOCKED_NOT,    BLOCKED_SEND,  BLOCKED_SELECT,
                                         BLOCKED_SELECT, BLOCKED_MUTEX, BLOCKED_SELECT_NO_CASES};
    uint8_t operation = operations[any(sizeof(operations))];
    w->roots.goroutine_roots[g] = (uint32_t)w->roots.infos.count;
    make_root(w, GRAPH_NONE, ROOT_CLASS_PROGRAM, ROOT_GOROUTINE, g, 0);
    uint32_t root = w->roots.goroutine_roots[g];
    for (unsigned f = 0; f < FRAMES; f++)
        make_root(w, root, 0, ROOT_FRAME, g, any(3));
    must(vector_push(&w->goroutines.items, (struct goroutine){.id = g + 1u}));
    w->blocked.operations[g] = operation;
    w->blocked.begin[g] = (uint32_t)w->blocked.objects.count;
    uint32_t objects = operation == BLOCKED_SELECT
                           ? any(3)
                           : operation == BLOCKED_SEND || operation == BLOCKED_MUTEX;
    w->blocked.blocked += operation != BLOCKED_NOT;
    for (; objects; objects--)
        must(vector_push(&w->blocked.objects, (struct blocked_object){
                                                  .object = any(12) ? any(IDS) : HEAP_NONE,
                                                  .sudog = any(2) ? any(IDS) : HEAP_NONE,
                                                  .element = any(3) ? HEAP_NONE : any(IDS),
                                              }));
}

static void make(struct world *w)
{
    memset(w, 0, sizeof(*w));
    make_graph(w);
    must(memory_array(GOROUTINES, sizeof(uint32_t), &w->roots.goroutine_roots));
    must(memory_array(GOROUTINES, 1, &w->blocked.operations));
    must(memory_array(GOROUTINES + 1, sizeof(uint32_t), &w->blocked.begin));
    w->blocked.goroutines = GOROUTINES;
    for (uint32_t r = 0; r < GLOBALS; r++)
        make_root(w, GRAPH_NONE, r ? ROOT_CLASS_RUNTIME : ROOT_CLASS_PROGRAM, ROOT_GLOBAL,
                  GRAPH_NONE, any(3));
    for (uint32_t g = 0; g < GOROUTINES; g++)
        make_goroutine(w, g);
    w->blocked.begin[GOROUTINES] = (uint32_t)w->blocked.objects.count;
    must(graph_analyse(w->graph, 1, NULL, NULL));
}

static void destroy(struct world *w)
{
    graph_destroy(w->graph);
    vector_deinit(&w->roots.infos);
    free(w->roots.goroutine_roots);
    vector_deinit(&w->goroutines.items);
    blocked_deinit(&w->blocked);
}

static bool only_in_heap(const struct world *w, uint32_t g)
{
    for (uint32_t i = w->blocked.begin[g]; i < w->blocked.begin[g + 1]; i++)
        if (w->blocked.objects.data[i].object == HEAP_NONE)
            return false;
    return true;
}

/* Does a sudog of a goroutine that was blocked in the beginning hide this edge? */
static bool hidden(const struct world *w, const uint32_t edge[2], const bool *blocked,
                   const bool *shows_elements)
{
    for (uint32_t g = 0; g < GOROUTINES; g++)
        for (uint32_t i = w->blocked.begin[g]; blocked[g] && i < w->blocked.begin[g + 1]; i++) {
            const struct blocked_object *o = &w->blocked.objects.data[i];
            if (o->sudog == edge[0] &&
                (o->object == edge[1] || (o->element == edge[1] && !shows_elements[g])))
                return true;
        }
    return false;
}

/* waits: in: those that may be leaked; out: those that are. */
static void plain(const struct world *w, const bool *blocked, const bool *shows_elements,
                  bool *waits)
{
    bool reached[IDS] = {false}, changed = true;
    for (uint32_t g = 0; g < GOROUTINES; g++)
        for (uint32_t i = w->blocked.begin[g]; shows_elements[g] && i < w->blocked.begin[g + 1];
             i++)
            if (w->blocked.objects.data[i].element != HEAP_NONE)
                reached[w->blocked.objects.data[i].element] = true;
    while (changed) {
        changed = false;
        for (unsigned i = 0; i < w->root_edge_count; i++) {
            const struct root_info *info = &w->roots.infos.data[w->root_edges[i][0]];
            bool counts = info->goroutine == GRAPH_NONE || !waits[info->goroutine];
            changed |= counts && !reached[w->root_edges[i][1]];
            reached[w->root_edges[i][1]] |= counts;
        }
        for (unsigned i = 0; i < w->edge_count; i++) {
            bool counts =
                reached[w->edges[i][0]] && !hidden(w, w->edges[i], blocked, shows_elements);
            changed |= counts && !reached[w->edges[i][1]];
            reached[w->edges[i][1]] |= counts;
        }
        for (uint32_t g = 0; g < GOROUTINES; g++)
            for (uint32_t i = w->blocked.begin[g]; waits[g] && i < w->blocked.begin[g + 1]; i++)
                if (reached[w->blocked.objects.data[i].object]) {
                    waits[g] = false;
                    changed = true;
                }
    }
}

static void equals_the_plain_fixed_point(void **unused)
{
    (void)unused;
    unsigned leaked = 0, suspected = 0, alive = 0;
    for (state = 1; state < ROUNDS; state++) {
        struct world w;
        struct goroutine_leaks leaks;
        struct go_runtime runtime = {0};
        bool blocked[GOROUTINES], waits[GOROUTINES], elements[GOROUTINES] = {false};
        uint32_t seed = state;
        make(&w);
        for (uint32_t g = 0; g < GOROUTINES; g++)
            waits[g] = blocked[g] = w.blocked.operations[g] != BLOCKED_NOT && only_in_heap(&w, g);
        must(goroutine_leaks_find(&runtime, w.graph, &w.roots, &w.goroutines, &w.blocked, &leaks));
        plain(&w, blocked, elements, waits);
        for (uint32_t g = 0; g < GOROUTINES; g++) {
            /* the main goroutine in select {} is not told */
            bool told = waits[g] && (g || w.blocked.operations[g] != BLOCKED_SELECT_NO_CASES);
            assert_int_equal(told, goroutine_leak_of(&leaks, g) != LEAK_NO);
            elements[g] = waits[g];
        }
        plain(&w, blocked, elements, waits);
        for (uint32_t g = 0; g < GOROUTINES; g++) {
            bool told = waits[g] && (g || w.blocked.operations[g] != BLOCKED_SELECT_NO_CASES);
            assert_int_equal(told, goroutine_leak_of(&leaks, g) == LEAK_PROVEN);
            leaked += told;
            suspected += goroutine_leak_of(&leaks, g) == LEAK_SUSPECTED;
            alive += blocked[g] && goroutine_leak_of(&leaks, g) == LEAK_NO;
        }
        goroutine_leaks_deinit(&leaks);
        destroy(&w);
        state = seed;
    }
    /* the rounds mean something */
    assert_true(leaked > ROUNDS / 10 && suspected > ROUNDS / 100 && alive > ROUNDS / 10);
}

static void nothing_is_proven_of_what_moved(void **unused)
{
    (void)unused;
    struct go_runtime racy = {.is_racy = true};
    unsigned suspected = 0;
    for (state = 1; state < 100; state++) {
        struct world w;
        struct goroutine_leaks leaks;
        uint32_t seed = state;
        make(&w);
        must(goroutine_leaks_find(&racy, w.graph, &w.roots, &w.goroutines, &w.blocked, &leaks));
        assert_non_null(leaks.doubt);
        for (uint32_t g = 0; g < GOROUTINES; g++) {
            assert_int_not_equal(LEAK_PROVEN, goroutine_leak_of(&leaks, g));
            suspected += goroutine_leak_of(&leaks, g) == LEAK_SUSPECTED;
        }
        goroutine_leaks_deinit(&leaks);
        destroy(&w);
        state = seed;
    }
    assert_true(suspected > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_plain_fixed_point),
        cmocka_unit_test(nothing_is_proven_of_what_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
