/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a member that dials a hosted channel over real TLS, and keeps what it is told; leaves the
 * host to host-fixture.h. */
#pragma once

#include "net/dialer.h"
#include "unit/daemon/host-fixture.h"

typedef struct Seen {
        uint64_t seq;
        char id[UUID_STRING_SIZE];
        EntryKind kind;
        char username[NAME_SIZE];
        char *extra;
} Seen;

struct Member {
        Fixture *fixture;
        Member *prev, *next;
        TlsConfig *tls;
        Dialer *dialer;
        Rpc *rpc;
        bool is_ready, is_closed;
        ConnClosed why;
        Seen *seen;
        size_t n_seen;
        unsigned n_pushes, n_presence, n_changes;
        size_t largest_push;        /* entries in one */
        char presence[4096];        /* "bob/none+ carol/member~ dave/none- …" */
        uint64_t n_online, n_reset; /* as told last, and how often with `reset` */
        uint64_t generation;
        char closed_reason[64], closed_channel[NAME_SIZE], closed_message[512];
        char access[256];        /* "view+send+ view-send- …", as it was told */
        size_t n_seen_at_access; /* entries, when it was told last */
        size_t n_seen_at_closed;
        unsigned n_presence_at_closed;
        char going_away[64];
        uint64_t resume_in_ms;
        char *ping;

        bool is_answered;
        unsigned n_answers;
        ErrorCode answers[8];
        int r;
        Failure failure;
        Value *reply;
};

static inline void see_entry(Member *m, const Value *v) {
        const char *bad = NULL;
        Entry e;
        Seen *s;

        assert_int_equal(entry_read(v, &e, &bad), 0);
        m->seen = realloc(m->seen, (m->n_seen + 1) * sizeof(Seen));
        assert_non_null(m->seen);
        s = &m->seen[m->n_seen++];
        *s = (Seen){ .seq = e.seq, .kind = e.kind, .extra = TAKE_PTR(e.extra) };
        memcpy(s->id, e.id, sizeof(s->id));
        memcpy(s->username, e.username, sizeof(s->username));
        if (m->n_seen > 1)
                assert_int_equal(e.seq, m->seen[m->n_seen - 2].seq + 1);
        entry_done(&e);
}

static inline const char *get_string(const Value *v, const char *key) {
        const char *s = value_string(value_get(v, key), NULL);

        assert_non_null(s);
        return s;
}

static inline uint64_t get_uint(const Value *v, const char *key) {
        uint64_t u = 0;

        assert_int_equal(value_uint(value_get(v, key), &u), 0);
        return u;
}

static inline void see_presence(Member *m, const Value *payload) {
        const Value *changes = value_get(payload, "changes");
        uint64_t n_before = m->n_online;
        bool reset = false;

        assert_true(get_uint(payload, "generation") > m->generation);
        m->generation = get_uint(payload, "generation");
        m->n_online = get_uint(payload, "members_online");
        (void) value_bool(value_get(payload, "reset"), &reset);
        m->n_reset += reset;
        assert_true(reset == (m->n_online > PRESENCE_ONLINE_MAX));
        if (reset)
                assert_int_equal(value_length(changes), 0);
        else
                assert_true(value_length(changes) > 0 || m->n_online != n_before);
        for (size_t i = 0; i < value_length(changes); i++) {
                const Value *v = value_at(changes, i);
                size_t n = strlen(m->presence);

                snprintf(m->presence + n, sizeof(m->presence) - n, "%s/%s%s ",
                         get_string(v, "username"), get_string(v, "role"),
                         streq(get_string(v, "status"), "online") ? "+"
                         : streq(get_string(v, "status"), "away") ? "~"
                                                                  : "-");
        }
        m->n_presence++;
        m->n_changes += value_length(changes);
}

static inline void see_access(Member *m, const Value *payload) {
        size_t n = strlen(m->access);
        bool can_view, can_send;

        assert_int_equal(value_bool(value_get(payload, "can_view"), &can_view), 0);
        assert_int_equal(value_bool(value_get(payload, "can_send"), &can_send), 0);
        snprintf(m->access + n, sizeof(m->access) - n, "view%csend%c ", can_view ? '+' : '-',
                 can_send ? '+' : '-');
        m->n_seen_at_access = m->n_seen;
}

