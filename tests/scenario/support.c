/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the world and its people are set up, started, killed and signed in; leaves what they do
 * in channels to support-channel.c, the tracker to tracker-rig.h. */
#include "scenario/support-internal.h"

#include <stdlib.h>

#include "support/scratch.h"

#define LIMIT_USEC (10 * USEC_PER_MINUTE)
/* With threads: of the world's time and of real time, in turns. */
#define TURN_USEC (10 * USEC_PER_MSEC)
#define TURNS_MAX 3000
#define PASSWORD "correct horse battery"

/* ---- the world ---- */

World *world_new(void) {
        return world_new_threaded(NULL);
}

World *world_new_threaded(const Runtime *rt) {
        World *w = new0(World, 1);

        assert_non_null(w);
        w->rig = rig_new(rt);
        rig_start(w->rig);
        w->directory = scratch_new();
        return w;
}

void threads_init(Threads *t) {
        *t = (Threads){};
        assert_int_equal(sd_event_new(&t->rt.event), 0);
        assert_int_equal(clock_new_virtual(t->rt.event, TEST_REALTIME, &t->rt.clock), 0);
        assert_int_equal(random_new_seeded(1, &t->rt.random), 0);
        assert_int_equal(workers_new(t->rt.event, 2, &t->rt.workers), 0);
}

void threads_done(Threads *t) {
        workers_free(t->rt.workers);
        random_free(t->rt.random);
        clock_free(t->rt.clock);
        sd_event_unref(t->rt.event);
}

World *world_free(World *w) {
        Person *p;

        if (!w)
                return NULL;
        while ((p = w->people)) {
                w->people = p->next;
                manager_free(p->manager);
                clock_free(p->clock);
                random_free(p->random);
                free(p->directory);
                free(p);
        }
        rig_free(w->rig);
        scratch_free(w->directory);
        free(w);
        return NULL;
}

void world_pass(World *w, uint64_t usec) {
        uint64_t step = w->rig->loop ? usec : USEC_PER_SEC;

        for (; usec > 0; usec -= MIN(usec, step)) {
                assert_int_equal(clock_virtual_run(w->rig->rt->clock, NULL, NULL, MIN(usec, step)),
                                 0);
                if (!w->rig->loop) /* threads have their part of it */
                        assert_true(sd_event_run(w->rig->rt->event, TURN_USEC) >= 0);
        }
}

void world_until(World *w, bool (*condition)(void *userdata), void *userdata) {
        if (w->rig->loop) {
                test_loop_until(w->rig->loop, condition, userdata, LIMIT_USEC);
                return;
        }
        for (unsigned n_turns = 0;; n_turns++) {
                int r = clock_virtual_run(w->rig->rt->clock, condition, userdata, TURN_USEC);

                if (r == 1)
                        return;
                assert_true((r == 0 || r == -EDEADLK) && n_turns < TURNS_MAX);
                assert_true(sd_event_run(w->rig->rt->event, TURN_USEC) >= 0);
        }
}

static bool flag_is_true(void *userdata) {
        return *(const bool *) userdata;
}

static void until_true(World *w, bool *flag) {
        world_until(w, flag_is_true, flag);
}

void world_tracker_kill(World *w) {
        rig_kill(w->rig);
}

void world_tracker_stop(World *w) {
        tracker_stop(w->rig->tracker);
        until_true(w, &w->rig->is_stopped);
        rig_kill(w->rig);
}

void world_tracker_start(World *w) {
        rig_start(w->rig);
}

void world_tracker_replace(World *w) {
        _cleanup_free_ char *command = NULL;

        rig_kill(w->rig);
        assert_true(asprintf(&command, "rm -r '%s'/*", w->rig->directory) > 0);
        assert_int_equal(system(command), 0);
        rig_start(w->rig);
}

/* ---- results ---- */

void result_finish(Result *q, const Failure *f) {
        assert_false(q->is_done);
        q->is_done = true;
        if (f)
                q->failure = *f;
}

ErrorCode result_wait(Person *p, Result *q) {
        until_true(p->world, &q->is_done);
        if (q->failure.code != ERROR_NONE)
                print_message("%s: %s\n", error_info(q->failure.code)->wire, q->failure.message);
        p->failure = q->failure;
        return q->failure.code;
}

static void on_account(const Failure *f, Account *a, void *userdata) {
        Result *q = userdata;

        result_finish(q, f);
        q->account = a;
}

void result_on_done(const Failure *f, void *userdata) {
        result_finish(userdata, f);
}

static void on_signed_in(const Failure *f, const char *recovery_code, void *userdata) {
        result_finish(userdata, f);
}

/* ---- people ---- */

static void on_started(Manager *m, int r, void *userdata) {
        Person *p = userdata;

        p->start_result = r;
        p->is_started = true;
}

static void on_stopped(Manager *m, void *userdata) {
        Person *p = userdata;

        assert_false(p->is_stopped);
        p->is_stopped = true;
}

static void on_channel_added(Manager *m, ChannelMember *c, void *userdata) {
        ((Person *) userdata)->n_channels++;
}

static void on_channel_removed(Manager *m, ChannelMember *c, void *userdata) {
        ((Person *) userdata)->n_channels--;
}

