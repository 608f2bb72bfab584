#include "report/model.h"

#include <string.h>

void report_init(struct report *report)
{
    *report = (struct report){0};
    arena_init(&report->arena);
}

void report_deinit(struct report *report)
{
    vector_deinit(&report->findings);
    vector_deinit(&report->holders);
    vector_deinit(&report->shared);
    vector_deinit(&report->types);
    vector_deinit(&report->goroutine_groups);
    vector_deinit(&report->collections);
    vector_deinit(&report->notes);
    arena_deinit(&report->arena);
}

/* The worst first; of a finding with none of these words nothing is known but that it is one. */
static unsigned rank_of(const char *severity)
{
    static const char *const names[] = {"critical", "warning"};
    unsigned rank = 0;
    while (rank < ARRAY_COUNT(names) && (!severity || strcmp(severity, names[rank]) != 0))
        rank++;
    return rank;
}

bool report_reaches(const struct report *report, const char *severity)
{
    for (uint64_t i = 0; i < report->findings.count; i++)
        if (rank_of(report->findings.data[i].severity) <= rank_of(severity))
            return true;
    return false;
}
