/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an account shows of what the daemon says, whatever that is, and what it asks for;
 * leaves passwords to test-password.c. */
#include "unit/gui/call-fixture.h"

#include "gui/model/account.h"

#define PATH P2PCHAT_PATH_ACCOUNTS "/a"
#define OTHER P2PCHAT_PATH_ACCOUNTS "/b"

static GVariant *dict(const char *text) {
        g_autoptr(GError) error = NULL;
        GVariant *v = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

        g_assert_no_error(error);
        return v;
}

static void take(ChatAccount *account, const char *values) {
        g_autoptr(GVariant) taken = dict(values);

        chat_remote_take(CHAT_REMOTE(account), P2PCHAT_INTERFACE_ACCOUNT, taken);
}

static void assert_shows(gpointer account, const char *name, const char *expected) {
        g_autofree char *value = NULL;

        g_object_get(account, name, &value, NULL);
        assert_string_equal(value, expected);
}

static guint64 expires(gpointer account) {
        guint64 usec;

        g_object_get(account, "certificate-expires", &usec, NULL);
        return usec;
}

static void add_account(Calls *c, const char *path, const char *values) {
        g_autoptr(GVariant) taken = dict(values);

        scripted_add(c->d, path, P2PCHAT_INTERFACE_ACCOUNT, taken);
        scripted_settle(c->d);
}

static void begin(Calls *c) {
        calls_begin(c);
        add_account(c, PATH,
                    "{'Tracker': <'chat.example.org'>, 'Username': <'alice'>,"
                    " 'UserType': <'registered'>}");
        scripted_set(c->d, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER, "DefaultAccount",
                     g_variant_new_object_path(PATH));
        scripted_settle(c->d);
        assert_non_null(chat_daemon_get_account(c->daemon));
}

static void test_shown(void **state) {
        static const char *const strings[] = { "tracker",       "tracker-pin",    "tracker-offered-pin",
                                               "tracker-state", "tracker-reason", "username",
                                               "user-type" };
        g_autoptr(ChatAccount) account = NULL;
        Calls c;

        calls_begin(&c);
        account = chat_account_new(c.bus, PATH);
        /* Nothing was said yet. */
        for (gsize i = 0; i < G_N_ELEMENTS(strings); i++)
                assert_shows(account, strings[i], "");
        assert_true(expires(account) == 0);
        assert_false(chat_account_is_signed_in(account));
        assert_false(chat_account_is_guest(account));

        take(account, "{'Tracker': <'chat.example.org'>, 'TrackerPin': <'p'>,"
                      " 'TrackerOfferedPin': <'o'>, 'TrackerState': <'online'>,"
                      " 'TrackerReason': <'r'>, 'Username': <'guest-bob'>, 'UserType': <'guest'>,"
                      " 'CertificateExpires': <uint64 18446744073709551615>, 'Later': <1>}");
        assert_shows(account, "tracker", "chat.example.org");
        assert_shows(account, "tracker-pin", "p");
        assert_shows(account, "tracker-offered-pin", "o");
        assert_shows(account, "tracker-state", "online");
        assert_shows(account, "tracker-reason", "r");
        assert_shows(account, "username", "guest-bob");
        assert_shows(account, "user-type", "guest");
        assert_true(expires(account) == G_MAXUINT64);
        assert_true(chat_account_is_signed_in(account));
        assert_true(chat_account_is_guest(account));

        take(account, "{'Username': <'alice'>, 'UserType': <'registered'>}");
        assert_true(chat_account_is_signed_in(account));
        assert_false(chat_account_is_guest(account));
        take(account, "{'Username': <''>, 'UserType': <''>}");
        assert_false(chat_account_is_signed_in(account));
        g_clear_object(&account);
        calls_end(&c);
}

