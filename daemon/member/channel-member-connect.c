/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel comes to its host and what the host answers: CONNECT, CLOSED, ACCESS,
 * PRESENCE. Leaves connections to host-link.h and entries to channel-member-stream.c. */
#include "daemon/member/channel-member-internal.h"

#include "base/log.h"
#include "base/text.h"

#define DENIED_RETRY_USEC USEC_PER_HOUR    /* protocol §5 CLOSED */
#define LET_IN_INTERVAL_USEC USEC_PER_SEC  /* a host may say so all day */
#define RETRY_AFTER_MAX_USEC USEC_PER_HOUR /* whatever a host asks for */

void member_begin_request(const ChannelMember *c, Writer *w) {
        writer_begin_object(w, NULL);
        writer_string(w, "channel_name", c->stored.name);
        writer_string(w, "channel_id", c->stored.channel_id);
}

/* What the host said before is stored all the same. */
static void hang_up(ChannelMember *c) {
        c->connect_call = rpc_call_free(c->connect_call);
        c->begin_call = member_call_free(c->begin_call);
        c->presence_call = rpc_call_free(c->presence_call);
        c->outbox.call = rpc_call_free(c->outbox.call);
        c->connected = c->connect_due = false;
        clock_timer_disarm(c->retry);
        c->slot = host_slot_free(c->slot);
        member_calls_hung_up(c);
        outbox_connected(c);
}

void member_detach(ChannelMember *c) {
        stream_drop(c);
        hang_up(c);
}

void member_go(ChannelMember *c) {
        _cleanup_(writer_done) Writer w = {};

        if (c->connected && c->slot) {
                member_begin_request(c, &w);
                writer_end_object(&w);
                (void) host_slot_call(c->slot, "DISCONNECT", &w, 0, NULL, NULL, NULL);
        }
        member_detach(c);
}

void member_set_addresses(ChannelMember *c, const Address *addresses, size_t n) {
        bool same;

        n = MIN(n, ELEMENTSOF(c->stored.addresses));
        same = n == c->stored.n_addresses;
        for (size_t i = 0; i < n && same; i++)
                same = address_equal(&addresses[i], &c->stored.addresses[i]);
        if (same)
                return;
        for (size_t i = 0; i < n; i++)
                c->stored.addresses[i] = addresses[i];
        c->stored.n_addresses = n;
        if (c->stored.row != 0)
                member_save_soon(c);
}

void member_diverge(ChannelMember *c, const char *reason, uint64_t seq) {
        Failure f;

        member_detach(c);
        c->stored.closed = true;
        c->stored.diverged_seq = seq;
        (void) member_set_closed_reason(c, reason);
        if (c->stored.row != 0)
                member_save_soon(c);
        member_set_state(c, MEMBER_DIVERGED, reason);
        failure_set(&f, ERROR_CONFLICT, "The host's log is not the one that is held here.");
        member_settled(c, &f);
}

/* The host has ended a log at an entry that is below ours. */
static void diverge_beyond(ChannelMember *c, uint64_t last_seq) {
        c->stored.last_seq = last_seq;
        (void) store_set_last_seq(c->store, c->stored.row, last_seq);
        member_diverge(c, "shorter-log", last_seq + 1);
}

static void retry_after(ChannelMember *c, uint64_t usec) {
        clock_timer_arm(c->retry, usec > 0 ? usec : backoff_next(&c->backoff, c->rt->random));
}

/* The host is there and says nothing that can be used: to who waits that is a host that is away. */
static void no_answer(ChannelMember *c, MemberState state, const char *reason) {
        Failure f;

        member_set_state(c, state, reason);
        retry_after(c, 0);
        failure_set(&f, ERROR_HOST_OFFLINE, "The host did not answer in a way that can be used.");
        member_settled(c, &f);
}

