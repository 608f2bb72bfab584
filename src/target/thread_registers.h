/*
 * All that the kernel tells of a stopped thread: every register set, its signal mask, the signal
 * that it was about to receive. A core that debuggers read has it in its notes; unwinding needs
 * only what is in struct target_thread.
 */
#ifndef LEAKHOUND_TARGET_THREAD_REGISTERS_H
#define LEAKHOUND_TARGET_THREAD_REGISTERS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

struct target_registers {
    struct user_regs_struct general;
    struct user_fpregs_struct floating; /* x87 and SSE; zero when the kernel gave none */
    bool has_floating;
    uint64_t blocked, pending; /* signals, bit 0 is signal 1; pending: of the thread, not shared */
    siginfo_t signal;          /* si_signo is 0 when it was not about to receive one */
    uint32_t extended_size;    /* bytes; 0 when the kernel gave none */
    uint8_t extended[];        /* the XSAVE area: AVX and later, as NT_X86_XSTATE has it */
};

/* Reads those of a thread that the caller has stopped by ptrace. is_delivery: the stop is one for
 * the delivery of a signal. NULL when the thread is gone or without memory. Free with free(). Five
 * system calls, some 3 KB (11 KB with AMX). */
struct target_registers *thread_registers_read(pid_t tid, bool is_delivery);

#endif
