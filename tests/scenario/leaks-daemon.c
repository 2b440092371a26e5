/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* By the switch of her daemon: what an invisible member does is told twice, as in leaks.c, with a
 * daemon that has left instead; and an owner who hosts is counted and shown by nothing that her
 * daemon says. */
#include "scenario/tap.h"

#define CHANNEL "lobby"
#define N_MUCH 320 /* one frame of the window, two of the disk */

static Person *person(World *w, const char *name, bool joins) {
        Person *p = world_person(w, name);

        person_sign_up(p, name);
        if (joins) {
                (void) person_join(p, CHANNEL);
                person_until_state(p, CHANNEL, MEMBER_LIVE);
        }
        return p;
}

typedef struct Story {
        World *w;
        Person *alice, *bob, *ivy;
        bool is_there; /* unseen where she is not there otherwise */
} Story;

static void vanish(Story *s) {
        if (s->is_there)
                person_set_invisible(s->ivy, true);
        else
                assert_int_equal(person_leave(s->ivy, CHANNEL, false), ERROR_NONE);
        world_pass(s->w, 40 * USEC_PER_SEC);
}

static void appear(Story *s) {
        if (s->is_there)
                person_set_invisible(s->ivy, false);
        else
                (void) person_join(s->ivy, CHANNEL);
        world_pass(s->w, 40 * USEC_PER_SEC);
}

static void restart(Story *s, Person *p, bool is_planned) {
        if (is_planned)
                person_stop(p);
        else
                person_kill(p);
        world_pass(s->w, 3 * USEC_PER_SEC);
        person_start(p);
        world_pass(s->w, USEC_PER_MINUTE);
}

static void speak(Story *s) {
        (void) person_send(s->bob, CHANNEL, "is she here?");
        (void) person_send(s->alice, CHANNEL, "not that one would see");
        world_pass(s->w, 7 * USEC_PER_SEC);
}

/* Only she was there while much was said. */
static void say_much(Story *s) {
        vanish(s);
        assert_int_equal(person_leave(s->bob, CHANNEL, false), ERROR_NONE);
        world_pass(s->w, 40 * USEC_PER_SEC);
        for (unsigned i = 0; i < N_MUCH; i++)
                (void) person_send(s->alice, CHANNEL, "anybody?");
        world_pass(s->w, USEC_PER_MINUTE);
        (void) person_join(s->bob, CHANNEL);
        person_until_seq(s->bob, CHANNEL,
                         channel_member_get_last_seq(person_channel(s->alice, CHANNEL)));
        appear(s);
}

static Tap *tell(uint64_t seed, bool is_there) {
        Story s = { .w = world_new(), .is_there = is_there };
        Tap *tap = tap_new(s.w, seed);

        s.alice = person(s.w, "alice", false);
        person_host(s.alice, CHANNEL);
        s.bob = person(s.w, "bob", true);
        s.ivy = person(s.w, "ivy", true);
        for (unsigned i = 0; i < 2; i++) {
                speak(&s);
                vanish(&s);
                speak(&s);
                restart(&s, s.alice, i);
                restart(&s, s.ivy, i);
                speak(&s);
                if (is_there)
                        person_until_seq(
                                s.ivy, CHANNEL,
                                channel_member_get_last_seq(person_channel(s.alice, CHANNEL)));
                appear(&s);
        }
        speak(&s);
        say_much(&s);
        world_free(s.w);
        tap_end(tap);
        return tap;
}

static void test_a_member(void **state) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
                Tap *without = tell(seed, false), *with = tell(seed, true);

                assert_true(tap_compare(without, with, "ivy") > 150);
                assert_true(tap_count(with, "alice", "ivy", "\"invisible\":true") >= 4);
                tap_free(without);
                tap_free(with);
        }
}

/* From her first HOST on, and when her daemon starts anew. */
static void test_the_owner(void **state) {
        Story s = { .w = world_new() };
        Tap *tap = tap_new(s.w, 7);

        s.alice = person(s.w, "alice", false);
        person_set_invisible(s.alice, true);
        person_host(s.alice, CHANNEL);
        world_pass(s.w, USEC_PER_MINUTE);
        restart(&s, s.alice, true);
        restart(&s, s.alice, false);
        assert_int_equal(channel_member_get_n_online(person_channel(s.alice, CHANNEL)), 0);
        s.bob = person(s.w, "bob", true);
        restart(&s, s.alice, true);
        speak(&s);
        assert_int_equal(channel_member_get_n_online(person_channel(s.bob, CHANNEL)), 1);
        person_set_invisible(s.alice, false);
        world_pass(s.w, USEC_PER_MINUTE);
        assert_int_equal(channel_member_get_n_online(person_channel(s.bob, CHANNEL)), 2);
        world_free(s.w);
        tap_end(tap);

        assert_true(tap_count(tap, "tracker", "alice", "HOST-") >= 4);
        assert_int_equal(tap_count(tap, "tracker", "alice", "HOST-"),
                         tap_count(tap, "tracker", "alice", "\"members\":0,\"instance\""));
        assert_true(tap_count(tap, "tracker", "alice", "\"members\":1}") > 0); /* bob */
        assert_true(tap_count(tap, "tracker", "alice", "\"members\":2}") > 0); /* both */
        assert_int_equal(tap_count(tap, "bob", "alice",
                                   "\"username\":\"alice\",\"user_type\":"
                                   "\"REGISTERED\",\"role\":\"owner\","
                                   "\"status\":\"online\""),
                         1); /* when she was seen */
        tap_free(tap);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_member),
                cmocka_unit_test(test_the_owner),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
