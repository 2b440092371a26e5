/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a hosted channel to what each may send there, and a connection to what it may ask: how
 * much, until when, who counts as whom, and that a flood of one is no other's wait. */
#include <signal.h>
#include <sys/resource.h>

#include "daemon/host/channel-host-internal.h"
#include "unit/daemon/member-double.h"

#define N_FLOOD 10000

/* n messages with ids from first on, in one request. */
static ErrorCode say(Member *m, unsigned first, unsigned n) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *text = NULL;

        for (unsigned i = 0; i < n; i++) {
                writer_begin_object(&w, NULL);
                writer_string(&w, "id", uuid_of(first + i));
                writer_string(&w, "message_content", "text");
                writer_end_object(&w);
        }
        assert_int_equal(writer_take(&w, &text, NULL), 0);
        return member_call(m, "MESSAGE", ",\"messages\":[%s]", text);
}

/* Of the latest answer: so many stored, of which so many before; the others refused, all with the
 * same wait. */
static void assert_said(const Member *m, size_t n_stored, size_t n_again, size_t n_refused,
                        uint64_t retry_after_ms) {
        const Value *stored = value_get(m->reply, "stored");
        const Value *refused = value_get(m->reply, "refused");

        assert_int_equal(value_length(stored), n_stored);
        for (size_t i = 0; i < n_stored; i++)
                n_again -= value_has(value_at(stored, i), "duplicate");
        assert_int_equal(n_again, 0);
        assert_int_equal(value_length(refused), n_refused);
        for (size_t i = 0; i < n_refused; i++) {
                assert_string_equal(get_string(value_at(refused, i), "error"), "rate-limited");
                assert_int_equal(get_uint(value_at(refused, i), "retry_after_ms"), retry_after_ms);
                assert_true(strlen(get_string(value_at(refused, i), "message")) > 0);
        }
}

static void set_rates(Fixture *f, int rate, int burst) {
        Permissions p = PERMISSIONS_UNSAID;
        Local l = {};

        p.message_rate = rate;
        p.message_burst = burst;
        assert_int_equal(channel_host_set_permissions(f->host, &f->owner, &p, local_done, &l), 0);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NONE);
}

static Member *joined(Fixture *f, const char *name) {
        Member *m = member_new(f, name);

        assert_int_equal(member_connect(m, head_of(f)), ERROR_NONE);
        return m;
}

/* Time stands still here but for what a test lets pass, and 10 ms where real time has to. */
static void pass(Fixture *f, uint64_t msec) {
        test_loop_run(f->loop, msec * USEC_PER_MSEC);
}

static void test_burst_and_rate(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");
        uint64_t before;

        assert_int_equal(get_uint(bob->reply, "message_rate"), 5);
        assert_int_equal(get_uint(bob->reply, "message_burst"), 20);
        assert_int_equal(say(bob, 1, 25), ERROR_NONE);
        assert_said(bob, 20, 0, 5, 200);
        /* All refused for one reason: that plainly. */
        assert_int_equal(say(bob, 21, 5), ERROR_RATE_LIMITED);
        assert_in_range(bob->failure.retry_after_ms, 1, 200);
        pass(f, bob->failure.retry_after_ms);
        before = clock_boottime(f->loop->rt.clock);
        assert_int_equal(say(bob, 21, 5), ERROR_NONE);
        assert_in_range(value_length(value_get(bob->reply, "stored")), 1,
                        1 + (clock_boottime(f->loop->rt.clock) - before) / 200000);
        pass(f, 2000);
        assert_int_equal(say(bob, 100, 64), ERROR_NONE);
        assert_in_range(value_length(value_get(bob->reply, "stored")), 10, 12);
}

