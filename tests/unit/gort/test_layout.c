/* gort/layout.c: the generated tables are whole and sane, and known facts hold in them. */
#include "gort/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static const unsigned minors[] = {15, 19, 21, 22, 23, 24, 25, 26, 27};
static const char *const architectures[] = {"amd64", "arm64"};

#define FOR_EACH_LAYOUT(layout)                                                                    \
    for (size_t m_ = 0; m_ < ARRAY_COUNT(minors); m_++)                                            \
        for (size_t a_ = 0; a_ < ARRAY_COUNT(architectures); a_++)                                 \
            for (const struct layout *layout = layout_find(minors[m_], architectures[a_]); layout; \
                 layout = NULL)

static int32_t offset(unsigned minor, enum layout_field field)
{
    return layout_offset(layout_find(minor, "amd64"), field);
}

static int32_t width(unsigned minor, enum layout_field field)
{
    return layout_width(layout_find(minor, "amd64"), field);
}

static void finds_what_it_has(void **state)
{
    (void)state;
    unsigned found = 0;
    FOR_EACH_LAYOUT(layout)
    {
        assert_int_equal(layout->go_minor, minors[m_]);
        assert_string_equal(layout->arch, architectures[a_]);
        found++;
    }
    assert_int_equal(found, ARRAY_COUNT(minors) * ARRAY_COUNT(architectures));
    assert_null(layout_find(14, "amd64"));
    assert_null(layout_find(20, "amd64"));
    assert_null(layout_find(99, "amd64"));
    assert_null(layout_find(27, "386"));
}

static void tells_its_versions(void **state)
{
    (void)state;
    char text[100];
    layout_versions("amd64", text, sizeof(text));
    assert_memory_equal(text, "1.15, 1.19, 1.21 to 1.", 22); /* and the newest */
    layout_versions("386", text, sizeof(text));
    assert_string_equal(text, "none");
    layout_versions("amd64", text, 8);
    assert_string_equal(text, "1.15, 1");
    memset(text, 'x', sizeof(text));
    layout_versions("amd64", text, 1);
    assert_string_equal(text, "");
    layout_versions("amd64", text, 0);
}

static void names_its_fields(void **state)
{
    (void)state;
    assert_string_equal(layout_field_name(LAYOUT_mspan_startAddr), "mspan_startAddr");
    assert_string_equal(layout_field_name(LAYOUT_SIZE_g), "SIZE_g");
    assert_string_equal(layout_field_name(LAYOUT_FIELDS), "?");
}

/* A struct's size comes first, then its members; each lies within the struct or is absent. */
static void members_lie_within_their_struct(void **state)
{
    (void)state;
    FOR_EACH_LAYOUT(layout)
    {
        int32_t size = -1;
        for (unsigned f = 0; f < LAYOUT_FIELDS; f++) {
            enum layout_field field = (enum layout_field)f;
            int32_t at = layout_offset(layout, field), bytes = layout_width(layout, field);
            if (strncmp(layout_field_name(field), "SIZE_", 5) == 0)
                size = at;
            else if (at >= 0 && (bytes < 0 || at + bytes > size))
                fail_msg("Go 1.%u %s: %s at %d, %d bytes, in %d", layout->go_minor, layout->arch,
                         layout_field_name(field), at, bytes, size);
            assert_true((at < 0) == (bytes < 0));
            assert_true(at >= -1 && bytes >= -1);
        }
    }
}

/* What the runtime cannot do without; a new version that renames one of these needs an alternative
 * in tools/layout_fields.txt. */
