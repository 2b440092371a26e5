/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was acknowledged is on disk however the process ends; who asked may be gone before. */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/daemon/store-fixture.h"

#define IN_FLIGHT 8
#define ROUNDS 3
#define ACKNOWLEDGED_MIN 150

/* Of an appended entry, or (seq 0) of an outbox row. */
typedef struct Acknowledgement {
        uint64_t seq;
        unsigned id;
} Acknowledgement;

/* Completions come in the order of submission, so a count says whose they are. */
typedef struct Appender {
        Store *store;
        uint64_t row;
        unsigned n_submitted, n_done;
        int fd;
} Appender;

static void acknowledge(Appender *a, int r, uint64_t seq) {
        Acknowledgement ack = { .seq = seq, .id = a->n_done++ };

        if (r != 0 || write(a->fd, &ack, sizeof(ack)) != sizeof(ack))
                _exit(3);
}

static void on_stored(int r, const Appended *results, size_t n_results, const Entry *entries,
                      size_t n_entries, void *userdata) {
        acknowledge(userdata, r < 0 ? r : results[0].r, r < 0 ? 0 : results[0].seq);
}

static void on_queued(int r, const OutboxRow *existing, void *userdata) {
        acknowledge(userdata, r, 0);
}

static void submit_next(Appender *a) {
        unsigned id = a->n_submitted++;
        Proposal p = proposal_of(id, "alice", "{\"message_content\":\"hi\"}");
        OutboxRow add = { .text = "hi", .queued = START };
        int r;

        memcpy(add.id, p.id, sizeof(add.id));
        r = id % 2 == 0 ? store_append(a->store, a->row, &p, 1, on_stored, a, NULL)
                        : store_outbox_add(a->store, a->row, &add, on_queued, a, NULL);
        if (r < 0)
                _exit(4);
}

/* Another process, as a daemon is, until somebody kills it. */
_Noreturn static void run_appender(const char *path, uint64_t row, unsigned first_id, int fd) {
        Appender a = { .row = row, .n_submitted = first_id, .n_done = first_id, .fd = fd };
        Runtime rt = {};

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sd_event_new(&rt.event) < 0 ||
            clock_new(rt.event, &rt.clock) < 0 || workers_new(rt.event, 1, &rt.workers) < 0 ||
            store_new(&rt, path, &a.store) < 0)
                _exit(5);
        for (;;) {
                while (a.n_submitted - a.n_done < IN_FLIGHT)
                        submit_next(&a);
                if (sd_event_run(rt.event, WAIT_USEC) <= 0)
                        _exit(6);
        }
}

/* Reads until the end of file, kills once enough was acknowledged. */
static size_t collect(int fd, pid_t pid, Acknowledgement *ret, size_t n_max) {
        bool is_killed = false;
        size_t n = 0;

        for (;;) {
                struct pollfd pollfd = { .fd = fd, .events = POLLIN };
                ssize_t l;

                assert_int_equal(poll(&pollfd, 1, WAIT_USEC / USEC_PER_MSEC), 1);
                assert_true(n < n_max);
                l = read(fd, &ret[n], sizeof(Acknowledgement));
                if (l == 0)
                        return n;
                assert_int_equal(l, sizeof(Acknowledgement));
                if (++n >= ACKNOWLEDGED_MIN && !is_killed) {
                        assert_int_equal(kill(pid, SIGKILL), 0);
                        is_killed = true;
                }
        }
}

static void assert_held(Fixture *f, uint64_t row, const Acknowledgement *ack) {
        char id[UUID_STRING_SIZE];
        Result q = {};

        uuid_of(ack->id, id);
        if (ack->seq > 0) {
                assert_int_equal(
                        CALL(f, &q,
                             store_read_entry_id(f->store, row, ack->seq, on_entry_id, &q, NULL)),
                        0);
                assert_string_equal(q.id, id);
        } else {
                assert_int_equal(add_row(f, &q, row, ack->id, "hi"), 1);
                assert_int_equal(q.rows[0].state, OUTBOX_QUEUED);
        }
        result_done(&q);
}

