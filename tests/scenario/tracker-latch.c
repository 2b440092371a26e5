/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that slow disks and slow hashes keep nobody waiting who needs neither: threads are held by
 * a latch while the loop serves. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"
#include "sql/sql.h"
#include "tracker/db-sqlite.h"

#define N_THREADS 2

typedef struct Fixture {
        sd_event *event;
        Clock *clock;
        Random *random;
        Workers *workers;
        Runtime rt;
        Rig *rig;
        sem_t held, released;
        unsigned n_held;
} Fixture;

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        assert_int_equal(sd_event_new(&f->event), 0);
        assert_int_equal(clock_new_virtual(f->event, TEST_REALTIME, &f->clock), 0);
        assert_int_equal(random_new_seeded(1, &f->random), 0);
        assert_int_equal(workers_new(f->event, N_THREADS, &f->workers), 0);
        f->rt = (Runtime){
                .event = f->event, .clock = f->clock, .random = f->random, .workers = f->workers
        };
        sem_init(&f->held, 0, 0);
        sem_init(&f->released, 0, 0);
        f->rig = rig_new(&f->rt);
        rig_start(f->rig);
        *state = f;
        return 0;
}

static void release(Fixture *f) {
        for (; f->n_held > 0; f->n_held--)
                sem_post(&f->released);
}

static int teardown(void **state) {
        Fixture *f = *state;

        release(f);
        rig_free(f->rig);
        workers_free(f->workers);
        random_free(f->random);
        clock_free(f->clock);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static int hold_thread(void *request) {
        Fixture *f = request;

        sem_post(&f->held);
        while (sem_wait(&f->released) < 0)
                ;
        return 0;
}

static int hold_lane(SqlTx *tx, void *request) {
        return hold_thread(request);
}

/* From here on no hash is made, nothing is written and nothing is read. */
static void hold(Fixture *f) {
        Sql *sql = db_sqlite_get_sql(tracker_get_db(f->rig->tracker));

        for (unsigned i = 0; i < N_THREADS; i++)
                assert_int_equal(workers_submit(f->workers, hold_thread, f, NULL, NULL, NULL, NULL),
                                 0);
        assert_int_equal(sql_write(sql, hold_lane, f, NULL, NULL, NULL, NULL), 0);
        assert_int_equal(sql_read(sql, hold_lane, f, NULL, NULL, NULL, NULL), 0);
        f->n_held = N_THREADS + 2;
        for (unsigned i = 0; i < f->n_held; i++)
                while (sem_wait(&f->held) < 0)
                        ;
}

static void test_loop_goes_on(void **state) {
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL, *carol = NULL;
        Fixture *f = *state;

        alice = rig_user(f->rig, "alice");
        bob = rig_user(f->rig, "bob");
        carol = rig_client_new(f->rig);
        rig_connect(carol);
        hold(f);

        rig_send(carol, "SIGNIN", "{\"username\":\"alice\",\"password\":\"password1\",\"csr\":1}");
        rig_until(f->rig, &carol->is_answered);
        assert_int_equal(carol->failure.code, ERROR_BAD_REQUEST);
        rig_send(alice, "HOST",
                 "{\"channel_name\":\"lobby\",\"channel_id\":"
                 "\"11111111-2222-4333-8444-555555555555\",\"addresses\":[],"
                 "\"view_permission\":\"public\",\"topic\":\"\",\"epoch\":1,\"last_seq\":1,"
                 "\"members\":0}");
        rig_send(carol, "WHOIS", "{\"username\":\"bob\"}");
        rig_until(f->rig, &carol->is_answered);

        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        /* Not on disk, so not told and not answered. */
        assert_int_equal(value_length(value_get(bob->payload, "channels")), 0);
        assert_false(alice->is_answered);
        /* A new connection comes in as ever. */
        rig_connect(bob);
        assert_int_equal(rig_call(bob, "WATCH", "{}"), ERROR_NONE);

        release(f);
        rig_until(f->rig, &alice->is_answered);
        assert_int_equal(alice->failure.code, ERROR_NONE);
        assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->payload, "channels")), 1);
}

static void hold_workers(Fixture *f) {
        for (unsigned i = 0; i < N_THREADS; i++)
                assert_int_equal(workers_submit(f->workers, hold_thread, f, NULL, NULL, NULL, NULL),
                                 0);
        f->n_held = N_THREADS;
        for (unsigned i = 0; i < f->n_held; i++)
                while (sem_wait(&f->held) < 0)
                        ;
}

