/*
 * Where bytes come from: a live process or an ELF core behind one interface. Everything above
 * reads through target_read / target_view and never knows which it is.
 */
#ifndef LEAKHOUND_TARGET_TARGET_H
#define LEAKHOUND_TARGET_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/memory.h"

enum target_kind { TARGET_LIVE, TARGET_CORE };

/* How a live process is kept still while it is read. */
enum target_freeze {
    FREEZE_FORK, /* forked: it stands still for milliseconds, and the copy is read */
    FREEZE_STOP, /* ptrace stops every thread until target_release */
    FREEZE_NONE, /* racy: nothing is stopped */
};

struct target_segment {
    uint64_t start, end;
    uint64_t file_offset;
    bool readable, writable, executable;
    bool from_executable; /* mapped from the main executable's file, or its bss tail */
    const char *path;     /* mapped file or "[heap]"-like name, "" when anonymous */
};

/* Registers of a thread as far as unwinding needs them; amd64 order. */
struct target_thread {
    pid_t tid;
    bool has_registers;
    uint64_t pc, sp, bp;
    uint64_t gp[16]; /* rax rbx rcx rdx rsi rdi rbp rsp r8..r15 */
    uint64_t fs_base;
    char state; /* live: state in /proc/PID/task/TID/stat before we stopped it; 0 unknown */
    struct target_registers *registers; /* all of them, the target's; with full_registers only */
};

/* What a forked copy took while it was there, in bytes; beside it, the copy needs nothing. */
struct target_copy_cost {
    bool is_known;
    uint64_t page_table_bytes;
    uint64_t private_bytes; /* pages that the target changed or gave back meanwhile */
};

struct target {
    enum target_kind kind;
    enum target_freeze freeze;
    pid_t pid;           /* also of a core, 0 when unknown */
    pid_t memory_pid;    /* live: whose /proc has the memory that is read (FREEZE_FORK: the copy) */
    char *exe_path;      /* path to show; the executable as the target knows it */
    char *exe_open_path; /* what to open: /proc/PID/exe, or a file */
    VECTOR(struct target_segment) segments; /* ascending, not overlapping */
    VECTOR(struct target_thread) threads;
    uint64_t stopped_ns;               /* how long the target stood still; set by target_release */
    struct target_copy_cost copy_cost; /* FREEZE_FORK: set by target_release */
    uint64_t read_bytes;               /* bytes read so far (statistics) */
    char taken_at[32];                 /* RFC 3339, UTC */
    struct arena arena;                /* strings of segments */
    struct target_private *private;
};

struct target_options {
    enum target_freeze freeze;
    const char *exe;       /* --exe, or NULL */
    uint64_t max_pause_ns; /* FREEZE_FORK: refuse when it would take longer; 0: no limit */
    bool full_registers;   /* keep thread.registers (target/thread_registers.h) of a live process */
};

/* Opens a running process: checks that it exists, may be read (naming CAP_SYS_PTRACE when not), is
 * 64-bit little-endian ELF of this machine's architecture, and freezes it. FREEZE_FORK: see
 * target/fork_copy.h for what it takes and its errors; threads and segments are those of the moment
 * of the fork, and reading goes on even when the target ends. FREEZE_STOP: every thread is seized
 * and interrupted, new ones too, until target_release. If this process dies, for whatever reason,
 * the target goes on as if nothing had been. */
struct error *target_open_process(pid_t pid, const struct target_options *options,
                                  struct target **out) ERROR_CHECK;

/* Opens an ELF core (kernel's or gcore's), memory-mapped. Pages that the core leaves out are taken
 * from the executable: options->exe, else the one that the notes name when it is there and is the
 * same program. ERROR_FORMAT with the offset for a damaged core, a clear error for the wrong or a
 * missing executable. */
struct error *target_open_core(const char *path, const struct target_options *options,
                               struct target **out) ERROR_CHECK;

/* PID (all digits) or the path of a core. */
struct error *target_open(const char *name, const struct target_options *options,
                          struct target **out) ERROR_CHECK;

/* Lets a stopped target go on; harmless when called twice. Later reads of a live target fail. */
void target_release(struct target *target);
void target_destroy(struct target *target); /* releases first; NULL is fine */

/* All n bytes or ERROR_FAULT with the first address that could not be read (for a live target that
 * is gone: ERROR_OS saying so). Thread safe. */
struct error *target_read(struct target *target, uint64_t address, void *buffer,
                          uint64_t n) ERROR_CHECK;
struct error *target_read_u64(struct target *target, uint64_t address, uint64_t *out) ERROR_CHECK;
struct error *target_read_u32(struct target *target, uint64_t address, uint32_t *out) ERROR_CHECK;

/* Like target_read, but pages that are not there read as zero (holes in mappings, pages that the
 * core leaves out). Still an error when the target is gone. */
struct error *target_read_sparse(struct target *target, uint64_t address, void *buffer,
                                 uint64_t n) ERROR_CHECK;

/* Pointer straight into a mapped core, NULL when the bytes are not contiguous in it (or the target
 * is live); then use target_read. Valid until target_destroy. */
const void *target_view(struct target *target, uint64_t address, uint64_t n);

/* NULL while all that was read was there. A core, or its executable, that somebody cuts short while
 * it is read gives zeros from then on: ERROR_FORMAT with the offset, here and from later reads. Ask
 * before a result is shown. */
struct error *target_check(struct target *target) ERROR_CHECK;

/* The segment that contains address, or NULL. O(log n), thread safe. */
const struct target_segment *target_segment_at(const struct target *target, uint64_t address);

#endif
