/*
 * Maps of a process, for tests/live/test_maps.py: maps_dump PID ADDRESS… prints for each header,
 * with tabs between: address, type, count, entries found, digest of the entries, bytes, bytes of a
 * map made anew for its entries, slots, tombstones, deleted slots, overflow groups, and the words
 * "growing", "grown" and "cleared" where that is so. "broken" and "unknown" stand alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gort/analysis.h"
#include "gort/map.h"
#include "tool.h"

enum { VALUE_MAX = 1 << 16 };

struct digest {
    struct map_reader *reader;
    const struct map_shape *shape;
    const struct go_type *key, *element;
    uint64_t sum;
};

static uint64_t fnv(uint64_t hash, const uint8_t *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

/* The value in a slot, or the one that the slot points to; of strings the text. */
static struct error *add(struct digest *d, const uint8_t *slot, const struct go_type *type,
                         bool is_indirect, uint64_t *hash)
{
    static uint8_t value[VALUE_MAX];
    struct target *target = d->reader->runtime->target;
    uint64_t words[2];
    if (type->size > VALUE_MAX)
        return error_create(ERROR_LIMIT, "a value of %" PRIu64 " bytes", type->size);
    if (is_indirect) {
        memcpy(words, slot, 8);
        TRY(target_read(target, words[0], value, type->size));
    } else {
        memcpy(value, slot, type->size);
    }
    if (type->kind != KIND_STRING) {
        *hash = fnv(*hash, value, type->size);
        return NULL;
    }
    memcpy(words, value, 16);
    if (words[1] > VALUE_MAX)
        return error_create(ERROR_LIMIT, "a string of %" PRIu64 " bytes", words[1]);
    TRY(target_read(target, words[0], value, words[1]));
    *hash = fnv(*hash, value, words[1]);
    return NULL;
}

static struct error *digest_group(void *context, const struct map_group *group)
{
    struct digest *d = context;
    const struct map_shape *s = d->shape;
    for (unsigned i = 0; i < RUNTIME_MAP_SLOTS; i++) {
        uint64_t hash = 14695981039346656037u;
        if (!(group->full >> i & 1))
            continue;
        TRY(add(d, group->bytes + s->keys + i * s->key_stride, d->key, s->key_is_indirect, &hash));
        TRY(add(d, group->bytes + s->elements + i * s->element_stride, d->element,
                s->element_is_indirect, &hash));
        d->sum += hash;
    }
    return NULL;
}

static struct error *dump(struct analysis *a, struct map_reader *reader, uint64_t address)
{
    struct map_shape shape = {0};
    struct go_map map;
    struct map_summary cheap, sum;
    uint32_t id = heap_find(&a->heap, address),
             type = id == HEAP_NONE ? TYPE_NONE : typing_type(&a->typing, id);
    if (type != TYPE_NONE)
        map_shape_read(&a->typing.table, type, &shape);
    if (!shape.is_known) {
        printf("%" PRIx64 "\tunknown\n", address);
        return NULL;
    }
    const struct go_type t = a->typing.table.types.data[type];
    uint32_t key = type_at(&a->typing.table, t.key), element = type_at(&a->typing.table, t.element);
    if (key == TYPE_NONE || element == TYPE_NONE)
        return error_create(ERROR_FORMAT, "%s has no key or element type", t.name);
    struct digest d = {.reader = reader,
                       .shape = &shape,
                       .key = &a->typing.table.types.data[key],
                       .element = &a->typing.table.types.data[element]};
    TRY(map_read(reader, &shape, address, NULL, &map));
    TRY(map_summarize(reader, &map, &cheap));
    TRY(map_summarize_groups(reader, &map, &sum));
    TRY(map_each_group(reader, &map, digest_group, &d));
    if (map.is_broken) {
        printf("%" PRIx64 "\tbroken\n", address);
        return NULL;
    }
    printf("%" PRIx64 "\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIx64 "\t%" PRIu64 "\t%" PRIu64
           "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s%s%s\n",
           address, t.name, map.count, sum.entries, d.sum, sum.bytes,
           map_bytes_for(a->runtime->minor, &shape, map.count), sum.slots, sum.tombstones,
           sum.deleted, sum.overflow_groups, cheap.bytes, sum.is_growing ? "growing " : "",
           sum.has_grown ? "grown " : "", map.clears ? "cleared" : "");
    return NULL;
}

static struct error *run(int count, char **arguments)
{
    const struct target_options options = {.freeze = FREEZE_STOP};
    struct target *target;
    struct analysis *analysis;
    struct map_reader reader;
    TRY(target_open(arguments[0], &options, &target));
    TRY(analysis_read(target, 2, NULL, NULL, &analysis));
    TRY(map_reader_init(&reader, analysis->runtime, &analysis->heap));
    for (int i = 1; i < count; i++)
        TRY(dump(analysis, &reader, strtoull(arguments[i], NULL, 16)));
    map_reader_deinit(&reader);
    analysis_destroy(analysis);
    target_destroy(target);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: maps_dump PID ADDRESS...\n");
        return 2;
    }
    return tool_status("maps_dump", run(argc - 1, argv + 1));
}
