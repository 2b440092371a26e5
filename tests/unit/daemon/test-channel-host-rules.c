/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a hosted channel to who may what, at once, and to its answers about the log and the people
 * (protocol §5); leaves the way of a message to test-channel-host. */
#include "unit/daemon/member-double.h"

/* ---- rights, now ---- */

static void test_governance_comes_before_what_follows(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Local l = {};

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        /* All in one turn: the second message is judged by what is between them. */
        local_start(f, &l, 1, "before");
        assert_int_equal(channel_host_set_permissions(
                                 f->host, &f->owner,
                                 &(Permissions){ VIEW_INVALID, SEND_MEMBERS, -1, -1, -1 },
                                 local_done, &l),
                         0);
        local_start(f, &l, 2, "after");
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(1), "too late");
        assert_int_equal(member_wait(bob), ERROR_READ_ONLY);
        local_wait(f, &l, 3);
        wait_seen(bob, 4);
        assert_int_equal(bob->seen[1].kind, ENTRY_MESSAGE);
        assert_int_equal(bob->seen[2].kind, ENTRY_VIEW);
        assert_int_equal(bob->seen[3].kind, ENTRY_MESSAGE);

        /* And what changes nothing leaves no entry. */
        assert_int_equal(local_permissions(f, VIEW_PUBLIC, SEND_MEMBERS), ERROR_NONE);
        assert_int_equal(local_authorize(f, "bob", ROLE_NONE), ERROR_NONE);
        assert_int_equal(head_of(f), 4);
        assert_int_equal(local_authorize(f, "bob", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(member_send(bob, 1, "now"), ERROR_NONE);
}

static void test_restricted_at_once(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        assert_int_equal(member_connect(eve, 0), ERROR_NONE);
        assert_int_equal(local_authorize(f, "bob", ROLE_MEMBER), ERROR_NONE); /* seen: is here */
        assert_string_equal(f->lookup, "");
        wait_seen(carol, 2);
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        local_fill(f, 1, 5, 10);
        wait_seen(bob, 8);
        wait_closed(carol, "restricted");
        wait_closed(eve, "restricted");
        settle(f);
        assert_string_equal(bob->closed_reason, "");
        assert_int_equal(carol->n_seen, 2);
        assert_int_equal(channel_host_get_n_sessions(f->host), 1);
        assert_int_equal(channel_host_get_n_online(f->host), 2);

        assert_int_equal(member_connect(carol, 2), ERROR_RESTRICTED);
        assert_int_equal(member_call(carol, "HISTORY", ",\"limit\":1"), ERROR_RESTRICTED);
        assert_int_equal(member_call(carol, "RET_INFO", "%s", ""), ERROR_RESTRICTED);
        assert_int_equal(member_call(carol, "MEMBERS", ",\"limit\":1"), ERROR_RESTRICTED);
        assert_int_equal(member_send(carol, 1, "x"), ERROR_RESTRICTED);

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "carol", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(member_connect(carol, 2), ERROR_NONE);
        assert_string_equal(get_string(carol->reply, "role"), "moderator");
        wait_seen(carol, 9);

        /* A moderator's own hand. */
        assert_int_equal(member_call(carol, "AUTHORIZE", ",\"target\":\"bob\",\"role\":\"none\""),
                         ERROR_NONE);
        wait_closed(bob, "restricted");
        assert_int_equal(bob->n_seen, 9); /* not what closed it */
        assert_int_equal(
                member_call(carol, "AUTHORIZE", ",\"target\":\"dave\",\"role\":\"moderator\""),
                ERROR_NOT_MODERATOR);
        assert_int_equal(
                member_call(carol, "AUTHORIZE", ",\"target\":\"guest-eve\",\"role\":\"member\""),
                ERROR_GUESTS_NOT_ALLOWED);
        assert_int_equal(member_call(carol, "VIEW", ",\"view_permission\":\"public\""),
                         ERROR_NOT_OWNER);
        assert_int_equal(member_call(carol, "TOPIC", ",\"topic\":\"tea\""), ERROR_NONE);
        wait_seen(carol, 11);
        assert_int_equal(carol->seen[carol->n_seen - 1].kind, ENTRY_TOPIC);
        assert_string_equal(channel_get_topic(channel_host_get_channel(f->host)), "tea");
}

static void test_unseen_targets_are_looked_up(void **state) {
        Fixture *f = *state;
        Local l = {}, message = {};
        Failure none;

        assert_int_equal(channel_host_authorize(f->host, &f->owner, "carol", ROLE_MEMBER, NULL,
                                                local_done, &l),
                         0);
        local_start(f, &message, 1, "does not wait for the tracker");
        local_wait(f, &message, 1);
        assert_int_equal(l.n_done, 0);
        assert_string_equal(f->lookup, "carol");
        channel_host_user_looked_up(f->host, f->ticket + 1, NULL, NULL);
        settle(f);
        assert_int_equal(l.n_done, 0);
        (void) failure_set(&none, ERROR_NO_SUCH_USER, "There is no carol.");
        channel_host_user_looked_up(f->host, f->ticket, &none, NULL);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NO_SUCH_USER);
        assert_int_equal(head_of(f), 2);

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "carol", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(head_of(f), 3);
        f->lookup[0] = '\0';
        assert_int_equal(local_authorize(f, "carol", ROLE_MODERATOR), ERROR_NONE);
        assert_string_equal(f->lookup, "");
        channel_host_user_looked_up(f->host, f->ticket, NULL, NULL);
        settle(f);
        assert_int_equal(head_of(f), 4);
}

