/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the queue before the log: what waits, what is judged together, and that it is answered when
 * it is on disk. Leaves the rules to channel.h, the reading of requests to channel-host-request.c,
 * and the words of answers to channel-host-work.c. */
#include "base/log.h"
#include "daemon/channel-journal.h"
#include "daemon/host/channel-host-internal.h"

int queue_admit(const ChannelHost *h, size_t n_bytes, Failure *f) {
        static const char *const messages[] = {
                [HOST_GOES_ON] = "The host has too much to do; try again.",
                [HOST_MOVES] = "This channel moves to another host; try again.",
                [HOST_CLOSES] = "This channel is not hosted here any more.",
                [HOST_STOPS] = "The host stops for now; try again when it is back.",
        };

        if (h->ending == HOST_GOES_ON && h->n_works < HOST_BACKLOG_REQUESTS_MAX &&
            h->n_work_bytes + n_bytes <= HOST_BACKLOG_BYTES_MAX)
                return 0;
        return host_fail_busy(f, messages[h->ending]);
}

void queue_push(ChannelHost *h, Work *w) {
        w->host = h;
        h->n_works++;
        h->n_work_bytes += w->n_bytes;
        DL_APPEND(h->queue, w);
        work_log_progress(h, w, "received");
        queue_pump_soon(h);
}

void queue_pump_soon(ChannelHost *h) {
        if (h->loaded && !h->append_job && (h->queue || h->answered))
                (void) sd_event_source_set_enabled(h->pump, SD_EVENT_ONESHOT);
}

static void flush_answers(ChannelHost *h) {
        while (h->answered) {
                _cleanup_(work_freep) Work *w = h->answered;

                DL_DELETE(h->answered, w);
                work_answer(h, w);
        }
}

static void fail_list(const ChannelHost *h, Work **list, const Failure *f) {
        while (*list) {
                _cleanup_(work_freep) Work *w = *list;

                DL_DELETE(*list, w);
                w->failure = *f;
                work_answer(h, w);
        }
}

void queue_fail_waiting(ChannelHost *h, const Failure *f) {
        fail_list(h, &h->lookups, f);
        fail_list(h, &h->authors, f);
        fail_list(h, &h->keys, f);
        fail_list(h, &h->queue, f);
}

void queue_fail_all(ChannelHost *h, const Failure *f) {
        flush_answers(h);
        fail_list(h, &h->batch, f);
        queue_fail_waiting(h, f);
}

/* ---- batches ---- */

typedef enum Verdict {
        VERDICT_PROPOSE,
        VERDICT_UNCHANGED,
        VERDICT_LOOK_UP,
        VERDICT_READ,
        VERDICT_READ_KEY,
} Verdict;

/* A Verdict, or negative with w->failure. What is beyond the sender's rate is only looked up: a
 * repeat of what is stored is none of it. */
static int judge_messages(ChannelHost *h, Work *w, uint64_t now) {
        uint64_t wait_usec;
        int r;

        r = channel_may_send(h->channel, &w->actor, now, &w->failure);
        if (r < 0)
                return r;
        r = rates_take(h, &w->actor, w->n_messages, &w->n_counted, &wait_usec);
        if (r < 0)
                return failure_set(&w->failure, ERROR_INTERNAL, "Out of memory.");
        w->retry_after_ms = DIV_ROUND_UP(wait_usec, USEC_PER_MSEC);
        return VERDICT_PROPOSE;
}

