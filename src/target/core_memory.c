#include "target/core_memory.h"

#include <string.h>

void core_memory_deinit(struct core_memory *memory)
{
    vector_deinit(&memory->pieces);
}

struct error *core_memory_add(struct core_memory *memory, uint64_t start, uint64_t end,
                              const uint8_t *bytes)
{
    if (start >= end)
        return NULL;
    return vector_push(&memory->pieces,
                       (struct core_piece){.start = start, .end = end, .bytes = bytes});
}

static int by_start(const void *a, const void *b)
{
    const struct core_piece *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static bool continues(const struct core_piece *before, const struct core_piece *piece)
{
    if (before->end != piece->start || !before->bytes != !piece->bytes)
        return false;
    return !piece->bytes || before->bytes + (before->end - before->start) == piece->bytes;
}

void core_memory_sort(struct core_memory *memory)
{
    struct core_piece *pieces = memory->pieces.data;
    uint64_t kept = 0;
    if (!memory->pieces.count)
        return;
    qsort(pieces, memory->pieces.count, sizeof(pieces[0]), by_start);
    for (uint64_t i = 1; i < memory->pieces.count; i++) {
        if (continues(&pieces[kept], &pieces[i]))
            pieces[kept].end = pieces[i].end;
        else
            pieces[++kept] = pieces[i];
    }
    memory->pieces.count = kept + 1;
}

/* Index of the first piece that ends behind address. Most reads are near the one before. */
static uint64_t piece_after(const struct core_memory *memory, uint64_t address)
{
    static _Thread_local uint64_t last; /* a hint only: it may be of another core */
    const struct core_piece *pieces = memory->pieces.data;
    uint64_t low = 0, high = memory->pieces.count;
    if (last < high && address >= pieces[last].start && address < pieces[last].end)
        return last;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (pieces[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    last = low;
    return low;
}

struct error *core_memory_fill(struct core_memory *memory, uint64_t start, uint64_t end,
                               const uint8_t *bytes)
{
    uint64_t address = start;
    /* Pieces that are added land behind the ordered ones, and are not looked at. */
    uint64_t ordered = memory->pieces.count;
    for (uint64_t i = piece_after(memory, start); address < end; i++) {
        bool is_last = i >= ordered || memory->pieces.data[i].start >= end;
        uint64_t hole_end = is_last ? end : memory->pieces.data[i].start;
        if (address < hole_end)
            TRY(core_memory_add(memory, address, hole_end, bytes + (address - start)));
        if (is_last)
            break;
        address = memory->pieces.data[i].end;
    }
    core_memory_sort(memory);
    return NULL;
}

void core_memory_read(const struct core_memory *memory, uint64_t address, void *buffer, uint64_t n,
                      uint64_t *out_done)
{
    uint64_t done = 0;
    for (uint64_t i = piece_after(memory, address); done < n && i < memory->pieces.count; i++) {
        const struct core_piece *piece = &memory->pieces.data[i];
        uint64_t at = address + done;
        if (piece->start > at)
            break;
        uint64_t length = MIN_OF(n - done, piece->end - at);
        if (piece->bytes)
            memcpy((char *)buffer + done, piece->bytes + (at - piece->start), length);
        else
            memset((char *)buffer + done, 0, length);
        done += length;
    }
    *out_done = done;
}

void core_memory_read_sparse(const struct core_memory *memory, uint64_t address, void *buffer,
                             uint64_t n)
{
    char *to = buffer;
    while (n) {
        uint64_t done;
        core_memory_read(memory, address, to, n, &done);
        address += done;
        to += done;
        n -= done;
        if (!n)
            return;
        uint64_t i = piece_after(memory, address), hole = n;
        if (i < memory->pieces.count)
            hole = MIN_OF(n, memory->pieces.data[i].start - address);
        memset(to, 0, hole);
        address += hole;
        to += hole;
        n -= hole;
    }
}

const void *core_memory_view(const struct core_memory *memory, uint64_t address, uint64_t n)
{
    uint64_t i = piece_after(memory, address);
    if (i == memory->pieces.count)
        return NULL;
    const struct core_piece *piece = &memory->pieces.data[i];
    if (!piece->bytes || address < piece->start || n > piece->end - address)
        return NULL;
    return piece->bytes + (address - piece->start);
}

uint64_t core_memory_missing(const struct core_memory *memory, uint64_t start, uint64_t end)
{
    uint64_t missing = end - start;
    for (uint64_t i = piece_after(memory, start);
         i < memory->pieces.count && memory->pieces.data[i].start < end; i++) {
        const struct core_piece *piece = &memory->pieces.data[i];
        missing -= MIN_OF(piece->end, end) - MAX_OF(piece->start, start);
    }
    return missing;
}
