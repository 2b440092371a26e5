/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host stops as planned: what is at its disk is answered, what is not is asked again and arrives
 * once, and members come back spread over the time that they were told. */
#include "daemon/host/channel-host-internal.h"
#include "daemon/manager/manager-internal.h"
#include "daemon/store/store-internal.h"
#include "scenario/support.h"
#include "support/latch.h"

#define WAIT_USEC (10 * USEC_PER_SEC)
#define N_MEMBERS 6

static ChannelHost *host_of(Person *p) {
        return channel_member_get_local_host(person_channel(p, "lobby"));
}

static Person *member(World *w, const char *name) {
        Person *p = world_person(w, name);

        person_sign_up(p, name);
        (void) person_join(p, "lobby");
        person_until_state(p, "lobby", MEMBER_LIVE);
        return p;
}

static Person *host(World *w) {
        Person *alice = world_person(w, "alice");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        return alice;
}

/* ---- when they come back ---- */

typedef struct Back {
        Person *people[N_MEMBERS];
        uint64_t at[N_MEMBERS]; /* boottime; 0: not yet */
} Back;

static bool all_are_back(void *userdata) {
        Back *b = userdata;
        size_t n = 0;

        for (size_t i = 0; i < N_MEMBERS; i++) {
                if (b->at[i] == 0 &&
                    channel_member_get_state(person_channel(b->people[i], "lobby")) == MEMBER_LIVE)
                        b->at[i] = clock_boottime(b->people[i]->rt.clock);
                n += b->at[i] > 0;
        }
        return n == N_MEMBERS;
}

static bool all_are_away(void *userdata) {
        Back *b = userdata;

        for (size_t i = 0; i < N_MEMBERS; i++)
                if (channel_member_get_state(person_channel(b->people[i], "lobby")) == MEMBER_LIVE)
                        return false;
        return true;
}

static void test_spread(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = host(w);
        uint64_t begin, first = UINT64_MAX, last = 0;
        size_t n_apart = 0;
        Back back = {};

        for (size_t i = 0; i < N_MEMBERS; i++) {
                char name[NAME_SIZE];

                snprintf(name, sizeof(name), "member%zu", i);
                back.people[i] = member(w, name);
        }
        /* Long enough that an earlier attempt does not make anyone wait. */
        world_pass(w, USEC_PER_MINUTE);
        person_stop(alice);
        world_until(w, all_are_away, &back);
        begin = clock_boottime(alice->rt.clock);
        /* Its queue at the tracker takes none of that time: it is there again at once. */
        person_start(alice);
        world_until(w, all_are_back, &back);
        for (size_t i = 0; i < N_MEMBERS; i++) {
                first = MIN(first, back.at[i]);
                last = MAX(last, back.at[i]);
                for (size_t k = 0; k < i; k++)
                        n_apart += back.at[i] != back.at[k];
        }
        assert_true(last - begin <= 2 * USEC_PER_SEC);
        assert_true(last - first >= 200 * USEC_PER_MSEC);
        assert_true(n_apart >= N_MEMBERS * (N_MEMBERS - 1) / 2 - 2);
}

/* ---- what is at the disk ---- */

typedef struct Stage {
        Threads threads;
        World *world;
        Person *alice, *bob, *carol;
        Latch latch;
} Stage;

static void setup(Stage *s) {
        *s = (Stage){};
        threads_init(&s->threads);
        latch_init(&s->latch);
        s->world = world_new_threaded(&s->threads.rt);
        s->alice = host(s->world);
        s->bob = member(s->world, "bob");
        s->carol = member(s->world, "carol");
}

static void stage_done(Stage *s) {
        world_free(s->world);
        latch_done(&s->latch);
        threads_done(&s->threads);
}

static int hold(SqlTx *tx, void *request) {
        latch_wait(request);
        return 0;
}

static void hold_disk(Stage *s) {
        assert_int_equal(
                sql_write(s->alice->manager->store->sql, hold, &s->latch, NULL, NULL, NULL, NULL),
                0);
        latch_expect(&s->latch, 1);
}

static bool is_at_the_disk(void *userdata) {
        return host_of(userdata)->append_job;
}

/* Threads take their own time: none passes in the world until what was held is stored. */
static void let_the_disk_go(Stage *s) {
        latch_open(&s->latch);
        for (unsigned n = 0; host_of(s->alice) && host_of(s->alice)->append_job; n++) {
                assert_true(n < 2000);
                assert_true(sd_event_run(s->threads.rt.event, 10 * USEC_PER_MSEC) >= 0);
        }
}

static void send_to_the_disk(Stage *s) {
        hold_disk(s);
        assert_int_equal(person_send(s->bob, "lobby", "at the disk"), 0);
        world_until(s->world, is_at_the_disk, s->alice);
        person_begin_stop(s->alice);
        assert_int_equal(person_send(s->carol, "lobby", "later"), 0);
}

