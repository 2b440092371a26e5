/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the way of entries from the host to our copy: contiguous, stored before seen, never more of
 * them in memory than the link may hold. Leaves what they mean to channel-member-truth.c. */
#include "daemon/member/channel-member-internal.h"

#include "base/log.h"
#include "daemon/channel-journal.h"

#define BATCH_BYTES_MAX (256 * 1024) /* a transaction stays short */
#define STORE_RETRY_USEC (5 * USEC_PER_SEC)

static size_t entry_cost(const Entry *e) {
        return sizeof(*e) + e->n_extra;
}

static void set_waiting(ChannelMember *c) {
        if (c->slot)
                host_slot_set_waiting(c->slot, c->stream.n_queue_bytes + c->stream.n_flying_bytes +
                                                       c->stream.n_known * sizeof(EntryId));
}

static void queue_clear(Stream *s) {
        for (size_t i = 0; i < s->n_queue; i++)
                entry_done(&s->queue[i]);
        s->n_queue = s->n_queue_bytes = 0;
}

static void flying_clear(Stream *s) {
        s->flying = entries_free(s->flying, s->n_flying);
        s->n_flying = s->n_flying_bytes = 0;
}

void stream_drop(ChannelMember *c) {
        queue_clear(&c->stream);
        c->stream.check = job_free(c->stream.check);
        c->stream.n_known = c->stream.n_checking = 0;
        clock_timer_disarm(c->stream.retry);
        set_waiting(c);
}

bool stream_is_storing(const ChannelMember *c) {
        const Stream *s = &c->stream;

        return s->copy || (s->n_queue > 0 && c->stored.row != 0 && !clock_timer_is_armed(s->retry));
}

void stream_done(ChannelMember *c) {
        Stream *s = &c->stream;

        s->check = job_free(s->check);
        s->copy = job_free(s->copy);
        s->retry = clock_timer_free(s->retry);
        queue_clear(s);
        flying_clear(s);
        free(s->queue);
        free(s->known);
}

/* A hole, or another entry under a seq that we know: the host may have mended it; if it says so
 * twice, it is not the log that we have. */
static void stream_fault(ChannelMember *c, const char *what, const char *reason, uint64_t seq) {
        log_fields(LOG_WARNING, 0, LOG_FIELDS("CHAT_CHANNEL", c->stored.name),
                   "Channel %s: the host sent %s after entry %" PRIu64, c->stored.name, what,
                   c->stream.next - 1);
        stream_drop(c);
        c->connected = false;
        if (c->stream.n_faults++ > 0)
                member_diverge(c, reason, seq);
        else
                member_connect_now(c);
}

static void become_live(ChannelMember *c) {
        if (c->state != MEMBER_SYNCING || member_since(c) < c->target_seq)
                return;
        backoff_reset(&c->backoff);
        member_set_state(c, MEMBER_LIVE, "");
}

static bool is_mine(const ChannelMember *c, const Entry *e) {
        return e->user_type == c->me.user_type && streq(e->username, c->me.username);
}

static void ask_again_later(ChannelMember *c) {
        stream_drop(c);
        c->connected = false;
        member_set_state(c, MEMBER_SYNCING, store_get_reason(c->store));
}

static void store_is_away(ChannelMember *c, int r) {
        log_fields(r == -EAGAIN ? LOG_DEBUG : store_log_level(c->store, r), r,
                   LOG_FIELDS("CHAT_CHANNEL", c->stored.name), "Cannot store entries of channel %s",
                   c->stored.name);
        /* The connection lives on and nothing piles up: what is missing then is asked for when the
         * disk is back. */
        if (store_is_in_trouble(c->store, r))
                ask_again_later(c);
        clock_timer_arm(c->stream.retry, STORE_RETRY_USEC);
}

/* Puts what could not be stored back before the rest. */
static int take_back(Stream *s) {
        size_t n = s->n_flying + s->n_queue;
        Entry *queue = reallocarray(s->queue, n, sizeof(Entry));

        if (!queue)
                return -ENOMEM;
        memmove(queue + s->n_flying, queue, s->n_queue * sizeof(Entry));
        memcpy(queue, s->flying, s->n_flying * sizeof(Entry));
        s->queue = queue;
        s->n_queue = s->n_allocated = n;
        s->n_queue_bytes += s->n_flying_bytes;
        free(s->flying);
        s->flying = NULL;
        s->n_flying = s->n_flying_bytes = 0;
        return 0;
}

