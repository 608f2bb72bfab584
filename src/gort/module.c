/* The pclntab by its magic, and the moduledata by its pointer to it (runtime/symtab.go). */
#include "gort/locate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FUNCTIONS_MAX = 10000000, MASK_BITS_MAX = 1 << 28 };

struct module_search {
    struct go_runtime *runtime;
    struct error *error;
    uint64_t pclntab, function_count;
    bool seen_magic;
};

static uint64_t field(const uint8_t *bytes, int32_t offset)
{
    uint64_t v = 0;
    if (offset >= 0)
        memcpy(&v, bytes + offset, 8);
    return v;
}

#define FIELD(name) field(bytes, layout_offset(layout, LAYOUT_moduledata_##name))

/* Without a hole, so that no damaged bound makes us read or copy what is not there. */
static bool is_mapped(const struct target *target, uint64_t start, uint64_t end)
{
    while (start < end) {
        const struct target_segment *segment = target_segment_at(target, start);
        if (!segment)
            return false;
        start = segment->end;
    }
    return true;
}

/* The four data sections: each ends behind its beginning, all lie near each other. Their order is
 * the linker's choice (an external one may put .data before .noptrdata), but that what is not in
 * the file comes behind what is. */
static bool sections_fit(const struct target *target, const uint8_t *bytes,
                         const struct layout *layout, uint64_t *out_low, uint64_t *out_high)
{
    const uint64_t bounds[][2] = {{FIELD(noptrdata), FIELD(enoptrdata)},
                                  {FIELD(data), FIELD(edata)},
                                  {FIELD(bss), FIELD(ebss)},
                                  {FIELD(noptrbss), FIELD(enoptrbss)}};
    uint64_t low = UINT64_MAX, high = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(bounds); i++) {
        if (!bounds[i][0] || bounds[i][0] > bounds[i][1] || bounds[i][0] % 8 ||
            !is_mapped(target, bounds[i][0], bounds[i][1]))
            return false;
        low = MIN_OF(low, bounds[i][0]);
        high = MAX_OF(high, bounds[i][1]);
    }
    *out_low = low;
    *out_high = high;
    return FIELD(edata) <= FIELD(bss) && high - low <= (uint64_t)1 << 36;
}

/* Does a moduledata of this layout stand at address? Its fields must fit each other. */
static struct error *try_module(struct go_runtime *runtime, const struct layout *layout,
                                uint64_t address, uint64_t pclntab, uint64_t function_count,
                                bool *out_fits)
{
    uint8_t bytes[2048] = {0};
    uint64_t size = (uint64_t)layout_offset(layout, LAYOUT_SIZE_moduledata);
    *out_fits = false;
    if (size > sizeof(bytes))
        return error_create(ERROR_LIMIT, "moduledata is larger than expected");
    TRY(target_read_sparse(runtime->target, address, bytes, size));
    uint64_t text = FIELD(text), text_end = FIELD(etext), min_pc = FIELD(minpc);
    uint64_t max_pc = FIELD(maxpc), types = FIELD(types), types_end = FIELD(etypes);
    uint64_t table = FIELD(ftab);
    uint64_t entries = field(bytes, layout_offset(layout, LAYOUT_moduledata_ftab) + 8);
    uint64_t low, high;
    const struct target_segment *code = target_segment_at(runtime->target, text);
    if (!code || !code->executable || min_pc < text || max_pc > text_end || min_pc >= max_pc ||
        types >= types_end || !is_mapped(runtime->target, types, types_end) || table <= pclntab ||
        table - pclntab > (uint64_t)1 << 30 ||
        (entries != function_count && entries != function_count + 1) ||
        !sections_fit(runtime->target, bytes, layout, &low, &high))
        return NULL;
    struct go_module *module = &runtime->module;
    *module = (struct go_module){
        .address = address,
        .pclntab = pclntab,
        .text = text,
        .text_end = text_end,
        .noptrdata = FIELD(noptrdata),
        .noptrdata_end = FIELD(enoptrdata),
        .data = FIELD(data),
        .data_end = FIELD(edata),
        .bss = FIELD(bss),
        .bss_end = FIELD(ebss),
        .noptrbss = FIELD(noptrbss),
        .noptrbss_end = FIELD(enoptrbss),
        .data_low = low,
        .data_high = high,
        .types = types,
        .types_end = types_end,
        .type_descriptors_end = types_end,
        .rodata = FIELD(rodata),
        .gofunc = FIELD(gofunc),
        .has_others = FIELD(next) != 0,
    };
    /* ≥ 1.27: itabs stand behind the descriptors (typedesclen ends before those without links) */
    if (layout_has(layout, LAYOUT_moduledata_itaboffset) && FIELD(itaboffset) &&
        FIELD(itaboffset) <= types_end - types)
        module->type_descriptors_end = types + FIELD(itaboffset);
    runtime->layout = layout;
    *out_fits = true;
    return NULL;
}

