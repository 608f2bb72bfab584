/*
 * Structures of the standard library that keep their pointers as unsafe.Pointer, or whose type
 * shows only at run time: atomic.Pointer[T] (sync/atomic/type.go), sync.Map before 1.20
 * (sync/map.go) and from 1.24 (internal/sync/hashtriemap.go), sync.Pool (sync/pool.go,
 * poolqueue.go).
 */
#include <string.h>

#include "gort/typing_walk.h"

enum {
    TRIE_CHILDREN = 16,
    TRIE_NODES_MAX = 1 << 28,
    POOL_LOCALS_MAX = 1 << 12,
    CHAIN_MAX = 1 << 12
};

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* atomic.Pointer[T] is {_ [0]*T; _ noCopy; v unsafe.Pointer}: the array of none tells T. */
static bool atomic_pointer(struct typing *typing, uint32_t type, uint64_t at, struct type_slot *out)
{
    struct type_table *table = &typing->table;
    struct go_type_field first, value;
    uint32_t fields = table->types.data[type].field_count;
    if (fields < 2 || !type_field(table, type, 0, &first) ||
        !type_field(table, type, fields - 1, &value))
        return false;
    uint32_t array = type_at(table, first.type);
    uint32_t pointer =
        array == TYPE_NONE ? TYPE_NONE : type_at(table, table->types.data[array].element);
    if (pointer == TYPE_NONE || table->types.data[pointer].kind != KIND_POINTER)
        return false;
    uint32_t to = type_at(table, table->types.data[pointer].element);
    bool trie = to != TYPE_NONE && begins(table->types.data[to].name, "sync.indirect[");
    *out = (struct type_slot){
        .offset = at + value.offset, .type = to, .kind = trie ? SLOT_TRIE : KIND_POINTER};
    return true;
}

bool typing_known_slots(struct typing *typing, uint32_t type, uint64_t at, struct type_slot *out,
                        uint32_t *out_count)
{
    struct go_runtime *rt = typing->runtime;
    const char *name = typing->table.types.data[type].name;
    *out_count = 1;
    if (begins(name, "atomic.Pointer["))
        return atomic_pointer(typing, type, at, out);
    if (!strcmp(name, "sync.entry") && rt->minor <= 19) {
        *out = (struct type_slot){.offset = at, .type = TYPE_NONE, .kind = SLOT_BOXED_INTERFACE};
        return true;
    }
    if (!strcmp(name, "sync.Pool") && GO_HAS(rt, sync_Pool_local)) {
        out[0] = (struct type_slot){
            .offset = at + GO_OFFSET(rt, sync_Pool_local), .type = TYPE_NONE, .kind = SLOT_POOL};
        out[1] = (struct type_slot){
            .offset = at + GO_OFFSET(rt, sync_Pool_victim), .type = TYPE_NONE, .kind = SLOT_POOL};
        *out_count = 2;
        return true;
    }
    return false;
}

static void set_pseudo(struct typing *typing, uint64_t address, enum pseudo_type kind,
                       const char *name)
{
    const struct heap_span *span;
    uint32_t id = typing_object_at(typing, address, &span);
    if (id != HEAP_NONE)
        typing_set(typing, id, type_pseudo(&typing->table, kind, name), TYPE_FITS);
}

/* The trie of sync.Map: inner nodes with 16 children each, which are inner nodes or entries;
 * entries whose hashes collide hang on each other. Both begin with a node, whose flag tells them
 * apart. */
static struct error *walk_trie(struct typing *typing, uint64_t root)
{
    struct go_runtime *rt = typing->runtime;
    VECTOR(uint64_t) stack = {0};
    struct error *error = vector_push(&stack, root);
    for (uint64_t seen = 0; stack.count && seen < TRIE_NODES_MAX && !error; seen++) {
        uint64_t node = stack.data[--stack.count], children[TRIE_CHILDREN];
        const struct heap_span *span;
        uint8_t is_entry;
        uint32_t id = typing_object_at(typing, node, &span);
        if (id == HEAP_NONE || typing_strength(typing, id) >= TYPE_FITS)
            continue;
        error = target_read(rt->target, node + GO_OFFSET(rt, isync_node_isEntry), &is_entry, 1);
        if (error)
            break;
        uint64_t size = is_entry ? GO_OFFSET(rt, isync_entry_key) : GO_SIZE(rt, isync_indirect);
        if (span->no_pointers || span->element_size < size)
            continue;
        set_pseudo(typing, node, PSEUDO_MAP_PART, is_entry ? "sync.Map entry" : "sync.Map node");
        uint64_t at = node + (is_entry ? GO_OFFSET(rt, isync_entry_overflow)
                                       : GO_OFFSET(rt, isync_indirect_children));
        uint32_t count = is_entry ? 1 : TRIE_CHILDREN;
        error = target_read(rt->target, at, children, count * sizeof(*children));
        for (uint32_t i = 0; i < count && !error; i++)
            if (children[i])
                error = vector_push(&stack, children[i]);
    }
    vector_deinit(&stack);
    return error;
}

void typing_sync_map(struct typing *typing, const uint8_t *bytes, uint64_t size)
{
    struct go_runtime *rt = typing->runtime;
    uint64_t root = 0;
    if (!GO_HAS(rt, isync_indirect_children) || !GO_HAS(rt, sync_Map_m))
        return;
    uint64_t at = GO_OFFSET(rt, sync_Map_m) + GO_OFFSET(rt, isync_HashTrieMap_root);
    if (at + 8 > size)
        return;
    memcpy(&root, bytes + at, 8);
    if (root)
        error_destroy(walk_trie(typing, root)); /* what cannot be read stays without a type */
}

static void follow_interface(struct typing *typing, uint64_t address)
{
    uint32_t type = type_at(&typing->table, type_word(&typing->table, address));
    if (type != TYPE_NONE)
        typing_interface_data(typing, type, type_word(&typing->table, address + 8));
}

/* poolLocal of every P: one private value and a chain of rings. */
static void follow_pool(struct typing *typing, uint64_t locals)
{
    struct go_runtime *rt = typing->runtime;
    const struct heap_span *span;
    uint64_t size = GO_SIZE(rt, sync_poolLocal);
    uint32_t id = typing_object_at(typing, locals, &span);
    if (id == HEAP_NONE || !size)
        return;
    set_pseudo(typing, locals, PSEUDO_RUNTIME, "[]sync.poolLocal");
    uint64_t count = MIN_OF(span->element_size / size, (uint64_t)POOL_LOCALS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t local = locals + i * size;
        follow_interface(typing, local);
        uint64_t element = type_word(&typing->table, local + 16); /* shared.head */
        for (unsigned n = 0; element && n < CHAIN_MAX; n++) {
            set_pseudo(typing, element, PSEUDO_RUNTIME, "sync.poolChainElt");
            set_pseudo(typing, type_word(&typing->table, element + 8), PSEUDO_RUNTIME,
                       "sync.Pool ring");
            /* prev leads to the older rings */
            element = type_word(&typing->table, element + GO_OFFSET(rt, sync_poolChainElt_prev));
        }
    }
}

void typing_follow_known(struct typing *typing, const struct type_slot *slot, uint64_t word)
{
    switch (slot->kind) {
    case SLOT_TRIE:
        error_destroy(walk_trie(typing, word));
        break;
    case SLOT_POOL:
        follow_pool(typing, word);
        break;
    default:
        break;
    }
}
