/*
 * Names come from the target and are hostile: not always UTF-8, and what is may steer a terminal
 * (escape sequences) or a reader's eye (bidirectional overrides, invisible characters).
 */
#ifndef LEAKHOUND_REPORT_UTF8_H
#define LEAKHOUND_REPORT_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#define UTF8_INVALID UINT32_MAX

/* Decodes the character at text, which must not be at its terminating zero. Returns its length in
 * bytes; a byte that begins no valid character (overlong forms and surrogates are not valid)
 * counts as one, with *out = UTF8_INVALID. Never reads beyond the terminating zero. */
unsigned utf8_decode(const char *text, uint32_t *out);

/* False for what a terminal would obey or hide instead of show: control and format characters,
 * combining marks (no Go identifier has any), noncharacters, UTF8_INVALID. */
bool utf8_is_visible(uint32_t character);

/* Terminal columns of a visible character: 2 for the wide ones of East Asia and emoji, else 1. */
unsigned utf8_columns(uint32_t character);

#endif
