/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds bans, being kicked, and what somebody may do in all, to protocol §5. */
#include <setjmp.h>
#include <stdarg.h>

#include "base/timestamp.h"
#include "daemon/channel/channel.h"

#include <cmocka.h>

#define CHANNEL_ID "7f3c2a10-5b1e-4c57-9a41-0d6f3f1e2b11"
#define NOW (UINT64_C(1700000000) * USEC_PER_SEC) /* 2023-11-14T22:13:20Z */
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int apply(Channel *c, uint64_t seq, const char *by, const char *kind, const char *extra) {
        Entry e = {
                .seq = seq,
                .time = NOW + seq,
                .kind = entry_kind_from_string(kind),
                .id = CHANNEL_ID,
                .extra = (char *) extra,
                .n_extra = strlen(extra),
        };

        strcpy(e.username, by);
        return channel_apply(c, &e);
}

static Channel *make_channel(void) {
        Channel *c;

        assert_int_equal(channel_new(&c), 0);
        assert_int_equal(apply(c, 1, "alice", "create",
                               "{\"owner\":\"alice\",\"channel_id\":\"" CHANNEL_ID
                               "\",\"epoch\":1}"),
                         0);
        assert_int_equal(apply(c, 2, "alice", "role", "{\"target\":\"mo\",\"role\":\"moderator\"}"),
                         0);
        assert_int_equal(apply(c, 3, "mo", "role", "{\"target\":\"bob\",\"role\":\"member\"}"), 0);
        return c;
}

static Actor who(const char *username, const char *key_id) {
        Actor a;

        actor_named(username, &a);
        strcpy(a.key_id, key_id);
        return a;
}

static ErrorCode view(const Channel *c, const char *username, const char *key_id, uint64_t now) {
        Actor a = who(username, key_id);
        Failure f = {};

        (void) channel_may_view(c, &a, now, &f);
        return f.code;
}

static void test_a_ban_ends(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        const uint64_t end = NOW + 3600 * USEC_PER_SEC;
        Actor bob = who("bob", KEY_A);
        const ChannelBan *ban;
        Failure f = {};

        assert_int_equal(channel_next_ban_end(c, NOW), 0);
        assert_int_equal(apply(c, 4, "mo", "ban",
                               "{\"target\":\"bob\",\"reason\":\"spam\","
                               "\"until\":\"2023-11-14T23:13:20.000Z\"}"),
                         0);
        assert_true(channel_may_view(c, &bob, NOW, &f) < 0);
        assert_int_equal(f.code, ERROR_BANNED);
        assert_string_equal(f.message,
                            "mo has banned you from this channel until 2023-11-14 23:13 UTC: spam");
        assert_int_equal(view(c, "bob", KEY_A, end - 1), ERROR_BANNED);
        assert_int_equal(view(c, "bob", KEY_A, end), ERROR_NONE);
        assert_int_equal(view(c, "mo", KEY_A, NOW), ERROR_NONE);
        assert_int_equal(channel_next_ban_end(c, NOW), end);
        assert_int_equal(channel_next_ban_end(c, end), 0);

        ban = channel_find_ban(c, &bob, NOW);
        assert_non_null(ban);
        assert_string_equal(ban->by, "mo");
        assert_int_equal(ban->seq, 4);
        assert_null(channel_find_ban(c, &bob, end));

        /* The role went with it and does not come back. */
        assert_int_equal(channel_get_role(c, "bob"), ROLE_NONE);
        assert_int_equal(channel_get_role_change(c, "bob")->was, ROLE_MEMBER);
        assert_string_equal(channel_get_role_change(c, "bob")->by, "mo");
        assert_int_equal(apply(c, 5, "mo", "unban", "{\"target\":\"bob\"}"), 0);
        assert_int_equal(view(c, "bob", KEY_A, NOW), ERROR_NONE);
        assert_int_equal(channel_get_role(c, "bob"), ROLE_NONE);
}

static int join_ban(const ChannelBan *ban, void *userdata) {
        char *all = userdata;

        sprintf(all + strlen(all), "%s/%.1s ", ban->target, ban->key_id);
        return 0;
}

