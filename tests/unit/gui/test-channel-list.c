/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows in which order channels have to stand, and when they may not move; leaves what a row of the
 * list looks like to tests/gui/test_sidebar.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dbus/names.h"
#include "gui/model/channel-list.h"
#include "gui/model/daemon.h"
#include "support/scripted-daemon.h"

/* A list as a view has it: what it was told of changes, in order. */
typedef struct World {
        ScriptedDaemon *d;
        ChatBus *bus;
        ChatDaemon *daemon;
        ChatChannelList *list;
        GPtrArray *mirror; /* of ChatChannel, made of "items-changed" alone */
        guint n_changes;
} World;

static gboolean is_running(gpointer userdata) {
        World *w = userdata;

        return chat_daemon_get_state(w->daemon) == CHAT_DAEMON_RUNNING;
}

static char *path_of(const char *name) {
        return g_strdup_printf(P2PCHAT_PATH_CHANNELS "/%s", name);
}

static void on_items(GListModel *model, guint position, guint removed, guint added, World *w) {
        w->n_changes++;
        assert_true(position + removed <= w->mirror->len);
        if (removed > 0)
                g_ptr_array_remove_range(w->mirror, position, removed);
        for (guint i = 0; i < added; i++)
                g_ptr_array_insert(w->mirror, (int) (position + i),
                                   g_list_model_get_item(model, position + i));
}

static void add(World *w, const char *name, guint unread, guint mentions) {
        g_autofree char *path = path_of(name);
        GVariantBuilder b;

        g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&b, "{sv}", "Name", g_variant_new_string(name));
        g_variant_builder_add(&b, "{sv}", "Unread", g_variant_new_uint32(unread));
        g_variant_builder_add(&b, "{sv}", "Mentions", g_variant_new_uint32(mentions));
        scripted_add(w->d, path, P2PCHAT_INTERFACE_CHANNEL, g_variant_builder_end(&b));
        scripted_settle(w->d);
}

static void leave(World *w, const char *name) {
        g_autofree char *path = path_of(name);

        scripted_remove(w->d, path, P2PCHAT_INTERFACE_CHANNEL);
        scripted_settle(w->d);
}

static void set_counts(World *w, const char *name, guint unread, guint mentions) {
        g_autofree char *path = path_of(name);
        GVariantBuilder b;

        g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&b, "{sv}", "Unread", g_variant_new_uint32(unread));
        g_variant_builder_add(&b, "{sv}", "Mentions", g_variant_new_uint32(mentions));
        scripted_set_all(w->d, path, P2PCHAT_INTERFACE_CHANNEL, g_variant_builder_end(&b));
        scripted_settle(w->d);
}

static ChatChannel *find(World *w, const char *name) {
        g_autofree char *path = path_of(name);
        ChatChannel *channel = chat_daemon_find_channel(w->daemon, path);

        assert_non_null(channel);
        return channel;
}

/* names: with a space between. What a view was told is the same. */
static void assert_order(World *w, const char *names) {
        GListModel *model = G_LIST_MODEL(w->list);
        g_autoptr(GString) all = g_string_new("");

        assert_int_equal(g_list_model_get_n_items(model), w->mirror->len);
        for (guint i = 0; i < w->mirror->len; i++) {
                g_autoptr(ChatChannel) c = g_list_model_get_item(model, i);
                assert_ptr_equal(c, w->mirror->pdata[i]);
                g_string_append_printf(all, "%s%s", i > 0 ? " " : "", chat_channel_get_name(c));
        }
        assert_string_equal(all->str, names);
}

static void assert_next(World *w, const char *from, gboolean is_up, gboolean is_unread,
                        const char *name) {
        ChatChannel *next =
                chat_channel_list_next(w->list, from ? find(w, from) : NULL, is_up, is_unread);

        assert_string_equal(next ? chat_channel_get_name(next) : "", name);
}

static void begin(World *w) {
        *w = (World){ .d = scripted_new() };
        w->mirror = g_ptr_array_new_with_free_func(g_object_unref);
        w->bus = chat_bus_new(scripted_get_connection(w->d));
        w->daemon = chat_daemon_new(w->bus);
        scripted_run(is_running, w);
        /* One was there before the list was made. */
        add(w, "garden", 0, 0);
        w->list = chat_channel_list_new(chat_daemon_get_channels(w->daemon));
        g_ptr_array_add(w->mirror, g_list_model_get_item(G_LIST_MODEL(w->list), 0));
        g_signal_connect(w->list, "items-changed", G_CALLBACK(on_items), w);
}

static void end(World *w) {
        g_object_unref(w->list);
        g_ptr_array_unref(w->mirror);
        g_object_unref(w->daemon);
        g_object_unref(w->bus);
        scripted_settle(w->d);
        scripted_free(w->d);
}

static void test_order(void **state) {
        World w;

        begin(&w);
        add(&w, "Attic", 0, 0);
        add(&w, "zoo", 1, 1);
        add(&w, "barn", 12, 0);
        add(&w, "cellar", 3, 0);
        assert_order(&w, "zoo barn cellar Attic garden");
        /* More of the same moves nothing. */
        w.n_changes = 0;
        set_counts(&w, "cellar", 99, 0);
        assert_order(&w, "zoo barn cellar Attic garden");
        assert_int_equal(w.n_changes, 0);
        set_counts(&w, "garden", 1, 0);
        assert_order(&w, "zoo barn cellar garden Attic");
        assert_int_equal(w.n_changes, 1);
        set_counts(&w, "cellar", 100, 1);
        assert_order(&w, "cellar zoo barn garden Attic");
        set_counts(&w, "zoo", 0, 0);
        assert_order(&w, "cellar barn garden Attic zoo");
        leave(&w, "barn");
        assert_order(&w, "cellar garden Attic zoo");
        add(&w, "ant", 0, 0);
        assert_order(&w, "cellar garden ant Attic zoo");
        end(&w);
}

