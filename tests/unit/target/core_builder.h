/*
 * Cores made by hand, with the executable that would have written them: small, and each part can be
 * left out. The program lies like this (file offsets as addresses - 0x400000):
 *
 *   0x400000  r-x  2 pages: ELF header, program headers, build id; code
 *   0x402000  rw-  1 page from the file (half of it initialised), then 2 pages of bss
 *   0xc000000000  rw-  HEAP_PAGES, then PROT_NONE pages, then one rw- page that was never written
 */
#ifndef LEAKHOUND_TEST_TARGET_CORE_BUILDER_H
#define LEAKHOUND_TEST_TARGET_CORE_BUILDER_H

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"

enum {
    PAGE = 4096,
    HEAP_PAGES = 4,
    EXE_SIZE = 2 * PAGE + PAGE / 2,
    BUILD_ID_AT = 0x200,
    BUFFER_SIZE = 1 << 20,
};

#define TEXT_START ((uint64_t)0x400000)
#define DATA_START ((uint64_t)0x402000)
#define BSS_START ((uint64_t)0x403000)
#define HEAP_START ((uint64_t)0xc000000000)
#define NONE_START (HEAP_START + HEAP_PAGES * PAGE)
#define UNWRITTEN_START (NONE_START + 2 * PAGE)

enum text_pages { TEXT_HEADERS, TEXT_ALL, TEXT_NO_BYTES, TEXT_NO_SEGMENT };

struct recipe {
    enum text_pages text;
    bool no_files, no_auxiliary, no_heap;
    bool count_in_section; /* PN_XNUM */
    unsigned skew;         /* added to file offsets, as gcore has them */
    const char *exe_path;  /* in NT_FILE */
};

struct built {
    uint8_t bytes[BUFFER_SIZE];
    uint64_t size;
    uint64_t table;        /* offset of the program headers */
    uint64_t notes, files; /* offsets of the first note and of the NT_FILE note */
    unsigned count;        /* of program headers */
};

static inline uint8_t heap_byte(uint64_t i)
{
    return (uint8_t)(i * 31 + i / 253);
}

/* The executable; its size. build_id fills the note that tells it from others. */
static inline uint64_t build_exe(uint8_t *bytes, uint8_t build_id)
{
    memset(bytes, 0, EXE_SIZE);
    Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = TEXT_START + PAGE + 16,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 3,
    };
    const Elf64_Phdr segments[3] = {
        {PT_LOAD, PF_R | PF_X, 0, TEXT_START, TEXT_START, 2 * PAGE, 2 * PAGE, PAGE},
        {PT_LOAD, PF_R | PF_W, 2 * PAGE, DATA_START, DATA_START, PAGE / 2, 3 * PAGE, PAGE},
        {PT_NOTE, PF_R, BUILD_ID_AT, TEXT_START + BUILD_ID_AT, TEXT_START + BUILD_ID_AT, 36, 36, 4},
    };
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), segments, sizeof(segments));
    const Elf64_Nhdr note = {4, 20, 3};
    memcpy(bytes + BUILD_ID_AT, &note, sizeof(note));
    memcpy(bytes + BUILD_ID_AT + 12, "GNU", 4);
    memset(bytes + BUILD_ID_AT + 16, build_id, 20);
    memset(bytes + PAGE, 0xcc, PAGE);
    memset(bytes + 2 * PAGE, 0xdd, PAGE / 2);
    return EXE_SIZE;
}

static inline void append(struct built *core, const void *bytes, uint64_t size)
{
    assert_true(core->size + size <= BUFFER_SIZE);
    if (bytes)
        memcpy(core->bytes + core->size, bytes, size);
    core->size += size;
}

static inline void append_note(struct built *core, uint32_t type, const void *bytes, uint64_t size)
{
    const Elf64_Nhdr note = {5, (Elf64_Word)size, type};
    append(core, &note, sizeof(note));
    append(core, "CORE\0\0\0", 8);
    append(core, bytes, size);
    append(core, NULL, -size & 3);
}

static inline void append_thread(struct built *core, uint32_t tid)
{
    uint8_t status[336] = {0};
    memcpy(status + 32, &tid, 4);
    for (uint64_t i = 0; i < 27; i++) {
        uint64_t word = tid * 100 + i; /* each register tells which one it is */
        memcpy(status + 112 + i * 8, &word, 8);
    }
    append_note(core, NT_PRSTATUS, status, sizeof(status));
}

