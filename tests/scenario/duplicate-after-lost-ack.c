/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host has committed a message and its answer is lost: the sender asks again under the same id
 * and gets the first seq, whatever was restarted in between, and everybody has the message once. */
#include "scenario/relay.h"

#define ID "11111111-1111-4111-8111-111111111111"

typedef struct Story {
        World *w;
        Person *alice, *bob, *carol;
        Relay *relay;

        unsigned n_to_lose;    /* answers to bob's MESSAGE */
        bool holds_entries;    /* from bob, so that only an answer tells him */
        char request[80];      /* "id":"…" of bob's latest MESSAGE */
        unsigned n_sent;       /* requests with ID in them */
        unsigned n_duplicates; /* answers that say so */
} Story;

static RelayVerdict to_host(Story *s, const char *line) {
        const char *id;

        if (strncmp(line, "MESSAGE-", 8) != 0)
                return RELAY_PASS;
        id = strstr(line, "\"id\":") ?: "";
        assert_true(*id);
        snprintf(s->request, sizeof(s->request), "%.*s", (int) strcspn(id, ",}"), id);
        s->n_sent += strstr(line, ID) != NULL;
        return RELAY_PASS;
}

static RelayVerdict hook(Person *member, bool to_member, const char *line, void *userdata) {
        Story *s = userdata;

        if (member != s->bob)
                return RELAY_PASS;
        if (!to_member)
                return to_host(s, line);
        if (strncmp(line, "MESSAGE-", 8) == 0)
                return s->holds_entries ? RELAY_DROP : RELAY_PASS;
        if (strncmp(line, "OK-", 3) != 0 || !strstr(line, "\"stored\":") ||
            !strstr(line, s->request))
                return RELAY_PASS;
        s->n_duplicates += strstr(line, "\"duplicate\":true") != NULL;
        if (s->n_to_lose == 0)
                return RELAY_PASS;
        s->n_to_lose--;
        return RELAY_CUT;
}

static Person *member(Story *s, const char *directory, const char *name) {
        Person *p = world_person(s->w, directory);

        if (streq(directory, name))
                person_sign_up(p, name);
        else
                person_sign_in(p, name);
        return p;
}

static void join(Person *p) {
        (void) person_join(p, "lobby");
        person_until_state(p, "lobby", MEMBER_LIVE);
}

static void begin(Story *s) {
        *s = (Story){ .w = world_new() };
        s->alice = member(s, "alice", "alice");
        s->bob = member(s, "bob", "bob");
        s->carol = member(s, "carol", "carol");
        s->relay = relay_new(s->alice);
        person_host(s->alice, "lobby");
        relay_set_hook(s->relay, hook, s);
        join(s->bob);
        join(s->carol);
        s->holds_entries = true;
}

static void end(Story *s) {
        relay_free(s->relay);
        world_free(s->w);
}

static void say_once(Story *s) {
        assert_int_equal(person_send_id(s->bob, "lobby", ID, "once", 0, NULL), 0);
}

static bool is_lost(void *userdata) {
        const Story *s = userdata;

        return s->n_to_lose == 0;
}

static void check(Story *s, uint64_t seq) {
        person_until_sent(s->bob, "lobby");
        s->holds_entries = false;
        (void) person_send_id(s->carol, "lobby", NULL, "after", USEC_PER_MINUTE, NULL);
        person_until_seq(s->bob, "lobby", seq + 1);
        person_until_seq(s->carol, "lobby", seq + 1);
        /* Its first answer, for ever, and nothing is asked for it. */
        s->n_sent = 0;
        assert_int_equal(person_send_id(s->bob, "lobby", ID, "once", USEC_PER_MINUTE, NULL), seq);
        assert_int_equal(s->n_sent, 0);
        ASSERT_TEXTS(s->alice, "lobby", "bob: once", "carol: after");
        assert_same_log(s->alice, s->bob, "lobby");
        assert_same_log(s->alice, s->carol, "lobby");
}

