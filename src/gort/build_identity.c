#include "gort/build_identity.h"

#include <string.h>

#include "base/hash.h"

enum { CODE_HASHED = 64 << 10 };

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    return hash_mix(hash * 31 + value);
}

static uint64_t of_mask(uint64_t hash, const struct go_pointer_mask *mask)
{
    hash = mixed(hash, mask->bits);
    return mask->bytes ? mixed(hash, hash_bytes(mask->bytes, (mask->bits + 7) / 8)) : hash;
}

uint64_t go_build_identity(struct go_runtime *runtime)
{
    const struct go_module *m = &runtime->module;
    uint64_t size = m->text_end - m->text, part = MIN_OF(size, (uint64_t)CODE_HASHED);
    const uint64_t sizes[] = {
        size,
        m->noptrdata_end - m->noptrdata,
        m->data_end - m->data,
        m->bss_end - m->bss,
        m->noptrbss_end - m->noptrbss,
        m->types_end - m->types,
        pclntab_count(runtime->pclntab),
    };
    static const int ends = 2;
    uint8_t code[CODE_HASHED];
    uint64_t hash = hash_bytes(runtime->version, strlen(runtime->version));
    hash = mixed(hash, hash_bytes(sizes, sizeof(sizes)));
    hash = of_mask(of_mask(hash, &m->data_mask), &m->bss_mask);
    for (int end = 0; end < ends; end++) {
        uint64_t at = end ? m->text_end - part : m->text;
        struct error *error = target_read(runtime->target, at, code, part);
        error_destroy(error);
        if (error)
            return 0;
        hash = mixed(hash, hash_bytes(code, part));
    }
    return hash ? hash : 1;
}
