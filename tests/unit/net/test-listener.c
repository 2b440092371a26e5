/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who is let in and who has too many; leaves what becomes of connections to conn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "net/listener.h"
#include "support/loop.h"

#define N_MAX 600

/* As the page says. */
#define ALL_MAX 8000
#define ALL_OF_A_SOURCE_MAX 256
#define UNFINISHED_MAX 256
#define UNFINISHED_OF_A_SOURCE_MAX 64

typedef struct Fixture {
        TestLoop *loop;
        Listener *listener;
        Address address;
        bool handshakes; /* each at once */
        bool frees;      /* the listener, when something comes */
        bool forgets;    /* its descriptor; the listener still counts it */
        int fds[N_MAX];
        Address peers[N_MAX];
        unsigned n_accepted, n_refused;
        char cap[64];
        Address refused;
        int callers[N_MAX];
        unsigned n_callers;
} Fixture;

static void on_conn(Listener *l, int fd, const Address *peer, void *userdata) {
        Fixture *f = userdata;

        if (f->forgets) {
                close(fd);
                f->n_accepted++;
                listener_conn_handshaked(l, peer);
                return;
        }
        assert_true(f->n_accepted < N_MAX);
        f->fds[f->n_accepted] = fd;
        f->peers[f->n_accepted++] = *peer;
        if (f->handshakes)
                listener_conn_handshaked(l, peer);
        if (f->frees)
                f->listener = listener_free(f->listener);
}

static void on_refused(Listener *l, const Address *peer, const char *which_cap, uint64_t n_refused,
                       void *userdata) {
        Fixture *f = userdata;

        f->n_refused++;
        assert_int_equal(n_refused, f->n_refused);
        snprintf(f->cap, sizeof(f->cap), "%s", which_cap);
        f->refused = *peer;
}

static const ListenerHandlers handlers = { .on_conn = on_conn, .on_refused = on_refused };

static void start(Fixture *f, const char *where) {
        Address a;
        int fd;

        assert_int_equal(address_parse(where, true, &a), 0);
        assert_int_equal(listener_bind(&a, &fd), 0);
        assert_int_equal(listener_new(&f->loop->rt, fd, &handlers, f, &f->listener), 0);
        assert_int_equal(listener_get_fd(f->listener), fd);
        assert_int_equal(listener_get_address(f->listener, &f->address), 0);
        assert_true(address_port(&f->address) > 0);
}

/* One connection from that ip, and what the listener makes of it. */
static void come(Fixture *f, const char *from) {
        char target[64];
        Address a, to;
        int fd;

        snprintf(target, sizeof(target), "%s:%u", strchr(from, ':') ? "[::1]" : "127.0.0.1",
                 address_port(&f->address));
        assert_int_equal(address_parse(target, false, &to), 0);
        fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        snprintf(target, sizeof(target), strchr(from, ':') ? "[%s]:0" : "%s:0", from);
        assert_int_equal(address_parse(target, true, &a), 0);
        assert_int_equal(bind(fd, &a.sa, a.size), 0);
        (void) connect(fd, &to.sa, to.size);
        assert_true(f->n_callers < N_MAX);
        f->callers[f->n_callers++] = fd;
        test_loop_run(f->loop, 0);
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);
        struct rlimit files;

        assert_non_null(f);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
        files.rlim_cur = MIN(files.rlim_max, (rlim_t) 2000);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
        f->loop = test_loop_new();
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        listener_free(f->listener);
        for (unsigned i = 0; !f->forgets && i < f->n_accepted; i++)
                close(f->fds[i]);
        for (unsigned i = 0; i < f->n_callers; i++)
                close(f->callers[i]);
        test_loop_free(f->loop);
        free(f);
        return 0;
}

static void test_cap_of_a_source(void **state) {
        Fixture *f = *state;

        start(f, "127.0.0.1:0");
        f->handshakes = true;
        for (unsigned i = 0; i < ALL_OF_A_SOURCE_MAX; i++)
                come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, ALL_OF_A_SOURCE_MAX);
        come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, ALL_OF_A_SOURCE_MAX);
        assert_int_equal(f->n_refused, 1);
        assert_string_equal(f->cap, "connections of one source");
        assert_true(address_is_loopback(&f->refused));

        /* Others are let in, and so is this one once it has fewer. */
        come(f, "127.0.0.2");
        assert_int_equal(f->n_accepted, ALL_OF_A_SOURCE_MAX + 1);
        listener_conn_closed(f->listener, &f->peers[0], true);
        come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, ALL_OF_A_SOURCE_MAX + 2);
        assert_int_equal(f->n_refused, 1);
}

