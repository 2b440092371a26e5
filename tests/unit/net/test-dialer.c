/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which address wins and which failure is told, over real sockets of the loopback; leaves
 * what follows on a conn to others. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/dialer.h"
#include "net/listener.h"
#include "support/authority.h"
#include "support/loop.h"
#include "wire/limits.h"

#define N_HOLES_MAX 10

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *authority, *other;
        TlsConfig *tls;       /* the dialler's */
        TlsConfig *served_by; /* the server's */
        Listener *listener;
        Address served;
        Conn *accepted[16];
        unsigned n_accepted;
        int holes[N_HOLES_MAX];
        unsigned n_holes;

        Dialer *dialer;
        bool frees_dialer;
        Conn *conn;
        bool is_done;
        DialFailure failure;
} Fixture;

static void on_conn(Listener *l, int fd, const Address *peer, void *userdata) {
        Fixture *f = userdata;

        assert_true(f->n_accepted < ELEMENTSOF(f->accepted));
        assert_int_equal(conn_new(&f->loop->rt, fd, peer, f->served_by, true, NULL, NULL,
                                  &f->accepted[f->n_accepted++]),
                         0);
}

static void on_done(Conn *conn, const DialFailure *failure, void *userdata) {
        Fixture *f = userdata;

        assert_false(f->is_done);
        assert_true(!conn != !failure);
        f->is_done = true;
        f->conn = conn;
        if (conn)
                assert_int_equal(conn_get_stage(conn), CONN_OPEN);
        if (failure) {
                f->failure = *failure;
                assert_true(failure->closed.message[0] != 0);
        }
        if (f->frees_dialer)
                f->dialer = dialer_free(f->dialer);
}

static void serve(Fixture *f, const TestAuthority *authority) {
        static const ListenerHandlers handlers = { .on_conn = on_conn };
        Address any;
        int fd;

        f->listener = listener_free(f->listener);
        f->served_by = tls_config_free(f->served_by);
        f->served_by =
                test_authority_tls(authority, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        assert_int_equal(address_parse("127.0.0.1:0", true, &any), 0);
        assert_int_equal(listener_bind(&any, &fd), 0);
        assert_int_equal(listener_new(&f->loop->rt, fd, &handlers, f, &f->listener), 0);
        assert_int_equal(listener_get_address(f->listener, &f->served), 0);
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->loop = test_loop_new();
        f->authority = test_authority_new(f->loop->rt.clock);
        f->other = test_authority_new(f->loop->rt.clock);
        const TlsParameters p = { .clock = f->loop->rt.clock,
                                  .expect = TLS_EXPECT_TRACKER,
                                  .pin = f->authority->pin };
        assert_int_equal(tls_config_new(&p, &f->tls), 0);
        serve(f, f->authority);
        *state = f;
        return 0;
}

static void reset(Fixture *f) {
        f->dialer = dialer_free(f->dialer);
        f->conn = conn_free(f->conn);
        for (unsigned i = 0; i < f->n_accepted; i++)
                f->accepted[i] = conn_free(f->accepted[i]);
        f->n_accepted = 0;
        f->is_done = false;
        f->failure = (DialFailure){};
}

static int teardown(void **state) {
        Fixture *f = *state;

        reset(f);
        for (unsigned i = 0; i < f->n_holes; i++)
                close(f->holes[i]);
        listener_free(f->listener);
        tls_config_free(f->tls);
        tls_config_free(f->served_by);
        test_authority_free(f->authority);
        test_authority_free(f->other);
        test_loop_free(f->loop);
        free(f);
        return 0;
}

static int hole_socket(Fixture *f, const char *where, Address *ret) {
        Address a;
        int fd;

        assert_int_equal(address_parse(where, true, &a), 0);
        fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, &a.sa, a.size), 0);
        *ret = (Address){ .size = sizeof(ret->in6) };
        assert_int_equal(getsockname(fd, &ret->sa, &ret->size), 0);
        assert_true(f->n_holes < N_HOLES_MAX);
        f->holes[f->n_holes++] = fd;
        return fd;
}

