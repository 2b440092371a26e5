/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which messages of a log somebody holds, without holding them; leaves filling them to
 * history.c. */
#pragma once

#include "gui/model/message.h"

typedef struct ChatLive ChatLive;

/* One of them: what it shows was read in generation is; 0: never. */
typedef struct ChatLiveOne {
        ChatMessage *message; /* not owned */
        guint64 seq;
        guint64 generation;
        ChatLive *table;
} ChatLiveOne;

ChatLive *chat_live_new(void);
void chat_live_free(ChatLive *self);

guint chat_live_get_n(const ChatLive *self);
ChatLiveOne *chat_live_find(const ChatLive *self, guint64 seq); /* NULL: nobody holds it */
ChatLiveOne *chat_live_add(ChatLive *self, ChatMessage *message);
/* Whoever holds them: they are of this log no more. */
void chat_live_clear(ChatLive *self);

/* All as it is now, to be freed with g_object_unref() each: fn() may call whom it likes. */
GPtrArray *chat_live_list(const ChatLive *self);

typedef void (*chat_live_fn)(ChatLiveOne *one, gpointer userdata);
/* fn() must let nobody take or leave any. */
void chat_live_each(const ChatLive *self, chat_live_fn fn, gpointer userdata);
