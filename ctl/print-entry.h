/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how log entries are shown to people; leaves the rest to print.h. */
#pragma once

#include "ctl/client.h"

/* Somebody's name, and whether it is a guest's: "guest-gus (guest)". user_type as on the bus. */
void print_who(FILE *f, const char *name, const char *user_type);

/* One entry as `log` and `chat` show it, governance in words, ends with LF. */
void print_entry(FILE *f, const EntryView *e, bool with_date);
/* On stderr, that so many were not shown; 0: nothing. */
void print_n_hidden(uint64_t n);
