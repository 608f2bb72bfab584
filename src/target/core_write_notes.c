#include "target/core_write_notes.h"

#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include <elf.h>

#include "target/image.h"
#include "target/proc.h"
#include "target/thread_registers.h"

/* What /proc/PID/stat and status say, as far as notes want it. */
struct identity {
    char state;
    int parent, group, session, nice;
    unsigned user, user_group;
    unsigned long flags;
};

void note_bytes_deinit(struct note_bytes *notes)
{
    vector_deinit(&notes->bytes);
}

static struct error *append(struct note_bytes *notes, const void *bytes, uint64_t size)
{
    uint64_t padded = (size + 3) & ~(uint64_t)3;
    TRY(vector_reserve(&notes->bytes, notes->bytes.count + padded));
    uint8_t *to = notes->bytes.data + notes->bytes.count;
    memset(to, 0, padded);
    if (size)
        memcpy(to, bytes, size);
    notes->bytes.count += padded;
    return NULL;
}

static struct error *add_note(struct note_bytes *notes, const char *name, uint32_t type,
                              const void *bytes, uint64_t size)
{
    if (size > UINT32_MAX)
        return error_create(ERROR_LIMIT, "a note of a core cannot have more than 4 GiB");
    Elf64_Nhdr header = {
        .n_namesz = (Elf64_Word)strlen(name) + 1,
        .n_descsz = (Elf64_Word)size,
        .n_type = type,
    };
    TRY(append(notes, &header, sizeof(header)));
    TRY(append(notes, name, header.n_namesz));
    return append(notes, bytes, size);
}

/* The fields behind the name, which stands in parentheses and may contain any character. What
 * cannot be read stays 0: the process itself may be gone while its copy is written. */
static struct identity read_identity(pid_t pid)
{
    struct identity identity = {.state = 'S'};
    CLEANUP_FREE char *stat = NULL, *status = NULL;
    if (!proc_read(proc_path(pid, "stat").text, &stat, NULL)) {
        const char *fields = strrchr(stat, ')');
        struct identity found = identity;
        if (fields && sscanf(fields,
                             ") %c %d %d %d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d"
                             " %d",
                             &found.state, &found.parent, &found.group, &found.session,
                             &found.flags, &found.nice) == 6)
            identity = found;
    }
    if (!proc_read(proc_path(pid, "status").text, &status, NULL)) {
        identity.user = (unsigned)proc_status_number(status, "Uid", 0);
        identity.user_group = (unsigned)proc_status_number(status, "Gid", 0);
    }
    return identity;
}

