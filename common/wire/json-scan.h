/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether bytes are one JSON value by RFC 8259 and our bounds; builds nothing, allocates nothing. */
#pragma once

#include <stddef.h>

/* Runs before json-c, which takes keys twice, NaN, single quotes and lone surrogates. Refused: anything
 * outside RFC 8259, invalid UTF-8, depth over JSON_DEPTH_MAX, a key twice in one object (compared after
 * unescaping), \u0000, lone surrogates, a second value, NUL, an integer that needs more than 53 bits
 * is *not* refused here (an unknown key may hold one; fields_read() refuses it where it is known).
 * Cost: linear in n but for the keys of one object, of which at most JSON_KEYS_MAX are allowed.
 * Returns 0, or -EBADMSG with *ret_offset (may be NULL) at the first offending byte. */
#define JSON_KEYS_MAX 64 /* our largest object has 20; bounds the search for a key twice */
int json_scan(const char *s, size_t n, size_t *ret_offset);
