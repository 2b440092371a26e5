/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how people and their daemons are set up, asked and looked at; leaves the tracker to
 * tracker-rig.h and the story to the scenarios. */
#include "scenario/support.h"

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

typedef struct Result {
        bool is_done;
        Failure failure;
        Account *account;
        ChannelMember *channel;
        uint64_t seq;
        int online;
        const char *name;
} Result;

static void finish(Result *q, const Failure *f) {
        assert_false(q->is_done);
        q->is_done = true;
        if (f)
                q->failure = *f;
}

static ErrorCode wait_for(Person *p, Result *q) {
        until_true(p->world, &q->is_done);
        if (q->failure.code != ERROR_NONE)
                print_message("%s: %s\n", error_info(q->failure.code)->wire, q->failure.message);
        p->failure = q->failure;
        return q->failure.code;
}

static void on_account(const Failure *f, Account *a, void *userdata) {
        Result *q = userdata;

        finish(q, f);
        q->account = a;
}

static void on_channel(const Failure *f, ChannelMember *c, void *userdata) {
        Result *q = userdata;

        finish(q, f);
        assert_true(!f == !!c);
        q->channel = c;
}

static void on_done(const Failure *f, void *userdata) {
        finish(userdata, f);
}

static void on_signed_in(const Failure *f, const char *recovery_code, void *userdata) {
        finish(userdata, f);
}

static void on_sent(const Failure *f, const char *id, uint64_t seq, void *userdata) {
        Result *q = userdata;

        finish(q, f);
        q->seq = seq;
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
        assert_int_equal(wait_for(p, &q), ERROR_NONE);
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
        assert_int_equal(wait_for(p, &q), ERROR_NONE);
        assert_string_equal(account_get_username(manager_get_account(p->manager)), username);
}

ErrorCode person_try_sign_in(Person *p, const char *username, const char *password) {
        Result q = {};

        assert_int_equal(account_sign_in(manager_get_account(p->manager), username, password,
                                         on_signed_in, &q, NULL),
                         0);
        return wait_for(p, &q);
}

void person_sign_in(Person *p, const char *username) {
        assert_int_equal(person_try_sign_in(p, username, PASSWORD), ERROR_NONE);
}

void person_guest(Person *p, const char *username) {
        Result q = {};

        assert_int_equal(account_sign_in_guest(manager_get_account(p->manager), username,
                                               on_signed_in, &q, NULL),
                         0);
        assert_int_equal(wait_for(p, &q), ERROR_NONE);
}

void person_sign_out(Person *p) {
        Result q = {};

        assert_int_equal(account_sign_out(manager_get_account(p->manager), on_done, &q, NULL), 0);
        assert_int_equal(wait_for(p, &q), ERROR_NONE);
        assert_null(account_get_username(manager_get_account(p->manager)));
}

/* ---- channels ---- */

ErrorCode person_try_host(Person *p, const char *channel, const HostOptions *options) {
        Result q = {};

        assert_int_equal(manager_host(p->manager, channel, options, on_channel, &q, NULL), 0);
        return wait_for(p, &q);
}

void person_host(Person *p, const char *channel) {
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };

        assert_int_equal(person_try_host(p, channel, &options), ERROR_NONE);
        assert_int_equal(channel_member_get_state(person_channel(p, channel)), MEMBER_LIVE);
}

ErrorCode person_try_join_with(Person *p, const char *channel, const JoinOptions *options) {
        Result q = {};

        assert_int_equal(manager_join(p->manager, channel, options, on_channel, &q, NULL), 0);
        return wait_for(p, &q);
}

ErrorCode person_try_join(Person *p, const char *channel, int64_t backlog) {
        return person_try_join_with(p, channel, &(JoinOptions){ .backlog = backlog });
}

ChannelMember *person_join(Person *p, const char *channel) {
        assert_int_equal(person_try_join(p, channel, -1), ERROR_NONE);
        return person_channel(p, channel);
}

static ChannelMember *must_channel(Person *p, const char *channel) {
        ChannelMember *c = person_channel(p, channel);

        assert_non_null(c);
        return c;
}

ErrorCode person_leave(Person *p, const char *channel, bool forget) {
        Result q = {};

        assert_int_equal(
                manager_leave(p->manager, must_channel(p, channel), forget, on_done, &q, NULL), 0);
        return wait_for(p, &q);
}

ErrorCode person_unhost(Person *p, const char *channel, bool forget) {
        Result q = {};

        assert_int_equal(
                manager_unhost(p->manager, must_channel(p, channel), forget, on_done, &q, NULL), 0);
        return wait_for(p, &q);
}

ErrorCode person_authorize(Person *p, const char *channel, const char *target, Role role) {
        Result q = {};

        assert_int_equal(channel_member_authorize(must_channel(p, channel), target, role, NULL,
                                                  on_done, &q, NULL),
                         0);
        return wait_for(p, &q);
}

