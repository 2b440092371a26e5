/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a test gets a Runtime in virtual time (link `test_support`, include "support/loop.h");
 * leaves what runs in it to the test. */
#pragma once

#include "base/runtime.h"

#define TEST_REALTIME (UINT64_C(1767225600) * USEC_PER_SEC) /* 2026-01-01T00:00:00Z */

/* rt: a loop of its own, a virtual clock at TEST_REALTIME, seeded chance, inline workers. All fail
 * the test themselves instead of returning an error. */
typedef struct TestLoop {
        Runtime rt;
} TestLoop;

TestLoop *test_loop_new(void);
TestLoop *test_loop_free(TestLoop *l);
DEFINE_CLEANUP(TestLoop *, test_loop_free);

/* Lets so much virtual time pass. */
void test_loop_run(TestLoop *l, uint64_t usec);
/* Until the condition holds; fails the test after limit_usec of virtual time. */
void test_loop_until(TestLoop *l, bool (*condition)(void *userdata), void *userdata,
                     uint64_t limit_usec);
/* The same for a flag or counter that becomes true. */
void test_loop_until_true(TestLoop *l, const bool *flag, uint64_t limit_usec);
void test_loop_until_count(TestLoop *l, const unsigned *count, unsigned n, uint64_t limit_usec);
