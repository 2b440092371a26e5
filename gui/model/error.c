/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a call of the daemon can fail and what a person does then; leaves showing it to the
 * view. */
#include "gui/model/error.h"

#include <string.h>

#include "gui/i18n.h"
#include "gui/model/text.h"

G_DEFINE_QUARK(chat - error, chat_error)

static gboolean is_one_of(const GError *e, GQuark domain, const int *codes) {
        if (e->domain != domain)
                return FALSE;
        for (; *codes >= 0; codes++)
                if (e->code == *codes)
                        return TRUE;
        return FALSE;
}

static gboolean is_away(const GError *e) {
        static const int bus[] = { G_DBUS_ERROR_SERVICE_UNKNOWN, G_DBUS_ERROR_NAME_HAS_NO_OWNER,
                                   G_DBUS_ERROR_DISCONNECTED,    G_DBUS_ERROR_NO_REPLY,
                                   G_DBUS_ERROR_SPAWN_FAILED,    -1 };
        static const int io[] = { G_IO_ERROR_CLOSED, G_IO_ERROR_NOT_CONNECTED, -1 };

        return is_one_of(e, G_DBUS_ERROR, bus) || is_one_of(e, G_IO_ERROR, io);
}

static gboolean is_late(const GError *e) {
        static const int bus[] = { G_DBUS_ERROR_TIMEOUT, G_DBUS_ERROR_TIMED_OUT, -1 };
        static const int io[] = { G_IO_ERROR_TIMED_OUT, -1 };

        return is_one_of(e, G_DBUS_ERROR, bus) || is_one_of(e, G_IO_ERROR, io);
}

static int code_of(const GError *e) {
        g_autofree char *name = g_dbus_error_get_remote_error(e);
        ErrorCode code = name ? error_from_dbus(name) : ERROR_INVALID;

        if (code > 0)
                return (int) code;
        if (is_away(e))
                return CHAT_ERROR_AWAY;
        return is_late(e) ? CHAT_ERROR_NO_ANSWER : ERROR_INTERNAL;
}

GError *chat_error_from_bus(GError *e) {
        int code;

        if (chat_error_is_cancelled(e) || e->domain == CHAT_ERROR)
                return e;
        code = code_of(e);
        g_dbus_error_strip_remote_error(e);
        if (code == CHAT_ERROR_AWAY) {
                g_free(e->message);
                e->message = g_strdup(_("The chat service is not running."));
        } else if (code == CHAT_ERROR_NO_ANSWER) {
                g_free(e->message);
                e->message = g_strdup(_("The chat service did not answer in time."));
        }
        e->domain = CHAT_ERROR;
        e->code = code;
        return e;
}

gboolean chat_error_is_cancelled(const GError *e) {
        return g_error_matches(e, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static const struct {
        int code;
        const char *step;
} steps[] = {
        { ERROR_NOT_SIGNED_IN, N_("Sign in, or sign up for an account.") },
        { ERROR_BAD_CREDENTIALS,
          N_("Try again. If the password is lost, the recovery code helps.") },
        { ERROR_EXPIRED, N_("Sign in again.") },
        { ERROR_REVOKED, N_("Sign in again.") },
        { ERROR_RESTRICTED, N_("Its owner or a moderator can let you in.") },
        { ERROR_READ_ONLY, N_("The channel’s details say who may write there.") },
        { ERROR_BANNED, N_("The channel’s details say by whom, why and until when.") },
        { ERROR_GUESTS_NOT_ALLOWED, N_("Sign up, and what you have here stays yours.") },
        { ERROR_NOT_OWNER, N_("The channel’s details say what you may do there, and why.") },
        { ERROR_NOT_MODERATOR, N_("The channel’s details say what you may do there, and why.") },
        { ERROR_BUSY, N_("Try again in a moment.") },
        { ERROR_RATE_LIMITED, N_("Try again in a moment.") },
        { ERROR_NAME_TAKEN, N_("Choose another name. If it is yours, sign in.") },
        { ERROR_NO_SUCH_CHANNEL, N_("The directory shows what channels there are.") },
        { ERROR_CHANNEL_EXISTS, N_("Join it, or choose another name.") },
        { ERROR_HOST_OFFLINE, N_("What is kept here can be read; the rest comes with the host.") },
        { ERROR_TRACKER_UNREACHABLE, N_("Check the network, or ask the tracker’s operator.") },
        { ERROR_QUEUE_FULL, N_("Cancel what no longer matters, or wait for the host.") },
        { ERROR_TIMEOUT, N_("Look whether it was done before you try again.") },
        { CHAT_ERROR_AWAY, N_("Start it again, and look whether it was done.") },
        { CHAT_ERROR_NO_ANSWER, N_("Look whether it was done before you try again.") },
};

const char *chat_error_next_step(const GError *e) {
        if (e->domain != CHAT_ERROR)
                return NULL;
        for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
                if (steps[i].code == e->code)
                        return _(steps[i].step);
        return NULL;
}

char *chat_error_dup_text(const GError *e, const char *step) {
        const char *end = g_str_has_suffix(e->message, ".") ? "" : ".";

        step = step ?: chat_error_next_step(e);
        return step ? g_strconcat(e->message, end, " ", step, NULL) : g_strdup(e->message);
}

static const struct {
        ErrorCode code;
        const char *words;
} refusals[] = {
        { ERROR_READ_ONLY, N_("you may not write there") },
        { ERROR_RESTRICTED, N_("the channel is for those who were let in") },
        { ERROR_BANNED, N_("you are banned from the channel") },
        { ERROR_GUESTS_NOT_ALLOWED, N_("guests may not write there") },
        { ERROR_EXPIRED, N_("the guest who wrote it has signed out") },
        { ERROR_TOO_LARGE, N_("it is too long for the host") },
        { ERROR_BAD_REQUEST, N_("the host does not take it as it is") },
        { ERROR_NO_SUCH_CHANNEL, N_("the host has no such channel any more") },
        { ERROR_CONFLICT, N_("the host has another message under its number") },
};

char *chat_error_refusal(const char *dbus_name) {
        const ErrorCode code = error_from_dbus(dbus_name);
        const char *last = strrchr(dbus_name, '.');

        for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (refusals[i].code == code)
                        return g_strdup(_(refusals[i].words));
        return chat_line(last ? last + 1 : dbus_name);
}
