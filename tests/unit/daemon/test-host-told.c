/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a hosted channel to when members are told who is here, and how much of it (protocol §5
 * PRESENCE); leaves who is shown as what to test-host-presence.c. */
#include "daemon/host/channel-host-internal.h"
#include "unit/daemon/member-double.h"

/* Somebody who is counted, and has no connection. */
static Actor person(unsigned i) {
        Actor a = { .user_type = USER_REGISTERED };

        snprintf(a.username, sizeof(a.username), "p%04u", i % 10000);
        return a;
}

static void comes(Fixture *f, unsigned i) {
        Actor a = person(i);

        assert_int_equal(roster_join(&f->host->roster, &a, PRESENCE_ONLINE), 0);
}

static void goes(Fixture *f, unsigned i) {
        roster_leave(&f->host->roster, person(i).username, PRESENCE_ONLINE, false);
}

static void becomes(Fixture *f, unsigned i, Presence from, Presence to) {
        roster_change(&f->host->roster, person(i).username, from, to);
}

static HostSession *session_of(Fixture *f, const char *name) {
        HostSession *s;

        DL_FOREACH(f->host->sessions, s)
                if (streq(s->actor.username, name))
                        return s;
        fail_msg("%s is not there", name);
        return NULL;
}

static Member *joined(Fixture *f, const char *name) {
        Member *m = member_new(f, name);

        assert_int_equal(member_connect(m, 0), ERROR_NONE);
        m->n_online = get_uint(m->reply, "members_online");
        m->generation = get_uint(m->reply, "generation");
        return m;
}

static void rest(Fixture *f, uint64_t usec) {
        test_loop_run(f->loop, usec);
        settle(f);
}

/* However many come, a second is between two of them; each has the last state of who changed. */
static void test_at_most_once_a_second(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");
        uint64_t told = 0;
        unsigned n_told;

        rest(f, 2 * USEC_PER_SEC);
        n_told = f->n_members_told; /* whenever members are */
        for (unsigned i = 0; i < 500; i++) {
                uint64_t now;

                if (i % 10 == 0)
                        comes(f, i / 10);
                test_loop_run(f->loop, 10 * USEC_PER_MSEC);
                now = clock_boottime(f->loop->rt.clock);
                if (f->n_members_told == n_told)
                        continue;
                assert_int_equal(f->n_members_told, ++n_told);
                assert_true(now - told >= 990 * USEC_PER_MSEC); /* in steps of 10 */
                told = now;
        }
        rest(f, 2 * USEC_PER_SEC);
        assert_in_range(bob->n_presence, 2, 6);
        assert_int_equal(bob->n_changes, 50);

        member_forget(bob);
        comes(f, 60);
        settle(f);
        assert_string_equal(bob->presence, "p0060/none+ ");
        comes(f, 61);
        becomes(f, 61, PRESENCE_ONLINE, PRESENCE_AWAY);
        becomes(f, 60, PRESENCE_ONLINE, PRESENCE_AWAY);
        becomes(f, 61, PRESENCE_AWAY, PRESENCE_ONLINE);
        becomes(f, 60, PRESENCE_AWAY, PRESENCE_ONLINE);
        becomes(f, 61, PRESENCE_ONLINE, PRESENCE_AWAY);
        rest(f, 2 * USEC_PER_SEC);
        assert_string_equal(bob->presence, "p0060/none+ p0060/none+ p0061/none~ ");
        assert_int_equal(bob->n_presence, 2);
}

/* What the answers to CONNECT and MEMBERS say is not told again, and nothing behind it is left
 * out. */
static void test_no_seam(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");
        _cleanup_(member_freep) Member *carol = NULL;
        uint64_t generation;

        rest(f, 2 * USEC_PER_SEC);
        comes(f, 1);
        settle(f);
        assert_string_equal(bob->presence, "p0001/none+ ");
        comes(f, 2); /* to be told later */
        carol = joined(f, "carol");
        assert_int_equal(carol->n_online, 5);
        assert_int_equal(bob->n_presence, 1);
        assert_int_equal(member_call(bob, "MEMBERS", ",\"limit\":500"), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->reply, "members")), 5);
        generation = get_uint(bob->reply, "generation");
        assert_int_equal(carol->generation, generation);
        rest(f, 2 * USEC_PER_SEC);
        assert_string_equal(bob->presence, "p0001/none+ p0002/none+ carol/none+ ");
        assert_int_equal(bob->generation, generation);
        assert_int_equal(carol->n_presence, 0);
        comes(f, 3);
        rest(f, 2 * USEC_PER_SEC);
        assert_string_equal(carol->presence, "p0003/none+ ");
        assert_true(carol->generation > generation);
}

/* The number is of the generation that is told, not of what is to be told yet. */
static void test_number_of_its_generation(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");
        _cleanup_(writer_done) Writer w = {};
        HostSession *s = session_of(f, "bob");

        rest(f, 2 * USEC_PER_SEC);
        comes(f, 1);
        settle(f);
        assert_int_equal(bob->n_online, 3);
        comes(f, 2);
        s->presence_cursor--;
        assert_int_equal(roster_pull(&f->host->roster, s, &w), 1);
        assert_non_null(memmem(w.data, w.size, "\"members_online\":3", 18));
        assert_null(memmem(w.data, w.size, "p0002", 5));
        rest(f, 2 * USEC_PER_SEC);
        assert_int_equal(bob->n_online, 4);
}

/* At 500 each is told; above, how many; and each again on the way back. */
static void test_five_hundred(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");

        rest(f, 2 * USEC_PER_SEC);
        for (unsigned i = 0; i < 498; i++)
                comes(f, i);
        rest(f, 2 * USEC_PER_SEC);
        assert_int_equal(bob->n_online, 500);
        assert_int_equal(bob->n_changes, 498);
        assert_int_equal(bob->n_reset, 0);

        comes(f, 498);
        rest(f, 2 * USEC_PER_SEC);
        assert_int_equal(bob->n_online, 501);
        comes(f, 499);
        becomes(f, 7, PRESENCE_ONLINE, PRESENCE_AWAY); /* the number is the same: nothing new */
        rest(f, 2 * USEC_PER_SEC);
        assert_int_equal(bob->n_online, 502);
        assert_int_equal(bob->n_changes, 498);
        assert_int_equal(bob->n_reset, 2);

        member_forget(bob);
        goes(f, 498);
        goes(f, 499);
        rest(f, 28 * USEC_PER_SEC);
        assert_int_equal(bob->n_presence, 0);
        rest(f, 4 * USEC_PER_SEC);
        assert_int_equal(bob->n_online, 500);
        assert_int_equal(bob->n_reset, 2);
        assert_string_equal(bob->presence, "p0498/none- p0499/none- ");
        becomes(f, 7, PRESENCE_AWAY, PRESENCE_ONLINE);
        rest(f, 2 * USEC_PER_SEC);
        assert_string_equal(bob->presence, "p0498/none- p0499/none- p0007/none+ ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(at_most_once_a_second),
                TEST(no_seam),
                TEST(number_of_its_generation),
                TEST(five_hundred),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