static void test_cap_of_all(void **state) {
        Fixture *f = *state;
        char from[16];
        Address peer;

        start(f, "127.0.0.1:0");
        f->forgets = true;
        for (unsigned i = 0; i <= ALL_MAX; i++) {
                snprintf(from, sizeof(from), "127.0.1.%u", 1 + i / 200);
                come(f, from);
                close(f->callers[--f->n_callers]);
        }
        assert_int_equal(f->n_accepted, ALL_MAX);
        assert_int_equal(f->n_refused, 1);
        assert_string_equal(f->cap, "connections");
        assert_int_equal(address_parse("127.0.1.1:1", false, &peer), 0);
        listener_conn_closed(f->listener, &peer, true);
        come(f, from);
        assert_int_equal(f->n_accepted, ALL_MAX + 1);
}

static void test_cap_of_handshakes(void **state) {
        Fixture *f = *state;

        start(f, "127.0.0.1:0");
        for (unsigned i = 0; i < UNFINISHED_MAX; i++) {
                char from[16];

                snprintf(from, sizeof(from), "127.0.1.%u", i % 8);
                come(f, from);
        }
        come(f, "127.0.0.3");
        assert_int_equal(f->n_accepted, UNFINISHED_MAX);
        assert_int_equal(f->n_refused, 1);
        assert_string_equal(f->cap, "handshakes");
        listener_conn_handshaked(f->listener, &f->peers[0]);
        listener_conn_closed(f->listener, &f->peers[1], false);
        come(f, "127.0.0.3");
        come(f, "127.0.0.3");
        come(f, "127.0.0.3");
        assert_int_equal(f->n_accepted, UNFINISHED_MAX + 2);
        assert_int_equal(f->n_refused, 2);
}

/* Who only dials and says nothing locks nobody else out. */
static void test_cap_of_handshakes_of_a_source(void **state) {
        Fixture *f = *state;

        start(f, "127.0.0.1:0");
        for (unsigned i = 0; i < UNFINISHED_MAX; i++)
                come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, UNFINISHED_OF_A_SOURCE_MAX);
        assert_string_equal(f->cap, "handshakes of one source");
        come(f, "127.0.0.2");
        assert_int_equal(f->n_accepted, UNFINISHED_OF_A_SOURCE_MAX + 1);
        listener_conn_handshaked(f->listener, &f->peers[0]);
        listener_conn_closed(f->listener, &f->peers[1], false);
        for (unsigned i = 0; i < 3; i++)
                come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, UNFINISHED_OF_A_SOURCE_MAX + 3);
}

static void test_dual_stack(void **state) {
        Fixture *f = *state;
        char text[ADDRESS_STRING_SIZE];

        start(f, "[::]:0");
        come(f, "127.0.0.1");
        come(f, "::1");
        assert_int_equal(f->n_accepted, 2);
        address_print_ip(&f->peers[0], text);
        assert_string_equal(text, "127.0.0.1");
        address_print_ip(&f->peers[1], text);
        assert_string_equal(text, "::1");
}

static void test_no_descriptors(void **state) {
        Fixture *f = *state;
        struct rlimit files, none;

        start(f, "127.0.0.1:0");
        come(f, "127.0.0.1");
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
        none = files;
        /* Its caller has the last one; the next would be refused by the kernel. */
        none.rlim_cur = (rlim_t) f->fds[0] + 2;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        come(f, "127.0.0.1");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
        assert_int_equal(f->n_accepted, 1);
        assert_int_equal(f->n_refused, 1);
        assert_string_equal(f->cap, "descriptors");
        /* Not asked again at once, but soon. */
        come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, 1);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->n_accepted, 2);
}

static void test_sockets(void **state) {
        Fixture *f = *state;
        const int kinds[][2] = { { AF_INET, SOCK_DGRAM },
                                 { AF_INET, SOCK_STREAM }, /* does not listen */
                                 { AF_UNIX, SOCK_STREAM } };
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                fd = socket(kinds[i][0], kinds[i][1] | SOCK_CLOEXEC, 0);
                assert_true(fd >= 0);
                assert_int_equal(listener_new(&f->loop->rt, fd, &handlers, f, &f->listener),
                                 -EINVAL);
        }
        start(f, "127.0.0.1:0");
        assert_int_equal(listener_bind(&f->address, &fd), -EADDRINUSE);
}

static void test_held(void **state) {
        Fixture *f = *state;

        start(f, "127.0.0.1:0");
        f->handshakes = true;
        assert_false(listener_is_dialled(f->listener));
        listener_hold(f->listener, true);
        come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, 0);
        assert_true(listener_is_dialled(f->listener));
        listener_hold(f->listener, false);
        test_loop_run(f->loop, 0);
        assert_int_equal(f->n_accepted, 1);
        assert_false(listener_is_dialled(f->listener));
}

static void test_free_inside(void **state) {
        Fixture *f = *state;

        start(f, "127.0.0.1:0");
        f->frees = true;
        come(f, "127.0.0.1");
        assert_int_equal(f->n_accepted, 1);
        assert_null(f->listener);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_cap_of_a_source, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cap_of_all, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cap_of_handshakes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cap_of_handshakes_of_a_source, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_dual_stack, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sockets, setup, teardown),
                cmocka_unit_test_setup_teardown(test_held, setup, teardown),
                cmocka_unit_test_setup_teardown(test_free_inside, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
