/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the connections that others have dialled, and to which hosted channel each request goes;
 * leaves the channels to channel-host.h and transport to net. */
#include "daemon/host/peer.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/log-pace.h"
#include "daemon/host/request-budget.h"
#include "daemon/message-ids.h"
#include "version.h"

#define AGENT "p2pchatd/" P2PCHAT_VERSION
#define RESUME_MIN_USEC (1 * USEC_PER_SEC)
#define RESUME_PER_PEER_USEC (5 * USEC_PER_MSEC) /* 200 handshakes a second: what one core does */
/* Who comes last finds itself still online: ten seconds of the roster's grace are for the restart
 * and the way back. */
#define RESUME_MAX_USEC (20 * USEC_PER_SEC)

typedef struct Peer Peer;

/* One channel on one connection. Stays where it is for as long as the connection lives, since a
 * session knows the address of its slot. */
typedef struct PeerChannel {
        ChannelHost *host; /* weak; NULL: removed */
        HostSession *session;
        RequestBudgets budgets;
        struct PeerChannel *next;
} PeerChannel;

struct Peer {
        PeerServer *server; /* weak */
        Listener *listener; /* weak; by which it came; NULL: closed since */
        Rpc *rpc;
        Address address;
        Actor actor;
        uint64_t number;
        uint64_t since;
        bool is_ready; /* HELLO is said: it counts as a peer */
        PeerChannel *channels;
        Peer *prev, *next;
};

typedef struct HostRow {
        char name[NAME_SIZE];
        ChannelHost *host; /* weak */
        UT_hash_handle hh;
} HostRow;

struct PeerServer {
        const Runtime *rt; /* weak */
        PeerServerHandlers handlers;
        void *userdata; /* weak */
        Listener *listeners[PEER_LISTENERS_MAX];
        size_t n_listeners;
        TlsConfig *tls;
        Peer *peers; /* Peer.prev/next; by number */
        size_t n_peers;
        uint64_t n_accepted;
        HostRow *hosts; /* hash of HostRow.name */
        bool was_reached;
};

static Peer *peer_free(Peer *p) {
        PeerServer *s = p->server;
        PeerChannel *c, *next;

        rpc_free(p->rpc);
        LL_FOREACH_SAFE(p->channels, c, next) {
                host_session_free(c->session);
                if (c->host)
                        channel_host_peer_gone(c->host, p->rpc);
                free(c);
        }
        DL_DELETE(s->peers, p);
        if (p->is_ready)
                s->n_peers--;
        if (p->listener)
                listener_conn_closed(p->listener, &p->address, p->is_ready);
        free(p);
        return NULL;
}

static void tell_changed(PeerServer *s) {
        if (s->handlers.on_peers_changed)
                s->handlers.on_peers_changed(s, s->userdata);
}

/* From another machine: neither over loopback nor from an address of this one. */
static bool comes_from_outside(Peer *p) {
        char theirs[ADDRESS_STRING_SIZE], ours[ADDRESS_STRING_SIZE];
        Address local;

        if (address_is_loopback(&p->address))
                return false;
        if (conn_get_local_address(rpc_get_conn(p->rpc), &local) < 0)
                return false;
        address_print_ip(&p->address, theirs);
        address_print_ip(&local, ours);
        return !streq(theirs, ours);
}

static void on_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        Peer *p = userdata;
        const Subject *subject = conn_get_peer(rpc_get_conn(r));

        assert(subject); /* TLS_EXPECT_PEER lets nobody in without */
        p->actor.user_type = subject->kind == SUBJECT_GUEST ? USER_GUEST : USER_REGISTERED;
        memcpy(p->actor.username, subject->name, sizeof(p->actor.username));
        memcpy(p->actor.key_id, subject->key_id, sizeof(p->actor.key_id));
        p->since = clock_realtime(p->server->rt->clock);
        p->is_ready = true;
        p->server->n_peers++;
        p->server->was_reached = p->server->was_reached || comes_from_outside(p);
        if (p->listener)
                listener_conn_handshaked(p->listener, &p->address);
        tell_changed(p->server);
}

static HostRow *find_host(PeerServer *s, const char *name) {
        HostRow *row;

        HASH_FIND_STR(s->hosts, name, row);
        return row;
}

