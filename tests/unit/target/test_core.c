/* Hand-made cores: each part present or left out, and each kind of damage. */
#include "core_builder.h"

static struct built core;
static uint8_t exe_bytes[EXE_SIZE];

static struct error *open_built(const char *exe, struct target **out)
{
    struct unnamed_file file = write_unnamed(core.bytes, core.size);
    struct target_options options = {.exe = exe};
    struct error *error = target_open_core(file.path, &options, out);
    close(file.descriptor);
    return error;
}

static struct target *must_open(const char *exe)
{
    struct target *target = NULL;
    check_fine(open_built(exe, &target));
    return target;
}

/* The core as it is now must be refused; nothing may be handed out. */
static void must_fail(const char *exe, enum error_kind kind, const char *words)
{
    struct target *target = NULL;
    check_error(open_built(exe, &target), kind, words);
    assert_null(target);
}

static struct unnamed_file write_exe(uint8_t build_id)
{
    build_exe(exe_bytes, build_id);
    return write_unnamed(exe_bytes, EXE_SIZE);
}

static void check_bytes(struct target *target, uint64_t address, uint64_t n, uint8_t expected)
{
    uint8_t bytes[2 * PAGE];
    check_fine(target_read(target, address, bytes, n));
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], expected);
}

static void check_fault(struct target *target, uint64_t address, uint64_t n, uint64_t at)
{
    uint8_t bytes[PAGE];
    struct error *error = target_read(target, address, bytes, n);
    assert_non_null(error);
    assert_true(error->address == at);
    check_error(error, ERROR_FAULT, "no memory at");
}

/* What every complete recipe must give. */
static void check_program(struct target *target)
{
    assert_int_equal(target->kind, TARGET_CORE);
    assert_int_equal(target->pid, 4242);
    check_bytes(target, TEXT_START + PAGE, PAGE, 0xcc);
    check_bytes(target, DATA_START, PAGE, 0xee);
    check_bytes(target, BSS_START, 2 * PAGE, 0xbb);
    uint8_t heap[HEAP_PAGES * PAGE];
    check_fine(target_read(target, HEAP_START, heap, sizeof(heap)));
    for (uint64_t i = 0; i < sizeof(heap); i++)
        assert_int_equal(heap[i], heap_byte(i));
    const uint8_t *view = target_view(target, HEAP_START + 5, sizeof(heap) - 5);
    assert_non_null(view);
    assert_memory_equal(view, heap + 5, sizeof(heap) - 5);
    assert_null(target_view(target, HEAP_START + 5, sizeof(heap)));
    assert_null(target_view(target, HEAP_START - 1, 8));
    assert_null(target_view(target, UINT64_MAX, 8));
    assert_null(target_view(target, HEAP_START, 0));
    check_fault(target, NONE_START - 4, 8, NONE_START);
    check_fault(target, 64, 8, 64);
    const struct target_segment *text = target_segment_at(target, TEXT_START + PAGE);
    assert_true(text && text->executable && !text->writable && text->from_executable);
    const struct target_segment *data = target_segment_at(target, DATA_START);
    assert_true(data && data->writable && data->from_executable);
    assert_int_equal(data->file_offset, 2 * PAGE);
    const struct target_segment *bss = target_segment_at(target, BSS_START + PAGE);
    assert_true(bss && bss->writable && bss->from_executable);
    assert_string_equal(bss->path, "");
    const struct target_segment *heap_segment = target_segment_at(target, HEAP_START);
    assert_true(heap_segment && heap_segment->writable && !heap_segment->from_executable);
    for (uint64_t i = 1; i < target->segments.count; i++)
        assert_true(target->segments.data[i - 1].end <= target->segments.data[i].start);
}

static void test_with_given_executable(void **state)
{
    (void)state;
    struct unnamed_file exe = write_exe(7);
    for (int text = TEXT_HEADERS; text <= TEXT_NO_SEGMENT; text++)
        for (unsigned skew = 0; skew < 200; skew += 104) {
            build_core(&(struct recipe){.text = (enum text_pages)text, .skew = skew}, &core);
            struct target *target = must_open(exe.path);
            check_program(target);
            assert_string_equal(target->exe_open_path, exe.path);
            assert_string_equal(target->exe_path, "/nonexistent/program");
            target_release(target);
            target_destroy(target);
        }
    close(exe.descriptor);
}

static void test_with_noted_executable(void **state)
{
    (void)state;
    struct unnamed_file exe = write_exe(7);
    build_core(&(struct recipe){.exe_path = exe.path}, &core);
    struct target *target = must_open(NULL);
    check_program(target);
    assert_string_equal(target->exe_open_path, exe.path);
    target_destroy(target);
    close(exe.descriptor);
}

