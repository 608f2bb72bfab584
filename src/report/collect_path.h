/* The first steps from a holder into what it holds. Private to report. */
#ifndef LEAKHOUND_REPORT_COLLECT_PATH_H
#define LEAKHOUND_REPORT_COLLECT_PATH_H

#include "report/collect_private.h"

enum { COLLECT_PATH_HOPS = 24, COLLECT_PATH_STEPS = 8 };

/* path, path_count and, when it is not known yet, type of the holder. way: COLLECT_PATH_HOPS nodes
 * from below the root on, with GRAPH_NONE behind the last; steps_max: of the path, the holder
 * included. */
struct error *collect_path(struct analysis *analysis, uint32_t root, const uint32_t *way,
                           uint32_t steps_max, struct arena *arena,
                           struct report_holder *holder) ERROR_CHECK;

/* The edge from a node to an object as the program writes it: ".sessions", "[17]", "[key]"; "" when
 * it is not known or there is none. O(words of the node). */
const char *collect_edge(struct analysis *analysis, uint32_t from, uint32_t to,
                         struct arena *arena);
/* A part of a map that the program does not know: what it leads to is a key or a value. */
bool collect_is_map_part(const struct analysis *analysis, uint32_t id);

/* A holder without its path. */
struct report_holder collect_holder(struct analysis *analysis, uint32_t root, struct arena *arena);

#endif
