/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a conn promises about reading, writing, bounds and ends; leaves handshakes to
 * test-handshake.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/conn.h"
#include "support/authority.h"
#include "support/loop.h"
#include "wire/limits.h"

#define SINK_BYTES (8 * 1024 * 1024)

/* The other end: TLS by hand, so that it can stand still or be slow. */
typedef struct Raw {
        Tls *tls;
        int fd;
        bool reads;
        bool ended;
        char *in;
        size_t n_in;
} Raw;

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *authority;
        Conn *conn;
        Raw raw;
        int relay_raw, relay_conn; /* when the test stands between the two */
        bool relayed;

        unsigned n_opened, n_lines, n_too_large, n_closed;
        char lines[64][64];
        ConnClosed why;
        bool accepts_one; /* on_line asks for no more */
        bool frees;       /* in the next callback */
        size_t reply_bytes;
        size_t n_queued_max;
} Fixture;

/* Bulk of one cursor: numbered frames "NAME 000012 xxxx". */
typedef struct Bulk {
        Fixture *fixture;
        ConnSource *source;
        char name;
        unsigned n_pulled, n_frames;
        size_t frame_bytes;
        bool frees_source, frees_conn;
        const char *also_sends; /* as control, inside the pull */
} Bulk;

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

static void relay(int from, int to, size_t max) {
        char buffer[4096];
        ssize_t n;

        n = recv(from, buffer, MIN(max, sizeof(buffer)), MSG_DONTWAIT);
        if (n > 0)
                assert_int_equal(send(to, buffer, (size_t) n, MSG_NOSIGNAL), n);
}

static bool raw_turn(void *userdata) {
        Fixture *f = userdata;
        uint32_t events;
        ssize_t n;

        if (f->relayed)
                relay(f->relay_conn, f->relay_raw, SIZE_MAX);
        while (f->raw.reads && !f->raw.ended) {
                assert_true(f->raw.n_in < SINK_BYTES);
                n = tls_read(f->raw.tls, f->raw.in + f->raw.n_in, SINK_BYTES - f->raw.n_in,
                             &events);
                if (n == -EAGAIN)
                        break;
                if (n <= 0)
                        f->raw.ended = true;
                else
                        f->raw.n_in += (size_t) n;
        }
        return f->raw.ended;
}

static bool raw_is_open(void *userdata) {
        Fixture *f = userdata;
        uint32_t events;

        if (f->relayed) {
                relay(f->relay_conn, f->relay_raw, SIZE_MAX);
                relay(f->relay_raw, f->relay_conn, SIZE_MAX);
        }
        return tls_handshake(f->raw.tls, &events) == 0 && f->n_opened == 1;
}

