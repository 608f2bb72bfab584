/* syncmap-stale-keys: keys of a sync.Map (up to Go 1.23) that Delete has been called for and that
 * still stand in it, with all that they point to, until the next promotion of its dirty map. */
#include "detect/detectors.h"

enum number { NUMBER_STALE, NUMBER_ENTRIES, NUMBER_TABLE_BYTES };

static struct error *judge(struct detect *detect)
{
    const struct map_table *maps = &detect->analysis->facts.maps;
    for (uint64_t i = 0; i < maps->stale.count; i++) {
        const struct map_entries *map = &maps->stale.data[i];
        /* What stands in `dirty` as well was counted with `read`. Without its keys a table that is
         * mostly stale would be smaller, too; one that is not has room for growth as any map. */
        bool mostly = map->found > map->count / 2 && map->bytes > map->bytes_for;
        struct detect_case one = {
            .node = map->id,
            .confidence = CONFIDENCE_PROVEN,
            .cut = maps->edges.data + map->first,
            .cut_count = map->end - map->first,
            .own_bytes = mostly ? map->bytes - map->bytes_for : 0,
            .count = map->counted,
            .numbers = {[NUMBER_STALE] = map->counted,
                        [NUMBER_ENTRIES] = map->counted ? map->count : 0,
                        [NUMBER_TABLE_BYTES] = map->bytes},
        };
        TRY(detect_add(detect, &one));
    }
    return NULL;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    finding->message = arena_printf(
        &detect->arena,
        "%s of a sync.Map in %s have been deleted and still stand in it, of %s entries in all: "
        "they "
        "keep %s",
        detect_plural(detect, group->count, "key", "keys"), detect_holder_name(detect, group),
        detect_count(detect, group->numbers[NUMBER_ENTRIES]), detect_size(detect, finding->bytes));
    finding->fix =
        "key the map by a small id instead of a pointer or a large value, replace the "
        "sync.Map as a whole now and then, or build with Go 1.24 or later, whose sync.Map "
        "lets deleted keys go";
    finding_note(finding, "stale_keys", group->numbers[NUMBER_STALE], UNIT_COUNT);
    finding_note(finding, "entries", group->numbers[NUMBER_ENTRIES], UNIT_COUNT);
    finding_note(finding, "table_bytes", group->numbers[NUMBER_TABLE_BYTES], UNIT_BYTES);
}

const struct detector detector_syncmap_stale_keys = {
    .id = "syncmap-stale-keys",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
