/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how log entries are shown to people; leaves the rest to print.h. */
#pragma once

#include <regex.h>

#include "ctl/client/client.h"

typedef struct EntryStyle {
        const Ctl *ctl; /* for its colours; NULL: none */
        bool with_date; /* else the time of the day alone */
        bool with_seq;
        const char *channel; /* its name; NULL: it is not said */
        unsigned columns;    /* of the rows it is wrapped into (wrap.h); 0: it is not */
        const regex_t
                *marked; /* what of the text stands out, where there are colours; may be NULL */
} EntryStyle;

/* Somebody's name, and whether it is a guest's: "guest-gus (guest)". user_type as on the bus. */
void print_who(FILE *f, const char *name, const char *user_type);

/* One entry, governance in words, ends with LF. All of it is escaped. */
void print_entry_as(FILE *f, const EntryView *e, const EntryStyle *style);
/* The same as chat shows it, not wrapped. */
void print_entry(FILE *f, const EntryView *e, bool with_date);
/* What was said alone, or what was done in words; ends with LF. All of it is escaped. */
void print_entry_body(FILE *f, const EntryView *e);
/* One ENTRY, as the wire spells it, with what this computer alone knows of it. */
void print_entry_json(FILE *f, JsonMode mode, const EntryView *e);
/* On stderr, that so many were not shown; 0: nothing. */
void print_n_hidden(uint64_t n);