/* Nobody listens there. */
static Address dead(Fixture *f) {
        Address a;

        (void) hole_socket(f, "127.0.0.1:0", &a);
        return a;
}

/* The kernel takes connections that nobody ever serves. */
static Address mute(Fixture *f, const char *where, int *ret_fd) {
        Address a;
        int fd;

        fd = hole_socket(f, where, &a);
        assert_int_equal(listen(fd, 8), 0);
        if (ret_fd)
                *ret_fd = fd;
        return a;
}

/* Not even that: its queue is full, and what comes is dropped without a word. */
static Address black_hole(Fixture *f) {
        Address a;
        int fd;

        fd = hole_socket(f, "127.0.0.1:0", &a);
        assert_int_equal(listen(fd, 0), 0);
        for (unsigned i = 0; i < 2; i++) {
                int filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

                assert_true(filler >= 0);
                (void) connect(filler, &a.sa, a.size);
                assert_true(f->n_holes < N_HOLES_MAX);
                f->holes[f->n_holes++] = filler;
        }
        return a;
}

static void dial(Fixture *f, const Address *addresses, size_t n) {
        reset(f);
        assert_int_equal(
                dialer_new_addresses(&f->loop->rt, addresses, n, f->tls, on_done, f, &f->dialer),
                0);
        assert_false(f->is_done);
}

static void assert_won(Fixture *f, uint64_t limit_usec) {
        test_loop_until_true(f->loop, &f->is_done, limit_usec);
        assert_non_null(f->conn);
        assert_true(address_equal(conn_get_address(f->conn), &f->served));
        assert_string_equal(conn_get_offered_pin(f->conn), f->authority->pin);
}

static void test_second_wins(void **state) {
        Fixture *f = *state;
        const Address first[] = { dead(f), mute(f, "127.0.0.1:0", NULL), black_hole(f) };

        for (size_t i = 0; i < ELEMENTSOF(first); i++) {
                const Address addresses[] = { first[i], f->served };

                dial(f, addresses, 2);
                /* Where the first fails at once nobody waits for the stagger. */
                assert_won(f, i == 0 ? 0 : DIAL_STAGGER_USEC);
        }

        /* The winner is the callee's, whoever frees the dialer when. */
        const Address addresses[] = { first[1], f->served };
        dial(f, addresses, 2);
        f->frees_dialer = true;
        assert_won(f, DIAL_STAGGER_USEC);
        assert_null(f->dialer);
        test_loop_run(f->loop, USEC_PER_MINUTE);
        assert_int_equal(conn_get_stage(f->conn), CONN_OPEN);
}

static void test_failures(void **state) {
        Fixture *f = *state;
        const Address refused = dead(f), silent = mute(f, "127.0.0.1:0", NULL),
                      hole = black_hole(f);
        const Address all_dead[] = { refused, refused, refused };
        const Address all_silent[] = { hole, silent };
        const Address mixed[] = { hole, refused, silent };
        const Address wrong[] = { refused, f->served, refused };

        dial(f, all_dead, 3);
        test_loop_until_true(f->loop, &f->is_done, USEC_PER_SEC);
        assert_int_equal(f->failure.closed.error, -ECONNREFUSED);
        assert_int_equal(f->failure.n_tried, 3);

        dial(f, all_silent, 2);
        test_loop_until_true(f->loop, &f->is_done, CONNECT_TIMEOUT_USEC + USEC_PER_SEC);
        assert_int_equal(f->failure.closed.error, -ETIMEDOUT);
        assert_int_equal(f->failure.n_tried, 2);

        dial(f, mixed, 3);
        test_loop_until_true(f->loop, &f->is_done, CONNECT_TIMEOUT_USEC + USEC_PER_SEC);
        assert_int_equal(f->failure.closed.error, -ECONNREFUSED);

        serve(f, f->other);
        const Address pinned[] = { wrong[0], f->served, wrong[2] };
        dial(f, pinned, 3);
        test_loop_until_true(f->loop, &f->is_done, USEC_PER_SEC);
        assert_int_equal(f->failure.closed.error, -EKEYREJECTED);
        assert_string_equal(f->failure.closed.offered_pin, f->other->pin);

        assert_int_equal(
                dialer_new_addresses(&f->loop->rt, NULL, 0, f->tls, on_done, f, &f->dialer),
                -EINVAL);
}

