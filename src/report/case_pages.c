#include "report/case_pages.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

enum { WORD_MAX = 63 };

const struct case_page *case_page_find(const char *id)
{
    for (uint32_t i = 0; i < case_page_count; i++)
        if (strcmp(case_pages[i].id, id) == 0)
            return &case_pages[i];
    return NULL;
}

/* Letters to set, leave out or change to make b of a (Levenshtein); in out_beginning those to make
 * the nearest beginning of b. Both are at most WORD_MAX long. */
static unsigned distance(const char *a, const char *b, unsigned *out_beginning)
{
    unsigned row[WORD_MAX + 1];
    size_t length = strlen(b);
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned corner = row[0]; /* of the row before, one to the left */
        row[0] = i;
        for (unsigned j = 1; j <= length; j++) {
            unsigned changed = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            row[j] = MIN_OF(changed, MIN_OF(row[j], row[j - 1]) + 1);
        }
    }
    *out_beginning = row[0];
    for (unsigned j = 1; j <= length; j++)
        *out_beginning = MIN_OF(*out_beginning, row[j]);
    return row[length];
}

/* "Map_Never Shrinks" is written as ids are; what is longer than any of them is cut. */
static void write_as_id(const char *word, char out[WORD_MAX + 1])
{
    unsigned length = 0;
    for (; word[length] && length < WORD_MAX; length++) {
        bool joins = word[length] == '_' || word[length] == ' ';
        out[length] = joins ? '-' : (char)tolower((unsigned char)word[length]);
    }
    out[length] = '\0';
}

const struct case_page *case_page_nearest(const char *word)
{
    char wanted[WORD_MAX + 1];
    write_as_id(word, wanted);
    const struct case_page *nearest = NULL, *nearest_beginning = NULL;
    unsigned least = WORD_MAX + 1, least_beginning = WORD_MAX + 1;
    for (uint32_t i = 0; i < case_page_count; i++) {
        if (*wanted && strstr(case_pages[i].id, wanted))
            return &case_pages[i];
        unsigned beginning, whole = distance(wanted, case_pages[i].id, &beginning);
        if (whole < least) {
            least = whole;
            nearest = &case_pages[i];
        }
        if (beginning < least_beginning) {
            least_beginning = beginning;
            nearest_beginning = &case_pages[i];
        }
    }
    /* With more than half of the letters wrong it is another word. */
    if (nearest && least <= strlen(nearest->id) / 2)
        return nearest;
    return least_beginning <= strlen(wanted) / 4 && *wanted ? nearest_beginning : NULL;
}
