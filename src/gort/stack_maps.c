#include "gort/stack_maps.h"

#include <pthread.h>
#include <string.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "gort/gc_program.h"

enum {
    MAP_BYTES_MAX = 16 << 20, /* of one bitmap: 1 GiB of stack, the most Go allows */
    OBJECTS_MAX = 1 << 16,    /* of one function */
    FRAME_BYTES_MAX = 1 << 30,
    PROGRAM_BYTES_MAX = 1 << 20,
    KIND_GC_PROGRAM = 0x40, /* in _type.kind */
};

struct stack_maps {
    pthread_rwlock_t lock;     /* over all that follows; what places point to never changes */
    struct hash_map places;    /* pc → struct frame_place * */
    struct hash_map functions; /* index + 1 → struct frame_function * */
    struct arena arena;
};

static struct error *maps_create(struct stack_maps **out)
{
    struct stack_maps *maps;
    TRY(memory_array(1, sizeof(*maps), &maps));
    int failed = pthread_rwlock_init(&maps->lock, NULL);
    if (failed) {
        free(maps);
        return error_os(failed, "cannot make a lock");
    }
    arena_init(&maps->arena);
    *out = maps;
    return NULL;
}

void stack_maps_destroy(struct stack_maps *maps)
{
    if (!maps)
        return;
    pthread_rwlock_destroy(&maps->lock);
    hash_map_deinit(&maps->places);
    hash_map_deinit(&maps->functions);
    arena_deinit(&maps->arena);
    free(maps);
}

