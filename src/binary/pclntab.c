#include "binary/pclntab_table.h"

#include <inttypes.h>

enum {
    MAGIC_GO_1_2 = 0xfffffffbu,
    MAGIC_GO_1_16 = 0xfffffffau,
    MAGIC_GO_1_18 = 0xfffffff0u,
    MAGIC_GO_1_20 = 0xfffffff1u,
    HEADER_BYTES_OLD = 16, /* magic … ptrSize, nfunc */
    HEADER_BYTES = 72,     /* runtime.pcHeader */
    STRING_BYTES_MAX = 64 * 1024,
    FUNCTIONS_MAX = 1 << 25,
    FILES_MAX = 1 << 24,
};
static const uint64_t table_bytes_max = (uint64_t)1 << 30;

static uint64_t functab_entry_bytes(const struct pclntab *table)
{
    return table->layout == LAYOUT_GO_1_2 ? 16 : 8;
}

/* Fixed part of runtime._func, up to and including nfuncdata. */
static uint64_t record_bytes(const struct pclntab *table)
{
    return table->layout == LAYOUT_GO_1_20 ? 44 : 40;
}

static struct cursor cursor_at(const struct pclntab *table, uint64_t offset)
{
    struct cursor c = cursor_make(table->bytes, table->size);
    cursor_seek(&c, offset);
    return c;
}

/* Magic, pointer size, quantum, number of functions and the offsets of the sub-tables; looks at
 * no more than the first HEADER_BYTES bytes. */
static struct error *decode_header(struct pclntab *table)
{
    struct cursor c = cursor_at(table, 0);
    uint32_t magic = cursor_u32(&c);
    uint16_t padding = cursor_u16(&c);
    uint8_t quantum = cursor_u8(&c);
    uint8_t pointer_bytes = cursor_u8(&c);
    uint64_t count = cursor_u64(&c);
    if (cursor_failed(&c))
        return error_format(0, "the table of functions (pclntab) is cut off in its header");

    switch (magic) {
    case MAGIC_GO_1_2:
        table->layout = LAYOUT_GO_1_2;
        break;
    case MAGIC_GO_1_18:
        table->layout = LAYOUT_GO_1_18;
        break;
    case MAGIC_GO_1_20:
        table->layout = LAYOUT_GO_1_20;
        break;
    case MAGIC_GO_1_16:
        return error_create(ERROR_UNSUPPORTED,
                            "the table of functions (pclntab) is that of Go 1.16 or 1.17");
    default:
        return error_format(0, "no table of functions (pclntab): magic number 0x%08" PRIx32, magic);
    }
    if (padding != 0 || pointer_bytes != 8 || (quantum != 1 && quantum != 2 && quantum != 4))
        return error_format(4, "damaged header of the table of functions (pclntab)");
    if (count == 0 || count > FUNCTIONS_MAX)
        return error_format(8, "a table of functions (pclntab) with %" PRIu64 " functions", count);
    table->quantum = quantum;
    table->count = (uint32_t)count;

    if (table->layout == LAYOUT_GO_1_2) {
        table->functab = HEADER_BYTES_OLD;
        return NULL;
    }
    cursor_u64(&c); /* nfiles */
    cursor_u64(&c); /* textStart: dead from 1.26 on; moduledata.text says the same */
    table->names = cursor_u64(&c);
    table->compilation_units = cursor_u64(&c);
    table->files = cursor_u64(&c);
    table->pc_values = cursor_u64(&c);
    table->functab = table->functions = cursor_u64(&c);
    if (cursor_failed(&c))
        return error_format(16, "the table of functions (pclntab) is cut off in its header");
    const uint64_t offsets[] = {HEADER_BYTES,   table->names,     table->compilation_units,
                                table->files,   table->pc_values, table->functab,
                                table_bytes_max};
    for (uint64_t i = 1; i < ARRAY_COUNT(offsets); i++) {
        if (offsets[i] < offsets[i - 1])
            return error_format(24 + 8 * i, "the parts of the table of functions (pclntab) are not "
                                            "in order");
    }
    return NULL;
}

/* Bytes up to the end of the functab, with its final pc and what follows that in Go 1.15. */
static uint64_t functab_end(const struct pclntab *table)
{
    uint64_t tail = table->layout == LAYOUT_GO_1_2 ? 12 : 4;
    return table->functab + table->count * functab_entry_bytes(table) + tail;
}

/* The caller has made sure that index ≤ count; the final pc stands at index count. */
static uint64_t functab_pc(const struct pclntab *table, uint32_t index)
{
    const uint8_t *entry = table->bytes + table->functab + index * functab_entry_bytes(table);
    if (table->layout == LAYOUT_GO_1_2) {
        uint64_t pc;
        memcpy(&pc, entry, sizeof(pc));
        return pc;
    }
    uint32_t offset;
    memcpy(&offset, entry, sizeof(offset));
    return table->options.text + offset;
}

