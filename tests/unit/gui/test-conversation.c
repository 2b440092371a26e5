/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what waits stands behind what is stored, and becomes it; leaves how each is read to
 * test-history.c and test-message.c. */
#include "unit/gui/history-fixture.h"

#include "gui/model/conversation.h"

typedef struct Waiting {
        const char *id, *text, *state;
} Waiting;

typedef struct World {
        Fixture f;
        ChatConversation *c;
        Waiting rows[8]; /* up to one without an id */
        guint page_max;  /* rows of a page of GetOutbox; 0: all */
        gboolean leads_nowhere; /* pages without rows, and each has one after it */
        GPtrArray *mirror; /* of ChatMessage, made of "items-changed" alone */
        guint n_changes;
} World;

static guint n_rows(const World *w) {
        guint n = 0;

        while (n < G_N_ELEMENTS(w->rows) && w->rows[n].id)
                n++;
        return n;
}

static GVariant *answer_outbox(ScriptedDaemon *d, const char *path, GVariant *parameters,
                               gpointer userdata, GError **error) {
        World *w = userdata;
        g_autoptr(GVariant) options = g_variant_get_child_value(parameters, 0);
        const char *after = "", *next = "";
        guint n = n_rows(w), taken = 0, from = 0;
        GVariantBuilder rows;

        g_variant_builder_init(&rows, G_VARIANT_TYPE("a(sstusa{sv})"));
        if (w->leads_nowhere)
                return g_variant_new("(a(sstusa{sv})s)", &rows, "x");
        g_variant_lookup(options, "after", "&s", &after);
        for (guint i = 0; i < n; i++)
                if (g_str_equal(w->rows[i].id, after))
                        from = i + 1;
        for (guint i = from; i < n; i++) {
                if (w->page_max > 0 && taken == w->page_max) {
                        next = w->rows[i - 1].id;
                        break;
                }
                g_variant_builder_add(&rows, "(sstus@a{sv})", w->rows[i].id, w->rows[i].text,
                                      (guint64) SCRIPTED_TIME, 0, w->rows[i].state,
                                      chat_no_options());
                taken++;
        }
        return g_variant_new("(a(sstusa{sv})s)", &rows, next);
}

/* Nothing is shown twice at any time. */
static void assert_once(World *w) {
        for (guint i = 0; i < w->mirror->len; i++)
                for (guint k = 0; k < i; k++) {
                        const char *id = chat_message_get_id(w->mirror->pdata[i]);
                        assert_true(!*id || !g_str_equal(id, chat_message_get_id(
                                                                      w->mirror->pdata[k])));
                }
}

static void on_items(GListModel *model, guint position, guint removed, guint added, World *w) {
        w->n_changes++;
        assert_true(position + removed <= w->mirror->len);
        if (removed > 0)
                g_ptr_array_remove_range(w->mirror, position, removed);
        for (guint i = 0; i < added; i++) {
                gpointer item = g_list_model_get_item(model, position + i);
                assert_non_null(item);
                g_ptr_array_insert(w->mirror, (int) (position + i), item);
        }
        assert_int_equal(g_list_model_get_n_items(model), w->mirror->len);
        assert_once(w);
}

static void begin(World *w, guint64 n) {
        *w = (World){};
        fixture_begin(&w->f, n);
        scripted_answer_by(w->f.d, "GetOutbox", answer_outbox, w);
        w->mirror = g_ptr_array_new_with_free_func(g_object_unref);
}

static void look(World *w) {
        w->c = chat_conversation_new(w->f.channel, "alice");
        for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(w->c)); i++)
                g_ptr_array_add(w->mirror, g_list_model_get_item(G_LIST_MODEL(w->c), i));
        g_signal_connect(w->c, "items-changed", G_CALLBACK(on_items), w);
        scripted_settle(w->f.d);
}

static void end(World *w) {
        g_ptr_array_unref(w->mirror);
        g_clear_object(&w->c);
        fixture_end(&w->f);
}

