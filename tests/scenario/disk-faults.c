/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a conversation when the disk of the host, or of a member, fails or loses power at
 * any of the operations that it needs: nothing that was told turns out untrue. Every operation for
 * a power loss and a fault that passes, every so-manieth for what lasts and for sampled losses; all
 * of them in each way in the long form (`tests/run --long`). disk-faults [TESTS
 * [FROM [STRIDE]]]: which tests (a pattern), and which operations. */
#include <stdlib.h>

#include "base/log.h"
#include "scenario/disk-play.h"

#define OPERATIONS_MAX 5000

static uint64_t first = 1, stride = 0; /* 0: as the test says */
static uint64_t n_seeds = 2;

/* Alice hosts, bob joins late and reads what was before; both write, with waiting and without; bob
 * is off while alice writes, alice while bob does, who takes one back; one is refused and sent
 * again; in the end both stop. */
static void play(Play *p) {
        Line *l;

        play_host(p);
        (void) play_send(p, p->alice, "a1", true);
        (void) play_send(p, p->alice, "a2", false);
        (void) play_send(p, p->alice, "a3", true);
        play_join(p, 1);
        (void) play_send(p, p->bob, "b1", true);
        (void) play_send(p, p->bob, "b2", false);
        (void) play_send(p, p->alice, "a4", false);
        play_until_even(p);
        play_mark_read(p, 3);
        play_kill(p, p->bob);
        (void) play_send(p, p->alice, "a5", true);
        play_start(p, p->bob);
        play_until_even(p);
        play_read_older(p);
        play_kill(p, p->alice);
        (void) play_send(p, p->bob, "b3", false);
        l = play_send(p, p->bob, "b4", false);
        play_cancel(p, l);
        play_start(p, p->alice);
        play_until_even(p);
        play_set_view(p, SEND_MEMBERS);
        l = play_send(p, p->bob, "b5", false);
        play_until_failed(p, l);
        play_set_view(p, SEND_REGISTERED);
        play_retry(p, l);
        play_until_even(p);
        play_mark_read(p, 7);
        play_check(p);
        play_leave(p);
        play_unhost(p);
        play_check(p);
}

typedef struct Kind {
        bool is_host;
        int error;
        bool lasts, is_lying;
        uint64_t seed;
} Kind;

/* What was wrong, how often; told where it may not be. */
static unsigned at_every_operation(const Kind *k, uint64_t from, uint64_t by, bool may_be_wrong) {
        unsigned n_wrong = 0, n_struck = 0;

        for (uint64_t n = from;; n += by) {
                _cleanup_(play_freep) Play *p = play_new(k->is_host);
                bool was_struck;

                assert_true(n < OPERATIONS_MAX);
                p->seed = k->seed > 0 ? k->seed * 10000 + n : 0;
                fault_disk_set_lying(p->disk, k->is_lying);
                fault_disk_plan(p->disk, &(FaultPlan){ .ops = FAULT_CHANGES,
                                                       .at = n,
                                                       .error = k->error,
                                                       .lasts = k->lasts });
                play(p);
                was_struck = fault_disk_has_struck(p->disk);
                n_struck += was_struck;
                if (play_is_wrong(p)) {
                        n_wrong++;
                        if (!may_be_wrong)
                                fail_msg("%s, %s%s at %" PRIu64 " (%s), seed %" PRIu64 ": %s",
                                         k->is_host ? "host" : "member",
                                         k->error == FAULT_POWER ? "power" : strerror(k->error),
                                         k->lasts ? " from there on" : "", n,
                                         fault_disk_get_struck(p->disk), p->seed, p->wrong);
                }
                if (!was_struck)
                        break;
        }
        print_message("%u operations, %u untruths\n", n_struck, n_wrong);
        assert_true(n_struck > 0);
        return n_wrong;
}

/* It goes well where nothing fails. */
static void nothing_fails(bool is_host) {
        _cleanup_(play_freep) Play *p = play_new(is_host);

        fault_disk_plan(p->disk, &(FaultPlan){ .ops = FAULT_CHANGES });
        play(p);
        if (play_is_wrong(p))
                fail_msg("%s", p->wrong);
        print_message("%" PRIu64 " operations\n", fault_disk_get_count(p->disk));
        assert_int_equal(p->n_lines, 10);
}

static void the_host_is_well(void **state) {
        nothing_fails(true);
}

static void the_member_is_well(void **state) {
        nothing_fails(false);
}

static void run(const Kind *k, uint64_t by) {
        (void) at_every_operation(k, first, stride > 0 ? stride : by, false);
}

static void the_host_loses_power(void **state) {
        run(&(Kind){ .is_host = true, .error = FAULT_POWER }, 1);
}

static void the_member_loses_power(void **state) {
        run(&(Kind){ .error = FAULT_POWER }, 1);
}

/* Some of what was not synced is there all the same. */
static void the_host_loses_some(void **state) {
        for (uint64_t seed = 1; seed <= n_seeds; seed++)
                run(&(Kind){ .is_host = true, .error = FAULT_POWER, .seed = seed }, 19);
}

static void the_member_loses_some(void **state) {
        for (uint64_t seed = 1; seed <= n_seeds; seed++)
                run(&(Kind){ .error = FAULT_POWER, .seed = seed }, 19);
}

static void the_host_disk_fails_once(void **state) {
        run(&(Kind){ .is_host = true, .error = EIO }, 1);
}

static void the_member_disk_fails_once(void **state) {
        run(&(Kind){ .error = EIO }, 1);
}

static void the_host_disk_is_in_trouble(void **state) {
        run(&(Kind){ .is_host = true, .error = ENOSPC, .lasts = true }, 14);
        run(&(Kind){ .is_host = true, .error = EROFS, .lasts = true }, 29);
        run(&(Kind){ .is_host = true, .error = EIO, .lasts = true }, 23);
}

static void the_member_disk_is_in_trouble(void **state) {
        run(&(Kind){ .error = ENOSPC, .lasts = true }, 14);
        run(&(Kind){ .error = EROFS, .lasts = true }, 29);
        run(&(Kind){ .error = EIO, .lasts = true }, 23);
}

/* synchronous=OFF is that to a file: the same check finds it out. */
static void a_host_is_found_lying(void **state) {
        Kind k = { .is_host = true, .error = FAULT_POWER, .is_lying = true };

        assert_true(at_every_operation(&k, 20, 40, true) > 0);
}

static void a_member_is_found_lying(void **state) {
        Kind k = { .error = FAULT_POWER, .is_lying = true };

        assert_true(at_every_operation(&k, 20, 40, true) > 0);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_host_is_well),
                cmocka_unit_test(the_member_is_well),
                cmocka_unit_test(the_host_loses_power),
                cmocka_unit_test(the_member_loses_power),
                cmocka_unit_test(the_host_loses_some),
                cmocka_unit_test(the_member_loses_some),
                cmocka_unit_test(the_host_disk_fails_once),
                cmocka_unit_test(the_member_disk_fails_once),
                cmocka_unit_test(the_host_disk_is_in_trouble),
                cmocka_unit_test(the_member_disk_is_in_trouble),
                cmocka_unit_test(a_host_is_found_lying),
                cmocka_unit_test(a_member_is_found_lying),
        };

        if (getenv("P2PCHAT_TEST_LONG")) {
                stride = 1;
                n_seeds = 8;
        }
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        if (argc > 2)
                first = strtoull(argv[2], NULL, 10);
        if (argc > 3)
                stride = strtoull(argv[3], NULL, 10);
        log_set_max_level(LOG_CRIT); /* it has much to say */
        fault_vfs_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
