/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a log is read, a page at a time and in both directions; leaves writing it to
 * store-log.c. */
#include "base/text.h"
#include "daemon/store/store-internal.h"
#include "wire/json-scan.h"

/* SQLite does not notice when other bytes lie where a text was: what is handed on as it stands,
 * into frames and files of others, is looked at here. */
static int check_entry(const Entry *e, size_t n_extra) {
        if (!e->extra || e->n_extra != n_extra || e->extra[0] != '{' ||
            !text_is_valid(e->kind_name, strlen(e->kind_name), false) ||
            !text_is_valid(e->id, strlen(e->id), false) ||
            !text_is_valid(e->username, strlen(e->username), false))
                return -EBADMSG;
        return json_scan(e->extra, e->n_extra, NULL, NULL);
}

int store_read_entry(sqlite3_stmt *stmt, Entry *ret) {
        int r, error = 0;

        *ret = (Entry){
                .seq = sql_column_u64(stmt, 0),
                .kind = entry_kind_from_string(sql_column_text(stmt, 1)),
                .user_type = user_type_from_string(sql_column_text(stmt, 4)),
                .time = sql_column_u64(stmt, 5),
        };
        if (ret->user_type < 0)
                return -EBADMSG;
        r = store_column_copy(stmt, 1, ret->kind_name, sizeof(ret->kind_name));
        if (r < 0)
                return r;
        r = store_column_copy(stmt, 2, ret->id, sizeof(ret->id));
        if (r < 0)
                return r;
        r = store_column_copy(stmt, 3, ret->username, sizeof(ret->username));
        if (r < 0)
                return r;
        ret->extra = store_column_dup(stmt, 6, &error);
        ret->n_extra = ret->extra ? strlen(ret->extra) : 0;
        return error < 0 ? error : check_entry(ret, (size_t) sqlite3_column_bytes(stmt, 6));
}

int entry_list_reserve(EntryList *l) {
        Entry *entries;
        size_t n;

        if (l->n < l->n_allocated)
                return 0;
        n = l->n_allocated > 0 ? 2 * l->n_allocated : 32;
        entries = reallocarray(l->entries, n, sizeof(Entry));
        if (!entries)
                return -ENOMEM;
        l->entries = entries;
        l->n_allocated = n;
        return 0;
}

void entry_list_reverse(EntryList *l) {
        for (size_t i = 0; i < l->n / 2; i++) {
                Entry e = l->entries[i];

                l->entries[i] = l->entries[l->n - 1 - i];
                l->entries[l->n - 1 - i] = e;
        }
}

void entry_list_done(EntryList *l) {
        entries_free(l->entries, l->n);
        *l = (EntryList){};
}

typedef struct PageRequest {
        uint64_t row;
        PageQuery query;
        EntryList list;
        bool more;
        store_page_fn done;
} PageRequest;

static void page_request_free(void *request) {
        PageRequest *q = request;

        entry_list_done(&q->list);
        free(q);
}

/* Exclusive bounds of what may be in the page. */
typedef struct Range {
        uint64_t above, below;
} Range;

/* Time never goes back along a log and what is held has no hole, so a moment is found by halving:
 * the first seq from `from` to `end` whose entry is of that time or later, end where none is. */
static int find_time(SqlTx *tx, uint64_t row, uint64_t from, uint64_t end, uint64_t time,
                     uint64_t *ret) {
        while (from < end) {
                uint64_t middle = from + (end - from) / 2;
                sqlite3_stmt *stmt;
                int r;

                r = sql_prepare(tx, "SELECT time FROM entry WHERE channel = ? AND seq = ?", "tt",
                                &stmt, row, middle);
                if (r >= 0)
                        r = sql_step(stmt);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
                if (sql_column_u64(stmt, 0) < time)
                        from = middle + 1;
                else
                        end = middle;
        }
        *ret = from;
        return 0;
}

/* What is left of a copy that was dropped is not held. */
static int narrow(SqlTx *tx, uint64_t row, const PageQuery *query, Range *range) {
        uint64_t first, end, seq;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT first_seq, synced_seq FROM channel WHERE id = ?", "t", &stmt,
                        row);
        if (r >= 0)
                r = sql_step(stmt);
        if (r < 0)
                return r;
        first = r > 0 ? sql_column_u64(stmt, 0) : 0;
        if (first == 0) {
                range->below = 0;
                return 0;
        }
        end = sql_column_u64(stmt, 1) + 1;
        if (query->since > 0) {
                r = find_time(tx, row, first, end, query->since, &seq);
                if (r < 0)
                        return r;
                range->above = MAX(range->above, seq - 1);
        }
        if (query->until > 0 && query->until < UINT64_MAX) {
                r = find_time(tx, row, first, end, query->until + 1, &seq);
                if (r < 0)
                        return r;
                range->below = MIN(range->below, seq);
        }
        return 0;
}

#define ENTRIES_BETWEEN(index, kinds, order)                                                       \
        "SELECT " ENTRY_COLUMNS " FROM entry" index                                                \
        " WHERE channel = ? AND seq > ? AND seq < ?" kinds " ORDER BY seq" order
/* This index is named, so that a statement which could not use it fails instead of walking through
 * every message. */
#define GOVERNANCE_BETWEEN(order)                                                                  \
        ENTRIES_BETWEEN(" INDEXED BY entry_governance", " AND kind <> 'message'", order)