static inline void member_on_push(Rpc *r, const char *command, const Value *payload,
                                  void *userdata) {
        Member *m = userdata;
        const Value *entries = value_get(payload, "entries");

        if (streq(command, "GOING_AWAY")) {
                snprintf(m->going_away, sizeof(m->going_away), "%s", get_string(payload, "reason"));
                assert_int_equal(value_uint(value_get(payload, "resume_in_ms"), &m->resume_in_ms),
                                 0);
                return;
        }
        assert_true(uuid_is_valid(get_string(payload, "channel_id")));
        if (streq(command, "CLOSED")) {
                snprintf(m->closed_reason, sizeof(m->closed_reason), "%s",
                         get_string(payload, "reason"));
                snprintf(m->closed_channel, sizeof(m->closed_channel), "%s",
                         get_string(payload, "channel_name"));
                snprintf(m->closed_message, sizeof(m->closed_message), "%s",
                         get_string(payload, "message"));
                assert_true(m->closed_message[0]);
                m->n_seen_at_closed = m->n_seen;
                m->n_presence_at_closed = m->n_presence;
        } else if (streq(command, "PRESENCE")) {
                see_presence(m, payload);
        } else if (streq(command, "ACCESS")) {
                see_access(m, payload);
        } else {
                assert_string_equal(command, "MESSAGE");
                assert_true(value_length(entries) > 0);
                m->n_pushes++;
                m->largest_push = MAX(m->largest_push, value_length(entries));
                for (size_t i = 0; i < value_length(entries); i++)
                        see_entry(m, value_at(entries, i));
        }
}

static inline void member_on_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        Member *m = userdata;

        m->is_ready = true;
}

static inline void member_on_ping(Rpc *r, const Value *payload, void *userdata) {
        _cleanup_(writer_done) Writer w = {};
        Member *m = userdata;

        writer_value(&w, NULL, payload);
        free(m->ping);
        assert_int_equal(writer_take(&w, &m->ping, NULL), 0);
}

static inline void member_on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        Member *m = userdata;

        m->is_closed = true;
        m->why = *why;
}

static inline void member_on_dialled(Conn *conn, const DialFailure *failure, void *userdata) {
        static const RpcHandlers handlers = {
                .on_ready = member_on_ready,
                .on_push = member_on_push,
                .on_ping = member_on_ping,
                .on_closed = member_on_closed,
        };
        static const RpcParameters parameters = {
                .agent = "test/1",
                .in_flight = 8,
                .frame_max = FRAME_BYTES_MAX,
        };
        Member *m = userdata;

        m->dialer = dialer_free(m->dialer);
        if (conn)
                assert_int_equal(
                        rpc_new(&m->fixture->loop->rt, conn, &parameters, &handlers, m, &m->rpc),
                        0);
        else
                m->is_closed = true;
}

static inline bool member_is_settled(void *userdata) {
        Member *m = userdata;

        return m->is_ready || m->is_closed;
}

static inline void member_dial(Member *m) {
        assert_int_equal(dialer_new_addresses(&m->fixture->loop->rt, &m->fixture->address, 1,
                                              m->tls, member_on_dialled, m, &m->dialer),
                         0);
        wait_until(m->fixture, member_is_settled, m);
}

static inline Member *member_new(Fixture *f, const char *name) {
        Member *m = new0(Member, 1);

        assert_non_null(m);
        m->fixture = f;
        DL_APPEND(f->members, m);
        m->tls =
                test_authority_tls(f->authority, name_is_guest(name) ? SUBJECT_GUEST : SUBJECT_USER,
                                   name, TLS_EXPECT_PEER);
        member_dial(m);
        assert_true(m->is_ready);
        return m;
}

static inline void member_forget(Member *m) {
        for (size_t i = 0; i < m->n_seen; i++)
                free(m->seen[i].extra);
        free(m->seen);
        m->seen = NULL;
        m->n_seen = 0;
        m->n_pushes = m->n_presence = 0;
        m->presence[0] = '\0';
}

