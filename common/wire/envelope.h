/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows HEADER "-" {"id","payload"} both ways; leaves commands to those who serve them. */
#pragma once

#include "wire/error.h"
#include "wire/fields.h"
#include "wire/limits.h"

typedef struct Envelope {
        char header[HEADER_BYTES_MAX + 1];
        char id[REQUEST_ID_BYTES_MAX + 1]; /* "" = null */
        Value *body;                       /* owned; payload is inside */
        const Value *payload;              /* an object or an array */
        WireStatus status;                 /* of a response; STATUS_INVALID: a command */
} Envelope;

void envelope_done(Envelope *e); /* for _cleanup_(envelope_done) */

/* One line without LF. -EBADMSG: no frame (bad-frame). -EPROTO: a frame whose id is neither null
 * nor 1–64 characters 0x21–0x7E (bad-request with id null, then close). -ENOMEM. */
int envelope_parse(const char *line, size_t n, Envelope *ret);

/* Writes HEADER-{"id":…,"payload": up to the payload, and what comes after it, LF included. id NULL
 * = null. The payload itself is written between the two by the caller, with key NULL. Frames may
 * follow each other in one writer. */
void envelope_begin(Writer *w, const char *header, const char *id);
void envelope_end(Writer *w);

/* A whole error response; f->retry_after_ms, last_seq, epoch, successor, holder_until, field are
 * written where set. A code that is this side's only goes out as `internal`. */
void envelope_write_failure(Writer *w, const char *id, const Failure *f);
/* The other direction: fills *ret from an error response. The code is that of
 * error_from_response(); the message is cut to fit and brought under the text rule. */
void envelope_read_failure(const Envelope *e, Failure *ret);
