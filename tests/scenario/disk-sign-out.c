/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A person signs out, and the disk does not take it: nobody is signed in all the same, the key is
 * worth nothing, and it is erased when the disk is back. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/account/account-owner.h"
#include "scenario/support.h"
#include "support/fault-vfs.h"

#define LIMIT_USEC (10 * USEC_PER_MINUTE)
#define PASSWORD "correct horse battery"

typedef struct Stage {
        World *world;
        Person *alice;
        FaultDisk *disk;
        bool is_done;
        Failure failure;
} Stage;

static bool is_online(void *userdata) {
        Person *p = userdata;

        return account_is_online(manager_get_account(p->manager));
}

static void setup(Stage *s) {
        *s = (Stage){ .world = world_new() };
        s->alice = world_person(s->world, "alice");
        person_sign_up(s->alice, "alice");
        person_host(s->alice, "lobby");
        person_kill(s->alice);
        s->disk = fault_disk_new(s->alice->directory);
        person_start(s->alice);
        world_until(s->world, is_online, s->alice);
        person_until_state(s->alice, "lobby", MEMBER_LIVE);
}

static void stage_done(Stage *s) {
        fault_disk_heal(s->disk);
        s->alice->manager = manager_free(s->alice->manager);
        fault_disk_free(s->disk);
        world_free(s->world);
}

static void on_done(const Failure *f, void *userdata) {
        Stage *s = userdata;

        s->is_done = true;
        s->failure = f ? *f : (Failure){};
}

static bool is_done(void *userdata) {
        return ((Stage *) userdata)->is_done;
}

static const char *username(Stage *s) {
        return account_get_username(manager_get_account(s->alice->manager));
}

static void break_disk(Stage *s) {
        fault_disk_plan(s->disk,
                        &(FaultPlan){ .ops = FAULT_CHANGES, .at = 1, .error = EIO, .lasts = true });
}

static void expect_failure(Stage *s, const char *words, const char *more) {
        world_until(s->world, is_done, s);
        assert_int_equal(s->failure.code, ERROR_INTERNAL);
        assert_non_null(strstr(s->failure.message, words));
        assert_non_null(strstr(s->failure.message, more));
        assert_null(username(s));
        assert_int_equal(s->alice->n_channels, 0);
}

static void sign_out(Stage *s, const char *more) {
        s->is_done = false;
        assert_int_equal(account_sign_out(manager_get_account(s->alice->manager), on_done, s, NULL),
                         0);
        expect_failure(s, "Signed out, but the key cannot be erased from disk", more);
}

static void restart(Stage *s) {
        person_kill(s->alice);
        person_start(s->alice);
}

static bool file_has_key(const Stage *s, const char *name) {
        static const char word[] = "PRIVATE KEY";
        _cleanup_free_ char *data = NULL;
        size_t size = 0;
        char path[PATH_MAX];
        ssize_t n = 0;
        FILE *f;
        bool has;

        snprintf(path, sizeof(path), "%s/%s", s->alice->directory, name);
        f = fopen(path, "re");
        if (!f)
                return false;
        n = getdelim(&data, &size, EOF, f);
        has = n > 0 && memmem(data, (size_t) n, word, strlen(word));
        (void) fclose(f);
        return has;
}

static bool has_key(const Stage *s) {
        return file_has_key(s, "p2pchat.db") || file_has_key(s, "p2pchat.db-wal");
}

static void test_erased_when_the_disk_is_back(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        break_disk(&s);
        sign_out(&s, "The tracker takes the key no more");
        world_pass(s.world, USEC_PER_MINUTE);
        assert_true(has_key(&s));
        assert_null(username(&s));
        fault_disk_heal(s.disk);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_int_equal(manager_get_store_state(s.alice->manager), STORE_OK);
        assert_false(has_key(&s));
        restart(&s);
        assert_null(username(&s));
        person_sign_in(s.alice, "alice");
        person_until_state(s.alice, "lobby", MEMBER_LIVE);
}

static void on_account(const Failure *f, Account *a, void *userdata) {
        on_done(f, userdata);
}

/* What is still on disk is nobody, however it comes to be read. */
static void test_read_before(void **state) {
        _cleanup_(stage_done) Stage s;
        _cleanup_free_ char *address = NULL;

        setup(&s);
        address = strdup(account_get_tracker_address(manager_get_account(s.alice->manager)));
        assert_non_null(address);
        break_disk(&s);
        sign_out(&s, "The tracker takes the key no more");
        fault_disk_heal(s.disk);
        s.is_done = false;
        assert_int_equal(manager_set_tracker(s.alice->manager, address, s.world->rig->pin, false,
                                             on_account, &s, NULL),
                         0);
        world_until(s.world, is_done, &s);
        assert_int_equal(s.failure.code, ERROR_NONE);
        assert_null(username(&s));
        world_pass(s.world, USEC_PER_MINUTE);
        assert_null(username(&s));
        assert_false(has_key(&s));
}

