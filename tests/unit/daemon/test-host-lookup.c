/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a hosted channel to how it asks for people whom it never saw: each name once, a few at a
 * time, and to what it says of a name that nobody has. */
#include "daemon/host/channel-host-internal.h"
#include "unit/daemon/member-double.h"

static void refuse(Fixture *f, uint64_t ticket, ErrorCode code, const NearNames *near) {
        Failure failure;

        (void) failure_set(&failure, code, "The tracker's words.");
        failure.retry_after_ms = code == ERROR_RATE_LIMITED ? 500 : 0;
        channel_host_user_looked_up(f->host, ticket, &failure, near);
}

static void start(Fixture *f, Local *l, const char *target, Role role) {
        assert_int_equal(
                channel_host_authorize(f->host, &f->owner, target, role, NULL, local_done, l), 0);
}

static void test_the_near_are_named(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *robby = member_new(f, "robby");
        _cleanup_(member_freep) Member *guest = member_new(f, "guest-bobby");
        NearNames near;
        Local l = {};

        assert_int_equal(member_connect(robby, 0), ERROR_NONE);
        assert_int_equal(member_connect(guest, 0), ERROR_NONE);
        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "bobbys", ROLE_MEMBER), ERROR_NONE);
        f->answer_lookup_at_once = false;

        /* Of the tracker, of who has a role, of who is here; the nearest first. */
        start(f, &l, "bobyb", ROLE_MEMBER);
        settle(f);
        assert_string_equal(f->lookup, "bobyb");
        near_names_init(&near, "bobyb");
        near_names_add(&near, "bobby");
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, &near);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NO_SUCH_USER);
        assert_string_equal(l.failure.message,
                            "There is no user bobyb; did you mean bobby, bobbys or robby?");

        start(f, &l, "aliec", ROLE_MEMBER);
        settle(f);
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, NULL);
        local_wait(f, &l, 2);
        assert_string_equal(l.failure.message, "There is no user aliec; did you mean alice?");

        start(f, &l, "quentin", ROLE_MEMBER);
        settle(f);
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, NULL);
        local_wait(f, &l, 3);
        assert_string_equal(l.failure.message,
                            "There is no user quentin: who is to get a role or a "
                            "ban must have signed up.");

        /* A name with a slip is no name whose role may be taken back. */
        start(f, &l, "robbi", ROLE_NONE);
        settle(f);
        assert_string_equal(f->lookup, "robbi");
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, NULL);
        local_wait(f, &l, 4);
        assert_int_equal(l.failure.code, ERROR_NO_SUCH_USER);
        assert_string_equal(l.failure.message, "There is no user robbi; did you mean robby?");
        assert_int_equal(head_of(f), 2);
}

static uint64_t cursor_of(Fixture *f, const char *name) {
        const HostSession *s;

        DL_FOREACH(f->host->sessions, s)
                if (streq(s->actor.username, name))
                        return s->cursor;
        fail_msg("%s is not there", name);
        return 0;
}

/* Who is here unseen is nobody, and so is who has left, though the row of that one waits for her
 * who does not read. */
static void test_unseen(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        _cleanup_(member_freep) Member *robby = member_new(f, "robby");
        Local l = {};

        local_without_rate(f);
        assert_int_equal(member_call(carol, "CONNECT", ",\"since\":0,\"invisible\":true"),
                         ERROR_NONE);
        assert_int_equal(member_connect(robby, head_of(f)), ERROR_NONE);
        rpc_set_paused(carol->rpc, true);
        local_fill(f, 1, 800, MESSAGE_BYTES_MAX - 1);
        assert_true(cursor_of(f, "carol") < head_of(f));
        robby = member_free(robby);
        test_loop_run(f->loop, 20 * USEC_PER_SEC);
        assert_non_null(roster_find(&f->host->roster, "robby"));
        test_loop_run(f->loop, 20 * USEC_PER_SEC);
        assert_non_null(roster_find(&f->host->roster, "robby"));
        assert_int_equal(channel_host_get_n_online(f->host), 1);

        start(f, &l, "carolx", ROLE_MEMBER);
        settle(f);
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, NULL);
        local_wait(f, &l, 1);
        assert_null(strstr(l.failure.message, "did you mean"));
        start(f, &l, "robbyx", ROLE_MEMBER);
        settle(f);
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, NULL);
        local_wait(f, &l, 2);
        assert_null(strstr(l.failure.message, "did you mean"));
        start(f, &l, "robby", ROLE_MEMBER);
        settle(f);
        assert_string_equal(f->lookup, "robby");
        channel_host_user_looked_up(f->host, f->ticket, NULL, NULL);
        local_wait(f, &l, 3);
        start(f, &l, "carol", ROLE_MEMBER);
        settle(f);
        assert_string_equal(f->lookup, "carol");
        channel_host_user_looked_up(f->host, f->ticket, NULL, NULL);
        local_wait(f, &l, 4);
        assert_int_equal(f->n_lookups, 4);
}

