/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host restarts, as planned or killed, with members of which one does not come back: nobody is
 * seen leaving but that one, half a minute later and once, and no message is lost or doubled. */
#include <sqlite3.h>

#include "daemon/manager/manager-internal.h"
#include "daemon/store/store-archive.h"
#include "scenario/support.h"
#include "wire/fields.h"

#define WAIT_USEC (20 * USEC_PER_SEC)

typedef struct Stage {
        World *world;
        Person *alice, *bob, *carol, *dave;
        RigClient *stranger; /* asks the tracker */
        bool is_flapping;
} Stage;

static Person *member(World *w, const char *name) {
        Person *p = world_person(w, name);

        person_sign_up(p, name);
        (void) person_join(p, "lobby");
        person_until_state(p, "lobby", MEMBER_LIVE);
        return p;
}

static void setup(Stage *s) {
        *s = (Stage){ .world = world_new() };
        s->alice = world_person(s->world, "alice");
        person_sign_up(s->alice, "alice");
        person_host(s->alice, "lobby");
        s->bob = member(s->world, "bob");
        s->carol = member(s->world, "carol");
        s->dave = member(s->world, "dave");
        s->stranger = rig_client_new(s->world->rig);
        rig_connect(s->stranger);
        /* So long that none of it is news to the disk, nor to the tracker. */
        world_pass(s->world, 10 * USEC_PER_MINUTE);
        rig_connect(s->stranger);
}

static void stage_done(Stage *s) {
        rig_client_free(s->stranger);
        world_free(s->world);
}

static uint64_t n_online(Person *p) {
        return channel_member_get_n_online(person_channel(p, "lobby"));
}

static ChannelHost *host_of(Person *p) {
        ChannelMember *c = person_channel(p, "lobby");

        return c ? channel_member_get_local_host(c) : NULL;
}

/* ---- what is shown ---- */

typedef struct Names {
        bool is_done;
        char names[256];
} Names;

static void on_roster(const Failure *f, const RosterEntry *members, size_t n, const char *next,
                      void *userdata) {
        Names *names = userdata;

        assert_null(f);
        assert_null(next);
        names->is_done = true;
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(members[i].status, PRESENCE_ONLINE);
                strcat(names->names, members[i].username);
                strcat(names->names, " ");
        }
}

static bool is_done(void *userdata) {
        return ((Names *) userdata)->is_done;
}

static void expect_roster(Person *p, const char *expected) {
        Names names = {};

        assert_int_equal(channel_member_get_members(person_channel(p, "lobby"), NULL, 100,
                                                    on_roster, &names, NULL),
                         0);
        world_until(p->world, is_done, &names);
        assert_string_equal(names.names, expected);
}

static uint64_t directory_members(Stage *s) {
        assert_int_equal(rig_call(s->stranger, "LIST", "{}"), ERROR_NONE);
        return rig_uint(value_at(value_get(s->stranger->payload, "channels"), 0), "members");
}

static void expect_members(Stage *s, const char *names, uint64_t n) {
        expect_roster(s->alice, names);
        expect_roster(s->bob, names);
        expect_roster(s->carol, names);
        assert_int_equal(n_online(s->alice), n);
        assert_int_equal(n_online(s->bob), n);
        assert_int_equal(n_online(s->carol), n);
}

/* Neither of the two ever counts fewer than four. */
static bool both_are_live(void *userdata) {
        Stage *s = userdata;

        s->is_flapping = s->is_flapping || n_online(s->bob) < 4 || n_online(s->carol) < 4 ||
                         (host_of(s->alice) && channel_host_get_n_online(host_of(s->alice)) < 4);
        return channel_member_get_state(person_channel(s->bob, "lobby")) == MEMBER_LIVE &&
               channel_member_get_state(person_channel(s->carol, "lobby")) == MEMBER_LIVE;
}

/* ---- the stories ---- */

static void restart(Stage *s, bool is_planned, uint64_t away_usec) {
        uint64_t generation = channel_host_get_generation(host_of(s->alice));

        if (is_planned)
                person_stop(s->alice);
        else
                person_kill(s->alice);
        person_until_state(s->bob, "lobby", MEMBER_OFFLINE);
        person_until_state(s->carol, "lobby", MEMBER_OFFLINE);
        (void) person_send(s->bob, "lobby", "is it away?");
        (void) person_send(s->carol, "lobby", "it is");
        world_pass(s->world, away_usec);
        person_start(s->alice);
        world_until(s->world, both_are_live, s);
        assert_true(channel_host_get_generation(host_of(s->alice)) > generation);
}