/* Somebody else answers at the first address: the next one is tried, without waiting. */
static void test_wrong_first(void **state) {
        Fixture *f = *state;
        Listener *right, *wrong;
        TlsConfig *right_tls = f->served_by;
        Address at = f->served, elsewhere;

        right = TAKE_PTR(f->listener);
        f->served_by = NULL;
        serve(f, f->other);
        wrong = f->listener;
        elsewhere = f->served;
        f->served = at;

        /* Both listeners hand to one place: who is dialled first is who comes first. */
        const Address addresses[] = { elsewhere, at };
        TlsConfig *wrong_tls = f->served_by;

        dial(f, addresses, 2);
        test_loop_until_count(f->loop, &f->n_accepted, 1, USEC_PER_SEC);
        f->served_by = right_tls;
        assert_won(f, DIAL_STAGGER_USEC - 1);
        assert_int_equal(f->n_accepted, 2);

        f->served_by = wrong_tls;
        f->listener = wrong;
        listener_free(right);
        tls_config_free(right_tls);
}

/* Whatever a directory lists. */
static void test_at_most_eight(void **state) {
        Fixture *f = *state;
        const Address refused = dead(f);
        Address many[ADDRESSES_MAX + 4];

        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = refused;
        dial(f, many, ELEMENTSOF(many));
        test_loop_until_true(f->loop, &f->is_done, USEC_PER_SEC);
        assert_int_equal(f->failure.n_tried, 8);
}

/* Who only wants to know which pin is offered has it with the first answer. */
static void test_no_pin(void **state) {
        Fixture *f = *state;
        const TlsParameters p = { .clock = f->loop->rt.clock, .expect = TLS_EXPECT_TRACKER };
        const Address addresses[] = { black_hole(f), mute(f, "127.0.0.1:0", NULL), f->served };

        tls_config_free(f->tls);
        assert_int_equal(tls_config_new(&p, &f->tls), 0);
        dial(f, addresses, 3);
        test_loop_until_true(f->loop, &f->is_done, 2 * DIAL_STAGGER_USEC);
        assert_null(f->conn);
        assert_int_equal(f->failure.closed.error, -ENOKEY);
        assert_string_equal(f->failure.closed.offered_pin, f->authority->pin);
}

static bool has_caller(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) == 1;
}

static void test_order(void **state) {
        Fixture *f = *state;
        int fds[4];
        const Address a4 = mute(f, "127.0.0.1:0", &fds[0]), b4 = mute(f, "127.0.0.1:0", &fds[1]),
                      a6 = mute(f, "[::1]:0", &fds[2]), b6 = mute(f, "[::1]:0", &fds[3]);
        const Address given[] = { a4, b4, a6, b6 };
        const unsigned order[] = { 0, 2, 1, 3 };

        assert_int_equal(DIAL_STAGGER_USEC, 250 * USEC_PER_MSEC);
        dial(f, given, 4);
        for (size_t i = 0; i < 4; i++) {
                test_loop_run(f->loop, i == 0 ? 0 : DIAL_STAGGER_USEC - 1);
                for (size_t k = 0; k < 4; k++) {
                        bool expected = false;

                        for (size_t j = 0; j <= i; j++)
                                expected = expected || (order[j] == k && (j < i || i == 0));
                        assert_int_equal(has_caller(fds[k]), expected);
                }
                test_loop_run(f->loop, i == 0 ? 0 : 1);
                assert_true(has_caller(fds[order[i]]));
        }
        f->dialer = dialer_free(f->dialer); /* in the middle of everything */
        test_loop_run(f->loop, USEC_PER_MINUTE);
        assert_false(f->is_done);
}