static void test_killed(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), synced_seq = 0;
        unsigned next_id = 0;
        Result q = {};

        for (unsigned round = 0; round < ROUNDS; round++) {
                static Acknowledgement acks[1 << 16];
                int fds[2], status;
                size_t n;
                pid_t pid;

                f->store = store_free(f->store);
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0)
                        run_appender(f->path, row, next_id, fds[1]);
                close(fds[1]);
                n = collect(fds[0], pid, acks, ELEMENTSOF(acks));
                close(fds[0]);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                assert_true(n >= ACKNOWLEDGED_MIN);

                open_store(f);
                for (size_t i = 0; i < n; i++)
                        assert_held(f, row, &acks[i]);
                /* More may be there than was said, but not more than was asked for. */
                next_id = acks[n - 1].id + 1 + IN_FLIGHT;
                assert_true(load_channel(f, &q)->synced_seq >= synced_seq + n / 2);
                assert_true(q.channels[0].synced_seq <= synced_seq + n / 2 + IN_FLIGHT);
                synced_seq = q.channels[0].synced_seq;
        }
        result_done(&q);
}

static void test_done_comes_later(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Proposal p = proposal_of(1, "alice", "{}");
        Result q = {};

        assert_int_equal(store_append(f->store, row, &p, 1, on_appended, &q, NULL), 0);
        assert_false(q.done);
        assert_int_equal(wait_for(f, &q), 0);
        result_done(&q);
}

static void test_nobody_waits(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Result gone = {}, q = {};
        Job *job;

        for (unsigned id = 1; id <= 3; id++) {
                Proposal p = proposal_of(id, "alice", "{}");

                assert_int_equal(store_append(f->store, row, &p, 1, on_appended, &gone, &job), 0);
                job_free(job);
        }
        assert_int_equal(
                CALL(f, &q,
                     store_read_page(f->store, row, &(PageQuery){ .limit = 9 }, on_page, &q, &job)),
                0);
        assert_int_equal(load_channel(f, &q)->synced_seq, 3);
        assert_false(gone.done);
        result_done(&q);
}

static void test_free_finishes(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Result gone = {}, q = {};

        for (unsigned id = 1; id <= 40; id++) {
                Proposal p = proposal_of(id, "alice", "{}");

                assert_int_equal(store_append(f->store, row, &p, 1, on_appended, &gone, NULL), 0);
        }
        reopen_store(f);
        assert_false(gone.done);
        assert_int_equal(load_channel(f, &q)->synced_seq, 40);
        result_done(&q);
}

static void test_read_sees_what_is_done(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Result q = {};

        for (unsigned id = 1; id <= 100; id++) {
                Proposal p = proposal_of(id, "alice", "{}");

                assert_int_equal(
                        CALL(f, &q, store_append(f->store, row, &p, 1, on_appended, &q, NULL)), 0);
                assert_int_equal(CALL(f, &q,
                                      store_read_page(f->store, row,
                                                      &(PageQuery){ .before = true, .limit = 1 },
                                                      on_page, &q, NULL)),
                                 0);
                assert_int_equal(q.n_entries, 1);
                assert_int_equal(q.entries[0].seq, id);
        }
        result_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                /* first: it forks, so there are no threads yet */
                cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_done_comes_later, setup, teardown),
                cmocka_unit_test_setup_teardown(test_done_comes_later, setup_on_threads, teardown),
                cmocka_unit_test_setup_teardown(test_nobody_waits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody_waits, setup_on_threads, teardown),
                cmocka_unit_test_setup_teardown(test_free_finishes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_free_finishes, setup_on_threads, teardown),
                cmocka_unit_test_setup_teardown(test_read_sees_what_is_done, setup_on_threads,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
