/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a call of the daemon can fail and what a person does then; leaves showing it to the
 * view. */
#pragma once

#include <gio/gio.h>

#include "wire/error.h"

/* Codes are ErrorCode of wire/error.h, and these. The message is the daemon's own sentence. */
#define CHAT_ERROR (chat_error_quark())
GQuark chat_error_quark(void);

enum {
        /* The daemon, or the message bus, is not there: what was asked may have been done. */
        CHAT_ERROR_AWAY = ERROR_MAX,
        /* It did not answer in time. */
        CHAT_ERROR_NO_ANSWER,
};

/* What GDBus says as one of ours; G_IO_ERROR_CANCELLED stays what it is. Takes *e. */
GError *chat_error_from_bus(GError *e);

/* True for what nobody needs to hear: who asked is gone. */
gboolean chat_error_is_cancelled(const GError *e);

/* What to do now, a sentence in the person's language; NULL where the message says it all. */
const char *chat_error_next_step(const GError *e);

/* What happened and what to do now, as sentences; free it. step: what to do; NULL: what the error
 * has as its next step. */
char *chat_error_dup_text(const GError *e, const char *step);

/* Why a message was refused, where only the name of the error is known: half a sentence; free it. Of
 * a name that means nothing here the last part is said. */
char *chat_error_refusal(const char *dbus_name);
