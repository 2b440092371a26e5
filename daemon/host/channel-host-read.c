/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows HISTORY, RET_INFO and MEMBERS: pages of the log and of the roster as one answer each.
 * Leaves the log to the store. */
#include "base/timestamp.h"
#include "daemon/host/channel-host-internal.h"

#define ENVELOPE_BYTES 256 /* status, id (quoted), brackets, what stands beside a list */
#define TIME_RULE "a time like 2026-01-31T23:59:59.000Z."
#define INFO_MESSAGES_MAX 50
#define INFO_MESSAGES_BYTES (32 * 1024)
#define AGAIN_MAX 5 /* then something is removed all the time, and the asker comes again */

struct HostRead {
        ChannelHost *host; /* weak */
        RpcRequest *q;
        Actor actor;
        Job *job;
        PageQuery query;
        uint64_t end;        /* entries above are not announced yet */
        size_t max_bytes;    /* of the answer's payload */
        uint64_t n_removals; /* of the host's, when it was read */
        unsigned n_again;
        void (*reply)(HostRead *read, const Entry *entries, size_t n, bool more);
        HostRead *prev, *next;
};

HostRead *host_read_free(HostRead *read) {
        if (!read)
                return NULL;
        DL_DELETE(read->host->reads, read);
        job_free(read->job);
        rpc_request_free(read->q);
        free(read);
        return NULL;
}
DEFINE_CLEANUP(HostRead *, host_read_free);

/* protocol §2 */
size_t read_payload_max(const HostCall *c) {
        return (host_session_is_connected(*c->session) ? FRAME_BYTES_MAX
                                                       : FRAME_BYTES_ANONYMOUS_MAX) -
               ENVELOPE_BYTES;
}

static bool refuse_view(const HostCall *c) {
        Failure f;

        if (channel_may_view(c->host->channel, c->actor, host_now(c->host), &f) >= 0)
                return false;
        rpc_request_fail(c->q, &f);
        return true;
}

static int read_begin(HostRead *read, store_page_fn on_page) {
        const ChannelHost *h = read->host;

        read->n_removals = h->n_removals;
        return store_read_page(h->store, h->row, &read->query, on_page, read, &read->job);
}

static void on_page(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        _cleanup_(host_read_freep) HostRead *read = userdata;
        Failure f;

        read->job = NULL;
        /* What it holds may be gone since. */
        if (r >= 0 && read->n_removals != read->host->n_removals) {
                r = read->n_again++ < AGAIN_MAX ? read_begin(read, on_page) : -EAGAIN;
                if (r >= 0) {
                        TAKE_PTR(read);
                        return;
                }
        }
        if (r < 0) {
                request_fail_busy(TAKE_PTR(read->q), "The log cannot be read now; try again.");
                return;
        }
        if (channel_may_view(read->host->channel, &read->actor, host_now(read->host), &f) < 0) {
                rpc_request_fail(TAKE_PTR(read->q), &f);
                return;
        }
        while (n > 0 && entries[n - 1].seq > read->end)
                n--;
        if (!read->query.before)
                more = more && n > 0 && entries[n - 1].seq < read->end;
        read->reply(read, entries, n, more);
}

static void read_submit(const HostCall *c, const PageQuery *query,
                        void (*reply)(HostRead *read, const Entry *entries, size_t n, bool more)) {
        _cleanup_(host_read_freep) HostRead *read = new0(HostRead, 1);
        int r = -ENOMEM;

        if (read) {
                *read = (HostRead){
                        .host = c->host,
                        .actor = *c->actor,
                        .query = *query,
                        .end = channel_get_last_seq(c->host->channel),
                        .max_bytes = read_payload_max(c),
                        .reply = reply,
                };
                DL_APPEND(c->host->reads, read);
                r = read_begin(read, on_page);
        }
        if (r < 0) {
                request_fail_busy(c->q, "The host has too much to do; try again.");
                return;
        }
        rpc_request_expect_large(c->q);
        read->q = c->q;
        TAKE_PTR(read);
}

/* Writes a run of entries that takes at most max bytes, from the old end or from the new one.
 * *ret_n: how many there were room for. */
static int write_entries(Writer *w, const char *key, const Entry *entries, size_t n,
                         bool from_newest, size_t max, size_t *ret_n) {
        _cleanup_(writer_done) Writer text = {};
        _cleanup_free_ size_t *ends = new0(size_t, n + 1);
        size_t first = 0, last = n, start = 0; /* last: exclusive */

        if (!ends)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                entry_write(&text, NULL, &entries[i]);
                ends[i + 1] = text.size + 1; /* behind the comma: where the next begins */
        }
        if (text.error < 0)
                return text.error;

        while (from_newest && first < last && ends[last] - 1 - ends[first] > max)
                first++;
        while (!from_newest && first < last && ends[last] - 1 > max)
                last--;
        start = ends[first];
        writer_begin_array(w, key);
        if (first < last)
                writer_raw(w, NULL, text.data + start, ends[last] - 1 - start);
        writer_end_array(w);
        *ret_n = last - first;
        return 0;
}

