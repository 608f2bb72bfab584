/*
 * The notes of a core that we write, in the kernel's order and layout (Linux: fs/binfmt_elf.c,
 * fill_note_info; include/uapi/linux/elfcore.h): NT_PRSTATUS of the main thread, NT_PRPSINFO,
 * NT_SIGINFO, NT_AUXV, NT_FILE, the other register sets of the main thread, then those of each
 * other thread.
 *
 * No thread was ended by a signal, so none is named as current (pr_cursig); one that was about to
 * receive a signal has it as pending, and in an NT_SIGINFO of its own.
 */
#ifndef LEAKHOUND_TARGET_CORE_WRITE_NOTES_H
#define LEAKHOUND_TARGET_CORE_WRITE_NOTES_H

#include "target/target.h"

/* Zero-initialised it is empty. */
struct note_bytes {
    VECTOR(uint8_t) bytes;
    uint64_t threads; /* how many are in it */
};
void note_bytes_deinit(struct note_bytes *notes);
#define CLEANUP_NOTE_BYTES __attribute__((cleanup(note_bytes_deinit)))

/* All notes of a frozen live target. ERROR_OS when no thread of it is left. Some 3.5 KB a thread.
 */
struct error *core_write_notes(struct target *target, struct note_bytes *out) ERROR_CHECK;

#endif
