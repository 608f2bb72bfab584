/*
 * Where the runtime's structures keep their members, by Go version and architecture.
 *
 * The table is generated from the DWARF of reference programs (scripts/layouts; the list of what is
 * wanted is tools/layout_fields.txt), so that a stripped target can be read. Patch releases of one
 * minor version have the same layouts; another minor version is never guessed.
 *
 * An enumerator is LAYOUT_<struct>_<member>, or LAYOUT_SIZE_<struct> for the bytes of the whole
 * struct. <struct> is the type's name: runtime's bare (mspan), internal/sync's as
 * isync_HashTrieMap, others' with the last part of their package (abi_Type, maps_Map, sync_Map,
 * context_cancelCtx). A renamed type or member has one enumerator for all versions, under its
 * newest name: abi_Type and its kin also stand for 1.15's runtime._type, abi_ITab for runtime.itab,
 * abi_MapType for runtime.maptype and abi.SwissMapType, workType for the anonymous type of 1.15's
 * runtime.work.
 *
 * A member present in two versions may still differ in width (mspan.nelems is 8 bytes up to 1.21, 2
 * from 1.22): read layout_width() bytes.
 *
 * Cost: about 100 KiB of constant data; a look-up is one load.
 */
#ifndef LEAKHOUND_GORT_LAYOUT_H
#define LEAKHOUND_GORT_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum layout_field {
#define LAYOUT_FIELD(name) LAYOUT_##name,
#include "gort/layout_fields.inc"
#undef LAYOUT_FIELD
    LAYOUT_FIELDS
};

struct layout {
    unsigned go_minor;     /* 27 for Go 1.27 */
    const char *arch;      /* "amd64", "arm64" */
    const int32_t *offset; /* [LAYOUT_FIELDS], bytes from the start of the struct; -1 = no such
                            * member in this version; for LAYOUT_SIZE_x the bytes of the struct */
    const int32_t *width;  /* [LAYOUT_FIELDS], bytes of the member itself; -1 as above */
};

/* The layouts of that version, or NULL when there are none. Static, never freed. */
const struct layout *layout_find(unsigned go_minor, const char *arch);

/* "1.15, 1.19, 1.21 to 1.27": the versions known for arch, for error messages; "none" when there
 * are none. Writes at most size bytes, always terminated when size > 0. */
void layout_versions(const char *arch, char *buffer, uint64_t size);

/* "mspan_startAddr" (without LAYOUT_), or "?" when out of range. */
const char *layout_field_name(enum layout_field field);

static inline int32_t layout_offset(const struct layout *layout, enum layout_field field)
{
    return layout->offset[field];
}

static inline bool layout_has(const struct layout *layout, enum layout_field field)
{
    return layout->offset[field] >= 0;
}

static inline int32_t layout_width(const struct layout *layout, enum layout_field field)
{
    return layout->width[field];
}

#endif
