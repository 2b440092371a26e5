/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what we know of one channel and in which state our part in it is; leaves the connection to
 * channel-member-connect.c, the log to -stream.c, what we say to -outbox.c. */
#include "daemon/member/channel-member-internal.h"

#include "base/log.h"
#include "base/text.h"

static const char *const member_state_table[MEMBER_STATE_MAX] = {
        [MEMBER_OFFLINE] = "offline", [MEMBER_CONNECTING] = "connecting",
        [MEMBER_SYNCING] = "syncing", [MEMBER_LIVE] = "live",
        [MEMBER_DENIED] = "denied",   [MEMBER_DIVERGED] = "diverged",
        [MEMBER_CLOSED] = "closed",
};

const char *member_state_to_string(MemberState s) {
        return s >= 0 && s < MEMBER_STATE_MAX ? member_state_table[s] : NULL;
}

/* For want of memory the reason has to do. True: it says something else than before. */
static bool explain(ChannelMember *c) {
        char text[STATE_TEXT_SIZE];

        member_explain(c, text);
        if (streq(text, c->state_text ?: ""))
                return false;
        (void) free_and_strdup(&c->state_text, text[0] ? text : NULL);
        return true;
}

void member_changed(ChannelMember *c) {
        c->handlers.on_changed(c, c->userdata);
}

/* What the words are made of is set before the state that they explain. */
void member_set_state(ChannelMember *c, MemberState state, const char *reason) {
        if (c->state == state && streq(c->reason, reason)) {
                if (explain(c))
                        member_changed(c);
                return;
        }
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("CHAT_CHANNEL", c->stored.name, "CHAT_PEER", c->stored.host),
                   "Channel %s: %s -> %s%s%s", c->stored.name, member_state_to_string(c->state),
                   member_state_to_string(state), reason[0] ? ": " : "", reason);
        c->state = state;
        snprintf(c->reason, sizeof(c->reason), "%s", reason);
        member_tell_state(c, state, reason);
        (void) explain(c);
        member_changed(c);
}

void member_set_away(ChannelMember *c) {
        member_set_state(c, MEMBER_OFFLINE, c->is_unhosted ? UNHOSTED : "host-offline");
}

int member_set_topic(ChannelMember *c, const char *topic) {
        _cleanup_free_ char *clean = NULL;
        int r;

        /* A host's words: one code point that no string of the bus may have, and none of our
         * objects could be shown. */
        r = text_sanitize(topic, strlen(topic), false, &clean, NULL);
        if (r >= 0)
                r = free_and_strdup(&c->topic, clean);
        c->stored.topic = c->topic;
        return r;
}

int member_set_closed_reason(ChannelMember *c, const char *reason) {
        int r;

        r = free_and_strdup(&c->closed_reason, reason);
        c->stored.reason = c->closed_reason;
        return r;
}

/* ---- operations ---- */

MemberOp *member_op_free(MemberOp *op) {
        if (op)
                operation_drop(&op->base);
        return NULL;
}

void member_op_release(Operation *o) {
        MemberOp *op = (MemberOp *) o;

        op->job = job_free(op->job);
        op->call = member_call_free(op->call);
}

void member_op_init(MemberOp *op, ChannelMember *c, const OperationType *type, void *userdata) {
        op->member = c;
        op->userdata = userdata;
        operation_init(&op->base, type, &c->ops);
}

MemberOp *member_op_new(ChannelMember *c, const OperationType *type, void *userdata) {
        MemberOp *op = new0(MemberOp, 1);

        if (op)
                member_op_init(op, c, type, userdata);
        return op;
}

int member_op_return(MemberOp *op, MemberOp **ret_op, const Failure *f) {
        int r = 0;

        if (f)
                r = operation_complete_later(&op->base, op->member->rt->event,
                                             f->code != ERROR_NONE ? f : NULL);
        if (r < 0) {
                member_op_free(op);
                return r;
        }
        if (ret_op)
                *ret_op = op;
        return 0;
}

int member_op_begun(MemberOp *op, int r, MemberOp **ret_op) {
        if (r < 0) {
                member_op_free(op);
                return r;
        }
        return member_op_return(op, ret_op, NULL);
}

void member_done_complete(Operation *o, const Failure *f) {
        MemberOp *op = (MemberOp *) o;

        op->fn.done(f, op->userdata);
}

const OperationType member_done_type = { .complete = member_done_complete,
                                         .release = member_op_release };

void member_fail_store(const ChannelMember *c, Failure *f, int r, const char *what) {
        (void) store_fail(c->store, f, r, what);
}

/* ---- who waits ---- */

void member_tell_all(ChannelMember *c, const OperationType *type, const Failure *f) {
        Operation *o;

        for (o = c->ops; o; o = o->next)
                if (o->type == type)
                        (void) operation_complete_later(o, c->rt->event, f);
}

