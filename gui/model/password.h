/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how hard a password is to guess, roughly; leaves what is allowed to the tracker. */
#pragma once

#include <glib.h>

/* Of the API, bytes. */
#define CHAT_PASSWORD_BYTES_MIN 8
#define CHAT_PASSWORD_BYTES_MAX 256

typedef enum ChatPasswordStrength {
        CHAT_PASSWORD_TOO_SHORT,
        CHAT_PASSWORD_TOO_LONG,
        CHAT_PASSWORD_WEAK, /* a program guesses it */
        CHAT_PASSWORD_FAIR,
        CHAT_PASSWORD_STRONG,
        CHAT_PASSWORD_STRENGTH_MAX,
} ChatPasswordStrength;

/* username: what a guesser knows; may be "". Nothing is kept or sent. */
ChatPasswordStrength chat_password_strength(const char *password, const char *username);
/* A sentence in the person's language. */
const char *chat_password_strength_text(ChatPasswordStrength strength);
