/* The first steps from a holder into what it holds. Private to report. */
#ifndef LEAKHOUND_REPORT_COLLECT_PATH_H
#define LEAKHOUND_REPORT_COLLECT_PATH_H

#include "report/collect_private.h"

/* Name of a root for people; arena or longer lived. */
const char *collect_root_name(struct analysis *analysis, uint32_t root, struct arena *arena);

enum { COLLECT_PATH_HOPS = 24 };

/* path, path_count and, when it is not known yet, type of the holder. way: COLLECT_PATH_HOPS
 * entries, the root's way down from graph_heaviest_ways. */
struct error *collect_path(struct analysis *analysis, uint32_t root, const uint32_t *way,
                           struct arena *arena, struct report_holder *holder) ERROR_CHECK;

#endif
