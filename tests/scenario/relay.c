/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows pairs of connections and carries frames from one to the other; leaves what passes to the
 * hook. */
#include "scenario/relay.h"

#include <utlist.h>

#include "daemon/account/account-owner.h"
#include "net/dialer.h"
#include "net/listener.h"

typedef struct Link Link;

typedef struct Side {
        Link *link; /* weak */
        Conn *conn;
        char *held; /* to be said to this side, behind the next */
        bool to_member;
} Side;

struct Link {
        Relay *relay; /* weak */
        Link *prev, *next;
        Person *member; /* weak; NULL: the handshake is not done */
        Side member_side, host_side;
        Dialer *dialer;
        TlsConfig *tls; /* the member's */
        char *first; /* what the member said before there was a host to say it to */
        bool frozen;
        sd_event_source *end; /* it is over: from a later turn */
};

struct Relay {
        Person *host; /* weak */
        Listener *listener;
        Address address;
        relay_fn hook;
        void *userdata; /* weak */
        Link *links;
        struct {
                const Person *member;
                unsigned n;
        } dialled[8];
};

static void link_free(Link *l) {
        DL_DELETE(l->relay->links, l);
        sd_event_source_unref(l->end);
        dialer_free(l->dialer);
        conn_free(l->member_side.conn);
        conn_free(l->host_side.conn);
        free(l->member_side.held);
        free(l->host_side.held);
        free(l->first);
        tls_config_free(l->tls);
        free(l);
}

static int on_end(sd_event_source *source, void *userdata) {
        link_free(userdata);
        return 0;
}

static void end_soon(Link *l) {
        if (l->end)
                return;
        l->frozen = true;
        assert_int_equal(sd_event_add_defer(l->relay->host->rt.event, &l->end, on_end, l), 0);
}

static void say(Side *s, const char *line) {
        _cleanup_free_ char *text = NULL;

        assert_true(asprintf(&text, "%s\n", line) > 0);
        if (s->conn && conn_get_stage(s->conn) == CONN_OPEN)
                assert_int_equal(conn_send(s->conn, text, strlen(text)), 0);
}

static void pass(Side *to, const char *line, RelayVerdict verdict) {
        _cleanup_free_ char *held = NULL;

        switch (verdict) {
        case RELAY_DROP:
                return;
        case RELAY_CUT:
                end_soon(to->link);
                return;
        case RELAY_SWAP:
                if (!to->held) {
                        to->held = strdup(line);
                        return;
                }
                break;
        case RELAY_TWICE:
                say(to, line);
                break;
        case RELAY_PASS:
                break;
        }
        say(to, line);
        held = TAKE_PTR(to->held);
        if (held)
                say(to, held);
}

static void carry(Link *l, Side *to, const char *line) {
        RelayVerdict verdict = RELAY_PASS;

        if (l->relay->hook)
                verdict = l->relay->hook(l->member, to->to_member, line, l->relay->userdata);
        pass(to, line, verdict);
}

static bool on_line(Conn *c, const char *line, size_t n, void *userdata) {
        Side *from = userdata;
        Link *l = from->link;
        _cleanup_free_ char *text = strndup(line, n);

        assert_non_null(text);
        if (!from->to_member)
                carry(l, &l->member_side, text);
        else if (l->host_side.conn)
                carry(l, &l->host_side, text);
        else {
                l->first = TAKE_PTR(text);
                return false;
        }
        return !l->frozen;
}

static void on_too_large(Conn *c, void *userdata) {
        fail_msg("A frame that is too large.");
}

/* Who has gone: the other side hears of it, unless nothing is heard any more. */
static void on_closed(Conn *c, const ConnClosed *why, void *userdata) {
        Side *s = userdata;

        if (!s->link->frozen)
                end_soon(s->link);
        else
                conn_cut(c);
}

static const ConnHandlers host_handlers = {
        .on_line = on_line,
        .on_too_large = on_too_large,
        .on_closed = on_closed,
};

static void on_dialled(Conn *conn, const DialFailure *failure, void *userdata) {
        Link *l = userdata;

        l->dialer = dialer_free(l->dialer);
        if (!conn) {
                end_soon(l);
                return;
        }
        l->host_side.conn = conn;
        conn_set_frame_max(conn, FRAME_BYTES_MAX);
        conn_set_silence_max(conn, UINT64_MAX);
        conn_set_handlers(conn, &host_handlers, &l->host_side);
        if (l->first)
                carry(l, &l->host_side, l->first);
        conn_resume(l->member_side.conn);
}

static Person *find_member(World *w, const char *key_id) {
        char id[KEY_ID_SIZE];

        for (Person *p = w->people; p; p = p->next) {
                if (!p->manager)
                        continue;
                account_get_key_id(manager_get_account(p->manager), id);
                if (streq(id, key_id))
                        return p;
        }
        return NULL;
}

