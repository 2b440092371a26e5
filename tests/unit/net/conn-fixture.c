/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a conn and its raw end are started and run together; leaves what happens to them to
 * conn-fixture.h. */
#include "unit/net/conn-fixture.h"

#include <sys/socket.h>

#define SINK_BYTES (8 * 1024 * 1024)

static void on_open(Conn *c, void *userdata) {
        Fixture *f = userdata;

        f->n_opened++;
}

static bool on_line(Conn *c, const char *line, size_t n, void *userdata) {
        Fixture *f = userdata;

        if (f->n_lines < ELEMENTSOF(f->lines))
                snprintf(f->lines[f->n_lines], sizeof(f->lines[0]), "%.*s", (int) MIN(n, 60U),
                         line);
        f->n_lines++;
        if (f->reply_bytes > 0) {
                char *reply = malloc(f->reply_bytes);

                assert_non_null(reply);
                memset(reply, 'r', f->reply_bytes);
                reply[f->reply_bytes - 1] = '\n';
                assert_int_equal(conn_send(c, reply, f->reply_bytes), 0);
                free(reply);
                f->n_queued_max = MAX(f->n_queued_max, conn_get_queued(c));
        }
        if (f->frees)
                f->conn = conn_free(f->conn);
        return !f->accepts_one;
}

static void on_too_large(Conn *c, void *userdata) {
        Fixture *f = userdata;

        f->n_too_large++;
}

static void on_closed(Conn *c, const ConnClosed *why, void *userdata) {
        Fixture *f = userdata;

        assert_int_equal(conn_get_stage(c), CONN_CLOSED);
        assert_int_equal(conn_send(c, "x\n", 2), -ENOTCONN);
        f->n_closed++;
        f->why = *why;
        f->conn = conn_free(f->conn);
}

static const ConnHandlers handlers = {
        .on_open = on_open,
        .on_line = on_line,
        .on_too_large = on_too_large,
        .on_closed = on_closed,
};

void relay(int from, int to, size_t max) {
        char buffer[4096];
        ssize_t n;

        n = recv(from, buffer, MIN(max, sizeof(buffer)), MSG_DONTWAIT);
        if (n > 0)
                assert_int_equal(send(to, buffer, (size_t) n, MSG_NOSIGNAL), n);
}

static bool both_are_open(void *userdata) {
        Fixture *f = userdata;

        if (f->relayed) {
                relay(f->relay_conn, f->relay_raw, SIZE_MAX);
                relay(f->relay_raw, f->relay_conn, SIZE_MAX);
        }
        return raw_is_open(&f->raw) && f->n_opened == 1;
}

void start(Fixture *f) {
        _cleanup_(tls_config_freep) TlsConfig *a = NULL, *b = NULL;
        int fds[2];

        a = test_authority_tls(f->authority, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        b = test_authority_tls(f->authority, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);
        make_pair(fds);
        raw_start(&f->raw, fds[0], a, SINK_BYTES);
        if (f->relayed) {
                int more[2];

                make_pair(more);
                f->relay_raw = fds[1];
                f->relay_conn = more[0];
                fds[1] = more[1];
        }
        f->n_opened = f->n_closed = f->n_lines = 0;
        assert_int_equal(conn_new(&f->loop->rt, fds[1], &nowhere, b, true, &handlers, f, &f->conn),
                         0);
        conn_set_frame_max(f->conn, FRAME_BYTES_MAX);
        test_loop_until(f->loop, both_are_open, f, USEC_PER_SEC);
}

void stop(Fixture *f) {
        f->conn = conn_free(f->conn);
        raw_stop(&f->raw);
}

int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->raw.fd = f->relay_raw = f->relay_conn = -EBADF;
        f->loop = test_loop_new();
        f->authority = test_authority_new(f->loop->rt.clock);
        *state = f;
        return 0;
}

int teardown(void **state) {
        Fixture *f = *state;

        stop(f);
        close_fd(f->relay_raw);
        close_fd(f->relay_conn);
        test_authority_free(f->authority);
        test_loop_free(f->loop);
        free(f);
        return 0;
}

void run(Fixture *f, uint64_t usec) {
        uint64_t end = clock_boottime(f->loop->rt.clock) + usec;

        for (;;) {
                uint64_t now = clock_boottime(f->loop->rt.clock);

                if (f->relayed)
                        relay(f->relay_conn, f->relay_raw, SIZE_MAX);
                (void) raw_is_ended(&f->raw);
                if (now >= end)
                        break;
                test_loop_run(f->loop, MIN(end - now, USEC_PER_MSEC));
        }
}