static void test_without_executable(void **state)
{
    (void)state;
    build_core(&(struct recipe){.text = TEXT_ALL}, &core);
    struct target *target = must_open(NULL);
    check_program(target);
    assert_null(target->exe_open_path);
    target_destroy(target);

    build_core(&(struct recipe){.text = TEXT_HEADERS}, &core);
    must_fail(NULL, ERROR_OS, "leaves out 4 KiB of the executable, which must be given with --exe");
    build_core(&(struct recipe){.text = TEXT_NO_SEGMENT}, &core);
    must_fail(NULL, ERROR_OS, "leaves out 8 KiB of the executable");
    must_fail("/nonexistent/other", ERROR_OS, "cannot open /nonexistent/other");
}

static void test_without_some_notes(void **state)
{
    (void)state;
    struct unnamed_file exe = write_exe(7);
    build_core(&(struct recipe){.no_auxiliary = true}, &core);
    struct target *target = must_open(exe.path);
    check_program(target);
    target_destroy(target);
    build_core(&(struct recipe){.no_files = true}, &core);
    target = must_open(exe.path);
    check_bytes(target, TEXT_START + PAGE, PAGE, 0xcc);
    target_destroy(target);
    close(exe.descriptor);
}

static void test_wrong_executable(void **state)
{
    (void)state;
    struct unnamed_file other = write_exe(8);
    build_core(&(struct recipe){0}, &core);
    must_fail(other.path, ERROR_FORMAT,
              "is not the executable that wrote this core (the build ids differ); give the right "
              "one with --exe");
    build_core(&(struct recipe){.exe_path = other.path}, &core);
    must_fail(NULL, ERROR_FORMAT, "is not the executable that wrote this core");
    /* Complete without it: then what the notes name does not matter. */
    build_core(&(struct recipe){.text = TEXT_ALL, .exe_path = other.path}, &core);
    struct target *target = must_open(NULL);
    check_program(target);
    assert_null(target->exe_open_path);
    target_destroy(target);
    close(other.descriptor);

    Elf64_Ehdr header;
    build_exe(exe_bytes, 7);
    memcpy(&header, exe_bytes, sizeof(header));
    header.e_entry += 16;
    memcpy(exe_bytes, &header, sizeof(header));
    other = write_unnamed(exe_bytes, EXE_SIZE);
    must_fail(other.path, ERROR_FORMAT, "the entry points differ");
    close(other.descriptor);

    /* More memory than the core has, and no header page to compare. */
    Elf64_Phdr data;
    uint64_t at = sizeof(header) + sizeof(data);
    build_exe(exe_bytes, 7);
    memcpy(&data, exe_bytes + at, sizeof(data));
    data.p_memsz += 16 * PAGE;
    memcpy(exe_bytes + at, &data, sizeof(data));
    other = write_unnamed(exe_bytes, EXE_SIZE);
    must_fail(other.path, ERROR_FORMAT, "the program headers differ");
    build_core(&(struct recipe){.text = TEXT_NO_BYTES}, &core);
    must_fail(other.path, ERROR_FORMAT, "is not in the core");
    close(other.descriptor);
}

static void test_other_executables(void **state)
{
    (void)state;
    build_core(&(struct recipe){0}, &core);
    build_exe(exe_bytes, 7);
    exe_bytes[EI_CLASS] = ELFCLASS32;
    struct unnamed_file file = write_unnamed(exe_bytes, EXE_SIZE);
    must_fail(file.path, ERROR_UNSUPPORTED, "32-bit");
    close(file.descriptor);
    build_exe(exe_bytes, 7);
    exe_bytes[18] = EM_AARCH64;
    file = write_unnamed(exe_bytes, EXE_SIZE);
    must_fail(file.path, ERROR_UNSUPPORTED, "is for arm64");
    close(file.descriptor);
    build_exe(exe_bytes, 7);
    for (uint64_t size = 0; size < 232; size += 8) {
        file = write_unnamed(exe_bytes, size);
        must_fail(file.path, ERROR_FORMAT, file.path);
        close(file.descriptor);
    }
    must_fail("/dev/zero", ERROR_OS, "not a regular file");
}

