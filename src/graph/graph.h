/*
 * The object graph. It knows nothing of Go: nodes, sizes, edges and roots, all numbered.
 *
 * Nodes. Object ids run from 0 to object_ids - 1; a region of equally sized objects (a span) begins
 * at a multiple of 8, so that sizes are kept once per 8 ids. An id whose bit in `allocated` is
 * clear is a hole. Root r is the node object_ids + r; above all roots stands the super root, the
 * node object_ids + root_count.
 *
 * Roots form a tree: a root without parent is a HOLDER (a global variable, a group of goroutines);
 * a root with a parent is a part of it (one goroutine of the group, one frame of it). parent <
 * child. Only the leaves of that tree need edges, all may have them.
 *
 * Classes. What a class-0 root reaches belongs to class-0 roots alone: edges from objects that only
 * a later class reaches into it do not count. So the runtime's own lists take nothing from what a
 * variable holds.
 *
 * So an edge counts only between nodes of one class, in all that follows: dominators, retained and
 * exclusive sizes, shared sets, paths.
 *
 * Memory per object id: edge_begin 4 B, position 4 B, allocated ⅛ B, size ½ B; per edge 4 B; per
 * object with pointers 20 B more for the result. On a usual heap (1.2 edges per object, 40 % of the
 * objects with pointers) graph_analyse has its peak at 24 B per object, all of this included.
 */
#ifndef LEAKHOUND_GRAPH_GRAPH_H
#define LEAKHOUND_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

#define GRAPH_NONE UINT32_MAX
#define GRAPH_LEAF 0x80000000u /* set in an edge's target when that object has no pointers */
#define GRAPH_ID 0x7fffffffu
#define GRAPH_IDS_MAX 0x7ff00000u /* objects and roots together */

enum { GRAPH_THREADS_MAX = 64 }; /* wherever threads are asked for, more are taken as these */

struct graph_root {
    uint32_t parent; /* an earlier root, or GRAPH_NONE for a holder */
    uint32_t holder; /* the top of its parents, itself for a holder; set by graph_add_root */
    uint8_t class;   /* 0 first, at most 254; a part has its holder's class */
};

struct graph_totals {
    uint64_t allocated_objects, allocated_bytes; /* filled by the builder */
    uint64_t edges;                              /* between objects; filled by the builder */
    uint64_t reachable_objects, reachable_bytes; /* graph_analyse */
};

struct graph {
    uint32_t object_ids;  /* a multiple of 8 */
    uint64_t *allocated;  /* bitset by object id */
    uint32_t *size_words; /* by object id / 8, in units of 8 bytes */
    uint32_t *edge_begin; /* by object id: edges[edge_begin[id] .. edge_begin[id + 1]) */
    uint32_t *edges;      /* target id, | GRAPH_LEAF when the target has no pointers */
    uint64_t edge_capacity;
    VECTOR(struct graph_root) roots;
    VECTOR(uint64_t) root_edges; /* root << 32 | target (with GRAPH_LEAF); any order */
    struct graph_totals totals;
    struct graph_result *result; /* after graph_analyse */
};

/* Room for object_ids ids (rounded up to 8) and edge_capacity edges (at most UINT32_MAX). All
 * zeroed and lazily committed; the builder fills allocated, size_words, edge_begin (object_ids + 1
 * entries, ascending), edges and totals. The range of an allocated id holds exactly its edges; that
 * of an id which is not allocated is never read, so what lies between the parts of several threads
 * belongs there. A leaf has no edges. Duplicates and edges of an object to itself are harmless; an
 * edge to an id that is not allocated is the builder's fault (asserted). ERROR_LIMIT beyond the
 * bounds. */
struct error *graph_create(uint64_t object_ids, uint64_t edge_capacity,
                           struct graph **out) ERROR_CHECK;
void graph_destroy(struct graph *graph);

/* parent: an earlier root or GRAPH_NONE; with a parent, class is ignored. Before graph_analyse. */
struct error *graph_add_root(struct graph *graph, uint32_t parent, uint8_t class,
                             uint32_t *out_root) ERROR_CHECK;