static int prepare_page(SqlTx *tx, const PageQuery *query, uint64_t row, sqlite3_stmt **ret) {
        uint64_t anchor = MIN(query->anchor, (uint64_t) INT64_MAX);
        Range range = { .above = query->before ? 0 : anchor, .below = INT64_MAX };
        const char *text;
        int r;

        if (query->before && anchor > 0)
                range.below = anchor;
        r = narrow(tx, row, query, &range);
        if (r < 0)
                return r;
        if (query->governance_only)
                text = query->before ? GOVERNANCE_BETWEEN(" DESC") : GOVERNANCE_BETWEEN("");
        else
                text = query->before ? ENTRIES_BETWEEN("", "", " DESC")
                                     : ENTRIES_BETWEEN("", "", "");
        return sql_prepare(tx, text, "ttt", ret, row, range.above, range.below);
}

static int work_page(SqlTx *tx, void *request) {
        PageRequest *q = request;
        sqlite3_stmt *stmt;
        size_t n_bytes = 0;
        int r;

        r = prepare_page(tx, &q->query, q->row, &stmt);
        if (r < 0)
                return r;
        while ((r = sql_step(stmt)) > 0) {
                if (q->list.n >= q->query.limit) {
                        q->more = true;
                        break;
                }
                r = entry_list_reserve(&q->list);
                if (r < 0)
                        return r;
                r = store_read_entry(stmt, &q->list.entries[q->list.n++]);
                if (r < 0)
                        return r;
                n_bytes += q->list.entries[q->list.n - 1].n_extra;
                if (q->query.max_bytes > 0 && n_bytes > q->query.max_bytes && q->list.n > 1) {
                        entry_done(&q->list.entries[--q->list.n]);
                        q->more = true;
                        break;
                }
        }
        if (q->query.before)
                entry_list_reverse(&q->list);
        return r < 0 ? r : 0;
}

static void on_page(int r, void *request, void *userdata) {
        PageRequest *q = request;

        if (!q->done)
                return;
        if (r < 0)
                q->done(r, NULL, 0, false, userdata);
        else
                q->done(0, q->list.entries, q->list.n, q->more, userdata);
}

int store_read_page(Store *s, uint64_t row, const PageQuery *query, store_page_fn done,
                    void *userdata, Job **ret_job) {
        PageRequest *q;

        if (query->limit == 0)
                return -EINVAL;
        q = new0(PageRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (PageRequest){ .row = row, .query = *query, .done = done };
        return store_read(s, work_page, q, page_request_free, on_page, userdata, ret_job);
}

static int read_id(SqlTx *tx, uint64_t row, uint64_t seq, char ret[static UUID_STRING_SIZE]) {
        sqlite3_stmt *stmt;
        int r;

        ret[0] = '\0';
        if (seq > INT64_MAX)
                return 0;
        r = sql_prepare(tx, "SELECT id FROM entry WHERE channel = ? AND seq = ?", "tt", &stmt, row,
                        seq);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        return store_column_copy(stmt, 0, ret, UUID_STRING_SIZE);
}

typedef struct EntryIdRequest {
        uint64_t row, seq;
        char id[UUID_STRING_SIZE];
        store_entry_id_fn done;
} EntryIdRequest;

static int work_entry_id(SqlTx *tx, void *request) {
        EntryIdRequest *q = request;

        return read_id(tx, q->row, q->seq, q->id);
}

static void on_entry_id(int r, void *request, void *userdata) {
        EntryIdRequest *q = request;

        if (q->done)
                q->done(r, r < 0 ? "" : q->id, userdata);
}

int store_read_entry_id(Store *s, uint64_t row, uint64_t seq, store_entry_id_fn done,
                        void *userdata, Job **ret_job) {
        EntryIdRequest *q;

        q = new0(EntryIdRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (EntryIdRequest){ .row = row, .seq = seq, .done = done };
        return store_read(s, work_entry_id, q, free, on_entry_id, userdata, ret_job);
}

typedef struct FindOtherRequest {
        uint64_t row, other;
        store_seq_fn done;
        size_t n;
        EntryId ids[];
} FindOtherRequest;

static int work_find_other(SqlTx *tx, void *request) {
        FindOtherRequest *q = request;
        char id[UUID_STRING_SIZE];
        int r = 0;

        for (size_t i = 0; i < q->n && q->other == 0 && r >= 0; i++) {
                r = read_id(tx, q->row, q->ids[i].seq, id);
                if (r >= 0 && id[0] && !streq(id, q->ids[i].id))
                        q->other = q->ids[i].seq;
        }
        return r;
}

static void on_found_other(int r, void *request, void *userdata) {
        FindOtherRequest *q = request;

        if (q->done)
                q->done(r, r < 0 ? 0 : q->other, userdata);
}

int store_find_other(Store *s, uint64_t row, const EntryId *ids, size_t n, store_seq_fn done,
                     void *userdata, Job **ret_job) {
        FindOtherRequest *q = calloc(1, sizeof(FindOtherRequest) + n * sizeof(EntryId));

        if (!q)
                return -ENOMEM;
        q->row = row;
        q->done = done;
        q->n = n;
        memcpy(q->ids, ids, n * sizeof(EntryId));
        return store_read(s, work_find_other, q, free, on_found_other, userdata, ret_job);
}
