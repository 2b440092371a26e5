/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a hosted channel to KICK, BAN and UNBAN: whom they reach, at once, what the log says of it,
 * and that a restart forgets nothing. */
#include "daemon/store/store-internal.h"
#include "support/latch.h"
#include "unit/daemon/member-double.h"

static ErrorCode sanction(Fixture *f, SanctionKind kind, const char *target, const char *reason,
                          uint64_t until) {
        Sanction s = { .kind = kind, .target = target, .reason = reason, .until = until };
        Local l = {};

        assert_int_equal(channel_host_sanction(f->host, &f->owner, &s, local_done, &l), 0);
        local_wait(f, &l, 1);
        return l.failure.code;
}

static ErrorCode ban(Fixture *f, const char *target) {
        return sanction(f, SANCTION_BAN, target, NULL, 0);
}

static void come_back(Member *m) {
        m->closed_reason[0] = '\0';
        member_forget(m);
}

static const char *last_text(const Member *m) {
        assert_true(m->n_seen > 0);
        return m->seen[m->n_seen - 1].extra;
}

/* ---- KICK ---- */

static void test_kick(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *phone = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        uint64_t head;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(phone, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        member_forget(carol);
        head = head_of(f);
        assert_int_equal(sanction(f, SANCTION_KICK, "bob", "too loud", 0), ERROR_NONE);
        wait_closed(bob, "kicked");
        wait_closed(phone, "kicked");
        assert_string_equal(bob->closed_message,
                            "alice has sent you out of this channel: too loud");
        wait_seen(carol, head + 1);
        assert_int_equal(carol->seen[0].kind, ENTRY_KICK);
        assert_string_equal(last_text(carol), "{\"target\":\"bob\",\"reason\":\"too loud\"}");
        wait_count(f, &carol->n_presence, 1);
        assert_string_equal(carol->presence, "bob/none- "); /* no grace */
        assert_int_equal(bob->seen[bob->n_seen - 1].seq, head);

        /* For a minute, whatever else happens; then as if nothing had been. */
        assert_int_equal(member_connect(bob, head), ERROR_RATE_LIMITED);
        assert_in_range(bob->failure.retry_after_ms, 50000, 60000);
        assert_int_equal(member_call(bob, "HISTORY", ",\"limit\":1"), ERROR_NONE);
        test_loop_run(f->loop, bob->failure.retry_after_ms * USEC_PER_MSEC);
        test_loop_run(f->loop, 60 * USEC_PER_SEC);
        come_back(bob);
        assert_int_equal(member_connect(bob, head), ERROR_NONE);
        wait_seen(bob, head + 1);
}

static void test_kick_of_who_is_not_here(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        uint64_t head = head_of(f);

        assert_int_equal(sanction(f, SANCTION_KICK, "bob", NULL, 0), ERROR_NONE);
        assert_int_equal(sanction(f, SANCTION_KICK, "nobody", NULL, 0), ERROR_NONE);
        assert_int_equal(sanction(f, SANCTION_KICK, "guest-nobody", NULL, 0), ERROR_NONE);
        assert_int_equal(head_of(f), head);
        assert_int_equal(member_connect(bob, head), ERROR_NONE);

        /* Gone a moment ago is here still, as everybody sees; and then is not. */
        assert_int_equal(member_call(bob, "DISCONNECT", "%s", ""), ERROR_NONE);
        assert_int_equal(channel_host_get_n_online(f->host), 2);
        assert_int_equal(sanction(f, SANCTION_KICK, "bob", NULL, 0), ERROR_NONE);
        assert_int_equal(head_of(f), head + 1);
        assert_int_equal(channel_host_get_n_online(f->host), 1);
        assert_int_equal(member_connect(bob, head), ERROR_RATE_LIMITED);
        assert_int_equal(sanction(f, SANCTION_KICK, "bob", NULL, 0), ERROR_NONE);
        assert_int_equal(head_of(f), head + 1);
}

/* ---- BAN ---- */

static void test_ban(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *phone = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        uint64_t head, now = clock_realtime(f->loop->rt.clock);

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(phone, 0), ERROR_NONE);
        assert_int_equal(local_authorize(f, "bob", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        member_forget(carol);
        head = head_of(f);
        assert_int_equal(sanction(f, SANCTION_BAN, "bob", "spam", now), ERROR_BAD_REQUEST);
        assert_int_equal(head_of(f), head);
        assert_int_equal(sanction(f, SANCTION_BAN, "bob", "spam", now + 86400 * USEC_PER_SEC),
                         ERROR_NONE);
        wait_closed(bob, "banned");
        wait_closed(phone, "banned");
        assert_string_equal(bob->closed_message, "alice has banned you from this channel until "
                                                 "2026-01-02 00:00 UTC: spam");
        wait_seen(carol, head + 1);
        assert_int_equal(carol->seen[0].kind, ENTRY_BAN);
        assert_string_equal(last_text(carol), "{\"target\":\"bob\",\"reason\":\"spam\","
                                              "\"until\":\"2026-01-02T00:00:00.000Z\"}");
        wait_count(f, &carol->n_presence, 1);
        assert_string_equal(carol->presence, "bob/none- ");
        assert_int_equal(bob->seen[bob->n_seen - 1].seq, head);
        assert_int_equal(member_connect(bob, head), ERROR_BANNED);
        assert_int_equal(member_call(bob, "HISTORY", ",\"limit\":1"), ERROR_BANNED);
        assert_int_equal(member_call(bob, "MEMBERS", ",\"limit\":1"), ERROR_BANNED);
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_BANNED);

        /* The same again changes nothing, another end does; it ends without an entry, without the
         * role. */
        assert_int_equal(sanction(f, SANCTION_BAN, "bob", "spam", now + 86400 * USEC_PER_SEC),
                         ERROR_NONE);
        assert_int_equal(head_of(f), head + 1);
        assert_int_equal(sanction(f, SANCTION_BAN, "bob", "spam", now + 600 * USEC_PER_SEC),
                         ERROR_NONE);
        assert_int_equal(head_of(f), head + 2);
        test_loop_run(f->loop, 500 * USEC_PER_SEC);
        assert_int_equal(head_of(f), head + 2);
}

static void test_ban_ends(void **state) {
        Fixture *f = *state;
        uint64_t now = clock_realtime(f->loop->rt.clock);

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "bob", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(sanction(f, SANCTION_BAN, "bob", NULL, now + 600 * USEC_PER_SEC),
                         ERROR_NONE);
        {
                _cleanup_(member_freep) Member *bob = member_new(f, "bob");

                assert_int_equal(member_connect(bob, 0), ERROR_BANNED);
        }
        test_loop_run(f->loop, 601 * USEC_PER_SEC);
        {
                _cleanup_(member_freep) Member *bob = member_new(f, "bob");

                assert_int_equal(member_connect(bob, 0), ERROR_NONE);
                assert_string_equal(get_string(bob->reply, "role"), "none");
        }
        assert_int_equal(head_of(f), 3);
}

static void test_unban(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        uint64_t head = head_of(f);

        assert_int_equal(sanction(f, SANCTION_UNBAN, "bob", NULL, 0), ERROR_NONE);
        assert_int_equal(head_of(f), head);
        assert_int_equal(member_connect(bob, head), ERROR_NONE);
        assert_int_equal(ban(f, "bob"), ERROR_NONE);
        wait_closed(bob, "banned");
        assert_int_equal(sanction(f, SANCTION_UNBAN, "bob", NULL, 0), ERROR_NONE);
        assert_int_equal(head_of(f), head + 2);
        come_back(bob);
        assert_int_equal(member_connect(bob, head), ERROR_NONE);
        wait_seen(bob, head + 2);
        assert_string_equal(last_text(bob), "{\"target\":\"bob\"}");
}

/* Who was never here is asked for at the tracker; who has a role, or is banned already, is not. */
static void test_ban_of_who_was_never_here(void **state) {
        Fixture *f = *state;
        Sanction s = { .kind = SANCTION_BAN, .target = "mallory" };
        uint64_t head = head_of(f);
        Failure none;
        Local l = {};

        assert_int_equal(channel_host_sanction(f->host, &f->owner, &s, local_done, &l), 0);
        settle(f);
        assert_string_equal(f->lookup, "mallory");
        assert_int_equal(l.n_done, 0);
        (void) failure_set(&none, ERROR_NO_SUCH_USER, "There is no mallory.");
        channel_host_user_looked_up(f->host, f->ticket, &none, NULL);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NO_SUCH_USER);
        assert_int_equal(head_of(f), head);

        f->answer_lookup_at_once = true;
        assert_int_equal(ban(f, "mallory"), ERROR_NONE);
        assert_int_equal(head_of(f), head + 1);
        f->lookup[0] = '\0';
        assert_int_equal(sanction(f, SANCTION_BAN, "mallory", "now with a reason", 0), ERROR_NONE);
        assert_string_equal(f->lookup, "");
        assert_int_equal(head_of(f), head + 2);
}

