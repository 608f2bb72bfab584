#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/work_dir.h"

enum { ARENA_BLOCK_BYTES = 256 * 1024, ARENA_ALIGNMENT = 16, ON_DISK_FROM_BYTES = 1 << 20 };
#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)
/* Beyond any memory: such a size is a computation of the caller's that has overflowed. */
#define ARENA_ALLOCATION_MAX ((uint64_t)1 << 47)

struct arena_block {
    struct arena_block *next;
    uint64_t padding; /* keeps what follows 16-byte aligned */
};

void memory_free_cleanup(void *pointer_to_pointer)
{
    void *pointer;
    memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
    free(pointer);
}

struct error *memory_array(uint64_t count, uint64_t size, void *out_pointer)
{
    void *pointer = calloc(count ? count : 1, size ? size : 1);
    if (!pointer) {
        uint64_t bytes;
        return error_memory(__builtin_mul_overflow(count, size, &bytes) ? UINT64_MAX : bytes);
    }
    memcpy(out_pointer, &pointer, sizeof(pointer));
    return NULL;
}

/* The kernel puts a mapping at the boundary of huge pages when it consists of those. */
static uint64_t whole_pages(uint64_t bytes)
{
    return bytes < HUGE_PAGE_BYTES || bytes > UINT64_MAX - HUGE_PAGE_BYTES
               ? MAX_OF(bytes, (uint64_t)1)
               : (bytes + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
}

struct error *big_array(uint64_t bytes, void *out_pointer)
{
    void *pointer;
    if (bytes >= ON_DISK_FROM_BYTES && work_dir_has_begun()) {
        TRY(work_dir_map(whole_pages(bytes), &pointer));
        memcpy(out_pointer, &pointer, sizeof(pointer));
        return NULL;
    }
    pointer = mmap(NULL, whole_pages(bytes), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pointer == MAP_FAILED)
        return error_memory(bytes);
    madvise(pointer, bytes, MADV_HUGEPAGE);
    memcpy(out_pointer, &pointer, sizeof(pointer));
    return NULL;
}

void big_array_free(void *pointer, uint64_t bytes)
{
    if (pointer)
        munmap(pointer, whole_pages(bytes));
}

void *big_array_shrink(void *pointer, uint64_t bytes, uint64_t new_bytes)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t kept = whole_pages((MAX_OF(new_bytes, (uint64_t)1) + page - 1) / page * page);
    if (kept < whole_pages(bytes))
        munmap((char *)pointer + kept, whole_pages(bytes) - kept);
    return pointer;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

bool big_array_populate(void *pointer, uint64_t bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)pointer & ~(page - 1), end = (uintptr_t)pointer + bytes;
    return !bytes || madvise((void *)first, end - first, MADV_POPULATE_WRITE) == 0;
}

void big_array_discard(void *pointer, uint64_t bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)pointer + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)pointer + bytes) & ~(page - 1);
    if (first < end && !work_dir_has_begun())
        madvise((void *)first, end - first, MADV_DONTNEED);
}

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_deinit(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->next = arena->end = NULL;
}

void *arena_alloc(struct arena *arena, uint64_t bytes)
{
    assert(bytes < ARENA_ALLOCATION_MAX);
    bytes = (bytes + ARENA_ALIGNMENT - 1) & ~(uint64_t)(ARENA_ALIGNMENT - 1);
    if ((uint64_t)(arena->end - arena->next) < bytes || !arena->next) {
        uint64_t room = MAX_OF(bytes, (uint64_t)ARENA_BLOCK_BYTES);
        struct arena_block *block = calloc(1, sizeof(*block) + room);
        if (!block) {
            fputs("leakhound: out of memory\n", stderr);
            abort();
        }
        block->next = arena->blocks;
        arena->blocks = block;
        arena->next = (char *)(block + 1);
        arena->end = arena->next + room;
    }
    void *result = arena->next;
    arena->next += bytes;
    return result;
}

char *arena_copy_string(struct arena *arena, const char *text, uint64_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    char first[256];
    int length = vsnprintf(first, sizeof(first), format, args);
    va_end(args);
    uint64_t size = length > 0 ? (uint64_t)length + 1 : 1;
    char *text = arena_alloc(arena, size);
    if (size > sizeof(first))
        vsnprintf(text, size, format, again);
    else if (length > 0)
        memcpy(text, first, size);
    va_end(again);
    return text;
}

struct error *vector_grow(void *data_pointer, uint64_t *capacity, uint64_t need, uint64_t size)
{
    uint64_t wanted, bytes;
    if (__builtin_mul_overflow(*capacity, 2, &wanted))
        wanted = need;
    wanted = MAX_OF(MAX_OF(need, wanted), (uint64_t)8);
    if (__builtin_mul_overflow(wanted, size, &bytes))
        return error_memory(UINT64_MAX);
    void *data;
    memcpy(&data, data_pointer, sizeof(data));
    data = realloc(data, bytes);
    if (!data)
        return error_memory(bytes);
    memcpy(data_pointer, &data, sizeof(data));
    *capacity = wanted;
    return NULL;
}