static void copied(ChannelMember *c, const Copied *result) {
        Stream *s = &c->stream;
        uint64_t first = s->flying[0].seq;

        if (c->stored.first_seq == 0) {
                c->stored.first_seq = first;
                c->stored.read_seq = MAX(c->stored.read_seq, first - 1); /* as the store has it */
        }
        c->stored.synced_seq = result->synced_seq;
        s->n_faults = 0;
        memcpy(c->stored.synced_id, s->flying[s->n_flying - 1].id, sizeof(c->stored.synced_id));
        c->stored.last_seq = MAX(c->stored.last_seq, result->synced_seq);
        c->stored.n_unread = result->n_unread;
        c->stored.n_mentions = result->n_mentions;
        c->stored.n_outbox -= MIN(c->stored.n_outbox, result->n_outbox_finished);
        for (size_t i = 0; i < s->n_flying; i++) {
                member_apply(c, &s->flying[i]);
                channel_journal_entry(c->rt->pace, c->stored.name, c->stored.view, c->stored.send,
                                      &s->flying[i]);
        }
        member_changed(c);
        c->handlers.on_entries(c, first, result->synced_seq, c->userdata);
        member_heard(c, result->entries, result->n);
        if (result->n_outbox_finished > 0)
                outbox_changed(c);
        for (size_t i = 0; i < s->n_flying; i++)
                if (is_mine(c, &s->flying[i]))
                        sends_stored(c, s->flying[i].id, s->flying[i].seq);
}

static int stream_fly(ChannelMember *c, store_copied_fn done) {
        Stream *s = &c->stream;
        size_t n = 0, n_bytes = 0;
        int r;

        if (s->copy || s->check || s->n_queue == 0 || c->stored.row == 0 ||
            clock_timer_is_armed(s->retry))
                return 0;
        while (n < s->n_queue && (n == 0 || n_bytes + entry_cost(&s->queue[n]) <= BATCH_BYTES_MAX))
                n_bytes += entry_cost(&s->queue[n++]);
        s->flying = new0(Entry, n);
        if (!s->flying)
                return -ENOMEM;
        memcpy(s->flying, s->queue, n * sizeof(Entry));
        memmove(s->queue, s->queue + n, (s->n_queue - n) * sizeof(Entry));
        s->n_queue -= n;
        s->n_flying = n;
        s->n_queue_bytes -= n_bytes;
        s->n_flying_bytes = n_bytes;

        r = store_copy(c->store, c->stored.row, s->flying, n, c->me.username, c->me.user_type, done,
                       c, &s->copy);
        if (r < 0 && take_back(s) < 0)
                flying_clear(s); /* a hole: the next push asks for it again */
        return r;
}

static void on_copied(int r, const Copied *result, void *userdata) {
        ChannelMember *c = userdata;
        Stream *s = &c->stream;

        s->copy = NULL;
        if (r >= 0)
                copied(c, result);
        if (r == -EILSEQ || (r < 0 && take_back(s) < 0)) {
                flying_clear(s);
                stream_fault(c, "what does not continue our copy", "broken-log", s->next);
                return;
        }
        flying_clear(s);
        if (r < 0)
                store_is_away(c, r);
        else {
                become_live(c);
                r = stream_fly(c, on_copied);
                if (r < 0)
                        store_is_away(c, r);
        }
        set_waiting(c);
        if (c->connect_due && !s->copy)
                member_connect_now(c);
}

static int start_check(ChannelMember *c, store_seq_fn done) {
        Stream *s = &c->stream;

        if (s->check || s->n_known == 0 || clock_timer_is_armed(s->retry))
                return 0;
        s->n_checking = s->n_known;
        return store_find_other(c->store, c->stored.row, s->known, s->n_known, done, c, &s->check);
}

static void on_checked(int r, uint64_t other, void *userdata) {
        ChannelMember *c = userdata;
        Stream *s = &c->stream;

        s->check = NULL;
        if (r >= 0 && other > 0) {
                stream_fault(c, "another entry under a seq that we know", "other-entry", other);
                return;
        }
        if (r >= 0) {
                s->n_known -= s->n_checking;
                memmove(s->known, s->known + s->n_checking, s->n_known * sizeof(EntryId));
                r = s->n_known > 0 ? start_check(c, on_checked) : stream_fly(c, on_copied);
        }
        if (r < 0)
                store_is_away(c, r);
        set_waiting(c);
}

/* Until it is sure that what came again is the same, nothing more is stored. */
static void stream_go(ChannelMember *c) {
        int r;

        r = start_check(c, on_checked);
        if (r >= 0)
                r = stream_fly(c, on_copied);
        if (r < 0)
                store_is_away(c, r);
        set_waiting(c);
}

