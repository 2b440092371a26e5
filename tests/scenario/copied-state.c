/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A state directory that was copied: two computers are one device. The newer one counts, the older
 * one stops at once, says why and stays away; no log has two writers. */
#include "scenario/support.h"
#include "support/scratch.h"

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static MemberState state_of(Person *p, const char *channel) {
        return channel_member_get_state(person_channel(p, channel));
}

static void copy(Person *p, const char *name) {
        _cleanup_free_ char *to = NULL;

        assert_true(asprintf(&to, "%s/%s", p->world->directory, name) > 0);
        scratch_copy(p->directory, to);
}

static bool is_replaced(Person *p, const char *channel) {
        return account_get_tracker_state(account(p)) == TRACKER_OFFLINE &&
               strstr(account_get_tracker_reason(account(p)), "another computer") &&
               state_of(p, channel) == MEMBER_CLOSED &&
               streq(channel_member_get_state_reason(person_channel(p, channel)), "replaced") &&
               strstr(channel_member_get_state_text(person_channel(p, channel)),
                      "p2pchatctl signin alice");
}

static bool hosts(Person *p, const char *channel) {
        return account_get_tracker_state(account(p)) == TRACKER_ONLINE &&
               state_of(p, channel) == MEMBER_LIVE;
}

typedef struct Three {
        World *w;
        Person *bob, *one, *two; /* one and two are alice, at two computers */
} Three;

/* alice's state directory was copied while her daemon was stopped; her one computer is up, bob is
 * there. */
