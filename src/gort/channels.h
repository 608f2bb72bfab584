/*
 * Channels of the heap whose buffer holds elements with pointers (runtime/chan.go, hchan). Others
 * hold nothing but themselves.
 *
 * Memory: 48 B per channel with at least CHANNEL_LEAST_QUEUED elements.
 */
#ifndef LEAKHOUND_GORT_CHANNELS_H
#define LEAKHOUND_GORT_CHANNELS_H

#include "gort/typing.h"

enum { CHANNEL_LEAST_QUEUED = 16 };

struct channel_fact {
    uint32_t id;      /* of the hchan */
    uint32_t buffer;  /* object id; a slot that holds no element is zero, so that all pointers in it
                         are those of elements */
    uint32_t element; /* type in the table, TYPE_NONE when it is none */
    uint32_t senders, receivers; /* goroutines that wait; up to CHANNEL_WAITERS_MAX are counted */
    uint64_t queued, capacity;
    uint16_t element_bytes;
    bool is_closed;
};
enum { CHANNEL_WAITERS_MAX = 1 << 20 };

struct channel_table {
    VECTOR(struct channel_fact) items; /* ascending by id */
};

/* Zero-initialised the table is empty. Reads the target; up to heap->threads threads, and the
 * result does not depend on their number. Cost: O(objects of an hchan's size). */
struct error *channel_table_read(struct go_runtime *runtime, const struct heap *heap,
                                 struct typing *typing, struct channel_table *out) ERROR_CHECK;
void channel_table_deinit(struct channel_table *table);

#endif