/* The channel that the payload names, or NULL with the reason. */
static ChannelHost *find_channel(PeerServer *s, const Value *payload, Failure *f) {
        const char *name = value_string(value_get(payload, "channel_name"), NULL);
        const Value *id = value_get(payload, "channel_id");
        const char *channel_id = value_string(id, NULL);
        HostRow *row;

        if (!name || (id && !channel_id)) {
                const char *bad = name ? "channel_id" : "channel_name";

                (void) failure_set(f, ERROR_BAD_REQUEST,
                                   "\"%s\" is missing or not as the protocol says.", bad);
                snprintf(f->field, sizeof(f->field), "%s", bad);
                return NULL;
        }
        row = find_host(s, name);
        if (!row) {
                (void) failure_set(f, ERROR_NO_SUCH_CHANNEL, "There is no such channel here.");
                return NULL;
        }
        if (channel_id && channel_host_is_loaded(row->host) &&
            !streq(channel_id, channel_get_id(channel_host_get_channel(row->host)))) {
                (void) failure_set(f, ERROR_NO_SUCH_CHANNEL,
                                   "The channel of this name here is another one.");
                return NULL;
        }
        return row->host;
}

static PeerChannel *get_slot(Peer *p, ChannelHost *h) {
        PeerChannel *c;

        LL_SEARCH_SCALAR(p->channels, c, host, h);
        if (c)
                return c;
        c = new0(PeerChannel, 1);
        if (!c)
                return NULL;
        c->host = h;
        request_budgets_init(&c->budgets, clock_boottime(p->server->rt->clock));
        LL_PREPEND(p->channels, c);
        return c;
}

/* Those of the channels that were asked for first. */
static void forget_refused(Peer *p) {
        PeerChannel *c;
        size_t n = 0;

        LL_FOREACH(p->channels, c)
                if (host_session_is_refused(c->session) && ++n > REFUSED_PER_CONNECTION_MAX)
                        c->session = host_session_free(c->session);
}

static void on_request(Rpc *r, RpcRequest *q, void *userdata) {
        Peer *p = userdata;
        ChannelHost *h;
        PeerChannel *c;
        Failure f;

        if (!channel_host_knows_command(rpc_request_get_command(q))) {
                rpc_request_fail_code(q, ERROR_UNKNOWN_COMMAND, "A host has no such command.");
                return;
        }
        h = find_channel(p->server, rpc_request_get_payload(q), &f);
        if (!h) {
                rpc_request_fail(q, &f);
                return;
        }
        c = get_slot(p, h);
        if (!c) {
                rpc_request_fail_code(q, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        if (request_budgets_take(&c->budgets, rpc_request_get_command(q),
                                 clock_boottime(p->server->rt->clock), &f) < 0) {
                rpc_request_fail(q, &f);
                return;
        }
        channel_host_request(h, &p->actor, q, &c->session);
        if (host_session_is_refused(c->session))
                forget_refused(p);
}

/* One PING has room for all that one may host. */
static_assert(CHANNELS_HOSTED_MAX * (NAME_MAX_BYTES + sizeof("\"\":9007199254740991,")) + 256 <=
                      FRAME_BYTES_MAX,
              "heads of a connection must fit a frame");

static void fill_ping(Rpc *r, Writer *w, void *userdata) {
        const Peer *p = userdata;
        const PeerChannel *c;

        writer_begin_object(w, "heads");
        LL_FOREACH(p->channels, c)
                if (c->host && host_session_is_connected(c->session))
                        writer_uint(w, channel_host_get_name(c->host),
                                    channel_get_last_seq(channel_host_get_channel(c->host)));
        writer_end_object(w);
}

static void tell_refused(const Peer *p, const char *reason) {
        char ip[ADDRESS_STRING_SIZE];

        address_print_ip(&p->address, ip);
        log_paced(p->server->rt->pace, ip, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_PEER_REFUSED, "CHAT_PEER", ip, "CHAT_REASON",
                             reason),
                  "Refused %s by its certificate: %s.", ip, reason);
}

static void on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        Peer *p = userdata;
        PeerServer *s = p->server;
        bool was_ready = p->is_ready;
        char address[ADDRESS_STRING_SIZE];

        if (why->stage == CONN_HANDSHAKE && (why->error == -EACCES || why->error == -EKEYEXPIRED))
                tell_refused(p, why->message);
        address_print(&p->address, address);
        log_fields(LOG_DEBUG, 0,
                   LOG_FIELDS("CHAT_PEER", address, "CHAT_USER",
                              p->actor.username[0] ? p->actor.username : NULL),
                   "Peer %s is gone: %s", address, why->message);
        peer_free(p);
        if (was_ready)
                tell_changed(s);
}

static const RpcHandlers rpc_handlers = {
        .on_ready = on_ready,
        .on_request = on_request,
        .fill_ping = fill_ping,
        .on_closed = on_closed,
};

