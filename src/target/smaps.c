#include "target/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "target/proc.h"

void smaps_deinit(struct smaps *smaps)
{
    vector_deinit(&smaps->mappings);
}

/* Details come as "Key:   123 kB"; a header line begins with the range in small hexadecimal digits,
 * keys with a capital. */
static bool is_header(const char *line)
{
    return (*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f');
}

static bool parse_header(const char *line, struct mapping_details *out)
{
    char access[8];
    struct mapping_details details = {.bits = MAPPING_UNKNOWN};
    if (sscanf(line, "%16" SCNx64 "-%16" SCNx64 " %4s", &details.start, &details.end, access) !=
            3 ||
        strlen(access) != 4 || details.start >= details.end)
        return false;
    if (access[3] == 's')
        details.bits |= MAPPING_SHARED;
    *out = details;
    return true;
}

/* Flags are pairs of letters between spaces. */
static unsigned parse_flags(const char *flags)
{
    static const struct {
        const char *letters;
        unsigned bits;
    } known[] = {
        {" dd", MAPPING_EXCLUDED},
        {" io", MAPPING_DEVICE},
        {" pf", MAPPING_DEVICE},
        {" ht", MAPPING_HUGETLB},
    };
    unsigned bits = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(known); i++)
        if (strstr(flags, known[i].letters))
            bits |= known[i].bits;
    return bits;
}

static void parse_detail(const char *line, struct mapping_details *details)
{
    static const struct {
        const char *key;
        bool is_written;
    } amounts[] = {
        {"Rss:", false},
        {"Anonymous:", true},
        {"Swap:", true},
        {"Shared_Hugetlb:", false},
        {"Private_Hugetlb:", true},
    };
    static const char flags[] = "VmFlags:";
    if (strncmp(line, flags, sizeof(flags) - 1) == 0)
        details->bits |= parse_flags(line + sizeof(flags) - 1);
    for (unsigned i = 0; i < ARRAY_COUNT(amounts); i++) {
        size_t length = strlen(amounts[i].key);
        if (strncmp(line, amounts[i].key, length) != 0)
            continue;
        if (details->bits & MAPPING_UNKNOWN)
            details->bits = (details->bits & ~(unsigned)MAPPING_UNKNOWN) | MAPPING_EMPTY;
        if (strtoull(line + length, NULL, 10) == 0)
            continue;
        details->bits &= ~(unsigned)MAPPING_EMPTY;
        if (amounts[i].is_written)
            details->bits |= MAPPING_WRITTEN;
    }
}

struct error *smaps_parse(FILE *file, struct smaps *out)
{
    CLEANUP_FREE char *line = NULL;
    size_t capacity = 0;
    struct smaps smaps = {0};
    struct error *error = NULL;
    for (uint64_t number = 1; !error && getline(&line, &capacity, file) > 0; number++) {
        uint64_t count = smaps.mappings.count;
        struct mapping_details *last = count ? &smaps.mappings.data[count - 1] : NULL;
        struct mapping_details details;
        if (!is_header(line)) {
            if (last)
                parse_detail(line, last);
            continue;
        }
        if (!parse_header(line, &details) || (last && details.start < last->end))
            error = error_format(number, "line %" PRIu64 " of /proc/PID/smaps is damaged", number);
        else
            error = vector_push(&smaps.mappings, details);
    }
    if (error) {
        smaps_deinit(&smaps);
        return error;
    }
    *out = smaps;
    return NULL;
}

struct error *smaps_read(pid_t pid, struct smaps *out)
{
    FILE *file = fopen(proc_path(pid, "smaps").text, "re");
    if (!file && errno == ENOENT)
        file = fopen(proc_path(pid, "maps").text, "re");
    if (!file) {
        if (errno == EACCES || errno == EPERM)
            return proc_error_permission(pid);
        return proc_error_gone(pid);
    }
    struct error *error = smaps_parse(file, out);
    fclose(file);
    return error;
}

unsigned smaps_bits_at(const struct smaps *smaps, uint64_t address)
{
    uint64_t low = 0, high = smaps->mappings.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct mapping_details *details = &smaps->mappings.data[middle];
        if (address < details->start)
            high = middle;
        else if (address >= details->end)
            low = middle + 1;
        else
            return details->bits;
    }
    return MAPPING_UNKNOWN;
}
