/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an operator does to accounts: suspends, lets in again, resets, deletes, lists; as the
 * wire shows it, and whatever happens at that moment. */
#include "scenario/operator.h"
#include "support/journal.h"
#include "tracker/message-ids.h"

#define ASSERT_FAILURE(f, expected, words)                                                         \
        do {                                                                                       \
                Failure failure_ = (f);                                                            \
                                                                                                   \
                assert_int_equal(failure_.code, expected);                                         \
                if (!strstr(failure_.message, words))                                              \
                        fail_msg("\"%s\" does not say \"%s\"", failure_.message, words);           \
        } while (0)

#define ASSERT_DONE(f) assert_int_equal((f).code, ERROR_NONE)

static int setup(void **state) {
        journal_begin();
        return 0;
}

static int teardown(void **state) {
        journal_end();
        return 0;
}

static void assert_away(RigClient *c) {
        rig_until(c->rig, &c->is_closed);
        assert_string_equal(c->push_names[c->n_pushes - 1], "GOING_AWAY");
        rig_connect(c);
        assert_true(c->is_closed);
        assert_int_equal(c->why.error, -EKEYREVOKED);
}

static bool is_told(RigClient *host, const char *key) {
        const Value *list;

        assert_int_equal(rig_call(host, "HEARTBEAT", "{\"channels\":[],\"revocations_after\":0}"),
                         ERROR_NONE);
        list = value_get(host->payload, "revocations");
        for (size_t i = 0; i < value_length(list); i++)
                if (streq(rig_string(value_at(list, i), "key"), key))
                        return true;
        return false;
}

static void test_suspend(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *phone = NULL, *bob = NULL,
                                              *gus = NULL, *stranger = NULL, *back = NULL;
        char code[64], more[256], keys[2][KEY_ID_SIZE];

        rig_start(rig);
        alice = rig_client_new(rig);
        rig_connect(alice);
        assert_int_equal(
                rig_call_csr(alice, "SIGNUP", "\"username\":\"alice\",\"password\":\"password1\""),
                ERROR_NONE);
        strcpy(code, rig_string(alice->payload, "recovery_code"));
        alice->certificate = strdup(rig_string(alice->payload, "certificate"));
        rig_connect(alice);
        ASSERT_DONE(sign_in(rig, "alice", "password1", &phone));
        bob = rig_user(rig, "bob");
        gus = rig_guest(rig, "gus");
        assert_int_equal(host_lobby(phone, 3), ERROR_NONE);
        key_id(alice, keys[0]);
        key_id(phone, keys[1]);

        ASSERT_DONE(suspend(rig, "alice", "sells things"));
        assert_string_equal(
                journal_get(journal_expect(MESSAGE_TRACKER_SUSPENDED, "CHAT_REASON=sells things"),
                            "CHAT_USER"),
                "alice");
        assert_away(alice);
        assert_away(phone);
        assert_true(is_told(bob, keys[0]));
        assert_true(is_told(bob, keys[1]));
        assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        assert_false(rig_bool(value_at(value_get(bob->payload, "channels"), 0), "online"));
        assert_int_equal(rig_call(gus, "LIST", "{}"), ERROR_NONE);

        for (unsigned i = 0; i < 2; i++) {
                /* Who does not have the password learns nothing. */
                ASSERT_FAILURE(sign_in(rig, "alice", "password2", NULL), ERROR_BAD_CREDENTIALS,
                               "That name or password is wrong.");
                ASSERT_FAILURE(sign_in(rig, "nobody", "password2", NULL), ERROR_BAD_CREDENTIALS,
                               "That name or password is wrong.");
                ASSERT_FAILURE(sign_in(rig, "alice", "password1", NULL), ERROR_BANNED,
                               "suspended by the operator of this tracker (sells things)");
                assert_string_equal(journal_get(journal_expect(MESSAGE_TRACKER_SUSPENDED_REFUSED,
                                                               "CHAT_PEER=127.0.0.1"),
                                                "CHAT_USER"),
                                    "alice");
                stranger = rig_client_new(rig);
                rig_connect(stranger);
                snprintf(more, sizeof(more),
                         "\"username\":\"alice\",\"recovery_code\":\"%s\","
                         "\"new_password\":\"password3\"",
                         code);
                ASSERT_FAILURE((rig_call_csr(stranger, "RECOVER", more), stranger->failure),
                               ERROR_BANNED, "(sells things)");
                assert_int_equal(rig_call_csr(stranger, "RECOVER",
                                              "\"username\":\"alice\",\"recovery_code\":\"0\","
                                              "\"new_password\":\"password3\""),
                                 ERROR_BAD_CREDENTIALS);
                assert_int_equal(rig_call_csr(stranger, "SIGNUP",
                                              "\"username\":\"alice\",\"password\":\"password1\""),
                                 ERROR_NAME_TAKEN);
                stranger = rig_client_free(stranger);
                free(TAKE_PTR(alice->certificate));
                rig_connect(alice);
                assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_REVOKED);
                assert_int_equal(rig_call_csr(alice, "SIGNUP",
                                              "\"username\":\"alice\",\"password\":\"password1\""),
                                 ERROR_NAME_TAKEN);
                assert_int_equal(rig_call(bob, "WHOIS", "{\"username\":\"alice\"}"), ERROR_NONE);
                assert_true(rig_bool(bob->payload, "exists"));
                /* All of it outlives the process, killed right behind the answer. */
                rig_kill(rig);
                rig_start(rig);
                rig_connect(bob);
                assert_true(is_told(bob, keys[0]));
        }

        /* The code was not spent, nothing was changed; each device signs in anew. */
        ASSERT_DONE(resume(rig, "alice"));
        (void) journal_expect(MESSAGE_TRACKER_RESUMED, "CHAT_USER=alice");
        rig_connect(phone);
        assert_true(phone->is_closed);
        ASSERT_DONE(sign_in(rig, "alice", "password1", &back));
        assert_int_equal(host_lobby(back, 3), ERROR_NONE);
        stranger = rig_client_new(rig);
        rig_connect(stranger);
        assert_int_equal(rig_call_csr(stranger, "RECOVER", more), ERROR_NONE);
}