static ErrorCode set_permissions(Person *p, const char *channel, Permissions permissions) {
        ChannelMember *c = must_channel(p, channel);
        Result q = {};

        assert_int_equal(channel_member_set_permissions(c, &permissions, on_done, &q, NULL), 0);
        return wait_for(p, &q);
}

ErrorCode person_set_view(Person *p, const char *channel, ViewPermission view,
                          SendPermission send) {
        return set_permissions(p, channel, (Permissions){ view, send, -1, -1, -1 });
}

ErrorCode person_set_rate(Person *p, const char *channel, int rate, int burst) {
        Permissions permissions = PERMISSIONS_UNSAID;

        permissions.message_rate = rate;
        permissions.message_burst = burst;
        return set_permissions(p, channel, permissions);
}

ErrorCode person_set_retention(Person *p, const char *channel, unsigned days) {
        return set_permissions(p, channel,
                               (Permissions){ VIEW_INVALID, SEND_INVALID, (int) days, -1, -1 });
}

ErrorCode person_set_topic(Person *p, const char *channel, const char *topic) {
        Result q = {};

        assert_int_equal(
                channel_member_set_topic(must_channel(p, channel), topic, on_done, &q, NULL), 0);
        return wait_for(p, &q);
}

ErrorCode person_redact(Person *p, const char *channel, uint64_t seq) {
        Result q = {};

        assert_int_equal(
                channel_member_redact(must_channel(p, channel), seq, NULL, on_done, &q, NULL), 0);
        return wait_for(p, &q);
}

void person_set_invisible(Person *p, bool invisible) {
        Result q = {};

        assert_int_equal(manager_set_invisible(p->manager, invisible, on_done, &q, NULL), 0);
        assert_int_equal(wait_for(p, &q), ERROR_NONE);
        assert_true(manager_is_invisible(p->manager) == invisible);
}

typedef struct Search {
        const char *name;
        ChannelMember *found;
} Search;

static int match_channel(ChannelMember *c, void *userdata) {
        Search *s = userdata;

        if (streq(channel_member_get_id(c), s->name) ||
            (streq(channel_member_get_name(c), s->name) &&
             (!s->found || channel_member_get_state(c) != MEMBER_CLOSED)))
                s->found = c;
        return 0;
}

ChannelMember *person_channel(Person *p, const char *channel) {
        Search s = { .name = channel };

        manager_each_channel(p->manager, match_channel, &s);
        return s.found;
}

static void on_directory(const Failure *f, const DirectoryEntry *entries, size_t n,
                         const char *next, uint64_t generation, void *userdata) {
        Result *q = userdata;

        finish(q, f);
        for (size_t i = 0; i < n; i++)
                if (streq(entries[i].channel_name, q->name))
                        q->online = entries[i].online;
}

int person_sees(Person *p, const char *channel) {
        Result q = { .online = -1, .name = channel };

        assert_int_equal(account_list(manager_get_account(p->manager),
                                      &(DirectoryQuery){ .query = channel }, on_directory, &q,
                                      NULL),
                         0);
        assert_int_equal(wait_for(p, &q), ERROR_NONE);
        return q.online;
}

/* ---- messages ---- */

uint64_t person_send_id(Person *p, const char *channel, const char *id, const char *text,
                        uint64_t wait_usec, ErrorCode *ret_error) {
        Result q = {};
        ErrorCode error;

        assert_int_equal(channel_member_send(must_channel(p, channel), id, text, NULL, wait_usec,
                                             on_sent, &q, NULL),
                         0);
        error = wait_for(p, &q);
        if (ret_error)
                *ret_error = error;
        else
                assert_int_equal(error, ERROR_NONE);
        return q.seq;
}

uint64_t person_send(Person *p, const char *channel, const char *text) {
        return person_send_id(p, channel, NULL, text, 0, NULL);
}

typedef struct Wait {
        Person *person;
        const char *channel;
        MemberState state;
        uint64_t seq;
} Wait;

static bool has_state(void *userdata) {
        const Wait *w = userdata;
        ChannelMember *c = person_channel(w->person, w->channel);

        return c && channel_member_get_state(c) == w->state;
}

void person_until_state(Person *p, const char *channel, MemberState state) {
        world_until(p->world, has_state,
                    &(Wait){ .person = p, .channel = channel, .state = state });
}

static bool has_seq(void *userdata) {
        const Wait *w = userdata;
        ChannelMember *c = person_channel(w->person, w->channel);

        return c && channel_member_get_synced_seq(c) >= w->seq;
}

void person_until_seq(Person *p, const char *channel, uint64_t seq) {
        world_until(p->world, has_seq, &(Wait){ .person = p, .channel = channel, .seq = seq });
}

static bool has_sent(void *userdata) {
        const Wait *w = userdata;
        ChannelMember *c = person_channel(w->person, w->channel);

        return c && channel_member_get_n_outbox(c) == 0;
}

void person_until_sent(Person *p, const char *channel) {
        world_until(p->world, has_sent, &(Wait){ .person = p, .channel = channel });
}
