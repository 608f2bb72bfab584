/* The open DWARF and the global variables in it. */
#include "binary/executable_dwarf.h"

#include <dwarf.h>
#include <string.h>

#include "base/cursor.h"

enum { VARIABLES_MAX = 1 << 22, NAME_BYTES_MAX = 64 * 1024 };

/* libdw has unpacked compressed sections in place when this is called. */
static struct error *find_debug_sections(const struct executable_private *private,
                                         struct executable_dwarf *dwarf)
{
    for (uint64_t i = 0; i < private->sections.count; i++) {
        const char *name = private->sections.data[i].name;
        if (strncmp(name, ".debug_", 7) != 0 && strncmp(name, ".zdebug_", 8) != 0)
            continue;
        Elf_Data *data = elf_getdata(elf_getscn(private->elf, i + 1), NULL);
        if (data && data->d_buf)
            TRY(vector_push(&dwarf->sections, (struct debug_bytes){data->d_buf, data->d_size}));
    }
    return NULL;
}

struct error *executable_dwarf_open(struct executable_private *private,
                                    struct executable_dwarf **out)
{
    struct executable_dwarf *dwarf;
    TRY(memory_array(1, sizeof(*dwarf), &dwarf));
    arena_init(&dwarf->arena);
    dwarf->types = private->types;
    dwarf->dwarf = dwarf_begin_elf(private->elf, DWARF_C_READ, NULL);
    struct error *error =
        dwarf->dwarf
            ? find_debug_sections(private, dwarf)
            : error_format(0, "the executable's DWARF cannot be read: %s", dwarf_errmsg(-1));
    if (error) {
        executable_dwarf_close(dwarf);
        return error;
    }
    *out = dwarf;
    return NULL;
}

void executable_dwarf_close(struct executable_dwarf *dwarf)
{
    if (!dwarf)
        return;
    vector_deinit(&dwarf->sections);
    hash_map_deinit(&dwarf->by_die);
    hash_map_deinit(&dwarf->by_descriptor);
    arena_deinit(&dwarf->arena);
    if (dwarf->dwarf)
        dwarf_end(dwarf->dwarf);
    free(dwarf);
}

/* libdw hands out strings that run over the end of their section; those are found here. */
const char *die_name(const struct executable_dwarf *dwarf, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    for (uint64_t i = 0; name && i < dwarf->sections.count; i++) {
        const struct debug_bytes *section = &dwarf->sections.data[i];
        uint64_t offset = (uint64_t)name - (uint64_t)section->start;
        if (name < section->start || offset >= section->size)
            continue;
        uint64_t room = MIN_OF(section->size - offset, (uint64_t)NAME_BYTES_MAX);
        return memchr(name, 0, room) ? name : NULL;
    }
    return NULL;
}

bool die_number(Dwarf_Die *die, unsigned attribute, uint64_t *out)
{
    Dwarf_Attribute found;
    Dwarf_Word number;
    if (!dwarf_attr(die, attribute, &found) || dwarf_formudata(&found, &number) != 0)
        return false;
    *out = number;
    return true;
}

bool die_reference(Dwarf_Die *die, unsigned attribute, Dwarf_Die *out)
{
    Dwarf_Attribute found;
    return dwarf_attr(die, attribute, &found) && dwarf_formref_die(&found, out);
}

uint64_t die_descriptor(Dwarf_Die *die)
{
    Dwarf_Attribute found;
    Dwarf_Addr address;
    uint64_t number = 0;
    if (!dwarf_attr(die, DW_AT_GO_RUNTIME_TYPE, &found))
        return 0;
    if (dwarf_formaddr(&found, &address) == 0)
        return address;
    die_number(die, DW_AT_GO_RUNTIME_TYPE, &number);
    return number;
}

struct error *die_next(Dwarf_Die *die, bool *out_end)
{
    Dwarf_Off before = dwarf_dieoffset(die);
    *out_end = dwarf_siblingof(die, die) != 0;
    return *out_end || dwarf_dieoffset(die) > before
               ? NULL
               : error_format(before, "the DWARF goes round in a circle");
}

/* DW_OP_addr, or DW_OP_addrx (DWARF 5), and nothing else. */
static bool static_address(Dwarf_Die *variable, uint64_t *out)
{
    Dwarf_Attribute location;
    if (!dwarf_attr(variable, DW_AT_location, &location))
        return false;
    /* Go writes DW_FORM_block1 in all versions of DWARF; from 4 on libdw takes only
     * DW_FORM_exprloc for an expression, so the plain case is decoded here. */
    Dwarf_Block block;
    if (dwarf_formblock(&location, &block) == 0) {
        struct cursor c = cursor_make(block.data, block.length);
        if (cursor_u8(&c) == DW_OP_addr) {
            uint64_t address = cursor_u64(&c);
            *out = address;
            return !cursor_failed(&c) && c.position == c.size;
        }
    }
    Dwarf_Op *operations;
    size_t count;
    Dwarf_Attribute indirect;
    Dwarf_Addr address;
    if (dwarf_getlocation(&location, &operations, &count) != 0 || count != 1 ||
        (operations[0].atom != DW_OP_addrx && operations[0].atom != DW_OP_GNU_addr_index) ||
        dwarf_getlocation_attr(&location, &operations[0], &indirect) != 0 ||
        dwarf_formaddr(&indirect, &address) != 0)
        return false;
    *out = address;
    return true;
}

static struct error *take_variable(struct executable_private *private, Dwarf_Die *die)
{
    struct executable_variable variable = {.name = die_name(private->dwarf, die), .type_name = "?"};
    /* Only Go's names have a package in front; C's statics do not. */
    if (!variable.name || !strchr(variable.name, '.') || !static_address(die, &variable.address))
        return NULL;
    if (private->variables.count >= VARIABLES_MAX)
        return error_create(ERROR_LIMIT, "more than %d global variables in the DWARF",
                            VARIABLES_MAX);
    Dwarf_Die type;
    if (die_reference(die, DW_AT_type, &type)) {
        TRY(executable_dwarf_type(private->dwarf, &type, &variable.type));
        variable.type_name = variable.type->name;
        variable.size = variable.type->size;
        variable.runtime_type = variable.type->runtime_type;
    }
    return vector_push(&private->variables, variable);
}

static struct error *walk_unit(struct executable_private *private, Dwarf_Die *unit)
{
    Dwarf_Die die;
    bool end = dwarf_child(unit, &die) != 0;
    while (!end) {
        if (dwarf_tag(&die) == DW_TAG_variable)
            TRY(take_variable(private, &die));
        else
            TRY(executable_dwarf_note_type(private->dwarf, &die));
        TRY(die_next(&die, &end));
    }
    return NULL;
}

static int compare_variables(const void *left, const void *right)
{
    const struct executable_variable *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return strcmp(a->name, b->name);
}

static struct error *read_variables(struct executable_private *private)
{
    if (!private->dwarf)
        TRY(executable_dwarf_open(private, &private->dwarf));
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;
    private->variables.count = 0;
    while (dwarf_get_units(private->dwarf->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
        if (type == DW_UT_compile)
            TRY(walk_unit(private, &die));
    }
    if (private->variables.count)
        qsort(private->variables.data, private->variables.count, sizeof(struct executable_variable),
              compare_variables);
    return NULL;
}

struct error *executable_variables(struct executable *executable,
                                   const struct executable_variable **out, uint64_t *out_count)
{
    struct executable_private *private = executable->private;
    if (executable->has_dwarf && !private->variables_read)
        TRY(read_variables(private));
    private->variables_read = true;
    *out = private->variables.data;
    *out_count = private->variables.count;
    return NULL;
}
