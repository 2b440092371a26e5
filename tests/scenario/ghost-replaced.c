/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device comes back while its host still holds the connection that it had: the newest session
 * wins, the ghost is told and ends, nobody sees anybody leave, and nothing is there twice. */
#include "daemon/host/channel-host.h"
#include "scenario/relay.h"

typedef struct Story {
        World *w;
        Person *alice, *bob, *carol;
        Relay *relay;
        unsigned n_replaced; /* CLOSED replaced, to bob */
} Story;

static RelayVerdict hook(Person *member, bool to_member, const char *line, void *userdata) {
        Story *s = userdata;

        s->n_replaced += to_member && member == s->bob && strncmp(line, "CLOSED-", 7) == 0 &&
                         strstr(line, "\"reason\":\"replaced\"") != NULL;
        return RELAY_PASS;
}

static Person *member(Story *s, const char *name) {
        Person *p = world_person(s->w, name);

        person_sign_up(p, name);
        return p;
}

static void begin(Story *s) {
        *s = (Story){ .w = world_new() };
        s->alice = member(s, "alice");
        s->bob = member(s, "bob");
        s->carol = member(s, "carol");
        s->relay = relay_new(s->alice);
        person_host(s->alice, "lobby");
        relay_set_hook(s->relay, hook, s);
        (void) person_join(s->bob, "lobby");
        (void) person_join(s->carol, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        person_until_state(s->carol, "lobby", MEMBER_LIVE);
        world_pass(s->w, USEC_PER_MINUTE);
}

static void end(Story *s) {
        relay_free(s->relay);
        world_free(s->w);
}

static int count_row(const RosterEntry *m, void *userdata) {
        unsigned *n = userdata;

        if (streq(m->username, "bob"))
                (*n)++;
        return 0;
}

static unsigned n_rows(const Story *s) {
        unsigned n = 0;

        assert_int_equal(channel_host_each_member(
                                 channel_member_get_local_host(person_channel(s->alice, "lobby")),
                                 NULL, count_row, &n),
                         0);
        return n;
}

static size_t n_peers(const Story *s) {
        return peer_server_get_n_peers(manager_get_peers(s->alice->manager));
}

static void check(Story *s, unsigned n_dialled) {
        ChannelMember *c = person_channel(s->bob, "lobby");

        assert_int_equal(relay_get_n_dialled(s->relay, s->bob), n_dialled);
        for (unsigned i = 0; i < 60; i++) { /* no flapping: it stays as it is for an hour */
                world_pass(s->w, USEC_PER_MINUTE);
                assert_int_equal(channel_member_get_state(c), MEMBER_LIVE);
                assert_int_equal(n_rows(s), 1);
        }
        assert_int_equal(relay_get_n_dialled(s->relay, s->bob), n_dialled);
        assert_int_equal(n_peers(s), 2);
        assert_int_equal(channel_member_get_n_online(person_channel(s->carol, "lobby")), 3);
        assert_same_log(s->alice, s->bob, "lobby");
        assert_same_log(s->alice, s->carol, "lobby");
}

/* The daemon dies, its host learns nothing of it, and it is back within a second. */
static void test_killed_behind_a_black_hole(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        (void) person_send_id(s.bob, "lobby", NULL, "one", USEC_PER_MINUTE, NULL);
        relay_freeze(s.relay, s.bob);
        (void) person_send(s.bob, "lobby", "two");
        (void) person_send(s.alice, "lobby", "to both of them");
        person_kill(s.bob);
        world_pass(s.w, USEC_PER_SEC);
        assert_int_equal(n_peers(&s), 2); /* the ghost is one of them */
        person_start(s.bob);
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        person_until_sent(s.bob, "lobby");
        assert_int_equal(n_peers(&s), 3);
        assert_int_equal(n_rows(&s), 1);
        assert_int_equal(channel_member_get_n_online(person_channel(s.carol, "lobby")), 3);
        person_until_seq(s.bob, "lobby", 4);
        check(&s, 2);
        ASSERT_TEXTS(s.bob, "lobby", "bob: one", "alice: to both of them", "bob: two");
}

/* The ghost wakes up after all: what it is told does not reach who has its place now, and nobody
 * takes the place back. */
static void test_ghost_wakes_up(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        relay_freeze(s.relay, s.bob);
        (void) person_send(s.alice, "lobby", "said to the ghost as well");
        person_kill(s.bob);
        person_start(s.bob);
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        person_until_seq(s.bob, "lobby", 2);
        assert_int_equal(s.n_replaced, 0); /* on its way */
        relay_thaw(s.relay, s.bob);
        world_pass(s.w, USEC_PER_SEC);
        assert_int_equal(s.n_replaced, 1);
        (void) person_send_id(s.bob, "lobby", NULL, "alive", USEC_PER_MINUTE, NULL);
        check(&s, 2);
        assert_int_equal(s.n_replaced, 1);
}

/* Again and again, faster than any deadline: one session is left each time. */
static void test_many_ghosts(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        for (unsigned i = 0; i < 10; i++) {
                relay_freeze(s.relay, s.bob);
                person_kill(s.bob);
                person_start(s.bob);
                person_until_state(s.bob, "lobby", MEMBER_LIVE);
                (void) person_send_id(s.bob, "lobby", NULL, "here", USEC_PER_MINUTE, NULL);
                assert_int_equal(n_rows(&s), 1);
        }
        check(&s, 11);
        assert_int_equal(channel_member_get_synced_seq(person_channel(s.alice, "lobby")), 11);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_killed_behind_a_black_hole),
                cmocka_unit_test(test_ghost_wakes_up),
                cmocka_unit_test(test_many_ghosts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
