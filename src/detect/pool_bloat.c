/*
 * pool-bloat: a sync.Pool that keeps large objects for their next use. A pool in normal use holds
 * a few objects for each P, all of about the same size; what stands out is a large object among
 * small ones (a buffer that one request has made grow) and many large ones (as many as were in use
 * at the same time once).
 */
#include "detect/detectors.h"

#include <stdlib.h>

/* Bytes that an item keeps from which on it is large: the runtime gives such objects spans of their
 * own (runtime/sizeclasses.go, _MaxSmallSize). */
#define LARGE ((uint64_t)32 << 10)
#define LEAST_BYTES ((uint64_t)1 << 20)

enum {
    OUTLIER = 16,  /* times the median */
    FEW_PER_P = 4, /* large ones that a P may keep */
    FEW = 16,      /* and beside that all of them together */
};

enum number { NUMBER_ITEMS, NUMBER_MEDIAN, NUMBER_POOLS, NUMBER_LARGE_BYTES };

struct judged_pool {
    const struct pool *pool;
    const struct pool_item *items;
    uint64_t *sizes; /* by item */
    uint64_t median, large_from, large_count, large_bytes;
};

static int by_size(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

static struct error *find_median(struct judged_pool *p)
{
    CLEANUP_FREE uint64_t *sorted = NULL;
    TRY(memory_array(p->pool->item_count, sizeof(*sorted), &sorted));
    for (uint64_t i = 0; i < p->pool->item_count; i++)
        sorted[i] = p->sizes[i];
    qsort(sorted, p->pool->item_count, sizeof(*sorted), by_size);
    p->median = sorted[p->pool->item_count / 2];
    return NULL;
}

static void count_large(struct judged_pool *p)
{
    p->large_count = p->large_bytes = 0;
    for (uint64_t i = 0; i < p->pool->item_count; i++) {
        if (p->sizes[i] < p->large_from)
            continue;
        p->large_count++;
        p->large_bytes += p->sizes[i];
    }
}

/* Many large ones, or else those that are much larger than the usual. */
static bool is_bloated(struct judged_pool *p)
{
    p->large_from = LARGE;
    count_large(p);
    if (p->large_count <= FEW + (uint64_t)FEW_PER_P * p->pool->locals) {
        p->large_from = MAX_OF(LARGE, OUTLIER * p->median);
        count_large(p);
    }
    return p->large_bytes >= LEAST_BYTES;
}

static struct error *add_cases(struct detect *detect, const struct judged_pool *p)
{
    bool first = true;
    for (uint64_t i = 0; i < p->pool->item_count; i++) {
        const uint64_t edge = (uint64_t)p->items[i].source << 32 | p->items[i].object;
        struct detect_case one = {
            .node = p->items[i].object,
            .confidence = CONFIDENCE_LIKELY,
            .cut = &edge,
            .cut_count = 1,
            .count = 1,
            .numbers = {[NUMBER_LARGE_BYTES] = p->sizes[i]},
        };
        if (p->sizes[i] < p->large_from)
            continue;
        if (first) {
            one.numbers[NUMBER_ITEMS] = p->pool->item_count;
            one.numbers[NUMBER_MEDIAN] = p->median;
            one.numbers[NUMBER_POOLS] = 1;
        }
        first = false;
        TRY(detect_add(detect, &one));
    }
    return NULL;
}

static struct error *judge_pool(struct detect *detect, const struct pool_table *table,
                                const struct pool *pool)
{
    CLEANUP_FREE uint64_t *sizes = NULL;
    TRY(memory_array(pool->item_count, sizeof(*sizes), &sizes));
    struct judged_pool p = {
        .pool = pool,
        .items = table->items.data + pool->first_item,
        .sizes = sizes,
    };
    for (uint64_t i = 0; i < pool->item_count; i++)
        sizes[i] = graph_retained_bytes(detect->analysis->graph, p.items[i].object);
    TRY(find_median(&p));
    return is_bloated(&p) ? add_cases(detect, &p) : NULL;
}

static struct error *judge(struct detect *detect)
{
    const struct pool_table *table = &detect->analysis->facts.pools;
    for (uint64_t i = 0; i < table->pools.count; i++)
        TRY(judge_pool(detect, table, &table->pools.data[i]));
    return NULL;
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    const char *type = detect_type_name(detect, group);
    uint64_t mean = group->numbers[NUMBER_LARGE_BYTES] / MAX_OF(group->count, (uint64_t)1);
    bool one_pool = group->numbers[NUMBER_POOLS] <= 1;
    finding->message = arena_printf(
        &detect->arena, "%s keep%s %s of %s on average for their next use%s%s%s: %s in all%s",
        one_pool
            ? arena_printf(&detect->arena, "the sync.Pool of %s", detect_holder_name(detect, group))
            : arena_printf(
                  &detect->arena, "%s of %s",
                  detect_plural(detect, group->numbers[NUMBER_POOLS], "sync.Pool", "sync.Pools"),
                  detect_holder_name(detect, group)),
        one_pool ? "s" : "", detect_plural(detect, group->count, "large object", "large objects"),
        detect_size(detect, mean), *type ? " (" : "", type, *type ? ")" : "",
        detect_size(detect, finding->bytes),
        one_pool && group->numbers[NUMBER_ITEMS] > group->count
            ? arena_printf(&detect->arena, "; half of the %s in it keep %s or less",
                           detect_plural(detect, group->numbers[NUMBER_ITEMS], "object", "objects"),
                           detect_size(detect, group->numbers[NUMBER_MEDIAN]))
            : "");
    finding->fix = "do not put back what has grown large (look at its cap before Put), or keep a "
                   "pool for each size class";
    finding_note(finding, "large_objects", group->count, UNIT_COUNT);
    finding_note(finding, "mean_bytes", mean, UNIT_BYTES);
    finding_note(finding, "pooled_objects", group->numbers[NUMBER_ITEMS], UNIT_COUNT);
    if (one_pool)
        finding_note(finding, "median_bytes", group->numbers[NUMBER_MEDIAN], UNIT_BYTES);
}

const struct detector detector_pool_bloat = {
    .id = "pool-bloat",
    .class = CLASS_TEMPORARY,
    .judge = judge,
    .describe = describe,
};
