/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows every way in which a request can fail, under all the names that it has outside; leaves
 * deciding that one did to others. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "wire/error-table.h"

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
#define ROW(code, ...) ERROR_##code,
        ERROR_TABLE(ROW)
#undef ROW
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
/* Of a code in a response of that status: a code that this version does not know, or knows with
 * another status, means what the status says. ERROR_PROTOCOL where that is none of the three. */
ErrorCode error_from_response(WireStatus status, const char *code);
ErrorCode error_from_dbus(const char *name);
const char *wire_status_to_string(WireStatus s);
WireStatus wire_status_from_string(const char *s);

/* How a refusal travels inside a process: a code and one sentence that says what to do next. By
 * value; nothing to free. A NULL `const Failure *` means success in callbacks. */
/* The longest names a pin, or three channels, and what to do next behind them. */
#define FAILURE_MESSAGE_SIZE 512
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
