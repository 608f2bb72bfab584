/*
 * Writes the layout tables of src/gort from the DWARF of reference programs.
 *
 *   layoutgen table WISHES FIELDS_OUT TABLE_OUT MINOR:ARCH:FILE...
 *   layoutgen news WISHES FILE          fields of wished structs that nobody wished for
 *   layoutgen dump FILE [PREFIX]        every struct whose name starts with PREFIX
 *
 * WISHES (tools/layout_fields.txt) has one struct a line, "#" starts a comment, a line that starts
 * with a blank continues the one before:
 *
 *   [NAME =] TYPE[|TYPE...]: [FIELD=]PATH[|PATH...] ...
 *
 * TYPE is a struct's name as DWARF has it but without blanks, or &VARIABLE for the type of a global
 * variable; with @PATH behind it, the type of that member. PATH is member names joined by "." with
 * "[]" for the first element of an array. The first alternative that a version has counts. NAME
 * defaults to the first TYPE (see default_name), FIELD to the first PATH. The enumerators are
 * LAYOUT_SIZE_NAME and LAYOUT_NAME_FIELD.
 *
 * The inputs are files of our own making, yet nothing here trusts them beyond what libdw checks.
 * Cost: one pass over the DWARF of each file, then one lookup per wish.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"

#define POINTER_BYTES 8
#define TYPE_CHAIN_MAX 32 /* typedefs of typedefs; DWARF could loop */
#define LINE_COLUMNS 100

struct name_list {
    VECTOR(const char *) names;
};

/* One enumerator: the size of a struct (paths empty) or a member of it. */
struct wish {
    const char *name; /* without LAYOUT_ */
    struct name_list paths;
    uint32_t group;
};

struct wish_group {
    const char *name;
    struct name_list types;
};

struct wishes {
    struct arena arena;
    VECTOR(struct wish_group) groups;
    VECTOR(struct wish) wishes;
};

/* Where a wish is in one version; -1 where it is not. */
struct place {
    int32_t offset, size;
};

/* The struct types (and "&" global variables) of one program by name. */
struct program {
    int fd;
    Dwarf *dwarf;
    struct string_table names;
    VECTOR(Dwarf_Off) offsets; /* by id of the name; 0 = nothing has that name */
    unsigned go_minor;
    const char *arch;
    struct place *places; /* by wish */
};

/* --- the wish list --- */

static const struct {
    const char *package, *prefix;
} type_prefixes[] = {
    {"runtime.", ""}, {"internal/sync.", "isync_"}, /* sync_ is taken by package sync */
};

static const char *default_name(struct arena *arena, const char *type)
{
    for (size_t i = 0; i < ARRAY_COUNT(type_prefixes); i++) {
        size_t length = strlen(type_prefixes[i].package);
        if (strncmp(type, type_prefixes[i].package, length) == 0)
            return arena_printf(arena, "%s%s", type_prefixes[i].prefix, type + length);
    }
    const char *slash = strrchr(type, '/');
    return slash ? slash + 1 : type;
}

/* A C identifier out of a type name or a member path. */
static const char *identifier(struct arena *arena, const char *text)
{
    char *name = arena_copy_string(arena, text, strlen(text));
    char *end = name;
    for (const char *p = name; *p; p++) {
        if (*p != '[' && *p != ']')
            *end++ = *p == '.' || *p == '@' || *p == '/' ? '_' : *p;
    }
    *end = 0;
    return name;
}

static void remove_blanks(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != ' ')
            *to++ = *from;
    }
    *to = 0;
}

static struct error *split(struct arena *arena, const char *text, char separator,
                           struct name_list *list)
{
    for (;;) {
        const char *end = strchr(text, separator);
        size_t length = end ? (size_t)(end - text) : strlen(text);
        if (length)
            TRY(vector_push(&list->names, arena_copy_string(arena, text, length)));
        if (!end)
            return NULL;
        text = end + 1;
    }
}

