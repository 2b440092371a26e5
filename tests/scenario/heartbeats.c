/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often a host says that its channels live (protocol §4 HEARTBEAT). */
#include "daemon/manager/manager-internal.h"
#include "scenario/support.h"

#define N_BEATS 30

/* From some beat on, each comes so long after the one before. */
static void assert_beats(World *w, Person *p, uint64_t period_usec) {
        uint64_t last, n_beats = 0;

        world_pass(w, period_usec);
        last = p->manager->heartbeat_sent;
        for (unsigned i = 0; i < N_BEATS * period_usec / USEC_PER_SEC; i++) {
                world_pass(w, USEC_PER_SEC);
                if (p->manager->heartbeat_sent == last)
                        continue;
                assert_int_equal(p->manager->heartbeat_sent - last, period_usec);
                last = p->manager->heartbeat_sent;
                n_beats++;
        }
        assert_int_equal(n_beats, N_BEATS);
}

static void test_every_third_of_the_lease(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_beats(w, alice, LEASE_USEC / 3);
        assert_int_equal(person_sees(alice, "lobby"), 1);
}

/* For the revoked keys. */
static void test_nothing_hosted(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *bob = world_person(w, "bob");

        person_sign_up(bob, "bob");
        assert_beats(w, bob, 5 * USEC_PER_MINUTE);
}

#define N_CHANNELS 300 /* more than one beat tells of */
#define N_SPOKEN 60    /* the last ones, in which something was said since the round before */

typedef struct Awaited {
        const Manager *manager;
        uint64_t n_beats;
} Awaited;

static bool has_beat(void *userdata) {
        const Awaited *q = userdata;

        return q->manager->n_beats == q->n_beats;
}

static void until_beat(World *w, Person *p, uint64_t n) {
        world_until(w, has_beat, &(Awaited){ .manager = p->manager, .n_beats = n });
}

typedef struct Listed {
        const char *name;
        uint64_t last_seq;
        bool is_done;
} Listed;

static void on_listed(const Failure *f, const DirectoryEntry *entries, size_t n, const char *next,
                      uint64_t generation, void *userdata) {
        Listed *q = userdata;

        assert_null(f);
        q->is_done = true;
        for (size_t i = 0; i < n; i++)
                if (streq(entries[i].channel_name, q->name))
                        q->last_seq = entries[i].last_seq;
}

static bool is_done(void *userdata) {
        return ((const Listed *) userdata)->is_done;
}

/* What the tracker was told of it last. */
static uint64_t listed_seq(Person *p, const char *name) {
        Listed q = { .name = name };

        assert_int_equal(account_list(manager_get_account(p->manager),
                                      &(DirectoryQuery){ .query = name }, on_listed, &q, NULL),
                         0);
        world_until(p->world, is_done, &q);
        return q.last_seq;
}

static void on_unhosted(const Failure *f, void *userdata) {
        assert_null(f);
}

/* One channel that goes between two beats of a round makes none after it miss its beat, or be
 * taken for told where only another was. */
static void test_one_goes_in_a_round(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        char name[NAME_SIZE];
        Manager *m;
        uint64_t n, round, until;

        person_sign_up(alice, "alice");
        m = alice->manager;
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                snprintf(name, sizeof(name), "room-%03u", i);
                person_host(alice, name);
        }
        n = m->n_rounds;
        while (m->n_rounds == n || m->heartbeat_call)
                world_pass(w, USEC_PER_SEC);
        for (unsigned i = N_CHANNELS - N_SPOKEN; i < N_CHANNELS; i++) {
                snprintf(name, sizeof(name), "room-%03u", i);
                person_send_id(alice, name, NULL, "hi", USEC_PER_SEC, NULL);
        }
        round = m->n_rounds + 1;
        until_beat(w, alice, m->n_beats + 1);
        assert_int_equal(m->n_rounds, round);
        assert_non_null(m->heartbeat_call);
        n = m->n_beats;
        assert_int_equal(manager_unhost(m, person_channel(alice, "room-007"), false, on_unhosted,
                                        NULL, NULL),
                         0);
        until_beat(w, alice, n + 1);
        until = channel_member_get_lease_until(person_channel(alice, "room-008"));
        assert_int_equal(until, channel_member_get_lease_until(person_channel(alice, "room-255")));
        assert_true(channel_member_get_lease_until(person_channel(alice, "room-256")) < until);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(m->n_rounds, round);
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                snprintf(name, sizeof(name), "room-%03u", i);
                if (i == 7)
                        continue;
                assert_true(channel_member_get_lease_until(person_channel(alice, name)) >= until);
                if (i >= N_CHANNELS - N_SPOKEN)
                        assert_int_equal(listed_seq(alice, name),
                                         channel_member_get_last_seq(person_channel(alice, name)));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_third_of_the_lease),
                cmocka_unit_test(test_nothing_hosted),
                cmocka_unit_test(test_one_goes_in_a_round),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