static void reply_history(HostRead *read, const Entry *entries, size_t n, bool more) {
        _cleanup_(writer_done) Writer w = {};
        size_t n_written;
        int r;

        writer_begin_object(&w, NULL);
        r = write_entries(&w, "entries", entries, n, read->query.before, read->max_bytes,
                          &n_written);
        if (r < 0) {
                rpc_request_fail_code(TAKE_PTR(read->q), ERROR_INTERNAL, "Out of memory.");
                return;
        }
        if (n_written == 0 && n > 0) {
                rpc_request_fail_code(TAKE_PTR(read->q), ERROR_TOO_LARGE,
                                      "That entry is for those who have joined: CONNECT first.");
                return;
        }
        writer_bool(&w, "more", more || n_written < n);
        writer_end_object(&w);
        answer_give(read->host, &read->actor, TAKE_PTR(read->q), channel_may_view, &w);
}

typedef struct HistoryFields {
        uint64_t before, after, limit;
        const char *since, *until;
} HistoryFields;

#define SEQ_NONE UINT64_MAX

void read_history(const HostCall *c) {
        static const Field table[] = {
                { "before", FIELD_UINT, offsetof(HistoryFields, before), false, 1, NUMBER_MAX },
                { "after", FIELD_UINT, offsetof(HistoryFields, after) },
                { "limit", FIELD_UINT, offsetof(HistoryFields, limit), true, 1, HISTORY_LIMIT_MAX },
                { "since", FIELD_STRING, offsetof(HistoryFields, since) },
                { "until", FIELD_STRING, offsetof(HistoryFields, until) },
                {},
        };
        HistoryFields x = { .before = SEQ_NONE, .after = SEQ_NONE };
        PageQuery query = { .max_bytes = read_payload_max(c) };

        if (rpc_request_read(c->q, table, &x) < 0 || refuse_view(c))
                return;
        if (x.before != SEQ_NONE && x.after != SEQ_NONE) {
                request_fail_field(c->q, "after", "either this or before.");
                return;
        }
        if (x.since && time_parse(x.since, &query.since) < 0) {
                request_fail_field(c->q, "since", TIME_RULE);
                return;
        }
        if (x.until && time_parse(x.until, &query.until) < 0) {
                request_fail_field(c->q, "until", TIME_RULE);
                return;
        }
        if (x.until)
                query.until = MAX(query.until, UINT64_C(1)); /* 0 would be no end */
        query.limit = (unsigned) x.limit;
        query.before = x.after == SEQ_NONE;
        query.anchor =
                query.before ? MIN(x.before, channel_get_last_seq(c->host->channel) + 1) : x.after;
        read_submit(c, &query, reply_history);
}

/* ---- the roster ---- */

typedef struct MemberPage {
        const Roster *roster;
        Writer *w;
        size_t max_size; /* of w */
        uint64_t left;
        char last[NAME_SIZE];
        bool more;
} MemberPage;

static int write_member(const RosterEntry *m, void *userdata) {
        MemberPage *page = userdata;
        size_t size = page->w->size;
        bool needs_comma = page->w->needs_comma;

        if (page->left > 0) {
                roster_write_row(page->roster, page->w, NULL, m);
                if (page->w->size <= page->max_size) {
                        page->left--;
                        memcpy(page->last, m->username, sizeof(page->last));
                        return 0;
                }
                writer_truncate(page->w, size, needs_comma);
        }
        page->more = true;
        return 1;
}

static int write_members_page(const ChannelHost *h, Writer *w, const char *after, uint64_t limit,
                              size_t max_bytes, const char *next_key) {
        MemberPage page = {
                .roster = &h->roster,
                .w = w,
                .max_size = w->size + max_bytes,
                .left = limit,
        };
        int r;

        writer_begin_array(w, "members");
        r = channel_host_each_member(h, after, write_member, &page);
        writer_end_array(w);
        if (page.more)
                writer_string(w, next_key, page.last);
        return MIN(r, 0);
}

typedef struct MembersFields {
        const char *after;
        uint64_t limit;
} MembersFields;

