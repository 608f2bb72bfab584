/* Reading a live process: what is there, what is not, and what is said about it. */
#include "child.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/parallel.h"

enum { PAGE = 4096, BLOCK_PAGES = 64 };

static uint64_t known_word = 0x1122334455667788u;

/* A block with pages that are written, never touched, and not readable. */
static void layout_body(void)
{
    char *block =
        mmap(NULL, BLOCK_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int page = 0; page < BLOCK_PAGES; page += 2)
        memset(block + page * PAGE, page + 1, PAGE);
    mprotect(block + 32 * PAGE, PAGE, PROT_NONE);
    munmap(block + 40 * PAGE, PAGE);
    atomic_store(&shared->address, (uint64_t)(uintptr_t)block);
    atomic_store(&shared->ready, 1);
    for (;;) {
        atomic_fetch_add(&shared->ticks, 1);
        sleep_ms(1);
    }
}

static void check_block(struct target *target)
{
    uint64_t block = atomic_load(&shared->address), word;
    char bytes[2 * PAGE];
    check_fine(target_read(target, block, bytes, PAGE));
    for (int i = 0; i < PAGE; i++)
        assert_int_equal(bytes[i], 1);
    check_fine(target_read(target, block + PAGE - 8, bytes, 16)); /* over a page boundary */
    assert_int_equal(bytes[7], 1);
    assert_int_equal(bytes[8], 0);
    check_fine(target_read_u64(target, (uint64_t)(uintptr_t)&known_word, &word));
    assert_int_equal(word, 0x1122334455667788u);
    uint32_t half;
    check_fine(target_read_u32(target, (uint64_t)(uintptr_t)&known_word, &half));
    assert_int_equal(half, 0x55667788u);
    assert_null(target_view(target, block, 8));

    struct error *error = target_read(target, block + 40 * PAGE - 100, bytes, 200);
    assert_non_null(error);
    assert_int_equal(error->address, block + 40 * PAGE);
    check_error(error, ERROR_FAULT, "no readable memory");
    check_error(target_read(target, 8, bytes, 8), ERROR_FAULT, "no readable memory");
    check_error(target_read(target, UINT64_MAX - 3, bytes, 8), ERROR_FAULT, "address space");
    check_error(target_read(target, 0xffff800000000000u, bytes, 8), ERROR_FAULT, "no readable");

    static char all[BLOCK_PAGES * PAGE];
    memset(all, 0x55, sizeof(all));
    check_fine(target_read_sparse(target, block, all, sizeof(all)));
    for (int page = 0; page < BLOCK_PAGES; page++) {
        if (page == 32 && target->freeze == FREEZE_NONE)
            continue; /* the kernel lets us read it */
        int expected = page % 2 || page == 40 || page == 32 ? 0 : page + 1;
        for (int i = 0; i < PAGE; i++)
            assert_int_equal(all[page * PAGE + i], expected);
    }
    check_fine(target_read_sparse(target, block + 39 * PAGE + 4000, all, 5000));
    assert_int_equal(all[0], 0);
    assert_int_equal(all[96 + PAGE], 0);
    check_fine(target_read_sparse(target, 0, all, sizeof(all)));
    check_fine(target_read(target, block, all, 0));
}

static void test_reads_stopped(void **state)
{
    (void)state;
    pid_t pid = start_child(layout_body);
    struct target *target = open_child(pid, FREEZE_STOP);
    uint64_t block = atomic_load(&shared->address);
    char byte;
    check_block(target);
    check_error(target_read(target, block + 32 * PAGE, &byte, 1), ERROR_FAULT, "no readable");
    assert_true(stands_still(&shared->ticks));
    assert_int_equal(target->stopped_ns, 0);
    target_release(target);
    assert_true(target->stopped_ns > 30 * 1000000);
    target_release(target);
    check_error(target_read(target, block, &byte, 1), ERROR_USAGE, "let go");
    assert_true(moves(&shared->ticks));
    target_destroy(target);
    end_child(pid);
    target_destroy(NULL);
}

static void test_reads_running(void **state)
{
    (void)state;
    pid_t pid = start_child(layout_body);
    struct target *target = open_child(pid, FREEZE_NONE);
    check_block(target);
    assert_int_equal(target->threads.count, 1);
    assert_false(target->threads.data[0].has_registers);
    assert_true(moves(&shared->ticks));
    target_destroy(target);
    end_child(pid);
}

/* Sparse reading must not make the kernel map pages of the target. */
static void test_sparse_leaves_absent_pages(void **state)
{
    (void)state;
    pid_t pid = start_child(layout_body);
    struct target *target = open_child(pid, FREEZE_STOP);
    static char all[30 * PAGE];
    uint64_t block = atomic_load(&shared->address), entry;
    check_fine(target_read_sparse(target, block, all, sizeof(all)));
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    for (uint64_t page = 0; page < 30; page++) {
        assert_int_equal(pread(fd, &entry, 8, (off_t)((block / PAGE + page) * 8)), 8);
        assert_int_equal(entry >> 63, page % 2 == 0);
    }
    close(fd);
    target_destroy(target);
    end_child(pid);
}

