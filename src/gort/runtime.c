#include "gort/runtime.h"

#include <string.h>

#include "gort/locate.h"
#include "gort/stack_maps.h"

enum { TYPES_MAX = 1 << 30 };

struct error *go_read_string(struct go_runtime *runtime, uint64_t header_address, char *buffer,
                             uint64_t limit)
{
    uint64_t header[2];
    TRY(target_read(runtime->target, header_address, header, sizeof(header)));
    uint64_t n = MIN_OF(header[1], limit);
    TRY(target_read(runtime->target, header[0], buffer, n));
    buffer[n] = '\0';
    return NULL;
}

static struct error *unsupported_version(const struct go_runtime *runtime)
{
    char known[200];
    layout_versions("amd64", known, sizeof(known));
    return error_create(ERROR_UNSUPPORTED,
                        "%s is not supported: this leakhound knows Go %s "
                        "(docs/adding-a-go-version.md tells how to add one)",
                        runtime->version, known);
}

/* Experiments that move what we read; the layouts are those of the default builds. Not "arenas",
 * which only adds the package arena: the runtime's side of it is in every build. */
static struct error *check_experiments(const struct go_runtime *runtime)
{
    static const char *const moving[] = {"greenteagc", "swissmap", "mapsplitgroup", "allocheaders"};
    const char *experiments = strstr(runtime->version, "X:");
    for (unsigned i = 0; experiments && i < ARRAY_COUNT(moving); i++)
        if (strstr(experiments, moving[i]))
            return error_create(ERROR_UNSUPPORTED,
                                "%s was built with a GOEXPERIMENT that changes the runtime's "
                                "layouts: only default builds are known",
                                runtime->version);
    return NULL;
}

static uint64_t load_bias(const struct go_runtime *runtime)
{
    const struct target *target = runtime->target;
    uint64_t lowest = UINT64_MAX;
    for (uint64_t i = 0; i < target->segments.count; i++)
        if (target->segments.data[i].from_executable)
            lowest = MIN_OF(lowest, target->segments.data[i].start);
    return lowest == UINT64_MAX ? 0 : lowest - runtime->executable->first_load_address;
}

static struct error *open_parts(struct go_runtime *runtime)
{
    struct target *target = runtime->target;
    TRY(locate_version(runtime));
    if (runtime->version[0]) {
        runtime->layout = layout_find(runtime->minor, "amd64");
        if (!runtime->layout)
            return unsupported_version(runtime);
        TRY(check_experiments(runtime));
    }
    TRY(locate_module(runtime));
    if (target->exe_open_path) {
        TRY(executable_open(target->exe_open_path, &runtime->executable));
        runtime->bias = load_bias(runtime);
    }
    struct go_module *module = &runtime->module;
    uint64_t limit = module->pclntab;
    for (const struct target_segment *s = target_segment_at(target, limit);
         s && s->end - module->pclntab < (uint64_t)1 << 30; s = target_segment_at(target, limit))
        limit = s->end;
    const struct pclntab_options options = {
        .address = module->pclntab,
        .limit = limit,
        .text = module->text,
        .text_end = module->text_end,
        .gofunc = module->gofunc,
        .go_minor = runtime->minor,
    };
    TRY(pclntab_load(target, &options, &runtime->pclntab));
    uint64_t types_size = module->types_end - module->types;
    if (types_size > TYPES_MAX)
        return error_create(ERROR_LIMIT, "the type section is larger than 1 GiB");
    TRY(memory_array(types_size + 64, 1, &runtime->types));
    TRY(target_read_sparse(target, module->types, runtime->types, types_size));
    return locate_globals(runtime);
}

struct error *go_runtime_open(struct target *target, struct go_runtime **out)
{
    struct go_runtime *runtime;
    TRY(memory_array(1, sizeof(*runtime), &runtime));
    runtime->target = target;
    runtime->is_racy = target->kind == TARGET_LIVE && target->freeze == FREEZE_NONE;
    struct error *error = open_parts(runtime);
    if (error) {
        go_runtime_close(runtime);
        return error;
    }
    *out = runtime;
    return NULL;
}

void go_runtime_close(struct go_runtime *runtime)
{
    if (!runtime)
        return;
    stack_maps_destroy(runtime->stack_maps);
    pclntab_destroy(runtime->pclntab);
    executable_destroy(runtime->executable);
    free(runtime->module.data_mask.bytes);
    free(runtime->module.bss_mask.bytes);
    free(runtime->types);
    free(runtime);
}
