/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one request that writes: its memory, and how it is answered, be it a peer's or the local
 * user's. Leaves when that is to channel-host-queue.c. */
#include "base/log.h"
#include "daemon/host/channel-host-internal.h"

int work_new(WorkKind kind, const Actor *actor, size_t n_messages, Work **ret) {
        _cleanup_(work_freep) Work *w = new0(Work, 1);

        if (!w)
                return -ENOMEM;
        *w = (Work){
                .kind = kind,
                .actor = *actor,
                .permissions = PERMISSIONS_UNSAID,
                .messages = new0(WorkMessage, n_messages),
                .n_messages = n_messages,
        };
        if (!w->messages)
                return -ENOMEM;
        *ret = TAKE_PTR(w);
        return 0;
}

Work *work_free(Work *w) {
        if (!w)
                return NULL;
        if (w->session)
                w->session->in_flight = NULL;
        if (w->host) {
                w->host->n_works--;
                w->host->n_work_bytes -= w->n_bytes;
        }
        rpc_request_free(w->q);
        for (size_t i = 0; w->messages && i < w->n_messages; i++)
                free(w->messages[i].extra);
        free(w->messages);
        free(w->topic);
        free(w->reason);
        job_free(w->author_job);
        free(w);
        return NULL;
}

/* What became of a peer's MESSAGE so far, for who wants to know what a crash left undone. */
void work_log_progress(const ChannelHost *h, const Work *w, const char *what) {
        if (w->q && w->kind == WORK_MESSAGES)
                log_fields(LOG_DEBUG, 0,
                           LOG_FIELDS("CHAT_CHANNEL", h->name, "CHAT_USER", w->actor.username),
                           "MESSAGE %s of %s is %s", w->messages[0].id, w->actor.username, what);
}

/* ---- answers ---- */

static void write_refused(Writer *w, const WorkMessage *m, const Failure *f) {
        writer_begin_object(w, NULL);
        writer_string(w, "id", m->id);
        writer_string(w, "error", error_info(f->code)->wire);
        writer_string(w, "message", f->message);
        if (f->retry_after_ms > 0)
                writer_uint(w, "retry_after_ms", f->retry_after_ms);
        writer_end_object(w);
}

static void write_stored(Writer *w, const WorkMessage *m) {
        writer_begin_object(w, NULL);
        writer_string(w, "id", m->id);
        writer_uint(w, "seq", m->result.seq);
        writer_time(w, "time", m->result.time);
        if (m->result.r == 1)
                writer_bool(w, "duplicate", true);
        writer_end_object(w);
}

static void message_failure(const Work *w, const WorkMessage *m, Failure *f) {
        if (m->result.r >= 0)
                *f = (Failure){};
        else if (m->result.r == -ENOENT) {
                (void) failure_set(f, ERROR_RATE_LIMITED,
                                   "This channel takes %" PRIu64 " messages a second from each,"
                                   " %" PRIu64 " at once; the rest can come a little later.",
                                   w->host->rates.rate, w->host->rates.burst);
                f->retry_after_ms = w->retry_after_ms;
        } else
                (void) failure_set(f, ERROR_CONFLICT,
                                   "This id was used for another message already.");
}

static void answer_messages(Work *w) {
        _cleanup_(writer_done) Writer out = {};
        ErrorCode code = ERROR_NONE;
        bool is_one_code = true;
        size_t n_refused = 0;
        Failure f = {};

        writer_begin_object(&out, NULL);
        writer_begin_array(&out, "stored");
        for (size_t i = 0; i < w->n_messages; i++)
                if (w->messages[i].result.r >= 0)
                        write_stored(&out, &w->messages[i]);
        writer_end_array(&out);
        writer_begin_array(&out, "refused");
        for (size_t i = 0; i < w->n_messages; i++) {
                if (w->messages[i].result.r >= 0)
                        continue;
                message_failure(w, &w->messages[i], &f);
                write_refused(&out, &w->messages[i], &f);
                is_one_code = is_one_code && (n_refused == 0 || f.code == code);
                code = f.code;
                n_refused++;
        }
        writer_end_array(&out);
        writer_end_object(&out);

        if (n_refused == w->n_messages && is_one_code)
                rpc_request_fail(TAKE_PTR(w->q), &f);
        else
                rpc_request_reply(TAKE_PTR(w->q), &out);
}

static void answer_local_messages(Work *w) {
        _cleanup_free_ LocalResult *results = new0(LocalResult, w->n_messages);

        if (!results) {
                /* Stored, and nobody can be told: the same ids give the same seqs when repeated. */
                (void) failure_set(&w->failure, ERROR_INTERNAL, "Out of memory.");
                w->sent(NULL, 0, &w->failure, w->userdata);
                return;
        }
        for (size_t i = 0; i < w->n_messages; i++) {
                results[i].id = w->messages[i].id;
                message_failure(w, &w->messages[i], &results[i].failure);
                results[i].seq = w->messages[i].result.r >= 0 ? w->messages[i].result.seq : 0;
                results[i].duplicate = w->messages[i].result.r == 1;
        }
        w->sent(results, w->n_messages, NULL, w->userdata);
}

void work_answer(const ChannelHost *h, Work *w) {
        const Failure *f = w->failure.code != ERROR_NONE ? &w->failure : NULL;

        work_log_progress(h, w, "answered");
        if (w->q) {
                if (f)
                        rpc_request_fail(TAKE_PTR(w->q), f);
                else if (w->kind == WORK_MESSAGES)
                        answer_messages(w);
                else
                        rpc_request_reply(TAKE_PTR(w->q), NULL);
        } else if (w->sent) {
                if (f)
                        w->sent(NULL, 0, f, w->userdata);
                else
                        answer_local_messages(w);
        } else if (w->done)
                w->done(f, w->userdata);
}
