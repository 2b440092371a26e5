/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest signs up, wherever the text of the guest is at that moment: nothing is lost, nothing is
 * said twice, whatever dies. */
#include "scenario/relay.h"

#define ID "0f0e0d0c-0b0a-4908-8706-050403020100"

typedef struct Rows {
        bool is_done;
        size_t n;
        OutboxState state;
} Rows;

/* One turn of the loop, of all who live in it. */
static void turn(World *w) {
        int r = sd_event_run(w->rig->rt->event, 0);

        assert_true(r >= 0);
        if (r == 0)
                world_pass(w, 1);
}

static void on_rows(const Failure *f, const OutboxRow *rows, size_t n, bool more, void *userdata) {
        Rows *q = userdata;

        assert_null(f);
        q->is_done = true;
        q->n = n;
        q->state = n > 0 ? rows[n - 1].state : OUTBOX_STATE_INVALID;
}

static Rows read_outbox(Person *p) {
        Rows q = {};

        assert_int_equal(
                channel_member_read_outbox(person_channel(p, "lobby"), 0, 0, on_rows, &q, NULL), 0);
        test_loop_until_true(p->world->rig->loop, &q.is_done, USEC_PER_MINUTE);
        return q;
}

static void on_retried(const Failure *f, void *userdata) {
        *(ErrorCode *) userdata = f ? f->code : ERROR_NONE;
}

static ErrorCode retry(Person *p, const char *id) {
        ErrorCode error = ERROR_MAX;

        assert_int_equal(
                channel_member_retry(person_channel(p, "lobby"), id, on_retried, &error, NULL), 0);
        for (unsigned i = 0; error == ERROR_MAX && i < 1000; i++)
                world_pass(p->world, USEC_PER_MSEC);
        assert_int_not_equal(error, ERROR_MAX);
        return error;
}

static void on_signed_up(const Failure *f, const char *recovery_code, void *userdata) {
}

static void on_sent(const Failure *f, const char *id, uint64_t seq, void *userdata) {
}

/* After so many turns of the loop from the sending on, the guest signs up; is_killed: the host dies
 * before, with the text on its disk or not, and comes back after. */
