/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one member's cursor into the log and what its connection is given next; leaves the log to
 * the store and who may to channel.h. */
#include "base/log-pace.h"
#include "daemon/host/channel-host-internal.h"
#include "daemon/message-ids.h"

#define PAGE_ENTRIES 300 /* about a frame of short messages */
#define PAGE_BYTES 60000
#define STALL_RETRY_USEC USEC_PER_SEC

static size_t entries_max(const ChannelHost *h) {
        return FRAME_BYTES_MAX - h->n_push_head - h->n_push_tail;
}

static void append_entries_frame(const ChannelHost *h, Writer *out, const char *entries, size_t n) {
        writer_bytes(out, h->push_head, h->n_push_head);
        writer_bytes(out, entries, n);
        writer_bytes(out, h->push_tail, h->n_push_tail);
}

static void stall(HostSession *s) {
        s->stalled = true;
        if (!clock_timer_is_armed(s->host->retry_timer))
                clock_timer_arm(s->host->retry_timer, STALL_RETRY_USEC);
}

void sessions_retry(void *host) {
        ChannelHost *h = host;
        HostSession *s;

        DL_FOREACH(h->sessions, s) {
                if (!s->stalled)
                        continue;
                s->stalled = false;
                if (s->source)
                        conn_source_wake(s->source);
        }
}

static void on_page(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        HostSession *s = userdata;
        uint64_t head = channel_get_last_seq(s->host->channel);

        s->page_job = NULL;
        for (size_t i = 0; r >= 0 && i < n && entries[i].seq <= head; i++) {
                size_t size = s->page.size;

                if (entries[i].seq != s->cursor + 1 + i) {
                        r = -EBADMSG;
                        break;
                }
                entry_write(&s->page, NULL, &entries[i]);
                if (s->page.size > entries_max(s->host)) {
                        writer_truncate(&s->page, size, true);
                        break;
                }
                s->page_last = entries[i].seq;
        }
        if (r >= 0 && s->page.error < 0)
                r = s->page.error;
        if (r >= 0 && s->page.size == 0)
                r = -EBADMSG; /* what was announced is not there, or fits into no frame */
        if (r < 0) {
                writer_done(&s->page);
                if (r != -ENOBUFS)
                        log_fields(store_log_level(s->host->store, r), r,
                                   LOG_FIELDS("CHAT_CHANNEL", s->host->name),
                                   "Cannot read the log after entry %" PRIu64, s->cursor);
                stall(s);
                return;
        }
        conn_source_wake(s->source);
}

static void read_page(HostSession *s) {
        PageQuery query = {
                .anchor = s->cursor,
                .limit = PAGE_ENTRIES,
                .max_bytes = PAGE_BYTES,
        };
        int r;

        if (s->page_job || s->stalled)
                return;
        r = store_read_page(s->host->store, s->host->row, &query, on_page, s, &s->page_job);
        if (r < 0)
                stall(s);
}

/* A conn_pull_fn: live delivery and catching up are this one function. */
static int session_pull(Conn *c, Writer *out, void *userdata) {
        HostSession *s = userdata;
        ChannelHost *h = s->host;
        const char *entries;
        size_t n;
        Failure f;

        host_end_soon(h);
        /* Without an entry only a clock that was set back takes a right: a ban holds again. */
        if (channel_may_view(h->channel, &s->actor, host_now(h), &f) < 0) {
                h->rights_due = true;
                (void) sd_event_source_set_enabled(h->pump, SD_EVENT_ONESHOT);
                return 0;
        }
        if (s->access_due && access_pull(s, out) > 0)
                return 1;
        if (roster_has_news(&h->roster, s) && roster_pull(&h->roster, s, out) > 0)
                return 1;
        if (s->page.size > 0) {
                append_entries_frame(h, out, s->page.data, s->page.size);
                s->cursor = s->page_last;
                writer_done(&s->page);
                return 1;
        }
        if (s->cursor >= channel_get_last_seq(h->channel))
                return 0;
        if (recent_has(&h->recent, s->cursor + 1)) {
                recent_get(&h->recent, s->cursor + 1, entries_max(h), &entries, &n, &s->cursor);
                append_entries_frame(h, out, entries, n);
                return 1;
        }
        read_page(s);
        return 0;
}

void sessions_wake(ChannelHost *h) {
        HostSession *s;

        DL_FOREACH(h->sessions, s)
                if (s->source)
                        conn_source_wake(s->source);
}

bool sessions_are_seen(const ChannelHost *h) {
        const HostSession *s;

        DL_FOREACH(h->sessions, s)
                if (s->appearance.is_seen)
                        return true;
        return false;
}

void sessions_reread(ChannelHost *h) {
        HostSession *s;

        DL_FOREACH(h->sessions, s) {
                s->page_job = job_free(s->page_job);
                writer_done(&s->page);
                if (s->source)
                        conn_source_wake(s->source);
        }
}

/* Nothing of the channel is given to the connection any more. */
static void session_pause(HostSession *s) {
        s->source = conn_source_free(s->source);
        s->page_job = job_free(s->page_job);
        writer_done(&s->page);
        s->stalled = false;
}

