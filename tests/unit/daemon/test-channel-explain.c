/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds what is said of somebody's access to what the rules say, in every kind of channel and for
 * every kind of person. */
#include <setjmp.h>
#include <stdarg.h>

#include "base/text.h"
#include "daemon/channel/channel.h"

#include <cmocka.h>

#define CHANNEL_ID "7f3c2a10-5b1e-4c57-9a41-0d6f3f1e2b11"
#define NOW (UINT64_C(1700000000) * USEC_PER_SEC) /* 2023-11-14T22:13:20Z */
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

_printf_(5, 6) static void apply(Channel *c, uint64_t time, const char *by, const char *kind,
                                 const char *format, ...) {
        char extra[1024];
        va_list ap;
        Entry e = {
                .seq = channel_get_last_seq(c) + 1,
                .time = time,
                .kind = entry_kind_from_string(kind),
                .id = CHANNEL_ID,
                .extra = extra,
        };

        va_start(ap, format);
        vsnprintf(extra, sizeof(extra), format, ap);
        va_end(ap);
        e.n_extra = strlen(extra);
        strcpy(e.username, by);
        assert_int_equal(channel_apply(c, &e), 0);
}

static Channel *make_channel(ViewPermission view, SendPermission send) {
        Channel *c;

        assert_int_equal(channel_new(&c), 0);
        apply(c, NOW, "alice", "create",
              "{\"owner\":\"alice\",\"channel_id\":\"" CHANNEL_ID "\",\"epoch\":1}");
        apply(c, NOW, "alice", "view", "{\"view_permission\":\"%s\",\"send_permission\":\"%s\"}",
              view_permission_to_string(view), send_permission_to_string(send));
        return c;
}

#define ROLE(time, by, target, role)                                                               \
        apply(c, (time), (by), "role", "{\"target\":\"%s\",\"role\":\"%s\"}", (target), (role))

/* Everybody that there is: what the log says of each before, and what is said of each now. */
static void fill(Channel *c) {
        ROLE(NOW, "alice", "mo", "moderator");
        ROLE(NOW, "mo", "member", "member");
        ROLE(NOW, "alice", "lowered", "moderator");
        ROLE(NOW, "alice", "lowered", "member");
        ROLE(NOW, "alice", "removed", "member");
        ROLE(NOW, "mo", "removed", "none");
        ROLE(NOW, "alice", "banned", "member");
        apply(c, NOW, "mo", "ban", "{\"target\":\"banned\",\"reason\":\"spam\"}");
        apply(c, NOW, "mo", "ban", "{\"target\":\"until\",\"until\":\"2023-11-14T23:13:20.000Z\"}");
        apply(c, NOW, "mo", "ban", "{\"target\":\"ended\",\"until\":\"2023-11-14T22:13:20.000Z\"}");
        apply(c, NOW, "mo", "ban", "{\"target\":\"again\"}");
        ROLE(NOW, "alice", "again", "moderator");
        apply(c, NOW, "mo", "ban", "{\"target\":\"back\"}");
        apply(c, NOW, "mo", "unban", "{\"target\":\"back\"}");
        apply(c, NOW, "mo", "ban", "{\"target\":\"guest-bo\",\"key\":\"" KEY_A "\"}");
        ROLE(NOW, "mo", "kicked", "member");
        apply(c, NOW - 18 * USEC_PER_SEC, "mo", "kick", "{\"target\":\"kicked\"}");
}

static const char *const people[] = { "alice",  "mo",     "member",  "lowered", "removed",
                                      "banned", "until",  "ended",   "again",   "back",
                                      "kicked", "nobody", "guest-al" };

static bool says(const Why *why, const char *part) {
        for (size_t i = 0; i < why->n; i++)
                if (strstr(why->text[i], part))
                        return true;
        return false;
}

static void check(const Channel *c, const Actor *a) {
        Access access;
        Why why;

        channel_get_access(c, a, NOW, &access);
        assert_int_equal(channel_explain_access(c, a, NOW, &why), 0);
        assert_in_range(why.n, 3, WHY_MAX);
        for (size_t i = 0; i < why.n; i++) {
                assert_in_range(strlen(why.text[i]), 1, WHY_BYTES_MAX);
                assert_true(text_is_valid(why.text[i], strlen(why.text[i]), false));
        }

        const bool outside = says(&why, "not a member"), is_guest = says(&why, "is a guest"),
                   is_banned = says(&why, " is banned: ");

        assert_int_equal(access.can_view,
                         !is_banned && !(says(&why, "restricted channel") && outside));
        assert_int_equal(access.can_send,
                         access.can_view && !(says(&why, "only members may send") && outside) &&
                                 !(says(&why, "guests may not") && is_guest));
        assert_int_equal(access.can_moderate, !is_banned && (says(&why, " is the owner") ||
                                                             says(&why, " is a moderator")));
        assert_int_equal(is_guest, a->user_type == USER_GUEST);
        assert_int_equal(outside, access.role == ROLE_NONE);
        assert_int_equal(is_banned && access.role > ROLE_NONE, says(&why, "a role does nothing"));
}