static void test_threads(void **state)
{
    (void)state;
    build_core(&(struct recipe){.text = TEXT_ALL}, &core);
    struct target *target = must_open(NULL);
    assert_int_equal(target->threads.count, 2);
    const struct target_thread *thread = &target->threads.data[0];
    assert_int_equal(thread->tid, 4243);
    assert_true(thread->has_registers);
    const uint64_t first = 424300;
    assert_int_equal(thread->pc, first + 16);
    assert_int_equal(thread->sp, first + 19);
    assert_int_equal(thread->bp, first + 4);
    assert_int_equal(thread->fs_base, first + 21);
    assert_int_equal(thread->gp[0], first + 10); /* rax */
    assert_int_equal(thread->gp[1], first + 5);  /* rbx */
    assert_int_equal(thread->gp[2], first + 11); /* rcx */
    assert_int_equal(thread->gp[3], first + 12); /* rdx */
    assert_int_equal(thread->gp[4], first + 13); /* rsi */
    assert_int_equal(thread->gp[5], first + 14); /* rdi */
    assert_int_equal(thread->gp[6], first + 4);  /* rbp */
    assert_int_equal(thread->gp[7], first + 19); /* rsp */
    assert_int_equal(thread->gp[8], first + 9);  /* r8 */
    assert_int_equal(thread->gp[15], first + 0); /* r15 */
    assert_int_equal(target->threads.data[1].tid, 4242);
    target_destroy(target);
}

static void test_sparse(void **state)
{
    (void)state;
    build_core(&(struct recipe){.text = TEXT_ALL}, &core);
    struct target *target = must_open(NULL);
    uint8_t bytes[12 * PAGE];
    memset(bytes, 0x55, sizeof(bytes));
    check_fine(target_read_sparse(target, HEAP_START - PAGE, bytes, sizeof(bytes)));
    for (uint64_t i = 0; i < sizeof(bytes); i++) {
        bool in_heap = i >= PAGE && i < (HEAP_PAGES + 1) * PAGE;
        assert_int_equal(bytes[i], in_heap ? heap_byte(i - PAGE) : 0);
    }
    check_fine(target_read_sparse(target, UINT64_MAX - 99, bytes, 100));
    assert_int_equal(bytes[0], 0);
    /* Private memory that was never written is zero, and not a hole. */
    check_bytes(target, UNWRITTEN_START, PAGE, 0);
    assert_null(target_view(target, UNWRITTEN_START, 8));
    target_destroy(target);
}

static void test_many_segments(void **state)
{
    (void)state;
    build_core(&(struct recipe){.text = TEXT_ALL, .count_in_section = true}, &core);
    struct target *target = must_open(NULL);
    check_program(target);
    target_destroy(target);
    Elf64_Ehdr header;
    memcpy(&header, core.bytes, sizeof(header));
    header.e_shoff = core.size - 8;
    memcpy(core.bytes, &header, sizeof(header));
    must_fail(NULL, ERROR_FORMAT, "the number of its segments");
}

static void test_no_heap(void **state)
{
    (void)state;
    build_core(&(struct recipe){.text = TEXT_ALL, .no_heap = true}, &core);
    must_fail(NULL, ERROR_FORMAT, "coredump_filter");
}

static void test_other_files(void **state)
{
    (void)state;
    struct target *target = NULL;
    struct target_options options = {0};
    check_error(target_open("/nonexistent/core", &options, &target), ERROR_OS, "cannot open");
    check_error(target_open("/", &options, &target), ERROR_OS, "not a regular file");
    check_error(target_open("", &options, &target), ERROR_OS, "cannot open");
    core.size = 0;
    must_fail(NULL, ERROR_FORMAT, "is empty");
    core.size = (uint64_t)snprintf((char *)core.bytes, BUFFER_SIZE, "just some text");
    must_fail(NULL, ERROR_FORMAT, "is not a core file");
    memcpy(core.bytes, "\x28\xb5\x2f\xfd", 4);
    must_fail(NULL, ERROR_UNSUPPORTED, "compressed with zstd");
    core.size = build_exe(core.bytes, 7);
    must_fail(NULL, ERROR_USAGE, "is an executable, not a core");
    build_core(&(struct recipe){0}, &core);
    core.bytes[18] = EM_AARCH64;
    must_fail(NULL, ERROR_UNSUPPORTED, "is for arm64");
    build_core(&(struct recipe){0}, &core);
    core.bytes[EI_CLASS] = ELFCLASS32;
    must_fail(NULL, ERROR_UNSUPPORTED, "32-bit");
}

static void test_truncated(void **state)
{
    (void)state;
    build_core(&(struct recipe){.text = TEXT_ALL}, &core);
    const uint64_t full = core.size;
    core.size = full - 1;
    char words[80];
    snprintf(words, sizeof(words), "the core is truncated: %llu bytes of %llu",
             (unsigned long long)core.size, (unsigned long long)full);
    must_fail(NULL, ERROR_FORMAT, words);
    for (core.size = 1; core.size < full; core.size += core.size < 2048 ? 7 : 1001)
        must_fail(NULL, ERROR_FORMAT, "");
    core.size = full;
}