/* "A=x|y" gives A and {x, y}; "x|y" gives NULL and {x, y}. */
static struct error *parse_alternatives(struct arena *arena, char *text, const char **out_name,
                                        struct name_list *out_list)
{
    char *equals = strchr(text, '=');
    *out_name = NULL;
    if (equals) {
        *equals = 0;
        *out_name = text;
        text = equals + 1;
    }
    TRY(split(arena, text, '|', out_list));
    if (!out_list->names.count)
        return error_create(ERROR_FORMAT, "'%s' names nothing", text);
    return NULL;
}

static struct error *parse_group(struct wishes *w, char *line)
{
    char *colon = strstr(line, ": ");
    if (!colon)
        return error_create(ERROR_FORMAT, "'%s' has no ': '", line);
    *colon = 0;

    char *head = arena_copy_string(&w->arena, line, strlen(line));
    remove_blanks(head);
    struct wish_group group = {0};
    TRY(parse_alternatives(&w->arena, head, &group.name, &group.types));
    if (!group.name)
        group.name = default_name(&w->arena, group.types.names.data[0]);
    group.name = identifier(&w->arena, group.name);
    uint32_t group_id = (uint32_t)w->groups.count;
    TRY(vector_push(&w->groups, group));
    TRY(vector_push(&w->wishes, (struct wish){
                                    .name = arena_printf(&w->arena, "SIZE_%s", group.name),
                                    .group = group_id,
                                }));

    struct name_list words = {0};
    TRY(split(&w->arena, colon + 2, ' ', &words));
    for (uint64_t i = 0; i < words.names.count; i++) {
        struct wish wish = {.group = group_id};
        const char *name;
        char *word = arena_copy_string(&w->arena, words.names.data[i], strlen(words.names.data[i]));
        TRY(parse_alternatives(&w->arena, word, &name, &wish.paths));
        name = identifier(&w->arena, name ? name : wish.paths.names.data[0]);
        wish.name = arena_printf(&w->arena, "%s_%s", group.name, name);
        TRY(vector_push(&w->wishes, wish));
    }
    vector_deinit(&words.names);
    return NULL;
}

static struct error *check_unique(const struct wishes *w)
{
    struct string_table seen;
    string_table_init(&seen);
    struct error *error = NULL;
    for (uint64_t i = 0; i < w->wishes.count && !error; i++) {
        uint32_t id;
        error = string_table_intern(&seen, w->wishes.data[i].name, &id);
        if (!error && id != i)
            error = error_create(ERROR_FORMAT, "%s is wished for twice", w->wishes.data[i].name);
    }
    string_table_deinit(&seen);
    return error;
}

static struct error *read_wishes(struct wishes *w, const char *path)
{
    arena_init(&w->arena);
    FILE *file = fopen(path, "re");
    if (!file)
        return error_os(errno, "cannot open %s", path);
    char *line = NULL, *joined = NULL;
    size_t capacity = 0;
    struct error *error = NULL;
    while (!error) {
        bool more = getline(&line, &capacity, file) >= 0;
        if (more) {
            line[strcspn(line, "#\n")] = 0;
            if (line[0] == ' ' && joined) {
                joined = arena_printf(&w->arena, "%s%s", joined, line);
                continue;
            }
        }
        if (joined)
            error = parse_group(w, joined);
        joined = more && line[0] ? arena_copy_string(&w->arena, line, strlen(line)) : NULL;
        if (!more)
            break;
    }
    free(line);
    fclose(file);
    return error ? error : check_unique(w);
}

/* --- DWARF --- */

static struct error *dwarf_failure(const char *what)
{
    return error_create(ERROR_FORMAT, "%s: %s", what, dwarf_errmsg(-1));
}

