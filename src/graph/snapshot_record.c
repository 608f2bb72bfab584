#include "graph/snapshot_record.h"

#include <string.h>

enum { ARENA_ROUNDING = 16 };

/* The layout that every VECTOR has. */
struct any_vector {
    uint8_t *data;
    uint64_t count, capacity;
};

struct error *snapshot_put(struct snapshot_bytes *bytes, const void *data, uint64_t size)
{
    TRY(vector_reserve(&bytes->data, bytes->data.count + size));
    if (size)
        memcpy(bytes->data.data + bytes->data.count, data, size);
    bytes->data.count += size;
    return NULL;
}

struct error *snapshot_put_number(struct snapshot_bytes *bytes, uint64_t number)
{
    uint8_t encoded[10];
    return snapshot_put(bytes, encoded,
                        (uint64_t)(snapshot_encode_number(encoded, number) - encoded));
}

void snapshot_bytes_deinit(struct snapshot_bytes *bytes)
{
    vector_deinit(&bytes->data);
}

static struct error *put_string(struct snapshot_bytes *bytes, const char *text)
{
    uint64_t length = text ? strlen(text) : 0;
    TRY(snapshot_put_number(bytes, length));
    return snapshot_put(bytes, text, length);
}

static uint32_t count_at(const uint8_t *structure, const struct snapshot_member *member)
{
    uint32_t count;
    memcpy(&count, structure + member->count_offset, sizeof(count));
    return count;
}

static struct error *put_records(struct snapshot_bytes *bytes, const struct snapshot_table *table,
                                 const uint8_t *items, uint64_t count)
{
    TRY(snapshot_put_number(bytes, count));
    for (uint64_t i = 0; i < count; i++)
        TRY(snapshot_put_record(bytes, table, items + i * table->size));
    return NULL;
}

static struct error *put_member(struct snapshot_bytes *bytes, const struct snapshot_member *member,
                                const uint8_t *structure)
{
    const uint8_t *at = structure + member->offset;
    const void *pointer;
    uint64_t u64;
    uint32_t u32;
    struct any_vector vector;
    switch (member->kind) {
    case MEMBER_BOOL:
    case MEMBER_U8:
        return snapshot_put_number(bytes, *at);
    case MEMBER_U32:
        memcpy(&u32, at, sizeof(u32));
        return snapshot_put_number(bytes, u32);
    case MEMBER_U64:
        memcpy(&u64, at, sizeof(u64));
        return snapshot_put_number(bytes, u64);
    case MEMBER_DOUBLE:
        return snapshot_put(bytes, at, sizeof(double));
    case MEMBER_STRING:
        memcpy(&pointer, at, sizeof(pointer));
        return put_string(bytes, pointer);
    case MEMBER_RECORD:
        return snapshot_put_record(bytes, member->record, at);
    case MEMBER_RECORDS:
        memcpy(&pointer, at, sizeof(pointer));
        return put_records(bytes, member->record, pointer, count_at(structure, member));
    case MEMBER_VECTOR:
        memcpy(&vector, at, sizeof(vector));
        return put_records(bytes, member->record, vector.data, vector.count);
    case MEMBER_STRINGS:
        memcpy(&pointer, at, sizeof(pointer));
        u32 = count_at(structure, member);
        TRY(snapshot_put_number(bytes, u32));
        for (uint32_t i = 0; i < u32; i++)
            TRY(put_string(bytes, ((const char *const *)pointer)[i]));
        return NULL;
    case MEMBER_U32S:
        memcpy(&pointer, at, sizeof(pointer));
        u32 = count_at(structure, member);
        TRY(snapshot_put_number(bytes, u32));
        for (uint32_t i = 0; i < u32; i++)
            TRY(snapshot_put_number(bytes, ((const uint32_t *)pointer)[i]));
        return NULL;
    }
    return NULL;
}

