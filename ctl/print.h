/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how things are shown to people and to programs; leaves what is shown to the verbs. */
#pragma once

#include "ctl/client-call.h"

/* Text of other people: control characters become \xNN, so that nobody's terminal is driven by a
 * stranger. LF stays where multiline. */
void print_escaped(FILE *f, const char *s, bool multiline);

/* A finished JSON text by the mode: one line, or indented; takes what is in w. */
int print_json(const Ctl *ctl, Writer *w);
void print_json_text(FILE *f, JsonMode mode, const char *json);

/* Columns as wide as their widest cell, the last one as it comes. */
typedef struct Table {
        size_t n_columns;
        char **cells;
        size_t n_cells;
} Table;
void table_done(Table *t);
/* n_columns strings; NULL is "-". */
int table_add(Table *t, ...);
void table_print(const Table *t, FILE *f);

/* The same rows for people and for programs. */
typedef struct Listing {
        Table table; /* the first row is what its columns are */
        Writer json; /* an array */
} Listing;
void listing_done(Listing *l);
/* What ctl->json asks for; takes what is in json. Without rows people are told nothing (may be
 * NULL), on stderr. → exit status */
int listing_show(Ctl *ctl, Listing *l, const char *nothing);

/* Local time for people: "2026-11-22 10:41:15"; "" for 0. */
#define LOCAL_TIME_SIZE 24
void print_local_time(uint64_t realtime_usec, char ret[static LOCAL_TIME_SIZE]);
