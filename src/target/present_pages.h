/*
 * Which pages of a process's anonymous memory are there (Linux: Documentation/admin-guide/mm/
 * pagemap.rst). Asked before every read of a few pages it costs as much as the read: so it is asked
 * for 2 MiB at a time and kept. For a process that stands still. 36 KiB per GiB of its mappings,
 * once they are read.
 */
#ifndef LEAKHOUND_TARGET_PRESENT_PAGES_H
#define LEAKHOUND_TARGET_PRESENT_PAGES_H

#include "target/target.h"

struct present_pages;

/* descriptor: its /proc/PID/pagemap, the caller's. Knows the anonymous segments of the target. */
struct error *present_pages_create(const struct target *target, int descriptor,
                                   struct present_pages **out) ERROR_CHECK;
void present_pages_destroy(struct present_pages *pages); /* NULL is fine */

/* How many of n bytes (n > 0) from address on are alike, and whether they are there (or swapped
 * out). What cannot be found out counts as there. segment: the target's, which holds address; its
 * index. Thread safe. */
uint64_t present_pages_run(struct present_pages *pages, uint64_t segment, uint64_t address,
                           uint64_t n, bool *out_present);

#endif
