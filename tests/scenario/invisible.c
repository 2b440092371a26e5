/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is invisible is seen by nobody, from the first moment on: not in rosters, counts, and what is
 * told of them, nor in the directory. */
#include "scenario/support.h"

#include "daemon/account/account.h"

#define GRACE_USEC (35 * USEC_PER_SEC)  /* of a leave, and it is told */
#define COUNTS_USEC (60 * USEC_PER_SEC) /* the directory's are told with heartbeats */

typedef struct Answer {
        bool done;
        ErrorCode error;
        char names[256]; /* "alice online, bob away" */
        uint64_t members;
        char channel[NAME_SIZE];
} Answer;

static bool is_done(void *userdata) {
        return ((Answer *) userdata)->done;
}

static void finish(Answer *q, const Failure *f) {
        q->done = true;
        q->error = f ? f->code : ERROR_NONE;
}

static void on_set(const Failure *f, void *userdata) {
        finish(userdata, f);
}

static ErrorCode set_invisible(Person *p, bool invisible) {
        Answer q = {};

        assert_int_equal(manager_set_invisible(p->manager, invisible, on_set, &q, NULL), 0);
        world_until(p->world, is_done, &q);
        assert_int_equal(manager_is_invisible(p->manager), q.error == ERROR_NONE && invisible);
        return q.error;
}

static void on_roster(const Failure *f, const RosterEntry *members, size_t n, const char *next,
                      void *userdata) {
        Answer *q = userdata;
        size_t at = 0;

        for (size_t i = 0; i < n; i++)
                at += (size_t) snprintf(q->names + at, sizeof(q->names) - at, "%s%s %s",
                                        i > 0 ? ", " : "", members[i].username,
                                        presence_to_string(members[i].status));
        finish(q, f);
}

/* By asking, and by what was pushed. */
static void assert_here(Person *p, const char *names, uint64_t n_online) {
        ChannelMember *c = person_channel(p, "lobby");
        Answer q = {};

        assert_int_equal(channel_member_get_members(c, NULL, 100, on_roster, &q, NULL), 0);
        world_until(p->world, is_done, &q);
        assert_string_equal(q.names, names);
        assert_int_equal(channel_member_get_n_online(c), n_online);
}

static void on_directory(const Failure *f, const DirectoryEntry *entries, size_t n,
                         const char *next, uint64_t generation, void *userdata) {
        Answer *q = userdata;

        for (size_t i = 0; i < n; i++)
                if (streq(entries[i].channel_name, "lobby"))
                        q->members = entries[i].members;
        finish(q, f);
}

static void assert_listed(Person *p, uint64_t n_members) {
        Answer q = {};

        assert_int_equal(account_list(manager_get_account(p->manager),
                                      &(DirectoryQuery){ .query = "lobby" }, on_directory, &q,
                                      NULL),
                         0);
        world_until(p->world, is_done, &q);
        assert_int_equal(q.members, n_members);
}

/* alice hosts, carol looks on; bob is signed up. */
static World *lobby_with(Person **ret_alice, Person **ret_bob, Person **ret_carol) {
        World *w = world_new();

        *ret_alice = world_person(w, "alice");
        *ret_bob = world_person(w, "bob");
        *ret_carol = world_person(w, "carol");
        person_sign_up(*ret_alice, "alice");
        person_sign_up(*ret_bob, "bob");
        person_sign_up(*ret_carol, "carol");
        person_host(*ret_alice, "lobby");
        (void) person_join(*ret_carol, "lobby");
        person_until_state(*ret_carol, "lobby", MEMBER_LIVE);
        world_pass(w, GRACE_USEC);
        return w;
}

/* Nothing was told to carol since. */
static void assert_untold(Person *carol, unsigned n_presence) {
        world_pass(carol->world, COUNTS_USEC);
        assert_int_equal(carol->n_presence, n_presence);
        assert_here(carol, "alice online, carol online", 2);
        assert_listed(carol, 2);
}

static void test_never_seen(void **state) {
        Person *alice, *bob, *carol;
        _cleanup_(world_freep) World *w = lobby_with(&alice, &bob, &carol);
        unsigned n_presence = carol->n_presence;

        assert_int_equal(set_invisible(bob, true), ERROR_NONE);
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_untold(carol, n_presence);

        /* What he says has his name, and he gets what others say. */
        (void) person_send(bob, "lobby", "here");
        person_until_seq(carol, "lobby", 2);
        (void) person_send(carol, "lobby", "who?");
        person_until_seq(bob, "lobby", 3);
        ASSERT_TEXTS(bob, "lobby", "bob: here", "carol: who?");
        assert_untold(carol, n_presence);

        /* The next process begins so, whatever the end of this one; so does who signs in anew. */
        person_kill(bob);
        person_start(bob);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_untold(carol, n_presence);
        person_stop(bob);
        person_start(bob);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_sign_out(bob);
        person_sign_in(bob, "bob");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_untold(carol, n_presence);

        /* A host that was away hears it first. */
        person_kill(alice);
        world_pass(w, USEC_PER_MINUTE);
        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        world_pass(w, COUNTS_USEC);
        assert_here(carol, "alice online, carol online", 2);

        assert_int_equal(set_invisible(bob, false), ERROR_NONE);
        world_pass(w, COUNTS_USEC);
        assert_here(carol, "alice online, bob online, carol online", 3);
        assert_listed(carol, 3);
        assert_int_equal(set_invisible(bob, true), ERROR_NONE);
        world_pass(w, GRACE_USEC + COUNTS_USEC);
        n_presence = carol->n_presence;
        assert_untold(carol, n_presence);
        person_until_state(bob, "lobby", MEMBER_LIVE);
}