/* target: object id, with GRAPH_LEAF when it has no pointers. Duplicates are harmless. */
struct error *graph_add_root_edge(struct graph *graph, uint32_t root, uint32_t target) ERROR_CHECK;

static inline uint64_t graph_object_bytes(const struct graph *graph, uint32_t id)
{
    return (uint64_t)graph->size_words[id >> 3] * 8;
}
static inline uint32_t graph_root_node(const struct graph *graph, uint32_t root)
{
    return graph->object_ids + root;
}

typedef void (*graph_progress)(void *context, const char *phase, double seconds);

/* Reachability, exact dominators, retained bytes and counts. Once per graph. threads: 1 to 64 (more
 * are taken as 64). progress (may be NULL) is called at the end of each phase: "mark",
 * "dominators", "leaves", "retained". Cost: O(objects + edges · log(objects)), in practice linear.
 * See dominators.c. */
struct error *graph_analyse(struct graph *graph, unsigned threads, graph_progress progress,
                            void *context) ERROR_CHECK;

/* All of the following need graph_analyse; node = object id, root node or super root; O(1). */
bool graph_is_reachable(const struct graph *graph, uint32_t node);
/* Class of the roots that reach the node (the lowest), 255 when unreachable. */
uint8_t graph_class_of(const struct graph *graph, uint32_t node);
/* Immediate dominator: a node, GRAPH_NONE for the super root and the unreachable. */
uint32_t graph_dominator(const struct graph *graph, uint32_t node);
/* What would become unreachable without node, itself included; a root is no object and has size 0.
 * Both 0 for the unreachable. */
uint64_t graph_retained_bytes(const struct graph *graph, uint32_t node);
uint64_t graph_retained_objects(const struct graph *graph, uint32_t node);

/* Shortest paths from the roots of each node's class: needs graph_analyse, is needed before
 * graph_parent_on_path. Breadth first over the whole graph on one thread, O(objects + edges); 4 B
 * per object id, and 4 B per object with pointers meanwhile. Does nothing the second time. */
struct error *graph_find_paths(struct graph *graph) ERROR_CHECK;
/* The node before it on a shortest path; a root's parent or the super root; GRAPH_NONE for the
 * super root and the unreachable. O(1). */
uint32_t graph_parent_on_path(const struct graph *graph, uint32_t node);
/* Gives that memory back. */
void graph_forget_paths(struct graph *graph);

/* Finds for every node the last of its dominators below the super root. O(objects), 4 B per object
 * with pointers; does nothing the second time. */
struct error *graph_find_tops(struct graph *graph) ERROR_CHECK;
/* That one: a holder, or an object that several holders reach together; the node itself where only
 * the super root dominates it; GRAPH_NONE for the super root and the unreachable. O(1), after
 * graph_find_tops. */
uint32_t graph_top(const struct graph *graph, uint32_t node);
/* Gives that memory back. */
void graph_forget_tops(struct graph *graph);

/* Calls visit for each child of node in the dominator tree that is not smaller than min_bytes
 * (retained), in no order. Leaves included. Builds an index on first use (8 B per object with
 * pointers, 4 B per leaf with several predecessors; O(objects)); not thread safe therefore. After
 * that O(children + edges of node). */
struct error *graph_dominated(struct graph *graph, uint32_t node, uint64_t min_bytes,
                              void (*visit)(void *context, uint32_t child),
                              void *context) ERROR_CHECK;

/* Gives the memory of that index back; graph_dominated would make it again. */
void graph_forget_children(struct graph *graph);

/* The ways down from `count` nodes (objects or roots): from each to its child in the dominator tree
 * with the most retained bytes (of several the lowest node), and on from there, as long as that
 * child keeps at least half of the bytes. out: `steps` entries for each node, GRAPH_NONE where its
 * way has ended. O(objects) for all together; ⅛ B per object with pointers meanwhile. */
