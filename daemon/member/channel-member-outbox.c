/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the outbox empties: in order, one request at a time, the same id for ever, until the
 * host has said what became of each. Leaves filling it to channel-member-send.c. */
#include "daemon/member/channel-member-internal.h"

#include "base/log.h"
#include "base/text.h"

#define PAGE_BYTES_MAX (48 * 1024)
/* What MESSAGE needs beside its messages, in a frame. */
#define FRAME_RESERVE 512
#define STORE_RETRY_USEC (5 * USEC_PER_SEC)
#define RETRY_AFTER_MAX_USEC USEC_PER_HOUR /* whatever a host asks for */

static void pump_later(ChannelMember *c, uint64_t usec) {
        Outbox *o = &c->outbox;

        clock_timer_arm(o->retry, usec > 0 ? MIN(usec, RETRY_AFTER_MAX_USEC)
                                           : backoff_next(&o->backoff, c->rt->random));
}

static void sent_clear(Outbox *o) {
        free(o->sent);
        o->sent = NULL;
        o->n_sent = 0;
        o->local = false;
}

static Sent *find_sent(const Outbox *o, const char *id) {
        for (size_t i = 0; i < o->n_sent; i++)
                if (streq(o->sent[i].id, id))
                        return &o->sent[i];
        return NULL;
}

bool outbox_is_sending(const ChannelMember *c, const char *id) {
        return find_sent(&c->outbox, id);
}

/* A row may have been read that is cancelled before it is sent. */
void outbox_hold(ChannelMember *c) {
        c->outbox.read = job_free(c->outbox.read);
}

void outbox_changed(ChannelMember *c) {
        c->handlers.on_outbox(c, ++c->outbox.generation, c->userdata);
        member_changed(c);
}

/* ---- what became of them ---- */

/* Not about the message: it stays queued. */
static bool is_passing(ErrorCode code) {
        switch (code) {
        case ERROR_BUSY:
        case ERROR_RATE_LIMITED:
        case ERROR_INTERNAL:
        case ERROR_NO_SUCH_CHANNEL:
        case ERROR_STALE_EPOCH:
        case ERROR_NOT_SIGNED_IN:
        case ERROR_EXPIRED:
        case ERROR_REVOKED:
        case ERROR_UNKNOWN_COMMAND:
        case ERROR_BAD_FRAME:
        case ERROR_HOST_OFFLINE:
        case ERROR_TIMEOUT:
        case ERROR_CANCELLED:
        case ERROR_PROTOCOL:
                return true;
        default:
                return false;
        }
}

static void update_of(const Sent *s, OutboxUpdate *ret) {
        *ret = (OutboxUpdate){ .state = OUTBOX_QUEUED };
        memcpy(ret->id, s->id, sizeof(ret->id));
        if (!s->decided)
                return;
        if (s->failure.code == ERROR_NONE) {
                ret->state = OUTBOX_STORED;
                ret->seq = s->seq;
        } else if (!is_passing(s->failure.code)) {
                ret->state = OUTBOX_FAILED;
                ret->error = s->failure.code;
        }
}

static void on_updated(int r, void *userdata) {
        ChannelMember *c = userdata;
        Outbox *o = &c->outbox;
        size_t n_sent = o->n_sent;
        uint64_t retry_usec = o->retry_usec;
        Sent *sent;

        o->update = NULL;
        o->local = false;
        o->retry_usec = 0;
        if (r < 0) {
                log_fields(store_log_level(c->store, r), r,
                           LOG_FIELDS("CHAT_CHANNEL", c->stored.name),
                           "Cannot note what was sent to channel %s", c->stored.name);
                /* They stay under way: nobody may cancel what the host has. */
                pump_later(c, STORE_RETRY_USEC);
                return;
        }
        sent = TAKE_PTR(o->sent);
        sent_clear(o);
        c->stored.n_outbox = (uint64_t) r;
        outbox_changed(c);
        for (size_t i = 0; i < n_sent; i++) {
                OutboxUpdate u;

                update_of(&sent[i], &u);
                if (u.state == OUTBOX_STORED)
                        sends_stored(c, sent[i].id, sent[i].seq);
                else if (u.state == OUTBOX_FAILED)
                        sends_failed(c, sent[i].id, &sent[i].failure);
        }
        free(sent);
        changes_resume(c);
        if (retry_usec > 0)
                pump_later(c, retry_usec);
        else
                outbox_pump(c);
}

