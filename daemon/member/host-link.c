/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a connection to a host is dialled, checked, shared and lost; leaves channels to
 * channel-member. */
#define HASH_NONFATAL_OOM 1
#include "daemon/member/host-link.h"

#include <uthash.h>
#include <utlist.h>

#include "base/backoff.h"
#include "daemon/account/tracker-client.h"

#define BACKOFF_BASE_USEC (1 * USEC_PER_SEC)
#define BACKOFF_MAX_USEC (60 * USEC_PER_SEC)
/* Shorter and it counts as another failure: who hangs up at once is not dialled at full speed. */
#define STABLE_USEC (10 * USEC_PER_SEC)
/* The directory tells everybody at once that a host is back; they do not come at once. */
#define KICK_SPREAD_USEC (1 * USEC_PER_SEC)

typedef struct HostLink HostLink;

struct HostSlot {
        HostLink *link; /* weak */
        HostSlotHandlers handlers;
        void *userdata; /* weak */
        char channel_name[NAME_SIZE];
        bool told_up;
        size_t n_waiting;
        UT_hash_handle hh;
};

struct HostLink {
        HostLinks *links; /* weak */
        HostLink *prev, *next;
        unsigned n_ref;
        char host[NAME_SIZE];
        Address addresses[ADDRESSES_MAX];
        size_t n_addresses;
        HostSlot *slots; /* by name */
        Dialer *dialer;
        Rpc *rpc;
        bool ready;
        bool cut;             /* the connection counts no more */
        uint64_t ready_since; /* boottime */
        uint64_t resume_usec; /* what GOING_AWAY asked for; 0: nothing */
        ClockTimer *retry;    /* dials, or tells slots that came later that it is up */
        Backoff backoff;
        size_t n_waiting;
};

struct HostLinks {
        const Runtime *rt; /* weak */
        host_links_tls_fn make_tls;
        tls_check_fn check;
        void *userdata;  /* weak */
        HostLink *links; /* HostLink */
        OwnAddress *own; /* this machine's, by which addresses are put in order */
        size_t n_own;
};

static HostLink *host_link_ref(HostLink *l) {
        l->n_ref++;
        return l;
}

static HostLink *host_link_unref(HostLink *l) {
        if (!l || --l->n_ref > 0)
                return NULL;
        free(l);
        return NULL;
}
DEFINE_CLEANUP(HostLink *, host_link_unref);

/* Nobody is left, or it was never one: nothing of it runs any more. */
static void host_link_cut(HostLink *l) {
        if (l->retry)
                DL_DELETE(l->links->links, l);
        l->retry = clock_timer_free(l->retry);
        l->dialer = dialer_free(l->dialer);
        l->rpc = rpc_free(l->rpc);
        l->ready = false;
        host_link_unref(l);
}

/* A handler may free its own slot or others: each is told once, in an order that stands that. */
static HostSlot *next_to_tell(HostLink *l, bool up) {
        for (HostSlot *s = l->slots; s; s = s->hh.next)
                if (s->told_up != up)
                        return s;
        return NULL;
}

static void tell_up(HostLink *l) {
        HostSlot *s;

        while (l->ready && (s = next_to_tell(l, true))) {
                s->told_up = true;
                s->handlers.on_up(s, s->userdata);
        }
}

static void host_link_down(HostLink *link, const ConnClosed *why) {
        _cleanup_(host_link_unrefp) HostLink *l = host_link_ref(link);
        Clock *clock = l->links->rt->clock;
        Random *random = l->links->rt->random;
        uint64_t delay;
        HostSlot *s;

        if (l->ready && clock_boottime(clock) - l->ready_since >= STABLE_USEC)
                backoff_reset(&l->backoff);
        l->ready = l->cut = false;
        delay = backoff_next(&l->backoff, random);
        if (l->resume_usec > 0)
                delay = random_below(random, l->resume_usec);
        l->resume_usec = 0;
        clock_timer_arm(l->retry, delay);

        /* All are told, those too that never were up: an attempt has ended. */
        for (s = l->slots; s; s = s->hh.next)
                s->told_up = true;
        while (!l->ready && (s = next_to_tell(l, false))) {
                s->told_up = false;
                s->handlers.on_down(s, why, s->userdata);
        }
}

