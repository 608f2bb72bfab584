#include "binary/executable_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binary/executable_dwarf.h"

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#else
#error "which machine's executables are to be read?"
#endif

enum {
    SECTIONS_MAX = 1 << 16,
    SYMBOLS_MAX = 1 << 26,
    NOTES_BYTES_MAX = 1 << 20,
    /* Symbols that may share an address with the one that is asked for: markers such as
     * runtime.data stand at the first variable of a section. */
    SYMBOLS_AT_ONE_PLACE = 64,
    PAGE_BYTES = 4096,
};

static struct error *damaged(const char *path, const char *what)
{
    int number = elf_errno();
    return error_format(0, "%s: %s%s%s", path, what, number ? ": " : "",
                        number ? elf_errmsg(number) : "");
}

static struct error *read_header(const char *path, struct executable *executable)
{
    Elf *elf = executable->private->elf;
    GElf_Ehdr header;
    if (elf_kind(elf) != ELF_K_ELF)
        return error_format(0, "%s is no ELF file", path);
    if (gelf_getclass(elf) != ELFCLASS64)
        return error_create(ERROR_UNSUPPORTED, "%s is a 32-bit program; only 64-bit ones are read",
                            path);
    if (!gelf_getehdr(elf, &header))
        return damaged(path, "damaged ELF header");
    if (header.e_machine != MACHINE || header.e_ident[EI_DATA] != ELFDATA2LSB)
        return error_create(ERROR_UNSUPPORTED,
                            "%s is a program for another architecture (ELF machine %u)", path,
                            header.e_machine);
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
        return error_format(16, "%s is neither a program nor a shared library", path);
    executable->is_pie = header.e_type == ET_DYN;
    return NULL;
}

static void take_build_id(struct executable *executable, uint64_t at, uint64_t size,
                          uint64_t alignment)
{
    if (executable->build_id_size || size > NOTES_BYTES_MAX || at > INT64_MAX)
        return;
    Elf_Data *data = elf_getdata_rawchunk(executable->private->elf, (int64_t)at, size,
                                          alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    if (!data)
        return;
    GElf_Nhdr note;
    size_t offset = 0, name, description;
    while ((offset = gelf_getnote(data, offset, &note, &name, &description)) > 0) {
        const char *bytes = data->d_buf;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(bytes + name, "GNU", 4) == 0 && note.n_descsz <= sizeof(executable->build_id)) {
            memcpy(executable->build_id, bytes + description, note.n_descsz);
            executable->build_id_size = note.n_descsz;
            return;
        }
    }
}

static struct error *read_segments(const char *path, struct executable *executable)
{
    size_t count;
    if (elf_getphdrnum(executable->private->elf, &count) != 0)
        return damaged(path, "damaged program headers");
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(executable->private->elf, (int)i, &segment))
            return damaged(path, "damaged program headers");
        if (segment.p_type == PT_LOAD)
            lowest = MIN_OF(lowest, segment.p_vaddr);
        if (segment.p_type == PT_NOTE)
            take_build_id(executable, segment.p_offset, segment.p_filesz, segment.p_align);
    }
    if (lowest == UINT64_MAX)
        return error_format(0, "%s has nothing to load: no PT_LOAD program header", path);
    executable->first_load_address = lowest & ~(uint64_t)(PAGE_BYTES - 1);
    return NULL;
}

/* Sections are optional: their headers may be missing, zeroed or wrong in a packed or stripped
 * program, and then there are fewer of them here. */
static struct error *read_sections(struct executable *executable)
{
    struct executable_private *private = executable->private;
    size_t names, count;
    if (elf_getshdrstrndx(private->elf, &names) != 0 || elf_getshdrnum(private->elf, &count) != 0)
        return NULL;
    for (size_t i = 1; i < MIN_OF(count, (size_t)SECTIONS_MAX); i++) {
        GElf_Shdr header;
        Elf_Scn *section = elf_getscn(private->elf, i);
        if (!section || !gelf_getshdr(section, &header))
            continue;
        const char *name = elf_strptr(private->elf, names, header.sh_name);
        struct executable_section_entry entry = {
            .name = name ? name : "",
            .address = header.sh_addr,
            .size = header.sh_size,
            .flags = header.sh_flags,
            .type = header.sh_type,
        };
        if (header.sh_type == SHT_NULL)
            entry.name = "";
        /* cmd/link has a PT_NOTE segment for its own note only. */
        if (header.sh_type == SHT_NOTE)
            take_build_id(executable, header.sh_offset, header.sh_size, header.sh_addralign);
        /* The place in the vector is the section's number minus 1: see section_numbered. */
        while (private->sections.count < i - 1)
            TRY(vector_push(&private->sections, (struct executable_section_entry){.name = ""}));
        TRY(vector_push(&private->sections, entry));
        if (entry.size > 0 &&
            (strcmp(entry.name, ".debug_info") == 0 || strcmp(entry.name, ".zdebug_info") == 0))
            executable->has_dwarf = true;
    }
    return NULL;
}

static const struct executable_section_entry *
section_numbered(const struct executable_private *private, uint32_t number)
{
    return number > 0 && number <= private->sections.count ? &private->sections.data[number - 1]
                                                           : NULL;
}

