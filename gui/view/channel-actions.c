/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person does with a channel as a whole: reading it off, being told of it, inviting
 * to it, leaving it; leaves ruling it to channel/. */
#include "gui/view/channel-actions.h"

#include "gui/i18n.h"
#include "gui/model/join.h"
#include "gui/model/moderation.h"
#include "gui/model/text.h"

/* As long as its actions. */
typedef struct About {
        ChatWindow *window; /* weak */
        ChatChannel *channel;
} About;

static void about_free(gpointer userdata) {
        About *about = userdata;

        g_object_unref(about->channel);
        g_free(about);
}

static const char *said(ChatChannel *channel, const char *property) {
        return chat_remote_string(CHAT_REMOTE(channel), property);
}

static void on_done(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) window = userdata;
        g_autoptr(GError) error = NULL;

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                chat_window_toast_error(window, error);
}

/* ---- reading, being told ---- */

static void on_read(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        About *about = userdata;

        chat_channel_mark_read_async(about->channel,
                                     chat_remote_number(CHAT_REMOTE(about->channel), "LastSeq"),
                                     NULL, on_done, g_object_ref(about->window));
}

/* The state is the daemon's, once it is on disk there. */
static void on_change_notify(GSimpleAction *action, GVariant *what, gpointer userdata) {
        About *about = userdata;

        chat_channel_set_notify_async(about->channel, g_variant_get_string(what, NULL), NULL,
                                      on_done, g_object_ref(about->window));
}

/* ---- inviting ---- */

static void on_link(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) window = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *uri = chat_channel_invite_finish(CHAT_CHANNEL(source), result, &error);

        if (!uri) {
                chat_window_toast_error(window, error);
                return;
        }
        gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(window)), uri);
        chat_window_toast(window, _("The link is on the clipboard. It gives no rights by itself."));
}

static void on_invite(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        About *about = userdata;

        chat_channel_invite_async(about->channel, on_link, g_object_ref(about->window));
}

/* ---- leaving ---- */

gboolean chat_channel_can_host(ChatChannel *channel) {
        return chat_channel_is_owned_by_us(channel) && !chat_channel_is_hosted(channel) &&
               g_str_equal(said(channel, "StateReason"), "unhosted");
}

/* How one's part in a channel ends. */
typedef enum Ending { ENDING_HOSTED, ENDING_UNHOSTED, ENDING_JOINED, ENDING_CLOSED } Ending;

static Ending ending_of(ChatChannel *channel) {
        if (chat_channel_is_hosted(channel))
                return ENDING_HOSTED;
        if (chat_channel_can_host(channel))
                return ENDING_UNHOSTED;
        return g_str_equal(chat_channel_get_state(channel), "closed") ? ENDING_CLOSED
                                                                      : ENDING_JOINED;
}

static const struct {
        const char *label, *body;
        const char *keep, *forget; /* what the answers say; keep is NULL: nothing can be */
} endings[] = {
        [ENDING_HOSTED] = { N_("Stop Hosting…"),
                            N_("Nobody can read or write in it while nobody hosts it. You keep it, "
                               "and its name, and can host it again. Or it ends for everybody: its "
                               "messages here are deleted, and its name is free for others. What "
                               "others have copied stays with them."),
                            N_("Stop Hosting"), N_("End the Channel") },
        [ENDING_UNHOSTED] = { N_("End the Channel…"),
                              N_("It ends for everybody: its messages here are deleted, and its "
                                 "name is free for others. What others have copied stays with "
                                 "them."),
                              NULL, N_("End the Channel") },
        [ENDING_JOINED] = { N_("Leave…"),
                            N_("What waits to be sent is not sent. You can join again as long as "
                               "you may. Its messages stay here to be read, or are deleted."),
                            N_("Leave"), N_("Leave and Delete") },
        [ENDING_CLOSED] = { N_("Remove…"),
                            N_("Nothing new comes to this channel any more. Its messages here are "
                               "deleted."),
                            NULL, N_("Remove") },
};

const char *chat_channel_leave_label(ChatChannel *channel) {
        return _(endings[ending_of(channel)].label);
}

/* To be freed. */
static char *heading_of(ChatChannel *channel) {
        g_autofree char *name = chat_isolate(chat_channel_get_name(channel));

        switch (ending_of(channel)) {
        case ENDING_HOSTED:
                return g_strdup_printf(_("Stop Hosting %s?"), name);
        case ENDING_UNHOSTED:
                return g_strdup_printf(_("End %s?"), name);
        case ENDING_JOINED:
                return g_strdup_printf(_("Leave %s?"), name);
        case ENDING_CLOSED:
                return g_strdup_printf(_("Remove %s?"), name);
        }
        g_assert_not_reached();
}

/* A question that is open as long as its dialog. */
typedef struct Question {
        ChatWindow *window;
        ChatChannel *channel;
        Ending ending; /* as it was asked for: the channel's state may change meanwhile */
} Question;

static void question_free(gpointer userdata, GClosure *closure) {
        Question *question = userdata;

        g_object_unref(question->window);
        g_object_unref(question->channel);
        g_free(question);
}

static void on_answer(AdwMessageDialog *dialog, const char *answer, Question *question) {
        if (g_str_equal(answer, "forget") && question->ending == ENDING_UNHOSTED)
                chat_channel_end_async(question->channel, on_done, g_object_ref(question->window));
        else if (g_str_equal(answer, "keep") || g_str_equal(answer, "forget"))
                chat_channel_leave_async(question->channel, g_str_equal(answer, "forget"), on_done,
                                         g_object_ref(question->window));
}

