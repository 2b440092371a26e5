/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A paste of 200 lines arrives whole and in order, at the channel's rate and with hardly any
 * refusal; what waits can be taken back; and what a host puts off is asked again, so that scripts
 * and readers do not stumble. */
#include "scenario/support.h"

#define N_LINES 200
#define N_ASKED 300 /* more than a host takes at once */
#define ID "cccccccc-0000-4000-8000-%012u"

typedef struct Story {
        World *w;
        Person *alice, *bob;
} Story;

static void begin(Story *s) {
        *s = (Story){ .w = world_new() };
        s->alice = world_person(s->w, "alice");
        s->bob = world_person(s->w, "bob");
        person_sign_up(s->alice, "alice");
        person_sign_up(s->bob, "bob");
        person_host(s->alice, "lobby");
        (void) person_join(s->bob, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
}

static void end(Story *s) {
        world_free(s->w);
}

static void paste(Person *p, unsigned n) {
        char id[UUID_STRING_SIZE], text[32];
        ErrorCode error;

        for (unsigned i = 1; i <= n; i++) {
                snprintf(id, sizeof(id), ID, i);
                snprintf(text, sizeof(text), "line %u", i);
                (void) person_send_id(p, "lobby", id, text, 0, &error);
                assert_int_equal(error, ERROR_NONE);
        }
}

/* All but `without` (0: none), in their order. */
static void assert_lines(Person *p, const char *by, unsigned n, unsigned without) {
        char lines[N_LINES][48];
        const char *expected[N_LINES + 1] = {};
        size_t k = 0;

        assert_in_range(n, 1, N_LINES);
        for (unsigned i = 1; i <= n; i++) {
                if (i == without)
                        continue;
                snprintf(lines[k], sizeof(lines[k]), "%s: line %u", by, i);
                expected[k] = lines[k];
                k++;
        }
        person_assert_texts(p, "lobby", expected);
}

typedef struct Rows {
        bool is_done;
        uint64_t n_attempts;
        size_t n;
        uint64_t last;
        bool more;
        Failure failure;
        unsigned n_done, n_failed;
} Rows;

static bool rows_are_read(void *userdata) {
        return ((const Rows *) userdata)->is_done;
}

static void on_rows(const Failure *f, const OutboxRow *rows, size_t n, bool more, void *userdata) {
        Rows *x = userdata;

        assert_null(f);
        for (size_t i = 0; i < n; i++) {
                x->n_attempts += rows[i].attempts;
                x->last = rows[i].order;
        }
        x->n += n;
        x->more = more;
        x->is_done = true;
}

/* How often the host that answered one of its messages was asked. */
static uint64_t count_attempts(Person *p, size_t n) {
        Rows x = { .more = true };

        while (x.more) {
                x.is_done = false;
                assert_int_equal(channel_member_read_outbox(person_channel(p, "lobby"), x.last, 0,
                                                            on_rows, &x, NULL),
                                 0);
                world_until(p->world, rows_are_read, &x);
        }
        assert_int_equal(x.n, n);
        return x.n_attempts;
}

static uint64_t now(const Story *s) {
        return clock_boottime(s->w->rig->rt->clock);
}

/* Five a second after the first twenty: not faster, and not much slower. */
static void assert_paced(const Story *s, uint64_t since) {
        assert_in_range(now(s) - since, (N_LINES - 21) * USEC_PER_SEC / 5,
                        (N_LINES - 20) * USEC_PER_SEC / 5 + 5 * USEC_PER_SEC);
}

static void test_member_pastes(void **state) {
        _cleanup_(end) Story s;
        uint64_t since;

        begin(&s);
        since = now(&s);
        paste(s.bob, N_LINES);
        person_until_sent(s.bob, "lobby");
        assert_paced(&s, since);
        person_until_seq(s.bob, "lobby", 1 + N_LINES);
        assert_lines(s.alice, "bob", N_LINES, 0);
        assert_lines(s.bob, "bob", N_LINES, 0);
        assert_true(count_attempts(s.bob, N_LINES) <= N_LINES + 2);
}

static void test_owner_pastes(void **state) {
        _cleanup_(end) Story s;
        uint64_t since;

        begin(&s);
        since = now(&s);
        paste(s.alice, N_LINES);
        person_until_sent(s.alice, "lobby");
        assert_paced(&s, since);
        person_until_seq(s.bob, "lobby", 1 + N_LINES);
        assert_lines(s.bob, "alice", N_LINES, 0);
        assert_true(count_attempts(s.alice, N_LINES) <= 2); /* stored, it is finished */
}

/* A daemon that does not know what it has sent before is told, and waits: nothing is lost. */
static void test_restarted_while_it_pastes(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        paste(s.bob, 100);
        person_until_seq(s.alice, "lobby", 30);
        person_kill(s.bob);
        person_start(s.bob);
        person_until_sent(s.bob, "lobby");
        person_until_seq(s.bob, "lobby", 101);
        assert_lines(s.alice, "bob", 100, 0);
}

/* The owner's word counts from the next message on, either way. */
static void test_rate_changes(void **state) {
        _cleanup_(end) Story s;
        uint64_t rate, burst, since;

        begin(&s);
        paste(s.bob, 60);
        person_until_seq(s.bob, "lobby", 25);
        assert_int_equal(person_set_rate(s.bob, "lobby", 0, -1), ERROR_NOT_OWNER);
        assert_int_equal(person_set_rate(s.alice, "lobby", 0, -1), ERROR_NONE);
        since = now(&s);
        person_until_sent(s.bob, "lobby");
        assert_true(now(&s) - since < 2 * USEC_PER_SEC);
        assert_lines(s.alice, "bob", 60, 0);
        channel_member_get_rates(person_channel(s.bob, "lobby"), &rate, &burst);
        assert_int_equal(rate, 0);
        assert_int_equal(burst, 20);

        assert_int_equal(person_set_rate(s.alice, "lobby", 1, 2), ERROR_NONE);
        person_until_seq(s.bob, "lobby", 63);
        since = now(&s);
        for (unsigned i = 0; i < 12; i++)
                (void) person_send(s.bob, "lobby", "slow");
        person_until_sent(s.bob, "lobby");
        assert_in_range(now(&s) - since, 10 * USEC_PER_SEC, 13 * USEC_PER_SEC);
}

static void on_cancelled(const Failure *f, void *userdata) {
        Rows *x = userdata;

        x->failure = f ? *f : (Failure){};
        x->is_done = true;
}

static void test_cancelled_while_it_waits(void **state) {
        _cleanup_(end) Story s;
        char id[UUID_STRING_SIZE];
        Rows x = {};

        begin(&s);
        paste(s.bob, 60);
        person_until_seq(s.bob, "lobby", 25);
        snprintf(id, sizeof(id), ID, 50);
        assert_int_equal(
                channel_member_cancel(person_channel(s.bob, "lobby"), id, on_cancelled, &x, NULL),
                0);
        world_until(s.w, rows_are_read, &x);
        assert_int_equal(x.failure.code, ERROR_NONE);
        person_until_sent(s.bob, "lobby");
        assert_lines(s.alice, "bob", 60, 50);
}

static void on_asked(const Failure *f, void *userdata) {
        Rows *x = userdata;

        x->n_done++;
        x->n_failed += f != NULL;
}

static bool is_all_asked(void *userdata) {
        return ((const Rows *) userdata)->n_done == N_ASKED;
}

/* A script that asks for more than a host takes at a time waits here, not in an error, and all of
 * it happens in the order of asking. */
static void test_script(void **state) {
        _cleanup_(end) Story s;
        char topic[32];
        Rows x = {};

        begin(&s);
        assert_int_equal(person_authorize(s.alice, "lobby", "bob", ROLE_MODERATOR), ERROR_NONE);
        person_until_seq(s.bob, "lobby", 2);
        for (unsigned i = 1; i <= N_ASKED; i++) {
                snprintf(topic, sizeof(topic), "topic %u", i);
                assert_int_equal(channel_member_set_topic(person_channel(s.bob, "lobby"), topic,
                                                          on_asked, &x, NULL),
                                 0);
        }
        world_until(s.w, is_all_asked, &x);
        assert_int_equal(x.n_failed, 0);
        person_until_seq(s.bob, "lobby", 2 + N_ASKED);
        assert_string_equal(channel_member_get_topic(person_channel(s.bob, "lobby")), topic);
}

/* A reader that scrolls back over more pages than a host gives at once does not stumble. */
static void test_scrolls_back(void **state) {
        _cleanup_(end) Story s;
        Person *carol;

        begin(&s);
        assert_int_equal(person_set_rate(s.alice, "lobby", 0, -1), ERROR_NONE);
        for (unsigned i = 0; i < HISTORY_BURST + 100; i++)
                (void) person_send(s.alice, "lobby", "text");
        person_until_sent(s.alice, "lobby");
        carol = world_person(s.w, "carol");
        person_sign_up(carol, "carol");
        assert_int_equal(person_try_join(carol, "lobby", 1), ERROR_NONE);
        person_until_seq(carol, "lobby", HISTORY_BURST + 102);
        for (uint64_t first;
             (first = channel_member_get_first_seq(person_channel(carol, "lobby"))) > 1;) {
                person_read_before(carol, "lobby", first, 1);
                assert_int_equal(channel_member_get_first_seq(person_channel(carol, "lobby")),
                                 first - 1);
        }
        assert_same_log(s.alice, carol, "lobby");
}

/* A host that goes while something waits for it: that fails as what is asked of who is away. */
static void test_host_goes_while_it_waits(void **state) {
        _cleanup_(end) Story s;
        Rows x = {};

        begin(&s);
        for (unsigned i = 0; i < N_ASKED; i++)
                assert_int_equal(channel_member_authorize(person_channel(s.bob, "lobby"), "alice",
                                                          ROLE_NONE, NULL, on_asked, &x, NULL),
                                 0);
        world_pass(s.w, 100 * USEC_PER_MSEC);
        assert_true(x.n_done < N_ASKED);
        person_kill(s.alice);
        world_until(s.w, is_all_asked, &x);
        assert_int_equal(x.n_failed, N_ASKED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_member_pastes),
                cmocka_unit_test(test_owner_pastes),
                cmocka_unit_test(test_restarted_while_it_pastes),
                cmocka_unit_test(test_rate_changes),
                cmocka_unit_test(test_cancelled_while_it_waits),
                cmocka_unit_test(test_script),
                cmocka_unit_test(test_scrolls_back),
                cmocka_unit_test(test_host_goes_while_it_waits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
