/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a message is removed for everybody: who wrote it is read, then judged in its turn, and
 * nothing that was read before is sent after. Leaves who may to channel.h, what goes from the disk
 * to the store. */
#include "base/text.h"
#include "daemon/host/channel-host-internal.h"

bool removal_has_author(const ChannelHost *h, const Work *w) {
        return w->has_author && w->n_removals == h->n_removals;
}

int removal_judge(ChannelHost *h, Work *w) {
        WorkMessage *m = &w->messages[0];
        int r;

        if (!w->author.is_message) {
                r = channel_may_view(h->channel, &w->actor, host_now(h), &w->failure);
                return r < 0 ? r
                             : failure_set(&w->failure, ERROR_NO_SUCH_ENTRY,
                                           "Entry %" PRIu64 " is no message of this channel; a "
                                           "message is named by the seq that the log shows.",
                                           w->target_seq);
        }
        r = channel_may_redact(h->channel, &w->actor, &w->author, host_now(h), &w->failure);
        if (r < 0)
                return r;
        if (w->author.is_stub)
                return 1;
        r = channel_extra_redact(w->target_seq, w->reason, &m->extra, &m->n_extra);
        return r < 0 ? failure_set(&w->failure, ERROR_INTERNAL, "Out of memory.") : 0;
}

static void on_author(int r, const EntryAuthor *author, void *userdata) {
        Work *w = userdata;
        ChannelHost *h = w->host;

        w->author_job = NULL;
        DL_DELETE(h->authors, w);
        if (r < 0) {
                (void) host_fail_busy(&w->failure, "The log cannot be read now; try again.");
                DL_APPEND(h->answered, w);
        } else {
                w->author = *author;
                w->has_author = true;
                DL_APPEND(h->queue, w);
        }
        queue_pump_soon(h);
}

void removal_ask_for_authors(ChannelHost *h) {
        Work *w, *next;

        DL_FOREACH_SAFE(h->authors, w, next) {
                if (w->author_job)
                        continue;
                w->n_removals = h->n_removals;
                if (store_read_author(h->store, h->row, w->target_seq, on_author, w,
                                      &w->author_job) < 0)
                        on_author(-ENOBUFS, NULL, w);
        }
}

void channel_host_content_removed(ChannelHost *h) {
        h->n_removals++;
        recent_clear(&h->recent);
        sessions_reread(h);
}

typedef struct RedactFields {
        uint64_t seq;
        const char *reason;
} RedactFields;

void removal_request(const HostCall *c) {
        static const Field table[] = {
                { "seq", FIELD_UINT, offsetof(RedactFields, seq), true, 1, NUMBER_MAX },
                { "reason", FIELD_STRING, offsetof(RedactFields, reason), false, 0,
                  REASON_BYTES_MAX },
                {},
        };
        _cleanup_(work_freep) Work *w = NULL;
        RedactFields x = {};

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (x.reason && !text_is_valid(x.reason, strlen(x.reason), false)) {
                request_fail_field(c->q, "reason", "text of one line without control characters.");
                return;
        }
        if (request_new_change(c, WORK_REDACT, &w) < 0)
                return;
        w->target_seq = x.seq;
        if (free_and_strdup(&w->reason, x.reason) < 0) {
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        request_enqueue(c, TAKE_PTR(w));
}