static void make_pair(int fds[static 2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
}

static void start(Fixture *f) {
        static const Address nowhere = { .size = sizeof(nowhere.in),
                                         .in = { .sin_family = AF_INET } };
        _cleanup_(tls_config_freep) TlsConfig *a = NULL, *b = NULL;
        int fds[2];

        a = test_authority_tls(f->authority, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        b = test_authority_tls(f->authority, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);
        make_pair(fds);
        f->raw = (Raw){ .fd = fds[0], .reads = true, .in = f->raw.in };
        if (f->relayed) {
                int more[2];

                make_pair(more);
                f->relay_raw = fds[1];
                f->relay_conn = more[0];
                fds[1] = more[1];
        }
        f->n_opened = f->n_closed = f->n_lines = 0;
        assert_int_equal(tls_new(a, f->raw.fd, false, &f->raw.tls), 0);
        assert_int_equal(conn_new(&f->loop->rt, fds[1], &nowhere, b, true, &handlers, f, &f->conn),
                         0);
        conn_set_frame_max(f->conn, FRAME_BYTES_MAX);
        test_loop_until(f->loop, raw_is_open, f, USEC_PER_SEC);
}

static void stop(Fixture *f) {
        f->conn = conn_free(f->conn);
        f->raw.tls = tls_free(f->raw.tls);
        f->raw.fd = close_fd(f->raw.fd);
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->raw.fd = f->relay_raw = f->relay_conn = -EBADF;
        f->raw.in = malloc(SINK_BYTES);
        assert_non_null(f->raw.in);
        f->loop = test_loop_new();
        f->authority = test_authority_new(f->loop->rt.clock);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        stop(f);
        close_fd(f->relay_raw);
        close_fd(f->relay_conn);
        test_authority_free(f->authority);
        test_loop_free(f->loop);
        free(f->raw.in);
        free(f);
        return 0;
}

static size_t raw_say(Fixture *f, const char *bytes, size_t n) {
        uint32_t events;
        size_t n_said = 0;

        while (n_said < n) {
                ssize_t k = tls_write(f->raw.tls, bytes + n_said, n - n_said, &events);

                if (k <= 0)
                        break;
                n_said += (size_t) k;
        }
        return n_said;
}

/* Runs the loop and the other end together for so long. */
static void run(Fixture *f, uint64_t usec) {
        uint64_t end = clock_boottime(f->loop->rt.clock) + usec;

        for (;;) {
                uint64_t now = clock_boottime(f->loop->rt.clock);

                (void) raw_turn(f);
                if (now >= end)
                        break;
                test_loop_run(f->loop, MIN(end - now, USEC_PER_MSEC));
        }
}

static int pull(Conn *c, Writer *out, void *userdata) {
        Bulk *b = userdata;
        Fixture *f = b->fixture;
        char *frame;

        if (b->n_pulled == b->n_frames)
                return 0;
        assert_true(conn_get_queued(c) < LOW_WATER_BYTES);
        frame = malloc(b->frame_bytes + 1);
        assert_non_null(frame);
        memset(frame, 'x', b->frame_bytes);
        snprintf(frame, 9, "%c %06u", b->name, b->n_pulled++);
        frame[8] = ' ';
        frame[b->frame_bytes - 1] = '\n';
        writer_bytes(out, frame, b->frame_bytes);
        free(frame);
        if (b->also_sends)
                assert_int_equal(conn_send(c, b->also_sends, strlen(b->also_sends)), 0);
        if (b->frees_source)
                b->source = conn_source_free(b->source);
        if (b->frees_conn)
                f->conn = conn_free(f->conn);
        return 1;
}

static void bulk_start(Bulk *b, Fixture *f, char name, unsigned n_frames, size_t frame_bytes) {
        *b = (Bulk){ .fixture = f, .name = name, .n_frames = n_frames, .frame_bytes = frame_bytes };
        assert_int_equal(conn_source_new(f->conn, pull, b, &b->source), 0);
}

/* What of one name has arrived: all whole and in order. Returns how many. */
static unsigned count_frames(Fixture *f, char name, size_t frame_bytes) {
        const char *p = f->raw.in, *end = f->raw.in + f->raw.n_in;
        unsigned n = 0;

        while (p < end) {
                const char *lf = memchr(p, '\n', (size_t) (end - p));

                assert_non_null(lf);
                if (*p == name) {
                        char expected[16];

                        snprintf(expected, sizeof(expected), "%c %06u ", name, n++);
                        assert_memory_equal(p, expected, 9);
                        assert_int_equal(lf + 1 - p, frame_bytes);
                }
                p = lf + 1;
        }
        return n;
}

static void test_pieces(void **state) {
        Fixture *f = *state;
        static const char text[] = "first line\n\nthird\nfourth";

        start(f);
        for (size_t i = 0; i < strlen(text); i++) {
                assert_int_equal(raw_say(f, text + i, 1), 1);
                test_loop_run(f->loop, 1);
        }
        assert_int_equal(f->n_lines, 3);
        assert_string_equal(f->lines[0], "first line");
        assert_string_equal(f->lines[1], "");
        assert_string_equal(f->lines[2], "third");
        assert_int_equal(raw_say(f, "\nfifth\n", 7), 7);
        test_loop_run(f->loop, 1);
        assert_int_equal(f->n_lines, 5);
        assert_string_equal(f->lines[3], "fourth");
        assert_string_equal(f->lines[4], "fifth");
}

/* Even the records come byte by byte: below TLS, and each of them is life. */
static void test_dribble(void **state) {
        Fixture *f = *state;

        f->relayed = true;
        start(f);
        conn_set_silence_max(f->conn, 3 * USEC_PER_SEC);
        assert_int_equal(raw_say(f, "slow\n", 5), 5);
        for (unsigned i = 0; i < 10 + 5; i++) { /* more than 3 s without one whole record */
                relay(f->relay_raw, f->relay_conn, 1);
                test_loop_run(f->loop, USEC_PER_SEC);
                assert_int_equal(f->n_closed, 0);
        }
        assert_int_equal(f->n_lines, 0);
        relay(f->relay_raw, f->relay_conn, SIZE_MAX);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 1);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, -ETIMEDOUT);
        assert_int_equal(f->why.stage, CONN_OPEN);
}

