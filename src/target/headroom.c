#include "target/headroom.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "target/proc.h"

enum {
    PAGE = 4096,
    LOW_TASK_LIMIT = 4096,
    LEAST_TASKS = 8, /* so many more must be allowed: a Go program ends when it gets no thread */
};
#define MIB ((uint64_t)1 << 20)
#define NO_LIMIT ((uint64_t)1 << 60) /* v1 says "none" with a huge number */
#define DIRTY_LEAST (16 * MIB)
#define DIRTY_MOST (512 * MIB)

/* Measured: bench/RESULTS.md, "Forked copies". Rounded up by a third. */
#define BASE_NS ((uint64_t)1500 * 1000)
#define THREAD_NS ((uint64_t)30 * 1000)
#define SMALL_PAGE_NS ((uint64_t)75)
#define TABLE_NS ((uint64_t)4000)
#define HUGE_PAGE_NS ((uint64_t)1000)
#define HUGE_PAGE (2 * MIB)

/* The number behind "key" in a file of lines; false when it is not there. */
static bool find_number(const char *text, const char *key, uint64_t *out)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && strchr(": \t", line[length]) && line[length]) {
            char *end;
            const char *number = line + length + 1;
            *out = strtoull(number, &end, 10);
            return end != number;
        }
    }
    return false;
}

static uint64_t kib_of(const char *text, const char *key)
{
    uint64_t kib = 0;
    return find_number(text, key, &kib) && kib < NO_LIMIT / 1024 ? kib * 1024 : 0;
}

/* A file below root, "" but in tests; NULL when it cannot be read. The caller frees it. */
static char *read_file(const char *root, const char *path, const char *name)
{
    char full[PATH_MAX], *text;
    int length = snprintf(full, sizeof(full), "%s%s%s%s", root, path, *name ? "/" : "", name);
    if (length >= (int)sizeof(full) || proc_read(full, &text, NULL))
        return NULL;
    return text;
}

static char *read_proc(const char *root, pid_t pid, const char *name)
{
    return read_file(root, proc_path(pid, name).text, "");
}

static bool read_number(const char *root, const char *folder, const char *file, uint64_t *out)
{
    CLEANUP_FREE char *text = read_file(root, folder, file);
    if (!text)
        return false;
    char *end;
    *out = strtoull(text, &end, 10);
    return end != text; /* "max" is no number */
}

/* ---- control groups ---- */

/* What a control group of one controller and those above it still have. */
struct group_walk {
    const char *root;
    const char *most, *now, *cache[2]; /* files, and lines of memory.stat; NULL: not counted */
    uint64_t left;                     /* the least of all levels; UINT64_MAX: no limit */
    uint64_t limit;                    /* of that level */
    char where[PATH_MAX];
};

static uint64_t page_cache_of(const struct group_walk *walk, const char *folder)
{
    CLEANUP_FREE char *text = walk->cache[0] ? read_file(walk->root, folder, "memory.stat") : NULL;
    uint64_t sum = 0, bytes;
    if (!text)
        return 0;
    for (int i = 0; i < 2; i++)
        if (find_number(text, walk->cache[i], &bytes))
            sum += bytes;
    return sum;
}

static void look_at_group(struct group_walk *walk, const char *folder)
{
    uint64_t limit, used;
    if (!read_number(walk->root, folder, walk->most, &limit) || limit >= NO_LIMIT ||
        !read_number(walk->root, folder, walk->now, &used))
        return;
    uint64_t cache = page_cache_of(walk, folder);
    used -= MIN_OF(used, cache);
    uint64_t left = limit > used ? limit - used : 0;
    if (left < walk->left) {
        walk->left = left;
        walk->limit = limit;
        snprintf(walk->where, sizeof(walk->where), "%s", folder);
    }
}

/* From the group's folder up to where the hierarchy is mounted. */
static void walk_up(struct group_walk *walk, const char *mount, const char *group)
{
    char folder[PATH_MAX];
    size_t root = strlen(mount);
    if (snprintf(folder, sizeof(folder), "%s%s", mount, group) >= (int)sizeof(folder))
        return;
    for (;;) {
        size_t length = strlen(folder);
        while (length > root && folder[length - 1] == '/')
            folder[--length] = '\0';
        look_at_group(walk, folder);
        char *slash = length > root ? strrchr(folder, '/') : NULL;
        if (!slash || (size_t)(slash - folder) < root)
            return;
        *slash = '\0';
    }
}

