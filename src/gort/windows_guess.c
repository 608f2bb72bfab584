/* Windows in memory without a type: two or three words that can hardly be anything but a string or
 * a slice. What is not, sees the whole of what it leads to. */
#include <string.h>

#include "gort/size_class.h"
#include "gort/windows_work.h"

enum { TEXT_MIN = 4, TEXT_LOOKED_AT = 64 };

/* UTF-8 without control characters; the last character may be cut off. */
static bool is_text(const uint8_t *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n;) {
        uint8_t c = bytes[i++];
        unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
        if (c == 0x7f || (c < ' ' && c != '\n' && c != '\t' && c != '\r') || (c >= 0x80 && !more) ||
            c > 0xf4)
            return false;
        for (; more && i < n; more--)
            if ((bytes[i++] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static bool points_to_text(const struct windows_work *work, uint64_t address, uint64_t length)
{
    uint8_t bytes[TEXT_LOOKED_AT];
    uint64_t n = MIN_OF(length, (uint64_t)TEXT_LOOKED_AT);
    struct error *error = target_read_sparse(work->runtime->target, address, bytes, n);
    bool text = !error && is_text(bytes, n);
    error_destroy(error);
    return text;
}

/* A slice goes to the end of what was asked for when its array was made, or its capacity has been
 * cut to its length. A pointer to an array with two counters beside it does neither, but for
 * chance.
 */
static bool has_fitting_capacity(const struct windows_work *work, const struct heap_span *span,
                                 uint64_t at, const uint64_t words[3], uint64_t element)
{
    uint64_t from = span->has_header ? 8 : 0, end = at + words[2] * element;
    return (at > from && words[1] == words[2]) ||
           size_class_round(work->runtime->minor, end) == span->element_size;
}

bool windows_guess(const struct windows_work *work, uint32_t id, const uint64_t words[3],
                   struct window_slot *out, uint8_t *flags)
{
    const struct heap_span *span = heap_span_of(work->heap, id);
    uint32_t type = typing_type(work->typing, id);
    const struct go_type *t = type == TYPE_NONE ? NULL : &work->typing->table.types.data[type];
    uint64_t at = words[0] - heap_slot_address(span, id), left = span->element_size - at;
    uint64_t element = 1;
    bool ordered = words[2] && words[1] <= words[2];
    if (t && !t->pseudo)
        element = t->kind == KIND_ARRAY && t->length ? t->size / t->length : t->size;
    else if (!span->no_pointers && ordered) /* the largest that fits shows the most */
        element = left / words[2];
    else if (!span->no_pointers)
        return false;
    *flags |= WINDOWS_GUESSED;
    *out = (struct window_slot){.element = element, .type = type, .kind = KIND_SLICE};
    if (ordered && element && words[2] <= left / element &&
        has_fitting_capacity(work, span, at, words, element))
        return true;
    *out = (struct window_slot){.element = 1, .type = TYPE_NONE, .kind = KIND_STRING};
    if (!span->no_pointers || (t && !t->pseudo && t->size > 1) || words[1] < TEXT_MIN ||
        words[1] > left || !points_to_text(work, words[0], words[1]))
        return false;
    if (!at) /* as the address of a buffer with a counter beside it would */
        *flags |= WINDOWS_LOOKS;
    return true;
}
