/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the settings of a daemon change while it runs, all of them or none; leaves reading them
 * to settings.h, and listening to manager-listen.c. */
#include <utlist.h>

#include "base/log.h"
#include "daemon/manager/manager-internal.h"

/* What is to be listened on, and how far that is. */
typedef struct Relisten {
        const Address *wanted; /* weak; n of them */
        size_t n;
        bool is_there[PEER_LISTENERS_MAX]; /* the i-th that is wanted */
        int fds[PEER_LISTENERS_MAX]; /* … bound, if it is not; −EBADF: in the way is our own */
        bool is_kept[PEER_LISTENERS_MAX]; /* the i-th that is there */
} Relisten;

static void relisten_done(Relisten *x) {
        for (size_t i = 0; i < x->n; i++)
                close_fd(x->fds[i]);
}

static bool is_same_setting(const Manager *m, size_t i, const Address *wanted) {
        return address_equal(&m->listening_for[i], wanted);
}

static bool is_same_place(const Manager *m, size_t i, const Address *wanted) {
        return address_equal(&m->listening[i], wanted);
}

static bool is_any_port(const Manager *m, size_t i, const Address *wanted) {
        return address_port(wanted) == 0 && address_equal_ip(&m->listening[i], wanted);
}

/* The closest first: a listener is kept for one setting only. */
static void keep(const Manager *m, Relisten *x) {
        static bool (*const fits[])(const Manager *, size_t, const Address *) = {
                is_same_setting,
                is_same_place,
                is_any_port,
        };

        for (size_t k = 0; k < ELEMENTSOF(fits); k++)
                for (size_t j = 0; j < x->n; j++)
                        for (size_t i = 0; i < m->n_listening && !x->is_there[j]; i++)
                                if (!x->is_kept[i] && fits[k](m, i, &x->wanted[j]))
                                        x->is_kept[i] = x->is_there[j] = true;
}

static int bind_to(const Address *wanted, int *ret_fd) {
        Address four;
        int r;

        r = listener_bind(wanted, ret_fd);
        if ((r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL) || wanted->sa.sa_family != AF_INET6 ||
            !IN6_IS_ADDR_UNSPECIFIED(&wanted->in6.sin6_addr))
                return r;
        (void) address_parse("0.0.0.0:0", true, &four);
        address_set_port(&four, address_port(wanted));
        return listener_bind(&four, ret_fd);
}

/* [::] and an address of this machine are in each other's way. */
static bool is_ours_in_the_way(const Manager *m, const Relisten *x, const Address *wanted) {
        for (size_t i = 0; i < m->n_listening; i++)
                if (!x->is_kept[i] && address_port(&m->listening[i]) == address_port(wanted))
                        return true;
        return false;
}

static int bind_any_port(const Address *wanted, int *ret_fd) {
        Address any_port = *wanted;

        address_set_port(&any_port, 0);
        return bind_to(&any_port, ret_fd);
}

/* Before anything is closed, so that what cannot be had changes nothing. */
static int bind_new(const Manager *m, Relisten *x) {
        char text[ADDRESS_STRING_SIZE];

        for (size_t j = 0; j < x->n; j++) {
                int r;

                if (x->is_there[j])
                        continue;
                r = bind_to(&x->wanted[j], &x->fds[j]);
                if (r == -EADDRINUSE)
                        r = is_ours_in_the_way(m, x, &x->wanted[j])
                                    ? 0
                                    : bind_any_port(&x->wanted[j], &x->fds[j]);
                if (r < 0) {
                        address_print(&x->wanted[j], text);
                        return log_error_errno(r, "Cannot listen on %s", text);
                }
        }
        return 0;
}

