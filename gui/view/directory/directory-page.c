/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how channels are found and joined; leaves what is listed to model/directory.h. */
#include "gui/view/directory/directory-page.h"

#include "gui/i18n.h"
#include "gui/model/directory.h"
#include "gui/model/join.h"
#include "gui/model/text.h"
#include "gui/view/shown.h"
#include "gui/view/window.h"

struct _ChatDirectoryPage {
        AdwBin parent;
        ChatDaemon *daemon;
        ChatDirectory *directory; /* NULL until it is looked at */

        GtkSearchEntry *search;
        GtkStack *stack;
        GtkListView *list;
        GtkNoSelection *selection;
        AdwStatusPage *failed;
        GtkLabel *more;
};

G_DEFINE_FINAL_TYPE(ChatDirectoryPage, chat_directory_page, ADW_TYPE_BIN)

static void on_joined(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatDirectoryPage) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = chat_join_finish(CHAT_DAEMON(source), result, &error);
        ChatWindow *window = chat_window_of(GTK_WIDGET(self));

        if (!window)
                return;
        if (path)
                chat_window_show_channel(window, path);
        else
                chat_window_toast_error(window, error);
}

static void on_activate(ChatDirectoryPage *self, guint position) {
        g_autoptr(ChatDirectoryEntry) entry =
                g_list_model_get_item(G_LIST_MODEL(self->directory), position);

        if (entry)
                chat_join_async(self->daemon, chat_directory_entry_get_name(entry), NULL, on_joined,
                                g_object_ref(self));
}

static void show_failure(ChatDirectoryPage *self) {
        const GError *error = chat_directory_get_error(self->directory);
        g_autofree char *text = error ? chat_error_dup_text(error, NULL) : g_strdup("");
        g_autofree char *markup = g_markup_escape_text(text, -1);

        adw_status_page_set_description(self->failed, markup);
        gtk_stack_set_visible_child_name(self->stack, "failed");
}

static void update(ChatDirectoryPage *self) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->directory));
        ChatDirectoryState state = chat_directory_get_state(self->directory);
        gboolean is_search = *chat_directory_get_query(self->directory) != '\0';

        gtk_widget_set_visible(GTK_WIDGET(self->more), state == CHAT_DIRECTORY_FULL);
        if (state == CHAT_DIRECTORY_FAILED && n == 0)
                show_failure(self);
        else if (n > 0)
                gtk_stack_set_visible_child_name(self->stack, "channels");
        else if (state == CHAT_DIRECTORY_LOADING)
                gtk_stack_set_visible_child_name(self->stack, "loading");
        else
                gtk_stack_set_visible_child_name(self->stack, is_search ? "nothing" : "none");
}

static void on_search(ChatDirectoryPage *self) {
        if (self->directory)
                chat_directory_set_query(self->directory,
                                         gtk_editable_get_text(GTK_EDITABLE(self->search)));
}

static void on_edge(ChatDirectoryPage *self, GtkPositionType edge) {
        if (edge == GTK_POS_BOTTOM && self->directory)
                chat_directory_more(self->directory);
}

static char *describe(ChatDirectoryEntry *entry) {
        guint n = chat_directory_entry_get_members(entry);
        g_autofree char *owner = chat_isolate(chat_directory_entry_get_owner(entry));
        g_autofree char *members =
                g_strdup_printf(g_dngettext(NULL, "%u online", "%u online", n), n);
        const char *host =
                chat_directory_entry_is_online(entry) ? members : _("its host is offline");

        if (chat_directory_entry_is_restricted(entry))
                return g_strdup_printf(_("by %s, %s, restricted"), owner, host);
        return g_strdup_printf(_("by %s, %s"), owner, host);
}

static GtkWidget *label_new(const char *class) {
        GtkWidget *label = gtk_label_new("");

        gtk_label_set_xalign(GTK_LABEL(label), 0);
        gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
        gtk_widget_add_css_class(label, class);
        return label;
}