static void on_entries(Manager *m, ChannelMember *c, uint64_t first, uint64_t last,
                       void *userdata) {
        Person *p = userdata;

        assert_true(first <= last);
        /* Announced after it is true. */
        assert_true(last <= channel_member_get_synced_seq(c));
        p->last_told = last;
}

static void on_members(Manager *m, ChannelMember *c, uint64_t generation, void *userdata) {
        ((Person *) userdata)->n_presence++;
}

static const ManagerObserver observer = {
        .on_started = on_started,
        .on_stopped = on_stopped,
        .on_channel_added = on_channel_added,
        .on_channel_removed = on_channel_removed,
        .on_entries_appended = on_entries,
        .on_members_changed = on_members,
};

int person_begin(Person *p) {
        char address[ADDRESS_STRING_SIZE];

        address_print(&p->world->rig->address, address);
        p->is_started = p->is_stopped = false;
        p->n_channels = 0;
        assert_int_equal(
                manager_new(&p->rt,
                            &(ManagerSettings){
                                    .state_directory = p->directory,
                                    .listen = &p->listen,
                                    .n_listen = 1,
                                    .advertise = &p->advertise,
                                    .n_advertise = p->is_advertised,
                                    .tracker_address = p->with_settings ? address : NULL,
                                    .tracker_pin = p->with_settings ? p->world->rig->pin : NULL,
                            },
                            &p->manager),
                0);
        manager_set_observer(p->manager, &observer, p);
        return manager_start(p->manager);
}

void person_start(Person *p) {
        const Address *listening;

        assert_int_equal(person_begin(p), 0);
        until_true(p->world, &p->is_started);
        assert_int_equal(p->start_result, 0);
        assert_int_equal(manager_get_listen_addresses(p->manager, &listening), 1);
        p->listen = listening[0];
}

void person_kill(Person *p) {
        p->manager = manager_free(p->manager);
}

void person_begin_stop(Person *p) {
        assert_int_equal(manager_stop(p->manager), 0);
}

void person_end_stop(Person *p) {
        until_true(p->world, &p->is_stopped);
        person_kill(p);
}

void person_stop(Person *p) {
        person_begin_stop(p);
        person_end_stop(p);
}

static Person *stranger(World *w, const char *directory_name, int64_t skew_usec) {
        Person *p = new0(Person, 1);

        assert_non_null(p);
        p->world = w;
        p->rt = *w->rig->rt;
        if (skew_usec != 0) {
                assert_int_equal(clock_new_virtual_view(p->rt.clock, skew_usec, &p->clock), 0);
                p->rt.clock = p->clock;
        }
        if (w->seed != 0) {
                uint64_t seed = w->seed;

                for (const char *s = directory_name; *s; s++)
                        seed = seed * 257 + (unsigned char) *s;
                assert_int_equal(random_new_seeded(seed, &p->random), 0);
                p->rt.random = p->random;
        }
        p->next = w->people;
        w->people = p;
        assert_true(asprintf(&p->directory, "%s/%s", w->directory, directory_name) > 0);
        assert_int_equal(address_parse("127.0.0.1:0", true, &p->listen), 0);
        person_start(p);
        return p;
}

Person *world_stranger(World *w, const char *directory_name) {
        return stranger(w, directory_name, 0);
}

Person *world_person_off(World *w, const char *directory_name, int64_t skew_usec) {
        Person *p = stranger(w, directory_name, skew_usec);
        char address[ADDRESS_STRING_SIZE];
        Result q = {};

        address_print(&w->rig->address, address);
        assert_int_equal(
                manager_set_tracker(p->manager, address, w->rig->pin, false, on_account, &q, NULL),
                0);
        assert_int_equal(result_wait(p, &q), ERROR_NONE);
        assert_ptr_equal(q.account, manager_get_account(p->manager));
        return p;
}

Person *world_person(World *w, const char *directory_name) {
        return world_person_off(w, directory_name, 0);
}

void person_sign_up(Person *p, const char *username) {
        Result q = {};

        assert_int_equal(account_sign_up(manager_get_account(p->manager), username, PASSWORD,
                                         on_signed_in, &q, NULL),
                         0);
        assert_int_equal(result_wait(p, &q), ERROR_NONE);
        assert_string_equal(account_get_username(manager_get_account(p->manager)), username);
}

ErrorCode person_try_sign_in(Person *p, const char *username, const char *password) {
        Result q = {};

        assert_int_equal(account_sign_in(manager_get_account(p->manager), username, password,
                                         on_signed_in, &q, NULL),
                         0);
        return result_wait(p, &q);
}

void person_sign_in(Person *p, const char *username) {
        assert_int_equal(person_try_sign_in(p, username, PASSWORD), ERROR_NONE);
}

void person_guest(Person *p, const char *username) {
        Result q = {};

        assert_int_equal(account_sign_in_guest(manager_get_account(p->manager), username,
                                               on_signed_in, &q, NULL),
                         0);
        assert_int_equal(result_wait(p, &q), ERROR_NONE);
}

void person_sign_out(Person *p) {
        Result q = {};

        assert_int_equal(
                account_sign_out(manager_get_account(p->manager), result_on_done, &q, NULL), 0);
        assert_int_equal(result_wait(p, &q), ERROR_NONE);
        assert_null(account_get_username(manager_get_account(p->manager)));
}
