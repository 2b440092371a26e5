/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that a daemon whose disk or whose resolver hangs keeps nobody waiting who needs neither:
 * its threads are held by a latch while the loop serves. */
#include "daemon/manager/manager-internal.h"
#include "daemon/store/store-internal.h"
#include "scenario/support.h"
#include "support/latch.h"

#define N_THREADS 2

static int hold_thread(void *request) {
        latch_wait(request);
        return 0;
}

static int hold_lane(SqlTx *tx, void *request) {
        latch_wait(request);
        return 0;
}

typedef struct Answer {
        bool is_done;
        ErrorCode error;
} Answer;

static void on_roster(const Failure *f, const RosterEntry *members, size_t n, const char *next,
                      void *userdata) {
        Answer *a = userdata;

        a->is_done = true;
        a->error = f ? f->code : ERROR_NONE;
        assert_int_equal(n, 2);
}

static void on_account(const Failure *f, Account *account, void *userdata) {
        Answer *a = userdata;

        a->is_done = true;
        a->error = f ? f->code : ERROR_NONE;
}

static bool is_done(void *userdata) {
        return ((Answer *) userdata)->is_done;
}

static void story(World *w) {
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob"),
               *carol = world_stranger(w, "carol");
        char name[ADDRESS_STRING_SIZE + sizeof("localhost")];
        char address[ADDRESS_STRING_SIZE];
        Answer roster = {}, account = {};
        Latch latch;
        Sql *sql;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_seq(bob, "lobby", 1);

        /* Alice reads and writes nothing, and nobody's names are looked up. */
        latch_init(&latch);
        sql = alice->manager->store->sql;
        for (unsigned i = 0; i < N_THREADS; i++)
                assert_int_equal(workers_submit(w->rig->rt->workers, hold_thread, &latch, NULL,
                                                NULL, NULL, NULL),
                                 0);
        assert_int_equal(sql_write(sql, hold_lane, &latch, NULL, NULL, NULL, NULL), 0);
        assert_int_equal(sql_read(sql, hold_lane, &latch, NULL, NULL, NULL, NULL), 0);
        latch_expect(&latch, N_THREADS + 2);

        /* Both ends are asked by PING whether they live, and the tracker renews her lease. */
        world_pass(w, 2 * USEC_PER_MINUTE);
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        assert_int_equal(person_sees(bob, "lobby"), 1);
        assert_int_equal(person_sees(alice, "lobby"), 1);

        assert_int_equal(channel_member_get_members(person_channel(bob, "lobby"), NULL, 10,
                                                    on_roster, &roster, NULL),
                         0);
        world_until(w, is_done, &roster); /* MEMBERS, from memory */
        assert_int_equal(roster.error, ERROR_NONE);

        address_print(&w->rig->address, address);
        snprintf(name, sizeof(name), "localhost%s", strrchr(address, ':'));
        assert_int_equal(manager_set_tracker(carol->manager, name, w->rig->pin, false, on_account,
                                             &account, NULL),
                         0);
        assert_int_equal(person_send(bob, "lobby", "not on her disk yet"), 0);
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(person_sees(bob, "lobby"), 1);
        assert_false(account.is_done);
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, "lobby")), 1);

        latch_open(&latch);
        world_until(w, is_done, &account);
        assert_int_equal(account.error, ERROR_NONE);
        person_until_sent(bob, "lobby");
        person_until_seq(bob, "lobby", 2);
        person_until_seq(alice, "lobby", 2);
        ASSERT_TEXTS(bob, "lobby", "bob: not on her disk yet");
        assert_same_log(alice, bob, "lobby");
        latch_done(&latch);
}

static void test_loop_goes_on(void **state) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(clock_freep) Clock *clock = NULL;
        _cleanup_(random_freep) Random *random = NULL;
        _cleanup_(workers_freep) Workers *workers = NULL;
        World *w;
        Runtime rt;

        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(clock_new_virtual(event, TEST_REALTIME, &clock), 0);
        assert_int_equal(random_new_seeded(1, &random), 0);
        assert_int_equal(workers_new(event, N_THREADS, &workers), 0);
        rt = (Runtime){ .event = event, .clock = clock, .random = random, .workers = workers };
        w = world_new_threaded(&rt);
        story(w);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_loop_goes_on) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
