#include "target/leftover.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/inject.h"
#include "target/proc.h"

enum {
    OOM_FIRST = 1000,   /* oom_score_adj of what is killed before all else */
    MOST_COPIES = 1000, /* of one target; more wait for the next run */
};

/* A soft limit on real-time scheduling, in µs, that nobody sets: 3,416 years. */
#define MARK_LIMIT ((rlim_t)107801123456789123u)

/* Fields of /proc/PID/stat behind the name, from 0 (proc(5) counts this one as 3). */
enum { FIELD_PARENT = 1, FIELD_THREADS = 17, FIELD_EXIT_SIGNAL = 35, FIELD_EXIT_CODE = 49 };

struct child {
    pid_t pid;
    char state;
    int64_t fields[FIELD_EXIT_CODE + 1];
};

void leftover_mark(pid_t copy)
{
    char text[16];
    int fd = open(proc_path(copy, "oom_score_adj").text, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        int length = snprintf(text, sizeof(text), "%d", OOM_FIRST);
        if (write(fd, text, (size_t)length) != length) {
            /* The kernel lets everybody raise it: it is gone, which its tracer will notice. */
        }
        close(fd);
    }
    struct rlimit limit;
    if (prlimit(copy, RLIMIT_RTTIME, NULL, &limit) == 0 && limit.rlim_max >= MARK_LIMIT) {
        limit.rlim_cur = MARK_LIMIT;
        prlimit(copy, RLIMIT_RTTIME, &limit, NULL);
    }
}

static int64_t read_number(pid_t pid, const char *name, int64_t fallback)
{
    CLEANUP_FREE char *text = NULL;
    return proc_read(proc_path(pid, name).text, &text, NULL) ? fallback : strtoll(text, NULL, 10);
}

/* The limit of a dead process can be read, too, but only as text. */
static bool has_limit_mark(pid_t pid)
{
    static const char key[] = "Max realtime timeout";
    CLEANUP_FREE char *text = NULL;
    if (proc_read(proc_path(pid, "limits").text, &text, NULL))
        return false;
    const char *line = strstr(text, key);
    return line && strtoull(line + strlen(key), NULL, 10) == MARK_LIMIT;
}

static bool read_child(pid_t pid, struct child *out)
{
    CLEANUP_FREE char *text = NULL;
    *out = (struct child){.pid = pid};
    if (proc_read(proc_path(pid, "stat").text, &text, NULL))
        return false;
    const char *next = strrchr(text, ')');
    if (!next || next[1] != ' ')
        return false;
    out->state = next[2];
    next += 3;
    for (int i = 1; i <= FIELD_EXIT_CODE; i++) {
        char *end;
        out->fields[i] = (int64_t)strtoull(next, &end, 10);
        if (end == next)
            return false;
        next = end;
    }
    return true;
}

static bool same_executable(pid_t a, pid_t b)
{
    char path_a[4096], path_b[4096];
    ssize_t length_a = readlink(proc_path(a, "exe").text, path_a, sizeof(path_a));
    ssize_t length_b = readlink(proc_path(b, "exe").text, path_b, sizeof(path_b));
    return length_a > 0 && length_a == length_b && memcmp(path_a, path_b, (size_t)length_a) == 0;
}

/* Nobody but the target's parts and its children is asked. */
static bool is_copy(const struct child *child, pid_t parent, bool *out_alive)
{
    if (child->fields[FIELD_PARENT] != parent || child->fields[FIELD_EXIT_SIGNAL] != 0 ||
        child->fields[FIELD_THREADS] > 1)
        return false;
    bool is_oom_first = read_number(child->pid, "oom_score_adj", 0) == OOM_FIRST &&
                        read_number(parent, "oom_score_adj", OOM_FIRST) != OOM_FIRST;
    if (child->state == 'Z') {
        int code = (int)child->fields[FIELD_EXIT_CODE];
        *out_alive = false;
        if (WIFEXITED(code) && WEXITSTATUS(code) == INJECT_ORPHAN_STATUS)
            return true;
        return WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL &&
               (has_limit_mark(child->pid) || is_oom_first);
    }
    CLEANUP_FREE char *status = NULL;
    *out_alive = true;
    return child->state != 'X' && has_limit_mark(child->pid) &&
           same_executable(child->pid, parent) &&
           !proc_read(proc_path(child->pid, "status").text, &status, NULL) &&
           proc_status_number(status, "TracerPid", 1) == 0;
}

static struct error *look_at(pid_t pid, pid_t parent, struct leftover_list *list)
{
    struct child child;
    struct leftover copy = {.pid = pid};
    if (list->copies.count >= MOST_COPIES || !read_child(pid, &child) ||
        !is_copy(&child, parent, &copy.is_alive))
        return NULL;
    copy.inner_pid = leftover_inner_pid(pid, parent);
    return copy.inner_pid ? vector_push(&list->copies, copy) : NULL;
}

/* A process's children are those of all its threads. */
struct search {
    pid_t parent;
    struct leftover_list *list;
    bool has_lists; /* the kernel lists children (CONFIG_PROC_CHILDREN) */
};

static struct error *visit_thread(void *context, pid_t tid)
{
    struct search *search = context;
    char name[48];
    CLEANUP_FREE char *text = NULL;
    snprintf(name, sizeof(name), "task/%d/children", tid);
    if (proc_read(proc_path(search->parent, name).text, &text, NULL))
        return NULL;
    search->has_lists = true;
    char *next = text, *end;
    for (;;) {
        long pid = strtol(next, &end, 10);
        if (end == next)
            return NULL;
        TRY(look_at((pid_t)pid, search->parent, search->list));
        next = end;
    }
}

static struct error *search_all(pid_t parent, struct leftover_list *list)
{
    DIR *directory = opendir("/proc");
    if (!directory)
        return NULL;
    struct error *error = NULL;
    struct dirent *entry;
    while (!error && (entry = readdir(directory)))
        if (isdigit((unsigned char)entry->d_name[0]))
            error = look_at((pid_t)strtol(entry->d_name, NULL, 10), parent, list);
    closedir(directory);
    return error;
}

struct error *leftover_find(pid_t pid, struct leftover_list *list)
{
    struct search search = {.parent = pid, .list = list};
    TRY(proc_each_thread(pid, visit_thread, &search));
    return search.has_lists ? NULL : search_all(pid, list);
}

/* The numbers of a process in its pid namespace and those around it, ours first. */
static unsigned inner_pids(pid_t pid, pid_t *out, unsigned most)
{
    static const char key[] = "\nNSpid:";
    CLEANUP_FREE char *status = NULL;
    if (proc_read(proc_path(pid, "status").text, &status, NULL))
        return 0;
    const char *next = strstr(status, key);
    if (!next) { /* Linux before 4.1 */
        out[0] = pid;
        return 1;
    }
    next += strlen(key);
    unsigned count = 0;
    while (count < most && (*next == '\t' || *next == ' ')) {
        char *end;
        out[count++] = (pid_t)strtol(next, &end, 10);
        next = end;
    }
    return count;
}

pid_t leftover_inner_pid(pid_t pid, pid_t seen_by)
{
    enum { DEEPEST = 33 }; /* the kernel nests 32 */
    pid_t theirs[DEEPEST], viewers[DEEPEST];
    unsigned count = inner_pids(pid, theirs, DEEPEST);
    unsigned level = inner_pids(seen_by, viewers, DEEPEST);
    return level && level <= count ? theirs[level - 1] : 0;
}
