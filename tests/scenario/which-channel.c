/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which channel is which: a name that somebody else takes, and gives back; a log that went back, or
 * is lost, and the new one that follows it. */
#include <sqlite3.h>

#include "scenario/support.h"
#include "support/scratch.h"

#define WAIT_USEC (20 * USEC_PER_SEC)

static const HostOptions plain = { .view = VIEW_INVALID, .send = SEND_INVALID };
static const HostOptions new_log = {
        .view = VIEW_INVALID,
        .send = SEND_INVALID,
        .new_log = true,
};

static World *two_in_lobby(Person **ret_alice, Person **ret_bob) {
        World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(bob, "lobby", NULL, "one", WAIT_USEC, NULL);
        *ret_alice = alice;
        *ret_bob = bob;
        return w;
}

static const char *id_of(Person *p, const char *channel, char ret[static UUID_STRING_SIZE]) {
        strcpy(ret, channel_member_get_id(person_channel(p, channel)));
        return ret;
}

static void expect_state(Person *p, const char *channel, MemberState state, const char *reason) {
        const ChannelMember *c = person_channel(p, channel);

        assert_non_null(c);
        assert_string_equal(member_state_to_string(channel_member_get_state(c)),
                            member_state_to_string(state));
        assert_string_equal(channel_member_get_state_reason(c), reason);
}

typedef struct Reason {
        Person *person;
        const char *channel, *reason;
} Reason;

static bool has_reason(void *userdata) {
        const Reason *x = userdata;

        return streq(channel_member_get_state_reason(person_channel(x->person, x->channel)),
                     x->reason);
}

static void until_reason(Person *p, const char *channel, const char *reason) {
        world_until(p->world, has_reason, &(Reason){ p, channel, reason });
}

static void expect_text(Person *p, const char *channel, const char *words) {
        const char *text = channel_member_get_state_text(person_channel(p, channel));

        if (!strstr(text, words))
                fail_msg("not said: \"%s\" in \"%s\"", words, text);
}

static void on_done(const Failure *f, void *userdata) {
        Failure *ret = userdata;

        *ret = f ? *f : (Failure){};
        ret->epoch = 1; /* has come */
}

static bool has_come(void *userdata) {
        return ((const Failure *) userdata)->epoch == 1;
}

static ErrorCode retry(Person *p, const char *channel, const char *id) {
        Failure f = {};

        assert_int_equal(channel_member_retry(person_channel(p, channel), id, on_done, &f, NULL),
                         0);
        world_until(p->world, has_come, &f);
        return f.code;
}

static ErrorCode cancel(Person *p, const char *channel, const char *id) {
        Failure f = {};

        assert_int_equal(channel_member_cancel(person_channel(p, channel), id, on_done, &f, NULL),
                         0);
        world_until(p->world, has_come, &f);
        return f.code;
}

#define ROW_ID "11111111-1111-4111-8111-111111111111"

