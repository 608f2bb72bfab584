#include "target/thread_registers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include <elf.h>

enum {
    MOST_EXTENDED = 64 << 10, /* all state components together need 11 KB today */
    PENDING_AT_ONCE = 8,
    MOST_PENDING = 512, /* real-time signals queue; beyond this a mask has seen what there is */
};

static bool read_set(pid_t tid, uintptr_t type, void *buffer, size_t *size)
{
    struct iovec place = {buffer, *size};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)type, &place) != 0)
        return false;
    *size = place.iov_len;
    return true;
}

static uint64_t pending_signals(pid_t tid)
{
    uint64_t mask = 0;
    siginfo_t signals[PENDING_AT_ONCE];
    for (uint64_t first = 0; first < MOST_PENDING; first += PENDING_AT_ONCE) {
        struct __ptrace_peeksiginfo_args which = {.off = first, .nr = PENDING_AT_ONCE};
        long count = ptrace(PTRACE_PEEKSIGINFO, tid, &which, signals);
        for (long i = 0; i < count; i++)
            if (signals[i].si_signo >= 1 && signals[i].si_signo <= 64)
                mask |= (uint64_t)1 << (signals[i].si_signo - 1);
        if (count < PENDING_AT_ONCE)
            break;
    }
    return mask;
}

struct target_registers *thread_registers_read(pid_t tid, bool is_delivery)
{
    struct target_registers head = {0};
    uint8_t extended[MOST_EXTENDED];
    size_t general_size = sizeof(head.general), floating_size = sizeof(head.floating);
    size_t extended_size = sizeof(extended);
    if (!read_set(tid, NT_PRSTATUS, &head.general, &general_size) ||
        general_size != sizeof(head.general))
        return NULL;
    head.has_floating = read_set(tid, NT_PRFPREG, &head.floating, &floating_size) &&
                        floating_size == sizeof(head.floating);
    if (!read_set(tid, NT_X86_XSTATE, extended, &extended_size))
        extended_size = 0;
    if (ptrace(PTRACE_GETSIGMASK, tid, (void *)sizeof(head.blocked), &head.blocked) != 0)
        head.blocked = 0;
    head.pending = pending_signals(tid);
    if (is_delivery && ptrace(PTRACE_GETSIGINFO, tid, NULL, &head.signal) != 0)
        memset(&head.signal, 0, sizeof(head.signal));
    head.extended_size = (uint32_t)extended_size;
    struct target_registers *registers = malloc(sizeof(head) + extended_size);
    if (!registers)
        return NULL;
    memcpy(registers, &head, sizeof(head));
    memcpy(registers->extended, extended, extended_size);
    return registers;
}