struct error *graph_heaviest_ways(struct graph *graph, const uint32_t *nodes, uint32_t count,
                                  uint32_t steps, uint32_t *out) ERROR_CHECK;

/*
 * Sizes by type: what the types are the caller says, in pieces, so that nobody needs to store them.
 */
#define GRAPH_TYPE_MARK 0x80000000u
enum { GRAPH_TYPES_AT_ONCE = 512 };
struct graph_types {
    /* Types of the objects first … first + count - 1 into out: below types.count, perhaps with
     * GRAPH_TYPE_MARK, or GRAPH_NONE for no type; of what is not allocated or not reachable,
     * anything. count is at most GRAPH_TYPES_AT_ONCE. Called by several threads at once. */
    void (*of)(void *context, uint32_t first, uint32_t count, uint32_t *out);
    void *context;
    uint32_t count;
};
struct graph_type_sum {
    uint64_t objects, bytes; /* reachable */
    uint64_t marked_bytes;   /* of these, what was given with GRAPH_TYPE_MARK */
    uint64_t retained_bytes; /* of those that no other object of the type dominates */
};
/* out: types->count entries, overwritten. O(objects); meanwhile 4 B per object with pointers, and
 * 12 B more when types lie below each other in long turns. */
struct error *graph_sums_by_type(struct graph *graph, const struct graph_types *types,
                                 unsigned threads, struct graph_type_sum *out) ERROR_CHECK;

/*
 * What several holders reach together (dominated by the super root alone), by the exact set of
 * holders that reach it (a part of a holder counts as that). Sets of more holders than
 * GRAPH_SHARED_HOLDERS_MAX are told apart by the first of them only.
 */
struct graph_shared {
    uint32_t *holders; /* roots, ascending; owned by the list */
    uint32_t holder_count;
    bool more; /* over GRAPH_SHARED_HOLDERS_MAX holders: these are the first */
    uint64_t bytes, objects;
    uint32_t example; /* the object of the set with the largest retained bytes */
};
enum { GRAPH_SHARED_HOLDERS_MAX = 64, GRAPH_SHARED_SETS_MAX = 65536 };
struct graph_shared_list {
    /* Largest first. Beyond GRAPH_SHARED_SETS_MAX the smallest are one entry at the end, which has
     * no holders and `more`. */
    VECTOR(struct graph_shared) sets;
};
/* The sum of bytes over the list = reachable bytes − the sum of the holders' retained bytes.
 * O(objects + edges); 4 B per object with pointers, 12 B per object that only the super root
 * dominates and 12 B per edge to one beyond its first holder's meanwhile. */
struct error *graph_shared_sets(struct graph *graph, unsigned threads,
                                struct graph_shared_list *out) ERROR_CHECK;
void graph_shared_list_deinit(struct graph_shared_list *list);

/*
 * Exclusive sizes of a set of edges: what becomes unreachable without them (an object that then
 * only a later class refers to counts as unreachable).
 */
struct graph_cut {
    const uint64_t *edges;   /* source node (object or root) << 32 | target id, in any order; a pair
                                stands for all edges from that source to that target */
    uint64_t count;          /* of edges; those that do not exist change nothing */
    uint64_t bytes, objects; /* the answer */
};
/* Answers `count` independent questions, several at once on as many threads. A question costs its
 * edges and the objects and edges below the nearest node that strictly dominates all its targets:
 * little for what one container holds. Where that is much of the heap, for instance because holders
 * share a target, up to 64 questions together cost one walk of the graph on one thread. Memory: for
 * each thread ⅛ B per object id and per object with pointers, and 4 B per object with pointers that
 * is walked over; for large questions 8 B per object with pointers and per leaf with several
 * predecessors. */
struct error *graph_exclusive_of_each(struct graph *graph, struct graph_cut *cuts, uint64_t count,
                                      unsigned threads) ERROR_CHECK;
/* The same for one set of edges. */
struct error *graph_exclusive(struct graph *graph, const uint64_t *cut_edges, uint64_t cut_count,
                              uint64_t *out_bytes, uint64_t *out_objects) ERROR_CHECK;

#endif
