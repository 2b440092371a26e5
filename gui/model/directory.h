/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channels the tracker lists, as many as somebody looks at; leaves joining to join.h.
 */
#pragma once

#include "gui/model/daemon.h"

/* No more are held: who looks for one among more types a part of its name. */
#define CHAT_DIRECTORY_MAX 2000
#define CHAT_DIRECTORY_PAGE_ENTRIES 100

#define CHAT_TYPE_DIRECTORY_ENTRY (chat_directory_entry_get_type())
G_DECLARE_FINAL_TYPE(ChatDirectoryEntry, chat_directory_entry, CHAT, DIRECTORY_ENTRY, GObject)

const char *chat_directory_entry_get_name(ChatDirectoryEntry *self);
const char *chat_directory_entry_get_id(ChatDirectoryEntry *self);
const char *chat_directory_entry_get_owner(ChatDirectoryEntry *self);
const char *chat_directory_entry_get_topic(ChatDirectoryEntry *self); /* "" none; one line */
gboolean chat_directory_entry_is_restricted(ChatDirectoryEntry *self);
gboolean chat_directory_entry_is_online(ChatDirectoryEntry *self); /* its host is there */
guint chat_directory_entry_get_members(ChatDirectoryEntry *self);  /* online now */

/* A GListModel of ChatDirectoryEntry, by name. A page more comes with chat_directory_more(); what
 * changes at the tracker is read anew, and what stayed keeps its object. Property "state" (guint):
 * notified with each answer. */
typedef enum ChatDirectoryState {
        CHAT_DIRECTORY_LOADING,
        CHAT_DIRECTORY_COMPLETE, /* there is no more */
        CHAT_DIRECTORY_PARTIAL,  /* there is more */
        CHAT_DIRECTORY_FULL,     /* there is more, and no more is held */
        CHAT_DIRECTORY_FAILED,   /* chat_directory_get_error(); tried again with the next change */
} ChatDirectoryState;

#define CHAT_TYPE_DIRECTORY (chat_directory_get_type())
G_DECLARE_FINAL_TYPE(ChatDirectory, chat_directory, CHAT, DIRECTORY, GObject)

ChatDirectory *chat_directory_new(ChatDaemon *daemon);
/* A part of a name or topic; "" is all. What is there of another query is gone. */
void chat_directory_set_query(ChatDirectory *self, const char *query);
const char *chat_directory_get_query(ChatDirectory *self);
/* The end is in sight. */
void chat_directory_more(ChatDirectory *self);
void chat_directory_reload(ChatDirectory *self);
ChatDirectoryState chat_directory_get_state(ChatDirectory *self);
const GError *chat_directory_get_error(ChatDirectory *self); /* NULL: none */