static void every_version_has_the_essentials(void **state)
{
    (void)state;
    static const enum layout_field essentials[] = {
        LAYOUT_SIZE_moduledata,
        LAYOUT_moduledata_text,
        LAYOUT_moduledata_gcdatamask,
        LAYOUT_moduledata_types,
        LAYOUT_moduledata_ftab,
        LAYOUT_mheap_allspans,
        LAYOUT_mheap_arenas,
        LAYOUT_mheap_sweepgen,
        LAYOUT_mheap_pages,
        LAYOUT_SIZE_mspan,
        LAYOUT_mspan_startAddr,
        LAYOUT_mspan_npages,
        LAYOUT_mspan_nelems,
        LAYOUT_mspan_freeindex,
        LAYOUT_mspan_allocBits,
        LAYOUT_mspan_gcmarkBits,
        LAYOUT_mspan_elemsize,
        LAYOUT_mspan_spanclass,
        LAYOUT_mspan_state,
        LAYOUT_mspan_specials,
        LAYOUT_special_kind,
        LAYOUT_special_offset,
        LAYOUT_specialfinalizer_fn,
        LAYOUT_specialprofile_b,
        LAYOUT_g_stack,
        LAYOUT_g_sched,
        LAYOUT_g_atomicstatus,
        LAYOUT_g_goid,
        LAYOUT_g_waitreason,
        LAYOUT_g_gopc,
        LAYOUT_g_startpc,
        LAYOUT_g_waiting,
        LAYOUT_g__defer,
        LAYOUT_g__panic,
        LAYOUT_gobuf_sp,
        LAYOUT_gobuf_pc,
        LAYOUT_m_procid,
        LAYOUT_m_curg,
        LAYOUT_m_g0,
        LAYOUT_p_mcache,
        LAYOUT_p_runq,
        LAYOUT_p_timers,
        LAYOUT_hchan_qcount,
        LAYOUT_hchan_recvq,
        LAYOUT_hchan_elemtype,
        LAYOUT_sudog_elem,
        LAYOUT_sudog_g,
        LAYOUT_timer_f,
        LAYOUT_timer_arg,
        LAYOUT_timer_when,
        LAYOUT_bucket_nstk,
        LAYOUT_memRecordCycle_frees,
        LAYOUT_abi_Type_Size_,
        LAYOUT_abi_Type_PtrBytes,
        LAYOUT_abi_Type_GCData,
        LAYOUT_abi_MapType_Elem,
        LAYOUT_abi_StructField_Offset,
        LAYOUT_abi_ITab_Type,
        LAYOUT_workType_nproc,
        LAYOUT_schedt_gFree,
        LAYOUT_finblock_fin,
        LAYOUT_sync_Mutex_state,
        LAYOUT_sync_Pool_local,
        LAYOUT_context_cancelCtx_children,
    };
    FOR_EACH_LAYOUT(layout)
    {
        for (size_t i = 0; i < ARRAY_COUNT(essentials); i++) {
            if (!layout_has(layout, essentials[i]))
                fail_msg("Go 1.%u %s lacks %s", layout->go_minor, layout->arch,
                         layout_field_name(essentials[i]));
        }
    }
}

static void known_values_hold(void **state)
{
    (void)state;
    FOR_EACH_LAYOUT(layout)
    {
        assert_int_equal(layout_offset(layout, LAYOUT_mspan_startAddr), 24);
        assert_int_equal(layout_offset(layout, LAYOUT_mspan_npages), 32);
        assert_int_equal(layout_offset(layout, LAYOUT_g_stack), 0);
        assert_int_equal(layout_offset(layout, LAYOUT_SIZE_abi_Type), 48);
        assert_int_equal(layout_offset(layout, LAYOUT_abi_Type_GCData), 32);
        assert_int_equal(layout_offset(layout, LAYOUT_hchan_buf), 16);
        assert_int_equal(layout_offset(layout, LAYOUT_SIZE_slice), 24);
        assert_int_equal(layout_offset(layout, LAYOUT_SIZE_stringStruct), 16);
        assert_int_equal(layout_offset(layout, LAYOUT_eface_data), 8);
        assert_int_equal(layout_width(layout, LAYOUT_g_atomicstatus), 4);
        assert_int_equal(layout_width(layout, LAYOUT_p_runq), 256 * 8);
    }
}