static void test_pause(void **state) {
        Fixture *f = *state;

        start(f);
        conn_set_silence_max(f->conn, 10 * USEC_PER_SEC);
        f->accepts_one = true;
        assert_int_equal(raw_say(f, "1\n2\n3\n", 6), 6);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 1);
        /* The owner makes them wait: no silence of theirs. */
        test_loop_run(f->loop, USEC_PER_MINUTE);
        assert_int_equal(f->n_closed, 0);
        conn_resume(f->conn);
        assert_int_equal(f->n_lines, 1); /* never from inside the call */
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 2);
        f->accepts_one = false;
        conn_resume(f->conn);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 3);
        test_loop_run(f->loop, 10 * USEC_PER_SEC);
        assert_int_equal(f->why.error, -ETIMEDOUT);
}

/* It hangs up while nobody reads: seen, and the loop does not spin. */
static void test_hang_up_while_paused(void **state) {
        Fixture *f = *state;

        start(f);
        f->accepts_one = true;
        assert_int_equal(raw_say(f, "1\n2\n", 4), 4);
        run(f, USEC_PER_SEC);
        f->raw.fd = close_fd(f->raw.fd);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, -ECONNRESET);
        f->raw.tls = tls_free(f->raw.tls);
}

static void test_too_large(void **state) {
        Fixture *f = *state;
        char big[512];

        memset(big, 'x', sizeof(big));
        start(f);
        conn_set_frame_max(f->conn, 256);
        assert_int_equal(raw_say(f, "good\n", 5), 5);
        assert_int_equal(raw_say(f, big, 255), 255);
        assert_int_equal(raw_say(f, "\n", 1), 1); /* exactly 256 */
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 2);
        assert_int_equal(raw_say(f, big, 256), 256);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_too_large, 1);
        assert_int_equal(raw_say(f, "\nmore\n", 6), 6);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_too_large, 1);
        assert_int_equal(f->n_lines, 2);
}

static void test_round_robin(void **state) {
        Fixture *f = *state;
        Bulk a, b;

        start(f);
        bulk_start(&a, f, 'A', 40, 100);
        bulk_start(&b, f, 'B', 40, 100);
        run(f, USEC_PER_SEC);
        assert_int_equal(count_frames(f, 'A', 100), 40);
        assert_int_equal(count_frames(f, 'B', 100), 40);
        for (unsigned i = 0; i < 80; i++)
                assert_int_equal(f->raw.in[(size_t) i * 100], i % 2 ? 'B' : 'A');

        /* Asked again after a wake only. */
        a.n_frames = 41;
        run(f, USEC_PER_SEC);
        assert_int_equal(a.n_pulled, 40);
        conn_source_wake(a.source);
        assert_int_equal(a.n_pulled, 40);
        run(f, USEC_PER_SEC);
        assert_int_equal(count_frames(f, 'A', 100), 41);
        conn_source_free(a.source);
        conn_source_free(b.source);
}