static void test_a_guest_is_its_key(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        char all[256] = "";

        assert_int_equal(
                apply(c, 4, "mo", "ban", "{\"target\":\"guest-xy\",\"key\":\"" KEY_A "\"}"), 0);
        assert_int_equal(apply(c, 5, "mo", "ban", "{\"target\":\"eve\"}"), 0);
        assert_int_equal(view(c, "guest-xy", KEY_A, NOW), ERROR_BANNED);
        assert_int_equal(view(c, "guest-yz", KEY_A, NOW),
                         ERROR_BANNED); /* another name, same key */
        assert_int_equal(view(c, "guest-xy", KEY_B, NOW), ERROR_NONE);
        assert_int_equal(view(c, "guest-xy", "", NOW), ERROR_BANNED); /* one of them is */
        assert_int_equal(view(c, "bob", KEY_A, NOW), ERROR_NONE);
        assert_int_equal(view(c, "eve", KEY_B, NOW), ERROR_BANNED);

        assert_int_equal(
                apply(c, 6, "mo", "ban", "{\"target\":\"guest-xy\",\"key\":\"" KEY_B "\"}"), 0);
        assert_int_equal(channel_each_ban(c, NOW, join_ban, all), 0);
        assert_string_equal(all, "eve/ guest-xy/a guest-xy/b ");
        assert_int_equal(apply(c, 7, "mo", "unban", "{\"target\":\"guest-xy\"}"), 0);
        assert_int_equal(view(c, "guest-xy", KEY_A, NOW), ERROR_NONE);
        assert_int_equal(view(c, "guest-xy", KEY_B, NOW), ERROR_NONE);
        assert_int_equal(view(c, "eve", KEY_B, NOW), ERROR_BANNED);
}

static int count_ban(const ChannelBan *ban, void *userdata) {
        (*(size_t *) userdata)++;
        return 0;
}

static int ban_at(Channel *c, uint64_t seq, uint64_t time, const char *who, uint64_t until) {
        char end[TIME_STRING_SIZE], extra[128];
        Entry e = { .seq = seq, .time = time, .kind = ENTRY_BAN, .id = CHANNEL_ID, .extra = extra };

        time_print(until, end);
        e.n_extra = (size_t) snprintf(extra, sizeof(extra), "{\"target\":\"%s\",\"until\":\"%s\"}",
                                      who, end);
        strcpy(e.username, "mo");
        return channel_apply(c, &e);
}

/* What has ended is not kept for ever: of any number that is in the log, few. */
static void test_ended_bans_are_forgotten(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        uint64_t time = NOW;
        size_t n = 0;

        for (uint64_t i = 0; i < 5000; i++) {
                char who[NAME_SIZE];

                snprintf(who, sizeof(who), "user%" PRIu64, i);
                time += USEC_PER_MINUTE;
                assert_int_equal(ban_at(c, 4 + i, time, who, time + USEC_PER_HOUR), 0);
        }
        assert_int_equal(channel_each_ban(c, NOW, count_ban, &n), 0); /* whose end is not past */
        assert_in_range(n, 60, 1000);
        n = 0;
        assert_int_equal(channel_each_ban(c, time, count_ban, &n), 0);
        assert_int_equal(n, 60);
}

/* The log's time never goes back. While the clock stands behind it, a ban may end before its own
 * entry: it holds, however many follow. */
static void test_a_ban_behind_the_log_holds(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        const uint64_t ahead = NOW + USEC_PER_DAY;

        assert_int_equal(ban_at(c, 4, ahead, "eve", NOW + USEC_PER_HOUR), 0);
        for (uint64_t i = 0; i < 5000; i++) {
                char who[NAME_SIZE];

                snprintf(who, sizeof(who), "user%" PRIu64, i);
                assert_int_equal(ban_at(c, 5 + i, ahead, who, NOW + USEC_PER_HOUR), 0);
        }
        assert_int_equal(view(c, "eve", KEY_A, NOW), ERROR_BANNED);
        assert_int_equal(view(c, "user7", KEY_A, NOW), ERROR_BANNED);
        assert_int_equal(view(c, "eve", KEY_A, NOW + USEC_PER_HOUR), ERROR_NONE);
}

/* A clock that was wrong for a while and made a ban meanwhile has not ended the others. */
static void test_a_clock_that_was_ahead(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();

        assert_int_equal(ban_at(c, 4, NOW, "eve", NOW + USEC_PER_HOUR), 0);
        assert_int_equal(ban_at(c, 5, NOW + USEC_PER_DAY, "max", NOW + 2 * USEC_PER_DAY), 0);
        assert_int_equal(view(c, "eve", KEY_A, NOW), ERROR_BANNED);
}

