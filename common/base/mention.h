/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when a text speaks to somebody by name; leaves whose text it is, and who hears of it, to
 * others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Is name (valid, so lower case) a word of its own in text? ASCII letters in any case, with or
 * without "@" before it. A longer name is another one: not "alice2", "alice.smith" or "old-alice";
 * but "alice." at the end of a sentence is "alice". Letters and digits of any script make a word,
 * but for scripts that set no spaces between words. An address of mail is none. */
bool mention_is_in(const char *text, size_t n, const char *name);
/* Are its letters there, whatever they are a part of? Where they are not nothing else need be done
 * to look closer. */
bool mention_may_be_in(const char *bytes, size_t n, const char *name);