/* The type that die's DW_AT_type refers to, without typedefs. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *out_type)
{
    Dwarf_Die type = *die;
    for (int i = 0; i < TYPE_CHAIN_MAX; i++) {
        Dwarf_Attribute attribute;
        if (!dwarf_attr(&type, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type))
            return false;
        if (dwarf_tag(&type) != DW_TAG_typedef) {
            *out_type = type;
            return true;
        }
    }
    return false;
}

/* Bytes of a value of this type. Go gives pointers and functions no DW_AT_byte_size. */
static int32_t type_bytes(Dwarf_Die *type)
{
    Dwarf_Word bytes;
    Dwarf_Attribute attribute;
    if (dwarf_attr(type, DW_AT_byte_size, &attribute) && dwarf_formudata(&attribute, &bytes) == 0 &&
        bytes <= INT32_MAX)
        return (int32_t)bytes;
    int tag = dwarf_tag(type);
    if (tag == DW_TAG_pointer_type || tag == DW_TAG_subroutine_type)
        return POINTER_BYTES;
    if (dwarf_aggregate_size(type, &bytes) == 0 && bytes <= INT32_MAX)
        return (int32_t)bytes;
    return -1;
}

/* Go < 1.22 writes locations as an expression, later ones as a constant. */
static bool member_offset(Dwarf_Die *member, int32_t *out_offset)
{
    Dwarf_Attribute attribute;
    Dwarf_Word offset = 0;
    if (!dwarf_attr(member, DW_AT_data_member_location, &attribute))
        return false;
    if (dwarf_formudata(&attribute, &offset) != 0) {
        Dwarf_Op *ops;
        size_t count;
        if (dwarf_getlocation(&attribute, &ops, &count) != 0 || count != 1 ||
            ops[0].atom != DW_OP_plus_uconst)
            return false;
        offset = ops[0].number;
    }
    if (offset > INT32_MAX)
        return false;
    *out_offset = (int32_t)offset;
    return true;
}

static bool next_member(Dwarf_Die *structure, Dwarf_Die *member, bool *started)
{
    bool found =
        !*started ? dwarf_child(structure, member) == 0 : dwarf_siblingof(member, member) == 0;
    *started = true;
    while (found && dwarf_tag(member) != DW_TAG_member)
        found = dwarf_siblingof(member, member) == 0;
    return found;
}

/* Follows path ("central[].mcentral") from *type; *type and *offset move along. */
static bool follow_path(const char *path, Dwarf_Die *type, int32_t *offset)
{
    while (*path) {
        if (strncmp(path, "[]", 2) == 0) {
            if (dwarf_tag(type) != DW_TAG_array_type || !type_of(type, type))
                return false;
            path += 2;
        } else {
            size_t length = strcspn(path, ".[");
            Dwarf_Die member;
            int32_t within;
            bool started = false, found = false;
            if (dwarf_tag(type) != DW_TAG_structure_type)
                return false;
            while (!found && next_member(type, &member, &started)) {
                const char *name = dwarf_diename(&member);
                found = name && strlen(name) == length && memcmp(name, path, length) == 0;
            }
            if (!found || !member_offset(&member, &within) || !type_of(&member, type))
                return false;
            *offset += within;
            path += length;
        }
        path += *path == '.';
    }
    return true;
}

/* Blanks separate words in the wish list. */
static struct error *intern_without_blanks(struct program *p, const char *prefix, const char *name,
                                           uint32_t *out_id)
{
    char *compact;
    if (asprintf(&compact, "%s%s", prefix, name) < 0)
        return error_memory(strlen(name));
    remove_blanks(compact);
    struct error *error = string_table_intern(&p->names, compact, out_id);
    free(compact);
    return error;
}

static struct error *add_types(struct program *p, Dwarf_Die *unit)
{
    Dwarf_Die die;
    if (dwarf_child(unit, &die) != 0)
        return NULL;
    do {
        const char *name = dwarf_diename(&die);
        int tag = dwarf_tag(&die);
        if ((tag != DW_TAG_structure_type && tag != DW_TAG_variable) || !name)
            continue;
        uint32_t id;
        TRY(intern_without_blanks(p, tag == DW_TAG_variable ? "&" : "", name, &id));
        if (id == p->offsets.count)
            TRY(vector_push(&p->offsets, dwarf_dieoffset(&die)));
    } while (dwarf_siblingof(&die, &die) == 0);
    return NULL;
}

