/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how connections come in and who has too many; leaves them to who accepts. */
#include "net/listener.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "wire/limits.h"

#define ACCEPTS_PER_TURN 32
/* Descriptors that ran out come back when others close; the kernel keeps the queue meanwhile. */
#define PAUSE_USEC (200 * USEC_PER_MSEC)

/* What one source counts as: an IPv4 address, or the /64 of an IPv6 one. */
typedef struct Prefix {
        unsigned char bytes[8];
        uint8_t is_ipv6;
} Prefix;

typedef struct Source {
        Prefix prefix;
        unsigned n_conns, n_handshakes;
        UT_hash_handle hh;
} Source;

struct Listener {
        const Runtime *rt; /* weak */
        unsigned n_ref;
        int fd;
        int spare_fd; /* given up for a moment to take in, and refuse, when there are no others */
        ListenerHandlers handlers;
        void *userdata; /* weak */
        sd_event_source *io;
        ClockTimer *pause;
        Source *sources; /* by prefix */
        unsigned n_conns, n_handshakes;
        uint64_t n_refused;
        bool is_held;
};

static Prefix prefix_of(const Address *a) {
        Prefix p = {};

        if (a->sa.sa_family == AF_INET6) {
                p.is_ipv6 = 1;
                memcpy(p.bytes, &a->in6.sin6_addr, sizeof(p.bytes));
        } else {
                memcpy(p.bytes, &a->in.sin_addr, sizeof(a->in.sin_addr));
        }
        return p;
}

static Source *source_find(Listener *l, const Address *peer) {
        Prefix p = prefix_of(peer);
        Source *s;

        HASH_FIND(hh, l->sources, &p, sizeof(p), s);
        return s;
}

static int source_count(Listener *l, const Address *peer) {
        Source *s = source_find(l, peer);

        if (s) {
                s->n_conns++;
                s->n_handshakes++;
                return 0;
        }
        s = new0(Source, 1);
        if (!s)
                return -ENOMEM;
        *s = (Source){ .prefix = prefix_of(peer), .n_conns = 1, .n_handshakes = 1 };
        HASH_ADD(hh, l->sources, prefix, sizeof(s->prefix), s);
        if (!s->hh.tbl) {
                free(s);
                return -ENOMEM;
        }
        return 0;
}

static Listener *listener_unref(Listener *l) {
        if (l && --l->n_ref == 0)
                free(l);
        return NULL;
}
DEFINE_CLEANUP(Listener *, listener_unref);

static void listener_refuse(Listener *l, const Address *peer, const char *which_cap) {
        l->n_refused++;
        if (l->handlers.on_refused)
                l->handlers.on_refused(l, peer, which_cap, l->n_refused, l->userdata);
}

static void listener_admit(Listener *l, int accepted, const Address *peer) {
        _cleanup_close_ int fd = accepted;
        const Source *s = source_find(l, peer);

        if (l->n_conns >= CONNECTIONS_MAX) {
                listener_refuse(l, peer, "connections");
                return;
        }
        if (s && s->n_conns >= CONNECTIONS_PER_SOURCE_MAX) {
                listener_refuse(l, peer, "connections of one source");
                return;
        }
        if (s && s->n_handshakes >= HANDSHAKES_PER_SOURCE_MAX) {
                listener_refuse(l, peer, "handshakes of one source");
                return;
        }
        if (l->n_handshakes >= HANDSHAKES_MAX) {
                listener_refuse(l, peer, "handshakes");
                return;
        }
        if (source_count(l, peer) < 0) {
                listener_refuse(l, peer, "memory");
                return;
        }
        l->n_conns++;
        l->n_handshakes++;
        l->handlers.on_conn(l, TAKE_FD(fd), peer, l->userdata);
}

