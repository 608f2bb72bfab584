/*
 * Copies that an earlier run could not take back: it was killed together with its copier. Such a
 * copy is dead (its tracer's end kills it, or it ended itself), a zombie child of the target that
 * the target does not know of and therefore never waits for.
 */
#ifndef LEAKHOUND_TARGET_LEFTOVER_H
#define LEAKHOUND_TARGET_LEFTOVER_H

#include <sys/types.h>

#include "base/memory.h"

struct leftover {
    pid_t pid;
    pid_t inner_pid; /* as the target's pid namespace has it */
    bool is_alive;   /* nobody traces it: kill it first */
};

struct leftover_list {
    VECTOR(struct leftover) copies;
};

/* Marks a copy, which the caller has stopped, so that it is known for certain even when dead. */
void leftover_mark(pid_t copy);

/* Appends the copies among the children of pid. A child is one only if its end is announced by no
 * signal and it carries our mark (a resource limit, oom_score_adj) or ended itself with the status
 * that only orphaned copies have: the target's own children never match. Copies that somebody
 * traces belong to a run under way. O(children of the target). */
struct error *leftover_find(pid_t pid, struct leftover_list *list) ERROR_CHECK;

/* A process as the pid namespace of another sees it; 0 when it is gone. */
pid_t leftover_inner_pid(pid_t pid, pid_t seen_by);

#endif
