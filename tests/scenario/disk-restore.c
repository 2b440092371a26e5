/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a store that a backup takes the place of, when the disk fails or loses power at
 * any of the operations that this needs: one of the two is there, whole, and the restored one where
 * that was told. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "scenario/support.h"
#include "support/fault-vfs.h"

#define OPERATIONS_MAX 2000
#define LIMIT_USEC (10 * USEC_PER_MINUTE)

typedef struct Stage {
        World *world;
        Person *old;           /* with a channel of the name "old" */
        char backup[PATH_MAX]; /* of who has "kept" */
        FaultDisk *disk;
        bool is_done;
        ErrorCode error;
} Stage;

static void on_archived(const Failure *f, const BackupSummary *summary, const char *aside,
                        void *userdata) {
        Stage *s = userdata;

        s->is_done = true;
        s->error = f ? f->code : ERROR_NONE;
}

static bool is_over(void *userdata) {
        const Stage *s = userdata;

        return s->is_done || (s->disk && fault_disk_is_off(s->disk));
}

static void until_done(Stage *s) {
        assert_int_equal(clock_virtual_run(s->world->rig->rt->clock, is_over, s, LIMIT_USEC), 1);
}

static void setup(Stage *s) {
        Person *p;
        int fd;

        *s = (Stage){ .world = world_new() };
        snprintf(s->backup, sizeof(s->backup), "%s/backup", s->world->directory);
        p = world_person(s->world, "kept");
        person_sign_up(p, "alice");
        person_host(p, "kept");
        fd = open(s->backup, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(manager_back_up(p->manager, fd, on_archived, s, NULL), 0);
        until_done(s);
        assert_int_equal(s->error, ERROR_NONE);
        close(fd);
        person_kill(p);

        s->old = world_person(s->world, "old");
        person_sign_up(s->old, "bob");
        person_host(s->old, "old");
        person_sign_out(s->old);
        person_kill(s->old);
        s->disk = fault_disk_new(s->old->directory);
        person_start(s->old);
}

static void stage_done(Stage *s) {
        fault_disk_heal(s->disk);
        s->old->manager = manager_free(s->old->manager);
        fault_disk_free(s->disk);
        world_free(s->world);
}

/* Who has it signs in, and has the channel. */
static bool has(Stage *s, const char *username, const char *channel) {
        bool is_there;

        if (person_try_sign_in(s->old, username, "correct horse battery") != ERROR_NONE)
                return false;
        is_there = person_channel(s->old, channel);
        person_sign_out(s->old);
        return is_there;
}

static void at_every_operation(int error, uint64_t seed, uint64_t by) {
        unsigned n_old = 0, n_new = 0;
        bool was_struck = true;

        for (uint64_t n = 1; was_struck; n += by) {
                bool is_old, is_new;
                Stage s;
                int fd;

                assert_true(n < OPERATIONS_MAX);
                setup(&s);
                s.is_done = false;
                fd = open(s.backup, O_RDONLY | O_CLOEXEC);
                assert_true(fd >= 0);
                fault_disk_plan(s.disk,
                                &(FaultPlan){ .ops = FAULT_CHANGES, .at = n, .error = error });
                assert_int_equal(manager_restore(s.old->manager, fd, true, on_archived, &s, NULL),
                                 0);
                until_done(&s);
                close(fd);
                was_struck = fault_disk_has_struck(s.disk);
                fault_disk_heal(s.disk);
                is_new = s.is_done && s.error == ERROR_NONE; /* told so */
                if (!was_struck)
                        assert_true(is_new);
                person_kill(s.old);
                fault_disk_reboot(s.disk, seed > 0 ? seed * 1000 + n : 0);
                person_start(s.old);
                is_old = has(&s, "bob", "old");
                if (is_old == has(&s, "alice", "kept") || (is_old && is_new))
                        fail_msg("%s at %" PRIu64 " (%s), seed %" PRIu64 ": told %d, %s",
                                 error == FAULT_POWER ? "power" : strerror(error), n,
                                 fault_disk_get_struck(s.disk), seed, is_new,
                                 is_old ? "the old one" : "neither of the two");
                n_old += is_old;
                n_new += !is_old;
                stage_done(&s);
        }
        print_message("%u times the old one, %u times the restored one\n", n_old, n_new);
        assert_true(n_old > 0 && n_new > 0);
}

static uint64_t stride(uint64_t n) {
        return getenv("P2PCHAT_TEST_LONG") ? 1 : n;
}

static void power_is_lost(void **state) {
        at_every_operation(FAULT_POWER, 0, stride(2));
        at_every_operation(FAULT_POWER, 1, stride(5));
        at_every_operation(FAULT_POWER, 2, stride(5));
}

static void the_disk_fails_once(void **state) {
        at_every_operation(EIO, 0, stride(3));
        at_every_operation(ENOSPC, 0, stride(5));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(power_is_lost),
                cmocka_unit_test(the_disk_fails_once),
        };

        log_set_max_level(LOG_CRIT);
        fault_vfs_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
