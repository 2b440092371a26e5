/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who said what in a log, and which key a guest's name stood for; leaves what follows from it
 * to its callers. */
#include "daemon/store/store-internal.h"

typedef struct AuthorRequest {
        uint64_t row, seq;
        EntryAuthor author;
        store_author_fn done;
} AuthorRequest;

static int work_author(SqlTx *tx, void *request) {
        AuthorRequest *q = request;
        EntryAuthor *a = &q->author;
        sqlite3_stmt *stmt;
        int r;

        if (q->seq > INT64_MAX)
                return 0;
        r = sql_prepare(tx,
                        "SELECT username, user_type, coalesce(sender, ''),"
                        " substr(extra, 1, length(?3)) = ?3 FROM entry"
                        " WHERE channel = ?1 AND seq = ?2 AND kind = 'message'",
                        "tts", &stmt, q->row, q->seq, ENTRY_STUB_PREFIX);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        a->is_message = true;
        a->is_stub = sqlite3_column_int(stmt, 3);
        a->user_type = user_type_from_string(sql_column_text(stmt, 1));
        if (a->user_type < 0)
                return -EBADMSG;
        r = store_column_copy(stmt, 0, a->username, sizeof(a->username));
        return r < 0 ? r : store_column_copy(stmt, 2, a->sender, sizeof(a->sender));
}

static void on_author(int r, void *request, void *userdata) {
        AuthorRequest *q = request;

        if (q->done)
                q->done(MIN(r, 0), &q->author, userdata);
}

int store_read_author(Store *s, uint64_t row, uint64_t seq, store_author_fn done, void *userdata,
                      Job **ret_job) {
        AuthorRequest *q = new0(AuthorRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (AuthorRequest){ .row = row, .seq = seq, .done = done };
        return store_read(s, work_author, q, free, on_author, userdata, ret_job);
}

/* ---- whose a guest's name was ---- */

typedef struct GuestRequest {
        uint64_t row;
        char username[NAME_SIZE], key_id[KEY_ID_SIZE];
        store_guest_fn done;
} GuestRequest;

static int work_guest(SqlTx *tx, void *request) {
        GuestRequest *q = request;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT sender FROM entry WHERE channel = ? AND username = ?"
                        " AND user_type = 'GUEST' AND kind = 'message' AND length(sender) = ?"
                        " ORDER BY seq DESC LIMIT 1",
                        "tst", &stmt, q->row, q->username, (uint64_t) KEY_ID_SIZE - 1);
        if (r >= 0)
                r = sql_step(stmt);
        return r <= 0 ? r : store_column_copy(stmt, 0, q->key_id, sizeof(q->key_id));
}

static void on_guest(int r, void *request, void *userdata) {
        GuestRequest *q = request;

        if (q->done)
                q->done(MIN(r, 0), q->key_id, userdata);
}

int store_read_guest(Store *s, uint64_t row, const char *username, store_guest_fn done,
                     void *userdata, Job **ret_job) {
        GuestRequest *q = new0(GuestRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (GuestRequest){ .row = row, .done = done };
        snprintf(q->username, sizeof(q->username), "%s", username);
        return store_read(s, work_guest, q, free, on_guest, userdata, ret_job);
}
