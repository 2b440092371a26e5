/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which spellings of a text search takes for the same, through the tokenizer of FTS5: it has
 * the tables. Leaves grams to store-grams.c. */
#include <limits.h>

#include "daemon/store/store-fold.h"

struct Fold {
        fts5_tokenizer type;
        Fts5Tokenizer *tokenizer;
        const char *from; /* what is being folded, and how much of it is done */
        size_t n_done;
        char *text;
        size_t n, n_allocated;
};

static int get_api(SqlTx *tx, fts5_api **ret) {
        _cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        *ret = NULL;
        r = sql_prepare_once(tx, &stmt, "SELECT fts5(?1)");
        if (r < 0)
                return r;
        if (sqlite3_bind_pointer(stmt, 1, ret, "fts5_api_ptr", NULL) != SQLITE_OK)
                return -ENOMEM;
        r = sql_step(stmt);
        return r < 0 ? r : *ret ? 0 : -EOPNOTSUPP;
}

int fold_new(SqlTx *tx, Fold **ret) {
        /* Every character is part of a word: nothing of a text is left out. */
        static const char *const arguments[] = { "remove_diacritics", "2", "categories",
                                                 "L* M* N* P* S* Z* C*" };
        _cleanup_(fold_freep) Fold *f = NULL;
        void *context;
        fts5_api *api;
        int r;

        f = new0(Fold, 1);
        if (!f)
                return -ENOMEM;
        r = get_api(tx, &api);
        if (r < 0)
                return r;
        if (api->xFindTokenizer(api, "unicode61", &context, &f->type) != SQLITE_OK)
                return -EOPNOTSUPP;
        r = f->type.xCreate(context, (const char **) arguments, ELEMENTSOF(arguments),
                            &f->tokenizer);
        if (r != SQLITE_OK)
                return r == SQLITE_NOMEM ? -ENOMEM : -EOPNOTSUPP;
        *ret = TAKE_PTR(f);
        return 0;
}

Fold *fold_free(Fold *f) {
        if (!f)
                return NULL;
        if (f->tokenizer)
                f->type.xDelete(f->tokenizer);
        free(f->text);
        free(f);
        return NULL;
}

static int append(Fold *f, const char *s, size_t n) {
        if (n >= f->n_allocated - f->n) {
                size_t size = MAX(2 * f->n_allocated, f->n + n + 1);
                char *text = realloc(f->text, size);

                if (!text)
                        return SQLITE_NOMEM;
                f->text = text;
                f->n_allocated = size;
        }
        memcpy(f->text + f->n, s, n);
        f->n += n;
        f->text[f->n] = '\0';
        return SQLITE_OK;
}

/* What lies between two tokens (code points that SQLite's tables do not know) stays as it is. */
static int on_token(void *context, int flags, const char *token, int n, int start, int end) {
        Fold *f = context;
        int r;

        r = append(f, f->from + f->n_done, (size_t) start - f->n_done);
        if (r == SQLITE_OK)
                r = append(f, token, (size_t) n);
        f->n_done = (size_t) end;
        return r;
}

/* The length of the space that begins here, 0: none. */
static size_t space_at(const char *s, size_t n) {
        if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
                return 1;
        if (n >= 2 && memcmp(s, "\xc2\xa0", 2) == 0) /* no-break space */
                return 2;
        return n >= 3 && memcmp(s, "\xe3\x80\x80", 3) == 0 ? 3 : 0; /* ideographic space */
}

static void join_spaces(Fold *f) {
        size_t n = 0;

        for (size_t i = 0, k; i < f->n; i += MAX(k, (size_t) 1)) {
                k = space_at(f->text + i, f->n - i);
                if (k == 0)
                        f->text[n++] = f->text[i];
                else if (n == 0 || f->text[n - 1] != ' ')
                        f->text[n++] = ' ';
        }
        f->n = n;
        f->text[n] = '\0';
}

int fold_text(Fold *f, const char *text, size_t n, const char **ret, size_t *ret_n) {
        int r;

        if (n > INT_MAX)
                return -E2BIG;
        f->from = text;
        f->n = f->n_done = 0;
        r = f->type.xTokenize(f->tokenizer, f, FTS5_TOKENIZE_DOCUMENT, text, (int) n, on_token);
        if (r == SQLITE_OK)
                r = append(f, text + f->n_done, n - f->n_done);
        if (r != SQLITE_OK)
                return -ENOMEM;
        join_spaces(f);
        *ret = f->text;
        *ret_n = f->n;
        return 0;
}
