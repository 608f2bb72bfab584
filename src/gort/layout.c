#include "gort/layout.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#include "gort/layout_table.inc"

static const char *const field_names[] = {
#define LAYOUT_FIELD(name) #name,
#include "gort/layout_fields.inc"
#undef LAYOUT_FIELD
};

const struct layout *layout_find(unsigned go_minor, const char *arch)
{
    for (size_t i = 0; i < ARRAY_COUNT(layouts); i++) {
        if (layouts[i].go_minor == go_minor && strcmp(layouts[i].arch, arch) == 0)
            return &layouts[i];
    }
    return NULL;
}

const char *layout_field_name(enum layout_field field)
{
    return (unsigned)field < LAYOUT_FIELDS ? field_names[field] : "?";
}

/* The newest version of the unbroken run that starts at first. */
static unsigned last_of_run(unsigned first, const char *arch)
{
    while (layout_find(first + 1, arch))
        first++;
    return first;
}

/* Appends "1.21 to 1.27", "1.21, 1.22" or "1.15"; what does not fit is cut off. */
static void append_run(char *buffer, uint64_t size, unsigned first, unsigned last)
{
    uint64_t length = strlen(buffer);
    const char *comma = length ? ", " : "";
    if (last == first)
        snprintf(buffer + length, size - length, "%s1.%u", comma, first);
    else
        snprintf(buffer + length, size - length, "%s1.%u%s1.%u", comma, first,
                 last == first + 1 ? ", " : " to ", last);
}

void layout_versions(const char *arch, char *buffer, uint64_t size)
{
    if (!size)
        return;
    buffer[0] = '\0';
    unsigned last = 0;
    for (size_t i = 0; i < ARRAY_COUNT(layouts); i++) { /* ascending */
        if (strcmp(layouts[i].arch, arch) != 0 || layouts[i].go_minor <= last)
            continue;
        last = last_of_run(layouts[i].go_minor, arch);
        append_run(buffer, size, layouts[i].go_minor, last);
    }
    if (!last)
        snprintf(buffer, size, "none");
}
