#include "detect/finding.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

void finding_list_deinit(struct finding_list *list)
{
    vector_deinit(&list->items);
    arena_deinit(&list->arena);
}

const char *finding_severity_name(enum finding_severity severity)
{
    static const char *const names[] = {
        [SEVERITY_INFO] = "info",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "critical",
    };
    return names[severity];
}

const char *finding_confidence_name(enum finding_confidence confidence)
{
    static const char *const names[] = {
        [CONFIDENCE_POSSIBLE] = "possible",
        [CONFIDENCE_LIKELY] = "likely",
        [CONFIDENCE_PROVEN] = "proven",
    };
    return names[confidence];
}

const char *finding_class_name(enum finding_class class)
{
    return class == CLASS_PERMANENT ? "permanent" : "temporary";
}

enum finding_severity finding_severity_of(uint64_t bytes, uint64_t live_bytes,
                                          enum finding_confidence confidence)
{
    if (confidence == CONFIDENCE_POSSIBLE || bytes < MIB)
        return SEVERITY_INFO;
    if (bytes >= GIB || bytes >= live_bytes / 5)
        return SEVERITY_CRITICAL;
    return bytes >= 64 * MIB || bytes >= live_bytes / 20 ? SEVERITY_WARNING : SEVERITY_INFO;
}
