/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a database file is made and read on its own, ours or a stranger's; leaves databases at
 * work to sql.c. */
#include "sql/file.h"

#include <fcntl.h>
#include <inttypes.h>

#include "sql/sql-internal.h"

#define STEPS_PER_QUESTION 5000 /* of SQLite's machine: well below a millisecond */
#define SCHEMA_BYTES_MAX 65536  /* one statement of a schema; ours have 2 KiB */

struct SqlFile {
        SqlTx tx;
        char *path;
        sql_goes_on_fn goes_on;
        void *userdata; /* weak */
};

static int on_progress(void *userdata) {
        SqlFile *f = userdata;

        return !f->goes_on(f->userdata);
}

static int file_new(const char *path, int flags, sql_goes_on_fn goes_on, void *userdata,
                    SqlFile **ret) {
        _cleanup_(sql_file_freep) SqlFile *f = NULL;
        int r;

        f = new0(SqlFile, 1);
        if (!f)
                return -ENOMEM;
        *f = (SqlFile){
                .tx = { .is_inline = true, .loop_thread = pthread_self() },
                .path = strdup(path),
                .goes_on = goes_on,
                .userdata = userdata,
        };
        if (!f->path)
                return -ENOMEM;
        r = sqlite3_open_v2(path, &f->tx.db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                            NULL);
        if (r != SQLITE_OK)
                return f->tx.db ? sql_errno(f->tx.db, r) : -ENOMEM;
        sqlite3_progress_handler(f->tx.db, STEPS_PER_QUESTION, on_progress, f);
        *ret = TAKE_PTR(f);
        return 0;
}

SqlFile *sql_file_free(SqlFile *f) {
        if (!f)
                return NULL;
        if (f->tx.db)
                sql_tx_close(&f->tx);
        free(f->path);
        free(f);
        return NULL;
}

SqlTx *sql_file_get_tx(SqlFile *f) {
        return &f->tx;
}

static int read_number(SqlTx *tx, const char *text, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, text, "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r > 0)
                *ret = sql_column_u64(stmt, 0);
        sql_tx_reset(tx);
        return r < 0 ? r : r == 0 ? -EBADMSG : 0;
}

uint32_t sql_file_get_version(SqlFile *f) {
        uint64_t version;

        return read_number(&f->tx, "PRAGMA user_version", &version) < 0 ? 0 : (uint32_t) version;
}

/* ---- ours ---- */

static int set_config(sqlite3 *db, int option, int value) {
        return sql_errno(db, sqlite3_db_config(db, option, value, NULL));
}

int sql_file_set_triggers(SqlFile *f, bool on) {
        return set_config(f->tx.db, SQLITE_DBCONFIG_ENABLE_TRIGGER, on);
}