/* What the host has not counted is given back; of what it did not answer nobody knows. */
static void settle_pace(ChannelMember *c) {
        const Outbox *o = &c->outbox;
        bool is_refused = false;
        size_t n = 0;

        for (size_t i = 0; i < o->n_sent; i++) {
                const Sent *s = &o->sent[i];

                is_refused = is_refused || (s->decided && s->failure.code == ERROR_RATE_LIMITED);
                n += s->decided && (s->duplicate || (s->failure.code != ERROR_NONE &&
                                                     s->failure.code != ERROR_HOST_OFFLINE));
        }
        if (is_refused)
                pace_refused(c);
        else
                pace_not_counted(c, n);
}

/* Every one that is under way is decided, or stays queued. */
static void note_results(ChannelMember *c) {
        Outbox *o = &c->outbox;
        _cleanup_free_ OutboxUpdate *updates = NULL;
        uint64_t retry_usec = 0;
        size_t n_stored = 0;
        int r = -ENOMEM;

        updates = new0(OutboxUpdate, o->n_sent);
        for (size_t i = 0; updates && i < o->n_sent; i++) {
                const Sent *s = &o->sent[i];

                update_of(s, &updates[i]);
                n_stored += updates[i].state == OUTBOX_STORED;
                if (updates[i].state == OUTBOX_QUEUED && retry_usec == 0)
                        retry_usec = s->decided && s->failure.retry_after_ms > 0
                                             ? s->failure.retry_after_ms * USEC_PER_MSEC
                                             : backoff_next(&o->backoff, c->rt->random) + 1;
        }
        if (n_stored > 0) {
                if (retry_usec == 0)
                        backoff_reset(&o->backoff);
                o->batch_max = MESSAGES_PER_REQUEST_MAX;
                o->uncertain = o->untimely = false;
        }
        if (updates)
                r = store_outbox_update(c->store, c->stored.row, updates, o->n_sent, on_updated, c,
                                        &o->update);
        if (r < 0) {
                sent_clear(o);
                pump_later(c, STORE_RETRY_USEC);
                changes_resume(c);
                return;
        }
        o->retry_usec = retry_usec;
}

static void decide_all(ChannelMember *c, const Failure *f) {
        Outbox *o = &c->outbox;

        for (size_t i = 0; i < o->n_sent; i++) {
                o->sent[i].decided = true;
                o->sent[i].failure = *f;
        }
        settle_pace(c);
        note_results(c);
}

/* ---- the host elsewhere ---- */

static void read_stored(Outbox *o, const Value *list) {
        for (size_t i = 0; i < value_length(list); i++) {
                const Value *v = value_at(list, i);
                const char *id = value_string(value_get(v, "id"), NULL);
                Sent *s = id ? find_sent(o, id) : NULL;
                uint64_t seq;

                if (!s || value_uint(value_get(v, "seq"), &seq) < 0)
                        continue;
                s->decided = true;
                s->seq = seq;
                s->failure = (Failure){};
                (void) value_bool(value_get(v, "duplicate"), &s->duplicate);
        }
}

static void read_refused(Outbox *o, const Value *list) {
        for (size_t i = 0; i < value_length(list); i++) {
                const Value *v = value_at(list, i);
                const char *id = value_string(value_get(v, "id"), NULL);
                const char *code = value_string(value_get(v, "error"), NULL);
                size_t n;
                const char *message = value_string(value_get(v, "message"), &n);
                _cleanup_free_ char *clean = NULL;
                Sent *s = id ? find_sent(o, id) : NULL;
                ErrorCode error = error_from_wire(code);

                if (!s || !code)
                        continue;
                s->decided = true;
                if (message && text_sanitize(message, n, false, &clean, NULL) < 0)
                        clean = NULL;
                failure_set(&s->failure, error > 0 ? error : ERROR_BAD_REQUEST, "%s",
                            clean ?: "The host gave no reason.");
                (void) value_uint(value_get(v, "retry_after_ms"), &s->failure.retry_after_ms);
        }
}

