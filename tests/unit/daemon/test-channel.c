/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds channel.h to protocol §5 "Who may", and replay to the log. */
#include <setjmp.h>
#include <stdarg.h>

#include "daemon/channel/channel.h"

#include <cmocka.h>

#define CHANNEL_ID "7f3c2a10-5b1e-4c57-9a41-0d6f3f1e2b11"
#define NOW (1700000000 * USEC_PER_SEC)

static int apply(Channel *c, uint64_t seq, const char *kind, const char *extra) {
        Entry e = {
                .seq = seq,
                .kind = entry_kind_from_string(kind),
                .id = CHANNEL_ID,
                .username = "alice",
                .extra = (char *) extra,
                .n_extra = strlen(extra),
        };

        e.id[0] = '0' + (char) (seq % 10);
        return channel_apply(c, &e);
}

static const char create_extra[] =
        "{\"owner\":\"alice\",\"channel_id\":\"" CHANNEL_ID "\",\"epoch\":3}";

static Channel *make_channel(ViewPermission view, SendPermission send) {
        _cleanup_free_ char *extra = NULL;
        Channel *c;
        size_t n;

        assert_int_equal(channel_new(&c), 0);
        assert_int_equal(apply(c, 1, "create", create_extra), 0);
        assert_int_equal(apply(c, 2, "role", "{\"target\":\"mo\",\"role\":\"moderator\"}"), 0);
        assert_int_equal(apply(c, 3, "role", "{\"target\":\"mem\",\"role\":\"member\"}"), 0);
        assert_int_equal(apply(c, 4, "role", "{\"target\":\"mem2\",\"role\":\"member\"}"), 0);
        assert_int_equal(apply(c, 5, "role", "{\"target\":\"mo2\",\"role\":\"moderator\"}"), 0);
        if (channel_extra_view(c, &(Permissions){ view, send, -1, -1, -1 }, &extra, &n) == 0)
                assert_int_equal(apply(c, 6, "view", extra), 0);
        assert_int_equal(channel_get_view(c), view);
        assert_int_equal(channel_get_send(c), send);
        return c;
}

static Actor actor_of(const char *username) {
        Actor a = { .user_type = name_is_guest(username) ? USER_GUEST : USER_REGISTERED };

        snprintf(a.username, sizeof(a.username), "%s", username);
        return a;
}

/* Owner, moderator, member, a user without a role, a guest. */
static const char *const people[] = { "alice", "mo", "mem", "nobody", "guest-eve" };

#define OK ERROR_NONE
#define RES ERROR_RESTRICTED
#define RO ERROR_READ_ONLY
#define GST ERROR_GUESTS_NOT_ALLOWED

