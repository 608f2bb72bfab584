/* Any bytes as a core: opened and read all over, or refused; never a crash or a hang. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { READS_MAX = 64 };

static void read_around(struct target *target, uint64_t address)
{
    uint8_t bytes[8192];
    uint64_t word;
    error_destroy(target_read_u64(target, address, &word));
    error_destroy(target_read(target, address - 8, bytes, sizeof(bytes)));
    error_destroy(target_read_sparse(target, address - 4096, bytes, sizeof(bytes)));
    const volatile uint8_t *view = target_view(target, address, 16);
    if (view)
        (void)(view[0] + view[15]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("core", MFD_CLOEXEC);
    if (file < 0)
        return 0;
    struct target *target = NULL;
    if (write(file, data, size) == (ssize_t)size) {
        char path[40];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
        struct target_options options = {0};
        error_destroy(target_open_core(path, &options, &target));
    }
    for (uint64_t i = 0; target && i < target->segments.count && i < READS_MAX; i++) {
        read_around(target, target->segments.data[i].start);
        read_around(target, target->segments.data[i].end);
    }
    target_destroy(target);
    close(file);
    return 0;
}