/* A refusal of the whole request: of each message, or of how we asked. */
static void refused(ChannelMember *c, const Failure *f) {
        Outbox *o = &c->outbox;
        bool about_request = f->code == ERROR_BAD_REQUEST || f->code == ERROR_TOO_LARGE;
        Failure busy;

        if (about_request && (o->uncertain || o->n_sent > 1)) {
                /* An earlier one may still be under way there; or one of many is at fault, and the
                 * others shall not go with it. */
                o->batch_max = 1;
                failure_set(&busy, ERROR_BUSY, "%s", f->message);
                busy.retry_after_ms = o->uncertain ? 0 : 1;
                decide_all(c, &busy);
                return;
        }
        /* No member of the request is at fault, so it was not the time for it: the host does not
         * think that we have joined. Said again by one that has let us in, it is meant. */
        if (f->code == ERROR_BAD_REQUEST && !f->field[0] && !o->untimely) {
                o->untimely = true;
                failure_set(&busy, ERROR_BUSY, "%s", f->message);
                busy.retry_after_ms = 1; /* the pump waits for CONNECT anyway */
                decide_all(c, &busy);
                member_connect_now(c);
                return;
        }
        if (f->code == ERROR_BAD_REQUEST)
                o->untimely = false;
        decide_all(c, f);
        if (f->code == ERROR_NO_SUCH_CHANNEL || f->code == ERROR_STALE_EPOCH)
                member_connect_now(c);
}

static void on_message_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        ChannelMember *c = userdata;
        Outbox *o = &c->outbox;
        Failure gone;

        o->call = NULL;
        if (r == -ETIMEDOUT) {
                /* Unknown, not failed: the same ids again. */
                o->uncertain = true;
                note_results(c);
        } else if (r < 0) {
                failure_set(&gone, ERROR_HOST_OFFLINE, "The host hung up.");
                gone.retry_after_ms = 1; /* the pump waits for CONNECT anyway */
                decide_all(c, &gone);
        } else if (failure) {
                refused(c, failure);
        } else {
                read_stored(o, value_get(payload, "stored"));
                read_refused(o, value_get(payload, "refused"));
                settle_pace(c);
                note_results(c);
        }
}

static void write_message(Writer *w, const OutboxRow *row) {
        writer_begin_object(w, NULL);
        writer_string(w, "id", row->id);
        writer_string(w, "message_content", row->text);
        if (row->meta)
                writer_raw(w, "meta", row->meta, strlen(row->meta));
        writer_end_object(w);
}

/* As many as fit into a frame; the first always does (limits.h). */
static size_t write_messages(const ChannelMember *c, Writer *w, const OutboxRow *rows, size_t n) {
        size_t i;

        member_begin_request(c, w);
        writer_begin_array(w, "messages");
        for (i = 0; i < n; i++) {
                size_t size = w->size;
                bool needs_comma = w->needs_comma;

                write_message(w, &rows[i]);
                if (i > 0 && w->size > FRAME_BYTES_MAX - FRAME_RESERVE) {
                        writer_truncate(w, size, needs_comma);
                        break;
                }
        }
        writer_end_array(w);
        writer_end_object(w);
        return i;
}

static int send_to_host(ChannelMember *c, const OutboxRow *rows, size_t *n) {
        _cleanup_(writer_done) Writer w = {};

        *n = write_messages(c, &w, rows, *n);
        return host_slot_call(c->slot, "MESSAGE", &w, 0, on_message_reply, c, &c->outbox.call);
}

/* ---- the host that we are ---- */

static void on_local_sent(const LocalResult *results, size_t n, const Failure *f, void *userdata) {
        ChannelMember *c = userdata;
        Outbox *o = &c->outbox;

        if (f) {
                decide_all(c, f);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                Sent *s = find_sent(o, results[i].id);

                if (!s)
                        continue;
                s->decided = true;
                s->failure = results[i].failure;
                s->seq = results[i].seq;
                s->duplicate = results[i].duplicate;
        }
        settle_pace(c);
        note_results(c);
}