const OperationType member_settle_type = { .complete = member_done_complete,
                                           .release = member_op_release };

void member_settled(ChannelMember *c, const Failure *f) {
        member_tell_all(c, &member_settle_type, f);
}

int channel_member_settle(ChannelMember *c, member_done_fn done, void *userdata,
                          MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_settle_type, userdata);

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        return member_op_return(op, ret_op, NULL);
}

/* ---- life ---- */

static int copy_stored(ChannelMember *c, const StoredChannel *stored) {
        int r;

        c->stored = *stored;
        c->stored.ignored = NULL;
        r = member_load_ignored(c, stored->ignored);
        if (r < 0)
                return r;
        r = member_set_topic(c, stored->topic ? stored->topic : "");
        if (r < 0)
                return r;
        return member_set_closed_reason(c, stored->reason);
}

int channel_member_new(const MemberContext *context, const StoredChannel *stored,
                       ChannelMember **ret) {
        _cleanup_(channel_member_freep) ChannelMember *c = NULL;
        int r;

        c = new0(ChannelMember, 1);
        if (!c)
                return -ENOMEM;
        *c = (ChannelMember){
                .rt = context->rt,
                .store = context->store,
                .links = context->links,
                .exporter = context->exporter,
                .handlers = *context->handlers,
                .userdata = context->userdata,
                .me = context->me,
                .presence = context->presence,
                .notify = context->notify,
                .state = MEMBER_OFFLINE,
                .since = clock_boottime(context->rt->clock),
                .backoff = { .base_usec = USEC_PER_SEC, .max_usec = USEC_PER_MINUTE },
        };
        snprintf(c->tracker_id, sizeof(c->tracker_id), "%s", context->tracker_id);
        r = copy_stored(c, stored);
        if (r < 0)
                return r;
        if (stored->went_back && stored->hosted && !stored->closed) {
                c->stored.closed = true;
                r = member_set_closed_reason(c, "restored");
                if (r < 0)
                        return r;
        }
        if (c->stored.closed) {
                bool diverged = stored->diverged_seq > 0 || streq_ptr(stored->reason, "diverged");

                c->state = diverged ? MEMBER_DIVERGED : MEMBER_CLOSED;
                snprintf(c->reason, sizeof(c->reason), "%s", c->closed_reason ?: "");
        }
        r = clock_timer_new(c->rt->clock, member_on_retry, c, &c->retry);
        if (r < 0)
                return r;
        r = clock_timer_new(c->rt->clock, member_calls_resume, c, &c->call_timer);
        if (r < 0)
                return r;
        r = stream_init(c);
        if (r < 0)
                return r;
        r = outbox_init(c);
        if (r < 0)
                return r;
        r = member_save_init(c);
        if (r < 0)
                return r;
        (void) explain(c);

        *ret = TAKE_PTR(c);
        return 0;
}

ChannelMember *channel_member_free(ChannelMember *c) {
        if (!c)
                return NULL;
        assert(!c->host);
        member_detach(c);
        operation_cancel_all(&c->ops);
        member_changes_done(c);
        outbox_done(c);
        stream_done(c);
        member_count_done(c);
        member_save_done(c);
        clock_timer_free(c->call_timer);
        clock_timer_free(c->retry);
        member_names_free(c->ignored, c->n_ignored);
        free(c->topic);
        free(c->closed_reason);
        free(c->words);
        free(c->state_text);
        free(c);
        return NULL;
}

/* ---- what the manager decides ---- */

void channel_member_set_backlog(ChannelMember *c, int64_t backlog) {
        c->stored.has_backlog = backlog >= 0;
        c->stored.backlog = backlog >= 0 ? (uint64_t) backlog : 0;
}

void channel_member_set_local_host(ChannelMember *c, ChannelHost *host, const char *reason) {
        c->host = host;
        if (!host) {
                member_set_state(c, c->stored.closed ? MEMBER_CLOSED : MEMBER_OFFLINE, reason);
                return;
        }
        const Channel *channel = channel_host_get_channel(host);

        c->stored.role = ROLE_OWNER;
        c->stored.view = channel_get_view(channel);
        c->stored.send = channel_get_send(channel);
        c->stored.retention_days = channel_get_retention(channel)->days;
        c->stored.epoch = channel_get_epoch(channel);
        c->stored.last_seq = channel_get_last_seq(channel);
        (void) member_set_topic(c, channel_get_topic(channel));
        c->n_online = channel_host_get_n_online(host);
        member_set_state(c, MEMBER_LIVE, "");
        member_changed(c);
        outbox_pump(c);
}