/* ---- reading ---- */

static void test_history(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        static const struct {
                const char *query;
                uint64_t first, last; /* 0: none */
                bool more;
        } rows[] = {
                { ",\"limit\":10", 292, 301, true },
                { ",\"before\":292,\"limit\":10", 282, 291, true },
                { ",\"before\":5,\"limit\":10", 1, 4, false },
                { ",\"before\":1,\"limit\":10", 0, 0, false },
                { ",\"before\":9000,\"limit\":1", 301, 301, true },
                { ",\"after\":0,\"limit\":3", 1, 3, true },
                { ",\"after\":298,\"limit\":3", 299, 301, false },
                { ",\"after\":299,\"limit\":500", 300, 301, false },
                { ",\"after\":301,\"limit\":5", 0, 0, false },
                { ",\"after\":9000,\"limit\":5", 0, 0, false },
        };

        local_without_rate(f);
        local_fill(f, 0, 299, 20);
        assert_int_equal(member_connect(bob, 301), ERROR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Value *entries;
                bool more;
                size_t n;

                assert_int_equal(member_call(bob, "HISTORY", "%s", rows[i].query), ERROR_NONE);
                entries = value_get(bob->reply, "entries");
                n = value_length(entries);
                assert_int_equal(value_bool(value_get(bob->reply, "more"), &more), 0);
                assert_int_equal(more, rows[i].more);
                assert_int_equal(n, rows[i].first == 0 ? 0 : rows[i].last - rows[i].first + 1);
                if (n == 0)
                        continue;
                assert_int_equal(get_uint(value_at(entries, 0), "seq"), rows[i].first);
                assert_int_equal(get_uint(value_at(entries, n - 1), "seq"), rows[i].last);
        }
}

/* A page holds what fits: walking on from there misses nothing, either way. */
static void test_history_by_pages(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *stranger = member_new(f, "carol");
        const Value *entries;
        bool more = true;
        uint64_t next = 0;
        unsigned n_pages = 0;

        local_without_rate(f);
        local_fill(f, 0, 299, 3000);
        assert_int_equal(member_connect(bob, 301), ERROR_NONE);
        while (more) {
                assert_int_equal(
                        member_call(bob, "HISTORY", ",\"after\":%" PRIu64 ",\"limit\":500", next),
                        ERROR_NONE);
                entries = value_get(bob->reply, "entries");
                for (size_t i = 0; i < value_length(entries); i++)
                        assert_int_equal(get_uint(value_at(entries, i), "seq"), ++next);
                assert_int_equal(value_bool(value_get(bob->reply, "more"), &more), 0);
                n_pages++;
        }
        assert_int_equal(next, 301);
        assert_true(n_pages > 5 && n_pages < 20);

        /* Who has not joined gets frames of 8,192 bytes. */
        for (next = 302, more = true; more;) {
                assert_int_equal(member_call(stranger, "HISTORY",
                                             ",\"before\":%" PRIu64 ",\"limit\":500", next),
                                 ERROR_NONE);
                entries = value_get(stranger->reply, "entries");
                for (size_t i = value_length(entries); i > 0; i--)
                        assert_int_equal(get_uint(value_at(entries, i - 1), "seq"), --next);
                assert_int_equal(value_bool(value_get(stranger->reply, "more"), &more), 0);
        }
        assert_int_equal(next, 1);
}

