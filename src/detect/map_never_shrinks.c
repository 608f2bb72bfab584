/* map-never-shrinks: a map that held many entries and holds few now. Neither delete nor clear gives
 * back what its table has grown to. */
#include "detect/detectors.h"

#include "gort/runtime_constants.h"

enum {
    /* Slots to an entry: a map that has just grown has 2½. */
    SPARSE = 4,
    LEAST_BYTES = 1 << 10, /* of one map: many small ones under one holder are one finding */
};

enum variant {
    VARIANT_EMPTIED,  /* it has grown, or shows deletions */
    VARIANT_UNFILLED, /* it may have been made so large at once */
};

enum number {
    NUMBER_MAPS,
    NUMBER_ENTRIES,
    NUMBER_ROOM,
    NUMBER_TABLE_BYTES,
    NUMBER_NEEDED_BYTES,
    NUMBER_TOMBSTONES,
    NUMBER_OVERFLOW,
};

/* Entries that so many slots take before the map grows: 13 of 16 in buckets, 7 of 8 in Swiss
 * tables. */
static uint64_t room(const struct go_runtime *runtime, uint64_t slots)
{
    return runtime_has_swiss_maps(runtime->minor) ? slots / 8 * 7 : slots / 16 * 13;
}

static struct error *judge(struct detect *detect)
{
    const struct analysis *a = detect->analysis;
    for (uint64_t i = 0; i < a->facts.maps.items.count; i++) {
        const struct map_fact *map = &a->facts.maps.items.data[i];
        bool emptied = map->has_grown || map->shows_deletions || map->was_cleared;
        if (map->count > map->slots / SPARSE || map->bytes < map->bytes_for ||
            map->bytes - map->bytes_for < LEAST_BYTES)
            continue;
        struct detect_case one = {
            .node = map->id,
            .variant = emptied ? VARIANT_EMPTIED : VARIANT_UNFILLED,
            .confidence = emptied ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
            .own_bytes = map->bytes - map->bytes_for,
            .count = 1,
            .numbers = {[NUMBER_MAPS] = 1,
                        [NUMBER_ENTRIES] = map->count,
                        [NUMBER_ROOM] = room(a->runtime, map->slots),
                        [NUMBER_TABLE_BYTES] = map->bytes,
                        [NUMBER_NEEDED_BYTES] = map->bytes_for,
                        [NUMBER_TOMBSTONES] = map->tombstones,
                        [NUMBER_OVERFLOW] = map->overflow_groups},
        };
        TRY(detect_add(detect, &one));
    }
    return NULL;
}

static const char *message(struct detect *detect, const struct detect_group *group,
                           const struct finding *finding)
{
    const char *holder = detect_holder_name(detect, group), *type = detect_type_name(detect, group);
    const char *space = detect_count(detect, group->numbers[NUMBER_ROOM]),
               *held = detect_count(detect, group->numbers[NUMBER_ENTRIES]),
               *bytes = detect_size(detect, finding->bytes);
    const char *why = group->variant == VARIANT_EMPTIED
                          ? ""
                          : "; it may have been made so large for what is still to come";
    if (group->count == 1)
        return arena_printf(
            &detect->arena,
            "a %s in %s has room for %s entries and holds %s: %s of its tables stand empty%s", type,
            holder, space, held, bytes, why);
    return arena_printf(&detect->arena,
                        "%s maps %s in %s have room for %s entries and hold %s: %s of their tables "
                        "stand empty%s",
                        detect_count(detect, group->count), type, holder, space, held, bytes,
                        *why ? "; they may have been made so large for what is still to come" : "");
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    finding->message = message(detect, group, finding);
    finding->fix =
        "replace the map by a new one with what is left in it (make, copy, assign) once it holds "
        "less than a quarter of its peak; neither delete nor clear gives its tables back";
    finding_note(finding, "entries", group->numbers[NUMBER_ENTRIES], UNIT_COUNT);
    finding_note(finding, "room", group->numbers[NUMBER_ROOM], UNIT_COUNT);
    finding_note(finding, "table_bytes", group->numbers[NUMBER_TABLE_BYTES], UNIT_BYTES);
    finding_note(finding, "needed_bytes", group->numbers[NUMBER_NEEDED_BYTES], UNIT_BYTES);
    finding_note(finding, "tombstones", group->numbers[NUMBER_TOMBSTONES], UNIT_COUNT);
    finding_note(finding, "overflow_buckets", group->numbers[NUMBER_OVERFLOW], UNIT_COUNT);
}

const struct detector detector_map_never_shrinks = {
    .id = "map-never-shrinks",
    .class = CLASS_PERMANENT,
    .judge = judge,
    .describe = describe,
};