static bool module_at(void *context, uint64_t address)
{
    struct module_search *search = context;
    struct go_runtime *runtime = search->runtime;
    bool fits = false;
    if (runtime->layout) {
        search->error = try_module(runtime, runtime->layout, address, search->pclntab,
                                   search->function_count, &fits);
        return search->error || fits;
    }
    /* no build information: the version whose layout fits; several do, the caller decides by the
     * version string in the data section */
    for (unsigned minor = 15; minor <= 99 && !fits && !search->error; minor++) {
        const struct layout *layout = layout_find(minor, "amd64");
        if (layout)
            search->error = try_module(runtime, layout, address, search->pclntab,
                                       search->function_count, &fits);
    }
    return search->error || fits;
}

static bool pclntab_at(void *context, uint64_t address)
{
    struct module_search *search = context;
    uint8_t header[16];
    uint64_t functions;
    search->error = target_read_sparse(search->runtime->target, address, header, sizeof(header));
    if (search->error)
        return true;
    memcpy(&functions, header + 8, 8);
    if (header[4] || header[5] || (header[6] != 1 && header[6] != 4) || header[7] != 8 ||
        functions < 10 || functions > FUNCTIONS_MAX)
        return false;
    search->seen_magic = true;
    search->pclntab = address;
    search->function_count = functions;
    if (search->error)
        return true;
    search->error =
        locate_pattern(search->runtime->target, &address, 8, 8, true, module_at, search);
    return search->error || search->runtime->module.address;
}

/* Without build information: runtime.buildVersion is a string header in the data sections. */
static struct error *version_from_data(struct go_runtime *runtime)
{
    const struct go_module *module = &runtime->module;
    uint64_t start = MIN_OF(module->noptrdata, module->data);
    uint64_t size = MAX_OF(module->noptrdata_end, module->data_end) - start;
    CLEANUP_FREE uint8_t *bytes = NULL;
    TRY(memory_array(size, 1, &bytes));
    TRY(target_read_sparse(runtime->target, start, bytes, size));
    for (uint64_t i = 0; i + 16 <= size; i += 8) {
        uint64_t pointer = field(bytes, (int32_t)i), length = field(bytes, (int32_t)(i + 8));
        char text[64] = "";
        unsigned minor, patch;
        if (length < 5 || length >= sizeof(text) || !target_segment_at(runtime->target, pointer))
            continue;
        struct error *error = target_read(runtime->target, pointer, text, length);
        error_destroy(error);
        if (error || strncmp(text, "go1.", 4) || !locate_parse_version(text, &minor, &patch))
            continue;
        memcpy(runtime->version, text, sizeof(text));
        runtime->minor = minor;
        runtime->patch = patch;
        return NULL;
    }
    return error_create(ERROR_UNSUPPORTED,
                        "a Go program without build information whose version cannot be told");
}

static struct error *read_mask(struct go_runtime *runtime, uint64_t vector_address,
                               uint64_t section_bytes, struct go_pointer_mask *out)
{
    uint32_t bits;
    uint64_t pointer;
    TRY(target_read_u32(runtime->target, vector_address, &bits)); /* runtime.bitvector */
    TRY(target_read_u64(runtime->target, vector_address + 8, &pointer));
    if (bits > MASK_BITS_MAX || bits > section_bytes / 8 + 8)
        return error_fault(vector_address,
                           "the pointer mask at 0x%" PRIx64 " has %u bits for %" PRIu64 " bytes",
                           vector_address, bits, section_bytes);
    TRY(memory_array((bits + 7) / 8 + 8, 1, &out->bytes));
    out->bits = bits;
    return target_read(runtime->target, pointer, out->bytes, (bits + 7) / 8);
}

struct error *locate_module(struct go_runtime *runtime)
{
    static const uint8_t magics[][4] = {
        {0xf1, 0xff, 0xff, 0xff}, /* 1.20 … */
        {0xf0, 0xff, 0xff, 0xff}, /* 1.18, 1.19 */
        {0xfb, 0xff, 0xff, 0xff}, /* … 1.15 */
        {0xfa, 0xff, 0xff, 0xff}, /* 1.16, 1.17 */
    };
    struct module_search search = {.runtime = runtime};
    for (unsigned i = 0; i < ARRAY_COUNT(magics) && !runtime->module.address; i++) {
        TRY(locate_pattern(runtime->target, magics[i], 4, 8, false, pclntab_at, &search));
        if (search.error)
            return search.error;
    }
    if (!runtime->module.address)
        return error_create(ERROR_UNSUPPORTED,
                            search.seen_magic
                                ? "a Go function table was found but no module data that fits it"
                                : "no Go function table found: is it a Go program?");
    if (!runtime->version[0]) {
        TRY(version_from_data(runtime));
        const struct layout *layout = layout_find(runtime->minor, "amd64");
        bool fits = false;
        uint64_t address = runtime->module.address;
        if (layout)
            TRY(try_module(runtime, layout, address, search.pclntab, search.function_count, &fits));
        if (!fits)
            return error_create(ERROR_UNSUPPORTED, "module data does not fit %s", runtime->version);
    }
    struct go_module *module = &runtime->module;
    TRY(read_mask(runtime, module->address + GO_OFFSET(runtime, moduledata_gcdatamask),
                  module->data_end - module->data, &module->data_mask));
    return read_mask(runtime, module->address + GO_OFFSET(runtime, moduledata_gcbssmask),
                     module->bss_end - module->bss, &module->bss_mask);
}
