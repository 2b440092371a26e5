/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A chat client that knows of p2pchat only what dbus-1/interfaces/org.p2pchat.Peer1.*.xml says:
 *
 *   gdbus-codegen --generate-c-code peer1 --interface-prefix org.p2pchat.Peer1. \
 *     --c-namespace Peer1 --c-generate-object-manager \
 *     /usr/local/share/dbus-1/interfaces/org.p2pchat.Peer1.*.xml
 *   cc -I. -o chat-client chat-client.c peer1.c $(pkg-config --cflags --libs gio-unix-2.0)
 *
 * Without an argument it lists your channels; with a channel's name it says what is typed, and
 * shows what is said. When the daemon goes and comes back nothing is lost and nothing is there
 * twice: what comes is pulled from a cursor, and what goes out has an id, under which it may be
 * sent again. */
#include <gio/gio.h>
#include <locale.h>
#include <peer1.h>
#include <unistd.h>

typedef struct Line {
        char *id, *text;
} Line;

typedef struct Client {
        GMainLoop *loop;
        GDBusObjectManager *objects;
        const char *name;
        Peer1Channel *channel; /* NULL: the daemon is away */
        guint64 cursor;        /* the last entry that was shown */
        GQueue typed;          /* Line: not yet on the daemon's disk */
        GIOChannel *input;
        gboolean at_end; /* nothing more is typed */
} Client;

static void line_free(Line *l) {
        g_free(l->id);
        g_free(l->text);
        g_free(l);
}

static GVariant *no_options(void) {
        return g_variant_new("a{sv}", NULL);
}

/* Send answers when the text is on disk; from then on it goes out by itself. */
static void send_typed(Client *c) {
        Line *l;

        while (c->channel && (l = g_queue_peek_head(&c->typed))) {
                g_autoptr(GError) error = NULL;
                g_auto(GVariantDict) options;

                g_variant_dict_init(&options, NULL);
                g_variant_dict_insert(&options, "id", "s", l->id);
                if (!peer1_channel_call_send_sync(c->channel, l->text, g_variant_dict_end(&options),
                                                  NULL, NULL, NULL, &error)) {
                        /* A name of p2pchat is an answer; without one it is sent again. */
                        g_autofree char *name = g_dbus_error_get_remote_error(error);

                        if (!name || !g_str_has_prefix(name, "org.p2pchat.Error."))
                                return;
                        g_dbus_error_strip_remote_error(error);
                        g_printerr("! %s: %s\n", l->text, error->message);
                }
                line_free(g_queue_pop_head(&c->typed));
        }
        if (c->at_end && g_queue_is_empty(&c->typed))
                g_main_loop_quit(c->loop);
}

static void show(GVariant *entries) {
        const char *id, *kind, *username, *user_type, *text;
        GVariantIter iter;
        guint64 seq, when;
        GVariant *extra;

        g_variant_iter_init(&iter, entries);
        while (g_variant_iter_loop(&iter, "(tsssst@a{sv})", &seq, &id, &kind, &username, &user_type,
                                   &when, &extra)) {
                g_autofree char *line = NULL;

                if (!g_str_equal(kind, "message") || !g_variant_lookup(extra, "text", "&s", &text))
                        continue;
                line = g_strdelimit(g_strdup(text), "\n\t", ' ');
                g_print("<%s> %s\n", username, line);
        }
}

/* All that is behind the cursor, page by page. */
static void pull(Client *c) {
        gboolean more = TRUE;

        while (c->channel && more) {
                g_autoptr(GVariant) entries = NULL, page = NULL;

                if (!peer1_channel_call_get_messages_sync(c->channel, c->cursor, 500, no_options(),
                                                          &entries, &page, NULL, NULL))
                        return; /* it is gone, and comes back with another signal */
                show(entries);
                if (!g_variant_lookup(page, "more", "b", &more) ||
                    !g_variant_lookup(page, "next_anchor", "t", &c->cursor))
                        return;
        }
}

static void on_entries_appended(Peer1Channel *channel, guint64 first, guint64 last,
                                GVariant *details, Client *c) {
        pull(c);
}

static void on_object_added(GDBusObjectManager *objects, GDBusObject *object, Client *c) {
        Peer1Channel *channel = peer1_object_peek_channel(PEER1_OBJECT(object));

        if (!channel || c->channel || g_strcmp0(peer1_channel_get_name(channel), c->name) != 0 ||
            g_strcmp0(peer1_channel_get_state(channel), "closed") == 0)
                return;
        c->channel = g_object_ref(channel);
        g_signal_connect(channel, "entries-appended", G_CALLBACK(on_entries_appended), c);
        pull(c);
        send_typed(c);
}

static void on_object_removed(GDBusObjectManager *objects, GDBusObject *object, Client *c) {
        if (!c->channel ||
            PEER1_CHANNEL(c->channel) != peer1_object_peek_channel(PEER1_OBJECT(object)))
                return;
        g_signal_handlers_disconnect_by_data(c->channel, c);
        g_clear_object(&c->channel);
}

static gboolean on_typed(GIOChannel *input, GIOCondition condition, gpointer userdata) {
        Client *c = userdata;
        char *text = NULL;
        gsize end;

        if (g_io_channel_read_line(input, &text, NULL, &end, NULL) != G_IO_STATUS_NORMAL) {
                c->at_end = TRUE;
                send_typed(c);
                return G_SOURCE_REMOVE;
        }
        text[end] = '\0';
        if (*text) {
                Line *l = g_new0(Line, 1);

                *l = (Line){ g_uuid_string_random(), text };
                g_queue_push_tail(&c->typed, l);
        } else
                g_free(text);
        send_typed(c);
        return G_SOURCE_CONTINUE;
}

static void each_object(Client *c) {
        GList *objects = g_dbus_object_manager_get_objects(c->objects);

        for (GList *o = objects; o; o = o->next) {
                Peer1Channel *channel = peer1_object_peek_channel(PEER1_OBJECT(o->data));

                if (c->name)
                        on_object_added(c->objects, o->data, c);
                else if (channel)
                        g_print("%s %s\n", peer1_channel_get_name(channel),
                                peer1_channel_get_state(channel));
        }
        g_list_free_full(objects, g_object_unref);
}

int main(int argc, char **argv) {
        Client c = { .name = argc > 1 ? argv[1] : NULL, .typed = G_QUEUE_INIT };
        g_autoptr(GError) error = NULL;

        setlocale(LC_ALL, "");
        c.objects = peer1_object_manager_client_new_for_bus_sync(
                G_BUS_TYPE_SESSION, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE, "org.p2pchat.Peer1",
                "/org/p2pchat/Peer1", NULL, &error);
        if (!c.objects) {
                g_printerr("%s\n", error->message);
                return 1;
        }
        if (!c.name) {
                each_object(&c);
                return 0;
        }
        c.loop = g_main_loop_new(NULL, FALSE);
        g_signal_connect(c.objects, "object-added", G_CALLBACK(on_object_added), &c);
        g_signal_connect(c.objects, "object-removed", G_CALLBACK(on_object_removed), &c);
        each_object(&c);
        if (!c.channel) {
                g_printerr("You have no channel %s; try: p2pchatctl join %s\n", c.name, c.name);
                return 1;
        }
        c.input = g_io_channel_unix_new(STDIN_FILENO);
        g_io_add_watch(c.input, G_IO_IN | G_IO_HUP, on_typed, &c);
        g_main_loop_run(c.loop);
        return 0;
}
