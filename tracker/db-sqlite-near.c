/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how users with similar names are found among any number of them; leaves what is similar to
 * near-names.h. */
#include "tracker/db-sqlite-internal.h"
#include "wire/limits.h"

typedef struct Search {
        SqlTx *tx;
        NearNames *near;
} Search;

static int look_up(const char *name, void *userdata) {
        Search *search = userdata;
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(search->tx, "SELECT 1 FROM user WHERE name = ? AND deleted = 0", "s", &s,
                        name);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r > 0)
                near_names_add(search->near, name);
        return MIN(r, 0);
}

/* Deleted ones are left out here, so that they count as rows. */
static int add_rows(NearNames *near, sqlite3_stmt *s) {
        int r;

        while ((r = sql_step(s)) > 0)
                if (sql_column_u64(s, 1) == 0)
                        near_names_add(near, sql_column_text(s, 0));
        return r;
}

static int work_get_near(SqlTx *tx, void *request) {
        DbCall *c = request;
        Search search = { tx, &c->near };
        sqlite3_stmt *s;
        int r;

        r = name_each_near(c->name, look_up, &search);
        if (r < 0)
                return r;
        r = sql_prepare(tx,
                        "SELECT name, deleted FROM user WHERE name < ? ORDER BY name DESC LIMIT ?",
                        "st", &s, c->name, (uint64_t) NEAR_ROWS_MAX / 2);
        if (r >= 0)
                r = add_rows(&c->near, s);
        if (r < 0)
                return r;
        r = sql_prepare(tx, "SELECT name, deleted FROM user WHERE name > ? ORDER BY name LIMIT ?",
                        "st", &s, c->name, (uint64_t) NEAR_ROWS_MAX / 2);
        return r < 0 ? r : add_rows(&c->near, s);
}

static void answer_near(DbCall *c, int r) {
        c->done.near(r, r < 0 ? NULL : &c->near, c->userdata);
}

int db_get_near(Db *db, const char *name, db_near_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = db_call_new(name, NULL);

        if (c) {
                c->done.near = done;
                near_names_init(&c->near, name);
        }
        return db_call_submit(db, c, false, work_get_near, answer_near, userdata, ret_call);
}
