/* The pages of docs/cases, one for each kind of leak, as they were when the program was built:
 * scripts/case-pages makes the table of them. */
#ifndef LEAKHOUND_REPORT_CASE_PAGES_H
#define LEAKHOUND_REPORT_CASE_PAGES_H

#include <stdint.h>

struct case_page {
    const char *id;      /* as in findings: "map-never-shrinks" */
    const char *summary; /* the rest of its title, a line without a full stop */
    const char *text;    /* all of it, Markdown */
};

/* In the order of their ids. */
extern const struct case_page case_pages[];
extern const uint32_t case_page_count;

/* NULL when there is none. */
const struct case_page *case_page_find(const char *id);

/* The page whose id was most likely meant: the first that contains the word, else the one that the
 * fewest letters set, left out or changed lead to, or lead to the beginning of; NULL when the word
 * is like none of them. */
const struct case_page *case_page_nearest(const char *word);

#endif
