/*
 * Pages of a process that stands still, shared by all threads that read it. Walking the runtime's
 * structures takes many reads of a few bytes close together, and each would be a system call of
 * about a microsecond. 4 MiB.
 */
#ifndef LEAKHOUND_TARGET_PAGE_CACHE_H
#define LEAKHOUND_TARGET_PAGE_CACHE_H

#include "base/memory.h"

enum { CACHE_PAGE = 4096, CACHE_READ_MAX = 1024 };

struct page_cache;

struct error *page_cache_create(struct page_cache **out) ERROR_CHECK;
void page_cache_destroy(struct page_cache *cache); /* NULL is fine */

/* Copies n ≤ CACHE_READ_MAX bytes at address, reading the page from descriptor (a /proc/PID/mem)
 * when it is not there. False when the bytes cross a page, the page cannot be read, or another
 * thread has its place in the cache: then read directly. Thread safe. */
bool page_cache_read(struct page_cache *cache, int descriptor, uint64_t address, void *buffer,
                     uint64_t n);

#endif