static struct error *open_program(struct program *p, const char *path)
{
    p->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0)
        return error_os(errno, "cannot open %s", path);
    p->dwarf = dwarf_begin(p->fd, DWARF_C_READ);
    if (!p->dwarf)
        return dwarf_failure(path);
    string_table_init(&p->names);
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    while (dwarf_get_units(p->dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0)
        TRY(add_types(p, &die));
    if (!p->offsets.count)
        return error_create(ERROR_FORMAT, "%s has no struct types in its DWARF", path);
    return NULL;
}

static void close_program(struct program *p)
{
    dwarf_end(p->dwarf);
    close(p->fd);
    string_table_deinit(&p->names);
    vector_deinit(&p->offsets);
}

/* Finds TYPE or TYPE@PATH. */
static struct error *find_type(struct program *p, const char *text, bool *out_found,
                               Dwarf_Die *out_type)
{
    CLEANUP_FREE char *name = strdup(text);
    if (!name)
        return error_memory(strlen(text));
    char *path = strchr(name, '@');
    if (path)
        *path++ = 0;
    uint32_t id;
    TRY(string_table_intern(&p->names, name, &id));
    if (id == p->offsets.count)
        TRY(vector_push(&p->offsets, 0));
    int32_t unused = 0;
    *out_found = p->offsets.data[id] && dwarf_offdie(p->dwarf, p->offsets.data[id], out_type) &&
                 (name[0] != '&' || type_of(out_type, out_type)) &&
                 (!path || follow_path(path, out_type, &unused));
    return NULL;
}

static struct error *find_group(struct program *p, const struct wish_group *group, bool *out_found,
                                Dwarf_Die *out_type)
{
    *out_found = false;
    for (uint64_t i = 0; i < group->types.names.count && !*out_found; i++)
        TRY(find_type(p, group->types.names.data[i], out_found, out_type));
    return NULL;
}

static struct place find_member(Dwarf_Die *structure, const struct wish *wish)
{
    for (uint64_t i = 0; i < wish->paths.names.count; i++) {
        Dwarf_Die type = *structure;
        int32_t offset = 0;
        if (follow_path(wish->paths.names.data[i], &type, &offset))
            return (struct place){offset, type_bytes(&type)};
    }
    return (struct place){-1, -1};
}

static struct error *find_places(struct program *p, const struct wishes *w)
{
    TRY(memory_array(w->wishes.count, sizeof(p->places[0]), &p->places));
    Dwarf_Die structure;
    bool found = false;
    uint32_t group = UINT32_MAX;
    for (uint64_t i = 0; i < w->wishes.count; i++) {
        const struct wish *wish = &w->wishes.data[i];
        if (wish->group != group) {
            group = wish->group;
            TRY(find_group(p, &w->groups.data[group], &found, &structure));
        }
        struct place place = {-1, -1};
        if (found && wish->paths.names.count)
            place = find_member(&structure, wish);
        else if (found)
            place.offset = place.size = type_bytes(&structure);
        p->places[i] = place;
    }
    return NULL;
}

/* --- output --- */

static const char *const generated_note =
    "/* Generated by scripts/layouts from tools/layout_fields.txt. Do not edit. */\n";

static struct error *open_output(const char *path, FILE **out_file)
{
    *out_file = fopen(path, "we");
    if (!*out_file)
        return error_os(errno, "cannot write %s", path);
    fputs(generated_note, *out_file);
    return NULL;
}

static struct error *close_output(FILE *file, const char *path)
{
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return error_os(errno, "cannot write %s", path);
    return NULL;
}

static struct error *write_fields(const struct wishes *w, const char *path)
{
    FILE *out;
    TRY(open_output(path, &out));
    for (uint64_t i = 0; i < w->wishes.count; i++)
        fprintf(out, "LAYOUT_FIELD(%s)\n", w->wishes.data[i].name);
    return close_output(out, path);
}

