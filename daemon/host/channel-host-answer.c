/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows answers that hold what a channel says or who is there: each waits here until its connection
 * takes it, and whether it may be given is judged then. Leaves what they say to who made them. */
#include "daemon/host/channel-host-internal.h"

struct HostAnswer {
        ChannelHost *host; /* weak */
        RpcRequest *q;     /* NULL: it is given */
        Rpc *rpc;          /* weak, by which it is known */
        Actor actor;
        channel_may_fn may;
        Writer payload;
        ConnSource *source;
        HostAnswer *prev, *next;
};

static HostAnswer *answer_free(HostAnswer *a) {
        DL_DELETE(a->host->answers, a);
        a->host->n_answers--;
        conn_source_free(a->source);
        writer_done(&a->payload);
        if (a->q)
                request_fail_busy(a->q, "This channel is not hosted here any more.");
        free(a);
        return NULL;
}

void answers_free(ChannelHost *h) {
        while (h->answers)
                answer_free(h->answers);
}

void channel_host_peer_gone(ChannelHost *h, const Rpc *rpc) {
        HostAnswer *a, *next;

        DL_FOREACH_SAFE(h->answers, a, next)
                if (a->rpc == rpc)
                        answer_free(a);
}

/* A conn_pull_fn. Asked again it has gone out. */
static int answer_pull(Conn *conn, Writer *out, void *userdata) {
        HostAnswer *a = userdata;
        ChannelHost *h = a->host;
        Failure f;

        if (a->q && a->may(h->channel, &a->actor, host_now(h), &f) < 0)
                rpc_request_fail(TAKE_PTR(a->q), &f);
        else if (a->q && rpc_request_pull_reply(TAKE_PTR(a->q), &a->payload, out) > 0) {
                writer_done(&a->payload);
                return 1;
        }
        answer_free(a);
        return 0;
}

void answer_give(ChannelHost *h, const Actor *actor, RpcRequest *q, channel_may_fn may,
                 Writer *payload) {
        Rpc *rpc = rpc_request_get_rpc(q);
        HostAnswer *a;

        if (!rpc) {
                rpc_request_free(q);
                return;
        }
        a = new0(HostAnswer, 1);
        if (!a || conn_source_new(rpc_get_conn(rpc), answer_pull, a, &a->source) < 0) {
                free(a);
                rpc_request_fail_code(q, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        a->host = h;
        a->q = q;
        a->rpc = rpc;
        a->actor = *actor;
        a->may = may;
        a->payload = *payload;
        *payload = (Writer){};
        DL_APPEND(h->answers, a);
        h->n_answers++;
}