static void on_setup(ChatDirectoryPage *self, GtkListItem *item) {
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);

        gtk_box_append(GTK_BOX(box), label_new("heading"));
        gtk_box_append(GTK_BOX(box), label_new("body"));
        gtk_box_append(GTK_BOX(box), label_new("caption"));
        gtk_widget_add_css_class(box, "directory-row");
        gtk_list_item_set_child(item, box);
}

static void on_bind(ChatDirectoryPage *self, GtkListItem *item) {
        ChatDirectoryEntry *entry = gtk_list_item_get_item(item);
        GtkWidget *name = gtk_widget_get_first_child(gtk_list_item_get_child(item));
        GtkWidget *topic = gtk_widget_get_next_sibling(name);
        g_autofree char *description = describe(entry);

        gtk_label_set_label(GTK_LABEL(name), chat_directory_entry_get_name(entry));
        gtk_label_set_label(GTK_LABEL(topic), chat_directory_entry_get_topic(entry));
        gtk_widget_set_visible(topic, *chat_directory_entry_get_topic(entry) != '\0');
        gtk_label_set_label(GTK_LABEL(gtk_widget_get_next_sibling(topic)), description);
}

/* Looked at: only now the tracker is asked. */
static void chat_directory_page_map(GtkWidget *widget) {
        ChatDirectoryPage *self = CHAT_DIRECTORY_PAGE(widget);

        GTK_WIDGET_CLASS(chat_directory_page_parent_class)->map(widget);
        if (!self->directory) {
                self->directory = chat_directory_new(self->daemon);
                g_signal_connect_swapped(self->directory, "notify::state", G_CALLBACK(update),
                                         self);
                gtk_no_selection_set_model(self->selection, G_LIST_MODEL(self->directory));
                on_search(self);
        }
        update(self);
        gtk_widget_grab_focus(GTK_WIDGET(self->search));
}

/* What nobody looks at is not kept up to date. */
static void chat_directory_page_unmap(GtkWidget *widget) {
        ChatDirectoryPage *self = CHAT_DIRECTORY_PAGE(widget);

        gtk_no_selection_set_model(self->selection, NULL);
        if (self->directory)
                g_signal_handlers_disconnect_by_data(self->directory, self);
        g_clear_object(&self->directory);
        GTK_WIDGET_CLASS(chat_directory_page_parent_class)->unmap(widget);
}

static void on_reload(ChatDirectoryPage *self) {
        if (self->directory)
                chat_directory_reload(self->directory);
}

void chat_directory_page_set_daemon(ChatDirectoryPage *self, ChatDaemon *daemon) {
        g_set_object(&self->daemon, daemon);
}

static void chat_directory_page_dispose(GObject *object) {
        ChatDirectoryPage *self = CHAT_DIRECTORY_PAGE(object);

        if (self->directory)
                g_signal_handlers_disconnect_by_data(self->directory, self);
        g_clear_object(&self->directory);
        g_clear_object(&self->daemon);
        G_OBJECT_CLASS(chat_directory_page_parent_class)->dispose(object);
}

static void chat_directory_page_init(ChatDirectoryPage *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        chat_shown_follow_pages(self->stack);
}

#define BIND(name) gtk_widget_class_bind_template_child(widget_class, ChatDirectoryPage, name)
#define CALLBACK(name) gtk_widget_class_bind_template_callback(widget_class, name)

static void chat_directory_page_class_init(ChatDirectoryPageClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_directory_page_dispose;
        widget_class->map = chat_directory_page_map;
        widget_class->unmap = chat_directory_page_unmap;
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/directory/directory-page.ui");
        BIND(search);
        BIND(stack);
        BIND(list);
        BIND(selection);
        BIND(failed);
        BIND(more);
        CALLBACK(on_search);
        CALLBACK(on_activate);
        CALLBACK(on_edge);
        CALLBACK(on_setup);
        CALLBACK(on_bind);
        CALLBACK(on_reload);
}
