#include "report/model.h"

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