/* The length stands before the members; it is made room for when it is known. */
struct error *snapshot_put_record(struct snapshot_bytes *bytes, const struct snapshot_table *table,
                                  const void *structure)
{
    uint64_t start = bytes->data.count;
    for (unsigned i = 0; i < table->count; i++)
        TRY(put_member(bytes, &table->members[i], structure));
    uint8_t encoded[10];
    uint64_t length = bytes->data.count - start;
    uint64_t prefix = (uint64_t)(snapshot_encode_number(encoded, length) - encoded);
    TRY(vector_reserve(&bytes->data, bytes->data.count + prefix));
    if (length)
        memmove(bytes->data.data + start + prefix, bytes->data.data + start, length);
    memcpy(bytes->data.data + start, encoded, prefix);
    bytes->data.count += prefix;
    return NULL;
}

/* -- reading --------------------------------------------------------------------------------- */

struct taking {
    struct arena *arena;
    uint64_t *budget;
};

static struct error *wrong(const struct cursor *bytes, const char *what)
{
    return error_format(bytes->position, "a record is damaged: %s", what);
}

static struct error *charge(struct taking *t, const struct cursor *bytes, uint64_t count,
                            uint64_t size)
{
    uint64_t total;
    if (__builtin_mul_overflow(count, size, &total) ||
        __builtin_add_overflow(total, ARENA_ROUNDING, &total) || total > *t->budget)
        return wrong(bytes, "it asks for more memory than a snapshot may");
    *t->budget -= total;
    return NULL;
}

static struct error *allocate(struct taking *t, const struct cursor *bytes, uint64_t count,
                              uint64_t size, void *out_pointer)
{
    TRY(charge(t, bytes, count, size));
    void *pointer = arena_alloc(t->arena, count * size);
    memcpy(out_pointer, &pointer, sizeof(pointer));
    return NULL;
}

static struct error *take_string(struct taking *t, struct cursor *bytes, const char **out)
{
    uint64_t length = cursor_uleb(bytes);
    const uint8_t *text = cursor_take(bytes, length);
    if (cursor_failed(bytes))
        return wrong(bytes, "a string does not end in it");
    *out = "";
    if (!length)
        return NULL;
    TRY(charge(t, bytes, length, 1));
    *out = arena_copy_string(t->arena, (const char *)text, length);
    return NULL;
}

/* A count of things that take at least a byte each. */
static struct error *take_count(struct cursor *bytes, uint64_t *out)
{
    uint64_t count = cursor_uleb(bytes);
    if (cursor_failed(bytes) || count > bytes->size - bytes->position || count > UINT32_MAX)
        return wrong(bytes, "a list does not end in it");
    *out = count;
    return NULL;
}

static struct error *take_record(struct taking *t, struct cursor *bytes,
                                 const struct snapshot_table *table, uint8_t *structure);

/* Recursion: as deep as the tables are nested. */
static struct error *take_records(struct taking *t, struct cursor *bytes,
                                  const struct snapshot_table *table, uint64_t count,
                                  uint8_t *items)
{
    for (uint64_t i = 0; i < count; i++)
        TRY(take_record(t, bytes, table, items + i * table->size));
    return NULL;
}

/* The vector stands in the structure before its items are read: whoever deinitialises the
 * structure after an error frees it. */
static struct error *take_vector(struct taking *t, struct cursor *bytes,
                                 const struct snapshot_member *member, uint64_t count,
                                 uint8_t *structure)
{
    struct any_vector vector = {.count = count, .capacity = count};
    TRY(charge(t, bytes, count, member->record->size));
    TRY(memory_array(count, member->record->size, &vector.data));
    memcpy(structure + member->offset, &vector, sizeof(vector));
    return take_records(t, bytes, member->record, count, vector.data);
}

static struct error *take_u32(struct cursor *bytes, uint32_t *out)
{
    uint64_t number = cursor_uleb(bytes);
    if (cursor_failed(bytes) || number > UINT32_MAX)
        return wrong(bytes, "a number is too large");
    *out = (uint32_t)number;
    return NULL;
}

