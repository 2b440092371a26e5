/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker gets another authority while people are connected, away, or on different sides of it:
 * they chat on, know its new pin, and none of them ever goes back to the one before. */
#include "daemon/message-ids.h"
#include "scenario/support.h"
#include "support/journal.h"
#include "support/scratch.h"
#include "tracker/message-ids.h"
#include "wire/limits.h"

typedef struct Outcome {
        bool is_done;
        ErrorCode error;
} Outcome;

static void on_rotated(int r, const char *pin, void *userdata) {
        Outcome *o = userdata;

        assert_int_equal(r, 0);
        o->is_done = true;
}

static void rotate(World *w) {
        Outcome o = {};

        assert_int_equal(authority_rotate(tracker_get_authority(w->rig->tracker), on_rotated, &o),
                         0);
        test_loop_until_true(w->rig->loop, &o.is_done, USEC_PER_MINUTE);
        assert_string_not_equal(w->rig->pin, tracker_get_pin(w->rig->tracker));
        strcpy(w->rig->pin, tracker_get_pin(w->rig->tracker));
}

static void on_set(const Failure *f, Account *a, void *userdata) {
        Outcome *o = userdata;

        o->is_done = true;
        o->error = f ? f->code : ERROR_NONE;
}

static ErrorCode set_tracker_at(Person *p, const char *address, const char *pin, bool trust_new) {
        Outcome o = {};

        assert_int_equal(manager_set_tracker(p->manager, address, pin, trust_new, on_set, &o, NULL),
                         0);
        test_loop_until_true(p->world->rig->loop, &o.is_done, USEC_PER_MINUTE);
        return o.error;
}

static ErrorCode set_tracker(Person *p, const char *pin, bool trust_new) {
        char address[ADDRESS_STRING_SIZE];

        address_print(&p->world->rig->address, address);
        return set_tracker_at(p, address, pin, trust_new);
}

static void pass_days(World *w, unsigned n) {
        for (unsigned i = 0; i < 24 * n; i++)
                world_pass(w, USEC_PER_HOUR);
}

static Account *account_of(const Person *p) {
        return manager_get_account(p->manager);
}

static bool knows_pin(void *userdata) {
        Person *p = userdata;

        return account_of(p) && streq(account_get_pin(account_of(p)), p->world->rig->pin);
}

static bool is_online(void *userdata) {
        Person *p = userdata;

        return account_of(p) && account_get_tracker_state(account_of(p)) == TRACKER_ONLINE;
}

static bool is_mismatch(void *userdata) {
        Person *p = userdata;

        return account_of(p) && account_get_tracker_state(account_of(p)) == TRACKER_MISMATCH;
}

static Person *user(World *w, const char *name) {
        Person *p = world_person(w, name);

        person_sign_up(p, name);
        return p;
}

static void say(Person *p, const char *channel, const char *text) {
        assert_true(person_send_id(p, channel, NULL, text, 10 * USEC_PER_MINUTE, NULL) > 0);
}

static void chat(Person *a, Person *b, const char *channel) {
        person_until_state(a, channel, MEMBER_LIVE);
        person_until_state(b, channel, MEMBER_LIVE);
        say(a, channel, "ping");
        say(b, channel, "pong");
        person_until_seq(a, channel, channel_member_get_synced_seq(person_channel(b, channel)));
        assert_same_log(a, b, channel);
}

static void hears(Person *p, Person *speaker, const char *channel) {
        person_until_seq(p, channel,
                         channel_member_get_synced_seq(person_channel(speaker, channel)));
        assert_same_log(p, speaker, channel);
}