static void on_rpc_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        _cleanup_(host_link_unrefp) HostLink *l = host_link_ref(userdata);

        l->ready = true;
        l->ready_since = clock_boottime(l->links->rt->clock);
        tell_up(l);
}

static HostSlot *find_slot(HostLink *l, const char *channel_name) {
        HostSlot *s;

        HASH_FIND_STR(l->slots, channel_name, s);
        return s;
}

static void on_rpc_push(Rpc *r, const char *command, const Value *payload, void *userdata) {
        HostLink *l = userdata;
        const char *name;
        uint64_t resume_ms = 0;
        HostSlot *s;

        if (streq(command, "GOING_AWAY")) {
                if (value_uint(value_get(payload, "resume_in_ms"), &resume_ms) >= 0)
                        l->resume_usec = MIN(resume_ms * USEC_PER_MSEC, USEC_PER_HOUR);
                return;
        }
        name = value_string(value_get(payload, "channel_name"), NULL);
        s = name ? find_slot(l, name) : NULL;
        if (s && s->told_up)
                s->handlers.on_push(s, command, payload, s->userdata);
}

static int on_head(const char *key, const Value *value, void *userdata) {
        HostLink *l = userdata;
        HostSlot *s = find_slot(l, key);
        uint64_t last_seq;

        if (s && s->told_up && value_uint(value, &last_seq) >= 0)
                s->handlers.on_head(s, last_seq, s->userdata);
        return 0;
}

/* A handler frees no slot. */
static void tell_no_head(HostLink *l, const Value *heads) {
        HostSlot *s;

        for (s = l->slots; s; s = s->hh.next)
                if (s->told_up && !value_has(heads, s->channel_name))
                        s->handlers.on_no_head(s, s->userdata);
}

static void on_rpc_ping(Rpc *r, const Value *payload, void *userdata) {
        _cleanup_(host_link_unrefp) HostLink *l = host_link_ref(userdata);
        const Value *heads = value_get(payload, "heads");

        if (value_kind(heads) != VALUE_OBJECT)
                return;
        (void) value_each(heads, on_head, l);
        tell_no_head(l, heads);
}

static void on_rpc_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        HostLink *l = userdata;
        ConnClosed copy = *why;

        l->rpc = rpc_free(l->rpc);
        host_link_down(l, &copy);
}

static const RpcHandlers rpc_handlers = {
        .on_ready = on_rpc_ready,
        .on_push = on_rpc_push,
        .on_ping = on_rpc_ping,
        .on_closed = on_rpc_closed,
};

static void host_link_down_with(HostLink *l, int r) {
        ConnClosed why = { .error = r };

        snprintf(why.message, sizeof(why.message), "%s", strerror(-r));
        host_link_down(l, &why);
}

/* Protocol §1: the certificate names the host that we mean, before anything is said. */
static int on_check(const Subject *peer, void *userdata) {
        HostLink *l = userdata;

        if (peer->kind != SUBJECT_USER || !streq(peer->name, l->host))
                return -EACCES;
        return l->links->check ? l->links->check(peer, l->links->userdata) : 0;
}

static void on_dialled(Conn *conn, const DialFailure *failure, void *userdata) {
        static const RpcParameters parameters = { .agent = CLIENT_AGENT,
                                                  .in_flight = IN_FLIGHT_PEER,
                                                  .frame_max = FRAME_BYTES_MAX };
        HostLink *l = userdata;
        int r;

        l->dialer = dialer_free(l->dialer);
        if (failure) {
                ConnClosed why = failure->closed;

                host_link_down(l, &why);
                return;
        }
        /* It may have been revoked since it was shown. */
        r = on_check(conn_get_peer(conn), l);
        if (r < 0) {
                conn_free(conn);
                host_link_down_with(l, r);
                return;
        }
        r = rpc_new(l->links->rt, conn, &parameters, &rpc_handlers, l, &l->rpc);
        if (r < 0)
                host_link_down_with(l, r);
}

