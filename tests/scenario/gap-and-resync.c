/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames between a host and a member are lost, doubled and swapped: what would leave a hole is
 * asked for again, nothing is there twice, and in the end both hold the same log. */
#include "daemon/message-ids.h"
#include "scenario/relay.h"
#include "support/journal.h"

typedef struct Story {
        World *w;
        Person *alice, *bob, *carol;
        Relay *relay;

        /* What becomes of the next frames with entries to bob, in their order. */
        RelayVerdict verdicts[4];
        unsigned n_verdicts;
        unsigned n_connects; /* of bob */
} Story;

static RelayVerdict hook(Person *member, bool to_member, const char *line, void *userdata) {
        Story *s = userdata;
        RelayVerdict verdict;

        if (member != s->bob)
                return RELAY_PASS;
        if (!to_member)
                s->n_connects += strncmp(line, "CONNECT-", 8) == 0;
        if (!to_member || strncmp(line, "MESSAGE-", 8) != 0 || s->n_verdicts == 0)
                return RELAY_PASS;
        verdict = s->verdicts[0];
        memmove(s->verdicts, s->verdicts + 1, sizeof(s->verdicts) - sizeof(s->verdicts[0]));
        s->n_verdicts--;
        return verdict;
}

static Person *member(World *w, const char *name) {
        Person *p = world_person(w, name);

        person_sign_up(p, name);
        return p;
}

static void join(Person *p) {
        (void) person_join(p, "lobby");
        person_until_state(p, "lobby", MEMBER_LIVE);
}

static void begin(Story *s) {
        *s = (Story){ .w = world_new() };
        s->alice = member(s->w, "alice");
        s->bob = member(s->w, "bob");
        s->carol = member(s->w, "carol");
        s->relay = relay_new(s->alice);
        person_host(s->alice, "lobby");
        relay_set_hook(s->relay, hook, s);
        join(s->bob);
        join(s->carol);
        s->n_connects = 0;
}

static void end(Story *s) {
        relay_free(s->relay);
        world_free(s->w);
}

static uint64_t say(Story *s, unsigned n) {
        char text[16];
        uint64_t seq = 0;

        for (unsigned i = 0; i < n; i++) {
                snprintf(text, sizeof(text), "%u", i);
                seq = person_send_id(s->alice, "lobby", NULL, text, USEC_PER_MINUTE, NULL);
                world_pass(s->w, USEC_PER_SEC / 10); /* a frame each */
        }
        return seq;
}

static void check(Story *s, uint64_t last, unsigned n_connects) {
        ChannelMember *c = person_channel(s->bob, "lobby");

        person_until_seq(s->bob, "lobby", last);
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        world_pass(s->w, USEC_PER_MINUTE);
        assert_int_equal(channel_member_get_state(c), MEMBER_LIVE);
        assert_int_equal(channel_member_get_synced_seq(c), last);
        assert_int_equal(s->bob->last_told, last);
        assert_int_equal(s->n_connects, n_connects);
        assert_int_equal(s->n_verdicts, 0);
        assert_int_equal(channel_member_get_state(person_channel(s->carol, "lobby")), MEMBER_LIVE);
        assert_same_log(s->alice, s->bob, "lobby");
        assert_same_log(s->alice, s->carol, "lobby");
        assert_int_equal(relay_get_n_dialled(s->relay, s->bob), 1);
}

static void test_frames(void **state) {
        static const struct {
                const char *name;
                RelayVerdict verdicts[4];
                unsigned n_verdicts, n_said, n_connects;
        } table[] = {
                { "lost", { RELAY_DROP }, 1, 3, 1 },
                { "the last is lost", { RELAY_PASS, RELAY_PASS, RELAY_DROP }, 3, 3, 1 },
                { "all are lost", { RELAY_DROP, RELAY_DROP, RELAY_DROP }, 3, 3, 1 },
                { "twice", { RELAY_TWICE, RELAY_TWICE }, 2, 3, 0 },
                { "swapped", { RELAY_SWAP }, 1, 3, 1 },
                { "lost, and again after what was asked for again",
                  { RELAY_DROP, RELAY_PASS, RELAY_PASS, RELAY_DROP },
                  4,
                  6,
                  2 },
                { "lost and twice", { RELAY_DROP, RELAY_TWICE, RELAY_TWICE }, 3, 4, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(end) Story s;
                uint64_t last;

                print_message("%s\n", table[i].name);
                begin(&s);
                memcpy(s.verdicts, table[i].verdicts, sizeof(s.verdicts));
                s.n_verdicts = table[i].n_verdicts;
                last = say(&s, table[i].n_said);
                check(&s, last, table[i].n_connects);
                assert_int_equal(channel_member_get_n_unread(person_channel(s.bob, "lobby")),
                                 table[i].n_said);
        }
}

/* What was asked for again has the hole, too: that is another log than the one that is held. A
 * person may ask once more, and then it goes on where it was. */
static void test_hole_that_stays(void **state) {
        _cleanup_(end) Story s;
        uint64_t last;

        journal_begin();
        begin(&s);
        (void) say(&s, 2);
        person_until_seq(s.bob, "lobby", 3);
        s.verdicts[0] = RELAY_DROP; /* 4 */
        s.verdicts[1] = RELAY_PASS; /* 5: CONNECT again */
        s.verdicts[2] = RELAY_DROP; /* 4 and 5 */
        s.verdicts[3] = RELAY_PASS; /* 6 */
        s.n_verdicts = 4;
        last = say(&s, 3);
        person_until_state(s.bob, "lobby", MEMBER_DIVERGED);
        (void) journal_expect(MESSAGE_DIVERGED, "CHAT_CHANNEL=lobby");
        journal_end();
        assert_string_equal(channel_member_get_state_reason(person_channel(s.bob, "lobby")),
                            "broken-log");
        assert_int_equal(channel_member_get_synced_seq(person_channel(s.bob, "lobby")), 3);
        world_pass(s.w, 2 * USEC_PER_HOUR);
        assert_int_equal(s.n_connects, 1); /* never by itself */
        assert_int_equal(person_try_join(s.bob, "lobby", -1), ERROR_NONE);
        person_until_seq(s.bob, "lobby", last);
        assert_same_log(s.alice, s.bob, "lobby");
}

/* A member that sends meanwhile: its own entries come in the order of the log, and once. */
static void test_both_send(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        for (unsigned i = 0; i < 5; i++) {
                s.verdicts[0] = i % 2 ? RELAY_SWAP : RELAY_DROP;
                s.n_verdicts = 1;
                for (unsigned k = 0; k < 5; k++) {
                        (void) person_send(s.bob, "lobby", "bob's");
                        (void) say(&s, 1);
                }
                person_until_sent(s.bob, "lobby");
                person_until_seq(s.bob, "lobby",
                                 channel_member_get_synced_seq(person_channel(s.alice, "lobby")));
                person_until_state(s.bob, "lobby", MEMBER_LIVE);
        }
        assert_int_equal(channel_member_get_synced_seq(person_channel(s.alice, "lobby")), 51);
        check(&s, 51, s.n_connects);
        assert_true(s.n_connects >= 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_frames),
                cmocka_unit_test(test_hole_that_stays),
                cmocka_unit_test(test_both_send),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