/* What is in the log counts for nothing, however often and whenever it comes again. */
static void test_repeats_are_free(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");

        set_rates(f, 1, 20);
        assert_int_equal(say(bob, 1, 10), ERROR_NONE);
        for (unsigned i = 0; i < 10; i++) {
                assert_int_equal(say(bob, 1, 10), ERROR_NONE);
                assert_said(bob, 10, 10, 0, 0);
        }
        assert_int_equal(say(bob, 11, 10), ERROR_NONE);
        assert_said(bob, 10, 0, 0, 0);
        assert_int_equal(say(bob, 1, 10), ERROR_NONE); /* with nothing left */
        assert_said(bob, 10, 10, 0, 0);
        assert_int_equal(say(bob, 15, 12), ERROR_NONE);
        assert_in_range(value_length(value_get(bob->reply, "stored")), 6, 7);
        /* Nor does what is refused: an id with another text. */
        pass(f, 20000);
        for (unsigned i = 0; i < 30; i++)
                assert_int_equal(member_send(bob, 1, "other"), ERROR_CONFLICT);
        assert_int_equal(say(bob, 100, 20), ERROR_NONE);
        assert_said(bob, 20, 0, 0, 0);
}

/* A user is one sender on all connections, a guest is its key; nobody pays for another. */
static void limit_files(rlim_t size) {
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = MIN(size, limit.rlim_max);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What the disk did not take is not charged. */
static void test_not_stored(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");

        set_rates(f, 1, 30);
        signal(SIGXFSZ, SIG_IGN);
        limit_files(1);
        assert_int_equal(say(bob, 1, 30), ERROR_BUSY);
        limit_files(RLIM_INFINITY);
        assert_int_equal(say(bob, 1, 30), ERROR_NONE);
        assert_said(bob, 30, 0, 0, 0);
}

/* So many are remembered; then who spoke longest ago begins anew. */
static void test_many_senders(void **state) {
        Fixture *f = *state;
        Actor first = { .user_type = USER_REGISTERED, .username = "first" };
        uint64_t wait_usec;
        size_t n;

        set_rates(f, 1, 5);
        assert_int_equal(rates_take(f->host, &first, 5, &n, &wait_usec), 0);
        assert_int_equal(n, 5);
        assert_int_equal(rates_take(f->host, &first, 5, &n, &wait_usec), 0);
        assert_int_equal(n, 0);
        for (unsigned i = 0; i < RATE_ROWS_MAX; i++) {
                Actor a = { .user_type = USER_REGISTERED };

                snprintf(a.username, sizeof(a.username), "other%u", i);
                assert_int_equal(rates_take(f->host, &a, 1, &n, &wait_usec), 0);
                assert_int_equal(n, 1);
        }
        assert_int_equal(rates_take(f->host, &first, 5, &n, &wait_usec), 0);
        assert_int_equal(n, 5);
}

static void test_who_counts(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob"), *phone = joined(f, "bob");
        _cleanup_(member_freep) Member *carol = joined(f, "carol");
        _cleanup_(member_freep) Member *eve = joined(f, "guest-eve"), *other = NULL;

        assert_int_equal(local_permissions(f, VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        set_rates(f, 1, 3);
        assert_int_equal(say(bob, 1, 2), ERROR_NONE);
        assert_int_equal(say(phone, 3, 2), ERROR_NONE);
        assert_int_equal(value_length(value_get(phone->reply, "stored")), 1);
        assert_int_equal(say(carol, 1, 3), ERROR_NONE);
        assert_said(carol, 3, 0, 0, 0);
        assert_int_equal(say(eve, 1, 4), ERROR_NONE);
        assert_int_equal(value_length(value_get(eve->reply, "stored")), 3);
        other = joined(f, "guest-eve"); /* another key */
        assert_int_equal(say(other, 11, 3), ERROR_NONE);
        assert_said(other, 3, 0, 0, 0);
}

static void test_local_user(void **state) {
        Fixture *f = *state;
        Local l = {};

        set_rates(f, 1, 5);
        for (unsigned i = 1; i <= 6; i++)
                local_start(f, &l, i, "text");
        local_wait(f, &l, 6);
        assert_int_equal(l.failure.code, ERROR_RATE_LIMITED);
        assert_in_range(l.failure.retry_after_ms, 1, 1000);
        assert_int_equal(head_of(f), 7);
        local_start(f, &l, 1, "text");
        local_wait(f, &l, 7);
        assert_int_equal(l.failure.code, ERROR_NONE);
        assert_int_equal(l.seq, 3);
}

static void test_changed_at_once(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob");

        assert_int_equal(say(bob, 1, 64), ERROR_NONE);
        set_rates(f, 0, -1);
        assert_int_equal(say(bob, 101, 64), ERROR_NONE);
        assert_said(bob, 64, 0, 0, 0);
        set_rates(f, 1, 0); /* one after the other */
        assert_int_equal(say(bob, 201, 3), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->reply, "stored")), 1);
        set_rates(f, 1000, 10000);
        pass(f, 64);
        assert_int_equal(say(bob, 301, 64), ERROR_NONE);
        assert_said(bob, 64, 0, 0, 0);
        pass(f, 100);
        set_rates(f, 1, 2); /* what is left has no more room than that */
        assert_int_equal(say(bob, 401, 5), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->reply, "stored")), 2);
}

