/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the directory is read page by page, anew, and not at all, from a tracker of any manners;
 * leaves what a row looks like to tests/gui. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dbus/names.h"
#include "gui/model/directory.h"
#include "gui/model/error.h"
#include "support/scripted-daemon.h"

#define LIST "ListDirectory"

/* What the tracker has: channels c0000, c0001, … */
typedef struct Tracker {
        guint n;
        guint page_max;   /* rows of a page; 0: as many as are asked for */
        guint looked_max; /* it looks at so many names for a page; 0: all */
        guint renamed;    /* this one has another topic */
        guint gone;       /* this one is not there */
        const char *next; /* said of each page; NULL: what is right */
        gboolean is_greedy; /* gives all there is, whatever the limit */
} Tracker;

#define NONE G_MAXUINT

typedef struct World {
        ScriptedDaemon *d;
        ChatBus *bus;
        ChatDaemon *daemon;
        Tracker tracker;
        ChatDirectory *directory;
        GPtrArray *mirror; /* of ChatDirectoryEntry, made of "items-changed" alone */
        guint n_changes, position, removed, added; /* the last of them */
} World;

static void add_row(GVariantBuilder *rows, const Tracker *t, guint i) {
        g_autofree char *name = g_strdup_printf("c%04u", i);

        g_variant_builder_add(rows, "(sssssu@a{sv})", name, "alice", "alice",
                              i == t->renamed ? "another" : "topic", "public", i, chat_no_options());
}

static GVariant *answer_list(ScriptedDaemon *d, const char *path, GVariant *parameters,
                             gpointer userdata, GError **error) {
        const Tracker *t = userdata;
        g_autoptr(GVariant) options = g_variant_get_child_value(parameters, 0);
        g_autofree char *next = g_strdup("");
        const char *query = "", *after = "";
        guint limit = 1000, n = 0, looked = 0;
        GVariantBuilder rows;

        g_variant_lookup(options, "query", "&s", &query);
        g_variant_lookup(options, "after", "&s", &after);
        g_variant_lookup(options, "limit", "u", &limit);
        limit = t->is_greedy ? NONE : t->page_max > 0 ? MIN(limit, t->page_max) : limit;
        g_variant_builder_init(&rows, G_VARIANT_TYPE("a(sssssua{sv})"));
        for (guint i = 0; i < t->n; i++) {
                g_autofree char *name = g_strdup_printf("c%04u", i);

                if (strcmp(name, after) <= 0)
                        continue;
                if (n == limit || (t->looked_max > 0 && looked == t->looked_max))
                        break;
                looked++;
                g_free(next);
                next = g_strdup(i + 1 < t->n ? name : "");
                if (!strstr(name, query) || i == t->gone)
                        continue;
                n++;
                add_row(&rows, t, i);
        }
        return g_variant_new("(a(sssssua{sv})s)", &rows, t->next ?: next);
}

static gboolean is_running(gpointer userdata) {
        World *w = userdata;

        return chat_daemon_get_state(w->daemon) == CHAT_DAEMON_RUNNING;
}

static gboolean is_answered(gpointer userdata) {
        World *w = userdata;

        return chat_directory_get_state(w->directory) != CHAT_DIRECTORY_LOADING;
}

static void on_items(GListModel *model, guint position, guint removed, guint added, World *w) {
        w->n_changes++;
        w->position = position;
        w->removed = removed;
        w->added = added;
        assert_true(position + removed <= w->mirror->len);
        if (removed > 0)
                g_ptr_array_remove_range(w->mirror, position, removed);
        for (guint i = 0; i < added; i++)
                g_ptr_array_insert(w->mirror, (int) (position + i),
                                   g_list_model_get_item(model, position + i));
}

