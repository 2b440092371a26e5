/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person accepts a tracker: it is dialled, its pin is judged before a byte is said, and
 * only then is it kept. Leaves being connected to it to account.h. */
#include "base/log.h"
#include "daemon/manager/manager-internal.h"
#include "daemon/message-ids.h"

struct TrackerFlow {
        Manager *manager; /* weak */
        Operation *op;    /* weak; NULL: nobody waits */
        char *address, *host;
        uint16_t port;
        char pin[PIN_SIZE]; /* what the handshake is held against; "": only looked at */
        bool trust_new;
        bool is_asked; /* pin is the one held for another address: is it the same tracker? */
        Dialer *dialer;
        Job *save_job;
};

TrackerFlow *tracker_flow_free(TrackerFlow *t) {
        if (!t)
                return NULL;
        dialer_free(t->dialer);
        job_free(t->save_job);
        if (t->op)
                manager_cancel(t->op);
        free(t->address);
        free(t->host);
        free(t);
        return NULL;
}

static void flow_end(Manager *m, const Failure *f) {
        TrackerFlow *t = TAKE_PTR(m->tracker_flow);
        Operation *op = operation_take(&t->op);

        tracker_flow_free(t);
        operation_complete(op, f);
}

static void on_saved(int r, void *userdata) {
        Manager *m = userdata;
        TrackerFlow *t = m->tracker_flow;
        Operation *op = t->op;
        Failure f;

        t->save_job = NULL;
        if (r < 0) {
                if (r == -EKEYREJECTED)
                        failure_set(&f, ERROR_PIN_MISMATCH,
                                    "This tracker was known by a newer pin, which it does not "
                                    "have any more: somebody uses its old key, or it was put back "
                                    "from an old backup. Ask its operator; nothing is sent to it.");
                else
                        (void) store_fail(m->store, &f, r, "Cannot save the tracker");
                flow_end(m, &f);
                return;
        }
        /* Who waits for it waits for the account now, until it is online or says why it is not. */
        if (m->account_op)
                manager_cancel(m->account_op);
        if (op)
                operation_hold(op, &m->account_op);
        m->tracker_flow = tracker_flow_free(t);
        manager_drop_account(m);
        r = manager_load(m);
        if (r < 0) {
                (void) store_fail(m->store, &f, r, "Cannot read what is stored");
                operation_complete(m->account_op, &f);
        }
}

/* The pin that is held for who is offered now, if any. */
static const char *held_pin(const Manager *m) {
        return m->account ? account_get_pin(m->account) : "";
}

static int save(TrackerFlow *t, const Chain *chain) {
        StoredTracker tracker = { .address = t->address };
        _cleanup_free_ char *pem = NULL;
        int r;

        snprintf(tracker.tracker_id, sizeof(tracker.tracker_id), "%s", chain_get_tracker_id(chain));
        snprintf(tracker.pin, sizeof(tracker.pin), "%s", chain_get_pin(chain));
        r = chain_to_pem(chain, &pem);
        if (r < 0)
                return r;
        tracker.ca_pem = pem;
        if (!streq(tracker.pin, held_pin(t->manager)))
                log_fields(LOG_NOTICE, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_PIN_ACCEPTED, "CHAT_TRACKER",
                                      tracker.tracker_id, "CHAT_PIN", tracker.pin, "CHAT_PEER",
                                      t->address),
                           "The tracker at %s was accepted, by its pin %s.", t->address,
                           tracker.pin);
        return store_save_tracker(t->manager->store, &tracker, on_saved, t->manager, &t->save_job);
}

static bool is_same_address(const Manager *m, const char *address) {
        return m->account && held_pin(m)[0] &&
               streq(account_get_tracker_address(m->account), address);
}

/* Shows it, so that people can compare its pin; nothing is kept of it. */
static void show_untrusted(Manager *m, const char *address, const char *offered_pin) {
        StoredTracker tracker = { .address = address };

        if (!m->account)
                (void) manager_set_account(m, &tracker, NULL);
        if (m->account && streq(account_get_tracker_address(m->account), address))
                account_note_offer(m->account, offered_pin);
}

static int dial(TrackerFlow *t, dialer_done_fn done) {
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        int r;

        r = tls_config_new(
                &(TlsParameters){
                        .clock = t->manager->rt->clock,
                        .expect = TLS_EXPECT_TRACKER,
                        .pin = t->pin[0] ? t->pin : NULL,
                },
                &tls);
        if (r < 0)
                return r;
        return dialer_new_name(t->manager->rt, t->host, t->port, tls, done, t, &t->dialer);
}

/* It was only looked at: is what it offers good enough? 1: dial again with that pin. */
static int judge_offer(TrackerFlow *t, const ConnClosed *why, Failure *f) {
        Manager *m = t->manager;

        if (t->trust_new && !held_pin(m)[0]) {
                snprintf(t->pin, sizeof(t->pin), "%s", why->offered_pin);
                return 1;
        }
        /* Nor at another address: it may be the same tracker by another name, or so it is said. */
        if (t->trust_new)
                return failure_set(f, ERROR_PIN_MISMATCH,
                                   "This is another tracker than the one accepted before. If you "
                                   "mean it, name its pin: p2pchatctl tracker ADDRESS --pin=%s.",
                                   why->offered_pin);
        show_untrusted(m, t->address, why->offered_pin);
        tracker_client_describe(why, f);
        return 0;
}