static void say_outbox(World *w) {
        scripted_emit(w->f.d, scripted_log_get_path(w->f.log), P2PCHAT_INTERFACE_CHANNEL,
                      "OutboxChanged", g_variant_new("(t@a{sv})", (guint64) 1, chat_no_options()));
        scripted_settle(w->f.d);
}

/* Each as it is told: a stored one by its text, one that waits with a + or, failed, a !. */
static void assert_shown(World *w, const char *expected) {
        GListModel *model = G_LIST_MODEL(w->c);
        g_autoptr(GString) all = g_string_new("");

        assert_int_equal(g_list_model_get_n_items(model), w->mirror->len);
        for (guint i = 0; i < w->mirror->len; i++) {
                g_autoptr(ChatMessage) m = g_list_model_get_item(model, i);
                ChatMessageState state = chat_message_get_state(m);

                assert_ptr_equal(m, w->mirror->pdata[i]);
                g_string_append_printf(all, "%s%s%s", i > 0 ? ", " : "",
                                       state == CHAT_MESSAGE_QUEUED   ? "+"
                                       : state == CHAT_MESSAGE_FAILED ? "!"
                                                                      : "",
                                       chat_message_get_text(m));
        }
        assert_string_equal(all->str, expected);
        assert_null(g_list_model_get_item(model, w->mirror->len));
}

static void test_order(void **state) {
        World w;

        begin(&w, 2);
        w.rows[0] = (Waiting){ "q1", "one", "queued" };
        w.rows[1] = (Waiting){ "q2", "two", "failed" };
        w.rows[2] = (Waiting){ "q3", "done", "stored" };
        w.rows[3] = (Waiting){ "q4", "what only a later version knows", "dreaming" };
        look(&w);
        assert_shown(&w, "message 1, message 2, +one, !two");
        assert_true(g_list_model_get_item_type(G_LIST_MODEL(w.c)) == CHAT_TYPE_MESSAGE);
        assert_ptr_equal(chat_conversation_get_channel(w.c), w.f.channel);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(chat_conversation_get_history(w.c))),
                         2);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(chat_conversation_get_outbox(w.c))),
                         2);
        assert_string_equal(chat_message_get_sender(w.mirror->pdata[2]), "alice");
        assert_true(chat_message_begins_group(w.mirror->pdata[2]));
        assert_false(chat_message_begins_group(w.mirror->pdata[3]));
        end(&w);
}

static void test_outbox_alone(void **state) {
        World w;

        begin(&w, 0);
        look(&w);
        assert_shown(&w, "");
        w.rows[0] = (Waiting){ "q1", "a\u202eb", "queued" };
        say_outbox(&w);
        assert_shown(&w, "+ab");
        w.rows[0] = (Waiting){};
        say_outbox(&w);
        assert_shown(&w, "");
        end(&w);
}

static void test_changes(void **state) {
        g_autoptr(GObject) first = NULL;
        World w;

        begin(&w, 2);
        w.rows[0] = (Waiting){ "q1", "one", "queued" };
        w.rows[1] = (Waiting){ "q2", "two", "queued" };
        w.rows[2] = (Waiting){ "q3", "three", "queued" };
        look(&w);
        first = g_object_ref(w.mirror->pdata[2]);
        w.n_changes = 0;
        /* A row that is another now is the same row. */
        w.rows[0].state = "failed";
        say_outbox(&w);
        assert_int_equal(w.n_changes, 0);
        assert_ptr_equal(w.mirror->pdata[2], first);
        assert_shown(&w, "message 1, message 2, !one, +two, +three");
        /* One of them is cancelled. */
        w.rows[1] = w.rows[2];
        w.rows[2] = (Waiting){};
        say_outbox(&w);
        assert_int_equal(w.n_changes, 1);
        assert_shown(&w, "message 1, message 2, !one, +three");
        /* What others say stands in front of it. */
        scripted_append(w.f.log, 2);
        scripted_settle(w.f.d);
        assert_shown(&w, "message 1, message 2, message 3, message 4, !one, +three");
        assert_ptr_equal(w.mirror->pdata[4], first);
        end(&w);
}

