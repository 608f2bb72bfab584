/* Parts of a report as JSON that other documents have, too. Private to report. */
#ifndef LEAKHOUND_REPORT_JSON_PARTS_H
#define LEAKHOUND_REPORT_JSON_PARTS_H

#include "report/json_writer.h"
#include "report/model.h"

/* The objects behind a key that has been written. */
void json_put_target(struct json_writer *json, const struct report_target *target);
/* "findings": [...] of a report. */
void json_put_findings(struct json_writer *json, const struct report *report);
/* "path": [...] of a holder. */
void json_put_path(struct json_writer *json, const struct report_holder *holder);

#endif