/* ---- requests ---- */

typedef struct Flood {
        Fixture *fixture;
        Member *by;
        unsigned n_ok, n_limited, n_other;
} Flood;

static void on_flood_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        Flood *flood = userdata;

        if (r == 0 && !failure)
                flood->n_ok++;
        else if (r == 0 && failure->code == ERROR_RATE_LIMITED && failure->retry_after_ms > 0)
                flood->n_limited++;
        else
                flood->n_other++;
}

static unsigned n_answered(const Flood *flood) {
        return flood->n_ok + flood->n_limited + flood->n_other;
}

static bool is_all_answered(void *userdata) {
        return n_answered(userdata) == N_FLOOD;
}

static int keep_queued(const PeerInfo *info, void *userdata) {
        *(size_t *) userdata = MAX(*(size_t *) userdata, info->queued_bytes);
        return 0;
}

/* Ten thousand at once: each is answered, those beyond the budget with a time; another is served
 * before they are, and there is never more of them here than a connection may have unanswered. */
static void test_ten_thousand_authorize(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *mo = joined(f, "mo"), *carol = joined(f, "carol");
        Flood flood = { .fixture = f, .by = mo };
        uint64_t before = clock_boottime(f->loop->rt.clock);
        size_t queued = 0;

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
        for (unsigned i = 0; i < N_FLOOD; i++) {
                _cleanup_(writer_done) Writer w = {};
                char name[NAME_SIZE];

                snprintf(name, sizeof(name), "user%u", i);
                writer_begin_object(&w, NULL);
                writer_string(&w, "channel_name", "lobby");
                writer_string(&w, "target", name);
                writer_string(&w, "role", "member");
                writer_end_object(&w);
                assert_int_equal(
                        rpc_call(mo->rpc, "AUTHORIZE", &w, 0, on_flood_reply, &flood, NULL), 0);
        }
        for (unsigned i = 1; i <= 5; i++) {
                assert_int_equal(member_send(carol, i, "meanwhile"), ERROR_NONE);
                assert_int_equal(member_call(carol, "HISTORY", ",\"limit\":1"), ERROR_NONE);
                assert_true(n_answered(&flood) < N_FLOOD);
                assert_int_equal(peer_server_each(f->server, f->host, 0, keep_queued, &queued), 0);
        }
        assert_true(queued < CONTROL_BYTES_MAX + FRAME_BYTES_MAX);
        wait_until(f, is_all_answered, &flood);
        assert_int_equal(flood.n_other, 0);
        before = clock_boottime(f->loop->rt.clock) - before;
        assert_in_range(flood.n_ok, GOVERNANCE_BURST,
                        GOVERNANCE_BURST + 1 + before * GOVERNANCE_RATE / USEC_PER_SEC);
        /* Later it may again; and other budgets are others. */
        pass(f, 1000);
        assert_int_equal(member_call(mo, "AUTHORIZE", ",\"target\":\"zoe\",\"role\":\"member\""),
                         ERROR_NONE);
        assert_int_equal(member_call(mo, "MEMBERS", ",\"limit\":1"), ERROR_NONE);
}

