#include "target/page_cache.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { PLACES = 1024 };

struct place {
    atomic_flag is_busy;
    uint64_t page; /* address of the page, 1 when empty */
};

struct page_cache {
    struct place places[PLACES];
    uint8_t bytes[PLACES][CACHE_PAGE];
};

struct error *page_cache_create(struct page_cache **out)
{
    struct page_cache *cache;
    TRY(memory_array(1, sizeof(*cache), &cache));
    for (unsigned i = 0; i < PLACES; i++) {
        atomic_flag_clear(&cache->places[i].is_busy);
        cache->places[i].page = 1;
    }
    *out = cache;
    return NULL;
}

void page_cache_destroy(struct page_cache *cache)
{
    free(cache);
}

bool page_cache_read(struct page_cache *cache, int descriptor, uint64_t address, void *buffer,
                     uint64_t n)
{
    uint64_t page = address & ~(uint64_t)(CACHE_PAGE - 1);
    uint64_t within = address - page;
    if (n > CACHE_READ_MAX || n > CACHE_PAGE - within)
        return false;
    /* Neighbours never push each other out. */
    uint64_t number = page / CACHE_PAGE;
    uint64_t index = (number ^ number / PLACES ^ number / PLACES / PLACES) % PLACES;
    struct place *place = &cache->places[index];
    if (atomic_flag_test_and_set_explicit(&place->is_busy, memory_order_acquire))
        return false;
    bool found = place->page == page;
    if (!found) {
        place->page = 1;
        found = pread(descriptor, cache->bytes[index], CACHE_PAGE, (off_t)page) == CACHE_PAGE;
        if (found)
            place->page = page;
    }
    if (found)
        memcpy(buffer, cache->bytes[index] + within, n);
    atomic_flag_clear_explicit(&place->is_busy, memory_order_release);
    return found;
}
