/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who of a channel is listed, once and in which order, and what of the list changes when somebody
 * comes; leaves what can be done with them to test_details.py. */
#include "gui/model/roster.h"
#include "unit/gui/history-fixture.h"

/* Than a roster waits before it looks. */
#define LONGER_MS 400

typedef struct World {
        Fixture f;
        ChatRoster *roster;
        guint n_changes, position, removed, added; /* items-changed, the last of them */
        guint n_wanted;                            /* readings that are waited for */
} World;

static void on_items(GListModel *model, guint position, guint removed, guint added, World *w) {
        w->n_changes++;
        w->position = position;
        w->removed = removed;
        w->added = added;
}

static gboolean is_read(gpointer userdata) {
        World *w = userdata;
        gboolean is_loading;

        g_object_get(w->roster, "loading", &is_loading, NULL);
        return !is_loading && scripted_count(w->f.d, "GetMembers") >= w->n_wanted;
}

/* It looks so often as it was asked, once in a while. */
static void read_again(World *w) {
        w->n_wanted++;
        scripted_run(is_read, w);
}

static void answer(World *w, const char *method, const char *rows) {
        scripted_answer(w->f.d, method, g_variant_new_parsed(rows));
}

static void begin(World *w, const char *role) {
        *w = (World){};
        fixture_begin(&w->f, 1);
        scripted_add(w->f.d, scripted_log_get_path(w->f.log), P2PCHAT_INTERFACE_MODERATION,
                     g_variant_new_parsed("@a{sv} {}"));
        scripted_log_set(w->f.log, "State", g_variant_new_string("live"));
        scripted_log_set(w->f.log, "Owner", g_variant_new_string("olga"));
        scripted_log_set(w->f.log, "Role", g_variant_new_string(role));
        scripted_settle(w->f.d);
        answer(w, "GetMembers",
               "([('zoe', 'registered', 'none', 'online', @a{sv} {}),"
               "  ('bob', 'registered', 'moderator', 'away', {}),"
               "  ('guest-al', 'guest', 'none', 'online', {})], '')");
        answer(w, "ListAuthorized",
               "([('bob', 'moderator', @t 1, @a{sv} {}), ('carol', 'member', 1, {}),"
               "  ('abe', 'moderator', 1, {})], '')");
        answer(w, "ListBanned",
               "([('eve', 'bob', 'too <b>loud', @t 0, @a{sv} {}),"
               "  ('zoe', 'bob', '', 1000000, {'user_type': <'registered'>})], '')");
        w->roster = chat_roster_new(w->f.channel);
        g_signal_connect(w->roster, "items-changed", G_CALLBACK(on_items), w);
        read_again(w);
}

static void end(World *w) {
        g_clear_object(&w->roster);
        fixture_end(&w->f);
}

static ChatMember *nth(World *w, guint i) {
        g_autoptr(ChatMember) m = g_list_model_get_item(G_LIST_MODEL(w->roster), i);

        return m; /* the roster's */
}

/* names: with a space between. */
static void assert_names(World *w, const char *names) {
        g_autoptr(GString) all = g_string_new("");

        for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(w->roster)); i++)
                g_string_append_printf(all, "%s%s", i > 0 ? " " : "",
                                       chat_member_get_username(nth(w, i)));
        assert_string_equal(all->str, names);
}

static void assert_described(World *w, guint i, const char *words) {
        g_autofree char *said = chat_member_describe(nth(w, i));

        assert_string_equal(said, words);
}

static void test_for_moderators(void **state) {
        World w;

        begin(&w, "moderator");
        /* Roles, and in them who is there; the owner, who is in no list; the banned last. */
        assert_names(&w, "olga bob abe carol guest-al zoe eve zoe");
        assert_int_equal(chat_roster_get_online(w.roster), 3);
        assert_described(&w, 0, "Owner, offline");
        assert_described(&w, 1, "Moderator, away");
        assert_described(&w, 3, "Member, offline");
        assert_described(&w, 4, "Guest, online");
        assert_described(&w, 5, "Visitor, online");
        assert_described(&w, 6, "Banned by \u2068bob\u2069: \u2068too <b>loud\u2069");
        assert_described(&w, 7, "Banned by \u2068bob\u2069 until 1 January 1970, 00:00");
        end(&w);
}

/* Who is no moderator is not told who is banned, and does not ask. */
static void test_for_others(void **state) {
        World w;

        begin(&w, "none");
        assert_names(&w, "olga bob abe carol guest-al zoe");
        assert_int_equal(scripted_count(w.f.d, "ListBanned"), 0);
        end(&w);
}

