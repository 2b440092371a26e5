/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one person of a channel: who is there, has a role or is banned; leaves the list of them to
 * roster.h. */
#pragma once

#include <gio/gio.h>

typedef enum ChatPresence {
        CHAT_PRESENCE_ONLINE,
        CHAT_PRESENCE_AWAY,
        CHAT_PRESENCE_OFFLINE, /* has a role, and is not there */
        CHAT_PRESENCE_BANNED,
} ChatPresence;

/* Not changed once it is made: who is another than before is another object. */
#define CHAT_TYPE_MEMBER (chat_member_get_type())
G_DECLARE_FINAL_TYPE(ChatMember, chat_member, CHAT, MEMBER, GObject)

/* role: none, member, moderator, owner. note: what else there is to say, a sentence; "" nothing. */
ChatMember *chat_member_new(const char *username, gboolean is_guest, const char *role,
                            ChatPresence presence, const char *note);

const char *chat_member_get_username(ChatMember *self);
gboolean chat_member_is_guest(ChatMember *self);
const char *chat_member_get_role(ChatMember *self);
ChatPresence chat_member_get_presence(ChatMember *self);
/* How they are there, in words: "Moderator, away"; of who is banned by whom, why and until when. */
char *chat_member_describe(ChatMember *self); /* to be freed */

gboolean chat_member_equal(ChatMember *a, ChatMember *b);
/* Owner, moderators, members, others; who is there before who is not; by name; the banned last. */
int chat_member_compare(ChatMember *a, ChatMember *b);