static void test_a_name_is_asked_for_once(void **state) {
        Fixture *f = *state;
        Local l = {};

        for (unsigned i = 0; i < 100; i++)
                start(f, &l, "carol", ROLE_MEMBER);
        settle(f);
        assert_int_equal(f->n_lookups, 1);
        start(f, &l, "carol", ROLE_NONE);
        settle(f);
        assert_int_equal(f->n_lookups, 1);
        assert_int_equal(l.n_done, 0);
        channel_host_user_looked_up(f->host, f->ticket, NULL, NULL);
        local_wait(f, &l, 101);
        assert_int_equal(l.failure.code, ERROR_NONE);
        assert_int_equal(f->n_lookups, 1);
        assert_int_equal(head_of(f), 3); /* in their order: given once, taken back */
        assert_int_equal(channel_get_role(channel_host_get_channel(f->host), "carol"), ROLE_NONE);

        for (unsigned i = 0; i < 100; i++)
                start(f, &l, "nobody", ROLE_MEMBER);
        settle(f);
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, NULL);
        local_wait(f, &l, 201);
        assert_int_equal(l.failure.code, ERROR_NO_SUCH_USER);
        assert_int_equal(f->n_lookups, 2);
        assert_int_equal(head_of(f), 3);
}

static void test_ten_thousand_names(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Local l = {};

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        for (unsigned i = 0; i < 10000; i++) {
                char target[NAME_SIZE];

                snprintf(target, sizeof(target), "nobody%u", i);
                start(f, &l, target, ROLE_MEMBER);
                if (i % 100 == 99)
                        test_loop_run(f->loop, 0);
        }
        settle(f);
        assert_int_equal(f->n_lookups, LOOKUPS_AT_ONCE_MAX);
        assert_int_equal(l.n_done, 10000 - LOOKUPS_WAITING_MAX);
        assert_int_equal(l.failure.code, ERROR_BUSY);
        assert_true(l.failure.retry_after_ms > 0);
        /* Nobody else waits for any of it. */
        assert_int_equal(member_send(bob, 1, "goes on"), ERROR_NONE);

        /* One is answered, one more is asked for. */
        refuse(f, f->ticket, ERROR_NO_SUCH_USER, NULL);
        local_wait(f, &l, 10000 - LOOKUPS_WAITING_MAX + 1);
        assert_int_equal(l.failure.code, ERROR_NO_SUCH_USER);
        settle(f);
        assert_int_equal(f->n_lookups, LOOKUPS_AT_ONCE_MAX + 1);

        /* And where the tracker does not answer, those that it was not asked for end at once. */
        refuse(f, f->ticket, ERROR_TRACKER_UNREACHABLE, NULL);
        local_wait(f, &l, 10000 - (LOOKUPS_AT_ONCE_MAX - 1));
        assert_int_equal(l.failure.code, ERROR_TRACKER_UNREACHABLE);
        settle(f);
        assert_int_equal(f->n_lookups, LOOKUPS_AT_ONCE_MAX + 1);
        assert_int_equal(l.n_done, 10000 - (LOOKUPS_AT_ONCE_MAX - 1));

        peer_server_remove_host(f->server, f->host);
        f->host = channel_host_free(f->host, NULL);
        assert_int_equal(l.n_done, 10000);
        assert_int_equal(l.failure.code, ERROR_BUSY);
}

static void test_the_tracker_is_away(void **state) {
        static const struct {
                ErrorCode tracker, local, member;
        } cases[] = {
                { ERROR_TRACKER_UNREACHABLE, ERROR_TRACKER_UNREACHABLE, ERROR_BUSY },
                { ERROR_TIMEOUT, ERROR_TIMEOUT, ERROR_BUSY },
                { ERROR_NOT_SIGNED_IN, ERROR_NOT_SIGNED_IN, ERROR_BUSY },
                { ERROR_RATE_LIMITED, ERROR_RATE_LIMITED, ERROR_RATE_LIMITED },
                { ERROR_BUSY, ERROR_BUSY, ERROR_BUSY },
        };
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(local_authorize(f, "bob", ROLE_MODERATOR), ERROR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Local given = {}, taken = {};

                member_start(bob, "AUTHORIZE", ",\"target\":\"carol\",\"role\":\"member\"");
                settle(f);
                start(f, &given, "carol", ROLE_MEMBER);
                start(f, &taken, "carol", ROLE_NONE);
                settle(f);
                assert_int_equal(f->n_lookups, i + 1);
                refuse(f, f->ticket, cases[i].tracker, NULL);
                assert_int_equal(member_wait(bob), cases[i].member);
                if (cases[i].tracker == ERROR_RATE_LIMITED)
                        assert_int_equal(bob->failure.retry_after_ms, 500);
                local_wait(f, &given, 1);
                local_wait(f, &taken, 1);
                assert_int_equal(given.failure.code, cases[i].local);
                /* Who has no role here keeps none, whoever that is. */
                assert_int_equal(taken.failure.code, ERROR_NONE);
        }
        assert_int_equal(head_of(f), 2);
}

/* The rules are asked again with the answer: what has happened meanwhile counts. */
static void test_rights_of_the_moment_of_the_answer(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(local_authorize(f, "bob", ROLE_MODERATOR), ERROR_NONE);
        member_start(bob, "AUTHORIZE", ",\"target\":\"carol\",\"role\":\"member\"");
        settle(f);
        assert_int_equal(local_authorize(f, "bob", ROLE_NONE), ERROR_NONE);
        channel_host_user_looked_up(f->host, f->ticket, NULL, NULL);
        assert_int_equal(member_wait(bob), ERROR_NOT_MODERATOR);
        assert_int_equal(head_of(f), 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(the_near_are_named),       TEST(unseen),
                TEST(a_name_is_asked_for_once), TEST(ten_thousand_names),
                TEST(the_tracker_is_away),      TEST(rights_of_the_moment_of_the_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
