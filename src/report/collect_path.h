/* The first steps from a holder into what it holds. Private to report. */
#ifndef LEAKHOUND_REPORT_COLLECT_PATH_H
#define LEAKHOUND_REPORT_COLLECT_PATH_H

#include "report/collect_private.h"

/* Name of a root for people; arena or longer lived. */
const char *collect_root_name(struct analysis *analysis, uint32_t root, struct arena *arena);

/* path, path_count and, when it is not known yet, type of the holder. Follows the dominator tree
 * as long as one child has at least half of what its parent retains. */
struct error *collect_path(struct analysis *analysis, uint32_t root, struct arena *arena,
                           struct report_holder *holder) ERROR_CHECK;

#endif