/* PASSWD and DELETE of a connection that goes away in a moment, with the right password. */
static void test_asked_meanwhile(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        Done d = { 0 };

        rig_start(rig);
        for (unsigned i = 0; i < 60; i++) {
                _cleanup_(rig_client_freep) RigClient *c = NULL;
                char name[NAME_SIZE];
                bool is_deletion = i % 2;

                snprintf(name, sizeof(name), "user%u", i);
                c = rig_user(rig, name);
                if (is_deletion)
                        rig_send(c, "DELETE", "{\"password\":\"password1\"}");
                else
                        rig_send(c, "PASSWD",
                                 "{\"old_password\":\"password1\",\"new_password\":\"password2\"}");
                for (unsigned n = 0; n < i / 2; n++)
                        assert_true(sd_event_run(rig->rt->event, 0) >= 0);
                if (suspend(rig, name, NULL).code == ERROR_NO_SUCH_USER) {
                        assert_true(is_deletion);
                        continue;
                }
                rig_until(rig, &c->is_closed);
                get_user(rig, name, &d);
                assert_int_equal(d.users[0].state, DB_USER_SUSPENDED);
                assert_int_equal(d.users[0].n_devices, 0);
                assert_int_equal(d.users[0].deleted, 0);
        }
}

/* Whatever turn of the loop an operator chooses, of a sign-in that is under way no key is left. */
static void test_sign_in_meanwhile(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        unsigned n_before = 0, n_after = 0;
        Done d = { 0 };

        rig_start(rig);
        for (unsigned i = 0; i < 60; i++) {
                _cleanup_(rig_client_freep) RigClient *user = NULL, *c = rig_client_new(rig);
                char name[NAME_SIZE], more[128];

                snprintf(name, sizeof(name), "user%u", i);
                user = rig_user(rig, name);
                rig_connect(c);
                snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"password1\"",
                         name);
                rig_send_csr(c, "SIGNIN", more);
                for (unsigned n = 0; n < i; n++)
                        assert_true(sd_event_run(rig->rt->event, 0) >= 0);
                ASSERT_DONE(suspend(rig, name, NULL));
                rig_until(rig, &c->is_answered);
                if (c->failure.code == ERROR_NONE)
                        n_before++;
                else {
                        assert_int_equal(c->failure.code, ERROR_BANNED);
                        n_after++;
                }
                get_user(rig, name, &d);
                assert_int_equal(d.n_keys, 0);
                assert_int_equal(d.users[0].n_devices, 0);
                rig_disconnect(c);
                rig_connect(c);
                assert_int_not_equal(rig_call_csr(c, "RENEW", ""), ERROR_NONE);
        }
        assert_true(n_before > 0 && n_after > 0);
}

