/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the one table of errors; leaves deciding that one happened to others. */
#include "wire/error.h"

#include <stdarg.h>

#define DBUS_PREFIX "org.p2pchat.Error."
#define ROW(code, w, s, d, e, x)                                                                   \
        [ERROR_##code] = { .wire = (w),                                                            \
                           .status = STATUS_##s,                                                   \
                           .dbus = DBUS_PREFIX d,                                                  \
                           .error = (e),                                                           \
                           .exit_status = (x) }

static const ErrorInfo error_table[ERROR_MAX] = {
        [ERROR_NONE] = { .wire = "", .status = STATUS_OK, .dbus = "" },

        ROW(NOT_SIGNED_IN, "not-signed-in", UNAUTHORIZED, "NotSignedIn", ENOKEY, 3),
        ROW(BAD_CREDENTIALS, "bad-credentials", UNAUTHORIZED, "BadCredentials", EKEYREJECTED, 5),
        ROW(EXPIRED, "expired", UNAUTHORIZED, "CertificateExpired", EKEYEXPIRED, 3),
        ROW(REVOKED, "revoked", UNAUTHORIZED, "Revoked", EKEYREVOKED, 3),
        ROW(RESTRICTED, "restricted", UNAUTHORIZED, "Restricted", EACCES, 5),
        ROW(READ_ONLY, "read-only", UNAUTHORIZED, "ReadOnly", EROFS, 5),
        ROW(BANNED, "banned", UNAUTHORIZED, "Banned", EACCES, 5),
        ROW(GUESTS_NOT_ALLOWED, "guests-not-allowed", UNAUTHORIZED, "GuestsNotAllowed", EPERM, 5),
        ROW(NOT_OWNER, "not-owner", UNAUTHORIZED, "NotOwner", EPERM, 5),
        ROW(NOT_MODERATOR, "not-moderator", UNAUTHORIZED, "NotModerator", EPERM, 5),

        ROW(BUSY, "busy", SERVER_ERROR, "Busy", EBUSY, 7),
        ROW(INTERNAL, "internal", SERVER_ERROR, "Internal", EIO, 1),

        ROW(BAD_FRAME, "bad-frame", REQUEST_ERROR, "Protocol", EBADMSG, 1),
        ROW(BAD_REQUEST, "bad-request", REQUEST_ERROR, "BadRequest", EINVAL, 7),
        ROW(TOO_LARGE, "too-large", REQUEST_ERROR, "TooLarge", EMSGSIZE, 7),
        ROW(UNKNOWN_COMMAND, "unknown-command", REQUEST_ERROR, "Protocol", ENOSYS, 1),
        ROW(UNSUPPORTED, "unsupported", REQUEST_ERROR, "Unsupported", EOPNOTSUPP, 7),
        ROW(RATE_LIMITED, "rate-limited", REQUEST_ERROR, "RateLimited", EAGAIN, 7),
        ROW(INVALID_NAME, "invalid-name", REQUEST_ERROR, "InvalidName", EINVAL, 7),
        ROW(NAME_TAKEN, "name-taken", REQUEST_ERROR, "NameTaken", EEXIST, 7),
        ROW(WEAK_PASSWORD, "weak-password", REQUEST_ERROR, "WeakPassword", EINVAL, 7),
        ROW(NO_SUCH_CHANNEL, "no-such-channel", REQUEST_ERROR, "NoSuchChannel", ENOENT, 4),
        ROW(CHANNEL_EXISTS, "channel-exists", REQUEST_ERROR, "ChannelExists", EEXIST, 7),
        ROW(NO_SUCH_USER, "no-such-user", REQUEST_ERROR, "NoSuchUser", ENOENT, 4),
        ROW(NO_SUCH_ENTRY, "no-such-entry", REQUEST_ERROR, "NoSuchEntry", ENOENT, 4),
        ROW(CONFLICT, "conflict", REQUEST_ERROR, "Conflict", ENOTUNIQ, 7),
        ROW(STALE_EPOCH, "stale-epoch", REQUEST_ERROR, "StaleEpoch", ESTALE, 7),

        ROW(ALREADY_SIGNED_IN, "already-signed-in", LOCAL, "AlreadySignedIn", EISCONN, 1),
        ROW(HOST_OFFLINE, "host-offline", LOCAL, "HostOffline", EHOSTDOWN, 1),
        ROW(TRACKER_UNREACHABLE, "tracker-unreachable", LOCAL, "TrackerUnreachable", EHOSTUNREACH,
            1),
        ROW(UNTRUSTED_TRACKER, "untrusted-tracker", LOCAL, "UntrustedTracker", ECONNABORTED, 1),
        ROW(PIN_MISMATCH, "pin-mismatch", LOCAL, "PinMismatch", EBADE, 1),
        ROW(QUEUE_FULL, "queue-full", LOCAL, "QueueFull", ENOBUFS, 1),
        ROW(TIMEOUT, "timeout", LOCAL, "Timeout", ETIMEDOUT, 6),
        ROW(CANCELLED, "cancelled", LOCAL, "Cancelled", ECANCELED, 1),
        ROW(PROTOCOL, "protocol", LOCAL, "Protocol", EPROTO, 1),
};

const ErrorInfo *error_info(ErrorCode code) {
        assert(code >= 0 && code < ERROR_MAX);
        return &error_table[code];
}

ErrorCode error_from_wire(const char *code) {
        if (!code)
                return ERROR_INVALID;
        for (ErrorCode c = ERROR_NONE + 1; c < ERROR_MAX; c++)
                if (error_info(c)->status != STATUS_LOCAL && streq(error_info(c)->wire, code))
                        return c;
        return ERROR_INVALID;
}

ErrorCode error_from_dbus(const char *name) {
        if (!name)
                return ERROR_INVALID;
        /* From the end: three codes are Protocol on the bus, and ERROR_PROTOCOL speaks for them. */
        for (ErrorCode c = ERROR_MAX - 1; c > ERROR_NONE; c--)
                if (streq(error_info(c)->dbus, name))
                        return c;
        return ERROR_INVALID;
}

static const char *const wire_status_table[STATUS_MAX] = {
        [STATUS_OK] = "OK",
        [STATUS_UNAUTHORIZED] = "UNAUTHORIZED",
        [STATUS_SERVER_ERROR] = "SERVER_ERROR",
        [STATUS_REQUEST_ERROR] = "REQUEST_ERROR",
};

const char *wire_status_to_string(WireStatus s) {
        return s >= 0 && s < STATUS_MAX ? wire_status_table[s] : NULL;
}

WireStatus wire_status_from_string(const char *s) {
        for (WireStatus i = 0; s && i < STATUS_MAX; i++)
                if (wire_status_table[i] && streq(wire_status_table[i], s))
                        return i;
        return STATUS_INVALID;
}

/* Takes back what snprintf() cut off in the middle of a UTF-8 sequence. */
static void drop_partial_sequence(char *s, size_t n) {
        size_t start = n;

        while (start > 0 && ((unsigned char) s[start - 1] & 0xc0) == 0x80)
                start--;
        if (start > 0 && (unsigned char) s[start - 1] >= 0xc0)
                s[start - 1] = 0;
}

int failure_set(Failure *f, ErrorCode code, const char *format, ...) {
        va_list ap;
        int n;

        *f = (Failure){ .code = code };
        va_start(ap, format);
        n = vsnprintf(f->message, sizeof(f->message), format, ap);
        va_end(ap);
        if (n < 0)
                f->message[0] = 0;
        else if ((size_t) n >= sizeof(f->message))
                drop_partial_sequence(f->message, sizeof(f->message) - 1);

        return -error_info(code)->error;
}