static void test_shown_stays(void **state) {
        World w;

        begin(&w);
        add(&w, "attic", 0, 0);
        add(&w, "barn", 5, 0);
        add(&w, "cellar", 5, 0);
        assert_order(&w, "barn cellar attic garden");
        chat_channel_list_set_shown(w.list, find(&w, "barn"));
        w.n_changes = 0;
        set_counts(&w, "barn", 0, 0);
        assert_order(&w, "barn cellar attic garden");
        /* Nor does it move up for what comes in it. */
        chat_channel_list_set_shown(w.list, find(&w, "attic"));
        assert_order(&w, "cellar attic barn garden");
        assert_int_equal(w.n_changes, 1);
        set_counts(&w, "attic", 1, 1);
        assert_order(&w, "cellar attic barn garden");
        assert_next(&w, "cellar", FALSE, TRUE, "attic");
        /* Others move past it. */
        set_counts(&w, "garden", 1, 0);
        assert_order(&w, "cellar garden attic barn");
        /* What it was meanwhile counts once it is left. */
        chat_channel_list_set_shown(w.list, NULL);
        assert_order(&w, "attic cellar garden barn");
        leave(&w, "attic");
        chat_channel_list_set_shown(w.list, find(&w, "barn"));
        leave(&w, "barn");
        chat_channel_list_set_shown(w.list, NULL);
        assert_order(&w, "cellar garden");
        end(&w);
}

static void test_held(void **state) {
        World w;

        begin(&w);
        add(&w, "barn", 0, 0);
        add(&w, "cellar", 0, 0);
        chat_channel_list_set_held(w.list, TRUE);
        w.n_changes = 0;
        set_counts(&w, "cellar", 1, 1);
        set_counts(&w, "garden", 1, 0);
        assert_order(&w, "barn cellar garden");
        assert_int_equal(w.n_changes, 0);
        add(&w, "attic", 7, 7);
        assert_order(&w, "barn cellar garden attic");
        leave(&w, "barn");
        assert_order(&w, "cellar garden attic");
        w.n_changes = 0;
        chat_channel_list_set_held(w.list, FALSE);
        assert_order(&w, "attic cellar garden");
        assert_int_equal(w.n_changes, 1);
        /* Nothing is told where nothing moved. */
        chat_channel_list_set_held(w.list, TRUE);
        chat_channel_list_set_held(w.list, FALSE);
        assert_int_equal(w.n_changes, 1);
        end(&w);
}

static void test_next(void **state) {
        World w;

        begin(&w);
        assert_next(&w, "garden", FALSE, FALSE, "garden");
        assert_next(&w, "garden", FALSE, TRUE, "");
        set_counts(&w, "garden", 1, 0);
        assert_next(&w, "garden", FALSE, TRUE, "");
        set_counts(&w, "garden", 0, 0);
        add(&w, "attic", 0, 0);
        add(&w, "barn", 0, 0);
        add(&w, "cellar", 0, 0);
        assert_order(&w, "attic barn cellar garden");
        assert_next(&w, NULL, FALSE, FALSE, "attic");
        assert_next(&w, NULL, TRUE, FALSE, "garden");
        assert_next(&w, "attic", FALSE, FALSE, "barn");
        assert_next(&w, "attic", TRUE, FALSE, "garden");
        assert_next(&w, "garden", FALSE, FALSE, "attic");
        assert_next(&w, "attic", FALSE, TRUE, "");
        chat_channel_list_set_held(w.list, TRUE);
        set_counts(&w, "attic", 1, 0);
        set_counts(&w, "cellar", 2, 0);
        assert_next(&w, "attic", FALSE, TRUE, "cellar");
        assert_next(&w, "cellar", FALSE, TRUE, "attic");
        assert_next(&w, NULL, FALSE, TRUE, "attic");
        assert_next(&w, "garden", TRUE, TRUE, "cellar");
        leave(&w, "garden");
        leave(&w, "attic");
        leave(&w, "barn");
        leave(&w, "cellar");
        assert_next(&w, NULL, FALSE, FALSE, "");
        assert_next(&w, NULL, TRUE, TRUE, "");
        end(&w);
}

/* A daemon that comes back has other channels, and other counts. */
static void test_daemon_comes_back(void **state) {
        g_autofree char *path = path_of("barn");
        World w;

        begin(&w);
        add(&w, "attic", 0, 0);
        add(&w, "barn", 0, 0);
        scripted_die(w.d);
        scripted_settle(w.d);
        assert_order(&w, "attic barn garden");
        scripted_set(w.d, path, P2PCHAT_INTERFACE_CHANNEL, "Unread", g_variant_new_uint32(1));
        scripted_come_back(w.d);
        scripted_run(is_running, &w);
        assert_order(&w, "barn attic garden");
        end(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_shown_stays),
                cmocka_unit_test(test_held),
                cmocka_unit_test(test_next),
                cmocka_unit_test(test_daemon_comes_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
