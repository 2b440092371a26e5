/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two devices of an owner and one log: which of them serves, what the other is then, and what
 * becomes of entries that only one of them ever had. */
#include <sqlite3.h>

#include "scenario/support.h"

#define WAIT_USEC (20 * USEC_PER_SEC)
#define ROW_ID "11111111-1111-4111-8111-111111111111"
#define OTHER_ID "22222222-1111-4111-8111-111111111111"

static const HostOptions plain = { .view = VIEW_INVALID, .send = SEND_INVALID };
static const HostOptions take_over = {
        .view = VIEW_INVALID,
        .send = SEND_INVALID,
        .take_over = true,
};

typedef struct Stage {
        World *world;
        Person *one, *two, *bob, *desk; /* one and two are alice's; desk is bob's too */
} Stage;

static Stage stage_new(bool is_two_in) {
        Stage s = { .world = world_new() };

        s.one = world_person(s.world, "one");
        s.two = world_person(s.world, "two");
        s.bob = world_person(s.world, "bob");
        s.desk = world_person(s.world, "desk");
        person_sign_up(s.one, "alice");
        person_sign_in(s.two, "alice");
        person_sign_up(s.bob, "bob");
        person_sign_in(s.desk, "bob");
        person_host(s.one, "lobby");
        (void) person_join(s.bob, "lobby");
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        if (is_two_in)
                (void) person_join(s.two, "lobby");
        (void) person_send_id(s.bob, "lobby", ROW_ID, "one", WAIT_USEC, NULL); /* entry 2 */
        if (is_two_in)
                person_until_seq(s.two, "lobby", 2);
        return s;
}

static void stage_done(Stage *s) {
        world_free(s->world);
}

static void expect_state(Person *p, MemberState state, const char *reason) {
        const ChannelMember *c = person_channel(p, "lobby");

        assert_string_equal(member_state_to_string(channel_member_get_state(c)),
                            member_state_to_string(state));
        assert_string_equal(channel_member_get_state_reason(c), reason);
}

static bool is_host(Person *p) {
        ChannelMember *c = person_channel(p, "lobby");

        return c && channel_member_get_local_host(c);
}

static void expect_text(Person *p, const char *words) {
        const char *text = channel_member_get_state_text(person_channel(p, "lobby"));

        if (!strstr(text, words))
                fail_msg("not said: \"%s\" in \"%s\"", words, text);
}

/* No log: it cannot host, and is told why; it may be a member. */
static void test_no_log(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(false);

        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_CHANNEL_EXISTS);
        assert_non_null(strstr(s.two->failure.message, "yours already"));
        assert_int_equal(person_try_host(s.two, "lobby", &take_over), ERROR_CHANNEL_EXISTS);
        assert_int_equal(s.two->n_channels, 0);
        assert_true(is_host(s.one));

        (void) person_join(s.two, "lobby");
        person_until_seq(s.two, "lobby", 2);
        assert_same_log(s.one, s.two, "lobby");
}

/* A part of it is none: what is missing would be missing for all. */
static void test_partial_copy(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(false);

        assert_int_equal(person_try_join(s.two, "lobby", 1), ERROR_NONE);
        person_until_seq(s.two, "lobby", 2);
        assert_int_equal(channel_member_get_first_seq(person_channel(s.two, "lobby")), 2);
        assert_int_equal(person_try_host(s.two, "lobby", &take_over), ERROR_CONFLICT);
        person_kill(s.one);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_CONFLICT);
        person_start(s.one);
        person_until_state(s.two, "lobby", MEMBER_LIVE);
        assert_true(is_host(s.one));
}

/* The whole copy, and one gone without a word: when its lease is over two serves. One comes back as
 * a member of it, by itself. */
