/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows every way in which a request can fail, as data: the one table that C, manuals and tests read.
 * Leaves what it is used for to error.h. */
#pragma once

/* code, on the wire, status there (LOCAL: never on the wire, made by this side), on the bus behind
 * org.p2pchat.Error., errno, exit status of p2pchatctl */
/* clang-format off */
#define ERROR_TABLE(ROW)                                                                           \
        ROW(NOT_SIGNED_IN, "not-signed-in", UNAUTHORIZED, "NotSignedIn", ENOKEY, 3)                \
        ROW(BAD_CREDENTIALS, "bad-credentials", UNAUTHORIZED, "BadCredentials", EKEYREJECTED, 5)   \
        ROW(EXPIRED, "expired", UNAUTHORIZED, "CertificateExpired", EKEYEXPIRED, 3)                \
        ROW(REVOKED, "revoked", UNAUTHORIZED, "Revoked", EKEYREVOKED, 3)                           \
        ROW(RESTRICTED, "restricted", UNAUTHORIZED, "Restricted", EACCES, 5)                       \
        ROW(READ_ONLY, "read-only", UNAUTHORIZED, "ReadOnly", EROFS, 5)                            \
        ROW(BANNED, "banned", UNAUTHORIZED, "Banned", EACCES, 5)                                   \
        ROW(GUESTS_NOT_ALLOWED, "guests-not-allowed", UNAUTHORIZED, "GuestsNotAllowed", EPERM, 5)  \
        ROW(NOT_OWNER, "not-owner", UNAUTHORIZED, "NotOwner", EPERM, 5)                            \
        ROW(NOT_MODERATOR, "not-moderator", UNAUTHORIZED, "NotModerator", EPERM, 5)                \
                                                                                                   \
        ROW(BUSY, "busy", SERVER_ERROR, "Busy", EBUSY, 7)                                          \
        ROW(INTERNAL, "internal", SERVER_ERROR, "Internal", EIO, 1)                                \
                                                                                                   \
        ROW(BAD_FRAME, "bad-frame", REQUEST_ERROR, "Protocol", EBADMSG, 1)                         \
        ROW(BAD_REQUEST, "bad-request", REQUEST_ERROR, "BadRequest", EINVAL, 7)                    \
        ROW(TOO_LARGE, "too-large", REQUEST_ERROR, "TooLarge", EMSGSIZE, 7)                        \
        ROW(UNKNOWN_COMMAND, "unknown-command", REQUEST_ERROR, "Protocol", ENOSYS, 1)              \
        ROW(UNSUPPORTED, "unsupported", REQUEST_ERROR, "Unsupported", EOPNOTSUPP, 7)               \
        ROW(RATE_LIMITED, "rate-limited", REQUEST_ERROR, "RateLimited", EAGAIN, 7)                 \
        ROW(INVALID_NAME, "invalid-name", REQUEST_ERROR, "InvalidName", EINVAL, 7)                 \
        ROW(NAME_TAKEN, "name-taken", REQUEST_ERROR, "NameTaken", EEXIST, 7)                       \
        ROW(WEAK_PASSWORD, "weak-password", REQUEST_ERROR, "WeakPassword", EINVAL, 7)              \
        ROW(NO_SUCH_CHANNEL, "no-such-channel", REQUEST_ERROR, "NoSuchChannel", ENOENT, 4)         \
        ROW(CHANNEL_EXISTS, "channel-exists", REQUEST_ERROR, "ChannelExists", EEXIST, 7)           \
        ROW(NO_SUCH_USER, "no-such-user", REQUEST_ERROR, "NoSuchUser", ENOENT, 4)                  \
        ROW(NO_SUCH_ENTRY, "no-such-entry", REQUEST_ERROR, "NoSuchEntry", ENOENT, 4)               \
        ROW(CONFLICT, "conflict", REQUEST_ERROR, "Conflict", ENOTUNIQ, 7)                          \
        ROW(STALE_EPOCH, "stale-epoch", REQUEST_ERROR, "StaleEpoch", ESTALE, 7)                    \
                                                                                                   \
        ROW(ALREADY_SIGNED_IN, "already-signed-in", LOCAL, "AlreadySignedIn", EISCONN, 1)          \
        ROW(HOST_OFFLINE, "host-offline", LOCAL, "HostOffline", EHOSTDOWN, 1)                      \
        ROW(TRACKER_UNREACHABLE, "tracker-unreachable", LOCAL, "TrackerUnreachable", EHOSTUNREACH, 1) \
        ROW(UNTRUSTED_TRACKER, "untrusted-tracker", LOCAL, "UntrustedTracker", ECONNABORTED, 1)    \
        ROW(PIN_MISMATCH, "pin-mismatch", LOCAL, "PinMismatch", EBADE, 1)                          \
        ROW(QUEUE_FULL, "queue-full", LOCAL, "QueueFull", ENOBUFS, 1)                              \
        ROW(TIMEOUT, "timeout", LOCAL, "Timeout", ETIMEDOUT, 6)                                    \
        ROW(CANCELLED, "cancelled", LOCAL, "Cancelled", ECANCELED, 1)                              \
        ROW(PROTOCOL, "protocol", LOCAL, "Protocol", EPROTO, 1)
/* clang-format on */