/* The linker's own symbols say nothing about who holds what. ≥ 1.20: "go:" and "type:"; before
 * that "go." and "type.", of which the first also begins honest names such as go.uber.org/zap.x. */
static bool is_linker_symbol(const char *name)
{
    static const char *const prefixes[] = {"go:",         "type:",      "type.",
                                           "go.string.",  "go.func.",   "go.itab",
                                           "go.typelink", "go.buildid", "go.buildinfo"};
    for (uint64_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static int compare_symbols(const void *left, const void *right)
{
    const struct executable_symbol *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if (a->size != b->size) /* markers first, so that a search backwards meets the variable */
        return a->size < b->size ? -1 : 1;
    return strcmp(a->name, b->name);
}

static struct error *read_symbols(struct executable *executable, Elf_Scn *section)
{
    struct executable_private *private = executable->private;
    GElf_Shdr header;
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || !gelf_getshdr(section, &header))
        return NULL; /* as good as stripped */
    uint64_t count = MIN_OF(data->d_size / sizeof(Elf64_Sym), (uint64_t)SYMBOLS_MAX);
    executable->is_stripped = count <= 1;
    for (uint64_t i = 1; i < count; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            break;
        const char *name = elf_strptr(private->elf, header.sh_link, symbol.st_name);
        if (!name || !*name)
            continue;
        if (strcmp(name, "runtime.types") == 0)
        private->types = symbol.st_value;
        unsigned char type = GELF_ST_TYPE(symbol.st_info);
        if (type != STT_OBJECT && type != STT_NOTYPE && type != STT_COMMON)
            continue;
        const struct executable_section_entry *in = section_numbered(private, symbol.st_shndx);
        if (!in || !(in->flags & SHF_ALLOC) || !(in->flags & SHF_WRITE) ||
            (in->flags & (SHF_EXECINSTR | SHF_TLS)) || is_linker_symbol(name))
            continue;
        TRY(vector_push(&executable->data_symbols,
                        (struct executable_symbol){name, symbol.st_value, symbol.st_size}));
    }
    if (executable->data_symbols.count)
        qsort(executable->data_symbols.data, executable->data_symbols.count,
              sizeof(struct executable_symbol), compare_symbols);
    return NULL;
}

static struct error *read_all(const char *path, struct executable *executable)
{
    struct executable_private *private = executable->private;
    private->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (private->fd < 0)
        return error_os(errno, "cannot open the executable %s", path);
    struct stat status;
    if (fstat(private->fd, &status) != 0)
        return error_os(errno, "cannot read the executable %s", path);
    if (!S_ISREG(status.st_mode))
        return error_format(0, "%s is no regular file", path);
    elf_version(EV_CURRENT);
    elf_errno(); /* forgets an error of someone else's */
    /* Not mapped: a file that shrinks while it is read gives an error instead of SIGBUS. */
    private->elf = elf_begin(private->fd, ELF_C_READ, NULL);
    if (!private->elf)
        return damaged(path, "cannot be read as ELF");
    TRY(read_header(path, executable));
    TRY(read_segments(path, executable));
    TRY(read_sections(executable));
    for (uint64_t i = 0; i < private->sections.count; i++) {
        if (private->sections.data[i].type == SHT_SYMTAB)
            return read_symbols(executable, elf_getscn(private->elf, i + 1));
    }
    return NULL;
}

struct error *executable_open(const char *path, struct executable **out)
{
    struct executable *executable;
    TRY(memory_array(1, sizeof(*executable), &executable));
    struct error *error = memory_array(1, sizeof(*executable->private), &executable->private);
    if (error) {
        free(executable);
        return error;
    }
    executable->is_stripped = true;
    executable->private->fd = -1;
    error = read_all(path, executable);
    if (error) {
        executable_destroy(executable);
        return error;
    }
    *out = executable;
    return NULL;
}

void executable_destroy(struct executable *executable)
{
    if (!executable)
        return;
    struct executable_private *private = executable->private;
    vector_deinit(&executable->data_symbols);
    vector_deinit(&private->sections);
    vector_deinit(&private->variables);
    executable_dwarf_close(private->dwarf);
    if (private->elf)
        elf_end(private->elf);
    if (private->fd >= 0)
        close(private->fd);
    free(private);
    free(executable);
}

const struct executable_symbol *executable_symbol_at(const struct executable *executable,
                                                     uint64_t address)
{
    const struct executable_symbol *symbols = executable->data_symbols.data;
    uint64_t low = 0, high = executable->data_symbols.count; /* all before low start ≤ address */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint64_t i = low; i-- > 0 && low - i <= SYMBOLS_AT_ONE_PLACE;) {
        if (address - symbols[i].address < symbols[i].size)
            return &symbols[i];
    }
    return NULL;
}

bool executable_section(const struct executable *executable, const char *name,
                        uint64_t *out_address, uint64_t *out_size)
{
    const struct executable_private *private = executable->private;
    for (uint64_t i = 0; i < private->sections.count; i++) {
        if (strcmp(private->sections.data[i].name, name) == 0) {
            *out_address = private->sections.data[i].address;
            *out_size = private->sections.data[i].size;
            return true;
        }
    }
    return false;
}
