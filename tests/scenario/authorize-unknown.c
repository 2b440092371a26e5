/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Somebody whom the host never saw is to get a role, or lose one: by the tracker's word, and what
 * becomes of it where there is none, or where it says nothing. */
#include <unistd.h>

#include "scenario/support.h"

typedef struct Stage {
        World *world;
        Person *alice, *bob; /* the owner; a moderator elsewhere */
} Stage;

static void setup(Stage *s) {
        Person *carol;

        *s = (Stage){ .world = world_new() };
        s->alice = world_person(s->world, "alice");
        s->bob = world_person(s->world, "bob");
        carol = world_person(s->world, "carol");
        person_sign_up(s->alice, "alice");
        person_sign_up(s->bob, "bob");
        person_sign_up(carol, "carol"); /* never comes here */
        person_host(s->alice, "lobby");
        (void) person_join(s->bob, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        assert_int_equal(person_authorize(s->alice, "lobby", "bob", ROLE_MODERATOR), ERROR_NONE);
}

static uint64_t head(const Stage *s) {
        return channel_member_get_last_seq(person_channel(s->alice, "lobby"));
}

static void test_near(void **state) {
        Stage s;

        setup(&s);
        for (Role role = ROLE_NONE; role <= ROLE_MEMBER; role++) {
                assert_int_equal(person_authorize(s.alice, "lobby", "carlo", role),
                                 ERROR_NO_SUCH_USER);
                assert_string_equal(s.alice->failure.message,
                                    "There is no user carlo; did you mean carol?");
                assert_int_equal(person_authorize(s.bob, "lobby", "bop", role), ERROR_NO_SUCH_USER);
                assert_string_equal(s.bob->failure.message,
                                    "There is no user bop; did you mean bob?");
        }
        assert_int_equal(head(&s), 2);
        assert_int_equal(person_authorize(s.bob, "lobby", "carol", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(head(&s), 3);
        world_free(s.world);
}

/* What does not need it goes on; what does fails at once, or soon, and says why. */
static void assert_away(Stage *s) {
        uint64_t before = head(s), begin = clock_boottime(s->alice->rt.clock);

        assert_int_equal(person_authorize(s->alice, "lobby", "carol", ROLE_MEMBER),
                         ERROR_TRACKER_UNREACHABLE);
        assert_non_null(strstr(s->alice->failure.message, "tracker"));
        assert_int_equal(person_authorize(s->bob, "lobby", "carol", ROLE_MEMBER), ERROR_BUSY);
        assert_non_null(strstr(s->bob->failure.message, "tracker"));
        assert_true(s->bob->failure.retry_after_ms > 0);
        assert_true(clock_boottime(s->alice->rt.clock) - begin < 20 * USEC_PER_SEC);
        assert_int_equal(head(s), before);

        assert_int_equal(person_authorize(s->alice, "lobby", "carol", ROLE_NONE), ERROR_NONE);
        assert_int_equal(head(s), before);
        assert_int_equal(person_authorize(s->alice, "lobby", "bob", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(person_authorize(s->alice, "lobby", "bob", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(head(s), before + 2);
}

static void test_no_tracker(void **state) {
        Stage s;

        setup(&s);
        world_tracker_kill(s.world);
        assert_away(&s);
        world_tracker_start(s.world);
        world_pass(s.world, 5 * USEC_PER_MINUTE);
        assert_int_equal(person_authorize(s.bob, "lobby", "carol", ROLE_MEMBER), ERROR_NONE);
        world_free(s.world);
}

static bool is_between_attempts(void *userdata) {
        Person *p = userdata;

        return account_get_tracker_state(manager_get_account(p->manager)) == TRACKER_OFFLINE;
}

/* It can be dialled, and that is all: the answer comes before whoever asked has given up. */
static void test_a_tracker_that_says_nothing(void **state) {
        uint64_t begin, took;
        Address address;
        Stage s;
        int fd;

        setup(&s);
        address = s.world->rig->address;
        world_tracker_kill(s.world);
        assert_int_equal(listener_bind(&address, &fd), 0);
        world_pass(s.world, USEC_PER_MINUTE);
        world_until(s.world, is_between_attempts, s.alice);
        begin = clock_boottime(s.alice->rt.clock);
        assert_int_equal(person_authorize(s.alice, "lobby", "carol", ROLE_MEMBER),
                         ERROR_TRACKER_UNREACHABLE);
        assert_string_equal(s.alice->failure.message,
                            "The tracker did not say whether there is a user carol; try again when "
                            "it can be reached.");
        took = clock_boottime(s.alice->rt.clock) - begin;
        assert_true(took >= LOOKUP_TIMEOUT_USEC && took < REQUEST_TIMEOUT_USEC);
        assert_away(&s);
        close(fd);
        world_tracker_start(s.world);
        world_pass(s.world, 5 * USEC_PER_MINUTE);
        assert_int_equal(person_authorize(s.bob, "lobby", "carol", ROLE_MEMBER), ERROR_NONE);
        world_free(s.world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_near),
                cmocka_unit_test(test_no_tracker),
                cmocka_unit_test(test_a_tracker_that_says_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
