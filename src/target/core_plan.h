/*
 * What a core that we write is to hold: for each mapping of the target one or more pieces, each of
 * which becomes a PT_LOAD segment.
 *
 * The rules are those of the kernel's default filter (0x33 in /proc/PID/coredump_filter): what no
 * file is behind, private mappings of files as soon as a page of theirs was written, the page with
 * the ELF header of each program and library. Beyond it: all writable memory of the executable, and
 * private mappings of files that were removed since, because nobody can get these any more. Memory
 * that the program itself may not read, devices and what it excluded (MADV_DONTDUMP) stay out;
 * their segments have no bytes.
 */
#ifndef LEAKHOUND_TARGET_CORE_PLAN_H
#define LEAKHOUND_TARGET_CORE_PLAN_H

#include "target/target.h"

/* Stretches without a page that are at least this long become segments without bytes, so that the
 * file's size stays near what is in it; shorter ones become holes in the file. */
#define CORE_PLAN_GAP ((uint64_t)1 << 20)

struct core_plan_piece {
    uint64_t start, end; /* addresses */
    uint64_t bytes;      /* of them in the file, from start; 0: none */
    bool by_pages;       /* only the pages that the page map shows; else all are read */
    bool is_shared;      /* with other processes */
    bool is_vdso;        /* the kernel's code */
    bool readable, writable, executable;
};

/* Zero-initialised it is empty. */
struct core_plan {
    VECTOR(struct core_plan_piece) pieces; /* ascending, not overlapping, page by page */
    uint64_t bytes;                        /* in the file, holes included */
    uint64_t present_bytes;                /* at most so many will be copied */
};
void core_plan_deinit(struct core_plan *plan);

/* Which pages have bytes: descriptors of /proc/PID/pagemap, or -1: then all pages are taken as
 * present. A forked copy does not know yet where the memory is that the process shares with others,
 * so that the process itself is asked for that. */
struct core_page_maps {
    int own, shared;
};
struct core_page_maps core_page_maps_open(const struct target *target);
void core_page_maps_close(struct core_page_maps *maps);

/* Plans a frozen live target. with_files: private mappings of files whole. Reads smaps and the page
 * map: some 20 ms per GB. */
struct error *core_plan_make(struct target *target, const struct core_page_maps *maps,
                             bool with_files, struct core_plan *out) ERROR_CHECK;

/* Reads which of count ≤ CORE_PLAN_PAGES_AT_ONCE pages from address on have bytes (are in memory or
 * swapped out) into present. */
enum { CORE_PLAN_PAGES_AT_ONCE = 4096 };
void core_plan_present(int page_map, uint64_t address, uint64_t count, bool *present);

#endif
