/* Random graphs through a snapshot file: what comes out is what went in, and nothing damaged does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "graph/snapshot_graph.h"
#include "random_graph.h"

enum { RANDOM_GRAPHS = 400, TAG_TYPES = SNAPSHOT_TAG('T', 'Y', 'P', 'E') };

/* The regions that random_graph made: 8 ids each, told apart by what its objects are. */
static void regions_of(const struct graph *graph, struct snapshot_regions *out)
{
    bool *leaf;
    must(memory_array(graph->object_ids / 8 + 1, 1, &leaf));
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        if (!bitset_get(graph->allocated, id))
            continue;
        for (uint32_t e = graph->edge_begin[id]; e < graph->edge_begin[id + 1]; e++)
            if (graph->edges[e] & GRAPH_LEAF)
                leaf[(graph->edges[e] & GRAPH_ID) / 8] = true;
    }
    for (uint64_t i = 0; i < graph->root_edges.count; i++)
        if (graph->root_edges.data[i] & GRAPH_LEAF)
            leaf[(graph->root_edges.data[i] & GRAPH_ID) / 8] = true;
    for (uint32_t id = 0; id < graph->object_ids; id += 8)
        must(vector_push(&out->items, (struct snapshot_region){
                                          .address = 0xc000000000 + (uint64_t)id * 64,
                                          .element_size = graph_object_bytes(graph, id),
                                          .first_id = id,
                                          .slots = 8,
                                          .no_pointers = leaf[id / 8],
                                          .has_header = graph_object_bytes(graph, id) > 24,
                                      }));
    free(leaf);
}

static void number_of(void *context, uint32_t first, uint32_t count, uint32_t *out)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        out[i] = (first + i) / 3 % 5;
}

/* A descriptor of a new file with the graph in it. */
static int write_file(const struct graph *graph, unsigned threads)
{
    struct snapshot_writer *writer;
    struct snapshot_regions regions = {0};
    uint64_t bytes;
    int descriptor = memfd_create("snapshot", 0);
    FILE *out = fdopen(dup(descriptor), "w");
    assert_non_null(out);
    regions_of(graph, &regions);
    must(snapshot_writer_create(out, threads, &writer));
    must(snapshot_write_graph(writer, graph, &regions, threads));
    must(snapshot_write_numbers(writer, TAG_TYPES, SNAPSHOT_ZSTD, graph, number_of, NULL));
    must(snapshot_writer_finish(writer, &bytes));
    snapshot_writer_destroy(writer);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(lseek(descriptor, 0, SEEK_END), bytes);
    vector_deinit(&regions.items);
    return descriptor;
}

static void assert_same_edges(const struct graph *a, const struct graph *b, uint32_t id)
{
    uint32_t n = a->edge_begin[id + 1] - a->edge_begin[id];
    assert_int_equal(n, b->edge_begin[id + 1] - b->edge_begin[id]);
    for (uint32_t k = 0; k < n; k++)
        assert_int_equal(a->edges[a->edge_begin[id] + k], b->edges[b->edge_begin[id] + k]);
}

static void assert_same_graph(const struct graph *a, const struct graph *b)
{
    assert_int_equal(a->object_ids, b->object_ids);
    assert_int_equal(a->totals.allocated_objects, b->totals.allocated_objects);
    assert_int_equal(a->totals.allocated_bytes, b->totals.allocated_bytes);
    for (uint32_t id = 0; id < a->object_ids; id++) {
        assert_int_equal(bitset_get(a->allocated, id), bitset_get(b->allocated, id));
        assert_int_equal(graph_object_bytes(a, id), graph_object_bytes(b, id));
        if (bitset_get(a->allocated, id))
            assert_same_edges(a, b, id);
    }
    assert_int_equal(a->roots.count, b->roots.count);
    for (uint64_t r = 0; r < a->roots.count; r++) {
        assert_int_equal(a->roots.data[r].parent, b->roots.data[r].parent);
        assert_int_equal(a->roots.data[r].holder, b->roots.data[r].holder);
        assert_int_equal(a->roots.data[r].class, b->roots.data[r].class);
    }
    assert_int_equal(a->root_edges.count, b->root_edges.count);
    for (uint64_t i = 0; i < a->root_edges.count; i++)
        assert_int_equal(a->root_edges.data[i], b->root_edges.data[i]);
}

static void check_numbers(struct snapshot_file *file, const struct graph *graph)
{
    uint32_t *numbers = NULL;
    must(snapshot_read_numbers(file, TAG_TYPES, graph, 4, &numbers));
    for (uint32_t id = 0; id < graph->object_ids; id++)
        assert_int_equal(numbers[id], bitset_get(graph->allocated, id) ? id / 3 % 5 : 0);
    big_array_free(numbers, (uint64_t)graph->object_ids * sizeof(uint32_t));
    bool any = false;
    for (uint32_t id = 12; id < graph->object_ids; id++)
        any |= bitset_get(graph->allocated, id) && id / 3 % 5 == 4;
    struct error *error = snapshot_read_numbers(file, TAG_TYPES, graph, 3, &numbers);
    if (any)
        assert_int_equal(error->kind, ERROR_FORMAT);
    else if (!error)
        big_array_free(numbers, (uint64_t)graph->object_ids * sizeof(uint32_t));
    error_destroy(error);
}

