/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is done to one person of a channel, and asks before it; leaves whether it may be done
 * to the host. */
#include "gui/view/channel/person-actions.h"

#include "gui/i18n.h"
#include "gui/model/moderation.h"
#include "gui/model/now.h"
#include "gui/model/text.h"
#include "gui/view/ask.h"

#define HOUR_USEC G_GINT64_CONSTANT(3600000000)

/* What a question is about, as long as it or what it began lasts. */
typedef struct About {
        ChatWindow *window;
        ChatChannel *channel;
        char *username;
        chat_done_fn done;
        GWeakRef whose; /* given to done() */
} About;

static About *about_new(ChatWindow *window, ChatChannel *channel, const char *username,
                        chat_done_fn done, GObject *whose) {
        About *about = g_new0(About, 1);

        about->window = g_object_ref(window);
        about->channel = g_object_ref(channel);
        about->username = g_strdup(username);
        about->done = done;
        g_weak_ref_init(&about->whose, whose);
        return about;
}

static void about_free(gpointer userdata) {
        About *about = userdata;

        g_object_unref(about->window);
        g_object_unref(about->channel);
        g_free(about->username);
        g_weak_ref_clear(&about->whose);
        g_free(about);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(About, about_free)

static About *about_copy(const About *about, const char *username) {
        g_autoptr(GObject) whose = g_weak_ref_get((GWeakRef *) &about->whose);

        return about_new(about->window, about->channel, username, about->done, whose);
}

static void on_done(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(About) about = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GObject) whose = g_weak_ref_get(&about->whose);

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                chat_window_toast_error(about->window, error);
        if (about->done && whose)
                about->done(whose);
}

/* ---- why ---- */

static void on_explained(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(About) about = userdata;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) lines = chat_channel_explain_finish(CHAT_CHANNEL(source), result, &error);
        g_autofree char *name = NULL, *heading = NULL, *body = NULL;
        GtkWidget *dialog;

        if (!lines) {
                chat_window_toast_error(about->window, error);
                return;
        }
        name = chat_isolate(about->username);
        heading = *name ? g_strdup_printf(_("What %s May Do, and Why"), name)
                        : g_strdup(_("What You May Do, and Why"));
        body = g_strjoinv("\n", lines);
        dialog = adw_message_dialog_new(GTK_WINDOW(about->window), heading, body);
        adw_message_dialog_add_response(ADW_MESSAGE_DIALOG(dialog), "close", _("Close"));
        gtk_window_present(GTK_WINDOW(dialog));
}

void chat_person_explain(ChatWindow *window, ChatChannel *channel, const char *username) {
        chat_channel_explain_async(channel, username, on_explained,
                                   about_new(window, channel, username, NULL, NULL));
}

/* ---- roles ---- */

static const char *const roles[] = { "member", "moderator" };

static void on_authorize(ChatWindow *window, const char *text, guint choice, gpointer userdata) {
        chat_channel_authorize_async(((About *) userdata)->channel, text,
                                     roles[MIN(choice, G_N_ELEMENTS(roles) - 1)], on_done,
                                     about_copy(userdata, text));
}

void chat_person_authorize(ChatWindow *window, ChatChannel *channel, chat_done_fn done,
                           GObject *about) {
        const char *const choices[] = { _("As a member"), _("As a moderator"), NULL };
        const char *const members[] = { _("As a member"), NULL };
        const ChatQuestion question = {
                .heading = _("Let Somebody In"),
                .body = _("They may be offline: it holds from when they come."),
                .label = _("Their name"),
                .choices = chat_channel_is_owned_by_us(channel) ? choices : members,
                .choice_label = _("As what"),
                .answer = _("Let In"),
                .must_say = TRUE,
        };

        chat_ask(window, &question, on_authorize, about_new(window, channel, "", done, about),
                 about_free);
}

static void set_role(const About *about, const char *username, const char *role) {
        chat_channel_authorize_async(about->channel, username, role, on_done,
                                     about_copy(about, username));
}

static void on_member(GSimpleAction *action, GVariant *name, gpointer userdata) {
        set_role(userdata, g_variant_get_string(name, NULL), "member");
}