static inline void append_notes(struct built *core, const struct recipe *recipe)
{
    uint8_t info[136] = {0};
    const uint32_t pid = 4242;
    memcpy(info + 24, &pid, 4);
    memcpy(info + 40, "program", 8);
    append_thread(core, 4243);
    append_note(core, NT_PRPSINFO, info, sizeof(info));
    if (!recipe->no_auxiliary) {
        const uint64_t vector[] = {AT_PHDR,  TEXT_START + sizeof(Elf64_Ehdr), AT_PHNUM, 3,
                                   AT_ENTRY, TEXT_START + PAGE + 16,          AT_NULL,  0};
        append_note(core, NT_AUXV, vector, sizeof(vector));
    }
    core->files = core->size;
    if (!recipe->no_files) {
        char note[512] = {0};
        const char *path = recipe->exe_path ? recipe->exe_path : "/nonexistent/program";
        const uint64_t words[] = {2, PAGE,       TEXT_START, BSS_START - PAGE,
                                  0, DATA_START, BSS_START,  2};
        uint64_t length = strlen(path) + 1;
        memcpy(note, words, sizeof(words));
        memcpy(note + sizeof(words), path, length);
        memcpy(note + sizeof(words) + length, path, length);
        append_note(core, NT_FILE, note, sizeof(words) + 2 * length);
    }
    append_thread(core, 4242);
}

static inline void append_load(struct built *core, const struct recipe *recipe, uint32_t flags,
                               uint64_t start, uint64_t pages, const void *bytes, uint64_t dumped)
{
    core->size = ((core->size + PAGE - 1) & ~(uint64_t)(PAGE - 1)) + recipe->skew;
    Elf64_Phdr load = {PT_LOAD, flags, core->size, start, 0, dumped * PAGE, pages * PAGE, PAGE};
    memcpy(core->bytes + core->table + core->count++ * sizeof(load), &load, sizeof(load));
    append(core, bytes, dumped * PAGE);
}

static inline void build_core(const struct recipe *recipe, struct built *core)
{
    uint8_t exe[3 * PAGE] = {0}, bss[2 * PAGE], heap[HEAP_PAGES * PAGE];
    memset(core, 0, sizeof(*core));
    build_exe(exe, 7);
    memset(exe + 2 * PAGE, 0xee, PAGE); /* the program has written to its data */
    memset(bss, 0xbb, sizeof(bss));
    for (uint64_t i = 0; i < sizeof(heap); i++)
        heap[i] = heap_byte(i);
    core->table = sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr);
    core->size = core->notes = core->table + 16 * sizeof(Elf64_Phdr);
    append_notes(core, recipe);
    const Elf64_Phdr note = {PT_NOTE, 0, core->notes, 0, 0, core->size - core->notes, 0, 4};
    memcpy(core->bytes + core->table, &note, sizeof(note));
    core->count = 1;
    static const uint64_t dumped[] = {[TEXT_HEADERS] = 1, [TEXT_ALL] = 2, [TEXT_NO_BYTES] = 0};
    if (recipe->text != TEXT_NO_SEGMENT)
        append_load(core, recipe, PF_R | PF_X, TEXT_START, 2, exe, dumped[recipe->text]);
    if (!recipe->no_heap) {
        append_load(core, recipe, PF_R | PF_W, DATA_START, 1, exe + 2 * PAGE, 1);
        append_load(core, recipe, PF_R | PF_W, BSS_START, 2, bss, 2);
        append_load(core, recipe, PF_R | PF_W, HEAP_START, HEAP_PAGES, heap, HEAP_PAGES);
    }
    append_load(core, recipe, 0, NONE_START, 2, NULL, 0);
    append_load(core, recipe, PF_R | PF_W, UNWRITTEN_START, 1, NULL, 0);
    Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = core->table,
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)core->count,
    };
    if (recipe->count_in_section) {
        const Elf64_Shdr section = {.sh_info = core->count};
        header.e_phnum = PN_XNUM;
        header.e_shoff = sizeof(header);
        memcpy(core->bytes + sizeof(header), &section, sizeof(section));
    }
    memcpy(core->bytes, &header, sizeof(header));
}

/* A file of these bytes that has no name but this path; the descriptor must be closed. */
struct unnamed_file {
    int descriptor;
    char path[40];
};
static inline struct unnamed_file write_unnamed(const void *bytes, uint64_t size)
{
    struct unnamed_file file = {.descriptor = memfd_create("test", MFD_CLOEXEC)};
    assert_true(file.descriptor >= 0);
    assert_int_equal(write(file.descriptor, bytes, size), size);
    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.descriptor);
    return file;
}

#endif
