/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An index that is killed at any moment, with what comes into it and goes out of it, is the index
 * of its log. */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/daemon/search-fixture.h"

#define ROUNDS 4
#define STEPS_MIN 3 /* of a round, before it is killed */

static int do_purge(SqlTx *tx, void *userdata) {
        return store_index_purge(tx);
}

/* One of the messages that the round before left. */
static int do_remove(SqlTx *tx, void *userdata) {
        const uint64_t *x = userdata; /* row, seq */
        int r;

        r = store_remove_content(tx, x[0], x[1], "alice", x[1], START, NULL);
        return MIN(r, 0);
}

/* Says, indexes, removes and purges in turn, until it is killed; a byte a turn. */
_Noreturn static void run_indexer(Fixture *f, uint64_t row, unsigned first, int fd) {
        Fixture own = *f; /* a loop is its process's */

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sd_event_new(&own.event) < 0 ||
            clock_new(own.event, &own.clock) < 0 || workers_new_inline(own.event, &own.workers) < 0)
                _exit(5);
        own.rt = (Runtime){ .event = own.event, .clock = own.clock, .workers = own.workers };
        f = &own;
        open_store(f);
        for (unsigned seq = first;; seq += INDEX_STEP_ENTRIES + 10) {
                uint64_t x[] = { row, seq };

                say_many(f, row, seq, INDEX_STEP_ENTRIES + 10);
                if (in_store(f, do_step, &row) < 0)
                        _exit(6);
                for (; x[1] < seq + 10; x[1]++)
                        if (in_store(f, do_remove, x) < 0)
                                _exit(7);
                if (write(fd, "", 1) != 1)
                        _exit(8);
                while (in_store(f, do_purge, NULL) > 0)
                        ;
        }
}

/* Each number below n, said at the seq that it is, is found there once, or was removed. */
static void assert_found(Fixture *f, uint64_t row, uint64_t n) {
        for (uint64_t seq = 1; seq < n; seq += 31) {
                char words[64], expected[32];
                const char *found;
                Result q = {};
                PageQuery query = { .anchor = seq - 1, .limit = 1 };
                bool is_removed;

                assert_int_equal(
                        CALL(f, &q, store_read_page(f->store, row, &query, on_page, &q, NULL)), 0);
                is_removed = strstr(q.entries[0].extra, "redacted");
                snprintf(words, sizeof(words), "\"%" PRIu64 " of words\"", seq);
                snprintf(expected, sizeof(expected), "%" PRIu64, seq);
                found = search_all(f, row, words);
                /* 7 is in 17, too */
                for (const char *s = found; *s; s += *s == ' ') {
                        size_t k = strcspn(s, " ");

                        if (k == strlen(expected) && memcmp(s, expected, k) == 0) {
                                assert_false(is_removed);
                                is_removed = true; /* once */
                        }
                        s += k;
                }
                assert_true(is_removed);
                result_done(&q);
        }
}

static uint64_t head_of(Fixture *f) {
        Result q = {};
        uint64_t head = load_channel(f, &q)->synced_seq;

        result_done(&q);
        return head;
}

static void test_killed(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), head = 0;

        for (unsigned round = 0; round < ROUNDS; round++) {
                int fds[2], status;
                char byte;
                pid_t pid;

                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                f->store = store_free(f->store);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        close(fds[0]);
                        run_indexer(f, row, (unsigned) head + 1, fds[1]);
                }
                close(fds[1]);
                for (unsigned n = 0; n < STEPS_MIN; n++) {
                        struct pollfd pollfd = { .fd = fds[0], .events = POLLIN };

                        assert_int_equal(poll(&pollfd, 1, WAIT_USEC / USEC_PER_MSEC), 1);
                        assert_int_equal(read(fds[0], &byte, 1), 1);
                }
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));
                close(fds[0]);
                open_store(f);
                head = head_of(f);
                assert_true(load_index(f, row).last_seq > 0);
                assert_found(f, row, head);
        }
        while (in_store(f, do_purge, NULL) > 0)
                ;
        index_all(f, row);
        assert_int_equal(load_index(f, row).first_seq, 1);
        assert_found(f, row, head);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