/* As the view was told, so it is. */
static guint count(World *w) {
        GListModel *model = G_LIST_MODEL(w->directory);

        assert_int_equal(g_list_model_get_n_items(model), w->mirror->len);
        for (guint i = 0; i < w->mirror->len; i++) {
                g_autoptr(GObject) item = g_list_model_get_item(model, i);
                assert_ptr_equal(item, w->mirror->pdata[i]);
        }
        assert_null(g_list_model_get_item(model, w->mirror->len));
        return w->mirror->len;
}

static void assert_name(World *w, guint i, const char *name) {
        assert_true(i < w->mirror->len);
        assert_string_equal(chat_directory_entry_get_name(w->mirror->pdata[i]), name);
}

static void begin(World *w, guint n) {
        *w = (World){ .d = scripted_new(),
                      .tracker = { .n = n, .renamed = NONE, .gone = NONE } };
        w->mirror = g_ptr_array_new_with_free_func(g_object_unref);
        scripted_answer_by(w->d, LIST, answer_list, &w->tracker);
        w->bus = chat_bus_new(scripted_get_connection(w->d));
        w->daemon = chat_daemon_new(w->bus);
        scripted_run(is_running, w);
}

static void look(World *w) {
        w->directory = chat_directory_new(w->daemon);
        assert_int_equal(chat_directory_get_state(w->directory), CHAT_DIRECTORY_LOADING);
        g_signal_connect(w->directory, "items-changed", G_CALLBACK(on_items), w);
}

static void open_all(World *w, guint n) {
        begin(w, n);
        look(w);
        scripted_run(is_answered, w);
}

static void end(World *w) {
        g_clear_object(&w->directory);
        g_ptr_array_unref(w->mirror);
        g_object_unref(w->daemon);
        g_object_unref(w->bus);
        scripted_settle(w->d);
        scripted_free(w->d);
}

static void assert_state(World *w, ChatDirectoryState state, guint n) {
        assert_int_equal(chat_directory_get_state(w->directory), state);
        assert_int_equal(count(w), n);
}

static void more(World *w) {
        chat_directory_more(w->directory);
        scripted_run(is_answered, w);
}

/* What the n-th call has for a key of type s; "" nothing. */
static char *option(World *w, guint n, const char *key) {
        g_autoptr(GVariant) options = g_variant_get_child_value(scripted_call(w->d, LIST, n), 0);
        char *value;

        return g_variant_lookup(options, key, "s", &value) ? value : g_strdup("");
}

static void assert_asked(World *w, guint n, const char *query, const char *after) {
        g_autofree char *asked_query = option(w, n, "query"), *asked_after = option(w, n, "after");

        assert_string_equal(asked_query, query);
        assert_string_equal(asked_after, after);
}

static void test_pages(void **state) {
        g_autoptr(GVariant) options = NULL;
        guint limit = 0;
        World w;

        open_all(&w, 250);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 100);
        assert_asked(&w, 0, "", "");
        options = g_variant_get_child_value(scripted_call(w.d, LIST, 0), 0);
        g_variant_lookup(options, "limit", "u", &limit);
        assert_int_equal(limit, CHAT_DIRECTORY_PAGE_ENTRIES);
        /* Asked twice for one more it is one. */
        chat_directory_more(w.directory);
        assert_int_equal(chat_directory_get_state(w.directory), CHAT_DIRECTORY_LOADING);
        more(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 200);
        assert_asked(&w, 1, "", "c0099");
        assert_int_equal(w.position, 100);
        assert_int_equal(w.removed, 0);
        more(&w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 250);
        assert_name(&w, 249, "c0249");
        more(&w);
        scripted_settle(w.d);
        assert_int_equal(scripted_count(w.d, LIST), 3);
        assert_null(chat_directory_get_error(w.directory));
        end(&w);
}

static void test_none(void **state) {
        World w;

        open_all(&w, 0);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 0);
        assert_int_equal(w.n_changes, 0);
        end(&w);
}

/* A list of which the end is never in sight fills the window all the same. */
static void test_short_pages(void **state) {
        World w;

        begin(&w, 250);
        w.tracker.page_max = 30;
        look(&w);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 120);
        more(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 240);
        more(&w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 250);
        for (guint i = 0; i < 250; i++) {
                g_autofree char *name = g_strdup_printf("c%04u", i);
                assert_name(&w, i, name);
        }
        end(&w);
}

