/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of somebody whose tracker, or whose own daemon, dies between a question and what
 * follows from its answer: nothing is told wrongly, and to ask once more is enough. */
#include <sqlite3.h>

#include "daemon/store/store-archive.h"
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

typedef enum Kind { SIGN_UP, SIGN_IN, GUEST, RECOVER, GUEST_SIGNS_UP, KIND_MAX } Kind;

typedef struct Answer {
        ErrorCode error;
        char code[64];
} Answer;

static void on_answer(const Failure *f, const char *recovery_code, void *userdata) {
        Answer *x = userdata;

        x->error = f ? f->code : ERROR_NONE;
        snprintf(x->code, sizeof(x->code), "%s", recovery_code ?: "");
}

static void ask(Person *p, Kind kind, const char *name, const char *code, Answer *x) {
        Account *a = account(p);
        int r = -EINVAL;

        *x = (Answer){ .error = ERROR_MAX };
        switch (kind) {
        case SIGN_UP:
        case GUEST_SIGNS_UP:
                r = account_sign_up(a, name, first_password, on_answer, x, NULL);
                break;
        case SIGN_IN:
                r = account_sign_in(a, name, first_password, on_answer, x, NULL);
                break;
        case GUEST:
                r = account_sign_in_guest(a, name, on_answer, x, NULL);
                break;
        case RECOVER:
                r = account_recover(a, name, code, second_password, on_answer, x, NULL);
                break;
        case KIND_MAX:
                break;
        }
        assert_int_equal(r, 0);
}

static Answer until_answer(Person *p, Kind kind, const char *name, const char *code) {
        Answer x;

        ask(p, kind, name, code, &x);
        until_done(p->world, &x.error);
        return x;
}

