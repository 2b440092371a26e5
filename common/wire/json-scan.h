/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether bytes are one JSON value by RFC 8259 and our bounds; builds nothing, allocates
 * nothing. */
#pragma once

#include <stddef.h>

/* Runs before json-c, which takes keys twice, NaN, single quotes and lone surrogates. Refused:
 * anything outside RFC 8259, invalid UTF-8, depth over JSON_DEPTH_MAX, \u0000, lone surrogates, a
 * second value, NUL. Not refused here: an integer that needs more than 53 bits (an unknown key may
 * hold one; fields_read() refuses it where it is known), and a key twice: *ret_members counts the
 * members of all objects together, and value_parse() sees that the tree holds fewer. So the cost
 * stays linear in n however many keys an object has (PING's heads has one a channel). Returns 0, or
 * -EBADMSG with *ret_offset at the first offending byte. Both results may be NULL. */
int json_scan(const char *s, size_t n, size_t *ret_members, size_t *ret_offset);
