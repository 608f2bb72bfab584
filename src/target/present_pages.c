#include "target/present_pages.h"

#include <string.h>
#include <unistd.h>

#include "target/image.h"
#include "target/maps.h"

enum { WINDOW_PAGES = 512, WINDOW_WORDS = WINDOW_PAGES / 64 };

/* Two threads may ask for the same one, and find the same. */
struct window {
    uint64_t bits[WINDOW_WORDS]; /* by page: it is there */
    uint64_t is_known;
};

struct present_pages {
    int descriptor;
    uint64_t window_count;
    struct window *windows; /* big_array */
    uint64_t *first_window; /* by segment: where its windows begin */
    uint64_t *first_number; /* by segment: of its first window, in all the address space */
};

static uint64_t window_number(uint64_t address)
{
    return address / IMAGE_PAGE / WINDOW_PAGES;
}

static struct error *fill(const struct target *target, struct present_pages *pages)
{
    const uint64_t count = target->segments.count;
    TRY(memory_array(count, sizeof(uint64_t), &pages->first_window));
    TRY(memory_array(count, sizeof(uint64_t), &pages->first_number));
    for (uint64_t i = 0; i < count; i++) {
        const struct target_segment *segment = &target->segments.data[i];
        pages->first_window[i] = pages->window_count;
        pages->first_number[i] = window_number(segment->start);
        if (maps_is_anonymous(segment) && segment->readable)
            pages->window_count += window_number(segment->end - 1) - pages->first_number[i] + 1;
    }
    return big_array(pages->window_count * sizeof(struct window), &pages->windows);
}

struct error *present_pages_create(const struct target *target, int descriptor,
                                   struct present_pages **out)
{
    struct present_pages *pages;
    TRY(memory_array(1, sizeof(*pages), &pages));
    pages->descriptor = descriptor;
    struct error *error = fill(target, pages);
    if (error) {
        present_pages_destroy(pages);
        return error;
    }
    *out = pages;
    return NULL;
}

void present_pages_destroy(struct present_pages *pages)
{
    if (!pages)
        return;
    big_array_free(pages->windows, pages->window_count * sizeof(struct window));
    free(pages->first_window);
    free(pages->first_number);
    free(pages);
}

static void ask(const struct present_pages *pages, uint64_t number, struct window *window)
{
    const uint64_t present_or_swapped = (uint64_t)3 << 62;
    uint64_t entries[WINDOW_PAGES];
    ssize_t got =
        pread(pages->descriptor, entries, sizeof(entries), (off_t)(number * sizeof(entries)));
    uint64_t known = got > 0 ? (uint64_t)got / sizeof(entries[0]) : 0;
    for (uint64_t w = 0; w < WINDOW_WORDS; w++) {
        uint64_t bits = 0;
        for (uint64_t i = w * 64; i < (w + 1) * 64; i++)
            if (i >= known || entries[i] & present_or_swapped)
                bits |= (uint64_t)1 << i % 64;
        __atomic_store_n(&window->bits[w], bits, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&window->is_known, 1, __ATOMIC_RELEASE);
}

uint64_t present_pages_run(struct present_pages *pages, uint64_t segment, uint64_t address,
                           uint64_t n, bool *out_present)
{
    uint64_t page = address / IMAGE_PAGE, first = page % WINDOW_PAGES, end = first;
    uint64_t number = window_number(address);
    struct window *window =
        &pages->windows[pages->first_window[segment] + number - pages->first_number[segment]];
    if (!__atomic_load_n(&window->is_known, __ATOMIC_ACQUIRE))
        ask(pages, number, window);
    uint64_t bits = __atomic_load_n(&window->bits[first / 64], __ATOMIC_RELAXED);
    bool present = bits >> first % 64 & 1;
    for (;;) {
        uint64_t others = (present ? ~bits : bits) & UINT64_MAX << end % 64;
        if (others) {
            end = end / 64 * 64 + (uint64_t)__builtin_ctzll(others);
            break;
        }
        end = (end / 64 + 1) * 64;
        if (end == WINDOW_PAGES)
            break;
        bits = __atomic_load_n(&window->bits[end / 64], __ATOMIC_RELAXED);
    }
    *out_present = present;
    return MIN_OF(n, (page - first + end) * IMAGE_PAGE - address);
}