static void test_stalled_reader_bounds_bulk(void **state) {
        Fixture *f = *state;
        const size_t frame_bytes = 20000;
        unsigned n_stalled;
        Bulk a;

        start(f);
        f->raw.reads = false;
        bulk_start(&a, f, 'A', 200, frame_bytes);
        run(f, USEC_PER_SEC);
        n_stalled = a.n_pulled;
        assert_true(n_stalled < 100); /* the kernel's own buffer, and low water */
        assert_in_range(conn_get_queued(f->conn), 1, LOW_WATER_BYTES + frame_bytes);
        run(f, 10 * USEC_PER_SEC);
        assert_int_equal(a.n_pulled, n_stalled);

        f->raw.reads = true;
        run(f, USEC_PER_SEC);
        assert_int_equal(count_frames(f, 'A', frame_bytes), 200);
        assert_int_equal(conn_get_queued(f->conn), 0);
        conn_source_free(a.source);
}

/* What a change of rights cannot recall is the frame in progress. */
static void test_source_takes_back(void **state) {
        Fixture *f = *state;
        const size_t frame_bytes = 1000;
        size_t queued;
        unsigned n_arrived;
        Bulk a, b;

        start(f);
        f->raw.reads = false;
        bulk_start(&a, f, 'A', 5000, frame_bytes);
        run(f, USEC_PER_SEC);
        assert_true(a.n_pulled < a.n_frames);
        assert_int_equal(conn_send(f->conn, "control\n", 8), 0);
        queued = conn_get_queued(f->conn);
        assert_true(queued > LOW_WATER_BYTES);
        a.source = conn_source_free(a.source);
        /* One record may be sealed, and a frame be cut by its end. */
        assert_in_range(conn_get_queued(f->conn), 8, 16384 + frame_bytes + 8);
        bulk_start(&b, f, 'B', 3, frame_bytes);

        f->raw.reads = true;
        run(f, USEC_PER_SEC);
        n_arrived = count_frames(f, 'A', frame_bytes);
        assert_true(n_arrived < a.n_pulled - 10);
        assert_int_equal(count_frames(f, 'B', frame_bytes), 3);
        assert_memory_equal(f->raw.in + f->raw.n_in - 3 * frame_bytes - 8, "control\n", 8);
        conn_source_free(b.source);
}

static void test_pull_callbacks(void **state) {
        Fixture *f = *state;
        Bulk a, b;

        /* Control from inside a pull; frames of both stay whole. */
        start(f);
        bulk_start(&a, f, 'A', 3, 500);
        a.also_sends = "control\n";
        run(f, USEC_PER_SEC);
        assert_int_equal(count_frames(f, 'A', 500), 3);
        assert_int_equal(f->raw.n_in, 3 * 508);
        a.source = conn_source_free(a.source);

        /* A source freed inside its own pull: what it said is not sent. */
        bulk_start(&a, f, 'C', 3, 500);
        a.frees_source = true;
        bulk_start(&b, f, 'D', 3, 500);
        run(f, USEC_PER_SEC);
        assert_int_equal(a.n_pulled, 1);
        assert_int_equal(count_frames(f, 'C', 500), 0);
        assert_int_equal(count_frames(f, 'D', 500), 3);

        /* The whole conn; sources outlive it. */
        b.frees_conn = true;
        b.n_frames++;
        conn_source_wake(b.source);
        run(f, USEC_PER_SEC);
        assert_null(f->conn);
        assert_true(f->raw.ended);
        conn_source_wake(b.source);
        conn_source_free(b.source);
}

static void test_stalled_reader_is_not_read(void **state) {
        Fixture *f = *state;
        char requests[2000];
        size_t n_said = 0;
        unsigned n_lines;

        for (size_t i = 0; i < sizeof(requests); i++)
                requests[i] = i % 2 ? '\n' : 'q';
        start(f);
        conn_set_silence_max(f->conn, SILENCE_MAX_USEC);
        f->reply_bytes = 5000;
        f->raw.reads = false;
        for (unsigned i = 0; i < 50; i++) {
                n_said += raw_say(f, requests, sizeof(requests));
                run(f, 10 * USEC_PER_MSEC);
        }
        n_lines = f->n_lines;
        assert_true(n_lines < n_said / 2);
        assert_in_range(f->n_queued_max, CONTROL_BYTES_MAX, CONTROL_BYTES_MAX + 2 * 5000);

        /* Reading slowly is life … */
        for (unsigned i = 0; i < 4; i++) {
                run(f, SILENCE_MAX_USEC - USEC_PER_SEC);
                assert_int_equal(f->n_closed, 0);
                f->raw.reads = true;
                run(f, 1);
                f->raw.reads = false;
        }
        assert_true(f->n_lines > n_lines);
        n_lines = f->n_lines;
        run(f, SILENCE_MAX_USEC - USEC_PER_SEC);
        assert_int_equal(f->n_closed, 0);
        /* … not reading is none. */
        run(f, 2 * USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, -ETIMEDOUT);
        assert_in_range(f->n_queued_max, CONTROL_BYTES_MAX, CONTROL_BYTES_MAX + 2 * 5000);
}