static void test_who_may_view_and_send(void **state) {
        static const struct {
                ViewPermission view;
                SendPermission send;
                ErrorCode may_view[5], may_send[5];
        } rows[] = {
                { VIEW_PUBLIC, SEND_EVERYONE, { OK, OK, OK, OK, OK }, { OK, OK, OK, OK, OK } },
                { VIEW_PUBLIC, SEND_REGISTERED, { OK, OK, OK, OK, OK }, { OK, OK, OK, OK, GST } },
                { VIEW_PUBLIC, SEND_MEMBERS, { OK, OK, OK, OK, OK }, { OK, OK, OK, RO, RO } },
                { VIEW_RESTRICTED,
                  SEND_EVERYONE,
                  { OK, OK, OK, RES, RES },
                  { OK, OK, OK, RES, RES } },
                { VIEW_RESTRICTED,
                  SEND_REGISTERED,
                  { OK, OK, OK, RES, RES },
                  { OK, OK, OK, RES, RES } },
                { VIEW_RESTRICTED,
                  SEND_MEMBERS,
                  { OK, OK, OK, RES, RES },
                  { OK, OK, OK, RES, RES } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(channel_freep) Channel *c = make_channel(rows[i].view, rows[i].send);

                for (size_t k = 0; k < ELEMENTSOF(people); k++) {
                        Actor a = actor_of(people[k]);
                        Failure f = {};
                        int r = channel_may_view(c, &a, NOW, &f);

                        assert_int_equal(f.code, rows[i].may_view[k]);
                        assert_int_equal(r, f.code == OK ? 0 : -error_info(f.code)->error);
                        f = (Failure){};
                        (void) channel_may_send(c, &a, NOW, &f);
                        assert_int_equal(f.code, rows[i].may_send[k]);
                        f = (Failure){};
                        (void) channel_may_list_roles(c, &a, NOW, &f);
                        assert_int_equal(f.code, rows[i].may_view[k]);
                }
        }
}

static void test_who_may_change(void **state) {
        static const struct {
                ErrorCode view, topic;
        } expected[] = {
                { OK, OK },
                { ERROR_NOT_OWNER, OK },
                { ERROR_NOT_OWNER, ERROR_NOT_MODERATOR },
                { ERROR_NOT_OWNER, ERROR_NOT_MODERATOR },
                { ERROR_NOT_OWNER, ERROR_NOT_MODERATOR },
        };
        _cleanup_(channel_freep) Channel *c = make_channel(VIEW_PUBLIC, SEND_EVERYONE);

        for (size_t k = 0; k < ELEMENTSOF(people); k++) {
                Actor a = actor_of(people[k]);
                Failure f = {};

                (void) channel_may_set_permissions(c, &a, NOW, &f);
                assert_int_equal(f.code, expected[k].view);
                f = (Failure){};
                (void) channel_may_set_topic(c, &a, NOW, &f);
                assert_int_equal(f.code, expected[k].topic);
        }
}

#define MOD ERROR_NOT_MODERATOR
#define BAD ERROR_BAD_REQUEST

static void test_who_may_redact(void **state) {
        static const char *const authors[] = { "alice", "mo2", "mem2", "nobody2", "guest-zed" };
        /* by actor and author: another's, in a public channel */
        static const ErrorCode expected[5][5] = {
                { OK, OK, OK, OK, OK },      { MOD, MOD, OK, OK, OK },
                { MOD, MOD, MOD, MOD, MOD }, { MOD, MOD, MOD, MOD, MOD },
                { MOD, MOD, MOD, MOD, MOD },
        };
        _cleanup_(channel_freep) Channel *open = make_channel(VIEW_PUBLIC, SEND_EVERYONE);
        _cleanup_(channel_freep) Channel *closed = make_channel(VIEW_RESTRICTED, SEND_MEMBERS);
        EntryAuthor author = { .is_message = true };

        for (size_t k = 0; k < ELEMENTSOF(people); k++) {
                Actor a = actor_of(people[k]);
                bool may_view = k < 3;
                Failure f = {};

                memset(a.key_id, 'a', KEY_ID_SIZE - 1);
                for (size_t i = 0; i < ELEMENTSOF(authors); i++) {
                        author.user_type = i == 4 ? USER_GUEST : USER_REGISTERED;
                        snprintf(author.username, sizeof(author.username), "%s", authors[i]);
                        memset(author.sender, 'b', KEY_ID_SIZE - 1);
                        f = (Failure){};
                        (void) channel_may_redact(open, &a, &author, NOW, &f);
                        assert_int_equal(f.code, expected[k][i]);
                        f = (Failure){};
                        (void) channel_may_redact(closed, &a, &author, NOW, &f);
                        assert_int_equal(f.code, may_view ? expected[k][i] : RES);
                }
                /* One's own, also of who may not view any more: a user's is the name, a guest's
                 * the key, whatever the name. */
                author.user_type = a.user_type;
                snprintf(author.username, sizeof(author.username), "%s",
                         a.user_type == USER_GUEST ? "guest-earlier" : a.username);
                snprintf(author.sender, sizeof(author.sender), "%s", a.key_id);
                f = (Failure){};
                assert_int_equal(channel_may_redact(closed, &a, &author, NOW, &f), 0);
                assert_int_equal(f.code, OK);
                author.user_type = USER_GUEST;
                snprintf(author.username, sizeof(author.username), "%s", "guest-eve");
                snprintf(author.sender, sizeof(author.sender), "%s", "guest-eve");
                f = (Failure){};
                (void) channel_may_redact(open, &a, &author, NOW, &f);
                assert_int_equal(f.code, k < 2 ? OK : MOD); /* a name is no key */
        }
}

static void test_who_may_authorize(void **state) {
        static const char *const targets[] = { "alice", "mo2", "mem2", "nobody2", "guest-zed" };
        /* by actor, target, and role none, member, moderator */
        static const ErrorCode expected[5][5][3] = {
                { { BAD, BAD, BAD },
                  { OK, OK, OK },
                  { OK, OK, OK },
                  { OK, OK, OK },
                  { GST, GST, GST } },
                { { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { OK, OK, MOD },
                  { OK, OK, MOD },
                  { GST, GST, MOD } },
                { { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD } },
                { { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD } },
                { { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD },
                  { MOD, MOD, MOD } },
        };
        _cleanup_(channel_freep) Channel *c = make_channel(VIEW_PUBLIC, SEND_EVERYONE);
        Failure f = {};
        Actor a;

        for (size_t k = 0; k < ELEMENTSOF(people); k++)
                for (size_t t = 0; t < ELEMENTSOF(targets); t++)
                        for (Role role = ROLE_NONE; role <= ROLE_MODERATOR; role++) {
                                a = actor_of(people[k]);
                                f = (Failure){};
                                (void) channel_may_authorize(c, &a, targets[t], role, NOW, &f);
                                assert_int_equal(f.code, expected[k][t][role]);
                        }

        /* Not even a moderator's own. */
        a = actor_of("mo");
        assert_true(channel_may_authorize(c, &a, "mo", ROLE_NONE, NOW, &f) < 0);
        assert_int_equal(f.code, MOD);
        a = actor_of("alice");
        assert_true(channel_may_authorize(c, &a, "nobody", ROLE_OWNER, NOW, &f) < 0);
        assert_int_equal(f.code, BAD);
        assert_string_equal(f.field, "role");
}

static int join_role(const char *username, Role role, void *userdata) {
        char *all = userdata;

        sprintf(all + strlen(all), "%s=%s ", username, role_to_string(role));
        return 0;
}

static void test_replay(void **state) {
        _cleanup_(channel_freep) Channel *c = NULL;
        uint64_t rate, burst;
        char all[256] = "";
        Actor alice;

        assert_int_equal(channel_new(&c), 0);
        assert_string_equal(channel_get_topic(c), "");
        assert_int_equal(channel_get_last_seq(c), 0);
        assert_int_equal(channel_get_role(c, "alice"), ROLE_NONE);
        assert_int_equal(channel_get_role(c, ""), ROLE_NONE);

        assert_int_equal(apply(c, 1, "create", create_extra), 0);
        assert_string_equal(channel_get_id(c), CHANNEL_ID);
        assert_string_equal(channel_get_owner(c), "alice");
        assert_int_equal(channel_get_epoch(c), 3);
        assert_int_equal(channel_get_role(c, "alice"), ROLE_OWNER);
        assert_int_equal(channel_get_view(c), VIEW_PUBLIC);
        assert_int_equal(channel_get_send(c), SEND_REGISTERED);

        /* A replay of governance alone has gaps where messages were. */
        assert_int_equal(apply(c, 7, "topic", "{\"topic\":\"tea\"}"), 0);
        assert_int_equal(apply(c, 8, "host", "{\"epoch\":4,\"host\":\"alice\"}"), 0);
        assert_int_equal(apply(c, 9, "role", "{\"target\":\"zoe\",\"role\":\"member\"}"), 0);
        assert_int_equal(apply(c, 10, "role", "{\"target\":\"bob\",\"role\":\"moderator\"}"), 0);
        assert_int_equal(apply(c, 11, "role", "{\"target\":\"zoe\",\"role\":\"none\"}"), 0);
        assert_int_equal(apply(c, 12, "role", "{\"target\":\"al\",\"role\":\"member\"}"), 0);
        assert_int_equal(
                apply(c, 13, "view", "{\"send_permission\":\"members\",\"message_rate\":7}"), 0);
        assert_int_equal(apply(c, 14, "poll", "{\"topic\":\"a later version's\"}"), 0);
        assert_int_equal(apply(c, 15, "message", "{\"message_content\":\"hi\"}"), 0);

        assert_string_equal(channel_get_topic(c), "tea");
        assert_int_equal(channel_get_epoch(c), 4);
        assert_int_equal(channel_get_view(c), VIEW_PUBLIC);
        assert_int_equal(channel_get_send(c), SEND_MEMBERS);
        channel_get_rates(c, &rate, &burst);
        assert_int_equal(rate, 7);
        assert_int_equal(channel_get_last_seq(c), 15);
        assert_int_equal(channel_get_last_id(c)[0], '5');
        assert_int_equal(channel_each_role(c, join_role, all), 0);
        assert_string_equal(all, "al=member bob=moderator ");

        /* The owner stays that, whatever a log says. */
        assert_int_equal(apply(c, 16, "role", "{\"target\":\"alice\",\"role\":\"member\"}"), 0);
        assert_int_equal(channel_get_role(c, "alice"), ROLE_OWNER);
        assert_int_equal(apply(c, 17, "ban", "{\"target\":\"alice\"}"), 0);
        assert_int_equal(channel_get_role(c, "alice"), ROLE_OWNER);
        actor_named("alice", &alice);
        assert_null(channel_find_ban(c, &alice, NOW));
        all[0] = '\0';
        assert_int_equal(channel_each_role(c, join_role, all), 0);
        assert_string_equal(all, "al=member bob=moderator ");
}

static void test_damaged_log(void **state) {
        static const struct {
                const char *kind, *extra;
        } rows[] = {
                { "create", create_extra },
                { "host", "{\"host\":\"alice\"}" },
                { "host", "{\"epoch\":2,\"host\":\"alice\"}" },
                { "topic", "{}" },
                { "topic", "{\"topic\":7}" },
                { "view", "{\"view_permission\":\"secret\"}" },
                { "view", "{\"view_permission\":\"restricted\",\"send_permission\":1}" },
                { "view", "{\"message_rate\":-1}" },
                { "role", "{\"target\":\"bob\"}" },
                { "role", "{\"target\":\"bob\",\"role\":\"owner\"}" },
                { "role", "{\"target\":\"Bob!\",\"role\":\"member\"}" },
                { "role", "{\"target\"" },
        };
        _cleanup_(channel_freep) Channel *empty = NULL;

        assert_int_equal(channel_new(&empty), 0);
        assert_int_equal(apply(empty, 1, "create", "{\"owner\":\"alice\",\"epoch\":1}"), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(channel_freep) Channel *c = make_channel(VIEW_PUBLIC, SEND_EVERYONE);

                assert_int_equal(apply(c, 20, rows[i].kind, rows[i].extra), -EBADMSG);
                assert_int_equal(channel_get_last_seq(c), 6);
                assert_int_equal(channel_get_view(c), VIEW_PUBLIC);
                assert_int_equal(apply(c, 6, "message", "{}"), -EBADMSG);
                assert_int_equal(apply(c, 7, "message", "{}"), 0);
        }
}

static void test_nothing_changes(void **state) {
        _cleanup_(channel_freep) Channel *c = make_channel(VIEW_PUBLIC, SEND_EVERYONE);
        char *extra = NULL;
        size_t n;

        assert_int_equal(channel_extra_view(c, &PERMISSIONS_UNSAID, &extra, &n), 1);
        assert_int_equal(channel_extra_view(c,
                                            &(Permissions){ VIEW_PUBLIC, SEND_EVERYONE, 0, -1, -1 },
                                            &extra, &n),
                         1);
        assert_int_equal(channel_extra_topic(c, "", &extra, &n), 1);
        assert_int_equal(channel_extra_role(c, "mem", ROLE_MEMBER, NULL, &extra, &n), 1);
        assert_int_equal(channel_extra_role(c, "stranger", ROLE_NONE, NULL, &extra, &n), 1);
        assert_null(extra);

        assert_int_equal(
                channel_extra_view(c, &(Permissions){ VIEW_INVALID, SEND_MEMBERS, -1, -1, -1 },
                                   &extra, &n),
                0);
        assert_string_equal(extra, "{\"send_permission\":\"members\"}");
        assert_int_equal(n, strlen(extra));
        free(extra);
        assert_int_equal(channel_extra_role(c, "mem", ROLE_NONE, NULL, &extra, &n), 0);
        assert_string_equal(extra, "{\"target\":\"mem\",\"role\":\"none\"}");
        free(extra);
        assert_int_equal(channel_extra_role(c, "mem", ROLE_NONE, "left us", &extra, &n), 0);
        assert_string_equal(extra, "{\"target\":\"mem\",\"role\":\"none\",\"reason\":\"left us\"}");
        free(extra);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_may_view_and_send),
                cmocka_unit_test(test_who_may_change),
                cmocka_unit_test(test_who_may_redact),
                cmocka_unit_test(test_who_may_authorize),
                cmocka_unit_test(test_replay),
                cmocka_unit_test(test_damaged_log),
                cmocka_unit_test(test_nothing_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
