/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which bytes of strangers are text; leaves their meaning to others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the scalar value that the n bytes at s (not 0) begin with, 0 when there is none
 * (RFC 3629, table of §4). */
size_t text_decode(const char *s, size_t n, uint32_t *ret);
/* Text by protocol §2: UTF-8, scalar values, without controls (TAB and LF only where multiline),
 * U+007F–009F, U+FDD0–FDEF, U+xxFFFE/F. */
bool text_is_valid(const char *s, size_t n, bool multiline);
/* Replaces each offending code point or byte by U+FFFD; *ret is the caller's, with a NUL that
 * *ret_n does not count. */
int text_sanitize(const char *s, size_t n, bool multiline, char **ret, size_t *ret_n);
