/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which commands of protocol §4 there are and who may give them; leaves each to its own
 * file. */
#include "tracker/session-internal.h"

void session_fail_field(RpcRequest *request, const char *field, const char *message) {
        Failure failure;

        failure_set(&failure, ERROR_BAD_REQUEST, "%s: %s", field, message);
        snprintf(failure.field, sizeof(failure.field), "%s", field);
        rpc_request_fail(request, &failure);
}

bool session_check_channel_name(RpcRequest *request, const char *name) {
        if (name_is_valid(name))
                return true;
        rpc_request_fail_code(request, ERROR_INVALID_NAME,
                              "A channel's name has 2–32 characters a–z, 0–9, '.', '_', '-' and "
                              "begins with a letter or digit.");
        return false;
}

static bool may_run(const Session *s, const SessionCommand *c, Failure *failure) {
        switch (c->who) {
        case FOR_ANYONE:
                return true;
        case FOR_STRANGERS:
                if (!s->asker.signed_in)
                        return true;
                failure_set(failure, ERROR_BAD_REQUEST,
                            "%s is for connections without a certificate.", c->name);
                return false;
        case FOR_SIGNED_IN:
        case FOR_USERS:
                if (!s->asker.signed_in) {
                        failure_set(failure, ERROR_NOT_SIGNED_IN,
                                    "Sign in and connect with your certificate first.");
                        return false;
                }
                if (c->who == FOR_SIGNED_IN || s->subject.kind == SUBJECT_USER)
                        return true;
                failure_set(failure, ERROR_GUESTS_NOT_ALLOWED, "%s is for registered users.",
                            c->name);
                return false;
        }
        return false;
}

static const SessionCommand commands[] = {
        { "SIGNUP", FOR_STRANGERS, session_sign_up },
        { "SIGNIN", FOR_STRANGERS, session_sign_in },
        { "RECOVER", FOR_STRANGERS, session_recover },
        { "GUEST", FOR_STRANGERS, session_guest },
        { "RENEW", FOR_ANYONE, session_renew },
        { "SIGNOUT", FOR_SIGNED_IN, session_sign_out },
        { "PASSWD", FOR_USERS, session_passwd },
        { "DEVICES", FOR_USERS, session_devices },
        { "DELETE", FOR_USERS, session_delete },
        { "WHOIS", FOR_SIGNED_IN, session_whois },
        { "LIST", FOR_ANYONE, session_list },
        { "WATCH", FOR_ANYONE, session_watch },
        { "HOST", FOR_USERS, session_host },
        { "HEARTBEAT", FOR_USERS, session_heartbeat },
        { "VIEW", FOR_USERS, session_view },
        { "UNHOST", FOR_USERS, session_unhost },
};

void session_run_command(Session *s, RpcRequest *request) {
        const char *name = rpc_request_get_command(request);
        Failure failure;

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                if (!streq(commands[i].name, name))
                        continue;
                if (may_run(s, &commands[i], &failure))
                        commands[i].run(s, request);
                else
                        rpc_request_fail(request, &failure);
                return;
        }
        rpc_request_fail_code(request, ERROR_UNKNOWN_COMMAND, "A tracker does not know %s.", name);
}