/* Changes one field of program header i. */
static void change_segment(unsigned i, uint64_t offset, uint64_t address, uint64_t file_size,
                           uint64_t memory_size)
{
    Elf64_Phdr segment;
    uint8_t *at = core.bytes + core.table + i * sizeof(segment);
    memcpy(&segment, at, sizeof(segment));
    segment.p_offset = offset ? offset : segment.p_offset;
    segment.p_vaddr = address ? address : segment.p_vaddr;
    segment.p_filesz = file_size ? file_size : segment.p_filesz;
    segment.p_memsz = memory_size ? memory_size : segment.p_memsz;
    memcpy(at, &segment, sizeof(segment));
}

static void test_impossible_segments(void **state)
{
    (void)state;
    const struct recipe whole = {.text = TEXT_ALL};
    build_core(&whole, &core);
    change_segment(2, UINT64_MAX - 8, 0, 0, 0);
    must_fail(NULL, ERROR_FORMAT, "impossible offset");
    build_core(&whole, &core);
    change_segment(2, 0, 0, 3 * PAGE, 0);
    must_fail(NULL, ERROR_FORMAT, "impossible size");
    build_core(&whole, &core);
    change_segment(4, 0, UINT64_MAX - PAGE + 1, 0, 0);
    must_fail(NULL, ERROR_FORMAT, "impossible size");
    build_core(&whole, &core);
    change_segment(3, 0, DATA_START + 8, 0, 0);
    must_fail(NULL, ERROR_FORMAT, "overlap at 0x402008");
    build_core(&whole, &core);
    change_segment(2, (uint64_t)1 << 40, 0, 0, 0);
    must_fail(NULL, ERROR_FORMAT, "truncated");
    build_core(&whole, &core);
    core.bytes[54] = 55;
    must_fail(NULL, ERROR_FORMAT, "program headers of 55 bytes");
    build_core(&whole, &core);
    core.bytes[56] = 0xf0;
    core.bytes[57] = 0xff;
    must_fail(NULL, ERROR_FORMAT, "");
}

static void test_damaged_notes(void **state)
{
    (void)state;
    const struct recipe whole = {.text = TEXT_ALL};
    build_core(&whole, &core);
    memset(core.bytes + core.notes, 0xff, 8); /* sizes of the first note */
    must_fail(NULL, ERROR_FORMAT, "a note of the core reaches beyond its segment");
    build_core(&whole, &core);
    core.bytes[core.notes + 4] = 0x10; /* NT_PRSTATUS of 16 bytes */
    core.bytes[core.notes + 5] = 0;
    must_fail(NULL, ERROR_FORMAT, "NT_PRSTATUS note of 16 bytes");
    build_core(&whole, &core);
    core.bytes[core.files + 20] = 200; /* the number of files */
    must_fail(NULL, ERROR_FORMAT, "200 files in");
    build_core(&whole, &core);
    core.bytes[core.files + 20 + 16 + 8 + 2] = 0; /* end of the first, before its start */
    must_fail(NULL, ERROR_FORMAT, "file 0 of the core's NT_FILE note is damaged");
    build_core(&whole, &core);
    core.bytes[core.files + 20 + 16 + 8 + 1] = 0x21; /* reaches into the second */
    must_fail(NULL, ERROR_FORMAT, "overlap at 0x402000");
    build_core(&whole, &core);
    core.bytes[core.files + 20 + 1] = core.bytes[core.files + 20] = 0xff;
    must_fail(NULL, ERROR_FORMAT, "NT_FILE note is damaged");
}

/* Any one byte of headers and notes changed: no crash, and no hang. */
static void test_every_byte(void **state)
{
    (void)state;
    struct unnamed_file exe = write_exe(7);
    const struct recipe recipe = {.exe_path = exe.path};
    build_core(&recipe, &core);
    uint64_t end = core.notes + 2048;
    for (uint64_t i = 0; i < end; i++) {
        struct target *target = NULL;
        core.bytes[i] ^= i % 2 ? 0xff : 0x08;
        struct error *error = open_built(i % 3 ? NULL : exe.path, &target);
        uint64_t word;
        if (!error) {
            error_destroy(target_read_u64(target, HEAP_START, &word));
            target_destroy(target);
        }
        error_destroy(error);
        core.bytes[i] ^= i % 2 ? 0xff : 0x08;
    }
    close(exe.descriptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_given_executable),
        cmocka_unit_test(test_with_noted_executable),
        cmocka_unit_test(test_without_executable),
        cmocka_unit_test(test_without_some_notes),
        cmocka_unit_test(test_wrong_executable),
        cmocka_unit_test(test_other_executables),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_many_segments),
        cmocka_unit_test(test_no_heap),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_impossible_segments),
        cmocka_unit_test(test_damaged_notes),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
