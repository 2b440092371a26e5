/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows DEBUG: how far each connection of a channel is and how the disk does; changes nothing. */
#include "daemon/host/channel-host-internal.h"
#include "version.h"

static int compare_sessions(const void *a, const void *b) {
        const HostSession *x = *(const HostSession *const *) a;
        const HostSession *y = *(const HostSession *const *) b;
        int r;

        r = strcmp(x->actor.username, y->actor.username);
        return r != 0 ? r : strcmp(x->actor.key_id, y->actor.key_id);
}

void session_debug_place(const SessionDebug *s, char ret[static SESSION_PLACE_SIZE]) {
        snprintf(ret, SESSION_PLACE_SIZE, "%s/%s", s->username, s->key_id);
}

/* As rows are sorted, which their texts would not be: '/' is above '-' and '.'. */
int session_place_compare(const char *a, const char *b) {
        size_t n = strcspn(a, "/"), m = strcspn(b, "/");
        int r = memcmp(a, b, MIN(n, m));

        if (r != 0 || n != m)
                return r != 0 ? r : n < m ? -1 : 1;
        return strcmp(a + n, b + m);
}

static bool is_behind(const HostSession *s, const char *place) {
        char own[SESSION_PLACE_SIZE];

        snprintf(own, sizeof(own), "%s/%s", s->actor.username, s->actor.key_id);
        return session_place_compare(own, place) > 0;
}

int channel_host_each_session(const ChannelHost *h, const char *after,
                              channel_host_each_session_fn fn, void *userdata) {
        uint64_t head = channel_get_last_seq(h->channel);
        _cleanup_free_ const HostSession **list = NULL;
        const HostSession *s;
        size_t n = 0;
        int r = 0;

        list = new0(const HostSession *, h->n_sessions + 1);
        if (!list)
                return -ENOMEM;
        DL_FOREACH(h->sessions, s)
                if (s->connected && (!after || is_behind(s, after)))
                        list[n++] = s;
        qsort(list, n, sizeof(list[0]), compare_sessions);
        for (size_t i = 0; r == 0 && i < n; i++) {
                SessionDebug d = {
                        .user_type = list[i]->actor.user_type,
                        .is_invisible = !list[i]->appearance.is_seen,
                        .cursor = list[i]->cursor,
                        .lag = head - MIN(list[i]->cursor, head),
                        .queued_bytes = conn_get_queued(rpc_get_conn(list[i]->rpc)),
                };

                memcpy(d.username, list[i]->actor.username, sizeof(d.username));
                memcpy(d.key_id, list[i]->actor.key_id, sizeof(d.key_id));
                r = fn(&d, userdata);
        }
        return r;
}

void channel_host_get_debug(const ChannelHost *h, HostDebug *ret) {
        *ret = (HostDebug){ .n_connections = h->n_sessions };
        store_get_statistics(h->store, &ret->store);
}

/* ---- DEBUG ---- */

typedef struct DebugPage {
        Writer *w;
        size_t max_size; /* of w */
        uint64_t left;
        char last[SESSION_PLACE_SIZE];
        bool more;
} DebugPage;

static int write_session(const SessionDebug *s, void *userdata) {
        DebugPage *page = userdata;
        Writer *w = page->w;
        size_t size = w->size;
        bool needs_comma = w->needs_comma;

        if (page->left > 0) {
                writer_begin_object(w, NULL);
                writer_string(w, "username", s->username);
                writer_string(w, "user_type", user_type_to_string(s->user_type));
                writer_string(w, "key", s->key_id);
                writer_uint(w, "cursor", s->cursor);
                writer_uint(w, "lag", s->lag);
                writer_uint(w, "queued_bytes", s->queued_bytes);
                if (s->is_invisible)
                        writer_bool(w, "invisible", true);
                writer_end_object(w);
                if (w->size <= page->max_size) {
                        page->left--;
                        session_debug_place(s, page->last);
                        return 0;
                }
                writer_truncate(w, size, needs_comma);
        }
        page->more = true;
        return 1;
}

static int write_debug(const HostCall *c, const char *after, uint64_t limit, Writer *w) {
        DebugPage page = { .w = w, .left = limit };
        HostDebug d;
        int r;

        channel_host_get_debug(c->host, &d);
        writer_begin_object(w, NULL);
        writer_uint(w, "connections", d.n_connections);
        writer_begin_object(w, "store");
        writer_uint(w, "commits", d.store.n_commits);
        writer_uint(w, "commit_ms_p99", DIV_ROUND_UP(d.store.commit_usec_p99, USEC_PER_MSEC));
        writer_end_object(w);
        writer_uint(w, "uptime_s", d.store.uptime_usec / USEC_PER_SEC);
        writer_string(w, "version", P2PCHAT_VERSION);
        writer_begin_array(w, "members");
        page.max_size = read_payload_max(c) - SESSION_PLACE_SIZE - sizeof("],\"next\":\"\"}");
        r = channel_host_each_session(c->host, after, write_session, &page);
        writer_end_array(w);
        if (page.more)
                writer_string(w, "next", page.last);
        writer_end_object(w);
        return MIN(r, 0);
}

typedef struct DebugFields {
        const char *after;
        uint64_t limit;
} DebugFields;

void debug_request(const HostCall *c) {
        static const Field table[] = {
                { "after", FIELD_STRING, offsetof(DebugFields, after), false, 1,
                  SESSION_PLACE_SIZE - 1 },
                { "limit", FIELD_UINT, offsetof(DebugFields, limit), false, 1, MEMBERS_LIMIT_MAX },
                {},
        };
        DebugFields x = { .limit = MEMBERS_LIMIT_MAX };
        _cleanup_(writer_done) Writer w = {};
        Failure f;

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (channel_may_debug(c->host->channel, c->actor, host_now(c->host), &f) < 0)
                rpc_request_fail(c->q, &f);
        else if (write_debug(c, x.after, x.limit, &w) < 0)
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
        else
                rpc_request_reply(c->q, &w);
}