/* What is of no type that it may have is not known. */
static void test_mistyped(void **state) {
        Calls c;
        ChatAccount *account;

        begin(&c);
        account = chat_daemon_get_account(c.daemon);
        assert_true(chat_account_is_signed_in(account));
        scripted_set_all(c.d, PATH, P2PCHAT_INTERFACE_ACCOUNT,
                         dict("{'Username': <42>, 'UserType': <@as ['guest']>, 'Tracker': <true>,"
                              " 'CertificateExpires': <'soon'>}"));
        scripted_settle(c.d);
        assert_string_equal(chat_account_get_username(account), "");
        assert_false(chat_account_is_signed_in(account));
        assert_false(chat_account_is_guest(account));
        assert_shows(account, "tracker", "");
        assert_true(expires(account) == 0);
        /* A number that is shorter than it may be is the number. */
        scripted_set(c.d, PATH, P2PCHAT_INTERFACE_ACCOUNT, "CertificateExpires",
                     g_variant_new_uint32(7));
        scripted_settle(c.d);
        assert_true(expires(account) == 7);
        calls_end(&c);
}

static void count_notify(GObject *object, GParamSpec *spec, guint *n) {
        (*n)++;
}

static void test_notify(void **state) {
        guint n = 0;
        Calls c;

        begin(&c);
        g_signal_connect(chat_daemon_get_account(c.daemon), "notify::username",
                         G_CALLBACK(count_notify), &n);
        scripted_set(c.d, PATH, P2PCHAT_INTERFACE_ACCOUNT, "Username", g_variant_new_string("bob"));
        scripted_settle(c.d);
        assert_int_equal(n, 1);
        assert_shows(chat_daemon_get_account(c.daemon), "username", "bob");
        /* What is as it was, of another property or of another account is no news. */
        scripted_set(c.d, PATH, P2PCHAT_INTERFACE_ACCOUNT, "Username", g_variant_new_string("bob"));
        scripted_set(c.d, PATH, P2PCHAT_INTERFACE_ACCOUNT, "TrackerState",
                     g_variant_new_string("online"));
        add_account(&c, OTHER, "{'Username': <'eve'>}");
        scripted_settle(c.d);
        assert_int_equal(n, 1);
        calls_end(&c);
}

static gboolean is_away(gpointer userdata) {
        Calls *c = userdata;

        return chat_daemon_get_state(c->daemon) == CHAT_DAEMON_AWAY;
}

/* The object stays while daemons come and go, and shows what was known. */
static void test_daemon_dies(void **state) {
        g_autoptr(ChatAccount) account = NULL;
        Ended e = {};
        Calls c;

        begin(&c);
        account = g_object_ref(chat_daemon_get_account(c.daemon));
        scripted_hold(c.d, "Delete");
        chat_account_delete_async(account, "secret", on_ended, &e);
        scripted_settle(c.d);
        scripted_die(c.d);
        assert_fails(&e, CHAT_ERROR, CHAT_ERROR_AWAY);
        scripted_run(is_away, &c);
        assert_true(chat_remote_get_away(CHAT_REMOTE(account)));
        assert_string_equal(chat_account_get_username(account), "alice");
        scripted_set(c.d, PATH, P2PCHAT_INTERFACE_ACCOUNT, "Username", g_variant_new_string(""));
        scripted_come_back(c.d);
        scripted_run(calls_is_running, &c);
        assert_ptr_equal(chat_daemon_get_account(c.daemon), account);
        assert_false(chat_remote_get_away(CHAT_REMOTE(account)));
        assert_false(chat_account_is_signed_in(account));
        g_clear_object(&account);
        calls_end(&c);
}

static void test_default(void **state) {
        Calls c;

        begin(&c);
        assert_string_equal(chat_remote_get_path(CHAT_REMOTE(chat_daemon_get_account(c.daemon))),
                            PATH);
        /* Of one that is not there nothing is shown, whatever the others are. */
        scripted_set(c.d, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER, "DefaultAccount",
                     g_variant_new_object_path(OTHER));
        scripted_settle(c.d);
        assert_null(chat_daemon_get_account(c.daemon));
        add_account(&c, OTHER, "{'Username': <'eve'>}");
        assert_non_null(chat_daemon_get_account(c.daemon));
        assert_string_equal(chat_account_get_username(chat_daemon_get_account(c.daemon)), "eve");
        scripted_remove(c.d, OTHER, P2PCHAT_INTERFACE_ACCOUNT);
        scripted_settle(c.d);
        assert_null(chat_daemon_get_account(c.daemon));
        calls_end(&c);
}

