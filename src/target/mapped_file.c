#include "target/mapped_file.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST_FILES = 64, HANDLER_PAGE = 4096 };

/* What the handler reads is atomic; start is set last and cleared first. */
static struct slot {
    _Atomic(uintptr_t) start; /* 0: free */
    _Atomic(uint64_t) size;
    _Atomic(uint64_t) lost; /* offset + 1 of the first page that was not there */
    char *name;
} slots[MOST_FILES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for changes of slots */
static _Atomic(bool) any_lost;
static struct sigaction before;

static struct slot *slot_at(uintptr_t address)
{
    for (unsigned i = 0; i < MOST_FILES; i++) {
        uintptr_t start = atomic_load(&slots[i].start);
        if (start && address >= start && address - start < atomic_load(&slots[i].size))
            return &slots[i];
    }
    return NULL;
}

/* Returning repeats the access: with a page of zeros in place, or, for a fault that is none of
 * ours, with the handler that was there before. */
static void handle_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(HANDLER_PAGE - 1);
    struct slot *slot = info->si_code == BUS_ADRERR ? slot_at((uintptr_t)info->si_addr) : NULL;
    if (slot && mmap((void *)page, HANDLER_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                     -1, 0) != MAP_FAILED) {
        uint64_t none = 0;
        atomic_compare_exchange_strong(&slot->lost, &none, page - atomic_load(&slot->start) + 1);
        atomic_store(&any_lost, true);
    } else {
        sigaction(number, &before, NULL);
    }
    errno = saved;
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = handle_fault, .sa_flags = SA_SIGINFO}, now;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, NULL, &now) != 0 || now.sa_sigaction == handle_fault)
        return;
    before = now;
    sigaction(SIGBUS, &action, NULL);
}

/* Under lock. */
static struct error *claim(uintptr_t start, uint64_t size, const char *name)
{
    for (unsigned i = 0; i < MOST_FILES; i++) {
        if (atomic_load(&slots[i].start))
            continue;
        slots[i].name = strdup(name);
        if (!slots[i].name)
            return error_memory(strlen(name));
        atomic_store(&slots[i].size, size);
        atomic_store(&slots[i].lost, 0);
        atomic_store(&slots[i].start, start);
        return NULL;
    }
    return error_create(ERROR_LIMIT, "cannot map %s: %d files are mapped already", name,
                        MOST_FILES);
}

struct error *mapped_file_map(int file, uint64_t size, const char *name, const uint8_t **out)
{
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return error_os(errno, "cannot map %s", name);
    pthread_mutex_lock(&lock);
    install();
    struct error *error = claim((uintptr_t)bytes, size, name);
    pthread_mutex_unlock(&lock);
    if (error) {
        munmap(bytes, size);
        return error;
    }
    *out = bytes;
    return NULL;
}

void mapped_file_unmap(const uint8_t *bytes, uint64_t size)
{
    if (!bytes)
        return;
    pthread_mutex_lock(&lock);
    struct slot *slot = slot_at((uintptr_t)bytes);
    if (slot) {
        atomic_store(&slot->start, 0);
        free(slot->name);
        slot->name = NULL;
    }
    pthread_mutex_unlock(&lock);
    munmap((void *)(uintptr_t)bytes, size);
}

bool mapped_file_any_lost(void)
{
    return atomic_load_explicit(&any_lost, memory_order_relaxed);
}

struct error *mapped_file_check(const uint8_t *bytes)
{
    if (!mapped_file_any_lost())
        return NULL;
    struct error *error = NULL;
    pthread_mutex_lock(&lock);
    struct slot *slot = slot_at((uintptr_t)bytes);
    uint64_t lost = slot ? atomic_load(&slot->lost) : 0;
    if (lost)
        error = error_format(lost - 1,
                             "%s was changed while it was read: its bytes from %" PRIu64
                             " on are not there any more",
                             slot->name, lost - 1);
    pthread_mutex_unlock(&lock);
    return error;
}
