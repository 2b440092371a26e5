/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a revoked key can still do at peers: nothing, within half a minute, and nothing for ever. */

#include "daemon/account/account-owner.h"
#include "scenario/support.h"
#include "support/scratch.h"

#define SOON_USEC (30 * USEC_PER_SEC) /* after the tracker's decision, at a lease of 60 s */

/* Another device of the user, by which a person revokes one that was lost. */
static RigClient *another_device(World *w, const char *username) {
        RigClient *c = rig_client_new(w->rig);
        char more[128];

        rig_connect(c);
        snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"correct horse battery\"",
                 username);
        assert_int_equal(rig_call_csr(c, "SIGNIN", more), ERROR_NONE);
        c->certificate = strdup(rig_string(c->payload, "certificate"));
        assert_non_null(c->certificate);
        rig_connect(c);
        return c;
}

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static void revoke_key(World *w, const char *username, const char *key) {
        _cleanup_(rig_client_freep) RigClient *c = another_device(w, username);

        assert_int_equal(rig_call(c, "DEVICES", "{\"revoke\":[\"%s\"]}", key), ERROR_NONE);
}

static void revoke_device_of(Person *p, const char *username) {
        char key[KEY_ID_SIZE];

        account_get_key_id(account(p), key);
        revoke_key(p->world, username, key);
}

static bool is_live(Person *p, const char *channel) {
        ChannelMember *c = person_channel(p, channel);

        return c && channel_member_get_state(c) == MEMBER_LIVE;
}

static size_t n_here(Person *p) {
        size_t n_channels, n_members;

        manager_get_hosting(p->manager, &n_channels, &n_members);
        return n_members;
}

typedef struct Two {
        World *w;
        Person *alice, *bob, *carol;
} Two;

/* alice hosts, bob and carol are there. */
static void begin(Two *t) {
        t->w = world_new();
        t->alice = world_person(t->w, "alice");
        t->bob = world_person(t->w, "bob");
        t->carol = world_person(t->w, "carol");
        person_sign_up(t->alice, "alice");
        person_sign_up(t->bob, "bob");
        person_sign_up(t->carol, "carol");
        person_host(t->alice, "lobby");
        (void) person_join(t->bob, "lobby");
        (void) person_join(t->carol, "lobby");
        person_until_state(t->bob, "lobby", MEMBER_LIVE);
        person_until_state(t->carol, "lobby", MEMBER_LIVE);
}

static void test_live_member(void **state) {
        Two t;

        begin(&t);
        assert_int_equal(n_here(t.alice), 3);
        revoke_device_of(t.bob, "bob");
        world_pass(t.w, SOON_USEC);
        assert_int_equal(n_here(t.alice), 2);
        assert_int_equal(channel_member_get_state(person_channel(t.bob, "lobby")), MEMBER_DENIED);
        assert_string_equal(channel_member_get_state_reason(person_channel(t.bob, "lobby")),
                            "revoked");
        assert_non_null(strstr(channel_member_get_state_text(person_channel(t.bob, "lobby")),
                               "p2pchatctl signin bob"));
        assert_non_null(strstr(account_get_tracker_reason(account(t.bob)), "sign in again"));
        assert_true(is_live(t.carol, "lobby"));

        /* What was typed stays, and goes out with the key of the next sign-in, without a return to
         * what was before. */
        (void) person_send(t.bob, "lobby", "typed while locked out");
        world_pass(t.w, 3 * USEC_PER_HOUR);
        assert_int_equal(n_here(t.alice), 2);
        assert_int_equal(channel_member_get_state(person_channel(t.bob, "lobby")), MEMBER_DENIED);
        person_sign_in(t.bob, "bob");
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        person_until_sent(t.bob, "lobby");
        ASSERT_TEXTS(t.carol, "lobby", "bob: typed while locked out");
        assert_same_log(t.alice, t.bob, "lobby");
        world_free(t.w);
}

/* Kept on disk: the tracker need not be there to say it again. */
static void test_next_handshake(void **state) {
        Two t;

        begin(&t);
        revoke_device_of(t.bob, "bob");
        world_pass(t.w, SOON_USEC);
        world_tracker_kill(t.w);
        for (unsigned i = 0; i < 2; i++) {
                person_kill(t.alice);
                world_pass(t.w, USEC_PER_MINUTE);
                assert_false(is_live(t.carol, "lobby"));
                person_start(t.alice);
                person_until_state(t.carol, "lobby", MEMBER_LIVE);
                world_pass(t.w, 10 * USEC_PER_MINUTE);
                assert_int_equal(n_here(t.alice), 2);
                assert_false(is_live(t.bob, "lobby"));
        }
        world_free(t.w);
}

/* The other way round: nobody goes to a host whose key is revoked, not even while that host has
 * not heard of it. */