static void on_retry(void *userdata) {
        ChannelMember *c = userdata;

        if (c->connected)
                stream_go(c);
        else if (store_get_trouble(c->store) != 0)
                clock_timer_arm(c->stream.retry, STORE_RETRY_USEC);
        else
                member_connect_now(c);
}

int stream_init(ChannelMember *c) {
        return clock_timer_new(c->rt->clock, on_retry, c, &c->stream.retry);
}

void stream_begin(ChannelMember *c, uint64_t next) {
        c->stream.next = next;
        c->stream.n_ahead = c->stream.n_absent = 0;
        become_live(c);
}

static int queue_reserve(Stream *s) {
        size_t n = s->n_allocated > 0 ? 2 * s->n_allocated : 32;
        Entry *queue;

        if (s->n_queue < s->n_allocated)
                return 0;
        queue = reallocarray(s->queue, n, sizeof(Entry));
        if (!queue)
                return -ENOMEM;
        s->queue = queue;
        s->n_allocated = n;
        return 0;
}

static const Entry *find_entry(const Entry *entries, size_t n, uint64_t seq) {
        return n > 0 && seq >= entries[0].seq && seq - entries[0].seq < n
                       ? &entries[seq - entries[0].seq]
                       : NULL;
}

/* Known already: harmless if it is the same entry, which the store may have to say. 0: it is not.
 */
static int check_known(ChannelMember *c, const Entry *e) {
        Stream *s = &c->stream;
        const Entry *held = find_entry(s->queue, s->n_queue, e->seq);

        if (!held)
                held = find_entry(s->flying, s->n_flying, e->seq);
        if (held)
                return streq(held->id, e->id);
        if (e->seq < c->stored.first_seq || e->seq > c->stored.synced_seq)
                return 1;
        if (s->n_known == s->n_known_allocated) {
                size_t n = MAX(2 * s->n_known_allocated, (size_t) 32);
                EntryId *known = reallocarray(s->known, n, sizeof(EntryId));

                if (!known)
                        return -ENOMEM;
                s->known = known;
                s->n_known_allocated = n;
        }
        s->known[s->n_known] = (EntryId){ .seq = e->seq };
        memcpy(s->known[s->n_known++].id, e->id, sizeof(e->id));
        return 1;
}

/* 1: taken or known. 0: a hole, or another one than we know. */
static int take_entry(ChannelMember *c, const Value *v) {
        Stream *s = &c->stream;
        Entry e = {};
        const char *bad;
        int r;

        r = queue_reserve(s);
        if (r < 0)
                return r;
        r = entry_read(v, &e, &bad);
        if (r < 0)
                return r;
        if (e.seq != s->next) {
                r = e.seq < s->next ? check_known(c, &e) : 0;
                entry_done(&e);
                return r;
        }
        s->queue[s->n_queue++] = e;
        s->n_queue_bytes += entry_cost(&e);
        s->next++;
        return 1;
}

/* payload NULL: only what waits already. */
void stream_push(ChannelMember *c, const Value *payload) {
        const Value *entries = value_get(payload, "entries");
        size_t n = value_kind(entries) == VALUE_ARRAY ? value_length(entries) : 0;
        uint64_t next = c->stream.next;
        int r = 1;

        for (size_t i = 0; i < n && r > 0; i++)
                r = take_entry(c, value_at(entries, i));
        if (r == -ENOMEM) { /* not the host's fault: from the end of the copy, in a while */
                stream_drop(c);
                c->connected = false;
                clock_timer_arm(c->retry, STORE_RETRY_USEC);
                return;
        }
        if (r <= 0) {
                stream_fault(c, r == 0 ? "what does not follow" : "what is no entry", "broken-log",
                             c->stream.next);
                return;
        }
        if (c->stream.next > next) {
                c->stream.n_ahead = 0;
                c->stored.last_seq = MAX(c->stored.last_seq, c->stream.next - 1);
        }
        stream_go(c);
}

void stream_head(ChannelMember *c, uint64_t last_seq) {
        Stream *s = &c->stream;

        if (!c->connected)
                return;
        s->n_absent = 0;
        if (last_seq > c->stored.last_seq) {
                c->stored.last_seq = last_seq;
                (void) store_set_last_seq(c->store, c->stored.row, last_seq);
                member_changed(c);
        }
        if (last_seq < s->next || s->n_queue > 0 || s->copy) {
                s->n_ahead = 0;
                return;
        }
        if (++s->n_ahead < 2)
                return;
        s->n_ahead = 0;
        member_connect_now(c);
}

void stream_no_head(ChannelMember *c) {
        if (!c->connected || ++c->stream.n_absent < 2)
                return;
        c->stream.n_absent = 0;
        member_connect_now(c);
}
