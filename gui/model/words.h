/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what happens in a channel as sentences and short words in the person's language; leaves
 * where they stand to the view. */
#pragma once

#include <glib.h>

/* An entry of GetMessages, (tssssta{sv}), of another kind than message, as a sentence; to be
 * freed. */
char *chat_words_governance(GVariant *entry);

/* What stands in place of a message that was removed; to be freed. by, reason: "" is not said. */
char *chat_words_removed(const char *by, const char *reason);
/* … by its age. */
char *chat_words_expired(guint64 days);
/* … of a message of somebody who is ignored. */
const char *chat_words_hidden(void);

/* Words of the API as people say them; one that is not known is itself, "" is "". */
const char *chat_words_state(const char *state);
const char *chat_words_reason(const char *reason);
const char *chat_words_role(const char *role);
const char *chat_words_view_permission(const char *permission);
const char *chat_words_send_permission(const char *permission);
