#include "gort/locate.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

enum { SCAN_CHUNK = 1 << 20, PATTERN_MAX = 64, VERSION_MAX = 79 };

struct error *locate_pattern(struct target *target, const void *pattern, uint64_t length,
                             uint64_t alignment, bool not_executable,
                             bool (*found)(void *context, uint64_t address), void *context)
{
    CLEANUP_FREE uint8_t *buffer = NULL;
    if (length > PATTERN_MAX)
        return error_create(ERROR_LIMIT, "pattern too long");
    TRY(memory_array(SCAN_CHUNK + PATTERN_MAX, 1, &buffer));
    for (uint64_t i = 0; i < target->segments.count; i++) {
        const struct target_segment *segment = &target->segments.data[i];
        if (!segment->from_executable || !segment->readable ||
            (not_executable && segment->executable))
            continue;
        for (uint64_t at = segment->start; at < segment->end; at += SCAN_CHUNK) {
            uint64_t n = MIN_OF(segment->end - at, (uint64_t)SCAN_CHUNK + length - 1);
            TRY(target_read_sparse(target, at, buffer, n));
            for (uint64_t o = (alignment - at % alignment) % alignment;
                 o + length <= n && o < SCAN_CHUNK; o += alignment)
                if (buffer[o] == *(const uint8_t *)pattern &&
                    !memcmp(buffer + o, pattern, length) && found(context, at + o))
                    return NULL;
        }
    }
    return NULL;
}

bool locate_parse_version(const char *text, unsigned *out_minor, unsigned *out_patch)
{
    const char *p = strstr(text, "go1.");
    unsigned minor, patch = 0;
    if (!p || (p != text && strncmp(text, "devel ", 6)) ||
        sscanf(p, "go1.%3u.%3u", &minor, &patch) < 1)
        return false;
    *out_minor = minor;
    *out_patch = patch;
    return true;
}

struct build_info_search {
    struct go_runtime *runtime;
    struct error *error;
};

/* debug/buildinfo: 14 bytes of magic, pointer size, flags; flag bit 1: inline strings at +32. */
static bool build_info_at(void *context, uint64_t address)
{
    struct build_info_search *search = context;
    struct go_runtime *runtime = search->runtime;
    uint8_t bytes[32 + 10 + VERSION_MAX];
    char text[VERSION_MAX + 1] = "";
    search->error = target_read_sparse(runtime->target, address, bytes, sizeof(bytes));
    if (search->error)
        return true;
    struct cursor c = cursor_make(bytes, sizeof(bytes));
    if (bytes[15] & 2) {
        cursor_seek(&c, 32);
        uint64_t length = cursor_uleb(&c);
        const uint8_t *p = cursor_take(&c, MIN_OF(length, (uint64_t)VERSION_MAX));
        if (!p)
            return false;
        memcpy(text, p, MIN_OF(length, (uint64_t)VERSION_MAX));
    } else if (bytes[14] == 8 && !(bytes[15] & 1)) {
        cursor_seek(&c, 16);
        struct error *error = go_read_string(runtime, cursor_u64(&c), text, VERSION_MAX);
        if (error) {
            error_destroy(error); /* a stray magic: look on */
            return false;
        }
    }
    unsigned minor, patch;
    if (!locate_parse_version(text, &minor, &patch))
        return false;
    memcpy(runtime->version, text, sizeof(text));
    runtime->minor = minor;
    runtime->patch = patch;
    runtime->build_info = address;
    return true;
}

struct error *locate_version(struct go_runtime *runtime)
{
    struct build_info_search search = {.runtime = runtime};
    TRY(locate_pattern(runtime->target, "\xff Go buildinf:", 14, 16, true, build_info_at, &search));
    return search.error;
}