/* Offset of the _func record from the table's start; UINT64_MAX marks a hole between text sections
 * (Go ≤ 1.15, cmd/link/internal/ld/pcln.go). */
static uint64_t functab_record(const struct pclntab *table, uint32_t index)
{
    const uint8_t *entry = table->bytes + table->functab + index * functab_entry_bytes(table);
    if (table->layout == LAYOUT_GO_1_2) {
        uint64_t offset;
        memcpy(&offset, entry + 8, sizeof(offset));
        return offset;
    }
    uint32_t offset;
    memcpy(&offset, entry + 4, sizeof(offset));
    return table->functions + offset;
}

static struct error *check_functab(struct pclntab *table)
{
    if (functab_end(table) > table->size)
        return error_format(table->functab,
                            "the table of functions (pclntab) is cut off: %" PRIu32
                            " functions do not fit into %" PRIu64 " bytes",
                            table->count, table->size);
    if (table->layout == LAYOUT_GO_1_2) {
        struct cursor c = cursor_at(table, functab_end(table) - 4);
        table->files = cursor_u32(&c);
    }
    uint64_t previous = functab_pc(table, 0);
    uint64_t first = previous;
    for (uint32_t i = 1; i <= table->count; i++) {
        uint64_t pc = functab_pc(table, i);
        if (pc < previous)
            return error_format(table->functab + i * functab_entry_bytes(table),
                                "the table of functions (pclntab) is not sorted");
        previous = pc;
    }
    const struct pclntab_options *o = &table->options;
    if (o->text_end && (first < o->text || previous > o->text_end))
        return error_format(table->functab,
                            "the functions of the table (pclntab), 0x%" PRIx64 " to 0x%" PRIx64
                            ", lie outside of the text, 0x%" PRIx64 " to 0x%" PRIx64,
                            first, previous, o->text, o->text_end);
    return NULL;
}

struct error *pclntab_from_bytes(const void *bytes, uint64_t size,
                                 const struct pclntab_options *options, struct pclntab **out)
{
    struct pclntab draft = {.bytes = bytes, .size = size, .options = *options};
    TRY(decode_header(&draft));
    TRY(check_functab(&draft));
    struct pclntab *table;
    TRY(memory_array(1, sizeof(*table), &table));
    *table = draft;
    *out = table;
    return NULL;
}

/*
 * The header does not say how long the table is. From 1.18 on the last _func record ends the part
 * that is of interest; in 1.15 the file table comes last and its strings end it.
 */
static struct error *measure(struct target *target, const struct pclntab *header, uint64_t room,
                             uint64_t *out_size)
{
    const uint64_t address = header->options.address;
    uint64_t end = functab_end(header);
    if (end > room)
        return error_format(8, "the table of functions (pclntab) is larger than its segment");

    if (header->layout == LAYOUT_GO_1_2) {
        uint32_t files = 0, count = 0;
        TRY(target_read_u32(target, address + end - 4, &files));
        if (files > room - 4)
            return error_format(end - 4, "the file table lies outside of the pclntab's segment");
        TRY(target_read_u32(target, address + files, &count));
        uint64_t bytes = (uint64_t)count * 4;
        if (count == 0 || count > FILES_MAX || bytes > room - files)
            return error_format(files, "damaged file table: %" PRIu32 " files", count);
        end = MAX_OF(end, files + bytes);
        if (count > 1) {
            /* Strings are laid down from the last file to the first. */
            uint32_t last_string = 0;
            TRY(target_read_u32(target, address + files + 4, &last_string));
            end = MAX_OF(end, (uint64_t)last_string + STRING_BYTES_MAX);
        }
        *out_size = MIN_OF(end, room);
        return NULL;
    }

    uint64_t last_entry = header->functab + (header->count - 1) * functab_entry_bytes(header);
    uint32_t offset = 0;
    uint8_t fixed[44];
    TRY(target_read_u32(target, address + last_entry + 4, &offset));
    uint64_t record = header->functions + offset;
    if (record > room || record_bytes(header) > room - record)
        return error_format(last_entry, "the last function lies outside of the pclntab's segment");
    TRY(target_read(target, address + record, fixed, record_bytes(header)));
    uint32_t pcdata_count;
    memcpy(&pcdata_count, fixed + 28, sizeof(pcdata_count));
    uint64_t tail = ((uint64_t)pcdata_count + fixed[record_bytes(header) - 1]) * 4;
    end = MAX_OF(end, record + record_bytes(header));
    if (tail > room - end)
        return error_format(record, "the last function lies outside of the pclntab's segment");
    *out_size = end + tail;
    return NULL;
}

