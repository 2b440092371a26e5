/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operator did is done or not, whatever the tracker's disk does at that moment, and an
 * older database is opened. */
#include <sqlite3.h>

#include "scenario/operator.h"
#include "support/fault-vfs.h"

#define OPERATIONS_MAX 200

typedef Failure (*deed_fn)(Rig *rig);

static Failure do_suspend(Rig *rig) {
        return suspend(rig, "alice", "sells things");
}

static Failure do_resume(Rig *rig) {
        return resume(rig, "alice");
}

static Failure do_reset(Rig *rig) {
        Done d;

        reset(rig, "alice", &d);
        return d.failure;
}

static Failure do_remove(Rig *rig) {
        return remove_user(rig, "alice");
}

static Failure do_delist(Rig *rig) {
        return delist(rig, "lobby", "ugly");
}

static Failure do_relist(Rig *rig) {
        return relist(rig, "lobby");
}

/* No room: each deed says so and has no effect, reading goes on, and it is done when there is. */
static void test_full(void **state) {
        static const struct {
                deed_fn deed;
                ErrorCode sign_in_after;
                bool online_after, listed_after;
        } table[] = {
                { do_delist, ERROR_NONE, false, false },
                { do_relist, ERROR_NONE, false, true },
                { do_suspend, ERROR_BANNED, false, true },
                { do_resume, ERROR_NONE, false, true },
                { do_reset, ERROR_BAD_CREDENTIALS, false, true },
                { do_remove, ERROR_BAD_CREDENTIALS, false, false },
        };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(fault_disk_freep) FaultDisk *disk = fault_disk_new(rig->directory);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        ErrorCode sign_in_before = ERROR_NONE;
        size_t n_before = 1;
        Failure f;
        Done d;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host_lobby(alice, 1), ERROR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                fault_disk_plan(disk, &(FaultPlan){ .ops = FAULT_WRITE,
                                                    .at = 1,
                                                    .error = ENOSPC,
                                                    .lasts = true });
                f = table[i].deed(rig);
                assert_int_equal(f.code, ERROR_BUSY);
                assert_non_null(strstr(f.message, "nothing was done. Ask again"));
                assert_true(fault_disk_has_struck(disk));
                get_user(rig, "alice", &d);
                assert_int_equal(d.failure.code, ERROR_NONE);
                assert_int_equal(d.users[0].state, sign_in_before == ERROR_BANNED
                                                           ? DB_USER_SUSPENDED
                                                           : DB_USER_ACTIVE);
                assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
                assert_int_equal(value_length(value_get(bob->payload, "channels")), n_before);

                fault_disk_heal(disk);
                for (f.code = ERROR_BUSY; f.code == ERROR_BUSY; f = table[i].deed(rig))
                        test_loop_run(rig->loop, 31 * USEC_PER_SEC);
                assert_int_equal(f.code, ERROR_NONE);
                if (i + 1 < ELEMENTSOF(table))
                        sign_in_before = sign_in(rig, "alice", "password1", NULL).code;
                assert_int_equal(sign_in(rig, "alice", "password1", NULL).code,
                                 table[i].sign_in_after);
                assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
                n_before = value_length(value_get(bob->payload, "channels"));
                assert_int_equal(n_before, table[i].listed_after);
        }
        rig_kill(rig);
}

/* The power goes at any operation of a suspension: mark and keys, or neither; and both where it was
 * answered. */
static void test_power(void **state) {
        bool has_struck = true;
        unsigned n_done = 0, n_undone = 0;

        for (uint64_t n = 1; has_struck; n++) {
                _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
                _cleanup_(fault_disk_freep) FaultDisk *disk = NULL;
                _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
                bool is_suspended;
                Failure f;
                Done d;

                assert_true(n < OPERATIONS_MAX);
                rig_start(rig);
                alice = rig_user(rig, "alice");
                bob = rig_user(rig, "bob");
                assert_int_equal(host_lobby(alice, 1), ERROR_NONE);
                rig_kill(rig);
                disk = fault_disk_new(rig->directory);
                rig_start(rig);
                fault_disk_plan(
                        disk, &(FaultPlan){ .ops = FAULT_CHANGES, .at = n, .error = FAULT_POWER });
                f = do_suspend(rig);
                has_struck = fault_disk_has_struck(disk);
                rig_kill(rig);
                fault_disk_reboot(disk, n);
                fault_disk_heal(disk);
                rig_start(rig);

                get_user(rig, "alice", &d);
                assert_int_equal(d.failure.code, ERROR_NONE);
                is_suspended = d.users[0].state == DB_USER_SUSPENDED;
                assert_true(is_suspended || f.code != ERROR_NONE);
                assert_int_equal(d.n_keys, is_suspended ? 0 : 1);
                rig_connect(alice);
                assert_int_equal(alice->is_closed, is_suspended);
                rig_connect(bob);
                assert_int_equal(
                        rig_call(bob, "HEARTBEAT", "{\"channels\":[],\"revocations_after\":0}"),
                        ERROR_NONE);
                assert_int_equal(value_length(value_get(bob->payload, "revocations")),
                                 is_suspended);
                assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
                assert_int_equal(
                        rig_bool(value_at(value_get(bob->payload, "channels"), 0), "online"),
                        !is_suspended);
                n_done += is_suspended;
                n_undone += !is_suspended;
                rig_kill(rig);
        }
        assert_true(n_done > 0 && n_undone > 0);
}

static void execute(Rig *rig, const char *text) {
        char path[512];
        sqlite3 *db;

        snprintf(path, sizeof(path), "%s/tracker.db", rig->directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* As a version left it that knew nothing of operators. */
static void test_step_before(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        Done d;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        assert_int_equal(host_lobby(alice, 4), ERROR_NONE);
        rig_kill(rig);
        execute(rig, "ALTER TABLE user DROP COLUMN suspended;"
                     "ALTER TABLE user DROP COLUMN reason;"
                     "ALTER TABLE channel DROP COLUMN delisted;"
                     "ALTER TABLE channel DROP COLUMN reason;"
                     "PRAGMA user_version=4");
        rig_start(rig);
        rig_connect(alice);
        assert_false(alice->is_closed);
        assert_int_equal(host_lobby(alice, 3), ERROR_STALE_EPOCH);
        assert_int_equal(host_lobby(alice, 4), ERROR_NONE);
        get_user(rig, "alice", &d);
        assert_int_equal(d.users[0].state, DB_USER_ACTIVE);
        assert_string_equal(d.users[0].reason, "");
        assert_int_equal(do_delist(rig).code, ERROR_NONE);
        assert_int_equal(host_lobby(alice, 4), ERROR_BANNED);
        assert_int_equal(do_suspend(rig).code, ERROR_NONE);
        rig_until(rig, &alice->is_closed);
}

static int setup(void **state) {
        fault_vfs_register();
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_power),
                cmocka_unit_test(test_step_before),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}