static void test_names(void **state) {
        Fixture *f = *state;
        char no_name[80];

        assert_int_equal(dialer_new_name(&f->loop->rt, "localhost", address_port(&f->served),
                                         f->tls, on_done, f, &f->dialer),
                         0);
        assert_won(f, USEC_PER_SEC);

        reset(f);
        assert_int_equal(dialer_new_name(&f->loop->rt, "127.0.0.1", address_port(&f->served),
                                         f->tls, on_done, f, &f->dialer),
                         0);
        assert_won(f, 0);

        reset(f);
        memset(no_name, 'n', sizeof(no_name)); /* a label of 79: no resolver is asked */
        no_name[sizeof(no_name) - 1] = 0;
        assert_int_equal(dialer_new_name(&f->loop->rt, no_name, 1, f->tls, on_done, f, &f->dialer),
                         0);
        test_loop_until_true(f->loop, &f->is_done, USEC_PER_SEC);
        assert_int_equal(f->failure.closed.error, -EHOSTUNREACH);
        assert_int_equal(f->failure.n_tried, 0);
}

typedef struct Latch {
        pthread_mutex_t lock;
        pthread_cond_t cond;
        bool is_open;
} Latch;

static int latch_wait(void *request) {
        Latch *l = request;

        pthread_mutex_lock(&l->lock);
        while (!l->is_open)
                pthread_cond_wait(&l->cond, &l->lock);
        pthread_mutex_unlock(&l->lock);
        return 0;
}

static void latch_open(Latch *l) {
        pthread_mutex_lock(&l->lock);
        l->is_open = true;
        pthread_cond_broadcast(&l->cond);
        pthread_mutex_unlock(&l->lock);
}

static void on_latch_done(int r, void *request, void *userdata) {
}

/* With real threads and the real clock: a resolver that hangs holds up names only. */
static void test_held_resolver(void **state) {
        Fixture *f = *state;
        Latch latch = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
        Runtime virtual_rt = f->loop->rt;
        Dialer *by_name;

        assert_int_equal(clock_new(virtual_rt.event, &f->loop->rt.clock), 0);
        assert_int_equal(workers_new(virtual_rt.event, 1, &f->loop->rt.workers), 0);
        assert_int_equal(workers_submit(f->loop->rt.workers, latch_wait, &latch, NULL,
                                        on_latch_done, NULL, NULL),
                         0);

        reset(f);
        assert_int_equal(dialer_new_name(&f->loop->rt, "localhost", address_port(&f->served),
                                         f->tls, on_done, f, &by_name),
                         0);
        /* Another one, by address, goes through meanwhile. */
        assert_int_equal(
                dialer_new_addresses(&f->loop->rt, &f->served, 1, f->tls, on_done, f, &f->dialer),
                0);
        while (!f->is_done)
                assert_true(sd_event_run(virtual_rt.event, 5 * USEC_PER_SEC) > 0);
        assert_non_null(f->conn);

        reset(f);
        latch_open(&latch);
        while (!f->is_done)
                assert_true(sd_event_run(virtual_rt.event, 5 * USEC_PER_SEC) > 0);
        assert_non_null(f->conn);
        dialer_free(by_name);
        reset(f);
        workers_free(f->loop->rt.workers);
        clock_free(f->loop->rt.clock);
        f->loop->rt = virtual_rt;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_second_wins, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wrong_first, setup, teardown),
                cmocka_unit_test_setup_teardown(test_at_most_eight, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_pin, setup, teardown),
                cmocka_unit_test_setup_teardown(test_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_names, setup, teardown),
                cmocka_unit_test_setup_teardown(test_held_resolver, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