/* A name that nobody has costs a hash like one that somebody has, and its answer says no more. */
static void test_unknown_names_are_hashed(void **state) {
        static const struct {
                const char *command, *secret, *names[2]; /* of an account, of none */
        } table[] = {
                { "SIGNIN", "\"password\":\"a wrong one\"", { "alice", "nobody" } },
                { "SIGNIN", "\"password\":\"password1\"", { "alice.", "gone" } },
                { "RECOVER",
                  "\"recovery_code\":\"wrong\",\"new_password\":\"password2\"",
                  { "alice", "nobody" } },
                { "RECOVER",
                  "\"recovery_code\":\"wrong\",\"new_password\":\"password2\"",
                  { "alice.", "gone" } },
        };
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *gone = NULL, *asker = NULL;
        Fixture *f = *state;

        alice = rig_user(f->rig, "alice");
        gone = rig_user(f->rig, "gone");
        asker = rig_client_new(f->rig);
        rig_connect(asker);
        assert_int_equal(rig_call(gone, "DELETE", "{\"password\":\"password1\"}"), ERROR_NONE);

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char messages[2][FAILURE_MESSAGE_SIZE];

                for (size_t k = 0; k < 2; k++) {
                        _cleanup_free_ char *payload = NULL;

                        hold_workers(f);
                        assert_true(asprintf(&payload, "\"username\":\"%s\",%s", table[i].names[k],
                                             table[i].secret) > 0);
                        rig_send_csr(asker, table[i].command, payload);
                        for (unsigned n = 0; n < 20; n++)
                                assert_int_equal(
                                        rig_call(alice, "WHOIS", "{\"username\":\"alice\"}"),
                                        ERROR_NONE);
                        assert_false(asker->is_answered); /* its hash is not made yet */
                        release(f);
                        rig_until(f->rig, &asker->is_answered);
                        assert_int_equal(asker->failure.code, ERROR_BAD_CREDENTIALS);
                        strcpy(messages[k], asker->failure.message);
                }
                assert_string_equal(messages[0], messages[1]);
        }
}

static void test_hashing_is_elsewhere(void **state) {
        _cleanup_(rig_client_freep) RigClient *carol = NULL, *bob = NULL;
        Fixture *f = *state;

        bob = rig_user(f->rig, "bob");
        carol = rig_client_new(f->rig);
        rig_connect(carol);
        hold_workers(f);
        rig_send_csr(carol, "SIGNUP", "\"username\":\"carol\",\"password\":\"password1\"");
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(rig_call(bob, "WHOIS", "{\"username\":\"carol\"}"), ERROR_NONE);
        assert_false(rig_bool(bob->payload, "exists"));
        assert_false(carol->is_answered);
        release(f);
        rig_until(f->rig, &carol->is_answered);
        assert_int_equal(carol->failure.code, ERROR_NONE);
        assert_int_equal(rig_call(bob, "WHOIS", "{\"username\":\"carol\"}"), ERROR_NONE);
        assert_true(rig_bool(bob->payload, "exists"));
}

static void test_pings_go_on(void **state) {
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        Fixture *f = *state;

        alice = rig_user(f->rig, "alice");
        hold(f);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 100 * USEC_PER_SEC), 0);
        assert_false(alice->is_closed);
        assert_true(alice->n_pings >= 4);
        assert_int_equal(rig_call(alice, "LIST", "{}"), ERROR_NONE);
        release(f);
}

/* Written behind the end of its owner, a name would be bound for ever. */
static void test_deleted_meanwhile(void **state) {
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL, *carol = NULL;
        Fixture *f = *state;
        Sql *sql = db_sqlite_get_sql(tracker_get_db(f->rig->tracker));

        alice = rig_user(f->rig, "alice");
        bob = rig_user(f->rig, "bob");
        carol = rig_client_new(f->rig);
        rig_connect(carol);
        f->n_held = 1;
        assert_int_equal(sql_write(sql, hold_lane, f, NULL, NULL, NULL, NULL), 0);
        while (sem_wait(&f->held) < 0)
                ;
        rig_send(alice, "DELETE", "{\"password\":\"password1\"}");
        /* Passwords are tried in turn: hers is behind her after these. */
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(rig_call_csr(carol, "SIGNIN",
                                              "\"username\":\"bob\",\"password\":\"password2\""),
                                 ERROR_BAD_CREDENTIALS);
        rig_send(alice, "HOST",
                 "{\"channel_name\":\"lobby\",\"channel_id\":"
                 "\"11111111-2222-4333-8444-555555555555\",\"addresses\":[],"
                 "\"view_permission\":\"public\",\"topic\":\"\",\"epoch\":1,\"last_seq\":1,"
                 "\"members\":0}");
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        release(f);
        rig_until(f->rig, &alice->is_closed);
        rig_kill(f->rig);
        rig_start(f->rig);
        rig_connect(bob);
        assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->payload, "channels")), 0);
}

int main(void) {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(test_loop_goes_on),
                TEST(test_hashing_is_elsewhere),
                TEST(test_unknown_names_are_hashed),
                TEST(test_pings_go_on),
                TEST(test_deleted_meanwhile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
