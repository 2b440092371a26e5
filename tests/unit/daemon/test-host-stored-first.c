/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* While the fsync of what was said is under way nobody is given it, neither who said it nor who
 * reads, here or elsewhere. */
#include "daemon/store/store-internal.h"
#include "support/latch.h"
#include "support/sync-vfs.h"
#include "unit/daemon/member-double.h"

typedef struct Disk {
        Latch gate;        /* the writer, ahead of what is said */
        Latch fsync;       /* behind it */
        bool is_held;      /* the next fsync of the WAL waits */
        uint64_t last_seq; /* before what is said: who connected is in the log */
        Local local;

        Fixture *watched; /* at the first fsync from then on: */
        unsigned n_syncs, n_entries_told, n_done_told;
        uint64_t seq_told;
} Disk;

static Disk disk;

static bool on_sync(bool is_wal, void *userdata) {
        if (is_wal && disk.watched && disk.n_syncs++ == 0) {
                disk.n_entries_told = disk.watched->n_entries;
                disk.seq_told = channel_get_last_seq(channel_host_get_channel(disk.watched->host));
                disk.n_done_told = disk.local.n_done;
        }
        if (is_wal && __atomic_load_n(&disk.is_held, __ATOMIC_SEQ_CST))
                latch_wait(&disk.fsync);
        return true;
}

static void begin(void) {
        sync_vfs_set(on_sync, NULL);
        disk = (Disk){};
        latch_init(&disk.gate);
        latch_init(&disk.fsync);
}

static int setup_held(void **state) {
        begin();
        return setup_on_threads(state);
}

static int setup_watched(void **state) {
        begin();
        return setup(state);
}

static int teardown_held(void **state) {
        latch_open(&disk.gate); /* of a test that failed */
        latch_open(&disk.fsync);
        (void) teardown(state);
        latch_done(&disk.gate);
        latch_done(&disk.fsync);
        return 0;
}

static int wait_at_gate(SqlTx *tx, void *request) {
        latch_wait(&disk.gate);
        return 0;
}

static void free_nothing(void *request) {
}

/* The loop is not running while the writer goes from the gate to its fsync, so that whatever is
 * told too early is told by then. */
static void hold_the_writer(Fixture *f, Member *member, Member *other) {
        settle(f);
        disk.last_seq = channel_get_last_seq(channel_host_get_channel(f->host));
        f->n_entries = 0;
        member_forget(member);
        member_forget(other);
        assert_int_equal(store_write(f->store, wait_at_gate, NULL, free_nothing, NULL, NULL, NULL),
                         0);
        latch_expect(&disk.gate, 1);
}

static void let_it_come_to_its_fsync(Fixture *f) {
        settle(f);
        __atomic_store_n(&disk.is_held, true, __ATOMIC_SEQ_CST);
        latch_open(&disk.gate);
        latch_expect(&disk.fsync, 1);
        settle(f);
}

static void assert_not_given(const Member *m) {
        if (m->n_seen > 0)
                assert_in_range(m->seen[m->n_seen - 1].seq, 1, disk.last_seq);
}

static void assert_nothing_is_given(Fixture *f, const Member *bob, const Member *carol) {
        assert_int_equal(f->n_entries, 0);
        assert_not_given(bob);
        assert_not_given(carol);
        assert_int_equal(channel_get_last_seq(channel_host_get_channel(f->host)), disk.last_seq);
}

static void test_a_member_says_it(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        hold_the_writer(f, bob, carol);
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(1), "hello");
        let_it_come_to_its_fsync(f);
        assert_nothing_is_given(f, bob, carol);
        assert_false(bob->is_answered);

        latch_open(&disk.fsync);
        assert_int_equal(member_wait(bob), ERROR_NONE);
        wait_seen(bob, disk.last_seq + 1);
        wait_seen(carol, disk.last_seq + 1);
        assert_int_equal(f->n_entries, 1);
}

