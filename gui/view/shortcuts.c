/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows every key of the window and what it does: the same table makes it work and shows it. */
#include "gui/view/shortcuts.h"

#include "gui/i18n.h"

typedef struct Shortcut {
        const char *action; /* NULL: it is done where the focus is */
        const char *keys;   /* as gtk_accelerator_parse() reads them */
        const char *what;
} Shortcut;

static const struct {
        const char *title;
        Shortcut shortcuts[10];
} groups[] = {
        { N_("Channels"),
          { { "win.go-to-channel", "<Control>k", N_("Go to a channel") },
            { "win.next-channel", "<Alt>Down", N_("Go to the next channel") },
            { "win.previous-channel", "<Alt>Up", N_("Go to the previous channel") },
            { "win.next-unread", "<Alt><Shift>Down", N_("Go to the next one with new messages") },
            { NULL, "<Control>1...9", N_("Go to one of the first nine") },
            { NULL, "<Shift>F10", N_("Open the menu of the channel") },
            { "win.directory", "<Control>d", N_("Browse the directory") },
            { "win.join", "<Control>j", N_("Join by a name or a link") },
            { "win.new-channel", "<Control><Shift>n", N_("Make a channel") } } },
        { N_("In a Channel"),
          { { "win.search", "<Control>f", N_("Search in the channel") },
            { "win.details", "F9", N_("Show the details of the channel") },
            { NULL, "Return", N_("Send the message") },
            { NULL, "<Shift>Return", N_("Begin a new line") },
            { NULL, "<Shift>F10", N_("Open the menu of the message") },
            { NULL, "Home", N_("Go to the first message") },
            { NULL, "End", N_("Go to the last message") } } },
        { N_("Window"),
          { { "app.new-window", "<Control>n", N_("Open one more window") },
            { "win.outbox", "<Control>o", N_("Show what waits to be sent") },
            { "win.preferences", "<Control>comma", N_("Show the preferences") },
            { "win.shortcuts", "<Control>question", N_("Show these shortcuts") },
            { NULL, "F10", N_("Open the menu") },
            { "window.close", "<Control>w", N_("Close the window") },
            { "app.quit", "<Control>q", N_("Quit; the chat service goes on") } } },
};

/* What the table shows as one. */
static void add_nth(GtkApplication *application, guint n) {
        g_autofree char *action = g_strdup_printf("win.nth-channel(%u)", n);
        g_autofree char *key = g_strdup_printf("<Control>%u", n);
        const char *keys[] = { key, NULL };

        gtk_application_set_accels_for_action(application, action, keys);
}

void chat_shortcuts_add(GtkApplication *application) {
        for (guint n = 1; n <= 9; n++)
                add_nth(application, n);
        for (gsize i = 0; i < G_N_ELEMENTS(groups); i++)
                for (const Shortcut *s = groups[i].shortcuts; s->keys; s++) {
                        const char *keys[] = { s->keys, NULL };

                        if (s->action)
                                gtk_application_set_accels_for_action(application, s->action, keys);
                }
}

/* GTK 4.8 warns of negative widths where it makes a third column of these. */
#define COLUMN_ROWS "20"

/* GtkShortcutsWindow is made of a description only. */
static char *describe(void) {
        GString *text = g_string_new("<interface><object class=\"GtkShortcutsWindow\" id=\"window\">"
                                     "<property name=\"modal\">True</property><child>"
                                     "<object class=\"GtkShortcutsSection\">"
                                     "<property name=\"max-height\">" COLUMN_ROWS
                                     "</property>");

        for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
                g_autofree char *title = g_markup_escape_text(_(groups[i].title), -1);

                g_string_append_printf(text,
                                       "<child><object class=\"GtkShortcutsGroup\">"
                                       "<property name=\"title\">%s</property>",
                                       title);
                for (const Shortcut *s = groups[i].shortcuts; s->keys; s++) {
                        g_autofree char *keys = g_markup_escape_text(s->keys, -1);
                        g_autofree char *what = g_markup_escape_text(_(s->what), -1);

                        g_string_append_printf(
                                text,
                                "<child><object class=\"GtkShortcutsShortcut\">"
                                "<property name=\"accelerator\">%s</property>"
                                "<property name=\"title\">%s</property></object></child>",
                                keys, what);
                }
                g_string_append(text, "</object></child>");
        }
        g_string_append(text, "</object></child></object></interface>");
        return g_string_free(text, FALSE);
}

void chat_shortcuts_show(GtkWindow *parent) {
        g_autofree char *description = describe();
        g_autoptr(GtkBuilder) builder = gtk_builder_new_from_string(description, -1);
        GtkWindow *window = GTK_WINDOW(gtk_builder_get_object(builder, "window"));

        gtk_window_set_transient_for(window, parent);
        gtk_window_present(window);
}
