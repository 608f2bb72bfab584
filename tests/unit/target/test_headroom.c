/* What speaks against a fork, read from files of the kernel's making; here they are of our own. */
#include "child.h"

#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "target/headroom.h"

enum { PID = 77 };
#define MS ((uint64_t)1000000)

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/leakhound-headroom-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text)
{
    char full[PATH_MAX];
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A process with 1 GiB in 4 KiB pages, on a machine where all is well. */
static void put_process(void)
{
    put("/proc/77/status", "Name:\tx\nThreads:\t10\nVmPTE:\t    2100 kB\nRssAnon:\t 1048576 kB\n"
                           "VmData:\t 2097152 kB\nVmStk:\t 132 kB\nVmSwap:\t 0 kB\n");
    put("/proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n"
                         "CommitLimit: 4194304 kB\nCommitted_AS: 3145728 kB\n");
    put("/proc/sys/vm/overcommit_memory", "0\n");
    put("/proc/77/cgroup", "0::/pod/service\n");
    put("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"
                                "32 23 0:29 / /elsewhere rw,relatime - tmpfs tmpfs rw,mode=755\n");
}

static void refused(const char *words)
{
    struct error *error = headroom_check_in(root, PID);
    assert_non_null(error);
    assert_non_null(strstr(error->message, "--freeze=stop"));
    assert_non_null(strstr(error->message, "--freeze=none"));
    check_error(error, ERROR_OS, words);
}

static void test_fine(void **state)
{
    (void)state;
    put_process();
    check_fine(headroom_check_in(root, PID));
    put("/sys/fs/cgroup/pod/service/memory.max", "max\n");
    put("/sys/fs/cgroup/pod/service/memory.current", "1073741824\n");
    check_fine(headroom_check_in(root, PID));
    check_error(headroom_check_in(root, 78), ERROR_OS, "process 78 has exited");
}

static void test_machine(void **state)
{
    (void)state;
    put_process();
    /* 3 MiB of page tables and a sixteenth of a GiB. */
    put("/proc/meminfo", "MemAvailable: 66000 kB\n");
    refused("may need 67 MiB (3 MiB of page tables, and up to 64 MiB for what the process changes "
            "while it is read), and this machine has 64 MiB left");
    put("/proc/meminfo", "MemAvailable: 69632 kB\n");
    check_fine(headroom_check_in(root, PID));
}

static void test_strict_overcommit(void **state)
{
    (void)state;
    put_process();
    put("/proc/sys/vm/overcommit_memory", "2\n");
    refused("(vm.overcommit_memory is 2) lets only 1024 MiB more");
    put("/proc/meminfo",
        "MemAvailable: 4194304 kB\nCommitLimit: 8388608 kB\nCommitted_AS: 3145728 kB\n");
    check_fine(headroom_check_in(root, PID));
}

static void test_groups_above(void **state)
{
    (void)state;
    put_process();
    put("/sys/fs/cgroup/pod/service/memory.max", "max\n");
    put("/sys/fs/cgroup/pod/service/memory.current", "1073741824\n");
    put("/sys/fs/cgroup/pod/memory.max", "1610612736\n");
    put("/sys/fs/cgroup/pod/memory.current", "1590000000\n");
    refused("its control group /sys/fs/cgroup/pod, limited to 1536 MiB, has 19 MiB left");
    /* The page cache gives way. */
    put("/sys/fs/cgroup/pod/memory.stat", "anon 1400000000\ninactive_file 40000000\n"
                                          "active_file 30000000\n");
    check_fine(headroom_check_in(root, PID));
}

static void test_version_1(void **state)
{
    (void)state;
    put_process();
    put("/proc/77/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/abc/inner\n0::/\n");
    put("/proc/self/mountinfo",
        "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n");
    put("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/inner/memory.usage_in_bytes", "1073741824\n");
    check_fine(headroom_check_in(root, PID));
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n");
    refused("its control group /sys/fs/cgroup/memory, limited to 1024 MiB, has 0 MiB left");
    put("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100000000\n");
    check_fine(headroom_check_in(root, PID));
}

static void test_tasks(void **state)
{
    (void)state;
    put_process();
    put("/sys/fs/cgroup/pod/pids.max", "100\n");
    put("/sys/fs/cgroup/pod/pids.current", "95\n");
    refused("its control group /sys/fs/cgroup/pod may have only 5 more (pids.max 100)");
    put("/sys/fs/cgroup/pod/pids.current", "90\n");
    check_fine(headroom_check_in(root, PID));
    put("/sys/fs/cgroup/pod/service/pids.max", "max\n");
    check_fine(headroom_check_in(root, PID));
}

static void test_tasks_of_the_user(void **state)
{
    (void)state;
    put_process();
    put("/proc/77/limits", "Limit Soft Limit Hard Limit Units\nMax processes             40  "
                           "                  40                   processes\n");
    put("/proc/77/status", "Uid:\t500\t500\t500\t500\nThreads:\t10\n");
    put("/proc/78/status", "Uid:\t500\t500\t500\t500\nThreads:\t22\n");
    put("/proc/79/status", "Uid:\t501\t501\t501\t501\nThreads:\t100\n");
    check_fine(headroom_check_in(root, PID));
    put("/proc/78/status", "Uid:\t500\t500\t500\t500\nThreads:\t23\n");
    refused("its user has 33 of the 40 that are allowed");
    put("/proc/77/status", "Uid:\t0\t0\t0\t0\nThreads:\t10\n");
    check_fine(headroom_check_in(root, PID));
    put("/proc/77/limits", "Max processes             unlimited            unlimited  processes\n");
    put("/proc/77/status", "Uid:\t500\t500\t500\t500\nThreads:\t10\n");
    check_fine(headroom_check_in(root, PID));
}

/* Text that is not as the kernel writes it must do no harm. */
static void test_damaged_files(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        ":",
                                        "::::",
                                        "0::",
                                        "0::/../..",
                                        "- cgroup2",
                                        "a b c d e - x",
                                        "99999999999999999999999 kB",
                                        "VmPTE:",
                                        "\n\n\n0::/x"};
    static const char *const files[] = {"/proc/77/cgroup", "/proc/self/mountinfo", "/proc/meminfo",
                                        "/sys/fs/cgroup/pod/memory.max",
                                        "/sys/fs/cgroup/pod/memory.stat"};
    for (unsigned f = 0; f < ARRAY_COUNT(files); f++) {
        put_process();
        put("/sys/fs/cgroup/pod/memory.max", "9000000000\n");
        put("/sys/fs/cgroup/pod/memory.current", "1\n");
        for (unsigned t = 0; t < ARRAY_COUNT(texts); t++) {
            put(files[f], texts[t]);
            error_destroy(headroom_check_in(root, PID)); /* "0::" begins with a number */
        }
    }
}

static void test_pause(void **state)
{
    (void)state;
    put_process();
    uint64_t small = headroom_pause_in(root, PID, 1000 * MS);
    assert_in_range(small, 10 * MS, 60 * MS);
    /* Huge pages are looked for only when they matter. */
    put("/proc/77/smaps_rollup", "0-1 ---p 00000000 00:00 0 [rollup]\nRss: 1048576 kB\n"
                                 "AnonHugePages:   1048576 kB\n");
    assert_int_equal(headroom_pause_in(root, PID, 1000 * MS), small);
    assert_in_range(headroom_pause_in(root, PID, 1), MS, 5 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fine, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_machine, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_strict_overcommit, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_groups_above, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_version_1, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_tasks, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_tasks_of_the_user, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_damaged_files, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_pause, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