/* The name is given back and taken by somebody else; then it is the old one's again. */
static void test_name_of_another_owner(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        Person *carol = world_person(w, "carol");
        _cleanup_(rig_client_freep) RigClient *desk = rig_client_new(w->rig);
        char old[UUID_STRING_SIZE], other[UUID_STRING_SIZE];
        ErrorCode error;

        id_of(bob, "lobby", old);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        (void) person_send_id(bob, "lobby", ROW_ID, "for alice's", 0, NULL);

        /* From another desk of hers. */
        rig_connect(desk);
        assert_int_equal(rig_call_csr(desk, "SIGNIN",
                                      "\"username\":\"alice\",\"password\":\"correct horse "
                                      "battery\""),
                         ERROR_NONE);
        desk->certificate = strdup(rig_string(desk->payload, "certificate"));
        rig_connect(desk);
        assert_int_equal(rig_call(desk, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_NONE);
        world_pass(w, USEC_PER_MINUTE);
        expect_state(bob, "lobby", MEMBER_OFFLINE, "host-offline"); /* no name: nothing else */

        person_sign_up(carol, "carol");
        person_host(carol, "lobby");
        id_of(carol, "lobby", other);
        person_until_state(bob, old, MEMBER_CLOSED);
        expect_state(bob, old, MEMBER_CLOSED, "another-channel");
        expect_text(bob, old, other);
        assert_string_equal(channel_member_get_successor(person_channel(bob, old)), other);
        world_pass(w, USEC_PER_HOUR);

        /* Kept, shown, and sent to nobody; not with a restart either. */
        person_kill(bob);
        person_start(bob);
        world_pass(w, USEC_PER_HOUR);
        expect_state(bob, old, MEMBER_CLOSED, "another-channel");
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, old)), 1);
        ASSERT_TEXTS(bob, old, "bob: one");
        (void) person_send_id(bob, old, NULL, "more", 0, &error);
        assert_int_equal(error, ERROR_NO_SUCH_CHANNEL);
        assert_int_equal(retry(bob, old, ROW_ID), ERROR_NO_SUCH_CHANNEL);

        /* The new one is another: joined by a person only, beside the old one. */
        assert_int_equal(bob->n_channels, 1);
        (void) person_join(bob, "lobby");
        person_until_state(bob, other, MEMBER_LIVE);
        assert_int_equal(bob->n_channels, 2);
        (void) person_send_id(bob, "lobby", NULL, "for carol's", WAIT_USEC, NULL);
        ASSERT_TEXTS(carol, "lobby", "bob: for carol's");
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, old)), 1);

        /* Alice's daemon finds her name taken, and says so; it hosts nothing under it. */
        person_start(alice);
        until_reason(alice, old, "another-channel");
        expect_state(alice, old, MEMBER_CLOSED, "another-channel");
        person_kill(alice);
        world_tracker_kill(w);
        person_start(alice);
        world_pass(w, USEC_PER_MINUTE);
        assert_null(channel_member_get_local_host(person_channel(alice, old)));
        world_tracker_start(w);
        world_pass(w, 2 * USEC_PER_MINUTE);
        expect_state(alice, old, MEMBER_CLOSED, "another-channel");

        /* Free again, hers again, the same channel: who never left is in it, and it is sent. */
        assert_int_equal(person_unhost(carol, "lobby", true), ERROR_NONE);
        assert_int_equal(person_try_host(alice, "lobby", &plain), ERROR_NONE);
        assert_string_equal(channel_member_get_id(person_channel(alice, "lobby")), old);
        person_until_state(bob, old, MEMBER_LIVE);
        person_until_sent(bob, old);
        ASSERT_TEXTS(alice, "lobby", "bob: one", "bob: for alice's");
        expect_state(bob, other, MEMBER_CLOSED, "another-channel");
        assert_same_log(alice, bob, old);
}

static void test_left_stays_left(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        char old[UUID_STRING_SIZE];

        id_of(bob, "lobby", old);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        (void) person_send_id(bob, "lobby", ROW_ID, "waits", 0, NULL);
        assert_int_equal(person_leave(bob, "lobby", false), ERROR_NONE);
        person_start(alice);
        world_pass(w, USEC_PER_HOUR);
        expect_state(bob, old, MEMBER_CLOSED, "left");
        ASSERT_TEXTS(alice, "lobby", "bob: one");
        assert_int_equal(cancel(bob, old, ROW_ID), ERROR_NONE);
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, old)), 0);
}

/* ---- logs that went back ---- */

static void copy_state(Person *p, const char *from, const char *to) {
        _cleanup_free_ char *a = NULL, *b = NULL;

        assert_true(asprintf(&a, "%s%s", p->directory, from) > 0);
        assert_true(asprintf(&b, "%s%s", p->directory, to) > 0);
        scratch_copy(a, b);
}

/* Alice's disk is what it was when bob had said one thing; he has said three since. */
static void put_back(World *w, Person *alice, Person *bob) {
        person_kill(alice);
        copy_state(alice, "", ".old");
        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(bob, "lobby", NULL, "two", WAIT_USEC, NULL);
        (void) person_send_id(bob, "lobby", NULL, "three", WAIT_USEC, NULL);
        world_pass(w, USEC_PER_MINUTE); /* the tracker has heard of them */
        person_kill(alice);
        copy_state(alice, ".old", "");
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        (void) person_send_id(bob, "lobby", ROW_ID, "waits", 0, NULL);
}