/* Each budget for itself, on each connection for itself. */
static void test_budgets(void **state) {
        static const struct {
                const char *command, *payload;
                unsigned rate, burst;
        } rows[] = {
                { "HISTORY", ",\"limit\":1", HISTORY_RATE, HISTORY_BURST },
                { "MEMBERS", ",\"limit\":1", INFORMATION_RATE, INFORMATION_BURST },
                { "STATUS", ",\"status\":\"online\"", OWN_STATE_RATE, OWN_STATE_BURST },
                { "TOPIC", ",\"topic\":\"\"", GOVERNANCE_RATE, GOVERNANCE_BURST },
        };
        Fixture *f = *state;
        _cleanup_(member_freep) Member *mo = joined(f, "mo"), *carol = joined(f, "carol");

        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(local_authorize(f, "carol", ROLE_MODERATOR), ERROR_NONE);
        /* Of one budget, each. */
        static const struct {
                const char *command, *payload;
        } same[][8] = {
                { {} },
                { { "RET_INFO", "" }, { "ACCESS", "" }, { "DEBUG", "" } },
                { { "INVISIBLE", ",\"invisible\":false" } },
                { { "VIEW", ",\"view_permission\":\"public\"" },
                  { "AUTHORIZE", ",\"target\":\"carol\",\"role\":\"moderator\"" },
                  { "KICK", ",\"target\":\"nobody\"" },
                  { "BAN", ",\"target\":\"carol\"" },
                  { "UNBAN", ",\"target\":\"nobody\"" },
                  { "REDACT", ",\"seq\":1" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t begin = clock_boottime(f->loop->rt.clock), passed;
                unsigned n = 0;
                ErrorCode code;

                while ((code = member_call(mo, rows[i].command, "%s", rows[i].payload)) ==
                       ERROR_NONE)
                        n++;
                assert_int_equal(code, ERROR_RATE_LIMITED);
                passed = clock_boottime(f->loop->rt.clock) - begin;
                assert_in_range(n, rows[i].burst,
                                rows[i].burst + 1 + passed * rows[i].rate / USEC_PER_SEC);
                assert_in_range(mo->failure.retry_after_ms, 1, 1000 / rows[i].rate);
                for (size_t k = 0; k < ELEMENTSOF(same[i]) && same[i][k].command; k++) {
                        while (member_call(mo, rows[i].command, "%s", rows[i].payload) ==
                               ERROR_NONE) /* what has come back meanwhile */
                                ;
                        assert_int_equal(
                                member_call(mo, same[i][k].command, "%s", same[i][k].payload),
                                ERROR_RATE_LIMITED);
                        assert_int_not_equal(
                                member_call(carol, same[i][k].command, "%s", same[i][k].payload),
                                ERROR_RATE_LIMITED);
                }
                assert_int_equal(member_call(carol, rows[i].command, "%s", rows[i].payload),
                                 ERROR_NONE);
                pass(f, mo->failure.retry_after_ms);
                assert_int_equal(member_call(mo, rows[i].command, "%s", rows[i].payload),
                                 ERROR_NONE);
        }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(test_burst_and_rate),  T(test_repeats_are_free),
                T(test_not_stored),      T(test_many_senders),
                T(test_who_counts),      T(test_local_user),
                T(test_changed_at_once), T(test_ten_thousand_authorize),
                T(test_budgets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