static int send_to_self(ChannelMember *c, const OutboxRow *rows, size_t n) {
        _cleanup_free_ LocalMessage *messages = new0(LocalMessage, n);

        if (!messages)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                memcpy(messages[i].id, rows[i].id, sizeof(messages[i].id));
                messages[i].text = rows[i].text;
                messages[i].meta = rows[i].meta;
        }
        c->outbox.local = true;
        return channel_host_send(c->host, &c->me, messages, n, on_local_sent, c);
}

/* ---- the pump ---- */

static bool may_send(const ChannelMember *c) {
        if (c->host)
                return true;
        if (!c->slot || !host_slot_is_up(c->slot))
                return false;
        /* A host that has denied us says so of each message, too: it shall not wait for ever. */
        return c->connected || (c->state == MEMBER_DENIED && !c->connect_call);
}

static void on_rows(int r, const OutboxRow *rows, size_t n, bool more, void *userdata) {
        ChannelMember *c = userdata;
        Outbox *o = &c->outbox;

        o->read = NULL;
        if (r < 0) {
                pump_later(c, STORE_RETRY_USEC);
                return;
        }
        if (n == 0 || !may_send(c) || o->n_sent > 0)
                return;
        o->sent = new0(Sent, n);
        if (!o->sent) {
                pump_later(c, STORE_RETRY_USEC);
                return;
        }
        if (rows[0].is_damaged)
                n = 1;
        for (size_t i = 0; i < n && (i == 0 || !rows[i].is_damaged); i++)
                memcpy(o->sent[o->n_sent++].id, rows[i].id, sizeof(o->sent[i].id));
        n = o->n_sent;
        if (rows[0].is_damaged) {
                o->sent[0].decided = true;
                (void) failure_set(&o->sent[0].failure, ERROR_BAD_REQUEST,
                                   "The message was damaged on this disk; write it again.");
                note_results(c);
                return;
        }
        r = c->host ? send_to_self(c, rows, n) : send_to_host(c, rows, &n);
        if (r < 0) {
                sent_clear(o);
                if (r != -ENOTCONN)
                        pump_later(c, STORE_RETRY_USEC);
                changes_resume(c);
                return;
        }
        o->n_sent = n;
        pace_sent(c, n);
}

void outbox_pump(ChannelMember *c) {
        Outbox *o = &c->outbox;
        uint64_t wait_usec;
        size_t room;

        if (o->read || o->update || o->n_sent > 0 || c->stored.row == 0 ||
            c->stored.n_outbox == 0 || clock_timer_is_armed(o->retry) || !may_send(c) ||
            changes_are_cancelling(c))
                return;
        room = pace_room(c, &wait_usec);
        if (room == 0) {
                pump_later(c, wait_usec);
                return;
        }
        if (store_outbox_read(c->store, c->stored.row, 0, true, MIN(o->batch_max, (unsigned) room),
                              PAGE_BYTES_MAX, on_rows, c, &o->read) < 0)
                pump_later(c, STORE_RETRY_USEC);
}

static void on_retry(void *userdata) {
        ChannelMember *c = userdata;
        const Outbox *o = &c->outbox;

        if (o->n_sent > 0 && !o->call && !o->local && !o->update)
                note_results(c); /* which could not be written */
        else
                outbox_pump(c);
}

int outbox_init(ChannelMember *c) {
        c->outbox.batch_max = MESSAGES_PER_REQUEST_MAX;
        c->outbox.backoff = (Backoff){ .base_usec = USEC_PER_SEC, .max_usec = USEC_PER_MINUTE };
        return clock_timer_new(c->rt->clock, on_retry, c, &c->outbox.retry);
}

void outbox_done(ChannelMember *c) {
        Outbox *o = &c->outbox;

        o->read = job_free(o->read);
        o->update = job_free(o->update);
        o->call = rpc_call_free(o->call);
        o->retry = clock_timer_free(o->retry);
        sent_clear(o);
}

void outbox_connected(ChannelMember *c) {
        Outbox *o = &c->outbox;

        o->uncertain = false;
        o->batch_max = MESSAGES_PER_REQUEST_MAX;
        if (o->retry)
                clock_timer_disarm(o->retry);
        if (o->call || o->local || o->update)
                return;
        sent_clear(o);
        changes_resume(c);
}