static void test_connected(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = user(w, "alice"), *bob = user(w, "bob"), *guest = world_person(w, "guest");
        char before[96], now[96];
        Person *nobody = world_person(w, "nobody");
        uint64_t alice_ends, bob_ends;
        char id[TRACKER_ID_SIZE];

        strcpy(id, account_get_tracker_id(account_of(alice)));
        person_guest(guest, "carol");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        (void) person_join(guest, "lobby");
        chat(alice, bob, "lobby");
        alice_ends = account_get_certificate_expires(account_of(alice));
        bob_ends = account_get_certificate_expires(account_of(bob));

        snprintf(before, sizeof(before), "CHAT_BEFORE=%s", w->rig->pin);
        journal_begin();
        rotate(w);
        world_pass(w, USEC_PER_SEC);
        snprintf(now, sizeof(now), "CHAT_PIN=%s", w->rig->pin);
        (void) journal_expect(MESSAGE_TRACKER_AUTHORITY_ROTATED, now);
        assert_string_equal(
                journal_get(journal_expect(MESSAGE_PIN_FOLLOWED, before), "CHAT_TRACKER"), id);
        (void) journal_expect(MESSAGE_PIN_FOLLOWED, now);
        journal_end();
        /* At once, over the connections that there are. */
        assert_true(knows_pin(alice) && knows_pin(bob) && knows_pin(guest) && knows_pin(nobody));
        assert_true(is_online(alice) && is_online(bob) && is_online(guest) && is_online(nobody));
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        assert_string_equal(account_get_tracker_id(account_of(bob)), id);
        chat(alice, bob, "lobby");
        hears(guest, bob, "lobby");
        world_pass(w, USEC_PER_HOUR + USEC_PER_MINUTE);
        assert_true(account_get_certificate_expires(account_of(alice)) > alice_ends);
        assert_true(account_get_certificate_expires(account_of(bob)) > bob_ends);
        chat(alice, bob, "lobby");
        hears(guest, bob, "lobby");

        /* It is on disk: the new pin, and the way to it. */
        person_kill(bob);
        person_start(bob);
        world_until(w, is_online, bob);
        assert_true(knows_pin(bob));
        chat(alice, bob, "lobby");
        pass_days(w, 9);
        chat(alice, bob, "lobby");
}

/* Neither the tracker nor the other side can tell them. */
static void test_different_sides(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *old = user(w, "alice"), *new = user(w, "bob");
        char old_pin[PIN_SIZE];

        strcpy(old_pin, w->rig->pin);
        person_host(old, "lobby");
        person_host(new, "den");
        (void) person_join(new, "lobby");
        (void) person_join(old, "den");
        chat(old, new, "lobby");
        chat(old, new, "den");
        person_kill(old);
        rotate(w);
        world_pass(w, 3 * USEC_PER_HOUR); /* by now bob's certificate is of the new one */
        assert_true(knows_pin(new));
        world_tracker_kill(w);
        person_start(old);
        chat(old, new, "lobby");
        chat(old, new, "den");
        /* Only the tracker's word is kept. */
        assert_string_equal(account_get_pin(account_of(old)), old_pin);
        world_tracker_start(w);
        world_until(w, knows_pin, old);
        chat(old, new, "lobby");
        chat(old, new, "den");
}

/* days after the second of two rotations that bob did not see. */
static void away(unsigned days) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = user(w, "alice"), *bob = user(w, "bob");

        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        chat(alice, bob, "lobby");
        person_kill(bob);
        rotate(w);
        world_pass(w, USEC_PER_HOUR);
        rotate(w);
        world_pass(w, USEC_PER_HOUR);
        say(alice, "lobby", "where are you?");
        pass_days(w, days);
        person_start(bob);
        world_until(w, is_online, bob);
        assert_true(knows_pin(bob));
        assert_string_equal(account_get_username(account_of(bob)), "bob");
        chat(alice, bob, "lobby");
}

static void test_two_while_away(void **state) {
        away(0);
}

static void test_two_and_a_week_away(void **state) {
        away(8);
}

