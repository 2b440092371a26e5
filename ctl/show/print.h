/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how things are shown to people and to programs; leaves what is shown to the verbs. */
#pragma once

#include "ctl/client/client-call.h"
#include "ctl/show/escape.h"

/* A finished JSON text by the mode: one line, or indented; takes what is in w. → exit status */
int print_json(Ctl *ctl, Writer *w);
void print_json_text(FILE *f, JsonMode mode, const char *json);

/* Columns as wide as their widest cell; those that hold numbers only stand to the right. */
typedef struct Table {
        size_t n_columns;
        char **cells;
        size_t n_cells;
        uint32_t states;  /* 1 << column of words of the API for how something is */
        bool is_headless; /* its first row is one like the others */
} Table;
void table_done(Table *t);
/* n_columns strings; NULL is "-". */
int table_add(Table *t, ...);
/* On stdout. At a terminal headings and states have colour, and no line is longer than it is wide:
 * of the last column, then of the widest, what does not fit is left out. */
void table_print(const Ctl *ctl, const Table *t);

/* The same rows for people and for programs. */
typedef struct Listing {
        Table table; /* the first row is what its columns are */
        Writer json; /* an array */
} Listing;
void listing_done(Listing *l);
/* What ctl->json asks for, by the pager; takes what is in json. Without rows people are told
 * nothing (may be NULL), on stderr. → exit status */
int listing_show(Ctl *ctl, Listing *l, const char *nothing);

/* Local time for people: "2026-11-22 10:41:15"; "" for 0. */
#define LOCAL_TIME_SIZE 24
void print_local_time(uint64_t realtime_usec, char ret[static LOCAL_TIME_SIZE]);
