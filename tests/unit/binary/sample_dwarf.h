/* Writes a small executable with DWARF as cmd/link writes it: DIEs one after the other. */
#ifndef LEAKHOUND_TESTS_SAMPLE_DWARF_H
#define LEAKHOUND_TESTS_SAMPLE_DWARF_H

#include <dwarf.h>
#include <elf.h>
#include <stdint.h>
#include <string.h>

enum { GO_KIND = 0x2900, GO_ELEM = 0x2902, GO_RUNTIME_TYPE = 0x2904 };
enum { TYPES = 0x500000, SAMPLE_BYTES = 1 << 18 };

enum sample_die {
    DIE_END,
    DIE_UNIT,
    DIE_STRUCT, /* also strings; ends with DIE_END */
    DIE_MEMBER,
    DIE_ARRAY,
    DIE_POINTER,
    DIE_NAMED,   /* typedef without a kind */
    DIE_TYPEDEF, /* map, channel, interface */
    DIE_SLICE,
    DIE_VARIABLE,
};

/* By DIE: tag, children, pairs of attribute and form. */
static const uint16_t sample_abbreviations[][14] = {
    [DIE_UNIT] = {DW_TAG_compile_unit, 1, DW_AT_name, DW_FORM_string},
    [DIE_STRUCT] = {DW_TAG_structure_type, 1, DW_AT_name, DW_FORM_string, DW_AT_byte_size,
                    DW_FORM_data8, GO_KIND, DW_FORM_data1, GO_RUNTIME_TYPE, DW_FORM_addr},
    [DIE_MEMBER] = {DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_data_member_location,
                    DW_FORM_data8, DW_AT_type, DW_FORM_ref4},
    [DIE_ARRAY] = {DW_TAG_array_type, 0, DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data8,
                   GO_KIND, DW_FORM_data1, GO_RUNTIME_TYPE, DW_FORM_addr, DW_AT_type, DW_FORM_ref4},
    [DIE_POINTER] = {DW_TAG_pointer_type, 0, DW_AT_name, DW_FORM_string, GO_KIND, DW_FORM_data1,
                     GO_RUNTIME_TYPE, DW_FORM_addr, DW_AT_type, DW_FORM_ref4},
    [DIE_NAMED] = {DW_TAG_typedef, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4},
    [DIE_TYPEDEF] = {DW_TAG_typedef, 0, DW_AT_name, DW_FORM_string, GO_KIND, DW_FORM_data1,
                     GO_RUNTIME_TYPE, DW_FORM_addr, DW_AT_type, DW_FORM_ref4},
    [DIE_SLICE] = {DW_TAG_structure_type, 0, DW_AT_name, DW_FORM_string, DW_AT_byte_size,
                   DW_FORM_data8, GO_KIND, DW_FORM_data1, GO_RUNTIME_TYPE, DW_FORM_addr, GO_ELEM,
                   DW_FORM_ref4},
    [DIE_VARIABLE] = {DW_TAG_variable, 0, DW_AT_name, DW_FORM_string, DW_AT_location,
                      DW_FORM_block1, DW_AT_type, DW_FORM_ref4},
};

struct sample_dwarf {
    uint8_t bytes[SAMPLE_BYTES]; /* .debug_info, then the file */
    uint32_t size;
};

static inline void sample_put(struct sample_dwarf *s, const void *bytes, uint64_t size)
{
    assert_true(s->size + size <= SAMPLE_BYTES);
    memcpy(s->bytes + s->size, bytes, size);
    s->size += (uint32_t)size;
}

static inline void sample_number(struct sample_dwarf *s, uint64_t value, unsigned size)
{
    sample_put(s, &value, size);
}

/* Each of these returns the offset of the DIE in .debug_info. */
static inline uint32_t sample_die(struct sample_dwarf *s, enum sample_die die, const char *name)
{
    uint32_t at = s->size;
    sample_number(s, die, 1);
    if (die != DIE_END)
        sample_put(s, name, strlen(name) + 1);
    return at;
}

static inline void sample_begin(struct sample_dwarf *s)
{
    s->size = 0;
    sample_number(s, 0, 4); /* length: sample_finish */
    sample_number(s, 4, 2);
    sample_number(s, 0, 4);
    sample_number(s, 8, 1);
    sample_die(s, DIE_UNIT, "main");
}

/* With members: one sample_member each, then sample_die(s, DIE_END, NULL). */
static inline uint32_t sample_struct(struct sample_dwarf *s, const char *name, uint64_t size,
                                     uint8_t kind, uint64_t descriptor)
{
    uint32_t at = sample_die(s, DIE_STRUCT, name);
    sample_number(s, size, 8);
    sample_number(s, kind, 1);
    sample_number(s, descriptor, 8);
    return at;
}

static inline void sample_member(struct sample_dwarf *s, const char *name, uint64_t offset,
                                 uint32_t type)
{
    sample_die(s, DIE_MEMBER, name);
    sample_number(s, offset, 8);
    sample_number(s, type, 4);
}

static inline uint32_t sample_array(struct sample_dwarf *s, const char *name, uint64_t size,
                                    uint32_t element)
{
    uint32_t at = sample_die(s, DIE_ARRAY, name);
    sample_number(s, size, 8);
    sample_number(s, 17, 1);
    sample_number(s, 0, 8);
    sample_number(s, element, 4);
    return at;
}