/* The group of a process in the hierarchy of a controller, "" for the unified one. */
static bool find_group(const char *groups, const char *controller, char *out, size_t size)
{
    for (const char *line = groups; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        const char *end = path ? path + strcspn(path, "\n") : NULL;
        if (!path || (size_t)(end - path) >= size)
            continue;
        size_t wanted = strlen(controller);
        bool matches = !wanted && path == names + 1;
        for (const char *name = names + 1; wanted && name < path && !matches;) {
            size_t length = strcspn(name, ",:");
            matches = length == wanted && strncmp(name, controller, length) == 0;
            name += length + 1;
        }
        if (matches) {
            memcpy(out, path + 1, (size_t)(end - path - 1));
            out[end - path - 1] = '\0';
            return true;
        }
    }
    return false;
}

/* Whether the options at the end of a line of mountinfo name the controller. */
static bool serves(const char *kind, const char *options, const char *controller)
{
    if (!*controller)
        return strcmp(kind, "cgroup2") == 0;
    size_t wanted = strlen(controller);
    for (const char *name = options; strcmp(kind, "cgroup") == 0; name++) {
        size_t length = strcspn(name, ",");
        if (length == wanted && strncmp(name, controller, length) == 0)
            return true;
        name += length;
        if (!*name)
            break;
    }
    return false;
}

/* Where a hierarchy is mounted and which of its groups is the mount's root. */
static bool find_mount(const char *mounts, const char *controller, char *mount, char *root)
{
    char line_kind[64], options[1024];
    for (const char *line = mounts; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *tail = strstr(line, " - "), *end = line + strcspn(line, "\n");
        /* "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755" */
        if (tail && tail < end && sscanf(tail, " - %63s %*s %1023s", line_kind, options) == 2 &&
            sscanf(line, "%*d %*d %*s %4095s %4095s", root, mount) == 2 &&
            serves(line_kind, options, controller))
            return true;
    }
    return false;
}

static void walk_hierarchy(struct group_walk *walk, pid_t pid, const char *controller)
{
    CLEANUP_FREE char *groups = read_proc(walk->root, pid, "cgroup");
    CLEANUP_FREE char *mounts = read_file(walk->root, "/proc/self/mountinfo", "");
    char group[PATH_MAX], mount[PATH_MAX], top[PATH_MAX];
    if (!groups || !mounts || !find_group(groups, controller, group, sizeof(group)) ||
        !find_mount(mounts, controller, mount, top) || strncmp(group, "/..", 3) == 0)
        return;
    size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
    if (strncmp(group, top, length) == 0)
        walk_up(walk, mount, group + length);
}

/* ---- what a copy needs ---- */

struct needs {
    uint64_t page_tables, dirty;
    uint64_t committed; /* private and writable: what overcommit_memory = 2 counts */
    uint64_t anonymous, huge, threads;
};

static struct error *read_needs(const char *root, pid_t pid, struct needs *out)
{
    CLEANUP_FREE char *status = read_proc(root, pid, "status");
    if (!status)
        return proc_error_gone(pid);
    uint64_t threads = 1;
    find_number(status, "Threads", &threads);
    *out = (struct needs){
        .page_tables = kib_of(status, "VmPTE"),
        .anonymous = kib_of(status, "RssAnon") + kib_of(status, "VmSwap"),
        .committed = kib_of(status, "VmData") + kib_of(status, "VmStk"),
        .threads = threads,
    };
    uint64_t dirty = MIN_OF(MAX_OF(out->anonymous / 16, DIRTY_LEAST), DIRTY_MOST);
    out->dirty = MIN_OF(dirty, out->anonymous);
    return NULL;
}

static uint64_t mib(uint64_t bytes)
{
    return (bytes + MIB - 1) / MIB;
}