static void expect_dave_to_leave(Stage *s) {
        unsigned bob_told = s->bob->n_presence, carol_told = s->carol->n_presence;

        assert_false(s->is_flapping);
        expect_members(s, "alice bob carol dave ", 4);
        world_pass(s->world, 20 * USEC_PER_SEC);
        expect_members(s, "alice bob carol dave ", 4);
        assert_int_equal(directory_members(s), 4);
        assert_int_equal(s->bob->n_presence, bob_told);
        assert_int_equal(s->carol->n_presence, carol_told);

        world_pass(s->world, 15 * USEC_PER_SEC);
        expect_members(s, "alice bob carol ", 3);
        assert_int_equal(s->bob->n_presence, bob_told + 1);
        assert_int_equal(s->carol->n_presence, carol_told + 1);
        world_pass(s->world, USEC_PER_MINUTE);
        assert_int_equal(s->bob->n_presence, bob_told + 1);
        assert_int_equal(directory_members(s), 3);
}

static void expect_all_messages(Stage *s) {
        person_until_sent(s->bob, "lobby");
        person_until_sent(s->carol, "lobby");
        person_until_seq(s->bob, "lobby", 3);
        person_until_seq(s->carol, "lobby", 3);
        assert_same_log(s->alice, s->bob, "lobby");
        assert_same_log(s->alice, s->carol, "lobby");
        assert_int_equal(channel_member_get_last_seq(person_channel(s->alice, "lobby")), 3);
}

static void test_planned(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        person_kill(s.dave);
        restart(&s, true, 3 * USEC_PER_SEC);
        expect_dave_to_leave(&s);
        expect_all_messages(&s);
        /* The next one begins with what this one knew. */
        restart(&s, true, 0);
        expect_members(&s, "alice bob carol ", 3);
}

static void test_killed(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        person_kill(s.dave);
        restart(&s, false, 3 * USEC_PER_SEC);
        expect_dave_to_leave(&s);
        expect_all_messages(&s);
}

/* Killed again and again, before the grace ends: it begins anew, and is told once in the end. */
static void test_killed_repeatedly(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        person_kill(s.dave);
        for (unsigned i = 0; i < 4; i++)
                restart(&s, i % 2, 10 * USEC_PER_SEC);
        expect_dave_to_leave(&s);
}

/* All of it passes while nobody is there to tell: who comes back is there, nobody else. */
static void test_away_for_long(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        person_kill(s.dave);
        person_stop(s.alice);
        world_pass(s.world, 5 * USEC_PER_MINUTE);
        person_start(s.alice);
        person_until_state(s.alice, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_host_get_n_online(host_of(s.alice)), 1);
        world_until(s.world, both_are_live, &s);
        world_pass(s.world, 2 * USEC_PER_SEC);
        expect_members(&s, "alice bob carol ", 3);
}

/* Who is not hosted here any more has nobody in it. */
static void test_unhosted_between(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        person_kill(s.dave);
        assert_int_equal(person_unhost(s.alice, "lobby", false), ERROR_NONE);
        person_kill(s.alice);
        person_start(s.alice);
        person_host(s.alice, "lobby");
        assert_int_equal(channel_host_get_n_online(host_of(s.alice)), 1);
}

/* A generation that no host came to leaves none for what is told next: it begins anew. */
static void test_generation_of_nobody(void **state) {
        _cleanup_(stage_done) Stage s;
        char path[PATH_MAX];
        sqlite3 *db;

        setup(&s);
        person_kill(s.dave);
        person_kill(s.alice);
        person_until_state(s.bob, "lobby", MEMBER_OFFLINE);
        person_until_state(s.carol, "lobby", MEMBER_OFFLINE);
        snprintf(path, sizeof(path), "%s/" STORE_FILE, s.alice->directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "UPDATE roster SET generation = 9007199254740991", NULL,
                                      NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_changes(db), 1);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        person_start(s.alice);
        world_until(s.world, both_are_live, &s);
        world_pass(s.world, 20 * USEC_PER_SEC);
        expect_members(&s, "alice bob carol ", 3);
        assert_true(channel_host_get_generation(host_of(s.alice)) < UINT64_C(1) << 32);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_planned),
                cmocka_unit_test(test_killed),
                cmocka_unit_test(test_killed_repeatedly),
                cmocka_unit_test(test_away_for_long),
                cmocka_unit_test(test_unhosted_between),
                cmocka_unit_test(test_generation_of_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