/* What moved between versions, each a trap that the table must show. */
static void changes_between_versions_show(void **state)
{
    (void)state;
    assert_int_equal(width(21, LAYOUT_mspan_nelems), 8);
    assert_int_equal(width(22, LAYOUT_mspan_nelems), 2);
    assert_int_equal(width(21, LAYOUT_mspan_freeindex), 8);
    assert_int_equal(width(22, LAYOUT_mspan_freeindex), 2);
    assert_int_equal(width(23, LAYOUT_special_offset), 2);
    assert_int_equal(width(24, LAYOUT_special_offset), 8);

    assert_int_equal(offset(21, LAYOUT_mspan_largeType), -1);
    assert_true(offset(22, LAYOUT_mspan_largeType) > 0);
    assert_true(offset(19, LAYOUT_heapArena_bitmap) == 0);
    assert_int_equal(offset(22, LAYOUT_heapArena_bitmap), -1);
    assert_true(offset(21, LAYOUT_heapArena_noMorePtrs) > 0);
    assert_int_equal(width(26, LAYOUT_SIZE_spanInlineMarkBits), 128);

    assert_true(offset(23, LAYOUT_SIZE_hmap) > 0);
    assert_int_equal(offset(24, LAYOUT_SIZE_hmap), -1);
    assert_int_equal(offset(23, LAYOUT_SIZE_maps_Map), -1);
    assert_int_equal(offset(24, LAYOUT_SIZE_maps_Map), 48);
    assert_int_equal(offset(26, LAYOUT_abi_MapType_KeysOff), -1);
    assert_true(offset(27, LAYOUT_abi_MapType_KeysOff) > 0);
    assert_true(offset(23, LAYOUT_sync_Map_dirty) > 0);
    assert_int_equal(offset(24, LAYOUT_sync_Map_dirty), -1);
    assert_true(offset(24, LAYOUT_SIZE_isync_HashTrieMap) > 0);

    assert_int_equal(offset(22, LAYOUT_SIZE_timers), -1);
    assert_true(offset(23, LAYOUT_timers_heap) > 0);
    assert_true(offset(26, LAYOUT_moduledata_typelinks) > 0);
    assert_int_equal(offset(27, LAYOUT_moduledata_typelinks), -1);
    assert_int_equal(offset(27, LAYOUT_memRecordCycle_alloc_bytes), -1);
    assert_true(offset(26, LAYOUT_memRecordCycle_alloc_bytes) > 0);
    assert_int_equal(offset(25, LAYOUT_specialCleanup_cleanup), -1);
    assert_true(offset(26, LAYOUT_specialCleanup_cleanup) > 0);
}

/* The architectures differ by cache-line padding only; these structs have none. */
static void architectures_agree_on_unpadded_structs(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"mspan_", "g_", "hchan_", "timer_", "abi_", "sudog_"};
    for (size_t m = 0; m < ARRAY_COUNT(minors); m++) {
        const struct layout *amd64 = layout_find(minors[m], "amd64");
        const struct layout *arm64 = layout_find(minors[m], "arm64");
        for (unsigned f = 0; f < LAYOUT_FIELDS; f++) {
            enum layout_field field = (enum layout_field)f;
            for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
                if (strncmp(layout_field_name(field), prefixes[i], strlen(prefixes[i])) == 0)
                    assert_int_equal(layout_offset(amd64, field), layout_offset(arm64, field));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_it_has),
        cmocka_unit_test(tells_its_versions),
        cmocka_unit_test(names_its_fields),
        cmocka_unit_test(members_lie_within_their_struct),
        cmocka_unit_test(every_version_has_the_essentials),
        cmocka_unit_test(known_values_hold),
        cmocka_unit_test(changes_between_versions_show),
        cmocka_unit_test(architectures_agree_on_unpadded_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
