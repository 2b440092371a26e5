/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which spellings of a text search takes for the same, and the grams that its index keeps
 * instead of a text; leaves the index to store-index.c. */
#pragma once

#include "sql/sql.h"

/* Folding: case, by the tables of Unicode that SQLite has; accents on Latin letters; any run of
 * white space is one space. For one request: it lives on the connection. */
typedef struct Fold Fold;
int fold_new(SqlTx *tx, Fold **ret);
Fold *fold_free(Fold *f);
DEFINE_CLEANUP(Fold *, fold_free);
/* Borrowed until the next call; ends with a NUL that *ret_n does not count. */
int fold_text(Fold *f, const char *text, size_t n, const char **ret, size_t *ret_n);

/* The same of what search looks at in an entry's extra: 1. 0: nothing (no text, or a removed one).
 */
int fold_entry(Fold *f, const char *extra, size_t n_extra, const char **ret, size_t *ret_n);

/* Tokens of 25 bits of a hash, in letters that FTS5 takes for one word: of any three characters in
 * a row without a space; of one and of two where they are of a script (or pictures) that a person
 * looks for in ones and twos: U+0E00 and up. No text can be read out of an index. */
#define GRAM_SIZE 6 /* with the space behind it */
#define GRAMS_VERSION 1
typedef struct Grams {
        char *tokens; /* owned, NUL-terminated; NULL: none */
        size_t n, n_allocated;
} Grams;
void grams_done(Grams *g);
/* Adds those of a folded text, until there are n_max. */
int grams_add(Grams *g, const char *folded, size_t n, size_t n_max);