static struct error *add_status(struct note_bytes *notes, const struct target_thread *thread,
                                const struct identity *identity)
{
    const struct target_registers *registers = thread->registers;
    struct elf_prstatus status = {
        .pr_sigpend = registers->pending,
        .pr_sighold = registers->blocked,
        .pr_pid = thread->tid,
        .pr_ppid = identity->parent,
        .pr_pgrp = identity->group,
        .pr_sid = identity->session,
        .pr_fpvalid = registers->has_floating,
    };
    if (registers->signal.si_signo >= 1 && registers->signal.si_signo <= 64)
        status.pr_sigpend |= (uint64_t)1 << (registers->signal.si_signo - 1);
    _Static_assert(sizeof(status.pr_reg) == sizeof(registers->general), "elf_gregset_t");
    memcpy(&status.pr_reg, &registers->general, sizeof(status.pr_reg));
    return add_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

static struct error *add_signal(struct note_bytes *notes, const struct target_thread *thread)
{
    return add_note(notes, "CORE", NT_SIGINFO, &thread->registers->signal,
                    sizeof(thread->registers->signal));
}

static struct error *add_other_registers(struct note_bytes *notes,
                                         const struct target_thread *thread)
{
    const struct target_registers *registers = thread->registers;
    if (registers->has_floating)
        TRY(add_note(notes, "CORE", NT_PRFPREG, &registers->floating, sizeof(registers->floating)));
    if (registers->extended_size)
        TRY(add_note(notes, "LINUX", NT_X86_XSTATE, registers->extended, registers->extended_size));
    return NULL;
}

/* The kernel shows the arguments with spaces between them. */
static struct error *add_process(struct note_bytes *notes, const struct target *target,
                                 const struct identity *identity)
{
    static const char states[] = "RSDTZW";
    const char *place = strchr(states, identity->state);
    CLEANUP_FREE char *name = NULL, *arguments = NULL;
    uint64_t size;
    struct elf_prpsinfo process = {
        .pr_state = (char)(place ? place - states : 1),
        .pr_sname = identity->state,
        .pr_zomb = identity->state == 'Z',
        .pr_nice = (char)identity->nice,
        .pr_flag = identity->flags,
        .pr_uid = identity->user,
        .pr_gid = identity->user_group,
        .pr_pid = target->pid,
        .pr_ppid = identity->parent,
        .pr_pgrp = identity->group,
        .pr_sid = identity->session,
    };
    if (!proc_read(proc_path(target->pid, "comm").text, &name, &size))
        memcpy(process.pr_fname, name, MIN_OF(strcspn(name, "\n"), sizeof(process.pr_fname) - 1));
    if (!proc_read(proc_path(target->memory_pid, "cmdline").text, &arguments, &size)) {
        size = MIN_OF(size, sizeof(process.pr_psargs) - 1);
        for (uint64_t i = 0; i < size; i++)
            process.pr_psargs[i] = arguments[i] ? arguments[i] : ' ';
        while (size && process.pr_psargs[size - 1] == ' ')
            process.pr_psargs[--size] = '\0';
    }
    return add_note(notes, "CORE", NT_PRPSINFO, &process, sizeof(process));
}

static struct error *add_auxiliary(struct note_bytes *notes, const struct target *target)
{
    CLEANUP_FREE char *vector = NULL;
    uint64_t size;
    if (proc_read(proc_path(target->memory_pid, "auxv").text, &vector, &size))
        return proc_error_gone(target->pid);
    return add_note(notes, "CORE", NT_AUXV, vector, size);
}

static bool has_file(const struct target_segment *segment)
{
    return *segment->path && *segment->path != '[';
}

/* Count, page size, three words per mapping, then the names. */
static struct error *add_files(struct note_bytes *notes, const struct target *target)
{
    struct note_bytes files CLEANUP_NOTE_BYTES = {0};
    uint64_t head[2] = {0, IMAGE_PAGE};
    for (uint64_t i = 0; i < target->segments.count; i++)
        head[0] += has_file(&target->segments.data[i]);
    TRY(append(&files, head, sizeof(head)));
    for (uint64_t i = 0; i < target->segments.count; i++) {
        const struct target_segment *segment = &target->segments.data[i];
        uint64_t words[3] = {segment->start, segment->end, segment->file_offset / IMAGE_PAGE};
        if (has_file(segment))
            TRY(append(&files, words, sizeof(words)));
    }
    for (uint64_t i = 0; i < target->segments.count; i++) {
        const char *path = target->segments.data[i].path;
        uint64_t size = strlen(path) + 1;
        if (!has_file(&target->segments.data[i]))
            continue;
        TRY(append(&files, path, size));
        files.bytes.count -= -size & 3; /* names are not padded */
    }
    return add_note(notes, "CORE", NT_FILE, files.bytes.data, files.bytes.count);
}

/* The main thread first, like the kernel's; the others by their ids. */
static int by_rank(const void *a, const void *b, void *context)
{
    const struct target_thread *const *x = a, *const *y = b;
    pid_t pid = *(const pid_t *)context;
    if (((*x)->tid == pid) != ((*y)->tid == pid))
        return (*x)->tid == pid ? -1 : 1;
    return (*x)->tid < (*y)->tid ? -1 : (*x)->tid > (*y)->tid;
}

static struct error *add_all(struct note_bytes *notes, struct target *target,
                             const struct target_thread **threads, uint64_t count)
{
    struct identity identity = read_identity(target->pid);
    if (threads[0]->state)
        identity.state = threads[0]->state; /* before we stopped it */
    for (uint64_t i = 0; i < count; i++) {
        TRY(add_status(notes, threads[i], &identity));
        if (!i)
            TRY(add_process(notes, target, &identity));
        if (!i || threads[i]->registers->signal.si_signo)
            TRY(add_signal(notes, threads[i]));
        if (!i) {
            TRY(add_auxiliary(notes, target));
            TRY(add_files(notes, target));
        }
        TRY(add_other_registers(notes, threads[i]));
    }
    notes->threads = count;
    return NULL;
}

struct error *core_write_notes(struct target *target, struct note_bytes *out)
{
    CLEANUP_FREE const struct target_thread **threads = NULL;
    struct note_bytes notes = {0};
    uint64_t count = 0;
    TRY(memory_array(target->threads.count, sizeof(*threads), &threads));
    for (uint64_t i = 0; i < target->threads.count; i++)
        if (target->threads.data[i].registers)
            threads[count++] = &target->threads.data[i];
    if (!count)
        return proc_error_gone(target->pid);
    qsort_r(threads, count, sizeof(*threads), by_rank, &target->pid);
    struct error *error = add_all(&notes, target, threads, count);
    if (error) {
        note_bytes_deinit(&notes);
        return error;
    }
    *out = notes;
    return NULL;
}