static void expect_all(Stage *s) {
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        person_until_state(s->carol, "lobby", MEMBER_LIVE);
        person_until_sent(s->bob, "lobby");
        person_until_sent(s->carol, "lobby");
        person_until_seq(s->bob, "lobby", 3);
        person_until_seq(s->carol, "lobby", 3);
        ASSERT_TEXTS(s->alice, "lobby", "bob: at the disk", "carol: later");
        assert_same_log(s->alice, s->bob, "lobby");
        assert_same_log(s->alice, s->carol, "lobby");
}

/* It is stored, answered and shown to all before anybody is sent away; what comes later is not
 * taken, and is there when the host is. */
static void test_at_the_disk(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        send_to_the_disk(&s);
        assert_false(s.alice->is_stopped);
        assert_int_equal(channel_member_get_state(person_channel(s.bob, "lobby")), MEMBER_LIVE);
        let_the_disk_go(&s);
        person_until_sent(s.bob, "lobby");
        person_end_stop(s.alice);
        person_until_seq(s.bob, "lobby", 2);
        person_until_seq(s.carol, "lobby", 2);
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.carol, "lobby")), 1);
        person_start(s.alice);
        expect_all(&s);
}

/* One that hangs holds nobody up: it is not known whether it was stored, it is asked again, and
 * there once. */
static void test_disk_that_hangs(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        send_to_the_disk(&s);
        person_until_state(s.bob, "lobby", MEMBER_OFFLINE);
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.bob, "lobby")), 1);
        latch_open(&s.latch);
        person_end_stop(s.alice);
        person_start(s.alice);
        expect_all(&s);
}

/* ---- a person ends it ---- */

static void on_unhosted(const Failure *f, void *userdata) {
        assert_null(f);
        *(bool *) userdata = true;
}

static bool is_true(void *userdata) {
        return *(const bool *) userdata;
}

static void begin_unhost(Stage *s, bool *is_done) {
        hold_disk(s);
        assert_int_equal(person_send(s->bob, "lobby", "at the disk"), 0);
        world_until(s->world, is_at_the_disk, s->alice);
        assert_int_equal(manager_unhost(s->alice->manager, person_channel(s->alice, "lobby"), false,
                                        on_unhosted, is_done, NULL),
                         0);
}

static void expect_unhosted(Stage *s) {
        person_until_state(s->bob, "lobby", MEMBER_OFFLINE);
        assert_string_equal(channel_member_get_state_reason(person_channel(s->bob, "lobby")),
                            "unhosted");
        assert_null(host_of(s->alice));
}

/* Who has sent hears of it, and all have it, before they hear that the channel is closed. */
static void test_unhost(void **state) {
        _cleanup_(stage_done) Stage s;
        bool is_done = false;

        setup(&s);
        begin_unhost(&s, &is_done);
        assert_non_null(host_of(s.alice));
        let_the_disk_go(&s);
        world_until(s.world, is_true, &is_done);
        expect_unhosted(&s);
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.bob, "lobby")), 0);
        person_until_seq(s.carol, "lobby", 2);
        assert_same_log(s.alice, s.carol, "lobby");
        person_kill(s.alice);
        person_start(s.alice);
        assert_null(host_of(s.alice));
}

/* The disk hangs, and the person is obeyed all the same. */
static void test_unhost_while_the_disk_hangs(void **state) {
        _cleanup_(stage_done) Stage s;
        bool is_done = false;

        setup(&s);
        begin_unhost(&s, &is_done);
        world_until(s.world, is_true, &is_done);
        expect_unhosted(&s);
        latch_open(&s.latch);
        person_host(s.alice, "lobby");
        person_until_sent(s.bob, "lobby");
        person_until_seq(s.carol, "lobby", 2);
        ASSERT_TEXTS(s.carol, "lobby", "bob: at the disk");
}

static void on_hosted(const Failure *f, ChannelMember *c, void *userdata) {
        assert_null(f);
        *(bool *) userdata = true;
}

/* What the one before has left there is part of the log, whenever it comes to be. */
static void test_host_again_while_the_disk_hangs(void **state) {
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };
        _cleanup_(stage_done) Stage s;
        bool is_done = false, is_hosted = false;

        setup(&s);
        begin_unhost(&s, &is_done);
        world_until(s.world, is_true, &is_done);
        assert_int_equal(
                manager_host(s.alice->manager, "lobby", &options, on_hosted, &is_hosted, NULL), 0);
        world_pass(s.world, 5 * USEC_PER_SEC);
        assert_false(is_hosted);
        latch_open(&s.latch);
        world_until(s.world, is_true, &is_hosted);
        person_until_sent(s.bob, "lobby");
        person_until_seq(s.carol, "lobby", 2);
        ASSERT_TEXTS(s.carol, "lobby", "bob: at the disk");
}

/* ---- who hosts signs out ---- */

static void begin_sign_out(Stage *s, bool *is_done) {
        hold_disk(s);
        assert_int_equal(person_send(s->bob, "lobby", "at the disk"), 0);
        world_until(s->world, is_at_the_disk, s->alice);
        assert_int_equal(account_sign_out(manager_get_account(s->alice->manager), on_unhosted,
                                          is_done, NULL),
                         0);
}

