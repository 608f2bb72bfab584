#include "target/target.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "target/private.h"

/* Small reads are counted per thread first: two threads that added to one counter at each read of
 * a core would wait for its cache line longer than for the bytes. */
enum { COUNT_FLUSH_BYTES = 64 << 10 };

static void count_read(struct target *target, uint64_t n)
{
    static _Thread_local struct {
        const struct target *target;
        uint64_t bytes;
    } unflushed;
    if (unflushed.target != target) {
        unflushed.target = target;
        unflushed.bytes = 0;
    }
    unflushed.bytes += n;
    if (unflushed.bytes >= COUNT_FLUSH_BYTES) {
        __atomic_fetch_add(&target->read_bytes, unflushed.bytes, __ATOMIC_RELAXED);
        unflushed.bytes = 0;
    }
}

struct error *target_create(enum target_kind kind, struct target_private *private_part,
                            struct target **out)
{
    struct target *target;
    TRY(memory_array(1, sizeof(*target), &target));
    target->kind = kind;
    target->private = private_part;
    arena_init(&target->arena);
    *out = target;
    return NULL;
}

void target_set_time(struct target *target, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm utc;
    if (!gmtime_r(&when, &utc) ||
        !strftime(target->taken_at, sizeof(target->taken_at), "%Y-%m-%dT%H:%M:%SZ", &utc))
        target->taken_at[0] = '\0';
}

void target_release(struct target *target)
{
    if (target->private->source->release)
        target->private->source->release(target);
}

void target_destroy(struct target *target)
{
    if (!target)
        return;
    target_release(target);
    target->private->source->destroy(target);
    for (uint64_t i = 0; i < target->threads.count; i++)
        free(target->threads.data[i].registers);
    vector_deinit(&target->segments);
    vector_deinit(&target->threads);
    free(target->exe_path);
    free(target->exe_open_path);
    arena_deinit(&target->arena);
    free(target);
}

struct error *target_open(const char *name, const struct target_options *options,
                          struct target **out)
{
    const char *p = name;
    while (isdigit((unsigned char)*p))
        p++;
    if (p == name || *p)
        return target_open_core(name, options, out);
    /* Ten digits hold every pid that Linux can have (at most 2^22). */
    uint64_t pid = p - name <= 10 ? strtoull(name, NULL, 10) : UINT64_MAX;
    if (pid > INT32_MAX)
        return error_create(ERROR_OS, "no process %s", name);
    return target_open_process((pid_t)pid, options, out);
}

static struct error *check_range(uint64_t address, uint64_t n)
{
    if (n && address + (n - 1) < address)
        return error_fault(address,
                           "%" PRIu64 " bytes at 0x%" PRIx64 " reach beyond the address space", n,
                           address);
    return NULL;
}

struct error *target_read(struct target *target, uint64_t address, void *buffer, uint64_t n)
{
    if (!n)
        return NULL;
    TRY(check_range(address, n));
    TRY(target->private->source->read(target, address, buffer, n));
    count_read(target, n);
    return NULL;
}

struct error *target_read_u64(struct target *target, uint64_t address, uint64_t *out)
{
    uint64_t value;
    TRY(target_read(target, address, &value, sizeof(value)));
    *out = value;
    return NULL;
}

struct error *target_read_u32(struct target *target, uint64_t address, uint32_t *out)
{
    uint32_t value;
    TRY(target_read(target, address, &value, sizeof(value)));
    *out = value;
    return NULL;
}

struct error *target_read_sparse(struct target *target, uint64_t address, void *buffer, uint64_t n)
{
    if (!n)
        return NULL;
    TRY(check_range(address, n));
    TRY(target->private->source->read_sparse(target, address, buffer, n));
    count_read(target, n);
    return NULL;
}

struct error *target_check(struct target *target)
{
    const struct target_source *source = target->private->source;
    return source->check ? source->check(target) : NULL;
}

const void *target_view(struct target *target, uint64_t address, uint64_t n)
{
    const struct target_source *source = target->private->source;
    if (!source->view || !n || address + (n - 1) < address)
        return NULL;
    return source->view(target, address, n);
}

const struct target_segment *target_segment_at(const struct target *target, uint64_t address)
{
    uint64_t low = 0, high = target->segments.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct target_segment *segment = &target->segments.data[middle];
        if (address < segment->start)
            high = middle;
        else if (address >= segment->end)
            low = middle + 1;
        else
            return segment;
    }
    return NULL;
}
