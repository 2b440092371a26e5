/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a channel is seen in the list: its name, its topic or why it is not live, what is
 * unread or waits; leaves which channels there are to sidebar.h. */
#include "gui/view/sidebar/sidebar-row.h"

#include "gui/i18n.h"
#include "gui/model/text.h"
#include "gui/model/words.h"

/* A badge is no place for a long number; the row's accessible name says it whole. */
#define BADGE_MAX 999

struct _ChatSidebarRow {
        GtkBox parent;
        GtkLabel *name, *about, *mentions, *unread;
        GtkImage *restricted, *hosted;
        ChatChannel *channel;
};

enum { PROP_0, PROP_CHANNEL, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

G_DEFINE_FINAL_TYPE(ChatSidebarRow, chat_sidebar_row, GTK_TYPE_BOX)

/* To be freed, as are the other words below; NULL: there is nothing to say. */
static char *say_mentions(ChatChannel *channel) {
        guint n = chat_channel_get_mentions(channel);

        return n > 0 ? g_strdup_printf(ngettext("%u mention", "%u mentions", n), n) : NULL;
}

static char *say_unread(ChatChannel *channel) {
        guint n = chat_channel_get_unread(channel);

        return n > 0 ? g_strdup_printf(ngettext("%u unread", "%u unread", n), n) : NULL;
}

static char *say_waiting(ChatChannel *channel) {
        guint n = (guint) chat_remote_number(CHAT_REMOTE(channel), "OutboxCount");

        return n > 0 ? g_strdup_printf(ngettext("%u waiting", "%u waiting", n), n) : NULL;
}

static char *say_state(ChatChannel *channel) {
        const char *state = chat_channel_get_state(channel);

        return g_str_equal(state, "live") || !*state ? NULL : chat_line(chat_words_state(state));
}

static char *say_topic(ChatChannel *channel) {
        g_autofree char *topic = chat_line(chat_remote_string(CHAT_REMOTE(channel), "Topic"));

        return *topic ? g_steal_pointer(&topic) : NULL;
}

static gboolean is_restricted(ChatChannel *channel) {
        return g_str_equal(chat_remote_string(CHAT_REMOTE(channel), "ViewPermission"),
                           "restricted");
}

static void show_line(GtkLabel *label, const char *text) {
        gtk_label_set_label(label, text ?: "");
        gtk_widget_set_visible(GTK_WIDGET(label), text != NULL);
}

/* Why nothing is sent, or else what it is about; and what waits. */
static void show_about(ChatSidebarRow *self) {
        g_autofree char *waiting = say_waiting(self->channel);
        g_autofree char *state = say_state(self->channel);
        g_autofree char *topic = say_topic(self->channel);
        const char *rest = state ?: topic;
        g_autofree char *isolated = rest ? chat_isolate(rest) : NULL;
        g_autofree char *both =
                waiting && rest ? g_strdup_printf("%s · %s", isolated, waiting) : NULL;

        show_line(self->about, both ?: rest ?: waiting);
}

/* sign: what stands before the number. words: what it means; NULL where there is none. */
static void show_badge(GtkLabel *badge, const char *sign, guint n, const char *words) {
        g_autofree char *number =
                g_strdup_printf(n > BADGE_MAX ? "%s%u+" : "%s%u", sign, MIN(n, (guint) BADGE_MAX));

        show_line(badge, words ? number : NULL);
        gtk_widget_set_tooltip_text(GTK_WIDGET(badge), words);
        gtk_accessible_update_property(GTK_ACCESSIBLE(badge), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                       words ?: "", -1);
}

/* What a screen reader says of the row as a whole: it reads the name of the list's item. */
static void name_row(ChatSidebarRow *self, const char *mentions, const char *unread) {
        g_autofree char *name = chat_line(chat_channel_get_name(self->channel));
        g_autofree char *topic =
                chat_isolate(chat_remote_string(CHAT_REMOTE(self->channel), "Topic"));
        g_autofree char *state = say_state(self->channel), *waiting = say_waiting(self->channel);
        g_autofree char *all = NULL;
        g_autoptr(GPtrArray) parts = g_ptr_array_new();
        const char *said[] = {
                name,
                mentions,
                unread,
                state,
                waiting,
                is_restricted(self->channel) ? _("members only") : NULL,
                chat_channel_is_hosted(self->channel) ? _("hosted here") : NULL,
                *topic ? topic : NULL,
        };
        GtkWidget *item = gtk_widget_get_parent(GTK_WIDGET(self));

        if (!item)
                return;
        for (gsize i = 0; i < G_N_ELEMENTS(said); i++)
                if (said[i])
                        g_ptr_array_add(parts, (gpointer) said[i]);
        g_ptr_array_add(parts, NULL);
        /* What stands between the things that are said of a channel. */
        all = g_strjoinv(_(", "), (char **) parts->pdata);
        gtk_accessible_update_property(GTK_ACCESSIBLE(item), GTK_ACCESSIBLE_PROPERTY_LABEL, all,
                                       -1);
}

static void update(ChatSidebarRow *self) {
        ChatChannel *channel = self->channel;
        g_autofree char *name = chat_line(chat_channel_get_name(channel));
        g_autofree char *mentions = say_mentions(channel), *unread = say_unread(channel);

        gtk_label_set_label(self->name, name);
        if (unread)
                gtk_widget_add_css_class(GTK_WIDGET(self), "unread");
        else
                gtk_widget_remove_css_class(GTK_WIDGET(self), "unread");
        show_about(self);
        show_badge(self->mentions, "@", chat_channel_get_mentions(channel), mentions);
        show_badge(self->unread, "", chat_channel_get_unread(channel), unread);
        gtk_widget_set_visible(GTK_WIDGET(self->restricted), is_restricted(channel));
        gtk_widget_set_visible(GTK_WIDGET(self->hosted), chat_channel_is_hosted(channel));
        name_row(self, mentions, unread);
}

static void row_set_channel(ChatSidebarRow *self, ChatChannel *channel) {
        if (self->channel)
                g_signal_handlers_disconnect_by_data(self->channel, self);
        g_set_object(&self->channel, channel);
        if (!channel)
                return;
        /* Nearly all that changes of a channel is shown here. */
        g_signal_connect_swapped(channel, "notify", G_CALLBACK(update), self);
        update(self);
}

/* One click is enough. The list's own "single-click-activate" chooses what the pointer is moved
 * across. */
static void on_clicked(ChatSidebarRow *self, int n, double x, double y) {
        if (self->channel && gtk_widget_contains(GTK_WIDGET(self), x, y))
                gtk_widget_activate_action(GTK_WIDGET(self), "sidebar.open", "s",
                                           chat_remote_get_path(CHAT_REMOTE(self->channel)));
}

static void chat_sidebar_row_get_property(GObject *object, guint id, GValue *value,
                                          GParamSpec *spec) {
        if (id == PROP_CHANNEL)
                g_value_set_object(value, CHAT_SIDEBAR_ROW(object)->channel);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_sidebar_row_set_property(GObject *object, guint id, const GValue *value,
                                          GParamSpec *spec) {
        if (id == PROP_CHANNEL)
                row_set_channel(CHAT_SIDEBAR_ROW(object), g_value_get_object(value));
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_sidebar_row_dispose(GObject *object) {
        ChatSidebarRow *self = CHAT_SIDEBAR_ROW(object);

        if (self->channel)
                g_signal_handlers_disconnect_by_data(self->channel, self);
        g_clear_object(&self->channel);
        G_OBJECT_CLASS(chat_sidebar_row_parent_class)->dispose(object);
}

static void chat_sidebar_row_init(ChatSidebarRow *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

static void chat_sidebar_row_class_init(ChatSidebarRowClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_sidebar_row_dispose;
        G_OBJECT_CLASS(class)->get_property = chat_sidebar_row_get_property;
        G_OBJECT_CLASS(class)->set_property = chat_sidebar_row_set_property;
        specs[PROP_CHANNEL] = g_param_spec_object("channel", NULL, NULL, CHAT_TYPE_CHANNEL,
                                                  G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/sidebar/sidebar-row.ui");
        gtk_widget_class_bind_template_callback(widget_class, on_clicked);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, name);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, about);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, mentions);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, unread);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, restricted);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, hosted);
}