static void round_trip(struct graph *graph, unsigned threads)
{
    struct snapshot_file *file;
    struct graph *copy;
    struct snapshot_regions regions = {0};
    must(snapshot_file_adopt(write_file(graph, threads), threads, &file));
    must(snapshot_read_graph(file, &copy, &regions));
    assert_same_graph(graph, copy);
    check_numbers(file, copy);
    for (uint32_t id = 0; id < copy->object_ids; id++) {
        const struct snapshot_region *region = snapshot_region_of(&regions, id);
        assert_int_equal(region->first_id, id & ~7u);
        assert_int_equal(region->has_header, region->element_size > 24);
        uint64_t address = snapshot_object_address(region, id);
        assert_int_equal(snapshot_find_object(&regions, address + 3), id);
    }
    assert_int_equal(snapshot_find_object(&regions, 0xbfffffffff), GRAPH_NONE);
    assert_int_equal(snapshot_find_object(&regions, UINT64_MAX), GRAPH_NONE);
    assert_null(snapshot_region_of(&regions, copy->object_ids));
    /* both can be analysed, and alike */
    must(graph_analyse(graph, 1, NULL, NULL));
    must(graph_analyse(copy, 1, NULL, NULL));
    assert_int_equal(graph->totals.reachable_bytes, copy->totals.reachable_bytes);
    for (uint32_t id = 0; id < graph->object_ids + graph->roots.count; id++)
        assert_int_equal(graph_retained_bytes(graph, id), graph_retained_bytes(copy, id));
    graph_destroy(copy);
    vector_deinit(&regions.items);
    snapshot_file_close(file);
}

static void random_graphs_come_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RANDOM_GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        round_trip(graph, 1 + i % 3);
        graph_destroy(graph);
    }
}

/* More ids and edges than a block holds, objects whose edges lie in several blocks. */
static void a_graph_of_many_blocks_comes_back(void **state)
{
    (void)state;
    struct random_shape shape = {.regions = 300000,
                                 .leaf_share = 2,
                                 .hole_share = 1,
                                 .edges_most = 3,
                                 .roots = 5,
                                 .root_edges_most = 9,
                                 .classes = 2};
    struct graph *graph = random_graph(&shape);
    round_trip(graph, 2);
    graph_destroy(graph);

    must(graph_create(16, 5000000, &graph));
    for (uint32_t id = 0; id < 16; id++)
        bitset_set(graph->allocated, id);
    graph->size_words[0] = graph->size_words[1] = 1;
    for (uint32_t id = 0; id <= 16; id++)
        graph->edge_begin[id] = id < 3 ? 0 : id < 5 ? 2500000 : 5000000;
    for (uint32_t e = 0; e < 5000000; e++)
        graph->edges[e] = e % 16;
    graph->totals.edges = 5000000;
    graph->totals.allocated_objects = 16;
    graph->totals.allocated_bytes = 128;
    round_trip(graph, 2);
    graph_destroy(graph);
}

static void any_number_of_threads_writes_the_same(void **state)
{
    (void)state;
    struct random_shape shape = {.regions = 200000,
                                 .edges_most = 8,
                                 .roots = 1,
                                 .classes = 1,
                                 .root_edges_most = 1,
                                 .reach = 40};
    struct graph *graph = random_graph(&shape);
    int one = write_file(graph, 1), several = write_file(graph, 5);
    uint64_t size = (uint64_t)lseek(one, 0, SEEK_END);
    assert_int_equal(size, lseek(several, 0, SEEK_END));
    void *a = mmap(NULL, size, PROT_READ, MAP_PRIVATE, one, 0);
    void *b = mmap(NULL, size, PROT_READ, MAP_PRIVATE, several, 0);
    assert_memory_equal(a, b, size);
    munmap(a, size);
    munmap(b, size);
    close(one);
    close(several);
    graph_destroy(graph);
}

/* Every bit of a file flipped, and every length that it can be cut to. */
static void damage_is_always_seen(void **state)
{
    (void)state;
    struct random_shape shape = {.regions = 6,
                                 .hole_share = 1,
                                 .leaf_share = 2,
                                 .edges_most = 2,
                                 .roots = 4,
                                 .root_edges_most = 2,
                                 .classes = 2};
    struct graph *graph = random_graph(&shape);
    int whole = write_file(graph, 1);
    uint64_t size = (uint64_t)lseek(whole, 0, SEEK_END);
    uint8_t *bytes;
    must(memory_array(size, 1, &bytes));
    assert_int_equal(pread(whole, bytes, size, 0), size);
    struct snapshot_file *file;
    for (uint64_t bit = 0; bit < size * 8; bit++) {
        int descriptor = memfd_create("flipped", 0);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(pwrite(descriptor, bytes, size, 0), size);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct error *error = snapshot_file_adopt(descriptor, 1, &file);
        assert_non_null(error);
        assert_int_equal(error->kind, ERROR_FORMAT);
        assert_non_null(strstr(error->message, "offset "));
        assert_true(error->offset <= bit / 8 || error->offset >= size - 32);
        error_destroy(error);
    }
    for (uint64_t length = 0; length < size; length++) {
        int descriptor = memfd_create("cut", 0);
        assert_int_equal(pwrite(descriptor, bytes, length, 0), length);
        struct error *error = snapshot_file_adopt(descriptor, 1, &file);
        assert_non_null(error);
        assert_int_equal(error->kind, ERROR_FORMAT);
        assert_int_equal(error->offset, length);
        assert_non_null(strstr(error->message, "offset "));
        error_destroy(error);
    }
    must(snapshot_file_adopt(whole, 1, &file));
    snapshot_file_close(file);
    free(bytes);
    graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_come_back),
        cmocka_unit_test(a_graph_of_many_blocks_comes_back),
        cmocka_unit_test(any_number_of_threads_writes_the_same),
        cmocka_unit_test(damage_is_always_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
