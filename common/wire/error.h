/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows every way in which a request can fail, under all the names that it has outside; leaves
 * deciding that one did to others. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/random.h"

typedef enum WireStatus {
        STATUS_OK,
        STATUS_UNAUTHORIZED,
        STATUS_SERVER_ERROR,
        STATUS_REQUEST_ERROR,
        STATUS_LOCAL, /* never on the wire: made by this side */
        STATUS_MAX,
        STATUS_INVALID = -EINVAL,
} WireStatus;

typedef enum ErrorCode {
        ERROR_NONE,
        /* UNAUTHORIZED */
        ERROR_NOT_SIGNED_IN,
        ERROR_BAD_CREDENTIALS,
        ERROR_EXPIRED,
        ERROR_REVOKED,
        ERROR_RESTRICTED,
        ERROR_READ_ONLY,
        ERROR_BANNED,
        ERROR_GUESTS_NOT_ALLOWED,
        ERROR_NOT_OWNER,
        ERROR_NOT_MODERATOR,
        /* SERVER_ERROR */
        ERROR_BUSY,
        ERROR_INTERNAL,
        /* REQUEST_ERROR */
        ERROR_BAD_FRAME,
        ERROR_BAD_REQUEST,
        ERROR_TOO_LARGE,
        ERROR_UNKNOWN_COMMAND,
        ERROR_UNSUPPORTED,
        ERROR_RATE_LIMITED,
        ERROR_INVALID_NAME,
        ERROR_NAME_TAKEN,
        ERROR_WEAK_PASSWORD,
        ERROR_NO_SUCH_CHANNEL,
        ERROR_CHANNEL_EXISTS,
        ERROR_NO_SUCH_USER,
        ERROR_NO_SUCH_ENTRY,
        ERROR_CONFLICT,
        ERROR_STALE_EPOCH,
        /* this side only */
        ERROR_ALREADY_SIGNED_IN,
        ERROR_HOST_OFFLINE,
        ERROR_TRACKER_UNREACHABLE,
        ERROR_UNTRUSTED_TRACKER,
        ERROR_PIN_MISMATCH,
        ERROR_QUEUE_FULL,
        ERROR_TIMEOUT,
        ERROR_CANCELLED,
        ERROR_PROTOCOL,
        ERROR_MAX,
        ERROR_INVALID = -EINVAL,
} ErrorCode;

typedef struct ErrorInfo {
        const char *wire; /* "not-signed-in" */
        WireStatus status;
        const char *dbus; /* "org.p2pchat.Error.NotSignedIn" */
        int error;        /* positive errno */
        int exit_status;  /* of p2pchatctl, cli.md: 1, 3–7 */
} ErrorInfo;

const ErrorInfo *error_info(ErrorCode code); /* never NULL for 0 ≤ code < ERROR_MAX */
/* ERROR_INVALID for a code that this version does not know; names of STATUS_LOCAL are no wire
 * codes. */
ErrorCode error_from_wire(const char *code);
ErrorCode error_from_dbus(const char *name);
const char *wire_status_to_string(WireStatus s);
WireStatus wire_status_from_string(const char *s);

/* How a refusal travels inside a process: a code and one sentence that says what to do next. By
 * value; nothing to free. A NULL `const Failure *` means success in callbacks. */
#define FAILURE_MESSAGE_SIZE 256
typedef struct Failure {
        ErrorCode code;
        char message[FAILURE_MESSAGE_SIZE];
        uint64_t retry_after_ms; /* busy, rate-limited; 0 = not said */
        uint64_t last_seq;       /* conflict, stale-epoch of CONNECT/HOST; else 0 */
        uint64_t epoch;
        char successor[UUID_STRING_SIZE]; /* stale-epoch of HOST: which channel follows it; else ""
                                           */
        uint64_t holder_until;            /* conflict of HOST: µs since the epoch; else 0 */
        char field[32];                   /* bad-request: the member at fault, "" = none */
} Failure;

/* Fills *f and returns -errno of the code, so `return failure_set(f, ERROR_BUSY, "…")`
 * reads well. What does not fit is cut between characters. */
int failure_set(Failure *f, ErrorCode code, const char *format, ...) _printf_(3, 4);