static bool is_signed_out(void *userdata) {
        Person *p = userdata;

        return !account_get_username(manager_get_account(p->manager));
}

/* bob has heard that it is stored, carol has it, and both hear that the channel is closed. */
static void expect_signed_out(Stage *s, bool *is_done) {
        world_until(s->world, is_true, is_done);
        assert_true(is_signed_out(s->alice));
        assert_int_equal(s->alice->n_channels, 0);
        person_until_state(s->bob, "lobby", MEMBER_OFFLINE);
        person_until_state(s->carol, "lobby", MEMBER_OFFLINE);
        assert_string_equal(channel_member_get_state_reason(person_channel(s->carol, "lobby")),
                            "unhosted");
        /* What they heard reaches their own disks by and by; nobody tells it them again. */
        person_until_sent(s->bob, "lobby");
        person_until_seq(s->carol, "lobby", 2);
        ASSERT_TEXTS(s->carol, "lobby", "bob: at the disk");
}

static void test_sign_out(void **state) {
        _cleanup_(stage_done) Stage s;
        bool is_done = false;

        setup(&s);
        begin_sign_out(&s, &is_done);
        /* Nobody is anybody else meanwhile, and nothing begins. */
        assert_int_equal(person_try_sign_in(s.alice, "alice", "correct horse battery"), ERROR_BUSY);
        assert_int_equal(
                person_try_host(s.alice, "other",
                                &(HostOptions){ .view = VIEW_INVALID, .send = SEND_INVALID }),
                ERROR_BUSY);
        assert_non_null(host_of(s.alice));
        let_the_disk_go(&s);
        expect_signed_out(&s, &is_done);
        person_sign_in(s.alice, "alice");
        person_until_state(s.alice, "lobby", MEMBER_LIVE);
        person_until_state(s.carol, "lobby", MEMBER_LIVE);
        assert_same_log(s.alice, s.carol, "lobby");
}

/* The lease lapses, all else is as it was. */
static void test_sign_out_without_tracker(void **state) {
        _cleanup_(stage_done) Stage s;
        bool is_done = false;

        setup(&s);
        world_tracker_kill(s.world);
        begin_sign_out(&s, &is_done);
        let_the_disk_go(&s);
        expect_signed_out(&s, &is_done);
}

/* Nobody is signed in after a few seconds all the same; what was not answered is asked again. */
static void test_sign_out_while_the_disk_hangs(void **state) {
        _cleanup_(stage_done) Stage s;
        bool is_done = false;
        uint64_t begin;

        setup(&s);
        begin_sign_out(&s, &is_done);
        begin = clock_boottime(s.alice->rt.clock);
        world_until(s.world, is_signed_out, s.alice);
        assert_true(clock_boottime(s.alice->rt.clock) - begin <= 5 * USEC_PER_SEC);
        person_until_state(s.bob, "lobby", MEMBER_OFFLINE);
        assert_int_equal(channel_member_get_n_outbox(person_channel(s.bob, "lobby")), 1);
        assert_false(is_done);
        latch_open(&s.latch);
        world_until(s.world, is_true, &is_done);
        person_sign_in(s.alice, "alice");
        person_until_sent(s.bob, "lobby");
        person_until_seq(s.carol, "lobby", 2);
        ASSERT_TEXTS(s.carol, "lobby", "bob: at the disk");
}

static bool is_leaving(void *userdata) {
        Person *p = userdata;

        return p->manager->sign_out;
}

/* Nobody can serve that log any more: who has sent to it must know what became of it. */
static void test_account_deleted(void **state) {
        _cleanup_(stage_done) Stage s;
        bool is_done = false;

        setup(&s);
        hold_disk(&s);
        assert_int_equal(person_send(s.bob, "lobby", "at the disk"), 0);
        world_until(s.world, is_at_the_disk, s.alice);
        assert_int_equal(account_delete(manager_get_account(s.alice->manager),
                                        "correct horse battery", on_unhosted, &is_done, NULL),
                         0);
        world_until(s.world, is_leaving, s.alice);
        let_the_disk_go(&s);
        world_until(s.world, is_true, &is_done);
        assert_true(is_signed_out(s.alice));
        person_until_sent(s.bob, "lobby");
        person_until_seq(s.carol, "lobby", 2);
        ASSERT_TEXTS(s.carol, "lobby", "bob: at the disk");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_spread),
                cmocka_unit_test(test_at_the_disk),
                cmocka_unit_test(test_disk_that_hangs),
                cmocka_unit_test(test_unhost),
                cmocka_unit_test(test_unhost_while_the_disk_hangs),
                cmocka_unit_test(test_host_again_while_the_disk_hangs),
                cmocka_unit_test(test_sign_out),
                cmocka_unit_test(test_sign_out_without_tracker),
                cmocka_unit_test(test_sign_out_while_the_disk_hangs),
                cmocka_unit_test(test_account_deleted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