/* ---- ranks and what is wrong ---- */

static void test_refused(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *mo = member_new(f, "mo");
        static const struct {
                const char *command, *payload;
                ErrorCode of_bob, of_mo;
                const char *field;
        } rows[] = {
                { "KICK", ",\"target\":\"alice\"", ERROR_NOT_MODERATOR, ERROR_NOT_MODERATOR, "" },
                { "KICK", ",\"target\":\"mo\"", ERROR_NOT_MODERATOR, ERROR_BAD_REQUEST, "target" },
                { "BAN", ",\"target\":\"mo\"", ERROR_NOT_MODERATOR, ERROR_BAD_REQUEST, "target" },
                { "UNBAN", ",\"target\":\"mo\"", ERROR_NOT_MODERATOR, ERROR_BAD_REQUEST, "target" },
                { "BAN", ",\"target\":\"max\"", ERROR_NOT_MODERATOR, ERROR_NOT_MODERATOR, "" },
                { "BAN", ",\"target\":\"bob\",\"until\":\"2025-12-31T23:59:59.999Z\"",
                  ERROR_NOT_MODERATOR, ERROR_BAD_REQUEST, "until" },
                { "BAN", ",\"target\":\"guest-nobody\"", ERROR_NOT_MODERATOR, ERROR_NO_SUCH_USER,
                  "" },
                { "BAN", ",\"target\":\"bob\",\"until\":\"tomorrow\"", ERROR_BAD_REQUEST,
                  ERROR_BAD_REQUEST, "until" },
                { "BAN", ",\"target\":\"bob\",\"until\":7", ERROR_BAD_REQUEST, ERROR_BAD_REQUEST,
                  "until" },
                { "BAN", ",\"target\":\"Bob\"", ERROR_BAD_REQUEST, ERROR_BAD_REQUEST, "target" },
                { "BAN", ",\"reason\":\"x\"", ERROR_BAD_REQUEST, ERROR_BAD_REQUEST, "target" },
                { "KICK", ",\"target\":\"bob\",\"reason\":\"a\\nb\"", ERROR_BAD_REQUEST,
                  ERROR_BAD_REQUEST, "reason" },
                { "UNBAN", ",\"target\":7", ERROR_BAD_REQUEST, ERROR_BAD_REQUEST, "target" },
        };
        char reason[REASON_BYTES_MAX + 2];

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(local_authorize(f, "max", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(mo, 0), ERROR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(member_call(bob, rows[i].command, "%s", rows[i].payload),
                                 rows[i].of_bob);
                assert_int_equal(member_call(mo, rows[i].command, "%s", rows[i].payload),
                                 rows[i].of_mo);
                assert_string_equal(mo->failure.field, rows[i].field);
        }
        memset(reason, 'x', sizeof(reason) - 1);
        reason[sizeof(reason) - 1] = '\0';
        assert_int_equal(member_call(mo, "BAN", ",\"target\":\"bob\",\"reason\":\"%s\"", reason),
                         ERROR_BAD_REQUEST);
        assert_string_equal(mo->failure.field, "reason");
        assert_int_equal(head_of(f), 3);
        assert_string_equal(bob->closed_reason, "");
        reason[REASON_BYTES_MAX] = '\0';
        assert_int_equal(member_call(mo, "BAN", ",\"target\":\"bob\",\"reason\":\"%s\"", reason),
                         ERROR_NONE);
        wait_closed(bob, "banned");
        assert_int_equal(member_call(mo, "UNBAN", ",\"target\":\"bob\""), ERROR_NONE);
        assert_int_equal(head_of(f), 5);
}

/* ---- guests ---- */

/* The ban is the key's: here, from the log when it is gone; the name is free for another. */
static void test_guests(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *one = member_new(f, "guest-eve");
        _cleanup_(member_freep) Member *two = NULL, *quiet = NULL;

        assert_int_equal(local_permissions(f, VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        assert_int_equal(ban(f, "guest-eve"), ERROR_NO_SUCH_USER);
        assert_int_equal(member_connect(one, 0), ERROR_NONE);
        assert_int_equal(ban(f, "guest-eve"), ERROR_NONE);
        wait_closed(one, "banned");
        assert_int_equal(member_connect(one, 0), ERROR_BANNED);

        two = member_new(f, "guest-eve");
        assert_int_equal(member_connect(two, 0), ERROR_NONE);
        wait_seen(two, head_of(f));
        assert_non_null(strstr(last_text(two), "\"key\":\""));
        assert_int_equal(member_send(two, 1, "another eve"), ERROR_NONE);
        assert_int_equal(member_call(two, "DISCONNECT", "%s", ""), ERROR_NONE);
        test_loop_run(f->loop, 31 * USEC_PER_SEC);
        assert_int_equal(channel_host_get_n_online(f->host), 1);

        /* One who came, said nothing and is gone: nobody knows the key any more. */
        quiet = member_new(f, "guest-max");
        assert_int_equal(member_connect(quiet, 0), ERROR_NONE);
        assert_int_equal(member_call(quiet, "DISCONNECT", "%s", ""), ERROR_NONE);
        test_loop_run(f->loop, 31 * USEC_PER_SEC);
        assert_int_equal(ban(f, "guest-max"), ERROR_NO_SUCH_USER);
        come_back(quiet);
        assert_int_equal(member_connect(quiet, 0), ERROR_NONE);

        /* By the log. */
        assert_int_equal(ban(f, "guest-eve"), ERROR_NONE);
        assert_int_equal(member_connect(two, 0), ERROR_BANNED);
        assert_int_equal(member_connect(one, 0), ERROR_BANNED);

        /* What lifts the ban lifts it of all who had the name. */
        assert_int_equal(sanction(f, SANCTION_UNBAN, "guest-eve", NULL, 0), ERROR_NONE);
        come_back(one);
        come_back(two);
        assert_int_equal(member_connect(one, 0), ERROR_NONE);
        assert_int_equal(member_connect(two, 0), ERROR_NONE);

        /* A kick is of the one who came last, too. */
        assert_int_equal(sanction(f, SANCTION_KICK, "guest-eve", NULL, 0), ERROR_NONE);
        wait_closed(two, "kicked");
        assert_string_equal(one->closed_reason, "");
        assert_int_equal(member_connect(two, 0), ERROR_RATE_LIMITED);
        assert_int_equal(member_call(one, "HISTORY", ",\"limit\":1"), ERROR_NONE);
}

/* ---- a restart ---- */

static void restart(Fixture *f) {
        peer_server_free(f->server);
        channel_host_free(f->host, NULL);
        store_free(f->store);
        open_store(f);
        start_host(f, CHANNEL_ID, 1);
        assert_int_equal(f->loaded, 0);
        start_server(f);
        assert_int_equal(peer_server_add_host(f->server, f->host), 0);
}

static void test_restart(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = NULL, *carol = NULL, *dora = NULL;
        uint64_t now = clock_realtime(f->loop->rt.clock);

        f->answer_lookup_at_once = true;
        bob = member_new(f, "bob");
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(sanction(f, SANCTION_BAN, "carol", "spam", now + 300 * USEC_PER_SEC),
                         ERROR_NONE);
        assert_int_equal(ban(f, "dora"), ERROR_NONE);
        assert_int_equal(sanction(f, SANCTION_UNBAN, "dora", NULL, 0), ERROR_NONE);
        assert_int_equal(sanction(f, SANCTION_KICK, "bob", NULL, 0), ERROR_NONE);
        wait_closed(bob, "kicked");
        bob = member_free(bob);
        restart(f);

        bob = member_new(f, "bob");
        carol = member_new(f, "carol");
        dora = member_new(f, "dora");
        assert_int_equal(member_connect(bob, 0), ERROR_RATE_LIMITED);
        assert_in_range(bob->failure.retry_after_ms, 1, 60000);
        assert_int_equal(member_connect(carol, 0), ERROR_BANNED);
        assert_non_null(strstr(carol->failure.message, ": spam"));
        assert_int_equal(member_connect(dora, 0), ERROR_NONE);
        bob = member_free(bob);
        carol = member_free(carol);
        test_loop_run(f->loop, 301 * USEC_PER_SEC);
        bob = member_new(f, "bob");
        carol = member_new(f, "carol");
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
}

/* ---- while it happens ---- */

static Latch gate;

static int setup_held(void **state) {
        latch_init(&gate);
        return setup_on_threads(state);
}

static int teardown_held(void **state) {
        latch_open(&gate); /* of a test that failed */
        (void) teardown(state);
        latch_done(&gate);
        return 0;
}

static int wait_at_gate(SqlTx *tx, void *request) {
        latch_wait(&gate);
        return 0;
}

static void free_nothing(void *request) {
}

static void hold_writes(const Fixture *f) {
        assert_int_equal(store_write(f->store, wait_at_gate, NULL, free_nothing, NULL, NULL, NULL),
                         0);
        latch_expect(&gate, 1);
}

static void hold_reads(const Fixture *f) {
        assert_int_equal(store_read(f->store, wait_at_gate, NULL, free_nothing, NULL, NULL, NULL),
                         0);
        latch_expect(&gate, 1);
}

/* What is said while the ban is at the disk is judged behind it: refused, for its reason. */
static void test_sending_while_being_banned(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");
        Sanction s = { .kind = SANCTION_BAN, .target = "bob", .reason = "enough" };
        Local l = {};
        uint64_t head;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        head = head_of(f);
        hold_writes(f);
        assert_int_equal(channel_host_sanction(f->host, &f->owner, &s, local_done, &l), 0);
        settle(f);
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(1), "but I");
        settle(f);
        assert_false(bob->is_answered);
        assert_int_equal(l.n_done, 0);
        latch_open(&gate);
        assert_int_equal(member_wait(bob), ERROR_BANNED);
        assert_string_equal(bob->failure.message, "alice has banned you from this channel: enough");
        wait_closed(bob, "banned");
        local_wait(f, &l, 1);
        wait_seen(carol, head + 1);
        settle(f);
        assert_int_equal(head_of(f), head + 1);
        assert_int_equal(bob->seen[bob->n_seen - 1].seq, head);
}

/* The disk is busy, and both wait: they are not judged together. */
static void test_sending_behind_a_ban(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");
        Sanction s = { .kind = SANCTION_BAN, .target = "bob" };
        Local l = {};
        uint64_t head;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        head = head_of(f);
        hold_writes(f);
        local_start(f, &l, 1, "is written");
        settle(f);
        assert_int_equal(channel_host_sanction(f->host, &f->owner, &s, local_done, &l), 0);
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(1), "but I");
        settle(f);
        assert_false(bob->is_answered);
        latch_open(&gate);
        assert_int_equal(member_wait(bob), ERROR_BANNED);
        local_wait(f, &l, 2);
        wait_seen(carol, head + 2);
        settle(f);
        assert_int_equal(head_of(f), head + 2);
        assert_int_equal(carol->seen[carol->n_seen - 1].kind, ENTRY_BAN);
}

/* Who loses the right while a CONNECT is looked up gets no answer by the rights of before, and
 * nothing else: one who comes, and one who is here and asks again. */
static void test_connecting_while_losing_the_right(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");
        Member *both[] = { bob, carol };
        Local l = {};
        uint64_t head;

        f->answer_lookup_at_once = true;
        for (unsigned i = 1; i <= 3; i++)
                local_start(f, &l, i, "said");
        local_wait(f, &l, 3);
        head = head_of(f);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        wait_seen(bob, head);
        wait_seen(carol, head);
        assert_int_equal(member_call(bob, "DISCONNECT", "%s", ""), ERROR_NONE);
        hold_reads(f);
        for (size_t i = 0; i < ELEMENTSOF(both); i++)
                member_start(both[i], "CONNECT",
                             ",\"since\":%" PRIu64 ",\"since_id\":\"%s\",\"invisible\":false",
                             head - 1, bob->seen[head - 2].id);
        settle(f);
        assert_false(bob->is_answered || carol->is_answered);
        assert_int_equal(ban(f, "bob"), ERROR_NONE);
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        latch_open(&gate);
        assert_int_equal(member_wait(bob), ERROR_BANNED);
        assert_int_equal(member_wait(carol), ERROR_RESTRICTED);
        settle(f);
        for (size_t i = 0; i < ELEMENTSOF(both); i++)
                assert_int_equal(both[i]->seen[both[i]->n_seen - 1].seq, head);
        assert_int_equal(channel_host_get_n_sessions(f->host), 0);
        assert_int_equal(channel_host_get_n_online(f->host), 1);
}

/* Who is kicked while a CONNECT again is looked up hears both. */
static void test_connecting_while_being_kicked(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Local l = {};
        uint64_t head;

        local_start(f, &l, 1, "one");
        local_start(f, &l, 2, "two");
        local_wait(f, &l, 2);
        head = head_of(f);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        wait_seen(bob, head);
        hold_reads(f);
        member_start(bob, "CONNECT",
                     ",\"since\":%" PRIu64 ",\"since_id\":\"%s\",\"invisible\":false", head - 1,
                     bob->seen[head - 2].id);
        settle(f);
        assert_false(bob->is_answered);
        assert_int_equal(sanction(f, SANCTION_KICK, "bob", NULL, 0), ERROR_NONE);
        assert_int_equal(member_wait(bob), ERROR_RATE_LIMITED);
        wait_closed(bob, "kicked");
        latch_open(&gate);
        settle(f);
        assert_int_equal(channel_host_get_n_sessions(f->host), 0);
        assert_int_equal(channel_host_get_n_online(f->host), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define HELD(name) cmocka_unit_test_setup_teardown(name, setup_held, teardown_held)
        const struct CMUnitTest tests[] = {
                TEST(test_kick),
                TEST(test_kick_of_who_is_not_here),
                TEST(test_ban),
                TEST(test_ban_ends),
                TEST(test_unban),
                TEST(test_ban_of_who_was_never_here),
                TEST(test_refused),
                TEST(test_guests),
                TEST(test_restart),
                HELD(test_sending_while_being_banned),
                HELD(test_sending_behind_a_ban),
                HELD(test_connecting_while_being_kicked),
                HELD(test_connecting_while_losing_the_right),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
