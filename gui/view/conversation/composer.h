/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person is about to say: a text of several lines that Enter sends; leaves sending it
 * to who shows it. */
#pragma once

#include <adwaita.h>

/* Of the API: bytes of UTF-8. */
#define CHAT_COMPOSER_BYTES_MAX 16384

/* Signal "send": there is something to send, and it may be. The text stays until it is set. */
#define CHAT_TYPE_COMPOSER (chat_composer_get_type())
G_DECLARE_FINAL_TYPE(ChatComposer, chat_composer, CHAT, COMPOSER, AdwBin)

char *chat_composer_dup_text(ChatComposer *self); /* to be freed; as it stands there */
void chat_composer_set_text(ChatComposer *self, const char *text);
/* why: "" is that one may; else nothing can be sent, and this is said. */
void chat_composer_set_refusal(ChatComposer *self, const char *why);
void chat_composer_focus(ChatComposer *self);