/* One array: a line (or more) per struct, its size first, then its members. */
static void write_array(FILE *out, const struct wishes *w, const struct program *p, bool sizes)
{
    fprintf(out, "static const int32_t %s_%u_%s[LAYOUT_FIELDS] = {\n", sizes ? "width" : "offset",
            p->go_minor, p->arch);
    int column = 0;
    uint32_t group = UINT32_MAX;
    for (uint64_t i = 0; i < w->wishes.count; i++) {
        const struct wish *wish = &w->wishes.data[i];
        char number[16];
        int length = snprintf(number, sizeof(number), "%d,",
                              sizes ? p->places[i].size : p->places[i].offset);
        if (wish->group != group) {
            group = wish->group;
            column = fprintf(out, "%s    /* %s */", i ? "\n" : "", w->groups.data[group].name);
            column -= i > 0;
        } else if (column + 1 + length > LINE_COLUMNS) {
            fputs("\n       ", out);
            column = 7;
        }
        column += fprintf(out, " %s", number);
    }
    fputs("\n};\n", out);
}

static bool same_places(const struct wishes *w, const struct program *a, const struct program *b,
                        bool sizes)
{
    for (uint64_t i = 0; i < w->wishes.count; i++) {
        if (sizes ? a->places[i].size != b->places[i].size
                  : a->places[i].offset != b->places[i].offset)
            return false;
    }
    return true;
}

static struct error *write_table(const struct wishes *w, const struct program *programs,
                                 unsigned count, const char *path)
{
    FILE *out;
    TRY(open_output(path, &out));
    unsigned names[2][64] = {0}; /* which program's array stands for this one */
    for (unsigned i = 0; i < count; i++) {
        for (int sizes = 0; sizes < 2; sizes++) {
            unsigned same = 0;
            while (same < i && !same_places(w, &programs[same], &programs[i], sizes))
                same++;
            names[sizes][i] = same;
            if (same == i)
                write_array(out, w, &programs[i], sizes);
        }
    }
    fputs("static const struct layout layouts[] = {\n", out);
    for (unsigned i = 0; i < count; i++) {
        const struct program *offset = &programs[names[0][i]], *size = &programs[names[1][i]];
        fprintf(out, "    {%u, \"%s\", offset_%u_%s, width_%u_%s},\n", programs[i].go_minor,
                programs[i].arch, offset->go_minor, offset->arch, size->go_minor, size->arch);
    }
    fputs("};\n", out);
    return close_output(out, path);
}

/*
 * A wish that no version has is a slip of the pen. A struct that comes, goes and comes back is one
 * that the reference program fails to keep. (Members do come back: _panic.pc.)
 */
static struct error *check_places(const struct wishes *w, const struct program *programs,
                                  unsigned count)
{
    unsigned bad = 0;
    for (uint64_t i = 0; i < w->wishes.count; i++) {
        unsigned appearances = 0;
        for (unsigned p = 0; p < count; p++) {
            bool had = p && programs[p - 1].places[i].offset >= 0;
            appearances += programs[p].places[i].offset >= 0 && !had;
        }
        bool is_struct = !w->wishes.data[i].paths.names.count;
        if (appearances == 1 || (appearances > 1 && !is_struct))
            continue;
        fprintf(stderr, "%s: %s\n", w->wishes.data[i].name,
                appearances ? "missing between two versions that have it" : "in no version");
        bad++;
    }
    return bad ? error_create(ERROR_FORMAT, "%u wishes cannot be right", bad) : NULL;
}

/* --- commands --- */

static int by_version(const void *a, const void *b)
{
    const struct program *x = a, *y = b;
    if (x->go_minor != y->go_minor)
        return x->go_minor < y->go_minor ? -1 : 1;
    return strcmp(x->arch, y->arch);
}

static struct error *read_program(struct program *p, const struct wishes *w, char *spec)
{
    char *arch = strchr(spec, ':');
    char *path = arch ? strchr(arch + 1, ':') : NULL;
    if (!path)
        return error_create(ERROR_USAGE, "'%s' is not MINOR:ARCH:FILE", spec);
    *arch++ = 0;
    *path++ = 0;
    p->go_minor = (unsigned)strtoul(spec, NULL, 10);
    p->arch = arch;
    TRY(open_program(p, path));
    TRY(find_places(p, w));
    close_program(p);
    return NULL;
}

