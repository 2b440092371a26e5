/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that the row of a channel that is hosted here says what the end of its log says: the
 * tracker is told by it before the log is read, and must not show for a moment what is restricted.
 * Leaves what entries mean for people to channel/. */
#include "daemon/store/store-internal.h"

int store_truth_apply(SqlTx *tx, uint64_t row, const Entry *e) {
        _cleanup_(value_unrefp) Value *v = NULL;
        const char *view, *send;
        int r;

        if (e->kind != ENTRY_VIEW && e->kind != ENTRY_TOPIC)
                return 0;
        r = value_parse(e->extra, e->n_extra, &v);
        if (r < 0)
                return r;
        if (e->kind == ENTRY_TOPIC)
                return sql_run(tx, "UPDATE channel SET topic = coalesce(?, topic) WHERE id = ?",
                               "st", value_string(value_get(v, "topic"), NULL), row);
        view = value_string(value_get(v, "view_permission"), NULL);
        send = value_string(value_get(v, "send_permission"), NULL);
        return sql_run(tx,
                       "UPDATE channel SET view_permission = coalesce(?, view_permission),"
                       " send_permission = coalesce(?, send_permission) WHERE id = ?",
                       "sst", view, send, row);
}
