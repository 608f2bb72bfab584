#include "report/snapshot_tables.h"

#include <inttypes.h>

#include "gort/types.h"
#include "graph/snapshot_record.h"
#include "report/snapshot_tags.h"

/* A chunk holds at most this much. */
#define TABLE_BYTES_MAX ((uint64_t)4 << 30)

enum { MEMBER_DEPTH_MAX = 16 };

#define STRING(structure, member) SNAPSHOT_MEMBER(MEMBER_STRING, struct structure, member)
#define BOOL(structure, member) SNAPSHOT_MEMBER(MEMBER_BOOL, struct structure, member)
#define U8(structure, member) SNAPSHOT_MEMBER(MEMBER_U8, struct structure, member)
#define U32(structure, member) SNAPSHOT_MEMBER(MEMBER_U32, struct structure, member)
#define U64(structure, member) SNAPSHOT_MEMBER(MEMBER_U64, struct structure, member)

/* The order of the members is the file's: add at the end, never remove, never move. */

static const struct snapshot_member field_members[] = {
    STRING(snapshot_field, name),
    U64(snapshot_field, offset),
    U32(snapshot_field, type),
    BOOL(snapshot_field, embedded),
};
static const struct snapshot_table field_table =
    SNAPSHOT_TABLE(struct snapshot_field, field_members);

static const struct snapshot_member type_members[] = {
    STRING(snapshot_type, name),
    U64(snapshot_type, size),
    U64(snapshot_type, length),
    U8(snapshot_type, kind),
    U8(snapshot_type, pseudo),
    BOOL(snapshot_type, is_map_header),
    U32(snapshot_type, element),
    U32(snapshot_type, key),
    U32(snapshot_type, group),
    SNAPSHOT_ARRAY(MEMBER_RECORDS, struct snapshot_type, fields, field_count, &field_table),
};
static const struct snapshot_table type_table = SNAPSHOT_TABLE(struct snapshot_type, type_members);

static const struct snapshot_member types_members[] = {
    SNAPSHOT_VECTOR(struct snapshot_types, items, &type_table),
};
static const struct snapshot_table types_table =
    SNAPSHOT_TABLE(struct snapshot_types, types_members);

static const struct snapshot_member root_members[] = {
    U8(snapshot_root, kind),       STRING(snapshot_root, name), STRING(snapshot_root, type),
    U64(snapshot_root, address),   U64(snapshot_root, size),    U64(snapshot_root, count),
    U32(snapshot_root, goroutine),
};
static const struct snapshot_table root_table = SNAPSHOT_TABLE(struct snapshot_root, root_members);

static const struct snapshot_member roots_members[] = {
    SNAPSHOT_VECTOR(struct snapshot_roots, items, &root_table),
};
static const struct snapshot_table roots_table =
    SNAPSHOT_TABLE(struct snapshot_roots, roots_members);

static const struct snapshot_member place_members[] = {
    STRING(snapshot_place, function), STRING(snapshot_place, file),  U32(snapshot_place, line),
    BOOL(snapshot_place, inlined),    BOOL(snapshot_place, wrapper), BOOL(snapshot_place, hidden),
};
static const struct snapshot_table place_table =
    SNAPSHOT_TABLE(struct snapshot_place, place_members);

static const struct snapshot_member wait_members[] = {
    U64(snapshot_wait, address),
    STRING(snapshot_wait, type),
};
static const struct snapshot_table wait_table = SNAPSHOT_TABLE(struct snapshot_wait, wait_members);