static void on_restored(const Failure *f, const BackupSummary *summary, const char *aside,
                        void *userdata) {
        on_done(f, userdata);
}

static ErrorCode restore(Stage *s, int fd) {
        s->is_done = false;
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(manager_restore(s->alice->manager, fd, true, on_restored, s, NULL), 0);
        world_until(s->world, is_done, s);
        return s->failure.code;
}

/* Nothing of a store that takes its place is erased, and none with a key in it is set aside. */
static void test_restore_before(void **state) {
        _cleanup_(stage_done) Stage s;
        int fd = memfd_create("backup", MFD_CLOEXEC);

        assert_true(fd >= 0);
        setup(&s);
        assert_int_equal(manager_back_up(s.alice->manager, fd, on_restored, &s, NULL), 0);
        world_until(s.world, is_done, &s);
        assert_int_equal(s.failure.code, ERROR_NONE);
        break_disk(&s);
        sign_out(&s, "The tracker takes the key no more");
        fault_disk_heal(s.disk);
        assert_int_equal(restore(&s, fd), ERROR_BUSY);
        assert_non_null(strstr(s.failure.message, "not erased from disk yet"));
        world_pass(s.world, USEC_PER_MINUTE);
        assert_false(has_key(&s));
        assert_int_equal(restore(&s, fd), ERROR_NONE);
        close(fd);
        person_sign_in(s.alice, "alice");
        assert_non_null(person_channel(s.alice, "lobby"));
}

/* An erasure that is owed never erases the key that came in the place of that one. */
static void test_signs_in_before(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        break_disk(&s);
        sign_out(&s, "The tracker takes the key no more");
        assert_int_not_equal(person_try_sign_in(s.alice, "alice", PASSWORD), ERROR_NONE);
        assert_null(username(&s));
        fault_disk_heal(s.disk);
        person_sign_in(s.alice, "alice");
        world_pass(s.world, USEC_PER_MINUTE);
        person_until_state(s.alice, "lobby", MEMBER_LIVE);
        restart(&s);
        assert_string_equal(username(&s), "alice");
        person_until_state(s.alice, "lobby", MEMBER_LIVE);
}

static bool is_dismissed(void *userdata) {
        Person *p = userdata;

        return account_get_dismissed(manager_get_account(p->manager)) != ERROR_NONE;
}

/* What a crash leaves of it is a key that nobody takes. */
static void test_crash_before_it_is_erased(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        break_disk(&s);
        sign_out(&s, "The tracker takes the key no more");
        person_kill(s.alice);
        fault_disk_heal(s.disk);
        person_start(s.alice);
        world_until(s.world, is_dismissed, s.alice);
        assert_int_equal(account_get_dismissed(manager_get_account(s.alice->manager)),
                         ERROR_REVOKED);
        person_sign_out(s.alice);
        assert_false(has_key(&s));
}

static void test_without_tracker(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        world_tracker_kill(s.world);
        world_pass(s.world, USEC_PER_MINUTE);
        break_disk(&s);
        sign_out(&s, "from another device");
        fault_disk_heal(s.disk);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_false(has_key(&s));
        restart(&s);
        assert_null(username(&s));
}

static bool is_deleted(void *userdata) {
        Stage *s = userdata;

        return s->is_done || !username(s);
}

static void test_account_deleted(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        break_disk(&s);
        assert_int_equal(
                account_delete(manager_get_account(s.alice->manager), PASSWORD, on_done, &s, NULL),
                0);
        world_until(s.world, is_deleted, &s);
        expect_failure(&s, "The account is deleted", "as soon as the disk takes it");
        fault_disk_heal(s.disk);
        world_pass(s.world, USEC_PER_MINUTE);
        assert_false(has_key(&s));
        restart(&s);
        assert_null(username(&s));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_erased_when_the_disk_is_back),
                cmocka_unit_test(test_read_before),
                cmocka_unit_test(test_restore_before),
                cmocka_unit_test(test_signs_in_before),
                cmocka_unit_test(test_crash_before_it_is_erased),
                cmocka_unit_test(test_without_tracker),
                cmocka_unit_test(test_account_deleted),
        };

        log_set_max_level(LOG_CRIT);
        fault_vfs_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