static void test_describes(void **state)
{
    (void)state;
    pid_t pid = start_child(layout_body);
    struct target *target = open_child(pid, FREEZE_STOP);
    char own[4096];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    own[length] = '\0';
    assert_string_equal(target->exe_path, own);
    assert_int_equal(access(target->exe_open_path, R_OK), 0);
    assert_int_equal(target->kind, TARGET_LIVE);
    assert_int_equal(target->pid, pid);
    assert_int_equal(strlen(target->taken_at), 20);

    uint64_t data = (uint64_t)(uintptr_t)&known_word, code = (uint64_t)(uintptr_t)&layout_body;
    const struct target_segment *segment = target_segment_at(target, data);
    assert_true(segment && segment->writable && segment->from_executable);
    segment = target_segment_at(target, code);
    assert_true(segment && segment->executable && segment->from_executable);
    assert_string_equal(segment->path, own);
    segment = target_segment_at(target, atomic_load(&shared->address));
    assert_true(segment && !segment->from_executable && segment->writable);
    assert_null(target_segment_at(target, 8));
    for (uint64_t i = 1; i < target->segments.count; i++)
        assert_true(target->segments.data[i - 1].end <= target->segments.data[i].start);

    assert_int_equal(target->threads.count, 1);
    const struct target_thread *thread = &target->threads.data[0];
    assert_true(thread->has_registers && thread->tid == pid);
    segment = target_segment_at(target, thread->pc);
    assert_true(segment && segment->executable);
    segment = target_segment_at(target, thread->sp);
    assert_true(segment && segment->writable);
    assert_int_equal(thread->gp[7], thread->sp);
    assert_int_equal(thread->gp[6], thread->bp);
    target_destroy(target);
    end_child(pid);
}

static char big_bss[1 << 20];

static void bss_body(void)
{
    big_bss[sizeof(big_bss) - 1] = 3;
    atomic_store(&shared->ready, 1);
    for (;;)
        pause();
}

static void test_bss_is_the_executables(void **state)
{
    (void)state;
    pid_t pid = start_child(bss_body);
    struct target *target = open_child(pid, FREEZE_STOP);
    uint64_t last = (uint64_t)(uintptr_t)&big_bss[sizeof(big_bss) - 1];
    const struct target_segment *segment = target_segment_at(target, last);
    char byte;
    assert_true(segment && segment->from_executable);
    check_fine(target_read(target, last, &byte, 1));
    assert_int_equal(byte, 3);
    target_destroy(target);
    end_child(pid);
}