/* A Verdict, or negative with w->failure. */
static int judge(ChannelHost *h, Work *w) {
        const Channel *c = h->channel;
        uint64_t now = host_now(h);
        WorkMessage *m = &w->messages[0];
        int r = 0;

        switch (w->kind) {
        case WORK_MESSAGES:
                return judge_messages(h, w, now);
        case WORK_VIEW:
                r = channel_may_set_permissions(c, &w->actor, now, &w->failure);
                if (r < 0)
                        return r;
                r = channel_extra_view(c, &w->permissions, &m->extra, &m->n_extra);
                break;
        case WORK_TOPIC:
                r = channel_may_set_topic(c, &w->actor, now, &w->failure);
                if (r < 0)
                        return r;
                r = channel_extra_topic(c, w->topic, &m->extra, &m->n_extra);
                break;
        case WORK_ROLE:
                r = channel_may_authorize(c, &w->actor, w->target, w->role, now, &w->failure);
                if (r < 0)
                        return r;
                if (lookup_is_needed(h, w))
                        return VERDICT_LOOK_UP;
                r = channel_extra_role(c, w->target, w->role, w->reason, &m->extra, &m->n_extra);
                break;
        case WORK_REDACT:
                if (!removal_has_author(h, w))
                        return VERDICT_READ;
                r = removal_judge(h, w);
                if (r < 0)
                        return r;
                break;
        case WORK_KICK:
        case WORK_BAN:
        case WORK_UNBAN:
                r = sanction_check(h, w);
                if (r < 0)
                        return r;
                if (w->kind == WORK_BAN && lookup_is_needed(h, w))
                        return VERDICT_LOOK_UP;
                if (!sanction_has_key(h, w))
                        return VERDICT_READ_KEY;
                r = sanction_judge(h, w);
                if (r < 0)
                        return r;
                break;
        }
        if (r < 0)
                return failure_set(&w->failure, ERROR_INTERNAL, "Out of memory.");
        return r == 1 ? VERDICT_UNCHANGED : VERDICT_PROPOSE;
}

static EntryKind work_entry_kind(WorkKind kind) {
        switch (kind) {
        case WORK_MESSAGES:
                return ENTRY_MESSAGE;
        case WORK_VIEW:
                return ENTRY_VIEW;
        case WORK_TOPIC:
                return ENTRY_TOPIC;
        case WORK_ROLE:
                return ENTRY_ROLE;
        case WORK_REDACT:
                return ENTRY_REDACT;
        case WORK_KICK:
                return ENTRY_KICK;
        case WORK_BAN:
                return ENTRY_BAN;
        case WORK_UNBAN:
                return ENTRY_UNBAN;
        }
        return ENTRY_KIND_INVALID;
}

static void propose(const Work *w, size_t i, Proposal *p) {
        const WorkMessage *m = &w->messages[i];

        *p = (Proposal){
                .kind = work_entry_kind(w->kind),
                .user_type = w->actor.user_type,
                .extra = m->extra,
                .n_extra = m->n_extra,
                .only_repeat = w->kind == WORK_MESSAGES && i >= w->n_counted,
        };
        memcpy(p->id, m->id, sizeof(p->id));
        memcpy(p->username, w->actor.username, sizeof(p->username));
        memcpy(p->key_id, w->actor.key_id, sizeof(p->key_id));
}

/* Moves what may be stored together from the queue to h->batch, the rest to where it is answered.
 * A governance change ends the batch: what follows is judged by its outcome. */
static size_t collect(ChannelHost *h, Proposal *proposals) {
        size_t n = 0, n_bytes = 0;
        bool governance = false;

        while (!governance && h->queue) {
                Work *w = h->queue;
                int r;

                if (n + w->n_messages > BATCH_ENTRIES_MAX ||
                    (n > 0 && n_bytes + w->n_bytes > BATCH_BYTES_MAX))
                        break;
                DL_DELETE(h->queue, w);
                r = judge(h, w);
                if (r == VERDICT_LOOK_UP && lookup_wait(h, w) >= 0)
                        continue;
                if (r < 0 || r == VERDICT_LOOK_UP || r == VERDICT_UNCHANGED) {
                        DL_APPEND(h->answered, w);
                        continue;
                }
                if (r == VERDICT_READ) {
                        DL_APPEND(h->authors, w);
                        continue;
                }
                if (r == VERDICT_READ_KEY) {
                        DL_APPEND(h->keys, w);
                        continue;
                }
                w->first = n;
                for (size_t i = 0; i < w->n_messages; i++)
                        propose(w, i, &proposals[n++]);
                n_bytes += w->n_bytes;
                governance = w->kind != WORK_MESSAGES;
                DL_APPEND(h->batch, w);
        }
        return n;
}

static void batch_failed(ChannelHost *h) {
        Work *w;

        DL_FOREACH(h->batch, w) {
                rates_give_back(h, &w->actor, w->n_counted);
                (void) host_fail_busy(&w->failure,
                                      "The host cannot write to its disk now; try again.");
        }
        DL_CONCAT(h->answered, h->batch);
        h->batch = NULL;
}

