#include "target/seccomp.h"

#include <stdio.h>
#include <string.h>

#include <linux/capability.h>

#include "target/proc.h"

bool seccomp_is_filtered(pid_t pid, pid_t tid)
{
    char name[48];
    CLEANUP_FREE char *status = NULL;
    snprintf(name, sizeof(name), "task/%d/status", tid);
    return !proc_read(proc_path(pid, name).text, &status, NULL) &&
           proc_status_number(status, "Seccomp", 0) != 0;
}

bool seccomp_can_suspend(void)
{
    static const char key[] = "\nCapEff:";
    CLEANUP_FREE char *status = NULL;
    if (proc_read("/proc/thread-self/status", &status, NULL))
        return false;
    const char *effective = strstr(status, key);
    uint64_t capabilities = effective ? strtoull(effective + strlen(key), NULL, 16) : 0;
    return capabilities >> CAP_SYS_ADMIN & 1 && proc_status_number(status, "Seccomp", 0) == 0;
}