static void run(unsigned n_turns, bool is_killed) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");
        Rows rows;

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_int_equal(person_set_view(alice, "lobby", VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        person_guest(carol, "carol");
        (void) person_join(carol, "lobby");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        (void) person_send_id(carol, "lobby", NULL, "before", 20 * USEC_PER_SEC, NULL);

        assert_int_equal(channel_member_send(person_channel(carol, "lobby"), ID, "once", NULL, 0,
                                             on_sent, NULL, NULL),
                         0);
        for (unsigned i = 0; i < n_turns; i++)
                turn(w);
        if (is_killed)
                person_kill(alice);
        person_sign_up(carol, "carol");
        if (is_killed)
                person_start(alice);
        assert_string_equal(account_get_username(manager_get_account(carol->manager)), "carol");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        rows = read_outbox(carol);
        if (rows.state == OUTBOX_FAILED) {
                assert_int_equal(retry(carol, ID), ERROR_HOST_OFFLINE); /* it may be under way */
                world_pass(w, USEC_PER_MINUTE);
                assert_int_equal(retry(carol, ID), ERROR_NONE);
        }
        person_until_sent(carol, "lobby");
        world_pass(w, USEC_PER_HOUR);
        assert_same_log(alice, carol, "lobby");
        /* create, view, two messages */
        assert_int_equal(channel_member_get_synced_seq(person_channel(alice, "lobby")), 4);
}

static void test_any_moment(void **state) {
        for (unsigned n = 0; n < 16; n += 3)
                run(n, false);
}

static void test_host_killed(void **state) {
        for (unsigned n = 0; n < 24; n++)
                run(n, true);
}

/* The daemon dies while it signs up: the guest is there, or the user, with everything. */
static void test_killed_signing_up(void **state) {
        bool seen_guest = false, seen_user = false;

        for (unsigned n = 0; n < 200 && !seen_user; n += 1 + n / 8) {
                _cleanup_(world_freep) World *w = world_new();
                Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");
                const char *name;

                person_sign_up(alice, "alice");
                person_host(alice, "lobby");
                assert_int_equal(person_set_view(alice, "lobby", VIEW_INVALID, SEND_EVERYONE),
                                 ERROR_NONE);
                person_guest(carol, "carol");
                (void) person_join(carol, "lobby");
                person_until_state(carol, "lobby", MEMBER_LIVE);
                person_kill(alice);
                person_until_state(carol, "lobby", MEMBER_OFFLINE);
                (void) person_send_id(carol, "lobby", ID, "once", 0, NULL);
                assert_int_equal(account_sign_up(manager_get_account(carol->manager), "carol",
                                                 "correct horse battery", on_signed_up, NULL, NULL),
                                 0);
                for (unsigned i = 0; i < n; i++)
                        turn(w);
                person_kill(carol);
                person_start(carol);
                person_start(alice);
                name = account_get_username(manager_get_account(carol->manager));
                assert_non_null(name);
                person_until_state(carol, "lobby", MEMBER_LIVE);
                if (streq(name, "guest-carol"))
                        seen_guest = true;
                else {
                        seen_user = true;
                        assert_int_equal(read_outbox(carol).state, OUTBOX_FAILED);
                        world_pass(w, USEC_PER_MINUTE);
                        assert_int_equal(retry(carol, ID), ERROR_NONE);
                }
                person_until_sent(carol, "lobby");
                world_pass(w, USEC_PER_MINUTE);
                ASSERT_TEXTS(alice, "lobby", seen_user ? "carol: once" : "guest-carol: once");
                assert_same_log(alice, carol, "lobby");
        }
        assert_true(seen_guest && seen_user);
}

static bool is_stored(void *userdata) {
        return channel_member_get_synced_seq(person_channel(userdata, "lobby")) == 4;
}

/* A guest who wanted nothing of the past has nothing yet, and all the same what was said since, the
 * guest's own too. */
static void test_partial_copy(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_int_equal(person_set_view(alice, "lobby", VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        assert_int_equal(person_send(alice, "lobby", "before"), 0);
        person_until_sent(alice, "lobby");
        person_guest(carol, "carol");
        assert_int_equal(person_try_join(carol, "lobby", 0), ERROR_NONE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_send(person_channel(carol, "lobby"), ID, "once", NULL, 0,
                                             on_sent, NULL, NULL),
                         0);
        world_until(w, is_stored, alice);
        assert_int_equal(channel_member_get_synced_seq(person_channel(carol, "lobby")), 0);
        person_kill(alice); /* and has told nobody */
        person_sign_up(carol, "carol");
        person_start(alice);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        (void) person_send_id(alice, "lobby", NULL, "after", 20 * USEC_PER_SEC, NULL);
        person_until_seq(carol, "lobby", 5);
        assert_int_equal(channel_member_get_first_seq(person_channel(carol, "lobby")), 4);
        assert_int_equal(read_outbox(carol).state, OUTBOX_STORED);
        assert_int_equal(retry(carol, ID), ERROR_CONFLICT);
        world_pass(w, USEC_PER_HOUR);
        ASSERT_TEXTS(alice, "lobby", "alice: before", "guest-carol: once", "alice: after");
}

/* The same, and it was never said: that is known when all of the log is here. */
static void test_partial_copy_unsaid(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_int_equal(person_set_view(alice, "lobby", VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        person_guest(carol, "carol");
        assert_int_equal(person_try_join(carol, "lobby", 0), ERROR_NONE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        person_kill(alice);
        person_until_state(carol, "lobby", MEMBER_OFFLINE);
        (void) person_send_id(carol, "lobby", ID, "once", 0, NULL);
        person_sign_up(carol, "carol");
        person_until_state(carol, "lobby", MEMBER_OFFLINE);
        assert_int_equal(retry(carol, ID), ERROR_HOST_OFFLINE);
        person_start(alice);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(retry(carol, ID), ERROR_CONFLICT);
        (void) person_send_id(alice, "lobby", NULL, "after", 20 * USEC_PER_SEC, NULL);
        person_until_seq(carol, "lobby", 3);
        person_read_before(carol, "lobby", 3, 2);
        assert_int_equal(read_outbox(carol).state, OUTBOX_FAILED);
        assert_int_equal(retry(carol, ID), ERROR_NONE);
        person_until_sent(carol, "lobby");
        ASSERT_TEXTS(alice, "lobby", "alice: after", "carol: once");
}

typedef struct Late {
        char line[512]; /* the guest's MESSAGE */
} Late;

static RelayVerdict keep_message(Person *member, bool to_member, const char *line, void *userdata) {
        Late *x = userdata;

        if (to_member || x->line[0] || strncmp(line, "MESSAGE-", 8) != 0)
                return RELAY_PASS;
        assert_true(strlen(line) < sizeof(x->line));
        strcpy(x->line, line);
        return RELAY_DROP;
}

static bool has_line(void *userdata) {
        return ((Late *) userdata)->line[0];
}

/* A guest's text that left her, and stays on its way. */
static Relay *say_on_the_way(World *w, Person *alice, Person *carol, Late *x) {
        Relay *relay;

        person_sign_up(alice, "alice");
        relay = relay_new(alice);
        person_host(alice, "lobby");
        assert_int_equal(person_set_view(alice, "lobby", VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        person_guest(carol, "carol");
        (void) person_join(carol, "lobby");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        relay_set_hook(relay, keep_message, x);
        assert_int_equal(person_send_id(carol, "lobby", ID, "once", 0, NULL), 0);
        world_until(w, has_line, x);
        relay_freeze(relay, carol);
        return relay;
}

/* The guest's text is still on its way when the user that the guest has become is there: it comes
 * late, and is not said a second time. */
static void test_late_bytes(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");
        Late x = {};
        _cleanup_(relay_freep) Relay *relay = say_on_the_way(w, alice, carol, &x);

        person_sign_up(carol, "carol");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_int_equal(read_outbox(carol).state, OUTBOX_FAILED);
        world_pass(w, 20 * USEC_PER_SEC);
        assert_int_equal(retry(carol, ID), ERROR_HOST_OFFLINE);
        relay_say_late(relay, carol, x.line);
        person_until_seq(carol, "lobby", 3);
        assert_int_equal(read_outbox(carol).state, OUTBOX_STORED);
        assert_int_equal(retry(carol, ID), ERROR_CONFLICT);
        world_pass(w, 2 * USEC_PER_MINUTE);
        ASSERT_TEXTS(alice, "lobby", "guest-carol: once");
        assert_same_log(alice, carol, "lobby");
}

/* … or does not come within the time after which the host has ended that connection. */
static void test_too_late_bytes(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");
        Late x = {};
        _cleanup_(relay_freep) Relay *relay = say_on_the_way(w, alice, carol, &x);

        person_sign_up(carol, "carol");
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(retry(carol, ID), ERROR_NONE);
        relay_say_late(relay, carol, x.line);
        person_until_sent(carol, "lobby");
        world_pass(w, USEC_PER_MINUTE);
        ASSERT_TEXTS(alice, "lobby", "carol: once");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_any_moment),          cmocka_unit_test(test_partial_copy),
                cmocka_unit_test(test_partial_copy_unsaid), cmocka_unit_test(test_host_killed),
                cmocka_unit_test(test_killed_signing_up),   cmocka_unit_test(test_late_bytes),
                cmocka_unit_test(test_too_late_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
