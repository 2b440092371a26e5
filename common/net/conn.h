/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one connection: descriptor, TLS, deadlines and what is read and written when; leaves what
 * frames mean to rpc. */
#pragma once

#include "base/runtime.h"
#include "net/tls.h"
#include "wire/fields.h"

/* Pulls: nothing is queued for a reader that does not read but the control bytes (≤
 * CONTROL_BYTES_MAX, beyond which nothing is read from it either). Bulk comes from sources, asked
 * round-robin, one frame at a time, only when nothing else waits: what one has said is being
 * written, and what it will say can still be another thing. Callbacks never run from inside a call
 * of the owner into conn, and the conn holds a reference on itself through each.
 */
typedef struct Conn Conn;
typedef struct ConnSource ConnSource;

typedef enum ConnStage {
        CONN_CONNECTING,
        CONN_HANDSHAKE,
        CONN_OPEN,
        CONN_CLOSING,
        CONN_CLOSED,
        CONN_STAGE_MAX,
        CONN_STAGE_INVALID = -EINVAL
} ConnStage;
const char *conn_stage_to_string(ConnStage s);

typedef struct ConnClosed {
        int error; /* 0: orderly end by the other side; else negative errno, those of tls.h among
                    * them; -ETIMEDOUT a deadline (silence, handshake, connect) */
        ConnStage stage;            /* how far it had come */
        char offered_pin[PIN_SIZE]; /* with -ENOKEY and -EKEYREJECTED, else "" */
        char message[160];          /* one sentence for the journal and for people */
} ConnClosed;

typedef struct ConnHandlers {
        void (*on_open)(Conn *c, void *userdata); /* the handshake is done */
        /* One line without LF; borrowed. Return false to get no more lines until conn_resume(). */
        bool (*on_line)(Conn *c, const char *line, size_t n, void *userdata);
        /* The stream is lost: a line over the limit. The owner answers and closes. */
        void (*on_too_large)(Conn *c, void *userdata);
        void (*on_closed)(Conn *c, const ConnClosed *why,
                          void *userdata); /* once; not after conn_free() */
} ConnHandlers;

/* Takes fd (also on failure). A dialling fd may still be connecting (address for messages only). */
int conn_new(const Runtime *rt /* weak */, int fd, const Address *peer, TlsConfig *tls,
             bool accepting, const ConnHandlers *handlers, void *userdata /* weak */, Conn **ret);
/* Cuts at once (after a best-effort close_notify), no callback runs any more. Safe inside
 * callbacks. */
Conn *conn_free(Conn *c);
DEFINE_CLEANUP(Conn *, conn_free);
/* Cuts like conn_free(), without freeing: stage, peer and address can still be asked. */
void conn_cut(Conn *c);
/* The dialler hands a conn on. handlers NULL: nobody is told anything. */
void conn_set_handlers(Conn *c, const ConnHandlers *handlers, void *userdata);

ConnStage conn_get_stage(const Conn *c);
const Subject *conn_get_peer(const Conn *c);    /* NULL: no certificate */
uint64_t conn_now(const Conn *c);               /* as tls_now() */
const Address *conn_get_address(const Conn *c); /* the other end, unmapped */
int conn_get_local_address(const Conn *c, Address *ret);
bool conn_is_accepting(const Conn *c);
const char *conn_get_offered_pin(const Conn *c);
const Chain *conn_get_offered_chain(const Conn *c);

void conn_set_frame_max(Conn *c, size_t bytes);
void conn_resume(Conn *c); /* lines flow again, from a later turn of the loop */
/* No byte for this long: closed with -ETIMEDOUT. UINT64_MAX: never. While the owner holds lines
 * back time does not count; while the control buffer does, what the other side takes counts as
 * life. */
void conn_set_silence_max(Conn *c, uint64_t usec);

/* Appends bytes (whole frames) to the control buffer. Returns 0 or -errno; never runs a callback.
 */
int conn_send(Conn *c, const char *bytes, size_t n);
size_t conn_get_queued(const Conn *c); /* bytes not yet given to the kernel */
/* There is reason to doubt that the other side can still be reached: the kernel asks it, for
 * CONN_PROBE_USEC, and without any answer the connection ends with -ETIMEDOUT. Nothing is said on
 * the wire that the other side's program would see. Only on an open one. */
#define CONN_PROBE_USEC (6 * USEC_PER_SEC)
void conn_probe(Conn *c);
/* The owner knows that it leads nowhere any more: on_closed with this reason follows from a later
 * turn. */
void conn_abandon(Conn *c, int error, const char *message);
/* What was sent goes out, writing is shut down, reading is drained for ≤ LINGER_USEC; then
 * on_closed. */
void conn_close(Conn *c);

/* Appends at most one whole frame to out: 1; nothing to say now: 0 (asked again after a wake). */
typedef int (*conn_pull_fn)(Conn *c, Writer *out, void *userdata);
int conn_source_new(Conn *c, conn_pull_fn pull, void *userdata /* weak */, ConnSource **ret);
ConnSource *conn_source_free(
        ConnSource *s); /* nothing of it is sent any more but the frame in progress */
DEFINE_CLEANUP(ConnSource *, conn_source_free);
void conn_source_wake(ConnSource *s);
