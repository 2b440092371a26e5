/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of somebody whose tracker, or whose own daemon, dies between a question and what
 * follows from its answer: nothing is told wrongly, and to ask once more is enough. */
#include "scenario/support.h"

static const char first_password[] = "correct horse battery";
static const char second_password[] = "another horse battery";

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static void on_done(const Failure *f, void *userdata) {
        *(ErrorCode *) userdata = f ? f->code : ERROR_NONE;
}

static void until_done(World *w, const ErrorCode *error) {
        for (unsigned i = 0; *error == ERROR_MAX && i < 600; i++)
                world_pass(w, USEC_PER_SEC / 10);
        assert_int_not_equal(*error, ERROR_MAX);
}

typedef struct Turns {
        unsigned n_left;
        const ErrorCode *error;
} Turns;

static bool are_over(void *userdata) {
        Turns *x = userdata;

        return *x->error != ERROR_MAX || x->n_left-- == 0;
}

/* So many turns of the loop, of all who live in it, or until there is an answer. */
static void run_turns(World *w, unsigned n, const ErrorCode *error) {
        Turns x = { n, error };

        assert_int_equal(clock_virtual_run(w->rig->rt->clock, are_over, &x, 10 * USEC_PER_MINUTE),
                         1);
}

static bool is_offline(void *userdata) {
        return account_get_tracker_state(account(userdata)) == TRACKER_OFFLINE;
}

/* What waited for the tracker and was sent when it was there may have been done; what was not sent
 * was not. */
static void test_parked_first(void **state) {
        bool was_unreachable = false, was_unknown = false, was_done = false;

        for (unsigned n = 0; !was_done && n < 400; n++) {
                _cleanup_(world_freep) World *w = world_new();
                Person *alice = world_person(w, "alice"), *other = world_person(w, "other");
                ErrorCode error = ERROR_MAX, old;

                w->rig->settings.password_cost = 1;
                person_sign_up(alice, "alice");
                world_tracker_kill(w);
                world_until(w, is_offline, alice);
                world_tracker_start(w);
                assert_int_equal(account_change_password(account(alice), first_password,
                                                         second_password, false, on_done, &error,
                                                         NULL),
                                 0);
                run_turns(w, n, &error);
                was_done = error == ERROR_NONE;
                world_tracker_kill(w);
                until_done(w, &error);
                world_tracker_start(w);
                old = person_try_sign_in(other, "alice", first_password);
                if (error == ERROR_NONE)
                        assert_int_equal(old, ERROR_BAD_CREDENTIALS);
                else if (error == ERROR_TRACKER_UNREACHABLE)
                        assert_int_equal(old, ERROR_NONE);
                else
                        assert_int_equal(error, ERROR_TIMEOUT);
                was_unreachable = was_unreachable || error == ERROR_TRACKER_UNREACHABLE;
                was_unknown =
                        was_unknown || (error == ERROR_TIMEOUT && old == ERROR_BAD_CREDENTIALS);
        }
        assert_true(was_unreachable && was_unknown && was_done);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parked_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