static void test_calls(void **state) {
        ChatAccount *account;
        Ended e = {};
        Calls c;

        begin(&c);
        account = chat_daemon_get_account(c.daemon);
        scripted_answer(c.d, "ChangePassword", NULL);
        scripted_answer(c.d, "Delete", NULL);
        scripted_answer(c.d, "RevokeDevice", NULL);
        chat_account_change_password_async(account, "old", "new", FALSE, on_ended, &e);
        assert_void(&e);
        assert_asked(&c, "ChangePassword", 0, "('old', 'new', {})");
        chat_account_change_password_async(account, "old", "new", TRUE, on_ended, &e);
        assert_void(&e);
        assert_asked(&c, "ChangePassword", 1, "('old', 'new', {'keep_others': <true>})");
        chat_account_delete_async(account, "secret", on_ended, &e);
        assert_void(&e);
        assert_asked(&c, "Delete", 0, "('secret', {})");
        chat_account_revoke_async(account, "key", on_ended, &e);
        assert_void(&e);
        assert_asked(&c, "RevokeDevice", 0, "('key', {})");

        scripted_refuse(c.d, "ChangePassword", "BadCredentials", "It is another one.", 1);
        chat_account_change_password_async(account, "old", "new", FALSE, on_ended, &e);
        assert_fails(&e, CHAT_ERROR, ERROR_BAD_CREDENTIALS);
        scripted_refuse(c.d, "Delete", "RateLimited", "Later.", 1);
        chat_account_delete_async(account, "secret", on_ended, &e);
        assert_fails(&e, CHAT_ERROR, ERROR_RATE_LIMITED);
        calls_end(&c);
}

static void test_devices(void **state) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_autoptr(GVariant) devices = NULL;
        g_autoptr(GError) error = NULL;
        ChatAccount *account;
        Ended e = {};
        Calls c;

        begin(&c);
        account = chat_daemon_get_account(c.daemon);
        scripted_answer(c.d, "ListDevices",
                        g_variant_new_parsed("([('k', uint64 1, uint64 2, {'this': <true>}),"
                                             "  ('l', 3, 4, {'this': <'no'>})],)"));
        chat_account_list_devices_async(account, "", NULL, on_ended, &e);
        scripted_run(has_ended, &e);
        devices = chat_account_list_devices_finish(account, e.result, &error);
        g_assert_no_error(error);
        ended_clear(&e);
        assert_int_equal(g_variant_n_children(devices), 2);
        assert_true(g_variant_is_of_type(devices, G_VARIANT_TYPE("a(stta{sv})")));
        assert_asked(&c, "ListDevices", 0, "({},)");

        /* Those behind one, of whom nobody waits for more. */
        scripted_hold(c.d, "ListDevices");
        chat_account_list_devices_async(account, "l", cancellable, on_ended, &e);
        scripted_settle(c.d);
        assert_asked(&c, "ListDevices", 1, "({'after': <'l'>},)");
        g_cancellable_cancel(cancellable);
        assert_fails(&e, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        calls_end(&c);
}

/* The account goes while it is asked: the call ends all the same, once, or not at all for who
 * cancelled it. */
static void test_freed(void **state) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        Ended e = {}, cancelled = {};
        Calls c;

        begin(&c);
        scripted_answer(c.d, "RevokeDevice", NULL);
        scripted_hold(c.d, "RevokeDevice");
        scripted_hold(c.d, "ListDevices");
        chat_account_revoke_async(chat_daemon_get_account(c.daemon), "key", on_ended, &e);
        chat_account_list_devices_async(chat_daemon_get_account(c.daemon), "", cancellable,
                                        on_ended, &cancelled);
        scripted_settle(c.d);
        scripted_remove(c.d, PATH, P2PCHAT_INTERFACE_ACCOUNT);
        scripted_settle(c.d);
        assert_null(chat_daemon_get_account(c.daemon));
        g_clear_object(&c.daemon);
        g_cancellable_cancel(cancellable);
        assert_fails(&cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        scripted_release(c.d, "RevokeDevice");
        scripted_release(c.d, "ListDevices");
        assert_void(&e);
        calls_end(&c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shown),   cmocka_unit_test(test_mistyped),
                cmocka_unit_test(test_notify),  cmocka_unit_test(test_daemon_dies),
                cmocka_unit_test(test_default), cmocka_unit_test(test_calls),
                cmocka_unit_test(test_devices), cmocka_unit_test(test_freed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