static void deny(ChannelMember *c, const Failure *f) {
        c->connected = false;
        (void) free_and_strdup(&c->words, f->message);
        if (f->code == ERROR_REVOKED) /* and stays so: only a person can sign in anew */
                clock_timer_disarm(c->retry);
        else
                clock_timer_arm(c->retry, DENIED_RETRY_USEC);
        member_set_state(c, MEMBER_DENIED, error_info(f->code)->wire);
        member_settled(c, f);
        outbox_pump(c);
}

/* ---- CONNECT ---- */

typedef struct Accepted {
        const char *channel_id, *owner, *role, *view, *send, *topic;
        uint64_t epoch, last_seq, members_online, generation, message_rate, message_burst;
        const Value *retention;
} Accepted;

static const Field accepted_fields[] = {
        { "channel_id", FIELD_STRING, offsetof(Accepted, channel_id), .required = true, .min = 1 },
        { "owner", FIELD_STRING, offsetof(Accepted, owner), .required = true, .min = 1 },
        { "role", FIELD_STRING, offsetof(Accepted, role), .required = true },
        { "view_permission", FIELD_STRING, offsetof(Accepted, view), .required = true },
        { "send_permission", FIELD_STRING, offsetof(Accepted, send), .required = true },
        { "topic", FIELD_STRING, offsetof(Accepted, topic), .required = true,
          .max = TOPIC_BYTES_MAX },
        { "epoch", FIELD_UINT, offsetof(Accepted, epoch), .required = true },
        { "last_seq", FIELD_UINT, offsetof(Accepted, last_seq), .required = true },
        { "members_online", FIELD_UINT, offsetof(Accepted, members_online), .required = true },
        { "generation", FIELD_UINT, offsetof(Accepted, generation), .required = true },
        { "message_rate", FIELD_UINT, offsetof(Accepted, message_rate) },
        { "message_burst", FIELD_UINT, offsetof(Accepted, message_burst) },
        { "retention", FIELD_OBJECT, offsetof(Accepted, retention) },
        {},
};

static int take_state(ChannelMember *c, const Accepted *a) {
        if (role_from_string(a->role) < 0 || view_permission_from_string(a->view) < 0 ||
            send_permission_from_string(a->send) < 0)
                return -EBADMSG;
        c->stored.role = role_from_string(a->role);
        c->stored.view = view_permission_from_string(a->view);
        c->stored.send = send_permission_from_string(a->send);
        c->stored.epoch = a->epoch;
        c->stored.last_seq = a->last_seq;
        c->n_online = a->members_online;
        c->generation = a->generation;
        c->message_rate = a->message_rate;
        c->message_burst = a->message_burst;
        return member_set_topic(c, a->topic);
}

static void accepted(ChannelMember *c, const Accepted *a) {
        Failure f;

        if (!streq(a->channel_id, c->stored.channel_id) || !streq(a->owner, c->stored.owner)) {
                channel_member_close(c, "another-channel");
                failure_set(&f, ERROR_NO_SUCH_CHANNEL,
                            "The host has another channel of this name.");
                member_settled(c, &f);
                return;
        }
        if (a->last_seq < member_since(c)) {
                diverge_beyond(c, a->last_seq);
                return;
        }
        if (take_state(c, a) < 0) {
                no_answer(c, MEMBER_OFFLINE, "protocol");
                return;
        }
        /* What is held here is the beginning of the log: it may go on from it. */
        c->stored.went_back = false;
        (void) free_and_strdup(&c->words, NULL);
        if (streq_ptr(c->closed_reason, KICKED))
                (void) member_set_closed_reason(c, NULL);
        c->connected = true;
        c->is_unhosted = false;
        c->ended_seq = 0;
        c->truth_seq = c->target_seq = a->last_seq;
        c->outbox.uncertain = false;
        if (c->stored.synced_seq == 0 && !c->stored.has_begin)
                c->history_seq = a->last_seq;
        member_begin(c, a->last_seq);
        member_take_retention(c, a->retention);
        member_save_soon(c);
        member_set_state(c, MEMBER_SYNCING, "");
        stream_begin(c, member_since(c) + 1);
        if (c->state == MEMBER_LIVE)
                member_learn_begin(c);
        member_changed(c);
        c->handlers.on_members(c, c->generation, c->userdata);
        member_settled(c, NULL);
        member_presence_told(c);
        outbox_pump(c);
}