/* Switched while the host is away: he was seen before, and is not again. */
static void test_while_the_host_is_away(void **state) {
        Person *alice, *bob, *carol;
        _cleanup_(world_freep) World *w = lobby_with(&alice, &bob, &carol);

        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        world_pass(w, GRACE_USEC);
        assert_here(carol, "alice online, bob online, carol online", 3);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        assert_int_equal(set_invisible(bob, true), ERROR_NONE);
        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        world_pass(w, GRACE_USEC + COUNTS_USEC);
        assert_untold(carol, carol->n_presence);
}

/* In what is hosted here, too; and away is told of both kinds. */
static void test_of_the_host(void **state) {
        Person *alice, *bob, *carol;
        _cleanup_(world_freep) World *w = lobby_with(&alice, &bob, &carol);
        unsigned n_presence;

        manager_set_away(alice->manager, true);
        manager_set_away(carol->manager, true);
        world_pass(w, GRACE_USEC);
        assert_here(alice, "alice away, carol away", 2);
        manager_set_away(carol->manager, false);
        world_pass(w, GRACE_USEC);
        assert_here(carol, "alice away, carol online", 2);

        assert_int_equal(set_invisible(alice, true), ERROR_NONE);
        world_pass(w, GRACE_USEC);
        assert_here(carol, "carol online", 1);
        assert_here(alice, "carol online", 1);
        world_pass(w, COUNTS_USEC);
        assert_listed(carol, 1);
        assert_int_equal(person_sees(carol, "lobby"), 1);
        n_presence = carol->n_presence;
        manager_set_away(alice->manager, false);
        world_pass(w, GRACE_USEC);
        assert_int_equal(carol->n_presence, n_presence);

        person_kill(alice);
        person_start(alice);
        person_until_state(alice, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        world_pass(w, COUNTS_USEC);
        assert_here(carol, "carol online", 1);
        assert_listed(carol, 1);
        person_host(alice, "den");
        assert_int_equal(channel_member_get_n_online(person_channel(alice, "den")), 0);
        assert_int_equal(set_invisible(alice, false), ERROR_NONE);
        world_pass(w, GRACE_USEC);
        assert_here(carol, "alice online, carol online", 2);
        assert_int_equal(channel_member_get_n_online(person_channel(alice, "den")), 1);
}

static void test_whose_it_is(void **state) {
        Person *alice, *bob, *carol;
        _cleanup_(world_freep) World *w = lobby_with(&alice, &bob, &carol);
        Person *gus = world_person(w, "gus");

        assert_int_equal(set_invisible(gus, true), ERROR_NOT_SIGNED_IN);
        person_guest(gus, "gus");
        assert_int_equal(set_invisible(gus, true), ERROR_GUESTS_NOT_ALLOWED);
        (void) person_join(gus, "lobby");
        person_until_state(gus, "lobby", MEMBER_LIVE);
        world_pass(w, GRACE_USEC);
        assert_here(carol, "alice online, carol online, guest-gus online", 3);
        /* The user whom he becomes may. */
        person_sign_up(gus, "gus");
        assert_false(manager_is_invisible(gus->manager));
        assert_int_equal(set_invisible(gus, true), ERROR_NONE);
        world_pass(w, GRACE_USEC + COUNTS_USEC);
        assert_here(carol, "alice online, carol online", 2);

        /* Of two users of one computer, one. */
        assert_int_equal(set_invisible(bob, true), ERROR_NONE);
        person_sign_out(bob);
        person_sign_up(bob, "dora");
        assert_false(manager_is_invisible(bob->manager));
        (void) person_join(bob, "lobby");
        world_pass(w, GRACE_USEC);
        assert_here(carol, "alice online, carol online, dora online", 3);
        person_sign_out(bob);
        person_sign_in(bob, "bob");
        assert_true(manager_is_invisible(bob->manager));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_never_seen),
                cmocka_unit_test(test_while_the_host_is_away),
                cmocka_unit_test(test_of_the_host),
                cmocka_unit_test(test_whose_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
