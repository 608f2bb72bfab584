/*
 * The notes of a core: threads and registers (NT_PRSTATUS), pid and name (NT_PRPSINFO), mapped
 * files (NT_FILE), the auxiliary vector (NT_AUXV). Layouts: Linux, include/uapi/linux/elfcore.h and
 * fs/binfmt_elf.c; gdb's gcore writes the same.
 */
#ifndef LEAKHOUND_TARGET_CORE_NOTES_H
#define LEAKHOUND_TARGET_CORE_NOTES_H

#include "target/image.h"
#include "target/target.h"

struct core_mapping {
    uint64_t start, end;
    uint64_t file_offset; /* bytes */
    const char *path;     /* within the core's bytes */
};

/* Zero-initialised it is empty. */
struct core_notes {
    pid_t pid;     /* 0 when unknown */
    char name[17]; /* as the kernel cuts it, "" when unknown */
    struct auxiliary auxiliary;
    bool has_mappings;                    /* there was an NT_FILE note */
    VECTOR(struct core_mapping) mappings; /* ascending, not overlapping */
    VECTOR(struct target_thread) threads;
};

/* Reads one PT_NOTE segment of size bytes; offset is where it starts in the file, for errors. May
 * be called for several. ERROR_FORMAT for a note that reaches beyond its segment or is too short.
 */
struct error *core_notes_parse(struct core_notes *notes, const uint8_t *bytes, uint64_t size,
                               uint64_t offset) ERROR_CHECK;
void core_notes_deinit(struct core_notes *notes);

/* The mapping that contains address, or NULL. O(log n). */
const struct core_mapping *core_mapping_at(const struct core_notes *notes, uint64_t address);

/* Whether any mapped file lies in [start, end). O(log n). */
bool core_mapping_overlaps(const struct core_notes *notes, uint64_t start, uint64_t end);

/* Path of the executable as the program saw it, by its entry point; NULL when the notes lack it. */
const char *core_notes_executable(const struct core_notes *notes);

#endif
