/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of those who have one key hosts: the last to come, never one that had lost it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tracker/holders.h"
#include "wire/limits.h"

#define A "aaaaaaaa-0000-4000-8000-000000000000"
#define B "bbbbbbbb-0000-4000-8000-000000000000"
#define C "cccccccc-0000-4000-8000-000000000000"

/* A session is only ever compared. */
static struct Session *session(uintptr_t n) {
        return (struct Session *) n;
}

static HolderClaim claim(const char *instance, uint64_t serial) {
        return (HolderClaim){
                .key = "key",
                .instance = instance,
                .serial = serial,
                .session = session(serial),
        };
}

static bool admit(Holders *h, const char *instance, uint64_t serial) {
        HolderClaim c = claim(instance, serial);

        return holders_admit(h, &c);
}

static void check_take(Holders *h, const char *instance, uint64_t serial, uintptr_t expected) {
        HolderClaim c = claim(instance, serial);

        assert_true(holders_admit(h, &c));
        assert_ptr_equal(holders_take(h, &c), session(expected));
}

static void test_instances(void **state) {
        _cleanup_(holders_freep) Holders *h = NULL;

        assert_int_equal(holders_new(&h), 0);
        check_take(h, A, 1, 0);
        check_take(h, A, 1, 0); /* its heartbeats */
        check_take(h, A, 2, 1); /* its own old connection, half-open */
        assert_false(admit(h, A, 1));
        holders_forget(h, "key", session(1)); /* no more its one */
        check_take(h, B, 3, 2);

        /* It had lost the tracker meanwhile: its connection is the newest, and it has no right. */
        assert_false(admit(h, A, 4));
        holders_forget(h, "key", session(3));
        assert_false(admit(h, A, 5));
        check_take(h, B, 6, 0);
        check_take(h, C, 4, 6); /* a start that is known to have been later, over an older one */
        assert_false(admit(h, A, 7));
        assert_false(admit(h, B, 7));
        check_take(h, C, 7, 4);
}

static void test_none_is_named(void **state) {
        _cleanup_(holders_freep) Holders *h = NULL;

        assert_int_equal(holders_new(&h), 0);
        check_take(h, "", 1, 0);
        check_take(h, "", 2, 1);
        assert_false(admit(h, "", 1));
        check_take(h, A, 3, 2);
        check_take(h, "", 4, 3);
        assert_false(admit(h, A, 5));
}

/* However many there are: a bounded number is remembered, who is here before who is gone. */
static void test_bounded(void **state) {
        _cleanup_(holders_freep) Holders *h = NULL;

        assert_int_equal(holders_new(&h), 0);
        check_take(h, A, 1, 0);
        check_take(h, B, 2, 1);
        for (unsigned i = 0; i < 2 * HOLDERS_MAX; i++) {
                char key[16];

                snprintf(key, sizeof(key), "key-%u", i);
                (void) holders_take(h, &(HolderClaim){
                                               .key = key,
                                               .instance = C,
                                               .serial = 3 + i,
                                               .session = session(3 + i),
                                       });
                holders_forget(h, key, session(3 + i));
        }
        assert_false(admit(h, A, 9));
        for (unsigned i = 0; i < 3 * INSTANCES_REPLACED_MAX; i++) {
                char instance[UUID_STRING_SIZE];

                snprintf(instance, sizeof(instance), "%08x-0000-4000-8000-000000000000", i);
                check_take(h, instance, 3 + i, 2 + i);
                assert_true(i == 0 || !admit(h, B, 99) || i >= INSTANCES_REPLACED_MAX);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_instances),
                cmocka_unit_test(test_none_is_named),
                cmocka_unit_test(test_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
