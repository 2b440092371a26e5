/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which tracker is believed: the pin that a person accepted, no other, and before that none. */
#include "scenario/support.h"

typedef struct Outcome {
        bool is_done;
        ErrorCode error;
} Outcome;

static void on_set(const Failure *f, Account *a, void *userdata) {
        Outcome *o = userdata;

        o->is_done = true;
        o->error = f ? f->code : ERROR_NONE;
        assert_true(!f == !!a);
}

static ErrorCode set_tracker(Person *p, const Address *at, const char *pin, bool trust_new) {
        char address[ADDRESS_STRING_SIZE];
        Outcome o = {};

        address_print(at, address);
        assert_int_equal(manager_set_tracker(p->manager, address, pin, trust_new, on_set, &o, NULL),
                         0);
        test_loop_until_true(p->world->rig->loop, &o.is_done, USEC_PER_MINUTE);
        return o.error;
}

static bool is_state(void *userdata) {
        Person *p = userdata;

        return account_get_tracker_state(manager_get_account(p->manager)) == TRACKER_MISMATCH;
}

static void test_pins(void **state) {
        static const char other_pin[] =
                "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        _cleanup_(world_freep) World *w = world_new();
        Person *p = world_stranger(w, "p");
        Address nobody;
        Account *a;
        char old_pin[PIN_SIZE];

        assert_null(manager_get_account(p->manager));
        assert_int_equal(address_parse("127.0.0.1:1", false, &nobody), 0);
        assert_int_equal(set_tracker(p, &nobody, NULL, true), ERROR_TRACKER_UNREACHABLE);
        assert_int_equal(set_tracker(p, &w->rig->address, "sha256:abc", false), ERROR_BAD_REQUEST);
        assert_int_equal(set_tracker(p, &w->rig->address, other_pin, true), ERROR_PIN_MISMATCH);
        assert_int_equal(set_tracker(p, &w->rig->address, NULL, false), ERROR_UNTRUSTED_TRACKER);
        world_pass(w, USEC_PER_MINUTE);
        a = manager_get_account(p->manager);
        assert_non_null(a);
        assert_int_equal(account_get_tracker_state(a), TRACKER_UNTRUSTED);
        assert_string_equal(account_get_offered_pin(a), w->rig->pin);
        assert_string_equal(account_get_tracker_id(a), "");
        assert_int_equal(person_try_sign_in(p, "alice", "correct horse battery"),
                         ERROR_UNTRUSTED_TRACKER);

        assert_int_equal(set_tracker(p, &w->rig->address, NULL, true), ERROR_NONE);
        a = manager_get_account(p->manager);
        assert_string_equal(account_get_pin(a), w->rig->pin);
        assert_string_equal(account_get_offered_pin(a), "");
        person_sign_up(p, "alice");
        person_host(p, "lobby");
        assert_int_equal(set_tracker(p, &w->rig->address, NULL, false), ERROR_NONE); /* held */
        assert_string_equal(account_get_username(manager_get_account(p->manager)), "alice");
        person_until_state(p, "lobby", MEMBER_LIVE);

        /* Somebody else at the same address. */
        strcpy(old_pin, w->rig->pin);
        world_tracker_replace(w);
        assert_string_not_equal(old_pin, w->rig->pin);
        world_until(w, is_state, p);
        a = manager_get_account(p->manager);
        assert_string_equal(account_get_pin(a), old_pin);
        assert_string_equal(account_get_offered_pin(a), w->rig->pin);
        assert_string_equal(account_get_username(a), "alice");
        assert_int_equal(set_tracker(p, &w->rig->address, NULL, false), ERROR_PIN_MISMATCH);
        assert_int_equal(set_tracker(p, &w->rig->address, NULL, true), ERROR_PIN_MISMATCH);
        /* Typed in full it is another tracker, where nobody is signed in. */
        assert_int_equal(set_tracker(p, &w->rig->address, w->rig->pin, false), ERROR_NONE);
        a = manager_get_account(p->manager);
        assert_null(account_get_username(a));
        assert_int_equal(p->n_channels, 0);
        person_sign_up(p, "alice");
        person_host(p, "lobby");
}

/* Pin= of the settings is as good as one that is typed. */
static void test_settings(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *p = world_stranger(w, "p");

        person_kill(p);
        p->with_settings = true;
        person_start(p);
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(account_get_tracker_state(manager_get_account(p->manager)),
                         TRACKER_ONLINE);
        person_sign_up(p, "alice");
        person_kill(p);
        p->with_settings = false;
        person_start(p);
        world_pass(w, USEC_PER_MINUTE);
        assert_string_equal(account_get_username(manager_get_account(p->manager)), "alice");
        assert_int_equal(account_get_tracker_state(manager_get_account(p->manager)),
                         TRACKER_ONLINE);
}

/* One state directory, one daemon. */
static void test_lock(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *p = world_stranger(w, "p");
        _cleanup_(manager_freep) Manager *second = NULL;

        assert_int_equal(manager_new(w->rig->rt,
                                     &(ManagerSettings){ .state_directory = p->directory },
                                     &second),
                         0);
        assert_int_equal(manager_start(second), -EBUSY);
}

/* As many addresses as the settings name, each at the port that is there. */
static void test_listen(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        _cleanup_free_ char *directory = NULL;
        _cleanup_(manager_freep) Manager *m = NULL;
        const Address *listening, *advertised;
        Address wanted[2];

        assert_true(asprintf(&directory, "%s/listen", w->directory) > 0);
        assert_int_equal(address_parse("127.0.0.1:0", true, &wanted[0]), 0);
        wanted[1] = w->rig->address; /* the tracker has that port */
        assert_int_equal(manager_new(w->rig->rt,
                                     &(ManagerSettings){ .state_directory = directory,
                                                         .listen = wanted,
                                                         .n_listen = 2 },
                                     &m),
                         0);
        assert_int_equal(manager_start(m), 0);
        assert_int_equal(manager_get_listen_addresses(m, &listening), 2);
        assert_int_not_equal(address_port(&listening[1]), address_port(&wanted[1]));
        assert_int_equal(manager_get_advertised_addresses(m, &advertised), 2);
        assert_true(address_equal(&advertised[0], &listening[0]));
        assert_true(address_equal(&advertised[1], &listening[1]));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pins),
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_lock),
                cmocka_unit_test(test_listen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