static void on_moderator(GSimpleAction *action, GVariant *name, gpointer userdata) {
        set_role(userdata, g_variant_get_string(name, NULL), "moderator");
}

static void on_visitor(GSimpleAction *action, GVariant *name, gpointer userdata) {
        set_role(userdata, g_variant_get_string(name, NULL), "none");
}

/* ---- out ---- */

static void on_kick_answered(ChatWindow *window, const char *reason, guint choice,
                             gpointer userdata) {
        About *about = userdata;

        chat_channel_kick_async(about->channel, about->username, reason, on_done,
                                about_copy(about, about->username));
}

static void on_kick(GSimpleAction *action, GVariant *name, gpointer userdata) {
        const char *username = g_variant_get_string(name, NULL);
        g_autofree char *who = chat_isolate(username);
        g_autofree char *heading = g_strdup_printf(_("Send %s Out?"), who);
        const ChatQuestion question = {
                .heading = heading,
                .body = _("They may come back after a minute. The reason is seen by everybody."),
                .label = _("Reason"),
                .answer = _("Send Out"),
                .is_destructive = TRUE,
        };

        chat_ask(((About *) userdata)->window, &question, on_kick_answered,
                 about_copy(userdata, username), about_free);
}

/* In the order of the choices; 0: it has no end. */
static const gint64 ban_hours[] = { 0, 1, 24, 7 * 24, 30 * 24 };

static void on_ban_answered(ChatWindow *window, const char *reason, guint choice,
                            gpointer userdata) {
        About *about = userdata;
        gint64 hours = ban_hours[MIN(choice, G_N_ELEMENTS(ban_hours) - 1)];

        chat_channel_ban_async(about->channel, about->username, reason,
                               hours > 0 ? chat_now() + hours * HOUR_USEC : 0, on_done,
                               about_copy(about, about->username));
}

static void on_ban(GSimpleAction *action, GVariant *name, gpointer userdata) {
        const char *username = g_variant_get_string(name, NULL);
        g_autofree char *who = chat_isolate(username);
        g_autofree char *heading = g_strdup_printf(_("Ban %s?"), who);
        const char *const choices[] = { _("For ever"), _("For an hour"), _("For a day"),
                                        _("For a week"), _("For 30 days"), NULL };
        const ChatQuestion question = {
                .heading = heading,
                .body = _("They are sent out, lose their role, and may not come back until the ban "
                          "ends. The reason is seen by everybody."),
                .label = _("Reason"),
                .choices = choices,
                .choice_label = _("How long"),
                .answer = _("Ban"),
                .is_destructive = TRUE,
        };

        chat_ask(((About *) userdata)->window, &question, on_ban_answered,
                 about_copy(userdata, username), about_free);
}

static void on_unban(GSimpleAction *action, GVariant *name, gpointer userdata) {
        const char *username = g_variant_get_string(name, NULL);

        chat_channel_unban_async(((About *) userdata)->channel, username, on_done,
                                 about_copy(userdata, username));
}

/* ---- what is one's own affair ---- */

static void ignore(const About *about, const char *username, gboolean is_ignored) {
        chat_channel_set_ignored_async(about->channel, username, is_ignored, on_done,
                                       about_copy(about, username));
}

static void on_ignore(GSimpleAction *action, GVariant *name, gpointer userdata) {
        ignore(userdata, g_variant_get_string(name, NULL), TRUE);
}

static void on_listen(GSimpleAction *action, GVariant *name, gpointer userdata) {
        ignore(userdata, g_variant_get_string(name, NULL), FALSE);
}

static void on_explain(GSimpleAction *action, GVariant *name, gpointer userdata) {
        About *about = userdata;

        chat_person_explain(about->window, about->channel, g_variant_get_string(name, NULL));
}

