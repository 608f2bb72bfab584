#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "binary/executable.h"

enum { LOAD = 0x400000, DATA = LOAD + 0x1000 };
enum { SECTION_TEXT = 1, SECTION_DATA, SECTION_SYMTAB, SECTION_STRTAB, SECTION_SHSTRTAB, SECTIONS };
enum { SYMBOLS = 10 };

static const char section_names[] = "\0.text\0.data\0.symtab\0.strtab\0.shstrtab";
static const char symbol_names[] = "\0main.cache\0runtime.data\0main.index\0go:string.x\0main.f\0"
                                   "go.uber.org/zap.global\0main.rodata\0type.int\0m";

/* A whole little program; every test damages or changes its own. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    struct {
        Elf64_Nhdr note;
        char name[4];
        unsigned char id[20];
    } build_id;
    Elf64_Sym symbols[SYMBOLS];
    char strings[sizeof(symbol_names)];
    char names[sizeof(section_names)];
    _Alignas(8) Elf64_Shdr sections[SECTIONS];
};

static uint32_t name_of(const char *list, uint64_t size, const char *name)
{
    const char *found = memmem(list, size, name, strlen(name) + 1);
    assert_non_null(found);
    return (uint32_t)(found - list);
}

static void add_symbol(struct image *image, unsigned number, const char *name, unsigned char type,
                       uint16_t section, uint64_t address, uint64_t size)
{
    image->symbols[number] =
        (Elf64_Sym){.st_name = name_of(symbol_names, sizeof(symbol_names), name),
                    .st_info = ELF64_ST_INFO(STB_GLOBAL, type),
                    .st_shndx = section,
                    .st_value = address,
                    .st_size = size};
}

static void add_section(struct image *image, unsigned number, const char *name, uint32_t type,
                        uint64_t flags, uint64_t address, uint64_t offset, uint64_t size)
{
    image->sections[number] =
        (Elf64_Shdr){.sh_name = name_of(section_names, sizeof(section_names), name),
                     .sh_type = type,
                     .sh_flags = flags,
                     .sh_addr = address,
                     .sh_offset = offset,
                     .sh_size = size,
                     .sh_addralign = 1};
}

static void build(struct image *image)
{
    *image = (struct image){
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                               EV_CURRENT},
                   .e_type = ET_EXEC,
#if defined(__aarch64__)
                   .e_machine = EM_AARCH64,
#else
                   .e_machine = EM_X86_64,
#endif
                   .e_version = EV_CURRENT,
                   .e_phoff = offsetof(struct image, segments),
                   .e_shoff = offsetof(struct image, sections),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 2,
                   .e_shentsize = sizeof(Elf64_Shdr),
                   .e_shnum = SECTIONS,
                   .e_shstrndx = SECTION_SHSTRTAB},
        .segments = {{.p_type = PT_LOAD, .p_vaddr = LOAD + 0x40, .p_filesz = 64, .p_memsz = 64},
                     {.p_type = PT_NOTE,
                      .p_offset = offsetof(struct image, build_id),
                      .p_filesz = 36,
                      .p_align = 4}},
        .build_id = {.note = {4, 20, NT_GNU_BUILD_ID}, .name = "GNU", .id = {0xab, 0xcd, [19] = 7}},
    };
    memcpy(image->strings, symbol_names, sizeof(symbol_names));
    memcpy(image->names, section_names, sizeof(section_names));
    add_section(image, SECTION_TEXT, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, LOAD, 0, 16);
    add_section(image, SECTION_DATA, ".data", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, DATA, 0, 0x100);
    add_section(image, SECTION_SYMTAB, ".symtab", SHT_SYMTAB, 0, 0, offsetof(struct image, symbols),
                sizeof(image->symbols));
    image->sections[SECTION_SYMTAB].sh_link = SECTION_STRTAB;
    image->sections[SECTION_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
    add_section(image, SECTION_STRTAB, ".strtab", SHT_STRTAB, 0, 0, offsetof(struct image, strings),
                sizeof(image->strings));
    add_section(image, SECTION_SHSTRTAB, ".shstrtab", SHT_STRTAB, 0, 0,
                offsetof(struct image, names), sizeof(image->names));
    add_symbol(image, 1, "main.index", STT_OBJECT, SECTION_DATA, DATA + 0x40, 0x10);
    add_symbol(image, 2, "main.cache", STT_OBJECT, SECTION_DATA, DATA, 0x20);
    add_symbol(image, 3, "runtime.data", STT_NOTYPE, SECTION_DATA, DATA, 0);
    add_symbol(image, 4, "go:string.x", STT_OBJECT, SECTION_DATA, DATA + 0x20, 8);
    add_symbol(image, 5, "main.f", STT_FUNC, SECTION_TEXT, LOAD, 8);
    add_symbol(image, 6, "go.uber.org/zap.global", STT_OBJECT, SECTION_DATA, DATA + 0x50, 8);
    add_symbol(image, 7, "main.rodata", STT_OBJECT, SECTION_TEXT, LOAD + 8, 8);
    add_symbol(image, 8, "type.int", STT_OBJECT, SECTION_DATA, DATA + 0x60, 8);
    add_symbol(image, 9, "m", STT_SECTION, SECTION_DATA, DATA + 0x68, 8);
}

static struct error *open_bytes(const void *bytes, uint64_t size, struct executable **out)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    *out = NULL;
    struct error *error = executable_open(path, out);
    close(fd);
    return error;
}

static struct executable *open_image(const struct image *image)
{
    struct executable *executable;
    struct error *error = open_bytes(image, sizeof(*image), &executable);
    if (error) {
        char text[512];
        error_text(error, text, sizeof(text));
        error_destroy(error);
        fail_msg("%s", text);
    }
    return executable;
}

static void fails(const void *bytes, uint64_t size, enum error_kind kind)
{
    struct executable *executable;
    struct error *error = open_bytes(bytes, size, &executable);
    assert_non_null(error);
    assert_null(executable);
    assert_int_equal(error->kind, kind);
    error_destroy(error);
}

static void tells_what_the_headers_say(void **state)
{
    (void)state;
    struct image image;
    build(&image);
    struct executable *e = open_image(&image);
    assert_false(e->is_pie);
    assert_false(e->is_stripped);
    assert_false(e->has_dwarf);
    assert_int_equal(e->first_load_address, LOAD);
    assert_int_equal(e->build_id_size, 20);
    assert_memory_equal(e->build_id, image.build_id.id, 20);
    uint64_t address, size;
    assert_true(executable_section(e, ".data", &address, &size));
    assert_int_equal(address, DATA);
    assert_int_equal(size, 0x100);
    assert_false(executable_section(e, ".gopclntab", &address, &size));
    executable_destroy(e);
    image.header.e_type = ET_DYN;
    e = open_image(&image);
    assert_true(e->is_pie);
    executable_destroy(e);
}

static void lists_data_symbols_by_address(void **state)
{
    (void)state;
    struct image image;
    build(&image);
    struct executable *e = open_image(&image);
    const char *const names[] = {"runtime.data", "main.cache", "main.index",
                                 "go.uber.org/zap.global"};
    assert_int_equal(e->data_symbols.count, ARRAY_COUNT(names));
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++)
        assert_string_equal(e->data_symbols.data[i].name, names[i]);

    assert_null(executable_symbol_at(e, DATA - 1));
    assert_string_equal(executable_symbol_at(e, DATA)->name, "main.cache");
    assert_string_equal(executable_symbol_at(e, DATA + 0x1f)->name, "main.cache");
    assert_null(executable_symbol_at(e, DATA + 0x20));
    assert_string_equal(executable_symbol_at(e, DATA + 0x4f)->name, "main.index");
    assert_null(executable_symbol_at(e, DATA + 0x58));
    assert_null(executable_symbol_at(e, UINT64_MAX));

    const struct executable_variable *variables;
    uint64_t count = 7;
    assert_null(executable_variables(e, &variables, &count));
    assert_int_equal(count, 0);
    executable_destroy(e);
}

static void does_without_section_headers(void **state)
{
    (void)state;
    struct image image;
    build(&image);
    image.header.e_shoff = image.header.e_shnum = image.header.e_shstrndx = 0;
    struct executable *e = open_image(&image);
    assert_true(e->is_stripped);
    assert_int_equal(e->first_load_address, LOAD);
    assert_int_equal(e->build_id_size, 20);
    assert_int_equal(e->data_symbols.count, 0);
    executable_destroy(e);

    build(&image);
    memset(image.sections, 0, sizeof(image.sections));
    e = open_image(&image);
    assert_true(e->is_stripped);
    uint64_t address, size;
    assert_false(executable_section(e, ".data", &address, &size));
    executable_destroy(e);
}

static void refuses_what_is_not_ours(void **state)
{
    (void)state;
    struct image image;
    build(&image);
    image.header.e_machine = EM_S390;
    fails(&image, sizeof(image), ERROR_UNSUPPORTED);
    build(&image);
    image.header.e_ident[EI_CLASS] = ELFCLASS32;
    fails(&image, sizeof(image), ERROR_UNSUPPORTED);
    build(&image);
    image.header.e_type = ET_REL;
    fails(&image, sizeof(image), ERROR_FORMAT);
    build(&image);
    image.segments[0].p_type = PT_NULL;
    fails(&image, sizeof(image), ERROR_FORMAT);
    fails("#!/bin/sh\n", 10, ERROR_FORMAT);
    fails("", 0, ERROR_FORMAT);
    struct executable *executable = NULL;
    struct error *error = executable_open("/does/not/exist", &executable);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_OS);
    error_destroy(error);
    error = executable_open("/", &executable);
    assert_non_null(error);
    error_destroy(error);
    assert_null(executable);
}

static void survives_damage_everywhere(void **state)
{
    (void)state;
    struct image good;
    build(&good);
    for (uint64_t i = 0; i < 3 * sizeof(good); i++) {
        struct image image = good;
        uint64_t size = sizeof(image), at = i % sizeof(image);
        if (i < sizeof(image))
            size = at;
        else
            ((unsigned char *)&image)[at] ^= i < 2 * sizeof(image) ? 0xff : 0x01;
        struct executable *e;
        struct error *error = open_bytes(&image, size, &e);
        if (!error) {
            const struct executable_variable *variables;
            uint64_t count;
            executable_symbol_at(e, DATA);
            error = executable_variables(e, &variables, &count);
            executable_destroy(e);
        }
        error_destroy(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_the_headers_say),
        cmocka_unit_test(lists_data_symbols_by_address),
        cmocka_unit_test(does_without_section_headers),
        cmocka_unit_test(refuses_what_is_not_ours),
        cmocka_unit_test(survives_damage_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