static void test_reset(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *back = NULL, *again = NULL;
        Done d = { 0 }, other = { 0 };
        char more[256];

        rig_start(rig);
        alice = rig_user(rig, "alice");
        assert_int_equal(host_lobby(alice, 3), ERROR_NONE);
        reset(rig, "alice", &d);
        ASSERT_DONE(d.failure);
        assert_int_equal(strlen(d.password), 19); /* 16 of 32 characters: 80 bits */
        assert_int_equal(strlen(d.recovery_code), 23);
        (void) journal_expect(MESSAGE_TRACKER_RESET, "CHAT_USER=alice");
        journal_assert_never(d.password, strlen(d.password));
        journal_assert_never(d.recovery_code, strlen(d.recovery_code));
        assert_away(alice);
        assert_int_equal(sign_in(rig, "alice", "password1", NULL).code, ERROR_BAD_CREDENTIALS);
        ASSERT_DONE(sign_in(rig, "alice", d.password, &back));
        assert_int_equal(host_lobby(back, 3), ERROR_NONE);

        again = rig_client_new(rig);
        rig_connect(again);
        snprintf(more, sizeof(more),
                 "\"username\":\"alice\",\"recovery_code\":\"%s\",\"new_password\":\"password3\"",
                 d.recovery_code);
        assert_int_equal(rig_call_csr(again, "RECOVER", more), ERROR_NONE);
        assert_away(back);

        /* Two operators at once: one of them has the password that counts. */
        d = (Done){ 0 };
        assert_int_equal(accounts_reset(tracker_get_accounts(rig->tracker), "alice", on_reset, &d,
                                        &d.failure),
                         0);
        reset(rig, "alice", &other);
        ASSERT_FAILURE(other.failure, ERROR_BUSY, "Another operator resets alice");
        assert_true(other.failure.retry_after_ms > 0);
        rig_until(rig, &d.is_done);
        ASSERT_DONE(d.failure);
        ASSERT_DONE(sign_in(rig, "alice", d.password, NULL));
        reset(rig, "alice", &other);
        ASSERT_DONE(other.failure);
        assert_string_not_equal(d.password, other.password);
        assert_string_not_equal(d.recovery_code, other.recovery_code);

        /* Who is suspended stays so. */
        ASSERT_DONE(suspend(rig, "alice", NULL));
        reset(rig, "alice", &d);
        ASSERT_DONE(d.failure);
        assert_int_equal(sign_in(rig, "alice", d.password, NULL).code, ERROR_BANNED);
        ASSERT_DONE(resume(rig, "alice"));
        ASSERT_DONE(sign_in(rig, "alice", d.password, NULL));
}

