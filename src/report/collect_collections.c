/*
 * Which maps, slices and channels hold most, by the way that leads to them: what one way leads to
 * is one row. The length of a slice stands where the slice is and not in its array, so an array
 * counts as many entries as it takes to its last pointer, and one without pointers as many as it
 * has room for.
 */
#include <ctype.h>
#include <string.h>

#include "gort/root_names.h"
#include "report/collect_path.h"
#include "report/collect_private.h"

enum {
    LOOKED_AT = 20000,   /* the largest */
    BYTES_MIN = 4 << 10, /* retained; and an array's own */
    HOPS_MAX = 4096,     /* from a holder; what is deeper is left out */
    LABELS_KEPT = COLLECT_PATH_HOPS,
    LARGE_OBJECT = 2 << 10, /* to look for an edge in it costs */
    KIND_UINT8 = 8,
};

struct candidate {
    uint64_t retained;
    uint64_t entries, capacity, bytes; /* capacity and bytes: 0 unknown */
    uint32_t id;
    const char *kind;
};

struct collecting {
    struct analysis *analysis;
    struct report *report;
    VECTOR(struct candidate) candidates;
    struct string_table labels;  /* of edges */
    struct hash_map large_edges; /* type of a large object << 32 | type of the next → label + 1 */
    struct string_table rows;
};

/* ---- which ---- */

static struct error *consider(struct collecting *c, struct candidate one)
{
    one.retained = graph_retained_bytes(c->analysis->graph, one.id);
    return one.retained >= BYTES_MIN ? vector_push(&c->candidates, one) : NULL;
}

/* Elements of an array up to the last that leads somewhere. */
static uint64_t entries_of(const struct analysis *a, uint32_t id, uint64_t room)
{
    uint64_t bytes = a->typing.table.types.data[typing_type(&a->typing, id)].size, offset;
    uint64_t header = heap_span_of(&a->heap, id)->has_header ? 8 : 0;
    if (!bytes || !edge_words_last(&a->words, &a->heap, id, &offset) || offset < header)
        return room;
    return MIN_OF(room, (offset - header) / bytes + 1);
}

static struct error *consider_array(struct collecting *c, uint32_t id)
{
    struct typing *typing = &c->analysis->typing;
    uint32_t type = typing_type(typing, id);
    if (type == TYPE_NONE || !graph_is_reachable(c->analysis->graph, id))
        return NULL;
    const struct go_type *t = &typing->table.types.data[type];
    uint64_t room = typing_count(typing, id);
    if (t->pseudo || t->is_map_header || t->kind == KIND_MAP || t->kind == KIND_CHAN ||
        t->kind == KIND_UINT8 || room < COLLECTION_ENTRIES_MIN ||
        collect_is_map_part(c->analysis, id))
        return NULL;
    return consider(c, (struct candidate){.id = id,
                                          .entries = entries_of(c->analysis, id, room),
                                          .capacity = room,
                                          .bytes = graph_object_bytes(c->analysis->graph, id),
                                          .kind = "slice"});
}