static void test_banned_moderator_does_nothing(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        Actor mo = who("mo", KEY_A);
        Failure f = {};
        Access x;

        assert_int_equal(apply(c, 4, "alice", "ban", "{\"target\":\"mo\"}"), 0);
        assert_int_equal(apply(c, 5, "alice", "role", "{\"target\":\"mo\",\"role\":\"moderator\"}"),
                         0);
        channel_get_access(c, &mo, NOW, &x);
        assert_int_equal(x.role, ROLE_MODERATOR);
        assert_false(x.can_view || x.can_send || x.can_moderate);
        assert_true(channel_may_moderate(c, &mo, "bob", NOW, &f) < 0);
        assert_int_equal(f.code, ERROR_BANNED);
        assert_true(channel_may_set_topic(c, &mo, NOW, &f) < 0);
        assert_int_equal(f.code, ERROR_BANNED);
        assert_true(channel_may_authorize(c, &mo, "bob", ROLE_NONE, NOW, &f) < 0);
        assert_int_equal(f.code, ERROR_BANNED);
        assert_true(channel_may_set_permissions(c, &mo, NOW, &f) < 0);
        assert_int_equal(f.code, ERROR_NOT_OWNER);
        assert_int_equal(apply(c, 6, "alice", "unban", "{\"target\":\"mo\"}"), 0);
        assert_int_equal(channel_may_moderate(c, &mo, "bob", NOW, &f), 0);
}

static void test_who_may_moderate(void **state) {
        static const char *const people[] = { "alice", "mo", "bob", "nobody", "guest-eve" };
        static const char *const targets[] = {
                "alice", "mo", "mo2", "bob", "nobody2", "guest-zed"
        };
        enum { OK = ERROR_NONE, MOD = ERROR_NOT_MODERATOR, BAD = ERROR_BAD_REQUEST };
        static const ErrorCode expected[5][6] = {
                { BAD, OK, OK, OK, OK, OK },      { MOD, BAD, MOD, OK, OK, OK },
                { MOD, MOD, MOD, MOD, MOD, MOD }, { MOD, MOD, MOD, MOD, MOD, MOD },
                { MOD, MOD, MOD, MOD, MOD, MOD },
        };
        _cleanup_(channel_freep) Channel *c = make_channel();

        assert_int_equal(
                apply(c, 4, "alice", "role", "{\"target\":\"mo2\",\"role\":\"moderator\"}"), 0);
        for (size_t k = 0; k < ELEMENTSOF(people); k++)
                for (size_t t = 0; t < ELEMENTSOF(targets); t++) {
                        Actor a = who(people[k], KEY_A);
                        Failure f = {};

                        (void) channel_may_moderate(c, &a, targets[t], NOW, &f);
                        assert_int_equal(f.code, expected[k][t]);
                }
        for (size_t k = 0; k < ELEMENTSOF(people); k++) {
                Actor a = who(people[k], KEY_A);
                Failure f = {};

                (void) channel_may_list_bans(c, &a, NOW, &f);
                assert_int_equal(f.code, k < 2 ? OK : MOD);
                f = (Failure){};
                (void) channel_may_see_access(c, &a, "somebody", NOW, &f);
                assert_int_equal(f.code, k < 2 ? OK : MOD);
                assert_int_equal(channel_may_see_access(c, &a, people[k], NOW, &f), 0);
                f = (Failure){};
                (void) channel_may_debug(c, &a, NOW, &f);
                assert_int_equal(f.code, k < 1 ? ERROR_NONE : ERROR_NOT_OWNER);
        }
}

static void test_kicked_for_a_minute(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        Actor bob = who("bob", KEY_A), guest = who("guest-xy", KEY_A),
              other = who("guest-xy", KEY_B);
        Failure f = {};

        assert_int_equal(apply(c, 4, "mo", "kick", "{\"target\":\"bob\"}"), 0);
        assert_int_equal(
                apply(c, 5, "mo", "kick", "{\"target\":\"guest-xy\",\"key\":\"" KEY_A "\"}"), 0);
        assert_true(channel_may_connect(c, &bob, NOW + 4 + 15 * USEC_PER_SEC, &f) < 0);
        assert_int_equal(f.code, ERROR_RATE_LIMITED);
        assert_int_equal(f.retry_after_ms, 45000);
        assert_true(channel_may_connect(c, &bob, NOW + 3 + 60 * USEC_PER_SEC, &f) < 0);
        assert_int_equal(f.retry_after_ms, 1);
        assert_int_equal(channel_may_view(c, &bob, NOW + 5, &f), 0);
        assert_int_equal(channel_may_connect(c, &bob, NOW + 4 + 60 * USEC_PER_SEC, &f), 0);
        assert_true(channel_may_connect(c, &guest, NOW + 6, &f) < 0);
        assert_int_equal(channel_may_connect(c, &other, NOW + 6, &f), 0);
}