static inline uint32_t sample_slice(struct sample_dwarf *s, const char *name, uint32_t element)
{
    uint32_t at = sample_die(s, DIE_SLICE, name);
    sample_number(s, 24, 8);
    sample_number(s, 23, 1);
    sample_number(s, 0, 8);
    sample_number(s, element, 4);
    return at;
}

/* DIE_POINTER, DIE_TYPEDEF; the reference comes last, see sample_redirect. */
static inline uint32_t sample_kind(struct sample_dwarf *s, enum sample_die die, const char *name,
                                   uint8_t kind, uint64_t descriptor, uint32_t type)
{
    uint32_t at = sample_die(s, die, name);
    sample_number(s, kind, 1);
    sample_number(s, descriptor, 8);
    sample_number(s, type, 4);
    return at;
}

static inline uint32_t sample_named(struct sample_dwarf *s, const char *name, uint32_t type)
{
    uint32_t at = sample_die(s, DIE_NAMED, name);
    sample_number(s, type, 4);
    return at;
}

/* Lets the DIE that was written last before `end` refer to a type that came later. */
static inline void sample_redirect(struct sample_dwarf *s, uint32_t end, uint32_t type)
{
    memcpy(s->bytes + end - 4, &type, 4);
}

static inline void sample_variable(struct sample_dwarf *s, const char *name, uint64_t address,
                                   uint32_t type)
{
    sample_die(s, DIE_VARIABLE, name);
    sample_number(s, 9, 1);
    sample_number(s, DW_OP_addr, 1);
    sample_number(s, address, 8);
    sample_number(s, type, 4);
}

static inline uint64_t sample_uleb(uint8_t *out, uint64_t value)
{
    uint64_t n = 0;
    do {
        out[n++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    return n;
}

/* Puts sections, symbols and headers around the DIEs: the file is in bytes[0 … size). */
static inline void sample_finish(struct sample_dwarf *s)
{
    static const char names[] = "\0.debug_info\0.debug_abbrev\0.symtab\0.strtab\0.shstrtab\0";
    static const char strings[] = "\0runtime.types";
    sample_die(s, DIE_END, NULL);
    uint32_t length = s->size - 4, info = s->size;
    memcpy(s->bytes, &length, 4);
    assert_true(s->size + 4096 <= SAMPLE_BYTES);
    memmove(s->bytes + 4096, s->bytes, s->size);
    memset(s->bytes, 0, 4096);

    uint8_t *p = s->bytes + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), *abbreviations = p;
    for (unsigned i = DIE_UNIT; i <= DIE_VARIABLE; i++) {
        const uint16_t *a = sample_abbreviations[i];
        p += sample_uleb(p, i);
        p += sample_uleb(p, a[0]);
        *p++ = (uint8_t)a[1];
        for (unsigned k = 2; k < 14 && a[k]; k++)
            p += sample_uleb(p, a[k]);
        p += 2;
    }
    p++;
    uint64_t abbreviations_size = (uint64_t)(p - abbreviations);
    uint64_t symbols = ((uint64_t)(p - s->bytes) + 7) & ~7u;
    Elf64_Sym symbol[2] = {[1] = {.st_name = 1, .st_shndx = 1, .st_value = TYPES}};
    memcpy(s->bytes + symbols, symbol, sizeof(symbol));
    uint64_t strings_at = symbols + sizeof(symbol), names_at = strings_at + sizeof(strings);
    memcpy(s->bytes + strings_at, strings, sizeof(strings));
    memcpy(s->bytes + names_at, names, sizeof(names));
    uint64_t sections = (names_at + sizeof(names) + 7) & ~7u;
    const Elf64_Shdr section[6] = {
        [1] = {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = 4096, .sh_size = info},
        [2] = {.sh_name = 13,
               .sh_type = SHT_PROGBITS,
               .sh_offset = (uint64_t)(abbreviations - s->bytes),
               .sh_size = abbreviations_size},
        [3] = {.sh_name = 27,
               .sh_type = SHT_SYMTAB,
               .sh_offset = symbols,
               .sh_size = sizeof(symbol),
               .sh_link = 4,
               .sh_entsize = sizeof(Elf64_Sym)},
        [4] = {.sh_name = 35,
               .sh_type = SHT_STRTAB,
               .sh_offset = strings_at,
               .sh_size = sizeof(strings)},
        [5] = {.sh_name = 43,
               .sh_type = SHT_STRTAB,
               .sh_offset = names_at,
               .sh_size = sizeof(names)},
    };
    assert_true(sections + sizeof(section) <= 4096);
    memcpy(s->bytes + sections, section, sizeof(section));
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
#if defined(__aarch64__)
        .e_machine = EM_AARCH64,
#else
        .e_machine = EM_X86_64,
#endif
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_shoff = sections,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = 6,
        .e_shstrndx = 5
    };
    Elf64_Phdr segment = {.p_type = PT_LOAD, .p_vaddr = 0x400000, .p_filesz = 64, .p_memsz = 64};
    memcpy(s->bytes, &header, sizeof(header));
    memcpy(s->bytes + sizeof(header), &segment, sizeof(segment));
    s->size += 4096;
}

#endif