static void test_whole_copy(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);

        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.one);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_CONFLICT);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_NONE);
        assert_true(is_host(s.two));
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(s.bob, "lobby", NULL, "two", WAIT_USEC, NULL);
        person_until_seq(s.bob, "lobby", 4); /* 3: the new host */
        /* What one has stored two knows, too: said again it is not said twice. */
        assert_int_equal(person_try_join(s.desk, "lobby", 0), ERROR_NONE);
        assert_int_equal(person_send_id(s.desk, "lobby", ROW_ID, "one", WAIT_USEC, NULL), 2);

        person_start(s.one);
        person_until_state(s.one, "lobby", MEMBER_LIVE);
        assert_false(is_host(s.one));
        person_until_seq(s.one, "lobby", 4);
        assert_same_log(s.two, s.one, "lobby");
        assert_same_log(s.two, s.bob, "lobby");
        assert_int_equal(s.one->n_channels, 1);

        /* … and may take it back. */
        world_pass(s.world, USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.one, "lobby", &take_over), ERROR_NONE);
        person_until_state(s.two, "lobby", MEMBER_LIVE);
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_true(is_host(s.one));
        assert_false(is_host(s.two));
        person_until_seq(s.two, "lobby", 5);
        person_until_seq(s.bob, "lobby", 5);
        assert_same_log(s.one, s.two, "lobby");
        assert_same_log(s.one, s.bob, "lobby");
}

/* One was off while two served, and two is off now: one does not serve what lacks an entry. It
 * waits, says why, and goes on when two does. */
static void test_both_in_turn(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);

        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.one);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_NONE);
        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.two);
        world_pass(s.world, 2 * USEC_PER_MINUTE);

        person_start(s.one);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_false(is_host(s.one));
        expect_state(s.one, MEMBER_OFFLINE, "moved");
        expect_text(s.one, "Another device of yours");
        (void) person_send(s.one, "lobby", "waits");

        /* Nor without the tracker, nor after a restart. */
        person_kill(s.one);
        world_tracker_kill(s.world);
        person_start(s.one);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_false(is_host(s.one));
        expect_state(s.one, MEMBER_OFFLINE, "moved");
        assert_int_equal(person_try_host(s.one, "lobby", &plain), ERROR_TRACKER_UNREACHABLE);
        assert_false(is_host(s.one));
        world_tracker_start(s.world);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.one, "lobby", &plain), ERROR_STALE_EPOCH);
        assert_non_null(strstr(s.one->failure.message, "ends at entry 2, the tracker has seen 3"));
        expect_state(s.one, MEMBER_OFFLINE, "moved");

        person_start(s.two);
        person_until_state(s.one, "lobby", MEMBER_LIVE);
        person_until_sent(s.one, "lobby");
        person_until_seq(s.one, "lobby", 4);
        assert_same_log(s.two, s.one, "lobby");
        assert_true(is_host(s.two));
        ASSERT_TEXTS(s.two, "lobby", "bob: one", "alice: waits");
}

/* One took entries in that two never had, and two took over: the same numbers mean other entries
 * now. Who has the first ones keeps them, sees it said, and decides. */
