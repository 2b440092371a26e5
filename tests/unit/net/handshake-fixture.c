/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how two conns meet and what each end shows; leaves who they are to handshake-fixture.h. */
#include "unit/net/handshake-fixture.h"

static void on_open(Conn *c, void *userdata) {
        ((Side *) userdata)->n_opened++;
}

static bool on_line(Conn *c, const char *line, size_t n, void *userdata) {
        Side *s = userdata;

        s->n_lines++;
        assert_int_equal(n, 4);
        assert_memory_equal(line, "data", 4);
        return true;
}

static void on_closed(Conn *c, const ConnClosed *why, void *userdata) {
        Side *s = userdata;

        s->n_closed++;
        s->why = *why;
        assert_true(why->message[0] != 0);
}

static const ConnHandlers handlers = { .on_open = on_open,
                                       .on_line = on_line,
                                       .on_closed = on_closed };

void side_start(Fixture *f, Side *s, int fd, bool accepting, TlsConfig *tls) {
        *s = (Side){};
        assert_int_equal(
                conn_new(&f->loop->rt, fd, &nowhere, tls, accepting, &handlers, s, &s->conn), 0);
        /* Waits behind the handshake. */
        assert_int_equal(conn_send(s->conn, "data\n", 5), 0);
}

void side_stop(Side *s) {
        s->conn = conn_free(s->conn);
}

void meet(Fixture *f, TlsConfig *dialling, TlsConfig *accepting) {
        int fds[2];

        make_pair(fds);
        side_start(f, &f->dialling, fds[0], false, dialling);
        side_start(f, &f->accepting, fds[1], true, accepting);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
}

void part(Fixture *f) {
        side_stop(&f->dialling);
        side_stop(&f->accepting);
}

void assert_met(Fixture *f) {
        assert_int_equal(f->dialling.n_lines, 1);
        assert_int_equal(f->accepting.n_lines, 1);
        assert_int_equal(f->dialling.n_closed + f->accepting.n_closed, 0);
}

void assert_dialler_refused(Fixture *f, int error, int told) {
        assert_int_equal(f->dialling.n_opened, 0);
        assert_int_equal(f->dialling.n_closed, 1);
        assert_int_equal(f->dialling.why.error, error);
        assert_int_equal(f->dialling.why.stage, CONN_HANDSHAKE);
        assert_int_equal(f->accepting.n_opened, 0);
        assert_int_equal(f->accepting.n_lines + f->dialling.n_lines, 0);
        assert_int_equal(f->accepting.n_closed, 1);
        assert_int_equal(f->accepting.why.error, told);
}

void assert_dialler_was_refused(Fixture *f, int error, int told) {
        assert_int_equal(f->accepting.n_opened, 0);
        assert_int_equal(f->accepting.n_closed, 1);
        assert_int_equal(f->accepting.why.error, error);
        assert_int_equal(f->accepting.why.stage, CONN_HANDSHAKE);
        assert_int_equal(f->accepting.n_lines + f->dialling.n_lines, 0);
        assert_int_equal(f->dialling.n_closed, 1);
        assert_int_equal(f->dialling.why.error, told);
}

TlsConfig *nobody(Fixture *f, const char *pin) {
        const TlsParameters p = { .clock = f->loop->rt.clock,
                                  .expect = TLS_EXPECT_TRACKER,
                                  .pin = pin };
        TlsConfig *config;

        assert_int_equal(tls_config_new(&p, &config), 0);
        return config;
}

int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->loop = test_loop_new();
        f->ours = test_authority_new(f->loop->rt.clock);
        f->other = test_authority_new(f->loop->rt.clock);
        *state = f;
        return 0;
}

int teardown(void **state) {
        Fixture *f = *state;

        part(f);
        test_authority_free(f->ours);
        test_authority_free(f->other);
        test_loop_free(f->loop);
        free(f);
        return 0;
}