static void session_leave(HostSession *s, bool at_once) {
        ChannelHost *h = s->host;

        session_pause(s);
        s->connect_job = job_free(s->connect_job);
        s->connect = rpc_request_free(s->connect);
        if (s->in_flight)
                s->in_flight->session = NULL;
        s->in_flight = NULL;
        access_forget_refused(s);
        if (!s->connected)
                return;
        s->connected = false;
        h->n_sessions--;
        appearance_end(h, &s->actor, &s->appearance, at_once);
}

static HostSession *session_end(HostSession *s, bool left_at_once) {
        ChannelHost *h = s->host;

        session_leave(s, left_at_once);
        DL_DELETE(h->sessions, s);
        *s->slot = NULL;
        free(s);
        host_end_soon(h);
        return NULL;
}

HostSession *host_session_free(HostSession *s) {
        return s ? session_end(s, false) : NULL;
}

bool host_session_is_connected(const HostSession *s) {
        return s && s->connected;
}

bool host_session_is_seen(const HostSession *s) {
        return s && s->appearance.is_seen;
}

bool host_session_is_refused(const HostSession *s) {
        return s && s->refused;
}

static void tell_closed(const HostSession *s, const char *reason, const char *message) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", s->host->name);
        writer_string(&w, "channel_id", channel_get_id(s->host->channel));
        writer_string(&w, "reason", reason);
        writer_string(&w, "message", message);
        if (streq(reason, "moved"))
                writer_uint(&w, "last_seq", channel_get_last_seq(s->host->channel));
        writer_end_object(&w);
        (void) rpc_push(s->rpc, "CLOSED", &w); /* fails on a dying connection only */
}

void session_close(HostSession *s, const char *reason, const char *message) {
        session_pause(s);
        if (s->connect) /* where no reason is a code, there is no channel here any more */
                rpc_request_fail_code(TAKE_PTR(s->connect),
                                      error_from_wire(reason) > ERROR_NONE ? error_from_wire(reason)
                                                                           : ERROR_NO_SUCH_CHANNEL,
                                      "%s", message);
        if (s->connected)
                tell_closed(s, reason, message);
        /* Where the one in its place is invisible it looks like any other end. */
        (void) session_end(s, !streq(reason, "replaced"));
}

HostSession *host_session_close(HostSession *s, const char *reason, const char *message) {
        if (s)
                session_close(s, reason, message);
        return NULL;
}

void session_refuse(HostSession *s, const Failure *f) {
        session_pause(s);
        tell_closed(s, error_info(f->code)->wire, f->message);
        session_leave(s, true);
        if (access_keep_refused(s, f->code) < 0)
                (void) session_end(s, true);
        else
                host_end_soon(s->host);
}

/* A key has one session here: the newest. */
static void close_older(HostSession *s) {
        HostSession *other, *next;

        DL_FOREACH_SAFE(s->host->sessions, other, next)
                if (other != s && other->connected && !other->connect &&
                    streq(other->actor.key_id, s->actor.key_id))
                        session_close(other, "replaced", "This device has connected again.");
}

static void connect_refuse(HostSession *s, const Failure *f) {
        bool lost = error_info(f->code)->status == STATUS_UNAUTHORIZED;

        if (lost)
                log_paced(s->host->rt->pace, s->actor.username, LOG_NOTICE,
                          LOG_FIELDS("MESSAGE_ID", MESSAGE_MEMBER_DENIED, "CHAT_CHANNEL",
                                     s->host->name, "CHAT_USER", s->actor.username, "CHAT_REASON",
                                     error_info(f->code)->wire),
                          "%s was not let into %s: %s", s->actor.username, s->host->name,
                          error_info(f->code)->wire);
        rpc_request_fail(TAKE_PTR(s->connect), f);
        /* Who lost the right meanwhile is gone at once, like everybody who did. */
        session_leave(s, lost);
        if (access_keep_refused(s, f->code) < 0)
                (void) session_end(s, lost);
        else
                host_end_soon(s->host);
}

static int failure_conflict(const ChannelHost *h, Failure *f) {
        int r = failure_set(f, ERROR_CONFLICT,
                            "That is not an entry of this log; it ends at %" PRIu64 ".",
                            channel_get_last_seq(h->channel));

        f->last_seq = channel_get_last_seq(h->channel);
        f->epoch = channel_get_epoch(h->channel);
        return r;
}

static int start_source(HostSession *s) {
        int r;

        r = conn_source_new(rpc_get_conn(s->rpc), session_pull, s, &s->source);
        if (r < 0)
                return r;
        r = appearance_set(s->host, &s->actor, &s->appearance, s->connect_invisible,
                           s->connect_status);
        if (r < 0)
                return r;
        if (s->connected)
                return 0;
        s->connected = true;
        s->host->n_sessions++;
        return 0;
}