/* Who is the same stays the same object, and no more is told than differs. */
static void test_somebody_comes(void **state) {
        ChatMember *bob, *zoe;
        World w;

        begin(&w, "none");
        bob = nth(&w, 1);
        zoe = nth(&w, 5);
        w.n_changes = 0;
        answer(&w, "GetMembers",
               "([('zoe', 'registered', 'none', 'online', @a{sv} {}),"
               "  ('carol', 'registered', 'member', 'online', {}),"
               "  ('bob', 'registered', 'moderator', 'away', {}),"
               "  ('guest-al', 'guest', 'none', 'online', {})], '')");
        chat_roster_refresh(w.roster);
        read_again(&w);
        assert_names(&w, "olga bob abe carol guest-al zoe");
        assert_described(&w, 3, "Member, online");
        assert_int_equal(w.n_changes, 1);
        assert_int_equal(w.position, 3);
        assert_int_equal(w.removed, 1);
        assert_int_equal(w.added, 1);
        assert_ptr_equal(nth(&w, 1), bob);
        assert_ptr_equal(nth(&w, 5), zoe);
        assert_int_equal(chat_roster_get_online(w.roster), 4);
        /* Nothing is told where nobody comes or goes. */
        chat_roster_refresh(w.roster);
        read_again(&w);
        assert_int_equal(w.n_changes, 1);
        end(&w);
}

static gboolean on_time(gpointer userdata) {
        *(gboolean *) userdata = TRUE;
        return G_SOURCE_REMOVE;
}

static gboolean is_time(gpointer userdata) {
        return *(gboolean *) userdata;
}

/* What changes amid a reading is read after it; however often, once. */
static void test_amid_it(void **state) {
        gboolean has_looked = FALSE;
        World w;

        begin(&w, "none");
        scripted_hold(w.f.d, "ListAuthorized");
        chat_roster_refresh(w.roster);
        for (guint n = 2; scripted_n_held(w.f.d, "ListAuthorized") == 0 && n < 1000; n++)
                g_main_context_iteration(NULL, TRUE);
        answer(&w, "GetMembers", "([('bob', 'registered', 'moderator', 'online', @a{sv} {})], '')");
        scripted_emit(w.f.d, scripted_log_get_path(w.f.log), P2PCHAT_INTERFACE_CHANNEL,
                      "MembersChanged", g_variant_new_parsed("(@t 2,)"));
        scripted_settle(w.f.d);
        /* Until it wanted to look: that was asked for before this. */
        g_timeout_add(LONGER_MS, on_time, &has_looked);
        scripted_run(is_time, &has_looked);
        assert_names(&w, "olga bob abe carol guest-al zoe");
        scripted_release(w.f.d, "ListAuthorized");
        w.n_wanted = 3;
        scripted_run(is_read, &w);
        assert_names(&w, "olga bob abe carol");
        assert_int_equal(scripted_count(w.f.d, "GetMembers"), 3);
        end(&w);
}

static GVariant *endless(ScriptedDaemon *d, const char *path, GVariant *parameters,
                         gpointer userdata, GError **error) {
        guint *n = userdata;
        GVariantBuilder rows;

        g_variant_builder_init(&rows, G_VARIANT_TYPE("a(ssssa{sv})"));
        for (guint i = 0; i < 100; i++) {
                g_autofree char *name = g_strdup_printf("m%05u", (*n)++);
                g_variant_builder_add_parsed(&rows, "(%s, 'registered', 'none', 'online', "
                                                    "@a{sv} {})",
                                             name);
        }
        return g_variant_new("(a(ssssa{sv})s)", &rows, "more");
}

static void test_most(void **state) {
        guint n = 0;
        World w;

        begin(&w, "none");
        scripted_answer_by(w.f.d, "GetMembers", endless, &n);
        chat_roster_refresh(w.roster);
        w.n_wanted = 1 + CHAT_ROSTER_MAX / 100;
        scripted_run(is_read, &w);
        assert_int_equal(n, CHAT_ROSTER_MAX);
        assert_int_equal(chat_roster_get_online(w.roster), CHAT_ROSTER_MAX);
        end(&w);
}

static void test_failed(void **state) {
        World w;

        begin(&w, "none");
        scripted_refuse(w.f.d, "ListAuthorized", "HostOffline", "The host is away.", 1);
        chat_roster_refresh(w.roster);
        read_again(&w);
        assert_string_equal(chat_roster_get_error(w.roster), "The host is away.");
        assert_names(&w, "olga bob abe carol guest-al zoe");
        chat_roster_refresh(w.roster);
        read_again(&w);
        assert_string_equal(chat_roster_get_error(w.roster), "");
        /* Whose channel is not live is not asked, and it goes amid a reading. */
        scripted_hold(w.f.d, "GetMembers");
        chat_roster_refresh(w.roster);
        for (guint i = 0; scripted_n_held(w.f.d, "GetMembers") == 0 && i < 1000; i++)
                g_main_context_iteration(NULL, TRUE);
        g_clear_object(&w.roster);
        scripted_release(w.f.d, "GetMembers");
        scripted_settle(w.f.d);
        end(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_for_moderators), cmocka_unit_test(test_for_others),
                cmocka_unit_test(test_somebody_comes), cmocka_unit_test(test_amid_it),
                cmocka_unit_test(test_most),           cmocka_unit_test(test_failed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