static void test_info(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        const Value *messages, *members, *authorized;

        f->answer_lookup_at_once = true;
        local_without_rate(f);
        local_fill(f, 0, 79, 20);
        assert_int_equal(local_authorize(f, "zoe", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(local_authorize(f, "carol", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(member_connect(bob, 83), ERROR_NONE);
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_int_equal(get_uint(bob->reply, "last_seq"), 83);
        assert_int_equal(get_uint(bob->reply, "members_online"), 2);
        messages = value_get(bob->reply, "messages");
        assert_int_equal(value_length(messages), 48); /* the two newest of 50 are of kind role */
        assert_int_equal(get_uint(value_at(messages, 47), "seq"), 81);
        members = value_get(bob->reply, "members");
        assert_int_equal(value_length(members), 2);
        assert_string_equal(get_string(value_at(members, 0), "username"), "alice");
        assert_string_equal(get_string(value_at(members, 0), "role"), "owner");
        assert_string_equal(get_string(value_at(members, 0), "since"), "2026-01-01T00:00:00.000Z");
        assert_false(value_has(bob->reply, "members_next"));
        authorized = value_get(bob->reply, "authorized");
        assert_int_equal(value_length(authorized), 2);
        assert_string_equal(get_string(value_at(authorized, 0), "username"), "carol");
        assert_string_equal(get_string(value_at(authorized, 0), "role"), "moderator");

        local_fill(f, 100, 60, MESSAGE_BYTES_MAX);
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
        messages = value_get(bob->reply, "messages");
        assert_true(value_length(messages) > 0 && value_length(messages) < 50);
        assert_int_equal(get_uint(value_at(messages, value_length(messages) - 1), "seq"), 143);
}

/* ---- who is here ---- */

static void test_members_and_presence(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        _cleanup_(member_freep) Member *phone = member_new(f, "carol");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");
        const Value *members;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        bob->generation = get_uint(bob->reply, "generation");
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        assert_string_equal(bob->presence, ""); /* not one's own */

        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        assert_int_equal(member_connect(phone, 0), ERROR_NONE);
        assert_string_equal(carol->closed_reason, ""); /* another key */
        settle(f);
        assert_string_equal(bob->presence, "carol/none+ ");
        assert_int_equal(channel_host_get_n_online(f->host), 3);
        assert_int_equal(channel_host_get_n_sessions(f->host), 3);

        /* Within a second of the last: later, and together. */
        assert_int_equal(member_connect(eve, 0), ERROR_NONE);
        assert_int_equal(local_authorize(f, "carol", ROLE_MEMBER), ERROR_NONE);
        settle(f);
        assert_int_equal(bob->n_presence, 1);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(bob->n_presence, 2);
        assert_string_equal(bob->presence, "carol/none+ guest-eve/none+ carol/member+ ");
        assert_string_equal(eve->presence, "carol/member+ ");
        assert_true(f->n_members_told >= 3);

        assert_int_equal(member_call(bob, "MEMBERS", ",\"limit\":2"), ERROR_NONE);
        members = value_get(bob->reply, "members");
        assert_int_equal(value_length(members), 2);
        assert_string_equal(get_string(value_at(members, 1), "username"), "bob");
        assert_string_equal(get_string(value_at(members, 1), "status"), "online");
        assert_string_equal(get_string(bob->reply, "next"), "bob");
        assert_int_equal(get_uint(bob->reply, "generation"), bob->generation);
        assert_int_equal(member_call(bob, "MEMBERS", ",\"after\":\"bob\",\"limit\":2"), ERROR_NONE);
        members = value_get(bob->reply, "members");
        assert_string_equal(get_string(value_at(members, 0), "username"), "carol");
        assert_string_equal(get_string(value_at(members, 0), "role"), "member");
        assert_string_equal(get_string(value_at(members, 1), "user_type"), "GUEST");
        assert_false(value_has(bob->reply, "next"));

        /* One device of two, and one that is back in time: nobody left. */
        member_forget(bob);
        phone = member_free(phone);
        eve = member_free(eve);
        test_loop_run(f->loop, 20 * USEC_PER_SEC);
        eve = member_new(f, "guest-eve");
        assert_int_equal(member_connect(eve, 0), ERROR_NONE);
        test_loop_run(f->loop, 40 * USEC_PER_SEC);
        assert_string_equal(bob->presence, "");

        eve = member_free(eve);
        test_loop_run(f->loop, 29 * USEC_PER_SEC);
        assert_string_equal(bob->presence, "");
        assert_int_equal(channel_host_get_n_online(f->host), 4);
        test_loop_run(f->loop, 3 * USEC_PER_SEC);
        assert_string_equal(bob->presence, "guest-eve/none- ");
        assert_int_equal(channel_host_get_n_online(f->host), 3);
}

static void test_a_crowd_comes(void **state) {
        Fixture *f = *state;
        Member *crowd[40] = {};
        char name[NAME_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(crowd); i++) {
                snprintf(name, sizeof(name), "user%zu", i);
                crowd[i] = member_new(f, name);
                member_start(crowd[i], "CONNECT", ",\"since\":0,\"invisible\":false");
        }
        local_without_rate(f);
        local_fill(f, 0, 499, 100);
        for (size_t i = 0; i < ELEMENTSOF(crowd); i++) {
                wait_seen(crowd[i], 501);
                assert_int_equal(crowd[i]->n_seen, 501);
        }
        test_loop_run(f->loop, 3 * USEC_PER_SEC);
        /* The first to come has heard of every other, once. */
        for (size_t i = 1; i < ELEMENTSOF(crowd); i++) {
                snprintf(name, sizeof(name), "user%zu/none+", i);
                assert_non_null(strstr(crowd[0]->presence, name));
        }
        assert_true(crowd[0]->n_presence <= 4);
        for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
                member_free(crowd[i]);
        settle(f);
        assert_int_equal(channel_host_get_n_sessions(f->host), 0);
}

/* ---- what is refused ---- */

#define ID "\"11111111-1111-4111-8111-000000000001\""

static void test_bad_requests(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");
        char text[MESSAGE_BYTES_MAX + 2];
        static const struct {
                const char *command, *payload;
                ErrorCode code;
                const char *field;
        } rows[] = {
                { "CONNECT", "", ERROR_BAD_REQUEST, "since" },
                { "CONNECT", ",\"since\":0", ERROR_BAD_REQUEST, "invisible" },
                { "CONNECT", ",\"since\":-1,\"invisible\":false", ERROR_BAD_REQUEST, "since" },
                { "CONNECT", ",\"since\":9007199254740992,\"invisible\":false", ERROR_BAD_REQUEST,
                  "since" },
                { "CONNECT", ",\"since\":1,\"since_id\":\"x\",\"invisible\":false",
                  ERROR_BAD_REQUEST, "since_id" },
                { "CONNECT", ",\"since\":0,\"invisible\":false,\"status\":\"offline\"",
                  ERROR_BAD_REQUEST, "status" },
                { "INVISIBLE", "", ERROR_BAD_REQUEST, "invisible" },
                { "INVISIBLE", ",\"invisible\":1", ERROR_BAD_REQUEST, "invisible" },
                { "STATUS", "", ERROR_BAD_REQUEST, "status" },
                { "STATUS", ",\"status\":\"offline\"", ERROR_BAD_REQUEST, "status" },
                { "MESSAGE", ",\"messages\":[]", ERROR_BAD_REQUEST, "messages" },
                { "MESSAGE", ",\"messages\":{}", ERROR_BAD_REQUEST, "messages" },
                { "MESSAGE", ",\"messages\":[7]", ERROR_BAD_REQUEST, "messages" },
                { "MESSAGE", ",\"messages\":[{\"id\":\"x\",\"message_content\":\"a\"}]",
                  ERROR_BAD_REQUEST, "id" },
                { "MESSAGE", ",\"messages\":[{\"id\":" ID ",\"message_content\":\"\"}]",
                  ERROR_BAD_REQUEST, "message_content" },
                { "MESSAGE", ",\"messages\":[{\"id\":" ID ",\"message_content\":\"a\\u0007\"}]",
                  ERROR_BAD_REQUEST, "message_content" },
                { "MESSAGE", ",\"messages\":[{\"id\":" ID ",\"message_content\":\"\xef\xbf\xbe\"}]",
                  ERROR_BAD_REQUEST, "message_content" },
                { "MESSAGE",
                  ",\"messages\":[{\"id\":" ID ",\"message_content\":\"a\",\"meta\":[]}]",
                  ERROR_BAD_REQUEST, "meta" },
                { "HISTORY", "", ERROR_BAD_REQUEST, "limit" },
                { "HISTORY", ",\"limit\":0", ERROR_BAD_REQUEST, "limit" },
                { "HISTORY", ",\"limit\":501", ERROR_BAD_REQUEST, "limit" },
                { "HISTORY", ",\"before\":3,\"after\":1,\"limit\":5", ERROR_BAD_REQUEST, "after" },
                { "MEMBERS", ",\"limit\":501", ERROR_BAD_REQUEST, "limit" },
                { "VIEW", ",\"view_permission\":\"secret\"", ERROR_BAD_REQUEST, "view_permission" },
                { "VIEW", ",\"send_permission\":\"nobody\"", ERROR_BAD_REQUEST, "send_permission" },
                { "VIEW", ",\"view_permission\":1", ERROR_BAD_REQUEST, "view_permission" },
                { "VIEW", ",\"message_rate\":5", ERROR_NOT_OWNER, "" },
                { "VIEW", ",\"message_rate\":1001", ERROR_BAD_REQUEST, "message_rate" },
                { "VIEW", ",\"message_rate\":-1", ERROR_BAD_REQUEST, "message_rate" },
                { "VIEW", ",\"message_burst\":10001", ERROR_BAD_REQUEST, "message_burst" },
                { "VIEW", ",\"message_burst\":\"1\"", ERROR_BAD_REQUEST, "message_burst" },
                { "VIEW", ",\"retention_days\":36501", ERROR_BAD_REQUEST, "retention_days" },
                { "VIEW", ",\"retention_days\":-1", ERROR_BAD_REQUEST, "retention_days" },
                { "VIEW", ",\"retention_days\":5", ERROR_NOT_OWNER, "" },
                { "REDACT", "", ERROR_BAD_REQUEST, "seq" },
                { "REDACT", ",\"seq\":0", ERROR_BAD_REQUEST, "seq" },
                { "REDACT", ",\"seq\":1,\"reason\":\"two\\nlines\"", ERROR_BAD_REQUEST, "reason" },
                { "REDACT", ",\"seq\":1,\"reason\":7", ERROR_BAD_REQUEST, "reason" },
                { "TOPIC", ",\"topic\":\"two\\nlines\"", ERROR_BAD_REQUEST, "topic" },
                { "AUTHORIZE", ",\"target\":\"carol\",\"role\":\"owner\"", ERROR_BAD_REQUEST,
                  "role" },
                { "AUTHORIZE", ",\"target\":\"Carol\",\"role\":\"member\"", ERROR_BAD_REQUEST,
                  "target" },
                { "AUTHORIZE", ",\"role\":\"member\"", ERROR_BAD_REQUEST, "target" },
                { "AUTHORIZE", ",\"target\":\"carol\",\"role\":\"member\"", ERROR_NOT_MODERATOR,
                  "" },
                { "VIEW", "", ERROR_NOT_OWNER, "" },
        };

        assert_int_equal(member_send(bob, 1, "too early"), ERROR_BAD_REQUEST);
        assert_int_equal(member_call(eve, "CONNECT", ",\"since\":0,\"invisible\":true"),
                         ERROR_GUESTS_NOT_ALLOWED);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(member_connect(bob, 1), ERROR_NONE);
                assert_int_equal(member_call(bob, rows[i].command, "%s", rows[i].payload),
                                 rows[i].code);
                assert_string_equal(bob->failure.field, rows[i].field);
        }
        assert_int_equal(member_connect(bob, 1), ERROR_NONE);
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(member_send(bob, 1, text), ERROR_BAD_REQUEST);
        assert_string_equal(bob->failure.field, "message_content");
        text[MESSAGE_BYTES_MAX] = '\0';
        assert_int_equal(head_of(f), 1);
        assert_int_equal(member_send(bob, 1, text), ERROR_NONE);
        assert_false(bob->is_closed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(governance_comes_before_what_follows),
                TEST(restricted_at_once),
                TEST(unseen_targets_are_looked_up),
                TEST(history),
                TEST(history_by_pages),
                TEST(info),
                TEST(members_and_presence),
                TEST(a_crowd_comes),
                TEST(bad_requests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
