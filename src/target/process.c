#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "target/fork_copy.h"
#include "target/headroom.h"
#include "target/hold.h"
#include "target/image.h"
#include "target/maps.h"
#include "target/page_cache.h"
#include "target/present_pages.h"
#include "target/private.h"
#include "target/proc.h"

struct process {
    struct target_private common;
    /* /proc/PID/mem and pagemap belong to the address space, not to the number: a new process with
     * the same pid is never read by mistake. process_vm_readv is a tenth faster and lacks that. */
    int memory;
    int page_map;                  /* -1 when it may not be read */
    struct present_pages *present; /* by it; NULL without */
    bool is_still;                 /* what is read does not change (not FREEZE_NONE) */
    struct page_cache *cache;      /* NULL unless is_still */
    struct stopped_process *held;  /* FREEZE_STOP, until it is released */
    struct fork_copy *copy;        /* FREEZE_FORK */
    bool is_released;
};

static struct process *process_of(struct target *target)
{
    return (struct process *)target->private;
}

/* Index of the first segment that ends behind address. */
static uint64_t segment_after(const struct target *target, uint64_t address)
{
    uint64_t low = 0, high = target->segments.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (target->segments.data[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many of n bytes at address lie in readable mappings. Asked only while the process stands
 * still: the kernel would let a tracer read what the process itself may not. */
static uint64_t readable_bytes(const struct target *target, uint64_t address, uint64_t n)
{
    static _Thread_local uint64_t last;
    const uint64_t count = target->segments.count;
    const struct target_segment *segments = target->segments.data;
    uint64_t i = last, done = 0;
    if (i >= count || address < segments[i].start || address >= segments[i].end)
        i = segment_after(target, address);
    if (i < count)
        last = i;
    for (; done < n && i < count; i++) {
        if (segments[i].start > address + done || !segments[i].readable)
            break;
        done = segments[i].end - address;
    }
    return MIN_OF(done, n);
}

static struct error *fault(uint64_t address)
{
    return error_fault(address, "no readable memory at 0x%" PRIx64, address);
}

static struct error *error_ended(const struct target *target)
{
    struct proc_stat stat = proc_stat(target->pid, target->pid);
    if (!process_of((struct target *)target)->copy || !stat.state || stat.state == 'Z' ||
        stat.state == 'X')
        return proc_error_gone(target->pid);
    return error_create(ERROR_OS,
                        "the copy of process %d was killed while it was read, perhaps because "
                        "memory ran short; the process itself runs on" HEADROOM_ADVICE,
                        target->pid);
}

/* Reads as much as there is; *out_done < n means that the byte behind it cannot be read. */
static struct error *read_some(struct target *target, uint64_t address, void *buffer, uint64_t n,
                               uint64_t *out_done)
{
    struct process *process = process_of(target);
    uint64_t done = 0;
    if (process->is_released)
        return error_create(ERROR_USAGE, "process %d was let go: it cannot be read any more",
                            target->pid);
    /* Beyond the range of a file offset there is only the kernel. */
    while (done < n && address + done <= INT64_MAX) {
        ssize_t got =
            pread(process->memory, (char *)buffer + done, n - done, (off_t)(address + done));
        if (got > 0)
            done += (uint64_t)got;
        else if (got == 0)
            return error_ended(target); /* its address space is gone */
        else if (errno != EINTR)
            break;
    }
    *out_done = done;
    return NULL;
}

static struct error *process_read(struct target *target, uint64_t address, void *buffer, uint64_t n)
{
    struct process *process = process_of(target);
    uint64_t allowed = n, done;
    if (process->is_still) {
        allowed = readable_bytes(target, address, n);
        if (allowed < n)
            return fault(address + allowed);
        if (page_cache_read(process->cache, process->memory, address, buffer, n))
            return NULL;
    }
    TRY(read_some(target, address, buffer, n, &done));
    return done < n ? fault(address + done) : NULL;
}

/* Like read_some over a whole range, with zeros for each page that is not there. */
static struct error *read_or_zero(struct target *target, uint64_t address, char *buffer, uint64_t n)
{
    while (n) {
        uint64_t done;
        TRY(read_some(target, address, buffer, n, &done));
        if (done < n) {
            uint64_t hole = MIN_OF(n - done, page_up(address + done + 1) - (address + done));
            memset(buffer + done, 0, hole);
            done += hole;
        }
        address += done;
        buffer += done;
        n -= done;
    }
    return NULL;
}

/* Reads anonymous memory without touching what was never written or was given back: reading a page
 * that is not there would make the kernel map it, with page tables that the target has to pay. */
static struct error *read_present(struct target *target, uint64_t segment, uint64_t address,
                                  char *buffer, uint64_t n)
{
    while (n) {
        bool is_present;
        uint64_t run =
            present_pages_run(process_of(target)->present, segment, address, n, &is_present);
        if (is_present)
            TRY(read_or_zero(target, address, buffer, run));
        else
            memset(buffer, 0, run);
        address += run;
        buffer += run;
        n -= run;
    }
    return NULL;
}

static struct error *process_read_sparse(struct target *target, uint64_t address, void *buffer,
                                         uint64_t n)
{
    struct process *process = process_of(target);
    char *to = buffer;
    if (!process->is_still) /* the segments may have changed: ask the kernel page by page */
        return read_or_zero(target, address, to, n);
    for (uint64_t i = segment_after(target, address); n && i < target->segments.count; i++) {
        const struct target_segment *segment = &target->segments.data[i];
        if (segment->start > address) {
            uint64_t hole = MIN_OF(n, segment->start - address);
            memset(to, 0, hole);
            address += hole;
            to += hole;
            n -= hole;
        }
        uint64_t length = MIN_OF(n, segment->end - address);
        if (!length)
            break;
        if (!segment->readable)
            memset(to, 0, length);
        else if (process->present && maps_is_anonymous(segment))
            TRY(read_present(target, i, address, to, length));
        else
            TRY(read_or_zero(target, address, to, length));
        address += length;
        to += length;
        n -= length;
    }
    memset(to, 0, n);
    return NULL;
}

static void process_release(struct target *target)
{
    struct process *process = process_of(target);
    if (process->held)
        target->stopped_ns = process_resume(process->held);
    process->held = NULL;
    if (process->copy && !process->is_released)
        fork_copy_release(process->copy, &target->copy_cost);
    process->is_released = true;
    process->is_still = false;
}

static void close_if_open(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

static void process_destroy(struct target *target)
{
    struct process *process = process_of(target);
    close_if_open(process->memory);
    close_if_open(process->page_map);
    page_cache_destroy(process->cache);
    present_pages_destroy(process->present);
    fork_copy_destroy(process->copy);
    free(process);
}

static const struct target_source process_source = {
    .read = process_read,
    .read_sparse = process_read_sparse,
    .release = process_release,
    .destroy = process_destroy,
};

/* What can be said about a pid before anything is stopped. */
static struct error *check_process(pid_t pid)
{
    CLEANUP_FREE char *status = NULL;
    if (pid == getpid())
        return error_create(ERROR_USAGE, "process %d is leakhound itself: give another pid", pid);
    if (pid <= 0 || proc_read(proc_path(pid, "status").text, &status, NULL))
        return error_create(ERROR_OS, "no process %d", pid);
    int64_t group = proc_status_number(status, "Tgid", pid);
    if (group != pid)
        return error_create(ERROR_USAGE, "%d is a thread of process %" PRId64 ": give that pid",
                            pid, group);
    struct proc_stat stat = proc_stat(pid, pid);
    if (stat.is_kernel_thread)
        return error_create(ERROR_UNSUPPORTED, "process %d is a thread of the kernel", pid);
    if (stat.state == 'Z' || stat.state == 'X')
        return error_create(ERROR_OS,
                            "process %d is a zombie: it has exited and waits for its parent, "
                            "process %d",
                            pid, stat.parent);
    return NULL;
}

static struct error *failed_open(pid_t pid, int failure, const char *name)
{
    if (failure == EACCES || failure == EPERM)
        return proc_error_permission(pid);
    if (failure == ENOENT || failure == ESRCH)
        return proc_error_gone(pid);
    return error_os(failure, "cannot open /proc/%d/%s", pid, name);
}

/* The same for the memory that is read, which may be a copy's. */
static struct error *failed_memory(const struct target *target, int failure, const char *name)
{
    if (failure == ENOENT || failure == ESRCH)
        return error_ended(target);
    return failed_open(target->pid, failure, name);
}

static struct error *check_executable(pid_t pid)
{
    char name[48];
    uint8_t header[sizeof(Elf64_Ehdr)];
    int fd = open(proc_path(pid, "exe").text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed_open(pid, errno, "exe");
    ssize_t got = pread(fd, header, sizeof(header), 0);
    close(fd);
    snprintf(name, sizeof(name), "process %d", pid);
    return elf_check(header, got > 0 ? (uint64_t)got : 0, name);
}

static struct error *copy_exe_path(struct target *target)
{
    static const char deleted[] = " (deleted)";
    char path[4096 + sizeof(deleted)];
    struct proc_path link = proc_path(target->pid, "exe");
    ssize_t length = readlink(link.text, path, sizeof(path) - 1);
    if (length < 0)
        return failed_open(target->pid, errno, "exe");
    path[length] = '\0';
    size_t tail = sizeof(deleted) - 1;
    if ((size_t)length > tail && strcmp(path + length - tail, deleted) == 0)
        path[(size_t)length - tail] = '\0';
    target->exe_path = strdup(path);
    target->exe_open_path = strdup(link.text);
    return target->exe_path && target->exe_open_path ? NULL : error_memory(sizeof(path));
}

/* Marks the executable's segments by its program headers: device and inode of the mappings cannot
 * be compared on every file system, and the bss tail has none. */
static void mark_executable(struct target *target)
{
    CLEANUP_FREE char *vector = NULL;
    uint64_t size, bias;
    struct image image = {0};
    CLEANUP_ERROR struct error *error = image_open(target->exe_open_path, &image);
    if (!error && !proc_read(proc_path(target->pid, "auxv").text, &vector, &size)) {
        struct auxiliary auxiliary = auxiliary_parse(vector, size);
        if (image_bias(&image, &auxiliary, &bias))
            for (uint64_t i = 0; i < target->segments.count; i++) {
                struct target_segment *segment = &target->segments.data[i];
                segment->from_executable =
                    image_overlaps(&image, bias, segment->start, segment->end);
            }
    }
    image_close(&image);
}

static struct error *add_thread(void *context, pid_t tid)
{
    struct target *target = context;
    struct target_thread thread = {.tid = tid, .state = proc_stat(target->pid, tid).state};
    return vector_push(&target->threads, thread);
}

static struct error *freeze(struct target *target, struct process *process,
                            const struct target_options *options)
{
    if (target->freeze == FREEZE_NONE)
        return proc_each_thread(target->pid, add_thread, target);
    if (target->freeze == FREEZE_FORK) {
        TRY(fork_copy_create(target, options, &process->copy));
    } else {
        TRY(process_stop(target->pid, options && options->full_registers, &process->held));
        TRY(process_threads(process->held, target));
    }
    process->is_still = true;
    return page_cache_create(&process->cache);
}

static struct error *fill(struct target *target, struct process *process,
                          const struct target_options *options)
{
    CLEANUP_FREE char *maps = NULL;
    TRY(freeze(target, process, options));
    target_set_time(target, time(NULL));
    pid_t pid = target->memory_pid;
    process->memory = open(proc_path(pid, "mem").text, O_RDONLY | O_CLOEXEC);
    if (process->memory < 0)
        return failed_memory(target, errno, "mem");
    process->page_map = open(proc_path(pid, "pagemap").text, O_RDONLY | O_CLOEXEC);
    int failure = proc_read(proc_path(pid, "maps").text, &maps, NULL);
    if (failure)
        return failed_memory(target, failure, "maps");
    TRY(maps_parse(target, maps));
    /* The copy's number is its own as long as its tracer holds it: nothing else was opened. */
    if (process->copy && !fork_copy_is_alive(process->copy))
        return error_ended(target);
    if (!target->segments.count)
        return error_ended(target);
    if (process->page_map >= 0)
        TRY(present_pages_create(target, process->page_map, &process->present));
    TRY(copy_exe_path(target));
    mark_executable(target);
    return NULL;
}

struct error *target_open_process(pid_t pid, const struct target_options *options,
                                  struct target **out)
{
    TRY(check_process(pid));
    TRY(check_executable(pid));
    struct process *process;
    struct target *target;
    TRY(memory_array(1, sizeof(*process), &process));
    *process = (struct process){.common.source = &process_source, .memory = -1, .page_map = -1};
    struct error *error = target_create(TARGET_LIVE, &process->common, &target);
    if (error) {
        free(process);
        return error;
    }
    target->pid = target->memory_pid = pid;
    target->freeze = options ? options->freeze : FREEZE_FORK;
    error = fill(target, process, options);
    if (error) {
        target_destroy(target);
        return error;
    }
    *out = target;
    return NULL;
}
