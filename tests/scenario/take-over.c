/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what becomes of messages that are at a disk while another device takes over: one that
 * hangs, of who served or of who will, loses none and makes no second log. */
#include "daemon/host/channel-host-internal.h"
#include "daemon/manager/manager-internal.h"
#include "daemon/member/channel-member-internal.h"
#include "daemon/store/store-internal.h"
#include "scenario/support.h"
#include "support/latch.h"

#define WAIT_USEC (10 * USEC_PER_SEC)

typedef struct Stage {
        Threads threads;
        World *world;
        Person *one, *two, *bob; /* one and two are alice's */
        Latch latch;
        char id[UUID_STRING_SIZE];
        bool is_answered;
        ErrorCode error;
} Stage;

static void setup(Stage *s) {
        *s = (Stage){};
        threads_init(&s->threads);
        latch_init(&s->latch);
        s->world = world_new_threaded(&s->threads.rt);
        s->one = world_person(s->world, "one");
        s->two = world_person(s->world, "two");
        s->bob = world_person(s->world, "bob");
        person_sign_up(s->one, "alice");
        person_sign_in(s->two, "alice");
        person_sign_up(s->bob, "bob");
        person_host(s->one, "lobby");
        (void) person_join(s->two, "lobby");
        (void) person_join(s->bob, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        assert_int_equal(person_send_id(s->bob, "lobby", NULL, "first", WAIT_USEC, NULL), 2);
        person_until_seq(s->two, "lobby", 2);
        person_until_state(s->two, "lobby", MEMBER_LIVE);
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

static void hold_disk(Stage *s, Person *p) {
        assert_int_equal(sql_write(p->manager->store->sql, hold, &s->latch, NULL, NULL, NULL, NULL),
                         0);
        latch_expect(&s->latch, 1);
}

static void on_hosted(const Failure *f, ChannelMember *c, void *userdata) {
        Stage *s = userdata;

        s->is_answered = true;
        s->error = f ? f->code : ERROR_NONE;
}

static void begin_take_over(Stage *s, Person *p) {
        static const HostOptions options = {
                .view = VIEW_INVALID,
                .send = SEND_INVALID,
                .take_over = true,
        };

        assert_int_equal(manager_host(p->manager, "lobby", &options, on_hosted, s, NULL), 0);
}

static bool is_answered(void *userdata) {
        return ((Stage *) userdata)->is_answered;
}

static ChannelHost *host_of(Person *p) {
        return channel_member_get_local_host(person_channel(p, "lobby"));
}

static bool is_at_the_disk(void *userdata) {
        return host_of(userdata)->append_job;
}

static bool is_ending(void *userdata) {
        ChannelHost *h = host_of(userdata);

        return !h || channel_host_is_ending(h);
}

static bool has_two_waiting(void *userdata) {
        const Stream *s = &person_channel(userdata, "lobby")->stream;

        return s->copy && s->n_flying > 0 && s->n_queue > 0;
}

static bool was_told(void *userdata) {
        return !channel_member_is_connected(person_channel(userdata, "lobby"));
}

static void expect_one_log(Stage *s, uint64_t last_seq) {
        world_until(s->world, is_answered, s);
        assert_int_equal(s->error, ERROR_NONE);
        assert_non_null(host_of(s->two));
        person_until_state(s->one, "lobby", MEMBER_LIVE);
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        person_until_sent(s->bob, "lobby");
        person_until_seq(s->two, "lobby", last_seq);
        person_until_seq(s->one, "lobby", last_seq);
        person_until_seq(s->bob, "lobby", last_seq);
        assert_same_log(s->two, s->one, "lobby");
        assert_same_log(s->two, s->bob, "lobby");
        assert_int_equal(channel_member_get_synced_seq(person_channel(s->two, "lobby")), last_seq);
        assert_null(host_of(s->one));
}

/* One has it at its disk when it hears that it serves no more: stored there it is in two's log.
 * What comes later waits for two. */
static void test_disk_of_the_old_host(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        hold_disk(&s, s.one);
        assert_int_equal(person_send(s.bob, "lobby", "at the disk"), 0);
        world_until(s.world, is_at_the_disk, s.one);
        begin_take_over(&s, s.two);
        world_until(s.world, is_ending, s.one);
        assert_int_equal(person_send(s.bob, "lobby", "later"), 0);
        assert_int_equal(person_set_view(s.bob, "lobby", VIEW_PUBLIC, SEND_EVERYONE), ERROR_BUSY);
        assert_non_null(host_of(s.one));
        latch_open(&s.latch);

        expect_one_log(&s, 5); /* 4: the new host */
        ASSERT_TEXTS(s.two, "lobby", "bob: first", "bob: at the disk", "bob: later");
}

/* Two has heard what bob was told is stored, and has it nowhere but in memory. */
static void test_disk_of_the_new_host(void **state) {
        _cleanup_(stage_done) Stage s;

        setup(&s);
        hold_disk(&s, s.two);
        assert_int_equal(person_send_id(s.bob, "lobby", NULL, "flies", WAIT_USEC, NULL), 3);
        assert_int_equal(person_send_id(s.bob, "lobby", NULL, "waits", WAIT_USEC, NULL), 4);
        world_until(s.world, has_two_waiting, s.two);
        begin_take_over(&s, s.two);
        world_until(s.world, was_told, s.two);
        assert_null(host_of(s.two));
        latch_open(&s.latch);

        expect_one_log(&s, 5); /* the new host */
        ASSERT_TEXTS(s.two, "lobby", "bob: first", "bob: flies", "bob: waits");
}

static bool is_displaced(void *userdata) {
        Stage *s = userdata;
        const ChannelMember *c = person_channel(s->one, s->id);

        return channel_member_get_state(c) == MEMBER_CLOSED;
}

/* Two has begun a new log, and one hears of it when it asks for its own again: what is at its disk
 * is part of the old one, and who sent it knows. */
static void test_new_log_while_the_old_disk_hangs(void **state) {
        static const HostOptions options = {
                .view = VIEW_INVALID,
                .send = SEND_INVALID,
                .take_over = true,
                .new_log = true,
        };
        _cleanup_(stage_done) Stage s;

        setup(&s);
        strcpy(s.id, channel_member_get_id(person_channel(s.one, "lobby")));
        hold_disk(&s, s.one);
        assert_int_equal(person_send(s.bob, "lobby", "at the disk"), 0);
        world_until(s.world, is_at_the_disk, s.one);
        assert_int_equal(manager_host(s.two->manager, "lobby", &options, on_hosted, &s, NULL), 0);
        world_until(s.world, is_answered, &s);
        assert_int_equal(s.error, ERROR_NONE);
        assert_false(is_ending(s.one));
        world_tracker_kill(s.world);
        world_tracker_start(s.world);
        world_until(s.world, is_ending, s.one);
        assert_non_null(host_of(s.one));
        latch_open(&s.latch);
        world_until(s.world, is_displaced, &s);
        assert_string_equal(channel_member_get_state_reason(person_channel(s.one, s.id)),
                            "new-log");
        ASSERT_TEXTS(s.one, s.id, "bob: first", "bob: at the disk");
}

static void on_unhosted(const Failure *f, void *userdata) {
        assert_null(f);
        *(bool *) userdata = true;
}

static bool is_true(void *userdata) {
        return *(const bool *) userdata;
}

/* One waits for its disk when it hears that two serves. Its person waits for nothing. */
static void test_unhost_while_the_old_disk_hangs(void **state) {
        _cleanup_(stage_done) Stage s;
        bool is_done = false;
        uint64_t begin;

        setup(&s);
        hold_disk(&s, s.one);
        assert_int_equal(person_send(s.bob, "lobby", "at the disk"), 0);
        world_until(s.world, is_at_the_disk, s.one);
        begin_take_over(&s, s.two);
        world_until(s.world, is_ending, s.one);
        world_pass(s.world, WAIT_USEC);
        assert_non_null(host_of(s.one));
        assert_int_equal(manager_unhost(s.one->manager, person_channel(s.one, "lobby"), false,
                                        on_unhosted, &is_done, NULL),
                         0);
        begin = clock_boottime(s.one->rt.clock);
        world_until(s.world, is_true, &is_done);
        assert_true(clock_boottime(s.one->rt.clock) - begin <= 5 * USEC_PER_SEC);
        assert_null(host_of(s.one));
        latch_open(&s.latch);
        world_until(s.world, is_answered, &s);
        person_until_sent(s.bob, "lobby");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_disk_of_the_old_host),
                cmocka_unit_test(test_disk_of_the_new_host),
                cmocka_unit_test(test_unhost_while_the_old_disk_hangs),
                cmocka_unit_test(test_new_log_while_the_old_disk_hangs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
