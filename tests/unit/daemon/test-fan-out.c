/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a host to what fanning out costs: a batch is encoded once for all, and whoever is at the
 * head, or not far behind it, is given it as one frame; leaves what is in it to
 * test-channel-host.c.
 */
#include "unit/daemon/member-double.h"

#include "wire/entry.h"

#define N_BATCH 60

/* Each entry that is made text of, by whomever (the linker's --wrap). */
static unsigned entries_encoded;
void __real_entry_write(Writer *w, const char *key, const Entry *e);
void __wrap_entry_write(Writer *w, const char *key, const Entry *e);

void __wrap_entry_write(Writer *w, const char *key, const Entry *e) {
        entries_encoded++;
        __real_entry_write(w, key, e);
}

static Member *at_the_head(Fixture *f, const char *name) {
        Member *m = member_new(f, name);

        assert_int_equal(member_connect(m, head_of(f)), ERROR_NONE);
        member_forget(m);
        return m;
}

static int setup_fast(void **state) {
        int r = setup(state);

        local_without_rate(*state);
        return r;
}

static void test_once_for_all(void **state) {
        Fixture *f = *state;
        Member *members[] = {
                at_the_head(f, "bob"),
                at_the_head(f, "carol"),
                at_the_head(f, "dave"),
        };
        uint64_t head = head_of(f);

        settle(f);
        entries_encoded = 0;
        for (unsigned batch = 1; batch <= 3; batch++) {
                local_fill(f, batch * N_BATCH, N_BATCH, 20);
                assert_int_equal(entries_encoded, batch * N_BATCH);
                for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                        wait_seen(members[i], head + batch * N_BATCH);
                        assert_int_equal(members[i]->n_pushes, batch);
                        assert_int_equal(members[i]->largest_push, N_BATCH);
                }
                assert_int_equal(entries_encoded, batch * N_BATCH);
        }
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                member_free(members[i]);
}

/* What was encoded for others is what one that comes back is given. */
static void test_not_far_behind(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = at_the_head(f, "bob");
        _cleanup_(member_freep) Member *carol = NULL;
        uint64_t head = head_of(f);

        local_fill(f, 1, N_BATCH, 20);
        wait_seen(bob, head + N_BATCH);
        entries_encoded = 0;
        carol = member_new(f, "carol");
        assert_int_equal(member_connect(carol, head), ERROR_NONE);
        wait_seen(carol, head + N_BATCH);
        assert_int_equal(carol->n_pushes, 1);
        assert_int_equal(entries_encoded, 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_once_for_all, setup_fast, teardown),
                cmocka_unit_test_setup_teardown(test_not_far_behind, setup_fast, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