static void test_fork(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);
        ErrorCode error;

        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.two);
        (void) person_send_id(s.bob, "lobby", NULL, "only one has it", WAIT_USEC, NULL);
        (void) person_send_id(s.bob, "lobby", NULL, "and this", WAIT_USEC, NULL);
        person_until_seq(s.bob, "lobby", 4);
        person_kill(s.one); /* before the tracker heard of them */
        person_until_state(s.bob, "lobby", MEMBER_OFFLINE);
        (void) person_send_id(s.bob, "lobby", OTHER_ID, "waits", 0, NULL);

        person_start(s.two);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_NONE);

        /* Bob has entry 4, two's log ends at its own entry 3. */
        person_until_state(s.bob, "lobby", MEMBER_DIVERGED);
        expect_state(s.bob, MEMBER_DIVERGED, "shorter-log");
        expect_text(s.bob, "ends at entry 3, the copy here at 4");
        expect_text(s.bob, "join --new-copy lobby");
        assert_int_equal(channel_member_get_diverged_seq(person_channel(s.bob, "lobby")), 4);
        ASSERT_TEXTS(s.bob, "lobby", "bob: one", "bob: only one has it", "bob: and this");
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.bob, "lobby")), 1);

        /* So has one, of what was its own log: not served, not mended in silence. */
        for (unsigned i = 0; i < 3; i++)
                (void) person_send_id(s.two, "lobby", NULL, "on two", WAIT_USEC, NULL);
        person_start(s.one);
        person_until_state(s.one, "lobby", MEMBER_DIVERGED);
        assert_false(is_host(s.one));
        expect_state(s.one, MEMBER_DIVERGED, "other-entry");
        expect_text(s.one, "entry 4 is another one there than here");
        ASSERT_TEXTS(s.one, "lobby", "bob: one", "bob: only one has it", "bob: and this");
        (void) person_send_id(s.one, "lobby", NULL, "no", 0, &error);
        assert_int_equal(error, ERROR_CONFLICT);

        /* It stays so, and restarts change nothing. */
        person_kill(s.bob);
        person_kill(s.one);
        person_start(s.bob);
        person_start(s.one);
        world_pass(s.world, USEC_PER_HOUR);
        expect_state(s.bob, MEMBER_DIVERGED, "shorter-log");
        expect_state(s.one, MEMBER_DIVERGED, "other-entry");
        expect_text(s.one, "entry 4 is another one there than here");
        ASSERT_TEXTS(s.two, "lobby", "bob: one", "alice: on two", "alice: on two", "alice: on two");

        /* A person asks the host again: the answer is the same. */
        assert_int_equal(person_try_join(s.bob, "lobby", -1), ERROR_CONFLICT);
        expect_state(s.bob, MEMBER_DIVERGED, "other-entry");
        ASSERT_TEXTS(s.bob, "lobby", "bob: one", "bob: only one has it", "bob: and this");
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.bob, "lobby")), 1);

        /* Or takes what the host has; what waited is said then, once. */
        assert_int_equal(person_try_join_with(s.bob, "lobby",
                                              &(JoinOptions){ .backlog = -1, .new_copy = true }),
                         ERROR_NONE);
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        person_until_sent(s.bob, "lobby");
        assert_int_equal(person_try_join_with(s.one, "lobby",
                                              &(JoinOptions){ .backlog = -1, .new_copy = true }),
                         ERROR_NONE);
        person_until_seq(s.one, "lobby", 7);
        person_until_seq(s.bob, "lobby", 7);
        assert_int_equal(s.bob->n_channels, 1);
        assert_same_log(s.two, s.bob, "lobby");
        assert_same_log(s.two, s.one, "lobby");
        ASSERT_TEXTS(s.bob, "lobby", "bob: one", "alice: on two", "alice: on two", "alice: on two",
                     "bob: waits");
        assert_string_equal(channel_member_get_state_text(person_channel(s.bob, "lobby")), "");
        assert_int_equal(person_try_join_with(s.bob, "lobby",
                                              &(JoinOptions){ .backlog = -1, .new_copy = true }),
                         ERROR_CONFLICT); /* nothing is wrong with it */
}

/* Both are up and bob talks: what he is told is stored is in the log that goes on, whenever it was
 * said, and he loses nothing and decides nothing. One learns of it long before its heartbeat. */
