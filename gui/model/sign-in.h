/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon is asked for a tracker and an identity; leaves asking the person to the
 * view. Passwords are handed on and kept by nobody. */
#pragma once

#include "gui/model/daemon.h"

/* pin: "": none is known yet, and one that was never seen is refused with UntrustedTracker, whose
 * message names what is offered. Ends with chat_remote_call_finish_void(). */
void chat_sign_in_set_tracker_async(ChatDaemon *daemon, const char *address, const char *pin,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer userdata);
/* The pin in a message of UntrustedTracker or PinMismatch, to be freed; NULL: there is none. */
char *chat_sign_in_find_pin(const char *message);
/* Its digits in groups of four, for people to compare; to be freed. */
char *chat_sign_in_group_pin(const char *pin);

typedef enum ChatSignIn {
        CHAT_SIGN_UP,
        CHAT_SIGN_IN,
        CHAT_SIGN_IN_GUEST,
        CHAT_SIGN_IN_RECOVER,
} ChatSignIn;

/* secret: the password; of RECOVER the recovery code; of GUEST unused. new_password: of RECOVER. */
void chat_sign_in_async(ChatDaemon *daemon, ChatSignIn how, const char *username,
                        const char *secret, const char *new_password, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer userdata);
/* → whether it was done; *ret_code, to be freed: the recovery code, which is shown this once, or
 * NULL where there is none. */
gboolean chat_sign_in_finish(ChatDaemon *daemon, GAsyncResult *result, char **ret_code,
                             GError **error);
