/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what one daemon owns and in which order it comes and goes; leaves all doing to the other
 * files of manager-*.c. */
#include <utlist.h>

#include "base/log.h"
#include "daemon/manager/manager-internal.h"

int manager_copy_addresses(const Address *list, size_t n, Address **ret, size_t *ret_n) {
        *ret = new0(Address, n ? n : 1);
        if (!*ret)
                return -ENOMEM;
        if (n > 0)
                memcpy(*ret, list, n * sizeof(Address));
        *ret_n = n;
        return 0;
}

static void on_peers_changed(PeerServer *s, void *userdata) {
        manager_changed(userdata);
        manager_stop_peers_changed(userdata);
}

static const PeerServerHandlers peer_handlers = { .on_peers_changed = on_peers_changed };

int manager_new(const Runtime *rt, const ManagerSettings *settings, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        if (!settings->state_directory)
                return -EINVAL;
        m = new0(Manager, 1);
        if (!m)
                return -ENOMEM;
        *m = (Manager){
                .rt = rt,
                .lease_usec = LEASE_USEC,
                .lingers = -1,
                .notify = settings->notify,
                .passed = settings->passed,
                .n_passed = settings->n_passed,
        };
        if (free_and_strdup(&m->state_path, settings->state_directory) < 0 ||
            free_and_strdup(&m->tracker_address, settings->tracker_address) < 0 ||
            free_and_strdup(&m->tracker_pin, settings->tracker_pin) < 0)
                return -ENOMEM;
        r = manager_copy_addresses(settings->listen, settings->n_listen, &m->listen, &m->n_listen);
        if (r < 0)
                return r;
        r = manager_copy_addresses(settings->advertise, settings->n_advertise, &m->advertise,
                                   &m->n_advertise);
        if (r < 0)
                return r;
        r = peer_server_new(rt, &peer_handlers, m, &m->peers);
        if (r < 0)
                return r;
        r = exporter_new(rt, &m->exporter);
        if (r < 0)
                return r;
        r = manager_reach_init(m);
        if (r < 0)
                return r;
        r = manager_store_init(m);
        if (r < 0)
                return r;
        r = manager_lease_init(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        m->is_freed = true;
        m->stop = stop_free(m->stop);
        m->load_job = job_free(m->load_job);
        m->tracker_flow = tracker_flow_free(m->tracker_flow);
        manager_stop_archiving(m);
        if (m->peers)
                manager_drop_account(m);
        operation_cancel_all(&m->ops);
        exporter_free(m->exporter);
        clock_timer_free(m->heartbeat);
        clock_timer_free(m->reach);
        clock_timer_free(m->door);
        network_watch_free(m->network);
        peer_server_free(m->peers);
        manager_store_done(m);
        manager_sweep_done(m);
        store_free(m->store);
        state_directory_free(m->directory);
        free(m->listen);
        free(m->advertise);
        free(m->state_path);
        free(m->tracker_address);
        free(m->tracker_pin);
        free(m);
        return NULL;
}

void manager_set_observer(Manager *m, const ManagerObserver *o, void *userdata) {
        m->observer = *o;
        m->observer_userdata = userdata;
}

int manager_start(Manager *m) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (m->store)
                return -EALREADY;
        r = manager_open_directory(m);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/" STORE_FILE, m->state_path) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = store_new(m->rt, path, &m->store);
        if (r < 0)
                return log_error_errno(r, "Cannot open the store %s", path);
        manager_store_watch(m);
        r = manager_sweep_init(m);
        if (r < 0)
                return r;
        r = manager_listen(m);
        if (r >= 0)
                r = manager_network_init(m);
        if (r < 0)
                return r;
        return manager_load(m);
}

void manager_changed(Manager *m) {
        if (m->observer.on_changed)
                m->observer.on_changed(m, m->observer_userdata);
}

/* ---- operations ---- */

ManagerOp *manager_op_free(ManagerOp *op) {
        if (op)
                operation_drop(&op->base);
        return NULL;
}

