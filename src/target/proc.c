#include "target/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A maps file of a million mappings has some 100 MB; more is not a /proc file. */
enum { FILE_MAX_BYTES = 512 << 20, FLAG_KERNEL_THREAD = 0x00200000 };

struct proc_path proc_path(pid_t pid, const char *name)
{
    struct proc_path path;
    snprintf(path.text, sizeof(path.text), "/proc/%d/%s", pid, name);
    return path;
}

int proc_read(const char *path, char **out_text, uint64_t *out_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    char *text = NULL;
    size_t size = 0, capacity = 0;
    int failure = 0;
    for (;;) {
        if (capacity - size < 2) {
            size_t more = capacity ? capacity * 2 : 16 << 10;
            char *bigger = more > FILE_MAX_BYTES ? NULL : realloc(text, more);
            if (!bigger) {
                failure = ENOMEM;
                break;
            }
            text = bigger;
            capacity = more;
        }
        ssize_t got = read(fd, text + size, capacity - size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            failure = errno;
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    close(fd);
    if (failure) {
        free(text);
        return failure;
    }
    text[size] = '\0';
    *out_text = text;
    if (out_size)
        *out_size = size;
    return 0;
}

int64_t proc_status_number(const char *status, const char *key, int64_t fallback)
{
    size_t length = strlen(key);
    for (const char *line = status; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            return strtoll(line + length + 1, NULL, 10);
    }
    return fallback;
}

struct proc_stat proc_stat(pid_t pid, pid_t tid)
{
    struct proc_stat stat = {0};
    char name[48];
    CLEANUP_FREE char *text = NULL;
    snprintf(name, sizeof(name), "task/%d/stat", tid);
    if (proc_read(proc_path(pid, name).text, &text, NULL))
        return stat;
    /* "TID (name) S parent group … flags …"; the name may hold parentheses. */
    const char *after_name = strrchr(text, ')');
    unsigned long flags;
    if (after_name &&
        sscanf(after_name, ") %c %d %*d %*d %*d %*d %lu", &stat.state, &stat.parent, &flags) == 3)
        stat.is_kernel_thread = flags & FLAG_KERNEL_THREAD;
    return stat;
}

struct error *proc_each_thread(pid_t pid, struct error *(*visit)(void *context, pid_t tid),
                               void *context)
{
    DIR *directory = opendir(proc_path(pid, "task").text);
    if (!directory)
        return errno == ENOENT || errno == ESRCH ? proc_error_gone(pid)
                                                 : error_os(errno,
                                                            "cannot list the threads of "
                                                            "process %d",
                                                            pid);
    struct error *error = NULL;
    struct dirent *entry;
    while (!error && (entry = readdir(directory)))
        if (isdigit((unsigned char)entry->d_name[0]))
            error = visit(context, (pid_t)strtol(entry->d_name, NULL, 10));
    closedir(directory);
    return error;
}

struct error *proc_error_gone(pid_t pid)
{
    return error_create(ERROR_OS, "process %d has exited", pid);
}

struct error *proc_error_permission(pid_t pid)
{
    CLEANUP_FREE char *scope = NULL;
    char reason[96] = "";
    if (!proc_read("/proc/sys/kernel/yama/ptrace_scope", &scope, NULL) && scope[0] != '0')
        snprintf(reason, sizeof(reason), " (kernel.yama.ptrace_scope is %c: %s)", scope[0],
                 scope[0] == '3' ? "nobody may, until the next boot"
                                 : "being its user is not enough");
    return error_create(ERROR_OS,
                        "not permitted to read process %d: run as its user or root, or give the "
                        "capability CAP_SYS_PTRACE%s",
                        pid, reason);
}
