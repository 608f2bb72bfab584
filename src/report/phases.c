#include "report/phases.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"

/* Seconds for 60 million objects in 4 GiB on two processors, in the order of a run; see
 * bench/RESULTS.md. What matters is how they relate. */
static const struct {
    const char *name;
    double weight;
} phases[] = {
    {"find the Go runtime", 0.01},
    {"read the heap's books", 0.15},
    {"read goroutines and variables", 0.01},
    {"scan the heap", 0.6},
    {"walk the roots", 0.01},
    {"find the types", 1.0},
    {"look at what holds", 0.3},
    {"read again what moved", 0.2},
    {"mark", 1.2},
    {"dominators", 1.0},
    {"leaves", 0.1},
    {"retained", 0.1},
    {"goroutines that wait for ever", 0.1},
    {PHASE_HOLDERS, 0.05},
    {PHASE_FINDINGS, 0.3},
    {PHASE_COLLECTIONS, 0.05},
    {PHASE_SHARED, 0.5},
    {PHASE_TYPES, 0.25},
};

void phases_share(const char *name, double *out_from, double *out_to)
{
    double sum = 0, from = -1, to = -1;
    for (size_t i = 0; i < ARRAY_COUNT(phases); i++) {
        if (!strcmp(phases[i].name, name)) {
            from = sum;
            to = sum + phases[i].weight;
        }
        sum += phases[i].weight;
    }
    *out_from = from < 0 ? from : from / sum;
    *out_to = to < 0 ? to : to / sum;
}