static void refused(ChannelMember *c, const Failure *f) {
        Failure away;

        switch (f->code) {
        case ERROR_CONFLICT:
                if (f->last_seq > 0 && f->last_seq < member_since(c))
                        diverge_beyond(c, f->last_seq);
                else
                        member_diverge(c, "other-entry", member_since(c));
                return;
        case ERROR_BUSY:
        case ERROR_RATE_LIMITED:
        case ERROR_INTERNAL:
                member_set_state(c, MEMBER_CONNECTING, error_info(f->code)->wire);
                retry_after(c, MIN(f->retry_after_ms * USEC_PER_MSEC, RETRY_AFTER_MAX_USEC));
                if (f->code != ERROR_RATE_LIMITED) {
                        failure_set(&away, ERROR_HOST_OFFLINE, "The host cannot serve it now.");
                        f = &away;
                }
                member_settled(c, f);
                return;
        case ERROR_NO_SUCH_CHANNEL:
                /* It may be coming up there, or have moved: the directory knows. */
                member_set_state(c, MEMBER_OFFLINE, c->is_unhosted ? UNHOSTED : "no-such-channel");
                retry_after(c, 0);
                member_settled(c, f);
                c->handlers.on_lost(c, c->userdata);
                return;
        case ERROR_UNSUPPORTED:
                if (!c->telling.invisible)
                        break;
                member_leave_visible(c);
                return;
        default:
                break;
        }
        if (error_info(f->code)->status == STATUS_UNAUTHORIZED) {
                deny(c, f);
                return;
        }
        member_set_state(c, MEMBER_OFFLINE, error_info(f->code)->wire);
        retry_after(c, 0);
        member_settled(c, f);
}

static void on_connect_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        ChannelMember *c = userdata;
        Accepted a = {};
        const char *bad;

        c->connect_call = NULL;
        if (r == -ETIMEDOUT) {
                no_answer(c, MEMBER_CONNECTING, "timeout");
                return;
        }
        if (r < 0)
                return; /* the connection is gone: its end says more */
        if (failure) {
                refused(c, failure);
                return;
        }
        if (fields_read(payload, accepted_fields, &a, &bad) < 0) {
                no_answer(c, MEMBER_OFFLINE, "protocol");
                return;
        }
        accepted(c, &a);
}

void member_connect_now(ChannelMember *c) {
        _cleanup_(writer_done) Writer w = {};

        if (!c->slot || !host_slot_is_up(c->slot))
                return;
        c->connected = false;
        c->presence_call = rpc_call_free(c->presence_call);
        clock_timer_disarm(c->retry);
        c->connect_due = stream_is_storing(c);
        if (c->connect_due || c->connect_call)
                return;
        stream_drop(c);

        member_begin_request(c, &w);
        member_write_since(c, &w);
        member_write_presence(c, &w);
        writer_end_object(&w);
        if (host_slot_call(c->slot, "CONNECT", &w, 0, on_connect_reply, c, &c->connect_call) < 0) {
                retry_after(c, 0);
                return;
        }
        if (c->state != MEMBER_DENIED)
                member_set_state(c, MEMBER_CONNECTING, "");
}

/* ---- pushes ---- */

static void sent_away(ChannelMember *c) {
        Failure f;

        failure_set(&f, ERROR_HOST_OFFLINE, "The host has ended the membership.");
        member_settled(c, &f);
}

/* Another host goes on with the log, and this copy may lack the end of it. */
static void ended_at(ChannelMember *c, uint64_t last_seq) {
        c->ended_seq = last_seq;
        if (last_seq <= c->stored.last_seq)
                return;
        c->stored.last_seq = last_seq;
        (void) store_set_last_seq(c->store, c->stored.row, last_seq);
}