/* The log's time is ahead of a clock that was set back. Who is sent out then, or was before, stays
 * out for a minute, and for no longer. */
static void test_kicked_while_the_clock_is_behind(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        const uint64_t now = NOW - USEC_PER_HOUR;
        Actor bob = who("bob", KEY_A);
        Failure f = {};

        assert_int_equal(apply(c, 4, "mo", "kick", "{\"target\":\"bob\"}"), 0);
        assert_true(channel_may_connect(c, &bob, now, &f) < 0);
        assert_int_equal(f.code, ERROR_RATE_LIMITED);
        assert_int_equal(f.retry_after_ms, 60000);
        assert_int_equal(apply(c, 5, "mo", "kick", "{\"target\":\"max\"}"), 0);
        assert_true(channel_may_connect(c, &bob, now + 59 * USEC_PER_SEC, &f) < 0);
        assert_int_equal(f.retry_after_ms, 1000);
        assert_int_equal(channel_may_connect(c, &bob, now + 60 * USEC_PER_SEC, &f), 0);
        assert_int_equal(channel_may_connect(c, &bob, NOW + 4, &f), 0); /* set right */
}

static void test_texts(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel();
        _cleanup_free_ char *ban = NULL, *kick = NULL, *unban = NULL, *rates = NULL;
        Permissions p = PERMISSIONS_UNSAID;
        char *none = NULL;
        size_t n;

        assert_int_equal(channel_extra_unban(c, "bob", NULL, NOW, &none, &n), 1);
        assert_int_equal(
                channel_extra_ban(c, "bob", "", "spam", NOW + USEC_PER_SEC + 7, NOW, &ban, &n), 0);
        assert_string_equal(ban, "{\"target\":\"bob\",\"reason\":\"spam\","
                                 "\"until\":\"2023-11-14T22:13:21.000Z\"}");
        assert_int_equal(apply(c, 4, "mo", "ban", ban), 0);
        assert_int_equal(
                channel_extra_ban(c, "bob", "", "spam", NOW + USEC_PER_SEC, NOW, &none, &n), 1);
        assert_int_equal(channel_extra_unban(c, "bob", NULL, NOW, &unban, &n), 0);
        assert_string_equal(unban, "{\"target\":\"bob\"}");
        free(unban);
        assert_int_equal(channel_extra_unban(c, "bob", "served", NOW, &unban, &n), 0);
        assert_string_equal(unban, "{\"target\":\"bob\",\"reason\":\"served\"}");
        assert_int_equal(channel_extra_unban(c, "bob", NULL, NOW + 2 * USEC_PER_SEC, &none, &n), 1);
        assert_int_equal(channel_extra_kick("guest-xy", KEY_A, NULL, &kick, &n), 0);
        assert_string_equal(kick, "{\"target\":\"guest-xy\",\"key\":\"" KEY_A "\"}");
        p.message_rate = 9;
        assert_int_equal(channel_extra_view(c, &p, &rates, &n), 0);
        assert_string_equal(rates, "{\"message_rate\":9}");
        assert_null(none);
}

static void test_damaged(void **state) {
        static const char *const rows[][2] = {
                { "ban", "{}" },
                { "ban", "{\"target\":\"Bob!\"}" },
                { "ban", "{\"target\":\"bob\",\"until\":\"tomorrow\"}" },
                { "ban", "{\"target\":\"bob\",\"until\":7}" },
                { "ban", "{\"target\":\"bob\",\"key\":\"" KEY_A "\"}" },
                { "ban", "{\"target\":\"guest-xy\",\"key\":\"a\"}" },
                { "unban", "{\"target\":7}" },
                { "kick", "{\"reason\":\"x\"}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(channel_freep) Channel *c = make_channel();

                assert_int_equal(apply(c, 4, "mo", rows[i][0], rows[i][1]), -EBADMSG);
                assert_int_equal(channel_get_role(c, "bob"), ROLE_MEMBER);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_ban_ends),
                cmocka_unit_test(test_a_guest_is_its_key),
                cmocka_unit_test(test_ended_bans_are_forgotten),
                cmocka_unit_test(test_a_ban_behind_the_log_holds),
                cmocka_unit_test(test_a_clock_that_was_ahead),
                cmocka_unit_test(test_banned_moderator_does_nothing),
                cmocka_unit_test(test_who_may_moderate),
                cmocka_unit_test(test_kicked_for_a_minute),
                cmocka_unit_test(test_kicked_while_the_clock_is_behind),
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
