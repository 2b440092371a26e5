/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a daemon does to be told of the directory, with a tracker that refuses WATCH or does not
 * answer it. */
#include "scenario/support.h"

#include "net/listener.h"
#include "tracker/authority.h"

/* In the real one's place, with its certificates: it answers nothing but WATCH, and that as it is
 * told to. */
typedef struct Double {
        const Runtime *rt; /* weak */
        Authority *authority;
        Listener *listener;
        Rpc *rpc;                        /* one at a time */
        unsigned n_refusals, n_silences; /* still to come, in this order */
        unsigned n_asked, n_connected;
        uint64_t asked_generation;
        uint64_t generation;
        RpcRequest *unanswered[8];
        unsigned n_unanswered;
} Double;

static void answer_watch(Double *d, RpcRequest *q) {
        _cleanup_(writer_done) Writer w = {};
        const Value *generation = value_get(rpc_request_get_payload(q), "generation");

        d->n_asked++;
        d->asked_generation = 0;
        (void) value_uint(generation, &d->asked_generation);
        if (d->n_refusals > 0) {
                d->n_refusals--;
                rpc_request_fail_code(q, ERROR_BUSY, "Not now.");
                return;
        }
        if (d->n_silences > 0) {
                d->n_silences--;
                assert_true(d->n_unanswered < ELEMENTSOF(d->unanswered));
                d->unanswered[d->n_unanswered++] = q;
                return;
        }
        writer_begin_object(&w, NULL);
        writer_uint(&w, "generation", d->generation);
        writer_bool(&w, "reset", false);
        writer_end_object(&w);
        rpc_request_reply(q, &w);
}

static void on_request(Rpc *r, RpcRequest *q, void *userdata) {
        if (streq(rpc_request_get_command(q), "WATCH"))
                answer_watch(userdata, q);
        else
                rpc_request_fail_code(q, ERROR_BUSY, "Not now.");
}

static void on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        Double *d = userdata;

        d->rpc = rpc_free(d->rpc);
}

static void on_conn(Listener *l, int fd, const Address *peer, void *userdata) {
        static const RpcHandlers handlers = { .on_request = on_request, .on_closed = on_closed };
        static const ConnHandlers no_handlers = {};
        Double *d = userdata;
        Conn *conn;

        assert_int_equal(conn_new(d->rt, fd, peer, authority_get_tls(d->authority), true,
                                  &no_handlers, NULL, &conn),
                         0);
        assert_int_equal(rpc_new(d->rt, conn,
                                 &(RpcParameters){
                                         .agent = "double/1",
                                         .in_flight = IN_FLIGHT_TRACKER,
                                         .frame_max = FRAME_BYTES_MAX,
                                 },
                                 &handlers, d, &d->rpc),
                         0);
        d->n_connected++;
}

static Double *double_new(World *w) {
        static const ListenerHandlers handlers = { .on_conn = on_conn };
        Double *d = new0(Double, 1);
        int fd;

        assert_non_null(d);
        world_tracker_kill(w);
        d->rt = w->rig->rt;
        d->generation = 100;
        assert_int_equal(authority_new(d->rt, w->rig->directory, NULL, &d->authority), 0);
        assert_int_equal(listener_bind(&w->rig->address, &fd), 0);
        assert_int_equal(listener_new(d->rt, fd, &handlers, d, &d->listener), 0);
        return d;
}

static Double *double_free(Double *d) {
        if (!d)
                return NULL;
        for (unsigned i = 0; i < d->n_unanswered; i++)
                rpc_request_free(d->unanswered[i]);
        rpc_free(d->rpc);
        listener_free(d->listener);
        authority_free(d->authority);
        free(d);
        return NULL;
}
DEFINE_CLEANUP(Double *, double_free);

static void push_generation(Double *d, uint64_t generation) {
        _cleanup_(writer_done) Writer w = {};

        d->generation = generation;
        writer_begin_object(&w, NULL);
        writer_uint(&w, "generation", generation);
        writer_begin_array(&w, "changed");
        writer_end_array(&w);
        writer_begin_array(&w, "removed");
        writer_end_array(&w);
        writer_end_object(&w);
        assert_int_equal(rpc_push(d->rpc, "CHANNELS", &w), 0);
}

typedef struct Told {
        unsigned n;
        uint64_t generation;
} Told;

static void on_directory_changed(Manager *m, uint64_t generation, void *userdata) {
        Told *t = userdata;

        t->n++;
        t->generation = generation;
}

static void listen_to(Person *p, Told *t) {
        static const ManagerObserver observer = { .on_directory_changed = on_directory_changed };

        manager_set_observer(p->manager, &observer, t);
}

typedef struct Wait {
        const unsigned *count;
        unsigned wanted;
} Wait;

static bool has_come(void *userdata) {
        const Wait *w = userdata;

        return *w->count >= w->wanted;
}

static void until(World *w, const unsigned *count, unsigned wanted) {
        world_until(w, has_come, &(Wait){ count, wanted });
}

/* It is asked again over the same connection, ever less often, until it is granted, and then no
 * more. */
static void test_refused(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        _cleanup_(double_freep) Double *d = double_new(w);
        Told told = { 0 };
        uint64_t before;

        d->n_refusals = 5;
        d->n_silences = 2;
        listen_to(alice, &told);
        until(w, &d->n_asked, 8);
        assert_int_equal(d->n_connected, 1);
        assert_int_equal(told.n, 0);
        push_generation(d, 101);
        until(w, &told.n, 1);
        assert_int_equal(told.generation, 101);
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(d->n_asked, 8);

        /* For ever refused: never given up, and never a flood. */
        d->n_refusals = 1000000;
        rpc_go_away(d->rpc, "stopping", 0);
        before = d->n_asked;
        world_pass(w, 2 * USEC_PER_HOUR);
        assert_int_equal(d->n_connected, 2);
        assert_in_range(d->n_asked - before, 24, 100);
}

/* Whoever never was told a generation knows the first that it hears, and asks for what came after
 * it; what was listed before the first WATCH succeeded may have changed meanwhile. */
static void test_first_generation(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        _cleanup_(double_freep) Double *d = NULL;
        Told told = { 0 };

        person_kill(alice);
        d = double_new(w);
        person_start(alice);
        listen_to(alice, &told);
        until(w, &d->n_asked, 1);
        assert_int_equal(d->asked_generation, 0);
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(told.n, 0);
        rpc_go_away(d->rpc, "stopping", 0);
        until(w, &d->n_asked, 2);
        assert_int_equal(d->asked_generation, 100);

        person_kill(alice);
        world_pass(w, USEC_PER_MINUTE);
        d->n_refusals = 1;
        person_start(alice);
        listen_to(alice, &told);
        until(w, &d->n_asked, 4);
        until(w, &told.n, 1);
        assert_int_equal(told.generation, 100);
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(told.n, 1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_first_generation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
