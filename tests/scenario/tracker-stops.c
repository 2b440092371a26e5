/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker stops as planned: what is at its disk is answered before it says goodbye, what is not
 * is asked again and was done once, and those who were there come back spread over the time that
 * they were told. */
#include "daemon/member/channel-member-owner.h"
#include "scenario/support.h"
#include "sql/sql.h"
#include "support/latch.h"
#include "tracker/db-sqlite.h"

#define N_PEOPLE 8
#define TURN_USEC (10 * USEC_PER_MSEC)
#define TURNS_MAX 3000
#define PASSWORD "correct horse battery"

static Account *account(const Person *p) {
        return manager_get_account(p->manager);
}

/* ---- when they come back ---- */

typedef struct Back {
        Person *people[N_PEOPLE];
        uint64_t at[N_PEOPLE]; /* boottime; 0: not yet */
} Back;

static bool all_are_back(void *userdata) {
        Back *b = userdata;
        size_t n = 0;

        for (size_t i = 0; i < N_PEOPLE; i++) {
                if (b->at[i] == 0 &&
                    account_get_tracker_state(account(b->people[i])) == TRACKER_ONLINE)
                        b->at[i] = clock_boottime(b->people[i]->rt.clock);
                n += b->at[i] > 0;
        }
        return n == N_PEOPLE;
}

static bool all_are_away(void *userdata) {
        const Back *b = userdata;

        for (size_t i = 0; i < N_PEOPLE; i++)
                if (account_get_tracker_state(account(b->people[i])) == TRACKER_ONLINE)
                        return false;
        return true;
}

/* Two seconds and two milliseconds for each: the random part of it is the seeded one. */
static void test_spread(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        uint64_t begin, first = UINT64_MAX, last = 0;
        size_t n_apart = 0;
        Back back = {};

        for (size_t i = 0; i < N_PEOPLE; i++) {
                char name[NAME_SIZE];

                snprintf(name, sizeof(name), "person%zu", i);
                back.people[i] = world_person(w, name);
                person_sign_up(back.people[i], name);
        }
        world_pass(w, USEC_PER_MINUTE);
        world_tracker_stop(w);
        world_until(w, all_are_away, &back);
        begin = clock_boottime(w->rig->rt->clock);
        world_tracker_start(w);
        world_until(w, all_are_back, &back);
        for (size_t i = 0; i < N_PEOPLE; i++) {
                first = MIN(first, back.at[i]);
                last = MAX(last, back.at[i]);
                for (size_t k = 0; k < i; k++)
                        n_apart += back.at[i] != back.at[k];
        }
        /* Who was told nothing would be there within a second, which is the first pause of all. */
        assert_true(last - begin > USEC_PER_SEC);
        assert_true(last - begin <= 2100 * USEC_PER_MSEC);
        assert_true(last - first >= 500 * USEC_PER_MSEC);
        assert_true(n_apart >= N_PEOPLE * (N_PEOPLE - 1) / 2 - 2);
}

/* ---- what is at the disk ---- */

typedef struct Stage {
        Threads threads;
        World *world;
        Person *alice, *carol;
        Latch latch;
        Failure failure, host_failure; /* of carol's sign-up, and of alice's channel */
        bool is_signed_up, is_hosted;
} Stage;

static int hold(SqlTx *tx, void *request) {
        latch_wait(request);
        return 0;
}

static void on_signed_up(const Failure *f, const char *recovery_code, void *userdata) {
        Stage *s = userdata;

        s->is_signed_up = true;
        s->failure = f ? *f : (Failure){};
}

static void on_hosted(const Failure *f, ChannelMember *c, void *userdata) {
        Stage *s = userdata;

        s->is_hosted = true;
        s->host_failure = f ? *f : (Failure){};
}

static bool is_true(void *userdata) {
        return *(const bool *) userdata;
}

