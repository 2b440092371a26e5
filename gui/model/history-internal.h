/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of a history share; nobody else includes it. */
#pragma once

#include "gui/model/history-live.h"
#include "gui/model/history-pages.h"
#include "gui/model/history.h"

/* What could not come is asked again after so long, while the channel is live. */
#define HISTORY_RETRY_SECONDS 5
#define HISTORY_SWEEP_SECONDS 60

/* Two requests may be on their way, one of each sort: a page can wait long for a host, what is said
 * now must not wait behind it. */
struct _ChatHistory {
        GObject parent;
        ChatChannel *channel;
        char *own;

        guint64 n;          /* items, as was said to who lists them */
        guint64 end;        /* of the log, as was heard; n … */
        guint64 looked_to;  /* up to this entry redactions were looked for; … n */
        guint64 generation; /* what was read before it is read again */
        ChatPages *pages;
        ChatLive *live;
        guint64 asked; /* the entry that was got last */

        GCancellable *cancellable; /* of both requests */
        gboolean asks_page, asks_end;
        gboolean end_failed;
        GHashTable *failed; /* indices of pages that could not come */
        char *error;
        guint n_asked;
        guint pump, retry, sweep; /* sources */
        gboolean was_diverged, was_loading;

        guint64 unread_after, unread_cursor, unread_seq;
        gboolean clock_is_wrong;
};

/* history.c */
void history_announce(ChatHistory *self, guint64 to);
void history_reset(ChatHistory *self, guint64 end);
/* Fills what somebody holds and whose entries are here. */
void history_fill(ChatHistory *self);
void history_find_unread(ChatHistory *self);
void history_set_error(ChatHistory *self, const char *error);
void history_tell_loading(ChatHistory *self);

/* history-take.c: entries that came. FALSE: the log is another one, and all begins anew. They count
 * in *ret_n where they are of first to last. */
gboolean history_take(ChatHistory *self, GVariant *entries, guint64 first, guint64 last,
                      guint *ret_n);
void history_redact(ChatHistory *self, GVariant *entry);
void history_expire(ChatHistory *self);

/* history-ask.c */
/* The index of a page that somebody near the last asked waits for. */
gboolean history_find_wanted(ChatHistory *self, guint64 *ret_index);
void history_pump(ChatHistory *self); /* soon */
void history_cancel(ChatHistory *self);