static void expect_new_log_at(Person *alice, const char *old,
                              char ret_id[static UUID_STRING_SIZE]) {
        const char *id = id_of(alice, "lobby", ret_id);

        assert_string_not_equal(id, old);
        assert_string_equal(channel_member_get_previous(person_channel(alice, id)), old);
        expect_state(alice, id, MEMBER_LIVE, "");
        expect_state(alice, old, MEMBER_CLOSED, "new-log");
        assert_int_equal(alice->n_channels, 2);
}

static void expect_new_log(World *w, Person *alice, Person *bob, const char *old) {
        char id[UUID_STRING_SIZE];

        expect_new_log_at(alice, old, id);
        person_until_state(bob, old, MEMBER_CLOSED);
        expect_state(bob, old, MEMBER_CLOSED, "new-log");
        expect_text(bob, old, id);
        expect_text(bob, old, "alice now has another channel");
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, old)), 1);
        assert_int_equal(retry(bob, old, ROW_ID), ERROR_NO_SUCH_CHANNEL);

        (void) person_join(bob, "lobby");
        person_until_state(bob, id, MEMBER_LIVE);
        assert_string_equal(channel_member_get_previous(person_channel(bob, id)), old);
        (void) person_send_id(bob, "lobby", NULL, "anew", WAIT_USEC, NULL);
        world_pass(w, USEC_PER_HOUR);
        ASSERT_TEXTS(alice, "lobby", "bob: anew");
        assert_same_log(alice, bob, "lobby");
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, old)), 1);

        /* Once more from disk. */
        person_kill(alice);
        person_kill(bob);
        person_start(alice);
        person_start(bob);
        person_until_state(bob, id, MEMBER_LIVE);
        expect_state(alice, old, MEMBER_CLOSED, "new-log");
        expect_state(bob, old, MEMBER_CLOSED, "new-log");
        assert_string_equal(channel_member_get_previous(person_channel(bob, id)), old);
        assert_string_equal(channel_member_get_previous(person_channel(alice, id)), old);
}

static void test_behind(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        char old[UUID_STRING_SIZE];

        id_of(alice, "lobby", old);
        put_back(w, alice, bob);
        person_start(alice);
        person_until_state(alice, "lobby", MEMBER_CLOSED);
        expect_state(alice, "lobby", MEMBER_CLOSED, "behind");
        expect_text(alice, "lobby", "ends at entry 2, the tracker has seen 4");

        /* By itself never, and without the tracker neither. */
        person_kill(alice);
        world_tracker_kill(w);
        person_start(alice);
        world_pass(w, USEC_PER_MINUTE);
        expect_state(alice, "lobby", MEMBER_CLOSED, "behind");
        expect_text(alice, "lobby", "ends at entry 2, the tracker has seen 4");
        assert_int_equal(person_try_host(alice, "lobby", &plain), ERROR_TRACKER_UNREACHABLE);
        assert_int_equal(person_try_host(alice, "lobby", &new_log), ERROR_TRACKER_UNREACHABLE);
        expect_state(alice, "lobby", MEMBER_CLOSED, "behind");
        assert_int_equal(alice->n_channels, 1);
        world_tracker_start(w);
        world_pass(w, 2 * USEC_PER_MINUTE);
        expect_state(alice, "lobby", MEMBER_CLOSED, "behind");
        expect_state(bob, "lobby", MEMBER_OFFLINE, "no-such-channel");

        assert_int_equal(person_try_host(alice, "lobby", &plain), ERROR_STALE_EPOCH);
        assert_non_null(strstr(alice->failure.message, "ends at entry 2, the tracker has seen 4"));
        assert_non_null(strstr(alice->failure.message, "--new-log lobby"));
        assert_int_equal(person_try_host(alice, "lobby", &new_log), ERROR_NONE);
        expect_new_log(w, alice, bob, old);

        /* What is closed may be left for good, and the name is not given back with it. */
        assert_int_equal(person_leave(alice, old, true), ERROR_NONE);
        assert_int_equal(alice->n_channels, 1);
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(person_sees(bob, "lobby"), 1);
        expect_state(alice, "lobby", MEMBER_LIVE, "");
}

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