static void test_exits_in_the_middle(void **state)
{
    (void)state;
    for (int freeze = FREEZE_STOP; freeze <= FREEZE_NONE; freeze++) {
        reset_counters(NULL);
        pid_t pid = start_child(layout_body);
        struct target *target = open_child(pid, (enum target_freeze)freeze);
        static char bytes[8 * PAGE];
        uint64_t block = atomic_load(&shared->address);
        check_fine(target_read(target, block, bytes, sizeof(bytes)));
        kill(pid, SIGKILL);
        struct error *error = NULL;
        for (int i = 0; i < 2000 && !error; i++) {
            sleep_ms(1);
            error = target_read(target, block, bytes, sizeof(bytes));
        }
        check_error(error, ERROR_OS, "has exited");
        check_error(target_read_sparse(target, block, bytes, sizeof(bytes)), ERROR_OS,
                    "has exited");
        target_destroy(target);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

static void *idle(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

static void thread_body(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, idle, NULL);
    char name[32];
    for (pid_t tid = getpid() + 1; tid < getpid() + 1000; tid++) {
        snprintf(name, sizeof(name), "/proc/self/task/%d", tid);
        if (access(name, F_OK) == 0)
            atomic_store(&shared->address, (uint64_t)tid);
    }
    atomic_store(&shared->ready, 1);
    idle(NULL);
}

static void test_says_why_not(void **state)
{
    (void)state;
    struct target *target = NULL;
    struct target_options options = {0};
    check_error(target_open("999999999", &options, &target), ERROR_OS, "no process 999999999");
    check_error(target_open("99999999999999999999", &options, &target), ERROR_OS, "no process 999");
    check_error(target_open_process(0, &options, &target), ERROR_OS, "no process 0");
    check_error(target_open_process(getpid(), &options, &target), ERROR_USAGE, "itself");
    pid_t zombie = fork();
    if (zombie == 0)
        _exit(0);
    sleep_ms(50);
    check_error(target_open_process(zombie, &options, &target), ERROR_OS, "is a zombie");
    waitpid(zombie, NULL, 0);
    pid_t pid = start_child(thread_body);
    pid_t tid = (pid_t)atomic_load(&shared->address);
    if (tid)
        check_error(target_open_process(tid, &options, &target), ERROR_USAGE, "is a thread of");
    end_child(pid);
    assert_null(target);
}

/* Another user's process, asked for by a child that has given up root. */
static void test_permission(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        puts("# only root can become another user");
        skip();
    }
    pid_t pid = start_child(layout_body);
    pid_t asker = fork();
    if (asker == 0) {
        struct target *target;
        struct target_options options = {0};
        char text[512] = "";
        if (setgid(65534) || setuid(65534))
            _exit(2);
        struct error *error = target_open_process(pid, &options, &target);
        if (error)
            error_text(error, text, sizeof(text));
        _exit(error && strstr(text, "not permitted to read process") &&
                      strstr(text, "CAP_SYS_PTRACE")
                  ? 0
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(asker, &status, 0), asker);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(moves(&shared->ticks));
    end_child(pid);
}

/* A deleted executable is still read. */
static void test_deleted_executable(void **state)
{
    (void)state;
    char path[] = "/tmp/leakhound-test-XXXXXX";
    int fd = mkstemp(path), sleeper = open("/bin/sleep", O_RDONLY);
    char bytes[1 << 16];
    ssize_t got;
    assert_true(fd >= 0 && sleeper >= 0);
    while ((got = read(sleeper, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(fd, bytes, (size_t)got), got);
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    close(sleeper);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, "100", (char *)NULL);
        _exit(1);
    }
    sleep_ms(100);
    unlink(path);
    struct target *target = open_child(pid, FREEZE_STOP);
    assert_string_equal(target->exe_path, path);
    assert_int_equal(access(target->exe_open_path, R_OK), 0);
    uint64_t own = 0;
    for (uint64_t i = 0; i < target->segments.count; i++)
        own += target->segments.data[i].from_executable;
    assert_true(own >= 2);
    target_destroy(target);
    end_child(pid);
}

/* A 32-bit program that only waits, where the kernel runs such. */
static void test_32_bit_program(void **state)
{
    (void)state;
    static const uint8_t code[] = {0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7}; /* pause, again */
    struct {
        Elf32_Ehdr header;
        Elf32_Phdr segment;
        uint8_t code[sizeof(code)];
    } program = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_386,
                   .e_version = EV_CURRENT,
                   .e_phoff = sizeof(Elf32_Ehdr),
                   .e_ehsize = sizeof(Elf32_Ehdr),
                   .e_phentsize = sizeof(Elf32_Phdr),
                   .e_phnum = 1},
        .segment = {.p_type = PT_LOAD,
                    .p_vaddr = 0x8048000,
                    .p_filesz = sizeof(program),
                    .p_memsz = sizeof(program),
                    .p_flags = PF_R | PF_X,
                    .p_align = 4096},
    };
    program.header.e_entry = 0x8048000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr);
    memcpy(program.code, code, sizeof(code));
    int fd = memfd_create("program", MFD_CLOEXEC);
    assert_int_equal(write(fd, &program, sizeof(program)), sizeof(program));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fexecve(fd, (char *[]){"program", NULL}, (char *[]){NULL});
        _exit(1);
    }
    close(fd);
    sleep_ms(100);
    int status;
    if (waitpid(pid, &status, WNOHANG) == pid) {
        puts("# this kernel runs no 32-bit programs");
        skip();
    }
    struct target *target = NULL;
    check_error(target_open_process(pid, &(struct target_options){0}, &target), ERROR_UNSUPPORTED,
                "is a 32-bit program; only amd64 is supported");
    end_child(pid);
}

static struct error *read_part(void *context, unsigned part)
{
    struct target *target = context;
    uint64_t block = atomic_load(&shared->address), word;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned page = (i * 7 + part) % 16 * 2;
        TRY(target_read_u64(target, block + page * PAGE + i % 500 * 8, &word));
        if (word != (page + 1) * 0x0101010101010101u)
            return error_create(ERROR_FAULT, "wrong word of page %u", page);
    }
    return NULL;
}

static void test_many_readers(void **state)
{
    (void)state;
    pid_t pid = start_child(layout_body);
    struct target *target = open_child(pid, FREEZE_STOP);
    check_fine(parallel_run(4, read_part, target));
    target_destroy(target);
    end_child(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reads_stopped, reset_counters),
        cmocka_unit_test_setup(test_reads_running, reset_counters),
        cmocka_unit_test_setup(test_sparse_leaves_absent_pages, reset_counters),
        cmocka_unit_test_setup(test_describes, reset_counters),
        cmocka_unit_test_setup(test_bss_is_the_executables, reset_counters),
        cmocka_unit_test_setup(test_exits_in_the_middle, reset_counters),
        cmocka_unit_test_setup(test_says_why_not, reset_counters),
        cmocka_unit_test_setup(test_permission, reset_counters),
        cmocka_unit_test_setup(test_deleted_executable, reset_counters),
        cmocka_unit_test_setup(test_32_bit_program, reset_counters),
        cmocka_unit_test_setup(test_many_readers, reset_counters),
    };
    return cmocka_run_group_tests(tests, share_counters, NULL);
}