/* The answer to CONNECT; what was looked up is compared, rights are those of now. */
static void connect_finish(HostSession *s) {
        ChannelHost *h = s->host;
        _cleanup_(writer_done) Writer w = {};
        Failure f;
        int r;

        if (channel_may_connect(h->channel, &s->actor, host_now(h), &f) < 0) {
                connect_refuse(s, &f);
                return;
        }
        r = start_source(s);
        if (r < 0) {
                (void) failure_set(&f, ERROR_INTERNAL, "Out of memory.");
                connect_refuse(s, &f);
                return;
        }
        close_older(s);
        s->cursor = s->connect_since;
        s->presence_cursor = h->roster.generation;
        s->n_told = h->roster.n_online;
        access_forget_refused(s);
        access_told(s);

        writer_begin_object(&w, NULL);
        host_write_state(h, &s->actor, &w);
        writer_end_object(&w);
        rpc_set_frame_max(s->rpc, FRAME_BYTES_MAX);
        rpc_request_reply(TAKE_PTR(s->connect), &w);
        conn_source_wake(s->source);
}

static void on_entry_id(int r, const char *id, void *userdata) {
        HostSession *s = userdata;
        Failure f;

        s->connect_job = NULL;
        if (r < 0)
                (void) store_fail(s->host->store, &f, r, "The host cannot read its log");
        else if (!streq(id, s->connect_id))
                (void) failure_conflict(s->host, &f);
        else {
                connect_finish(s);
                return;
        }
        connect_refuse(s, &f);
}

typedef struct ConnectFields {
        uint64_t since, backlog;
        const char *since_id, *status;
        bool invisible;
} ConnectFields;

#define BACKLOG_NONE UINT64_MAX

static int check_connect(const ChannelHost *h, const Actor *actor, const ConnectFields *x,
                         Failure *f) {
        uint64_t last_seq = channel_get_last_seq(h->channel);
        int r;

        r = channel_may_connect(h->channel, actor, host_now(h), f);
        if (r < 0)
                return r;
        r = appearance_may_hide(actor, x->invisible, f);
        if (r < 0)
                return r;
        if (x->since > last_seq || (x->since > 0 && x->since == last_seq && x->since_id &&
                                    !streq(x->since_id, channel_get_last_id(h->channel))))
                return failure_conflict(h, f);
        return 0;
}

static int session_new(ChannelHost *h, const Actor *actor, Rpc *rpc, HostSession **slot) {
        HostSession *s = new0(HostSession, 1);

        if (!s)
                return -ENOMEM;
        *s = (HostSession){ .host = h, .slot = slot, .rpc = rpc, .actor = *actor };
        DL_APPEND(h->sessions, s);
        *slot = s;
        return 0;
}

void session_connect(ChannelHost *h, const Actor *actor, RpcRequest *q, HostSession **slot) {
        static const Field table[] = {
                { "since", FIELD_UINT, offsetof(ConnectFields, since), true },
                { "since_id", FIELD_STRING, offsetof(ConnectFields, since_id) },
                { "backlog", FIELD_UINT, offsetof(ConnectFields, backlog) },
                { "invisible", FIELD_BOOL, offsetof(ConnectFields, invisible), true },
                { "status", FIELD_STRING, offsetof(ConnectFields, status) },
                {},
        };
        ConnectFields x = { .backlog = BACKLOG_NONE };
        uint64_t last_seq = channel_get_last_seq(h->channel);
        HostSession *s = *slot;
        Failure f;
        int r;

        if (rpc_request_read(q, table, &x) < 0)
                return;
        if (s && s->connect) {
                rpc_request_fail_code(q, ERROR_BAD_REQUEST,
                                      "An earlier CONNECT is not answered yet.");
                return;
        }
        if (x.since_id && !uuid_is_valid(x.since_id)) {
                request_fail_field(q, "since_id", "the id of an entry, a UUID in lower case.");
                return;
        }
        if (x.backlog != BACKLOG_NONE && x.since > 0) {
                request_fail_field(q, "backlog", "goes with since 0 only.");
                return;
        }
        if (presence_said(x.status) < 0) {
                request_fail_field(q, "status", STATUS_RULE);
                return;
        }
        if (!s) {
                r = session_new(h, actor, rpc_request_get_rpc(q), slot);
                if (r < 0) {
                        rpc_request_fail_code(q, ERROR_INTERNAL, "Out of memory.");
                        return;
                }
                s = *slot;
        }

        session_pause(s); /* no push between CONNECT and its OK */
        s->connect = q;
        if (check_connect(h, actor, &x, &f) < 0) {
                connect_refuse(s, &f);
                return;
        }
        s->connect_invisible = x.invisible;
        s->connect_status = presence_said(x.status);
        s->connect_since = x.since;
        if (x.backlog != BACKLOG_NONE)
                s->connect_since = x.backlog < last_seq ? last_seq - x.backlog : 0;
        if (!x.since_id || x.since == 0 || x.since == last_seq) {
                connect_finish(s);
                return;
        }
        strcpy(s->connect_id, x.since_id);
        r = store_read_entry_id(h->store, h->row, x.since, on_entry_id, s, &s->connect_job);
        if (r < 0) {
                (void) host_fail_busy(&f, "The host has too much to do; try again.");
                connect_refuse(s, &f);
        }
}
