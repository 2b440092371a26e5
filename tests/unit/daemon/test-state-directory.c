/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a state directory to its contract: private, one daemon's, made with what is above it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/state-directory.h"
#include "support/fault-disk.h"
#include "support/scratch.h"

static void test_private_and_locked(void **state) {
        _cleanup_(state_directory_freep) StateDirectory *first = NULL, *second = NULL;
        _cleanup_free_ char *path = NULL, *file = NULL;
        char *top = scratch_new();
        struct stat st;
        pid_t holder = 0;

        assert_true(asprintf(&path, "%s/a/b", top) > 0);
        assert_int_equal(state_directory_new(path, NULL, &first), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(state_directory_path(first, "x", &file), 0);
        assert_int_equal(strncmp(file, path, strlen(path)), 0);
        assert_string_equal(file + strlen(path), "/x");

        assert_int_equal(state_directory_new(path, &holder, &second), -EBUSY);
        assert_int_equal(holder, getpid());
        first = state_directory_free(first);
        /* One that others could enter is closed to them. */
        assert_int_equal(chmod(path, 0755), 0);
        assert_int_equal(state_directory_new(path, NULL, &second), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        second = state_directory_free(second);

        free(file);
        assert_true(asprintf(&file, "%s/lock", path) > 0);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(state_directory_new(file, NULL, &first), -ENOTDIR);
        assert_int_equal(unlink(file), 0);
        /* A lock that is somebody's link is not followed. */
        assert_int_equal(symlink("/tmp/p2pchat-elsewhere", file), 0);
        assert_int_equal(state_directory_new(path, NULL, &first), -ELOOP);

        scratch_free(top);
}

/* What is in it would be lost with its name. */
static void test_its_name_is_on_disk(void **state) {
        _cleanup_(state_directory_freep) StateDirectory *d = NULL;
        _cleanup_free_ char *path = NULL;
        char *top = scratch_new();
        FaultDisk *disk;

        assert_true(asprintf(&path, "%s/a", top) > 0);
        disk = fault_disk_new(top);
        fault_disk_plan(disk, &(FaultPlan){ .ops = FAULT_SYNC, .at = 1, .error = EIO });
        assert_int_equal(state_directory_new(path, NULL, &d), -EIO);
        fault_disk_plan(disk, &(FaultPlan){ .ops = FAULT_SYNC });
        assert_int_equal(state_directory_new(path, NULL, &d), 0);
        assert_int_equal(fault_disk_get_count(disk), 1);
        d = state_directory_free(d);
        assert_int_equal(state_directory_new(path, NULL, &d), 0);
        assert_int_equal(fault_disk_get_count(disk), 1);

        fault_disk_free(disk);
        scratch_free(top);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_private_and_locked),
                cmocka_unit_test(test_its_name_is_on_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
