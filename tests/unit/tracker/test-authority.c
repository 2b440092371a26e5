/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the tracker's authority to its contract: a rotation is whole or has not been, whatever ends
 * it, and a tracker stays the one it was. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/fault-disk.h"
#include "support/loop.h"
#include "support/scratch.h"
#include "tracker/authority-files.h"
#include "tracker/authority.h"
#include "wire/limits.h"

#define OPERATIONS_MAX 100
#define N_SEEDS 8 /* 0: nothing but what was synced */

typedef struct Fixture {
        TestLoop *loop;
        char *directory;
        Authority *authority;
        bool is_done;
        unsigned n_changed;
        int r;
        char told[PIN_SIZE];
} Fixture;

static void on_changed(void *userdata) {
        Fixture *f = userdata;

        assert_false(f->is_done);
        f->n_changed++;
}

static int reopen(Fixture *f, const char *credentials) {
        int r;

        f->authority = authority_free(f->authority);
        r = authority_new(&f->loop->rt, f->directory, credentials, &f->authority);
        if (r >= 0)
                authority_on_changed(f->authority, on_changed, f);
        return r;
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->loop = test_loop_new();
        f->directory = scratch_new();
        assert_int_equal(reopen(f, NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        authority_free(f->authority);
        test_loop_free(f->loop);
        scratch_free(f->directory);
        free(f);
        return 0;
}

static void on_rotated(int r, const char *pin, void *userdata) {
        Fixture *f = userdata;

        assert_false(f->is_done);
        f->is_done = true;
        f->r = r;
        strcpy(f->told, pin);
}

static int rotate(Fixture *f) {
        int r;

        f->is_done = false;
        f->n_changed = 0;
        r = authority_rotate(f->authority, on_rotated, f);
        if (r < 0)
                return r;
        assert_false(f->is_done);
        test_loop_until_true(f->loop, &f->is_done, USEC_PER_MINUTE);
        assert_int_equal(f->n_changed, f->r >= 0);
        assert_string_equal(f->told, authority_get_pin(f->authority));
        return f->r;
}

static void put(const char *directory, const char *name, const char *text) {
        char path[PATH_MAX];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static void get(const char *directory, const char *name, char ret[static 16384]) {
        char path[PATH_MAX];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        n = read(fd, ret, 16383);
        assert_true(n > 0);
        ret[n] = '\0';
        close(fd);
}

static void drop(const char *directory, const char *name) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        assert_int_equal(unlink(path), 0);
}

static void assert_issues(Fixture *f) {
        _cleanup_(certificate_freep) Certificate *leaf = NULL;
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_free_ char *pem = NULL;
        uint64_t expires;
        Subject s;

        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(authority_issue(f->authority, key, SUBJECT_USER, "alice", USEC_PER_DAY,
                                         &pem, &expires),
                         0);
        assert_int_equal(certificate_from_pem(pem, &leaf), 0);
        assert_int_equal(chain_find_issuer(authority_get_chain(f->authority), leaf), 0);
        assert_int_equal(chain_verify(authority_get_chain(f->authority), leaf,
                                      clock_realtime(f->loop->rt.clock), &s),
                         0);
}

static void test_rotate(void **state) {
        Fixture *f = *state;
        char id[TRACKER_ID_SIZE], pin[PIN_SIZE], path[PATH_MAX], file[16384];
        struct stat st;

        strcpy(id, authority_get_tracker_id(f->authority));
        strcpy(pin, authority_get_pin(f->authority));
        for (size_t n = 2; n <= AUTHORITIES_MAX; n++) {
                char before[PIN_SIZE];

                strcpy(before, authority_get_pin(f->authority));
                assert_int_equal(rotate(f), 0);
                assert_string_not_equal(f->told, before);
                for (unsigned i = 0; i < 2; i++) { /* here, and after a start */
                        assert_string_equal(authority_get_tracker_id(f->authority), id);
                        assert_string_equal(authority_get_pin(f->authority), f->told);
                        assert_int_equal(chain_get_n(authority_get_chain(f->authority)), n);
                        assert_string_equal(
                                chain_get_pin_at(authority_get_chain(f->authority), n - 1), pin);
                        assert_issues(f);
                        get(f->directory, "ca.pem", file);
                        assert_string_equal(file, authority_get_ca_pem(f->authority));
                        assert_int_equal(reopen(f, NULL), 0);
                }
        }
        snprintf(path, sizeof(path), "%s/ca.key", f->directory);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(rotate(f), -ENOSPC);
        assert_issues(f);
}

static void test_one_at_a_time(void **state) {
        Fixture *f = *state;
        char pin[PIN_SIZE];

        f->is_done = false;
        assert_int_equal(authority_rotate(f->authority, on_rotated, f), 0);
        assert_int_equal(authority_rotate(f->authority, on_rotated, f), -EBUSY);
        test_loop_until_true(f->loop, &f->is_done, USEC_PER_MINUTE);
        assert_int_equal(f->r, 0);
        assert_int_equal(rotate(f), 0);
        /* Who asked is gone: it goes on. */
        strcpy(pin, authority_get_pin(f->authority));
        f->is_done = false;
        assert_int_equal(authority_rotate(f->authority, on_rotated, f), 0);
        authority_forget_rotation(f->authority);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_false(f->is_done);
        assert_string_not_equal(authority_get_pin(f->authority), pin);
        /* And so is the authority itself. */
        assert_int_equal(authority_rotate(f->authority, on_rotated, f), 0);
        assert_int_equal(reopen(f, NULL), 0);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_false(f->is_done);
}

/* Another process put another key there: it is not lost by ours. */
static void test_another_key(void **state) {
        Fixture *f = *state;
        Fixture other = { .loop = f->loop, .directory = f->directory };

        assert_int_equal(reopen(&other, NULL), 0);
        assert_int_equal(rotate(&other), 0);
        assert_int_equal(rotate(f), -ESTALE);
        assert_issues(f);
        assert_int_equal(reopen(f, NULL), 0);
        assert_string_equal(authority_get_pin(f->authority), authority_get_pin(other.authority));
        authority_free(other.authority);
}

/* The disk fails at the k-th operation of a rotation, once or from then on (which is as if we were
 * killed there), or loses power: one of the two authorities is there whole. */
static void strike(Fixture *f, int error, bool lasts, uint64_t at, uint64_t seed, bool *ret_end) {
        char id[TRACKER_ID_SIZE], before[PIN_SIZE];
        FaultDisk *disk;
        bool was_new;
        int r;

        /* Each begins on a disk that has all of it. */
        scratch_free(f->directory);
        f->directory = scratch_new();
        assert_int_equal(reopen(f, NULL), 0);
        assert_int_equal(rotate(f), 0);
        strcpy(id, authority_get_tracker_id(f->authority));
        strcpy(before, authority_get_pin(f->authority));
        disk = fault_disk_new(f->directory);
        fault_disk_plan(
                disk,
                &(FaultPlan){ .ops = FAULT_CHANGES, .at = at, .error = error, .lasts = lasts });
        r = rotate(f);
        *ret_end = !fault_disk_has_struck(disk);
        was_new = !streq(authority_get_pin(f->authority), before);
        assert_int_equal(was_new, r >= 0);
        assert_issues(f);
        f->authority = authority_free(f->authority);
        if (error == FAULT_POWER && !*ret_end)
                fault_disk_reboot(disk, seed);
        fault_disk_free(disk);

        assert_int_equal(reopen(f, NULL), 0);
        assert_string_equal(authority_get_tracker_id(f->authority), id);
        if (was_new) /* what was told stays true */
                assert_string_equal(authority_get_pin(f->authority), f->told);
        else if (!lasts && error != FAULT_POWER)
                assert_string_equal(authority_get_pin(f->authority), before);
        assert_true(chain_has_pin(authority_get_chain(f->authority), before));
        assert_issues(f);
        assert_int_equal(rotate(f), 0);
}

static void strike_each(Fixture *f, int error, bool lasts, uint64_t seed) {
        bool end = false;
        uint64_t at;

        for (at = 1; !end; at++) {
                assert_true(at < OPERATIONS_MAX);
                strike(f, error, lasts, at, seed, &end);
        }
        assert_true(at > 5); /* two files, each written, synced and renamed */
}

static void test_the_disk_fails(void **state) {
        static const int errors[] = { EIO, ENOSPC };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                strike_each(*state, errors[i], false, 0);
                strike_each(*state, errors[i], true, 0);
        }
}

static void test_power_is_lost(void **state) {
        for (uint64_t seed = 0; seed < N_SEEDS; seed++)
                strike_each(*state, FAULT_POWER, true, seed);
}

/* 0 once it has seen the last of the rotations, and never anything but a whole authority. */
static int look(const char *directory, const char *id) {
        size_t n = 1;
        pid_t parent = getppid();

        while (n < AUTHORITIES_MAX && getppid() == parent) {
                AuthorityFiles files;
                size_t now;

                if (authority_files_open(directory, NULL, TEST_REALTIME, &files) < 0)
                        return 1;
                if (!streq(chain_get_tracker_id(files.chain), id))
                        return 2;
                now = chain_get_n(files.chain);
                authority_files_done(&files);
                if (now < n)
                        return 3;
                n = now;
        }
        return 0;
}

/* Another process looks (--print-pin) while it happens. */
static void test_a_look_meanwhile(void **state) {
        Fixture *f = *state;
        int status = -1;
        pid_t pid;

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(look(f->directory, authority_get_tracker_id(f->authority)));
        for (unsigned i = 0; i < AUTHORITIES_MAX - 1; i++)
                assert_int_equal(rotate(f), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_what_got_lost(void **state) {
        Fixture *f = *state;
        char id[TRACKER_ID_SIZE], pin[PIN_SIZE], key[16384];

        strcpy(id, authority_get_tracker_id(f->authority));
        get(f->directory, "ca.key", key);
        /* One file of two, before a rotation and after it. */
        for (unsigned i = 0; i < 2; i++) {
                strcpy(pin, authority_get_pin(f->authority));
                drop(f->directory, "ca.pem");
                assert_int_equal(reopen(f, NULL), 0);
                assert_string_equal(authority_get_tracker_id(f->authority), id);
                assert_string_equal(authority_get_pin(f->authority), pin);
                if (i == 0)
                        assert_int_equal(rotate(f), 0);
        }
        /* A key of before beside the chain of now. */
        put(f->directory, "ca.key", key);
        assert_int_equal(reopen(f, NULL), -EKEYREJECTED);
        drop(f->directory, "ca.key");
        assert_int_equal(reopen(f, NULL), -ENOKEY);
}

static void test_bad_keys(void **state) {
        Fixture *f = *state;
        _cleanup_(key_freep) Key *other = NULL;
        _cleanup_free_ char *pem = NULL, *with_chain = NULL, *truncated = NULL;

        assert_int_equal(rotate(f), 0);
        assert_int_equal(key_generate(&other), 0);
        assert_int_equal(key_to_pem(other, &pem), 0);
        assert_true(asprintf(&with_chain, "%s%s", pem, authority_get_ca_pem(f->authority)) > 0);
        put(f->directory, "ca.key", with_chain);
        assert_int_equal(reopen(f, NULL), -EKEYREJECTED);
        assert_true(asprintf(&truncated, "%s-----BEGIN CERTIFICATE-----\n", pem) > 0);
        put(f->directory, "ca.key", truncated);
        assert_int_equal(reopen(f, NULL), -EKEYREJECTED);
        put(f->directory, "ca.key", "hello");
        assert_int_equal(reopen(f, NULL), -EBADMSG);
        put(f->directory, "ca.key", "");
        assert_int_equal(reopen(f, NULL), -EBADMSG);
}

/* What an operator does whose key comes as a credential. */
static void test_credentials(void **state) {
        Fixture *f = *state;
        _cleanup_(key_freep) Key *next = NULL, *third = NULL;
        _cleanup_free_ char *next_pem = NULL, *third_pem = NULL;
        char *credentials = scratch_new();
        char id[TRACKER_ID_SIZE], pin[PIN_SIZE], first[16384];

        strcpy(id, authority_get_tracker_id(f->authority));
        get(f->directory, "ca.key", first);
        assert_int_equal(key_generate(&next), 0);
        assert_int_equal(key_to_pem(next, &next_pem), 0);
        assert_int_equal(key_generate(&third), 0);
        assert_int_equal(key_to_pem(third, &third_pem), 0);

        /* None there: the one in the state directory. */
        assert_int_equal(reopen(f, credentials), 0);
        assert_false(authority_is_credential(f->authority));
        put(credentials, "ca.key", "no key\n");
        assert_int_equal(reopen(f, credentials), -EBADMSG);
        put(credentials, "ca.key", first);
        assert_int_equal(reopen(f, credentials), 0);
        assert_true(authority_is_credential(f->authority));
        assert_string_equal(authority_get_tracker_id(f->authority), id);
        assert_int_equal(rotate(f), -EROFS);

        /* A new one alone is another tracker's. */
        put(credentials, "ca.key", next_pem);
        assert_int_equal(reopen(f, credentials), -EKEYREJECTED);
        put(credentials, "ca.previous.key", "no key\n");
        assert_int_equal(reopen(f, credentials), -EBADMSG);
        put(credentials, "ca.previous.key", third_pem);
        assert_int_equal(reopen(f, credentials), -EKEYREJECTED);
        put(credentials, "ca.previous.key", first);
        assert_int_equal(reopen(f, credentials), 0);
        assert_string_equal(authority_get_tracker_id(f->authority), id);
        assert_int_equal(chain_get_n(authority_get_chain(f->authority)), 2);
        strcpy(pin, authority_get_pin(f->authority));
        /* Signed once, whether the one before stays there or not. */
        assert_int_equal(reopen(f, credentials), 0);
        assert_string_equal(authority_get_pin(f->authority), pin);
        assert_int_equal(chain_get_n(authority_get_chain(f->authority)), 2);
        drop(credentials, "ca.previous.key");
        assert_int_equal(reopen(f, credentials), 0);
        assert_string_equal(authority_get_pin(f->authority), pin);
        assert_string_equal(authority_get_tracker_id(f->authority), id);
        assert_issues(f);

        put(credentials, "ca.key", third_pem);
        put(credentials, "ca.previous.key", next_pem);
        assert_int_equal(reopen(f, credentials), 0);
        assert_int_equal(chain_get_n(authority_get_chain(f->authority)), 3);
        assert_string_equal(authority_get_tracker_id(f->authority), id);
        scratch_free(credentials);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_rotate, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
                cmocka_unit_test_setup_teardown(test_another_key, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_disk_fails, setup, teardown),
                cmocka_unit_test_setup_teardown(test_power_is_lost, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_look_meanwhile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_got_lost, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bad_keys, setup, teardown),
                cmocka_unit_test_setup_teardown(test_credentials, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
