/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person types to be somebody: a name, a password, a recovery code; leaves using it to
 * who shows it. */
#pragma once

#include <adwaita.h>

#include "gui/model/sign-in.h"

/* Signal "submit": all is typed that is needed. */
#define CHAT_TYPE_IDENTITY_FORM (chat_identity_form_get_type())
G_DECLARE_FINAL_TYPE(ChatIdentityForm, chat_identity_form, CHAT, IDENTITY_FORM, AdwBin)

void chat_identity_form_begin(ChatIdentityForm *self, ChatSignIn how);
/* Nothing stays of what was typed. */
void chat_identity_form_clear(ChatIdentityForm *self);
void chat_identity_form_tell(ChatIdentityForm *self, const GError *error);

ChatSignIn chat_identity_form_get_how(ChatIdentityForm *self);
/* The form's, as they stand there. */
const char *chat_identity_form_get_username(ChatIdentityForm *self);
/* Of a recovery the code, else the password. */
const char *chat_identity_form_get_secret(ChatIdentityForm *self);
const char *chat_identity_form_get_password(ChatIdentityForm *self);
