/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a connection does in a turn of the loop: connect, handshake, read, write, close, and
 * what it waits for afterwards; leaves who owns it to conn.c. */
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/epoll.h>

#include "net/conn-internal.h"

#define WRITE_BYTES_PER_TURN (4 * FRAME_BYTES_MAX)
#define TLS_RECORD_BYTES 16384 /* RFC 8446 5.1: the most that one write seals */

void conn_set_reason(Conn *c, int error, const char *format, ...) {
        va_list ap;

        if (c->why.message[0])
                return;
        c->why.error = error;
        c->why.stage = c->stage;
        if (error == -ENOKEY || error == -EKEYREJECTED)
                snprintf(c->why.offered_pin, sizeof(c->why.offered_pin), "%s",
                         tls_get_offered_pin(c->tls));
        va_start(ap, format);
        vsnprintf(c->why.message, sizeof(c->why.message), format, ap);
        va_end(ap);
}

/* From the loop only. */
static void conn_finish(Conn *c) {
        ConnHandlers handlers = c->handlers;

        conn_disconnect(c);
        c->handlers = (ConnHandlers){};
        if (handlers.on_closed)
                handlers.on_closed(c, &c->why, c->userdata);
}

static bool conn_wants_lines(const Conn *c) {
        return !c->paused && !c->lost && c->out.n_control <= CONTROL_BYTES_MAX;
}

static bool conn_wants_write(const Conn *c) {
        return c->out.size > 0 || c->ready;
}