/* A certificate that would last longer than what signed it counts. */
static void test_ended_with_its_authority(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice, *bob;

        world_tracker_kill(w);
        w->rig->settings.certificate_days = 30;
        world_tracker_start(w);
        alice = user(w, "alice");
        bob = user(w, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        chat(alice, bob, "lobby");
        person_kill(bob);
        rotate(w);
        pass_days(w, 8);
        /* The tracker is not there, and the host knows better than the certificate. */
        world_tracker_kill(w);
        person_start(bob);
        world_pass(w, USEC_PER_HOUR);
        assert_int_not_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        world_tracker_start(w);
        world_until(w, is_online, bob);
        chat(alice, bob, "lobby");
        assert_true(knows_pin(bob));
}

static void test_first_contact(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *invited = world_stranger(w, "invited"), *told = world_stranger(w, "told"),
               *trusting = world_stranger(w, "trusting"), *set_up = world_stranger(w, "set-up");
        char old_pin[PIN_SIZE], new_pin[PIN_SIZE], by_name[64];

        strcpy(old_pin, w->rig->pin);
        person_kill(set_up);
        rotate(w);
        rotate(w);
        strcpy(new_pin, w->rig->pin);

        assert_int_equal(set_tracker(invited, old_pin, false), ERROR_NONE);
        assert_true(knows_pin(invited));
        assert_int_equal(set_tracker(told, new_pin, false), ERROR_NONE);
        assert_true(knows_pin(told));
        assert_int_equal(set_tracker(trusting, NULL, true), ERROR_NONE);
        assert_true(knows_pin(trusting));
        strcpy(w->rig->pin, old_pin); /* as the settings say */
        set_up->with_settings = true;
        person_start(set_up);
        strcpy(w->rig->pin, new_pin);
        world_until(w, is_online, set_up);
        assert_true(knows_pin(set_up));

        person_sign_up(invited, "alice");
        person_host(invited, "lobby");
        person_sign_up(set_up, "bob");
        (void) person_join(set_up, "lobby");
        chat(invited, set_up, "lobby");

        /* By another name, after one more that it did not see: it is the same tracker. */
        person_kill(told);
        rotate(w);
        person_start(told);
        snprintf(by_name, sizeof(by_name), "localhost:%u", address_port(&w->rig->address));
        assert_int_equal(set_tracker_at(told, by_name, NULL, false), ERROR_NONE);
        world_until(w, knows_pin, told);
        /* The pin of long ago, typed again, is none to go back to. */
        assert_int_equal(set_tracker(told, old_pin, false), ERROR_NONE);
        assert_true(knows_pin(told));
}

/* Somebody has the key of before: the tracker's files of then are as good. */
static void test_nobody_goes_back(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        _cleanup_(scratch_freep) char *kept = scratch_new();
        Person *alice = user(w, "alice"), *off = user(w, "off");
        char old_pin[PIN_SIZE], new_pin[PIN_SIZE];

        strcpy(old_pin, w->rig->pin);
        scratch_copy(w->rig->directory, kept);
        person_kill(off);
        rotate(w);
        strcpy(new_pin, w->rig->pin);
        world_until(w, knows_pin, alice);
        world_pass(w, USEC_PER_HOUR);

        world_tracker_kill(w);
        scratch_copy(kept, w->rig->directory);
        world_tracker_start(w);
        assert_string_equal(w->rig->pin, old_pin);
        world_until(w, is_mismatch, alice);
        assert_string_equal(account_get_pin(account_of(alice)), new_pin);
        assert_string_equal(account_get_offered_pin(account_of(alice)), old_pin);
        assert_int_equal(set_tracker(alice, old_pin, false), ERROR_PIN_MISMATCH);
        assert_int_equal(set_tracker(alice, NULL, true), ERROR_PIN_MISMATCH);
        person_kill(alice);
        person_start(alice);
        world_until(w, is_mismatch, alice);
        /* Not by a rotation of its own either. */
        rotate(w);
        world_pass(w, USEC_PER_HOUR);
        assert_true(is_mismatch(alice));
        assert_int_equal(set_tracker(alice, old_pin, false), ERROR_PIN_MISMATCH);
        assert_string_equal(account_get_pin(account_of(alice)), new_pin);
        /* Who never heard of the new pin cannot know. */
        person_start(off);
        world_until(w, is_online, off);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_connected),
                cmocka_unit_test(test_different_sides),
                cmocka_unit_test(test_two_while_away),
                cmocka_unit_test(test_two_and_a_week_away),
                cmocka_unit_test(test_ended_with_its_authority),
                cmocka_unit_test(test_first_contact),
                cmocka_unit_test(test_nobody_goes_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
