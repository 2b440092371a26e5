/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the links to hosts to their contract: one connection a host, whatever its channels; tried
 * for ever; not read faster than the disk takes it. */
#include "unit/daemon/host-double.h"

typedef struct Slot {
        HostSlot *slot;
        unsigned n_up, n_down, n_pushes, n_absent;
        uint64_t head;
        bool is_up, leaves_when_down;
} Slot;

static void on_slot_up(HostSlot *s, void *userdata) {
        Slot *x = userdata;

        x->n_up++;
        x->is_up = true;
}

static void on_slot_down(HostSlot *s, const ConnClosed *why, void *userdata) {
        Slot *x = userdata;

        x->n_down++;
        x->is_up = false;
        if (x->leaves_when_down)
                x->slot = host_slot_free(x->slot);
}

static void on_slot_push(HostSlot *s, const char *command, const Value *payload, void *userdata) {
        ((Slot *) userdata)->n_pushes++;
}

static void on_slot_head(HostSlot *s, uint64_t last_seq, void *userdata) {
        ((Slot *) userdata)->head = last_seq;
}

static void on_slot_no_head(HostSlot *s, void *userdata) {
        ((Slot *) userdata)->n_absent++;
}

static const HostSlotHandlers slot_handlers = {
        .on_up = on_slot_up,
        .on_down = on_slot_down,
        .on_push = on_slot_push,
        .on_head = on_slot_head,
        .on_no_head = on_slot_no_head,
};

static void slot_new(HostDouble *d, Slot *x, const char *channel, const char *address) {
        Address at = d->address;

        if (address)
                assert_int_equal(address_parse(address, false, &at), 0);
        *x = (Slot){};
        assert_int_equal(
                host_slot_new(d->links, "alice", channel, &at, 1, &slot_handlers, x, &x->slot), 0);
}

static void test_shared(void **state) {
        HostDouble *d = *state;
        _cleanup_(writer_done) Writer w = {};
        Slot lobby, club, elsewhere;
        HostSlot *twice;

        slot_new(d, &lobby, "lobby", NULL);
        slot_new(d, &club, "club", NULL);
        assert_int_equal(host_slot_new(d->links, "alice", "club", &d->address, 1, &slot_handlers,
                                       &club, &twice),
                         -EEXIST);
        test_loop_until_true(d->loop, &lobby.is_up, DOUBLE_WAIT_USEC);
        assert_true(club.is_up);
        assert_int_equal(d->n_connections, 1);

        double_push(d, "MESSAGE", "{\"channel_name\":\"club\",\"entries\":[]}");
        double_push(d, "MESSAGE", "{\"channel_name\":\"nobodys\",\"entries\":[]}");
        double_push(d, "MESSAGE", "{\"entries\":[]}");
        writer_bytes(&w, "{\"heads\":{\"club\":6,\"nobodys\":9}}", 32);
        assert_int_equal(rpc_call(d->rpc, "PING", &w, 0, NULL, NULL, NULL), 0);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_int_equal(club.n_pushes, 1);
        assert_int_equal(lobby.n_pushes, 0);
        assert_int_equal(club.head, 6);
        assert_int_equal(club.n_absent, 0);
        assert_int_equal(lobby.n_absent, 1);

        /* The same user at another address is another device. */
        slot_new(d, &elsewhere, "third", "127.0.0.1:1");
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_false(elsewhere.is_up);
        assert_true(elsewhere.n_down > 1);
        assert_true(host_slot_get_next_retry(elsewhere.slot) > 0);
        assert_false(host_slot_set_addresses(lobby.slot, NULL, 0));
        elsewhere.slot = host_slot_free(elsewhere.slot);

        /* One that leaves when it is told takes nobody with it. */
        club.leaves_when_down = true;
        d->rpc = rpc_free(d->rpc);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_int_equal(club.n_down, 1);
        assert_int_equal(lobby.n_down, 1);
        test_loop_until_true(d->loop, &lobby.is_up, DOUBLE_WAIT_USEC);
        assert_int_equal(d->n_connections, 2);
        slot_new(d, &club, "club", NULL);
        test_loop_until_true(d->loop, &club.is_up, DOUBLE_WAIT_USEC);
        assert_int_equal(d->n_connections, 2);

        lobby.slot = host_slot_free(lobby.slot);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_non_null(d->rpc);
        club.slot = host_slot_free(club.slot);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_null(d->rpc); /* the last one cuts */
}

/* Says it, and returns after how long the member is back. */
static uint64_t away_for(HostDouble *d, Slot *slot, uint64_t resume_usec) {
        const unsigned n_up = slot->n_up;
        uint64_t before;

        /* Long enough that what came before does not make it wait. */
        test_loop_run(d->loop, 15 * USEC_PER_SEC);
        rpc_go_away(d->rpc, "stopping", resume_usec);
        before = clock_boottime(d->loop->rt.clock);
        test_loop_until_count(d->loop, &slot->n_up, n_up + 1, DOUBLE_WAIT_USEC);
        return clock_boottime(d->loop->rt.clock) - before;
}