static void count_dialled(Relay *r, const Person *member) {
        for (size_t i = 0; i < ELEMENTSOF(r->dialled); i++)
                if (!r->dialled[i].member || r->dialled[i].member == member) {
                        r->dialled[i].member = member;
                        r->dialled[i].n++;
                        return;
                }
        fail_msg("Too many members.");
}

static void on_open(Conn *c, void *userdata) {
        Side *s = userdata;
        Link *l = s->link;
        Relay *r = l->relay;

        listener_conn_handshaked(r->listener, conn_get_address(c));
        l->member = find_member(r->host->world, conn_get_peer(c)->key_id);
        if (!l->member) { /* killed meanwhile */
                end_soon(l);
                return;
        }
        count_dialled(r, l->member);
        assert_int_equal(
                account_new_peer_tls(manager_get_account(l->member->manager), NULL, NULL, &l->tls),
                0);
        assert_int_equal(dialer_new_addresses(&r->host->rt, &r->host->listen, 1, l->tls, on_dialled,
                                              l, &l->dialer),
                         0);
}

static const ConnHandlers member_handlers = {
        .on_open = on_open,
        .on_line = on_line,
        .on_too_large = on_too_large,
        .on_closed = on_closed,
};

static void on_conn(Listener *listener, int fd, const Address *peer, void *userdata) {
        Relay *r = userdata;
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        Link *l;

        /* A host that is not there is not there. */
        if (!r->host->manager ||
            account_new_peer_tls(manager_get_account(r->host->manager), NULL, NULL, &tls) < 0) {
                close(fd);
                listener_conn_closed(listener, peer, false);
                return;
        }
        l = new0(Link, 1);
        assert_non_null(l);
        l->relay = r;
        l->member_side = (Side){ .link = l, .to_member = true };
        l->host_side = (Side){ .link = l };
        DL_APPEND(r->links, l);
        assert_int_equal(conn_new(&r->host->rt, fd, peer, tls, true, &member_handlers,
                                  &l->member_side, &l->member_side.conn),
                         0);
        conn_set_frame_max(l->member_side.conn, FRAME_BYTES_MAX);
        conn_set_silence_max(l->member_side.conn, UINT64_MAX);
}

Relay *relay_new(Person *host) {
        static const ListenerHandlers handlers = { .on_conn = on_conn };
        Relay *r = new0(Relay, 1);
        Address any;
        int fd;

        assert_non_null(r);
        r->host = host;
        assert_int_equal(address_parse("127.0.0.1:0", true, &any), 0);
        assert_int_equal(listener_bind(&any, &fd), 0);
        assert_int_equal(listener_new(&host->rt, fd, &handlers, r, &r->listener), 0);
        assert_int_equal(listener_get_address(r->listener, &r->address), 0);
        person_kill(host);
        host->advertise = r->address;
        host->is_advertised = true;
        person_start(host);
        return r;
}

Relay *relay_free(Relay *r) {
        Link *l, *next;

        if (!r)
                return NULL;
        DL_FOREACH_SAFE(r->links, l, next)
                link_free(l);
        listener_free(r->listener);
        free(r);
        return NULL;
}

void relay_set_hook(Relay *r, relay_fn hook, void *userdata) {
        r->hook = hook;
        r->userdata = userdata;
}

void relay_freeze(Relay *r, Person *member) {
        Link *l;

        DL_FOREACH(r->links, l)
                if (l->member == member)
                        l->frozen = true;
}

void relay_thaw(Relay *r, Person *member) {
        Link *l;

        DL_FOREACH(r->links, l) {
                if (l->member != member || l->end)
                        continue;
                l->frozen = false;
                conn_resume(l->member_side.conn);
                conn_resume(l->host_side.conn);
        }
}

void relay_cut(Relay *r, Person *member) {
        Link *l;

        DL_FOREACH(r->links, l)
                if (l->member == member)
                        end_soon(l);
}

unsigned relay_get_n_links(const Relay *r, const Person *member) {
        const Link *l;
        unsigned n = 0;

        DL_FOREACH(r->links, l)
                n += l->member == member && !l->end;
        return n;
}

unsigned relay_get_n_dialled(const Relay *r, const Person *member) {
        for (size_t i = 0; i < ELEMENTSOF(r->dialled); i++)
                if (r->dialled[i].member == member)
                        return r->dialled[i].n;
        return 0;
}

void relay_say_late(Relay *r, Person *member, const char *line) {
        Link *l;

        DL_FOREACH(r->links, l)
                if (l->member == member && l->frozen && !l->end && l->host_side.conn)
                        say(&l->host_side, line);
}