static struct error *command_table(int count, char **arguments)
{
    struct program programs[64] = {0};
    struct wishes w = {0};
    if (count < 4 || count - 3 > (int)ARRAY_COUNT(programs))
        return error_create(ERROR_USAGE, "table needs WISHES FIELDS_OUT TABLE_OUT MINOR:ARCH:FILE");
    TRY(read_wishes(&w, arguments[0]));
    unsigned versions = (unsigned)count - 3;
    for (unsigned i = 0; i < versions; i++)
        TRY(read_program(&programs[i], &w, arguments[3 + i]));
    qsort(programs, versions, sizeof(programs[0]), by_version);
    TRY(check_places(&w, programs, versions));
    TRY(write_fields(&w, arguments[1]));
    return write_table(&w, programs, versions, arguments[2]);
}

/* A member is wished for when some path of its group starts with it. */
static bool is_wished(const struct wishes *w, uint32_t group, const char *member)
{
    size_t length = strlen(member);
    for (uint64_t i = 0; i < w->wishes.count; i++) {
        const struct wish *wish = &w->wishes.data[i];
        for (uint64_t k = 0; wish->group == group && k < wish->paths.names.count; k++) {
            const char *path = wish->paths.names.data[k];
            if (strncmp(path, member, length) == 0 && strchr(".[", path[length]))
                return true;
        }
    }
    return false;
}

static struct error *command_news(int count, char **arguments)
{
    struct program p = {0};
    struct wishes w = {0};
    if (count != 2)
        return error_create(ERROR_USAGE, "news needs WISHES FILE");
    TRY(read_wishes(&w, arguments[0]));
    TRY(open_program(&p, arguments[1]));
    for (uint32_t group = 0; group < w.groups.count; group++) {
        Dwarf_Die structure, member;
        bool found, started = false;
        TRY(find_group(&p, &w.groups.data[group], &found, &structure));
        while (found && next_member(&structure, &member, &started)) {
            const char *name = dwarf_diename(&member);
            if (name && strcmp(name, "_") != 0 && !is_wished(&w, group, name))
                printf("%s.%s\n", w.groups.data[group].name, name);
        }
    }
    close_program(&p);
    return NULL;
}

static struct error *command_dump(int count, char **arguments)
{
    struct program p = {0};
    if (count < 1 || count > 2)
        return error_create(ERROR_USAGE, "dump needs FILE [PREFIX]");
    const char *prefix = count == 2 ? arguments[1] : "";
    TRY(open_program(&p, arguments[0]));
    for (uint64_t i = 0; i < p.offsets.count; i++) {
        const char *name = p.names.strings.data[i];
        Dwarf_Die structure, member, type;
        bool started = false;
        if (strncmp(name, prefix, strlen(prefix)) != 0 ||
            !dwarf_offdie(p.dwarf, p.offsets.data[i], &structure))
            continue;
        printf("%s: %d\n", name, type_bytes(&structure));
        while (next_member(&structure, &member, &started)) {
            int32_t offset = -1;
            member_offset(&member, &offset);
            const char *type_name = type_of(&member, &type) ? dwarf_diename(&type) : NULL;
            printf("    %6d %s %s\n", offset, dwarf_diename(&member), type_name ? type_name : "?");
        }
    }
    close_program(&p);
    return NULL;
}

int main(int count, char **arguments)
{
    struct error *error;
    if (count > 2 && strcmp(arguments[1], "table") == 0)
        error = command_table(count - 2, arguments + 2);
    else if (count > 2 && strcmp(arguments[1], "news") == 0)
        error = command_news(count - 2, arguments + 2);
    else if (count > 2 && strcmp(arguments[1], "dump") == 0)
        error = command_dump(count - 2, arguments + 2);
    else
        error = error_create(ERROR_USAGE, "usage: layoutgen table|news|dump ARGUMENT...");
    if (!error)
        return 0;
    char text[1000];
    error_text(error, text, sizeof(text));
    fprintf(stderr, "layoutgen: %s\n", text);
    int status = error->kind == ERROR_USAGE ? 2 : 1;
    error_destroy(error);
    return status;
}