void conn_update_io(Conn *c) {
        uint32_t events = 0;
        bool turn = false;

        switch (c->stage) {
        case CONN_CONNECTING:
                events = EPOLLOUT;
                break;
        case CONN_HANDSHAKE:
                events = c->handshake_wants;
                turn = events == 0;
                break;
        case CONN_OPEN:
                if (conn_wants_lines(c)) {
                        turn = c->undecoded || c->may_read;
                        events |= c->may_read ? 0 : c->read_wants;
                }
                if (conn_wants_write(c)) {
                        turn = turn || c->may_write;
                        events |= c->may_write ? 0 : c->write_wants;
                }
                break;
        case CONN_CLOSING:
                if (!c->is_shut) {
                        turn = c->may_write || c->out.size == 0;
                        events |= c->may_write ? 0 : c->write_wants;
                }
                if (!c->is_drained) {
                        turn = turn || c->may_read;
                        events |= c->may_read ? 0 : (uint32_t) EPOLLIN;
                }
                turn = turn || (c->is_shut && c->is_drained);
                break;
        case CONN_CLOSED:
        case CONN_STAGE_MAX:
        case CONN_STAGE_INVALID:
                return;
        }

        if (events != c->events && sd_event_source_set_io_events(c->io, events) >= 0)
                c->events = events;
        (void) sd_event_source_set_enabled(c->turn, turn ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void conn_fail(Conn *c, int error) {
        const char *message = tls_get_message(c->tls);

        conn_set_reason(c, error, "%s", message[0] ? message : strerrordesc_np(-error));
        conn_finish(c);
}

/* Our FIN after all that was written; then what still comes is thrown away, since a close with
 * unread bytes would be a reset that overtakes the last answer. */
static void conn_shut(Conn *c) {
        tls_shutdown(c->tls);
        (void) shutdown(c->fd, SHUT_WR);
        c->is_shut = true;
        clock_timer_arm(c->deadline, LINGER_USEC);
}

static void conn_connect(Conn *c) {
        char address[ADDRESS_STRING_SIZE];
        int error = 0;
        socklen_t n = sizeof(error);

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
                error = errno;
        if (error > 0) {
                address_print(&c->peer, address);
                conn_set_reason(c, -error, "%s: %s", address, strerrordesc_np(error));
                conn_finish(c);
                return;
        }
        c->stage = CONN_HANDSHAKE;
        clock_timer_arm(c->deadline, TLS_TIMEOUT_USEC);
}

static void conn_handshake(Conn *c) {
        int r;

        r = tls_handshake(c->tls, &c->handshake_wants);
        if (r == -EAGAIN)
                return;
        if (r < 0 && c->accepting) {
                /* The alert must arrive; the dialler, who speaks first, would be reset. */
                conn_set_reason(c, r, "%s", tls_get_message(c->tls));
                c->stage = CONN_CLOSING;
                conn_shut(c);
                return;
        }
        if (r < 0) {
                conn_fail(c, r);
                return;
        }
        c->stage = CONN_OPEN;
        c->may_read = c->may_write = true;
        clock_timer_disarm(c->deadline);
        conn_set_silence_max(c, c->silence_max);
        if (c->handlers.on_open)
                c->handlers.on_open(c, c->userdata);
}

static void conn_deliver_line(Conn *c) {
        const char *line;
        size_t n;
        int r;

        r = frame_decoder_next(&c->in, &line, &n);
        if (r == 0) {
                c->undecoded = false;
        } else if (r < 0) {
                c->lost = true;
                if (c->handlers.on_too_large)
                        c->handlers.on_too_large(c, c->userdata);
        } else if (c->handlers.on_line && !c->handlers.on_line(c, line, n, c->userdata)) {
                c->paused = true;
        }
}

static void conn_fill(Conn *c) {
        uint64_t n_received = tls_get_n_received(c->tls);
        char *room;
        size_t n_room;
        ssize_t n;
        int r;

        r = frame_decoder_reserve(&c->in, &room, &n_room);
        if (r == -ENOBUFS) { /* the maximum was lowered below what waits */
                c->undecoded = true;
                return;
        }
        if (r < 0) {
                conn_fail(c, r);
                return;
        }
        n = tls_read(c->tls, room, n_room, &c->read_wants);
        frame_decoder_commit(&c->in, n > 0 ? (size_t) n : 0);
        if (tls_get_n_received(c->tls) != n_received)
                c->last_alive = clock_boottime(c->rt->clock);

        if (n > 0) {
                c->undecoded = true;
        } else if (n == -EAGAIN) {
                c->may_read = false;
        } else if (n < 0) {
                conn_fail(c, (int) n);
        } else {
                conn_set_reason(c, 0, "the other side closed the connection");
                conn_finish(c);
        }
}

static void conn_read(Conn *c) {
        for (unsigned n_lines = 0, n_reads = 0; c->stage == CONN_OPEN && conn_wants_lines(c);) {
                if (c->undecoded && n_lines++ < FRAMES_PER_TURN)
                        conn_deliver_line(c);
                else if (!c->undecoded && c->may_read && n_reads++ < FRAMES_PER_TURN)
                        conn_fill(c);
                else
                        return;
        }
}

static void conn_write(Conn *c) {
        unsigned n_writes = 0;
        size_t n_total = 0;
        ssize_t n;
        int r;

        while (c->may_write && n_total < WRITE_BYTES_PER_TURN && n_writes++ < FRAMES_PER_TURN) {
                if (c->stage == CONN_OPEN) {
                        r = conn_pull(c);
                        if (c->stage != CONN_OPEN && c->stage != CONN_CLOSING)
                                return;
                        if (r < 0) {
                                conn_fail(c, r);
                                return;
                        }
                }
                if (c->out.size == 0)
                        return;

                n = tls_write(c->tls, output_data(&c->out), c->out.size, &c->write_wants);
                if (n == -EAGAIN) {
                        c->may_write = false;
                        c->out.sealed = MIN(c->out.size, (size_t) TLS_RECORD_BYTES);
                        return;
                }
                if (n < 0 && c->stage == CONN_OPEN) {
                        /* What they said last may explain it: an alert, an answer. */
                        c->may_read = true;
                        c->paused = false;
                        output_done(&c->out);
                        conn_detach_sources(c);
                        conn_read(c);
                        if (c->stage == CONN_OPEN)
                                conn_fail(c, (int) n);
                        return;
                }
                if (n < 0) {
                        conn_fail(c, (int) n);
                        return;
                }
                output_consume(&c->out, (size_t) n);
                n_total += (size_t) n;
                /* Where nothing is read, that the other side reads is its sign of life. */
                if (!conn_wants_lines(c))
                        c->last_alive = clock_boottime(c->rt->clock);
        }
}

static void conn_drain(Conn *c) {
        char buffer[4096];
        ssize_t n;

        for (unsigned i = 0; c->may_read && !c->is_drained && i < FRAMES_PER_TURN; i++) {
                n = recv(c->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        c->may_read = false;
                else if (n <= 0)
                        c->is_drained = true;
        }
}

static void conn_run(Conn *conn) {
        _cleanup_(conn_unrefp) Conn *c = conn_ref(conn);

        if (c->stage == CONN_HANDSHAKE)
                conn_handshake(c);
        if (c->stage == CONN_OPEN)
                conn_read(c);
        if (c->stage == CONN_CLOSING)
                conn_drain(c);
        if (c->stage == CONN_OPEN || (c->stage == CONN_CLOSING && !c->is_shut))
                conn_write(c);
        if (c->stage == CONN_CLOSING && !c->is_shut && c->out.size == 0)
                conn_shut(c);
        if (c->stage == CONN_CLOSING && c->is_shut && c->is_drained)
                conn_finish(c);
        conn_update_io(c);
}

int conn_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        _cleanup_(conn_unrefp) Conn *c = conn_ref(userdata);
        bool hung_up = revents & (EPOLLHUP | EPOLLERR);

        if (c->stage == CONN_CONNECTING) {
                conn_connect(c);
        } else if (c->stage == CONN_OPEN && hung_up && !conn_wants_lines(c) &&
                   !conn_wants_write(c)) {
                /* Nobody waits for the kernel, but it goes on telling. */
                conn_set_reason(c, -ECONNRESET, "the connection was lost");
                conn_finish(c);
                return 0;
        }
        if ((revents & c->read_wants) || hung_up)
                c->may_read = true;
        if ((revents & c->write_wants) || hung_up)
                c->may_write = true;
        conn_run(c);
        return 0;
}

int conn_on_turn(sd_event_source *source, void *userdata) {
        conn_run(userdata);
        return 0;
}

void conn_on_deadline(void *userdata) {
        _cleanup_(conn_unrefp) Conn *c = conn_ref(userdata);
        char address[ADDRESS_STRING_SIZE];

        if (c->stage == CONN_OPEN && c->is_probed && !c->why.message[0]) {
                conn_probe_end(c);
                return;
        }
        address_print(&c->peer, address);
        if (c->stage == CONN_CONNECTING)
                conn_set_reason(c, -ETIMEDOUT, "%s does not answer", address);
        else if (c->stage == CONN_HANDSHAKE)
                conn_set_reason(c, -ETIMEDOUT, "%s did not finish the TLS handshake in time",
                                address);
        if (c->stage == CONN_CLOSING && !c->is_shut) {
                /* It does not read; the alert or close_notify may still fit. */
                output_done(&c->out);
                conn_shut(c);
                conn_update_io(c);
                return;
        }
        conn_finish(c);
}

void conn_on_silence(void *userdata) {
        _cleanup_(conn_unrefp) Conn *c = conn_ref(userdata);
        uint64_t now = clock_boottime(c->rt->clock);

        if (c->stage != CONN_OPEN || c->silence_max == UINT64_MAX)
                return;
        if (now - c->last_alive >= c->silence_max && !c->paused) {
                /* The loop itself may have stood still: bytes that wait count. */
                c->may_read = true;
                conn_run(c);
                if (c->stage != CONN_OPEN)
                        return;
        }
        if (c->paused)
                c->last_alive = now; /* it is the owner who keeps them waiting */
        if (now - c->last_alive < c->silence_max) {
                clock_timer_arm_at(c->silence, c->last_alive + c->silence_max);
                return;
        }
        conn_set_reason(c, -ETIMEDOUT, "nothing was heard from the other side for %llu s",
                        (unsigned long long) (c->silence_max / USEC_PER_SEC));
        conn_finish(c);
}
