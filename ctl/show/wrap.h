/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how lines that are wider than a terminal go on in its next rows; leaves what is shown to
 * print.h. */
#pragma once

#include "ctl/ctl.h"

/* The cells of a row where what is written to fd (1 or 2) is read at a terminal, by a pager or not;
 * 0: it goes elsewhere, and is not wrapped. */
unsigned wrap_columns(const Ctl *ctl, int fd);

/* Writes what print_escaped() wrote, and our colours, so that no row is wider than the terminal.
 * Rows end between words where they can, and all but a line's first are set in: what somebody says
 * never begins in the first column, where it could look like another's line. Blanks at which a row
 * ends are left out. LC_CTYPE is UTF-8, as program_run() sees to. columns 0: s as it is. */
void wrap_print(FILE *f, const char *s, unsigned columns);

/* For what is written bit by bit. */
typedef struct Wrap {
        FILE *to, *f;
        char *text;
        size_t n;
        unsigned columns;
} Wrap;
/* Where to write it; nothing of that is to be seen before wrap_end(). */
FILE *wrap_begin(Wrap *ret, FILE *to, unsigned columns);
void wrap_end(Wrap *w);