static void test_going_away(void **state) {
        HostDouble *d = *state;
        uint64_t waited, least = UINT64_MAX, most = 0;
        Slot lobby;

        slot_new(d, &lobby, "lobby", NULL);
        test_loop_until_true(d->loop, &lobby.is_up, DOUBLE_WAIT_USEC);
        for (unsigned i = 0; i < 10; i++) {
                waited = away_for(d, &lobby, 30 * USEC_PER_SEC);
                assert_true(waited <= 32 * USEC_PER_SEC);
                least = MIN(least, waited);
                most = MAX(most, waited);
        }
        assert_true(most - least > 5 * USEC_PER_SEC); /* not all at once */
        for (unsigned i = 0; i < 10; i++)
                assert_true(away_for(d, &lobby, 0) <= 2 * USEC_PER_SEC);
        lobby.slot = host_slot_free(lobby.slot);
}

static void test_kick(void **state) {
        HostDouble *d = *state;
        Slot lobby;

        /* Nobody listens: the waits grow. */
        slot_new(d, &lobby, "lobby", "127.0.0.1:1");
        test_loop_run(d->loop, USEC_PER_HOUR);
        assert_true(lobby.n_down > 60 && lobby.n_down < 300);
        /* It is said to be back, at another address. */
        assert_true(host_slot_set_addresses(lobby.slot, &d->address, 1));
        host_slot_kick(lobby.slot, false);
        assert_true(host_slot_get_next_retry(lobby.slot) <=
                    clock_boottime(d->loop->rt.clock) + USEC_PER_SEC);
        test_loop_run(d->loop, 2 * USEC_PER_SEC);
        assert_true(lobby.is_up);
        lobby.slot = host_slot_free(lobby.slot);
}

static void network(HostDouble *d, const char *ip, bool is_better) {
        OwnAddress own = { .prefix = 24, .is_running = true };

        assert_int_equal(address_parse(ip, true, &own.address), 0);
        host_links_network_changed(
                d->links, &(NetworkChange){ .own = &own, .n_own = 1, .is_better = is_better });
}

/* Nothing can be reached for an hour; when there may be a way again it is tried within a second,
 * from the beginning. */
static void test_network_returns(void **state) {
        HostDouble *d = *state;
        uint64_t now;
        Slot lobby;

        slot_new(d, &lobby, "lobby", "127.0.0.1:1");
        test_loop_run(d->loop, USEC_PER_HOUR);
        while (host_slot_get_next_retry(lobby.slot) <
               clock_boottime(d->loop->rt.clock) + 20 * USEC_PER_SEC)
                test_loop_run(d->loop, USEC_PER_SEC);
        network(d, "192.0.2.1:0", false);
        now = clock_boottime(d->loop->rt.clock);
        assert_true(host_slot_get_next_retry(lobby.slot) >= now + 20 * USEC_PER_SEC);
        network(d, "192.0.2.1:0", true);
        assert_true(host_slot_get_next_retry(lobby.slot) <= now + USEC_PER_SEC);
        /* Said twice it is not put off. */
        network(d, "192.0.2.1:0", true);
        assert_true(host_slot_get_next_retry(lobby.slot) <= now + USEC_PER_SEC);
        assert_true(host_slot_set_addresses(lobby.slot, &d->address, 1));
        test_loop_until_true(d->loop, &lobby.is_up, 2 * USEC_PER_SEC);

        /* What is up and answers stays up. */
        network(d, "192.0.2.1:0", true);
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_int_equal(lobby.n_up, 1);
        lobby.slot = host_slot_free(lobby.slot);
}

static void test_back_pressure(void **state) {
        HostDouble *d = *state;
        Slot lobby, club;

        slot_new(d, &lobby, "lobby", NULL);
        slot_new(d, &club, "club", NULL);
        test_loop_until_true(d->loop, &club.is_up, DOUBLE_WAIT_USEC);
        host_slot_set_waiting(lobby.slot, HOST_LINK_BYTES_MAX / 2 + 1);
        host_slot_set_waiting(club.slot, HOST_LINK_BYTES_MAX / 2 + 1);
        for (unsigned i = 0; i < 10; i++)
                double_push(d, "MESSAGE", "{\"channel_name\":\"club\",\"entries\":[]}");
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_true(club.n_pushes <= 1); /* the one that was being read */
        host_slot_set_waiting(lobby.slot, 0);
        test_loop_until_count(d->loop, &club.n_pushes, 10, DOUBLE_WAIT_USEC);
        lobby.slot = host_slot_free(lobby.slot);
        club.slot = host_slot_free(club.slot);
}

#define T(f) cmocka_unit_test_setup_teardown(f, double_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_shared),          T(test_going_away),    T(test_kick),
                T(test_network_returns), T(test_back_pressure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