static const struct snapshot_member goroutine_members[] = {
    U64(snapshot_goroutine, id),
    U64(snapshot_goroutine, parent_id),
    U8(snapshot_goroutine, status),
    BOOL(snapshot_goroutine, system),
    STRING(snapshot_goroutine, state),
    U64(snapshot_goroutine, waiting_ns),
    U64(snapshot_goroutine, stack_bytes),
    U32(snapshot_goroutine, created_at),
    STRING(snapshot_goroutine, function),
    U32(snapshot_goroutine, root),
    SNAPSHOT_ARRAY(MEMBER_U32S, struct snapshot_goroutine, frames, frame_count, NULL),
    U64(snapshot_goroutine, frames_left_out),
    BOOL(snapshot_goroutine, locked),
    STRING(snapshot_goroutine, operation),
    STRING(snapshot_goroutine, waits_for),
    SNAPSHOT_ARRAY(MEMBER_RECORDS, struct snapshot_goroutine, waits, wait_count, &wait_table),
    U64(snapshot_goroutine, held_bytes),
    U8(snapshot_goroutine, leak),
    BOOL(snapshot_goroutine, stack_damaged),
    U32(snapshot_goroutine, group),
};
static const struct snapshot_table goroutine_table =
    SNAPSHOT_TABLE(struct snapshot_goroutine, goroutine_members);

static const struct snapshot_member goroutine_group_members[] = {
    U64(snapshot_goroutine_group, count),
    U64(snapshot_goroutine_group, held_bytes),
};
static const struct snapshot_table goroutine_group_table =
    SNAPSHOT_TABLE(struct snapshot_goroutine_group, goroutine_group_members);

static const struct snapshot_member goroutines_members[] = {
    SNAPSHOT_VECTOR(struct snapshot_goroutines, places, &place_table),
    SNAPSHOT_VECTOR(struct snapshot_goroutines, items, &goroutine_table),
    SNAPSHOT_VECTOR(struct snapshot_goroutines, groups, &goroutine_group_table),
};
static const struct snapshot_table goroutines_table =
    SNAPSHOT_TABLE(struct snapshot_goroutines, goroutines_members);

static struct error *write_table(struct snapshot_writer *writer, uint32_t tag,
                                 const struct snapshot_table *table, const void *structure)
{
    struct snapshot_bytes bytes = {0};
    struct error *error = snapshot_put_record(&bytes, table, structure);
    if (!error && bytes.data.count > TABLE_BYTES_MAX)
        error = error_create(ERROR_LIMIT, "a table of the snapshot would have %" PRIu64 " bytes",
                             bytes.data.count);
    if (!error)
        error = snapshot_write_bytes(writer, tag, SNAPSHOT_ZSTD, bytes.data.data, bytes.data.count);
    snapshot_bytes_deinit(&bytes);
    return error;
}

struct error *snapshot_write_types(struct snapshot_writer *writer,
                                   const struct snapshot_types *types)
{
    return write_table(writer, TAG_TYPE_NAMES, &types_table, types);
}

struct error *snapshot_write_roots(struct snapshot_writer *writer,
                                   const struct snapshot_roots *roots)
{
    return write_table(writer, TAG_ROOT_NAMES, &roots_table, roots);
}

struct error *snapshot_write_goroutines(struct snapshot_writer *writer,
                                        const struct snapshot_goroutines *goroutines)
{
    return write_table(writer, TAG_GOROUTINES, &goroutines_table, goroutines);
}

static struct error *read_table(struct snapshot_file *file, uint32_t tag,
                                const struct snapshot_table *table, struct arena *arena,
                                void *structure, const struct snapshot_chunk **out_chunk)
{
    uint8_t *bytes;
    uint64_t size;
    TRY(snapshot_chunk_require(file, tag, out_chunk));
    TRY(snapshot_read_bytes(file, *out_chunk, TABLE_BYTES_MAX, &bytes, &size));
    struct cursor cursor = cursor_make(bytes, size);
    uint64_t budget = snapshot_memory_of(*out_chunk);
    struct error *error = snapshot_take_record(&cursor, table, arena, &budget, structure);
    free(bytes);
    if (error)
        return error_wrap(error, "the snapshot is damaged at offset %" PRIu64,
                          file->blocks.data[(*out_chunk)->first_block].offset);
    return NULL;
}

