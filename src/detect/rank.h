/* What comes first, and what only comes with something else. Private to detect. */
#ifndef LEAKHOUND_DETECT_RANK_H
#define LEAKHOUND_DETECT_RANK_H

#include "detect/detect.h"

/* Sorts findings by severity, bytes, confidence, and sets `cause` of those that go away with
 * another: whose objects hang below what that one cuts off, or are the same; they stand behind all
 * that are their own cause. groups:
 * findings[i] was made of groups[i]; both are sorted. O(findings² + the nodes' dominators). */
struct error *rank_findings(struct detect *detect, struct detect_group *groups,
                            struct finding *findings, uint64_t count) ERROR_CHECK;

#endif
