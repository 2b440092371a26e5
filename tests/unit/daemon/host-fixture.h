/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a hosted channel behind a real listener and members that dial it over real TLS, in virtual
 * time; leaves what is expected to the tests. */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <utlist.h>

#include "daemon/peer.h"
#include "net/dialer.h"
#include "support/authority.h"
#include "support/loop.h"

#include <cmocka.h>

#define CHANNEL_ID "7f3c2a10-5b1e-4c57-9a41-0d6f3f1e2b11"
#define LIMIT_USEC (60 * USEC_PER_SEC)

typedef struct Member Member;

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *authority;
        char directory[64];
        Store *store;
        uint64_t identity, row;
        Actor owner; /* alice, the local user */
        ChannelHost *host;
        PeerServer *server;
        Address address;
        Member *members; /* Member.prev/next; a failed test leaves some */

        bool is_loaded;
        int loaded;
        unsigned n_entries; /* told by on_entries, each once and in order */
        unsigned n_members_told, n_peers_told;
        int disk;
        unsigned n_disk_told;
        char lookup[NAME_SIZE];
        uint64_t ticket;
        bool answer_lookup_at_once;
} Fixture;

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
        unsigned n_pushes, n_presence;
        size_t largest_push; /* entries in one */
        char presence[4096]; /* "bob+ carol- …" */
        uint64_t generation;
        char closed_reason[64], closed_channel[NAME_SIZE];
        char going_away[64];
        char *ping;

        bool is_answered;
        unsigned n_answers;
        ErrorCode answers[8];
        int r;
        Failure failure;
        Value *reply;
};

/* ---- waiting ---- */

/* Members are behind TCP, whose own timers run in real time: where nothing is ready, a millisecond
 * of it goes with each 10 ms of ours. */
static inline void wait_until(Fixture *f, bool (*condition)(void *userdata), void *userdata) {
        const uint64_t step = 10 * USEC_PER_MSEC;

        for (uint64_t passed = 0; passed < LIMIT_USEC; passed += step) {
                if (clock_virtual_run(f->loop->rt.clock, condition, userdata, 0) == 1)
                        return;
                (void) poll(NULL, 0, 1);
                if (clock_virtual_run(f->loop->rt.clock, condition, userdata, step) == 1)
                        return;
        }
        fail_msg("what was waited for did not come");
}

static inline bool is_true(void *userdata) {
        return *(const bool *) userdata;
}

static inline void wait_true(Fixture *f, const bool *flag) {
        wait_until(f, is_true, (void *) flag);
}

typedef struct Count {
        const unsigned *value;
        unsigned n;
} Count;

static inline bool is_reached(void *userdata) {
        const Count *c = userdata;

        return *c->value >= c->n;
}

static inline void wait_count(Fixture *f, const unsigned *value, unsigned n) {
        Count c = { value, n };

        wait_until(f, is_reached, &c);
}

/* ---- the host side ---- */

static inline void on_loaded(ChannelHost *h, int r, void *userdata) {
        Fixture *f = userdata;

        assert_false(f->is_loaded);
        f->is_loaded = true;
        f->loaded = r;
}

static inline void on_entries(ChannelHost *h, const Entry *entries, size_t n, void *userdata) {
        Fixture *f = userdata;

        assert_int_equal(entries[n - 1].seq, channel_get_last_seq(channel_host_get_channel(h)));
        f->n_entries += n;
}

static inline void on_members(ChannelHost *h, uint64_t generation, void *userdata) {
        Fixture *f = userdata;

        f->n_members_told++;
}

static inline void lookup_user(ChannelHost *h, const char *username, uint64_t ticket,
                               void *userdata) {
        Fixture *f = userdata;

        snprintf(f->lookup, sizeof(f->lookup), "%s", username);
        f->ticket = ticket;
        if (f->answer_lookup_at_once)
                channel_host_user_looked_up(h, ticket, NULL);
}

static inline void on_disk(ChannelHost *h, int r, void *userdata) {
        Fixture *f = userdata;

        f->disk = r;
        f->n_disk_told++;
}

static const ChannelHostHandlers host_handlers = {
        .on_loaded = on_loaded,
        .on_entries = on_entries,
        .on_members = on_members,
        .lookup_user = lookup_user,
        .on_disk = on_disk,
};

static inline void start_host(Fixture *f, const char *channel_id, uint64_t epoch) {
        f->is_loaded = false;
        assert_int_equal(channel_host_new(&f->loop->rt, f->store, f->row, "lobby", channel_id,
                                          epoch, &f->owner, &host_handlers, f, &f->host),
                         0);
        wait_true(f, &f->is_loaded);
}