static void test_the_local_user_says_it(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");
        Local *l = &disk.local;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        hold_the_writer(f, bob, carol);
        local_start(f, l, 1, "hello");
        let_it_come_to_its_fsync(f);
        assert_nothing_is_given(f, bob, carol);
        assert_int_equal(l->n_done, 0);

        latch_open(&disk.fsync);
        local_wait(f, l, 1);
        assert_int_equal(l->seq, disk.last_seq + 1);
        wait_seen(bob, disk.last_seq + 1);
        wait_seen(carol, disk.last_seq + 1);
}

/* Who connects meanwhile gets what is stored, which this is not. */
static void test_one_who_connects_meanwhile(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        hold_the_writer(f, bob, carol);
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(1), "hello");
        let_it_come_to_its_fsync(f);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        assert_int_equal(get_uint(carol->reply, "last_seq"), disk.last_seq);
        settle(f);
        assert_nothing_is_given(f, bob, carol);
        assert_false(bob->is_answered);

        latch_open(&disk.fsync);
        wait_seen(carol, disk.last_seq + 1);
        assert_int_equal(member_wait(bob), ERROR_NONE);
}

static void test_what_waits_for_it_is_bounded(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        LocalMessage m = { .text = "x" };
        Local *l = &disk.local;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        hold_the_writer(f, bob, bob);
        local_start(f, l, 1, "hello");
        settle(f);
        for (unsigned i = 0; i < HOST_BACKLOG_REQUESTS_MAX - 1; i++)
                assert_int_equal(channel_host_authorize(f->host, &f->owner, "bob", ROLE_NONE, NULL,
                                                        local_done, l),
                                 0);
        snprintf(m.id, sizeof(m.id), "%s", uuid_of(2));
        assert_int_equal(channel_host_send(f->host, &f->owner, &m, 1, local_sent, l), -ENOBUFS);
        assert_int_equal(member_send(bob, 2, "x"), ERROR_BUSY);
        assert_true(bob->failure.retry_after_ms > 0);
        assert_int_equal(l->n_done, 0);

        latch_open(&disk.gate);
        local_wait(f, l, HOST_BACKLOG_REQUESTS_MAX);
        assert_int_equal(member_send(bob, 2, "x"), ERROR_NONE);
}

/* All on one thread: at the fsync nothing can be on its way either. */
static void test_nothing_is_told_ahead_of_it(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        settle(f);
        disk.last_seq = channel_get_last_seq(channel_host_get_channel(f->host));
        f->n_entries = 0;
        disk.watched = f;
        assert_int_equal(member_send(bob, 1, "hello"), ERROR_NONE);
        assert_true(disk.n_syncs > 0);
        assert_int_equal(disk.n_entries_told, 0);
        assert_int_equal(disk.seq_told, disk.last_seq);
        assert_int_equal(f->n_entries, 1);

        f->n_entries = disk.n_syncs = 0;
        local_start(f, &disk.local, 2, "hello");
        local_wait(f, &disk.local, 1);
        assert_true(disk.n_syncs > 0);
        assert_int_equal(disk.n_entries_told, 0);
        assert_int_equal(disk.n_done_told, 0);
        assert_int_equal(disk.seq_told, disk.last_seq + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_held, teardown_held)

int main(void) {
        const struct CMUnitTest inline_tests[] = {
                cmocka_unit_test_setup_teardown(test_nothing_is_told_ahead_of_it, setup_watched,
                                                teardown_held),
        };
        const struct CMUnitTest tests[] = {
                TEST(test_a_member_says_it),
                TEST(test_the_local_user_says_it),
                TEST(test_one_who_connects_meanwhile),
                TEST(test_what_waits_for_it_is_bounded),
        };

        /* Who tells from the wrong thread has no business on two. */
        return cmocka_run_group_tests(inline_tests, NULL, NULL)
                       ?: cmocka_run_group_tests(tests, NULL, NULL);
}