static void test_everybody_everywhere(void **state) {
        for (ViewPermission view = 0; view < VIEW_MAX; view++)
                for (SendPermission send = 0; send < SEND_MAX; send++) {
                        _cleanup_(channel_freep) Channel *c = make_channel(view, send);
                        Actor a;

                        fill(c);
                        for (size_t i = 0; i < ELEMENTSOF(people); i++) {
                                actor_named(people[i], &a);
                                check(c, &a);
                        }
                        actor_named("guest-bo", &a);
                        check(c, &a);
                        strcpy(a.key_id, KEY_A);
                        check(c, &a);
                        strcpy(a.key_id, KEY_B);
                        check(c, &a);
                }
}

static void assert_why(const Channel *c, const char *username, const char *expected) {
        char text[WHY_MAX * (WHY_BYTES_MAX + 2)] = "";
        Actor a;
        Why why;

        actor_named(username, &a);
        assert_int_equal(channel_explain_access(c, &a, NOW, &why), 0);
        for (size_t i = 0; i < why.n; i++) {
                strcat(text, i > 0 ? "; " : "");
                strcat(text, why.text[i]);
        }
        assert_string_equal(text, expected);
}

static void test_words(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel(VIEW_RESTRICTED, SEND_MEMBERS);

        fill(c);
#define HERE "restricted channel; only members may send; "
        assert_why(c, "alice", HERE "alice is the owner");
        assert_why(c, "mo",
                   HERE "mo is a moderator; alice made mo a moderator on 2023-11-14 22:13 UTC");
        assert_why(c, "lowered",
                   HERE "lowered is a member; alice made lowered a member in place of a moderator "
                        "on 2023-11-14 22:13 UTC");
        assert_why(c, "removed",
                   HERE "removed is not a member; mo removed removed on 2023-11-14 22:13 UTC");
        assert_why(c, "nobody", HERE "nobody is not a member");
        apply(c, NOW, "mo", "role",
              "{\"target\":\"removed\",\"role\":\"member\",\"reason\":\"is back\"}");
        assert_why(c, "removed",
                   HERE "removed is a member; mo made removed a member on 2023-11-14 22:13 UTC: is "
                        "back");
        apply(c, NOW, "mo", "role",
              "{\"target\":\"removed\",\"role\":\"none\",\"reason\":\"left\\u001b\"}");
        assert_why(c, "removed",
                   HERE "removed is not a member; mo removed removed on 2023-11-14 22:13 UTC: "
                        "left\xef\xbf\xbd");
        assert_why(c, "guest-al", HERE "guest-al is a guest, not a member");
        assert_why(c, "banned",
                   HERE "banned is not a member; banned is banned: mo did it on 2023-11-14 22:13 "
                        "UTC, for good; reason of the ban: spam");
        assert_why(c, "until",
                   HERE "until is not a member; until is banned: mo did it on 2023-11-14 22:13 "
                        "UTC, until 2023-11-14 23:13 UTC");
        assert_why(c, "ended", HERE "ended is not a member");
        assert_why(c, "again",
                   HERE "again is a moderator; alice made again a moderator on 2023-11-14 22:13 "
                        "UTC; again is banned: mo did it on 2023-11-14 22:13 UTC, for good; a role "
                        "does nothing for who is banned");
        assert_why(c, "kicked",
                   HERE "kicked is a member; mo made kicked a member on 2023-11-14 22:13 UTC; mo "
                        "has sent kicked out, who may come back in 42 s");
}

/* What a log of another version may hold is shown as text for all that, and no longer than it may
 * be. */
static void test_reasons_of_others(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel(VIEW_PUBLIC, SEND_EVERYONE);
        char longest[REASON_BYTES_MAX + 1] = "";
        Actor a;
        Why why;

        apply(c, NOW, "alice", "ban",
              "{\"target\":\"bob\",\"reason\":\"a\\u001b[31m\\n\\u0085b\"}");
        actor_named("bob", &a);
        check(c, &a);
        for (size_t i = 0; i + 4 <= REASON_BYTES_MAX; i += 4)
                strcat(longest, "\xf0\x9f\x98\x80");
        apply(c, NOW, "alice", "ban", "{\"target\":\"bob\",\"reason\":\"%s\"}", longest);
        check(c, &a);
        assert_int_equal(channel_explain_access(c, &a, NOW, &why), 0);
        assert_string_equal(why.text[4] + strlen(why.text[4]) - 3, "\xe2\x80\xa6");
        assert_true(strlen(why.text[4]) > WHY_BYTES_MAX - 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everybody_everywhere),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_reasons_of_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