/* A backup says so itself: no tracker is needed to know it. */
static void test_restored(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        char old[UUID_STRING_SIZE];

        id_of(alice, "lobby", old);
        put_back(w, alice, bob);
        set_went_back(alice);
        world_tracker_kill(w);
        person_start(alice);
        world_pass(w, USEC_PER_MINUTE);
        expect_state(alice, "lobby", MEMBER_CLOSED, "restored");
        expect_text(alice, "lobby", "comes from a backup");
        ASSERT_TEXTS(alice, "lobby", "bob: one");
        assert_int_equal(person_try_host(alice, "lobby", &plain), ERROR_TRACKER_UNREACHABLE);
        world_tracker_start(w);
        world_pass(w, 2 * USEC_PER_MINUTE);
        expect_state(alice, "lobby", MEMBER_CLOSED, "restored");

        /* No other computer hosts it: there is nothing to be a member of. */
        assert_int_equal(person_try_join(alice, "lobby", -1), ERROR_CONFLICT);
        assert_int_equal(person_try_host(alice, "lobby", &plain), ERROR_NONE);
        expect_new_log(w, alice, bob, old);
}

static void test_database_lost(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        char old[UUID_STRING_SIZE];
        Person *again;

        id_of(alice, "lobby", old);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        alice->directory = scratch_free(alice->directory);
        world_pass(w, 2 * USEC_PER_MINUTE); /* its lease ends */

        again = world_person(w, "again");
        person_sign_in(again, "alice");
        assert_int_equal(again->n_channels, 0);
        assert_int_equal(person_try_host(bob, "lobby", &new_log), ERROR_CHANNEL_EXISTS);
        assert_int_equal(person_try_host(again, "lobby", &plain), ERROR_CHANNEL_EXISTS);
        assert_non_null(strstr(again->failure.message, "yours already"));
        assert_non_null(strstr(again->failure.message, "--new-log lobby"));
        assert_int_equal(again->n_channels, 0);
        assert_int_equal(person_try_host(again, "lobby", &new_log), ERROR_NONE);
        assert_string_equal(channel_member_get_previous(person_channel(again, "lobby")), old);
        assert_int_equal(again->n_channels, 1);
        person_until_state(bob, old, MEMBER_CLOSED);
        expect_state(bob, old, MEMBER_CLOSED, "new-log");

        /* What is served needs no other log. A name that is free needs none to follow. */
        assert_int_equal(person_try_host(again, "lobby", &new_log), ERROR_CONFLICT);
        assert_int_equal(person_try_host(again, "attic", &new_log), ERROR_NONE);
        assert_string_equal(channel_member_get_previous(person_channel(again, "attic")), "");
}

/* Who begins with the newest entries has not heard the first one. */
static void test_previous_below_a_copy(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        Person *carol = world_person(w, "carol");
        char old[UUID_STRING_SIZE];

        id_of(alice, "lobby", old);
        person_kill(alice);
        set_went_back(alice);
        person_start(alice);
        assert_int_equal(person_try_host(alice, "lobby", &new_log), ERROR_NONE);
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(person_send(alice, "lobby", "anew"), 0);
        person_until_sent(alice, "lobby");

        person_sign_up(carol, "carol");
        assert_int_equal(person_try_join(carol, "lobby", 1), ERROR_NONE);
        person_until_seq(carol, "lobby", 5);
        assert_string_equal(channel_member_get_previous(person_channel(carol, "lobby")), "");
        person_read_before(carol, "lobby", 0, 3);
        assert_string_equal(channel_member_get_previous(person_channel(carol, "lobby")), "");
        person_read_before(carol, "lobby", 3, 2);
        assert_string_equal(channel_member_get_previous(person_channel(carol, "lobby")), old);
        person_kill(carol);
        person_start(carol);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_string_equal(channel_member_get_previous(person_channel(carol, "lobby")), old);
}