static int peer_new(PeerServer *s, Listener *l, int fd, const Address *address) {
        static const RpcParameters parameters = {
                .agent = AGENT,
                .in_flight = IN_FLIGHT_PEER,
                .frame_max = FRAME_BYTES_ANONYMOUS_MAX,
        };
        _cleanup_free_ Peer *p = new0(Peer, 1);
        Conn *conn;
        int r;

        if (!p) {
                close(fd);
                return -ENOMEM;
        }
        *p = (Peer){
                .server = s,
                .listener = l,
                .address = *address,
                .number = ++s->n_accepted,
        };
        r = conn_new(s->rt, fd, address, s->tls, true, NULL, NULL, &conn);
        if (r < 0)
                return r;
        r = rpc_new(s->rt, conn, &parameters, &rpc_handlers, p, &p->rpc);
        if (r < 0)
                return r;
        DL_APPEND(s->peers, p);
        TAKE_PTR(p);
        return 0;
}

static void on_conn(Listener *l, int fd, const Address *address, void *userdata) {
        PeerServer *s = userdata;
        int r = -ENOKEY;

        if (s->tls)
                r = peer_new(s, l, fd, address);
        else
                close(fd);
        if (r < 0)
                listener_conn_closed(l, address, false);
}

static void on_refused(Listener *l, const Address *address, const char *which_cap,
                       uint64_t n_refused, void *userdata) {
        PeerServer *s = userdata;
        char ip[ADDRESS_STRING_SIZE];

        address_print_ip(address, ip);
        log_paced(s->rt->pace, ip, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_CONNECTION_REFUSED, "CHAT_PEER", ip,
                             "CHAT_LIMIT", which_cap),
                  "Refused %s: too many connections (%s), %" PRIu64 " so far", ip, which_cap,
                  n_refused);
}

int peer_server_new(const Runtime *rt, const PeerServerHandlers *handlers, void *userdata,
                    PeerServer **ret) {
        PeerServer *s = new0(PeerServer, 1);

        if (!s)
                return -ENOMEM;
        *s = (PeerServer){ .rt = rt, .handlers = *handlers, .userdata = userdata };
        *ret = s;
        return 0;
}

PeerServer *peer_server_free(PeerServer *s) {
        HostRow *row, *next;

        if (!s)
                return NULL;
        while (s->peers)
                peer_free(s->peers);
        HASH_ITER(hh, s->hosts, row, next) {
                HASH_DEL(s->hosts, row);
                free(row);
        }
        while (s->n_listeners > 0)
                listener_free(s->listeners[--s->n_listeners]);
        tls_config_free(s->tls);
        free(s);
        return NULL;
}

int peer_server_listen(PeerServer *s, int fd) {
        static const ListenerHandlers handlers = {
                .on_conn = on_conn,
                .on_refused = on_refused,
        };

        int r;

        if (s->n_listeners == ELEMENTSOF(s->listeners)) {
                close(fd);
                return -E2BIG;
        }
        r = listener_new(s->rt, fd, &handlers, s, &s->listeners[s->n_listeners]);
        if (r < 0)
                return r;
        s->n_listeners++;
        return 0;
}

void peer_server_close(PeerServer *s, size_t i) {
        Peer *p;

        assert(i < s->n_listeners);
        DL_FOREACH(s->peers, p)
                if (p->listener == s->listeners[i])
                        p->listener = NULL;
        /* A service manager may have it, too: who dials is not to wait in its queue, and the place
         * is to be free. */
        (void) shutdown(listener_get_fd(s->listeners[i]), SHUT_RDWR);
        listener_free(s->listeners[i]);
        s->n_listeners--;
        memmove(&s->listeners[i], &s->listeners[i + 1],
                (s->n_listeners - i) * sizeof(s->listeners[0]));
}

int peer_server_get_address(const PeerServer *s, Address *ret) {
        return s->n_listeners > 0 ? listener_get_address(s->listeners[s->n_listeners - 1], ret)
                                  : -ENOTCONN;
}

int peer_server_get_fd(const PeerServer *s, size_t i) {
        assert(i < s->n_listeners);
        return listener_get_fd(s->listeners[i]);
}

void peer_server_set_tls(PeerServer *s, TlsConfig *tls) {
        bool had_peers = s->n_peers > 0;

        tls_config_free(s->tls);
        s->tls = tls ? tls_config_ref(tls) : NULL;
        if (tls)
                return;
        while (s->peers)
                peer_free(s->peers);
        if (had_peers)
                tell_changed(s);
}

