/*
 * The same process read live and from cores that gdb's gcore, the kernel and leakhound write of it:
 * what can be read must be equal. The former are left out where there is no gcore, or where the
 * kernel's core goes to a program (/proc/sys/kernel/core_pattern).
 */
#include "child.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "target/core_write.h"

/* ASan's shadow memory would make cores of many terabytes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1
#elif defined(__has_feature)
#define HAS_SHADOW (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define HAS_SHADOW 0
#endif

#define SHADOW_REASON "a sanitizer's shadow memory would fill terabytes of core"

enum { PAGE = 4096, BLOCK_PAGES = 32 };

static const char constant_text[] = "a constant that only the executable's file holds";
static uint64_t changed_word = 1;
static char bss_word[3 * PAGE];
static char directory[] = "/tmp/leakhound-test-XXXXXX";

static void *wait_for_ever(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void body(void)
{
    pthread_t thread;
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    char *block =
        mmap(NULL, BLOCK_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < BLOCK_PAGES * PAGE; i++)
        block[i] = (char)(i * 31 + i / 253);
    changed_word = 2;
    memset(bss_word, 5, sizeof(bss_word));
    setrlimit(RLIMIT_CORE, &unlimited);
    if (chdir(directory))
        _exit(1);
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    atomic_store(&shared->address, (uint64_t)(uintptr_t)block);
    atomic_store(&shared->ready, 1);
    wait_for_ever(NULL);
}

static int make_directory(void **state)
{
    (void)state;
    return share_counters(state) || !mkdtemp(directory) ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    DIR *files = opendir(directory);
    struct dirent *entry;
    char path[512];
    while (files && (entry = readdir(files))) {
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        unlink(path); /* fails for "." and "..", as it should */
    }
    if (files)
        closedir(files);
    return rmdir(directory);
}

static void check_core(const char *path, pid_t pid)
{
    struct target *target = NULL;
    check_fine(target_open(path, &(struct target_options){0}, &target));
    assert_int_equal(target->kind, TARGET_CORE);
    assert_int_equal(target->pid, pid);
    assert_int_equal(target->threads.count, 2);
    assert_non_null(target->exe_open_path);
    char text[sizeof(constant_text)];
    uint64_t word;
    check_fine(target_read(target, (uint64_t)(uintptr_t)constant_text, text, sizeof(text)));
    assert_string_equal(text, constant_text);
    check_fine(target_read_u64(target, (uint64_t)(uintptr_t)&changed_word, &word));
    assert_int_equal(word, 2);
    check_fine(target_read_u64(target, (uint64_t)(uintptr_t)bss_word + 2 * PAGE, &word));
    assert_int_equal(word, 0x0505050505050505u);
    static char block[BLOCK_PAGES * PAGE];
    check_fine(target_read(target, atomic_load(&shared->address), block, sizeof(block)));
    for (int i = 0; i < BLOCK_PAGES * PAGE; i++)
        assert_int_equal(block[i], (char)(i * 31 + i / 253));
    const struct target_segment *segment =
        target_segment_at(target, (uint64_t)(uintptr_t)&changed_word);
    assert_true(segment && segment->from_executable && segment->writable);
    segment = target_segment_at(target, (uint64_t)(uintptr_t)bss_word + 2 * PAGE);
    assert_true(segment && segment->from_executable && segment->writable);
    segment = target_segment_at(target, (uint64_t)(uintptr_t)&body);
    assert_true(segment && segment->from_executable && segment->executable);
    for (uint64_t i = 0; i < 2; i++) {
        segment = target_segment_at(target, target->threads.data[i].sp);
        assert_true(segment && segment->writable);
    }
    target_destroy(target);
    /* Another program, whatever it is, is refused. */
    check_error(target_open(path, &(struct target_options){.exe = "/bin/sh"}, &target),
                ERROR_FORMAT, "is not the executable that wrote this core");
}

/* The suite shows the last line before a skipped test's own. */
static void skip_because(const char *reason)
{
    printf("# %s\n", reason);
    skip();
}

static void check_gcore(const char *arguments)
{
    if (HAS_SHADOW || system("command -v gdb >/dev/null 2>&1"))
        skip_because(HAS_SHADOW ? SHADOW_REASON : "there is no gdb");
    pid_t pid = start_child(body);
    char command[512], path[128];
    snprintf(path, sizeof(path), "%s/gcore", directory);
    snprintf(command, sizeof(command),
             "gdb -nx -batch -p %d %s -ex 'generate-core-file %s' >/dev/null 2>&1", pid, arguments,
             path);
    assert_int_equal(system(command), 0);
    check_core(path, pid);
    end_child(pid);
    unlink(path);
}

static void test_gcore(void **state)
{
    (void)state;
    check_gcore("");
}

static void test_gcore_of_everything(void **state)
{
    (void)state;
    check_gcore("-ex 'set use-coredump-filter off' -ex 'set dump-excluded-mappings on'");
}

