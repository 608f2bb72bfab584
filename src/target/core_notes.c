#include "target/core_notes.h"

#include <inttypes.h>
#include <string.h>

/* struct elf_prstatus of amd64 */
enum { PRSTATUS_PID = 32, PRSTATUS_REGISTERS = 112, PRSTATUS_SIZE = 336 };
/* struct elf_prpsinfo of amd64 */
enum { PRPSINFO_PID = 24, PRPSINFO_NAME = 40, PRPSINFO_NAME_SIZE = 16, PRPSINFO_SIZE = 136 };

static struct error *parse_prstatus(struct core_notes *notes, struct cursor c, uint64_t offset)
{
    if (c.size < PRSTATUS_SIZE)
        return error_format(offset, "the core has an NT_PRSTATUS note of %" PRIu64 " bytes, not %d",
                            c.size, PRSTATUS_SIZE);
    struct target_thread thread = {.has_registers = true};
    cursor_seek(&c, PRSTATUS_PID);
    thread.tid = (pid_t)cursor_u32(&c);
    cursor_seek(&c, PRSTATUS_REGISTERS);
    /* struct user_regs_struct; where each of its words goes in gp. */
    static const int8_t places[] = {15, 14, 13, 12, 6, 1, 11, 10, 9, 8, 0, 2, 3, 4, 5};
    for (unsigned i = 0; i < ARRAY_COUNT(places); i++)
        thread.gp[places[i]] = cursor_u64(&c);
    cursor_u64(&c); /* orig_rax */
    thread.pc = cursor_u64(&c);
    cursor_u64(&c); /* cs */
    cursor_u64(&c); /* eflags */
    thread.sp = cursor_u64(&c);
    cursor_u64(&c); /* ss */
    thread.fs_base = cursor_u64(&c);
    thread.gp[7] = thread.sp;
    thread.bp = thread.gp[6];
    /* The first one is the thread that died, not always the process; NT_PRPSINFO knows better. */
    if (!notes->pid)
        notes->pid = thread.tid;
    return vector_push(&notes->threads, thread);
}

static struct error *parse_prpsinfo(struct core_notes *notes, struct cursor c, uint64_t offset)
{
    if (c.size < PRPSINFO_SIZE)
        return error_format(offset, "the core has an NT_PRPSINFO note of %" PRIu64 " bytes, not %d",
                            c.size, PRPSINFO_SIZE);
    cursor_seek(&c, PRPSINFO_PID);
    notes->pid = (pid_t)cursor_u32(&c);
    memcpy(notes->name, c.bytes + PRPSINFO_NAME, PRPSINFO_NAME_SIZE);
    return NULL;
}

static int by_start(const void *a, const void *b)
{
    const struct core_mapping *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static struct error *parse_files(struct core_notes *notes, struct cursor c, uint64_t offset)
{
    struct cursor names = c;
    uint64_t count = cursor_u64(&c), page = cursor_u64(&c);
    if (cursor_failed(&c) || count > (c.size - c.position) / 24)
        return error_format(
            offset, "the core's NT_FILE note is damaged: %" PRIu64 " files in %" PRIu64 " bytes",
            count, c.size);
    cursor_seek(&names, 16 + count * 24);
    TRY(vector_reserve(&notes->mappings, notes->mappings.count + count));
    for (uint64_t i = 0; i < count; i++) {
        struct core_mapping mapping = {.start = cursor_u64(&c), .end = cursor_u64(&c)};
        uint64_t pages = cursor_u64(&c);
        mapping.path = cursor_string(&names);
        if (!mapping.path || mapping.end <= mapping.start ||
            __builtin_mul_overflow(pages, page, &mapping.file_offset))
            return error_format(offset, "file %" PRIu64 " of the core's NT_FILE note is damaged",
                                i);
        notes->mappings.data[notes->mappings.count++] = mapping;
    }
    notes->has_mappings = true;
    qsort(notes->mappings.data, notes->mappings.count, sizeof(notes->mappings.data[0]), by_start);
    for (uint64_t i = 1; i < notes->mappings.count; i++)
        if (notes->mappings.data[i].start < notes->mappings.data[i - 1].end)
            return error_format(offset, "mappings of the core's NT_FILE note overlap at 0x%" PRIx64,
                                notes->mappings.data[i].start);
    return NULL;
}

static struct error *parse_note(struct core_notes *notes, uint32_t type, struct cursor description,
                                uint64_t offset)
{
    switch (type) {
    case NT_PRSTATUS:
        return parse_prstatus(notes, description, offset);
    case NT_PRPSINFO:
        return parse_prpsinfo(notes, description, offset);
    case NT_FILE:
        return parse_files(notes, description, offset);
    case NT_AUXV:
        notes->auxiliary = auxiliary_parse(description.bytes, description.size);
        return NULL;
    default:
        return NULL;
    }
}

struct error *core_notes_parse(struct core_notes *notes, const uint8_t *bytes, uint64_t size,
                               uint64_t offset)
{
    struct cursor c = cursor_make(bytes, size);
    while (size - c.position >= sizeof(Elf64_Nhdr)) {
        uint64_t start = c.position;
        uint64_t name_size = cursor_u32(&c), description_size = cursor_u32(&c);
        uint32_t type = cursor_u32(&c);
        const uint8_t *name = cursor_take(&c, (name_size + 3) & ~(uint64_t)3);
        const uint8_t *description = cursor_take(&c, description_size);
        if (cursor_failed(&c))
            return error_format(offset + start, "a note of the core reaches beyond its segment");
        /* The last note may lack its padding. */
        uint64_t padding = -description_size & 3;
        cursor_take(&c, MIN_OF(padding, size - c.position));
        /* "CORE" holds what we read; the same numbers mean other things under other names. */
        if (name_size >= 4 && memcmp(name, "CORE", 4) == 0)
            TRY(parse_note(notes, type, cursor_make(description, description_size),
                           offset + start));
    }
    return NULL;
}

void core_notes_deinit(struct core_notes *notes)
{
    vector_deinit(&notes->mappings);
    vector_deinit(&notes->threads);
}

/* Index of the first mapping that ends behind address. */
static uint64_t mapping_after(const struct core_notes *notes, uint64_t address)
{
    uint64_t low = 0, high = notes->mappings.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (notes->mappings.data[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct core_mapping *core_mapping_at(const struct core_notes *notes, uint64_t address)
{
    uint64_t i = mapping_after(notes, address);
    if (i == notes->mappings.count || address < notes->mappings.data[i].start)
        return NULL;
    return &notes->mappings.data[i];
}

bool core_mapping_overlaps(const struct core_notes *notes, uint64_t start, uint64_t end)
{
    uint64_t i = mapping_after(notes, start);
    return i < notes->mappings.count && notes->mappings.data[i].start < end;
}

const char *core_notes_executable(const struct core_notes *notes)
{
    const struct core_mapping *mapping = NULL;
    if (notes->auxiliary.entry)
        mapping = core_mapping_at(notes, notes->auxiliary.entry);
    if (!mapping && notes->auxiliary.phdr)
        mapping = core_mapping_at(notes, notes->auxiliary.phdr);
    if (mapping)
        return mapping->path;
    size_t length = strlen(notes->name);
    for (uint64_t i = 0; length && i < notes->mappings.count; i++) {
        const char *slash = strrchr(notes->mappings.data[i].path, '/');
        if (slash && strncmp(slash + 1, notes->name, length) == 0)
            return notes->mappings.data[i].path;
    }
    return NULL;
}