static struct error *refuse_memory(pid_t pid, const struct needs *needs, uint64_t left,
                                   const char *who)
{
    return error_create(ERROR_OS,
                        "a forked copy of process %d may need %" PRIu64 " MiB (%" PRIu64
                        " MiB of page tables, and up to %" PRIu64
                        " MiB for what the process changes while it is read), and %s has %" PRIu64
                        " MiB left" HEADROOM_ADVICE,
                        pid, mib(needs->page_tables) + mib(needs->dirty), mib(needs->page_tables),
                        mib(needs->dirty), who, left / MIB);
}

/* v2 and v1 */
static void walk_memory(const char *root, pid_t pid, struct group_walk walks[2])
{
    walks[0] = (struct group_walk){.root = root,
                                   .most = "memory.max",
                                   .now = "memory.current",
                                   .cache = {"inactive_file", "active_file"},
                                   .left = UINT64_MAX};
    walks[1] = (struct group_walk){.root = root,
                                   .most = "memory.limit_in_bytes",
                                   .now = "memory.usage_in_bytes",
                                   .cache = {"total_inactive_file", "total_active_file"},
                                   .left = UINT64_MAX};
    walk_hierarchy(&walks[0], pid, "");
    walk_hierarchy(&walks[1], pid, "memory");
}

uint64_t headroom_memory_left(pid_t pid)
{
    struct group_walk groups[2];
    CLEANUP_FREE char *memory = NULL;
    uint64_t kib, left = UINT64_MAX;
    if (!proc_read("/proc/meminfo", &memory, NULL) && find_number(memory, "MemAvailable", &kib))
        left = kib_of(memory, "MemAvailable");
    walk_memory("", pid, groups);
    return MIN_OF(left, MIN_OF(groups[0].left, groups[1].left));
}

/* What a resource limit leaves when that much is used. */
static uint64_t left_by_limit(__rlimit_resource_t resource, uint64_t used)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur - MIN_OF((uint64_t)limit.rlim_cur, used);
}

uint64_t headroom_own_memory_left(void)
{
    CLEANUP_FREE char *status = NULL;
    uint64_t left = headroom_memory_left(getpid());
    if (proc_read("/proc/self/status", &status, NULL))
        return left;
    uint64_t by_data = left_by_limit(RLIMIT_DATA, kib_of(status, "VmData"));
    return MIN_OF(left, MIN_OF(by_data, left_by_limit(RLIMIT_AS, kib_of(status, "VmSize"))));
}

static struct error *check_groups(const char *root, pid_t pid, const struct needs *needs)
{
    struct group_walk memory[2];
    struct group_walk tasks[] = {
        {.root = root, .most = "pids.max", .now = "pids.current", .left = UINT64_MAX},
        {.root = root, .most = "pids.max", .now = "pids.current", .left = UINT64_MAX},
    };
    walk_memory(root, pid, memory);
    for (int v1 = 0; v1 < 2; v1++) {
        walk_hierarchy(&tasks[v1], pid, v1 ? "pids" : "");
        if (needs->page_tables + needs->dirty > memory[v1].left) {
            char who[PATH_MAX + 96];
            snprintf(who, sizeof(who), "its control group %s, limited to %" PRIu64 " MiB,",
                     memory[v1].where, memory[v1].limit / MIB);
            return refuse_memory(pid, needs, memory[v1].left, who);
        }
        if (tasks[v1].left < LEAST_TASKS)
            return error_create(ERROR_OS,
                                "a forked copy of process %d needs a task, and its control group "
                                "%s may have only %" PRIu64 " more (pids.max %" PRIu64
                                ")" HEADROOM_ADVICE,
                                pid, tasks[v1].where, tasks[v1].left, tasks[v1].limit);
    }
    return NULL;
}

/* Tasks of a user, on all of the machine. */
static uint64_t count_tasks(const char *root, uint64_t user)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/proc", root) >= (int)sizeof(path))
        return 0;
    DIR *directory = opendir(path);
    uint64_t sum = 0;
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        uint64_t owner, threads;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        CLEANUP_FREE char *status = pid > 0 ? read_proc(root, pid, "status") : NULL;
        if (status && find_number(status, "Uid", &owner) && owner == user &&
            find_number(status, "Threads", &threads))
            sum += threads;
    }
    if (directory)
        closedir(directory);
    return sum;
}

