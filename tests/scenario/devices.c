/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One person on two machines: one member with one log. One of the machines is signed out from the
 * other, says so, keeps everything, and goes on where it was. And answers that get lost: whoever
 * asks again is let in. */
#include "scenario/support.h"

static void on_done(const Failure *f, void *userdata) {
        *(ErrorCode *) userdata = f ? f->code : ERROR_NONE;
}

static ErrorCode wait_done(World *w, ErrorCode *error) {
        for (unsigned i = 0; *error == ERROR_MAX && i < 600; i++)
                world_pass(w, USEC_PER_SEC / 10);
        assert_int_not_equal(*error, ERROR_MAX);
        return *error;
}

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static ErrorCode passwd(Person *p, const char *old_password, const char *new_password) {
        ErrorCode error = ERROR_MAX;

        assert_int_equal(account_change_password(account(p), old_password, new_password, false,
                                                 on_done, &error, NULL),
                         0);
        return wait_done(p->world, &error);
}

/* One turn of the loop, of all who live in it. */
static void turn(World *w) {
        int r = sd_event_run(w->rig->rt->event, 0);

        assert_true(r >= 0);
        if (r == 0)
                world_pass(w, 1);
}

typedef struct SignedIn {
        ErrorCode error;
        char code[64];
} SignedIn;

static void on_signed_in(const Failure *f, const char *recovery_code, void *userdata) {
        SignedIn *q = userdata;

        q->error = f ? f->code : ERROR_NONE;
        snprintf(q->code, sizeof(q->code), "%s", recovery_code ?: "");
}

static ErrorCode sign_in(Person *p, const char *password) {
        SignedIn q = { .error = ERROR_MAX };

        assert_int_equal(account_sign_in(account(p), "alice", password, on_signed_in, &q, NULL), 0);
        return wait_done(p->world, &q.error);
}

static bool is_dismissed(void *userdata) {
        return strstr(account_get_tracker_reason(account(userdata)), "sign in again");
}

static void test_two_devices(void **state) {
        static const char password[] = "correct horse battery";
        _cleanup_(world_freep) World *w = world_new();
        Person *host = world_person(w, "host"), *desk = world_person(w, "desk"),
               *laptop = world_person(w, "laptop");

        person_sign_up(host, "hanna");
        person_host(host, "lobby");
        person_sign_up(desk, "alice");
        person_sign_in(laptop, "alice");
        (void) person_join(desk, "lobby");
        (void) person_join(laptop, "lobby");
        person_until_state(desk, "lobby", MEMBER_LIVE);
        person_until_state(laptop, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        /* One person is one in the roster. */
        assert_int_equal(channel_member_get_n_online(person_channel(host, "lobby")), 2);
        (void) person_send_id(desk, "lobby", NULL, "from the desk", 20 * USEC_PER_SEC, NULL);
        (void) person_send_id(laptop, "lobby", NULL, "from the laptop", 20 * USEC_PER_SEC, NULL);
        person_until_seq(desk, "lobby", 3);
        person_until_seq(laptop, "lobby", 3);
        assert_same_log(desk, laptop, "lobby");
        assert_same_log(desk, host, "lobby");

        assert_int_equal(passwd(desk, password, "another horse battery"), ERROR_NONE);
        world_until(w, is_dismissed, laptop);
        assert_string_equal(account_get_username(account(laptop)), "alice");
        /* The hosts hear of it, too; what is typed meanwhile waits. */
        world_pass(w, USEC_PER_MINUTE);
        assert_int_not_equal(channel_member_get_state(person_channel(laptop, "lobby")),
                             MEMBER_LIVE);
        (void) person_send(laptop, "lobby", "waits one");
        (void) person_send(laptop, "lobby", "waits two");
        (void) person_send_id(desk, "lobby", NULL, "still here", 20 * USEC_PER_SEC, NULL);
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(manager_get_n_outbox(laptop->manager), 2);
        person_kill(laptop);
        person_start(laptop);
        world_until(w, is_dismissed, laptop);
        ASSERT_TEXTS(laptop, "lobby", "alice: from the desk", "alice: from the laptop");

        assert_int_equal(sign_in(laptop, password), ERROR_BAD_CREDENTIALS);
        assert_int_equal(manager_get_n_outbox(laptop->manager), 2);
        assert_int_equal(sign_in(laptop, "another horse battery"), ERROR_NONE);
        assert_string_equal(account_get_tracker_reason(account(laptop)), "");
        person_until_sent(laptop, "lobby");
        person_until_seq(laptop, "lobby", 6);
        person_until_seq(desk, "lobby", 6);
        world_pass(w, USEC_PER_HOUR);
        ASSERT_TEXTS(host, "lobby", "alice: from the desk", "alice: from the laptop",
                     "alice: still here", "alice: waits one", "alice: waits two");
        assert_same_log(desk, laptop, "lobby");
        assert_same_log(desk, host, "lobby");
}

/* The tracker dies at any moment after it was asked: with the same code again, or with the new one,
 * somebody comes in; and the code that was shown last is good. */
static void test_lost_answer(void **state) {
        bool was_lost = false, was_done = false;

        for (unsigned n = 0; !was_done && n < 400; n++) {
                _cleanup_(world_freep) World *w = world_new();
                Person *desk = world_person(w, "desk"), *laptop = world_person(w, "laptop"),
                       *phone = world_person(w, "phone");
                SignedIn first = { .error = ERROR_MAX }, q = { .error = ERROR_MAX };

                w->rig->settings.password_cost = 1;
                assert_int_equal(account_sign_up(account(desk), "alice", "correct horse battery",
                                                 on_signed_in, &first, NULL),
                                 0);
                assert_int_equal(wait_done(w, &first.error), ERROR_NONE);
                assert_int_equal(account_recover(account(laptop), "alice", first.code,
                                                 "another horse battery", on_signed_in, &q, NULL),
                                 0);
                for (unsigned i = 0; i < n && q.error == ERROR_MAX; i++)
                        turn(w);
                was_done = q.error == ERROR_NONE;
                world_tracker_kill(w);
                (void) wait_done(w, &q.error); /* the answer may have been on its way */
                world_tracker_start(w);
                if (q.error != ERROR_NONE) {
                        assert_true(q.error == ERROR_TIMEOUT ||
                                    q.error == ERROR_TRACKER_UNREACHABLE);
                        was_lost = true;
                        q.error = ERROR_MAX;
                        assert_int_equal(account_recover(account(laptop), "alice", first.code,
                                                         "another horse battery", on_signed_in, &q,
                                                         NULL),
                                         0);
                        assert_int_equal(wait_done(w, &q.error), ERROR_NONE);
                }
                assert_string_equal(account_get_username(account(laptop)), "alice");
                assert_string_not_equal(q.code, first.code);
                world_until(w, is_dismissed, desk);
                first.error = ERROR_MAX;
                assert_int_equal(account_recover(account(phone), "alice", q.code,
                                                 "third horse battery", on_signed_in, &first, NULL),
                                 0);
                assert_int_equal(wait_done(w, &first.error), ERROR_NONE);
        }
        assert_true(was_lost && was_done);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_devices),
                cmocka_unit_test(test_lost_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