static void test_answer_lost(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        s.n_to_lose = 3; /* and those of the repeats */
        say_once(&s);
        world_until(s.w, is_lost, &s);
        /* Queued: that is all that bob knows, and carol has it. */
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.bob, "lobby")), 1);
        person_until_seq(s.carol, "lobby", 2);
        person_until_sent(s.bob, "lobby");
        assert_int_equal(s.n_sent, 4);
        assert_int_equal(s.n_duplicates, 3);
        assert_int_equal(channel_member_get_synced_seq(person_channel(s.bob, "lobby")), 1);
        check(&s, 2);
}

/* What remembers the id is on the host's disk … */
static void test_host_restarts(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        s.n_to_lose = 1;
        say_once(&s);
        world_until(s.w, is_lost, &s);
        person_kill(s.alice);
        world_pass(s.w, USEC_PER_HOUR);
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.bob, "lobby")), 1);
        person_start(s.alice);
        person_until_sent(s.bob, "lobby");
        assert_int_equal(s.n_duplicates, 1);
        check(&s, 2);
}

/* … and what has to be asked again on the sender's. */
static void test_sender_restarts(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        s.n_to_lose = 1;
        say_once(&s);
        world_until(s.w, is_lost, &s);
        person_kill(s.bob);
        person_kill(s.alice);
        person_start(s.alice);
        person_start(s.bob);
        person_until_sent(s.bob, "lobby");
        assert_int_equal(s.n_duplicates, 1);
        check(&s, 2);
}

/* The copy is there before the repeat is answered: by either way it is stored once. */
static void test_copy_is_first(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        s.holds_entries = false;
        s.n_to_lose = 2;
        say_once(&s);
        person_until_seq(s.bob, "lobby", 2);
        s.n_to_lose = 0;
        check(&s, 2);
}

/* The other device of the same user has it from the log, and says something under an id of its own
 * meanwhile. */
static void test_two_devices(void **state) {
        _cleanup_(end) Story s;
        Person *other;

        begin(&s);
        other = member(&s, "other", "bob");
        join(other);
        s.n_to_lose = 1;
        say_once(&s);
        world_until(s.w, is_lost, &s);
        person_until_seq(other, "lobby", 2);
        /* The same text again by hand is another message; the same id is the same message. */
        assert_int_equal(person_send_id(other, "lobby", ID, "once", USEC_PER_MINUTE, NULL), 2);
        check(&s, 2);
        assert_true(s.n_duplicates >= 1);
        person_until_seq(other, "lobby", 3);
        assert_same_log(s.alice, other, "lobby");
        assert_int_equal(channel_member_get_n_outbox(person_channel(other, "lobby")), 0);
}

/* Of a whole request the answer is lost: none of it is there twice, and the order stays. */
static void test_batch(void **state) {
        _cleanup_(end) Story s;
        const char *expected[101] = {};
        char lines[100][16];

        begin(&s);
        person_kill(s.alice);
        person_until_state(s.bob, "lobby", MEMBER_OFFLINE);
        for (unsigned i = 0; i < 100; i++) {
                snprintf(lines[i], sizeof(lines[i]), "bob: %u", i);
                (void) person_send(s.bob, "lobby", lines[i] + strlen("bob: "));
                expected[i] = lines[i];
        }
        s.n_to_lose = 2;
        person_start(s.alice);
        person_until_sent(s.bob, "lobby");
        assert_true(s.n_duplicates >= 1);
        s.holds_entries = false;
        person_until_seq(s.bob, "lobby", 101);
        person_until_seq(s.carol, "lobby", 101);
        person_assert_texts(s.alice, "lobby", expected);
        assert_same_log(s.alice, s.bob, "lobby");
        assert_same_log(s.alice, s.carol, "lobby");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answer_lost),     cmocka_unit_test(test_host_restarts),
                cmocka_unit_test(test_sender_restarts), cmocka_unit_test(test_copy_is_first),
                cmocka_unit_test(test_two_devices),     cmocka_unit_test(test_batch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