static void test_host(void **state) {
        char key[KEY_ID_SIZE];
        Two t;

        begin(&t);
        account_get_key_id(account(t.alice), key);
        person_kill(t.alice);
        revoke_key(t.w, "alice", key);
        world_pass(t.w, 6 * USEC_PER_MINUTE); /* who hosts nothing asks every five minutes */
        world_tracker_kill(t.w);
        person_start(t.alice);
        person_until_state(t.alice, "lobby", MEMBER_LIVE);
        world_pass(t.w, 10 * USEC_PER_MINUTE);
        assert_int_equal(n_here(t.alice), 1);
        assert_false(is_live(t.bob, "lobby"));

        /* It stops when the tracker says so, and begins again by a person. */
        world_tracker_start(t.w);
        world_pass(t.w, 2 * USEC_PER_MINUTE);
        assert_false(is_live(t.alice, "lobby"));
        assert_int_equal(person_sees(t.carol, "lobby"), 0);
        world_tracker_kill(t.w);
        world_pass(t.w, 5 * USEC_PER_MINUTE);
        assert_false(is_live(t.alice, "lobby"));
        world_tracker_start(t.w);
        world_pass(t.w, 2 * USEC_PER_MINUTE);
        person_sign_in(t.alice, "alice");
        person_until_state(t.alice, "lobby", MEMBER_LIVE);
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        person_until_state(t.carol, "lobby", MEMBER_LIVE);
        assert_same_log(t.alice, t.bob, "lobby");
        world_free(t.w);
}

static void test_live_host(void **state) {
        Two t;

        begin(&t);
        revoke_device_of(t.alice, "alice");
        world_pass(t.w, SOON_USEC);
        assert_false(is_live(t.alice, "lobby"));
        assert_string_equal(channel_member_get_state_reason(person_channel(t.alice, "lobby")),
                            "revoked");
        assert_false(is_live(t.bob, "lobby"));
        assert_int_equal(person_sees(t.carol, "lobby"), 0);
        world_pass(t.w, USEC_PER_HOUR);
        assert_false(is_live(t.alice, "lobby"));
        person_sign_in(t.alice, "alice");
        person_until_state(t.alice, "lobby", MEMBER_LIVE);
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        world_free(t.w);
}

/* A tracker from a backup counts on from what it knows: what it tells now is news all the same. */
static void test_tracker_went_back(void **state) {
        _cleanup_(scratch_freep) char *backup = scratch_new();
        Two t;

        begin(&t);
        world_pass(t.w, USEC_PER_MINUTE);
        world_tracker_kill(t.w);
        scratch_copy(t.w->rig->directory, backup);
        world_tracker_start(t.w);
        world_pass(t.w, 2 * USEC_PER_MINUTE);
        revoke_device_of(t.bob, "bob");
        world_pass(t.w, SOON_USEC);
        assert_int_equal(n_here(t.alice), 2);

        world_tracker_kill(t.w);
        scratch_copy(backup, t.w->rig->directory);
        world_tracker_start(t.w);
        world_pass(t.w, 2 * USEC_PER_MINUTE);
        assert_int_equal(n_here(t.alice), 2); /* what was revoked stays so here */
        revoke_device_of(t.carol, "carol");
        world_pass(t.w, SOON_USEC);
        assert_int_equal(n_here(t.alice), 1);
        world_free(t.w);
}

#define N_CHANNELS 260 /* more than one HEARTBEAT carries */
#define N_KEYS 500     /* more than one answer tells */

static void test_many(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        _cleanup_free_ char *list = new0(char, N_KEYS *(KEY_ID_SIZE + 3));
        _cleanup_(rig_client_freep) RigClient *laptop = NULL;
        char name[NAME_SIZE], key[KEY_ID_SIZE], *p = list;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                snprintf(name, sizeof(name), "room-%03u", i);
                person_host(alice, name);
        }
        laptop = another_device(w, "bob");
        for (unsigned i = 0; i < N_KEYS; i++) {
                RigClient *c = another_device(w, "bob");

                key_get_id(c->key, key);
                p += sprintf(p, "%s\"%s\"", i > 0 ? "," : "", key);
                rig_client_free(c);
        }
        (void) person_join(bob, "room-259");
        person_until_state(bob, "room-259", MEMBER_LIVE);
        assert_int_equal(rig_call(laptop, "DEVICES", "{\"revoke\":[%s]}", list), ERROR_NONE);
        world_pass(w, USEC_PER_SEC);
        revoke_device_of(bob, "bob");
        world_pass(w, SOON_USEC);
        assert_false(is_live(bob, "room-259"));
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                snprintf(name, sizeof(name), "room-%03u", i);
                assert_true(is_live(alice, name));
        }
        /* All of them, on disk too. */
        world_tracker_kill(w);
        person_kill(alice);
        person_start(alice);
        person_until_state(alice, "room-259", MEMBER_LIVE);
        world_pass(w, 5 * USEC_PER_MINUTE);
        assert_int_equal(n_here(alice), N_CHANNELS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_live_member),
                cmocka_unit_test(test_next_handshake),
                cmocka_unit_test(test_host),
                cmocka_unit_test(test_live_host),
                cmocka_unit_test(test_tracker_went_back),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
