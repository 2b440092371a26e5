/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the tracker's connection and the calls that wait for it; leaves identities to account.c. */
#include "daemon/account/tracker-client.h"

#include <utlist.h>

#include "base/backoff.h"

#define BACKOFF_BASE_USEC (1 * USEC_PER_SEC)
#define BACKOFF_MAX_USEC (60 * USEC_PER_SEC)
/* Shorter and it counts as another failure: a tracker that hangs up at once is not dialled at full
 * speed. */
#define STABLE_USEC (10 * USEC_PER_SEC)
/* A name that is not found costs nobody but our own resolver, which in a network that comes up is
 * the last to be there. */
#define NAME_RETRY_USEC (5 * USEC_PER_SEC)
/* After the network changed; not all at once. */
#define NETWORK_SPREAD_USEC (USEC_PER_SEC / 2)

struct TrackerCall {
        TrackerClient *client; /* weak */
        TrackerCall *prev, *next;
        char *command;
        Writer payload;
        bool has_payload;
        uint64_t timeout_usec;
        tracker_reply_fn reply;
        void *userdata;     /* weak */
        RpcCall *sent;      /* NULL: parked */
        uint64_t parked_at; /* the attempt that decides about it */
};

struct TrackerClient {
        const Runtime *rt; /* weak */
        TrackerClientHandlers handlers;
        void *userdata; /* weak */
        char *host;
        uint16_t port;
        TlsConfig *tls;
        Dialer *dialer;
        Rpc *rpc;
        bool ready, released, freeing;
        bool replaced;        /* nothing is dialled */
        bool has_no_address;  /* its name was not found in the last attempt */
        bool cut;             /* the connection is from before the present TLS configuration */
        uint64_t n_attempts;  /* that have ended, well or not */
        uint64_t ready_since; /* boottime */
        uint64_t resume_usec; /* what GOING_AWAY asked for; 0: nothing */
        ClockTimer *retry;
        Backoff backoff;
        TrackerCall *calls; /* TrackerCall */
};

TrackerCall *tracker_call_free(TrackerCall *c) {
        if (!c)
                return NULL;
        DL_DELETE(c->client->calls, c);
        rpc_call_free(c->sent);
        if (c->payload.data) /* there may be a password in it */
                explicit_bzero(c->payload.data, c->payload.size);
        writer_done(&c->payload);
        free(c->command);
        free(c);
        return NULL;
}

static void tracker_call_complete(TrackerCall *c, const Value *payload, const Failure *f) {
        tracker_reply_fn reply = c->reply;
        void *userdata = c->userdata;

        tracker_call_free(c);
        reply(payload, f, userdata);
}

static void on_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        TrackerCall *c = userdata;
        Failure f;

        c->sent = NULL;
        if (r == -ETIMEDOUT)
                failure_set(&f, ERROR_TIMEOUT, "The tracker did not answer in time.");
        else if (c->client->freeing)
                failure_set(&f, ERROR_CANCELLED, "The tracker is not used any more.");
        else if (r == -ENOTCONN)
                failure_set(&f, ERROR_TRACKER_UNREACHABLE, "The tracker hung up.");
        else if (r < 0)
                failure_set(&f, ERROR_TIMEOUT, "The tracker hung up before it answered.");
        else if (failure)
                f = *failure;
        tracker_call_complete(c, payload, r < 0 || failure ? &f : NULL);
}

static int tracker_call_send(TrackerCall *c) {
        return rpc_call(c->client->rpc, c->command, c->has_payload ? &c->payload : NULL,
                        c->timeout_usec, on_reply, c, &c->sent);
}

/* What is parked from inside a completion waits for the next attempt. */
static TrackerCall *find_parked(TrackerClient *t, uint64_t attempt) {
        TrackerCall *c;

        DL_FOREACH(t->calls, c)
                if (!c->sent && c->parked_at <= attempt)
                        return c;
        return NULL;
}

static void fail_parked(TrackerClient *t, const Failure *f) {
        uint64_t attempt = t->n_attempts++;
        TrackerCall *c;

        while ((c = find_parked(t, attempt)))
                tracker_call_complete(c, NULL, f);
}

void tracker_client_describe(const ConnClosed *why, Failure *ret) {
        if (why->error == -ENOKEY)
                failure_set(ret, ERROR_UNTRUSTED_TRACKER,
                            "Nobody has accepted this tracker yet; it offers the pin %s. If that "
                            "is the one its operator names: p2pchatctl tracker ADDRESS --pin=PIN.",
                            why->offered_pin);
        else if (why->error == -EKEYREJECTED)
                failure_set(ret, ERROR_PIN_MISMATCH,
                            "The tracker offers the pin %s, which is not the one accepted before: "
                            "this is another tracker, or one that was set up anew. Ask its "
                            "operator; nothing is sent to it. To accept it: p2pchatctl tracker "
                            "ADDRESS --pin=PIN.",
                            why->offered_pin);
        else
                failure_set(ret, ERROR_TRACKER_UNREACHABLE, "The tracker cannot be reached: %s",
                            why->message[0] ? why->message : "it hung up.");
}

