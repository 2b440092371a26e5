/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether a person wishes to be seen. Leaves what follows from it to hosts and members. */
#include "daemon/store/store-internal.h"

typedef struct InvisibleRequest {
        uint64_t identity;
        bool invisible;
        store_done_fn done;
} InvisibleRequest;

int store_invisible_load(SqlTx *tx, uint64_t identity, bool *ret) {
        sqlite3_stmt *stmt;
        int r;

        *ret = false;
        r = sql_prepare(tx, "SELECT invisible FROM identity WHERE id = ?", "t", &stmt, identity);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r > 0)
                *ret = sql_column_u64(stmt, 0) != 0;
        return MIN(r, 0);
}

static int work_set(SqlTx *tx, void *request) {
        const InvisibleRequest *q = request;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "UPDATE identity SET invisible = ? WHERE id = ? RETURNING id", "it",
                        &stmt, (int) q->invisible, q->identity);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        return r == 0 ? -ENOENT : MIN(r, 0);
}

static void on_set(int r, void *request, void *userdata) {
        const InvisibleRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

int store_set_invisible(Store *s, uint64_t identity, bool invisible, store_done_fn done,
                        void *userdata, Job **ret_job) {
        InvisibleRequest *q = new0(InvisibleRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (InvisibleRequest){ .identity = identity, .invisible = invisible, .done = done };
        return store_write(s, work_set, q, free, on_set, userdata, ret_job);
}