/* The limit of tasks of the process's user (RLIMIT_NPROC), which does not bind root. Only a low one
 * is worth the look at all processes. */
static struct error *check_user_tasks(const char *root, pid_t pid)
{
    static const char key[] = "Max processes";
    CLEANUP_FREE char *limits = read_proc(root, pid, "limits");
    CLEANUP_FREE char *status = read_proc(root, pid, "status");
    const char *line = limits ? strstr(limits, key) : NULL;
    char *end = NULL;
    uint64_t limit = line ? strtoull(line + strlen(key), &end, 10) : 0, user;
    if (!line || end == line + strlen(key) || limit > LOW_TASK_LIMIT || !status ||
        !find_number(status, "Uid", &user) || user == 0)
        return NULL;
    uint64_t tasks = count_tasks(root, user);
    if (tasks + LEAST_TASKS <= limit)
        return NULL;
    return error_create(ERROR_OS,
                        "a forked copy of process %d needs a task, and its user has %" PRIu64
                        " of the %" PRIu64 " that are allowed (ulimit -u)" HEADROOM_ADVICE,
                        pid, tasks, limit);
}

struct error *headroom_check_in(const char *root, pid_t pid)
{
    struct needs needs;
    TRY(read_needs(root, pid, &needs));
    TRY(check_groups(root, pid, &needs));
    TRY(check_user_tasks(root, pid));
    CLEANUP_FREE char *memory = read_file(root, "/proc/meminfo", "");
    CLEANUP_FREE char *mode = read_file(root, "/proc/sys/vm/overcommit_memory", "");
    if (!memory)
        return NULL;
    uint64_t available = kib_of(memory, "MemAvailable"), limit = kib_of(memory, "CommitLimit"),
             committed = kib_of(memory, "Committed_AS");
    if (available && needs.page_tables + needs.dirty > available)
        return refuse_memory(pid, &needs, available, "this machine");
    if (mode && mode[0] == '2' && needs.committed > limit - MIN_OF(limit, committed))
        return error_create(ERROR_OS,
                            "a forked copy of process %d commits up to %" PRIu64
                            " MiB, and this machine (vm.overcommit_memory is 2) lets only %" PRIu64
                            " MiB more be committed" HEADROOM_ADVICE,
                            pid, mib(needs.committed), (limit - MIN_OF(limit, committed)) / MIB);
    return NULL;
}

struct error *headroom_check(pid_t pid)
{
    return headroom_check_in("", pid);
}

/* ---- how long ---- */

static uint64_t pause_of(const struct needs *needs)
{
    uint64_t small = needs->anonymous - MIN_OF(needs->anonymous, needs->huge);
    return BASE_NS + needs->threads * THREAD_NS + small / PAGE * SMALL_PAGE_NS +
           needs->page_tables / PAGE * TABLE_NS + needs->huge / HUGE_PAGE * HUGE_PAGE_NS;
}

uint64_t headroom_pause_in(const char *root, pid_t pid, uint64_t limit_ns)
{
    struct needs needs;
    CLEANUP_ERROR struct error *error = read_needs(root, pid, &needs);
    if (error)
        return 0;
    if (pause_of(&needs) > limit_ns) {
        CLEANUP_FREE char *rollup = read_proc(root, pid, "smaps_rollup");
        needs.huge = rollup ? kib_of(rollup, "AnonHugePages") : 0;
    }
    return pause_of(&needs);
}

struct error *headroom_check_pause(pid_t pid, uint64_t limit_ns)
{
    uint64_t pause_ns = headroom_pause_in("", pid, limit_ns);
    if (pause_ns <= limit_ns)
        return NULL;
    return error_create(ERROR_OS,
                        "a fork would keep process %d still for some %" PRIu64
                        " ms, more than --max-pause allows (%.6g ms)" HEADROOM_ADVICE,
                        pid, (pause_ns + 999999) / 1000000, (double)limit_ns / 1e6);
}
