#include "target/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "target/proc.h"

#define NO_LIMIT ((uint64_t)1 << 60) /* v1 says "none" with a huge number */

static bool read_number(const char *path, uint64_t *out)
{
    FILE *file = fopen(path, "re");
    bool ok = file && fscanf(file, "%" SCNu64, out) == 1;
    if (file)
        fclose(file);
    return ok;
}

static void read_lazyfree(pid_t pid, struct target_usage *out)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        uint64_t kib;
        if (sscanf(line, "LazyFree: %" SCNu64, &kib) == 1) {
            out->lazyfree = kib * 1024;
            out->has_lazyfree = true;
        }
    }
    fclose(file);
}

/* The group and all above it limit the process: the lowest counts. */
static void lower_limit(const char *mount, const char *file, const char *group,
                        struct target_usage *out)
{
    char at[1024], path[1400];
    snprintf(at, sizeof(at), "%s", group);
    for (;;) {
        uint64_t limit;
        snprintf(path, sizeof(path), "%s%s/%s", mount, strcmp(at, "/") ? at : "", file);
        if (read_number(path, &limit) && limit < NO_LIMIT && (!out->limit || limit < out->limit))
            out->limit = limit;
        char *slash = strrchr(at, '/');
        if (!slash || slash == at) {
            if (!slash || !slash[1])
                return;
            slash[1] = '\0';
            continue;
        }
        *slash = '\0';
    }
}

static void read_limit(pid_t pid, struct target_usage *out)
{
    char path[64], line[1100];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'),
             *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        if (!controllers[1])
            lower_limit("/sys/fs/cgroup", "memory.max", group, out);
        else if (strstr(controllers + 1, "memory"))
            lower_limit("/sys/fs/cgroup/memory", "memory.limit_in_bytes", group, out);
    }
    fclose(file);
}

void target_usage_read(pid_t pid, struct target_usage *out)
{
    char path[64];
    uint64_t pages;
    *out = (struct target_usage){0};
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fscanf(file, "%*u %" SCNu64, &pages) == 1) {
            out->rss = pages * (uint64_t)sysconf(_SC_PAGESIZE);
            out->has_rss = true;
        }
        fclose(file);
    }
    read_lazyfree(pid, out);
    read_limit(pid, out);
}

uint64_t target_usage_file_pages(pid_t pid)
{
    CLEANUP_FREE char *status = NULL;
    if (proc_read(proc_path(pid, "status").text, &status, NULL))
        return 0;
    return (uint64_t)proc_status_number(status, "RssFile", 0) * 1024;
}