static void on_retry(void *userdata) {
        _cleanup_(host_link_unrefp) HostLink *l = host_link_ref(userdata);
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        int r;

        if (l->cut) {
                l->rpc = rpc_free(l->rpc);
                host_link_down_with(l, -EKEYREVOKED);
                return;
        }
        if (l->ready) {
                tell_up(l);
                return;
        }
        if (l->rpc || l->dialer)
                return;
        addresses_order(l->addresses, l->n_addresses, l->links->own, l->links->n_own);
        r = l->links->make_tls(on_check, l, l->links->userdata, &tls);
        if (r >= 0)
                r = dialer_new_addresses(l->links->rt, l->addresses, l->n_addresses, tls,
                                         on_dialled, l, &l->dialer);
        if (r < 0)
                host_link_down_with(l, r);
}

static void host_link_network_changed(HostLink *l, const NetworkChange *x) {
        uint64_t delay = random_below(l->links->rt->random, KICK_SPREAD_USEC);

        backoff_reset(&l->backoff);
        if (l->rpc)
                network_change_apply(x, rpc_get_conn(l->rpc));
        if (l->rpc || !x->is_better)
                return;
        l->dialer = dialer_free(l->dialer);
        if (clock_timer_deadline(l->retry) > clock_boottime(l->links->rt->clock) + delay)
                clock_timer_arm(l->retry, delay);
}

/* For want of memory it is the order of before. */
static void copy_own(HostLinks *links, const NetworkChange *x) {
        OwnAddress *own = new0(OwnAddress, x->n_own + 1);

        if (!own)
                return;
        if (x->n_own > 0)
                memcpy(own, x->own, x->n_own * sizeof(*own));
        free(links->own);
        links->own = own;
        links->n_own = x->n_own;
}

void host_links_network_changed(HostLinks *links, const NetworkChange *x) {
        HostLink *l;

        copy_own(links, x);
        DL_FOREACH(links->links, l)
                host_link_network_changed(l, x);
}

int host_links_new(const Runtime *rt, host_links_tls_fn make_tls, tls_check_fn check,
                   void *userdata, HostLinks **ret) {
        HostLinks *l = new0(HostLinks, 1);

        if (!l)
                return -ENOMEM;
        *l = (HostLinks){ .rt = rt, .make_tls = make_tls, .check = check, .userdata = userdata };
        (void) addresses_of_interfaces(&l->own, &l->n_own); /* unknown, they are tried as given */
        *ret = l;
        return 0;
}

void host_links_cut_key(HostLinks *links, const char *key_id) {
        const Subject *subject;
        HostLink *l;

        DL_FOREACH(links->links, l) {
                subject = l->rpc ? conn_get_peer(rpc_get_conn(l->rpc)) : NULL;
                if (!subject || !streq(subject->key_id, key_id))
                        continue;
                l->cut = true;
                clock_timer_arm(l->retry, 0); /* in the next turn: this may run inside it */
        }
}

HostLinks *host_links_free(HostLinks *l) {
        if (!l)
                return NULL;
        assert(!l->links);
        free(l->own);
        free(l);
        return NULL;
}

static bool link_is_at(const HostLink *l, const Address *addresses, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < l->n_addresses; k++)
                        if (address_equal(&addresses[i], &l->addresses[k]))
                                return true;
        return false;
}

static void link_set_addresses(HostLink *l, const Address *addresses, size_t n) {
        l->n_addresses = MIN(n, ELEMENTSOF(l->addresses));
        memcpy(l->addresses, addresses, l->n_addresses * sizeof(Address));
}

static int host_link_get(HostLinks *links, const char *host, const Address *addresses, size_t n,
                         HostLink **ret) {
        HostLink *l;
        int r;

        DL_FOREACH(links->links, l)
                if (streq(l->host, host) && link_is_at(l, addresses, n)) {
                        *ret = l;
                        return 0;
                }
        l = new0(HostLink, 1);
        if (!l)
                return -ENOMEM;
        *l = (HostLink){
                .links = links,
                .n_ref = 1,
                .backoff = { .base_usec = BACKOFF_BASE_USEC, .max_usec = BACKOFF_MAX_USEC },
        };
        snprintf(l->host, sizeof(l->host), "%s", host);
        link_set_addresses(l, addresses, n);
        r = clock_timer_new(links->rt->clock, on_retry, l, &l->retry);
        if (r < 0) {
                host_link_unref(l);
                return r;
        }
        DL_APPEND(links->links, l);
        *ret = l;
        return 0;
}

