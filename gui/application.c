/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the program as the desktop sees it: one process, its windows, actions and links; leaves
 * what is in a window to view/window.h. */
#include "gui/application.h"

#include <glib-unix.h>
#include <signal.h>

#include "gui/i18n.h"
#include "gui/model/daemon.h"
#include "gui/view/shortcuts.h"
#include "gui/view/window.h"
#include "version.h"

struct _ChatApplication {
        AdwApplication parent;
        ChatDaemon *daemon; /* NULL before startup */
};

G_DEFINE_FINAL_TYPE(ChatApplication, chat_application, ADW_TYPE_APPLICATION)

static GtkWindow *add_window(ChatApplication *self) {
        return GTK_WINDOW(chat_window_new(self, self->daemon));
}

static void on_new_window(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        gtk_window_present(add_window(userdata));
}

static void on_quit(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        GList *windows;

        while ((windows = gtk_application_get_windows(userdata)))
                gtk_window_destroy(windows->data);
}

/* The window that was used last; a new one where there is none. */
static ChatWindow *choose_window(ChatApplication *self) {
        GtkWindow *window = gtk_application_get_active_window(GTK_APPLICATION(self));

        return CHAT_WINDOW(window ?: add_window(self));
}

static void on_show_channel(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        ChatWindow *window = choose_window(userdata);

        chat_window_show_channel(window, g_variant_get_string(parameter, NULL));
        gtk_window_present(GTK_WINDOW(window));
}

/* The session ends, or somebody pressed Ctrl+C: as by its own key. */
static gboolean on_signal(gpointer userdata) {
        on_quit(NULL, NULL, userdata);
        return G_SOURCE_CONTINUE;
}

static const GActionEntry actions[] = {
        { .name = "new-window", .activate = on_new_window },
        { .name = "quit", .activate = on_quit },
        /* What a pop-up of the daemon leads to: the object's path. */
        { .name = P2PCHAT_WINDOW_SHOW_CHANNEL, .activate = on_show_channel, .parameter_type = "s" },
};

static void chat_application_startup(GApplication *application) {
        ChatApplication *self = CHAT_APPLICATION(application);
        g_autoptr(ChatBus) bus = NULL;

        G_APPLICATION_CLASS(chat_application_parent_class)->startup(application);
        g_action_map_add_action_entries(G_ACTION_MAP(self), actions, G_N_ELEMENTS(actions), self);
        chat_shortcuts_add(GTK_APPLICATION(self));
        g_unix_signal_add(SIGTERM, on_signal, self);
        g_unix_signal_add(SIGINT, on_signal, self);
        gtk_window_set_default_icon_name(CHAT_APPLICATION_ID);
        /* There is no bus: handle_local_options() says so, and that is all. */
        if (!g_application_get_dbus_connection(application))
                return;
        bus = chat_bus_new(g_application_get_dbus_connection(application));
        self->daemon = chat_daemon_new(bus);
        chat_daemon_start(self->daemon);
}

static void chat_application_activate(GApplication *application) {
        gtk_window_present(GTK_WINDOW(choose_window(CHAT_APPLICATION(application))));
}

static void chat_application_open(GApplication *application, GFile **files, int n_files,
                                  const char *hint) {
        ChatWindow *window = choose_window(CHAT_APPLICATION(application));

        for (int i = 0; i < n_files; i++) {
                g_autofree char *uri = g_file_get_uri(files[i]);
                chat_window_open_link(window, uri);
        }
        gtk_window_present(GTK_WINDOW(window));
}

/* Without a session bus there is nothing that this program could show. */
static int chat_application_handle_local_options(GApplication *application, GVariantDict *options) {
        g_autoptr(GError) error = NULL;

        if (g_variant_dict_contains(options, "version")) {
                g_print("p2pchat %s\n", P2PCHAT_VERSION);
                return 0;
        }
        if (!g_application_register(application, NULL, &error) ||
            !g_application_get_dbus_connection(application)) {
                g_printerr(
                        _("There is no message bus of a session to reach the chat service by%s%s.\n"
                          "Start this in a desktop session, or with: dbus-run-session p2pchat\n"),
                        error ? ": " : "", error ? error->message : "");
                return 3;
        }
        /* Who is the first opens a window anyway. */
        if (g_variant_dict_contains(options, "new-window") &&
            g_application_get_is_remote(application)) {
                g_action_group_activate_action(G_ACTION_GROUP(application), "new-window", NULL);
                return 0;
        }
        return -1;
}

static void chat_application_finalize(GObject *object) {
        g_clear_object(&CHAT_APPLICATION(object)->daemon);
        G_OBJECT_CLASS(chat_application_parent_class)->finalize(object);
}

static void chat_application_init(ChatApplication *self) {
        static const GOptionEntry options[] = {
                { "new-window", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Open one more window"), NULL },
                { "version", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Show the version"), NULL },
                { NULL },
        };

        g_application_add_main_option_entries(G_APPLICATION(self), options);
        g_application_set_option_context_parameter_string(G_APPLICATION(self), "[p2pchat:LINK…]");
}

static void chat_application_class_init(ChatApplicationClass *class) {
        GApplicationClass *application_class = G_APPLICATION_CLASS(class);

        G_OBJECT_CLASS(class)->finalize = chat_application_finalize;
        application_class->startup = chat_application_startup;
        application_class->activate = chat_application_activate;
        application_class->open = chat_application_open;
        application_class->handle_local_options = chat_application_handle_local_options;
}

ChatApplication *chat_application_new(void) {
        return g_object_new(CHAT_TYPE_APPLICATION, "application-id", CHAT_APPLICATION_ID, "flags",
                            G_APPLICATION_HANDLES_OPEN, "resource-base-path", P2PCHAT_WINDOW_PATH,
                            NULL);
}