/* The facts tell of large maps, and of those that are mostly empty. */
static const struct map_fact *fact_of(const struct map_table *table, uint32_t id)
{
    uint64_t low = 0, high = table->items.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (table->items.data[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < table->items.count && table->items.data[low].id == id ? &table->items.data[low]
                                                                       : NULL;
}

static struct error *consider_counted(struct collecting *c, const struct collection_count *count)
{
    uint64_t own = graph_object_bytes(c->analysis->graph, count->id);
    struct candidate one = {
        .id = count->id,
        .entries = count->entries,
        .capacity = count->capacity,
        .bytes = count->is_channel ? own : 0,
        .kind = count->is_channel ? "channel" : "map",
    };
    const struct map_fact *fact =
        count->is_channel ? NULL : fact_of(&c->analysis->facts.maps, count->id);
    if (fact) {
        one.capacity = fact->slots;
        one.bytes = fact->bytes + own;
    }
    return consider(c, one);
}

static struct error *find_candidates(struct collecting *c, const struct collection_counts *counts)
{
    const struct heap *heap = &c->analysis->heap;
    for (uint64_t i = 0; i < counts->items.count; i++)
        TRY(consider_counted(c, &counts->items.data[i]));
    for (uint64_t s = 0; s < heap->spans.count; s++) {
        const struct heap_span *span = &heap->spans.data[s];
        for (uint32_t i = 0; span->element_size >= BYTES_MIN && i < span->slots; i++)
            TRY(consider_array(c, span->first_id + i));
    }
    return NULL;
}

static int by_retained(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->retained != y->retained)
        return x->retained > y->retained ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- where ---- */

/* "[17].next" as "[].next": which of many does not matter. */
static const char *without_indexes(const char *label, struct arena *arena)
{
    char *text = arena_copy_string(arena, label, strlen(label)), *out = text;
    for (const char *in = text; *in; in++)
        if (!isdigit((unsigned char)*in) || out == text || (out[-1] != '['))
            *out++ = *in;
    *out = '\0';
    return text;
}

static struct error *label_of(struct collecting *c, uint32_t from, uint32_t to, const char **out)
{
    struct analysis *a = c->analysis;
    bool large = from < a->graph->object_ids && graph_object_bytes(a->graph, from) > LARGE_OBJECT;
    uint64_t *known = NULL, types = 0;
    uint32_t number;
    if (large) {
        types =
            (uint64_t)(typing_type(&a->typing, from) + 1) << 32 | (typing_type(&a->typing, to) + 1);
        known = types ? hash_map_find(&c->large_edges, types) : NULL;
    }
    if (known) {
        *out = c->labels.strings.data[*known - 1];
        return NULL;
    }
    struct arena arena;
    arena_init(&arena);
    const char *label = without_indexes(collect_edge(a, from, to, &arena), &arena);
    struct error *error = string_table_intern(&c->labels, label, &number);
    arena_deinit(&arena);
    if (error)
        return error;
    *out = c->labels.strings.data[number];
    if (types) {
        TRY(hash_map_insert(&c->large_edges, types, &known, NULL));
        *known = (uint64_t)number + 1;
    }
    return NULL;
}

/* ".byID[value].cart": the way from below the root, a node each; cut: there is more behind it. */
static struct error *path_of(struct collecting *c, uint32_t root, const uint32_t *way,
                             uint32_t count, bool cut, const char **out)
{
    struct arena *arena = &c->report->arena;
    uint32_t node = graph_root_node(c->analysis->graph, root);
    const char *path = "";
    for (uint32_t i = 0; i < count; i++) {
        bool inside =
            way[i] < c->analysis->graph->object_ids && collect_is_map_part(c->analysis, way[i]);
        if (!inside) { /* on the way through a map only what it leads to has a name */
            const char *label;
            TRY(label_of(c, node, way[i], &label));
            if (*label && strcmp(label, "+0x0")) /* the variable as a whole */
                path = arena_printf(arena, "%s%s", path, label);
        }
        node = way[i];
    }
    *out = cut ? arena_printf(arena, "%s...", path) : path;
    return NULL;
}

/* The nodes from below the holder down to id, the first LABELS_KEPT of them. False when there is no
 * single holder, or it is too far. */
static bool way_to(const struct graph *graph, uint32_t id, uint32_t *out_root, uint32_t *way,
                   uint32_t *out_count, bool *out_cut)
{
    uint32_t last[LABELS_KEPT], count = 0, node = id;
    while (node < graph->object_ids) {
        if (count == HOPS_MAX)
            return false;
        last[count++ % LABELS_KEPT] = node;
        node = graph_dominator(graph, node);
    }
    if (node == GRAPH_NONE || node >= graph->object_ids + graph->roots.count)
        return false;
    uint32_t root = node - graph->object_ids;
    while (graph->roots.data[root].parent != GRAPH_NONE)
        root = graph->roots.data[root].parent;
    uint32_t kept = MIN_OF(count, (uint32_t)LABELS_KEPT);
    for (uint32_t i = 0; i < kept; i++)
        way[i] = last[(count - 1 - i) % LABELS_KEPT];
    *out_root = root;
    *out_count = kept;
    *out_cut = kept < count;
    return true;
}

/* ---- rows ---- */

static const char *element_of(struct analysis *a, uint32_t id, const char *kind)
{
    struct type_table *table = &a->typing.table;
    uint32_t type = typing_type(&a->typing, id);
    if (type != TYPE_NONE && strcmp(kind, "slice")) {
        uint64_t element = table->types.data[type].element;
        type = element ? type_at(table, element) : TYPE_NONE;
    }
    if (type == TYPE_NONE)
        return "";
    const struct go_type *t = &table->types.data[type];
    /* an empty interface may hold anything: nobody registers with it */
    return t->kind == KIND_FUNC                     ? "func"
           : t->kind == KIND_INTERFACE && t->length ? "interface"
                                                    : "";
}

static struct error *add_row(struct collecting *c, const struct candidate *one)
{
    struct analysis *a = c->analysis;
    struct report *report = c->report;
    struct arena *arena = &report->arena;
    uint32_t way[LABELS_KEPT], count = 0, root, row;
    bool cut = false;
    if (!way_to(a->graph, one->id, &root, way, &count, &cut))
        return NULL;
    const char *path, *type = typing_name(&a->typing, one->id, arena);
    TRY(path_of(c, root, way, count, cut, &path));
    const char *holder = root_name(a, root, arena), *key = root_key(a, root, arena);
    TRY(string_table_intern(
        &c->rows, arena_printf(arena, "%s\n%s\n%s\n%s", key, path, one->kind, type), &row));
    if (row == report->collections.count)
        TRY(vector_push(&report->collections,
                        (struct report_collection){
                            .holder = arena_copy_string(arena, holder, strlen(holder)),
                            .holder_key = arena_copy_string(arena, key, strlen(key)),
                            .path = path,
                            .kind = one->kind,
                            .type = arena_copy_string(arena, type, strlen(type)),
                            .element = element_of(a, one->id, one->kind),
                        }));
    struct report_collection *out = &report->collections.data[row];
    out->count++;
    out->entries += one->entries;
    /* of several all must be known */
    bool first = out->count == 1;
    out->capacity = one->capacity && (first || out->capacity) ? out->capacity + one->capacity : 0;
    out->bytes = one->bytes && (first || out->bytes) ? out->bytes + one->bytes : 0;
    out->retained_bytes += one->retained;
    return NULL;
}

static int by_row_bytes(const void *a, const void *b)
{
    const struct report_collection *x = a, *y = b;
    if (x->retained_bytes != y->retained_bytes)
        return x->retained_bytes > y->retained_bytes ? -1 : 1;
    int order = strcmp(x->holder_key, y->holder_key);
    return order ? order : strcmp(x->path, y->path);
}

static struct error *collect(struct collecting *c, const struct collection_counts *counts)
{
    struct report *report = c->report;
    TRY(find_candidates(c, counts));
    uint64_t count = c->candidates.count;
    if (count)
        qsort(c->candidates.data, count, sizeof(c->candidates.data[0]), by_retained);
    for (uint64_t i = 0; i < MIN_OF(count, (uint64_t)LOOKED_AT); i++)
        TRY(add_row(c, &c->candidates.data[i]));
    if (report->collections.count)
        qsort(report->collections.data, report->collections.count,
              sizeof(report->collections.data[0]), by_row_bytes);
    report->has_collections = true;
    report->collections_cut = count > LOOKED_AT;
    return NULL;
}

struct error *collect_collections(struct analysis *analysis, const struct collection_counts *counts,
                                  struct report *report)
{
    struct collecting c = {.analysis = analysis, .report = report};
    string_table_init(&c.labels);
    string_table_init(&c.rows);
    struct error *error = collect(&c, counts);
    vector_deinit(&c.candidates);
    hash_map_deinit(&c.large_edges);
    string_table_deinit(&c.labels);
    string_table_deinit(&c.rows);
    return error;
}
