/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows statements: how they are kept, bound, stepped and what their failures mean; leaves when
 * they run to sql.c. */
#include <stdarg.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "sql/sql-internal.h"

struct Statement {
        const char *text; /* a literal; the key */
        sqlite3_stmt *stmt;
        bool is_used;
        Statement *next_used;
        UT_hash_handle hh;
};

int sql_errno(sqlite3 *db, int code) {
        int system_error = db ? sqlite3_system_errno(db) : 0;

        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_IOERR:
                if (code == SQLITE_IOERR_NOMEM)
                        return -ENOMEM;
                switch (system_error) {
                case ENOSPC:
                case EDQUOT:
                case EFBIG: /* as good as full: RLIMIT_FSIZE */
                        return -ENOSPC;
                case EROFS:
                        return -EROFS;
                default:
                        return -EIO;
                }
        case SQLITE_CANTOPEN:
                return system_error > 0 ? -system_error : -EIO;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
                return -EBADMSG;
        case SQLITE_CONSTRAINT:
                return -EEXIST;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_TOOBIG:
                return -E2BIG;
        case SQLITE_INTERRUPT:
                return -ECANCELED;
        case SQLITE_ERROR:
        case SQLITE_MISUSE:
        case SQLITE_RANGE:
        case SQLITE_MISMATCH:
                return -EINVAL;
        default:
                return -EIO;
        }
}

static void statement_reset(Statement *s) {
        sqlite3_reset(s->stmt);
        sqlite3_clear_bindings(s->stmt);
}

int sql_tx_exec(SqlTx *tx, const char *text) {
        return sql_errno(tx->db, sqlite3_exec(tx->db, text, NULL, NULL, NULL));
}

void sql_tx_reset(SqlTx *tx) {
        while (tx->used) {
                Statement *s = tx->used;

                tx->used = TAKE_PTR(s->next_used);
                s->is_used = false;
                statement_reset(s);
        }
}

void sql_tx_close(SqlTx *tx) {
        Statement *s, *next;
        int r _unused_;

        sql_tx_reset(tx);
        HASH_ITER(hh, tx->statements, s, next) {
                HASH_DEL(tx->statements, s);
                sqlite3_finalize(s->stmt);
                free(s);
        }
        r = sqlite3_close(TAKE_PTR(tx->db));
        assert(r == SQLITE_OK);
}

static int statement_new(SqlTx *tx, const char *text, Statement **ret) {
        Statement *s;
        int r;

        s = new0(Statement, 1);
        if (!s)
                return -ENOMEM;
        *s = (Statement){ .text = text };
        r = sqlite3_prepare_v3(tx->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
        if (r != SQLITE_OK) {
                free(s);
                return sql_errno(tx->db, r);
        }
        HASH_ADD_PTR(tx->statements, text, s);
        if (!s->hh.tbl) {
                sqlite3_finalize(s->stmt);
                free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}

static int bind_one(sqlite3_stmt *stmt, int i, char type, sqlite3_destructor_type copy,
                    va_list *ap) {
        const void *blob;
        const char *text;
        uint64_t number;

        switch (type) {
        case 's':
                text = va_arg(*ap, const char *);
                return sqlite3_bind_text(stmt, i, text, -1, copy);
        case 't':
                number = va_arg(*ap, uint64_t);
                if (number > INT64_MAX) /* SQLite's integers are signed */
                        return SQLITE_RANGE;
                return sqlite3_bind_int64(stmt, i, (sqlite3_int64) number);
        case 'i':
                return sqlite3_bind_int(stmt, i, va_arg(*ap, int));
        case 'b':
                blob = va_arg(*ap, const void *);
                return sqlite3_bind_blob64(stmt, i, blob, va_arg(*ap, size_t), copy);
        default:
                return SQLITE_MISUSE;
        }
}

static int prepare(SqlTx *tx, const char *text, const char *types, sqlite3_destructor_type copy,
                   va_list *ap, Statement **ret) {
        Statement *s;
        int r;

        assert(tx->is_inline || !pthread_equal(pthread_self(), tx->loop_thread));
        HASH_FIND_PTR(tx->statements, &text, s);
        if (!s) {
                r = statement_new(tx, text, &s);
                if (r < 0)
                        return r;
        }
        assert(streq(sqlite3_sql(s->stmt), text)); /* else text is no literal */
        statement_reset(s);
        if (!s->is_used) {
                s->is_used = true;
                s->next_used = tx->used;
                tx->used = s;
        }
        if (!types)
                types = "";
        assert(sqlite3_bind_parameter_count(s->stmt) == (int) strlen(types));
        for (int i = 0; types[i]; i++) {
                r = bind_one(s->stmt, i + 1, types[i], copy, ap);
                if (r == SQLITE_RANGE)
                        return -ERANGE;
                if (r != SQLITE_OK)
                        return sql_errno(tx->db, r);
        }
        *ret = s;
        return 0;
}

int sql_prepare(SqlTx *tx, const char *text, const char *types, sqlite3_stmt **ret, ...) {
        Statement *s;
        va_list ap;
        int r;

        va_start(ap, ret);
        r = prepare(tx, text, types, SQLITE_TRANSIENT, &ap, &s);
        va_end(ap);
        if (r < 0)
                return r;
        *ret = s->stmt;
        return 0;
}

int sql_prepare_once(SqlTx *tx, sqlite3_stmt **ret, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int r;

        assert(tx->is_inline || !pthread_equal(pthread_self(), tx->loop_thread));
        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return sql_errno(tx->db, sqlite3_prepare_v2(tx->db, text, -1, ret, NULL));
}

sqlite3_stmt *sql_finalize(sqlite3_stmt *stmt) {
        sqlite3_finalize(stmt);
        return NULL;
}

int sql_step(sqlite3_stmt *stmt) {
        int r;

        r = sqlite3_step(stmt);
        return r == SQLITE_ROW ? 1 : sql_errno(sqlite3_db_handle(stmt), r);
}

int sql_run(SqlTx *tx, const char *text, const char *types, ...) {
        Statement *s;
        va_list ap;
        int r;

        va_start(ap, types);
        r = prepare(tx, text, types, SQLITE_STATIC, &ap, &s);
        va_end(ap);
        if (r < 0)
                return r;
        do
                r = sql_step(s->stmt);
        while (r > 0);
        statement_reset(s); /* what it was bound to is the caller's */
        return r;
}

uint64_t sql_column_u64(sqlite3_stmt *stmt, int column) {
        return (uint64_t) sqlite3_column_int64(stmt, column);
}

const char *sql_column_text(sqlite3_stmt *stmt, int column) {
        return (const char *) sqlite3_column_text(stmt, column) ?: "";
}

int64_t sql_last_insert_id(SqlTx *tx) {
        return sqlite3_last_insert_rowid(tx->db);
}

uint64_t sql_changes(SqlTx *tx) {
        return (uint64_t) sqlite3_changes64(tx->db);
}
