/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A member is away for a week of talk, in which host and tracker are restarted, its certificate
 * ends, and others come and go: it is back by itself, with everything that was said, once, and what
 * it typed on the train is said in its order. */
#include "scenario/support.h"

#define PER_DAY 40 /* messages of each */
#define N_DAYS 8   /* more than the seven of a certificate */

typedef struct Story {
        World *w;
        Person *alice, *bob, *carol;
} Story;

static Person *member(World *w, const char *name) {
        Person *p = world_person(w, name);

        person_sign_up(p, name);
        return p;
}

static void begin(Story *s) {
        *s = (Story){ .w = world_new() };
        s->alice = member(s->w, "alice");
        s->bob = member(s->w, "bob");
        s->carol = member(s->w, "carol");
        person_host(s->alice, "lobby");
        (void) person_join(s->bob, "lobby");
        (void) person_join(s->carol, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        person_until_state(s->carol, "lobby", MEMBER_LIVE);
        (void) person_send_id(s->bob, "lobby", NULL, "see you in a week", USEC_PER_MINUTE, NULL);
}

static void end(Story *s) {
        world_free(s->w);
}

static void pass(World *w, uint64_t usec) {
        for (uint64_t hour = 0; hour < usec; hour += USEC_PER_HOUR)
                world_pass(w, USEC_PER_HOUR);
}

/* A day with a night in which something is restarted. */
static void day(Story *s, unsigned number) {
        for (unsigned i = 0; i < PER_DAY; i++) {
                (void) person_send(s->alice, "lobby", "tick");
                (void) person_send(s->carol, "lobby", "tock");
                world_pass(s->w, 15 * USEC_PER_MINUTE);
        }
        if (number % 3 == 0) {
                person_kill(s->alice);
                (void) person_send(s->carol, "lobby", "is anybody there?");
                pass(s->w, 6 * USEC_PER_HOUR);
                person_start(s->alice);
        } else if (number % 3 == 1) {
                world_tracker_kill(s->w);
                pass(s->w, 2 * USEC_PER_HOUR);
                world_tracker_start(s->w);
                pass(s->w, 4 * USEC_PER_HOUR);
        } else {
                person_kill(s->carol);
                pass(s->w, 6 * USEC_PER_HOUR);
                person_start(s->carol);
        }
        pass(s->w, 8 * USEC_PER_HOUR);
        person_until_sent(s->alice, "lobby");
        person_until_state(s->carol, "lobby", MEMBER_LIVE);
        person_until_sent(s->carol, "lobby");
}

static uint64_t head(const Story *s) {
        return channel_member_get_synced_seq(person_channel(s->alice, "lobby"));
}

static void check(Story *s, uint64_t n_unread) {
        ChannelMember *c = person_channel(s->bob, "lobby");

        person_until_sent(s->bob, "lobby");
        person_until_seq(s->bob, "lobby", head(s));
        person_until_seq(s->carol, "lobby", head(s));
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_get_first_seq(c), 1);
        assert_int_equal(channel_member_get_n_unread(c), n_unread);
        assert_int_equal(s->bob->last_told, head(s));
        assert_same_log(s->alice, s->bob, "lobby");
        assert_same_log(s->alice, s->carol, "lobby");
        /* … and it is a member like any other. */
        (void) person_send_id(s->alice, "lobby", NULL, "welcome", USEC_PER_MINUTE, NULL);
        person_until_seq(s->bob, "lobby", head(s));
}

/* Its computer is off. */
static void test_off(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        person_kill(s.bob);
        for (unsigned i = 0; i < N_DAYS; i++)
                day(&s, i);
        assert_true(head(&s) >= 2 + 2 * PER_DAY * N_DAYS);
        person_start(s.bob);
        check(&s, head(&s) - 2);
}

/* It runs, and reaches nobody: as in a train, with the lid open. */
static void test_out_of_reach(void **state) {
        _cleanup_(end) Story s;
        Clock *clock;
        uint64_t before;

        begin(&s);
        clock = s.w->rig->rt->clock;
        person_kill(s.alice);
        person_kill(s.carol);
        world_tracker_kill(s.w);
        person_until_state(s.bob, "lobby", MEMBER_OFFLINE);
        for (unsigned i = 0; i < 10; i++) {
                char text[16];

                snprintf(text, sizeof(text), "thought %u", i);
                (void) person_send(s.bob, "lobby", text);
                pass(s.w, 19 * USEC_PER_HOUR);
        }
        before = clock_boottime(clock);
        world_tracker_start(s.w);
        person_start(s.alice);
        person_until_state(s.bob, "lobby", MEMBER_LIVE);
        assert_true(clock_boottime(clock) - before < 5 * USEC_PER_MINUTE);
        person_until_sent(s.bob, "lobby");
        assert_int_equal(head(&s), 12);
        ASSERT_TEXTS(s.alice, "lobby", "bob: see you in a week", "bob: thought 0", "bob: thought 1",
                     "bob: thought 2", "bob: thought 3", "bob: thought 4", "bob: thought 5",
                     "bob: thought 6", "bob: thought 7", "bob: thought 8", "bob: thought 9");
        person_start(s.carol);
        check(&s, 0);
}

/* A week's talk is brought while the talk goes on, and while one of the two dies again and again.
 */
static void test_killed_while_it_catches_up(void **state) {
        _cleanup_(end) Story s;
        uint64_t last = 0;

        begin(&s);
        person_kill(s.bob);
        for (unsigned i = 0; i < PER_DAY * N_DAYS; i++)
                (void) person_send(i % 2 ? s.alice : s.carol, "lobby", "tick");
        person_until_sent(s.alice, "lobby");
        person_until_sent(s.carol, "lobby");
        person_start(s.bob);
        for (unsigned i = 0; i < 20; i++) {
                uint64_t held = channel_member_get_synced_seq(person_channel(s.bob, "lobby"));

                assert_true(held >= last); /* what was shown once is there */
                last = s.bob->last_told > held ? s.bob->last_told : held;
                (void) person_send(s.alice, "lobby", "meanwhile");
                world_pass(s.w, USEC_PER_SEC / 2);
                person_kill(i % 2 ? s.alice : s.bob);
                person_start(i % 2 ? s.alice : s.bob);
        }
        person_until_sent(s.alice, "lobby");
        check(&s, head(&s) - 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_off),
                cmocka_unit_test(test_out_of_reach),
                cmocka_unit_test(test_killed_while_it_catches_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
