/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the daemon is asked to join, to host and to read of a link, and what comes of each;
 * leaves asking the person to tests/gui. */
#include "unit/gui/call-fixture.h"

#include "gui/model/join.h"

#define PATH P2PCHAT_PATH_CHANNELS "/x"

static void begin(Calls *c) {
        calls_begin(c);
        scripted_answer(c->d, "Join", g_variant_new("(o)", PATH));
        scripted_answer(c->d, "Host", g_variant_new("(o)", PATH));
}

static void assert_path(Ended *e) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = NULL;

        scripted_run(has_ended, e);
        path = chat_join_finish(CHAT_DAEMON(e->remote), e->result, &error);
        g_assert_no_error(error);
        assert_string_equal(path, PATH);
        ended_clear(e);
}

static void assert_join_fails(Ended *e, GQuark domain, int code, const char *message) {
        g_autoptr(GError) error = NULL;

        scripted_run(has_ended, e);
        assert_null(chat_join_finish(CHAT_DAEMON(e->remote), e->result, &error));
        assert_true(g_error_matches(error, domain, code));
        if (message)
                assert_string_equal(error->message, message);
        ended_clear(e);
}

/* What was typed is the daemon's to judge, as it is. */
static void test_join(void **state) {
        static const struct {
                const char *typed, *asked;
        } cases[] = {
                { "garden", "('garden', {})" },
                { "p2pchat://chat.example.org/garden?k=v&x=%20",
                  "('p2pchat://chat.example.org/garden?k=v&x=%20', {})" },
                { "", "('', {})" },
                { " Garten–1\n", "(' Garten–1\\n', {})" },
        };
        Ended e = {};
        Calls c;

        begin(&c);
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                chat_join_async(c.daemon, cases[i].typed, NULL, on_ended, &e);
                assert_path(&e);
                assert_asked(&c, "Join", i, cases[i].asked);
        }
        calls_end(&c);
}

/* Only what was said is asked for: what was not stays as it was. */
static void test_host(void **state) {
        static const struct {
                ChatHosting how;
                const char *asked;
        } cases[] = {
                { { .name = "garden", .topic = "" }, "('garden', {})" },
                { { .name = "garden", .topic = "tea" }, "('garden', {'topic': <'tea'>})" },
                { { .name = "garden", .topic = "", .view_permission = "restricted" },
                  "('garden', {'view_permission': <'restricted'>})" },
                { { .name = "garden", .topic = "", .send_permission = "members" },
                  "('garden', {'send_permission': <'members'>})" },
                { { .name = "garden", .topic = "", .new_log = TRUE },
                  "('garden', {'new_log': <true>})" },
                { { .name = "g", .topic = "t", .view_permission = "public",
                    .send_permission = "everyone", .new_log = TRUE },
                  "('g', {'topic': <'t'>, 'view_permission': <'public'>, "
                  "'send_permission': <'everyone'>, 'new_log': <true>})" },
        };
        Ended e = {};
        Calls c;

        begin(&c);
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                chat_host_async(c.daemon, &cases[i].how, NULL, on_ended, &e);
                assert_path(&e);
                assert_asked(&c, "Host", i, cases[i].asked);
        }
        calls_end(&c);
}

static void test_refused(void **state) {
        static const struct {
                const char *name;
                int code;
        } cases[] = {
                { "NoSuchChannel", ERROR_NO_SUCH_CHANNEL },
                { "Restricted", ERROR_RESTRICTED },
                { "TrackerUnreachable", ERROR_TRACKER_UNREACHABLE },
                { "WhatOnlyALaterVersionKnows", ERROR_INTERNAL },
        };
        Ended e = {};
        Calls c;

        begin(&c);
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                scripted_refuse(c.d, "Join", cases[i].name, "As the daemon says it.", 1);
                chat_join_async(c.daemon, "garden", NULL, on_ended, &e);
                assert_join_fails(&e, CHAT_ERROR, cases[i].code, "As the daemon says it.");
        }
        calls_end(&c);
}

static void test_cancelled(void **state) {
        g_autoptr(GCancellable) before = g_cancellable_new(), under_way = g_cancellable_new();
        Ended e = {};
        Calls c;

        begin(&c);
        g_cancellable_cancel(before);
        chat_join_async(c.daemon, "garden", before, on_ended, &e);
        assert_join_fails(&e, G_IO_ERROR, G_IO_ERROR_CANCELLED, NULL);
        scripted_settle(c.d);
        assert_int_equal(scripted_count(c.d, "Join"), 0);

        scripted_hold(c.d, "Join");
        chat_join_async(c.daemon, "garden", under_way, on_ended, &e);
        scripted_settle(c.d);
        assert_int_equal(scripted_n_held(c.d, "Join"), 1);
        g_cancellable_cancel(under_way);
        scripted_run(has_ended, &e);
        /* The answer that comes all the same is nobody's. */
        scripted_release(c.d, "Join");
        scripted_settle(c.d);
        assert_join_fails(&e, G_IO_ERROR, G_IO_ERROR_CANCELLED, NULL);
        calls_end(&c);
}

