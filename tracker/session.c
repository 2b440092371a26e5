/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one client of the tracker: its connection and who it is; leaves what it asks for to
 * session-commands. */
#include "base/log-pace.h"
#include "tracker/message-ids.h"
#include "tracker/session-internal.h"
#include "version.h"
#include "wire/limits.h"

#define STOPPING_RETRY_MSEC 2000

bool session_is_revoked(const Session *s) {
        const Subject *subject = conn_get_peer(rpc_get_conn(s->rpc));

        return subject && revocations_has(s->services->revocations, subject->key_id);
}

void session_tell_authority(Session *s, const char *ca_pem) {
        _cleanup_(writer_done) Writer w = {};

        if (!s->is_ready)
                return;
        writer_begin_object(&w, NULL);
        writer_string(&w, "ca", ca_pem);
        writer_end_object(&w);
        (void) rpc_push(s->rpc, "AUTHORITY", &w); /* who misses it sees it at the next connection */
}

void session_go_away(Session *s, const char *reason, uint64_t resume_in_usec) {
        rpc_go_away(s->rpc, reason, resume_in_usec);
}

void session_tell_refused(const Session *s, const char *reason) {
        char peer[ADDRESS_STRING_SIZE];

        address_print_ip(&s->address, peer);
        log_paced(s->services->rt->pace, peer, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_CERTIFICATE_REFUSED, "CHAT_PEER", peer,
                             "CHAT_REASON", reason, "CHAT_USER",
                             s->subject.name[0] ? s->subject.name : NULL),
                  "A certificate is refused to %s: %s.", peer, reason);
}

static void on_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        Session *s = userdata;
        const Subject *subject = conn_get_peer(rpc_get_conn(r));

        s->is_ready = true;
        asker_init(&s->asker, rpc_get_conn(r));
        if (subject) {
                s->subject = *subject;
                rpc_set_frame_max(r, FRAME_BYTES_MAX);
                if (subject->kind == SUBJECT_USER)
                        accounts_seen(s->services->accounts, subject->key_id);
        }
        s->handlers.on_ready(s, s->userdata);
        if (session_is_revoked(s)) /* since the handshake */
                session_go_away(s, "revoked", 0);
}

static void on_request(Rpc *r, RpcRequest *request, void *userdata) {
        Session *s = userdata;
        Failure f;

        if (!s->services->is_stopping) {
                session_run_command(s, request);
                return;
        }
        (void) failure_set(&f, ERROR_BUSY, "The tracker is stopping; ask again.");
        f.retry_after_ms = STOPPING_RETRY_MSEC;
        rpc_request_fail(request, &f);
}

static void on_idle(Rpc *r, void *userdata) {
        Session *s = userdata;

        s->handlers.on_idle(s, s->userdata);
}

static void on_push(Rpc *r, const char *command, const Value *payload, void *userdata) {
        /* Protocol §2: an unknown push is ignored, and none goes to the tracker. */
}

static void on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        Session *s = userdata;

        if (why->stage == CONN_HANDSHAKE &&
            (why->error == -EACCES || why->error == -EKEYEXPIRED || why->error == -EKEYREVOKED))
                session_tell_refused(s, why->message);
        s->handlers.on_closed(s, s->userdata);
}

static const RpcHandlers rpc_handlers = {
        .on_ready = on_ready,
        .on_request = on_request,
        .on_push = on_push,
        .on_closed = on_closed,
        .on_idle = on_idle,
};

int session_new(const Services *services, Conn *conn, uint64_t serial,
                const SessionHandlers *handlers, void *userdata, Session **ret) {
        _cleanup_(session_freep) Session *s = NULL;
        int r;

        s = new0(Session, 1);
        if (!s) {
                conn_free(conn);
                return -ENOMEM;
        }
        *s = (Session){
                .services = services,
                .serial = serial,
                .address = *conn_get_address(conn),
                .handlers = *handlers,
                .userdata = userdata,
        };
        r = rpc_new(services->rt, conn,
                    &(RpcParameters){
                            .agent = "p2pchat-trackerd/" P2PCHAT_VERSION,
                            .in_flight = IN_FLIGHT_TRACKER,
                            .frame_max = FRAME_BYTES_ANONYMOUS_MAX,
                            .payloads_end = true,
                    },
                    &rpc_handlers, s, &s->rpc);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Session *session_free(Session *s) {
        if (!s)
                return NULL;
        watcher_free(s->watcher);
        if (s->asker.signed_in)
                holders_forget(s->services->holders, s->subject.key_id, s);
        rpc_free(s->rpc);
        free(s);
        return NULL;
}

HolderClaim session_claim(Session *s, const char *instance) {
        return (HolderClaim){
                .key = s->subject.key_id,
                .instance = instance ?: "",
                .serial = s->serial,
                .session = s,
        };
}

const Address *session_get_address(const Session *s) {
        return &s->address;
}

bool session_is_idle(const Session *s) {
        return rpc_is_idle(s->rpc);
}

bool session_is_ready(const Session *s) {
        return s->is_ready;
}