/* filter: for /proc/PID/coredump_filter. */
static void check_kernel_core(const char *filter)
{
    char pattern[128] = "", path[512];
    FILE *file = fopen("/proc/sys/kernel/core_pattern", "r");
    if (file && !fgets(pattern, sizeof(pattern), file))
        pattern[0] = '\0';
    if (file)
        fclose(file);
    if (HAS_SHADOW || strncmp(pattern, "core", 4) != 0)
        skip_because(HAS_SHADOW ? SHADOW_REASON : "kernel.core_pattern sends cores elsewhere");
    pid_t pid = start_child(body);
    snprintf(path, sizeof(path), "/proc/%d/coredump_filter", pid);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(filter, file);
    fclose(file);
    int status;
    kill(pid, SIGABRT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    if (!WCOREDUMP(status))
        skip_because("the kernel wrote no core");
    DIR *files = opendir(directory);
    struct dirent *entry;
    unsigned found = 0;
    while ((entry = readdir(files)))
        if (strncmp(entry->d_name, "core", 4) == 0) {
            snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
            check_core(path, pid);
            unlink(path);
            found++;
        }
    closedir(files);
    assert_int_equal(found, 1);
}

static void test_kernel_core(void **state)
{
    (void)state;
    check_kernel_core("0x33");
}

static void test_kernel_core_without_headers(void **state)
{
    (void)state;
    check_kernel_core("0x23");
}

static void test_kernel_core_of_everything(void **state)
{
    (void)state;
    check_kernel_core("0x3f");
}

static struct target *open_with_registers(pid_t pid, enum target_freeze freeze)
{
    struct target_options options = {.freeze = freeze, .full_registers = true};
    struct target *target = NULL;
    check_fine(target_open_process(pid, &options, &target));
    return target;
}

static void note_progress(void *context, const char *phase, double share)
{
    unsigned *calls = context;
    assert_non_null(phase);
    assert_true(share >= 0 && share <= 1);
    ++*calls;
}

static void check_written(enum target_freeze freeze, bool with_files)
{
    char path[128];
    unsigned calls = 0;
    pid_t pid = start_child(body);
    struct core_write_options options = {
        .threads = with_files ? 1 : 3,
        .with_files = with_files,
        .progress = note_progress,
        .progress_context = &calls,
    };
    struct core_written written = {0};
    struct stat status;
    snprintf(path, sizeof(path), "%s/written", directory);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    struct target *target = open_with_registers(pid, freeze);
    check_fine(core_write(target, &options, file, path, &written));
    target_destroy(target);
    assert_int_equal(written.threads, 2);
    assert_true(written.segments > 5);
    assert_true(calls > 0 || options.threads > 1); /* the others may have been faster */
    assert_int_equal(fstat(file, &status), 0);
    assert_int_equal(status.st_size, written.file_bytes);
    assert_true(written.copied_bytes > BLOCK_PAGES * PAGE);
    assert_true(written.copied_bytes <= written.file_bytes);
    close(file);
    check_core(path, pid);
    end_child(pid);
    unlink(path);
}

static void test_written(void **state)
{
    (void)state;
    check_written(FREEZE_STOP, false);
}

static void test_written_with_files(void **state)
{
    (void)state;
    check_written(FREEZE_STOP, true);
}

static void test_written_of_copy(void **state)
{
    (void)state;
    check_written(FREEZE_FORK, false);
}

/* Nothing is written that has no registers, and a disk that is full is an error. */
static void test_not_written(void **state)
{
    (void)state;
    pid_t pid = start_child(body);
    struct core_write_options options = {.threads = 2};
    struct core_written written = {0};
    int file = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0);
    struct target *target = open_child(pid, FREEZE_NONE);
    check_error(core_write(target, &options, file, "full", &written), ERROR_USAGE, "held still");
    target_destroy(target);
    target = open_with_registers(pid, FREEZE_STOP);
    check_error(core_write(target, &options, file, "full", &written), ERROR_OS, "full");
    check_error(core_write(target, &options, -1, "none", &written), ERROR_OS, "none");
    target_release(target);
    check_error(core_write(target, &options, file, "late", &written), ERROR_USAGE, "let go");
    target_destroy(target);
    target = open_child(pid, FREEZE_STOP); /* without full_registers */
    check_error(core_write(target, &options, file, "bare", &written), ERROR_USAGE, "registers");
    target_destroy(target);
    assert_int_equal(written.file_bytes, 0);
    close(file);
    end_child(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_gcore, reset_counters),
        cmocka_unit_test_setup(test_gcore_of_everything, reset_counters),
        cmocka_unit_test_setup(test_kernel_core, reset_counters),
        cmocka_unit_test_setup(test_kernel_core_without_headers, reset_counters),
        cmocka_unit_test_setup(test_kernel_core_of_everything, reset_counters),
        cmocka_unit_test_setup(test_written, reset_counters),
        cmocka_unit_test_setup(test_written_with_files, reset_counters),
        cmocka_unit_test_setup(test_written_of_copy, reset_counters),
        cmocka_unit_test_setup(test_not_written, reset_counters),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