static gboolean is_away(gpointer userdata) {
        Calls *c = userdata;

        return chat_daemon_get_state(c->daemon) == CHAT_DAEMON_AWAY;
}

static void test_daemon_dies(void **state) {
        Ended e = {};
        Calls c;

        begin(&c);
        scripted_hold(c.d, "Join");
        chat_join_async(c.daemon, "garden", NULL, on_ended, &e);
        scripted_settle(c.d);
        scripted_die(c.d);
        assert_join_fails(&e, CHAT_ERROR, CHAT_ERROR_AWAY, "The chat service is not running.");
        scripted_run(is_away, &c);
        /* Nor does asking start it: that is the person's to say. */
        chat_join_async(c.daemon, "garden", NULL, on_ended, &e);
        assert_join_fails(&e, CHAT_ERROR, CHAT_ERROR_AWAY, "The chat service is not running.");
        scripted_release(c.d, "Join");
        scripted_come_back(c.d);
        scripted_run(calls_is_running, &c);
        chat_join_async(c.daemon, "garden", NULL, on_ended, &e);
        assert_path(&e);
        calls_end(&c);
}

/* Who asked lets go of the daemon's object: the call ends all the same, once. */
static void test_freed(void **state) {
        Ended e = {};
        Calls c;

        begin(&c);
        scripted_hold(c.d, "Join");
        chat_join_async(c.daemon, "garden", NULL, on_ended, &e);
        scripted_settle(c.d);
        g_clear_object(&c.daemon);
        scripted_release(c.d, "Join");
        assert_path(&e);
        calls_end(&c);
}

/* Answers are worked off as they come, and each is of who asked. */
static void test_two(void **state) {
        Ended join = {}, host = {};
        ChatHosting how = { .name = "garden", .topic = "" };
        Calls c;

        begin(&c);
        scripted_hold(c.d, "Join");
        scripted_refuse(c.d, "Host", "ChannelExists", "It is there.", 1);
        chat_join_async(c.daemon, "garden", NULL, on_ended, &join);
        chat_host_async(c.daemon, &how, NULL, on_ended, &host);
        assert_join_fails(&host, CHAT_ERROR, ERROR_CHANNEL_EXISTS, "It is there.");
        assert_int_equal(join.n, 0);
        scripted_release(c.d, "Join");
        assert_path(&join);
        calls_end(&c);
}

static void test_resolve(void **state) {
        g_autoptr(GVariant) values = NULL;
        g_autoptr(GError) error = NULL;
        const char *channel;
        guint64 number;
        Ended e = {};
        Calls c;

        begin(&c);
        scripted_answer(c.d, "ResolveInvite",
                        g_variant_new_parsed("({'channel': <'garden'>, 'later': <uint64 1>},)"));
        chat_link_resolve_async(c.daemon, "p2pchat://x/garden", NULL, on_ended, &e);
        scripted_run(has_ended, &e);
        values = chat_link_resolve_finish(CHAT_DAEMON(e.remote), e.result, &error);
        g_assert_no_error(error);
        ended_clear(&e);
        assert_asked(&c, "ResolveInvite", 0, "('p2pchat://x/garden', {})");
        assert_true(g_variant_is_of_type(values, G_VARIANT_TYPE_VARDICT));
        assert_true(g_variant_lookup(values, "channel", "&s", &channel));
        assert_string_equal(channel, "garden");
        assert_true(g_variant_lookup(values, "later", "t", &number));

        scripted_refuse(c.d, "ResolveInvite", "BadRequest", "It is no link.", 1);
        chat_link_resolve_async(c.daemon, "https://x", NULL, on_ended, &e);
        scripted_run(has_ended, &e);
        assert_null(chat_link_resolve_finish(CHAT_DAEMON(e.remote), e.result, &error));
        assert_true(g_error_matches(error, CHAT_ERROR, ERROR_BAD_REQUEST));
        ended_clear(&e);
        calls_end(&c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_join),      cmocka_unit_test(test_host),
                cmocka_unit_test(test_refused),   cmocka_unit_test(test_cancelled),
                cmocka_unit_test(test_daemon_dies), cmocka_unit_test(test_freed),
                cmocka_unit_test(test_two),       cmocka_unit_test(test_resolve),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
