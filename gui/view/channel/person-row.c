/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one person of a channel looks in the list, and opens the menu of what is done to them;
 * leaves the doing to person-actions.h. */
#include "gui/view/channel/person-row.h"

#include "gui/i18n.h"
#include "gui/model/text.h"
#include "gui/view/channel/person-actions.h"

struct _ChatPersonRow {
        GtkBox parent;
        ChatChannel *channel;
        ChatMember *member; /* NULL: none */
        char *own;

        AdwAvatar *avatar;
        GtkLabel *name, *what;
        GtkMenuButton *menu;
};

G_DEFINE_FINAL_TYPE(ChatPersonRow, chat_person_row, GTK_TYPE_BOX)

/* Made when it is opened: what is offered goes by what holds then. */
static void on_menu(GtkMenuButton *button, gpointer userdata) {
        ChatPersonRow *self = userdata;
        g_autoptr(GMenuModel) menu =
                self->member ? chat_person_menu_new(self->channel, self->member, self->own) : NULL;

        gtk_menu_button_set_menu_model(button, menu);
}

static void set_name(GtkWidget *widget, const char *name) {
        gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                       -1);
}

static void show(ChatPersonRow *self) {
        g_autofree char *name = chat_line(chat_member_get_username(self->member));
        g_autofree char *isolated = chat_isolate(chat_member_get_username(self->member));
        g_autofree char *what = chat_member_describe(self->member);
        g_autofree char *row = g_strdup_printf("%s: %s", isolated, what);
        g_autofree char *menu = g_strdup_printf(_("Actions for %s"), name);
        const gboolean is_there = chat_member_get_presence(self->member) <= CHAT_PRESENCE_AWAY;

        adw_avatar_set_text(self->avatar, name);
        gtk_widget_set_opacity(GTK_WIDGET(self->avatar), is_there ? 1 : 0.4);
        gtk_label_set_label(self->name, name);
        gtk_label_set_label(self->what, what);
        gtk_widget_set_tooltip_text(GTK_WIDGET(self->what), what);
        set_name(GTK_WIDGET(self), row);
        set_name(GTK_WIDGET(self->menu), menu);
        gtk_widget_set_visible(GTK_WIDGET(self->menu),
                               g_strcmp0(chat_member_get_username(self->member), self->own) != 0);
}

void chat_person_row_set(ChatPersonRow *self, ChatChannel *channel, ChatMember *member,
                         const char *own) {
        g_set_object(&self->channel, channel);
        g_set_object(&self->member, member);
        g_free(self->own);
        self->own = g_strdup(own);
        if (member)
                show(self);
}

GtkWidget *chat_person_row_new(void) {
        return g_object_new(CHAT_TYPE_PERSON_ROW, NULL);
}

static void chat_person_row_dispose(GObject *object) {
        ChatPersonRow *self = CHAT_PERSON_ROW(object);

        g_clear_object(&self->channel);
        g_clear_object(&self->member);
        g_clear_pointer(&self->own, g_free);
        G_OBJECT_CLASS(chat_person_row_parent_class)->dispose(object);
}

static void chat_person_row_init(ChatPersonRow *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        gtk_menu_button_set_create_popup_func(self->menu, on_menu, self, NULL);
}

static void chat_person_row_class_init(ChatPersonRowClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_person_row_dispose;
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/channel/person-row.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatPersonRow, avatar);
        gtk_widget_class_bind_template_child(widget_class, ChatPersonRow, name);
        gtk_widget_class_bind_template_child(widget_class, ChatPersonRow, what);
        gtk_widget_class_bind_template_child(widget_class, ChatPersonRow, menu);
}