/* What is looked for stands behind names that the tracker looked at in vain. */
static void test_empty_pages(void **state) {
        World w;

        begin(&w, 1000);
        w.tracker.looked_max = 100;
        look(&w);
        scripted_run(is_answered, &w);
        chat_directory_set_query(w.directory, "c0950");
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 1);
        assert_name(&w, 0, "c0950");
        assert_int_equal(scripted_count(w.d, LIST), 11);
        assert_asked(&w, 10, "c0950", "c0899");
        chat_directory_set_query(w.directory, "nowhere");
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 0);
        end(&w);
}

static void test_leads_nowhere(void **state) {
        World w;

        begin(&w, 0);
        w.tracker.next = "c0000";
        look(&w);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 0);
        assert_int_equal(scripted_count(w.d, LIST), 2);
        end(&w);
}

static void assert_limit(guint n, guint page_max, ChatDirectoryState state) {
        guint n_calls;
        World w;

        begin(&w, n);
        w.tracker.page_max = page_max;
        look(&w);
        scripted_run(is_answered, &w);
        for (guint i = 0; i < 19; i++)
                more(&w);
        assert_state(&w, state, CHAT_DIRECTORY_MAX);
        n_calls = scripted_count(w.d, LIST);
        more(&w);
        scripted_settle(w.d);
        assert_int_equal(scripted_count(w.d, LIST), n_calls);
        end(&w);
}

static void test_limit(void **state) {
        assert_limit(CHAT_DIRECTORY_MAX, 0, CHAT_DIRECTORY_COMPLETE);
}

static void test_beyond_limit(void **state) {
        assert_limit(CHAT_DIRECTORY_MAX + 1, 0, CHAT_DIRECTORY_FULL);
}

/* The last page has more than there is room for, and is the last. */
static void test_page_beyond_limit(void **state) {
        assert_limit(CHAT_DIRECTORY_MAX + 10, 30, CHAT_DIRECTORY_FULL);
}

static void test_greedy(void **state) {
        World w;

        begin(&w, 3000);
        w.tracker.is_greedy = TRUE;
        look(&w);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_FULL, CHAT_DIRECTORY_MAX);
        end(&w);
}

static void test_fields(void **state) {
        static const char reply[] =
                "([('a', 'bob', 'bob', 'x\u202ey\\nz\x01', 'restricted', 4294967295,"
                "   {'id': <'i'>, 'online': <false>}),"
                "  ('', '', '', '', '', 0, {'id': <5>, 'online': <'no'>}),"
                "  ('b\u2069', 'o', 'h', 't', 'Restricted', 1, {'online': <true>, 'later': <1>})],"
                " '')";
        g_autoptr(GError) error = NULL;
        ChatDirectoryEntry **e;
        World w;

        begin(&w, 0);
        scripted_answer(w.d, LIST,
                        g_variant_parse(G_VARIANT_TYPE("(a(sssssua{sv})s)"), reply, NULL, NULL,
                                        &error));
        g_assert_no_error(error);
        look(&w);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 3);
        e = (ChatDirectoryEntry **) w.mirror->pdata;
        assert_string_equal(chat_directory_entry_get_name(e[0]), "a");
        assert_string_equal(chat_directory_entry_get_owner(e[0]), "bob");
        assert_string_equal(chat_directory_entry_get_topic(e[0]), "xy z\ufffd");
        assert_string_equal(chat_directory_entry_get_id(e[0]), "i");
        assert_true(chat_directory_entry_is_restricted(e[0]));
        assert_false(chat_directory_entry_is_online(e[0]));
        assert_int_equal(chat_directory_entry_get_members(e[0]), G_MAXUINT32);
        assert_string_equal(chat_directory_entry_get_topic(e[1]), "");
        assert_string_equal(chat_directory_entry_get_id(e[1]), "");
        assert_false(chat_directory_entry_is_restricted(e[1]));
        /* What is not said of it is no reason not to try. */
        assert_true(chat_directory_entry_is_online(e[1]));
        assert_false(chat_directory_entry_is_restricted(e[2]));
        assert_true(chat_directory_entry_is_online(e[2]));
        end(&w);
}