static void test_close(void **state) {
        Fixture *f = *state;
        const size_t n = 60000;
        char *last = malloc(n);

        assert_non_null(last);
        memset(last, 'l', n);
        last[n - 1] = '\n';

        /* All goes out, then the end; what they still say is not delivered. */
        start(f);
        assert_int_equal(conn_send(f->conn, last, n), 0);
        conn_close(f->conn);
        assert_int_equal(conn_send(f->conn, "x\n", 2), -ENOTCONN);
        assert_int_equal(f->n_closed, 0);
        assert_int_equal(raw_say(f, "late\n", 5), 5);
        run(f, LINGER_USEC / 2);
        assert_int_equal(f->raw.n_in, n);
        assert_true(f->raw.ended);
        assert_int_equal(f->n_closed, 0); /* it drains */
        run(f, LINGER_USEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, 0);
        assert_int_equal(f->n_lines, 0);
        stop(f);

        /* The other side's end shortens it. */
        start(f);
        conn_close(f->conn);
        run(f, 10 * USEC_PER_MSEC);
        f->raw.fd = close_fd(f->raw.fd);
        test_loop_run(f->loop, 10 * USEC_PER_MSEC);
        assert_int_equal(f->n_closed, 1);
        f->raw.tls = tls_free(f->raw.tls);

        /* Who does not read does not hold it up. */
        start(f);
        f->raw.reads = false;
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(conn_send(f->conn, last, n), 0);
        conn_close(f->conn);
        run(f, 10 * USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        stop(f);

        /* Their orderly end. */
        start(f);
        tls_shutdown(f->raw.tls);
        run(f, 10 * USEC_PER_MSEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, 0);
        assert_int_equal(f->why.stage, CONN_OPEN);
        free(last);
}

static void test_free_in_on_line(void **state) {
        Fixture *f = *state;

        start(f);
        f->frees = true;
        assert_int_equal(raw_say(f, "1\n2\n", 4), 4);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 1);
        assert_int_equal(f->n_closed, 0);
        assert_true(f->raw.ended);
}

/* Neither side of a large exchange waits for the other: both write at once. */
static void test_both_ways(void **state) {
        Fixture *f = *state;
        char lines[64 * 100];
        size_t n_said = 0;
        Bulk a;

        memset(lines, 'u', sizeof(lines));
        for (size_t i = 99; i < sizeof(lines); i += 100)
                lines[i] = '\n';
        start(f);
        bulk_start(&a, f, 'A', 400, 10000);
        for (unsigned i = 0; i < 200; i++) {
                n_said += raw_say(f, lines, sizeof(lines));
                run(f, USEC_PER_MSEC);
        }
        assert_int_equal(n_said, 200 * sizeof(lines));
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 200 * 64);
        assert_int_equal(count_frames(f, 'A', 10000), 400);
        conn_source_free(a.source);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
                cmocka_unit_test_setup_teardown(test_dribble, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hang_up_while_paused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
                cmocka_unit_test_setup_teardown(test_round_robin, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stalled_reader_bounds_bulk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_source_takes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pull_callbacks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stalled_reader_is_not_read, setup, teardown),
                cmocka_unit_test_setup_teardown(test_close, setup, teardown),
                cmocka_unit_test_setup_teardown(test_free_in_on_line, setup, teardown),
                cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