struct error *snapshot_read_types(struct snapshot_file *file, struct snapshot_types *out)
{
    const struct snapshot_chunk *chunk;
    TRY(read_table(file, TAG_TYPE_NAMES, &types_table, &out->arena, out, &chunk));
    uint64_t count = out->items.count;
    for (uint64_t i = 0; i < count; i++) {
        const struct snapshot_type *type = &out->items.data[i];
        bool wrong =
            type->element > count || type->key > count || type->group > count || !type->name;
        for (uint32_t f = 0; f < type->field_count; f++)
            wrong |= type->fields[f].type > count;
        if (wrong)
            return snapshot_chunk_damage(file, chunk, "a type refers to one that is not there");
    }
    return NULL;
}

struct error *snapshot_read_roots(struct snapshot_file *file, struct snapshot_roots *out)
{
    const struct snapshot_chunk *chunk;
    return read_table(file, TAG_ROOT_NAMES, &roots_table, &out->arena, out, &chunk);
}

struct error *snapshot_read_goroutines(struct snapshot_file *file, struct snapshot_goroutines *out)
{
    const struct snapshot_chunk *chunk;
    TRY(read_table(file, TAG_GOROUTINES, &goroutines_table, &out->arena, out, &chunk));
    uint64_t places = out->places.count;
    bool wrong = false;
    for (uint64_t i = 0; i < out->items.count; i++) {
        const struct snapshot_goroutine *g = &out->items.data[i];
        wrong |= g->created_at > places || g->group > out->groups.count;
        for (uint32_t f = 0; f < g->frame_count; f++)
            wrong |= g->frames[f] >= places;
    }
    return wrong ? snapshot_chunk_damage(file, chunk, "a goroutine stands at no place") : NULL;
}

void snapshot_types_deinit(struct snapshot_types *types)
{
    vector_deinit(&types->items);
    arena_deinit(&types->arena);
}

void snapshot_roots_deinit(struct snapshot_roots *roots)
{
    vector_deinit(&roots->items);
    arena_deinit(&roots->arena);
}

void snapshot_goroutines_deinit(struct snapshot_goroutines *goroutines)
{
    vector_deinit(&goroutines->places);
    vector_deinit(&goroutines->items);
    vector_deinit(&goroutines->groups);
    arena_deinit(&goroutines->arena);
}

/* The field that contains offset: the last that begins at or before it. */
static const struct snapshot_field *field_at(const struct snapshot_type *type, uint64_t offset)
{
    const struct snapshot_field *best = NULL;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (type->fields[i].offset <= offset)
            best = &type->fields[i];
    return best;
}

const char *snapshot_member_name(const struct snapshot_types *types, uint32_t type, uint64_t offset,
                                 uint64_t size, struct arena *arena)
{
    const char *text = "";
    for (unsigned depth = 0; depth < MEMBER_DEPTH_MAX && type && type <= types->items.count;
         depth++) {
        const struct snapshot_type *t = &types->items.data[type - 1];
        if (t->pseudo || !t->size || t->kind == KIND_MAP || t->kind == KIND_CHAN)
            break;
        if (depth == 0 && size / 2 >= t->size) { /* several values: an array behind a slice */
            text = arena_printf(arena, "[%" PRIu64 "]", offset / t->size);
            offset %= t->size;
        }
        if (t->kind == KIND_ARRAY && t->length && t->size >= t->length) {
            uint64_t step = t->size / t->length;
            text = arena_printf(arena, "%s[%" PRIu64 "]", text, offset / step);
            offset %= step;
            type = t->element;
            continue;
        }
        const struct snapshot_field *field = t->kind == KIND_STRUCT ? field_at(t, offset) : NULL;
        if (!field)
            break;
        text = arena_printf(arena, "%s.%s", text, field->name);
        offset -= field->offset;
        type = field->type;
    }
    return text;
}