static void on_leave(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        About *about = userdata;
        const Ending ending = ending_of(about->channel);
        g_autofree char *heading = heading_of(about->channel);
        AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG(adw_message_dialog_new(
                GTK_WINDOW(about->window), heading, _(endings[ending].body)));
        Question *question = g_new0(Question, 1);

        question->window = g_object_ref(about->window);
        question->channel = g_object_ref(about->channel);
        question->ending = ending;
        adw_message_dialog_add_response(dialog, "cancel", _("Cancel"));
        if (endings[ending].keep)
                adw_message_dialog_add_response(dialog, "keep", _(endings[ending].keep));
        adw_message_dialog_add_response(dialog, "forget", _(endings[ending].forget));
        adw_message_dialog_set_response_appearance(dialog, "forget", ADW_RESPONSE_DESTRUCTIVE);
        adw_message_dialog_set_close_response(dialog, "cancel");
        g_signal_connect_data(dialog, "response", G_CALLBACK(on_answer), question, question_free,
                              0);
        gtk_window_present(GTK_WINDOW(dialog));
}

/* ---- hosting again ---- */

static void on_hosted(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) window = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = chat_join_finish(CHAT_DAEMON(source), result, &error);

        if (!path)
                chat_window_toast_error(window, error);
}

static void on_host(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        About *about = userdata;
        const ChatHosting how = { .name = chat_channel_get_name(about->channel), .topic = "" };

        chat_host_async(chat_window_get_daemon(about->window), &how, NULL, on_hosted,
                        g_object_ref(about->window));
}

/* ---- together ---- */

static GSimpleAction *action_of(GSimpleActionGroup *group, const char *name) {
        return G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(group), name));
}

static void update(GSimpleActionGroup *group, GParamSpec *spec, ChatChannel *channel) {
        const gboolean is_closed = ending_of(channel) == ENDING_CLOSED;

        g_simple_action_set_enabled(action_of(group, "read"), chat_channel_get_unread(channel) > 0);
        g_simple_action_set_enabled(action_of(group, "invite"), !is_closed);
        g_simple_action_set_enabled(action_of(group, "host"), chat_channel_can_host(channel));
        g_simple_action_set_state(action_of(group, "notify"),
                                  g_variant_new_string(said(channel, "Notify")));
}

GSimpleActionGroup *chat_channel_actions_new(ChatWindow *window, ChatChannel *channel) {
        static const GActionEntry entries[] = {
                { .name = "read", .activate = on_read },
                { .name = "notify",
                  .parameter_type = "s",
                  .state = "''",
                  .change_state = on_change_notify },
                { .name = "invite", .activate = on_invite },
                { .name = "leave", .activate = on_leave },
                { .name = "host", .activate = on_host },
        };
        GSimpleActionGroup *group = g_simple_action_group_new();
        About *about = g_new0(About, 1);

        about->window = window;
        about->channel = g_object_ref(channel);
        g_action_map_add_action_entries(G_ACTION_MAP(group), entries, G_N_ELEMENTS(entries), about);
        g_object_set_data_full(G_OBJECT(group), "chat-about", about, about_free);
        g_signal_connect_object(channel, "notify", G_CALLBACK(update), group, G_CONNECT_SWAPPED);
        update(group, NULL, channel);
        return group;
}

static void add_notify(GMenu *menu, const char *label, const char *what) {
        g_autoptr(GMenuItem) item = g_menu_item_new(label, NULL);

        g_menu_item_set_action_and_target(item, "channel.notify", "s", what);
        g_menu_append_item(menu, item);
}

GMenuModel *chat_channel_menu_new(ChatChannel *channel) {
        g_autoptr(GMenu) first = g_menu_new(), notify = g_menu_new(), last = g_menu_new();
        GMenu *menu = g_menu_new();

        g_menu_append(first, _("Mark as Read"), "channel.read");
        g_menu_append(first, _("Copy the Invite Link"), "channel.invite");
        add_notify(notify, _("All Messages"), "all");
        add_notify(notify, _("Mentions Only"), "mentions");
        add_notify(notify, _("Nothing"), "none");
        if (chat_channel_can_host(channel))
                g_menu_append(last, _("Host Again"), "channel.host");
        g_menu_append(last, chat_channel_leave_label(channel), "channel.leave");
        g_menu_append_section(menu, NULL, G_MENU_MODEL(first));
        g_menu_append_section(menu, _("Notify Me Of"), G_MENU_MODEL(notify));
        g_menu_append_section(menu, NULL, G_MENU_MODEL(last));
        return G_MENU_MODEL(menu);
}

static void on_shown(ChatWindow *window) {
        g_autoptr(GSimpleActionGroup) group = NULL;
        g_autoptr(ChatChannel) channel = NULL;

        g_object_get(window, "channel", &channel, NULL);
        if (channel)
                group = chat_channel_actions_new(window, channel);
        gtk_widget_insert_action_group(GTK_WIDGET(window), "channel",
                                       group ? G_ACTION_GROUP(group) : NULL);
}

void chat_channel_actions_add(ChatWindow *window) {
        g_signal_connect(window, "notify::channel", G_CALLBACK(on_shown), NULL);
}