static void tracker_client_down(TrackerClient *t, const ConnClosed *why) {
        bool was_ready = t->ready;
        uint64_t delay;
        Failure f;

        if (was_ready && clock_boottime(t->rt->clock) - t->ready_since >= STABLE_USEC)
                backoff_reset(&t->backoff);
        t->ready = t->released = t->cut = false;

        delay = backoff_next(&t->backoff, t->rt->random);
        if (t->has_no_address)
                delay = MIN(delay, NAME_RETRY_USEC);
        t->has_no_address = false;
        if (t->resume_usec > 0)
                delay = random_below(t->rt->random, t->resume_usec);
        t->resume_usec = 0;
        if (t->tls && !t->replaced)
                clock_timer_arm(t->retry, delay);

        tracker_client_describe(why, &f);
        fail_parked(t, &f);
        t->handlers.on_down(t, why, was_ready, t->userdata);
}

/* One that is cut is nobody's any more, however it goes on in what is left of this turn. */
static void on_rpc_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        TrackerClient *t = userdata;

        if (t->cut)
                return;
        t->ready = true;
        t->ready_since = clock_boottime(t->rt->clock);
        t->handlers.on_ready(t, offset_usec, t->userdata);
}

static void on_rpc_push(Rpc *r, const char *command, const Value *payload, void *userdata) {
        TrackerClient *t = userdata;
        const char *reason = value_string(value_get(payload, "reason"), NULL);
        uint64_t resume_ms = 0;

        if (!streq(command, "GOING_AWAY")) {
                t->handlers.on_push(t, command, payload, t->userdata);
                return;
        }
        if (value_uint(value_get(payload, "resume_in_ms"), &resume_ms) >= 0)
                t->resume_usec = MIN(resume_ms * USEC_PER_MSEC, USEC_PER_HOUR);
        if (reason && streq(reason, "replaced") && !t->replaced && !t->cut) {
                t->replaced = true;
                t->handlers.on_replaced(t, t->userdata);
        }
}

static void on_rpc_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        TrackerClient *t = userdata;
        ConnClosed copy = *why;

        t->rpc = rpc_free(t->rpc);
        if (!t->cut)
                tracker_client_down(t, &copy);
}

static const RpcHandlers rpc_handlers = {
        .on_ready = on_rpc_ready,
        .on_push = on_rpc_push,
        .on_closed = on_rpc_closed,
};

static void down_with(TrackerClient *t, int r) {
        ConnClosed why = { .error = r };

        snprintf(why.message, sizeof(why.message), "%s", strerror(-r));
        tracker_client_down(t, &why);
}

static void on_dialled(Conn *conn, const DialFailure *failure, void *userdata) {
        static const RpcParameters parameters = { .agent = CLIENT_AGENT,
                                                  .in_flight = IN_FLIGHT_PEER,
                                                  .frame_max = FRAME_BYTES_MAX };
        TrackerClient *t = userdata;
        int r;

        t->dialer = dialer_free(t->dialer);
        if (failure && t->cut)
                return;
        if (failure) {
                ConnClosed why = failure->closed;

                t->has_no_address = failure->n_tried == 0;
                tracker_client_down(t, &why);
                return;
        }
        t->handlers.on_authorities(t, conn_get_offered_chain(conn), t->userdata);
        r = rpc_new(t->rt, conn, &parameters, &rpc_handlers, t, &t->rpc);
        if (r < 0)
                down_with(t, r);
}

static void on_retry(void *userdata) {
        TrackerClient *t = userdata;
        Failure f;
        int r;

        if (t->cut) {
                t->dialer = dialer_free(t->dialer);
                t->rpc = rpc_free(t->rpc);
                t->ready = t->released = t->cut = false;
        }
        if (t->rpc || t->dialer || !t->tls)
                return;
        if (t->replaced) { /* somebody asks for something all the same */
                failure_set(&f, ERROR_TRACKER_UNREACHABLE, REPLACED_MESSAGE);
                fail_parked(t, &f);
                return;
        }
        r = dialer_new_name(t->rt, t->host, t->port, t->tls, on_dialled, t, &t->dialer);
        if (r < 0)
                down_with(t, r);
}

int tracker_client_new(const Runtime *rt, const char *host, uint16_t port,
                       const TrackerClientHandlers *handlers, void *userdata, TrackerClient **ret) {
        _cleanup_(tracker_client_freep) TrackerClient *t = NULL;
        int r;

        t = new0(TrackerClient, 1);
        if (!t)
                return -ENOMEM;
        *t = (TrackerClient){
                .rt = rt,
                .handlers = *handlers,
                .userdata = userdata,
                .host = strdup(host),
                .port = port,
                .backoff = { .base_usec = BACKOFF_BASE_USEC, .max_usec = BACKOFF_MAX_USEC },
        };
        if (!t->host)
                return -ENOMEM;
        r = clock_timer_new(rt->clock, on_retry, t, &t->retry);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(t);
        return 0;
}