static int spare_open(void) {
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int listener_accept(Listener *l, Address *ret_peer) {
        int fd;

        *ret_peer = (Address){ .size = sizeof(ret_peer->in6) };
        fd = accept4(l->fd, &ret_peer->sa, &ret_peer->size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
                return -errno;
        address_unmap(ret_peer);
        return fd;
}

static void listener_out_of_descriptors(Listener *l) {
        Address peer;
        int fd;

        l->spare_fd = close_fd(l->spare_fd);
        fd = listener_accept(l, &peer);
        close_fd(fd);
        l->spare_fd = spare_open();
        if (fd >= 0)
                listener_refuse(l, &peer, "descriptors");
        if (l->fd >= 0 && !l->is_held) {
                (void) sd_event_source_set_enabled(l->io, SD_EVENT_OFF);
                clock_timer_arm(l->pause, PAUSE_USEC);
        }
}

static int on_io(sd_event_source *source, int listening_fd, uint32_t revents, void *userdata) {
        Listener *listener = userdata;
        _cleanup_(listener_unrefp) Listener *l = listener;

        l->n_ref++;
        for (unsigned i = 0; i < ACCEPTS_PER_TURN && l->fd >= 0 && !l->is_held; i++) {
                Address peer;
                int fd;

                fd = listener_accept(l, &peer);
                if (fd == -EAGAIN)
                        break;
                if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS) {
                        listener_out_of_descriptors(l);
                        break;
                }
                if (fd >= 0)
                        listener_admit(l, fd, &peer);
                /* Anything else is the fate of one connection that is gone already (accept(2)). */
        }
        return 0;
}

static void on_pause(void *userdata) {
        Listener *l = userdata;

        (void) sd_event_source_set_enabled(l->io, SD_EVENT_ON);
}

int listener_bind(const Address *address, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        int one = 1, zero = 0;

        fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
                return -errno;
        if (address->sa.sa_family == AF_INET6 &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) < 0)
                return -errno;
        if (bind(fd, &address->sa, address->size) < 0 || listen(fd, SOMAXCONN) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int get_option(int fd, int option) {
        int value;
        socklen_t n = sizeof(value);

        return getsockopt(fd, SOL_SOCKET, option, &value, &n) < 0 ? -errno : value;
}

int listener_check(int fd, Address *ret) {
        int domain = get_option(fd, SO_DOMAIN);
        Address a = { .size = sizeof(a.in6) };

        if ((domain != AF_INET && domain != AF_INET6) || get_option(fd, SO_TYPE) != SOCK_STREAM ||
            get_option(fd, SO_ACCEPTCONN) != 1 || getsockname(fd, &a.sa, &a.size) < 0)
                return -EINVAL;
        *ret = a;
        return 0;
}

int listener_new(const Runtime *rt, int fd, const ListenerHandlers *handlers, void *userdata,
                 Listener **ret) {
        _cleanup_(listener_freep) Listener *l = NULL;
        Address address;
        int r, flags;

        l = new0(Listener, 1);
        if (!l) {
                close_fd(fd);
                return -ENOMEM;
        }
        *l = (Listener){
                .rt = rt,
                .n_ref = 1,
                .fd = fd,
                .spare_fd = -EBADF,
                .handlers = *handlers,
                .userdata = userdata,
        };

        r = listener_check(fd, &address);
        if (r < 0)
                return r;
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        l->spare_fd = spare_open();
        if (l->spare_fd < 0)
                return -errno;
        r = clock_timer_new(rt->clock, on_pause, l, &l->pause);
        if (r < 0)
                return r;
        r = sd_event_add_io(rt->event, &l->io, fd, EPOLLIN, on_io, l);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

Listener *listener_free(Listener *l) {
        Source *s, *next;

        if (!l)
                return NULL;
        l->io = sd_event_source_disable_unref(l->io);
        l->pause = clock_timer_free(l->pause);
        l->fd = close_fd(l->fd);
        l->spare_fd = close_fd(l->spare_fd);
        HASH_ITER(hh, l->sources, s, next) {
                HASH_DEL(l->sources, s);
                free(s);
        }
        l->handlers = (ListenerHandlers){};
        return listener_unref(l);
}

int listener_get_address(const Listener *l, Address *ret) {
        Address a = { .size = sizeof(a.in6) };

        if (getsockname(l->fd, &a.sa, &a.size) < 0)
                return -errno;
        *ret = a;
        return 0;
}

int listener_get_fd(const Listener *l) {
        return l->fd;
}

bool listener_is_dialled(const Listener *l) {
        struct pollfd p = { .fd = l->fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

void listener_hold(Listener *l, bool hold) {
        l->is_held = hold;
        clock_timer_disarm(l->pause);
        (void) sd_event_source_set_enabled(l->io, hold ? SD_EVENT_OFF : SD_EVENT_ON);
}

void listener_conn_handshaked(Listener *l, const Address *peer) {
        Source *s = source_find(l, peer);

        assert(s && s->n_handshakes > 0 && l->n_handshakes > 0);
        s->n_handshakes--;
        l->n_handshakes--;
}

void listener_conn_closed(Listener *l, const Address *peer, bool was_handshaked) {
        Source *s = source_find(l, peer);

        assert(s && l->n_conns > 0);
        l->n_conns--;
        if (!was_handshaked)
                listener_conn_handshaked(l, peer);
        if (--s->n_conns == 0) {
                HASH_DEL(l->sources, s);
                free(s);
        }
}
