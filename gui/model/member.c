/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one person of a channel: who is there, has a role or is banned; leaves the list of them to
 * roster.h. */
#include "gui/model/member.h"

#include "gui/i18n.h"
#include "gui/model/words.h"

struct _ChatMember {
        GObject parent;
        char *username, *role, *note;
        gboolean is_guest;
        ChatPresence presence;
};

G_DEFINE_FINAL_TYPE(ChatMember, chat_member, G_TYPE_OBJECT)

const char *chat_member_get_username(ChatMember *self) {
        return self->username;
}

gboolean chat_member_is_guest(ChatMember *self) {
        return self->is_guest;
}

const char *chat_member_get_role(ChatMember *self) {
        return self->role;
}

ChatPresence chat_member_get_presence(ChatMember *self) {
        return self->presence;
}

static const char *presence_word(ChatPresence presence) {
        switch (presence) {
        case CHAT_PRESENCE_ONLINE:
                return _("online");
        case CHAT_PRESENCE_AWAY:
                return _("away");
        case CHAT_PRESENCE_OFFLINE:
                return _("offline");
        case CHAT_PRESENCE_BANNED:
                return _("banned");
        }
        g_return_val_if_reached("");
}

char *chat_member_describe(ChatMember *self) {
        const char *role = self->is_guest                       ? _("Guest")
                           : g_str_equal(self->role, "none") ? _("Visitor")
                                                                : chat_words_role(self->role);

        if (self->presence == CHAT_PRESENCE_BANNED)
                return g_strdup(self->note);
        /* A role, and whether they are there. */
        return g_strdup_printf(_("%s, %s"), role, presence_word(self->presence));
}

gboolean chat_member_equal(ChatMember *a, ChatMember *b) {
        return g_str_equal(a->username, b->username) && g_str_equal(a->role, b->role) &&
               g_str_equal(a->note, b->note) && a->is_guest == b->is_guest &&
               a->presence == b->presence;
}

static int rank(const ChatMember *m) {
        static const char *const roles[] = { "owner", "moderator", "member", "none" };

        for (int i = 0; i < (int) G_N_ELEMENTS(roles); i++)
                if (g_str_equal(m->role, roles[i]))
                        return i;
        return G_N_ELEMENTS(roles);
}

int chat_member_compare(ChatMember *a, ChatMember *b) {
        const int pairs[][2] = {
                { a->presence == CHAT_PRESENCE_BANNED, b->presence == CHAT_PRESENCE_BANNED },
                { rank(a), rank(b) },
                { a->presence == CHAT_PRESENCE_OFFLINE, b->presence == CHAT_PRESENCE_OFFLINE },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++)
                if (pairs[i][0] != pairs[i][1])
                        return pairs[i][0] - pairs[i][1];
        return strcmp(a->username, b->username);
}

static void chat_member_finalize(GObject *object) {
        ChatMember *self = CHAT_MEMBER(object);

        g_free(self->username);
        g_free(self->role);
        g_free(self->note);
        G_OBJECT_CLASS(chat_member_parent_class)->finalize(object);
}

static void chat_member_init(ChatMember *self) {
}

ChatMember *chat_member_new(const char *username, gboolean is_guest, const char *role,
                            ChatPresence presence, const char *note) {
        ChatMember *self = g_object_new(CHAT_TYPE_MEMBER, NULL);

        self->username = g_strdup(username);
        self->is_guest = is_guest;
        self->role = g_strdup(role);
        self->presence = presence;
        self->note = g_strdup(note);
        return self;
}

static void chat_member_class_init(ChatMemberClass *class) {
        G_OBJECT_CLASS(class)->finalize = chat_member_finalize;
}
