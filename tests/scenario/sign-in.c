/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which key a sign-in takes: the one of the attempt before, where that may have been granted and
 * was not kept; never one that a sign-out has destroyed. */
#include <sqlite3.h>

#include "daemon/account/account-owner.h"
#include "daemon/store/store-archive.h"
#include "scenario/support.h"

#define CODE_SIZE 32
#define TURNS_MAX 200 /* of the loop, for one sign-in; about 10 */

typedef struct Answer {
        bool is_done;
        ErrorCode error;
        char code[CODE_SIZE];
} Answer;

static void on_answer(const Failure *f, const char *recovery_code, void *userdata) {
        Answer *x = userdata;

        x->is_done = true;
        x->error = f ? f->code : ERROR_NONE;
        snprintf(x->code, sizeof(x->code), "%s", recovery_code ?: "");
}

static Answer until_answer(Person *p, Answer *x, int r) {
        assert_int_equal(r, 0);
        test_loop_until_true(p->world->rig->loop, &x->is_done, 10 * USEC_PER_MINUTE);
        return *x;
}

static Answer sign_up(Person *p, const char *username) {
        Answer x = {};

        return until_answer(p, &x,
                            account_sign_up(manager_get_account(p->manager), username,
                                            "correct horse battery", on_answer, &x, NULL));
}

static Answer recover(Person *p, const char *username, const char *code) {
        Answer x = {};

        return until_answer(p, &x,
                            account_recover(manager_get_account(p->manager), username, code,
                                            "another horse battery", on_answer, &x, NULL));
}

static sqlite3 *lock_store(Person *p) {
        char path[PATH_MAX];
        sqlite3 *db;

        snprintf(path, sizeof(path), "%s/" STORE_FILE, p->directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        return db;
}

static bool is_key_kept(void *userdata) {
        const Person *p = userdata;
        sqlite3_stmt *stmt;
        char path[PATH_MAX];
        sqlite3 *db;
        bool is_kept;

        snprintf(path, sizeof(path), "%s/" STORE_FILE, p->directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "SELECT 1 FROM attempt", -1, &stmt, NULL),
                         SQLITE_OK);
        is_kept = sqlite3_step(stmt) == SQLITE_ROW;
        sqlite3_finalize(stmt);
        sqlite3_close(db);
        return is_kept;
}

/* The tracker has done its part, and what it gave could not be written down. */
static void test_disk_fails(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        Answer first, lost = {}, second;
        Account *a = manager_get_account(alice->manager);
        sqlite3 *db;

        assert_int_equal(
                account_sign_up(a, "alice", "correct horse battery", on_answer, &lost, NULL), 0);
        world_until(w, is_key_kept, alice);
        db = lock_store(alice);
        assert_int_equal(until_answer(alice, &lost, 0).error, ERROR_BUSY);
        assert_null(account_get_username(a));
        sqlite3_close(db);
        first = sign_up(alice, "alice");
        assert_int_equal(first.error, ERROR_NONE);
        person_sign_out(alice);

        lost = (Answer){};
        assert_int_equal(account_recover(a, "alice", first.code, "another horse battery", on_answer,
                                         &lost, NULL),
                         0);
        world_until(w, is_key_kept, alice);
        db = lock_store(alice);
        assert_int_equal(until_answer(alice, &lost, 0).error, ERROR_BUSY);
        sqlite3_close(db);
        second = recover(alice, "alice", first.code);
        assert_int_equal(second.error, ERROR_NONE);
        assert_string_not_equal(second.code, first.code);
        assert_int_equal(strlen(second.code), strlen(first.code));

        /* And it is what it seems to be. */
        person_sign_out(alice);
        assert_int_equal(recover(alice, "alice", second.code).error, ERROR_NONE);
}

/* A key that cannot be kept is not asked with. */
static void test_disk_fails_before(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *other = world_person(w, "other");
        sqlite3 *db = lock_store(alice);

        assert_int_equal(sign_up(alice, "alice").error, ERROR_BUSY);
        sqlite3_close(db);
        assert_int_equal(sign_up(other, "alice").error, ERROR_NONE); /* the name is free */
}