static void on_hosted(const Failure *f, ChannelMember *c, void *userdata) {
        bool *is_done = userdata;

        *is_done = !f; /* cancelled by the kill is not done */
}

/* Killed anywhere between the wish and its end, and started again: the old log never serves, there
 * is one new one at the most, and asking again gives it. */
static void test_killed_on_the_way(void **state) {
        bool is_done = false;

        for (unsigned n = 0; !is_done; n += 2) {
                Person *alice, *bob;
                _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
                char old[UUID_STRING_SIZE], id[UUID_STRING_SIZE];

                assert_true(n < 200);
                id_of(alice, "lobby", old);
                person_kill(alice);
                set_went_back(alice);
                person_start(alice);
                assert_int_equal(
                        manager_host(alice->manager, "lobby", &new_log, on_hosted, &is_done, NULL),
                        0);
                for (unsigned i = 0; i < n && !is_done; i++)
                        assert_true(sd_event_run(w->rig->rt->event, 0) >= 0);
                person_kill(alice);
                if (n % 4 == 2) { /* and the tracker is away when it comes back */
                        world_tracker_kill(w);
                        person_start(alice);
                        world_pass(w, USEC_PER_MINUTE);
                        assert_null(channel_member_get_local_host(person_channel(alice, old)));
                        world_tracker_start(w);
                } else
                        person_start(alice);
                world_pass(w, 2 * USEC_PER_MINUTE);
                assert_null(channel_member_get_local_host(person_channel(alice, old)));
                if (!channel_member_get_local_host(person_channel(alice, "lobby")))
                        assert_int_equal(person_try_host(alice, "lobby", &new_log), ERROR_NONE);
                expect_new_log_at(alice, old, id);
                person_until_state(bob, old, MEMBER_CLOSED);
                expect_state(bob, old, MEMBER_CLOSED, "new-log");
        }
}

typedef struct Answer {
        bool is_there;
        ErrorCode error;
} Answer;

static void on_answer(const Failure *f, ChannelMember *c, void *userdata) {
        *(Answer *) userdata = (Answer){ true, f ? f->code : ERROR_NONE };
}

/* A new log is asked for before the old one is served again, and that is served before the tracker
 * has said what the name means: nothing that was served is given up. */
static void test_served_meanwhile(void **state) {
        unsigned n_refused = 0;
        bool is_up = false;

        for (unsigned n = 0; !is_up; n++) {
                Person *alice, *bob;
                _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
                char old[UUID_STRING_SIZE];
                Answer answer = {};

                assert_true(n < 400);
                id_of(alice, "lobby", old);
                person_kill(alice);
                person_start(alice);
                for (unsigned i = 0; i < n; i++)
                        assert_true(sd_event_run(w->rig->rt->event, 0) >= 0);
                is_up = channel_member_get_local_host(person_channel(alice, old));
                if (is_up)
                        break;
                assert_int_equal(
                        manager_host(alice->manager, "lobby", &new_log, on_answer, &answer, NULL),
                        0);
                for (unsigned i = 0; !answer.is_there; i++) {
                        assert_true(i < 10000);
                        assert_true(sd_event_run(w->rig->rt->event, 10 * USEC_PER_MSEC) >= 0);
                        is_up |= channel_member_get_local_host(person_channel(alice, old)) != NULL;
                }
                if (is_up)
                        assert_int_equal(answer.error, ERROR_CONFLICT);
                n_refused += is_up;
                is_up = false;
        }
        print_message("%u times served meanwhile\n", n_refused);
        assert_true(n_refused > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_name_of_another_owner),
                cmocka_unit_test(test_left_stays_left),
                cmocka_unit_test(test_behind),
                cmocka_unit_test(test_restored),
                cmocka_unit_test(test_database_lost),
                cmocka_unit_test(test_previous_below_a_copy),
                cmocka_unit_test(test_killed_on_the_way),
                cmocka_unit_test(test_served_meanwhile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
