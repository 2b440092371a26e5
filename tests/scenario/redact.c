/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message is removed, and nobody is told it from then on: not who is live, not who comes later,
 * by ring or store, nor who reads back; and every log says the same. */
#include "scenario/support.h"

static World *begin(Person **ret_alice, Person **ret_bob) {
        World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        *ret_alice = alice;
        *ret_bob = bob;
        return w;
}

static uint64_t say(Person *p, const char *text) {
        ErrorCode error;
        uint64_t seq = person_send_id(p, "lobby", NULL, text, 20 * USEC_PER_SEC, &error);

        assert_int_equal(error, ERROR_NONE);
        assert_true(seq > 0);
        return seq;
}

static void test_live(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) _unused_ World *w = begin(&alice, &bob);
        uint64_t mine, hers;

        mine = say(bob, "mine");
        hers = say(alice, "hers");
        assert_int_equal(person_redact(bob, "lobby", hers), ERROR_NOT_MODERATOR);
        assert_int_equal(person_redact(bob, "lobby", 1), ERROR_NO_SUCH_ENTRY);
        assert_int_equal(person_redact(bob, "lobby", 1000), ERROR_NO_SUCH_ENTRY);
        assert_int_equal(person_redact(bob, "lobby", 0), ERROR_NO_SUCH_ENTRY);
        assert_int_equal(person_redact(bob, "lobby", mine), ERROR_NONE);
        person_until_seq(bob, "lobby", hers + 1);
        ASSERT_TEXTS(alice, "lobby", "bob: (removed)", "alice: hers");
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "alice: hers");

        /* Twice is once; the entry that did it is no message. */
        assert_int_equal(person_redact(bob, "lobby", mine), ERROR_NONE);
        assert_int_equal(person_redact(alice, "lobby", mine), ERROR_NONE);
        assert_int_equal(person_redact(alice, "lobby", hers + 1), ERROR_NO_SUCH_ENTRY);
        assert_int_equal(channel_member_get_last_seq(person_channel(alice, "lobby")), hers + 1);
        assert_int_equal(person_redact(alice, "lobby", hers), ERROR_NONE);
        person_until_seq(bob, "lobby", hers + 2);
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "alice: (removed)");
        assert_same_log(alice, bob, "lobby");
}