static void append_own(World *w, guint64 seq, const char *text) {
        scripted_put(w->f.log, seq, "message", "alice",
                     g_variant_new_parsed("{'text': <%s>}", text));
        scripted_append(w->f.log, 1);
        scripted_settle(w->f.d);
}

/* The log has it, and GetOutbox does not say so yet. */
static void test_stored(void **state) {
        g_autofree char *id = NULL, *other = NULL;
        World w;

        begin(&w, 2);
        id = scripted_log_id_of(w.f.log, 3);
        other = scripted_log_id_of(w.f.log, 4);
        w.rows[0] = (Waiting){ id, "mine", "queued" };
        w.rows[1] = (Waiting){ other, "mine, too", "queued" };
        look(&w);
        assert_shown(&w, "message 1, message 2, +mine, +mine, too");
        append_own(&w, 3, "mine");
        assert_shown(&w, "message 1, message 2, mine, +mine, too");
        assert_true(chat_message_begins_group(w.mirror->pdata[3]));
        /* Nor now: what it says is old. */
        say_outbox(&w);
        assert_shown(&w, "message 1, message 2, mine, +mine, too");
        w.rows[0] = w.rows[1];
        w.rows[1] = (Waiting){};
        say_outbox(&w);
        assert_shown(&w, "message 1, message 2, mine, +mine, too");
        append_own(&w, 4, "mine, too");
        assert_shown(&w, "message 1, message 2, mine, mine, too");
        end(&w);
}

/* GetOutbox was asked before it was stored, and answers after. */
static void test_stored_under_way(void **state) {
        g_autofree char *id = NULL;
        World w;

        begin(&w, 2);
        id = scripted_log_id_of(w.f.log, 3);
        look(&w);
        w.rows[0] = (Waiting){ id, "mine", "queued" };
        scripted_hold(w.f.d, "GetOutbox");
        say_outbox(&w);
        assert_int_equal(scripted_n_held(w.f.d, "GetOutbox"), 1);
        append_own(&w, 3, "mine");
        scripted_release(w.f.d, "GetOutbox");
        scripted_settle(w.f.d);
        assert_shown(&w, "message 1, message 2, mine");
        end(&w);
}

/* What another has said under the number of a row of ours is no reason to drop the row. */
static void test_not_own(void **state) {
        g_autofree char *id = NULL;
        World w;

        begin(&w, 2);
        id = scripted_log_id_of(w.f.log, 4);
        w.rows[0] = (Waiting){ id, "mine", "queued" };
        look(&w);
        scripted_put(w.f.log, 3, "message", "bob", g_variant_new_parsed("{'text': <'his'>}"));
        scripted_put(w.f.log, 4, "topic", "alice", g_variant_new_parsed("{'topic': <'t'>}"));
        scripted_append(w.f.log, 1);
        scripted_settle(w.f.d);
        assert_shown(&w, "message 1, message 2, his, +mine");
        end(&w);
}

static void test_pages(void **state) {
        World w;

        begin(&w, 1);
        for (guint i = 0; i < 7; i++)
                w.rows[i] = (Waiting){ &"abcdefg"[i], "x", "queued" };
        w.page_max = 3;
        look(&w);
        scripted_settle(w.f.d);
        assert_shown(&w, "message 1, +x, +x, +x, +x, +x, +x, +x");
        assert_int_equal(scripted_count(w.f.d, "GetOutbox"), 3);
        /* One that does not end is not followed. */
        w.leads_nowhere = TRUE;
        say_outbox(&w);
        scripted_settle(w.f.d);
        assert_int_equal(scripted_count(w.f.d, "GetOutbox"), 4);
        assert_shown(&w, "message 1");
        end(&w);
}