static void begin(Three *t) {
        t->w = world_new();
        t->bob = world_person(t->w, "bob");
        t->one = world_person(t->w, "one");
        person_sign_up(t->bob, "bob");
        person_sign_up(t->one, "alice");
        person_host(t->one, "lobby");
        (void) person_join(t->bob, "lobby");
        person_until_state(t->bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(t->bob, "lobby", NULL, "before", USEC_PER_MINUTE, NULL);
        person_kill(t->one);
        copy(t->one, "two");
        person_start(t->one);
        person_until_state(t->one, "lobby", MEMBER_LIVE);
        person_until_state(t->bob, "lobby", MEMBER_LIVE);
        world_pass(t->w, USEC_PER_MINUTE);
}

static void say(Person *p, const char *text) {
        assert_true(person_send_id(p, "lobby", NULL, text, 2 * USEC_PER_MINUTE, NULL) > 0);
}

static void on_list(const Failure *f, const DirectoryEntry *entries, size_t n, const char *next,
                    uint64_t generation, void *userdata) {
        *(ErrorCode *) userdata = f ? f->code : ERROR_NONE;
}

static void test_host(void **state) {
        ErrorCode code = ERROR_MAX;
        Three t;

        begin(&t);
        t.two = world_stranger(t.w, "two");
        person_until_state(t.two, "lobby", MEMBER_LIVE);
        world_pass(t.w, 10 * USEC_PER_SEC);
        assert_true(is_replaced(t.one, "lobby"));
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        say(t.bob, "to the second");
        for (unsigned hour = 0; hour < 5; hour++) {
                world_pass(t.w, USEC_PER_HOUR);
                assert_true(is_replaced(t.one, "lobby"));
                assert_true(hosts(t.two, "lobby"));
                assert_int_equal(state_of(t.bob, "lobby"), MEMBER_LIVE);
        }
        /* Whoever only looks does not take it back. */
        assert_int_equal(account_list(account(t.one), &(DirectoryQuery){}, on_list, &code, NULL),
                         0);
        world_pass(t.w, 5 * USEC_PER_MINUTE);
        assert_int_equal(code, ERROR_TRACKER_UNREACHABLE);
        assert_true(is_replaced(t.one, "lobby"));
        assert_true(hosts(t.two, "lobby"));
        assert_same_log(t.two, t.bob, "lobby");
        world_free(t.w);
}

/* A restart takes it over once. What the other one wrote meanwhile is not here: then the tracker
 * gives nothing. */
static void test_restart(void **state) {
        Three t;

        begin(&t);
        t.two = world_stranger(t.w, "two");
        person_until_state(t.two, "lobby", MEMBER_LIVE);
        world_pass(t.w, USEC_PER_MINUTE);
        for (unsigned i = 0; i < 3; i++) {
                Person *starts = i % 2 == 0 ? t.one : t.two, *stays = i % 2 == 0 ? t.two : t.one;

                assert_true(is_replaced(starts, "lobby"));
                person_kill(starts);
                person_start(starts);
                person_until_state(starts, "lobby", MEMBER_LIVE);
                world_pass(t.w, 3 * USEC_PER_MINUTE);
                assert_true(is_replaced(stays, "lobby"));
                assert_true(hosts(starts, "lobby"));
                person_until_state(t.bob, "lobby", MEMBER_LIVE);
        }
        assert_true(hosts(t.one, "lobby"));
        say(t.bob, "to the first");
        world_pass(t.w, USEC_PER_MINUTE); /* the tracker has heard how far it went */
        person_kill(t.two);
        person_start(t.two);
        world_pass(t.w, 3 * USEC_PER_MINUTE);
        assert_int_not_equal(state_of(t.two, "lobby"), MEMBER_LIVE);
        assert_string_equal(channel_member_get_state_reason(person_channel(t.two, "lobby")),
                            "behind");
        assert_true(hosts(t.one, "lobby"));
        assert_same_log(t.one, t.bob, "lobby");
        world_free(t.w);
}

/* The copy came later, and has the key. */
static void begin_replaced(Three *t) {
        begin(t);
        t->two = world_stranger(t->w, "two");
        person_until_state(t->two, "lobby", MEMBER_LIVE);
        world_pass(t->w, USEC_PER_MINUTE);
        assert_true(is_replaced(t->one, "lobby"));
}

/* The first has lost the tracker, and serves on as it should; when it finds it again it has been
 * replaced, though its connection is the newer one. */
static void test_while_away(void **state) {
        Three t;

        begin(&t);
        world_tracker_kill(t.w);
        world_pass(t.w, USEC_PER_SEC);
        assert_int_equal(account_get_tracker_state(account(t.one)), TRACKER_OFFLINE);
        world_tracker_start(t.w);
        t.two = world_stranger(t.w, "two");
        world_pass(t.w, 5 * USEC_PER_MINUTE);
        assert_true(hosts(t.one, "lobby") != hosts(t.two, "lobby"));
        assert_true(is_replaced(t.one, "lobby") != is_replaced(t.two, "lobby"));
        world_pass(t.w, 5 * USEC_PER_HOUR);
        assert_true(hosts(t.one, "lobby") != hosts(t.two, "lobby"));
        assert_true(is_replaced(t.one, "lobby") != is_replaced(t.two, "lobby"));
        world_free(t.w);
}

/* "… or sign in anew here": with a key of its own, which waits for the lease like any other device.
 * A password that is wrong changes nothing. */
static void test_sign_in_anew(void **state) {
        Three t;

        begin_replaced(&t);
        assert_int_equal(person_try_sign_in(t.one, "alice", "wrong horse battery"),
                         ERROR_BAD_CREDENTIALS);
        world_pass(t.w, 10 * USEC_PER_MINUTE);
        assert_true(is_replaced(t.one, "lobby"));
        assert_true(hosts(t.two, "lobby"));

        person_sign_in(t.one, "alice");
        world_pass(t.w, 10 * USEC_PER_MINUTE);
        assert_int_equal(account_get_tracker_state(account(t.one)), TRACKER_ONLINE);
        assert_string_equal(account_get_tracker_reason(account(t.one)), "");
        assert_string_equal(channel_member_get_state_reason(person_channel(t.one, "lobby")),
                            "hosted-elsewhere");
        assert_true(hosts(t.two, "lobby"));
        assert_int_equal(state_of(t.bob, "lobby"), MEMBER_LIVE);
        world_free(t.w);
}

/* Who asks to host takes it, once. */
static void test_host_anew(void **state) {
        Three t;

        begin_replaced(&t);
        person_host(t.one, "lobby");
        world_pass(t.w, 5 * USEC_PER_MINUTE);
        assert_true(hosts(t.one, "lobby"));
        assert_true(is_replaced(t.two, "lobby"));
        world_free(t.w);
}

/* … by the tracker's word: without it both would serve. */
static void test_host_alone(void **state) {
        static const HostOptions plain = { .view = VIEW_INVALID, .send = SEND_INVALID };
        Three t;

        begin_replaced(&t);
        world_tracker_kill(t.w);
        world_pass(t.w, USEC_PER_SEC);
        assert_int_equal(person_try_host(t.one, "lobby", &plain), ERROR_TRACKER_UNREACHABLE);
        assert_int_not_equal(state_of(t.one, "lobby"), MEMBER_LIVE);
        assert_int_equal(state_of(t.two, "lobby"), MEMBER_LIVE);
        say(t.bob, "to the second");
        world_tracker_start(t.w);
        world_pass(t.w, 5 * USEC_PER_MINUTE);
        assert_true(hosts(t.one, "lobby") != hosts(t.two, "lobby"));
        world_free(t.w);
}

/* Who hosts nothing is told by the hosts. */
static void test_member(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *one = world_person(w, "one"), *two;
        uint64_t flaps;

        person_sign_up(alice, "alice");
        person_sign_up(one, "bob");
        person_host(alice, "lobby");
        (void) person_join(one, "lobby");
        person_until_state(one, "lobby", MEMBER_LIVE);
        person_kill(one);
        copy(one, "two");
        person_start(one);
        person_until_state(one, "lobby", MEMBER_LIVE);

        two = world_stranger(w, "two");
        person_until_state(two, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(state_of(one, "lobby"), MEMBER_CLOSED);
        assert_string_equal(channel_member_get_state_reason(person_channel(one, "lobby")),
                            "replaced");
        flaps = two->last_told;
        world_pass(w, 3 * USEC_PER_HOUR);
        assert_int_equal(state_of(one, "lobby"), MEMBER_CLOSED);
        assert_int_equal(state_of(two, "lobby"), MEMBER_LIVE);
        assert_int_equal(two->last_told, flaps);
        /* The host comes back: still. */
        person_kill(alice);
        world_pass(w, USEC_PER_MINUTE);
        person_start(alice);
        person_until_state(two, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(state_of(one, "lobby"), MEMBER_CLOSED);

        person_kill(one);
        person_start(one);
        person_until_state(one, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(state_of(one, "lobby"), MEMBER_LIVE);
        assert_int_equal(state_of(two, "lobby"), MEMBER_CLOSED);

        /* With a key of its own it is another device of the same user, and both are there. */
        person_sign_in(two, "bob");
        person_until_state(two, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(state_of(one, "lobby"), MEMBER_LIVE);
        assert_int_equal(state_of(two, "lobby"), MEMBER_LIVE);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host),       cmocka_unit_test(test_restart),
                cmocka_unit_test(test_while_away), cmocka_unit_test(test_sign_in_anew),
                cmocka_unit_test(test_host_anew),  cmocka_unit_test(test_host_alone),
                cmocka_unit_test(test_member),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