static void close_old(Manager *m, const Relisten *x) {
        char text[ADDRESS_STRING_SIZE];
        size_t n = 0, n_before = m->n_listening;

        for (size_t i = 0; i < n_before; i++) {
                if (x->is_kept[i]) {
                        m->listening_for[n] = m->listening_for[i];
                        m->listening[n++] = m->listening[i];
                        continue;
                }
                address_print(&m->listening[i], text);
                log_notice("Not listening on %s any more: the settings name another address.",
                           text);
                peer_server_close(m->peers, n);
        }
        m->n_listening = n;
}

static void open_new(Manager *m, Relisten *x) {
        char text[ADDRESS_STRING_SIZE];

        for (size_t j = 0; j < x->n; j++) {
                int r = 0;

                if (x->is_there[j])
                        continue;
                if (x->fds[j] < 0)
                        r = bind_to(&x->wanted[j], &x->fds[j]);
                if (r == -EADDRINUSE)
                        r = bind_any_port(&x->wanted[j], &x->fds[j]);
                if (r >= 0)
                        r = manager_listen_on(m, &x->wanted[j], TAKE_FD(x->fds[j]));
                if (r < 0) {
                        address_print(&x->wanted[j], text);
                        log_error_errno(r, "Cannot listen on %s", text);
                }
        }
        if (m->door)
                peer_server_hold(m->peers, true);
}

static int listen_again(Manager *m, const Address *wanted, size_t n) {
        _cleanup_(relisten_done) Relisten x = { .wanted = wanted, .n = n };
        int r;

        if (n > ELEMENTSOF(x.fds))
                return -E2BIG;
        for (size_t i = 0; i < n; i++)
                x.fds[i] = -EBADF;
        keep(m, &x);
        r = bind_new(m, &x);
        if (r < 0)
                return r;
        close_old(m, &x);
        open_new(m, &x);
        return 0;
}

/* Only what nobody has accepted yet comes from there. */
static void use_tracker(Manager *m, char *address, char *pin) {
        _cleanup_free_ char *old = m->tracker_address;
        bool is_old = m->account && !account_get_pin(m->account)[0] && old &&
                      streq(account_get_tracker_address(m->account), old);

        m->tracker_address = address;
        free(m->tracker_pin);
        m->tracker_pin = pin;
        if (!m->has_started || m->load_job || m->tracker_flow)
                return;
        if (is_old && (!address || !streq(address, old)))
                manager_drop_account(m);
        if (!m->account && manager_set_account_from_settings(m) < 0)
                log_error("Cannot use the tracker of the settings.");
        manager_trust_settings(m);
}

int manager_set_settings(Manager *m, const ManagerSettings *settings) {
        _cleanup_free_ Address *listen = NULL, *advertise = NULL;
        _cleanup_free_ char *address = NULL, *pin = NULL;
        size_t n_listen, n_advertise;
        ManagedChannel *x;
        int r;

        assert(settings->n_listen > 0);
        if (m->stop)
                return -ESHUTDOWN;
        r = manager_copy_addresses(settings->listen, settings->n_listen, &listen, &n_listen);
        if (r >= 0)
                r = manager_copy_addresses(settings->advertise, settings->n_advertise, &advertise,
                                           &n_advertise);
        if (r >= 0)
                r = free_and_strdup(&address, settings->tracker_address);
        if (r >= 0)
                r = free_and_strdup(&pin, settings->tracker_pin);
        if (r >= 0)
                r = listen_again(m, listen, n_listen);
        if (r < 0)
                return r;
        free(m->listen);
        m->listen = TAKE_PTR(listen);
        m->n_listen = n_listen;
        free(m->advertise);
        m->advertise = TAKE_PTR(advertise);
        m->n_advertise = n_advertise;
        m->notify = settings->notify;
        DL_FOREACH(m->channels, x)
                channel_member_set_default_notify(x->member, m->notify);
        use_tracker(m, TAKE_PTR(address), TAKE_PTR(pin));
        if (manager_refresh_addresses(m) && m->account && account_is_online(m->account))
                manager_register_all(m);
        manager_changed(m);
        return 0;
}