/* It may be valid still, where the tracker could not be told; nobody has it any more. */
static void test_destroyed(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        char before[KEY_ID_SIZE], after[KEY_ID_SIZE];

        person_sign_up(alice, "alice");
        account_get_key_id(manager_get_account(alice->manager), before);
        world_tracker_kill(w);
        assert_int_equal(person_try_sign_in(alice, "alice", "correct horse battery"),
                         ERROR_TRACKER_UNREACHABLE);
        person_sign_out(alice);
        world_tracker_start(w);
        person_sign_in(alice, "alice");
        account_get_key_id(manager_get_account(alice->manager), after);
        assert_string_not_equal(before, after);
}

static const char *who_is_here(Person *p) {
        return account_get_username(manager_get_account(p->manager)) ?: "";
}

static bool is_online(void *userdata) {
        const Person *p = userdata;

        return account_get_tracker_state(manager_get_account(p->manager)) == TRACKER_ONLINE;
}

/* Whenever the connection ends: what is told, what is shown and what is on disk are one. */
static void test_connection_ends(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *gus = world_person(w, "gus");
        Answer x = {};

        for (unsigned n_turns = 0; !x.is_done; n_turns++) {
                char name[NAME_SIZE], before[NAME_SIZE];
                Account *a = manager_get_account(gus->manager);

                assert_true(n_turns < TURNS_MAX);
                world_until(w, is_online, gus);
                x = (Answer){};
                snprintf(name, sizeof(name), "gus%u", n_turns);
                assert_int_equal(account_sign_in_guest(a, name, on_answer, &x, NULL), 0);
                for (unsigned i = 0; i < n_turns && !x.is_done; i++)
                        assert_true(sd_event_run(w->rig->rt->event, 0) >= 0);
                if (x.is_done)
                        break;
                world_tracker_kill(w);
                test_loop_until_true(w->rig->loop, &x.is_done, USEC_PER_MINUTE);
                strcpy(before, who_is_here(gus));
                assert_int_equal(before[0] != 0, x.error == ERROR_NONE);
                person_kill(gus);
                world_tracker_start(w);
                person_start(gus);
                assert_string_equal(who_is_here(gus), before);
                if (before[0])
                        person_sign_out(gus);
                x = (Answer){};
        }
        assert_int_equal(x.error, ERROR_NONE);
}

/* ---- what is here of who signs in ---- */

typedef struct Return {
        Person *person;
        bool is_done, is_asked, was_early;
        ErrorCode hosted;
} Return;

static void on_returned(const Failure *f, const char *recovery_code, void *userdata) {
        Return *x = userdata;
        ChannelMember *lobby = person_channel(x->person, "lobby");

        assert_null(f);
        x->is_done = true;
        assert_non_null(lobby);
        assert_int_equal(channel_member_get_synced_seq(lobby), 2);
}

static void on_hosted(const Failure *f, ChannelMember *c, void *userdata) {
        Return *x = userdata;

        x->hosted = f ? f->code : ERROR_NONE;
}

/* Asks as soon as somebody is signed in. */
static bool has_returned(void *userdata) {
        static const HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };
        Return *x = userdata;

        if (!x->is_asked && account_get_username(manager_get_account(x->person->manager))) {
                x->is_asked = true;
                x->was_early = !x->is_done;
                assert_int_equal(
                        manager_host(x->person->manager, "lobby", &options, on_hosted, x, NULL), 0);
        }
        return x->is_done && x->hosted != ERROR_INVALID;
}

/* It is done when all of it can be seen; until then nothing is done that would pass it by. */
static void test_channels_are_there(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        Return x = { .person = alice, .hosted = ERROR_INVALID };
        char id[UUID_STRING_SIZE];

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        (void) person_send(alice, "lobby", "one");
        person_until_sent(alice, "lobby");
        strcpy(id, channel_member_get_id(person_channel(alice, "lobby")));
        person_sign_out(alice);
        assert_null(person_channel(alice, "lobby"));

        assert_int_equal(account_sign_in(manager_get_account(alice->manager), "alice",
                                         "correct horse battery", on_returned, &x, NULL),
                         0);
        world_until(w, has_returned, &x);
        assert_true(x.was_early);
        assert_int_equal(x.hosted, ERROR_BUSY);
        person_host(alice, "lobby");
        assert_int_equal(alice->n_channels, 1);
        assert_string_equal(channel_member_get_id(person_channel(alice, "lobby")), id);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_channels_are_there), cmocka_unit_test(test_disk_fails),
                cmocka_unit_test(test_disk_fails_before),  cmocka_unit_test(test_destroyed),
                cmocka_unit_test(test_connection_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