void read_members(const HostCall *c) {
        static const Field table[] = {
                { "after", FIELD_STRING, offsetof(MembersFields, after), false, 1, NAME_MAX_BYTES },
                { "limit", FIELD_UINT, offsetof(MembersFields, limit), true, 1, MEMBERS_LIMIT_MAX },
                {},
        };
        _cleanup_(writer_done) Writer w = {};
        MembersFields x = {};
        int r;

        if (rpc_request_read(c->q, table, &x) < 0 || refuse_view(c))
                return;
        writer_begin_object(&w, NULL);
        r = write_members_page(c->host, &w, x.after, x.limit, read_payload_max(c), "next");
        if (r < 0) {
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        writer_uint(&w, "generation", c->host->roster.generation);
        writer_end_object(&w);
        rpc_request_expect_large(c->q);
        answer_give(c->host, c->actor, c->q, channel_may_view, &w);
}

/* ---- RET_INFO ---- */

static int write_info(const HostRead *read, const Entry *messages, size_t n, bool with_bans,
                      Writer *w) {
        const ChannelHost *h = read->host;
        char next[LIST_NEXT_SIZE];
        size_t max;
        int r;

        writer_begin_object(w, NULL);
        host_write_state(h, &read->actor, w);
        /* Half for the messages, what they leave for people. */
        max = MIN((read->max_bytes - w->size) / 2, (size_t) INFO_MESSAGES_BYTES);
        r = write_entries(w, "messages", messages, n, true, max, &n);
        if (r < 0)
                return r;
        r = write_members_page(h, w, NULL, MEMBERS_LIMIT_MAX, (read->max_bytes - w->size) / 2,
                               "members_next");
        if (r < 0)
                return r;
        max = read->max_bytes - w->size - 2 * LIST_RESERVE;
        r = lists_write(h, &read->actor, LIST_AUTHORIZED, w, NULL, MEMBERS_LIMIT_MAX,
                        w->size + (with_bans ? max / 2 : max), next);
        if (r > 0)
                writer_bool(w, "authorized_more", true);
        if (r >= 0 && with_bans) {
                r = lists_write(h, &read->actor, LIST_BANNED, w, NULL, MEMBERS_LIMIT_MAX,
                                read->max_bytes - LIST_RESERVE, next);
                if (r > 0)
                        writer_bool(w, "banned_more", true);
        }
        writer_end_object(w);
        return MIN(r, 0);
}

static void reply_info(HostRead *read, const Entry *entries, size_t n, bool more) {
        _cleanup_free_ Entry *messages = new0(Entry, n + 1); /* their strings are borrowed */
        _cleanup_(writer_done) Writer w = {};
        const ChannelHost *h = read->host;
        size_t n_messages = 0;
        bool with_bans;
        Failure f;

        with_bans = channel_may_list_bans(h->channel, &read->actor, host_now(h), &f) >= 0;
        for (size_t i = 0; messages && i < n; i++)
                if (entries[i].kind == ENTRY_MESSAGE)
                        messages[n_messages++] = entries[i];
        if (!messages || write_info(read, messages, n_messages, with_bans, &w) < 0)
                rpc_request_fail_code(TAKE_PTR(read->q), ERROR_INTERNAL, "Out of memory.");
        else
                answer_give(read->host, &read->actor, TAKE_PTR(read->q),
                            with_bans ? channel_may_list_bans : channel_may_view, &w);
}

typedef struct InfoFields {
        const char *list, *after;
        uint64_t limit;
} InfoFields;

static void reply_list(const HostCall *c, const InfoFields *x) {
        bool is_bans = streq(x->list, "banned");
        _cleanup_(writer_done) Writer w = {};
        Failure f;

        if (channel_host_list(c->host, c->actor, is_bans ? LIST_BANNED : LIST_AUTHORIZED, x->after,
                              x->limit, read_payload_max(c), &w, &f) < 0) {
                rpc_request_fail(c->q, &f);
                return;
        }
        rpc_request_expect_large(c->q);
        answer_give(c->host, c->actor, c->q, is_bans ? channel_may_list_bans : channel_may_view,
                    &w);
}

void read_info(const HostCall *c) {
        static const Field table[] = {
                { "list", FIELD_STRING, offsetof(InfoFields, list) },
                { "after", FIELD_STRING, offsetof(InfoFields, after), false, 1,
                  LIST_NEXT_SIZE - 1 },
                { "limit", FIELD_UINT, offsetof(InfoFields, limit), false, 1, MEMBERS_LIMIT_MAX },
                {},
        };
        PageQuery query = {
                .anchor = channel_get_last_seq(c->host->channel) + 1,
                .before = true,
                .limit = INFO_MESSAGES_MAX,
                .max_bytes = INFO_MESSAGES_BYTES,
        };
        InfoFields x = { .limit = MEMBERS_LIMIT_MAX };

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (x.list && !streq(x.list, "authorized") && !streq(x.list, "banned")) {
                request_fail_field(c->q, "list", "authorized or banned.");
                return;
        }
        if (refuse_view(c))
                return;
        if (x.list)
                reply_list(c, &x);
        else
                read_submit(c, &query, reply_info);
}