struct error *pclntab_load(struct target *target, const struct pclntab_options *options,
                           struct pclntab **out)
{
    if (options->limit <= options->address || options->address % 8 != 0)
        return error_format(0, "no table of functions (pclntab) at 0x%" PRIx64, options->address);
    uint64_t room = MIN_OF(options->limit - options->address, table_bytes_max);

    uint8_t header_bytes[HEADER_BYTES] = {0};
    uint64_t header_size = MIN_OF(room, sizeof(header_bytes));
    TRY(target_read(target, options->address, header_bytes, header_size));
    struct pclntab header = {.bytes = header_bytes, .size = header_size, .options = *options};
    TRY(decode_header(&header));
    uint64_t size = 0;
    TRY(measure(target, &header, room, &size));

    const void *view = target_view(target, options->address, size);
    if (view)
        return pclntab_from_bytes(view, size, options, out);
    void *bytes = NULL;
    TRY(big_array(size, &bytes));
    struct pclntab *table = NULL;
    struct error *error = target_read_sparse(target, options->address, bytes, size);
    if (!error)
        error = pclntab_from_bytes(bytes, size, options, &table);
    if (error) {
        big_array_free(bytes, size);
        return error;
    }
    table->owned_bytes = bytes;
    table->owned_size = size;
    *out = table;
    return NULL;
}

void pclntab_destroy(struct pclntab *table)
{
    if (!table)
        return;
    hash_map_deinit(&table->functions_by_name);
    free(table->next_same_hash);
    big_array_free(table->owned_bytes, table->owned_size);
    free(table);
}

uint32_t pclntab_count(const struct pclntab *table)
{
    return table->count;
}

uint64_t pclntab_entry(const struct pclntab *table, uint32_t index)
{
    return index <= table->count ? functab_pc(table, index) : 0;
}

uint32_t pclntab_find(const struct pclntab *table, uint64_t pc)
{
    if (pc < functab_pc(table, 0) || pc >= functab_pc(table, table->count))
        return PCLNTAB_NONE;
    uint32_t low = 0, high = table->count; /* entry(low) ≤ pc < entry(high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (functab_pc(table, middle) <= pc)
            low = middle;
        else
            high = middle;
    }
    return functab_record(table, low) == UINT64_MAX ? PCLNTAB_NONE : low;
}

struct error *pclntab_record(const struct pclntab *table, uint32_t index,
                             struct pclntab_record *out)
{
    if (index >= table->count)
        return error_create(ERROR_USAGE, "no function number %" PRIu32, index);
    uint64_t offset = functab_record(table, index);
    struct cursor c = cursor_at(table, offset);
    struct pclntab_record record = {.compilation_unit = UINT32_MAX};
    if (table->layout == LAYOUT_GO_1_2)
        record.entry = cursor_u64(&c);
    else
        record.entry = table->options.text + cursor_u32(&c);
    record.name = cursor_u32(&c);
    record.args = cursor_u32(&c);
    record.deferreturn = cursor_u32(&c);
    record.pcsp = cursor_u32(&c);
    record.pcfile = cursor_u32(&c);
    record.pcline = cursor_u32(&c);
    record.pcdata_count = cursor_u32(&c);
    if (table->layout != LAYOUT_GO_1_2)
        record.compilation_unit = cursor_u32(&c);
    if (table->layout == LAYOUT_GO_1_20)
        record.start_line = (int32_t)cursor_u32(&c);
    record.func_id = cursor_u8(&c);
    record.flags = cursor_u8(&c); /* unused and 0 in 1.15 */
    cursor_u8(&c);
    record.funcdata_count = cursor_u8(&c);
    if (cursor_failed(&c) || record.entry != functab_pc(table, index))
        return error_format(offset, "damaged record of function number %" PRIu32, index);

    record.pcdata = offset + record_bytes(table);
    record.funcdata = record.pcdata + (uint64_t)record.pcdata_count * 4;
    uint64_t funcdata_bytes = 4;
    if (table->layout == LAYOUT_GO_1_2) {
        /* Pointers, aligned to 8; the table itself is. */
        record.funcdata = (record.funcdata + 7) & ~(uint64_t)7;
        funcdata_bytes = 8;
    }
    cursor_seek(&c, record.pcdata);
    cursor_take(&c, (uint64_t)record.pcdata_count * 4);
    if (record.funcdata_count) {
        cursor_seek(&c, record.funcdata);
        cursor_take(&c, record.funcdata_count * funcdata_bytes);
    }
    if (cursor_failed(&c))
        return error_format(offset, "the tables of function number %" PRIu32 " are cut off", index);
    *out = record;
    return NULL;
}

