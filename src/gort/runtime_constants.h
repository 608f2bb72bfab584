/*
 * Numbers of the Go runtime that DWARF does not tell: kinds, flags and encodings that the runtime's
 * source defines as constants, by version where they moved. Read in the source of Go 1.15, 1.19 and
 * 1.21 to 1.27; docs/adding-a-go-version.md lists what to check for a new one.
 *
 * go_minor is 27 for Go 1.27 throughout. All functions are O(1) and own nothing.
 */
#ifndef LEAKHOUND_GORT_RUNTIME_CONSTANTS_H
#define LEAKHOUND_GORT_RUNTIME_CONSTANTS_H

#include <stdbool.h>
#include <stdint.h>

/* --- records attached to objects: special.kind (runtime/mheap.go, _KindSpecial…) --- */

enum special_kind {
    SPECIAL_UNKNOWN,         /* no such kind in that version */
    SPECIAL_FINALIZER,       /* runtime.SetFinalizer */
    SPECIAL_PROFILE,         /* sampled by the heap profile */
    SPECIAL_REACHABLE,       /* ≥ 1.19, only for the runtime's tests */
    SPECIAL_PIN_COUNTER,     /* ≥ 1.21, pinned more than once */
    SPECIAL_WEAK_HANDLE,     /* ≥ 1.23, weak.Pointer, unique.Handle */
    SPECIAL_CLEANUP,         /* ≥ 1.24, runtime.AddCleanup */
    SPECIAL_TINY_BLOCK,      /* ≥ 1.25, GODEBUG=checkfinalizers */
    SPECIAL_CHECK_FINALIZER, /* ≥ 1.25, GODEBUG=checkfinalizers */
    SPECIAL_BUBBLE,          /* ≥ 1.25, belongs to a testing/synctest bubble */
    SPECIAL_SECRET,          /* ≥ 1.26, runtime/secret */
};

/* What the number stored in special.kind means in that version. */
enum special_kind runtime_special_kind(unsigned go_minor, uint8_t stored);

/* --- profile buckets: bucket.typ (runtime/mprof.go), all versions --- */

enum bucket_kind {
    BUCKET_MEMORY = 1,
    BUCKET_BLOCK = 2,
    BUCKET_MUTEX = 3,
};

/* --- spans (runtime/mheap.go, mbitmap.go; internal/runtime/gc/malloc.go) --- */

enum span_state { /* mspan.state, all versions */
                  SPAN_DEAD = 0,
                  SPAN_IN_USE = 1, /* holds objects */
                  SPAN_MANUAL = 2, /* stacks and the like */
};

/* mspan.spanclass: size class × 2 + this bit when the objects have no pointers; all versions. */
#define RUNTIME_SPANCLASS_NO_SCAN 1u

/* ≥ 1.22: objects with pointers larger than this (element size of the span) begin with a pointer to
 * their type; up to it their pointer bits are at the span's end. Large ones use mspan.largeType. */
#define RUNTIME_HEADER_ABOVE_BYTES 512u
#define RUNTIME_HEADER_BYTES 8u

/* ≥ 1.26 unless built with GOEXPERIMENT=nogreenteagc (1.25: only with greenteagc): the last bytes
 * of the span are a runtime.spanInlineMarkBits. That goes by element size alone: spans without
 * pointers have them too (runtime/mgcmark_greenteagc.go, gcUsesSpanInlineMarkBits). */
#define RUNTIME_INLINE_MARKS_BYTES 128u
static inline bool runtime_has_inline_marks(uint64_t element_bytes)
{
    return element_bytes >= 16 && element_bytes <= RUNTIME_HEADER_ABOVE_BYTES;
}

/* --- type descriptors (internal/abi/type.go; runtime/type.go, typekind.go up to 1.20) --- */

#define RUNTIME_TFLAG_UNCOMMON 0x01u   /* an UncommonType follows */
#define RUNTIME_TFLAG_EXTRA_STAR 0x02u /* the name is stored with a "*" before it */
#define RUNTIME_TFLAG_NAMED 0x04u
#define RUNTIME_KIND_MASK 0x1fu
#define RUNTIME_KIND_GC_PROGRAM 0x40u /* ≤ 1.23: GCData is a program, not a mask */

/* GCData points to a pointer to the mask, which may be NULL until it is needed. The same bit of
 * TFlag has other meanings before 1.24 (TFlagUnrolledBitmap in 1.22 and 1.23). */
static inline bool runtime_mask_is_on_demand(unsigned go_minor, uint8_t tflag)
{
    return go_minor >= 24 && (tflag & 0x10);
}

/* A value of the type is stored in an interface's data word itself. */
static inline bool runtime_is_direct(unsigned go_minor, uint8_t tflag, uint8_t kind)
{
    return go_minor >= 26 ? (tflag & 0x20) != 0 : (kind & 0x20) != 0;
}

/* --- maps (internal/abi/map*.go, internal/runtime/maps/group.go; runtime/map.go up to 1.23) --- */

static inline bool runtime_has_swiss_maps(unsigned go_minor)
{
    return go_minor >= 24; /* unless built with GOEXPERIMENT=noswissmap, until 1.25 */
}

/* MapType.Flags: the slot holds a pointer to the key (the element), not the key itself. */
static inline bool runtime_map_key_is_indirect(unsigned go_minor, uint32_t flags)
{
    return (flags & (runtime_has_swiss_maps(go_minor) ? 4u : 1u)) != 0;
}
static inline bool runtime_map_element_is_indirect(unsigned go_minor, uint32_t flags)
{
    return (flags & (runtime_has_swiss_maps(go_minor) ? 8u : 2u)) != 0;
}

#define RUNTIME_MAP_SLOTS 8u /* of a group or of a bucket, all versions */
/* Swiss maps: a slot's control byte without this bit is in use (0x80 empty, 0xfe deleted). */
#define RUNTIME_MAP_CONTROL_FREE 0x80u
/* Buckets: a slot's tophash from this on is in use; below, it is empty (0, 1) or moved (2 to 4). */
#define RUNTIME_MAP_TOPHASH_MIN 5u

/* --- timers (runtime/time.go) --- */

enum timer_state {                     /* ≥ 1.23: bits of timer.state */
                   TIMER_HEAPED = 1,   /* in a P's heap */
                   TIMER_MODIFIED = 2, /* timer.when is newer than timerWhen.when */
                   TIMER_ZOMBIE = 4,   /* stopped, still in the heap */
};
enum timer_status { /* ≤ 1.22: timer.status */
                    TIMER_WAITING = 1,
                    TIMER_RUNNING = 2,
                    TIMER_DELETED = 3, /* stopped, still in the heap */
                    TIMER_REMOVED = 5,
                    TIMER_MODIFIED_EARLIER = 7, /* timer.nextwhen counts */
                    TIMER_MODIFIED_LATER = 8,
};

/* --- pointers with a count packed in (runtime/lfstack*.go, tagptr_64bit.go) --- */

/* The address in an lfstack head, spanSetBlock link or pollDesc tag of amd64: the upper 48 bits
 * hold it, sign-extended, without its three zero bits. */
static inline uint64_t runtime_untag_amd64(uint64_t tagged)
{
    return (uint64_t)((int64_t)tagged >> 19) << 3;
}

/* --- wait reasons: g.waitreason (runtime/runtime2.go) --- */

/* "chan receive" and the like, as the runtime's own table has it; NULL when that version has no
 * such reason. For targets in which waitReasonStrings was not found. */
const char *runtime_wait_reason(unsigned go_minor, uint8_t reason);

#endif