TrackerClient *tracker_client_free(TrackerClient *t) {
        Failure f;

        if (!t)
                return NULL;
        t->freeing = true;
        t->dialer = dialer_free(t->dialer);
        t->rpc = rpc_free(t->rpc);
        failure_set(&f, ERROR_CANCELLED, "The tracker is not used any more.");
        while (t->calls)
                tracker_call_complete(t->calls, NULL, &f);
        clock_timer_free(t->retry);
        tls_config_free(t->tls);
        free(t->host);
        free(t);
        return NULL;
}

/* What is connected goes in the next turn: this may be called by what the connection just said. */
void tracker_client_set_tls(TrackerClient *t, TlsConfig *tls) {
        tracker_client_set_next_tls(t, tls);
        t->released = t->replaced = false;
        t->cut = t->rpc || t->dialer;
        backoff_reset(&t->backoff);
        clock_timer_arm(t->retry, 0);
}

void tracker_client_halt(TrackerClient *t) {
        t->released = false;
        t->replaced = true;
        t->cut = t->rpc || t->dialer;
        clock_timer_arm(t->retry, 0);
}

void tracker_client_set_next_tls(TrackerClient *t, TlsConfig *tls) {
        TlsConfig *old = t->tls;

        t->tls = tls ? tls_config_ref(tls) : NULL;
        tls_config_free(old);
}

void tracker_client_release(TrackerClient *t) {
        TrackerCall *c;

        if (!t->ready || t->released || t->cut)
                return;
        t->released = true;
        t->n_attempts++;
        /* One that cannot be sent for want of memory stays parked, and fails with this connection.
         */
        DL_FOREACH(t->calls, c)
                if (!c->sent)
                        (void) tracker_call_send(c);
}

void tracker_client_network_changed(TrackerClient *t, const NetworkChange *x) {
        uint64_t delay = random_below(t->rt->random, NETWORK_SPREAD_USEC);

        backoff_reset(&t->backoff);
        if (t->rpc)
                network_change_apply(x, rpc_get_conn(t->rpc));
        if (t->rpc || !x->is_better || !t->tls)
                return;
        t->dialer = dialer_free(t->dialer);
        if (clock_timer_deadline(t->retry) > clock_boottime(t->rt->clock) + delay)
                clock_timer_arm(t->retry, delay);
}

bool tracker_client_is_online(const TrackerClient *t) {
        return t->released;
}

bool tracker_client_is_ready(const TrackerClient *t) {
        return t->ready && !t->cut;
}

bool tracker_client_is_dialling(const TrackerClient *t) {
        return t->dialer || (t->rpc && !t->ready);
}

static int tracker_call_new(TrackerClient *t, const char *command, const Writer *payload,
                            uint64_t timeout_usec, tracker_reply_fn reply, void *userdata,
                            TrackerCall **ret) {
        TrackerCall *c = new0(TrackerCall, 1);

        if (!c)
                return -ENOMEM;
        *c = (TrackerCall){
                .client = t,
                .command = strdup(command),
                .has_payload = payload,
                .timeout_usec = timeout_usec,
                .reply = reply,
                .userdata = userdata,
                .parked_at = t->n_attempts,
        };
        DL_APPEND(t->calls, c);
        if (payload)
                writer_bytes(&c->payload, payload->data, payload->size);
        if (!c->command || c->payload.error < 0 || (payload && payload->error < 0)) {
                tracker_call_free(c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

int tracker_client_call(TrackerClient *t, const char *command, const Writer *payload,
                        uint64_t timeout_usec, tracker_reply_fn reply, void *userdata,
                        TrackerCall **ret_call) {
        _cleanup_(tracker_call_freep) TrackerCall *c = NULL;
        int r;

        r = tracker_call_new(t, command, payload, timeout_usec, reply, userdata, &c);
        if (r < 0)
                return r;
        if (t->released) {
                r = tracker_call_send(c);
                if (r < 0 && r != -ENOTCONN) /* a connection that is ending decides about it */
                        return r;
        } else if (!t->rpc && !t->dialer && t->tls)
                clock_timer_arm(t->retry, 0);

        if (ret_call)
                *ret_call = c;
        TAKE_PTR(c);
        return 0;
}

int tracker_client_call_first(TrackerClient *t, const char *command, const Writer *payload,
                              tracker_reply_fn reply, void *userdata, TrackerCall **ret_call) {
        _cleanup_(tracker_call_freep) TrackerCall *c = NULL;
        int r;

        if (!t->ready || t->cut)
                return -ENOTCONN;
        r = tracker_call_new(t, command, payload, 0, reply, userdata, &c);
        if (r < 0)
                return r;
        r = tracker_call_send(c);
        if (r < 0)
                return r;
        if (ret_call)
                *ret_call = c;
        TAKE_PTR(c);
        return 0;
}