typedef struct Row {
        bool is_done;
        uint64_t row;
} Row;

static inline void on_row(int r, uint64_t row, void *userdata) {
        Row *x = userdata;

        assert_int_equal(r, 0);
        *x = (Row){ true, row };
}

static inline void on_saved(int r, void *userdata) {
        assert_int_equal(r, 0);
        *(bool *) userdata = true;
}

static inline uint64_t add_channel(Fixture *f, uint64_t identity, const char *name,
                                   const char *channel_id) {
        StoredChannel c = {
                .identity = identity,
                .owner = "alice",
                .host = "alice",
                .hosted = true,
                .wanted = true,
                .role = ROLE_OWNER,
                .view = VIEW_PUBLIC,
                .send = SEND_REGISTERED,
                .epoch = 1,
        };
        Row x = {};

        snprintf(c.name, sizeof(c.name), "%s", name);
        snprintf(c.channel_id, sizeof(c.channel_id), "%s", channel_id);
        assert_int_equal(store_save_channel(f->store, &c, on_row, &x, NULL), 0);
        wait_true(f, &x.is_done);
        return x.row;
}

static inline uint64_t add_identity(Fixture *f) {
        StoredTracker t = { .address = "localhost:1", .ca_pem = "CA" };
        StoredIdentity i = { .user_type = USER_REGISTERED, .certificate_pem = "C", .key_pem = "K" };
        bool saved = false;
        Row x = {};

        snprintf(t.tracker_id, sizeof(t.tracker_id), "%s", f->authority->tracker_id);
        snprintf(t.pin, sizeof(t.pin), "%s", f->authority->pin);
        assert_int_equal(store_save_tracker(f->store, &t, on_saved, &saved, NULL), 0);
        wait_true(f, &saved);
        snprintf(i.tracker_id, sizeof(i.tracker_id), "%s", t.tracker_id);
        snprintf(i.username, sizeof(i.username), "alice");
        assert_int_equal(store_sign_in(f->store, &i, on_row, &x, NULL), 0);
        wait_true(f, &x.is_done);
        return x.row;
}

static inline void on_peers_changed(PeerServer *s, void *userdata) {
        Fixture *f = userdata;

        f->n_peers_told++;
}

static inline void start_server(Fixture *f) {
        static const PeerServerHandlers handlers = { .on_peers_changed = on_peers_changed };
        _cleanup_(tls_config_freep) TlsConfig *tls =
                test_authority_tls(f->authority, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        Address any;
        int fd;

        assert_int_equal(peer_server_new(&f->loop->rt, &handlers, f, &f->server), 0);
        assert_int_equal(address_parse("127.0.0.1:0", true, &any), 0);
        assert_int_equal(listener_bind(&any, &fd), 0);
        peer_server_set_tls(f->server, tls);
        assert_int_equal(peer_server_listen(f->server, fd), 0);
        assert_int_equal(peer_server_get_address(f->server, &f->address), 0);
}

static inline void open_store(Fixture *f) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/peer.sqlite", f->directory);
        assert_int_equal(store_new(&f->loop->rt, path, &f->store), 0);
}

static inline int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->loop = test_loop_new();
        f->authority = test_authority_new(f->loop->rt.clock);
        snprintf(f->directory, sizeof(f->directory), "/tmp/p2pchat-host-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        open_store(f);
        snprintf(f->owner.username, sizeof(f->owner.username), "alice");
        f->identity = add_identity(f);
        f->row = add_channel(f, f->identity, "lobby", CHANNEL_ID);
        start_host(f, CHANNEL_ID, 1);
        assert_int_equal(f->loaded, 0);
        start_server(f);
        assert_int_equal(peer_server_add_host(f->server, f->host), 0);
        *state = f;
        return 0;
}

static inline void remove_directory(const char *directory) {
        DIR *d = opendir(directory);
        struct dirent *entry;
        char path[PATH_MAX];

        assert_non_null(d);
        while ((entry = readdir(d))) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
                assert_int_equal(unlink(path), 0);
        }
        closedir(d);
        assert_int_equal(rmdir(directory), 0);
}

/* ---- members ---- */

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

        assert_true(get_uint(payload, "generation") > m->generation);
        m->generation = get_uint(payload, "generation");
        assert_true(value_length(changes) > 0);
        for (size_t i = 0; i < value_length(changes); i++) {
                const Value *v = value_at(changes, i);
                size_t n = strlen(m->presence);

                snprintf(m->presence + n, sizeof(m->presence) - n, "%s/%s%s ",
                         get_string(v, "username"), get_string(v, "role"),
                         streq(get_string(v, "status"), "online") ? "+" : "-");
        }
        m->n_presence++;
}