struct error *stack_maps_of(struct go_runtime *runtime, struct stack_maps **out)
{
    struct stack_maps *maps = __atomic_load_n(&runtime->stack_maps, __ATOMIC_ACQUIRE);
    if (!maps) {
        struct stack_maps *made = NULL;
        TRY(maps_create(&made));
        if (__atomic_compare_exchange_n(&runtime->stack_maps, &maps, made, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            maps = made;
        else
            stack_maps_destroy(made);
    }
    *out = maps;
    return NULL;
}

/* Reads bytes that damage may have put out of reach: false when they are not there. */
static struct error *read_if_there(struct go_runtime *runtime, uint64_t address, void *buffer,
                                   uint64_t n, bool *out_there)
{
    struct error *error = target_read(runtime->target, address, buffer, n);
    *out_there = !error;
    if (error && error->kind == ERROR_FAULT) {
        error_destroy(error);
        return NULL;
    }
    return error;
}

/* runtime.stackmap {n, nbit int32; bytedata}: the bitmap number `number` of the table. */
static struct error *read_bitmap(struct go_runtime *runtime, struct stack_maps *maps,
                                 uint64_t address, int32_t number, struct stack_bits *out,
                                 bool *out_known)
{
    int32_t header[2];
    bool there = false;
    *out_known = false;
    if (!address || number < 0)
        return NULL;
    TRY(read_if_there(runtime, address, header, sizeof(header), &there));
    if (!there || header[0] <= 0 || header[1] < 0)
        return NULL;
    if (header[1] == 0) {
        *out_known = true;
        return NULL;
    }
    uint64_t bytes = ((uint64_t)header[1] + 7) / 8;
    if (number >= header[0] || bytes > MAP_BYTES_MAX)
        return NULL;
    uint8_t *copy CLEANUP_FREE = NULL;
    TRY(memory_array(bytes, 1, &copy));
    TRY(read_if_there(runtime, address + sizeof(header) + (uint64_t)number * bytes, copy, bytes,
                      &there));
    if (!there)
        return NULL;
    uint8_t *kept = arena_alloc(&maps->arena, bytes);
    memcpy(kept, copy, bytes);
    *out = (struct stack_bits){.bytes = kept, .count = (uint32_t)header[1]};
    *out_known = true;
    return NULL;
}

/* The mask of an object: pointer_bytes of it, as bits or (Go ≤ 1.23) as a GC program. */
static struct error *read_object_mask(struct go_runtime *runtime, struct stack_maps *maps,
                                      uint64_t address, uint64_t pointer_bytes, bool is_program,
                                      struct stack_object_record *object)
{
    uint64_t bits = MIN_OF(pointer_bytes, object->size) / 8, bytes = (bits + 7) / 8;
    bool there = false;
    object->mask_unknown = true;
    if (bytes > MAP_BYTES_MAX)
        return NULL;
    uint8_t *mask CLEANUP_FREE = NULL;
    TRY(memory_array(bytes, 1, &mask));
    if (is_program) {
        uint32_t length;
        TRY(read_if_there(runtime, address, &length, sizeof(length), &there));
        if (!there || length > PROGRAM_BYTES_MAX)
            return NULL;
        uint8_t *program CLEANUP_FREE = NULL;
        TRY(memory_array(length, 1, &program));
        TRY(read_if_there(runtime, address + sizeof(length), program, length, &there));
        struct error *error CLEANUP_ERROR = NULL;
        if (there)
            error = gc_program_expand(program, length, bits, mask);
        there = there && !error;
    } else {
        TRY(read_if_there(runtime, address, mask, bytes, &there));
    }
    if (!there)
        return NULL;
    uint8_t *kept = arena_alloc(&maps->arena, MAX_OF(bytes, 1u));
    memcpy(kept, mask, bytes);
    object->mask = (struct stack_bits){.bytes = kept, .count = (uint32_t)bits};
    object->mask_unknown = false;
    return NULL;
}

/*
 * runtime.stackObjectRecord. Go 1.15: {off int; typ *_type}, size and mask in the type. Go ≥ 1.18:
 * {off, size, ptrdata int32; gcdataoff uint32}, the mask at moduledata.rodata + gcdataoff, ptrdata
 * negative (≤ 1.23) for a GC program.
 */
static struct error *read_object(struct go_runtime *runtime, struct stack_maps *maps,
                                 struct cursor *c, struct stack_object_record *object)
{
    if (runtime->minor >= 18) {
        object->offset = (int32_t)cursor_u32(c);
        object->size = cursor_u32(c);
        int32_t pointer_bytes = (int32_t)cursor_u32(c);
        uint64_t mask = runtime->module.rodata + cursor_u32(c);
        uint64_t magnitude = (uint64_t)llabs((int64_t)pointer_bytes);
        return read_object_mask(runtime, maps, mask, magnitude, pointer_bytes < 0, object);
    }
    object->offset = (int64_t)cursor_u64(c);
    uint64_t type = cursor_u64(c);
    uint8_t bytes[128];
    bool there;
    uint64_t type_bytes = MIN_OF(GO_SIZE(runtime, abi_Type), sizeof(bytes));
    TRY(read_if_there(runtime, type, bytes, type_bytes, &there));
    if (!there)
        return NULL;
    struct cursor fields = cursor_make(bytes, type_bytes);
    cursor_seek(&fields, GO_OFFSET(runtime, abi_Type_Size_));
    object->size = cursor_u64(&fields);
    cursor_seek(&fields, GO_OFFSET(runtime, abi_Type_PtrBytes));
    uint64_t pointer_bytes = cursor_u64(&fields);
    cursor_seek(&fields, GO_OFFSET(runtime, abi_Type_Kind_));
    bool is_program = (cursor_u8(&fields) & KIND_GC_PROGRAM) != 0;
    cursor_seek(&fields, GO_OFFSET(runtime, abi_Type_GCData));
    uint64_t mask = cursor_u64(&fields);
    return read_object_mask(runtime, maps, mask, pointer_bytes, is_program, object);
}

static struct error *read_objects(struct go_runtime *runtime, struct stack_maps *maps,
                                  struct frame_function *function)
{
    enum { RECORD_BYTES = 16 };
    uint64_t address = pclntab_funcdata(runtime->pclntab, function->index, FUNCDATA_STACK_OBJECTS);
    uint64_t count = 0;
    bool there;
    if (!address)
        return NULL;
    TRY(read_if_there(runtime, address, &count, sizeof(count), &there));
    if (!there || count == 0 || count > OBJECTS_MAX)
        return NULL;
    uint8_t *records CLEANUP_FREE = NULL;
    TRY(memory_array(count, RECORD_BYTES, &records));
    TRY(read_if_there(runtime, address + sizeof(count), records, count * RECORD_BYTES, &there));
    if (!there)
        return NULL;
    struct stack_object_record *objects =
        arena_alloc(&maps->arena, count * sizeof(struct stack_object_record));
    struct cursor c = cursor_make(records, count * RECORD_BYTES);
    uint64_t bytes = 0, good = 0;
    while (good < count && bytes <= FRAME_BYTES_MAX) {
        TRY(read_object(runtime, maps, &c, &objects[good]));
        bytes += MIN_OF(objects[good].size, (uint64_t)FRAME_BYTES_MAX);
        good++;
    }
    function->objects = objects;
    function->object_count = good;
    return NULL;
}

/*
 * The frames of the reflect stubs end in an abi.RegArgs (Go ≥ 1.17): 9 integer and 15 float
 * registers, then 9 words for those that are pointers, then a bitmap (runtime.stkobjinit).
 */
static void add_register_arguments(struct frame_function *function)
{
    static const uint8_t mask[] = {0, 0, 0, 0xff, 0x01};
    static const struct stack_object_record object = {
        .offset = -272, .size = 272, .mask = {.bytes = mask, .count = 33}};
    function->objects = &object;
    function->object_count = 1;
}

static enum frame_role role_of(const struct go_runtime *runtime,
                               const struct pclntab_function *function)
{
    /* abi.FuncFlag, ≥ 1.17; the byte is 0 before. */
    enum { FLAG_OUTERMOST = 1, FLAG_WRITES_SP = 2 };
    static const struct {
        const char *name;
        enum frame_role role;
    } by_name[] = {
        {"runtime.asyncPreempt", FRAME_ASYNC_PREEMPT},
        {"runtime.debugCallV1", FRAME_DEBUG_CALL},
        {"runtime.debugCallV2", FRAME_DEBUG_CALL},
        {"runtime.sigpanic", FRAME_SIGPANIC},
        {"runtime.gogo", FRAME_SWITCHES},
        {"gogo", FRAME_SWITCHES},
        {"reflect.makeFuncStub", FRAME_REFLECT_STUB},
        {"reflect.methodValueCall", FRAME_REFLECT_STUB},
        /* Writes sp, but keeps both stacks walkable at each step. */
        {"runtime.cgocallback", FRAME_ORDINARY},
        {"runtime.cgocallback_gofunc", FRAME_ORDINARY},
    };
    static const char *const outermost_before_flags[] = {
        "runtime.goexit", "runtime.mstart", "runtime.mcall", "runtime.morestack", "runtime.rt0_go",
    };
    for (uint64_t i = 0; i < ARRAY_COUNT(by_name); i++)
        if (!strcmp(function->name, by_name[i].name))
            return by_name[i].role;
    if (runtime->minor < 17) {
        for (uint64_t i = 0; i < ARRAY_COUNT(outermost_before_flags); i++)
            if (!strcmp(function->name, outermost_before_flags[i]))
                return FRAME_OUTERMOST;
        return FRAME_ORDINARY;
    }
    if (function->flags & FLAG_OUTERMOST)
        return FRAME_OUTERMOST;
    return function->flags & FLAG_WRITES_SP ? FRAME_WRITES_SP : FRAME_ORDINARY;
}

/* The caller holds the lock for writing. */
static struct error *find_function(struct go_runtime *runtime, struct stack_maps *maps,
                                   uint32_t index, struct frame_function **out)
{
    uint64_t *known = hash_map_find(&maps->functions, (uint64_t)index + 1);
    if (known) {
        *out = (struct frame_function *)(uintptr_t)*known;
        return NULL;
    }
    struct frame_function *function = arena_alloc(&maps->arena, sizeof(*function));
    function->index = index;
    function->entry = pclntab_entry(runtime->pclntab, index);
    function->args_bytes = ARGS_BYTES_UNKNOWN;
    struct pclntab_function record;
    struct error *damaged = pclntab_function(runtime->pclntab, index, &record);
    if (!damaged) {
        function->role = role_of(runtime, &record);
        function->deferreturn = record.deferreturn;
        function->args_bytes = record.args_bytes;
        if (function->role == FRAME_REFLECT_STUB && runtime->minor >= 17)
            add_register_arguments(function);
        else
            TRY(read_objects(runtime, maps, function));
    }
    error_destroy(damaged);
    uint64_t *value;
    TRY(hash_map_insert(&maps->functions, (uint64_t)index + 1, &value, NULL));
    *value = (uintptr_t)function;
    *out = function;
    return NULL;
}

static struct error *decode_place(struct go_runtime *runtime, struct stack_maps *maps,
                                  uint32_t index, struct frame_place *place)
{
    struct frame_function *function;
    TRY(find_function(runtime, maps, index, &function));
    place->function = function;

    int32_t size, number = -1;
    struct error *damaged = pclntab_sp_delta(runtime->pclntab, index, place->pc, &size);
    if (!damaged && size >= 0) {
        place->has_size = true;
        place->size = (uint32_t)size;
    }
    error_destroy(damaged);

    /* The map belongs to the call, and pc is behind it. At the entry and where no index is given
     * (in the prologue) the map of the entry, number 0, holds. */
    if (place->pc != function->entry) {
        damaged =
            pclntab_pcdata(runtime->pclntab, index, PCDATA_STACK_MAP_INDEX, place->pc - 1, &number);
        if (damaged)
            number = INT32_MIN;
        error_destroy(damaged);
    }
    if (number == -1)
        number = 0;
    uint64_t locals = pclntab_funcdata(runtime->pclntab, index, FUNCDATA_LOCALS_POINTER_MAPS);
    TRY(read_bitmap(runtime, maps, locals, number, &place->locals, &place->locals_known));
    if (function->args_bytes == 0) {
        place->args_known = true;
        return NULL;
    }
    uint64_t args = pclntab_funcdata(runtime->pclntab, index, FUNCDATA_ARGS_POINTER_MAPS);
    return read_bitmap(runtime, maps, args, number, &place->args, &place->args_known);
}

static struct error *add_place(struct go_runtime *runtime, struct stack_maps *maps, uint64_t pc,
                               uint32_t index, const struct frame_place **out)
{
    uint64_t *known = hash_map_find(&maps->places, pc);
    if (known) {
        *out = (const struct frame_place *)(uintptr_t)*known;
        return NULL;
    }
    struct frame_place *place = arena_alloc(&maps->arena, sizeof(*place));
    place->pc = pc;
    TRY(decode_place(runtime, maps, index, place));
    uint64_t *value;
    TRY(hash_map_insert(&maps->places, pc, &value, NULL));
    *value = (uintptr_t)place;
    *out = place;
    return NULL;
}

struct error *stack_maps_find(struct go_runtime *runtime, struct stack_maps *maps, uint64_t pc,
                              const struct frame_place **out)
{
    if (pc < runtime->module.text || pc >= runtime->module.text_end) {
        *out = NULL;
        return NULL;
    }
    pthread_rwlock_rdlock(&maps->lock);
    const uint64_t *known = hash_map_find(&maps->places, pc);
    const struct frame_place *place = known ? (const struct frame_place *)(uintptr_t)*known : NULL;
    pthread_rwlock_unlock(&maps->lock);
    if (place) {
        *out = place;
        return NULL;
    }
    uint32_t index = pclntab_find(runtime->pclntab, pc);
    if (index == PCLNTAB_NONE) {
        *out = NULL;
        return NULL;
    }
    pthread_rwlock_wrlock(&maps->lock);
    struct error *error = add_place(runtime, maps, pc, index, out);
    pthread_rwlock_unlock(&maps->lock);
    return error;
}