void channel_member_host_entries(ChannelMember *c, const Entry *entries, size_t n) {
        const Channel *channel = c->host ? channel_host_get_channel(c->host) : NULL;
        const Entry *last;
        bool must_count = false;

        if (n == 0 || !channel)
                return;
        last = &entries[n - 1];
        for (size_t i = 0; i < n; i++)
                if (entries[i].kind == ENTRY_MESSAGE &&
                    !streq(entries[i].username, c->me.username) &&
                    entries[i].seq > c->stored.read_seq &&
                    !channel_member_is_ignored(c, entries[i].username))
                        c->stored.n_unread++;
        for (size_t i = 0; i < n; i++)
                must_count = must_count || entries[i].mentions || entries[i].kind == ENTRY_REDACT;
        if (c->stored.first_seq == 0)
                c->stored.first_seq = entries[0].seq;
        c->stored.synced_seq = c->stored.last_seq = last->seq;
        memcpy(c->stored.synced_id, last->id, sizeof(c->stored.synced_id));
        c->stored.view = channel_get_view(channel);
        c->stored.send = channel_get_send(channel);
        c->stored.retention_days = channel_get_retention(channel)->days;
        c->stored.epoch = channel_get_epoch(channel);
        if (!streq(channel_get_topic(channel), c->topic))
                (void) member_set_topic(c, channel_get_topic(channel));
        member_changed(c);
        c->handlers.on_entries(c, entries[0].seq, last->seq, c->userdata);
        member_heard(c, entries, n);
        if (must_count)
                channel_member_count_mentions(c);
}

void channel_member_host_members(ChannelMember *c, uint64_t generation) {
        c->generation = generation;
        if (c->host) {
                const StoredRoleKey *news = channel_host_get_key_news(c->host);

                c->n_online = channel_host_get_n_online(c->host);
                if (news)
                        c->key_news = *news;
        }
        c->handlers.on_members(c, generation, c->userdata);
        member_changed(c);
}

void channel_member_set_lease_until(ChannelMember *c, uint64_t boottime_usec) {
        c->lease_until = boottime_usec;
        member_changed(c);
}

void channel_member_set_hosted(ChannelMember *c, bool hosted, bool wanted) {
        if (hosted)
                member_go(c); /* we were a member of it until now */
        c->stored.hosted = hosted;
        c->stored.wanted = wanted;
        if (wanted && !c->stored.closed)
                (void) member_set_closed_reason(c, NULL);
        if (c->stored.row != 0)
                member_save_now(c);
}

void channel_member_set_state_reason(ChannelMember *c, const char *reason) {
        member_set_state(c, c->state, reason);
}

void channel_member_close(ChannelMember *c, const char *reason) {
        member_detach(c);
        c->stored.closed = true;
        c->stored.successor[0] = '\0';
        c->stored.diverged_seq = 0;
        (void) member_set_closed_reason(c, reason);
        if (c->stored.row != 0)
                member_save_soon(c);
        member_set_state(c, MEMBER_CLOSED, reason);
}

/* Open on disk, and for all that: it goes on by itself where another device of ours does. */
void channel_member_show_moved(ChannelMember *c) {
        (void) member_set_closed_reason(c, "moved");
        channel_member_set_hosted(c, true, false);
        member_set_state(c, MEMBER_OFFLINE, "moved");
}

void channel_member_show_behind(ChannelMember *c, uint64_t last_seq) {
        c->stored.last_seq = last_seq;
        (void) store_set_last_seq(c->store, c->stored.row, last_seq);
        channel_member_close(c, "behind");
}

bool channel_member_is_moved(const ChannelMember *c) {
        return c->stored.hosted && !c->stored.wanted && !c->stored.closed &&
               streq_ptr(c->closed_reason, "moved");
}

void channel_member_become_copy(ChannelMember *c) {
        c->stored.closed = false;
        c->stored.successor[0] = '\0';
        (void) member_set_closed_reason(c, NULL);
        channel_member_set_hosted(c, false, true);
        member_set_state(c, MEMBER_OFFLINE, "moved");
}

void channel_member_set_previous(ChannelMember *c, const char *channel_id) {
        snprintf(c->stored.previous, sizeof(c->stored.previous), "%s", channel_id);
}

void channel_member_set_went_back(ChannelMember *c) {
        if (c->stored.went_back)
                return;
        c->stored.went_back = true;
        if (!c->stored.closed)
                channel_member_close(c, "behind");
        else
                member_save_soon(c);
}

void channel_member_show_closed(ChannelMember *c, const char *reason) {
        member_set_state(c, MEMBER_CLOSED, reason);
}

void channel_member_reopen(ChannelMember *c) {
        c->stored.closed = false;
        c->stored.successor[0] = '\0';
        c->stored.diverged_seq = 0;
        c->stored.wanted = true;
        (void) member_set_closed_reason(c, NULL);
        member_save_soon(c);
        member_set_state(c, MEMBER_OFFLINE, "");
}