static void test_failed(void **state) {
        World w;

        begin(&w, 1);
        w.rows[0] = (Waiting){ "q1", "one", "queued" };
        look(&w);
        /* What is known stays until it is known better. */
        w.rows[1] = (Waiting){ "q2", "two", "queued" };
        scripted_refuse(w.f.d, "GetOutbox", "Busy", "Later.", 1);
        say_outbox(&w);
        assert_shown(&w, "message 1, +one");
        say_outbox(&w);
        assert_shown(&w, "message 1, +one, +two");
        end(&w);
}

static gboolean is_away(gpointer userdata) {
        World *w = userdata;

        return chat_daemon_get_state(w->f.daemon) == CHAT_DAEMON_AWAY;
}

static gboolean has_three(gpointer userdata) {
        World *w = userdata;

        return g_list_model_get_n_items(G_LIST_MODEL(w->c)) == 3;
}

/* It dies with two calls under way; another one has more. */
static void test_daemon_dies(void **state) {
        World w;

        begin(&w, 1);
        w.rows[0] = (Waiting){ "q1", "one", "queued" };
        look(&w);
        w.rows[1] = (Waiting){ "q2", "two", "queued" };
        scripted_hold(w.f.d, "GetOutbox");
        say_outbox(&w);
        assert_int_equal(scripted_n_held(w.f.d, "GetOutbox"), 1);
        scripted_die(w.f.d);
        scripted_run(is_away, &w);
        assert_shown(&w, "message 1, +one");
        scripted_release(w.f.d, "GetOutbox");
        scripted_come_back(w.f.d);
        scripted_run(has_three, &w);
        assert_shown(&w, "message 1, +one, +two");
        end(&w);
}

/* No call under way holds what nobody looks at, nor is it touched by an answer. */
static void test_freed(void **state) {
        gpointer weak, history, outbox;
        World w;

        begin(&w, 300);
        scripted_hold(w.f.d, "GetOutbox");
        scripted_hold(w.f.d, "GetMessages");
        look(&w);
        assert_int_equal(scripted_n_held(w.f.d, "GetOutbox"), 1);
        assert_true(scripted_n_held(w.f.d, "GetMessages") > 0);
        weak = w.c;
        history = chat_conversation_get_history(w.c);
        outbox = chat_conversation_get_outbox(w.c);
        g_object_add_weak_pointer(weak, &weak);
        g_object_add_weak_pointer(history, &history);
        g_object_add_weak_pointer(outbox, &outbox);
        g_clear_object(&w.c);
        assert_null(weak);
        assert_null(history);
        assert_null(outbox);
        scripted_append(w.f.log, 1);
        scripted_release(w.f.d, "GetOutbox");
        scripted_release(w.f.d, "GetMessages");
        scripted_settle(w.f.d);
        end(&w);
}

/* Who holds a part of it alone sees it go on; nobody is told of it. */
static void test_part_outlives(void **state) {
        g_autoptr(ChatHistory) history = NULL;
        World w;

        begin(&w, 2);
        look(&w);
        history = g_object_ref(chat_conversation_get_history(w.c));
        g_clear_object(&w.c);
        w.n_changes = 0;
        scripted_append(w.f.log, 1);
        scripted_settle(w.f.d);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(history)), 3);
        assert_int_equal(w.n_changes, 0);
        end(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),   cmocka_unit_test(test_outbox_alone),
                cmocka_unit_test(test_changes), cmocka_unit_test(test_stored),
                cmocka_unit_test(test_stored_under_way),
                cmocka_unit_test(test_not_own), cmocka_unit_test(test_pages),
                cmocka_unit_test(test_failed),  cmocka_unit_test(test_daemon_dies),
                cmocka_unit_test(test_freed),   cmocka_unit_test(test_part_outlives),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