/* The message of CLOSED, as text. */
static void read_words(const Value *payload, ErrorCode code, Failure *f) {
        size_t n = 0;
        const char *message = value_string(value_get(payload, "message"), &n);
        _cleanup_free_ char *clean = NULL;

        if (message && text_sanitize(message, n, false, &clean, NULL) < 0)
                clean = NULL;
        (void) failure_set(f, code, "%s",
                           clean && clean[0] ? clean : "The host has ended the membership.");
}

static void closed_by_host(ChannelMember *c, const char *reason, const Value *payload,
                           uint64_t last_seq) {
        Failure f;

        c->connected = false;
        if (streq(reason, "banned") || streq(reason, "restricted") || streq(reason, "revoked")) {
                read_words(payload, error_from_wire(reason), &f);
                deny(c, &f);
        } else if (streq(reason, KICKED)) {
                member_detach(c);
                read_words(payload, ERROR_NONE, &f);
                (void) free_and_strdup(&c->words, f.message);
                c->stored.wanted = false;
                (void) member_set_closed_reason(c, KICKED);
                member_save_soon(c);
                member_set_state(c, MEMBER_CLOSED, reason);
                sent_away(c);
        } else if (streq(reason, "replaced")) {
                member_detach(c);
                member_set_state(c, MEMBER_CLOSED, reason);
                sent_away(c);
        } else {
                /* unhosted, moved, and what later versions know: the directory says when and where
                 * it is again. */
                if (streq(reason, "moved"))
                        ended_at(c, last_seq);
                c->is_unhosted = streq(reason, UNHOSTED);
                hang_up(c);
                member_set_addresses(c, NULL, 0);
                member_set_state(c, MEMBER_OFFLINE, reason);
                c->handlers.on_lost(c, c->userdata);
        }
}

/* What moderators are told of who has a role. */
static void see_keys(ChannelMember *c, const Value *changes) {
        for (size_t i = 0; i < value_length(changes); i++) {
                const Value *v = value_at(changes, i);
                const char *name = value_string(value_get(v, "username"), NULL);
                const char *key = value_string(value_get(v, "key"), NULL);
                const char *since = value_string(value_get(v, "key_since"), NULL);
                StoredRoleKey news = {};

                if (!name || !key || !since || !name_is_valid(name) ||
                    !hex_is_valid(key, KEY_ID_SIZE - 1) || time_parse(since, &news.since) < 0)
                        continue;
                snprintf(news.username, sizeof(news.username), "%s", name);
                snprintf(news.key_id, sizeof(news.key_id), "%s", key);
                c->key_news = news;
        }
}

static void on_presence(ChannelMember *c, const Value *payload) {
        uint64_t generation, n_online;

        if (value_uint(value_get(payload, "generation"), &generation) < 0 ||
            value_uint(value_get(payload, "members_online"), &n_online) < 0 ||
            generation <= c->generation)
                return;
        c->generation = generation;
        c->n_online = n_online;
        see_keys(c, value_get(payload, "changes"));
        member_changed(c);
        c->handlers.on_members(c, generation, c->userdata);
}

/* At once; where the host takes its word back each time, no faster than this. */
static void let_in(ChannelMember *c) {
        uint64_t now = clock_boottime(c->rt->clock), next = c->let_in_at + LET_IN_INTERVAL_USEC;

        if (c->connect_call)
                return;
        if (c->let_in_at > 0 && now < next) {
                clock_timer_arm(c->retry, next - now);
                return;
        }
        c->let_in_at = now;
        member_connect_now(c);
}

