/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what there is to know of a channel beside its messages: its topic, who hosts it, who is in
 * it, what one may do there; leaves changing its rules to rules-dialog.h, its people to
 * person-actions.h. */
#include "gui/view/channel/details.h"

#include "gui/i18n.h"
#include "gui/model/moderation.h"
#include "gui/model/roster.h"
#include "gui/model/text.h"
#include "gui/model/words.h"
#include "gui/view/ask.h"
#include "gui/view/channel-actions.h"
#include "gui/view/channel/person-actions.h"
#include "gui/view/channel/person-row.h"
#include "gui/view/channel/rules-dialog.h"

struct _ChatDetails {
        AdwBin parent;
        ChatDaemon *daemon;
        ChatChannel *channel; /* NULL: none */
        ChatRoster *roster;   /* of it */

        GtkLabel *topic, *served, *access, *rules, *people, *trouble;
        GtkButton *edit_topic, *edit_rules, *authorize, *host, *leave;
        GtkListView *list;
};

G_DEFINE_FINAL_TYPE(ChatDetails, chat_details, ADW_TYPE_BIN)

static ChatWindow *window_of(ChatDetails *self) {
        return chat_window_of(GTK_WIDGET(self));
}

static const char *said(ChatDetails *self, const char *property) {
        return chat_remote_string(CHAT_REMOTE(self->channel), property);
}

/* ---- what is shown ---- */

static void update_topic(ChatDetails *self) {
        g_autofree char *topic = chat_line(said(self, "Topic"));

        gtk_label_set_label(self->topic, *topic ? topic : _("No topic"));
}

static void update_served(ChatDetails *self) {
        g_autofree char *owner = chat_isolate(said(self, "Owner"));
        g_autofree char *host = chat_isolate(said(self, "Host"));
        g_autofree char *text = NULL;

        if (chat_channel_is_hosted(self->channel))
                text = g_strdup_printf(
                        _("Owned by %s. It is hosted here, by your chat service."), owner);
        else if (*host)
                text = g_strdup_printf(_("Owned by %s, hosted by %s."), owner, host);
        else
                text = g_strdup_printf(_("Owned by %s."), owner);
        gtk_label_set_label(self->served, text);
}

static void update_leave(ChatDetails *self) {
        gtk_button_set_label(self->leave, chat_channel_leave_label(self->channel));
        gtk_widget_set_visible(GTK_WIDGET(self->host), chat_channel_can_host(self->channel));
}

static void update_rules(ChatDetails *self) {
        guint64 days = chat_remote_number(CHAT_REMOTE(self->channel), "RetentionDays");
        guint64 rate = chat_remote_number(CHAT_REMOTE(self->channel), "MessageRate");
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "%s\n%s",
                               chat_words_view_permission(said(self, "ViewPermission")),
                               chat_words_send_permission(said(self, "SendPermission")));
        if (rate > 0)
                g_string_append_printf(text, ngettext("\n%u message a second from each",
                                                      "\n%u messages a second from each", rate),
                                       (guint) rate);
        if (days > 0)
                g_string_append_printf(text, ngettext("\nmessages are kept for %u day",
                                                      "\nmessages are kept for %u days", days),
                                       (guint) days);
        gtk_label_set_label(self->rules, text->str);
        g_string_free(text, TRUE);
}

static void update_access(ChatDetails *self) {
        g_autofree char *text = g_strdup_printf(_("Your role: %s"), chat_words_role(said(self, "Role")));
        const gboolean is_owner = chat_channel_is_owned_by_us(self->channel);
        const gboolean is_ruled = chat_channel_is_ruled_by_us(self->channel);

        gtk_label_set_label(self->access, text);
        gtk_widget_set_visible(GTK_WIDGET(self->edit_topic), is_ruled);
        gtk_widget_set_visible(GTK_WIDGET(self->edit_rules), is_owner);
        gtk_widget_set_visible(GTK_WIDGET(self->authorize), is_ruled);
}

static void update_people(ChatDetails *self) {
        guint n = chat_roster_get_online(self->roster);
        const char *error = chat_roster_get_error(self->roster);
        g_autofree char *text = g_strdup_printf(ngettext("People — %u there", "People — %u there", n), n);

        gtk_label_set_label(self->people, text);
        gtk_label_set_label(self->trouble, error);
        gtk_widget_set_visible(GTK_WIDGET(self->trouble), *error != '\0');
}

static void update(ChatDetails *self) {
        if (!self->channel)
                return;
        update_topic(self);
        update_served(self);
        update_leave(self);
        update_rules(self);
        update_access(self);
        update_people(self);
}

/* ---- what is done ---- */

static void on_done(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) window = userdata;
        g_autoptr(GError) error = NULL;

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                chat_window_toast_error(window, error);
}

static void on_topic_said(ChatWindow *window, const char *text, guint choice, gpointer userdata) {
        chat_channel_set_topic_async(userdata, text, on_done, g_object_ref(window));
}