static void say_changed(World *w) {
        scripted_emit(w->d, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER, "DirectoryChanged",
                      g_variant_new("(t@a{sv})", (guint64) 1, chat_no_options()));
}

static gboolean is_loading(gpointer userdata) {
        World *w = userdata;

        return !is_answered(w);
}

static void read_anew(World *w) {
        w->n_changes = 0;
        say_changed(w);
        scripted_run(is_loading, w);
        scripted_run(is_answered, w);
}

static void test_anew(void **state) {
        World w;

        open_all(&w, 250);
        more(&w);
        assert_int_equal(scripted_count(w.d, LIST), 2);
        /* What stayed as it is moves nothing; all that was there is read. */
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 200);
        assert_int_equal(w.n_changes, 0);
        assert_int_equal(scripted_count(w.d, LIST), 4);

        w.tracker.renamed = 150;
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 200);
        assert_int_equal(w.n_changes, 1);
        assert_int_equal(w.position, 150);
        assert_int_equal(w.removed, 1);
        assert_int_equal(w.added, 1);
        assert_string_equal(chat_directory_entry_get_topic(w.mirror->pdata[150]), "another");

        w.tracker.gone = 0;
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 200);
        assert_name(&w, 0, "c0001");
        assert_name(&w, 199, "c0200");

        /* It has become shorter. */
        w.tracker.n = 50;
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 49);
        w.tracker.n = 500;
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 100);
        end(&w);
}

/* However often it is said, it is read once. */
static void test_many_changes(void **state) {
        World w;

        open_all(&w, 10);
        for (guint i = 0; i < 50; i++)
                say_changed(&w);
        scripted_settle(w.d);
        assert_int_equal(scripted_count(w.d, LIST), 1);
        read_anew(&w);
        scripted_settle(w.d);
        assert_int_equal(scripted_count(w.d, LIST), 2);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 10);
        end(&w);
}

static gboolean is_held(gpointer userdata) {
        World *w = userdata;

        return scripted_n_held(w->d, LIST) > 0;
}

/* An answer to what was asked before what is asked now is nobody's. */
static void test_query(void **state) {
        World w;

        open_all(&w, 250);
        assert_string_equal(chat_directory_get_query(w.directory), "");
        scripted_hold(w.d, LIST);
        chat_directory_more(w.directory);
        scripted_run(is_held, &w);
        chat_directory_set_query(w.directory, "c001");
        chat_directory_set_query(w.directory, "c002");
        chat_directory_set_query(w.directory, "c002");
        assert_string_equal(chat_directory_get_query(w.directory), "c002");
        scripted_settle(w.d);
        assert_int_equal(scripted_n_held(w.d, LIST), 3);
        scripted_release_one(w.d, LIST);
        scripted_release_one(w.d, LIST);
        scripted_settle(w.d);
        assert_state(&w, CHAT_DIRECTORY_LOADING, 100);
        scripted_release(w.d, LIST);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 10);
        assert_name(&w, 0, "c0020");
        assert_name(&w, 9, "c0029");
        assert_asked(&w, 3, "c002", "");
        /* And back to all of them, of which no more is read than fills a window. */
        chat_directory_set_query(w.directory, "");
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 100);
        assert_asked(&w, 4, "", "");
        end(&w);
}