static void test_take_over_while_talking(void **state) {
        static const uint64_t pauses[] = { 0, 20 * USEC_PER_MSEC, 300 * USEC_PER_MSEC,
                                           2 * USEC_PER_SEC };
        _cleanup_(stage_done) Stage s = stage_new(true);
        size_t n = 1;

        world_pass(s.world, USEC_PER_MINUTE);
        for (unsigned turn = 0; turn < 6; turn++) {
                Person *to = turn % 2 == 0 ? s.two : s.one, *from = turn % 2 == 0 ? s.one : s.two;
                uint64_t begin, stored;
                char text[32];

                begin = clock_boottime(s.world->rig->rt->clock);
                assert_int_equal(person_try_host(to, "lobby", &take_over), ERROR_NONE);
                assert_true(clock_boottime(s.world->rig->rt->clock) - begin < 5 * USEC_PER_SEC);
                assert_true(is_host(to));
                assert_false(is_host(from));
                for (size_t i = 0; i < ELEMENTSOF(pauses); i++) {
                        snprintf(text, sizeof(text), "%u %zu", turn, i);
                        world_pass(s.world, pauses[i]);
                        stored = person_send_id(s.bob, "lobby", NULL, text, WAIT_USEC, NULL);
                        assert_true(stored > 0);
                        n++;
                }
                world_pass(s.world, USEC_PER_MINUTE);
                person_until_state(from, "lobby", MEMBER_LIVE);
                person_until_state(s.bob, "lobby", MEMBER_LIVE);
                person_until_seq(from, "lobby", 1 + n + turn + 1);
                assert_same_log(to, from, "lobby");
                assert_same_log(to, s.bob, "lobby");
        }
}

/* What has diverged is never served: under one id there would be two logs. */
static void test_diverged(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);
        HostOptions new_log = { .view = VIEW_INVALID, .send = SEND_INVALID, .new_log = true };

        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.two);
        (void) person_send_id(s.bob, "lobby", NULL, "only one has it", WAIT_USEC, NULL);
        (void) person_send_id(s.bob, "lobby", NULL, "and this", WAIT_USEC, NULL);
        person_kill(s.one); /* before the tracker heard of them */
        person_start(s.two);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_NONE);
        person_start(s.one);
        person_until_state(s.one, "lobby", MEMBER_DIVERGED);

        assert_int_equal(person_try_host(s.one, "lobby", &take_over), ERROR_CONFLICT);
        assert_non_null(strstr(s.one->failure.message, "join --new-copy lobby"));
        assert_true(is_host(s.two));
        person_kill(s.two);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.one, "lobby", &plain), ERROR_CONFLICT);
        person_kill(s.one);
        person_start(s.one);
        assert_int_equal(person_try_host(s.one, "lobby", &plain), ERROR_CONFLICT);
        assert_int_equal(channel_member_get_state(person_channel(s.one, "lobby")), MEMBER_DIVERGED);
        ASSERT_TEXTS(s.one, "lobby", "bob: one", "bob: only one has it", "bob: and this");
        assert_int_equal(person_try_host(s.one, "lobby", &new_log), ERROR_NONE);
}

/* One served alone while the tracker was away, not knowing that two had gone on before. However
 * long its log is, it takes nothing back: what two wrote is not in it. */
static void test_branch(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);

        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.one);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_NONE);
        assert_int_equal(person_send_id(s.bob, "lobby", NULL, "at two", WAIT_USEC, NULL), 4);
        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.two);
        world_tracker_kill(s.world);
        person_start(s.one);
        person_until_state(s.one, "lobby", MEMBER_LIVE);
        for (uint64_t seq = 3; seq <= 6; seq++)
                assert_int_equal(person_send_id(s.one, "lobby", NULL, "on one", WAIT_USEC, NULL),
                                 seq);

        world_tracker_start(s.world);
        world_pass(s.world, 5 * USEC_PER_MINUTE);
        assert_false(is_host(s.one));
        assert_int_equal(person_try_host(s.one, "lobby", &take_over), ERROR_STALE_EPOCH);
        assert_non_null(strstr(s.one->failure.message, "the log here is not that one"));
        assert_false(is_host(s.one));

        person_start(s.two);
        person_until_state(s.one, "lobby", MEMBER_DIVERGED);
        assert_true(is_host(s.two));
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        assert_same_log(s.two, s.bob, "lobby");
        ASSERT_TEXTS(s.one, "lobby", "bob: one", "alice: on one", "alice: on one", "alice: on one",
                     "alice: on one");
}