static inline Member *member_free(Member *m) {
        if (!m)
                return NULL;
        DL_DELETE(m->fixture->members, m);
        dialer_free(m->dialer);
        rpc_free(m->rpc);
        tls_config_free(m->tls);
        member_forget(m);
        value_unref(m->reply);
        free(m->ping);
        free(m);
        return NULL;
}
DEFINE_CLEANUP(Member *, member_free);

static inline void member_on_reply(int r, const Value *payload, const Failure *failure,
                                   void *userdata) {
        _cleanup_(writer_done) Writer w = {};
        Member *m = userdata;

        m->is_answered = true;
        m->answers[m->n_answers++ % ELEMENTSOF(m->answers)] = failure ? failure->code : ERROR_NONE;
        m->reply = value_unref(m->reply);
        m->r = r;
        m->failure = failure ? *failure : (Failure){};
        if (payload) {
                writer_value(&w, NULL, payload);
                assert_int_equal(value_parse(w.data, w.size, &m->reply), 0);
        }
}

/* Sends {"channel_name":"lobby"<members>}; members begin with a comma. */
static inline _printf_(3, 0) void member_start_v(Member *m, const char *command, const char *format,
                                                 va_list ap) {
        _cleanup_(writer_done) Writer w = {};
        char *text = NULL;

        assert_true(vasprintf(&text, format, ap) >= 0);
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", "lobby");
        writer_bytes(&w, text, strlen(text));
        writer_end_object(&w);
        free(text);
        m->is_answered = false;
        m->reply = value_unref(m->reply);
        assert_int_equal(rpc_call(m->rpc, command, &w, 0, member_on_reply, m, NULL), 0);
}

static inline _printf_(3, 4) void member_start(Member *m, const char *command, const char *format,
                                               ...) {
        va_list ap;

        va_start(ap, format);
        member_start_v(m, command, format, ap);
        va_end(ap);
}

static inline ErrorCode member_wait(Member *m) {
        wait_true(m->fixture, &m->is_answered);
        assert_int_equal(m->r, 0);
        return m->failure.code;
}

static inline _printf_(3, 4) ErrorCode
        member_call(Member *m, const char *command, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        member_start_v(m, command, format, ap);
        va_end(ap);
        return member_wait(m);
}

static inline ErrorCode member_connect(Member *m, uint64_t since) {
        return member_call(m, "CONNECT", ",\"since\":%" PRIu64 ",\"invisible\":false", since);
}

#define MESSAGES_1 ",\"messages\":[{\"id\":\"%s\",\"message_content\":\"%s\"}]"

static inline ErrorCode member_send(Member *m, unsigned id, const char *text) {
        return member_call(m, "MESSAGE", MESSAGES_1, uuid_of(id), text);
}

static inline bool is_closed_there(void *userdata) {
        const Member *m = userdata;

        return m->closed_reason[0];
}

static inline void wait_closed(Member *m, const char *reason) {
        wait_until(m->fixture, is_closed_there, m);
        assert_string_equal(m->closed_reason, reason);
        assert_string_equal(m->closed_channel, "lobby");
}

typedef struct SeenUpTo {
        const Member *m;
        uint64_t seq;
} SeenUpTo;

static inline bool has_seen(void *userdata) {
        const SeenUpTo *x = userdata;

        return x->m->n_seen > 0 && x->m->seen[x->m->n_seen - 1].seq >= x->seq;
}

static inline void wait_seen(Member *m, uint64_t seq) {
        SeenUpTo x = { m, seq };

        wait_until(m->fixture, has_seen, &x);
        assert_int_equal(m->seen[m->n_seen - 1].seq, seq);
}

/* A test that failed leaves members behind. */
static inline int teardown(void **state) {
        Fixture *f = *state;

        while (f->members)
                member_free(f->members);
        peer_server_free(f->server);
        channel_host_free(f->host, NULL);
        store_free(f->store);
        test_authority_free(f->authority);
        test_loop_free(f->loop);
        scratch_free(f->directory);
        free(f);
        return 0;
}