static void tell_disk(ChannelHost *h, int r) {
        if (r == -ENOBUFS || r == h->disk_error)
                return;
        h->disk_error = r;
        if (h->handlers.on_disk)
                h->handlers.on_disk(h, r, h->userdata);
}

static void apply_entries(ChannelHost *h, const Entry *entries, size_t n) {
        bool rights = false, removed = false;
        int r;

        for (size_t i = 0; i < n; i++) {
                r = channel_apply(h->channel, &entries[i]);
                if (r < 0)
                        log_fields(LOG_ERR, r, LOG_FIELDS("CHAT_CHANNEL", h->name),
                                   "Entry %" PRIu64
                                   " is on disk and has no effect before a restart",
                                   entries[i].seq);
                else
                        channel_journal_entry(NULL, h->name, channel_get_view(h->channel),
                                              channel_get_send(h->channel), &entries[i]);
                rights = rights || entries[i].kind == ENTRY_VIEW || entries[i].kind == ENTRY_ROLE ||
                         entries[i].kind == ENTRY_BAN || entries[i].kind == ENTRY_UNBAN;
                removed = removed || entries[i].kind == ENTRY_REDACT;
        }
        if (rights)
                rates_follow(h);
        if (removed)
                channel_host_content_removed(h);
        if (rights)
                access_changed(h);
        /* Without it members read the same from the store. */
        if (n > 0 && sessions_are_seen(h) && recent_append(&h->recent, entries, n) < 0)
                recent_clear(&h->recent);
}

static void take_results(ChannelHost *h, Work *w, const Appended *results) {
        size_t n_new = 0;

        for (size_t i = 0; i < w->n_messages; i++) {
                w->messages[i].result = results[i];
                n_new += i < w->n_counted && results[i].r == 0;
        }
        if (w->n_counted > n_new)
                rates_give_back(h, &w->actor, w->n_counted - n_new);
}

static void on_appended(int r, const Appended *results, size_t n_results, const Entry *entries,
                        size_t n, void *userdata) {
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);
        Work *w;

        h->append_job = NULL;
        if (r < 0)
                batch_failed(h);
        else {
                apply_entries(h, entries, n);
                DL_FOREACH(h->batch, w) {
                        take_results(h, w, results + w->first);
                        if (w->kind == WORK_ROLE) {
                                roster_touch(&h->roster, w->target);
                                keys_role_given(h, w->target);
                        }
                        keys_seen(h, &w->actor);
                        sanction_done(h, w);
                        work_log_progress(h, w, "on disk");
                }
                DL_CONCAT(h->answered, h->batch);
                h->batch = NULL;
                sessions_wake(h);
        }
        queue_pump_soon(h);

        tell_disk(h, r);
        flush_answers(h);
        if (r >= 0 && n > 0 && h->handlers.on_entries)
                h->handlers.on_entries(h, entries, n, h->userdata);
        host_end_soon(h);
}

static size_t count_waiting(const ChannelHost *h) {
        size_t n = 0;

        for (const Work *w = h->queue; w && n < BATCH_ENTRIES_MAX; w = w->next)
                n += w->n_messages;
        return MIN(n, (size_t) BATCH_ENTRIES_MAX);
}

int queue_on_pump(sd_event_source *source, void *host) {
        _cleanup_(host_leavep) ChannelHost *h = host_enter(host);
        _cleanup_free_ Proposal *proposals = NULL;
        size_t n = 0;
        int r = 0;

        if (h->rights_due)
                access_changed(h);
        if (!h->append_job && h->queue) {
                proposals = new0(Proposal, count_waiting(h));
                if (proposals)
                        n = collect(h, proposals);
                if (n > 0)
                        r = store_append(h->store, h->row, proposals, n, on_appended, h,
                                         &h->append_job);
                if (r < 0)
                        batch_failed(h);
        }
        flush_answers(h);
        lookup_ask(h);
        removal_ask_for_authors(h);
        sanction_ask_for_keys(h);
        queue_pump_soon(h);
        host_end_check(h);
        return 0;
}