/* Who may remove what others said has a rank above theirs. */
static void test_ranks(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = begin(&alice, &bob);
        Person *mo = world_person(w, "mo"), *eve = world_person(w, "eve");
        uint64_t of_bob, of_mo, of_alice, of_eve;

        person_sign_up(mo, "mo");
        person_guest(eve, "eve");
        assert_int_equal(person_set_view(alice, "lobby", VIEW_PUBLIC, SEND_EVERYONE), ERROR_NONE);
        (void) person_join(mo, "lobby");
        (void) person_join(eve, "lobby");
        person_until_state(mo, "lobby", MEMBER_LIVE);
        person_until_state(eve, "lobby", MEMBER_LIVE);
        of_bob = say(bob, "bob's");
        of_mo = say(mo, "mo's");
        of_alice = say(alice, "alice's");
        of_eve = say(eve, "eve's");
        assert_int_equal(person_redact(eve, "lobby", of_bob), ERROR_NOT_MODERATOR);
        assert_int_equal(person_redact(mo, "lobby", of_bob), ERROR_NOT_MODERATOR);
        assert_int_equal(person_authorize(alice, "lobby", "mo", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(person_redact(mo, "lobby", of_alice), ERROR_NOT_MODERATOR);
        assert_int_equal(person_redact(mo, "lobby", of_bob), ERROR_NONE);
        assert_int_equal(person_redact(alice, "lobby", of_mo), ERROR_NONE);
        assert_int_equal(person_redact(eve, "lobby", of_eve), ERROR_NONE);
        assert_int_equal(person_redact(alice, "lobby", of_alice), ERROR_NONE);
        person_until_seq(bob, "lobby", channel_member_get_last_seq(person_channel(alice, "lobby")));
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "mo: (removed)", "alice: (removed)",
                     "guest-eve: (removed)");
        assert_same_log(alice, bob, "lobby");
}

static void test_away(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = begin(&alice, &bob);
        Person *carol = world_person(w, "carol"), *dora = world_person(w, "dora");
        const uint64_t first = 2;

        person_sign_up(carol, "carol");
        person_sign_up(dora, "dora");
        (void) person_join(carol, "lobby");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        for (unsigned i = 0; i < 6; i++)
                (void) say(alice, "said");
        person_until_seq(carol, "lobby", 7);
        /* What she has already … */
        person_kill(bob);
        for (unsigned i = 0; i < 3; i++)
                (void) say(alice, "said while bob was away");
        assert_int_equal(person_redact(alice, "lobby", first + 1), ERROR_NONE);
        /* … and what comes to her out of the ring, which carol keeps filled. */
        assert_int_equal(person_redact(alice, "lobby", first + 7), ERROR_NONE);
        (void) say(alice, "last");
        person_start(bob);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_seq(bob, "lobby", 13);
        assert_same_log(alice, bob, "lobby");
        ASSERT_TEXTS(bob, "lobby", "alice: said", "alice: (removed)", "alice: said", "alice: said",
                     "alice: said", "alice: said", "alice: said while bob was away",
                     "alice: (removed)", "alice: said while bob was away", "alice: last");

        /* Out of the store: nobody else is there, and her copy begins late; the rest she reads
         * back. */
        person_kill(bob);
        person_kill(carol);
        assert_int_equal(person_try_join(dora, "lobby", 2), ERROR_NONE);
        person_until_state(dora, "lobby", MEMBER_LIVE);
        assert_int_equal(person_redact(alice, "lobby", first + 3), ERROR_NONE);
        person_until_seq(dora, "lobby", 14);
        person_read_before(dora, "lobby",
                           channel_member_get_first_seq(person_channel(dora, "lobby")), 100);
        assert_int_equal(channel_member_get_first_seq(person_channel(dora, "lobby")), 1);
        assert_same_log(alice, dora, "lobby");
        person_start(carol);
        person_until_seq(carol, "lobby", 14);
        assert_same_log(alice, carol, "lobby");
}

/* Its id is known for ever, whatever text comes under it. */
static void test_said_again(void **state) {
        static const char id[] = "22222222-2222-4222-8222-222222222222";
        Person *alice, *bob;
        _cleanup_(world_freep) _unused_ World *w = begin(&alice, &bob);
        ErrorCode error;
        uint64_t seq = person_send_id(bob, "lobby", id, "once", 20 * USEC_PER_SEC, &error);

        assert_int_equal(error, ERROR_NONE);
        assert_int_equal(person_redact(bob, "lobby", seq), ERROR_NONE);
        person_until_seq(bob, "lobby", seq + 1);
        assert_int_equal(person_send_id(bob, "lobby", id, "once", 20 * USEC_PER_SEC, &error), seq);
        assert_int_equal(error, ERROR_NONE);
        person_until_sent(bob, "lobby");
        ASSERT_TEXTS(alice, "lobby", "bob: (removed)");
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)");
        /* The host comes back from its log: a stub, and known. */
        person_kill(alice);
        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        /* Not even his own outbox has the text of then. */
        assert_int_equal(person_send_id(bob, "lobby", id, "other", 20 * USEC_PER_SEC, &error), seq);
        assert_int_equal(error, ERROR_NONE);
        person_until_sent(bob, "lobby");
        ASSERT_TEXTS(alice, "lobby", "bob: (removed)");
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)");
        assert_same_log(alice, bob, "lobby");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_live),
                cmocka_unit_test(test_ranks),
                cmocka_unit_test(test_away),
                cmocka_unit_test(test_said_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
