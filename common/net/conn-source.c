/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows in which order sources of bulk are asked; leaves when to conn-turn.c. */
#include <utlist.h>

#include "net/conn-internal.h"

static void source_unready(ConnSource *s) {
        if (!s->is_ready)
                return;
        DL_DELETE2(s->conn->ready, s, ready_prev, ready_next);
        s->is_ready = false;
}

static void source_ready(ConnSource *s) {
        if (s->is_ready)
                return;
        DL_APPEND2(s->conn->ready, s, ready_prev, ready_next);
        s->is_ready = true;
}

int conn_source_new(Conn *c, conn_pull_fn pull, void *userdata, ConnSource **ret) {
        ConnSource *s;

        if (c->stage >= CONN_CLOSING)
                return -ENOTCONN;
        s = new0(ConnSource, 1);
        if (!s)
                return -ENOMEM;
        *s = (ConnSource){ .conn = c, .pull = pull, .userdata = userdata };
        DL_APPEND(c->sources, s);
        conn_source_wake(s);
        *ret = s;
        return 0;
}

ConnSource *conn_source_free(ConnSource *s) {
        if (!s)
                return NULL;
        if (s->conn) {
                source_unready(s);
                output_drop(&s->conn->out, s);
                if (s->conn->pulling == s)
                        s->conn->pulling = NULL;
                DL_DELETE(s->conn->sources, s);
                conn_update_io(s->conn);
        }
        free(s);
        return NULL;
}

void conn_source_wake(ConnSource *s) {
        if (!s->conn)
                return;
        source_ready(s);
        conn_update_io(s->conn);
}

void conn_detach_sources(Conn *c) {
        ConnSource *s, *next;

        DL_FOREACH_SAFE(c->sources, s, next) {
                source_unready(s);
                DL_DELETE(c->sources, s);
                s->conn = NULL;
        }
        c->pulling = NULL;
}

int conn_pull(Conn *c) {
        int r;

        for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
                ConnSource *s = c->ready;

                if (!s || c->out.size > 0)
                        break;
                source_unready(s);
                c->pulling = s;
                writer_truncate(&c->pulled, 0, false);
                r = s->pull(c, &c->pulled, s->userdata);
                if (c->stage != CONN_OPEN)
                        return 0;
                if (!c->pulling)
                        continue; /* freed: what it said is not to be sent */
                c->pulling = NULL;
                if (r >= 0 && c->pulled.error < 0)
                        r = c->pulled.error;
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                source_ready(s);
                r = output_append(&c->out, s, c->pulled.data, c->pulled.size);
                if (r < 0)
                        return r;
        }
        if (!c->ready)
                writer_done(&c->pulled);
        return 0;
}