static void test_delete(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host_lobby(alice, 3), ERROR_NONE);
        ASSERT_DONE(delist(rig, "lobby", "x"));
        ASSERT_DONE(suspend(rig, "alice", "x"));
        ASSERT_DONE(remove_user(rig, "alice"));
        assert_away(alice);
        assert_int_equal(sign_in(rig, "alice", "password1", NULL).code, ERROR_BAD_CREDENTIALS);
        assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->payload, "channels")), 0);
        assert_int_equal(host_lobby(bob, 1), ERROR_NONE); /* name and id are free */
        rig_disconnect(alice);
        free(TAKE_PTR(alice->certificate));
        rig_connect(alice);
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_REVOKED);
        rig_kill(rig);
        rig_start(rig);
        rig_connect(alice);
        rig_connect(bob);
        assert_int_equal(host_lobby(bob, 1), ERROR_NONE);
        {
                _cleanup_(rig_client_freep) RigClient *c = rig_client_new(rig);

                rig_connect(c);
                assert_int_equal(rig_call_csr(c, "SIGNUP",
                                              "\"username\":\"alice\",\"password\":\"password1\""),
                                 ERROR_NAME_TAKEN);
        }
}

/* Each is done on what the one before left behind; who comes too late is told. */
static void test_two_operators(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        Done x = { 0 }, y = { 0 }, z = { 0 };
        Accounts *a;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        a = tracker_get_accounts(rig->tracker);
        assert_int_equal(accounts_suspend(a, "alice", "one", on_account, &x, &x.failure), 0);
        assert_int_equal(accounts_suspend(a, "alice", "two", on_account, &y, &y.failure), 0);
        assert_int_equal(accounts_get_n_operator_calls(a), 2);
        rig_until(rig, &x.is_done);
        rig_until(rig, &y.is_done);
        ASSERT_DONE(x.failure);
        ASSERT_DONE(y.failure);
        assert_int_equal(accounts_get_n_operator_calls(a), 0);
        assert_away(alice);
        get_user(rig, "alice", &z);
        assert_int_equal(z.users[0].state, DB_USER_SUSPENDED);
        assert_string_equal(z.users[0].reason, "two");

        x = y = (Done){ 0 };
        assert_int_equal(accounts_remove(a, "alice", on_account, &x, &x.failure), 0);
        assert_int_equal(accounts_resume(a, "alice", on_account, &y, &y.failure), 0);
        rig_until(rig, &x.is_done);
        rig_until(rig, &y.is_done);
        ASSERT_DONE(x.failure);
        ASSERT_FAILURE(y.failure, ERROR_NO_SUCH_USER, "There is no user alice");
        get_user(rig, "alice", &z);
        assert_int_equal(z.users[0].state, DB_USER_DELETED);
        assert_true(z.users[0].deleted > 0);
}