static inline void member_on_push(Rpc *r, const char *command, const Value *payload,
                                  void *userdata) {
        Member *m = userdata;
        const Value *entries = value_get(payload, "entries");

        if (streq(command, "GOING_AWAY")) {
                snprintf(m->going_away, sizeof(m->going_away), "%s", get_string(payload, "reason"));
                return;
        }
        assert_true(uuid_is_valid(get_string(payload, "channel_id")));
        if (streq(command, "CLOSED")) {
                snprintf(m->closed_reason, sizeof(m->closed_reason), "%s",
                         get_string(payload, "reason"));
                snprintf(m->closed_channel, sizeof(m->closed_channel), "%s",
                         get_string(payload, "channel_name"));
                assert_true(strlen(get_string(payload, "message")) > 0);
        } else if (streq(command, "PRESENCE")) {
                see_presence(m, payload);
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

static inline int teardown(void **state) {
        Fixture *f = *state;

        while (f->members)
                member_free(f->members);
        peer_server_free(f->server);
        channel_host_free(f->host, NULL);
        store_free(f->store);
        test_authority_free(f->authority);
        test_loop_free(f->loop);
        remove_directory(f->directory);
        free(f);
        return 0;
}

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

static inline const char *uuid_of(unsigned n) {
        static char ids[8][UUID_STRING_SIZE];
        static unsigned next;
        char *id = ids[next++ % ELEMENTSOF(ids)];

        snprintf(id, UUID_STRING_SIZE, "11111111-1111-4111-8111-%012u", n);
        return id;
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

/* Lets everything that is under way arrive, without a second passing. */
static inline void settle(Fixture *f) {
        test_loop_run(f->loop, 100 * USEC_PER_MSEC);
}

/* ---- the local user ---- */

typedef struct Local {
        unsigned n_done;
        Failure failure; /* of the latest */
        uint64_t seq;    /* of its last message */
} Local;

static inline void local_sent(const LocalResult *results, size_t n, const Failure *f,
                              void *userdata) {
        Local *l = userdata;

        l->n_done++;
        l->failure = f ? *f : results[n - 1].failure;
        l->seq = f ? 0 : results[n - 1].seq;
}

static inline void local_done(const Failure *f, void *userdata) {
        Local *l = userdata;

        l->n_done++;
        l->failure = f ? *f : (Failure){};
}

static inline void local_start(Fixture *f, Local *l, unsigned id, const char *text) {
        LocalMessage m = { .text = text };

        snprintf(m.id, sizeof(m.id), "%s", uuid_of(id));
        assert_int_equal(channel_host_send(f->host, &f->owner, &m, 1, local_sent, l), 0);
}

static inline void local_wait(Fixture *f, Local *l, unsigned n) {
        wait_count(f, &l->n_done, n);
}

/* n messages with ids first…; their length goes up and down, up to max bytes. */
static inline void local_fill(Fixture *f, unsigned first, unsigned n, size_t max) {
        char *text = calloc(1, max + 1);
        unsigned n_sent = 0;
        Local l = {};

        assert_non_null(text);
        for (unsigned i = 0; i < n; i++) {
                size_t size = 1 + (i * 7919) % max;

                memset(text, 'a' + (char) (i % 26), size);
                text[size] = '\0';
                local_start(f, &l, first + i, text);
                n_sent++;
                if (n_sent % 500 == 0)
                        local_wait(f, &l, n_sent);
        }
        local_wait(f, &l, n_sent);
        assert_int_equal(l.failure.code, ERROR_NONE);
        free(text);
}

static inline ErrorCode local_permissions(Fixture *f, ViewPermission view, SendPermission send) {
        Local l = {};

        assert_int_equal(
                channel_host_set_permissions(f->host, &f->owner, view, send, local_done, &l), 0);
        local_wait(f, &l, 1);
        return l.failure.code;
}

static inline ErrorCode local_authorize(Fixture *f, const char *target, Role role) {
        Local l = {};

        assert_int_equal(channel_host_authorize(f->host, &f->owner, target, role, local_done, &l),
                         0);
        local_wait(f, &l, 1);
        return l.failure.code;
}

static inline uint64_t head_of(const Fixture *f) {
        return channel_get_last_seq(channel_host_get_channel(f->host));
}