int sql_file_create(const char *path, const char *const *migrations, unsigned version,
                    sql_goes_on_fn goes_on, void *userdata, SqlFile **ret) {
        _cleanup_(sql_file_freep) SqlFile *f = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = file_new(path, SQLITE_OPEN_READWRITE, goes_on, userdata, &f);
        if (r >= 0)
                r = sql_tx_exec(&f->tx, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                                        "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                                        "PRAGMA secure_delete=ON");
        if (r >= 0)
                r = sql_file_set_triggers(f, false);
        if (r >= 0)
                r = sql_migrate(&f->tx, migrations, version);
        if (r >= 0)
                r = sql_tx_exec(&f->tx, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

int sql_file_migrate(SqlFile *f, const char *const *migrations) {
        int r;

        sql_tx_reset(&f->tx);
        r = sql_tx_exec(&f->tx, "COMMIT");
        if (r >= 0)
                r = sql_migrate(&f->tx, migrations, UINT32_MAX);
        return r < 0 ? r : sql_tx_exec(&f->tx, "BEGIN IMMEDIATE");
}

static int sync_file(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int sql_file_finish(SqlFile *file, uint32_t application_id) {
        _cleanup_(sql_file_freep) SqlFile *f = file;
        _cleanup_free_ char *path = NULL;
        char mark[64];
        int r;

        sql_tx_reset(&f->tx);
        snprintf(mark, sizeof(mark), "PRAGMA application_id=%" PRIu32, application_id);
        r = sql_tx_exec(&f->tx, mark);
        if (r >= 0)
                r = sql_tx_exec(&f->tx, "COMMIT");
        if (r < 0)
                return r;
        path = TAKE_PTR(f->path);
        f = sql_file_free(f);
        return sync_file(path);
}

int sql_file_open(const char *path, sql_goes_on_fn goes_on, void *userdata, SqlFile **ret) {
        _cleanup_(sql_file_freep) SqlFile *f = NULL;
        int r;

        r = file_new(path, SQLITE_OPEN_READONLY, goes_on, userdata, &f);
        if (r >= 0)
                r = sql_tx_exec(&f->tx, "PRAGMA temp_store=MEMORY; BEGIN");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

/* ---- a stranger's ---- */

static uint32_t read_be32(const uint8_t *p) {
        return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

/* https://www.sqlite.org/fileformat2.html#the_database_header */
int sql_header_read(const uint8_t bytes[static SQL_HEADER_BYTES], SqlHeader *ret) {
        uint32_t page_size = (uint32_t) bytes[16] << 8 | bytes[17];

        if (page_size == 1)
                page_size = 65536;
        if (memcmp(bytes, "SQLite format 3", 16) != 0 || page_size < 512 ||
            (page_size & (page_size - 1)) != 0)
                return -EBADMSG;
        /* A rollback journal, not a WAL; UTF-8; and a size in pages that is meant. */
        if (bytes[18] != 1 || bytes[19] != 1 || read_be32(bytes + 56) != 1 ||
            read_be32(bytes + 24) != read_be32(bytes + 92) || read_be32(bytes + 28) == 0)
                return -EBADMSG;
        *ret = (SqlHeader){
                .n_bytes = (uint64_t) page_size * read_be32(bytes + 28),
                .application_id = read_be32(bytes + 68),
                .user_version = read_be32(bytes + 60),
        };
        return 0;
}

static int harden(sqlite3 *db) {
        static const struct {
                int limit, value;
        } limits[] = {
                { SQLITE_LIMIT_LENGTH, SQL_COPY_TEXT_MAX + SCHEMA_BYTES_MAX },
                { SQLITE_LIMIT_SQL_LENGTH, SCHEMA_BYTES_MAX },
                { SQLITE_LIMIT_COLUMN, 64 },
                { SQLITE_LIMIT_EXPR_DEPTH, 64 },
                { SQLITE_LIMIT_COMPOUND_SELECT, 8 },
                { SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
                { SQLITE_LIMIT_ATTACHED, 0 },
        };
        static const struct {
                int option, value;
        } options[] = {
                { SQLITE_DBCONFIG_DEFENSIVE, 1 },      { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
                { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 }, { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
                { SQLITE_DBCONFIG_DQS_DML, 0 },        { SQLITE_DBCONFIG_DQS_DDL, 0 },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(limits); i++)
                (void) sqlite3_limit(db, limits[i].limit, limits[i].value);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(options); i++)
                r = set_config(db, options[i].option, options[i].value);
        return r;
}

#define READ_SCHEMA                                                                                \
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"

/* Every object and no other, made by the same words. */
static int compare_schemas(SqlTx *a, SqlTx *b) {
        sqlite3_stmt *x, *y;
        int r, k;

        r = sql_prepare(a, READ_SCHEMA, "", &x);
        if (r >= 0)
                r = sql_prepare(b, READ_SCHEMA, "", &y);
        if (r < 0)
                return r;
        do {
                r = sql_step(x);
                k = sql_step(y);
                if (r < 0 || k < 0)
                        return r < 0 ? r : k;
                if (r != k)
                        return -EBADMSG;
                for (int i = 0; r > 0 && i < 4; i++)
                        if (!streq(sql_column_text(x, i), sql_column_text(y, i)))
                                return -EBADMSG;
        } while (r > 0);
        return 0;
}

static int check_schema(SqlFile *f, const char *const *migrations, unsigned version) {
        _cleanup_(sql_file_freep) SqlFile *model = NULL;
        int r;

        r = file_new(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, f->goes_on,
                     f->userdata, &model);
        if (r >= 0)
                r = sql_migrate(&model->tx, migrations, version);
        if (r >= 0)
                r = compare_schemas(&f->tx, &model->tx);
        sql_tx_reset(&f->tx);
        return r;
}

int sql_check_pages(SqlTx *tx) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "PRAGMA integrity_check(1)", "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r >= 0)
                r = r > 0 && streq(sql_column_text(stmt, 0), "ok") ? 0 : -EBADMSG;
        sql_tx_reset(tx);
        return r;
}

int sql_file_open_foreign(const char *path, const char *const *migrations, sql_goes_on_fn goes_on,
                          void *userdata, SqlFile **ret) {
        _cleanup_(sql_file_freep) SqlFile *f = NULL;
        unsigned version, n = 0;
        int r;

        while (migrations[n])
                n++;
        r = file_new(path, SQLITE_OPEN_READONLY, goes_on, userdata, &f);
        if (r >= 0)
                r = harden(f->tx.db);
        if (r >= 0)
                r = sql_tx_exec(&f->tx, "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
                                        "PRAGMA mmap_size=0; PRAGMA query_only=ON");
        if (r < 0)
                return r;
        version = sql_file_get_version(f);
        if (version > n)
                return -EPROTONOSUPPORT;
        if (version == 0)
                return -EBADMSG;
        r = check_schema(f, migrations, version);
        if (r >= 0)
                r = sql_check_pages(&f->tx);
        if (r < 0) /* whatever SQLite minds here is the file's fault, but for these */
                return r == -ENOMEM || r == -ECANCELED || r == -EIO ? r : -EBADMSG;
        *ret = TAKE_PTR(f);
        return 0;
}

/* ---- rows ---- */

#define INTEGER_MAX ((INT64_C(1) << 53) - 1) /* what JSON, and so the wire, can say */

static int copy_cell(sqlite3_stmt *from, sqlite3_stmt *to, int column) {
        const char *text;
        int64_t number;
        int n;

        switch (sqlite3_column_type(from, column)) {
        case SQLITE_NULL:
                return sqlite3_bind_null(to, column + 1);
        case SQLITE_INTEGER:
                number = sqlite3_column_int64(from, column);
                if (number < 0 || number > INTEGER_MAX)
                        return SQLITE_CORRUPT;
                return sqlite3_bind_int64(to, column + 1, number);
        case SQLITE_TEXT:
                text = (const char *) sqlite3_column_text(from, column);
                n = sqlite3_column_bytes(from, column);
                if (!text)
                        return SQLITE_NOMEM;
                if (n > SQL_COPY_TEXT_MAX || memchr(text, 0, (size_t) n))
                        return SQLITE_CORRUPT;
                return sqlite3_bind_text(to, column + 1, text, n, SQLITE_STATIC);
        default:
                return SQLITE_CORRUPT;
        }
}

static bool is_left_out(const char *column, const char *const *without) {
        for (; without && *without; without++)
                if (streq(column, *without))
                        return true;
        return false;
}

/* Both by the names of the columns, so that their order does not matter. */
static int make_texts(sqlite3 *db, const char *table, const char *const *without, const char *only,
                      char **ret_select, char **ret_insert) {
        sqlite3_str *select = sqlite3_str_new(db), *insert = sqlite3_str_new(db);
        sqlite3_str *values = sqlite3_str_new(db);
        sqlite3_stmt *stmt = NULL;
        char *list, *text;
        int n = 0, r;

        sqlite3_str_appendall(select, "SELECT ");
        sqlite3_str_appendf(insert, "INSERT INTO \"%w\" (", table);
        text = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
        r = text ? sql_errno(db, sqlite3_prepare_v2(db, text, -1, &stmt, NULL)) : -ENOMEM;
        sqlite3_free(text);
        for (int i = 0; r >= 0 && i < sqlite3_column_count(stmt); i++) {
                const char *column = sqlite3_column_name(stmt, i);

                if (!column || is_left_out(column, without))
                        continue;
                sqlite3_str_appendf(select, "%s\"%w\"", n ? ", " : "", column);
                sqlite3_str_appendf(insert, "%s\"%w\"", n ? ", " : "", column);
                sqlite3_str_appendall(values, n ? ", ?" : "?");
                n++;
        }
        sqlite3_finalize(stmt);
        sqlite3_str_appendf(select, " FROM \"%w\"", table);
        if (only)
                sqlite3_str_appendf(select, " WHERE %s", only);
        list = sqlite3_str_finish(values);
        sqlite3_str_appendf(insert, ") VALUES (%s)", list ? list : "");
        sqlite3_free(list);
        *ret_select = sqlite3_str_finish(select);
        *ret_insert = sqlite3_str_finish(insert);
        return r < 0 ? r : *ret_select && *ret_insert ? 0 : -ENOMEM;
}

static int copy_rows(SqlFile *f, sqlite3_stmt *from, sqlite3 *db, sqlite3_stmt *to, uint64_t *n) {
        int n_columns = sqlite3_column_count(from), r;

        while ((r = sql_step(from)) > 0) {
                for (int i = 0; i < n_columns; i++) {
                        r = sql_errno(db, copy_cell(from, to, i));
                        if (r < 0)
                                return r;
                }
                r = sql_step(to);
                if (r == -EEXIST || r == -EINVAL) /* a constraint, a type */
                        r = -EBADMSG;
                if (r < 0)
                        return r;
                sqlite3_reset(to);
                (*n)++;
                if (!f->goes_on(f->userdata))
                        return -ECANCELED;
        }
        return r;
}

int sql_file_copy(SqlFile *from, SqlFile *to, const char *table, const char *const *without,
                  const char *only, uint64_t *ret_n) {
        sqlite3_stmt *source = NULL, *target = NULL;
        char *select = NULL, *insert = NULL;
        uint64_t n = 0;
        int r;

        r = make_texts(from->tx.db, table, without, only, &select, &insert);
        if (r >= 0)
                r = sql_errno(from->tx.db,
                              sqlite3_prepare_v2(from->tx.db, select, -1, &source, NULL));
        if (r >= 0)
                r = sql_errno(to->tx.db, sqlite3_prepare_v2(to->tx.db, insert, -1, &target, NULL));
        if (r >= 0)
                r = copy_rows(from, source, to->tx.db, target, &n);
        sqlite3_finalize(source);
        sqlite3_finalize(target);
        sqlite3_free(select);
        sqlite3_free(insert);
        if (r >= 0 && ret_n)
                *ret_n = n;
        return r;
}