static bool both_wait(void *userdata) {
        const Stage *s = userdata;

        return tracker_get_n_waiting(s->world->rig->tracker) == 2;
}

/* While the clock stands still: how long a hash takes is no matter. */
static void run_until(Stage *s, bool (*condition)(void *userdata), void *userdata) {
        for (unsigned n_turns = 0; !condition(userdata); n_turns++) {
                assert_true(n_turns < TURNS_MAX);
                assert_true(sd_event_run(s->threads.rt.event, TURN_USEC) >= 0);
        }
}

/* A host and somebody who signs up wait for a disk that does nothing; then it is to stop. */
static void setup(Stage *s) {
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };

        *s = (Stage){};
        threads_init(&s->threads);
        latch_init(&s->latch);
        s->world = world_new_threaded(&s->threads.rt);
        s->alice = world_person(s->world, "alice");
        person_sign_up(s->alice, "alice");
        s->carol = world_person(s->world, "carol");

        assert_int_equal(sql_write(db_sqlite_get_sql(tracker_get_db(s->world->rig->tracker)), hold,
                                   &s->latch, NULL, NULL, NULL, NULL),
                         0);
        latch_expect(&s->latch, 1);
        assert_int_equal(manager_host(s->alice->manager, "lobby", &options, on_hosted, s, NULL), 0);
        assert_int_equal(
                account_sign_up(account(s->carol), "carol", PASSWORD, on_signed_up, s, NULL), 0);
        run_until(s, both_wait, s);
        tracker_stop(s->world->rig->tracker);
        assert_false(s->world->rig->is_stopped);
}

static void stage_done(Stage *s) {
        world_free(s->world);
        latch_done(&s->latch);
        threads_done(&s->threads);
}

static bool is_online(void *userdata) {
        return account_get_tracker_state(account(userdata)) == TRACKER_ONLINE;
}

static void restart(Stage *s) {
        world_until(s->world, is_true, &s->world->rig->is_stopped);
        rig_kill(s->world->rig);
        world_tracker_start(s->world);
        world_until(s->world, is_online, s->alice);
        world_until(s->world, is_online, s->carol);
}

/* Nobody else can have the name or the channel: account and lease are those that were asked for. */
static void expect_all(Stage *s) {
        world_until(s->world, is_true, &s->is_hosted);
        person_until_state(s->alice, "lobby", MEMBER_LIVE);
        assert_string_equal(account_get_username(account(s->carol)), "carol");
        (void) person_join(s->carol, "lobby");
        person_until_state(s->carol, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_get_stored(person_channel(s->alice, "lobby"))->epoch, 1);
        assert_int_equal(person_sees(s->carol, "lobby"), 1);
}

static void test_at_the_disk(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        latch_open(&s.latch);
        run_until(&s, is_true, &s.is_hosted);
        run_until(&s, is_true, &s.is_signed_up);
        assert_int_equal(s.failure.code, ERROR_NONE);
        assert_int_equal(s.host_failure.code, ERROR_NONE);
        restart(&s);
        expect_all(&s);
}

/* It goes all the same, and what was stored after that is theirs who asked. */
static void test_disk_that_hangs(void **state) {
        _cleanup_(stage_done) Stage s;
        uint64_t begin;

        setup(&s);
        begin = clock_boottime(s.threads.rt.clock);
        world_until(s.world, is_true, &s.world->rig->is_stopped);
        assert_true(clock_boottime(s.threads.rt.clock) - begin <= 7 * USEC_PER_SEC);
        world_until(s.world, is_true, &s.is_signed_up);
        assert_int_not_equal(s.failure.code, ERROR_NONE);
        latch_open(&s.latch);
        restart(&s);
        person_sign_up(s.carol, "carol");
        if (s.is_hosted && s.host_failure.code != ERROR_NONE)
                person_host(s.alice, "lobby");
        expect_all(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_spread),
                cmocka_unit_test(test_at_the_disk),
                cmocka_unit_test(test_disk_that_hangs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