static void on_push(HostSlot *slot, const char *command, const Value *payload, void *userdata) {
        ChannelMember *c = userdata;
        const char *id = value_string(value_get(payload, "channel_id"), NULL);
        size_t n;
        const char *reason = value_string(value_get(payload, "reason"), &n);
        uint64_t last_seq = 0;
        bool can_view = false;

        if (id && !streq(id, c->stored.channel_id))
                return;
        if (streq(command, "CLOSED") && reason) {
                (void) value_uint(value_get(payload, "last_seq"), &last_seq);
                closed_by_host(c,
                               n < sizeof(c->reason) && text_is_valid(reason, n, false)
                                       ? reason
                                       : "protocol",
                               payload, last_seq);
        } else if (streq(command, "ACCESS")) {
                (void) value_bool(value_get(payload, "can_view"), &can_view);
                if (can_view && c->state == MEMBER_DENIED)
                        let_in(c);
        } else if (c->connected && streq(command, "MESSAGE"))
                stream_push(c, payload);
        else if (c->connected && streq(command, "PRESENCE"))
                on_presence(c, payload);
}

/* ---- the link ---- */

static void on_up(HostSlot *slot, void *userdata) {
        ChannelMember *c = userdata;

        outbox_connected(c);
        member_connect_now(c);
}

static void on_down(HostSlot *slot, const ConnClosed *why, void *userdata) {
        ChannelMember *c = userdata;
        Failure f;

        c->connected = c->connect_due = false;
        clock_timer_disarm(c->retry);
        /* Heard of while the old ones still held. */
        if (c->stored.n_addresses > 0)
                (void) host_slot_set_addresses(slot, c->stored.addresses, c->stored.n_addresses);
        /* The handshake was done: it is our key that the host refuses. */
        if (why->error == -EKEYREVOKED && why->stage >= CONN_OPEN)
                member_set_state(c, MEMBER_DENIED, "revoked");
        else if (c->state != MEMBER_DENIED)
                member_set_away(c);
        member_changed(c);
        failure_set(&f, ERROR_HOST_OFFLINE, "The host cannot be reached: %s",
                    why->message[0] ? why->message : "it hung up.");
        /* What the directory pushes may be missed (a tracker that restarts); what it is asked is
         * not. */
        c->is_searching = true;
        c->handlers.on_lost(c, c->userdata);
        member_settled(c, &f);
}

static void on_head(HostSlot *slot, uint64_t last_seq, void *userdata) {
        stream_head(userdata, last_seq);
}

static void on_no_head(HostSlot *slot, void *userdata) {
        stream_no_head(userdata);
}

static const HostSlotHandlers slot_handlers = {
        .on_up = on_up,
        .on_down = on_down,
        .on_push = on_push,
        .on_head = on_head,
        .on_no_head = on_no_head,
};

void channel_member_start(ChannelMember *c) {
        Failure f;
        int r;

        if (c->host || c->stored.hosted || c->stored.closed || c->slot)
                return;
        if (!c->stored.wanted && streq_ptr(c->closed_reason, KICKED)) {
                member_set_state(c, MEMBER_CLOSED, KICKED);
                return;
        }
        if (!c->stored.wanted) {
                member_set_state(c, MEMBER_OFFLINE, "disconnected");
                return;
        }
        if (c->stored.n_addresses == 0) {
                member_set_away(c);
                c->handlers.on_lost(c, c->userdata);
                return;
        }
        r = host_slot_new(c->links, c->stored.host[0] ? c->stored.host : c->stored.owner,
                          c->stored.name, c->stored.addresses, c->stored.n_addresses,
                          &slot_handlers, c, &c->slot);
        if (r < 0) {
                log_fields(LOG_WARNING, r, LOG_FIELDS("CHAT_CHANNEL", c->stored.name),
                           "Cannot dial the host of channel %s", c->stored.name);
                member_set_away(c);
                failure_set(&f, ERROR_HOST_OFFLINE, "The host cannot be dialled: %s.",
                            strerror(-r));
                member_settled(c, &f);
                return;
        }
        if (c->state != MEMBER_DENIED) /* which it is until the host says otherwise */
                member_set_state(c, MEMBER_CONNECTING, "");
}

void member_on_retry(void *userdata) {
        ChannelMember *c = userdata;

        if (c->slot)
                member_connect_now(c);
        else
                channel_member_start(c);
}
