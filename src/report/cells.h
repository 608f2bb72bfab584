/*
 * Foreign text made fit for a terminal: cleaned once, then measured in columns and cut to a width.
 * Every text handed to a line or a table has gone through cells_clean or is ours.
 */
#ifndef LEAKHOUND_REPORT_CELLS_H
#define LEAKHOUND_REPORT_CELLS_H

#include "base/memory.h"

/* A copy in which each character can be shown: control, format and invalid ones as "\x1b",
 * "\u202e"; without utf8 all beyond ASCII too, arrows and ellipses as "->" and "...". NULL is as
 * "". The middle of a text beyond 4 KiB is left out: no line shows that much. */
const char *cells_clean(struct arena *arena, const char *text, bool utf8);

/* Columns of a cleaned text on a terminal. */
unsigned cells_width(const char *clean);

/* "map[string]*github.com/acme/shop/store.Session" without the directories of package paths:
 * "map[string]*store.Session". */
const char *cells_short_packages(struct arena *arena, const char *clean);

/* At most width columns: the text itself, else its middle cut out; the end, where a type has its
 * name, keeps the larger part. */
const char *cells_cut(struct arena *arena, const char *clean, unsigned width, bool utf8);

/* The first of: the text itself, with short packages, that one cut. */
const char *cells_fit(struct arena *arena, const char *clean, unsigned width, bool utf8);

#endif