/* Of a daemon that does not run. */
static int n_attempts(const Person *p) {
        sqlite3_stmt *stmt;
        char path[PATH_MAX];
        sqlite3 *db;
        int n;

        snprintf(path, sizeof(path), "%s/" STORE_FILE, p->directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM attempt", -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        n = sqlite3_column_int(stmt, 0);
        sqlite3_finalize(stmt);
        sqlite3_close(db);
        return n;
}

static void on_devices(const Failure *f, const AccountDevice *devices, size_t n, void *userdata) {
        *(size_t *) userdata = f ? SIZE_MAX - 1 : n;
}

static bool are_told(void *userdata) {
        return *(size_t *) userdata != SIZE_MAX;
}

static size_t n_devices(Person *p) {
        size_t n = SIZE_MAX;

        assert_int_equal(account_list_devices(account(p), NULL, on_devices, &n, NULL), 0);
        world_until(p->world, are_told, &n);
        return n;
}

/* What the answer was for is there, and not more of it. */
static void check(Person *p, Kind kind, const char *name, const Answer *x) {
        World *w = p->world;
        Person *again;
        Answer code;

        assert_int_equal(x->error, ERROR_NONE);
        assert_non_null(strstr(account_get_username(account(p)), name));
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(account_get_tracker_state(account(p)), TRACKER_ONLINE);
        if (kind == GUEST)
                return;
        assert_int_equal(n_devices(p), kind == SIGN_IN ? 2 : 1);
        if (kind == SIGN_IN)
                return;
        again = world_person(w, "again");
        code = until_answer(again, RECOVER, name, x->code);
        assert_int_equal(code.error, ERROR_NONE);
        person_sign_out(again);
        person_kill(again);
}

/* The daemon dies at any moment after it was asked: asked once more the same way, it says the same,
 * with the recovery code that nobody has seen; and it is no second device for that. */
static void kill_everywhere(Kind kind) {
        _cleanup_(world_freep) World *w = world_new();
        Person *desk = world_person(w, "desk");
        bool was_granted = false, was_done = false;

        w->rig->settings.password_cost = 1;
        for (unsigned n = 0; !was_done; n++) {
                char directory[16], name[16];
                Answer first = {}, x;
                Person *p;

                assert_true(n < 100);
                snprintf(directory, sizeof(directory), "p%u", n);
                snprintf(name, sizeof(name), "alice%u", n);
                if (kind == SIGN_IN || kind == RECOVER) {
                        first = until_answer(desk, SIGN_UP, name, NULL);
                        assert_int_equal(first.error, ERROR_NONE);
                        if (kind == RECOVER)
                                person_sign_out(desk);
                }
                p = world_person(w, directory);
                if (kind == GUEST_SIGNS_UP)
                        person_guest(p, name);
                ask(p, kind, name, first.code, &x);
                run_turns(w, n, &x.error);
                was_done = x.error == ERROR_NONE;
                person_kill(p);
                was_granted = was_granted || (!was_done && n_attempts(p) > 0);
                person_start(p);
                if (!was_done)
                        x = until_answer(p, kind, name, first.code);
                if (x.error == ERROR_ALREADY_SIGNED_IN && kind == GUEST)
                        x.error = ERROR_NONE; /* it has all that there was to be had */
                check(p, kind, name, &x);
                person_kill(p);
                if (kind != GUEST) /* who is in by then does not ask again */
                        assert_int_equal(n_attempts(p), 0);
                if (kind == SIGN_IN)
                        person_sign_out(desk);
        }
        assert_true(was_granted);
}

static void test_sign_up(void **state) {
        kill_everywhere(SIGN_UP);
}

static void test_sign_in(void **state) {
        kill_everywhere(SIGN_IN);
}

static void test_guest(void **state) {
        kill_everywhere(GUEST);
}

static void test_recover(void **state) {
        kill_everywhere(RECOVER);
}

static void test_guest_signs_up(void **state) {
        kill_everywhere(GUEST_SIGNS_UP);
}

static bool is_asked(void *userdata) {
        return n_attempts(userdata) == 1;
}

/* Its key is kept for ten minutes, whether the daemon runs or not. */
static void test_time_is_over(void **state) {
        static const struct {
                uint64_t off_usec, on_usec;
                bool is_kept;
        } table[] = {
                { 9 * USEC_PER_MINUTE, 0, true },
                { 11 * USEC_PER_MINUTE, 0, false },
                { 0, 9 * USEC_PER_MINUTE, true },
                { 0, 11 * USEC_PER_MINUTE, false },
                { 6 * USEC_PER_MINUTE, 5 * USEC_PER_MINUTE, false },
        };
        _cleanup_(world_freep) World *w = world_new();

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char name[16];
                Person *p;
                Answer x;

                snprintf(name, sizeof(name), "alice%zu", i);
                p = world_person(w, name);
                ask(p, SIGN_UP, name, NULL, &x);
                world_until(w, is_asked, p);
                person_kill(p);
                world_pass(w, table[i].off_usec);
                person_start(p);
                world_pass(w, table[i].on_usec);
                person_kill(p);
                assert_int_equal(n_attempts(p), table[i].is_kept);
        }
}

/* No is no: nothing was granted to the key. But where it had been asked with before, that may have
 * been. */
static void test_refused(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *other = world_person(w, "other");
        Answer x;

        person_sign_up(alice, "alice");
        assert_int_equal(until_answer(other, SIGN_UP, "alice", NULL).error, ERROR_NAME_TAKEN);
        person_kill(other);
        assert_int_equal(n_attempts(other), 0);

        person_start(other);
        ask(other, SIGN_UP, "bob", NULL, &x);
        world_until(w, is_asked, other);
        person_kill(other);
        person_start(other);
        x.error = ERROR_MAX;
        assert_int_equal(account_sign_up(account(other), "bob", "short", on_answer, &x, NULL), 0);
        until_done(w, &x.error);
        assert_int_not_equal(x.error, ERROR_NONE);
        person_kill(other);
        assert_int_equal(n_attempts(other), 1);
        person_start(other);
        x = until_answer(other, SIGN_UP, "bob", NULL);
        assert_int_equal(x.error, ERROR_NONE);
        assert_string_not_equal(x.code, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parked_first), cmocka_unit_test(test_sign_up),
                cmocka_unit_test(test_sign_in),      cmocka_unit_test(test_guest),
                cmocka_unit_test(test_recover),      cmocka_unit_test(test_guest_signs_up),
                cmocka_unit_test(test_time_is_over), cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