static void on_dialled(Conn *conn, const DialFailure *failure, void *userdata) {
        _cleanup_(conn_freep) Conn *c = conn;
        TrackerFlow *t = userdata;
        Manager *m = t->manager;
        Failure f;
        int r;

        t->dialer = dialer_free(t->dialer);
        if (!failure) {
                r = save(t, conn_get_offered_chain(c));
                if (r >= 0)
                        return;
                (void) store_fail(m->store, &f, r, "Cannot save the tracker");
        } else {
                ConnClosed why = failure->closed;

                if (why.error == -EKEYREJECTED)
                        memcpy(m->refused_pin, why.offered_pin, sizeof(m->refused_pin));
                if (why.error == -EKEYREJECTED && t->is_asked)
                        why.error = -ENOKEY; /* one that nobody knows */
                if (why.error == -ENOKEY && judge_offer(t, &why, &f) > 0) {
                        r = dial(t, on_dialled);
                        if (r >= 0)
                                return;
                        failure_set(&f, ERROR_INTERNAL, "Cannot dial the tracker: %s.",
                                    strerror(-r));
                } else if (why.error != -ENOKEY)
                        tracker_client_describe(&why, &f);
        }
        flow_end(m, &f);
}

static bool pin_is_valid(const char *pin) {
        return strncmp(pin, "sha256:", 7) == 0 && hex_is_valid(pin + 7, 64);
}

static int flow_new(Manager *m, const char *address, const char *pin, bool trust_new,
                    TrackerFlow **ret, Failure *f) {
        TrackerFlow *t;

        if (pin && pin[0] && !pin_is_valid(pin))
                return failure_set(f, ERROR_BAD_REQUEST,
                                   "A pin is sha256: and 64 hex digits, all of them.");
        t = new0(TrackerFlow, 1);
        if (!t)
                return failure_set(f, ERROR_INTERNAL, "Out of memory.");
        t->manager = m;
        t->trust_new = trust_new;
        if (host_port_parse(address, TRACKER_PORT, &t->host, &t->port) < 0 ||
            !(t->address = strdup(address))) {
                tracker_flow_free(t);
                return failure_set(f, ERROR_BAD_REQUEST, "A tracker is host or host:port.");
        }
        /* Once a pin is held for an address, only a person who types another changes it. */
        snprintf(t->pin, sizeof(t->pin), "%s", pin && pin[0] ? pin : held_pin(m));
        t->is_asked = !(pin && pin[0]) && held_pin(m)[0] && !is_same_address(m, address);
        *ret = t;
        return 0;
}

static void complete_account(Operation *o, const Failure *f) {
        ManagerOp *op = (ManagerOp *) o;

        op->fn.account(f, f ? NULL : op->manager->account, op->userdata);
}

static const OperationType account_type = { .complete = complete_account };

int manager_set_tracker(Manager *m, const char *address, const char *pin, bool trust_new,
                        manager_account_fn done, void *userdata, ManagerOp **ret_op) {
        ManagerOp *op = manager_op_new(m, &account_type, userdata);
        TrackerFlow *t;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.account = done;
        if (m->load_job || !m->store || manager_is_replacing(m)) {
                failure_set(&f, ERROR_BUSY, "What is kept here is still being read; try again.");
                return manager_op_return(op, ret_op, &f);
        }
        if (m->tracker_flow) {
                failure_set(&f, ERROR_BUSY, "A tracker is being set; try again.");
                return manager_op_return(op, ret_op, &f);
        }
        if (manager_check_store(m, &f) < 0 || flow_new(m, address, pin, trust_new, &t, &f) < 0)
                return manager_op_return(op, ret_op, &f);
        m->tracker_flow = t;
        r = dial(t, on_dialled);
        if (r < 0) {
                m->tracker_flow = tracker_flow_free(t);
                manager_op_free(op);
                return r;
        }
        operation_hold(&op->base, &t->op);
        return manager_op_return(op, ret_op, NULL);
}

void manager_trust_settings(Manager *m) {
        TrackerFlow *t;
        Failure f;

        if (!m->tracker_pin || m->tracker_flow || !m->account || held_pin(m)[0] ||
            !*account_get_offered_pin(m->account))
                return;
        /* It may be one that the offered one has followed; that is found out once. */
        if (streq(account_get_offered_pin(m->account), m->refused_pin))
                return;
        if (flow_new(m, account_get_tracker_address(m->account), m->tracker_pin, false, &t, &f) < 0)
                return;
        m->tracker_flow = t;
        if (dial(t, on_dialled) < 0)
                m->tracker_flow = tracker_flow_free(t);
}