ManagerOp *manager_op_new(Manager *m, const OperationType *type, void *userdata) {
        ManagerOp *op = new0(ManagerOp, 1);

        if (!op)
                return NULL;
        op->manager = m;
        op->userdata = userdata;
        operation_init(&op->base, type, &m->ops);
        return op;
}

int manager_op_return(ManagerOp *op, ManagerOp **ret_op, const Failure *f) {
        int r = 0;

        if (f)
                r = operation_complete_later(&op->base, op->manager->rt->event,
                                             f->code != ERROR_NONE ? f : NULL);
        if (r < 0) {
                manager_op_free(op);
                return r;
        }
        if (ret_op)
                *ret_op = op;
        return 0;
}

static void complete_channel(Operation *o, const Failure *f) {
        ManagerOp *op = (ManagerOp *) o;
        ChannelMember *c = f ? NULL : manager_find_channel(op->manager, op->channel_id);
        Failure gone;

        if (!f && !c) {
                failure_set(&gone, ERROR_CANCELLED, "The channel has gone.");
                f = &gone;
        }
        op->fn.channel(f, c, op->userdata);
}

static void complete_done(Operation *o, const Failure *f) {
        ManagerOp *op = (ManagerOp *) o;

        op->fn.done(f, op->userdata);
}

const OperationType manager_channel_type = { .complete = complete_channel };
const OperationType manager_done_type = { .complete = complete_done };

void manager_complete_channel(Operation *o, const Failure *f, const ChannelMember *c) {
        ManagerOp *op = (ManagerOp *) o;

        if (!o)
                return;
        if (o->holder)
                (void) operation_take(o->holder);
        if (!f)
                snprintf(op->channel_id, sizeof(op->channel_id), "%s", channel_member_get_id(c));
        if (operation_complete_later(o, op->manager->rt->event, f) < 0)
                operation_complete(o, f);
}

void manager_cancel(Operation *o) {
        Failure f;

        failure_set(&f, ERROR_CANCELLED, "Who was signed in has left.");
        operation_complete(o, &f);
}

/* ---- what it shows ---- */

Account *manager_get_account(const Manager *m) {
        return m->account;
}

int manager_each_channel(const Manager *m, manager_each_channel_fn fn, void *userdata) {
        ManagedChannel *x;
        int r;

        DL_FOREACH(m->channels, x) {
                r = x->announced ? fn(x->member, userdata) : 0;
                if (r != 0)
                        return r;
        }
        return 0;
}

ChannelMember *manager_find_channel(const Manager *m, const char *channel_id) {
        ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (x->announced && streq(channel_member_get_id(x->member), channel_id))
                        return x->member;
        return NULL;
}

uint64_t manager_get_n_outbox(const Manager *m) {
        ManagedChannel *x;
        uint64_t n = 0;

        DL_FOREACH(m->channels, x)
                n += channel_member_get_n_outbox(x->member);
        return n;
}

void manager_get_hosting(const Manager *m, size_t *ret_n_channels, size_t *ret_n_members) {
        ManagedChannel *x;

        *ret_n_channels = *ret_n_members = 0;
        DL_FOREACH(m->channels, x) {
                const ChannelHost *h = channel_member_get_local_host(x->member);

                if (!h)
                        continue;
                (*ret_n_channels)++;
                *ret_n_members += channel_host_get_n_online(h);
        }
}

void manager_get_store_statistics(const Manager *m, StoreStatistics *ret) {
        store_get_statistics(m->store, ret);
}

size_t manager_get_listen_addresses(const Manager *m, const Address **ret) {
        *ret = m->listening;
        return m->n_listening;
}

int manager_get_listen_fd(const Manager *m, size_t i) {
        return peer_server_get_fd(m->peers, i);
}

size_t manager_get_advertised_addresses(const Manager *m, const Address **ret) {
        *ret = m->advertised;
        return m->n_advertised;
}

PeerServer *manager_get_peers(const Manager *m) {
        return m->peers;
}

int64_t manager_get_clock_offset(const Manager *m) {
        return m->account ? account_get_clock_offset(m->account) : 0;
}
