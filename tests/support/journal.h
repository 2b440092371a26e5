/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a program under test tells the journal, field by field (link `test_journal`: the
 * linker puts it in the journal's place); leaves what should be told to the tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Begins with nothing heard, and hears all levels. Every line with a MESSAGE_ID is held to
 * units/p2pchat.catalog: it has an entry there, and sets each field that the entry shows. All fail
 * the test themselves. */
void journal_begin(void);
void journal_end(void);

/* How many lines were heard so far: what comes later can be asked for alone. */
size_t journal_count(void);
/* The first line after that many that has this MESSAGE_ID (and "NAME=value" where it is not NULL);
 * SIZE_MAX: there is none. */
size_t journal_find(size_t after, const char *message_id, const char *field);
/* It is there. */
size_t journal_expect(const char *message_id, const char *field);
/* Of the line; "" where it has none. */
const char *journal_get(size_t line, const char *name);
/* What the lines of that MESSAGE_ID say with CHAT_COUNT=, in all; one without it is one. */
uint64_t journal_sum(const char *message_id, size_t *ret_lines);
/* That text is in no field of any line, nor in their words. */
void journal_assert_never(const char *text, size_t size);
/* "MESSAGE" of the lines with that "NAME=value" and a MESSAGE_ID, one after the other, each ended
 * by LF; to free(). */
char *journal_story(const char *field);