static void on_edit_topic(ChatDetails *self) {
        const ChatQuestion question = {
                .heading = _("Topic"),
                .body = _("What this channel is about, in one line. Everybody sees it."),
                .label = _("Topic of the channel"),
                .text = said(self, "Topic"),
                .answer = _("Set"),
        };

        chat_ask(window_of(self), &question, on_topic_said, g_object_ref(self->channel),
                 g_object_unref);
}

static void on_edit_rules(ChatDetails *self) {
        chat_rules_dialog_show(window_of(self), self->channel);
}

static void on_changed(gpointer userdata) {
        ChatDetails *self = userdata;

        if (self->roster)
                chat_roster_refresh(self->roster);
}

static void on_authorize(ChatDetails *self) {
        chat_person_authorize(window_of(self), self->channel, on_changed, G_OBJECT(self));
}

static void on_why(ChatDetails *self) {
        chat_person_explain(window_of(self), self->channel, "");
}

/* ---- which channel ---- */

static void forget_channel(ChatDetails *self) {
        gtk_widget_insert_action_group(GTK_WIDGET(self), "person", NULL);
        gtk_list_view_set_model(self->list, NULL);
        if (self->channel)
                g_signal_handlers_disconnect_by_data(self->channel, self);
        if (self->roster)
                g_signal_handlers_disconnect_by_data(self->roster, self);
        g_clear_object(&self->roster);
        g_clear_object(&self->channel);
}

void chat_details_set_channel(ChatDetails *self, ChatChannel *channel) {
        g_autoptr(GtkNoSelection) model = NULL;
        GActionGroup *actions;

        if (self->channel == channel)
                return;
        forget_channel(self);
        if (!channel)
                return;
        self->channel = g_object_ref(channel);
        self->roster = chat_roster_new(channel);
        actions = chat_person_actions_new(window_of(self), channel, on_changed, G_OBJECT(self));
        gtk_widget_insert_action_group(GTK_WIDGET(self), "person", actions);
        g_object_unref(actions);
        model = gtk_no_selection_new(G_LIST_MODEL(g_object_ref(self->roster)));
        gtk_list_view_set_model(self->list, GTK_SELECTION_MODEL(model));
        g_signal_connect_swapped(channel, "notify", G_CALLBACK(update), self);
        g_signal_connect_swapped(self->roster, "notify", G_CALLBACK(update), self);
        update(self);
}

void chat_details_set_daemon(ChatDetails *self, ChatDaemon *daemon) {
        g_set_object(&self->daemon, daemon);
}

static void on_setup(GtkSignalListItemFactory *factory, GtkListItem *item) {
        gtk_list_item_set_activatable(item, FALSE);
        gtk_list_item_set_child(item, chat_person_row_new());
}

static void on_bind(ChatDetails *self, GtkListItem *item) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);

        chat_person_row_set(CHAT_PERSON_ROW(gtk_list_item_get_child(item)), self->channel,
                            gtk_list_item_get_item(item),
                            account ? chat_account_get_username(account) : "");
}

static void on_unbind(GtkSignalListItemFactory *factory, GtkListItem *item) {
        chat_person_row_set(CHAT_PERSON_ROW(gtk_list_item_get_child(item)), NULL, NULL, "");
}

static void chat_details_dispose(GObject *object) {
        ChatDetails *self = CHAT_DETAILS(object);

        if (self->list)
                forget_channel(self);
        g_clear_object(&self->daemon);
        G_OBJECT_CLASS(chat_details_parent_class)->dispose(object);
}

static void chat_details_init(ChatDetails *self) {
        g_autoptr(GSimpleActionGroup) none = g_simple_action_group_new();

        /* Ahead of what is below it: GTK 4.8 looks for actions only at those who had any when it was
         * put there. */
        gtk_widget_insert_action_group(GTK_WIDGET(self), "person", G_ACTION_GROUP(none));
        gtk_widget_init_template(GTK_WIDGET(self));
}

static void chat_details_class_init(ChatDetailsClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_details_dispose;
        gtk_widget_class_set_template_from_resource(widget_class,
                                                    "/org/p2pchat/Chat/view/channel/details.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, topic);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, served);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, access);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, rules);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, people);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, trouble);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, edit_topic);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, edit_rules);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, authorize);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, host);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, leave);
        gtk_widget_class_bind_template_child(widget_class, ChatDetails, list);
        gtk_widget_class_bind_template_callback(widget_class, on_edit_topic);
        gtk_widget_class_bind_template_callback(widget_class, on_edit_rules);
        gtk_widget_class_bind_template_callback(widget_class, on_authorize);
        gtk_widget_class_bind_template_callback(widget_class, on_why);
        gtk_widget_class_bind_template_callback(widget_class, on_setup);
        gtk_widget_class_bind_template_callback(widget_class, on_bind);
        gtk_widget_class_bind_template_callback(widget_class, on_unbind);
}