void peer_server_sign_out(PeerServer *s) {
        Peer *p, *next;

        tls_config_free(s->tls);
        s->tls = NULL;
        DL_FOREACH_SAFE(s->peers, p, next)
                if (p->is_ready)
                        rpc_go_away(p->rpc, "stopping", 0);
                else
                        peer_free(p);
}

void peer_server_network_changed(PeerServer *s, const NetworkChange *x) {
        const NetworkChange lost = { .own = x->own, .n_own = x->n_own };
        Peer *p;

        DL_FOREACH(s->peers, p)
                network_change_apply(&lost, rpc_get_conn(p->rpc));
}

int peer_server_add_host(PeerServer *s, ChannelHost *h) {
        HostRow *row;

        if (find_host(s, channel_host_get_name(h)))
                return -EEXIST;
        row = new0(HostRow, 1);
        if (!row)
                return -ENOMEM;
        row->host = h;
        strcpy(row->name, channel_host_get_name(h));
        HASH_ADD_STR(s->hosts, name, row);
        if (!row->hh.tbl) {
                free(row);
                return -ENOMEM;
        }
        return 0;
}

void peer_server_remove_host(PeerServer *s, ChannelHost *h) {
        HostRow *row, *next;
        PeerChannel *c;
        Peer *p;

        HASH_ITER(hh, s->hosts, row, next)
                if (row->host == h) {
                        HASH_DEL(s->hosts, row);
                        free(row);
                }
        /* Sessions stay: the host says CLOSED to them when it is freed. */
        DL_FOREACH(s->peers, p)
                LL_FOREACH(p->channels, c)
                        if (c->host == h)
                                c->host = NULL;
}

void peer_server_hold(PeerServer *s, bool hold) {
        for (size_t i = 0; i < s->n_listeners; i++)
                listener_hold(s->listeners[i], hold);
}

static bool is_seen(const Peer *p) {
        const PeerChannel *c;

        LL_FOREACH(p->channels, c)
                if (host_session_is_seen(c->session))
                        return true;
        return false;
}

void peer_server_go_away(PeerServer *s, const char *reason) {
        uint64_t resume, n_seen = 0;
        Peer *p;

        /* All are told the time, and it says how many: not who must not be seen. */
        DL_FOREACH(s->peers, p)
                n_seen += is_seen(p);
        resume = MAX(RESUME_MIN_USEC, n_seen * RESUME_PER_PEER_USEC);
        DL_FOREACH(s->peers, p)
                rpc_go_away(p->rpc, reason, MIN(resume, RESUME_MAX_USEC));
}

void peer_server_cut_key(PeerServer *s, const char *key_id) {
        const Subject *subject;
        PeerChannel *c;
        Peer *p;

        DL_FOREACH(s->peers, p) {
                subject = conn_get_peer(rpc_get_conn(p->rpc));
                if (!subject || !streq(subject->key_id, key_id))
                        continue;
                log_fields(LOG_NOTICE, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_KEY_REVOKED, "CHAT_USER", subject->name,
                                      "CHAT_KEY", subject->key_id),
                           "Cut the connection of %s: the tracker has revoked its key.",
                           subject->name);
                LL_FOREACH(p->channels, c)
                        c->session = host_session_close(c->session, "revoked",
                                                        "This sign-in was revoked: sign in again.");
                rpc_go_away(p->rpc, "revoked", 0);
        }
}

size_t peer_server_get_n_peers(const PeerServer *s) {
        return s->n_peers;
}

bool peer_server_was_reached(const PeerServer *s) {
        return s->was_reached;
}

void peer_server_forget_reached(PeerServer *s) {
        s->was_reached = false;
}

int peer_server_each(const PeerServer *s, const ChannelHost *h, uint64_t after,
                     peer_server_each_fn fn, void *userdata) {
        const PeerChannel *c;
        const Peer *p;
        int r;

        DL_FOREACH(s->peers, p) {
                PeerInfo info = {
                        .number = p->number,
                        .username = p->actor.username,
                        .user_type = p->actor.user_type,
                        .address = &p->address,
                        .since = p->since,
                        .queued_bytes = conn_get_queued(rpc_get_conn(p->rpc)),
                };

                if (p->number <= after)
                        continue;
                LL_SEARCH_SCALAR(p->channels, c, host, h);
                if (!c || !host_session_is_connected(c->session))
                        continue;
                r = fn(&info, userdata);
                if (r != 0)
                        return r;
        }
        return 0;
}