int host_slot_new(HostLinks *links, const char *host, const char *channel_name,
                  const Address *addresses, size_t n_addresses, const HostSlotHandlers *handlers,
                  void *userdata, HostSlot **ret) {
        _cleanup_free_ HostSlot *s = NULL;
        HostLink *l;
        int r;

        if (n_addresses == 0)
                return -EINVAL;
        s = new0(HostSlot, 1);
        if (!s)
                return -ENOMEM;
        r = host_link_get(links, host, addresses, n_addresses, &l);
        if (r < 0)
                return r;
        if (find_slot(l, channel_name))
                return -EEXIST;
        s->link = l;
        s->handlers = *handlers;
        s->userdata = userdata;
        snprintf(s->channel_name, sizeof(s->channel_name), "%s", channel_name);
        HASH_ADD_STR(l->slots, channel_name, s);
        if (!s->hh.tbl) {
                if (!l->slots)
                        host_link_cut(l);
                return -ENOMEM;
        }
        if (l->ready || (!l->rpc && !l->dialer && !clock_timer_is_armed(l->retry)))
                clock_timer_arm(l->retry, 0);

        *ret = TAKE_PTR(s);
        return 0;
}

HostSlot *host_slot_free(HostSlot *s) {
        HostLink *l;

        if (!s)
                return NULL;
        l = s->link;
        host_slot_set_waiting(s, 0);
        HASH_DEL(l->slots, s);
        free(s);
        if (!l->slots)
                host_link_cut(l);
        return NULL;
}

bool host_slot_is_at(const HostSlot *s, const Address *addresses, size_t n) {
        return link_is_at(s->link, addresses, n);
}

bool host_slot_set_addresses(HostSlot *s, const Address *addresses, size_t n) {
        HostLink *l = s->link;
        bool is_elsewhere = !link_is_at(l, addresses, n);

        /* A link of its own may follow its host anywhere; a shared one only while the others may be
         * meant as well. */
        if (is_elsewhere && (l->ready || HASH_COUNT(l->slots) > 1))
                return false;
        link_set_addresses(l, addresses, n);
        if (is_elsewhere && l->dialer) { /* where it is not any more */
                l->dialer = dialer_free(l->dialer);
                clock_timer_arm(l->retry, random_below(l->links->rt->random, KICK_SPREAD_USEC));
        }
        return true;
}

void host_slot_doubt(HostSlot *s, const Address *addresses, size_t n) {
        HostLink *l = s->link;

        if (!l->ready)
                return;
        for (size_t i = 0; i < n; i++)
                if (address_equal(&addresses[i], conn_get_address(rpc_get_conn(l->rpc))))
                        return;
        conn_probe(rpc_get_conn(l->rpc));
}

void host_slot_kick(HostSlot *s, bool at_once) {
        HostLink *l = s->link;
        uint64_t delay = at_once ? 0 : random_below(l->links->rt->random, KICK_SPREAD_USEC);

        if (l->ready || l->rpc || l->dialer)
                return;
        backoff_reset(&l->backoff);
        if (clock_timer_deadline(l->retry) > clock_boottime(l->links->rt->clock) + delay)
                clock_timer_arm(l->retry, delay);
}

bool host_slot_is_up(const HostSlot *s) {
        return s->link->ready && s->told_up;
}

uint64_t host_slot_get_next_retry(const HostSlot *s) {
        const HostLink *l = s->link;

        return !l->ready && clock_timer_is_armed(l->retry) ? clock_timer_deadline(l->retry) : 0;
}

int host_slot_call(HostSlot *s, const char *command, const Writer *payload, uint64_t timeout_usec,
                   rpc_reply_fn reply, void *userdata, RpcCall **ret_call) {
        if (!s->link->ready)
                return -ENOTCONN;
        return rpc_call(s->link->rpc, command, payload, timeout_usec, reply, userdata, ret_call);
}

void host_slot_set_waiting(HostSlot *s, size_t bytes) {
        HostLink *l = s->link;

        l->n_waiting = l->n_waiting - s->n_waiting + bytes;
        s->n_waiting = bytes;
        if (l->rpc)
                rpc_set_paused(l->rpc, l->n_waiting > HOST_LINK_BYTES_MAX);
}
