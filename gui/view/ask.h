/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person is asked for one line, or just whether; leaves what is done with it to who
 * asks. */
#pragma once

#include "gui/view/window.h"

typedef struct ChatQuestion {
        const char *heading, *body; /* plain text */
        const char *label;          /* of the line; NULL: none is asked for */
        const char *text;           /* what it begins with; NULL: nothing */
        const char *const *choices; /* beside it, one of them; NULL: none, else NULL-terminated */
        const char *choice_label;
        const char *answer; /* what the button says */
        gboolean must_say;  /* an empty line is no answer */
        gboolean is_destructive;
} ChatQuestion;

/* Said yes to; text: "" where none was asked for. choice: which of the choices. */
typedef void (*chat_answered_fn)(ChatWindow *window, const char *text, guint choice,
                                 gpointer userdata);

/* free: of userdata, in any case, may be NULL. */
void chat_ask(ChatWindow *window, const ChatQuestion *question, chat_answered_fn answered,
              gpointer userdata, GDestroyNotify free);