/* What a restored backup says of itself, at the start. */
static void set_went_back(Person *p) {
        char path[PATH_MAX];
        sqlite3 *db;

        snprintf(path, sizeof(path), "%s/p2pchat.db", p->directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(
                sqlite3_exec(db, "UPDATE channel SET went_back = hosted", NULL, NULL, NULL),
                SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A backup, while another device serves: no new log by accident. As a member of that one its log is
 * whole again, and as good as any. */
static void test_restored_beside_a_host(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);

        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.one);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.two, "lobby", &plain), ERROR_NONE);
        (void) person_send_id(s.bob, "lobby", NULL, "two", WAIT_USEC, NULL);
        set_went_back(s.one);
        person_start(s.one);
        world_pass(s.world, USEC_PER_MINUTE);
        expect_state(s.one, MEMBER_CLOSED, "restored");
        assert_int_equal(person_try_host(s.one, "lobby", &plain), ERROR_CONFLICT);
        assert_non_null(strstr(s.one->failure.message, "p2pchatctl join lobby"));
        expect_state(s.one, MEMBER_CLOSED, "restored");
        assert_true(is_host(s.two));

        (void) person_join(s.one, "lobby");
        person_until_seq(s.one, "lobby", 4);
        assert_same_log(s.two, s.one, "lobby");
        person_kill(s.one);
        person_start(s.one);
        person_until_state(s.one, "lobby", MEMBER_LIVE);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_int_equal(person_try_host(s.one, "lobby", &take_over), ERROR_NONE);
        assert_true(is_host(s.one));
        person_until_state(s.two, "lobby", MEMBER_LIVE);
        person_until_seq(s.bob, "lobby", 5);
        assert_same_log(s.one, s.bob, "lobby");
}

/* What was said while the tracker was away is in both logs, whichever of them serves. */
static void test_take_over_after_an_outage(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);

        world_pass(s.world, USEC_PER_MINUTE);
        person_kill(s.two);
        person_start(s.two);
        world_tracker_kill(s.world);
        (void) person_send_id(s.bob, "lobby", NULL, "while it was away", WAIT_USEC, NULL);
        world_tracker_start(s.world);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        person_until_seq(s.two, "lobby", 3);
        assert_int_equal(person_try_host(s.two, "lobby", &take_over), ERROR_NONE);
        person_until_state(s.one, "lobby", MEMBER_LIVE);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_false(is_host(s.one));
        assert_true(is_host(s.two));
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        person_until_seq(s.bob, "lobby", 4);
        assert_same_log(s.two, s.one, "lobby");
        assert_same_log(s.two, s.bob, "lobby");
}

/* The usual end of moving house: what one gives back is its own lease, which is none, and not that
 * of two. */
static void test_move_and_sign_out(void **state) {
        _cleanup_(stage_done) Stage s = stage_new(true);

        /* No member of it, two does not wait for its end. */
        assert_int_equal(person_leave(s.two, "lobby", false), ERROR_NONE);
        assert_int_equal(person_try_host(s.two, "lobby", &take_over), ERROR_NONE);
        assert_true(is_host(s.two));
        person_sign_out(s.one);
        world_pass(s.world, 5 * USEC_PER_MINUTE);
        assert_true(is_host(s.two));
        assert_int_equal(person_sees(s.bob, "lobby"), 1);
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(s.bob, "lobby", OTHER_ID, "two", WAIT_USEC, NULL);
        person_until_seq(s.two, "lobby",
                         channel_member_get_synced_seq(person_channel(s.bob, "lobby")));
        assert_same_log(s.two, s.bob, "lobby");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_log),
                cmocka_unit_test(test_partial_copy),
                cmocka_unit_test(test_whole_copy),
                cmocka_unit_test(test_both_in_turn),
                cmocka_unit_test(test_move_and_sign_out),
                cmocka_unit_test(test_fork),
                cmocka_unit_test(test_diverged),
                cmocka_unit_test(test_branch),
                cmocka_unit_test(test_take_over_after_an_outage),
                cmocka_unit_test(test_take_over_while_talking),
                cmocka_unit_test(test_restored_beside_a_host),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
