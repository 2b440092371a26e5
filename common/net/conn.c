/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a connection is made, asked and given up by its owner; leaves what it does in the loop
 * to conn-turn.c, encryption to tls, the order of bulk to conn-source.c. */
#include "net/conn.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "net/conn-internal.h"

/* What the kernel holds unsent can no longer be taken back; this much keeps it busy. */
#define NOTSENT_BYTES 32768
/* A last answer to a slow reader goes out, a stalled one is left behind. */
#define FLUSH_USEC (5 * USEC_PER_SEC)

const char *conn_stage_to_string(ConnStage s) {
        static const char *const table[CONN_STAGE_MAX] = {
                [CONN_CONNECTING] = "connecting",
                [CONN_HANDSHAKE] = "handshake",
                [CONN_OPEN] = "open",
                [CONN_CLOSING] = "closing",
                [CONN_CLOSED] = "closed",
        };

        return s >= 0 && s < CONN_STAGE_MAX ? table[s] : NULL;
}

Conn *conn_ref(Conn *c) {
        c->n_ref++;
        return c;
}

Conn *conn_unref(Conn *c) {
        if (!c || --c->n_ref > 0)
                return NULL;
        frame_decoder_done(&c->in);
        output_done(&c->out);
        writer_done(&c->pulled);
        tls_free(c->tls);
        close_fd(c->fd);
        free(c);
        return NULL;
}

void conn_disconnect(Conn *c) {
        c->stage = CONN_CLOSED;
        conn_detach_sources(c);
        c->io = sd_event_source_disable_unref(c->io);
        c->turn = sd_event_source_disable_unref(c->turn);
        c->deadline = clock_timer_free(c->deadline);
        c->silence = clock_timer_free(c->silence);
        c->fd = close_fd(c->fd);
}

static int conn_prepare_socket(int fd) {
        int flags, one = 1, lowat = NOTSENT_BYTES;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        /* Not there on AF_UNIX, and no reason to fail anywhere. */
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
        return 0;
}

int conn_new(const Runtime *rt, int fd, const Address *peer, TlsConfig *tls, bool accepting,
             const ConnHandlers *handlers, void *userdata, Conn **ret) {
        _cleanup_(conn_freep) Conn *c = NULL;
        int r;

        c = new0(Conn, 1);
        if (!c) {
                close_fd(fd);
                return -ENOMEM;
        }
        *c = (Conn){
                .rt = rt,
                .n_ref = 1,
                .fd = fd,
                .peer = *peer,
                .accepting = accepting,
                .stage = accepting ? CONN_HANDSHAKE : CONN_CONNECTING,
                .handlers = handlers ? *handlers : (ConnHandlers){},
                .userdata = userdata,
                .silence_max = UINT64_MAX,
                .read_wants = EPOLLIN,
                .write_wants = EPOLLOUT,
        };
        address_unmap(&c->peer);
        frame_decoder_init(&c->in, FRAME_BYTES_ANONYMOUS_MAX);

        r = conn_prepare_socket(fd);
        if (r < 0)
                return r;
        r = tls_new(tls, fd, accepting, &c->tls);
        if (r < 0)
                return r;
        r = clock_timer_new(rt->clock, conn_on_deadline, c, &c->deadline);
        if (r < 0)
                return r;
        r = clock_timer_new(rt->clock, conn_on_silence, c, &c->silence);
        if (r < 0)
                return r;
        r = sd_event_add_io(rt->event, &c->io, fd, 0, conn_on_io, c);
        if (r < 0)
                return r;
        r = sd_event_add_defer(rt->event, &c->turn, conn_on_turn, c);
        if (r < 0)
                return r;
        clock_timer_arm(c->deadline, accepting ? TLS_TIMEOUT_USEC : CONNECT_TIMEOUT_USEC);
        conn_update_io(c);

        *ret = TAKE_PTR(c);
        return 0;
}

void conn_cut(Conn *c) {
        if (c->stage == CONN_OPEN || (c->stage == CONN_CLOSING && !c->is_shut))
                tls_shutdown(c->tls);
        if (c->stage != CONN_CLOSED)
                conn_disconnect(c);
        c->handlers = (ConnHandlers){};
}

Conn *conn_free(Conn *c) {
        if (!c)
                return NULL;
        conn_cut(c);
        return conn_unref(c);
}

void conn_set_handlers(Conn *c, const ConnHandlers *handlers, void *userdata) {
        c->handlers = handlers ? *handlers : (ConnHandlers){};
        c->userdata = userdata;
}

ConnStage conn_get_stage(const Conn *c) {
        return c->stage;
}

const Subject *conn_get_peer(const Conn *c) {
        return tls_get_peer(c->tls);
}

uint64_t conn_now(const Conn *c) {
        return tls_now(c->tls);
}

const Address *conn_get_address(const Conn *c) {
        return &c->peer;
}

int conn_get_local_address(const Conn *c, Address *ret) {
        Address a = { .size = sizeof(a.in6) };

        if (c->fd < 0)
                return -ENOTCONN;
        if (getsockname(c->fd, &a.sa, &a.size) < 0)
                return -errno;
        if (a.sa.sa_family != AF_INET && a.sa.sa_family != AF_INET6)
                return -EAFNOSUPPORT;
        address_unmap(&a);
        *ret = a;
        return 0;
}

bool conn_is_accepting(const Conn *c) {
        return c->accepting;
}

const char *conn_get_offered_pin(const Conn *c) {
        return tls_get_offered_pin(c->tls);
}

const Chain *conn_get_offered_chain(const Conn *c) {
        return tls_get_offered_chain(c->tls);
}

void conn_set_frame_max(Conn *c, size_t bytes) {
        frame_decoder_set_max(&c->in, bytes);
}

void conn_resume(Conn *c) {
        if (!c->paused)
                return;
        c->paused = false;
        c->last_alive = clock_boottime(c->rt->clock);
        conn_update_io(c);
}

void conn_set_silence_max(Conn *c, uint64_t usec) {
        c->silence_max = usec;
        c->last_alive = clock_boottime(c->rt->clock);
        if (c->stage != CONN_OPEN)
                return;
        if (usec == UINT64_MAX)
                clock_timer_disarm(c->silence);
        else
                clock_timer_arm(c->silence, usec);
}

int conn_send(Conn *c, const char *bytes, size_t n) {
        int r;

        if (c->stage >= CONN_CLOSING)
                return -ENOTCONN;
        r = output_append(&c->out, NULL, bytes, n);
        if (r < 0)
                return r;
        conn_update_io(c);
        return 0;
}

size_t conn_get_queued(const Conn *c) {
        return c->out.size;
}

void conn_close(Conn *c) {
        if (c->stage >= CONN_CLOSING)
                return;
        conn_set_reason(c, 0, "closed on this side");
        if (c->stage == CONN_OPEN) {
                clock_timer_arm(c->deadline, FLUSH_USEC);
                c->may_read = true;
        } else {
                c->is_shut = c->is_drained = true;
        }
        conn_detach_sources(c);
        c->stage = CONN_CLOSING;
        conn_update_io(c);
}