static struct error *take_list(struct taking *t, struct cursor *bytes,
                               const struct snapshot_member *member, uint8_t *structure)
{
    uint64_t count = 0;
    uint8_t *items = NULL;
    TRY(take_count(bytes, &count));
    if (member->kind == MEMBER_VECTOR)
        return take_vector(t, bytes, member, count, structure);
    if (member->kind == MEMBER_STRINGS) {
        const char **strings;
        TRY(allocate(t, bytes, count, sizeof(*strings), &strings));
        for (uint64_t i = 0; i < count; i++)
            TRY(take_string(t, bytes, &strings[i]));
        items = (uint8_t *)strings;
    } else if (member->kind == MEMBER_U32S) {
        uint32_t *numbers;
        TRY(allocate(t, bytes, count, sizeof(*numbers), &numbers));
        for (uint64_t i = 0; i < count; i++)
            TRY(take_u32(bytes, &numbers[i]));
        items = (uint8_t *)numbers;
    } else {
        TRY(allocate(t, bytes, count, member->record->size, &items));
        TRY(take_records(t, bytes, member->record, count, items));
    }
    uint32_t narrow = (uint32_t)count;
    memcpy(structure + member->offset, &items, sizeof(items));
    memcpy(structure + member->count_offset, &narrow, sizeof(narrow));
    return NULL;
}

static struct error *take_member(struct taking *t, struct cursor *bytes,
                                 const struct snapshot_member *member, uint8_t *structure)
{
    uint8_t *at = structure + member->offset;
    const char *text;
    uint64_t u64;
    uint32_t u32 = 0;
    switch (member->kind) {
    case MEMBER_BOOL:
    case MEMBER_U8:
        u64 = cursor_uleb(bytes);
        if (u64 > (member->kind == MEMBER_BOOL ? 1 : UINT8_MAX))
            return wrong(bytes, "a number is too large");
        *at = (uint8_t)u64;
        break;
    case MEMBER_U32:
        TRY(take_u32(bytes, &u32));
        memcpy(at, &u32, sizeof(u32));
        break;
    case MEMBER_U64:
    case MEMBER_DOUBLE:
        u64 = member->kind == MEMBER_DOUBLE ? cursor_u64(bytes) : cursor_uleb(bytes);
        memcpy(at, &u64, sizeof(u64));
        break;
    case MEMBER_STRING:
        TRY(take_string(t, bytes, &text));
        memcpy(at, &text, sizeof(text));
        break;
    case MEMBER_RECORD:
        return take_record(t, bytes, member->record, at);
    case MEMBER_RECORDS:
    case MEMBER_VECTOR:
    case MEMBER_STRINGS:
    case MEMBER_U32S:
        return take_list(t, bytes, member, structure);
    }
    return cursor_failed(bytes) ? wrong(bytes, "it ends inside a number") : NULL;
}

static struct error *take_record(struct taking *t, struct cursor *bytes,
                                 const struct snapshot_table *table, uint8_t *structure)
{
    uint64_t length = cursor_uleb(bytes);
    const uint8_t *start = cursor_take(bytes, length);
    const char *nothing = "";
    if (cursor_failed(bytes))
        return wrong(bytes, "it is longer than what holds it");
    struct cursor inside = cursor_make(start, length);
    for (unsigned i = 0; i < table->count; i++)
        if (table->members[i].kind == MEMBER_STRING)
            memcpy(structure + table->members[i].offset, &nothing, sizeof(nothing));
    for (unsigned i = 0; i < table->count && inside.position < inside.size; i++)
        TRY(take_member(t, &inside, &table->members[i], structure));
    return NULL;
}

struct error *snapshot_take_record(struct cursor *bytes, const struct snapshot_table *table,
                                   struct arena *arena, uint64_t *budget, void *structure)
{
    struct taking t = {arena, budget};
    return take_record(&t, bytes, table, structure);
}
