#include "gort/window.h"

struct error *window_init(struct window *window, struct target *target)
{
    *window = (struct window){.target = target};
    return memory_array(WINDOW_BYTES + 64, 1, &window->buffer);
}

void window_deinit(struct window *window)
{
    free(window->buffer);
    *window = (struct window){0};
}

struct error *window_get(struct window *window, uint64_t address, uint64_t n, uint64_t ahead,
                         const uint8_t **out)
{
    if (address >= window->start && address - window->start <= window->size &&
        n <= window->size - (address - window->start)) {
        *out = window->bytes + (address - window->start);
        return NULL;
    }
    const uint8_t *view = NULL;
    uint64_t size = MAX_OF(n, ahead);
    if (size > n)
        view = target_view(window->target, address, size);
    if (!view) {
        view = target_view(window->target, address, n);
        size = view ? n : MAX_OF(n, MIN_OF(ahead, (uint64_t)WINDOW_BYTES));
    }
    if (!view) {
        if (size > WINDOW_BYTES)
            return error_create(ERROR_LIMIT, "a window of %d bytes is too small", WINDOW_BYTES);
        window->size = 0;
        TRY(target_read_sparse(window->target, address, window->buffer, size));
        view = window->buffer;
    }
    window->start = address;
    window->size = size;
    window->bytes = view;
    *out = view;
    return NULL;
}