static void test_list(void **state) {
        static const char *const names[] = { "ada", "alan", "bea", "bob", "carl" };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *phone = NULL, *gus = NULL;
        UsersQuery q = { .after = "", .state = DB_USER_INVALID, .limit = 2 };
        char seen[64] = "";
        Done d = { 0 };

        rig_start(rig);
        for (size_t i = 0; i < 5; i++)
                rig_client_free(rig_user(rig, names[i]));
        gus = rig_guest(rig, "gus");
        ASSERT_DONE(sign_in(rig, "ada", "password1", &phone));
        ASSERT_DONE(suspend(rig, "bea", "two\xc3\xa9"));
        ASSERT_DONE(remove_user(rig, "bob"));
        do {
                char after[NAME_SIZE];

                strcpy(after, d.next);
                q.after = after;
                list_users(rig, &q, &d);
                ASSERT_DONE(d.failure);
                assert_true(d.n_users > 0 && d.n_users <= 2);
                for (size_t i = 0; i < d.n_users; i++) {
                        const DbUser *u = &d.users[i];

                        sprintf(seen + strlen(seen), "%s:%s:%d ", u->name,
                                db_user_state_to_string(u->state), (int) u->n_devices);
                        assert_true(u->created > 0 && u->seen > 0);
                        assert_int_equal(u->suspended > 0, u->state == DB_USER_SUSPENDED);
                        assert_string_equal(u->reason,
                                            u->state == DB_USER_SUSPENDED ? "two\xc3\xa9" : "");
                }
        } while (d.next[0]);
        assert_string_equal(seen, "ada:active:2 alan:active:1 bea:suspended:0 carl:active:1 ");

        q = (UsersQuery){ .after = "", .state = DB_USER_DELETED, .limit = 2 };
        list_users(rig, &q, &d);
        assert_int_equal(d.n_users, 1);
        assert_string_equal(d.users[0].name, "bob");
        assert_true(d.users[0].deleted > 0);
        assert_string_equal(d.next, "");
        q = (UsersQuery){ .after = "", .query = "a", .state = DB_USER_ACTIVE, .limit = 2 };
        list_users(rig, &q, &d);
        assert_int_equal(d.n_users, 2);
        assert_string_equal(d.users[1].name, "alan");
        assert_string_equal(d.next, "bob"); /* what does not match is not looked at again */
        q.after = "bob";
        list_users(rig, &q, &d);
        assert_int_equal(d.n_users, 1);
        assert_string_equal(d.users[0].name, "carl");
        assert_string_equal(d.next, "");
        q.limit = 0;
        list_users(rig, &q, &d);
        assert_int_equal(d.failure.code, ERROR_BAD_REQUEST);
        q.limit = OPERATOR_LIMIT_MAX + 1;
        list_users(rig, &q, &d);
        assert_int_equal(d.failure.code, ERROR_BAD_REQUEST);

        get_user(rig, "ada", &d);
        ASSERT_DONE(d.failure);
        assert_int_equal(d.n_keys, 2);
        assert_true(strcmp(d.keys[0], d.keys[1]) < 0);
}

static void test_refusals(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        static const char *const names[] = {
                "",
                "x",
                "nobody",
                "Nobody",
                "admin",
                "guest-gus",
                "a name",
                "../x",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        };
        char reason[REASON_BYTES_MAX + 2];
        Done d = { 0 };

        rig_start(rig);
        rig_client_free(rig_user(rig, "alice"));
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *words = streq(names[i], "guest-gus") ? "guests have no account"
                                                                 : "There is no user";

                ASSERT_FAILURE(suspend(rig, names[i], NULL), ERROR_NO_SUCH_USER, words);
                ASSERT_FAILURE(resume(rig, names[i]), ERROR_NO_SUCH_USER, words);
                ASSERT_FAILURE(remove_user(rig, names[i]), ERROR_NO_SUCH_USER, words);
                reset(rig, names[i], &d);
                ASSERT_FAILURE(d.failure, ERROR_NO_SUCH_USER, words);
                get_user(rig, names[i], &d);
                ASSERT_FAILURE(d.failure, ERROR_NO_SUCH_USER, words);
        }
        memset(reason, 'x', sizeof(reason));
        reason[REASON_BYTES_MAX + 1] = '\0';
        ASSERT_FAILURE(suspend(rig, "alice", reason), ERROR_BAD_REQUEST, "at most 256 bytes");
        ASSERT_FAILURE(suspend(rig, "alice", "a\nb"), ERROR_BAD_REQUEST, "one line");
        ASSERT_FAILURE(suspend(rig, "alice", "\xff"), ERROR_BAD_REQUEST, "one line");
        reason[REASON_BYTES_MAX] = '\0';
        ASSERT_DONE(suspend(rig, "alice", reason));
        ASSERT_FAILURE(sign_in(rig, "alice", "password1", NULL), ERROR_BANNED, reason);
        get_user(rig, "alice", &d);
        assert_string_equal(d.users[0].reason, reason);
        ASSERT_DONE(resume(rig, "alice"));
        ASSERT_DONE(resume(rig, "alice"));
        ASSERT_DONE(sign_in(rig, "alice", "password1", NULL));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_suspend),
                cmocka_unit_test(test_asked_meanwhile),
                cmocka_unit_test(test_sign_in_meanwhile),
                cmocka_unit_test(test_reset),
                cmocka_unit_test(test_delete),
                cmocka_unit_test(test_two_operators),
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