GActionGroup *chat_person_actions_new(ChatWindow *window, ChatChannel *channel, chat_done_fn done,
                                      GObject *about) {
        static const GActionEntry entries[] = {
                { .name = "explain", .activate = on_explain, .parameter_type = "s" },
                { .name = "member", .activate = on_member, .parameter_type = "s" },
                { .name = "moderator", .activate = on_moderator, .parameter_type = "s" },
                { .name = "visitor", .activate = on_visitor, .parameter_type = "s" },
                { .name = "kick", .activate = on_kick, .parameter_type = "s" },
                { .name = "ban", .activate = on_ban, .parameter_type = "s" },
                { .name = "unban", .activate = on_unban, .parameter_type = "s" },
                { .name = "ignore", .activate = on_ignore, .parameter_type = "s" },
                { .name = "listen", .activate = on_listen, .parameter_type = "s" },
        };
        GSimpleActionGroup *group = g_simple_action_group_new();
        About *about_all = about_new(window, channel, "", done, about);

        g_action_map_add_action_entries(G_ACTION_MAP(group), entries, G_N_ELEMENTS(entries),
                                        about_all);
        g_object_set_data_full(G_OBJECT(group), "chat-about", about_all, about_free);
        return G_ACTION_GROUP(group);
}

static void add(GMenu *menu, const char *label, const char *action, const char *username) {
        g_autoptr(GMenuItem) item = g_menu_item_new(label, NULL);

        g_menu_item_set_action_and_target(item, action, "s", username);
        g_menu_append_item(menu, item);
}

static void add_roles(GMenu *menu, ChatChannel *channel, ChatMember *member) {
        const char *name = chat_member_get_username(member), *role = chat_member_get_role(member);
        const gboolean is_owner = chat_channel_is_owned_by_us(channel);

        if (chat_member_is_guest(member) || (g_str_equal(role, "moderator") && !is_owner))
                return;
        if (!g_str_equal(role, "member"))
                add(menu, _("Make a Member"), "person.member", name);
        if (!g_str_equal(role, "moderator") && is_owner)
                add(menu, _("Make a Moderator"), "person.moderator", name);
        if (!g_str_equal(role, "none"))
                add(menu, _("Take the Role Away"), "person.visitor", name);
}

static GMenu *sanctions_new(ChatChannel *channel, ChatMember *member) {
        const char *name = chat_member_get_username(member);
        GMenu *menu = g_menu_new();

        if (chat_member_get_presence(member) == CHAT_PRESENCE_BANNED) {
                add(menu, _("Lift the Ban"), "person.unban", name);
                return menu;
        }
        if (g_str_equal(chat_member_get_role(member), "moderator") &&
            !chat_channel_is_owned_by_us(channel))
                return menu;
        if (chat_member_get_presence(member) != CHAT_PRESENCE_OFFLINE)
                add(menu, _("Send Out…"), "person.kick", name);
        add(menu, _("Ban…"), "person.ban", name);
        return menu;
}

GMenuModel *chat_person_menu_new(ChatChannel *channel, ChatMember *member, const char *own) {
        const char *name = chat_member_get_username(member);
        const gboolean is_ruled = chat_channel_is_ruled_by_us(channel);
        const gboolean is_ignored = chat_channel_is_ignored(channel, name);
        g_autoptr(GMenu) menu = NULL;
        g_autoptr(GMenu) rule = NULL;
        g_autoptr(GMenu) sanctions = NULL;

        if (g_str_equal(name, own))
                return NULL;
        menu = g_menu_new();
        add(menu, is_ignored ? _("Stop Ignoring") : _("Ignore"),
            is_ignored ? "person.listen" : "person.ignore", name);
        if (!is_ruled)
                return G_MENU_MODEL(g_steal_pointer(&menu));
        add(menu, _("What They May Do, and Why"), "person.explain", name);
        if (g_str_equal(chat_member_get_role(member), "owner"))
                return G_MENU_MODEL(g_steal_pointer(&menu));
        rule = g_menu_new();
        if (chat_member_get_presence(member) != CHAT_PRESENCE_BANNED)
                add_roles(rule, channel, member);
        g_menu_append_section(menu, NULL, G_MENU_MODEL(rule));
        sanctions = sanctions_new(channel, member);
        g_menu_append_section(menu, NULL, G_MENU_MODEL(sanctions));
        return G_MENU_MODEL(g_steal_pointer(&menu));
}
