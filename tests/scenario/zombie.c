/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection that looks alive and is not, in every way that it can: the host has forgotten the
 * member, says nothing more, or nothing passes any more. Whoever looks finds it by a deadline. */
#include "scenario/relay.h"

typedef struct Story {
        World *w;
        Person *alice, *bob;
        Relay *relay;
        bool drops_entries, drops_pings, drops_answers;
        unsigned n_connects;
} Story;

static RelayVerdict hook(Person *member, bool to_member, const char *line, void *userdata) {
        Story *s = userdata;

        s->n_connects += !to_member && strncmp(line, "CONNECT-", 8) == 0;
        if (to_member && s->drops_entries && strncmp(line, "MESSAGE-", 8) == 0)
                return RELAY_DROP;
        if (to_member && s->drops_pings && strncmp(line, "PING-", 5) == 0)
                return RELAY_DROP;
        if (to_member && s->drops_answers && strncmp(line, "OK-", 3) == 0)
                return RELAY_DROP;
        return RELAY_PASS;
}

static void begin(Story *s) {
        *s = (Story){ .w = world_new() };
        s->alice = world_person(s->w, "alice");
        s->bob = world_person(s->w, "bob");
        person_sign_up(s->alice, "alice");
        person_sign_up(s->bob, "bob");
        s->relay = relay_new(s->alice);
        person_host(s->alice, "lobby");
        relay_set_hook(s->relay, hook, s);
        (void) person_join(s->bob, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        world_pass(s->w, USEC_PER_MINUTE);
        s->n_connects = 0;
}

static void end(Story *s) {
        relay_free(s->relay);
        world_free(s->w);
}

static MemberState state_of(Person *p) {
        return channel_member_get_state(person_channel(p, "lobby"));
}

static void say(Story *s, const char *text) {
        assert_true(person_send_id(s->alice, "lobby", NULL, text, USEC_PER_MINUTE, NULL) > 0);
}

static size_t n_peers(const Story *s) {
        return peer_server_get_n_peers(manager_get_peers(s->alice->manager));
}

/* The stream has ended and the connection goes on: two heads in a row say so. */
static void test_stream_ends(void **state) {
        _cleanup_(end) Story s;
        ChannelMember *c;

        begin(&s);
        c = person_channel(s.bob, "lobby");
        s.drops_entries = true;
        say(&s, "unseen");
        world_pass(s.w, 15 * USEC_PER_SEC);
        s.drops_entries = false;
        assert_int_equal(channel_member_get_synced_seq(c), 1);
        world_pass(s.w, 44 * USEC_PER_SEC); /* two PINGs */
        assert_int_equal(channel_member_get_synced_seq(c), 2);
        assert_int_equal(s.n_connects, 1);
        assert_int_equal(state_of(s.bob), MEMBER_LIVE);
        /* It is looked at again and again, and nothing happens without a reason. */
        world_pass(s.w, USEC_PER_HOUR);
        assert_int_equal(s.n_connects, 1);
        s.drops_entries = true;
        say(&s, "unseen too");
        world_pass(s.w, 10 * USEC_PER_MINUTE);
        assert_true(s.n_connects > 2);
        assert_int_equal(channel_member_get_last_seq(c), 3); /* it knows what it lacks */
        s.drops_entries = false;
        person_until_seq(s.bob, "lobby", 3);
        assert_int_equal(relay_get_n_dialled(s.relay, s.bob), 1);
        assert_same_log(s.alice, s.bob, "lobby");
}

/* A host that says nothing by itself is dead for all that a member can know. */
static void test_host_never_pings(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        s.drops_pings = true;
        world_pass(s.w, 20 * USEC_PER_SEC);
        assert_int_equal(state_of(s.bob), MEMBER_LIVE);
        world_pass(s.w, 40 * USEC_PER_SEC);
        assert_true(relay_get_n_dialled(s.relay, s.bob) > 1);
        say(&s, "to the next connection");
        person_until_seq(s.bob, "lobby", 2);
        s.drops_pings = false;
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        assert_same_log(s.alice, s.bob, "lobby");
}

/* Nothing passes and nobody hangs up: both sides end it by themselves, and the member comes again.
 */
static void test_black_hole(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        assert_int_equal(n_peers(&s), 1);
        relay_freeze(s.relay, s.bob);
        say(&s, "into the hole");
        (void) person_send(s.bob, "lobby", "into it, too");
        world_pass(s.w, 20 * USEC_PER_SEC);
        assert_int_equal(state_of(s.bob), MEMBER_LIVE); /* it cannot know */
        world_pass(s.w, 30 * USEC_PER_SEC);
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        person_until_seq(s.bob, "lobby", 3);
        person_until_sent(s.bob, "lobby");
        world_pass(s.w, USEC_PER_MINUTE);
        assert_int_equal(n_peers(&s), 1); /* the host has ended its side as well */
        assert_int_equal(relay_get_n_dialled(s.relay, s.bob), 2);
        ASSERT_TEXTS(s.bob, "lobby", "alice: into the hole", "bob: into it, too");
        assert_same_log(s.alice, s.bob, "lobby");
}

/* CONNECT is never answered: it is asked again, for ever, and not faster and faster. */
static void test_no_answer(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        s.drops_answers = true;
        relay_cut(s.relay, s.bob);
        world_pass(s.w, USEC_PER_HOUR);
        assert_int_not_equal(state_of(s.bob), MEMBER_LIVE);
        assert_true(relay_get_n_dialled(s.relay, s.bob) > 30);
        assert_true(relay_get_n_dialled(s.relay, s.bob) < 400);
        say(&s, "meanwhile");
        s.drops_answers = false;
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        person_until_seq(s.bob, "lobby", 2);
        assert_same_log(s.alice, s.bob, "lobby");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stream_ends),
                cmocka_unit_test(test_host_never_pings),
                cmocka_unit_test(test_black_hole),
                cmocka_unit_test(test_no_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