static void test_failed(void **state) {
        World w;

        open_all(&w, 250);
        scripted_refuse(w.d, LIST, "TrackerUnreachable", "The tracker is away.", 1);
        more(&w);
        /* What is there stays, and the next change tries again. */
        assert_state(&w, CHAT_DIRECTORY_FAILED, 100);
        assert_true(g_error_matches(chat_directory_get_error(w.directory), CHAT_ERROR,
                                    ERROR_TRACKER_UNREACHABLE));
        assert_string_equal(chat_directory_get_error(w.directory)->message,
                            "The tracker is away.");
        more(&w);
        assert_int_equal(scripted_count(w.d, LIST), 2);
        scripted_refuse(w.d, LIST, "Busy", "Later.", 1);
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_FAILED, 100);
        assert_true(g_error_matches(chat_directory_get_error(w.directory), CHAT_ERROR, ERROR_BUSY));
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 100);
        assert_null(chat_directory_get_error(w.directory));
        assert_int_equal(w.n_changes, 0);
        end(&w);
}

/* What another query found is no answer to one that failed. */
static void test_query_failed(void **state) {
        World w;

        open_all(&w, 250);
        scripted_refuse(w.d, LIST, "TrackerUnreachable", "The tracker is away.", 1);
        chat_directory_set_query(w.directory, "c001");
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_FAILED, 0);
        chat_directory_reload(w.directory);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_COMPLETE, 10);
        end(&w);
}

/* Once it is answered it is a query like any other: read anew as far as it was, kept when that
 * fails; and of a list that was long no more is read for the next query than fills a window. */
static void test_query_answered(void **state) {
        World w;

        open_all(&w, 450);
        more(&w);
        more(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 300);
        chat_directory_set_query(w.directory, "c0");
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 100);
        more(&w);
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 200);
        scripted_refuse(w.d, LIST, "Busy", "Later.", 1);
        read_anew(&w);
        assert_state(&w, CHAT_DIRECTORY_FAILED, 200);
        end(&w);
}

static void test_daemon_dies(void **state) {
        World w;

        open_all(&w, 250);
        scripted_hold(w.d, LIST);
        chat_directory_more(w.directory);
        scripted_run(is_held, &w);
        scripted_die(w.d);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_FAILED, 100);
        assert_true(g_error_matches(chat_directory_get_error(w.directory), CHAT_ERROR,
                                    CHAT_ERROR_AWAY));
        /* Another daemon is asked without anybody's doing. */
        scripted_release(w.d, LIST);
        scripted_come_back(w.d);
        w.n_changes = 0;
        scripted_run(is_loading, &w);
        scripted_run(is_answered, &w);
        assert_state(&w, CHAT_DIRECTORY_PARTIAL, 100);
        assert_int_equal(w.n_changes, 0);
        end(&w);
}

/* Nobody looks any more: no call, no change and no daemon holds it. */
static void test_freed(void **state) {
        gpointer weak;
        World w;

        open_all(&w, 250);
        scripted_hold(w.d, LIST);
        chat_directory_more(w.directory);
        scripted_run(is_held, &w);
        say_changed(&w);
        scripted_settle(w.d);
        weak = w.directory;
        g_object_add_weak_pointer(G_OBJECT(w.directory), &weak);
        g_object_unref(w.directory);
        w.directory = NULL;
        assert_null(weak);
        say_changed(&w);
        scripted_release(w.d, LIST);
        scripted_settle(w.d);
        assert_int_equal(scripted_count(w.d, LIST), 2);
        end(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages),         cmocka_unit_test(test_none),
                cmocka_unit_test(test_short_pages),   cmocka_unit_test(test_empty_pages),
                cmocka_unit_test(test_leads_nowhere), cmocka_unit_test(test_limit),
                cmocka_unit_test(test_beyond_limit),  cmocka_unit_test(test_page_beyond_limit),
                cmocka_unit_test(test_greedy),        cmocka_unit_test(test_fields),
                cmocka_unit_test(test_anew),          cmocka_unit_test(test_many_changes),
                cmocka_unit_test(test_query),         cmocka_unit_test(test_failed),
                cmocka_unit_test(test_query_failed),  cmocka_unit_test(test_query_answered),
                cmocka_unit_test(test_daemon_dies),   cmocka_unit_test(test_freed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