const char *pclntab_string(const struct pclntab *table, uint64_t offset)
{
    /* Offset 0 is the header: what "no name" comes to in 1.15, where all share one base. */
    if (offset == 0 || offset >= table->size)
        return NULL;
    uint64_t room = MIN_OF(table->size - offset, (uint64_t)STRING_BYTES_MAX);
    struct cursor c = cursor_make(table->bytes + offset, room);
    return cursor_string(&c);
}

struct error *pclntab_function(const struct pclntab *table, uint32_t index,
                               struct pclntab_function *out)
{
    struct pclntab_record record;
    TRY(pclntab_record(table, index, &record));
    const char *name = pclntab_string(table, table->names + record.name);
    if (!name)
        return error_format(record.pcdata, "function number %" PRIu32 " has no name", index);
    *out = (struct pclntab_function){
        .name = name,
        .entry = record.entry,
        .end = functab_pc(table, index + 1),
        .args_bytes = record.args,
        .deferreturn = record.deferreturn,
        .funcdata_count = record.funcdata_count,
        .pcdata_count = record.pcdata_count,
        .func_id = record.func_id,
        .flags = record.flags,
        .start_line = record.start_line,
    };
    return NULL;
}

const char *pclntab_name(const struct pclntab *table, uint32_t index)
{
    if (index >= table->count)
        return "?";
    /* Straight to nameoff: this runs once for each function when names are indexed. */
    uint64_t offset = functab_record(table, index);
    uint64_t name_field = table->layout == LAYOUT_GO_1_2 ? 8 : 4;
    struct cursor c = cursor_make(table->bytes, table->size);
    cursor_seek(&c, offset);
    cursor_take(&c, name_field);
    uint32_t name = cursor_u32(&c);
    const char *text = cursor_failed(&c) ? NULL : pclntab_string(table, table->names + name);
    return text ? text : "?";
}

static uint64_t name_key(const char *name)
{
    uint64_t hash = hash_bytes(name, strlen(name));
    return hash ? hash : 1;
}

static struct error *index_names(struct pclntab *table)
{
    uint32_t *next CLEANUP_FREE = NULL;
    TRY(memory_array(table->count, sizeof(*next), &next));
    struct hash_map map = {0};
    /* Downwards, so that each chain ascends and its head is the first function of the name. */
    for (uint32_t i = table->count; i-- > 0;) {
        uint64_t *head;
        struct error *error = hash_map_insert(&map, name_key(pclntab_name(table, i)), &head, NULL);
        if (error) {
            hash_map_deinit(&map);
            return error;
        }
        next[i] = (uint32_t)*head;
        *head = (uint64_t)i + 1;
    }
    table->functions_by_name = map;
    table->next_same_hash = next;
    next = NULL;
    return NULL;
}

uint32_t pclntab_find_name(struct pclntab *table, const char *name)
{
    if (!table->next_same_hash) {
        struct error *error = index_names(table);
        if (error) { /* no memory for the index: a plain search gives the same answer */
            error_destroy(error);
            for (uint32_t i = 0; i < table->count; i++) {
                if (strcmp(pclntab_name(table, i), name) == 0)
                    return i;
            }
            return PCLNTAB_NONE;
        }
    }
    const uint64_t *head = hash_map_find(&table->functions_by_name, name_key(name));
    for (uint32_t link = head ? (uint32_t)*head : 0; link; link = table->next_same_hash[link - 1]) {
        if (strcmp(pclntab_name(table, link - 1), name) == 0)
            return link - 1;
    }
    return PCLNTAB_NONE;
}

uint64_t pclntab_record_funcdata(const struct pclntab *table, const struct pclntab_record *record,
                                 unsigned which)
{
    if (which >= record->funcdata_count)
        return 0;
    /* 1.15 still has FUNCDATA_RegPointerMaps = 2, so that what follows stands one later. */
    if (table->layout == LAYOUT_GO_1_2 && which >= FUNCDATA_STACK_OBJECTS)
        which++;
    if (which >= record->funcdata_count)
        return 0;
    if (table->layout == LAYOUT_GO_1_2) {
        struct cursor c = cursor_at(table, record->funcdata + (uint64_t)which * 8);
        return cursor_u64(&c);
    }
    struct cursor c = cursor_at(table, record->funcdata + (uint64_t)which * 4);
    uint32_t offset = cursor_u32(&c);
    if (cursor_failed(&c) || offset == UINT32_MAX)
        return 0;
    return table->options.gofunc + offset;
}

uint64_t pclntab_funcdata(const struct pclntab *table, uint32_t index, unsigned which)
{
    struct pclntab_record record;
    struct error *error CLEANUP_ERROR = pclntab_record(table, index, &record);
    return error ? 0 : pclntab_record_funcdata(table, &record, which);
}
