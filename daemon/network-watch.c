/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows rtnetlink(7) and when it is worth telling; leaves reading addresses to addresses.h. */
#include "daemon/network-watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* One message of the kernel and more than one turn of it. */
#define BUFFER_BYTES 16384
#define READS_PER_TURN 16

struct NetworkWatch {
        const Runtime *rt; /* weak */
        network_watch_fn fn;
        void *userdata; /* weak */
        int fd;
        sd_event_source *io;
        ClockWake *wake;
        ClockTimer *settle;
        OwnAddress *own;
        size_t n_own;
        bool is_better;
};

static bool is_own(const NetworkChange *x, const Address *ip) {
        for (size_t i = 0; i < x->n_own; i++)
                if (address_equal_ip(&x->own[i].address, ip))
                        return true;
        return false;
}

void network_change_apply(const NetworkChange *x, Conn *c) {
        char ip[ADDRESS_STRING_SIZE], message[ADDRESS_STRING_SIZE + 48];
        Address local;

        if (conn_get_local_address(c, &local) < 0 || address_is_loopback(&local))
                return;
        if (is_own(x, &local)) {
                if (x->is_better)
                        conn_probe(c);
                return;
        }
        address_print_ip(&local, ip);
        snprintf(message, sizeof(message), "this machine has no address %s any more", ip);
        conn_abandon(c, -ENETDOWN, message);
}

/* Others than link-local: they come and go with every virtual interface. */
static bool is_worth(const OwnAddress *a) {
        return a->is_running && !address_is_unusable(&a->address);
}

static int compare_own(const void *a, const void *b) {
        const OwnAddress *x = a, *y = b;

        return address_compare(&x->address, &y->address);
}

/* Those that are worth it, sorted; the caller's. */
static OwnAddress *sort_worth(const OwnAddress *own, size_t n, size_t *ret_n) {
        OwnAddress *sorted = new0(OwnAddress, n ? n : 1);
        size_t k = 0;

        if (!sorted)
                return NULL;
        for (size_t i = 0; i < n; i++)
                if (is_worth(&own[i]))
                        sorted[k++] = own[i];
        qsort(sorted, k, sizeof(*sorted), compare_own);
        *ret_n = k;
        return sorted;
}

static bool has_more(const OwnAddress *a, size_t n_a, const OwnAddress *b, size_t n_b) {
        for (size_t i = 0; i < n_a; i++)
                if (!bsearch(&a[i], b, n_b, sizeof(*b), compare_own))
                        return true;
        return false;
}

/* Without memory for it both are taken for granted. */
static void compare(const OwnAddress *old, size_t n_old, const OwnAddress *own, size_t n_own,
                    bool *ret_came, bool *ret_went) {
        size_t n_a = 0, n_b = 0;
        _cleanup_free_ OwnAddress *a = sort_worth(old, n_old, &n_a),
                                  *b = sort_worth(own, n_own, &n_b);

        *ret_came = !a || !b || has_more(b, n_b, a, n_a);
        *ret_went = !a || !b || has_more(a, n_a, b, n_b);
}

static void on_settled(void *userdata) {
        NetworkWatch *w = userdata;
        _cleanup_free_ OwnAddress *old = w->own;
        size_t n_old = w->n_own;
        bool came, went;
        NetworkChange x;

        w->own = NULL;
        w->n_own = 0;
        if (addresses_of_interfaces(&w->own, &w->n_own) < 0) {
                w->own = TAKE_PTR(old);
                w->n_own = n_old;
        }
        compare(old, n_old, w->own, w->n_own, &came, &went);
        x = (NetworkChange){
                .own = w->own,
                .n_own = w->n_own,
                .is_better = w->is_better || came,
        };
        w->is_better = false;
        if (x.is_better || went)
                w->fn(&x, w->userdata);
}

static void settle_soon(NetworkWatch *w) {
        if (!clock_timer_is_armed(w->settle))
                clock_timer_arm(w->settle, NETWORK_SETTLE_USEC);
}

static void on_wake(void *userdata) {
        NetworkWatch *w = userdata;

        w->is_better = true;
        settle_soon(w);
}

static void read_message(NetworkWatch *w, const struct nlmsghdr *h) {
        const struct rtmsg *route = NLMSG_DATA(h);

        switch (h->nlmsg_type) {
        case RTM_NEWROUTE:
                /* The way out; all others are of no interest, and may be many. */
                if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*route)) || route->rtm_dst_len != 0 ||
                    route->rtm_type != RTN_UNICAST)
                        return;
                w->is_better = true;
                settle_soon(w);
                return;
        case RTM_NEWLINK:
        case RTM_DELLINK:
        case RTM_NEWADDR:
        case RTM_DELADDR:
                settle_soon(w);
                return;
        }
}

static int on_netlink(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        union {
                struct nlmsghdr first;
                char bytes[BUFFER_BYTES];
        } buffer;
        NetworkWatch *w = userdata;

        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                struct sockaddr_nl from = {};
                socklen_t n_from = sizeof(from);
                ssize_t n = recvfrom(fd, buffer.bytes, sizeof(buffer.bytes), MSG_DONTWAIT,
                                     (struct sockaddr *) &from, &n_from);

                if (n < 0 && errno == ENOBUFS) {
                        settle_soon(w); /* it told more than was read: look */
                        continue;
                }
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        w->io = sd_event_source_disable_unref(w->io);
                if (n <= 0)
                        return 0;
                if (from.nl_pid != 0) /* not the kernel */
                        continue;
                /* The last one's padding may be missing: then n is below 0. */
                for (struct nlmsghdr *h = &buffer.first; n > 0 && NLMSG_OK(h, (size_t) n);
                     h = NLMSG_NEXT(h, n))
                        read_message(w, h);
        }
        return 0;
}

static int open_netlink(void) {
        const struct sockaddr_nl address = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                             RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
        };
        _cleanup_close_ int fd = -EBADF;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int network_watch_new(const Runtime *rt, network_watch_fn fn, void *userdata, NetworkWatch **ret) {
        _cleanup_(network_watch_freep) NetworkWatch *w = NULL;
        int r;

        w = new0(NetworkWatch, 1);
        if (!w)
                return -ENOMEM;
        *w = (NetworkWatch){ .rt = rt, .fn = fn, .userdata = userdata };
        w->fd = open_netlink();
        if (w->fd < 0)
                return w->fd;
        r = sd_event_add_io(rt->event, &w->io, w->fd, EPOLLIN, on_netlink, w);
        if (r >= 0)
                r = clock_timer_new(rt->clock, on_settled, w, &w->settle);
        if (r >= 0)
                r = clock_wake_new(rt->clock, on_wake, w, &w->wake);
        if (r >= 0)
                r = addresses_of_interfaces(&w->own, &w->n_own);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

NetworkWatch *network_watch_free(NetworkWatch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->io);
        close_fd(w->fd);
        clock_timer_free(w->settle);
        clock_wake_free(w->wake);
        free(w->own);
        free(w);
        return NULL;
}
