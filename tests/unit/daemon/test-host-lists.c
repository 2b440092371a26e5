/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds RET_INFO to its lists of who has a role and who is banned: for whom, in which order, and
 * whole however long they are. */
#include "unit/daemon/member-double.h"

#define N_ROLES 450
#define N_BANS 170

static void sanction(Fixture *f, SanctionKind kind, const char *target, const char *reason,
                     uint64_t until) {
        Sanction s = { .kind = kind, .target = target, .reason = reason, .until = until };
        Local l = {};

        assert_int_equal(channel_host_sanction(f->host, &f->owner, &s, local_done, &l), 0);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NONE);
}

static const char *name_of(const char *what, unsigned n) {
        static char name[NAME_SIZE];

        snprintf(name, sizeof(name), "%s-%03u", what, n);
        return name;
}

static void fill(Fixture *f) {
        char reason[REASON_BYTES_MAX + 1];

        f->answer_lookup_at_once = true;
        memset(reason, '"', sizeof(reason) - 1); /* as JSON twice as long */
        reason[sizeof(reason) - 1] = '\0';
        for (unsigned i = 0; i < N_ROLES; i++)
                assert_int_equal(
                        local_authorize(f, name_of("member-with-a-long-name", i), ROLE_MEMBER),
                        ERROR_NONE);
        for (unsigned i = 0; i < N_BANS; i++)
                sanction(f, SANCTION_BAN, name_of("b", i), reason, 0);
        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
}

/* All pages of it; their rows' names, each above the one before or the same. */
static unsigned walk(Member *m, const char *list, unsigned limit, unsigned *ret_pages) {
        char next[128] = "", last[NAME_SIZE] = "";
        unsigned n = 0;

        *ret_pages = 0;
        do {
                const Value *rows;

                test_loop_run(m->fixture->loop, 50 * USEC_PER_MSEC); /* 20 a second */
                assert_int_equal(
                        next[0] ? member_call(m, "RET_INFO",
                                              ",\"list\":\"%s\",\"limit\":%u,\"after\":\"%s\"",
                                              list, limit, next)
                                : member_call(m, "RET_INFO", ",\"list\":\"%s\",\"limit\":%u", list,
                                              limit),
                        ERROR_NONE);
                rows = value_get(m->reply, list);
                assert_in_range(value_length(rows), 1, limit);
                for (size_t i = 0; i < value_length(rows); i++) {
                        assert_true(strcmp(get_string(value_at(rows, i), "username"), last) >= 0);
                        snprintf(last, sizeof(last), "%s",
                                 get_string(value_at(rows, i), "username"));
                }
                n += value_length(rows);
                (*ret_pages)++;
                snprintf(next, sizeof(next), "%s",
                         value_string(value_get(m->reply, "next"), NULL) ?: "");
                assert_false(value_has(m->reply, "topic"));
        } while (next[0]);
        return n;
}

static void test_pages(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *mo = member_new(f, "mo"), *bob = member_new(f, "bob");
        unsigned n_pages;

        fill(f);
        /* Who has not joined gets small frames; the lists are whole. */
        assert_int_equal(walk(mo, "banned", 500, &n_pages), N_BANS);
        assert_in_range(n_pages, 10, 30);
        assert_int_equal(walk(mo, "authorized", 500, &n_pages), N_ROLES + 1);
        assert_in_range(n_pages, 5, 20);
        assert_int_equal(member_connect(mo, head_of(f)), ERROR_NONE);
        assert_int_equal(walk(mo, "banned", 500, &n_pages), N_BANS);
        assert_in_range(n_pages, 2, 3);
        assert_int_equal(walk(mo, "authorized", 50, &n_pages), N_ROLES + 1);
        assert_int_equal(n_pages, (N_ROLES + 1 + 49) / 50);
        assert_int_equal(walk(mo, "authorized", 1, &n_pages), N_ROLES + 1);

        assert_int_equal(member_connect(bob, head_of(f)), ERROR_NONE);
        assert_int_equal(walk(bob, "authorized", 500, &n_pages), N_ROLES + 1);
        assert_int_equal(member_call(bob, "RET_INFO", ",\"list\":\"banned\""), ERROR_NOT_MODERATOR);
        assert_int_equal(member_call(mo, "RET_INFO", ",\"list\":\"friends\""), ERROR_BAD_REQUEST);
        assert_string_equal(mo->failure.field, "list");
        assert_int_equal(member_call(mo, "RET_INFO", ",\"list\":\"banned\",\"limit\":501"),
                         ERROR_BAD_REQUEST);
        assert_string_equal(mo->failure.field, "limit");
}

static void test_overview(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *mo = member_new(f, "mo"), *bob = member_new(f, "bob");
        const Value *row;
        bool more = false;

        sanction(f, SANCTION_KICK, "nobody", NULL, 0);
        f->answer_lookup_at_once = true;
        sanction(f, SANCTION_BAN, "eve", "spam", clock_realtime(f->loop->rt.clock) + USEC_PER_HOUR);
        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(member_connect(mo, 0), ERROR_NONE);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_false(value_has(bob->reply, "banned"));
        assert_int_equal(member_call(mo, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_false(value_has(mo->reply, "banned_more"));
        row = value_at(value_get(mo->reply, "banned"), 0);
        assert_string_equal(get_string(row, "username"), "eve");
        assert_string_equal(get_string(row, "by"), "alice");
        assert_string_equal(get_string(row, "reason"), "spam");
        assert_string_equal(get_string(row, "until"), "2026-01-01T01:00:00.000Z");
        assert_true(value_has(row, "since"));
        assert_false(value_has(row, "key"));
        row = value_at(value_get(mo->reply, "authorized"), 0);
        assert_string_equal(get_string(row, "by"), "alice");
        assert_true(value_has(row, "since"));
        test_loop_run(f->loop, USEC_PER_HOUR);
        assert_int_equal(member_call(mo, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_int_equal(value_length(value_get(mo->reply, "banned")), 0);

        fill(f);
        assert_int_equal(member_call(mo, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_in_range(value_length(value_get(mo->reply, "authorized")), 10, N_ROLES);
        assert_int_equal(value_bool(value_get(mo->reply, "authorized_more"), &more), 0);
        assert_true(more);
        assert_in_range(value_length(value_get(mo->reply, "banned")), 10, N_BANS - 1);
        assert_int_equal(value_bool(value_get(mo->reply, "banned_more"), &more), 0);
        assert_true(more);
}

/* Guests of one name are rows of their own: a page may end between them. */
static void test_guests_of_one_name(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *mo = member_new(f, "mo");
        unsigned n_pages;

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_(member_freep) Member *eve =
                        member_new(f, i < 3 ? "guest-eve" : "guest-eve-x");

                assert_int_equal(member_connect(eve, 0), ERROR_NONE);
                sanction(f, SANCTION_BAN, i < 3 ? "guest-eve" : "guest-eve-x", NULL, 0);
        }
        assert_int_equal(walk(mo, "banned", 1, &n_pages), 4);
        assert_int_equal(n_pages, 4);
        assert_int_equal(walk(mo, "banned", 2, &n_pages), 4);
        sanction(f, SANCTION_UNBAN, "guest-eve", NULL, 0);
        assert_int_equal(walk(mo, "banned", 2, &n_pages), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_pages),
                TEST(test_overview),
                TEST(test_guests_of_one_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
