/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which characters of strangers drive a terminal or deceive who reads; leaves what is shown
 * to print.h. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Text of other people, so that nobody's terminal is driven by a stranger and no line looks like
 * what it is not: controls and what is no UTF-8 become \xNN; what turns the direction of text, ends
 * a line or is no character becomes \uNNNN; TAB a space. LF stays where multiline: false for names
 * and whatever stands in one line. */
void print_escaped(FILE *f, const char *s, bool multiline);
/* n bytes of JSON: in its strings the same characters, as JSON's own \uNNNN, so that programs read
 * what was there and a terminal is not driven. */
void print_json_part(FILE *f, const char *s, size_t n);
/* print_escaped() as a string; *ret is the caller's. 0 or -ENOMEM. */
int text_escape(const char *s, bool multiline, char **ret);
