/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a conn pulls from its sources: fairly, bounded, and taken back in time; leaves what
 * entries are to the daemon. */
#include "unit/net/conn-fixture.h"

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

static int pull(Conn *c, Writer *out, void *userdata) {
        Bulk *b = userdata;
        Fixture *f = b->fixture;
        char *frame;

        if (b->n_pulled == b->n_frames)
                return 0;
        assert_int_equal(conn_get_queued(c), 0);
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
        f->raw.is_stopped = true;
        bulk_start(&a, f, 'A', 200, frame_bytes);
        run(f, USEC_PER_SEC);
        n_stalled = a.n_pulled;
        assert_true(n_stalled < 100); /* the kernel's own buffer, and one */
        assert_in_range(conn_get_queued(f->conn), 1, frame_bytes);
        run(f, 10 * USEC_PER_SEC);
        assert_int_equal(a.n_pulled, n_stalled);

        f->raw.is_stopped = false;
        run(f, USEC_PER_SEC);
        assert_int_equal(count_frames(f, 'A', frame_bytes), 200);
        assert_int_equal(conn_get_queued(f->conn), 0);
        conn_source_free(a.source);
}

/* What a change of rights cannot recall is the frame in progress: at most one, whatever waits. */
static void test_source_takes_back(void **state) {
        Fixture *f = *state;
        const size_t frame_bytes = 1000;
        size_t queued;
        unsigned n_arrived;
        Bulk a, b;

        start(f);
        f->raw.is_stopped = true;
        bulk_start(&a, f, 'A', 5000, frame_bytes);
        run(f, USEC_PER_SEC);
        assert_true(a.n_pulled < a.n_frames);
        assert_int_equal(conn_send(f->conn, "control\n", 8), 0);
        queued = conn_get_queued(f->conn);
        assert_in_range(queued, 9, frame_bytes + 8);
        a.source = conn_source_free(a.source);
        assert_int_equal(conn_get_queued(f->conn), queued);
        bulk_start(&b, f, 'B', 3, frame_bytes);

        f->raw.is_stopped = false;
        run(f, USEC_PER_SEC);
        n_arrived = count_frames(f, 'A', frame_bytes);
        assert_int_equal(n_arrived, a.n_pulled);
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
        assert_true(f->raw.is_ended);
        conn_source_wake(b.source);
        conn_source_free(b.source);
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
                n_said += raw_say(&f->raw, lines, sizeof(lines));
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
                cmocka_unit_test_setup_teardown(test_round_robin, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stalled_reader_bounds_bulk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_source_takes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pull_callbacks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
